#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What dies, hangs or goes in the middle of work takes nothing else with it and leaves nothing."""
import time

from harness import Group, expect
from testbed import TestBed
from venus import (DAY, PID_FILE, PROGRAM_SECONDS, SOON, Daemon, Leftovers, gpu_guest, until,
                   wait_gpu)

WORK = "latency submit --iterations 10000000"
SHORT_WORK = "latency submit --iterations 20"
DESTROY_SECONDS = 30


def start_work(daemon, guest, count=1):
    """Programs that work until they are killed; returns their jobs once all of them are at it."""
    had = len(daemon.render_pids(guest.name))
    jobs = [guest.start(f"exec {WORK}", DAY) for _ in range(count)]
    until(daemon.dom0, f"[ $(pgrep -P {daemon.gpu(guest.name)['pid']} | wc -l) -ge {had + count} ]",
          PROGRAM_SECONDS)
    submitted = daemon.gpu(guest.name)["stats"]["submitted"]
    deadline = time.monotonic() + PROGRAM_SECONDS
    while daemon.gpu(guest.name)["stats"]["submitted"] < submitted + 10:
        expect(time.monotonic() < deadline, f"{guest.name} does not come to work")
        time.sleep(0.5)
    return jobs


def expect_end(job, what):
    expect(job.done.wait(PROGRAM_SECONDS), f"a program did not notice that {what} was killed")
    expect(job.status not in (0, 124, 137), f"a program ended with {job.status} after {what}")


def expect_works(guest):
    wait_gpu(guest)
    guest.run(SHORT_WORK, PROGRAM_SECONDS)


def end_work(guest, jobs):
    guest.run("killall latency")
    for job in jobs:
        job.wait()


def kill_render(daemon, one):
    jobs = start_work(daemon, one) + start_work(daemon, one)
    daemon.dom0.run(f"kill -9 {daemon.render_pids(one.name)[0]}")
    expect_end(jobs[0], "its render process")
    expect(not jobs[1].done.is_set(), "another program ended, too")
    expect_works(one)
    end_work(one, jobs[1:])


def kill_device(daemon, one, two):
    [job], others = start_work(daemon, one), start_work(daemon, two)
    daemon.dom0.run(f"kill -9 {daemon.gpu(one.name)['pid']}")
    expect_end(job, "its device process")
    expect_works(one)
    expect(not others[0].done.is_set(), "another guest's program ended, too")
    end_work(two, others)


def kill_daemon(daemon, guests):
    jobs = [start_work(daemon, guest)[0] for guest in guests]
    daemon.dom0.run(f"kill -9 $(cat {PID_FILE})")
    daemon.job.wait()
    for job in jobs:
        expect_end(job, "the daemon")
    daemon.start()
    for guest in guests:
        expect_works(guest)


def destroy(daemon, guest, stop):
    """xl destroy in the middle of work; `stop`: a process that holds the window cannot run."""
    start_work(daemon, guest)
    if stop:
        daemon.dom0.run(f"kill -STOP {daemon.render_pids(guest.name)[0]}")
    start = time.monotonic()
    daemon.dom0.run(f"xl destroy {guest.name}", DESTROY_SECONDS)
    until(daemon.dom0, "! xl list | grep -q '(null)'", DESTROY_SECONDS)
    print(f"# destroyed in {time.monotonic() - start:.1f} s")


def attach_and_detach(daemon, guest, rounds):
    for _ in range(rounds):
        daemon.tool(f"detach {guest.name}")
        until(guest.channel, "! ls /dev/dri/renderD*")
        daemon.tool(f"attach {guest.name} hostmem=64M")
        wait_gpu(guest)
    expect_works(guest)


def reload_module(guest):
    guest.run("echo vgpu-0 >/sys/bus/xen/drivers/vgpu/unbind && rmmod virtio_xenbus", SOON)
    guest.run("insmod /modules/virtio_xenbus.ko", SOON)
    expect_works(guest)


def main():
    group = Group()
    with TestBed() as bed, Daemon(bed) as daemon:
        leftovers = Leftovers(bed)
        with gpu_guest(bed, "one", "hostmem=64M,window=foreign") as one:
            with gpu_guest(bed, "two", "hostmem=64M,window=grant") as two:
                with group.part("kill-render-process"):
                    kill_render(daemon, one)
                with group.part("kill-device-process"):
                    kill_device(daemon, one, two)
                with group.part("kill-daemon"):
                    kill_daemon(daemon, (one, two))
            with group.part("reload-module"):
                reload_module(one)
            with group.part("detach-and-attach-20-times"):
                attach_and_detach(daemon, one, 20)
        for how, stop in (("working", False), ("stopped", True)):
            with group.part(f"destroy-{how}"), \
                    bed.guest(how, config=['gpu = [ "hostmem=256M,window=grant" ]',
                                           "max_grant_frames = 160"]) as guest:
                wait_gpu(guest)
                destroy(daemon, guest, stop)
        with group.part("nothing-left"):
            leftovers.check()
        with group.part("daemon-ends"):
            daemon.stop()
    group.end()


main()
