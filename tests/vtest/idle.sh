#!/bin/bash
# SPDX-License-Identifier: MIT
# idle.sh CLIENT HOST [N]: N idle clients (default 100) with a device each wake nobody up: in 10 s no
# thread of the server is scheduled. And what the server's processes need of memory of their own.
set -u
. "${0%/*}/common.sh"
count=${1:-100}
limit_kib=4096
oldest=trixie
[ "$client" = sid ] && [ "$host" = sid ] && oldest=sid
programs=$(build_dir $oldest)/tests/vtest
output=$XEN_VENUS_TMP/idle-$$

# switches: context switches so far, voluntary and not, of all threads of the server's processes.
switches()
{
    local p
    for p in $pid $(cat "/proc/$pid/task/$pid/children"); do
        cat "/proc/$p"/task/*/status
    done | awk '/ctxt_switches/ { n += $2 } END { print n }'
}

# wakers: the threads that were scheduled, by name, given two listings.
listing()
{
    local p
    for p in $pid $(cat "/proc/$pid/task/$pid/children"); do
        awk 'FNR == 1 { name = $2 } /^Pid:/ { id = $2 } /ctxt_switches/ { n[id " " name] += $2 }
             END { for (i in n) print i, n[i] }' "/proc/$p"/task/*/status
    done | sort
}

# private_kib PID...: the mean of the private memory that processes have written to, in KiB.
private_kib()
{
    local p
    for p; do
        awk '/^Private_Dirty:/ { print $2 }' "/proc/$p/smaps_rollup"
    done | awk '{ n += $1 } END { printf "%d\n", n / NR }'
}

# wait_ready N: until N clients have said so.
wait_ready()
{
    local i
    for ((i = 0; i < 1200; i++)); do
        [ "$(cat "$output" | grep -c ready)" = "$1" ] && return
        sleep 0.1
    done
    echo "only $(grep -c ready "$output") of $1 clients are ready"
    return 1
}

# check_idle WHAT: no wake-ups for 10 s.
check_idle()
{
    local before after
    sleep 8 # the last reports of the rings' monitors, which Mesa wants every 3 s
    listing >"$output.before"
    before=$(switches)
    sleep 10
    after=$(switches)
    if [ "$before" = "$after" ]; then
        echo "ok no-wake-ups-$1"
        return
    fi
    # Counting takes none itself: nothing in the server runs for it.
    echo "$((after - before)) context switches in 10 s:"
    listing | comm -13 "$output.before" - | awk '{ print $2 }' | sort | uniq -c | sort -rn | head
    echo "not ok no-wake-ups-$1"
    return 1
}

# check_memory NAME KIB
check_memory()
{
    if [ "$2" -lt $limit_kib ]; then
        echo "ok $1 ($2 KiB)"
    else
        echo "$2 KiB, the limit is $limit_kib"
        echo "not ok $1"
        return 1
    fi
}

status=0
start_server --max-clients=$((count + 1)) || exit
pid=$(daemon_pid "$socket")

# Contexts and rings alone: no driver is loaded, so all private memory is ours.
: >"$output"
exec 9> >(exec "$XEN_VENUS_SRC/tests/lib/enter-root" "$client" "$programs/connect" "$socket" \
    "$count" >>"$output" 2>&1)
wait_ready 1 || { cat "$output"; exit 1; }
check_idle contexts || status=1
check_memory memory-without-driver \
    "$(private_kib $(cat "/proc/$pid/task/$pid/children"))" || status=1
exec 9>&-
for ((i = 0; i < 100; i++)); do
    [ -z "$(cat "/proc/$pid/task/$pid/children")" ] && break
    sleep 0.1
done

# Devices, through Mesa.
: >"$output"
env=$(venus_env "$client" "$socket") || exit
exec 9> >(exec "$XEN_VENUS_SRC/tests/lib/enter-root" "$client" env $env bash -c '
    exec 8<&0
    for ((i = 0; i < $1; i++)); do "$2" idle <&8 & done
    wait' idle "$count" "$programs/standby" >>"$output" 2>&1)
wait_ready "$count" || { tail -n 5 "$output"; exit 1; }
check_idle devices || status=1
served=$(private_kib $(cat "/proc/$pid/task/$pid/children"))
exec 9>&-

# For the record: how much of that the driver takes natively. The difference is not all ours: the
# driver's own memory, as much as it ever had, depends on what it was asked in which order.
: >"$output"
env=$(native_env "$host") || exit
exec 9> >(exec "$XEN_VENUS_SRC/tests/lib/enter-root" "$host" env $env "$programs/standby" idle \
    >>"$output" 2>&1)
native_pid=$!
wait_ready 1 || { cat "$output"; exit 1; }
echo "# with the driver: $served KiB private, natively $(private_kib "$native_pid") KiB"
exec 9>&-

stop_daemon "$socket" || status=1
rm -f "$output" "$output.before"
exit $status
