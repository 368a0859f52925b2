#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs the small Vulkan programs natively and through Venus and compares what they print.
#
#   run-all.sh DIR [PROGRAM...]      DIR holds the compiled programs; default: all of them
#
# Environment:
#   NATIVE_ENV, VENUS_ENV   "VAR=value ..." for the two runs, without spaces inside values;
#                           VENUS_ENV empty: only the native run, which checks itself
#   NATIVE_RUN, VENUS_RUN   command put before the program (chroot, valgrind), may be empty
#   PROGRAM_OPTIONS         options for every program, for example --validate
#   SKIP                    programs to leave out
#   PROGRAM_TIMEOUT         seconds for one run, default 180
#   KEEP                    folder that keeps the output files; default: a temporary one
#
# Prints `ok NAME`, `not ok NAME: why` or `skip NAME: why` for each program.  Outputs must be the
# same byte by byte; a part that only one side skips ("part: skipped (reason)") is left out of the
# comparison and named in the line.  Lines of props that may differ are in props-differences.txt.
# For two suites let both sides run the same binaries: shaders of another glslang may differ.
# Exit status: 0 when nothing failed, 1 otherwise.

set -u

here=$(cd "$(dirname "$0")" && pwd)
dir=${1:?usage: run-all.sh DIR [PROGRAM...]}
shift
all="bda churn commandbuffers compute descriptors errors events fences mapping modern multisample
     pipelinecache props pushdescriptors queries robust sparse stages subpasses sync2 textures
     threads timeline transfers triangle types pairs"
programs=${*:-$all}
limit=${PROGRAM_TIMEOUT:-180}
native_env=${NATIVE_ENV:-}
venus_env=${VENUS_ENV:-}
native_run=${NATIVE_RUN:-}
venus_run=${VENUS_RUN:-}
options=${PROGRAM_OPTIONS:-}

if [ -n "${KEEP:-}" ]; then
    out=$KEEP
    mkdir -p "$out" || exit 1
else
    out=$(mktemp -d) || exit 1
    trap 'rm -rf "$out"' EXIT
fi

# run SIDE NAME PROGRAM: status in $status, output in $out/NAME.SIDE.{out,err}
run() {
    if [ "$1" = native ]; then
        set -- "$1" "$2" "$3" "$native_run" "$native_env"
    else
        set -- "$1" "$2" "$3" "$venus_run" "$venus_env"
    fi
    # Word splitting of the environment, the runner and the options is wanted.
    # shellcheck disable=SC2086
    timeout -k 2 "$limit" $4 env $5 "$dir/$3" $options \
        >"$out/$2.$1.out" 2>"$out/$2.$1.err" </dev/null
    status=$?
}

# parts_skipped SIDE NAME: names of the parts that this side skipped, sorted
parts_skipped() {
    sed -n 's/^\([a-z0-9-]*\): skipped (.*/\1/p' "$out/$2.$1.out" | sort -u
}

# compare NAME: true when both sides print the same; names one-sided skips in $skips
compare() {
    parts_skipped native "$1" >"$out/$1.native.skips"
    parts_skipped venus "$1" >"$out/$1.venus.skips"
    skips=$(comm -3 "$out/$1.native.skips" "$out/$1.venus.skips" | tr -d '\t' | tr '\n' ' ')
    for side in native venus; do
        cp "$out/$1.$side.out" "$out/$1.$side.cmp"
        for part in $skips; do
            grep -v -e "^$part\\." -e "^$part: skipped" "$out/$1.$side.cmp" >"$out/cmp.tmp"
            mv "$out/cmp.tmp" "$out/$1.$side.cmp"
        done
        if [ "$1" = props ]; then
            sed -n '/^[^#]/s/[[:space:]].*//p' "$here/props-differences.txt" >"$out/props.allowed"
            grep -v -E -f "$out/props.allowed" "$out/$1.$side.cmp" >"$out/cmp.tmp"
            mv "$out/cmp.tmp" "$out/$1.$side.cmp"
        fi
    done
    cmp -s "$out/$1.native.cmp" "$out/$1.venus.cmp"
}

explain() {
    sed 's/^/#   /' "$1" | tail -n "$2"
}

failed() {
    echo "not ok $1: $2"
    failures=$((failures + 1))
}

# One program at once on both sides of the same driver.
check() {
    run native "$1" "$1"
    if [ "$status" = 77 ]; then
        echo "skip $1: natively: $(tail -n 1 "$out/$1.native.err")"
        return
    elif [ "$status" != 0 ]; then
        failed "$1" "status $status natively"
        explain "$out/$1.native.err" 5
        return
    elif [ -z "$venus_env" ]; then
        echo "ok $1"
        return
    fi
    run venus "$1" "$1"
    if [ "$status" = 77 ]; then
        echo "skip $1: through Venus: $(tail -n 1 "$out/$1.venus.err")"
    elif [ "$status" != 0 ]; then
        failed "$1" "status $status through Venus"
        explain "$out/$1.venus.err" 5
    elif ! compare "$1"; then
        failed "$1" "output differs"
        diff "$out/$1.native.cmp" "$out/$1.venus.cmp" >"$out/$1.diff"
        explain "$out/$1.diff" 8
    else
        echo "ok $1${skips:+ (only on one side: ${skips% })}"
    fi
}

# Two processes at once, each of which must print what a lone one prints.
check_pairs() {
    second=native
    [ -z "$venus_env" ] || second=venus
    bad=
    for program in compute triangle textures churn; do
        run native "pairs-$program" "$program"
        for n in 1 2; do
            (run $second "pairs-$program-$n" "$program"; exit "$status") &
            eval "pid$n=$!"
        done
        for n in 1 2; do
            eval "wait \$pid$n" || bad="$bad $program-$n(status $?)"
            [ $second = venus ] || mv "$out/pairs-$program-$n.native.out" \
                "$out/pairs-$program-$n.venus.out"
            cp "$out/pairs-$program.native.out" "$out/pairs-$program-$n.native.out"
            compare "pairs-$program-$n" || bad="$bad $program-$n(differs)"
        done
    done
    if [ -n "$bad" ]; then
        failed pairs "$bad"
    else
        echo "ok pairs"
    fi
}

failures=0
for program in $programs; do
    case " ${SKIP:-} " in *" $program "*) continue ;; esac
    if [ "$program" = pairs ]; then
        check_pairs
    else
        check "$program"
    fi
done
[ "$failures" = 0 ]
