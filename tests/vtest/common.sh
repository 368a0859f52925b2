# SPDX-License-Identifier: MIT
# What the tests with real applications have in common (bash). Each is called as
#
#   TEST.sh CLIENT HOST [OPTION...]
#
# with the suites (trixie, sid) whose applications and Venus driver, and whose daemon and lavapipe
# take part. VTEST_SERVER=virglrenderer runs a test against Debian's virgl-server instead of
# xen-venusd, which tells whether a failure is the client's or ours; VTEST_SERVER=dma-bufs against
# xen-venusd on a driver that cannot import host memory, only export dma-bufs.
. "${BASH_SOURCE[0]%/*}/../lib/roots.sh"
. "${BASH_SOURCE[0]%/*}/../bench/peer.sh"

if [ $# -lt 2 ]; then
    echo "usage: ${0##*/} CLIENT-SUITE HOST-SUITE [OPTION...]" >&2
    exit 2
fi
client=$1 host=$2
shift 2
pairing=$client-on-$host${VTEST_SERVER:+-$VTEST_SERVER}
socket=$XEN_VENUS_TMP/$client-$host-$$.sock
# Where the application is from; see need.
application_suite=$client

# dma_bufs_env: assignments for env(1) by which the host's lavapipe exports dma-bufs, also where there
# is no /dev/udmabuf, and does not import host memory. Fails unless the daemon says so, too.
dma_bufs_env()
{
    local env layer=$XEN_VENUS_TMP/hide-host-import-$host
    mkdir -p "$layer"
    in_root "$host" gcc -O2 -Wall -Wextra -Werror -shared -fPIC -o "$layer/layer.so" \
        "$XEN_VENUS_SRC/tests/vtest/hide-host-import.c" || return
    cat >"$layer/layer.json" <<END
{
    "file_format_version": "1.2.0",
    "layer": {
        "name": "VK_LAYER_XEN_VENUS_hide_host_import",
        "type": "INSTANCE",
        "library_path": "./layer.so",
        "api_version": "1.4.0",
        "implementation_version": "1",
        "description": "Hides VK_EXT_external_memory_host"
    }
}
END
    env="VK_ADD_LAYER_PATH=$layer VK_INSTANCE_LAYERS=VK_LAYER_XEN_VENUS_hide_host_import"
    [ -w /dev/udmabuf ] || env+=" LD_PRELOAD=$(udmabuf_stand_in "$host")" || return
    in_root "$host" env $(native_env "$host") $env "$(build_dir "$host")/backend/xen-venusd" \
        --list-gpus | grep -q '^ *memory *dma-buf$' || return
    echo "$env"
}

# start_server [OPTION...]: the server of the pairing, listening on $socket.
start_server()
{
    local env
    case ${VTEST_SERVER-} in
    '') start_daemon "$host" "$socket" "$@" ;;
    dma-bufs)
        env=$(dma_bufs_env) || { echo "$host's lavapipe offers no dma-bufs" >&2; return 1; }
        DAEMON_ENV="${DAEMON_ENV-} $env" start_daemon "$host" "$socket" "$@"
        ;;
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
    [ "$application_suite" = "$client" ] || env+=" VK_DRIVER_FILES=$XEN_VENUS_TMP/virtio_icd.json"
    in_root "$application_suite" timeout -k 2 "$limit" env -u DISPLAY -u WAYLAND_DISPLAY $env "$@"
}

# borrow FILE: have through_venus run sid's application, with the client's Venus driver all the same,
# when the client's suite has no such FILE.  Fails when sid has none either.
borrow()
{
    local driver=libvulkan_virtio.so root
    root=$(root_path "$client")
    [ ! -e "$root$1" ] || return 0
    application_suite=sid
    if [ ! -e "$(root_path sid)$1" ]; then
        echo "# neither $client nor sid has $1"
        return 1
    fi
    echo "# sid's application with $client's $driver"
    cp -L "$root"/usr/lib/*/$driver "$XEN_VENUS_TMP" &&
        sed "s|\"$driver\"|\"$XEN_VENUS_TMP/$driver\"|" "$root$(icd "$client" virtio)" \
            >"$XEN_VENUS_TMP/virtio_icd.json"
}

# need FILE: the same, and without one the test ends as skipped (77).
need()
{
    borrow "$1" || exit 77
}
