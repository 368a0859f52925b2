/* SPDX-License-Identifier: MIT */
/* Command streams for tests with real render processes. */
#ifndef TESTS_DEVICE_STREAM_H
#define TESTS_DEVICE_STREAM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Commands and a struct, by their numbers on the wire. */
enum {
    CREATE_INSTANCE = 0,
    ENUMERATE_PHYSICAL_DEVICES = 2,
    ENUMERATE_INSTANCE_VERSION = 137,
    SET_REPLY = 178,
    CREATE_RING = 188,
    DESTROY_RING = 189,
    NOTIFY_RING = 190,
    WAIT_RING = 253,
    RING_CREATE_INFO = 1000384000,
    GENERATE_REPLY = 1, /* a flag of a command */
};

/* Where a ring has its parts. */
#define TAIL        64
#define STATUS      128
#define BUFFER      192
#define BUFFER_SIZE 256

struct stream {
    uint8_t bytes[1024];
    uint32_t size;
};

static inline void put(struct stream *s, const void *bytes, uint32_t size)
{
    assert_true(s->size + size <= sizeof(s->bytes));
    memcpy(s->bytes + s->size, bytes, size);
    s->size += size;
}

static inline void put32(struct stream *s, uint32_t v)
{
    put(s, &v, 4);
}

static inline void put64(struct stream *s, uint64_t v)
{
    put(s, &v, 8);
}

/* A ring at the start of a resource. */
static inline void put_create_ring(struct stream *s, uint64_t ring, uint32_t resource)
{
    put32(s, CREATE_RING);
    put32(s, 0);
    put64(s, ring);
    put64(s, 1);
    put32(s, RING_CREATE_INFO);
    put64(s, 0);
    put32(s, 0);
    put32(s, resource);
    put64(s, 0);
    put64(s, BUFFER + BUFFER_SIZE + 64);
    put64(s, 1000000);
    put64(s, 0);
    put64(s, TAIL);
    put64(s, STATUS);
    put64(s, BUFFER);
    put64(s, BUFFER_SIZE);
    put64(s, BUFFER + BUFFER_SIZE);
    put64(s, 64);
}

/* Wait for a position that a ring which nobody writes to never reaches. */
static inline void put_wait_ring(struct stream *s, uint64_t ring)
{
    put32(s, WAIT_RING);
    put32(s, 0);
    put64(s, ring);
    put64(s, 1000);
}

/* Let replies go to the first `size` bytes of a resource. */
static inline void put_set_reply(struct stream *s, uint32_t resource, uint64_t size)
{
    put32(s, SET_REPLY);
    put32(s, 0);
    put64(s, 1);
    put32(s, resource);
    put64(s, 0);
    put64(s, size);
}

#endif
