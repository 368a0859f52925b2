# SPDX-License-Identifier: MIT
# Small Vulkan programs: clients of libvulkan for the tests and the benchmark.
#
# Part of check_PROGRAMS; standalone.mk builds them without configure.
VKPROG_SHADERS = \
	tests/programs/shaders/arguments.comp \
	tests/programs/shaders/array.comp \
	tests/programs/shaders/atomics.comp \
	tests/programs/shaders/big.comp \
	tests/programs/shaders/bindings.comp \
	tests/programs/shaders/capture.vert \
	tests/programs/shaders/corner.vert \
	tests/programs/shaders/count.frag \
	tests/programs/shaders/expand.geom \
	tests/programs/shaders/float.comp \
	tests/programs/shaders/groups.comp \
	tests/programs/shaders/indexed.comp \
	tests/programs/shaders/inline.comp \
	tests/programs/shaders/input.frag \
	tests/programs/shaders/int.comp \
	tests/programs/shaders/list.comp \
	tests/programs/shaders/patch.tesc \
	tests/programs/shaders/patch.tese \
	tests/programs/shaders/points.vert \
	tests/programs/shaders/sample.comp \
	tests/programs/shaders/scale.comp \
	tests/programs/shaders/shadow.comp \
	tests/programs/shaders/shared.comp \
	tests/programs/shaders/spec.comp \
	tests/programs/shaders/step.comp \
	tests/programs/shaders/subgroup.comp \
	tests/programs/shaders/triangle.frag \
	tests/programs/shaders/triangle.vert \
	tests/programs/shaders/types.comp \
	tests/programs/shaders/views.vert

EXTRA_DIST += \
	$(VKPROG_SHADERS) \
	tests/programs/props-differences.txt \
	tests/programs/run-all.sh \
	tests/programs/standalone.mk

if HAVE_GLSLANG
VKPROG_GENERATED = $(VKPROG_SHADERS:=.h)
CLEANFILES += $(VKPROG_GENERATED)

# GNU make's pattern; Automake only knows suffixes.
tests/programs/shaders/%.h: tests/programs/shaders/%
	@$(MKDIR_P) $(@D)
	$(AM_V_GEN)$(GLSLANG) -V --quiet --target-env vulkan1.1 --vn $(subst .,_,$(*F)) -o $@ $<

VKPROG_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_builddir)/tests/programs $(VULKAN_CFLAGS)
VKPROG_LIBS = tests/programs/libprograms.a $(VULKAN_LIBS) -lpthread

check_LIBRARIES += tests/programs/libprograms.a
tests_programs_libprograms_a_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_libprograms_a_SOURCES = \
	tests/programs/common.c \
	tests/programs/common.h \
	tests/programs/draw.c \
	tests/programs/draw.h \
	tests/programs/resources.c

VKPROG_ALL = \
	tests/programs/allocbench \
	tests/programs/bandwidth \
	tests/programs/bda \
	tests/programs/churn \
	tests/programs/commandbuffers \
	tests/programs/compute \
	tests/programs/descriptors \
	tests/programs/errors \
	tests/programs/events \
	tests/programs/fences \
	tests/programs/latency \
	tests/programs/mapping \
	tests/programs/modern \
	tests/programs/multisample \
	tests/programs/pipelinecache \
	tests/programs/props \
	tests/programs/pushdescriptors \
	tests/programs/queries \
	tests/programs/recording \
	tests/programs/robust \
	tests/programs/sparse \
	tests/programs/stages \
	tests/programs/subpasses \
	tests/programs/sync2 \
	tests/programs/textures \
	tests/programs/threads \
	tests/programs/timeline \
	tests/programs/transfers \
	tests/programs/triangle \
	tests/programs/types
check_PROGRAMS += $(VKPROG_ALL)

