# SPDX-License-Identifier: MIT
# Debian's virglrenderer vtest server as a peer to compare with (bash; wants lib/roots.sh).

# udmabuf_stand_in SUITE: build the preload object of that suite once and print its path.
udmabuf_stand_in()
{
    local object=$XEN_VENUS_TMP/udmabuf-stand-in-$1.so
    [ -e "$object" ] ||
        in_root "$1" gcc -O2 -shared -fPIC -o "$object" \
            "$XEN_VENUS_SRC/tests/bench/udmabuf-stand-in.c" -ldl || return
    echo "$object"
}

# start_peer SUITE SOCKET [no-udmabuf]: start virgl_test_server on the suite's lavapipe and wait
# until it listens. Where the kernel has no /dev/udmabuf it gets a stand-in, unless told not to.
# stop_daemon, daemon_pid and daemon_log work as for our own daemon.
start_peer()
{
    local suite=$1 socket=$2 preload= env log
    if [ "${3-}" != no-udmabuf ] && [ ! -w /dev/udmabuf ]; then
        preload=$(udmabuf_stand_in "$suite") || return
    fi
    env=$(native_env "$suite") || return
    log=$(mktemp "$XEN_VENUS_LOGS/virglrenderer-$suite-XXXXXX.log")
    rm -f "$socket"
    "$XEN_VENUS_SRC/tests/lib/enter-root" "$suite" env $env ${preload:+LD_PRELOAD=$preload} \
        virgl_test_server --venus --no-virgl --socket-path="$socket" >"$log" 2>&1 </dev/null &
    daemon_pids[$socket]=$!
    daemon_logs[$socket]=$log
    wait_for_socket "$socket" "${daemon_pids[$socket]}" "$log" && return
    stop_daemon "$socket"
    return 1
}

# peer_version SUITE: of the virgl-server package.
peer_version()
{
    in_root "$1" dpkg-query -W -f '${Version}\n' virgl-server
}
