#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""xen-venusd as a service of systemd, in all that its unit forbids it: it becomes ready, serves guests
by each way to share memory, comes back when it crashes, and leaves nothing when it is stopped."""
from harness import Group, expect
from testbed import TestBed
from venus import (PROGRAM_SECONDS, SERVICE_OPTIONS, UNIT, Native, Service, complaints, gpu_guest,
                   until, wait_gpu)

WAYS = ("window=grant", "mapping=per-blob")


def compare(guest, native):
    native.compare("compute", guest.attempt("compute", PROGRAM_SECONDS))


def attach(service, guest, way):
    """Give the guest another GPU instead of the one that it has."""
    service.tool(f"detach {guest.name}")
    until(guest.channel, "! ls /dev/dri/renderD*")
    service.tool(f"attach {guest.name} hostmem=32M,{way}")
    wait_gpu(guest)


def crash(service, guest):
    service.dom0.run(f"kill -SEGV {service.shows('MainPID')}")
    until(service.dom0, f"[ $(systemctl show --value -p NRestarts {UNIT}) = 1 ]")
    service.start()
    # The guest's old device goes first.
    until(guest.channel, "latency submit --iterations 1 >/dev/null 2>&1")


def check(group, service, guest, native):
    with group.part("window=foreign"):
        compare(guest, native)
    for way in WAYS:
        with group.part(way):
            attach(service, guest, way)
            compare(guest, native)
    with group.part("crash"):
        crash(service, guest)
        compare(guest, native)


def main():
    group = Group()
    with TestBed(dom0_options=SERVICE_OPTIONS) as bed, Service(bed) as service:
        native = Native(bed)
        # For per-blob; Linux' default is 4 MiB.
        bed.dom0.run("echo 32768 >/sys/module/xen_gntalloc/parameters/limit")
        with group.part("guest"), gpu_guest(bed, "guest", "hostmem=32M,window=foreign") as guest:
            check(group, service, guest, native)
        with group.part("stop"):
            service.stop()
            left = bed.dom0.attempt("pidof xen-venusd").out
            expect(not left, f"processes are left: {left}")
            complaints(bed.dom0)
    group.end()


main()
