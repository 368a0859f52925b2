#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the renderer itself needs of memory for a context, a ring and for objects, in bytes.

Counted is what malloc() has given out, with the null driver below, whose own memory is subtracted.
Not counted: threads' stacks, and what is shared with the client.
"""

import argparse
import os
import struct
import subprocess
import sys

import cases
import figures
import vkxml
import wire

COUNT = 1000
TYPES = ("Buffer", "Image", "Fence", "Semaphore", "DescriptorSet", "CommandBuffer")


def make_case(world, name):
    """Makes COUNT objects of a kind, as the world's setup makes two of each."""
    before = len(world.streams)
    for _ in range(COUNT):
        world.create(name)
    body = b"".join(world.streams[before:])
    del world.streams[before:]
    return cases.Case(name, world.setup(), body, [], 0)


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/footprint",
                                     description=__doc__.split("\n\n", maxsplit=1)[0])
    for name in ("replay", "registry", "commands", "work"):
        parser.add_argument(f"--{name}", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--about", action="append", default=[], help=argparse.SUPPRESS)
    parser.add_argument("--update", metavar="FILE", help="put the table into docs/benchmarks.md")
    options = parser.parse_args()

    registry = vkxml.Registry(options.registry, options.commands)
    world = cases.World(wire.Codec(registry, set()), [])
    names = [next(name for name in (f"vkCreate{kind}", f"vkAllocate{kind}s") if name in cases.CREATE)
             for kind in TYPES]
    path = os.path.join(options.work, "footprint.cases")
    with open(path, "wb") as file:
        file.write(struct.pack("<I", len(names)) +
                   b"".join(make_case(world, name).pack() for name in names))
    output = subprocess.run([options.replay, "--footprint", path], stdout=subprocess.PIPE,
                            check=True, text=True).stdout
    rows = [line.split("\t") for line in output.splitlines()]
    lines = [f"- {line}" for line in options.about] + [
        "", "| what | bytes |", "|---|---:|", f"| a context | {rows[0][1]} |",
        f"| a ring with a buffer of 64 KiB | {rows[0][2]} |"]
    lines += [f"| an object of {name}, of {COUNT} | {int(row[4]) / COUNT:.0f} |"
              for name, row in zip(names, rows)]
    print("\n".join(lines))
    if options.update:
        figures.update(options.update, "FOOTPRINT", lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
