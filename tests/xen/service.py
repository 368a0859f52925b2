#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""xen-venusd as a service of systemd, in all that its unit forbids it: it becomes ready, serves guests
by each way to share memory, comes back when it crashes, and leaves nothing when it is stopped."""
from harness import Group, expect
from testbed import TestBed
from venus import PROGRAM_SECONDS, Native, complaints, gpu_guest, until, wait_gpu

UNIT = "xen-venusd.service"
WAYS = ("window=grant", "mapping=per-blob")
# Caches of the whole system need not be made, as they are after an update.
DOM0_OPTIONS = "dom0_services systemd.show_status=no systemd.condition-needs-update=no"


class Service:
    """The unit in Dom0."""

    def __init__(self, dom0):
        self.dom0 = dom0

    def wait_active(self):
        until(self.dom0, f"systemctl is-active {UNIT}")

    def shows(self, name):
        return self.dom0.run(f"systemctl show --value -p {name} {UNIT}").out.strip()

    def processes(self):
        return self.dom0.attempt("pidof xen-venusd").out.split()


def compare(guest, native):
    native.compare("compute", guest.attempt("compute", PROGRAM_SECONDS))


def attach(bed, guest, way):
    """Give the guest another GPU instead of the one that it has."""
    bed.dom0.run(f"xen-venus detach {guest.name}")
    until(guest.channel, "! ls /dev/dri/renderD*")
    bed.dom0.run(f"xen-venus attach {guest.name} hostmem=32M,{way}")
    wait_gpu(guest)


def crash(service, guest):
    service.dom0.run(f"kill -SEGV {service.shows('MainPID')}")
    until(service.dom0, f"[ $(systemctl show --value -p NRestarts {UNIT}) = 1 ]")
    service.wait_active()
    # The guest's old device goes first.
    until(guest.channel, "compute >/dev/null 2>&1")


def stop(service):
    service.dom0.run(f"systemctl stop {UNIT}", PROGRAM_SECONDS)
    expect(not service.processes(), f"left: {service.processes()}")
    expect(service.shows("Result") == "success", f"it ended with {service.shows('Result')}")


def main():
    group = Group()
    with TestBed(dom0_options=DOM0_OPTIONS) as bed:
        service, native = Service(bed.dom0), Native(bed)
        with group.part("ready"):
            service.wait_active()
        # For per-blob; Linux' default is 4 MiB.
        bed.dom0.run("echo 32768 >/sys/module/xen_gntalloc/parameters/limit")
        with gpu_guest(bed, "guest", "hostmem=32M,window=foreign") as guest:
            with group.part("window=foreign"):
                compare(guest, native)
            for way in WAYS:
                with group.part(way):
                    attach(bed, guest, way)
                    compare(guest, native)
            with group.part("crash"):
                crash(service, guest)
                compare(guest, native)
        with group.part("stop"):
            stop(service)
        complaints(bed.dom0)
        print(bed.dom0.attempt(f"journalctl -b --no-pager -u {UNIT}").out)
    group.end()


main()
