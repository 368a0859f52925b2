#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""demo.py PICTURE.ppm: Vulkan in a Xen guest, for ./quickstart xen."""
import base64
import gzip
import re
import sys
import time

from testbed import Failure, TestBed
from venus import LAVAPIPE, PROGRAM_SECONDS, SERVICE_OPTIONS, Service, counters, gpu_guest

GPU = "hostmem=128M"


def say(text):
    print(f"\n== {text}", flush=True)


def device(text):
    """"NAME, Vulkan VERSION" of the first device in vulkaninfo --summary."""
    name, version = (re.search(rf"{key} *= (.*)", text)[1] for key in ("deviceName", "apiVersion"))
    return f"{name}, Vulkan {version}"


def draw(machine, command):
    """The picture that the triangle program draws, as a PPM file."""
    text = machine.run(f"{command} triangle --output /tmp/triangle.ppm >/dev/null && "
                       "gzip -c /tmp/triangle.ppm | base64", PROGRAM_SECONDS).out
    return gzip.decompress(base64.b64decode(text))


def demonstrate(bed, daemon, picture):
    dom0 = bed.dom0
    print(f"  Xen {dom0.run('xl info xen_version').out.strip()}, "
          f"Linux {dom0.run('uname -r').out.strip()} in Dom0, xen-venusd serves: systemd says "
          f"{daemon.shows('ActiveState')}")
    say(f'A guest with gpu = [ "{GPU}" ] in its xl configuration')
    with gpu_guest(bed, "demo", GPU, limit=120) as guest:
        print(dom0.run("xen-venus list").out, end="")
        say("Device, by vulkaninfo")
        print("  Dom0:  " + device(dom0.run(f"{LAVAPIPE} vulkaninfo --summary",
                                            PROGRAM_SECONDS).out))
        print("  guest: " + device(guest.run("vulkaninfo --summary", PROGRAM_SECONDS).out))
        say("Compute shaders")
        outputs = [machine.run(f"{command} compute", PROGRAM_SECONDS).out
                   for machine, command in ((dom0, LAVAPIPE), (guest, ""))]
        if outputs[0] != outputs[1]:
            raise Failure(f"the guest computes something else:\n{outputs[1]}")
        print(f"  {len(outputs[1].splitlines())} results, equal to Dom0's")
        say("Picture")
        drawn = draw(guest, "")
        if drawn != draw(dom0, LAVAPIPE):
            raise Failure("the guest's picture differs from Dom0's")
        with open(picture, "wb") as file:
            file.write(drawn)
        print("  equal to Dom0's bit by bit")
        say("What it took, by the guest module's counters")
        requests = daemon.gpu("demo")["stats"]["requests"]
        seen = counters(guest)
        print(f"  {requests['RESOURCE_CREATE_BLOB']} blobs mapped into the window, "
              f"{seen['hypercalls_memory']} memory and {seen['hypercalls_grant_table']} grant table "
              "hypercalls since it was shared")


def main():
    start = time.monotonic()
    say("Booting Xen and Dom0 in QEMU's emulation (a minute)")
    try:
        with TestBed(dom0_options=SERVICE_OPTIONS) as bed, Service(bed) as daemon:
            demonstrate(bed, daemon, sys.argv[1])
    except Failure as error:
        sys.exit(f"demo: {error}")
    print(f"\n  all in {time.monotonic() - start:.0f} s")


main()
