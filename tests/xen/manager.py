#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""xen-venusd as the host's administrator sees it: guests connect and crash, GPUs come and go, and
configurations and guests are wrong.  faults.py has what is killed in the middle of work."""
import json
import re
import time

from harness import Group, expect
from testbed import TestBed

LOG = "/tmp/xen-venusd.log"


class Host:
    """Dom0 with a daemon."""

    def __init__(self, dom0):
        self.dom0 = dom0

    def start_daemon(self):
        self.dom0.start(f"exec xen-venusd --xen --log-level=debug >>{LOG} 2>&1", 86400)
        self.wait_for("the daemon", lambda: self.dom0.attempt("xen-venus list").status == 0)

    def wait_for(self, what, condition, limit=240):
        deadline = time.monotonic() + limit
        while not condition():
            log = ""
            if time.monotonic() > deadline:
                log = self.dom0.attempt(f"xen-venus list; tail -n 30 {LOG}").out
            expect(not log, f"no {what} after {limit} s:\n{log}")
            time.sleep(1)

    def gpu(self, guest, number=0):
        """What the daemon says about a guest's GPU, or None."""
        answer = self.dom0.attempt(f"xen-venus --json info {guest.id}")
        gpus = json.loads(answer.out)["guest"]["gpus"] if answer.status == 0 else []
        return next((gpu for gpu in gpus if gpu["id"] == number), None)

    def state(self, guest, number=0):
        gpu = self.gpu(guest, number)
        return gpu and gpu["state"]

    def wait_connected(self, guest, number=0, other_than=None):
        """Wait until a process serves a GPU, and return its id."""
        self.wait_for("connection", lambda: self.state(guest, number) == "connected" and
                      self.gpu(guest, number)["pid"] != other_than)
        return self.gpu(guest, number)["pid"]

    def processes(self):
        """Ids of all processes of the daemon's but itself."""
        ids = self.dom0.attempt("pidof xen-venusd").out.split()
        daemon = self.dom0.run("cat /run/xen-venusd/lock").out.strip()
        return [one for one in ids if one != daemon]


def check_device(host, guest, number=0):
    """virtio_gpu in the guest works with the GPU that there is now."""
    guest.run(f"for i in $(seq 120); do [ -e /dev/dri/renderD{128 + number} ] && exit 0; sleep 0.5; "
              "done; exit 1", 90)
    stats = host.gpu(guest, number)["stats"]
    expect(stats["started"] and stats["requests"].get("GET_CAPSET_INFO"), f"it is idle: {stats}")


def check_destroyed(host, name, domid):
    """Nothing of a guest is left that was destroyed."""
    left = host.dom0.run("xl list").out
    expect("(null)" not in left and name not in left, f"{name} is still there:\n{left}")
    host.wait_for("end of the processes", lambda: not host.processes())
    for path in (f"/local/domain/0/backend/vgpu/{domid}", f"/local/domain/0/backend/none/{domid}",
                 f"/local/domain/0/xen-venus/{domid}", f"/libxl/{domid}", f"/local/domain/{domid}"):
        host.wait_for(f"end of {path}",
                      lambda path=path: host.dom0.attempt(f"xenstore-exists {path}").status)


def guest_goes_on(group, host, guest):
    """What a running guest lives through."""
    with group.part("connect"):
        host.wait_connected(guest)
        check_device(host, guest)
    with group.part("daemon-stopped"):
        pid = host.wait_connected(guest)
        host.dom0.run("kill $(cat /run/xen-venusd/lock); until ! pidof xen-venusd; do sleep 0.2; done")
        host.start_daemon()
        host.wait_connected(guest, other_than=pid)
        check_device(host, guest)
        note = host.dom0.run(f"xenstore-read /local/domain/0/xen-venus/{guest.id}/0/maxmem").out
        expect(note == "raised 65536\n", f"the guest's memory: {note}")


def gpus_come_and_go(group, host, guest):
    with group.part("detach"):
        host.dom0.run(f"xen-venus detach {guest.name}")
        expect(host.gpu(guest) is None, "the GPU is still there")
        guest.run("for i in $(seq 120); do [ -e /dev/dri/renderD128 ] || exit 0; sleep 0.5; done; exit 1")
        memory = host.dom0.run(f"xl list {guest.id}").out
        expect(re.search(rf"^{guest.name} +\d+ +512 ", memory, re.M), f"memory is kept:\n{memory}")
    with group.part("attach"):
        result = host.dom0.run(f"xen-venus attach {guest.name} hostmem=32M,window=grant")
        expect(result.out == "GPU 0\n", f"attach said {result}")
        host.wait_connected(guest)
        check_device(host, guest)
    with group.part("attach-too-large"):
        result = host.dom0.attempt(f"xen-venus attach {guest.name} hostmem=1G,window=grant")
        expect(result.status == 1 and "write max_grant_frames=" in result.err, f"it said {result}")
    with group.part("second"):
        host.dom0.run(f"xen-venus attach {guest.name} hostmem=16M,contexts=2")
        host.wait_connected(guest, 1)
        check_device(host, guest, 1)
        host.dom0.run(f"xen-venus detach {guest.name} 1")
        check_device(host, guest)


def break_rules(group, host, guest):
    """What a guest may write into its nodes."""
    nodes = f"/local/domain/{guest.id}/device/vgpu/0"
    with group.part("wrong-state"):
        pid = host.wait_connected(guest)
        host.dom0.run(f"xenstore-write {nodes}/state 77")
        host.wait_for("closed GPU", lambda: host.state(guest) == "closed")
        expect(str(pid) not in host.processes(), "the process still serves a guest that breaks rules")
        expect("not a number" in host.gpu(guest)["error"], "there is no error")
    with group.part("wrong-state-recovery"):
        guest.run("cd /sys/bus/xen/drivers/vgpu && echo vgpu-0 >unbind && echo vgpu-0 >bind")
        host.wait_connected(guest)
        check_device(host, guest)


def guests_end(group, host, bed):
    with group.part("crash"):
        with bed.guest("crash", config=['gpu = [ "hostmem=64M,window=grant" ]']) as guest:
            host.wait_connected(guest)
            # On ARM64 Linux tells Xen only when it restarts.
            guest.start("echo 1 >/proc/sys/kernel/panic; echo c >/proc/sysrq-trigger", 600)
            host.wait_for("end", lambda: host.dom0.attempt(f"xl domid {guest.name}").status)
            check_destroyed(host, guest.name, guest.id)


def main():
    group = Group()
    with TestBed() as bed:
        host = Host(bed.dom0)
        host.start_daemon()
        with bed.guest("guest", config=['gpu = [ "hostmem=64M", "hostmem=3M" ]']) as guest:
            with group.part("configuration-error"):
                errors = host.dom0.run("xen-venus list").out
                expect("guest.cfg: gpu[1]: hostmem=3M: not a multiple of 2M" in errors,
                       f"no error:\n{errors}")
            guest_goes_on(group, host, guest)
            gpus_come_and_go(group, host, guest)
            break_rules(group, host, guest)
        with group.part("destroy"):
            check_destroyed(host, guest.name, guest.id)
        guests_end(group, host, bed)
    group.end()


main()
