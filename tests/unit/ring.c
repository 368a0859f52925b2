/* SPDX-License-Identifier: MIT */
/*
 * Rings, the monitor and the commands of the protocol itself, through the library's public
 * interface.  The tests play the client: they write commands into shared memory as Mesa does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring.h"
#include "thread.h"

#define MS 1000000u

/* Commands and a struct, by their numbers on the wire. */
enum {
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

/* ---- streams ---- */

static void put(struct stream *s, const void *bytes, uint32_t size)
{
    assert_true(s->size + size <= sizeof(s->bytes));
    memcpy(s->bytes + s->size, bytes, size);
    s->size += size;
}

static void put32(struct stream *s, uint32_t v)
{
    put(s, &v, 4);
}

static void put64(struct stream *s, uint64_t v)
{
    put(s, &v, 8);
}

static void put_command(struct stream *s, uint32_t number)
{
    put32(s, number);
    put32(s, 0);
}

/* A command of 36 bytes that does nothing that lasts. */
static void put_set_reply(struct stream *s)
{
    put_command(s, SET_REPLY);
    put64(s, 1);
    put32(s, DATA_RESOURCE);
    put64(s, 0);
    put64(s, 64);
}

static void put_numbers(struct stream *s, uint32_t command, uint64_t a, uint64_t b)
{
    put_command(s, command);
    put64(s, a);
    put64(s, b);
}

struct ring_info {
    uint32_t resource, monitor_us;
    uint64_t idle_ns, tail_offset;
};

static void put_create_ring(struct stream *s, uint64_t id, const struct ring_info *info)
{
    put_command(s, CREATE_RING);
    put64(s, id);
    put64(s, 1);
    put32(s, RING_CREATE_INFO);
    if (info->monitor_us) {
        put64(s, 1);
        put32(s, RING_MONITOR_INFO);
        put64(s, 1);
        put32(s, RING_PRIORITY_INFO);
        put64(s, 0);
        put32(s, 5);
        put32(s, info->monitor_us);
    } else {
        put64(s, 0);
    }
    put32(s, 0);
    put32(s, info->resource);
    put64(s, 0);
    put64(s, RING_SIZE);
    put64(s, info->idle_ns);
    put64(s, HEAD);
    put64(s, info->tail_offset);
    put64(s, STATUS);
    put64(s, BUFFER);
    put64(s, BUFFER_SIZE);
    put64(s, EXTRA);
    put64(s, 8);
}

/* ---- the client's side of a ring ---- */

static _Atomic uint32_t *word(struct test *t, size_t offset)
{
    return (_Atomic uint32_t *)(void *)(t->memory + offset);
}

static uint32_t status(struct test *t)
{
    return atomic_load(word(t, STATUS));
}

static bool submit(struct test *t, const struct stream *s)
{
    return venus_context_submit(t->context, s->bytes, s->size);
}

/* Append to the ring without a notification. */
static void append(struct test *t, const struct stream *s)
{
    for (uint32_t i = 0; i < s->size; i++)
        t->memory[BUFFER + (t->tail + i) % BUFFER_SIZE] = s->bytes[i];
    t->tail += s->size;
    atomic_store_explicit(word(t, TAIL), t->tail, memory_order_seq_cst);
}

static void notify(struct test *t)
{
    struct stream s = {.size = 0};
    put_command(&s, NOTIFY_RING);
    put64(&s, RING_ID);
    put32(&s, t->tail);
    put32(&s, 0);
    submit(t, &s);
}

/* Append to the ring as Mesa does. */
static void send_to_ring(struct test *t, const struct stream *s)
{
    append(t, s);
    if (status(t) & VENUS_RING_IDLE)
        notify(t);
}

static bool wait_until(bool (*is)(struct test *t), struct test *t, uint64_t ms)
{
    const uint64_t end = venus_now_ns() + ms * MS;
    while (!is(t)) {
        if (venus_now_ns() > end)
            return false;
        usleep(50);
    }
    return true;
}

static bool all_done(struct test *t)
{
    return atomic_load_explicit(word(t, HEAD), memory_order_acquire) == t->tail;
}

static bool is_idle(struct test *t)
{
    return status(t) & VENUS_RING_IDLE;
}

static bool is_fatal(struct test *t)
{
    return (status(t) & VENUS_RING_FATAL) && atomic_load(&t->fatal);
}

static bool is_alive(struct test *t)
{
    return status(t) & VENUS_RING_ALIVE;
}

/* How often the renderer's threads have gone to sleep so far. */
static unsigned long count_sleeps(void)
{
    unsigned long total = 0;
    DIR *dir = opendir("/proc/self/task");
    assert_non_null(dir);
    struct dirent *entry;
    while ((entry = readdir(dir))) {
        char path[512], line[256];
        snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
        FILE *file = fopen(path, "r");
        if (!file)
            continue;
        bool ours = false;
        unsigned long n;
        while (fgets(line, sizeof(line), file)) {
            if (!strncmp(line, "Name:\tvenus-", 12))
                ours = true;
            else if (ours && sscanf(line, "voluntary_ctxt_switches: %lu", &n) == 1)
                total += n;
        }
        fclose(file);
    }
    closedir(dir);
    return total;
}

/* ---- set-up ---- */

static void on_fence(void *user, uint32_t ring_idx, uint64_t id)
{
    struct test *t = user;
    assert_int_equal(ring_idx, 0);
    t->retired_id = id;
    t->retired++;
}

static void on_fatal(void *user)
{
    struct test *t = user;
    t->fatal++;
}

static void on_ring(void *user, int fd, size_t status_offset)
{
    struct test *t = user;
    t->ring_fd = fd;
    t->status_offset = status_offset;
}

static uint8_t *create_blob(struct test *t, uint32_t id, size_t size)
{
    struct venus_blob blob;
    assert_int_equal(venus_context_create_blob(t->context, id, 0, size, VENUS_BLOB_MAPPABLE, &blob),
                     0);
    uint8_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, blob.fd, 0);
    assert_ptr_not_equal(p, MAP_FAILED);
    close(blob.fd);
    return p;
}

