#!/bin/sh
# SPDX-License-Identifier: MIT
# The decoder against the oracle: right streams by all ways in, then wrong ones.
# WIRE_ROUNDS and WIRE_SEED ask for more and for other cases than make check has.
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

# More rounds find more; every case has a context of its own, which takes its time in a build with
# sanitizers.
rounds=${WIRE_ROUNDS:-3}
seed=${WIRE_SEED:-1}
status=0
oracle cases.py --rounds "$rounds" --seed "$seed" || status=1
oracle cases.py --rounds 1 --seed "$((seed + 1))" --mode nested || status=1
oracle cases.py --rounds 1 --seed "$((seed + 2))" --mode ring || status=1
oracle negative.py --cuts "$rounds" --changes "$((2 * rounds))" --seed "$seed" || status=1
oracle negative.py --cuts 1 --changes 1 --seed "$((seed + 1))" --mode ring || status=1
exit $status
