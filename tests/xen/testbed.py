# SPDX-License-Identifier: MIT
"""Xen, Dom0 and guests of ARM64 in an emulated machine, and running commands in all of them.

    with TestBed() as bed:
        bed.dom0.run("xl list")
        with bed.guest("one") as guest:
            print(guest.run("vulkaninfo --summary").out)

tests/xen/prepare makes what is needed.  QEMU ends with the block, whatever happens.
"""
import base64
import collections
import ctypes
import itertools
import os
import shlex
import signal
import socket
import subprocess
import tempfile
import threading
import time

BUILD = os.path.join(os.environ["XEN_VENUS_BUILD"], "xen")
LOGS = os.environ["XEN_VENUS_LOGS"]
# Serial ports of the emulated machine: the first is Dom0's, one more for each guest at a time.
PORTS = 9
BOOT_SECONDS = 180
# How much longer than its limit a command may take before its agent counts as dead.
GRACE_SECONDS = 120

Result = collections.namedtuple("Result", "status out err")


class Failure(Exception):
    """What a test found wrong, or could not do."""


class Job:
    """A script that an agent carries out."""

    def __init__(self, channel, script, limit):
        self.channel = channel
        self.script = script
        self.deadline = time.monotonic() + limit + GRACE_SECONDS
        self.pieces = {"o": [], "e": []}
        self.status = None
        self.done = threading.Event()

    def wait(self):
        """Its Result, once it has ended."""
        if not self.done.wait(max(0, self.deadline - time.monotonic())):
            raise Failure(f"{self.channel.name} does not answer: {self.script}")
        if self.status is None:
            raise Failure(f"{self.channel.name} has gone: {self.script}")
        # Each line was encoded for itself only as far as base64(1) breaks them: join before decoding.
        out, err = (base64.b64decode("".join(self.pieces[kind])).decode(errors="replace")
                    for kind in "oe")
        return Result(self.status, out, err)

    def check(self):
        """As wait, but anything but status 0 is a Failure."""
        result = self.wait()
        if result.status != 0:
            raise Failure(f"{self.channel.name}: {self.script}\nstatus {result.status}\n"
                          f"{result.out[-2000:]}{result.err[-2000:]}")
        return result


class Channel:
    """The way to an agent (see inside/agent): runs scripts, and logs all else that comes."""

    def __init__(self, name, path):
        self.name = name
        self.jobs = {}
        self.numbers = itertools.count(1)
        self.ready = threading.Event()
        self.log = open(os.path.join(LOGS, f"xen-{name}.log"), "ab", buffering=0)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.thread = threading.Thread(target=self.receive, daemon=True)
        self.thread.start()

    def receive(self):
        with self.socket.makefile("rb") as lines:
            for line in lines:
                if not self.take(line.strip()):
                    self.log.write(line)
        self.abandon()

    def take(self, line):
        """Whether the line was an answer of the agent."""
        if line == b"@ready":
            self.ready.set()
            return True
        number, _, rest = line[1:].partition(b" ")
        kind, _, text = rest.partition(b" ")
        if line[:1] != b"@" or not number.isdigit() or kind not in (b"o", b"e", b"x"):
            return False
        # Nobody may wait for it any more: then there is nothing to do.
        job = self.jobs.get(int(number))
        if job and kind == b"x":
            del self.jobs[int(number)]
            job.status = int(text)
            job.done.set()
        elif job:
            job.pieces[kind.decode()].append(text.decode())
        return True

    def abandon(self):
        """Whatever runs will never be answered."""
        for number in list(self.jobs):
            self.jobs.pop(number).done.set()

    def wait_ready(self, limit):
        if not self.ready.wait(limit):
            raise Failure(f"{self.name} is not ready after {limit} s; see {self.log.name}")

    def start(self, script, limit=60):
        """Have a shell script carried out, for at most so many seconds; returns a Job."""
        job = Job(self, script, limit)
        number = next(self.numbers)
        self.jobs[number] = job
        text = base64.b64encode(script.encode()).decode()
        self.socket.sendall(f"{number} {limit} {text}\n".encode())
        return job

    def attempt(self, script, limit=60):
        return self.start(script, limit).wait()

    def run(self, script, limit=60):
        return self.start(script, limit).check()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()
        self.log.close()
        self.abandon()


