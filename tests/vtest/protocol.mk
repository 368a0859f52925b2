# SPDX-License-Identifier: MIT
# The vtest server alone: its parts, and the whole of it with a fake renderer.
check_PROGRAMS += tests/vtest/fake-venusd
tests_vtest_fake_venusd_CPPFLAGS = $(VENUS_CPPFLAGS) -I$(srcdir)/backend
tests_vtest_fake_venusd_SOURCES = \
	backend/main.c \
	tests/vtest/fake-renderer.c \
	tests/vtest/fake-renderer.h \
	tests/vtest/fake-xen.c
tests_vtest_fake_venusd_LDADD = backend/libbackend.a -ldl -lpthread

if HAVE_CMOCKA
VTEST_TESTS = \
	tests/vtest/test-daemon \
	tests/vtest/test-fd-message \
	tests/vtest/test-ids \
	tests/vtest/test-message \
	tests/vtest/test-protocol \
	tests/vtest/test-sync
check_PROGRAMS += $(VTEST_TESTS)
TESTS += $(VTEST_TESTS)

VTEST_TEST_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(srcdir)/backend
VTEST_TEST_LIBS = backend/libbackend.a $(CMOCKA_LIBS) -lpthread
VTEST_TEST_COMMON = \
	tests/vtest/daemon.c \
	tests/vtest/daemon.h \
	tests/vtest/wire.c \
	tests/vtest/wire.h

tests_vtest_test_daemon_CPPFLAGS = $(VTEST_TEST_CPPFLAGS)
tests_vtest_test_daemon_SOURCES = tests/vtest/test-daemon.c $(VTEST_TEST_COMMON)
tests_vtest_test_daemon_LDADD = $(VTEST_TEST_LIBS)
tests_vtest_test_fd_message_CPPFLAGS = $(VTEST_TEST_CPPFLAGS)
tests_vtest_test_fd_message_SOURCES = tests/vtest/test-fd-message.c
tests_vtest_test_fd_message_LDADD = $(VTEST_TEST_LIBS)

tests_vtest_test_ids_CPPFLAGS = $(VTEST_TEST_CPPFLAGS)
tests_vtest_test_ids_SOURCES = tests/vtest/test-ids.c
tests_vtest_test_ids_LDADD = $(VTEST_TEST_LIBS)
tests_vtest_test_message_CPPFLAGS = $(VTEST_TEST_CPPFLAGS)
tests_vtest_test_message_SOURCES = tests/vtest/test-message.c
tests_vtest_test_message_LDADD = $(VTEST_TEST_LIBS)
tests_vtest_test_protocol_CPPFLAGS = $(VTEST_TEST_CPPFLAGS)
tests_vtest_test_protocol_SOURCES = tests/vtest/test-protocol.c $(VTEST_TEST_COMMON)
tests_vtest_test_protocol_LDADD = $(VTEST_TEST_LIBS)
tests_vtest_test_sync_CPPFLAGS = $(VTEST_TEST_CPPFLAGS)
tests_vtest_test_sync_SOURCES = tests/vtest/test-sync.c
tests_vtest_test_sync_LDADD = $(VTEST_TEST_LIBS)
endif

# Clients for idle.sh, kill-clients.sh and kill-server.sh.
dist_check_SCRIPTS += \
	tests/vtest/idle.sh \
	tests/vtest/kill-clients.sh \
	tests/vtest/kill-server.sh
check_PROGRAMS += tests/vtest/connect
tests_vtest_connect_CPPFLAGS = $(VENUS_CPPFLAGS) -I$(srcdir)/backend
tests_vtest_connect_SOURCES = \
	tests/vtest/connect.c \
	tests/vtest/wire.c \
	tests/vtest/wire.h
if HAVE_GLSLANG
check_PROGRAMS += tests/vtest/standby
tests_vtest_standby_CPPFLAGS = $(VKPROG_CPPFLAGS) -I$(srcdir)/tests/programs
tests_vtest_standby_SOURCES = tests/vtest/standby.c
tests_vtest_standby_LDADD = $(VKPROG_LIBS)
endif
