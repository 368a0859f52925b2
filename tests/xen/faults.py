#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""faults.py [CHECK...]: what dies, hangs or goes in the middle of work takes nothing else with it
and leaves nothing.  A CHECK is a key of CHECKS below; all by default."""
import itertools
import sys
import time

from harness import Group, expect
from testbed import TestBed
from venus import (DAY, LOG, PID_FILE, PROGRAM_SECONDS, SOON, Daemon, Leftovers, gpu_guest, until,
                   wait_gpu)

WORK = "latency submit --iterations 10000000"
# Leaves processors to what else happens.
CALM_WORK = "latency pace --iterations 10000000"
# Mesa gives up when the renderer shows no life for 3.5 s.  In emulation Dom0's processors may need
# longer to unmap a dead guest's window, page by page.
PATIENT_WORK = f"env VN_DEBUG=no_abort {CALM_WORK}"
SHORT_WORK = "latency submit --iterations 20"
DESTROY_SECONDS = 30
WORK_NUMBERS = itertools.count(1)


def start_work(guest, work=WORK):
    """A program that works until it is killed; returns its job once it is at it."""
    says = f"/tmp/work-{next(WORK_NUMBERS)}"
    # Not counted in the daemon: a program whose ring never idles sends nothing but its ring.
    job = guest.start(f"exec {work} 2>{says}", DAY)
    until(guest.channel, f"grep -q submitting {says}", PROGRAM_SECONDS)
    return job


def expect_end(job, what):
    expect(job.done.wait(PROGRAM_SECONDS), f"a program did not notice that {what} was killed")
    expect(job.status not in (0, 124, 137), f"a program ended with {job.status} after {what}")


def expect_goes_on(job, what):
    expect(not job.done.is_set(), f"{what} ended, too: {job.done.is_set() and job.wait()}")


def expect_works(guest):
    wait_gpu(guest)
    guest.run(SHORT_WORK, PROGRAM_SECONDS)


def end_work(guest, job):
    guest.run("killall latency")
    job.wait()


def kill_render(daemon, one):
    other, job = start_work(one, CALM_WORK), start_work(one)
    daemon.dom0.run(f"kill -9 {daemon.render_pids(one.name)[-1]}")
    expect_end(job, "its render process")
    expect_goes_on(other, "another program")
    expect_works(one)
    end_work(one, other)


def kill_device(daemon, one, two):
    other, job = start_work(two, PATIENT_WORK), start_work(one)
    daemon.dom0.run(f"kill -9 {daemon.gpu(one.name)['pid']}")
    expect_end(job, "its device process")
    expect_works(one)
    expect_goes_on(other, "another guest's program")
    end_work(two, other)


def kill_daemon(daemon, one, two):
    jobs = [start_work(two, CALM_WORK), start_work(one)]
    daemon.dom0.run(f"kill -9 $(cat {PID_FILE})")
    daemon.job.wait()
    for job in jobs:
        expect_end(job, "the daemon")
    daemon.start()
    for guest in (one, two):
        expect_works(guest)


def destroy(daemon, guest, stopped):
    """xl destroy in the middle of work, also when processes that hold the window cannot run."""
    start_work(guest)
    device = daemon.gpu(guest.name)["pid"]
    for pid in {"none": [], "render": daemon.render_pids(guest.name), "device": [device]}[stopped]:
        daemon.dom0.run(f"kill -STOP {pid}")
    start = time.monotonic()
    said = daemon.dom0.run(f"xl destroy {guest.name} 2>&1", DESTROY_SECONDS).out
    until(daemon.dom0, "! xl list | grep -q '(null)'", DESTROY_SECONDS)
    print(f"# destroyed in {time.monotonic() - start:.1f} s")
    # It has waited for the daemon, which has answered in time: its status does not tell.
    expect("unable to remove device" not in said, f"xl says {said}")
    daemon.dom0.run(f"grep '{guest.name} (domain .*about to be destroyed' {LOG}")


def attach_and_detach(daemon, guest, rounds):
    for _ in range(rounds):
        daemon.tool(f"detach {guest.name}")
        until(guest.channel, "! ls /dev/dri/renderD*")
        daemon.tool(f"attach {guest.name} hostmem=32M,window=grant")
        wait_gpu(guest)
    expect_works(guest)


def reload_module(guest):
    guest.run("echo vgpu-0 >/sys/bus/xen/drivers/vgpu/unbind; "
              # Its memory has to come back from the backend first.
              "until rmmod virtio_xenbus; do sleep 0.2; done", SOON)
    guest.run("insmod /modules/virtio_xenbus.ko", SOON)
    expect_works(guest)


def check_life(group, bed, daemon):
    """Guests that lose their GPU and get another."""
    with gpu_guest(bed, "one", "hostmem=32M,window=foreign") as one:
        with gpu_guest(bed, "two", "hostmem=32M,window=grant") as two:
            with group.part("kill-render-process"):
                kill_render(daemon, one)
            with group.part("kill-device-process"):
                kill_device(daemon, one, two)
            with group.part("kill-daemon"):
                kill_daemon(daemon, one, two)
        with group.part("reload-module"):
            reload_module(one)
        with group.part("detach-and-attach-20-times"):
            attach_and_detach(daemon, one, 20)


def check_destroy(group, bed, daemon):
    for way, stopped in (("grant", "none"), ("grant", "device"), ("foreign", "none"),
                         ("foreign", "render")):
        with group.part(f"destroy-{way}-stopped-{stopped}"), \
                bed.guest(f"{way}-{stopped}",
                          config=[f'gpu = [ "hostmem=256M,window={way}" ]',
                                  "max_grant_frames = 160"]) as guest:
            wait_gpu(guest)
            destroy(daemon, guest, stopped)


CHECKS = {"life": check_life, "destroy": check_destroy}


def main():
    group = Group()
    with TestBed() as bed, Daemon(bed) as daemon:
        leftovers = Leftovers(bed)
        for name in sys.argv[1:] or CHECKS:
            with group.part(name):
                CHECKS[name](group, bed, daemon)
        with group.part("nothing-left"):
            leftovers.check()
        with group.part("daemon-ends"):
            daemon.stop()
    group.end()


main()
