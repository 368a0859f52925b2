#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Count the renderer's instructions per command with callgrind and the null driver.

Each row is a command stream of many copies of one command, or of a mix that imitates a frame of a
game (streams.py). It is sent as a virtqueue submission of its own; what is counted is the work on the
submission: decoding, translating handles, calling the driver, encoding the reply. What the null
driver spends is subtracted.
"""

import argparse
import os
import re
import statistics
import struct
import subprocess
import sys

import cases
import figures
import streams
import vkxml
import wire

COPIES = 100        # of the command in one submission
SUBMISSIONS = 20
MIX = "frame of 15 draws (mix)"


class Row:
    """A stream of commands and what it costs."""

    def __init__(self, world, label, commands):
        self.label, self.count = label, len(commands)
        self.name = label.partition(",")[0]
        data = b""
        for name, args in commands:
            command = world.registry.command(name.partition(",")[0])
            flags = wire.GENERATE_REPLY if "reply" in name else 0
            data += bytes(world.codec.encode(command, args, flags).data)
        self.size = len(data)
        self.case = cases.Case(label, world.setup(), data, world.ids(),
                               4096 * self.count if "reply" in label else 0)
        self.is_fixed = label != MIX and is_fixed(world.registry, self.name)

    def costs(self, total, driver):
        """Take what one submission costs, in instructions."""
        self.ours, self.driver = (total - driver) / self.count, driver / self.count

    def line(self):
        return (f"| {self.label} | {'yes' if self.is_fixed else ''} | {self.size / self.count:.0f} "
                f"| {self.ours:.0f} | {self.driver:.0f} |")


def is_fixed(registry, name):
    """Whether it is a vkCmd* call whose parameters are plain numbers and handles."""
    return name.startswith("vkCmd") and not any(
        p.ptr or p.dims or registry.type(p.type).kind in ("struct", "union")
        for p in registry.command(name).params)


def profile_costs(path):
    """(instructions in all, those below calls into the null driver) of a callgrind profile."""
    total = driver = 0
    file = function_is_driver = callee_is_driver = None
    skip = False
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            key, _, value = line.rstrip("\n").partition("=")
            if key in ("fl", "fi", "fe"):
                file = value
            elif key == "fn":
                function_is_driver = is_driver(file, value)
                callee_file = file
            elif key in ("cfi", "cfl"):
                callee_file = value
            elif key == "cfn":
                callee_is_driver = is_driver(callee_file, value)
                callee_file = file
            elif key == "calls":
                skip = True     # the next line is the cost of these calls, not of the function
            elif re.match(r"\d", line):
                cost = int(line.split()[1])
                if not skip:
                    total += cost
                elif callee_is_driver and not function_is_driver:
                    driver += cost
                skip = False
    return total, driver


def is_driver(file, function):
    return "/tests/wire/null" in file or function.startswith("null_")


def count(options, row):
    """Fill in the costs of a row."""
    path = os.path.join(options.work, "instructions.cases")
    profile = os.path.join(options.work, "instructions.callgrind")
    with open(path, "wb") as file:
        file.write(struct.pack("<I", 1) + row.case.pack())
    subprocess.run(
        ["valgrind", "-q", "--tool=callgrind", "--toggle-collect=bench_body*",
         "--compress-strings=no", "--compress-pos=no", f"--callgrind-out-file={profile}",
         options.replay, f"--bench={SUBMISSIONS}", path],
        check=True, stdout=subprocess.DEVNULL)
    total, driver = profile_costs(profile)
    if not total:
        raise RuntimeError(f"callgrind counted nothing for {row.label}")
    row.costs(total / SUBMISSIONS, driver / SUBMISSIONS)


def make_rows(options):
    registry = vkxml.Registry(options.registry, options.commands)
    extensions = set(subprocess.run([options.replay, "--extensions"], stdout=subprocess.PIPE,
                                    check=True, text=True).stdout.split())
    world = cases.World(wire.Codec(registry, extensions), [])
    commands = streams.commonest(lambda kind: world.handles[kind][0])
    return [Row(world, MIX, streams.frame(commands))] + \
        [Row(world, label, [(label, args)] * COPIES) for label, args in commands.items()]


def table(rows, median):
    return [
        "| stream | fixed-size vkCmd* | bytes per command | instructions per command "
        "| spent by the null driver, not counted |", "|---|---|---:|---:|---:|",
        *(row.line() for row in rows), "",
        f"Median of the {sum(row.is_fixed for row in rows)} fixed-size vkCmd* calls: "
        f"**{median:.0f}** instructions."]


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/instructions",
                                     description=__doc__.split("\n\n")[0])
    for name in ("replay", "registry", "commands", "work"):
        parser.add_argument(f"--{name}", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--about", action="append", default=[], help=argparse.SUPPRESS)
    parser.add_argument("--update", metavar="FILE", help="put the table into docs/benchmarks.md")
    parser.add_argument("--max", type=float, metavar="N",
                        help="fail when a command of the mix takes more than N instructions")
    parser.add_argument("--max-fixed", type=float, metavar="N", help="fail when the median of the "
                        "fixed-size vkCmd* calls is more than N instructions")
    options = parser.parse_args()

    rows = make_rows(options)
    for row in rows:
        count(options, row)
    median = statistics.median(row.ours for row in rows if row.is_fixed)
    lines = [f"- {line}" for line in options.about] + [""] + table(rows, median)
    print("\n".join(lines))
    if options.update:
        figures.update(options.update, "INSTRUCTIONS", lines)
    status = 0
    for what, value, limit in (("per command of the mix", rows[0].ours, options.max),
                               ("in the median of fixed-size calls", median, options.max_fixed)):
        if limit and value > limit:
            print(f"{value:.0f} instructions {what}, more than {limit:.0f}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
