#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write seeds for fuzz_device into a folder: what Linux and Mesa do, and broken rules."""

import os
import struct
import sys

(COMMAND, CONTROL, EVENT, ANSWER, SAY, END, TIME, BLOB, GRANT, SETTINGS, DESCRIPTOR, AVAILABLE,
 RING, PAGE, RESTART) = range(15)
(CTX_CREATE, CTX_DESTROY, CREATE_BLOB, MAP_BLOB, UNMAP_BLOB, UNREF, CTX_ATTACH, CTX_DETACH,
 SUBMIT, DISPLAY_INFO, CAPSET_INFO, CAPSET, ASSIGN_UUID, ATTACH_BACKING, DETACH_BACKING,
 CREATE_2D, FLUSH, TRANSFER_2D, TRANSFER_3D, SET_SCANOUT, UPDATE_CURSOR, UNKNOWN) = range(22)
READY_SLICE, READY_BLOB, RELEASED, RETIRED, FAILED, ENDED = range(6)
FENCE, RING_IDX = 1, 2
EAGAIN, ENOMEM, EIO, ENOENT = 11, 12, 5, 2
PAGE_SIZE = 4096


def step(kind, *data):
    data = b''.join(bytes([d]) if isinstance(d, int) else d for d in data)
    return bytes([kind, len(data)]) + data


def command(kind, context=0, payload=b'', flags=0, timeline=0, room=204, queue=0):
    return step(COMMAND, queue, kind, context, flags, timeline, room, payload)


def words(*values):
    return struct.pack('<%dI' % len(values), *values)


def context(number):
    return command(CTX_CREATE, number, words(4, 4) + b'seed'.ljust(64, b'\0'))


def blob(number, resource, size, mem=2, flags=1, blob_id=0, entries=b'', count=0):
    return command(CREATE_BLOB, number, words(resource, mem, flags, count) +
                   struct.pack('<QQ', blob_id, size) + entries)


def map_blob(resource, offset):
    return command(MAP_BLOB, 0, words(resource, 0) + struct.pack('<Q', offset))


def simple(kind, resource, number=0):
    return command(kind, number, words(resource, 0))


def submit(number, flags=0, timeline=0, size=8):
    return command(SUBMIT, number, words(size, 0, 1, 2), flags, timeline)


def answer(process=0, count=64):
    return step(ANSWER, process, count)


def descriptor(index, flags, following, length, address, table=0):
    return step(DESCRIPTOR, table, index, flags, following, words(length), address)


def in_pool(offset):
    return b'\0' + struct.pack('<H', offset)


def available(head, queue=0):
    return step(AVAILABLE, queue, struct.pack('<H', head))


MAP_OK = step(BLOB, 0)


def lives():
    """What a driver does, from begin to end."""
    window = [context(1), blob(1, 1, 8192), map_blob(1, 0), simple(CTX_ATTACH, 1, 1), answer(),
              submit(1, FENCE | RING_IDX, 1), submit(1, FENCE), submit(1), answer(),
              simple(UNMAP_BLOB, 1), simple(UNREF, 1), answer(), command(CTX_DESTROY, 1)]
    yield window + [step(END, 0)]
    yield window[:3] + [context(2), simple(CTX_ATTACH, 1, 2), answer(1), answer(0),
                        simple(UNREF, 1), answer(0), blob(2, 2, 8192), map_blob(2, 0),
                        answer(1), map_blob(2, 0), answer(0)]
    per_blob = [context(1), blob(1, 1, 5000, blob_id=77), answer(), map_blob(1, 4096), MAP_OK,
                simple(UNMAP_BLOB, 1), MAP_OK, simple(UNREF, 1), answer()]
    yield per_blob
    yield per_blob[:2] + [map_blob(1, 0), simple(UNMAP_BLOB, 1), simple(UNREF, 1), answer(),
                          MAP_OK, MAP_OK, answer()]
    yield per_blob[:4] + [step(BLOB, 4), simple(UNREF, 1), answer()]
    yield per_blob[:4] + [step(END, 0), MAP_OK, MAP_OK, simple(UNREF, 1)]
    entry = struct.pack('<QII', 1 << 63 | 70 << 12, PAGE_SIZE, 0)
    yield [blob(0, 9, PAGE_SIZE, mem=1, entries=entry, count=1), simple(ASSIGN_UUID, 9),
           simple(DETACH_BACKING, 9), command(ATTACH_BACKING, 0, words(9, 1) + entry),
           simple(UNREF, 9)]
    yield [command(CAPSET_INFO, 0, words(0, 0)), command(CAPSET, 0, words(4, 0)),
           command(DISPLAY_INFO)]
    yield [command(kind, 1, bytes(80)) for kind in range(UNKNOWN + 1)]
    yield [command(UPDATE_CURSOR, 0, bytes(32), room=0, queue=1)]


