#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gpu.py [CHECK...]: Vulkan in guests: the same results as in Dom0, by each way to share memory,
several programs and guests at a time, and what it costs in hypercalls and notifications.  A CHECK
is a key of CHECKS below; all by default."""
import sys
import time

from harness import Group, expect
from testbed import TestBed
from venus import (DEVICE_NAME, PROGRAM_SECONDS, Daemon, Leftovers, Native, complaints, counters,
                   gpu_guest, until, wait_gpu)


def compare(group, guest, native, programs):
    for program in programs:
        with group.part(f"{guest.name}-{program}"):
            native.compare(program, guest.attempt(program, PROGRAM_SECONDS))


def at_once(native, *work):
    """Run programs at the same time; each of `work` is (guest, program)."""
    jobs = [(program, guest.start(program, PROGRAM_SECONDS)) for guest, program in work]
    for program, job in jobs:
        native.compare(program, job.wait())


def growth(daemon, guest, command):
    """By how much the guest's counters and its requests grow while a command runs."""
    before, requests = counters(guest), daemon.gpu(guest.name)["stats"]["requests"]
    guest.run(command, PROGRAM_SECONDS)
    after, requests_after = counters(guest), daemon.gpu(guest.name)["stats"]["requests"]
    return ({name: after[name] - before[name] for name in after} |
            {name: n - requests.get(name, 0) for name, n in requests_after.items()})


def expect_free(grown):
    expect(grown["hypercalls_memory"] == 0 and grown["hypercalls_grant_table"] == 0,
           f"it cost hypercalls for memory or grants: {grown}")


def check_hypercalls(daemon, guest):
    """Neither blobs in the window nor submissions cost any for memory."""
    grown = growth(daemon, guest, "allocbench --iterations 30")
    expect(grown["RESOURCE_CREATE_BLOB"] >= 30, f"too few blobs for 30 allocations: {grown}")
    expect_free(grown)
    expect_free(growth(daemon, guest, "latency submit --iterations 20"))


def check_costs(group, bed, daemon, _):
    """What one more blob, frame and so on costs: what many of them take more than few."""
    with gpu_guest(bed, "costs", "hostmem=128M,window=foreign") as guest:
        for what, command, few, many, count in (
                # Some programs warm up with a tenth more.
                ("blob", "allocbench", 20, 120, None), ("frame", "triangle", 5, 55, 50),
                ("submit", "latency submit", 20, 120, 110), ("call", "latency call", 20, 120, 110)):
            with group.part(f"cost-of-{what}s"):
                less, more = (growth(daemon, guest, f"{command} --iterations {rounds}")
                              for rounds in (few, many))
                more = {name: more[name] - less.get(name, 0) for name in more}
                expect_free(more)
                print(f"# per {what}: " + ", ".join(
                    f"{more[name] / (count or more['RESOURCE_CREATE_BLOB']):.3f} {name}"
                    for name in ("hypercalls_event_channel", "notifications_received")))


def check_bed(group, bed, *_):
    """The test bed itself."""
    with group.part("xen-version"):
        expect("4.20" in bed.dom0.run("xl info xen_version").out, "another Xen than 4.20")
    with group.part("exit-status"):
        result = bed.dom0.attempt("echo out; echo err >&2; exit 5")
        expect(result == (5, "out\n", "err\n"), f"the agent said {result}")
        result = bed.dom0.attempt("sleep 20", 1)
        expect(result.status == 124, f"the agent has no time limit: {result}")


def check_window(group, bed, daemon, native):
    """Both ways to share it, in two guests: the second comes while the first goes on."""
    with gpu_guest(bed, "foreign", "hostmem=128M,window=foreign") as foreign:
        with group.part("device-name"):
            summary = foreign.run("vulkaninfo --summary", PROGRAM_SECONDS).out
            expect(DEVICE_NAME in summary, summary)
        compare(group, foreign, native, ("triangle",))
        with group.part("two-programs"):
            at_once(native, (foreign, "compute"), (foreign, "mapping"))
        with group.part("no-hypercalls"):
            check_hypercalls(daemon, foreign)
        with gpu_guest(bed, "grant", "hostmem=64M,window=grant", suite="sid") as grant:
            compare(group, grant, native, ("mapping",))
            with group.part("two-guests"):
                at_once(native, (foreign, "compute"), (grant, "compute"))


