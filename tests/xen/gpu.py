#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gpu.py [CHECK...]: Vulkan in guests: the same results as in Dom0, by each way to share memory,
several programs and guests at a time, and what it costs in hypercalls and notifications.  A CHECK
is a key of CHECKS below; all by default."""
import sys
import time

from harness import Group, expect
from testbed import TestBed
from venus import (DEVICE_NAME, PROGRAM_SECONDS, Daemon, Leftovers, Native, counters, gpu_guest,
                   until, wait_gpu)


def compare(group, guest, native, programs):
    for program in programs:
        with group.part(f"{guest.name}-{program}"):
            native.compare(program, guest.attempt(program, PROGRAM_SECONDS))


def at_once(native, guests, program):
    """Run a program in these guests (one may be there twice) at the same time."""
    for job in [guest.start(program, PROGRAM_SECONDS) for guest in guests]:
        native.compare(program, job.wait())


def cost(daemon, guest, command, few, many):
    """What `many` rounds of a command take more than `few`: the guest's counters and requests."""
    figures = []
    for rounds in (few, many):
        before, requests = counters(guest), daemon.gpu(guest.name)["stats"]["requests"]
        guest.run(f"{command} --iterations {rounds}", PROGRAM_SECONDS)
        after, requests_after = counters(guest), daemon.gpu(guest.name)["stats"]["requests"]
        figures.append({name: after[name] - before[name] for name in after} |
                       {name: n - requests.get(name, 0) for name, n in requests_after.items()})
    return {name: figures[1].get(name, 0) - figures[0].get(name, 0) for name in figures[1]}


def show(what, count, more):
    print(f"# per {what}: " + ", ".join(
        f"{more[name] / count:.3f} {name}" for name in (
            "hypercalls_memory", "hypercalls_grant_table", "hypercalls_event_channel",
            "notifications_received")))


def check_costs(group, daemon, guest):
    with group.part("cost-of-blobs"):
        more = cost(daemon, guest, "allocbench", 20, 120)
        blobs = more["RESOURCE_CREATE_BLOB"]
        expect(blobs >= 100, f"only {blobs} blobs for 100 allocations")
        show("blob", blobs, more)
        expect(more["hypercalls_memory"] == 0 and more["hypercalls_grant_table"] == 0,
               f"blobs in the window cost hypercalls: {more}")
    with group.part("cost-of-frames"):
        more = cost(daemon, guest, "triangle", 5, 55)
        show("frame", 50, more)
        expect(more["hypercalls_memory"] == 0 and more["hypercalls_grant_table"] == 0,
               f"frames cost hypercalls: {more}")
    for what in ("submit", "call"):
        with group.part(f"cost-of-{what}s"):
            more = cost(daemon, guest, f"latency {what}", 20, 120)
            # The program adds a tenth to warm up.
            show(what, 110, more)
            expect(more["hypercalls_memory"] == 0 and more["hypercalls_grant_table"] == 0,
                   f"{what}s cost hypercalls: {more}")


def check_foreign(group, bed, daemon, native):
    with gpu_guest(bed, "foreign", "hostmem=128M,window=foreign") as guest:
        with group.part("device-name"):
            summary = guest.run("vulkaninfo --summary", PROGRAM_SECONDS).out
            expect(DEVICE_NAME in summary, summary)
        compare(group, guest, native, ("compute", "triangle", "mapping"))
        with group.part("two-programs"):
            at_once(native, (guest, guest), "compute")
        check_costs(group, daemon, guest)


def check_grant(group, bed, _, native):
    with gpu_guest(bed, "grant", "hostmem=64M,window=grant", suite="sid") as guest:
        compare(group, guest, native, ("compute", "mapping"))


def check_old_kernel(group, bed, _, native):
    # Linux 6.1's virtio_gpu wants a scanout, and gets one where nothing is plugged in.
    with gpu_guest(bed, "old-kernel", "hostmem=64M,window=grant", suite="bookworm") as guest:
        compare(group, guest, native, ("compute", "mapping"))
        with group.part("old-kernel-scanout"):
            connected = guest.run("cat /sys/class/drm/card*-*/status").out
            expect(connected == "disconnected\n", f"connectors are {connected}")


def check_two_guests(group, bed, _, native):
    with gpu_guest(bed, "one", "hostmem=64M,window=foreign") as one, \
            gpu_guest(bed, "two", "hostmem=64M,window=grant", suite="sid") as two, \
            group.part("at-once"):
        at_once(native, (one, two), "triangle")


def check_per_blob(group, bed, _, native):
    # All that Dom0 can grant on ARM with Xen's defaults; Linux' default is 4 MiB.
    bed.dom0.run("echo 32768 >/sys/module/xen_gntalloc/parameters/limit")
    with gpu_guest(bed, "per-blob", "hostmem=64M,mapping=per-blob") as guest:
        compare(group, guest, native, ("compute", "mapping"))


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


CHECKS = {"foreign": check_foreign, "grant": check_grant, "old-kernel": check_old_kernel,
          "two-guests": check_two_guests, "per-blob": check_per_blob, "attach": check_attach}


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
