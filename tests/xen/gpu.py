#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Vulkan in guests: the same results as in Dom0, by each way to share memory,
several programs and guests at a time, and what it costs in hypercalls and notifications."""
from harness import Group, expect
from testbed import TestBed
from venus import (DEVICE_NAME, PROGRAM_SECONDS, Daemon, Leftovers, Native, counters, gpu_guest)


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
    for what in ("submit", "call"):
        with group.part(f"cost-of-{what}s"):
            more = cost(daemon, guest, f"latency {what}", 20, 120)
            # The program adds a tenth to warm up.
            show(what, 110, more)
            expect(more["hypercalls_memory"] == 0 and more["hypercalls_grant_table"] == 0,
                   f"{what}s cost hypercalls: {more}")


def main():
    group = Group()
    with TestBed() as bed, Daemon(bed) as daemon:
        native, leftovers = Native(bed), Leftovers(bed)
        with gpu_guest(bed, "foreign", "hostmem=128M,window=foreign") as one:
            with group.part("device-name"):
                summary = one.run("vulkaninfo --summary", PROGRAM_SECONDS).out
                expect(DEVICE_NAME in summary, summary)
            compare(group, one, native, ("compute", "triangle", "mapping"))
            with group.part("two-programs"):
                at_once(native, (one, one), "compute")
            check_costs(group, daemon, one)
            with gpu_guest(bed, "grant", "hostmem=64M,window=grant", suite="sid") as two:
                compare(group, two, native, ("compute", "mapping"))
                with group.part("two-guests"):
                    at_once(native, (one, two), "triangle")
        with gpu_guest(bed, "per-blob", "hostmem=64M,mapping=per-blob") as one:
            compare(group, one, native, ("compute", "mapping"))
        with group.part("nothing-left"):
            leftovers.check()
        with group.part("daemon-ends"):
            daemon.stop()
    group.end()


main()
