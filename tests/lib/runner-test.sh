#!/bin/bash
# SPDX-License-Identifier: MIT
# The test runner counts what happened, and a test cannot fail unnoticed.
set -u
unset RUNNER_ONLY
lib=$(cd "$(dirname "$0")" && pwd)
XEN_VENUS_LOGS=$(mktemp -d)
export XEN_VENUS_TMP=$XEN_VENUS_LOGS/tmp
trap 'rm -rf "$XEN_VENUS_LOGS"' EXIT
status=0

# expect WANTED-OUTPUT SCRIPT: run the script with the runner; ignores times and logs.
expect()
{
    local got
    got=$(. "$lib/runner.sh" && eval "$2" | sed -e 's/, [0-9]* s, [0-9]* s of CPU)/)/' \
        -e 's/ ([0-9]* s, [0-9]* s of CPU)//' -e '/^---/,/^---$/d' -e '/^#/d' -e '/^$/,$d')
    if [ "$got" != "$1" ]; then
        printf 'ran %s\nwanted: %s\ngot:    %s\n' "$2" "$1" "$got"
        status=1
    fi
}

expect_summary()
{
    local got
    got=$(. "$lib/runner.sh" && eval "$3" >/dev/null && summary | tail -n 1 && exit "${PIPESTATUS[0]}")
    if [ $? != "$2" ] || [ "$got" != "$1" ]; then
        printf 'ran %s\nwanted: %s\ngot:    %s\n' "$3" "$1" "$got"
        status=1
    fi
}

expect "ok a" 'run a 5 true'
expect "not ok a (status 1)" 'run a 5 false'
expect "not ok a (status 124)" 'run a 1 sleep 5'
expect "not ok a (status 127)" 'run a 5 no-such-command'
expect "skip a: because" 'run a 5 sh -c "echo because; exit 77"'
expect "skip a: because" 'skip a because'
expect $'ok a: x\nskip a: z: why' 'group a 5 printf "ok x\nnoise\nskip z: why\n"'
expect $'ok a: x\nnot ok a: y # bad\nskip a: z: why' \
    'group a 5 printf "1..3\nok 1 - x\nnot ok 2 - y # bad\nok 3 - z # skip why\n"'
expect "not ok a: y" 'group a 5 printf "not ok y\n"'
expect "not ok a (no test ran)" 'group a 5 true'
expect $'ok a: x\nnot ok a (status 3 after 1 tests)' 'group a 5 sh -c "echo ok x; exit 3"'
expect "skip a: none" 'group a 5 sh -c "echo none; exit 77"'
expect "ok abc" 'RUNNER_ONLY="x a*"; run abc 5 true; run bcd 5 true; skip e f; group g 5 false'

expect_summary "2 passed, 0 failed" 0 'run a 5 true; run b 5 true'
expect_summary "1 passed, 1 failed, 1 skipped" 1 'run a 5 true; run b 5 false; skip c d'
both='one() { run a 5 sleep 1; run b 5 false; }; two() { skip c d; run e 5 test -d "$XEN_VENUS_TMP"; }
    lane one one; lane two two; run f 5 true; join_lanes'
expect_summary "3 passed, 1 failed, 1 skipped" 1 "$both"
expect_summary "1 passed, 1 failed" 1 'early() { exit 0; }; lane early early; run a 5 true; join_lanes'
# They really run at the same time: each waits for the other.
wait_for='wait_for() { run "$1" 5 sh -c "touch $XEN_VENUS_LOGS/$1; until [ -e $XEN_VENUS_LOGS/$2 ]; do sleep 0.1; done"; }'
expect_summary "2 passed, 0 failed" 0 "$wait_for; lane x wait_for x y; lane y wait_for y x; join_lanes"
exit $status
