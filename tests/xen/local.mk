# SPDX-License-Identifier: MIT
EXTRA_DIST += \
	tests/xen/README.md \
	tests/xen/build \
	tests/xen/demo.py \
	tests/xen/faults.py \
	tests/xen/gpu.py \
	tests/xen/harness.py \
	tests/xen/images \
	tests/xen/inside/agent \
	tests/xen/inside/dom0-init \
	tests/xen/inside/guest-init \
	tests/xen/inside/initrd-init \
	tests/xen/inside/relay \
	tests/xen/kernel \
	tests/xen/lib.sh \
	tests/xen/manager.py \
	tests/xen/module-build \
	tests/xen/prepare \
	tests/xen/service.py \
	tests/xen/shim.py \
	tests/xen/shim/device.c \
	tests/xen/shim/device.h \
	tests/xen/shim/drm-client.c \
	tests/xen/shim/fake-backend.c \
	tests/xen/shim/standalone.mk \
	tests/xen/testbed.py \
	tests/xen/tree \
	tests/xen/venus.py