def check_old_kernel(group, bed, _, native):
    # Linux 6.1's virtio_gpu wants a scanout, and gets one where nothing is plugged in.
    with gpu_guest(bed, "old-kernel", "hostmem=64M,window=grant", suite="bookworm") as guest:
        compare(group, guest, native, ("compute", "mapping"))
        with group.part("old-kernel-scanout"):
            connected = guest.run("cat /sys/class/drm/card*-*/status").out
            expect(connected == "disconnected\n", f"connectors are {connected}")


def check_hypercalls_per_page(daemon, guest):
    """Blobs of Dom0's memory are mapped and unmapped 256 pages to a hypercall."""
    grown = growth(daemon, guest, "allocbench --iterations 20")
    # 3 rounds to warm up and 20 with 64 KiB, 1 and 2 with 16 MiB.
    pages, calls = 23 * 16 + 3 * 4096, grown["hypercalls_grant_table"]
    print(f"# {calls / pages:.4f} hypercalls per page: {calls} for {pages} pages of "
          f"{grown['RESOURCE_CREATE_BLOB']} blobs and what the client has besides")
    expect(2 * pages / 256 <= calls <= 3 * (pages / 256 + grown["RESOURCE_CREATE_BLOB"]),
           f"too many or too few: {grown}")


def check_per_blob(group, bed, daemon, native):
    """In a guest that has no GPU at first."""
    # All that Dom0 can grant on ARM with Xen's defaults; Linux' default is 4 MiB.
    bed.dom0.run("echo 32768 >/sys/module/xen_gntalloc/parameters/limit")
    with bed.guest("per-blob") as guest:
        with group.part("no-gpu"):
            result = guest.attempt("vulkaninfo --summary", PROGRAM_SECONDS)
            expect(result.status != 0 and "Failed to detect any valid GPUs" in
                   result.out + result.err, f"a guest without a device has Vulkan: {result}")
        daemon.tool("attach per-blob hostmem=64M,mapping=per-blob")
        wait_gpu(guest)
        compare(group, guest, native, ("compute", "mapping"))
        with group.part("per-blob-hypercalls"):
            check_hypercalls_per_page(daemon, guest)
        complaints(guest)


def attach_seconds(bed, guest, gpu):
    """From the request to the device's file in the guest."""
    start = time.monotonic()
    bed.dom0.run(f"xen-venus attach {guest.name} {gpu}")
    wait_gpu(guest)
    seconds = time.monotonic() - start
    bed.dom0.run(f"xen-venus detach {guest.name}")
    until(guest.channel, "! ls /dev/dri/renderD*")
    return seconds


def check_attach(_, bed, __, ___):
    """What the window's size adds to the time to attach a GPU."""
    with bed.guest("attach", config=["max_grant_frames = 160"]) as guest:
        for way in ("window=foreign", "window=grant", "mapping=per-blob"):
            small, large = (attach_seconds(bed, guest, f"hostmem={size}M,{way}")
                            for size in (16, 256))
            print(f"# attach with {way}: {small:.2f} s with 16 MiB, {large:.2f} s with 256 MiB")


CHECKS = {"bed": check_bed, "window": check_window, "old-kernel": check_old_kernel,
          "per-blob": check_per_blob, "costs": check_costs, "attach": check_attach}


def main():
    group = Group()
    chosen = sys.argv[1:] or CHECKS
    with TestBed() as bed, Daemon(bed) as daemon:
        native, leftovers = Native(bed), Leftovers(bed)
        for name in chosen:
            # Also when its guest gets no GPU: the others go on.
            with group.part(name):
                CHECKS[name](group, bed, daemon, native)
        with group.part("nothing-left"):
            leftovers.check()
        with group.part("daemon-ends"):
            daemon.stop()
    group.end()


main()