static void on_log(enum venus_log_level level, const char *message)
{
    if (getenv("VERBOSE"))
        fprintf(stderr, "%d: %s\n", (int)level, message);
}

static int set_up(void **state)
{
    static const struct venus_context_events events = {
        .fence_retired = on_fence, .fatal = on_fatal, .ring_created = on_ring};
    const struct venus_renderer_params params = {
        .get_instance_proc_addr = vkGetInstanceProcAddr,
    };
    struct test *t = calloc(1, sizeof(*t));
    venus_log_set(on_log, VENUS_LOG_ERROR);
    t->renderer = venus_renderer_create(&params);
    t->context = venus_context_create(t->renderer, "test", &events, t);
    t->memory = create_blob(t, RING_RESOURCE, RING_SIZE);
    t->data = create_blob(t, DATA_RESOURCE, DATA_SIZE);
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct test *t = *state;
    venus_context_destroy(t->context);
    venus_renderer_destroy(t->renderer);
    munmap(t->memory, RING_SIZE);
    munmap(t->data, DATA_SIZE);
    free(t);
    return 0;
}

static const struct ring_info plain = {RING_RESOURCE, 0, MS, TAIL};

static bool create_ring(struct test *t, const struct ring_info *info)
{
    struct stream s = {.size = 0};
    put_create_ring(&s, RING_ID, info);
    return submit(t, &s);
}

/* ---- layout ---- */

static VkRingCreateInfoMESA good_info(void)
{
    return (VkRingCreateInfoMESA){
        .resourceId = RING_RESOURCE,
        .offset = 64,
        .size = RING_SIZE,
        .headOffset = HEAD,
        .tailOffset = TAIL,
        .statusOffset = STATUS,
        .bufferOffset = BUFFER,
        .bufferSize = BUFFER_SIZE,
        .extraOffset = EXTRA,
        .extraSize = 8,
    };
}

