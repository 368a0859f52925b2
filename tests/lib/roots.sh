# SPDX-License-Identifier: MIT
# Shell functions (bash) to run clients and daemons of several Debian suites on one machine.
#
# A suite (trixie, sid) is either the machine itself, when that is what it runs and it has a Venus
# driver, or a root folder made by tests/lib/make-root.  Every test uses these functions and so runs
# unchanged on both.  Sockets and results of a test go to $XEN_VENUS_TMP, which every root sees
# under the same path, and so do the source tree, the build folders and /tmp.
#
#   . tests/lib/roots.sh
#   start_daemon sid "$XEN_VENUS_TMP/s" --log-level=debug
#   in_root trixie env $(venus_env trixie "$XEN_VENUS_TMP/s") vulkaninfo --summary
#   in_root trixie env $(native_env trixie) vulkaninfo --summary
#   stop_daemon "$XEN_VENUS_TMP/s"
#
# To limit the time of a command put timeout inside: in_root sid timeout -k 2 60 COMMAND.

XEN_VENUS_SRC=${XEN_VENUS_SRC:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
# Build folders are $XEN_VENUS_BUILD/SUITE.
XEN_VENUS_BUILD=${XEN_VENUS_BUILD:-$XEN_VENUS_SRC/build}
XEN_VENUS_ROOTS=${XEN_VENUS_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/xen-venus/roots}
roots_own_tmp=
if [ -z "${XEN_VENUS_TMP-}" ]; then
    roots_own_tmp=$(mktemp -d "${TMPDIR:-/tmp}/xen-venus-XXXXXX")
    XEN_VENUS_TMP=$roots_own_tmp
fi
XEN_VENUS_LOGS=${XEN_VENUS_LOGS:-$XEN_VENUS_TMP}
export XEN_VENUS_SRC XEN_VENUS_BUILD XEN_VENUS_ROOTS XEN_VENUS_TMP XEN_VENUS_LOGS

# The code name of the machine's own suite.
host_suite()
{
    (. /etc/os-release && echo "${VERSION_CODENAME-}")
}

# is_native SUITE: whether SUITE is the machine itself.  A prepared root wins, so that a machine
# can be made to test with a root of its own suite.
is_native()
{
    [ "$1" = "$(host_suite)" ] && [ ! -e "$XEN_VENUS_ROOTS/$1/usr" ]
}

# root_path SUITE: what to put before an absolute path of the suite's files; empty when native.
root_path()
{
    is_native "$1" || printf '%s\n' "$XEN_VENUS_ROOTS/$1"
}

# in_root SUITE COMMAND...: run a command in the suite's root, in the same folder.  To run it in the
# background and kill it later, start tests/lib/enter-root itself: it becomes the command.
in_root()
{
    "$XEN_VENUS_SRC/tests/lib/enter-root" "$@"
}

# build_dir SUITE: where the daemon and the test programs of the suite are built.
build_dir()
{
    printf '%s\n' "$XEN_VENUS_BUILD/$1"
}

# make_in_root SUITE ARGUMENT...: make, leaving configure and Makefile.in alone: the roots share the
# source tree and have different versions of autotools, so one of them made those (quickstart).
make_in_root()
{
    local suite=$1
    shift
    in_root "$suite" make -j"$(nproc)" ACLOCAL=: AUTOCONF=: AUTOHEADER=: AUTOMAKE=: "$@"
}

# icd SUITE NAME: the path, inside the root, of a Vulkan driver's manifest.  Debian 12 and 13 add
# the architecture to the name of some.
icd()
{
    local root file
    root=$(root_path "$1")
    for file in "$root"/usr/share/vulkan/icd.d/"$2"_icd*.json; do
        [ -e "$file" ] || { echo "no Vulkan driver $2 in $1" >&2; return 1; }
        printf '%s\n' "${file#"$root"}"
        return
    done
}

# native_env SUITE: assignments for env(1) that select the suite's software driver, lavapipe; or with
# XEN_VENUS_DRIVER=any all drivers of the machine's own.
native_env()
{
    local root file files=
    if [ "${XEN_VENUS_DRIVER:-lvp}" = any ]; then
        root=$(root_path "$1")
        for file in "$root"/usr/share/vulkan/icd.d/*.json "$root"/etc/vulkan/icd.d/*.json; do
            case $file in
            */virtio_icd* | */gfxstream_vk_icd* | *'*'*) ;;
            *) files+=:${file#"$root"} ;;
            esac
        done
        files=${files#:}
    else
        files=$(icd "$1" lvp) || return
    fi
    echo "VK_DRIVER_FILES=$files"
}

# venus_env SUITE SOCKET: assignments for env(1) that select the suite's Venus driver as client of a
# daemon.
venus_env()
{
    local file
    file=$(icd "$1" virtio) &&
        echo "VK_DRIVER_FILES=$file VN_DEBUG=vtest VTEST_SOCKET_NAME=$2"
}

declare -A daemon_pids daemon_logs

# Leave nothing behind.  A script with an EXIT trap of its own calls this in it.
roots_cleanup()
{
    local socket
    for socket in "${!daemon_pids[@]}"; do
        stop_daemon "$socket"
    done
    [ -z "$roots_own_tmp" ] || rm -rf "$roots_own_tmp"
}
trap roots_cleanup EXIT

# wait_for_socket SOCKET PID [LOG]: until somebody listens there; fails when PID ends or after 10 s.
wait_for_socket()
{
    local i
    for ((i = 0; i < 200; i++)); do
        grep -q " 00010000 [^/]* $1\$" /proc/net/unix && return 0
        kill -0 "$2" 2>/dev/null || break
        sleep 0.05
    done
    echo "nobody listens on $1 ${3:+($3)}" >&2
    [ -z "${3-}" ] || tail -n 20 "$3" >&2
    return 1
}

# start_daemon SUITE SOCKET [OPTION...]: start xen-venusd on lavapipe and wait until it listens.
# daemon_pid SOCKET and daemon_log SOCKET tell more; several may run at a time.  XEN_VENUSD names
# another daemon than the one in the build folder, DAEMON_ENV further assignments for env(1).
start_daemon()
{
    local suite=$1 socket=$2 log env
    shift 2
    env=$(native_env "$suite") || return
    log=$(mktemp "$XEN_VENUS_LOGS/xen-venusd-$suite-XXXXXX.log")
    rm -f "$socket"
    "$XEN_VENUS_SRC/tests/lib/enter-root" "$suite" env $env ${DAEMON_ENV-} \
        "${XEN_VENUSD:-$(build_dir "$suite")/backend/xen-venusd}" --vtest="$socket" "$@" \
        >"$log" 2>&1 </dev/null &
    daemon_pids[$socket]=$!
    daemon_logs[$socket]=$log
    wait_for_socket "$socket" "${daemon_pids[$socket]}" "$log" && return
    stop_daemon "$socket"
    return 1
}

daemon_pid()
{
    echo "${daemon_pids[$1]-}"
}

daemon_log()
{
    echo "${daemon_logs[$1]-}"
}

# stop_daemon SOCKET: SIGTERM, after 30 s SIGKILL.  Fails when the daemon had died before, did not
# end by itself, or ended with an error (a sanitizer's report, say); then the end of its log is shown.
stop_daemon()
{
    local socket=$1 pid=${daemon_pids[$1]-} status=0 i
    [ -n "$pid" ] || return 0
    unset "daemon_pids[$socket]"
    if ! kill -TERM "$pid" 2>/dev/null; then
        echo "the daemon had died" >&2
        status=1
    fi
    for ((i = 0; i < 600; i++)); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done
    kill -KILL "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null || status=$?
    # Ending by SIGTERM itself is as good as exit(0).
    [ "$status" = 143 ] && status=0
    if [ "$status" != 0 ]; then
        echo "the daemon ended with status $status" >&2
        tail -n 20 "${daemon_logs[$socket]}" >&2
    fi
    return "$status"
}
