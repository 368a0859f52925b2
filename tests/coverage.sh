#!/bin/bash
# SPDX-License-Identifier: MIT
# coverage.sh [OPTION...]: run the tests with a daemon that counts the lines it runs, and report
# (./quickstart coverage prepares the machine).  Options are those of lib/coverage-report.
set -u
cd "$(dirname "$0")/.."
. tests/lib/roots.sh
. tests/lib/runner.sh
lib=$XEN_VENUS_SRC/tests/lib
dir=$XEN_VENUS_BUILD/coverage

run build-coverage 600 "$lib/build" trixie "$dir" "all check-programs" --enable-coverage \
    CFLAGS="-g -O1"
find "$dir" -name '*.gcda' -delete
group coverage-check 300 "$lib/make-check" trixie "$dir"
export XEN_VENUSD=$dir/backend/xen-venusd XEN_VENUS_PROGRAMS=$dir/tests/programs
for client in trixie sid; do
    run "coverage-vulkaninfo-$client" 180 tests/vtest/vulkaninfo.sh $client trixie
    group "coverage-ggml-$client" 600 tests/vtest/ggml.sh $client trixie
done
# Host image copies; the messages of the validation layer.
run coverage-ffmpeg-sid 150 tests/vtest/ffmpeg.sh sid trixie
group coverage-validate 600 tests/vtest/validate.sh trixie trixie
summary
in_root trixie "$lib/coverage-report" "$dir" "$XEN_VENUS_SRC" "$@"
