#!/bin/bash
# SPDX-License-Identifier: MIT
# vkmark.sh CLIENT HOST: every scene of vkmark, in the variants that it runs by default, runs
# through Venus without a window and shows a frame rate above zero.
#
# vkmark presents its frames even without a window, for which Mesa needs dma-bufs. lavapipe has them
# only where there is a /dev/udmabuf; elsewhere our renderer's pages stand for them. On a machine
# without, all is done twice: as it is, and with a stand-in for that device preloaded into the server.
set -u
. "${0%/*}/common.sh"
log=$XEN_VENUS_LOGS/vkmark-$pairing.txt

# rates FILE: "FPS<TAB>[SCENE] OPTIONS" of each scene that ran.
rates()
{
    sed -n 's/^\(\[[a-z0-9]*\] .*\): FPS: \([0-9]*\) .*/\2\t\1/p' "$1"
}

# scenes LABEL: run them all; the list of those that have to run is what ran natively.
scenes()
{
    local label=$1 scene rate result=0
    through_venus 120 vkmark --winsys headless --benchmark :duration=0.5 >"$log$label" 2>&1 ||
        result=1
    while IFS=$'\t' read -r _ scene; do
        rate=$(rates "$log$label" | grep -F "	$scene" | cut -f 1)
        if [ "${rate:-0}" -gt 0 ]; then
            echo "ok $scene$label ($rate frames/s)"
        else
            echo "not ok $scene$label"
            result=1
        fi
    done < <(rates "$log.native")
    if ! grep -q 'vkmark Score: *[1-9]' "$log$label"; then
        echo "not ok score$label"
        tail -n 20 "$log$label"
        result=1
    fi
    return $result
}

natively "$host" 60 vkmark --winsys headless --size 64x64 --benchmark :duration=0.1 \
    >"$log.native" 2>&1 || exit
status=0
start_server || exit
scenes "" || status=1
stop_daemon "$socket" || status=1
if [ ! -w /dev/udmabuf ] && [ -z "${VTEST_SERVER-}" ]; then
    stand_in=$(udmabuf_stand_in "$host") || exit
    DAEMON_ENV="${DAEMON_ENV-} LD_PRELOAD=$stand_in" start_server || exit
    scenes ", with udmabuf" || status=1
    stop_daemon "$socket" || status=1
fi
exit $status