static void test_layout(void **state)
{
    (void)state;
    VkRingCreateInfoMESA info = good_info();
    struct venus_ring_layout layout;
    assert_null(venus_ring_layout_init(&layout, &info, 64 + RING_SIZE));
    assert_int_equal(layout.head, 64 + HEAD);
    assert_int_equal(layout.tail, 64 + TAIL);
    assert_int_equal(layout.status, 64 + STATUS);
    assert_int_equal(layout.buffer, 64 + BUFFER);
    assert_int_equal(layout.buffer_size, BUFFER_SIZE);
    assert_int_equal(layout.extra, 64 + EXTRA);
    assert_int_equal(layout.extra_size, 8);

    info.extraSize = 0; /* may then lie anywhere inside */
    info.extraOffset = TAIL;
    assert_null(venus_ring_layout_init(&layout, &info, 64 + RING_SIZE));
}

static void test_bad_layouts(void **state)
{
    (void)state;
    const struct {
        size_t member; /* offset in the struct */
        size_t value;
    } bad[] = {
#define BAD(name, value) {offsetof(VkRingCreateInfoMESA, name), value}
        BAD(offset, 2),
        BAD(offset, 68), /* the end is outside */
        BAD(offset, SIZE_MAX - 3),
        BAD(size, RING_SIZE + 4),
        BAD(size, SIZE_MAX),
        BAD(size, RING_SIZE - 4), /* the extra part is outside */
        BAD(size, 0),
        BAD(headOffset, 2),
        BAD(headOffset, TAIL),
        BAD(headOffset, STATUS),
        BAD(headOffset, BUFFER + 8),
        BAD(headOffset, EXTRA + 4),
        BAD(headOffset, RING_SIZE),
        BAD(headOffset, SIZE_MAX - 3),
        BAD(tailOffset, STATUS),
        BAD(tailOffset, RING_SIZE - 2),
        BAD(statusOffset, BUFFER + BUFFER_SIZE - 4),
        BAD(statusOffset, 1u << 30),
        BAD(bufferOffset, STATUS),
        BAD(bufferOffset, BUFFER + 4),
        BAD(bufferOffset, 0),
        BAD(bufferOffset, SIZE_MAX - BUFFER_SIZE + 1),
        BAD(bufferSize, 0),
        BAD(bufferSize, 2),
        BAD(bufferSize, BUFFER_SIZE - 4),
        BAD(bufferSize, 2 * BUFFER_SIZE),
        BAD(bufferSize, (size_t)VENUS_MAX_RING_BUFFER * 2),
        BAD(bufferSize, (size_t)1 << 63),
        BAD(extraOffset, EXTRA + 2),
        BAD(extraOffset, EXTRA + 4),
        BAD(extraOffset, BUFFER),
        BAD(extraSize, 6),
        BAD(extraSize, SIZE_MAX - 3),
#undef BAD
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        VkRingCreateInfoMESA info = good_info();
        struct venus_ring_layout layout;
        memcpy((char *)&info + bad[i].member, &bad[i].value, sizeof(size_t));
        if (!venus_ring_layout_init(&layout, &info, 64 + RING_SIZE))
            fail_msg("layout %zu was accepted", i);
    }
}

static void expect_refusal(struct test *t, const struct ring_info *info)
{
    assert_false(create_ring(t, info));
    assert_true(venus_context_is_fatal(t->context));
    assert_int_equal(t->fatal, 1);
}

static void test_refused_rings(void **state)
{
    expect_refusal(*state, &(struct ring_info){RING_RESOURCE, 0, MS, HEAD});
}

static void test_unknown_resource(void **state)
{
    expect_refusal(*state, &(struct ring_info){77, 0, MS, TAIL});
}

