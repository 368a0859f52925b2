#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Count the renderer's instructions per command with callgrind and the null driver.

Each row is a command stream of many copies of one command, or of a mix that imitates a frame of a
game. It is sent as a virtqueue submission of its own; what is counted is the work on the
submission: decoding, translating handles, calling the driver, encoding the reply. What the null
driver spends is subtracted.
"""

import argparse
import os
import re
import struct
import subprocess
import sys

import cases
import figures
import vkxml
import wire

REPLY = 1           # command flag: the client wants a reply
COPIES = 100        # of the commands in one submission
SUBMISSIONS = 20


class Stream:
    """A stream of commands under construction."""

    def __init__(self, world):
        self.world, self.data, self.commands, self.reply_size = world, b"", 0, 0

    def add(self, name, flags=0, **args):
        codec = self.world.codec
        command = codec.registry.command(name)
        self.data += bytes(codec.encode(command, args, flags).data)
        self.commands += 1
        self.reply_size += 4096 if flags & REPLY else 0


def draw_state(stream, handle):
    """What an application says between two draws."""
    buffer = handle("VkCommandBuffer")
    stream.add("vkCmdBindPipeline", commandBuffer=buffer, pipelineBindPoint=0,
               pipeline=handle("VkPipeline"))
    stream.add("vkCmdBindDescriptorSets", commandBuffer=buffer, pipelineBindPoint=0,
               layout=handle("VkPipelineLayout"), firstSet=0, descriptorSetCount=1,
               pDescriptorSets=[handle("VkDescriptorSet")], dynamicOffsetCount=1,
               pDynamicOffsets=[256])
    stream.add("vkCmdPushConstants", commandBuffer=buffer, layout=handle("VkPipelineLayout"),
               stageFlags=1, offset=0, size=64, pValues=bytes(64))
    stream.add("vkCmdBindVertexBuffers", commandBuffer=buffer, firstBinding=0, bindingCount=2,
               pBuffers=[handle("VkBuffer")] * 2, pOffsets=[0, 64])
    stream.add("vkCmdBindIndexBuffer", commandBuffer=buffer, buffer=handle("VkBuffer"), offset=0,
               indexType=0)
    draw_indexed(stream, handle)


def draw_indexed(stream, handle):
    stream.add("vkCmdDrawIndexed", commandBuffer=handle("VkCommandBuffer"), indexCount=36,
               instanceCount=1, firstIndex=0, vertexOffset=0, firstInstance=0)


def bind_sets(stream, handle):
    stream.add("vkCmdBindDescriptorSets", commandBuffer=handle("VkCommandBuffer"),
               pipelineBindPoint=0, layout=handle("VkPipelineLayout"), firstSet=0,
               descriptorSetCount=1, pDescriptorSets=[handle("VkDescriptorSet")],
               dynamicOffsetCount=0, pDynamicOffsets=None)


def push_constants(stream, handle):
    stream.add("vkCmdPushConstants", commandBuffer=handle("VkCommandBuffer"),
               layout=handle("VkPipelineLayout"), stageFlags=1, offset=0, size=64,
               pValues=bytes(64))


def barrier(stream, handle):
    stream.add("vkCmdPipelineBarrier", commandBuffer=handle("VkCommandBuffer"), srcStageMask=1,
               dstStageMask=1, dependencyFlags=0, memoryBarrierCount=0, pMemoryBarriers=None,
               bufferMemoryBarrierCount=0, pBufferMemoryBarriers=None, imageMemoryBarrierCount=1,
               pImageMemoryBarriers=[{
                   "srcAccessMask": 0, "dstAccessMask": 1, "oldLayout": 0, "newLayout": 2,
                   "srcQueueFamilyIndex": 0, "dstQueueFamilyIndex": 0, "image": handle("VkImage"),
                   "subresourceRange": {"aspectMask": 1, "baseMipLevel": 0, "levelCount": 1,
                                        "baseArrayLayer": 0, "layerCount": 1}}])


def update_sets(stream, handle):
    stream.add("vkUpdateDescriptorSets", device=handle("VkDevice"), descriptorWriteCount=2,
               pDescriptorWrites=[{
                   "dstSet": handle("VkDescriptorSet"), "dstBinding": binding,
                   "dstArrayElement": 0, "descriptorCount": 1, "descriptorType": kind,
                   "pImageInfo": image, "pBufferInfo": buffer, "pTexelBufferView": None,
               } for binding, kind, image, buffer in (
                   (0, 6, None, [{"buffer": handle("VkBuffer"), "offset": 0, "range": 256}]),
                   (1, 1, [{"sampler": handle("VkSampler"), "imageView": handle("VkImageView"),
                            "imageLayout": 5}], None))],
               descriptorCopyCount=0, pDescriptorCopies=None)


def begin_pass(stream, handle):
    stream.add("vkCmdBeginRenderPass", commandBuffer=handle("VkCommandBuffer"), contents=0,
               pRenderPassBegin={
                   "renderPass": handle("VkRenderPass"), "framebuffer": handle("VkFramebuffer"),
                   "renderArea": {"offset": {"x": 0, "y": 0},
                                  "extent": {"width": 800, "height": 600}},
                   "clearValueCount": 2,
                   "pClearValues": [(0, (2, [0, 0, 0, 0]))] * 2})


def submit(stream, handle):
    stream.add("vkQueueSubmit", queue=handle("VkQueue"), submitCount=1, fence=handle("VkFence"),
               pSubmits=[{
                   "waitSemaphoreCount": 1, "pWaitSemaphores": [handle("VkSemaphore")],
                   "pWaitDstStageMask": [1], "commandBufferCount": 1,
                   "pCommandBuffers": [handle("VkCommandBuffer")], "signalSemaphoreCount": 1,
                   "pSignalSemaphores": [handle("VkSemaphore")]}])


def requirements(stream, handle):
    stream.add("vkGetBufferMemoryRequirements", REPLY, device=handle("VkDevice"),
               buffer=handle("VkBuffer"), pMemoryRequirements={})


def fence_status(stream, handle):
    stream.add("vkGetFenceStatus", REPLY, device=handle("VkDevice"), fence=handle("VkFence"))


def frame(stream, handle):
    """A frame of 15 draws: 100 commands."""
    buffer = handle("VkCommandBuffer")
    stream.add("vkBeginCommandBuffer", commandBuffer=buffer,
               pBeginInfo={"flags": 1, "pInheritanceInfo": None})
    update_sets(stream, handle)
    barrier(stream, handle)
    begin_pass(stream, handle)
    stream.add("vkCmdSetViewport", commandBuffer=buffer, firstViewport=0, viewportCount=1,
               pViewports=[{"x": 0, "y": 0, "width": 0, "height": 0, "minDepth": 0,
                            "maxDepth": 0}])
    stream.add("vkCmdSetScissor", commandBuffer=buffer, firstScissor=0, scissorCount=1,
               pScissors=[{"offset": {"x": 0, "y": 0}, "extent": {"width": 1, "height": 1}}])
    for _ in range(15):
        draw_state(stream, handle)
    stream.add("vkCmdEndRenderPass", commandBuffer=buffer)
    barrier(stream, handle)
    stream.add("vkEndCommandBuffer", commandBuffer=buffer)
    submit(stream, handle)


# Name, what adds it to a stream, and how often to do that in one submission.
ROWS = (
    ("frame of 15 draws (mix)", frame, 1),
    ("vkCmdDrawIndexed", draw_indexed, COPIES),
    ("vkCmdBindDescriptorSets", bind_sets, COPIES),
    ("vkCmdPushConstants, 64 bytes", push_constants, COPIES),
    ("vkCmdPipelineBarrier, 1 image", barrier, COPIES),
    ("vkCmdBeginRenderPass", begin_pass, COPIES),
    ("vkUpdateDescriptorSets, 2 writes", update_sets, COPIES),
    ("vkQueueSubmit", submit, COPIES),
    ("vkGetFenceStatus, with reply", fence_status, COPIES),
    ("vkGetBufferMemoryRequirements, reply", requirements, COPIES),
)


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


def count(options, case):
    """(instructions, those of the driver) of one submission of a case."""
    path = os.path.join(options.work, "instructions.cases")
    profile = os.path.join(options.work, "instructions.callgrind")
    with open(path, "wb") as file:
        file.write(struct.pack("<I", 1) + case.pack())
    subprocess.run(
        ["valgrind", "-q", "--tool=callgrind", "--toggle-collect=bench_body*",
         "--compress-strings=no", "--compress-pos=no", f"--callgrind-out-file={profile}",
         options.replay, f"--bench={SUBMISSIONS}", path],
        check=True, stdout=subprocess.DEVNULL)
    total, driver = profile_costs(profile)
    if not total:
        raise RuntimeError("callgrind counted nothing")
    return total / SUBMISSIONS, driver / SUBMISSIONS


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/instructions",
                                     description=__doc__.split("\n\n")[0])
    for name in ("replay", "registry", "commands", "work"):
        parser.add_argument(f"--{name}", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--about", action="append", default=[], help=argparse.SUPPRESS)
    parser.add_argument("--update", metavar="FILE", help="put the table into docs/benchmarks.md")
    parser.add_argument("--max", type=float, metavar="N",
                        help="fail when a command of the mix takes more than N instructions")
    options = parser.parse_args()

    registry = vkxml.Registry(options.registry, options.commands)
    extensions = set(subprocess.run([options.replay, "--extensions"], stdout=subprocess.PIPE,
                                    check=True, text=True).stdout.split())
    world = cases.World(wire.Codec(registry, extensions), [])

    def handle(kind):
        return world.handles[kind][0]

    lines = ["| stream | commands | bytes per command | instructions per command "
             "| spent by the null driver, not counted |", "|---|---:|---:|---:|---:|"]
    mix = None
    for name, add, copies in ROWS:
        stream = Stream(world)
        for _ in range(copies):
            add(stream, handle)
        case = cases.Case(name, world.setup(), stream.data, world.ids(), stream.reply_size)
        total, driver = count(options, case)
        ours = (total - driver) / stream.commands
        if mix is None:
            mix = ours
        lines.append(f"| {name} | {stream.commands} | {len(stream.data) / stream.commands:.0f} "
                     f"| {ours:.0f} | {driver / stream.commands:.0f} |")
    lines[:0] = [f"- {line}" for line in options.about] + [""]
    print("\n".join(lines))
    if options.update:
        figures.update(options.update, "INSTRUCTIONS", lines)
    if options.max and mix > options.max:
        print(f"{mix:.0f} instructions per command of the mix, more than {options.max:.0f}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