def troubles():
    """What goes wrong."""
    begin = [context(1), context(2), blob(1, 1, 8192), blob(2, 2, PAGE_SIZE)]
    again = [step(SETTINGS, 0, EAGAIN, 0), submit(1, FENCE), submit(1, FENCE | RING_IDX, 2),
             map_blob(1, 0), map_blob(2, 16384), simple(UNREF, 1), submit(2)]
    yield begin + again + [step(SETTINGS, 0, 0, 0), answer(0), answer(1), answer(0), answer(1)]
    yield begin + again + [step(END, 1), step(END, 0), command(CTX_DESTROY, 1)]
    yield begin + again + [step(SAY, 0, FAILED), step(SAY, 1, FAILED), step(END, 0)]
    yield begin + again + [command(CTX_DESTROY, 1), command(CTX_DESTROY, 2), context(1)]
    yield begin + [map_blob(1, 0), answer(1), step(SETTINGS, 8, 0, ENOMEM), simple(UNREF, 1),
                   step(TIME, 255), step(END, 0), step(END, 0)]
    yield begin + [map_blob(1, 0), answer(1), step(SETTINGS, 0, 0, ENOENT), simple(UNREF, 1)]
    for error in (0, EIO):
        for kind in range(ENDED):
            yield begin + [map_blob(1, 0), map_blob(2, 8192), submit(1, FENCE),
                           step(SAY, 1, kind, 1, error, 1), step(SAY, 1, kind, 0, error, 1),
                           simple(UNREF, 1), step(SAY, 1, kind, 1, error, 1)]
    yield begin + again + [step(RESTART), step(END, 0), step(END, 0), step(RESTART), context(1)]
    waiting = [step(SETTINGS, 0, EAGAIN, 0)] + [submit(1) for _ in range(70)]
    yield begin + waiting + [step(TIME, 101), answer(1), step(TIME, 1)]
    yield [step(GRANT, page, 0) for page in (70, 71)] + \
        [descriptor(0, 1, 1, 24, b'\1' + bytes([70, 0, 0])),
         descriptor(1, 2, 0, 408, b'\1' + bytes([71, 0, 0])), available(0)]
    yield [step(PAGE, 0, b'\xff' * 200), step(EVENT), step(PAGE, 0x10, words(9, 4)), step(EVENT)]
    yield [step(CONTROL, 4, 0, 0, b'\2', bytes(8)), step(CONTROL, 1, 0, 0, b'\2', bytes(8)),
           step(CONTROL, 1, 0, 0, b'\2', struct.pack('<Q', 1 << 32 | 1 << 33)),
           step(CONTROL, 2, 0, 8, in_pool(0x1000), in_pool(0x2000), in_pool(0x3000)),
           step(CONTROL, 2, 1, 8, b'\1\x46\0\0', b'\1\x47\0\0', b'\1\x48\0\0'),
           step(CONTROL, 3), step(CONTROL, 5, 0, 4, b'\2', struct.pack('<Q', 4))]


def rules():
    """Chains that a driver must not make."""
    fine = [descriptor(0, 1, 1, 24, in_pool(0x9000)), descriptor(1, 2, 0, 408, in_pool(0x9100)),
            descriptor(2, 4, 0, 32, in_pool(0x8000)),
            descriptor(0, 1, 1, 24, in_pool(0x9000), table=2),
            descriptor(1, 2, 0, 408, in_pool(0x9100), table=2)]
    yield fine + [available(0), available(2)]
    yield fine + [available(0), available(0)]
    yield fine + [available(99)]
    yield fine + [step(RING, 0, 1, 2, struct.pack('<H', 999)), step(EVENT)]
    broken = [descriptor(0, 1, 0, 24, in_pool(0x9000)), descriptor(0, 1, 99, 24, in_pool(0x9000)),
              descriptor(1, 2, 0, 0, in_pool(0x9100)), descriptor(1, 0, 0, 8, in_pool(0x9100)),
              descriptor(0, 3, 1, 24, in_pool(0x9000)),
              descriptor(0, 1, 1, 24, b'\2' + bytes(8)),
              descriptor(0, 1, 1, 0xffffffff, in_pool(0x9000))]
    for way in broken:
        yield fine + [way, available(0)]
    table = [descriptor(0, 1, 0, 24, in_pool(0x9000), table=2),
             descriptor(0, 1, 9, 24, in_pool(0x9000), table=2),
             descriptor(0, 4, 0, 32, in_pool(0x8000), table=2),
             descriptor(2, 5, 1, 32, in_pool(0x8000)), descriptor(2, 4, 0, 31, in_pool(0x8000)),
             descriptor(2, 4, 0, 0, in_pool(0x8000)),
             descriptor(2, 4, 0, 0x10000, in_pool(0x8000))]
    for way in table:
        yield fine + [way, available(2)]


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    number = 0
    for steps in (*lives(), *troubles(), *rules()):
        for options in (0, 1, 6, 9):
            with open(os.path.join(folder, 'device-%03d-%x' % (number, options)), 'wb') as file:
                file.write(bytes([options]) + b''.join(steps))
        number += 1


if __name__ == '__main__':
    main()