class Guest:
    """A running DomU.  What is not here is passed on to its channel: run, attempt, start."""

    def __init__(self, bed, name, port, suite, memory, config):
        self.bed, self.name, self.port = bed, name, port
        lines = [f'name = "{name}"', f'kernel = "/payload/guests/{suite}.kernel"',
                 f'ramdisk = "/payload/guests/{suite}.initrd"', f"memory = {memory}", "vcpus = 1",
                 'extra = "console=hvc0 quiet"', 'on_crash = "destroy"', 'on_reboot = "destroy"']
        text = "\n".join(lines + list(config)) + "\n"
        self.channel = Channel(f"guest-{name}", bed.port_path(port))
        try:
            bed.dom0.run(f"printf %s {shlex.quote(text)} >/etc/xen/{name}.cfg; "
                         f"xl create -q /etc/xen/{name}.cfg", 120)
            self.id = int(bed.dom0.run(f"xl domid {name}").out)
            self.relay = bed.dom0.start(f"exec /payload/relay {self.id} {port}", 86400)
            self.channel.wait_ready(120)
        except BaseException:
            self.close()
            raise

    def __getattr__(self, name):
        if name in ("run", "attempt", "start"):
            return getattr(self.channel, name)
        raise AttributeError(name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Destroy it, if it is still there, and free its port."""
        self.bed.guests.pop(self.port, None)
        self.bed.dom0.attempt(f"xl destroy {self.name}; rm -f /etc/xen/{self.name}.cfg", 60)
        self.channel.close()


def prepare_qemu():
    """In QEMU, before it starts: no test bed, no QEMU.  And it goes before other tests: programs in there
    give up on whoever is silent for seconds, and Xen's processors wait in turn for locks of one that does
    not run, so that with half of the time it is not half as fast but stands still for a minute."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.geteuid() == 0:
        os.setpriority(os.PRIO_PROCESS, 0, -10)


class TestBed:
    """The emulated machine with Xen and Dom0."""

    def __init__(self, cpus=2, memory=6144, xen_options="", dom0_options="", dom0_memory=2048):
        self.boot_dir = os.path.join(BUILD, "boot")
        if not os.path.exists(os.path.join(self.boot_dir, "payload.ext4")):
            raise Failure(f"{self.boot_dir} is not complete: run tests/xen/prepare")
        self.guests = {}
        self.qemu = None
        self.dom0 = None
        self.sockets = tempfile.TemporaryDirectory(prefix="xen-venus-")
        self.serial = os.path.join(LOGS, "xen-serial.log")
        self.command = self.qemu_command(cpus, memory,
                                         f"dom0_mem={dom0_memory}M,max:{dom0_memory}M {xen_options}",
                                         dom0_options)

    def port_path(self, number):
        return os.path.join(self.sockets.name, str(number))

    def qemu_command(self, cpus, memory, xen_options, dom0_options):
        boot = self.boot_dir
        command = [
            "qemu-system-aarch64", "-M", "virt,virtualization=on,gic-version=3",
            "-cpu", "cortex-a57", "-smp", str(cpus), "-m", str(memory),
            "-accel", "tcg,thread=multi", "-display", "none", "-nodefaults", "-no-reboot",
            "-serial", f"file:{self.serial}", "-kernel", f"{boot}/xen",
            "-append", f"{xen_options} dom0_max_vcpus=2 console=dtuart dtuart=/pl011@9000000 "
                       "bootscrub=0 guest_loglvl=all conring_size=4m",
            "-device", f"guest-loader,addr=0x50000000,kernel={boot}/kernel,"
                       f"bootargs=console=hvc0 clk_ignore_unused rdinit=/init {dom0_options}",
            "-device", f"guest-loader,addr=0x58000000,initrd={boot}/initrd",
            "-device", f"virtio-serial-device,max_ports={PORTS + 1}"]
        disks = (os.path.join(os.environ["XEN_VENUS_ROOTS"], "xen", "dom0.ext4"),
                 os.path.join(boot, "payload.ext4"))
        for number, disk in enumerate(disks):
            # What Dom0 writes is forgotten: every boot starts alike.
            command += ["-drive", f"file={disk},if=none,id=disk{number},format=raw,snapshot=on",
                        "-device", f"virtio-blk-device,drive=disk{number}"]
        for number in range(1, PORTS + 1):
            command += ["-chardev", f"socket,id=port{number},path={self.port_path(number)},"
                                    "server=on,wait=off",
                        "-device", f"virtserialport,chardev=port{number},nr={number}"]
        return command

    def __enter__(self):
        try:
            self.boot()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def boot(self):
        with open(os.path.join(LOGS, "xen-qemu.log"), "wb") as log:
            self.qemu = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                         stderr=log, preexec_fn=prepare_qemu)
        deadline = time.monotonic() + BOOT_SECONDS
        while not os.path.exists(self.port_path(PORTS)):
            if self.qemu.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"QEMU did not start; see {log.name}")
            time.sleep(0.05)
        self.dom0 = Channel("dom0", self.port_path(1))
        self.dom0.wait_ready(BOOT_SECONDS)

    def guest(self, name, suite="trixie", memory=512, config=()):
        """A new guest with a suite's kernel and further lines of its xl configuration."""
        port = next(n for n in range(2, PORTS + 1) if n not in self.guests)
        self.guests[port] = name
        return Guest(self, name, port, suite, memory, config)

    def close(self):
        if self.dom0:
            self.dom0.close()
        if self.qemu:
            self.qemu.kill()
            self.qemu.wait()
        self.sockets.cleanup()
