# SPDX-License-Identifier: MIT
# The device model, with a peer that plays the guest and, but for one test, a fake render.c.
if DEVICE
if HAVE_CMOCKA
DEVICE_TESTS = \
	tests/device/test-ask \
	tests/device/test-blob \
	tests/device/test-commands \
	tests/device/test-context \
	tests/device/test-control \
	tests/device/test-log \
	tests/device/test-memory \
	tests/device/test-page-set \
	tests/device/test-processes \
	tests/device/test-reason \
	tests/device/test-virtqueue \
	tests/device/test-window
check_PROGRAMS += $(DEVICE_TESTS)
TESTS += $(DEVICE_TESTS)
check_LIBRARIES += tests/device/libpeer.a
endif
endif

DEVICE_TEST_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(srcdir)/backend
DEVICE_TEST_LIBS = tests/device/libpeer.a backend/libbackend.a $(UNIT_LIBS)

# What it defines of backend/render.h is then not taken from the library.
tests_device_libpeer_a_CPPFLAGS = $(DEVICE_TEST_CPPFLAGS)
tests_device_libpeer_a_SOURCES = \
	tests/device/fake-render.c \
	tests/device/fake-render.h \
	tests/device/peer.c \
	tests/device/peer.h

tests_device_test_blob_CPPFLAGS = $(DEVICE_TEST_CPPFLAGS)
tests_device_test_blob_SOURCES = tests/device/test-blob.c
tests_device_test_blob_LDADD = $(DEVICE_TEST_LIBS)
tests_device_test_commands_CPPFLAGS = $(DEVICE_TEST_CPPFLAGS)
tests_device_test_commands_SOURCES = tests/device/test-commands.c
tests_device_test_commands_LDADD = $(DEVICE_TEST_LIBS)
tests_device_test_context_CPPFLAGS = $(DEVICE_TEST_CPPFLAGS)
tests_device_test_context_SOURCES = tests/device/test-context.c
tests_device_test_context_LDADD = $(DEVICE_TEST_LIBS)
tests_device_test_control_CPPFLAGS = $(DEVICE_TEST_CPPFLAGS)
tests_device_test_control_SOURCES = tests/device/test-control.c
tests_device_test_control_LDADD = $(DEVICE_TEST_LIBS)
tests_device_test_memory_CPPFLAGS = $(DEVICE_TEST_CPPFLAGS)
tests_device_test_memory_SOURCES = tests/device/test-memory.c
tests_device_test_memory_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc
tests_device_test_memory_LDADD = $(DEVICE_TEST_LIBS)
tests_device_test_ask_CPPFLAGS = $(DEVICE_TEST_CPPFLAGS)
tests_device_test_ask_SOURCES = tests/device/test-ask.c
tests_device_test_ask_LDADD = backend/libbackend.a $(UNIT_LIBS)
tests_device_test_log_CPPFLAGS = $(DEVICE_TEST_CPPFLAGS)
tests_device_test_log_SOURCES = tests/device/test-log.c
tests_device_test_log_LDADD = backend/libbackend.a $(UNIT_LIBS)
tests_device_test_page_set_CPPFLAGS = $(DEVICE_TEST_CPPFLAGS)
tests_device_test_page_set_SOURCES = tests/device/test-page-set.c
tests_device_test_page_set_LDADD = backend/libbackend.a $(UNIT_LIBS)
tests_device_test_reason_CPPFLAGS = $(DEVICE_TEST_CPPFLAGS)
tests_device_test_reason_SOURCES = tests/device/test-reason.c
tests_device_test_reason_LDADD = backend/libbackend.a $(UNIT_LIBS)
tests_device_test_virtqueue_CPPFLAGS = $(DEVICE_TEST_CPPFLAGS)
tests_device_test_virtqueue_SOURCES = tests/device/test-virtqueue.c
tests_device_test_virtqueue_LDADD = $(DEVICE_TEST_LIBS)
tests_device_test_window_CPPFLAGS = $(DEVICE_TEST_CPPFLAGS)
tests_device_test_window_SOURCES = tests/device/test-window.c
tests_device_test_window_LDADD = $(DEVICE_TEST_LIBS)

# With render.c itself.
tests_device_test_processes_CPPFLAGS = $(DEVICE_TEST_CPPFLAGS) -I$(srcdir)/tests/wire
tests_device_test_processes_SOURCES = tests/device/test-processes.c tests/device/stream.h
tests_device_test_processes_LDADD = tests/device/libpeer.a backend/libbackend.a \
	tests/wire/libnull.a $(CAPNG_LIBS) $(UNIT_LIBS)

# What is Xen's alone.
if XEN
if HAVE_CMOCKA
XEN_DEVICE_TESTS = \
	tests/device/test-device-process \
	tests/device/test-grant \
	tests/device/test-transport-xen \
	tests/device/test-xen-dma-buf \
	tests/device/test-xen-libraries \
	tests/device/test-xen-pages
check_PROGRAMS += $(XEN_DEVICE_TESTS)
TESTS += $(XEN_DEVICE_TESTS)
endif
endif

# The device process without Xen: what fake-parts.c defines is then not taken from the library.
XEN_DEVICE_CPPFLAGS = $(UNIT_CPPFLAGS) $(JSONC_CFLAGS) -I$(srcdir)/backend -I$(srcdir)/tests/manager
xen_device_common = \
	tests/device/fake-parts.c \
	tests/device/fake-parts.h \
	$(manager_check)
tests_device_test_device_process_CPPFLAGS = $(XEN_DEVICE_CPPFLAGS)
tests_device_test_device_process_SOURCES = tests/device/test-device-process.c $(xen_device_common)
tests_device_test_device_process_LDADD = $(BACKEND_LIBS) $(CMOCKA_LIBS)
tests_device_test_transport_xen_CPPFLAGS = $(XEN_DEVICE_CPPFLAGS)
tests_device_test_transport_xen_SOURCES = tests/device/test-transport-xen.c $(xen_device_common)
tests_device_test_transport_xen_LDADD = $(BACKEND_LIBS) $(CMOCKA_LIBS)

tests_device_test_grant_CPPFLAGS = $(UNIT_CPPFLAGS) $(XEN_CFLAGS) -I$(srcdir)
tests_device_test_grant_SOURCES = tests/device/test-grant.c
tests_device_test_grant_LDADD = $(XEN_PARTS) $(XEN_LIBS) $(CMOCKA_LIBS)

tests_device_test_xen_libraries_CPPFLAGS = $(UNIT_CPPFLAGS) $(XEN_CFLAGS) -I$(srcdir)
tests_device_test_xen_libraries_SOURCES = tests/device/test-xen-libraries.c
tests_device_test_xen_libraries_LDADD = $(XEN_PARTS) $(XEN_LIBS) $(CMOCKA_LIBS)
tests_device_test_xen_pages_CPPFLAGS = $(UNIT_CPPFLAGS) $(XEN_CFLAGS) -I$(srcdir)
tests_device_test_xen_pages_SOURCES = tests/device/test-xen-pages.c
tests_device_test_xen_pages_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=open,--wrap=ioctl,--wrap=mmap
tests_device_test_xen_pages_LDADD = $(XEN_PARTS) $(XEN_LIBS) $(CMOCKA_LIBS)
tests_device_test_xen_dma_buf_CPPFLAGS = $(UNIT_CPPFLAGS) $(XEN_CFLAGS) -I$(srcdir)
tests_device_test_xen_dma_buf_SOURCES = tests/device/test-xen-dma-buf.c
tests_device_test_xen_dma_buf_LDADD = $(XEN_PARTS) $(XEN_LIBS) $(CMOCKA_LIBS)
