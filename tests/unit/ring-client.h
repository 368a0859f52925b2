/* SPDX-License-Identifier: MIT */
/*
 * A client of the renderer in this process: it writes commands into shared memory as Mesa does, and
 * sees only the library's public interface.
 */
#ifndef RING_CLIENT_H
#define RING_CLIENT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ring.h"
#include "thread.h"

#define MS 1000000u

/* How long to wait for what must happen, in milliseconds: machines can be very busy. */
#define PATIENCE 20000

/* Commands and a struct, by their numbers on the wire. */
enum {
    ENUMERATE_VERSION = 137,
    SET_REPLY = 178,
    SEEK_REPLY = 179,
    EXECUTE = 180,
    CREATE_RING = 188,
    DESTROY_RING = 189,
    NOTIFY_RING = 190,
    WRITE_EXTRA = 191,
    SUBMIT_SEQNO = 251,
    WAIT_VIRTQUEUE = 252,
    WAIT_RING = 253,
    RING_CREATE_INFO = 1000384000,
    RING_MONITOR_INFO = 1000384006,
    RING_PRIORITY_INFO = 1000384007,
};

/* Where the test rings have their parts. */
#define HEAD        0
#define TAIL        64
#define STATUS      128
#define BUFFER      192
#define BUFFER_SIZE 256
#define EXTRA       (BUFFER + BUFFER_SIZE)
#define RING_SIZE   (EXTRA + 8)

#define RING_RESOURCE 1
#define DATA_RESOURCE 2
#define DATA_SIZE     4096
#define RING_ID       0x1234

struct stream {
    uint8_t bytes[4096];
    uint32_t size;
};

struct test {
    struct venus_renderer *renderer;
    struct venus_context *context;
    atomic_int fatal, retired;
    uint64_t retired_id;
    int ring_fd;
    size_t status_offset;
    uint8_t *memory, *data; /* of the two resources */
    uint32_t tail;          /* of the ring */
};

struct ring_info {
    uint32_t resource, monitor_us;
    uint64_t idle_ns, tail_offset;
};

/* A ring without monitor and with 1 ms of idle timeout. */
extern const struct ring_info plain;

void put32(struct stream *s, uint32_t v);
void put64(struct stream *s, uint64_t v);
void put_command(struct stream *s, uint32_t number);
/* A command of 36 bytes that does nothing that lasts. */
void put_set_reply(struct stream *s);
void put_numbers(struct stream *s, uint32_t command, uint64_t a, uint64_t b);
void put_create_ring(struct stream *s, uint64_t id, const struct ring_info *info);
_Atomic uint32_t *word(struct test *t, size_t offset);
uint32_t status(struct test *t);
bool submit(struct test *t, const struct stream *s);
/* Append to the ring without a notification. */
void append(struct test *t, const struct stream *s);
void notify(struct test *t);
/* Append to the ring as Mesa does. */
void send_to_ring(struct test *t, const struct stream *s);
bool wait_until(bool (*is)(struct test *t), struct test *t, uint64_t ms);
bool all_done(struct test *t);
bool is_idle(struct test *t);
bool is_fatal(struct test *t);
bool is_alive(struct test *t);
/* How often the renderer's threads have gone to sleep so far. */
unsigned long count_sleeps(void);
/* Whether they stay asleep, as soon as they have got there: no wake-up for `ms` milliseconds. */
bool stay_asleep(unsigned int ms);
uint8_t *create_blob(struct test *t, uint32_t id, size_t size);
int set_up(void **state);
int tear_down(void **state);
bool create_ring(struct test *t, const struct ring_info *info);

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
