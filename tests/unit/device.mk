# SPDX-License-Identifier: MIT
# Tests of memory and of what belongs to it.
device_tests = \
	tests/unit/device \
	tests/unit/drain \
	tests/unit/gpu \
	tests/unit/handle-map \
	tests/unit/host-copy \
	tests/unit/instance \
	tests/unit/memory \
	tests/unit/memory-type \
	tests/unit/modifier \
	tests/unit/pages

if HAVE_CMOCKA
check_PROGRAMS += $(device_tests)
TESTS += $(device_tests)
endif

tests_unit_device_SOURCES = tests/unit/device.c
tests_unit_device_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_device_LDADD = $(UNIT_LIBS)

tests_unit_drain_SOURCES = tests/unit/drain.c
tests_unit_drain_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_drain_LDADD = $(UNIT_LIBS)

tests_unit_gpu_SOURCES = tests/unit/gpu.c $(failing)
tests_unit_gpu_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_gpu_LDFLAGS = $(AM_LDFLAGS) $(FAILING_WRAP)
tests_unit_gpu_LDADD = $(UNIT_LIBS)

tests_unit_handle_map_SOURCES = tests/unit/handle-map.c
tests_unit_handle_map_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_handle_map_LDADD = $(UNIT_LIBS)

tests_unit_host_copy_SOURCES = tests/unit/host-copy.c
tests_unit_host_copy_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_host_copy_LDADD = $(UNIT_LIBS)

tests_unit_instance_SOURCES = tests/unit/instance.c
tests_unit_instance_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_instance_LDADD = $(UNIT_LIBS)

tests_unit_memory_SOURCES = tests/unit/memory.c
tests_unit_memory_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_memory_LDADD = $(UNIT_LIBS)

tests_unit_memory_type_SOURCES = tests/unit/memory-type.c
tests_unit_memory_type_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_memory_type_LDADD = $(UNIT_LIBS)

tests_unit_modifier_SOURCES = tests/unit/modifier.c
tests_unit_modifier_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_modifier_LDADD = $(UNIT_LIBS)

tests_unit_pages_SOURCES = tests/unit/pages.c
tests_unit_pages_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_pages_LDADD = $(UNIT_LIBS)
