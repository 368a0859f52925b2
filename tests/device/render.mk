# SPDX-License-Identifier: MIT
# Render processes by themselves.
if DEVICE
if HAVE_CMOCKA
RENDER_TESTS = \
	tests/device/render-lies \
	tests/device/render-test \
	tests/device/test-syscalls
check_PROGRAMS += $(RENDER_TESTS)
TESTS += $(RENDER_TESTS)
endif
endif

tests_device_render_lies_SOURCES = tests/device/render-lies.c tests/device/render-fixture.h
tests_device_render_lies_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(srcdir)/backend
tests_device_render_lies_LDADD = $(BACKEND_LIBS) $(CMOCKA_LIBS)

tests_device_render_test_SOURCES = tests/device/render-test.c tests/device/render-fixture.h tests/device/stream.h
tests_device_render_test_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(srcdir)/backend -I$(srcdir)/tests/wire
tests_device_render_test_LDADD = $(BACKEND_LIBS) tests/wire/libnull.a $(CMOCKA_LIBS)

tests_device_test_syscalls_SOURCES = tests/device/test-syscalls.c
tests_device_test_syscalls_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(srcdir)/backend
tests_device_test_syscalls_LDADD = $(BACKEND_LIBS) $(CMOCKA_LIBS)
