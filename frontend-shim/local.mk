# SPDX-License-Identifier: GPL-2.0 OR MIT
# The guest's kernel module is built for a kernel, not by configure and make: README.md here.
EXTRA_DIST += \
	frontend-shim/Kbuild \
	frontend-shim/Makefile \
	frontend-shim/README.md \
	frontend-shim/blob.c \
	frontend-shim/call.c \
	frontend-shim/compat.h \
	frontend-shim/config.c \
	frontend-shim/counters.c \
	frontend-shim/device.c \
	frontend-shim/dkms.conf \
	frontend-shim/dma.c \
	frontend-shim/drain.c \
	frontend-shim/grants.c \
	frontend-shim/pool.c \
	frontend-shim/queue.c \
	frontend-shim/store.c \
	frontend-shim/vgpu.h \
	frontend-shim/window.c \
	frontend-shim/xenbus.c
