#!/bin/bash
# SPDX-License-Identifier: MIT
# programs.sh CLIENT HOST [PROGRAM...]: our own small Vulkan programs (tests/programs) print the
# same through Venus as natively on the host's lavapipe, byte by byte.
set -u
. "${0%/*}/common.sh"
# A program built in the older suite runs in both.
oldest=trixie
[ "$client" = sid ] && [ "$host" = sid ] && oldest=sid
enter=$XEN_VENUS_SRC/tests/lib/enter-root

start_server || exit
NATIVE_RUN="$enter $host" NATIVE_ENV=$(native_env "$host") || exit
VENUS_RUN="$enter $client" VENUS_ENV=$(venus_env "$client" "$socket") || exit
KEEP=$XEN_VENUS_LOGS/programs-$pairing
export NATIVE_RUN NATIVE_ENV VENUS_RUN VENUS_ENV KEEP
# From TAP to the lines of lib/runner.sh.
"$XEN_VENUS_SRC/tests/programs/run-all.sh" "$(build_dir $oldest)/tests/programs" "$@" |
    sed -E -e 's/^ok [0-9]+ - ([a-z0-9]+) # skip (.*)/skip \1: \2/' \
        -e 's/^(ok|not ok) [0-9]+ - /\1 /'
status=${PIPESTATUS[0]}
stop_daemon "$socket" || status=1
exit $status
