# SPDX-License-Identifier: MIT
# Unit tests of the renderer.  unit.c stands in for the parts that a test does not want; what it
# defines is then not taken from the library.
unit_tests = \
	tests/unit/alloc-failure \
	tests/unit/arena \
	tests/unit/capset \
	tests/unit/chain \
	tests/unit/decoder \
	tests/unit/log \
	tests/unit/memfd \
	tests/unit/object \
	tests/unit/pool \
	tests/unit/reply \
	tests/unit/resource \
	tests/unit/shm

if HAVE_CMOCKA
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
check_LIBRARIES += tests/unit/libunit.a
endif

tests_unit_libunit_a_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_libunit_a_SOURCES = tests/unit/unit.c tests/unit/unit.h

with_libunit = tests/unit/libunit.a $(UNIT_LIBS)

FAILING_WRAP = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc
failing = tests/unit/failing.c tests/unit/failing.h

tests_unit_alloc_failure_SOURCES = tests/unit/alloc-failure.c $(failing)
tests_unit_alloc_failure_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_alloc_failure_LDFLAGS = $(AM_LDFLAGS) $(FAILING_WRAP)
tests_unit_alloc_failure_LDADD = $(with_libunit)

tests_unit_arena_SOURCES = tests/unit/arena.c
tests_unit_arena_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_arena_LDADD = $(with_libunit)

tests_unit_capset_SOURCES = tests/unit/capset.c
tests_unit_capset_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_capset_LDADD = $(UNIT_LIBS)

tests_unit_chain_SOURCES = tests/unit/chain.c
tests_unit_chain_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_chain_LDADD = $(with_libunit)

tests_unit_decoder_SOURCES = tests/unit/decoder.c
tests_unit_decoder_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_decoder_LDADD = $(with_libunit)

tests_unit_log_SOURCES = tests/unit/log.c
tests_unit_log_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_log_LDADD = $(UNIT_LIBS)

tests_unit_memfd_SOURCES = tests/unit/memfd.c
tests_unit_memfd_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_memfd_LDADD = $(UNIT_LIBS)

tests_unit_object_SOURCES = tests/unit/object.c
tests_unit_object_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_object_LDADD = $(UNIT_LIBS)

tests_unit_pool_SOURCES = tests/unit/pool.c
tests_unit_pool_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_pool_LDADD = $(with_libunit)

tests_unit_reply_SOURCES = tests/unit/reply.c
tests_unit_reply_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_reply_LDADD = $(with_libunit)

tests_unit_resource_SOURCES = tests/unit/resource.c
tests_unit_resource_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_resource_LDADD = $(with_libunit)

tests_unit_shm_SOURCES = tests/unit/shm.c
tests_unit_shm_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_shm_LDADD = $(with_libunit)

dist_check_SCRIPTS += tests/unit/shm-opaque.sh
TESTS += tests/unit/shm-opaque.sh

include tests/unit/ring.mk
include tests/unit/device.mk