static void test_dirty_head(void **state)
{
    struct test *t = *state;
    *word(t, HEAD) = 4;
    expect_refusal(t, &plain);
}

static void test_dirty_status(void **state)
{
    struct test *t = *state;
    *word(t, STATUS) = VENUS_RING_ALIVE;
    expect_refusal(t, &plain);
}

static void test_duplicate_ring(void **state)
{
    struct test *t = *state;
    assert_true(create_ring(t, &plain));
    memset(t->memory, 0, RING_SIZE);
    expect_refusal(t, &plain);
}

/* ---- running ---- */

static void test_runs_commands(void **state)
{
    struct test *t = *state;
    struct stream s = {.size = 0};
    put_set_reply(&s);
    append(t, &s); /* before the ring exists */
    assert_true(create_ring(t, &plain));
    assert_int_equal(t->status_offset, STATUS);
    uint32_t *p = mmap(NULL, RING_SIZE, PROT_READ, MAP_SHARED, t->ring_fd, 0);
    assert_ptr_not_equal(p, MAP_FAILED);
    assert_true(wait_until(all_done, t, 2000));
    assert_int_equal(p[HEAD], t->tail);
    munmap(p, RING_SIZE);
}

/* Many batches of all sizes that fit, so that commands wrap everywhere. */
static void test_wraps(void **state)
{
    struct test *t = *state;
    assert_true(create_ring(t, &plain));
    for (int i = 0; i < 2000; i++) {
        struct stream s = {.size = 0};
        for (int j = 0; j <= i % 7; j++)
            put_set_reply(&s);
        for (int j = 0; j < i % 3 && s.size <= BUFFER_SIZE - 16; j++) {
            put_command(&s, SEEK_REPLY);
            put64(&s, 32);
        }
        send_to_ring(t, &s);
        assert_true(wait_until(all_done, t, 2000));
    }
    assert_false(venus_context_is_fatal(t->context));
}

/* The head follows every command, not only the batch. */
static void test_head_follows_commands(void **state)
{
    struct test *t = *state;
    struct stream s = {.size = 0};
    put_set_reply(&s);
    put_command(&s, WAIT_VIRTQUEUE);
    put64(&s, 9);
    assert_true(create_ring(t, &plain));
    send_to_ring(t, &s);
    const uint64_t end = venus_now_ns() + 2000ull * MS;
    while (atomic_load(word(t, HEAD)) != 36 && venus_now_ns() < end)
        usleep(100);
    usleep(20000);
    assert_int_equal(atomic_load(word(t, HEAD)), 36); /* the second one waits */

    struct stream low = {.size = 0}, enough = {.size = 0};
    put_numbers(&low, SUBMIT_SEQNO, RING_ID, 8);
    assert_true(submit(t, &low));
    usleep(20000);
    assert_int_equal(atomic_load(word(t, HEAD)), 36);
    put_numbers(&enough, SUBMIT_SEQNO, RING_ID, 10);
    assert_true(submit(t, &enough));
    assert_true(wait_until(all_done, t, 2000));
}

static void expect_bad_tail(struct test *t, uint32_t tail)
{
    assert_true(create_ring(t, &plain));
    atomic_store(word(t, TAIL), tail);
    if (is_idle(t))
        notify(t);
    assert_true(wait_until(is_fatal, t, 2000));
    assert_int_equal(t->fatal, 1);
    struct stream s = {.size = 0};
    put_set_reply(&s);
    assert_false(submit(t, &s));
}

static void test_tail_too_far(void **state)
{
    expect_bad_tail(*state, BUFFER_SIZE + 4);
}

static void test_tail_backwards(void **state)
{
    expect_bad_tail(*state, (uint32_t)-4);
}

static void test_tail_unaligned(void **state)
{
    expect_bad_tail(*state, 6);
}

static void test_truncated_command(void **state)
{
    expect_bad_tail(*state, 4);
}

/* ---- idle ---- */

