# SPDX-License-Identifier: MIT
# The renderer: a library of hand-written code and of code generated from the Vulkan registry.
noinst_LIBRARIES += venus/libvenus.a
venus_libvenus_a_CPPFLAGS = $(VENUS_CPPFLAGS)
venus_libvenus_a_SOURCES = \
	venus/arena.c \
	venus/arena.h \
	venus/buffer.c \
	venus/capset.c \
	venus/chain.c \
	venus/context.c \
	venus/decoder.c \
	venus/decoder.h \
	venus/device.c \
	venus/extension.c \
	venus/format.c \
	venus/format.h \
	venus/gpu.c \
	venus/handle_map.c \
	venus/handle_map.h \
	venus/host_copy.c \
	venus/host_copy.h \
	venus/image.c \
	venus/image.h \
	venus/imports.c \
	venus/imports.h \
	venus/instance.c \
	venus/instance.h \
	venus/internal.h \
	venus/limits.h \
	venus/log.c \
	venus/lost.c \
	venus/memfd.c \
	venus/memory.c \
	venus/memory.h \
	venus/pages.c \
	venus/pages.h \
	venus/memory_type.c \
	venus/memory_type.h \
	venus/modifier.c \
	venus/modifier.h \
	venus/monitor.c \
	venus/object.c \
	venus/object.h \
	venus/physical_device.c \
	venus/pipeline.c \
	venus/pnext.h \
	venus/pool.c \
	venus/queue.c \
	venus/renderer.c \
	venus/reply.c \
	venus/resource.c \
	venus/ring.c \
	venus/ring.h \
	venus/shm.h \
	venus/sync.c \
	venus/thread.h \
	venus/transport.c \
	venus/venus.h
nodist_venus_libvenus_a_SOURCES = $(VENUS_GEN_H) $(VENUS_GEN_C)

# ---- generated code ----

VENUS_GEN_H = \
	venus/gen/venus_driver.h \
	venus/gen/venus_protocol.h \
	venus/gen/venus_structs.h
VENUS_GEN_C = \
	venus/gen/venus_driver.c \
	venus/gen/venus_structs_0.c \
	venus/gen/venus_structs_1.c \
	venus/gen/venus_structs_2.c \
	venus/gen/venus_structs_3.c \
	venus/gen/venus_commands_instance.c \
	venus/gen/venus_commands_device.c \
	venus/gen/venus_commands_memory.c \
	venus/gen/venus_commands_resource.c \
	venus/gen/venus_commands_pipeline.c \
	venus/gen/venus_commands_descriptor.c \
	venus/gen/venus_commands_sync.c \
	venus/gen/venus_commands_query.c \
	venus/gen/venus_commands_renderpass.c \
	venus/gen/venus_commands_cmd_state.c \
	venus/gen/venus_commands_cmd_draw.c \
	venus/gen/venus_commands_cmd_copy.c \
	venus/gen/venus_commands_raytracing.c \
	venus/gen/venus_commands_transport.c \
	venus/gen/venus_table.c \
	venus/gen/venus_extensions.c

VENUS_GENERATOR = \
	venus/protocol/generate.py \
	venus/protocol/commands.py \
	venus/protocol/driver.py \
	venus/protocol/members.py \
	venus/protocol/model.py \
	venus/protocol/registry.py \
	venus/protocol/structs.py \
	venus/protocol/commands.txt \
	venus/protocol/mesa.txt \
	venus/protocol/rules.txt
EXTRA_DIST += $(VENUS_GENERATOR) venus/protocol/README.md

VENUS_GENERATE = PYTHONDONTWRITEBYTECODE=1 $(PYTHON) $(srcdir)/venus/protocol/generate.py \
	--registry $(VK_REGISTRY) --tables $(srcdir)/venus/protocol

# One run makes all files; the stamp is what stands for them.
venus/gen/stamp: $(VENUS_GENERATOR) $(VK_REGISTRY)
	$(AM_V_GEN)$(MKDIR_P) venus/gen && rm -f $@ && $(VENUS_GENERATE) --out venus/gen && touch $@

$(VENUS_GEN_H) $(VENUS_GEN_C): venus/gen/stamp
	@test -f $@ || { rm -f venus/gen/stamp && $(MAKE) $(AM_MAKEFLAGS) venus/gen/stamp; }

# Headers first, also when only one program is made.
$(venus_libvenus_a_OBJECTS): | $(VENUS_GEN_H)

BUILT_SOURCES += venus/gen/stamp $(VENUS_GEN_H)
CLEANFILES += venus/gen/stamp $(VENUS_GEN_H) $(VENUS_GEN_C)
