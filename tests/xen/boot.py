#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The test bed itself: Xen and Dom0 start, Vulkan works in Dom0, and a guest starts and has none."""
import re

from harness import Group, expect
from testbed import TestBed

LAVAPIPE = "VK_DRIVER_FILES=/usr/share/vulkan/icd.d/lvp_icd.json"


def main():
    group = Group()
    with TestBed() as bed:
        with group.part("dom0"):
            expect("4.20" in bed.dom0.run("xl info xen_version").out, "another Xen than 4.20")
        with group.part("native-vulkaninfo"):
            summary = bed.dom0.run(f"{LAVAPIPE} vulkaninfo --summary", 120).out
            expect(re.search(r"deviceName *= llvmpipe", summary), f"no lavapipe:\n{summary}")
        with group.part("guest"), bed.guest("guest") as guest:
            result = guest.attempt("uname -r; vulkaninfo --summary", 60)
            expect(result.status != 0 and "Failed to detect any valid GPUs" in
                   result.out + result.err, f"a guest without a device has Vulkan: {result}")
        with group.part("exit-status"):
            result = bed.dom0.attempt("echo out; echo err >&2; exit 5")
            expect(result == (5, "out\n", "err\n"), f"the agent said {result}")
            result = bed.dom0.attempt("sleep 20", 1)
            expect(result.status == 124, f"the agent has no time limit: {result}")
    group.end()


main()
