#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Test the decoder: random valid commands of every kind, and what must come of them.

For each command number that the registry knows, random parameters are made and encoded; replay (a
C program with the renderer and the null driver) runs the stream and prints what the driver was
given and the reply.  Both are compared with what this oracle says they must be.
"""

import argparse
import random
import re
import struct
import subprocess
import sys
import tempfile

import synth
import vkxml
import wire

# Commands that are a protocol error: Mesa never sends them.
REFUSED = set('''
    vkGetInstanceProcAddr vkGetDeviceProcAddr vkEnumerateInstanceLayerProperties
    vkEnumerateDeviceLayerProperties vkGetDeviceQueue vkQueueWaitIdle vkDeviceWaitIdle vkMapMemory
    vkUnmapMemory vkMapMemory2 vkUnmapMemory2 vkFlushMappedMemoryRanges
    vkInvalidateMappedMemoryRanges vkImportFenceFdKHR vkGetFenceFdKHR vkImportSemaphoreFdKHR
    vkGetSemaphoreFdKHR vkGetMemoryFdKHR vkGetMemoryFdPropertiesKHR
    vkUpdateDescriptorSetWithTemplate vkCmdPushDescriptorSetWithTemplate
    vkCmdPushDescriptorSetWithTemplate2 vkCopyMemoryToImage vkCopyImageToMemory
    vkBuildAccelerationStructuresKHR vkCopyAccelerationStructureToMemoryKHR
    vkCopyMemoryToAccelerationStructureKHR vkWriteSamplerDescriptorsEXT
    vkWriteResourceDescriptorsEXT'''.split())

# Commands of the transport have tests of their own (tests/unit/transport.c).
TRANSPORT = set('''
    vkSetReplyCommandStreamMESA vkSeekReplyCommandStreamMESA vkExecuteCommandStreamsMESA
    vkCreateRingMESA vkDestroyRingMESA vkNotifyRingMESA vkWriteRingExtraMESA
    vkSubmitVirtqueueSeqnoMESA vkWaitVirtqueueSeqnoMESA vkWaitRingSeqnoMESA'''.split())

# What the driver is given differs from what the client sent, because the renderer has a part in it.
OWN_CALL = set('''
    vkEnumerateInstanceVersion vkEnumerateInstanceExtensionProperties vkCreateInstance
    vkEnumeratePhysicalDevices vkEnumeratePhysicalDeviceGroups vkEnumerateDeviceExtensionProperties
    vkGetPhysicalDeviceProperties vkGetPhysicalDeviceProperties2
    vkGetPhysicalDeviceMemoryProperties vkGetPhysicalDeviceMemoryProperties2
    vkGetPhysicalDeviceFormatProperties2
    vkGetPhysicalDeviceImageFormatProperties2 vkGetPhysicalDeviceExternalBufferProperties
    vkGetPhysicalDeviceExternalFenceProperties vkGetPhysicalDeviceExternalSemaphoreProperties
    vkCreateDevice vkGetDeviceQueue2 vkAllocateMemory vkGetMemoryResourcePropertiesMESA
    vkCreateBuffer vkCreateImage vkCreateFence vkCreateSemaphore vkGetDeviceBufferMemoryRequirements
    vkGetDeviceImageMemoryRequirements vkGetDeviceImageSubresourceLayout
    vkCopyImageToMemoryMESA vkCopyMemoryToImageMESA
    vkResetFenceResourceMESA vkWaitSemaphoreResourceMESA vkImportSemaphoreResourceMESA'''.split())

# The reply is made by null.c or by the renderer, not of the null driver's pattern.
OWN_REPLY = set(OWN_CALL) | set('''
    vkGetPhysicalDeviceQueueFamilyProperties vkGetPhysicalDeviceQueueFamilyProperties2
    vkGetBufferMemoryRequirements vkGetImageMemoryRequirements vkGetBufferMemoryRequirements2
    vkGetImageMemoryRequirements2'''.split())

# ... of these only the call, or a number in it that the renderer chooses.
OWN_CALL_ONLY = {'vkCreateFence', 'vkCreateSemaphore', 'vkCreateBuffer', 'vkCreateImage',
                 'vkGetDeviceImageSubresourceLayout',
                 'vkAllocateMemory', 'vkCreateDevice'}
OWN_STRUCTS = set('''
    VkExportFenceCreateInfo VkExportSemaphoreCreateInfo VkExternalMemoryBufferCreateInfo
    VkExternalMemoryImageCreateInfo VkExportMemoryAllocateInfo VkExportMemoryAllocateInfoNV
    VkMemoryDedicatedAllocateInfo VkDedicatedAllocationMemoryAllocateInfoNV
    VkMemoryOpaqueCaptureAddressAllocateInfo'''.split())
OWN_LINE = {'vkWaitForFences': 'timeout', 'vkWaitSemaphores': 'timeout'}

# Features whose commands are refused.
WITHHELD = {'accelerationStructureHostCommands'}

HOST_TRANSFER = 1 << 22     # VK_IMAGE_USAGE_HOST_TRANSFER_BIT_EXT
HOST_COPY = {'vkCopyImageToMemoryMESA', 'vkCopyMemoryToImageMESA'}

# null.c does not write these down.
NOT_WALKED = {'vkGetPhysicalDeviceQueueFamilyProperties',
              'vkGetPhysicalDeviceQueueFamilyProperties2', 'vkGetPhysicalDeviceProperties'}

# One live object for every handle type is made by an ordinary command, in this order.
CREATE = '''
    vkCreateFence vkCreateSemaphore vkCreateEvent vkCreateQueryPool vkCreateBuffer
    vkCreateBufferView vkCreateImage vkCreateSamplerYcbcrConversion vkCreateImageView
    vkCreateShaderModule vkCreatePipelineCache vkCreateSampler vkCreateDescriptorSetLayout
    vkCreatePipelineLayout vkCreateRenderPass vkCreateFramebuffer vkCreateDescriptorPool
    vkCreateCommandPool vkCreateDescriptorUpdateTemplate vkCreatePrivateDataSlot
    vkCreateDeferredOperationKHR vkCreateAccelerationStructureKHR vkCreateComputePipelines
    vkAllocateDescriptorSets vkAllocateCommandBuffers'''.split()

REPLY_ROOM = 1 << 20


class World:
    """The objects that every case starts with, and the streams that make them."""

    def __init__(self, codec, extensions):
        self.codec = codec
        self.registry = codec.registry
        self.handles = {}
        self.next_id = 0x1000
        self.streams = []
        self.synth = synth.Synth(codec, random.Random(0), self.handles)
        self.synth.minimal = True
        self.make(extensions)

    def fresh(self):
        self.next_id += 0x10
        return self.next_id

    def send(self, name, **args):
        command = self.registry.command(name)
        self.streams.append(bytes(self.codec.encode(command, args).data))

    def add(self, type_, count=1):
        ids = [self.fresh() for _ in range(count)]
        self.handles.setdefault(type_, []).extend(ids)
        return ids

    def make(self, extensions):
        [instance] = self.add('VkInstance')
        self.send('vkCreateInstance', pCreateInfo={'flags': 0, 'enabledLayerCount': 0,
                                                   'enabledExtensionCount': 0},
                  pInstance=instance)
        [physical] = self.add('VkPhysicalDevice')
        self.send('vkEnumeratePhysicalDevices', instance=instance, pPhysicalDeviceCount=1,
                  pPhysicalDevices=[physical])
        [device] = self.add('VkDevice')
        names = [e.encode() for e in sorted(extensions)]
        queues = [{'flags': 0, 'queueFamilyIndex': family, 'queueCount': count,
                   'pQueuePriorities': [0] * count} for family, count in ((0, 2), (1, 1))]
        self.send('vkCreateDevice', physicalDevice=physical, pDevice=device, pCreateInfo={
            'flags': 0, 'queueCreateInfoCount': 2, 'pQueueCreateInfos': queues,
            'enabledLayerCount': 0, 'enabledExtensionCount': len(names),
            'ppEnabledExtensionNames': names or None})
        for i, (family, index) in enumerate(((0, 0), (0, 1))):
            [queue] = self.add('VkQueue')
            self.send('vkGetDeviceQueue2', device=device, pQueue=queue, pQueueInfo={
                'flags': 0, 'queueFamilyIndex': family, 'queueIndex': index,
                'pNext': [('VkDeviceQueueTimelineInfoMESA', {'ringIdx': i + 1})]})
        for memory in self.add('VkDeviceMemory', 2):
            self.send('vkAllocateMemory', device=device, pMemory=memory, pAllocateInfo={
                'allocationSize': 4096, 'memoryTypeIndex': 1})
        image = {'flags': 0, 'imageType': 1, 'format': self.registry.value('VK_FORMAT_R8G8B8A8_UNORM'),
                 'extent': {'width': 8, 'height': 8, 'depth': 1}, 'mipLevels': 1, 'arrayLayers': 2,
                 'samples': 1, 'tiling': 0, 'usage': HOST_TRANSFER, 'sharingMode': 0,
                 'queueFamilyIndexCount': 0, 'initialLayout': 0}
        self.host_image = self.fresh()
        self.send('vkCreateImage', device=device, pImage=self.host_image, pCreateInfo=image)
        for name in CREATE:
            for _ in range(2):
                self.create(name)

    def create(self, name):
        command = self.registry.command(name)
        if command.number is None:
            return
        args = self.synth.command(command)
        for p in command.params:
            if p.name == 'pAllocateInfo':
                count = 'descriptorSetCount' if 'descriptorSetCount' in args[p.name] else \
                    'commandBufferCount'
                args[p.name][count] = 1
                if count == 'descriptorSetCount':
                    args[p.name]['descriptorPool'] = self.handles['VkDescriptorPool'][0]
                else:
                    args[p.name]['commandPool'] = self.handles['VkCommandPool'][0]
                if count == 'descriptorSetCount':
                    args[p.name]['pSetLayouts'] = self.handles['VkDescriptorSetLayout'][:1]
            elif p.name == 'createInfoCount':
                args[p.name] = 1
                info = self.registry.type('VkComputePipelineCreateInfo')
                args['pCreateInfos'] = [self.synth.struct(info)]
            elif p.name == 'pCreateInfo' and name == 'vkCreateBuffer':
                args[p.name]['size'] = 4096
        for p in command.params:
            if self.codec.is_output(p):
                ids = self.add(p.type)
                args[p.name] = ids if p.length else ids[0]
        self.send(name, **args)

    def setup(self):
        return b''.join(pack_bytes(s) for s in self.streams)

    def ids(self):
        return [i for ids in self.handles.values() for i in ids]


def pack_bytes(data):
    return struct.pack('<I', len(data)) + data + bytes(-len(data) % 4)


class Case:
    def __init__(self, name, setup, body, ids, reply_size):
        self.name, self.setup, self.body = name, setup, body
        self.ids, self.reply_size = ids, reply_size

    def pack(self):
        ids = b''.join(struct.pack('<Q', i) for i in self.ids)
        return (pack_bytes(self.name.encode()) + pack_bytes(self.setup) + pack_bytes(self.body) +
                pack_bytes(ids) + struct.pack('<I', self.reply_size))


class Result:
    """What replay printed about one case."""

    def __init__(self):
        self.setup = self.outcome = None
        self.calls = {}         # name of a command -> lists of lines
        self.handles = {0: 0}
        self.reply = b''
        self.log = []
        self.overrun = None
        self.left = None

    def lines(self, name):
        """The calls of a command, host handles replaced by ids."""
        def handle(line):
            m = re.fullmatch(r'(.*)@([0-9a-f]+)', line)
            if not m:
                return line
            value = int(m[2], 16)
            known = self.handles.get(value)
            return '%s@%s' % (m[1], '%x' % known if known is not None else 'host:' + m[2])

        return [[handle(line) for line in call] for call in self.calls.get(name, [])]


def parse(output):
    results, r, call = {}, None, None
    for line in output.split('\n'):
        word, _, rest = line.partition(' ')
        if call is not None:
            call.append(line)
            if line == 'end call':
                call = None
        elif word == 'case':
            r = results[rest] = Result()
        elif r is None:
            continue
        elif word == 'call':
            call = [line]
            r.calls.setdefault(rest, []).append(call)
        elif word == 'setup':
            r.setup = rest
        elif word == 'result':
            r.outcome = rest
        elif word == 'id':
            i, h = rest.split()
            r.handles[int(h, 16)] = int(i, 16)
        elif word == 'reply':
            r.reply = bytes.fromhex(rest)
        elif word == 'overrun':
            r.overrun = rest
        elif word == 'log':
            r.log.append(rest)
        elif word == 'left':
            r.left = int(rest)
    return results


def run_once(replay, cases, options, timeout):
    with tempfile.NamedTemporaryFile(suffix='.cases') as file:
        file.write(struct.pack('<I', len(cases)))
        for c in cases:
            file.write(c.pack())
        file.flush()
        try:
            done = subprocess.run([replay, *options, file.name], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=timeout, check=False)
            return done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired as e:
            return 'timeout', e.stdout or b'', e.stderr or b''


def run_replay(replay, cases, *options, timeout=120):
    """Run all cases; when one ends the program, go on behind it.  (results, crashes)"""
    results, crashes, at = {}, [], 0
    while at < len(cases) and len(crashes) < 50:
        part = cases[at:at + 2000]
        code, out, errors = run_once(replay, part, options, timeout)
        results.update(parse(out.decode('ascii', 'replace')))
        if code == 0 and not errors:
            at += len(part)
            continue
        names = [c.name for c in part]
        last = max([names.index(n) for n in results if n in names], default=-1)
        crashes.append('%s: replay ended with %s\n%s' % (
            names[last], code, errors.decode('utf-8', 'replace')[:6000]))
        if last < 0:
            break
        at += last + 1 if code else len(part)
    return results, crashes


class Oracle:
    def __init__(self, codec, world, seed):
        self.codec = codec
        self.registry = codec.registry
        self.world = world
        self.rng = random.Random(seed)
        self.synth = synth.Synth(codec, self.rng, world.handles, self.fixed())
        self.synth.avoid.add('VkImportMemoryResourceInfoMESA')  # needs a resource

    def fixed(self):
        """What the renderer looks at and random values would make an error of."""
        one_queue = [{'flags': 0, 'queueFamilyIndex': 0, 'queueCount': 1,
                      'pQueuePriorities': [0x3f800000]}]
        return {
            ('VkMemoryAllocateInfo', 'memoryTypeIndex'): 1,
            ('VkMemoryAllocateInfo', 'allocationSize'): 65536,
            ('VkImportSemaphoreResourceInfoMESA', 'resourceId'): 0,
            ('VkExportMemoryAllocateInfo', 'handleTypes'): 0,
            ('VkMemoryOpaqueCaptureAddressAllocateInfo', 'opaqueCaptureAddress'): 0,
            ('VkInstanceCreateInfo', 'enabledLayerCount'): 0,
            ('VkInstanceCreateInfo', 'enabledExtensionCount'): 0,
            ('VkDeviceCreateInfo', 'enabledLayerCount'): 0,
            ('VkDeviceCreateInfo', 'enabledExtensionCount'): 0,
            ('VkDeviceCreateInfo', 'queueCreateInfoCount'): 1,
            ('VkDeviceCreateInfo', 'pQueueCreateInfos'): one_queue,
            ('vkEnumerateInstanceExtensionProperties', 'pLayerName'): None,
            ('vkEnumerateDeviceExtensionProperties', 'pLayerName'): None,
            ('vkFreeDescriptorSets', 'descriptorPool'): self.world.handles['VkDescriptorPool'][0],
            ('vkFreeCommandBuffers', 'commandPool'): self.world.handles['VkCommandPool'][0],
            ('vkEnumeratePhysicalDevices', 'pPhysicalDeviceCount'): 1,
            ('vkEnumeratePhysicalDevices', 'pPhysicalDevices'):
                self.world.handles['VkPhysicalDevice'],
            ('VkDeviceQueueInfo2', 'flags'): 0,
            ('VkDeviceQueueInfo2', 'queueFamilyIndex'): 1,
            ('VkDeviceQueueInfo2', 'queueIndex'): 0,
            ('VkDeviceQueueTimelineInfoMESA', 'ringIdx'): 3,
        }

    def host_copy(self, command):
        """Parameters that fit an image of 8 x 8 texels of 4 bytes, 2 layers."""
        def region(size):
            row = self.rng.choice((0, 8))
            out = {'pNext': [], 'memoryRowLength': row, 'memoryImageHeight': 0,
                   'imageSubresource': {'aspectMask': 1, 'mipLevel': 0, 'baseArrayLayer': 0,
                                        'layerCount': self.rng.choice((1, 2))},
                   'imageOffset': {'x': 0, 'y': 0, 'z': 0},
                   'imageExtent': {'width': 8, 'height': self.rng.randrange(1, 9), 'depth': 1}}
            bytes_ = 32 * out['imageExtent']['height'] * out['imageSubresource']['layerCount']
            return dict(out, dataSize=bytes_, pData=self.rng.randbytes(bytes_)) if size else \
                (out, bytes_)

        device = self.world.handles['VkDevice'][0]
        if command.name == 'vkCopyImageToMemoryMESA':
            info, size = region(False)
            info.update(flags=0, srcImage=self.world.host_image, srcImageLayout=1)
            return {'device': device, 'pCopyImageToMemoryInfo': info, 'dataSize': size,
                    'pData': bytes(size)}
        n = self.rng.randrange(1, 4)
        return {'device': device, 'pCopyMemoryToImageInfo': {
            'flags': 0, 'dstImage': self.world.host_image, 'dstImageLayout': 1, 'regionCount': n,
            'pRegions': [region(True) for _ in range(n)]}}

    def args(self, command):
        """Random parameters with new ids for what the command makes."""
        if command.name in HOST_COPY:
            return self.host_copy(command), []
        args = self.synth.command(command)
        made = []
        for p in command.params:
            if not self.codec.is_output(p) or self.registry.type(p.type).kind != 'handle':
                continue
            value = args[p.name]
            if command.name == 'vkEnumeratePhysicalDevices':
                continue        # knows them already
            if isinstance(value, list):
                args[p.name] = [self.world.fresh() for _ in value]
                made += args[p.name]
            elif value is not None:
                args[p.name] = self.world.fresh()
                made.append(args[p.name])
        if command.name.startswith('vkFree') and command.params[-1].length:
            # each at most once
            array = command.params[-1]
            args[array.name] = sorted(set(args[array.name] or [])) or None
            args[array.length[0]] = len(args[array.name] or [])
        if command.name == 'vkGetDeviceQueue2':
            args['pQueueInfo']['pNext'] = [('VkDeviceQueueTimelineInfoMESA', {'ringIdx': 3})]
        return args, made

    def without_driver(self, command, args):
        """Whether there is nothing to do, so that the driver need not be called."""
        last = command.params[-1]
        if command.name.startswith('vkDestroy') or command.name == 'vkFreeMemory':
            handles = [p for p in command.params
                       if not p.ptr and self.registry.type(p.type).kind == 'handle']
            return not args[handles[-1].name]
        if re.match('vk(Allocate|Free|Create.*Pipelines)', command.name) and last.length:
            return not args[last.name] or not any(args[last.name])
        return False

    def seen(self, command, args):
        """The parameters as the driver sees them."""
        if args.get('deferredOperation'):
            return dict(args, deferredOperation=0)
        return args

    def case(self, command, index):
        """(case, check): the check takes the result and returns a complaint or None."""
        args, made = self.args(command)
        body = bytes(self.codec.encode(command, args, wire.GENERATE_REPLY).data)
        ret, outputs = synth.Fill(self.codec).command(command, args)
        if args.get('deferredOperation') and command.ret == 'VkResult' and \
                not self.without_driver(command, args):
            ret = self.registry.value('VK_OPERATION_NOT_DEFERRED_KHR')
        withhold(outputs)
        reply = self.codec.encode_reply(command, ret, outputs, args)
        name = '%s/%d' % (command.name, index)
        case = Case(name, self.world.setup(), body, self.world.ids() + made,
                    len(reply) if command.name not in OWN_REPLY - OWN_CALL_ONLY else 65536)

        def check(result):
            if result.outcome != 'ok':
                return 'became fatal'
            if self.without_driver(command, args):
                if result.calls.get(command.name):
                    return 'the driver was called for nothing'
            elif command.name not in OWN_CALL | NOT_WALKED:
                expected = synth.View(self.codec).command(command, self.seen(command, args))
                got = result.lines(command.name)
                own = OWN_LINE.get(command.name)
                if own:
                    expected = [x for x in expected if not x.startswith(own + ' ')]
                    got = [[x for x in call if not x.startswith(own + ' ')] for call in got]
                if expected not in got:
                    return difference('the driver was given', expected, got[-1] if got else [])
            elif command.name in OWN_CALL_ONLY:
                complaint = self.missing(command, args, result.lines(command.name))
                if complaint:
                    return complaint
            if command.name in OWN_REPLY - OWN_CALL_ONLY:
                try:
                    ret, out, size = self.codec.decode_reply(command, result.reply, args)
                    again = self.codec.encode_reply(command, ret, out, args)
                except wire.WireError as e:
                    return 'bad reply: %s' % e
                if again != result.reply[:size]:
                    return 'reply is not canonical'
                if result.reply[size:].strip(b'\xcc'):
                    return 'reply has more than %d bytes' % size
                return None
            if result.reply != reply:
                return difference('reply', words(reply), words(result.reply))
            return 'wrote beyond the reply, at ' + result.overrun if result.overrun else None

        return case, check

    def missing(self, command, args, calls):
        """Which chained struct of the client did not reach the driver as it was, or None."""
        for p in command.params:
            if self.codec.is_output(p) or not isinstance(args[p.name], dict):
                continue
            for name, body in args[p.name].get('pNext') or []:
                if name in OWN_STRUCTS:
                    continue
                view = synth.View(self.codec)
                view.put('pNext ' + name, '{')
                view.body(self.registry.type(name), body)
                view.put('', '}')
                n = len(view.lines)
                if not any(call[i:i + n] == view.lines
                           for call in calls for i in range(len(call) - n + 1)):
                    return '%s did not reach the driver as it was' % name
        return None

    def refused(self, command):
        args, made = self.args(command)
        body = bytes(self.codec.encode(command, args).data)

        def check(result):
            if result.outcome != 'fatal':
                return 'was not refused'
            return 'was called' if result.calls else None

        return Case(command.name + '/refused', self.world.setup(), body, [], 0), check

    def encodable(self, command):
        """Whether the wire has a form for all parameters of a command."""
        return all(self.codec.encodable(self.registry.type(p.type)) or
                   p.type == 'VkAllocationCallbacks' for p in command.params) and \
            not any(p.type == 'void' and p.ptr and not p.length for p in command.params)

    def all(self, rounds):
        out = []
        for number, command in sorted(self.registry.by_number.items()):
            if not self.encodable(command):
                continue
            if command.name in REFUSED or any(n in REFUSED for n in command.names):
                out.append(self.refused(command))
            elif command.name == 'vkCreateInstance':
                continue        # only the first one of a context is legal; World makes it
            elif command.name in HOST_COPY and 'VK_EXT_host_image_copy' not in \
                    self.registry.extensions:
                continue
            elif command.name not in TRANSPORT:
                if not self.codec.offered(command.name):
                    continue
                out += [self.case(command, i) for i in range(rounds)]
                out += self.rest(command, rounds)
        return out

    def rest(self, command, index):
        """Cases for the structs that may be chained to a parameter and have not had their turn."""
        out = []
        for p in command.params:
            parent = self.registry.type(p.type)
            unused = [t for t in self.codec.chain_of(parent.name).values()
                      if (parent.name, t.name) not in self.synth.used and
                      t.name not in self.synth.avoid]
            for i in range(0, len(unused), 8):
                self.synth.force[parent.name] = unused[i:i + 8]
                out.append(self.case(command, index + len(out)))
                self.synth.force.clear()
        return out


def withhold(value):
    """Take from what the driver says, wherever it is in there, what the renderer does not pass on."""
    for name in WITHHELD & set(value if isinstance(value, dict) else ()):
        value[name] = 0
    for one in value.values() if isinstance(value, dict) else \
            value if isinstance(value, (list, tuple)) else ():
        withhold(one)


def words(data):
    return ['%4d: %s' % (i, data[i:i + 4].hex()) for i in range(0, len(data), 4)]


def difference(what, expected, got):
    for i, (a, b) in enumerate(zip(expected, got)):
        if a != b:
            return '%s: line %d is "%s", expected "%s"' % (what, i, b, a)
    return '%s: %d lines, expected %d' % (what, len(got), len(expected))


def check_all(pairs, results, verbose):
    failed = {}
    for case, check in pairs:
        result = results.get(case.name)
        if result is None:
            complaint = 'did not run'
        elif result.setup != 'ok':
            complaint = 'setup failed'
        else:
            complaint = check(result)
            if not complaint and result.left:
                complaint = '%d objects left behind' % result.left
        if complaint:
            failed.setdefault(case.name.split('/')[0], []).append(
                '%s: %s%s' % (case.name, complaint,
                              ''.join('\n    ' + l for l in result.log) if result else ''))
    for messages in failed.values():
        print('\n'.join(messages if verbose else messages[:1]))
    return failed


def load(args):
    """What the command line says: (codec, oracle)."""
    registry = vkxml.Registry(args.registry, args.commands)
    extensions = set(subprocess.run([args.replay, '--extensions'], stdout=subprocess.PIPE,
                                    check=True).stdout.decode().split())
    codec = wire.Codec(registry, extensions)
    device = [e for e in extensions if registry.extensions.get(e, (0, 0, ''))[2] == 'device']
    return codec, Oracle(codec, World(codec, device), args.seed)


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('--registry', required=True, help='vk.xml')
    parser.add_argument('--commands', required=True, help='venus/protocol/commands.txt')
    parser.add_argument('--replay', required=True, help='the program')
    parser.add_argument('--mode', default='virtqueue', help='how streams get to the renderer')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--only', help='pattern of cases to run')
    parser.add_argument('--verbose', action='store_true', help='all that is wrong, not one each')
    return parser


def main():
    parser = arguments(__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--rounds', type=int, default=16, help='cases per command')
    parser.add_argument('--write', help='only write the cases to this file')
    args = parser.parse_args()
    codec, oracle = load(args)
    pairs = oracle.all(args.rounds)
    if args.only:
        pairs = [p for p in pairs if re.match(args.only, p[0].name)]
    if args.write:
        with open(args.write, 'wb') as file:
            file.write(struct.pack('<I', len(pairs)) + b''.join(c.pack() for c, _ in pairs))
        return 0
    results, crashes = run_replay(args.replay, [c for c, _ in pairs], '--mode=' + args.mode)
    failed = check_all(pairs, results, args.verbose)
    for crash in crashes:
        print(crash)
    commands = {c.name.split('/')[0] for c, _ in pairs}
    print('%s: %d cases of %d commands, %d commands wrong; %d of %d chained structs used' %
          (args.mode, len(pairs), len(commands), len(failed), len(oracle.synth.used),
           sum(len(codec.chain_of(p)) for p in codec.registry.types)))
    return 1 if failed or crashes else 0


if __name__ == '__main__':
    sys.exit(main())
