# SPDX-License-Identifier: MIT
# Render processes by themselves.
if DEVICE
if HAVE_CMOCKA
RENDER_TESTS = \
	tests/device/render-lies \
	tests/device/render-test \
	tests/device/test-dma-buf \
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

# The software driver makes dma-bufs with /dev/udmabuf, and finds our stand-in for it in the program.
tests_device_test_dma_buf_SOURCES = tests/device/test-dma-buf.c tests/device/render-fixture.h \
	tests/device/stream.h tests/bench/udmabuf-stand-in.c
nodist_tests_device_test_dma_buf_SOURCES = tests/device/dma-buf-streams.h
tests_device_test_dma_buf_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(srcdir)/backend -I$(builddir)/tests/device
tests_device_test_dma_buf_CFLAGS = $(AM_CFLAGS) -fvisibility=default
tests_device_test_dma_buf_LDFLAGS = $(AM_LDFLAGS) -rdynamic
tests_device_test_dma_buf_LDADD = $(BACKEND_LIBS) $(CMOCKA_LIBS)

EXTRA_DIST += tests/device/dma_buf_streams.py
tests/device/dma-buf-streams.h: tests/device/dma_buf_streams.py tests/wire/vkxml.py \
		tests/wire/wire.py venus/protocol/commands.txt $(VK_REGISTRY)
	$(AM_V_GEN)$(MKDIR_P) tests/device && PYTHONDONTWRITEBYTECODE=1 \
		$(PYTHON) $(srcdir)/tests/device/dma_buf_streams.py --registry $(VK_REGISTRY) \
		--commands $(srcdir)/venus/protocol/commands.txt --out $@
tests/device/test_dma_buf-test-dma-buf.$(OBJEXT): tests/device/dma-buf-streams.h
CLEANFILES += tests/device/dma-buf-streams.h
