# SPDX-License-Identifier: MIT
# Thin typed modules over Xen's libraries.  No header here may have the name of one in the system's
# <xen/...>: with the source folder among the include folders it would be found in its place.
if XEN
noinst_LIBRARIES += xen/libxenpv.a
xen_libxenpv_a_CPPFLAGS = $(VENUS_CPPFLAGS) $(XEN_CFLAGS)
xen_libxenpv_a_SOURCES = \
	xen/dma_buf.c \
	xen/dma_buf.h \
	xen/domain.c \
	xen/domain.h \
	xen/events.c \
	xen/events.h \
	xen/grant.c \
	xen/grant.h \
	xen/shared_pages.c \
	xen/shared_pages.h \
	xen/store.c \
	xen/store.h \
	xen/store_values.c \
	xen/store_values.h \
	xen/vgpuif.h \
	xen/window.c \
	xen/window.h
XEN_PARTS = xen/libxenpv.a
endif
