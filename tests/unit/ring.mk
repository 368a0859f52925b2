# SPDX-License-Identifier: MIT
# Tests of rings and of the protocol's own commands, with a client in the same process; and of
# queues and synchronisation.
ring_tests = \
	tests/unit/imports \
	tests/unit/queue \
	tests/unit/ring \
	tests/unit/transport

if HAVE_CMOCKA
check_PROGRAMS += $(ring_tests)
TESTS += $(ring_tests)
endif

ring_client = tests/unit/ring-client.c tests/unit/ring-client.h

tests_unit_ring_SOURCES = tests/unit/ring.c $(ring_client)
tests_unit_ring_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_ring_LDADD = $(UNIT_LIBS)

tests_unit_transport_SOURCES = tests/unit/transport.c $(ring_client)
tests_unit_transport_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_transport_LDADD = $(UNIT_LIBS)

tests_unit_imports_SOURCES = tests/unit/imports.c
tests_unit_imports_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_imports_LDADD = $(UNIT_LIBS)

tests_unit_queue_SOURCES = tests/unit/queue.c
tests_unit_queue_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_queue_LDADD = $(UNIT_LIBS)
