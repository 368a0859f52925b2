#!/bin/bash
# SPDX-License-Identifier: MIT
# ggml.sh CLIENT HOST [--all]: ggml's test-backend-ops, which compares what its Vulkan shaders
# compute with what its CPU code computes, has the same outcome for every case through Venus as
# natively. Without --all, for a fixed part of its operations and cases, listed below; all of them
# take hours.
set -u
. "${0%/*}/common.sh"
program=/usr/libexec/x86_64-linux-gnu/ggml/test-backend-ops
need "$program"

# Operation and a regular expression over its cases' parameters.
subset='
ADD             type=f32,ne=\[(1|10|16),
ARGSORT         ne=\[(7|16|60|63|64|127|1023|1024),
CPY             type_src=f32,type_dst=(f16|q4_0),ne_src=\[256
FLASH_ATTN_EXT  hsk=64,hsv=64,nh=4,nr23=\[1,1\],kv=113,nb=1,mask=1,sinks=0,max_bias=0
IM2COL          type_input=f32,type_kernel=f16,dst_type=f32
MUL_MAT         type_a=(f32|f16),type_b=f32,m=16,n=1,k=256,bs=\[[12],1\]
RMS_NORM        type=f32,ne=\[64
ROPE            type=f32,ne_a=\[(64|128),.*mode=(0|2),.*ff=0
SOFT_MAX        ne=\[(16|1023),
'

# outcomes COMMAND... -- ARGUMENT...: "CASE: OUTCOME" lines, sorted. ggml leaves out devices of the
# CPU type unless told which to take.
outcomes()
{
    local command=()
    while [ "$1" != -- ]; do
        command+=("$1")
        shift
    done
    shift
    "${command[@]}" GGML_VK_VISIBLE_DEVICES=0 "$program" test "$@" 2>/dev/null |
        sed -E 's/\x1b\[[0-9;]*m//g' |
        sed -nE 's/^  ([A-Z0-9_]+\(.*\)): .*(OK|FAIL|not supported).*/\1: \2/p' |
        sort
}

# compare NAME SECONDS ARGUMENT...: what comes natively is kept for the other pairings of the same run.
compare()
{
    local name=$1 limit=$2 native=$XEN_VENUS_TMP/ggml-$1-$application_suite passed
    shift 2
    [ -s "$native" ] || outcomes natively "$application_suite" "$limit" -- "$@" >"$native"
    outcomes through_venus "$limit" -- "$@" >"$XEN_VENUS_TMP/venus"
    passed=$(grep -c ': OK$' "$native")
    if [ "$passed" = 0 ]; then
        echo "not ok $name: nothing passed natively"
        return 1
    fi
    if ! diff "$native" "$XEN_VENUS_TMP/venus"; then
        echo "not ok $name"
        return 1
    fi
    echo "ok $name ($passed cases pass, as natively)"
}

start_server || exit
status=0
if [ "${1-}" = --all ]; then
    compare all 86400 || status=1
else
    while read -r operation cases; do
        [ -n "$operation" ] || continue
        compare "$operation" 400 -o "$operation" -p "$cases" || status=1
    done <<<"$subset"
fi
stop_daemon "$socket" || status=1
exit $status
