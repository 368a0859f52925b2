#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write command streams for test-dma-buf.c as C arrays: a device, and copies between buffers."""

import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'wire'))

import vkxml  # pylint: disable=wrong-import-position
import wire  # pylint: disable=wrong-import-position

SIZE = 32768            # bytes of a buffer and of its memory
TRANSFER = 3            # source and target

INSTANCE, GPU, DEVICE, QUEUE, POOL, COMMANDS = range(1, 7)
SOURCE, TARGET = 0, 1
RESOURCES = (10, 11)    # that are imported
MEMORY = (20, 21)
BUFFERS = (30, 31)


class Streams:
    def __init__(self, registry):
        self.registry = registry
        self.codec = wire.Codec(registry)
        self.streams = {}

    def add(self, stream, command, **args):
        encoded = self.codec.encode(self.registry.command(command), args).data
        self.streams[stream] = self.streams.get(stream, b'') + bytes(encoded)

    def device(self):
        self.add('setup', 'vkCreateInstance', pInstance=INSTANCE, pCreateInfo={
            'flags': 0, 'enabledLayerCount': 0, 'enabledExtensionCount': 0})
        self.add('setup', 'vkEnumeratePhysicalDevices', instance=INSTANCE, pPhysicalDeviceCount=1,
                 pPhysicalDevices=[GPU])
        self.add('setup', 'vkCreateDevice', physicalDevice=GPU, pDevice=DEVICE, pCreateInfo={
            'flags': 0, 'queueCreateInfoCount': 1, 'pQueueCreateInfos': [
                {'flags': 0, 'queueFamilyIndex': 0, 'queueCount': 1, 'pQueuePriorities': [0]}],
            'enabledLayerCount': 0, 'enabledExtensionCount': 0})
        self.add('setup', 'vkGetDeviceQueue2', device=DEVICE, pQueue=QUEUE, pQueueInfo={
            'flags': 0, 'queueFamilyIndex': 0, 'queueIndex': 0,
            'pNext': [('VkDeviceQueueTimelineInfoMESA', {'ringIdx': 1})]})
        self.add('setup', 'vkCreateCommandPool', device=DEVICE, pCommandPool=POOL,
                 pCreateInfo={'flags': 0, 'queueFamilyIndex': 0})

    def memory(self, stream, imported):
        """Memory of the client's type 1, which is the one to map where the host has only one."""
        for memory, resource in zip(MEMORY, RESOURCES):
            info = {'allocationSize': SIZE, 'memoryTypeIndex': 1}
            if imported:
                info['pNext'] = [('VkImportMemoryResourceInfoMESA', {'resourceId': resource})]
            self.add(stream, 'vkAllocateMemory', device=DEVICE, pMemory=memory, pAllocateInfo=info)

    def copy(self):
        for buffer, memory in zip(BUFFERS, MEMORY):
            self.add('copy', 'vkCreateBuffer', device=DEVICE, pBuffer=buffer, pCreateInfo={
                'flags': 0, 'size': SIZE, 'usage': TRANSFER, 'sharingMode': 0,
                'queueFamilyIndexCount': 0})
            self.add('copy', 'vkBindBufferMemory', device=DEVICE, buffer=buffer, memory=memory,
                     memoryOffset=0)
        self.add('copy', 'vkAllocateCommandBuffers', device=DEVICE, pCommandBuffers=[COMMANDS],
                 pAllocateInfo={'commandPool': POOL, 'level': 0, 'commandBufferCount': 1})
        self.add('copy', 'vkBeginCommandBuffer', commandBuffer=COMMANDS, pBeginInfo={'flags': 0})
        self.add('copy', 'vkCmdCopyBuffer', commandBuffer=COMMANDS, srcBuffer=BUFFERS[SOURCE],
                 dstBuffer=BUFFERS[TARGET], regionCount=1,
                 pRegions=[{'srcOffset': 0, 'dstOffset': 0, 'size': SIZE}])
        self.add('copy', 'vkEndCommandBuffer', commandBuffer=COMMANDS)
        self.add('submit', 'vkQueueSubmit', queue=QUEUE, submitCount=1, fence=0, pSubmits=[
            {'waitSemaphoreCount': 0, 'commandBufferCount': 1, 'pCommandBuffers': [COMMANDS],
             'signalSemaphoreCount': 0}])

    def end(self):
        for buffer, memory in zip(BUFFERS, MEMORY):
            self.add('release', 'vkDestroyBuffer', device=DEVICE, buffer=buffer)
            for stream in ('release', 'release_memory'):
                self.add(stream, 'vkFreeMemory', device=DEVICE, memory=memory)

    def header(self):
        lines = ['/* made by dma_buf_streams.py */', '#include <stdint.h>', '#define SIZE %du' % SIZE]
        for name, data in self.streams.items():
            lines.append('static const uint8_t stream_%s[] = {' % name)
            for i in range(0, len(data), 16):
                lines.append('    ' + ' '.join('%d,' % b for b in data[i:i + 16]))
            lines.append('};')
        return '\n'.join(lines) + '\n'


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--registry', required=True, help='vk.xml')
    parser.add_argument('--commands', required=True, help='venus/protocol/commands.txt')
    parser.add_argument('--out', required=True, help='header to write')
    args = parser.parse_args()
    streams = Streams(vkxml.Registry(args.registry, args.commands))
    streams.device()
    streams.memory('import', True)
    streams.memory('allocate', False)
    streams.copy()
    streams.end()
    with open(args.out, 'w', encoding='ascii') as file:
        file.write(streams.header())


if __name__ == '__main__':
    main()
