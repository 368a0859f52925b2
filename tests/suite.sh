#!/bin/bash
# SPDX-License-Identifier: MIT
# The list of all tests; ./quickstart check prepares the machine and runs it.  See lib/runner.sh
# for run, group and skip, and lib/roots.sh for what a test may use.
set -u
cd "$(dirname "$0")/.."
. tests/lib/roots.sh
. tests/lib/runner.sh
lib=$XEN_VENUS_SRC/tests/lib
build=$lib/build
make_check=$lib/make-check

# ---- builds: gcc and clang, every registry, and the unit tests in each ----

# What the daemons and programs of the pairings below are.
builds()
{
    run build-trixie-gcc 900 "$build" trixie "$(build_dir trixie)" "all check-programs" \
        --enable-werror
    run build-sid-clang 900 "$build" sid "$(build_dir sid)" "all check-programs" \
        --enable-werror CC=clang
    # What a new user sees: on Debian 12, in a Debian 13 root, and on a Debian 13 machine, played by
    # the root itself.
    run quickstart 600 ./quickstart
    if ! is_native trixie; then
        run quickstart-debian13 600 "$lib/enter-root" trixie ./quickstart
    fi
}

# Unit tests in which several threads work at the same time.
with_threads="tests/unit/drain tests/unit/imports tests/unit/object tests/unit/pages
    tests/unit/queue tests/unit/resource tests/unit/ring tests/unit/transport
    tests/device/render-lies tests/device/render-test tests/device/test-dma-buf
    tests/device/test-processes tests/device/test-syscalls tests/vtest/test-daemon
    tests/vtest/test-protocol tests/vtest/test-sync"

# fuzz TARGET SECONDS
fuzz()
{
    run "fuzz-$1-${2}s" $((2 * $2 + 60)) "$lib/enter-root" trixie \
        env top_builddir="$XEN_VENUS_BUILD/asan" VK_REGISTRY=/usr/share/vulkan/registry/vk.xml \
        tests/fuzz/run "$1" "$2"
}

units()
{
    group check-trixie-gcc 600 "$make_check" trixie "$(build_dir trixie)"
    # The decoder's test takes longest; where it is not the first of its kind one round will do.
    group check-sid-clang 600 env WIRE_ROUNDS=1 "$make_check" sid "$(build_dir sid)"

    # Debian 12 can build, but has no Venus driver to run against.
    if [ "$(host_suite)" = bookworm ]; then
        run build-bookworm-gcc 900 "$build" bookworm "$(build_dir bookworm)" "all check-programs" \
            --enable-werror
        group check-bookworm-gcc 600 env WIRE_ROUNDS=1 \
            "$make_check" bookworm "$(build_dir bookworm)"
    fi

    # The Vulkan programs, which need glslangValidator, are clients: they are left out here.
    run build-asan 900 "$build" trixie "$XEN_VENUS_BUILD/asan" "all check-programs" \
        --enable-werror --enable-sanitizer=address,undefined --enable-fuzzer \
        CC=clang CFLAGS="-g1 -O1" ac_cv_prog_GLSLANG=
    group check-asan 1200 env WIRE_ROUNDS=1 "$make_check" trixie "$XEN_VENUS_BUILD/asan"
    fuzz decoder 60
    fuzz device 30
    run build-tsan 900 "$build" trixie "$XEN_VENUS_BUILD/tsan" "all check-programs" \
        --enable-werror --enable-sanitizer=thread CFLAGS="-g1 -O1" ac_cv_prog_GLSLANG=
    group check-tsan 1200 "$make_check" trixie "$XEN_VENUS_BUILD/tsan" $with_threads
    # Whether all files are there does not depend on how they are optimised.
    run distcheck 900 env WIRE_ROUNDS=1 DISTCHECK_CONFIGURE_FLAGS=CFLAGS=-O0 \
        "$build" trixie "$(build_dir trixie)" distcheck --enable-werror
    run dist-complete 60 tests/lib/dist-complete "$(build_dir trixie)"
    # With the sanitizers' eyes on the daemon and its children, to their ends.
    local asan="env XEN_VENUSD=$XEN_VENUS_BUILD/asan/backend/xen-venusd"
    group programs-asan 600 $asan tests/vtest/programs.sh sid trixie
    run kill-clients-asan 300 $asan tests/vtest/kill-clients.sh sid trixie 60
}

# ---- applications through Venus: Mesa of Debian 13 and of sid on either side ----

# applications CLIENT
applications()
{
    local client=$1 host
    for host in trixie sid; do
        run "vulkaninfo-$client-on-$host" 300 tests/vtest/vulkaninfo.sh $client $host
        group "programs-$client-on-$host" 900 tests/vtest/programs.sh $client $host
        group "validate-$client-on-$host" 900 tests/vtest/validate.sh $client $host
        group "vkmark-$client-on-$host" 600 tests/vtest/vkmark.sh $client $host
        group "ggml-$client-on-$host" 1500 tests/vtest/ggml.sh $client $host
        run "ffmpeg-$client-on-$host" 300 tests/vtest/ffmpeg.sh $client $host
    done
}

# Many drivers of ARM's GPUs cannot import host memory.
dma_bufs()
{
    group programs-dma-bufs 900 env VTEST_SERVER=dma-bufs tests/vtest/programs.sh sid sid
    group validate-dma-bufs 900 env VTEST_SERVER=dma-bufs tests/vtest/validate.sh sid sid
}

# ---- what clients and servers do when nothing goes on, or when they are killed ----

lifetimes()
{
    for suite in trixie sid; do
        run "recorded-$suite" 400 tests/wire/recorded.sh $suite $suite
        group "idle-$suite" 300 tests/vtest/idle.sh $suite $suite
        run "kill-clients-$suite" 600 tests/vtest/kill-clients.sh $suite $suite
        group "kill-server-$suite" 300 tests/vtest/kill-server.sh $suite $suite
    done
}

# ---- Xen, Dom0 and guests of ARM64, emulated; see tests/xen/README.md ----

# It takes longest, so it goes first where processors are scarce.
xen()
{
    [ "$(id -u)" != 0 ] || renice -n -5 -p $BASHPID >/dev/null
    run xen-prepare 1800 tests/xen/prepare
    group xen-module 900 tests/xen/module-build
    group xen-gpu 1800 tests/xen/gpu.py bed window old-kernel per-blob
    group xen-faults 1800 tests/xen/faults.py
    group xen-manager 900 tests/xen/manager.py
    group xen-service 900 tests/xen/service.py
    skip xen-figures "by hand, for the time they take: tests/xen/gpu.py costs attach"
    skip xen-shim "by hand, for the time it takes: tests/xen/shim.py"
}

# With much more than two processors can do at a time, all would spend theirs on waiting for each other.
# Lifetimes mostly sleep, and Xen keeps a processor busy; applications come when it is nearly done.
here()
{
    builds
    lane lifetimes lifetimes
    units
    lane applications applications trixie
    applications sid
    dma_bufs
    join_lanes
}

lane here here
lane xen xen
join_lanes
summary
