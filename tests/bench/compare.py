#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the same workloads on several sides (native, virglrenderer, xen-venus), interleaved, and
print the medians with their ratios to the first side.

Usually started by ./quickstart bench or tests/bench/run, which start the servers.
"""

import argparse
import datetime
import fnmatch
import json
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
import time

import figures

# vkmark's scenes in the variants that it runs by default.
SCENES = (
    "vertex:device-local=true", "vertex:device-local=false",
    "texture:anisotropy=0", "texture:anisotropy=16",
    "shading:shading=gouraud", "shading:shading=blinn-phong-inf", "shading:shading=phong",
    "shading:shading=cel",
    "effect2d:kernel=edge", "effect2d:kernel=blur",
    "desktop", "cube", "clear",
)
GGML = "/usr/libexec/x86_64-linux-gnu/ggml/test-backend-ops"
# Operation and a regular expression over its cases' parameters.
GGML_CASES = (
    ("SOFT_MAX", r"ne=\[(15|16|1023|1024),"),
    ("MUL_MAT", r"type_a=(f32|f16),type_b=f32,m=16,n=1,k=256,bs=\[[12],1\]"),
    ("ADD", r"type=f32,ne=\[(1|10|16),"),
    ("ROPE", r"type=f32,ne_a=\[(64|128),.*mode=(0|2),.*ff=0"),
)
FFMPEG = shlex.split(
    "ffmpeg -nostdin -hide_banner -loglevel error -init_hw_device vulkan=gpu -filter_hw_device gpu"
    " -f lavfi -i testsrc2=size=640x360:rate=25:duration=2"
    " -vf format=yuv420p,hwupload,gblur_vulkan=sigma=4,hwdownload,format=yuv420p -f md5 -")


class Failure(Exception):
    """A workload that did not do what it should."""


class Side:
    """One way to run Vulkan applications: a name and what to put before a command."""

    def __init__(self, option):
        self.name, _, prefix = option.partition("=")
        self.prefix = shlex.split(prefix)

    def run(self, command, limit):
        """Standard output of a command, and the seconds that it took."""
        start = time.monotonic()
        try:
            done = subprocess.run(self.prefix + ["timeout", "-k", "2", str(limit)] + command,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, errors="replace", check=False)
        except OSError as error:
            raise Failure(str(error)) from error
        seconds = time.monotonic() - start
        if done.returncode != 0:
            last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
            raise Failure(f"status {done.returncode}: {last}")
        return done.stdout, seconds


class Metric:
    """Values of one figure, by side and in the order of the rounds."""

    def __init__(self, name, unit, more_is_better):
        self.name, self.unit, self.more_is_better = name, unit, more_is_better
        self.values = {}

    def median(self, side):
        values = self.values.get(side)
        return statistics.median(values) if values else None

    def spread(self, side):
        """Distance of the extremes, relative to the median; None with fewer than two values."""
        values = self.values.get(side, [])
        if len(values) < 2 or not self.median(side):
            return None
        return (max(values) - min(values)) / self.median(side)

    def ratio(self, side, base):
        """How fast `side` is if `base` is 1."""
        mine, other = self.median(side), self.median(base)
        if not mine or not other:
            return None
        return mine / other if self.more_is_better else other / mine


# ---------------------------------------------------------------------------------------------
# Workloads: each is a name, the figures that it yields and a function of a side that returns them.


class Workload:
    """Something to run: `measure(side)` returns a value for each metric."""

    def __init__(self, name, metrics, measure):
        self.name, self.metrics, self.measure = name, metrics, measure


def vkmark(scene, duration):
    def measure(side):
        output, _ = side.run(["vkmark", "--winsys", "headless", "--benchmark",
                              f"{scene}:duration={duration}"], 60 + 10 * duration)
        rates = re.findall(r": FPS: (\d+) ", output)
        if len(rates) != 1 or int(rates[0]) == 0:
            raise Failure("vkmark shows no frame rate")
        return [float(rates[0])]

    name = "vkmark " + re.sub(r":[a-z-]+=", " ", scene)
    if scene.startswith("vertex"):
        name = "vkmark vertex, " + ("device local" if scene.endswith("true") else "host visible")
    if scene.startswith("texture"):
        name = "vkmark texture, anisotropy " + scene.rpartition("=")[2]
    return Workload(name, [Metric(name, "frames/s", True)], measure)


def ggml(operation, cases):
    def measure(side):
        output, seconds = side.run(["env", "GGML_VK_VISIBLE_DEVICES=0", GGML, "test", "-o",
                                    operation, "-p", cases], 300)
        passed = re.search(r"(\d+)/(\d+) tests passed", output)
        if not passed or passed.group(1) != passed.group(2) or passed.group(1) == "0":
            raise Failure(f"ggml: {passed.group() if passed else 'no tests ran'}")
        return [seconds]

    name = f"ggml {operation}"
    return Workload(name, [Metric(name, "s", False)], measure)


def ffmpeg():
    sums = set()

    def measure(side):
        output, seconds = side.run(FFMPEG, 120)
        sums.add(output.strip())
        if len(sums) != 1 or not output.startswith("MD5="):
            raise Failure(f"the results differ: {' '.join(sorted(sums))}")
        return [seconds]

    return Workload("ffmpeg gblur_vulkan", [Metric("ffmpeg gblur_vulkan", "s", False)], measure)


def program(name, path, figures):
    """One of our own programs that prints lines "KEY: NUMBER"; figures are (key, label, unit, more
    is better)."""

    def measure(side):
        output, _ = side.run([path], 180)
        values = dict(re.findall(r"^([\w.]+): ([\d.]+)", output, re.MULTILINE))
        missing = [key for key, *_ in figures if key not in values]
        if missing:
            raise Failure(f"{name} does not print {' '.join(missing)}")
        return [float(values[key]) for key, *_ in figures]

    return Workload(name, [Metric(label, unit, more) for _, label, unit, more in figures], measure)


def workloads(options):
    result = [vkmark(scene, options.duration) for scene in SCENES]
    result += [ggml(operation, cases) for operation, cases in GGML_CASES]
    result.append(ffmpeg())
    result.append(program("latency", os.path.join(options.programs, "latency"), (
        ("latency.p50_us", "synchronous call, p50", "us", False),
        ("latency.p99_us", "synchronous call, p99", "us", False),
        ("latency.submit_p50_us", "empty submit and wait, p50", "us", False),
        ("latency.submit_p99_us", "empty submit and wait, p99", "us", False))))
    result.append(program("allocbench", os.path.join(options.programs, "allocbench"), (
        ("allocbench.per_second", "allocations of 64 KiB", "1/s", True),
        ("allocbench.large_per_second", "allocations of 16 MiB", "1/s", True))))
    result.append(program("bandwidth", os.path.join(options.programs, "bandwidth"), (
        ("bandwidth.upload_gb_per_second", "copy to the device", "GB/s", True),
        ("bandwidth.download_gb_per_second", "copy from the device", "GB/s", True),
        ("bandwidth.cpu_write_gb_per_second", "write into mapped memory", "GB/s", True))))
    result.append(program("recording", os.path.join(options.programs, "recording"), (
        ("recording.one_per_second", "recording, one thread", "1/s", True),
        ("recording.four_per_second", "recording, four threads", "1/s", True),
        ("recording.four_to_one", "four threads to one", "ratio", True))))
    if options.only:
        result = [workload for workload in result
                  if any(fnmatch.fnmatchcase(workload.name, pattern) for pattern in options.only)]
    if not result:
        raise Failure("no workload has such a name")
    return result


# ---------------------------------------------------------------------------------------------
# Measuring and printing


def measure_all(sides, selected, rounds):
    """Fill the metrics; returns the failures as lines of text. The order of the sides rotates, so
    that none of them is always the one after an idle or a busy moment."""
    failures = []
    for number in range(rounds):
        for workload in selected:
            for step in range(len(sides)):
                side = sides[(step + number) % len(sides)]
                show(f"round {number + 1} of {rounds}: {workload.name}, {side.name}")
                try:
                    values = workload.measure(side)
                except Failure as failure:
                    failures.append(f"{workload.name}, {side.name}: {failure}")
                    continue
                for metric, value in zip(workload.metrics, values):
                    metric.values.setdefault(side.name, []).append(value)
    show("")
    return failures


def show(text):
    """Progress, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def vkmark_total(metrics, sides):
    """vkmark's score: the mean of the scenes' rates; None if a scene is missing on a side."""
    scenes = [metric for metric in metrics if metric.name.startswith("vkmark ")]
    if len(scenes) != len(SCENES):
        return None
    total = Metric("vkmark score", "frames/s", True)
    for side in sides:
        rounds = [metric.values.get(side.name, []) for metric in scenes]
        if len({len(values) for values in rounds}) != 1 or not rounds[0]:
            return None
        total.values[side.name] = [statistics.mean(values) for values in zip(*rounds)]
    return total


