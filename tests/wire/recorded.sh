#!/bin/bash
# SPDX-License-Identifier: MIT
# recorded.sh CLIENT HOST: what a real client sends, and what a real driver answers, is recorded in
# the daemon and checked by the oracle byte by byte (recorded.py).
set -u
. "${0%/*}/../vtest/common.sh"
here=$XEN_VENUS_SRC/tests/wire
record=$XEN_VENUS_TMP/record
# The newer registry knows what both have.
newest=trixie
[ "$client$host" = trixietrixie ] || newest=sid
registry=$(root_path $newest)/usr/share/vulkan/registry/vk.xml

export XEN_VENUSD
XEN_VENUSD=$(build_dir "$host")/tests/wire/recording-venusd
need /usr/bin/vkmark
DAEMON_ENV="${DAEMON_ENV-} VENUS_RECORD=$record" start_server || exit
through_venus 60 vulkaninfo --summary >/dev/null 2>&1 || exit
through_venus 60 vulkaninfo --text --show-formats >/dev/null 2>&1 || exit
through_venus 60 vkmark --winsys headless --size 64x64 --benchmark vertex:duration=0.2 \
    --benchmark texture:duration=0.2 --benchmark desktop:duration=0.2 \
    --benchmark effect2d:duration=0.2 >/dev/null || exit
# A program built in the older suite runs in both.
oldest=trixie
[ "$client$host" = sidsid ] && oldest=sid
programs=$(build_dir $oldest)/tests/programs
for program in compute triangle descriptors queries events pipelinecache pushdescriptors sync2 \
    commandbuffers textures modern stages subpasses multisample bda threads; do
    through_venus 60 "$programs/$program" >/dev/null 2>&1 || { echo "$program failed"; exit 1; }
done
stop_daemon "$socket" || exit
PYTHONDONTWRITEBYTECODE=1 "${PYTHON:-python3}" "$here/recorded.py" --registry "$registry" \
    --commands "$XEN_VENUS_SRC/venus/protocol/commands.txt" "$record".*
