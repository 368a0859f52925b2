# SPDX-License-Identifier: MIT
# Shell functions (bash) of the scripts that prepare the Xen test bed.  Where things are:
#
#   $XEN_VENUS_ROOTS/SUITE-arm64      a root of this machine's architecture with a cross compiler and
#                                     the suite's ARM64 kernel and its headers (kernel)
#   $XEN_VENUS_ROOTS/xen/tree         Debian 13's ARM64 packages, unpacked: Xen, its tools, Mesa
#   $XEN_VENUS_ROOTS/xen/dom0.ext4    what of them Dom0 has as its root
#   $XEN_VENUS_BUILD/xen/install      our daemon and tools, as `make install` puts them
#   $XEN_VENUS_BUILD/xen/programs     the Vulkan programs of tests/programs
#   $XEN_VENUS_BUILD/xen/modules      virtio_xenbus.ko for each suite's kernel
#   $XEN_VENUS_BUILD/xen/boot         what QEMU is started with; see images
. "$(dirname "${BASH_SOURCE[0]}")/../lib/roots.sh"
. "$XEN_VENUS_SRC/tests/lib/packages.sh"

xen_roots=$XEN_VENUS_ROOTS/xen
xen_build=$XEN_VENUS_BUILD/xen
xen_tree=$xen_roots/tree
xen_cross=aarch64-linux-gnu-
# Dom0's suite, from which guests take Mesa too; and all whose kernels guests run.
xen_suite=trixie
xen_guest_suites="trixie sid bookworm"

# xen_kernel SUITE: version of the suite's ARM64 kernel, as uname -r says it.
xen_kernel()
{
    cat "$XEN_VENUS_ROOTS/$1-arm64/var/lib/xen-venus-kernel"
}

# up_to_date STAMP TEXT...: whether STAMP was written by stamp with the same text.
up_to_date()
{
    local file=$1
    shift
    [ "$(cat "$file" 2>/dev/null)" = "$(sha256sum <<<"$*")" ]
}

stamp()
{
    local file=$1
    shift
    sha256sum <<<"$*" >"$file"
}
