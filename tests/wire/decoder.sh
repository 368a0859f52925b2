#!/bin/sh
# SPDX-License-Identifier: MIT
# The decoder against the oracle: right streams by all ways in, then wrong ones.
: "${top_srcdir:=.}" "${top_builddir:=.}" "${PYTHON:=python3}"
: "${VK_REGISTRY:=/usr/share/vulkan/registry/vk.xml}"
export PYTHONDONTWRITEBYTECODE=1

oracle() {
    script=$1
    shift
    "$PYTHON" "$top_srcdir/tests/wire/$script" --registry "$VK_REGISTRY" \
        --commands "$top_srcdir/venus/protocol/commands.txt" \
        --replay "$top_builddir/tests/wire/replay" "$@"
}

status=0
oracle cases.py --rounds 8 || status=1
oracle cases.py --rounds 1 --seed 2 --mode nested || status=1
oracle cases.py --rounds 1 --seed 3 --mode ring || status=1
oracle negative.py --cuts 4 --changes 8 || status=1
oracle negative.py --cuts 1 --changes 2 --seed 2 --mode ring || status=1
exit $status
