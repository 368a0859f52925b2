# SPDX-License-Identifier: MIT
# Render processes by themselves.
if DEVICE
if HAVE_CMOCKA
check_PROGRAMS += tests/device/render-test
TESTS += tests/device/render-test
endif
endif

tests_device_render_test_SOURCES = tests/device/render-test.c
tests_device_render_test_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(srcdir)/backend -I$(srcdir)/tests/wire
tests_device_render_test_LDADD = $(BACKEND_LIBS) tests/wire/libnull.a $(CMOCKA_LIBS)
