#!/bin/bash
# SPDX-License-Identifier: MIT
# vkmark.sh CLIENT HOST: every scene of vkmark, in the variants that it runs by default, runs
# through Venus without a window and shows a frame rate above zero.
set -u
. "${0%/*}/common.sh"
log=$XEN_VENUS_LOGS/vkmark-$pairing.txt
required=$XEN_VENUS_SRC/tests/vtest/extensions/$pairing.txt

# Prints "SCENE OPTIONS" of each scene that ran, as "FPS<TAB>SCENE OPTIONS".
rates()
{
    sed -n 's/^\(\[[a-z0-9]*\] .*\): FPS: \([0-9]*\) .*/\2\t\1/p' "$1"
}

start_server || exit
# vkmark presents its frames even without a window. Mesa 25 offers presentation only on some hosts
# (see vulkaninfo-differences.txt); where nobody offers it, there is nothing to test.
if ! through_venus 60 vulkaninfo --text 2>/dev/null | grep -q '^	VK_KHR_swapchain ' &&
    ! grep -qx VK_KHR_swapchain "$required"; then
    stop_daemon "$socket" || exit
    echo "skip vkmark: Mesa of $client offers no VK_KHR_swapchain on $host"
    exit
fi
natively "$host" 60 vkmark --winsys headless --size 64x64 --benchmark :duration=0.1 \
    >"$log.native" 2>&1 || exit
status=0
through_venus 120 vkmark --winsys headless --benchmark :duration=1 >"$log" 2>&1 || status=$?
# The scenes that ran natively are the list of those that have to run.
while IFS=$'\t' read -r _ scene; do
    rate=$(rates "$log" | grep -F "	$scene" | cut -f 1)
    if [ "${rate:-0}" -gt 0 ]; then
        echo "ok $scene ($rate frames/s)"
    else
        echo "not ok $scene"
        status=1
    fi
done < <(rates "$log.native")
if ! grep -q 'vkmark Score: *[1-9]' "$log"; then
    echo "not ok score"
    tail -n 20 "$log"
    status=1
fi
stop_daemon "$socket" || status=1
exit $status
