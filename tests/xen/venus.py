# SPDX-License-Identifier: MIT
"""xen-venusd in Dom0 of a TestBed, guests with virtual GPUs, and what Xen and Linux know of them."""
import contextlib
import json
import os
import re

from harness import expect
from testbed import LOGS, Failure

# Less optimised shaders compile faster, which counts for more here than how fast they run.
LAVAPIPE = ("env GALLIVM_PERF=nopt MESA_SHADER_CACHE_DISABLE=1 "
            "VK_DRIVER_FILES=/usr/share/vulkan/icd.d/lvp_icd.json")
DEVICE_NAME = "Virtio-GPU Venus (llvmpipe"
LOG = "/var/log/xen-venusd.log"
PID_FILE = "/run/xen-venusd.pid"
UNIT = "xen-venusd.service"
LAST_MESSAGES = f"tail -n 40 {LOG} 2>/dev/null || journalctl --no-pager -n 40 -u {UNIT}"
# Caches of the whole system need not be made, as they are after an update.
SERVICE_OPTIONS = "dom0_services systemd.show_status=no systemd.condition-needs-update=no"
DAY = 86400
# Limits for what takes seconds on a quiet machine.
PROGRAM_SECONDS = 600
SOON = 240
# Of kernels' complaints.  Stock virtio_gpu leaves objects behind when its device goes while a
# program has it open, and never begins the fences of requests that come too late.
COMPLAINT = re.compile(r"(BUG:|WARNING:(?!.* (drm_mm_takedown|virtio_gpu_fence_signaled))|Oops|"
                       r"refcount_t|use-after-free|soft lockup|blocked for more|is not a head)")


def until(channel, condition, limit=SOON):
    """Wait for a shell command to succeed."""
    result = channel.attempt(f"until {condition}; do sleep 0.2; done >/dev/null 2>&1", limit)
    if result.status != 0:
        raise Failure(f"{channel.name}: not within {limit} s: {condition}")


class Daemon:
    """xen-venusd --xen; may be killed and started again."""

    def __init__(self, bed):
        self.dom0 = bed.dom0
        self.job = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.dom0.attempt(f"kill $(cat {PID_FILE})")
        with open(os.path.join(LOGS, "xen-venusd.log"), "a", encoding="utf-8") as kept:
            kept.write(self.dom0.attempt(f"cat {LOG}").out)

    def start(self):
        self.job = self.dom0.start(f"echo $$ >{PID_FILE}; exec {LAVAPIPE} xen-venusd --xen "
                                   f"--log-level=debug >>{LOG} 2>&1", DAY)
        until(self.dom0, "xen-venus list")

    def stop(self):
        """End it as a service manager would."""
        self.dom0.run(f"kill $(cat {PID_FILE})")
        expect(self.job.wait().status == 0, f"xen-venusd ended badly:\n{self.log()}")

    def log(self):
        return self.dom0.attempt(LAST_MESSAGES).out

    def tool(self, arguments, limit=SOON):
        """What xen-venus says, as an object."""
        return json.loads(self.dom0.run(f"xen-venus --json {arguments}", limit).out)

    def gpu(self, name, number=0):
        return self.tool(f"info {name}")["guest"]["gpus"][number]

    def render_pids(self, name):
        """Render processes of a guest, the oldest first."""
        device = self.gpu(name)["pid"]
        return [int(pid) for pid in self.dom0.attempt(f"pgrep -P {device}").out.split()]


class Service(Daemon):
    """xen-venusd as a service, in a TestBed with dom0_options=SERVICE_OPTIONS."""

    def start(self):
        until(self.dom0, f"systemctl is-active {UNIT}")

    def stop(self):
        self.dom0.run(f"systemctl stop {UNIT}", PROGRAM_SECONDS)
        expect(self.shows("Result") == "success", f"xen-venusd ended badly:\n{self.log()}")

    def __exit__(self, *_):
        with open(os.path.join(LOGS, "xen-venusd.log"), "a", encoding="utf-8") as kept:
            kept.write(self.dom0.attempt(f"journalctl --no-pager -u {UNIT}").out)

    def shows(self, name):
        """A property of the unit."""
        return self.dom0.run(f"systemctl show --value -p {name} {UNIT}").out.strip()


