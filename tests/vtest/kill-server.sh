#!/bin/bash
# SPDX-License-Identifier: MIT
# kill-server.sh CLIENT HOST: when the server, or the process of it that serves a client, is killed,
# every client ends within seconds, wherever it was, instead of waiting for ever.
set -u
. "${0%/*}/common.sh"
limit=10 # seconds; Mesa looks for a dead server every 3.5 s of a wait, and less often later
oldest=trixie
[ "$client" = sid ] && [ "$host" = sid ] && oldest=sid
standby=$(build_dir $oldest)/tests/vtest/standby
enter=$XEN_VENUS_SRC/tests/lib/enter-root
output=$XEN_VENUS_TMP/kill-server-$$
client_env=$(venus_env "$client" "$socket") || exit

# start_client MODE: as $client_pid, when it is ready.
start_client()
{
    local i
    : >"$output"
    rm -f "$output.in"
    mkfifo "$output.in"
    # Its core dump would take longer than its end.
    (ulimit -c 0; exec "$enter" "$client" env $client_env "$standby" "$1") \
        >"$output" 2>"$output.err" <"$output.in" &
    client_pid=$!
    exec 7>"$output.in"
    for ((i = 0; i < 300; i++)); do
        grep -q ready "$output" && return
        kill -0 "$client_pid" 2>/dev/null || break
        sleep 0.1
    done
    echo "the client did not start"
    cat "$output.err"
    return 1
}

# wait_end: until the client ends; fails after the limit.
wait_end()
{
    local i
    for ((i = 0; i < limit * 10; i++)); do
        if ! kill -0 "$client_pid" 2>/dev/null; then
            wait "$client_pid"
            return 0
        fi
        sleep 0.1
    done
    echo "the client has not ended:"
    ps -o pid,stat,time,wchan:20,comm -p "$client_pid"
    kill -KILL "$client_pid"
    wait "$client_pid"
    return 1
} 2>/dev/null # bash reports jobs that were killed

# wait_gone PID...: until these processes are gone.
wait_gone()
{
    local i p
    for p; do
        for ((i = 0; i < limit * 10; i++)); do
            [[ $(ps -o stat= -p "$p") != [^Z]* ]] && continue 2
            sleep 0.1
        done
        echo "process $p of the server is still there"
        ps -o pid,stat,time,wchan:20,comm -p "$p"
        return 1
    done
} 2>/dev/null

# wait_logged TEXT: a dead process may be there before the daemon has looked at it.
wait_logged()
{
    local i
    for ((i = 0; i < 100; i++)); do
        grep -q "$1" "$(daemon_log "$socket")" && return
        sleep 0.1
    done
    echo "not logged: $1"
    return 1
}

# try NAME MODE SIGNAL daemon|process
try()
{
    local name=$1 mode=$2 signal=$3 whom=$4 pid children result=0
    start_server || return
    pid=$(daemon_pid "$socket")
    if ! start_client "$mode"; then
        stop_daemon "$socket"
        return 1
    fi
    children=$(cat "/proc/$pid/task/$pid/children")
    sleep "0.$((RANDOM % 5))"
    if [ "$whom" = daemon ]; then
        kill -"$signal" "$pid"
    else
        kill -"$signal" $children
    fi
    # An idle client notices when it does something again.
    [ "$mode" != idle ] || sleep 1
    exec 7>&-
    wait_end || result=1
    wait_gone $children || result=1
    if [ "$whom" = daemon ]; then
        unset "daemon_pids[$socket]"
        wait_gone "$pid" || result=1
        rm -f "$socket"
    else
        wait_logged "died of signal" || result=1
        stop_daemon "$socket" || result=1
    fi
    [ $result = 0 ] && echo "ok $name" || echo "not ok $name"
    return $result
}

status=0
for mode in busy stubborn wait idle; do
    try "its-process-killed-$mode" $mode KILL process || status=1
    try "its-process-crashed-$mode" $mode SEGV process || status=1
    try "server-killed-$mode" $mode KILL daemon || status=1
    try "server-terminated-$mode" $mode TERM daemon || status=1
done
rm -f "$output" "$output.err" "$output.in"
exit $status
