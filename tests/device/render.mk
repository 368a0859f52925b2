# SPDX-License-Identifier: MIT
# Render processes by themselves.
if DEVICE
if HAVE_CMOCKA
check_PROGRAMS += tests/device/render-lies tests/device/render-test
TESTS += tests/device/render-lies tests/device/render-test
endif
endif

tests_device_render_lies_SOURCES = tests/device/render-lies.c
tests_device_render_lies_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(srcdir)/backend
tests_device_render_lies_LDADD = $(BACKEND_LIBS) $(CMOCKA_LIBS)

tests_device_render_test_SOURCES = tests/device/render-test.c
tests_device_render_test_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(srcdir)/backend -I$(srcdir)/tests/wire
tests_device_render_test_LDADD = $(BACKEND_LIBS) tests/wire/libnull.a $(CMOCKA_LIBS)