def number_text(value):
    if value is None:
        return "failed"
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def table(metrics, sides):
    """Lines of a Markdown table that is also readable as text."""
    base = sides[0].name
    others = [side.name for side in sides[1:]]
    head = ["workload", "unit"] + [side.name for side in sides]
    head += [f"{other} / {base}" for other in others]
    if len(others) == 2:
        head.append(f"{others[1]} / {others[0]}")
    head.append("spread")
    rows = [head]
    for metric in metrics:
        row = [metric.name, metric.unit] + [number_text(metric.median(side.name)) for side in sides]
        pairs = [(other, base) for other in others]
        if len(others) == 2:
            pairs.append((others[1], others[0]))
        for mine, other in pairs:
            ratio = metric.ratio(mine, other)
            row.append("-" if ratio is None else f"{ratio:.2f}")
        spreads = [metric.spread(side.name) for side in sides]
        known = [spread for spread in spreads if spread is not None]
        row.append(f"{100 * max(known):.0f} %" if known else "-")
        rows.append(row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = []
    for number, row in enumerate(rows):
        cells = [cell.ljust(width) if column < 2 else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths))]
        lines.append("| " + " | ".join(cells) + " |")
        if number == 0:
            lines.append("|" + "|".join(
                "-" * (width + 2) if column < 2 else "-" * (width + 1) + ":"
                for column, width in enumerate(widths)) + "|")
    return lines


