#!/bin/bash
# SPDX-License-Identifier: MIT
# peer-extensions.sh CLIENT HOST: write extensions/CLIENT-on-HOST.txt anew: what virglrenderer's
# server offers a client on a machine without /dev/udmabuf. vulkaninfo.sh wants at least that of us.
set -u
. "${0%/*}/common.sh"
output=$XEN_VENUS_SRC/tests/vtest/extensions/$pairing.txt
info=$XEN_VENUS_TMP/vulkaninfo

mesa_version()
{
    in_root "$1" dpkg-query -W -f '${Version}' mesa-vulkan-drivers
}

if [ -e /dev/udmabuf ]; then
    echo "this machine has a /dev/udmabuf; the list would depend on it" >&2
    exit 1
fi
start_peer "$host" "$socket" no-udmabuf || exit
through_venus 60 vulkaninfo --text >"$info" || exit
stop_daemon "$socket" || exit
{
    echo "# What virglrenderer $(peer_version "$host") offers Mesa $(mesa_version "$client") on" \
        "lavapipe $(mesa_version "$host")"
    echo "# without /dev/udmabuf: written by peer-extensions.sh from a run of vulkaninfo."
    sed -n 's/^\tapiVersion *= \([0-9]*\.[0-9]*\).*/Vulkan \1/p' "$info"
    sed -n '/^Device Extensions:/,/^[^\t]*$/s/^\t\(VK_[A-Za-z0-9_]*\) .*/\1/p' "$info"
} >"$output"
grep -c ^VK_ "$output"