static void test_idle(void **state)
{
    struct test *t = *state;
    assert_true(create_ring(t, &plain));
    for (int i = 0; i < 3; i++) {
        assert_true(wait_until(is_idle, t, 2000));
        usleep(20000); /* past the second look */
        const unsigned long before = count_sleeps();
        assert_true(before > 0);
        usleep(300000);
        assert_int_equal(count_sleeps(), before);

        struct stream s = {.size = 0};
        put_set_reply(&s);
        append(t, &s);
        usleep(20000);
        assert_false(all_done(t)); /* it really sleeps */
        notify(t);
        assert_true(wait_until(all_done, t, 2000));
        assert_false(venus_context_is_fatal(t->context));
    }
}

/* A client whose store of the tail is late sends no notification. */
static void test_second_look(void **state)
{
    struct test *t = *state;
    assert_true(create_ring(t, &plain));
    int found = 0;
    for (int i = 0; i < 50 && found < 3; i++) {
        struct stream s = {.size = 0};
        put_set_reply(&s);
        const uint64_t end = venus_now_ns() + 1000ull * MS;
        while (!is_idle(t) && venus_now_ns() < end)
            ;
        append(t, &s);
        if (wait_until(all_done, t, 20))
            found++;
        notify(t);
        assert_true(wait_until(all_done, t, 2000));
    }
    assert_int_equal(found, 3);
}

/* ---- waiting for a ring ---- */

static void *submit_wait(void *arg)
{
    struct test *t = arg;
    struct stream s = {.size = 0};
    put_numbers(&s, WAIT_RING, RING_ID, 36);
    return submit(t, &s) ? t : NULL;
}

static void test_virtqueue_waits_for_ring(void **state)
{
    struct test *t = *state;
    pthread_t thread;
    assert_true(create_ring(t, &plain));
    assert_int_equal(pthread_create(&thread, NULL, submit_wait, t), 0);
    usleep(20000);
    struct stream s = {.size = 0};
    put_set_reply(&s);
    append(t, &s); /* the ring may sleep, and the virtqueue is blocked: wake it otherwise */
    venus_ring_notify(venus_ring_find(t->context, RING_ID));
    void *result;
    pthread_join(thread, &result);
    assert_ptr_equal(result, t);
    assert_true(all_done(t));
}

static void test_wait_ends_with_context(void **state)
{
    struct test *t = *state;
    pthread_t thread;
    assert_true(create_ring(t, &plain));
    assert_int_equal(pthread_create(&thread, NULL, submit_wait, t), 0);
    usleep(20000);
    venus_context_fail(t->context);
    void *result;
    pthread_join(thread, &result);
    assert_null(result);
    assert_true(is_fatal(t));
    assert_int_equal(t->fatal, 1);
}

static void test_destroy_blocked_ring(void **state)
{
    struct test *t = *state;
    struct stream s = {.size = 0}, end = {.size = 0};
    put_command(&s, WAIT_VIRTQUEUE);
    put64(&s, 1);
    assert_true(create_ring(t, &plain));
    send_to_ring(t, &s);
    usleep(5000);
    put_command(&end, DESTROY_RING);
    put64(&end, RING_ID);
    assert_true(submit(t, &end));
    assert_false(submit(t, &end)); /* unknown now */
    assert_int_equal(t->fatal, 1);
}

static void test_destroy_blocked_context(void **state)
{
    struct test *t = *state;
    struct stream s = {.size = 0};
    put_command(&s, WAIT_VIRTQUEUE);
    put64(&s, 1);
    assert_true(create_ring(t, &plain));
    send_to_ring(t, &s); /* the tear-down must end the wait */
}

static void test_many_rings(void **state)
{
    struct test *t = *state;
    unsigned int n;
    for (n = 0; n < VENUS_MAX_RINGS + 1; n++) {
        struct stream s = {.size = 0};
        munmap(create_blob(t, 10 + n, RING_SIZE), RING_SIZE);
        put_create_ring(&s, n, &(struct ring_info){10 + n, 5000, MS, TAIL});
        if (!submit(t, &s))
            break;
    }
    assert_int_equal(n, VENUS_MAX_RINGS);
}

