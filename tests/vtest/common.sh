# SPDX-License-Identifier: MIT
# What the tests with real applications have in common (bash). Each is called as
#
#   TEST.sh CLIENT HOST [OPTION...]
#
# with the suites (trixie, sid) whose applications and Venus driver, and whose daemon and lavapipe
# take part. VTEST_SERVER=virglrenderer runs a test against Debian's virgl-server instead of
# xen-venusd, which tells whether a failure is the client's or ours.
. "${BASH_SOURCE[0]%/*}/../lib/roots.sh"
. "${BASH_SOURCE[0]%/*}/../bench/peer.sh"

if [ $# -lt 2 ]; then
    echo "usage: ${0##*/} CLIENT-SUITE HOST-SUITE [OPTION...]" >&2
    exit 2
fi
client=$1 host=$2
shift 2
pairing=$client-on-$host
socket=$XEN_VENUS_TMP/$client-$host-$$.sock

# start_server [OPTION...]: the server of the pairing, listening on $socket.
start_server()
{
    case ${VTEST_SERVER-} in
    '') start_daemon "$host" "$socket" "$@" ;;
    virglrenderer) start_peer "$host" "$socket" ;;
    *)
        echo "unknown VTEST_SERVER $VTEST_SERVER" >&2
        return 1
        ;;
    esac
}

# natively SUITE SECONDS COMMAND...: run on the suite's own lavapipe. Assignments may precede the
# command, as with env(1).
natively()
{
    local suite=$1 limit=$2 env
    shift 2
    env=$(native_env "$suite") || return
    in_root "$suite" timeout -k 2 "$limit" env -u DISPLAY -u WAYLAND_DISPLAY $env "$@"
}

# through_venus SECONDS COMMAND...: the same with the client's Venus driver and the server.
through_venus()
{
    local limit=$1 env
    shift
    env=$(venus_env "$client" "$socket") || return
    in_root "$client" timeout -k 2 "$limit" env -u DISPLAY -u WAYLAND_DISPLAY $env "$@"
}

# need SUITE FILE: end as skipped (77) if the suite lacks a program.
need()
{
    [ -e "$(root_path "$1")$2" ] && return
    echo "$1 has no $2"
    exit 77
}
