#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Test the decoder with wrong streams: every command cut short, and with every kind of wrong word.

A stream that ends early must make the context fatal.  For other damage the context may live or die,
but it must do one of the two without a crash or a hang; and when it dies of what was decoded, the
driver must not have been called.
"""

import struct
import sys

import cases
import wire

BAD = {
    4: (0, 1, 2, 0x7fffffff, 0xffffffff),
    8: (0, 1, 2, 3, 0x7fffffff, 0xffffffff, 1 << 32, 1 << 62, (1 << 64) - 1),
}
# Most interesting first: these decide how much is read.
ORDER = ('count', 'marker', 'sType', 'tag', 'handle', 'length', 'flags', 'new id', 'value')


class Damage:
    def __init__(self, oracle, command, cuts, changes):
        self.oracle, self.command = oracle, command
        self.rng = oracle.rng
        self.pairs = []
        args, _ = oracle.args(command)
        io = oracle.codec.encode(command, args, wire.GENERATE_REPLY)
        self.data, self.words = bytes(io.data), io.words
        self.cut(cuts)
        self.change(changes)

    def add(self, what, body, check):
        name = '%s/%s' % (self.command.name, what)
        case = cases.Case(name, self.oracle.world.setup(), body, [], 4096)
        self.pairs.append((case, check))

    def cut(self, n):
        ends = range(4, len(self.data), 4)
        for end in sorted(self.rng.sample(ends, min(n, len(ends)))):
            def check(result):
                if result.outcome != 'fatal':
                    return 'was accepted although it ends early'
                return 'the driver was called' if result.calls else None

            self.add('cut at %d of %d' % (end, len(self.data)), self.data[:end], check)

    def values(self, size, what):
        out = set(BAD[size])
        if what in ('handle', 'new id'):
            # an object of any other type
            out |= {self.rng.choice(self.rng.choice(list(self.oracle.world.handles.values())))
                    for _ in range(2)}
        if what == 'sType':
            out |= {self.rng.choice([t.stype for t in self.oracle.registry.types.values()
                                     if t.stype is not None]) for _ in range(4)}
        out.add(self.rng.getrandbits(8 * size))
        return sorted(out)

    def change(self, n):
        options = []
        for offset, size, what in self.words:
            if what == 'command':
                continue
            old = int.from_bytes(self.data[offset:offset + size], 'little')
            options += [(what, offset, size, v) for v in self.values(size, what) if v != old]
        self.rng.shuffle(options)
        options.sort(key=lambda o: ORDER.index(o[0]) // 5)
        for what, offset, size, value in options[:n]:
            body = self.data[:offset] + struct.pack('<I' if size == 4 else '<Q', value) + \
                self.data[offset + size:]

            def check(result, what=what):
                if result.outcome not in ('ok', 'fatal'):
                    return 'did not end'
                # with a reply, the command was whole and the next one is at fault; a bad new id is
                # found after the driver has made the object
                if result.outcome == 'fatal' and result.calls and what != 'new id' and \
                        result.reply[:4] == b'\xcc\xcc\xcc\xcc':
                    return 'fatal, but the driver was called: ' + ' '.join(result.calls)
                return None

            self.add('%s at %d = 0x%x' % (what, offset, value), body, check)


def main():
    parser = cases.arguments(__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--cuts', type=int, default=8, help='truncations per command')
    parser.add_argument('--changes', type=int, default=24, help='wrong words per command')
    args = parser.parse_args()
    _, oracle = cases.load(args)
    pairs = []
    for _, command in sorted(oracle.registry.by_number.items()):
        if not oracle.encodable(command) or not oracle.codec.offered(command.name):
            continue
        if args.only and args.only != command.name:
            continue
        if args.mode == 'ring' and command.name == 'vkWaitVirtqueueSeqnoMESA':
            continue        # waits for ever, as it should
        pairs += Damage(oracle, command, args.cuts, args.changes).pairs
    results, crashes = cases.run_replay(args.replay, [c for c, _ in pairs], '--mode=' + args.mode)
    failed = cases.check_all(pairs, results, args.verbose)
    for crash in crashes:
        print(crash)
    fatal = sum(r.outcome == 'fatal' for r in results.values())
    print('%s: %d damaged streams, %d refused, %d commands wrong' %
          (args.mode, len(pairs), fatal, len(failed)))
    return 1 if failed or crashes or not fatal else 0


if __name__ == '__main__':
    sys.exit(main())