/* ---- the other commands ---- */

static void test_extra(void **state)
{
    struct test *t = *state;
    struct stream s = {.size = 0}, bad = {.size = 0};
    assert_true(create_ring(t, &plain));
    put_numbers(&s, WRITE_EXTRA, RING_ID, 4);
    put32(&s, 0xabcd);
    assert_true(submit(t, &s));
    assert_int_equal(*word(t, EXTRA + 4), 0xabcd);
    put_numbers(&bad, WRITE_EXTRA, RING_ID, 8);
    put32(&bad, 1);
    assert_false(submit(t, &bad));
}

static void put_execute(struct stream *s, uint32_t offset, uint32_t size)
{
    put_command(s, EXECUTE);
    put32(s, 1);
    put64(s, 1);
    put32(s, DATA_RESOURCE);
    put64(s, offset);
    put64(s, size);
    put64(s, 0);
    put32(s, 0);
    put64(s, 0);
    put32(s, 0);
}

static void test_streams(void **state)
{
    struct test *t = *state;
    struct stream inner = {.size = 0}, s = {.size = 0};
    put_set_reply(&inner);
    put_set_reply(&inner);
    memcpy(t->data + 512, inner.bytes, inner.size);
    put_execute(&s, 512, inner.size);
    put_set_reply(&s); /* the outer stream goes on */
    assert_true(submit(t, &s));
    assert_true(create_ring(t, &plain));
    send_to_ring(t, &s);
    assert_true(wait_until(all_done, t, 2000));
}

static void test_stream_outside(void **state)
{
    struct test *t = *state;
    struct stream s = {.size = 0};
    put_execute(&s, DATA_SIZE - 4, 8);
    assert_false(submit(t, &s));
}

static void test_stream_in_stream_in_stream(void **state)
{
    struct test *t = *state;
    struct stream inner = {.size = 0}, s = {.size = 0};
    put_execute(&inner, 512, 0);
    memcpy(t->data + 512, inner.bytes, inner.size);
    put_execute(&s, 512, inner.size);
    assert_false(submit(t, &s));
}

static void test_dependencies(void **state)
{
    struct test *t = *state;
    for (uint32_t source = 0; source < 2; source++) {
        struct stream s = {.size = 0};
        put_command(&s, EXECUTE);
        put32(&s, 2);
        put64(&s, 2);
        for (int i = 0; i < 2; i++) {
            put32(&s, DATA_RESOURCE);
            put64(&s, 0);
            put64(&s, 0);
        }
        put64(&s, 0);
        put32(&s, 1);
        put64(&s, 1);
        put32(&s, source);
        put32(&s, 1);
        put32(&s, 0);
        assert_int_equal(submit(t, &s), source < 1); /* on itself is refused */
    }
}

static void test_ring_only(void **state)
{
    struct test *t = *state;
    struct stream s = {.size = 0};
    put_command(&s, WAIT_VIRTQUEUE);
    put64(&s, 0);
    assert_false(submit(t, &s));
}

static void test_virtqueue_only(void **state)
{
    struct test *t = *state;
    struct stream s = {.size = 0};
    put_numbers(&s, WAIT_RING, RING_ID, 0);
    assert_true(create_ring(t, &plain));
    send_to_ring(t, &s);
    assert_true(wait_until(is_fatal, t, 2000));
}

static void test_unaligned_submission(void **state)
{
    struct test *t = *state;
    const uint32_t bytes[2] = {SET_REPLY, 0};
    assert_false(venus_context_submit(t->context, bytes, 6));
    assert_int_equal(t->fatal, 1);
}

