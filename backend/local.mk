# SPDX-License-Identifier: MIT
# The daemon. All but main.c is a library too, so that tests can link it with a renderer of their own.
sbin_PROGRAMS += backend/xen-venusd
noinst_LIBRARIES += backend/libbackend.a

backend_libbackend_a_CPPFLAGS = $(VENUS_CPPFLAGS) -I$(srcdir)/backend $(CAPNG_CFLAGS) \
	$(XEN_CFLAGS) $(JSONC_CFLAGS)
backend_libbackend_a_SOURCES = \
	backend/confine_syscalls.c \
	backend/clock.h \
	backend/exit_codes.h \
	backend/fd_message.c \
	backend/fd_message.h \
	backend/file_limit.c \
	backend/file_limit.h \
	backend/gpus.c \
	backend/gpus.h \
	backend/log.c \
	backend/log.h \
	backend/options.c \
	backend/options.h \
	backend/reason.c \
	backend/reason.h \
	backend/vtest_client.c \
	backend/vtest_client.h \
	backend/vtest_ids.c \
	backend/vtest_ids.h \
	backend/vtest_limits.h \
	backend/vtest_listen.c \
	backend/vtest_listen.h \
	backend/vtest_message.c \
	backend/vtest_message.h \
	backend/vtest_peer.c \
	backend/vtest_peer.h \
	backend/vtest_protocol.h \
	backend/vtest_server.c \
	backend/vtest_server.h \
	backend/vtest_socket.c \
	backend/vtest_socket.h \
	backend/vtest_sync.c \
	backend/vtest_sync.h \
	backend/vulkan_loader.c \
	backend/vulkan_loader.h

backend_xen_venusd_CPPFLAGS = $(VENUS_CPPFLAGS) -I$(srcdir)/backend
backend_xen_venusd_SOURCES = backend/main.c
backend_xen_venusd_LDADD = $(BACKEND_LIBS)

# The processes of a virtual GPU.
device_sources = \
	backend/confine.c \
	backend/confine.h \
	backend/gpu_blob.c \
	backend/gpu_commands.c \
	backend/gpu_context.c \
	backend/gpu_control.c \
	backend/gpu_device.c \
	backend/gpu_device.h \
	backend/gpu_internal.h \
	backend/gpu_limits.h \
	backend/gpu_request.c \
	backend/gpu_resource.c \
	backend/gpu_stuck.c \
	backend/gpu_time.c \
	backend/gpu_window.c \
	backend/guest_memory.c \
	backend/guest_memory.h \
	backend/page_set.c \
	backend/page_set.h \
	backend/render.c \
	backend/render.h \
	backend/render_ask.c \
	backend/render_ask.h \
	backend/render_blobs.c \
	backend/render_blobs.h \
	backend/render_dma_buf.c \
	backend/render_dma_buf.h \
	backend/render_limits.h \
	backend/render_process.c \
	backend/render_protocol.h \
	backend/render_state.c \
	backend/render_state.h \
	backend/transport.h \
	backend/transport_local.c \
	backend/transport_local.h \
	backend/virtqueue.c \
	backend/virtqueue.h
xen_device_sources = \
	backend/device_process.c \
	backend/device_process.h \
	backend/device_stats.c \
	backend/device_stats.h \
	backend/transport_xen.c \
	backend/transport_xen.h
# What serves Xen's guests: configuration, xenstore, life cycle.
manager_sources = \
	backend/config_files.c \
	backend/config_files.h \
	backend/control_commands.c \
	backend/control_commands.h \
	backend/control_server.c \
	backend/control_server.h \
	backend/gpu_config.c \
	backend/gpu_config.h \
	backend/loop.c \
	backend/loop.h \
	backend/xen_device.c \
	backend/xen_device.h \
	backend/xen_guests.c \
	backend/xen_guests.h \
	backend/xen_limits.c \
	backend/xen_limits.h \
	backend/xen_manager.c \
	backend/xen_manager.h \
	backend/xen_nodes.c \
	backend/xen_nodes.h \
	backend/xen_process.c \
	backend/xen_process.h \
	backend/xen_service.c \
	backend/xen_service.h
if DEVICE
backend_libbackend_a_SOURCES += $(device_sources)
endif
if XEN
backend_libbackend_a_SOURCES += $(xen_device_sources) $(manager_sources)
endif

# The administrator's tool.
if XEN
sbin_PROGRAMS += backend/xen-venus
man1_MANS = docs/xen-venus.1
man5_MANS = docs/xen-venus.cfg.5
systemdsystemunitdir = $(prefix)/lib/systemd/system
nodist_systemdsystemunit_DATA = backend/xen-venusd.service
endif
EXTRA_DIST += backend/xen-venusd.service.in docs/xen-venus.1 docs/xen-venus.cfg.5
CLEANFILES += backend/xen-venusd.service
backend/xen-venusd.service: backend/xen-venusd.service.in Makefile
	$(AM_V_GEN)sed 's|@sbindir[@]|$(sbindir)|' $(srcdir)/backend/xen-venusd.service.in >$@.new && \
	    mv $@.new $@

backend_xen_venus_CPPFLAGS = $(AM_CPPFLAGS) $(JSONC_CFLAGS) -I$(srcdir)/backend
backend_xen_venus_SOURCES = \
	backend/tool_client.c \
	backend/tool_client.h \
	backend/tool_print.c \
	backend/tool_print.h \
	backend/xen-venus.c
backend_xen_venus_LDADD = $(JSONC_LIBS)

dist_man8_MANS += docs/xen-venusd.8
