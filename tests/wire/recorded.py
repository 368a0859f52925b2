#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check streams and replies that record.c has written, from real clients and drivers.

Every byte of every stream must be accounted for by the oracle, and encoding again what was decoded
must give the same bytes; the same holds for every reply.
"""

import argparse
import collections
import struct
import sys

import vkxml
import wire


def records(path):
    with open(path, 'rb') as file:
        data = file.read()
    pos = 0
    while pos + 16 <= len(data):
        kind, size, decoder = struct.unpack_from('<IIQ', data, pos)
        pos += 16
        if pos + size > len(data):
            break               # the process was ended while it wrote
        yield kind, decoder, data[pos:pos + size]
        pos += size


class Checker:
    def __init__(self, codec):
        self.codec = codec
        self.commands = collections.Counter()
        self.replies = collections.Counter()
        self.allocations = collections.Counter()    # of memory, by memory type
        self.pending = collections.defaultdict(list)
        self.wrong = []

    def stream(self, decoder, data):
        io = wire.Reader(data)
        while io.pos < len(data):
            start = io.pos
            command, flags, args = self.codec.command(io, None, None)
            again = self.codec.encode(command, args, flags)
            sent = bytearray(data[start:io.pos])
            for offset in again.padded:     # clients leave anything there
                sent[offset:offset + 1] = again.data[offset:offset + 1]
            if again.data != sent:
                self.wrong.append('%s: encoded again it differs' % command.name)
            self.commands[command.name] += 1
            if command.name == 'vkAllocateMemory':
                self.allocations[args['pAllocateInfo']['memoryTypeIndex']] += 1
            if flags & wire.GENERATE_REPLY:
                self.pending[decoder].append((command, args))

    def reply(self, decoder, data):
        number = struct.unpack_from('<I', data)[0]
        # nested streams are recorded after the stream that runs them, but answered in between
        for i, (command, args) in enumerate(self.pending[decoder]):
            if command.number == number:
                break
        else:
            self.wrong.append('reply to command %d, which nobody sent' % number)
            return
        del self.pending[decoder][i]
        ret, outputs, size = self.codec.decode_reply(command, data, args)
        if size != len(data) or self.codec.encode_reply(command, ret, outputs, args) != data:
            self.wrong.append('%s: its reply, encoded again, differs' % command.name)
        self.replies[command.name] += 1

    def file(self, path):
        for kind, decoder, data in records(path):
            try:
                if kind:
                    self.reply(decoder, data)
                else:
                    self.stream(decoder, data)
            except wire.WireError as e:
                self.wrong.append('%s: %s of %d bytes: %s' %
                                  (path, ('stream', 'reply')[kind], len(data), e))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--registry', required=True, help='vk.xml, as new as the client')
    parser.add_argument('--commands', required=True, help='venus/protocol/commands.txt')
    parser.add_argument('files', nargs='+')
    args = parser.parse_args()
    checker = Checker(wire.Codec(vkxml.Registry(args.registry, args.commands)))
    for path in args.files:
        checker.file(path)
    for message in checker.wrong[:20]:
        print(message)
    print('%d commands of %d kinds, %d replies of %d kinds, %d wrong' %
          (sum(checker.commands.values()), len(checker.commands), sum(checker.replies.values()),
           len(checker.replies), len(checker.wrong)))
    print('allocations by memory type: ' + ', '.join(
        '%d of type %d' % (n, t) for t, n in sorted(checker.allocations.items())))
    return 1 if checker.wrong or not checker.replies else 0


if __name__ == '__main__':
    sys.exit(main())
