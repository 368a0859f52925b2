#!/bin/bash
# SPDX-License-Identifier: MIT
# kill-clients.sh CLIENT HOST [N]: N clients (default 200) are killed at random moments. The server
# lives on, serves the next one, and keeps neither processes nor open files of the dead.
set -u
. "${0%/*}/common.sh"
count=${1:-200}
# A program built in the older suite runs in both.
oldest=trixie
[ "$client" = sid ] && [ "$host" = sid ] && oldest=sid
build=$(build_dir $oldest)
RANDOM=${SEED:-$$}
echo "# SEED=$RANDOM"

# settle: until the server has no client left; fails after 20 s.
settle()
{
    local i
    for ((i = 0; i < 200; i++)); do
        # A little more, for what comes after reaping the last one.
        [ -z "$(cat "/proc/$pid/task/$pid/children")" ] && sleep 0.2 && return
        sleep 0.1
    done
    echo "processes of dead clients are still there:"
    ps -o pid,stat,wchan:20,comm --ppid "$pid"
    return 1
}

open_files()
{
    ls "/proc/$pid/fd" | wc -l
}

# In the client's root: start each program in turn, kill it after up to its usual time.
killer='
count=$1 programs=$2 seed=$3
RANDOM=$seed
killed=0
for ((i = 0; i < count; i++)); do
    case $((i % 4)) in
    0) command="$programs/vtest/standby busy" ;;
    1) command="$programs/programs/threads" ;;
    2) command="$programs/programs/churn" ;;
    3) command="$programs/programs/timeline" ;;
    esac
    $command >/dev/null 2>&1 </dev/null &
    ms=$((RANDOM % 700))
    sleep "0.$(printf %03d $ms)"
    kill -KILL $! 2>/dev/null && killed=$((killed + 1))
    wait $! 2>/dev/null
done
echo "$killed"
'

start_server --log-level=info || exit
pid=$(daemon_pid "$socket")
log=$(daemon_log "$socket")
status=0
through_venus 60 vulkaninfo --summary >/dev/null 2>&1 || { echo "vulkaninfo fails"; exit 1; }
settle || exit
files=$(open_files)

killed=$(through_venus $((count * 2 + 60)) bash -c "$killer" killer "$count" "$build/tests" $RANDOM) ||
    status=1
echo "# $killed of $count were still running when they were killed"
if [ "${killed:-0}" -lt $((count / 2)) ]; then
    echo "most programs had ended before they were killed"
    status=1
fi
settle || status=1
if [ "$(open_files)" != "$files" ]; then
    echo "the server has $(open_files) open files instead of $files"
    ls -l "/proc/$pid/fd"
    status=1
fi
if ! through_venus 60 vulkaninfo --summary >/dev/null 2>&1; then
    echo "the next client is not served"
    status=1
fi
# A client that is gone has done nothing wrong.
if grep -E 'error: |died of' "$log"; then
    status=1
fi
stop_daemon "$socket" || status=1
exit $status