@contextlib.contextmanager
def gpu_guest(bed, name, gpu, suite="trixie", frames=64, limit=SOON):
    """A guest with the GPU that an entry of gpu = [ ... ] describes."""
    config = [f'gpu = [ "{gpu}" ]', f"max_grant_frames = {frames}"]
    with bed.guest(name, suite=suite, config=config) as guest:
        wait_gpu(guest, limit)
        yield guest
        complaints(guest)


def wait_gpu(guest, limit=SOON):
    try:
        until(guest.channel, "ls /dev/dri/renderD*", limit)
    except Failure as failure:
        says = "\n".join(machine.attempt(command, SOON).out[-3000:] for machine, command in (
            (guest, "dmesg"), (guest.bed.dom0, LAST_MESSAGES),
            (guest.bed.dom0, "xenstore-ls -f | grep vgpu"), (guest.bed.dom0, "xl list")))
        raise Failure(f"{failure}\n{says}") from failure


def complaints(machine):
    """Fail when the kernel of Dom0 or a guest has seen something bad."""
    log = machine.run("dmesg").out
    found = [line for line in log.splitlines() if COMPLAINT.search(line)]
    expect(not found, "the kernel complains:\n" + "\n".join(found) + f"\n{log[-4000:]}")


class Native:
    """What programs print on Dom0's own driver."""

    def __init__(self, bed):
        self.dom0 = bed.dom0
        self.outputs = {}

    def output(self, program):
        if program not in self.outputs:
            self.outputs[program] = self.dom0.run(f"{LAVAPIPE} {program}", PROGRAM_SECONDS).out
        return self.outputs[program]

    def compare(self, program, result):
        expect(result.status == 0, f"{program}: status {result.status}\n{result.err}")
        expect(DEVICE_NAME in result.err, f"{program} ran on another device: {result.err}")
        expect(result.out == self.output(program),
               f"{program} differs from native:\n{result.out[-1000:]}")


def counters(guest):
    """The module's counters of its first device."""
    text = guest.run("cat /sys/kernel/debug/virtio_xenbus/*/counters").out
    return {name: int(value) for name, value in (line.split() for line in text.splitlines())}


def xen_says(bed, key):
    """The answer to one of Xen's debug keys."""
    return bed.dom0.run(f"xl dmesg -c >/dev/null; xl debug-keys {key}; sleep 0.5; xl dmesg", SOON).out


def mapped_grants(bed):
    """{domain: how many of its grants others have mapped}"""
    found, domain = {}, None
    for line in xen_says(bed, "g").splitlines():
        head = re.search(r"grant-table for remote d(\d+)", line)
        if head:
            domain = int(head[1])
        elif re.search(r"\[0x[0-9a-f]+\]", line):
            found[domain] = found.get(domain, 0) + 1
    return found


def event_channels(bed):
    """How many ports Dom0 has in use."""
    text = xen_says(bed, "e").split("Event channel information for domain 1")[0]
    return len(re.findall(r"\[\d/\d/.*\]: s=[^0]", text))


class Leftovers:
    """Compares what there is in Dom0 with what there was before any guest had a GPU."""

    def __init__(self, bed):
        self.bed = bed
        self.before = self.look()

    def look(self):
        run = self.bed.dom0.run
        return {
            "domains": run("xl list | tail -n +2 | awk '{ print $1 }'").out.split(),
            "mapped grants": mapped_grants(self.bed),
            "event channels": event_channels(self.bed),
            "nodes in xenstore": run(
                "xenstore-ls -f | grep -E 'vgpu/|xen-venus/|/none/' || true").out.splitlines(),
            "processes": run("ps -o comm | grep -i venus | sort").out.split(),
            "free memory": int(run("xl info free_memory").out),
        }

    def check(self):
        # Dead domains and what they held go piece by piece.
        until(self.bed.dom0, "! xl list | grep -q '(null)'")
        now = self.look()
        wrong = [f"{what}: {self.before[what]} before, {now[what]} now"
                 for what in now if what != "free memory" and now[what] != self.before[what]]
        # Xen itself keeps a little of what it once needed.
        if self.before["free memory"] - now["free memory"] > 4:
            wrong.append(f"free memory: {self.before['free memory']} MiB before, "
                         f"{now['free memory']} now")
        expect(not wrong, "\n".join(wrong))
        complaints(self.bed.dom0)