static void test_timelines(void **state)
{
    struct test *t = *state;
    assert_int_equal(venus_context_create_fence(t->context, 0, 42), 0);
    assert_int_equal(t->retired, 1);
    assert_int_equal(t->retired_id, 42);
    assert_int_equal(venus_context_create_fence(t->context, 1, 43), -EINVAL);
    assert_int_equal(venus_context_create_fence(t->context, 64, 44), -EINVAL);
    assert_int_equal(venus_context_create_fence(t->context, UINT32_MAX, 45), -EINVAL);
    assert_int_equal(t->retired, 1);
}

/* ---- the monitor ---- */

#define PERIOD_MS 60

static void test_monitor(void **state)
{
    struct test *t = *state;
    struct stream block = {.size = 0};
    assert_true(create_ring(t, &(struct ring_info){RING_RESOURCE, PERIOD_MS * 1000, MS, TAIL}));
    assert_true(wait_until(is_alive, t, 2000));

    put_command(&block, WAIT_VIRTQUEUE);
    put64(&block, 1);
    send_to_ring(t, &block);
    for (int i = 0; i < 10; i++) { /* while the ring is at work */
        usleep(PERIOD_MS * 1000);
        atomic_fetch_and(word(t, STATUS), ~(uint32_t)VENUS_RING_ALIVE);
        assert_true(wait_until(is_alive, t, 10 * PERIOD_MS));
    }

    struct stream s = {.size = 0};
    put_numbers(&s, SUBMIT_SEQNO, RING_ID, 1);
    assert_true(submit(t, &s));
    assert_true(wait_until(all_done, t, 2000));
    usleep(6 * PERIOD_MS * 1000); /* nothing to wait for: it falls asleep, and ALIVE stays set */
    assert_true(is_alive(t));
    assert_true(is_idle(t));
    const unsigned long before = count_sleeps();
    usleep(6 * PERIOD_MS * 1000);
    assert_int_equal(count_sleeps(), before);

    atomic_fetch_and(word(t, STATUS), ~(uint32_t)VENUS_RING_ALIVE); /* a command and a wait */
    struct stream command = {.size = 0};
    put_set_reply(&command);
    send_to_ring(t, &command);
    assert_true(wait_until(is_alive, t, 10 * PERIOD_MS));
}

/* A waiting client looks again after a time that grows with the wait. */
static void test_monitor_keeps_up_with_a_wait(void **state)
{
    struct test *t = *state;
    assert_true(create_ring(t, &(struct ring_info){RING_RESOURCE, PERIOD_MS * 1000, MS, TAIL}));
    uint64_t pause = PERIOD_MS;
    for (int i = 0; i < 4; i++) {
        atomic_fetch_and(word(t, STATUS), ~(uint32_t)VENUS_RING_ALIVE);
        usleep((useconds_t)pause * 1000);
        assert_true(wait_until(is_alive, t, PERIOD_MS));
        pause = pause * 5 / 2;
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_bad_layouts),
        TEST(test_refused_rings),
        TEST(test_unknown_resource),
        TEST(test_dirty_head),
        TEST(test_dirty_status),
        TEST(test_duplicate_ring),
        TEST(test_runs_commands),
        TEST(test_wraps),
        TEST(test_head_follows_commands),
        TEST(test_tail_too_far),
        TEST(test_tail_backwards),
        TEST(test_tail_unaligned),
        TEST(test_truncated_command),
        TEST(test_idle),
        TEST(test_second_look),
        TEST(test_virtqueue_waits_for_ring),
        TEST(test_wait_ends_with_context),
        TEST(test_destroy_blocked_ring),
        TEST(test_destroy_blocked_context),
        TEST(test_many_rings),
        TEST(test_extra),
        TEST(test_streams),
        TEST(test_stream_outside),
        TEST(test_stream_in_stream_in_stream),
        TEST(test_dependencies),
        TEST(test_ring_only),
        TEST(test_virtqueue_only),
        TEST(test_unaligned_submission),
        TEST(test_timelines),
        TEST(test_monitor),
        TEST(test_monitor_keeps_up_with_a_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
