# SPDX-License-Identifier: MIT
EXTRA_DIST += \
	tests/xen/README.md \
	tests/xen/boot.py \
	tests/xen/build \
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
	tests/xen/prepare \
	tests/xen/testbed.py \
	tests/xen/tree
