# SPDX-License-Identifier: MIT
# A small test runner (bash): runs commands, prints one line for each, counts.
#
#   run NAME SECONDS COMMAND...     one test: passes with status 0, is skipped with 77, else fails
#   group NAME SECONDS COMMAND...   many tests: COMMAND prints `ok PART`, `not ok PART` or
#                                   `skip PART: reason` lines (or TAP's `ok PART # skip reason`),
#                                   each of which counts
#   skip NAME REASON                a test that cannot run here
#   lane NAME COMMAND...            a function that does any of these, beside what follows; what it
#                                   reports counts after join_lanes; has an $XEN_VENUS_TMP of its own
#   join_lanes                      waits for all of these
#   summary                         the last line; fails when a test failed
#
# COMMAND's output goes to $XEN_VENUS_LOGS/NAME.log; when it fails the end of that is shown.  After
# SECONDS it is stopped and has failed.  With a list of patterns in $RUNNER_ONLY, only tests whose
# name matches one run.

passed=0 failed=0 skipped=0 failed_names= running=
declare -A lanes

# An interrupt ends what runs, too.
stop_running()
{
    trap - INT TERM
    [ -z "$running" ] || kill "$running"
    [ ${#lanes[@]} = 0 ] || kill "${lanes[@]}"
    exit 130
}
trap stop_running INT TERM

selected()
{
    local pattern patterns
    [ -n "${RUNNER_ONLY-}" ] || return 0
    read -ra patterns <<<"$RUNNER_ONLY"
    for pattern in "${patterns[@]}"; do
        [[ $1 == $pattern ]] && return 0
    done
    return 1
}

report_ok()
{
    passed=$((passed + 1))
    echo "ok $1"
}

report_failed()
{
    failed=$((failed + 1))
    failed_names+="  $1"$'\n'
    echo "not ok $1"
}

report_skipped()
{
    skipped=$((skipped + 1))
    echo "skip $1: $2"
}

skip()
{
    selected "$1" && report_skipped "$1" "$2"
    return 0
}

lane()
{
    local name=$1
    shift
    (
        passed=0 failed=0 skipped=0 failed_names= running= lanes=()
        trap stop_running INT TERM
        XEN_VENUS_TMP+=/lane-$name
        mkdir -p "$XEN_VENUS_TMP"
        "$@"
        declare -p passed failed skipped failed_names >"$XEN_VENUS_LOGS/lane-$name.counts"
    ) &
    lanes[$name]=$!
}

# Add what the lanes counted. One that ended without a word has failed.
join_lanes()
{
    local name counts here=("$passed" "$failed" "$skipped" "$failed_names")
    for name in "${!lanes[@]}"; do
        wait "${lanes[$name]}"
        unset "lanes[$name]"
        counts=$XEN_VENUS_LOGS/lane-$name.counts
        passed=0 failed=1 skipped=0 failed_names="  lane $name (it ended early)"$'\n'
        [ ! -e "$counts" ] || eval "$(sed 's/^declare -- //' "$counts")"
        rm -f "$counts"
        here=($((here[0] + passed)) $((here[1] + failed)) $((here[2] + skipped))
            "${here[3]}$failed_names")
    done
    passed=${here[0]} failed=${here[1]} skipped=${here[2]} failed_names=${here[3]}
}

# Sets cpu_ticks: processor time of all children of this shell that have ended, lanes among them, in
# 1/100 s.
read_cpu()
{
    local stat
    # cutime and cstime, see proc(5); the second field, this shell's name, has no blanks
    read -ra stat <"/proc/$BASHPID/stat"
    cpu_ticks=$((stat[15] + stat[16]))
}

# Run a command with output to the log; sets status and took.
run_logged()
{
    local limit=$1 start=$SECONDS cpu_ticks cpu_before
    read_cpu
    cpu_before=$cpu_ticks
    shift
    status=0
    timeout -k 10 "$limit" "$@" >"$log" 2>&1 </dev/null &
    running=$!
    wait "$running" || status=$?
    running=
    read_cpu
    took="$((SECONDS - start)) s, $(((cpu_ticks - cpu_before) / 100)) s of CPU"
    if [ "$status" = 124 ] || [ "$status" = 137 ]; then
        echo "stopped after $limit s" >>"$log"
    fi
}

show_log()
{
    # In one piece, also when lanes print at the same time.
    printf '%s\n' "--- the end of $log
$(tail -n 30 "$log")
---"
}

run()
{
    local name=$1 log=$XEN_VENUS_LOGS/${1//\//-}.log status took
    selected "$name" || return 0
    shift
    run_logged "$@"
    case $status in
    0) report_ok "$name ($took)" ;;
    77) report_skipped "$name" "$(tail -n 1 "$log")" ;;
    *)
        report_failed "$name (status $status, $took)"
        show_log
        ;;
    esac
    return 0
}

group()
{
    local name=$1 log=$XEN_VENUS_LOGS/${1//\//-}.log status took line bad=0 all=0
    selected "$name" || return 0
    shift
    run_logged "$@"
    while IFS= read -r line; do
        # TAP numbers its lines: ok 1 - PART
        [[ $line =~ ^((not )?ok\ )[0-9]+\ -\ (.*) ]] && line=${BASH_REMATCH[1]}${BASH_REMATCH[3]}
        case $line in
        "ok "*"# skip "*)
            line=${line#ok }
            report_skipped "$name: ${line%% # skip *}" "${line#* # skip }"
            ;;
        "ok "*) report_ok "$name: ${line#ok }" ;;
        "not ok "*) report_failed "$name: ${line#not ok }" && bad=1 ;;
        "skip "*)
            line=${line#skip }
            report_skipped "$name: ${line%%: *}" "${line#*: }"
            ;;
        *) continue ;;
        esac
        all=$((all + 1))
    done <"$log"
    if [ "$status" = 77 ] && [ $all = 0 ]; then
        report_skipped "$name" "$(tail -n 1 "$log")"
        return 0
    fi
    # A group that ended badly or did nothing must not look like a success.
    if [ "$status" != 0 ] && [ $bad = 0 ]; then
        report_failed "$name (status $status after $all tests, $took)"
        bad=1
    elif [ $all = 0 ]; then
        report_failed "$name (no test ran)"
        bad=1
    fi
    [ $bad = 0 ] || show_log
    echo "# $name took $took"
    return 0
}

summary()
{
    local line="$passed passed, $failed failed"
    if [ $failed != 0 ]; then
        echo
        echo "failed, with logs in $XEN_VENUS_LOGS:"
        printf '%s' "$failed_names"
    fi
    [ $skipped = 0 ] || line+=", $skipped skipped"
    echo
    echo "$line"
    [ $failed = 0 ]
}
