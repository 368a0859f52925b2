#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The guest's module against a device that checks it and misbehaves (shim/fake-backend.c).

    shim.py [SUITE...]      with these suites' kernels; all without any
"""
import sys
import time

from harness import Group, expect
from testbed import TestBed
from venus import complaints

COUNTERS = "/sys/kernel/debug/virtio_xenbus/vgpu-0/counters"
HOSTMEM = 64
# Seconds in which the end of a device must be over; it takes a tenth on a machine of one's own.
LIMIT = 120

def wait_until(condition, seconds, what):
    """Until condition() is true; `what` says what is wrong otherwise."""
    deadline = time.monotonic() + seconds
    while not condition():
        expect(time.monotonic() < deadline, what if isinstance(what, str) else what())
        time.sleep(0.5)


class Backend:
    """A fake-backend in Dom0."""
    number = 0

    def __init__(self, bed, guest, mode="", hostmem=HOSTMEM):
        Backend.number += 1
        self.bed, self.guest = bed, guest
        self.fifo = f"/tmp/fifo{Backend.number}"
        self.log = f"/tmp/log{Backend.number}"
        self.pid = bed.dom0.run(
            f"mkfifo {self.fifo}; fake-backend {guest.id} {hostmem} {self.fifo} {mode} "
            f">{self.log} 2>&1 & echo $!").out.strip()

    def tell(self, word):
        self.bed.dom0.run(f"echo {word} >{self.fifo}")

    def output(self):
        return self.bed.dom0.run(f"cat {self.log}").out

    def wait_for(self, text):
        wait_until(lambda: text in self.output(), 60,
                   lambda: f"no \"{text}\" from the backend:\n{self.output()}")

    def kill(self):
        self.bed.dom0.run(f"kill -9 {self.pid}")

    def check(self):
        wrong = [line for line in self.output().splitlines() if "wrong" in line]
        expect(not wrong, "\n".join(wrong))


def kernel_log(guest):
    return guest.run("dmesg | grep -v 'ERROR.* response' | tail -n 40").out


def state(bed, guest):
    return bed.dom0.run(f"xenstore-read /local/domain/{guest.id}/device/vgpu/0/state").out.strip()


def wait_for_state(bed, guest, wanted):
    wait_until(lambda: state(bed, guest) == wanted, 60,
               lambda: f"the frontend is not in state {wanted} but {state(bed, guest)}\n" +
               kernel_log(guest))


def counters(guest):
    lines = guest.run(f"cat {COUNTERS}").out.splitlines()
    return {name: int(value) for name, value in (line.split() for line in lines)}


def render_nodes(guest):
    return guest.run("ls /dev/dri 2>/dev/null | grep -c render; true").out.strip()


def wait_for_nodes(guest, wanted):
    wait_until(lambda: render_nodes(guest) == wanted, 60,
               lambda: f"there are {render_nodes(guest)} render nodes\n" + kernel_log(guest))


def client(guest, actions, seconds=120):
    """What drm-client said; an error is part of it."""
    return guest.attempt(f"drm-client {actions}", seconds).out


def works(guest):
    out = client(guest, "blobs 0x100000 3 exec 256 20 exec 100000 3 guest 0x200000")
    expect(out == "blobs: ok\nexec: ok\nexec: ok\nguest: ok\n", f"the client said:\n{out}\n" +
           kernel_log(guest))


def connected(bed, guest, backend):
    backend.wait_for("state 4")
    wait_for_state(bed, guest, "4")
    wait_for_nodes(guest, "1")


def release_limit(bed):
    """References of pages whose owner is gone come back at 10 a second otherwise."""
    bed.dom0.run("echo 0 >/sys/module/grant_table/parameters/free_per_iteration; "
                 "echo 16384 >/sys/module/xen_gntalloc/parameters/limit")


def test_connect(bed, guest, mode, group, suite):
    with group.part(f"{suite}-{mode or 'grant'}-connect"):
        backend = Backend(bed, guest, mode)
        connected(bed, guest, backend)
        expect("zeroed 1" in backend.output() or mode == "per-blob", backend.output())
    with group.part(f"{suite}-{mode or 'grant'}-use"):
        works(guest)
        backend.check()
        now = counters(guest)
        expect(now["bounce_failures"] == 0 and now["blobs_mapped"] == 0, f"{now}")
        pages = HOSTMEM * 256 if not mode else 0
        expect(pages < now["grants_in_use"] <= pages + 1024 + 1024, f"{now}")
        complaints(guest)
    return backend


def test_bursts(bed, guest, backend, group, suite):
    with group.part(f"{suite}-overflow"):
        # More than the pool, less than that and the spare pages; and more than the queue's room.
        backend.tell("hold")
        job = guest.start("drm-client burst 600000 12", 120)
        time.sleep(5)
        backend.tell("release")
        expect(job.wait().out == "burst: ok\n", "the burst failed")
        expect(counters(guest)["bounce_fallbacks"] > 0, f"no fallback: {counters(guest)}")
        backend.check()
        works(guest)
        complaints(guest)
    with group.part(f"{suite}-no-hypercalls"):
        before = counters(guest)
        client(guest, "exec 256 100")
        after = counters(guest)
        for name in ("hypercalls_memory", "hypercalls_grant_table", "grants_in_use"):
            expect(after[name] == before[name], f"{name}: {before[name]}, then {after[name]}")
        sent = after["notifications_sent"] - before["notifications_sent"]
        expect(sent <= 220, f"{sent} notifications for 100 requests")


def test_death(bed, guest, backend, group, suite, mode):
    with group.part(f"{suite}-{mode or 'grant'}-death"):
        grants = counters(guest)["grants_in_use"]
        backend.tell("hold")
        guest.run("mkfifo /tmp/keep 2>/dev/null; true")
        keeper = guest.start("drm-client keep /tmp/keep | tee /tmp/kept", 500)
        wait_until(lambda: "mapped" in guest.attempt("cat /tmp/kept").out, 60, "nothing is mapped")
        waiters = [guest.start("drm-client burst 256 40", 200) for _ in range(2)]
        # More than the queue holds: some wait for room in it.
        backend.wait_for("held 40")
        start = time.monotonic()
        backend.kill()
        for waiter in waiters:
            waiter.wait()
        seconds = time.monotonic() - start
        expect(seconds < LIMIT, f"completing requests took {seconds:.0f} s\n" +
               kernel_log(guest))
        wait_for_nodes(guest, "0")
        expect(counters(guest)["requests_drained"] > 0, f"{counters(guest)}")
        complaints(guest)
    with group.part(f"{suite}-{mode or 'grant'}-new-backend"):
        backend.check()
        backend = Backend(bed, guest, mode)
        connected(bed, guest, backend)
        works(guest)
        guest.run("echo >/tmp/keep")
        out = keeper.wait().out
        expect("No such device" in out, f"the client of the dead device said: {out}")
        works(guest)
        expect(counters(guest)["grants_in_use"] == grants, f"{counters(guest)}, not {grants} grants")
        backend.check()
        complaints(guest)
    return backend


def test_reset(bed, guest, backend, group, suite):
    with group.part(f"{suite}-reset"):
        backend.tell("hold")
        waiter = guest.start("drm-client burst 256 10", 100)
        backend.wait_for("held 10")
        backend.tell("reset")
        waiter.wait()
        wait_for_nodes(guest, "1")
        time.sleep(1)
        works(guest)
        backend.check()
        complaints(guest)


def test_deaf(bed, guest, backend, group, suite):
    with group.part(f"{suite}-deaf"):
        # Alive, but it answers nothing: the device goes within limits when it has to.
        backend.tell("deaf")
        waiter = guest.start("drm-client exec 256 1", 100)
        time.sleep(2)
        start = time.monotonic()
        guest.run("echo vgpu-0 >/sys/bus/xen/drivers/vgpu/unbind", LIMIT)
        waiter.wait()
        seconds = time.monotonic() - start
        backend.kill()
        # What it kept mapped comes back only now.
        guest.run("until ! grep virtio_xenbus /proc/iomem; do sleep 1; done", LIMIT)
        guest.run("echo vgpu-0 >/sys/bus/xen/drivers/vgpu/bind")
        backend = Backend(bed, guest)
        connected(bed, guest, backend)
        works(guest)
        expect(seconds < LIMIT, f"unbinding took {seconds:.0f} s")
        complaints(guest)
    return backend


def test_unload(bed, guest, backend, group, suite):
    with group.part(f"{suite}-unload"):
        before = int(bed.dom0.run("xl list %s | awk 'NR == 2 { print $3 }'" % guest.name).out)
        out = guest.attempt("echo vgpu-0 >/sys/bus/xen/drivers/vgpu/unbind && "
                            "until rmmod virtio_xenbus 2>/dev/null; do sleep 0.2; done && "
                            "! grep virtio_xenbus /proc/iomem /proc/modules")
        expect(out.status == 0, f"unloading failed: {out}")
        after = int(bed.dom0.run("xl list %s | awk 'NR == 2 { print $3 }'" % guest.name).out)
        expect(before - after == HOSTMEM, f"{before} MiB before, {after} MiB after")
        guest.run("insmod /modules/virtio_xenbus.ko", 90)
        connected(bed, guest, backend)
        works(guest)
        backend.check()
        complaints(guest)


def test_detach(bed, guest, backend, group, suite):
    with group.part(f"{suite}-detach"):
        bed.dom0.run(f"xenstore-rm /local/domain/{guest.id}/device/vgpu/0")
        wait_until(lambda: guest.run("ls /sys/bus/xen/devices | grep -c vgpu; true").out == "0\n",
                   60, "the device is still there")
        wait_for_nodes(guest, "0")
        backend.kill()
        bed.dom0.run(f"xenstore-rm /local/domain/0/backend/vgpu/{guest.id}")
        backend = Backend(bed, guest)
        connected(bed, guest, backend)
        works(guest)
        backend.tell("close")
        wait_for_nodes(guest, "0")
        wait_for_state(bed, guest, "6")
        backend.check()
        complaints(guest)


def test_destroy(bed, guest, backend, group, suite):
    """A guest that ends with a backend that holds its memory, which then goes, too."""
    with group.part(f"{suite}-shutdown"):
        guest.start("poweroff -f", 30)
        backend.kill()
        wait_until(lambda: bed.dom0.attempt(f"xl domid {guest.name}").status != 0, 60,
                   "the guest does not end")


def test_suite(bed, group, suite):
    config = ["max_grant_frames=128"]
    with bed.guest(suite, suite=suite, config=config) as guest:
        backend = test_connect(bed, guest, "", group, suite)
        test_bursts(bed, guest, backend, group, suite)
        backend = test_death(bed, guest, backend, group, suite, "")
        test_reset(bed, guest, backend, group, suite)
        backend = test_deaf(bed, guest, backend, group, suite)
        test_unload(bed, guest, backend, group, suite)
        test_detach(bed, guest, backend, group, suite)
    for mode in ("foreign", "per-blob"):
        with bed.guest(f"{suite}-{mode}", suite=suite, config=config) as guest:
            backend = test_connect(bed, guest, mode, group, suite)
            backend = test_death(bed, guest, backend, group, suite, mode)
            test_destroy(bed, guest, backend, group, f"{suite}-{mode}")


def main():
    group = Group()
    with TestBed() as bed:
        release_limit(bed)
        for suite in sys.argv[1:] or ("trixie", "sid", "bookworm"):
            test_suite(bed, group, suite)
    group.end()


main()
