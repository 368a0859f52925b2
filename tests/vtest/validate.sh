#!/bin/bash
# SPDX-License-Identifier: MIT
# validate.sh CLIENT HOST [PROGRAM...]: with the Khronos validation layer below our daemon
# (--validate), real applications cause no message that they do not cause natively.
#
# XEN_VENUS_PROGRAMS names another folder of programs than that of the oldest suite's build.
#
# A message is known by its id (VUID-...). Those that the client's Mesa is to blame for are listed,
# with the reason, in validate-known.txt.
set -u
. "${0%/*}/common.sh"
oldest=trixie
[ "$client" = sid ] && [ "$host" = sid ] && oldest=sid
programs=${XEN_VENUS_PROGRAMS:-$(build_dir $oldest)/tests/programs}
run_all=$XEN_VENUS_SRC/tests/programs/run-all.sh
enter=$XEN_VENUS_SRC/tests/lib/enter-root
logs=$XEN_VENUS_LOGS/validate-$pairing
layer=VK_LAYER_KHRONOS_validation
layer_env="VK_INSTANCE_LAYERS=$layer VK_LAYER_REPORT_FLAGS=error,warn
    VK_KHRONOS_VALIDATION_REPORT_FLAGS=error,warn"
ggml=/usr/libexec/x86_64-linux-gnu/ggml/test-backend-ops
softmax='ne=\[16,'

# See programs.sh.
quirks=
[ "$client" = sid ] || quirks=VN_PERF=no_semaphore_feedback

# ids FILE...: the ids of the messages in the output of the layer or of our daemon; of messages that
# name none, their text. A message may have several lines.
ids()
{
    awk '/^xen-venusd: |Validation (Error|Warning)/ { print message; message = "" }
         { message = message " " $0 }
         END { print message }' "$@" |
        grep -aE 'Validation (Error|Warning)|validation: ' |
        sed -E -e 's/\b((VUID|UNASSIGNED|BestPractices|SYNC|WARNING)-[A-Za-z0-9_-]+).*/\n\1/' \
            -e 's/.*\n//; t' -e 's/.*(Validation (Error|Warning)|validation): *//' \
            -e 's/0x[0-9a-f]+|[0-9]+/N/g' | sort -u
}

# layer_is_loaded: whether the layer is in a process of the daemon, while a client is connected.
layer_is_loaded()
{
    local i pid found=1
    through_venus 30 vkmark --winsys headless --benchmark clear:duration=5 >/dev/null 2>&1 &
    for ((i = 0; i < 200 && found; i++)); do
        for pid in $(daemon_pid "$socket") $(pgrep -P "$(daemon_pid "$socket")"); do
            grep -q VkLayer_khronos_validation "/proc/$pid/maps" 2>/dev/null && found=0
        done
        sleep 0.05
    done
    wait $!
    return $found
}

mkdir -p "$logs"
rm -rf "${logs:?}"/*
start_server --validate || exit
status=0
if layer_is_loaded; then
    echo "ok the layer is loaded"
else
    echo "not ok the layer is loaded"
    status=1
fi

# Our own programs, with the layer above them, and on the layer below the daemon. Two at once are
# programs.sh's business.
export SKIP=pairs
NATIVE_RUN="$enter $host" NATIVE_ENV="$(native_env "$host") $layer_env" VENUS_ENV= \
    KEEP=$logs/native PROGRAM_TIMEOUT=120 "$run_all" "$programs" "$@" >"$logs/native.tap"
NATIVE_RUN="$enter $client" NATIVE_ENV="$(venus_env "$client" "$socket") $quirks" VENUS_ENV= \
    KEEP=$logs/venus PROGRAM_TIMEOUT=120 "$run_all" "$programs" "$@" >"$logs/venus.tap"
# What did not run well natively (no such feature, a program that is slow under the layer) is not
# our concern, the rest must run through Venus, too, unless the client does
# not offer the feature: that is vulkaninfo.sh's business.
sed -n 's/ (.*//; /^ok /p' "$logs/native.tap" | sort >"$logs/native.ok"
sed -n 's/ (.*//; s/^skip \([a-z0-9]*\):.*/ok \1/; /^ok /p' "$logs/venus.tap" | sort >"$logs/venus.ok"
if [ ! -s "$logs/native.ok" ] || [ -n "$(comm -23 "$logs/native.ok" "$logs/venus.ok")" ]; then
    echo "not ok programs ran"
    cat "$logs/venus.tap"
    status=1
fi

# Other people's.
scenes="--winsys headless --benchmark :duration=0.2"
natively "$host" 200 $layer_env vkmark $scenes >"$logs/native/vkmark.out" 2>&1
through_venus 200 vkmark $scenes >"$logs/venus/vkmark.out" 2>&1
if ! grep -q 'vkmark Score: *[1-9]' "$logs/venus/vkmark.out"; then
    echo "not ok vkmark ran"
    status=1
fi
# both NAME COMMAND...: natively and through Venus, with the same end.
both()
{
    local name=$1 native=0 venus=0
    shift
    natively "$application_suite" 200 $layer_env "$@" >"$logs/native/$name.out" 2>&1 || native=$?
    through_venus 200 "$@" >"$logs/venus/$name.out" 2>&1 || venus=$?
    [ "$native" = "$venus" ] && return
    echo "not ok $name ran: status $venus, natively $native"
    tail -n 5 "$logs/venus/$name.out"
    status=1
}
if borrow "$ggml"; then
    both ggml GGML_VK_VISIBLE_DEVICES=0 "$ggml" test -o SOFT_MAX -p "$softmax"
fi

log=$(daemon_log "$socket")
stop_daemon "$socket" || status=1
find "$logs/native" -type f -exec cat {} + >"$logs/native.all"
ids "$logs/native.all" >"$logs/native.ids"
ids "$log" >"$logs/venus.ids"
sed '/^#/d; s/ .*//; /^$/d' "$XEN_VENUS_SRC/tests/vtest/validate-known.txt" |
    sort -u - "$logs/native.ids" >"$logs/allowed.ids"
comm -13 "$logs/allowed.ids" "$logs/venus.ids" >"$logs/new.ids"
while read -r id; do
    echo "not ok $id"
    grep -aF -m 1 -- "$id" "$log" | cut -c 1-1000
    status=1
done <"$logs/new.ids"
[ -s "$logs/new.ids" ] ||
    echo "ok messages ($(wc -l <"$logs/venus.ids") different ones, $(wc -l <"$logs/native.ids") natively)"
exit $status