def machine():
    """One line about the machine."""
    model = "unknown CPU"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith(("model name", "Hardware")):
                model = line.split(":", 1)[1].strip()
                break
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory = int(file.readline().split()[1]) / 2**20
    return (f"{model}, {os.cpu_count()} CPUs, {memory:.0f} GiB, Linux {platform.release()} "
            f"{platform.machine()}")


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__.split("\n\n")[0])
    parser.add_argument("-n", "--rounds", type=int, default=3, help="how often (default 3)")
    parser.add_argument("--duration", type=float, default=2, metavar="SECONDS",
                        help="of each of vkmark's scenes (default 2)")
    parser.add_argument("--only", action="append", metavar="PATTERN",
                        help="only workloads of this name, such as 'ggml *'; may be repeated")
    parser.add_argument("--json", metavar="FILE", help="also write every single value")
    parser.add_argument("--update", metavar="FILE", help="put the table into docs/benchmarks.md")
    parser.add_argument("--side", action="append", type=Side, help=argparse.SUPPRESS)
    parser.add_argument("--programs", help=argparse.SUPPRESS)
    parser.add_argument("--about", action="append", default=[], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rounds < 1 or not options.side:
        parser.error("at least one round and one side")

    selected = workloads(options)
    about = [f"{datetime.datetime.now().astimezone():%Y-%m-%d %H:%M %Z}, rounds: {options.rounds}",
             machine()] + options.about
    load = os.getloadavg()[0]
    about.append(f"load before: {load:.1f}" + (
        " (the machine is busy: these figures mean little)" if load > 0.5 else ""))
    failures = measure_all(options.side, selected, options.rounds)
    metrics = [metric for workload in selected for metric in workload.metrics]
    total = vkmark_total(metrics, options.side)
    if total:
        metrics.insert(len(SCENES), total)
    lines = table(metrics, options.side)
    print("\n".join(about), end="\n\n")
    print("\n".join(lines), end="\n\n")
    print("Medians. A ratio above 1 is faster. Spread: of the widest side, (max - min) / median.")
    if options.update and not failures:
        figures.update(options.update, "FIGURES", [f"- {line}" for line in about] + [""] + lines)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"about": about, "metrics": [
                {"name": metric.name, "unit": metric.unit, "values": metric.values}
                for metric in metrics], "failures": failures}, file, indent=1)
    for line in failures:
        print(f"failed: {line}")
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as problem:
        print(f"bench: {problem}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
