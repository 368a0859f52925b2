#!/bin/bash
# SPDX-License-Identifier: MIT
# vulkaninfo.sh CLIENT HOST: what a client sees through Venus equals what a native client sees on
# the host's lavapipe, but for the differences that vulkaninfo-differences.txt explains; and it is
# offered at least what virglrenderer's server offers (extensions/).
set -u
. "${0%/*}/common.sh"
here=$XEN_VENUS_SRC/tests/vtest
arguments="--text --show-formats --show-promoted-structs"

# The newer registry knows the structures of both.
newest=trixie
[ "$client" = trixie ] && [ "$host" = trixie ] || newest=sid
registry=$(root_path $newest)/usr/share/vulkan/registry/vk.xml
native=$XEN_VENUS_LOGS/vulkaninfo-native-$host.txt
venus=$XEN_VENUS_LOGS/vulkaninfo-$pairing.txt

start_server || exit
natively "$host" 60 vulkaninfo $arguments >"$native" || exit
through_venus 60 vulkaninfo $arguments >"$venus" || exit
status=0
python3 "$here/vulkaninfo-compare.py" --native "$native" --client "$venus" --registry "$registry" \
    --differences "$here/vulkaninfo-differences.txt" --require "$here/extensions/$pairing.txt" \
    "$@" || status=$?
stop_daemon "$socket" || status=1
exit $status
