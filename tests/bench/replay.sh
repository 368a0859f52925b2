# SPDX-License-Identifier: MIT
# with_replay SCRIPT [OPTION...]: run a script of this folder on the renderer with the null driver
# below it (tests/wire/replay), in the suite of the bench.
XEN_VENUS_BUILD=${XEN_VENUS_BUILD:-$(cd "${0%/*}/../.." && pwd)/build}
. "${0%/*}/../lib/roots.sh"

with_replay()
{
    local suite=${BENCH_SUITE:-sid} script=$1 replay compiler commit
    shift
    replay=$(build_dir "$suite")/tests/wire/replay
    if [ ! -x "$replay" ]; then
        echo "no $replay: run ./quickstart bench, or make check-programs there" >&2
        return 1
    fi
    compiler=$(in_root "$suite" gcc --version | head -n 1)
    commit=$(git -C "$XEN_VENUS_SRC" describe --always --dirty 2>/dev/null || echo unknown)
    in_root "$suite" env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$XEN_VENUS_SRC/tests/wire" \
        python3 "$XEN_VENUS_SRC/tests/bench/$script" --replay "$replay" \
        --registry /usr/share/vulkan/registry/vk.xml \
        --commands "$XEN_VENUS_SRC/venus/protocol/commands.txt" --work "$XEN_VENUS_TMP" \
        --about "$(date +%F), $compiler, commit $commit" "$@"
}