tests_programs_allocbench_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_allocbench_LDADD = $(VKPROG_LIBS)
tests_programs_bandwidth_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_bandwidth_LDADD = $(VKPROG_LIBS)
tests_programs_bda_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_bda_LDADD = $(VKPROG_LIBS)
tests_programs_churn_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_churn_LDADD = $(VKPROG_LIBS)
tests_programs_commandbuffers_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_commandbuffers_LDADD = $(VKPROG_LIBS)
tests_programs_compute_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_compute_LDADD = $(VKPROG_LIBS)
tests_programs_descriptors_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_descriptors_LDADD = $(VKPROG_LIBS)
tests_programs_errors_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_errors_LDADD = $(VKPROG_LIBS)
tests_programs_events_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_events_LDADD = $(VKPROG_LIBS)
tests_programs_fences_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_fences_LDADD = $(VKPROG_LIBS)
tests_programs_latency_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_latency_LDADD = $(VKPROG_LIBS)
tests_programs_mapping_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_mapping_LDADD = $(VKPROG_LIBS)
tests_programs_modern_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_modern_LDADD = $(VKPROG_LIBS)
tests_programs_multisample_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_multisample_LDADD = $(VKPROG_LIBS)
tests_programs_pipelinecache_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_pipelinecache_LDADD = $(VKPROG_LIBS)
tests_programs_props_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_props_LDADD = $(VKPROG_LIBS)
tests_programs_pushdescriptors_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_pushdescriptors_LDADD = $(VKPROG_LIBS)
tests_programs_queries_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_queries_LDADD = $(VKPROG_LIBS)
tests_programs_recording_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_recording_LDADD = $(VKPROG_LIBS)
tests_programs_robust_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_robust_LDADD = $(VKPROG_LIBS)
tests_programs_sparse_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_sparse_LDADD = $(VKPROG_LIBS)
tests_programs_stages_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_stages_LDADD = $(VKPROG_LIBS)
tests_programs_subpasses_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_subpasses_LDADD = $(VKPROG_LIBS)
tests_programs_sync2_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_sync2_LDADD = $(VKPROG_LIBS)
tests_programs_textures_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_textures_LDADD = $(VKPROG_LIBS)
tests_programs_threads_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_threads_LDADD = $(VKPROG_LIBS)
tests_programs_timeline_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_timeline_LDADD = $(VKPROG_LIBS)
tests_programs_transfers_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_transfers_LDADD = $(VKPROG_LIBS)
tests_programs_triangle_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_triangle_LDADD = $(VKPROG_LIBS)
tests_programs_types_CPPFLAGS = $(VKPROG_CPPFLAGS)
tests_programs_types_LDADD = $(VKPROG_LIBS)

# The objects need all shaders, so that the first build, which knows no dependencies yet, works.
tests/programs/allocbench-allocbench.$(OBJEXT) \
	tests/programs/bandwidth-bandwidth.$(OBJEXT) \
	tests/programs/bda-bda.$(OBJEXT) \
	tests/programs/churn-churn.$(OBJEXT) \
	tests/programs/commandbuffers-commandbuffers.$(OBJEXT) \
	tests/programs/compute-compute.$(OBJEXT) \
	tests/programs/descriptors-descriptors.$(OBJEXT) \
	tests/programs/errors-errors.$(OBJEXT) \
	tests/programs/events-events.$(OBJEXT) \
	tests/programs/fences-fences.$(OBJEXT) \
	tests/programs/latency-latency.$(OBJEXT) \
	tests/programs/mapping-mapping.$(OBJEXT) \
	tests/programs/modern-modern.$(OBJEXT) \
	tests/programs/multisample-multisample.$(OBJEXT) \
	tests/programs/pipelinecache-pipelinecache.$(OBJEXT) \
	tests/programs/props-props.$(OBJEXT) \
	tests/programs/pushdescriptors-pushdescriptors.$(OBJEXT) \
	tests/programs/queries-queries.$(OBJEXT) \
	tests/programs/recording-recording.$(OBJEXT) \
	tests/programs/robust-robust.$(OBJEXT) \
	tests/programs/sparse-sparse.$(OBJEXT) \
	tests/programs/stages-stages.$(OBJEXT) \
	tests/programs/subpasses-subpasses.$(OBJEXT) \
	tests/programs/sync2-sync2.$(OBJEXT) \
	tests/programs/textures-textures.$(OBJEXT) \
	tests/programs/threads-threads.$(OBJEXT) \
	tests/programs/timeline-timeline.$(OBJEXT) \
	tests/programs/transfers-transfers.$(OBJEXT) \
	tests/programs/triangle-triangle.$(OBJEXT) \
	tests/programs/types-types.$(OBJEXT): \
	$(VKPROG_GENERATED)
endif
