/* SPDX-License-Identifier: MIT */
/*
 * Rings and the monitor.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring-client.h"

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
    assert_true(wait_until(all_done, t, PATIENCE));
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
        assert_true(wait_until(all_done, t, PATIENCE));
    }
    assert_false(venus_context_is_fatal(t->context));
}

/* The ring comes to the end of the first command, 36 bytes, and stays there: the second one waits. */
static void expect_head_at_wait(struct test *t)
{
    const uint64_t end = venus_now_ns() + (uint64_t)PATIENCE * MS;
    while (atomic_load(word(t, HEAD)) != 36 && venus_now_ns() < end)
        usleep(100);
    usleep(20000);
    assert_int_equal(atomic_load(word(t, HEAD)), 36);
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
    expect_head_at_wait(t);

    struct stream low = {.size = 0}, enough = {.size = 0};
    put_numbers(&low, SUBMIT_SEQNO, RING_ID, 8);
    assert_true(submit(t, &low));
    usleep(20000);
    assert_int_equal(atomic_load(word(t, HEAD)), 36);
    put_numbers(&enough, SUBMIT_SEQNO, RING_ID, 10);
    assert_true(submit(t, &enough));
    assert_true(wait_until(all_done, t, PATIENCE));
}

/* A reply, which Mesa does not want here, comes when the wait is over, once. */
static void test_reply_to_a_wait(void **state)
{
    struct test *t = *state;
    struct stream s = {.size = 0}, enough = {.size = 0};
    put_set_reply(&s);
    put32(&s, WAIT_VIRTQUEUE);
    put32(&s, VENUS_COMMAND_GENERATE_REPLY);
    put64(&s, 1);
    memset(t->data, 0xcc, DATA_SIZE);
    assert_true(create_ring(t, &plain));
    send_to_ring(t, &s);
    expect_head_at_wait(t);
    for (int i = 0; i < DATA_SIZE; i++)
        assert_int_equal(t->data[i], 0xcc);
    put_numbers(&enough, SUBMIT_SEQNO, RING_ID, 1);
    assert_true(submit(t, &enough));
    assert_true(wait_until(all_done, t, PATIENCE));
    assert_int_equal(t->data[0], WAIT_VIRTQUEUE);
    for (int i = 4; i < DATA_SIZE; i++)
        assert_int_equal(t->data[i], 0xcc);
}

static void expect_bad_tail(struct test *t, uint32_t tail)
{
    assert_true(create_ring(t, &plain));
    atomic_store(word(t, TAIL), tail);
    if (is_idle(t))
        notify(t);
    assert_true(wait_until(is_fatal, t, PATIENCE));
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
        assert_true(wait_until(is_idle, t, PATIENCE));
        assert_true(stay_asleep(200));

        struct stream s = {.size = 0};
        put_set_reply(&s);
        append(t, &s);
        usleep(20000);
        assert_false(all_done(t)); /* it really sleeps */
        notify(t);
        assert_true(wait_until(all_done, t, PATIENCE));
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
        assert_true(wait_until(all_done, t, PATIENCE));
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

/* As a client does for every frame: ring and virtqueue wait for each other in turn, and whichever
 * of our threads comes first runs the ring's commands. */
static void test_mutual_waits(void **state)
{
    struct test *t = *state;
    assert_true(create_ring(t, &plain));
    for (uint64_t i = 1; i <= 3000; i++) {
        struct stream first = {.size = 0}, second = {.size = 0}, s = {.size = 0};
        put_set_reply(&first);
        append(t, &first);
        const uint32_t position = t->tail;
        put_command(&second, WAIT_VIRTQUEUE);
        put64(&second, i);
        put_set_reply(&second);
        append(t, &second);
        if (i % 3)
            put_numbers(&s, NOTIFY_RING, RING_ID, 0);
        put_numbers(&s, WAIT_RING, RING_ID, position);
        assert_true(submit(t, &s));
        assert_int_equal(atomic_load(word(t, HEAD)), position); /* what comes behind waits */
        s.size = 0;
        put_numbers(&s, SUBMIT_SEQNO, RING_ID, i);
        put_numbers(&s, WAIT_RING, RING_ID, t->tail);
        assert_true(submit(t, &s));
        assert_true(all_done(t));
    }
}

/* The virtqueue, which may be the one to run the ring's commands, ends with the context. */
static void test_waits_for_bad_command(void **state)
{
    struct test *t = *state;
    struct stream bad = {.size = 0}, s = {.size = 0};
    assert_true(create_ring(t, &plain));
    put_command(&bad, 0x7fffffff);
    append(t, &bad);
    put_numbers(&s, NOTIFY_RING, RING_ID, 0);
    put_numbers(&s, WAIT_RING, RING_ID, t->tail);
    assert_false(submit(t, &s));
    assert_true(wait_until(is_fatal, t, PATIENCE));
    assert_int_equal(t->fatal, 1);
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

/* ---- the monitor ---- */

#define PERIOD_MS 60

static void test_monitor(void **state)
{
    struct test *t = *state;
    struct stream block = {.size = 0};
    assert_true(create_ring(t, &(struct ring_info){RING_RESOURCE, PERIOD_MS * 1000, MS, TAIL}));
    assert_true(wait_until(is_alive, t, PATIENCE));

    put_command(&block, WAIT_VIRTQUEUE);
    put64(&block, 1);
    send_to_ring(t, &block);
    for (int i = 0; i < 10; i++) { /* while the ring is at work */
        usleep(PERIOD_MS * 1000);
        atomic_fetch_and(word(t, STATUS), ~(uint32_t)VENUS_RING_ALIVE);
        assert_true(wait_until(is_alive, t, PATIENCE));
    }

    struct stream s = {.size = 0};
    put_numbers(&s, SUBMIT_SEQNO, RING_ID, 1);
    assert_true(submit(t, &s));
    assert_true(wait_until(all_done, t, PATIENCE));
    usleep(6 * PERIOD_MS * 1000); /* nothing to wait for: it falls asleep, and ALIVE stays set */
    assert_true(stay_asleep(6 * PERIOD_MS));
    assert_true(is_idle(t));
    assert_true(is_alive(t));

    atomic_fetch_and(word(t, STATUS), ~(uint32_t)VENUS_RING_ALIVE); /* a command and a wait */
    struct stream command = {.size = 0};
    put_set_reply(&command);
    send_to_ring(t, &command);
    assert_true(wait_until(is_alive, t, PATIENCE));
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
        assert_true(wait_until(is_alive, t, PATIENCE));
        pause = pause * 5 / 2;
    }
}

/* ---- everything at once ---- */

struct storm {
    struct test *t;
    unsigned int seed;
};

/* The client's thread that uses the virtqueue. */
static void *storm_virtqueue(void *arg)
{
    struct storm *storm = arg;
    struct test *t = storm->t;
    bool ring = true;
    for (int i = 0; i < 40 && !venus_context_is_fatal(t->context); i++) {
        struct stream s = {.size = 0};
        switch (rand_r(&storm->seed) % 6) {
        case 0:
            put_numbers(&s, SUBMIT_SEQNO, RING_ID, (uint64_t)i);
            break;
        case 1:
            put_numbers(&s, WRITE_EXTRA, RING_ID, 0);
            put32(&s, 1);
            break;
        case 2:
            put_command(&s, ring ? DESTROY_RING : SEEK_REPLY);
            put64(&s, RING_ID);
            ring = false;
            break;
        default:
            put_numbers(&s, NOTIFY_RING, RING_ID, 0);
        }
        submit(t, &s);
        venus_context_create_fence(t->context, rand_r(&storm->seed) % 3, 1);
        venus_context_poll_fences(t->context);
    }
    return NULL;
}

static bool is_told(struct test *t)
{
    return t->fatal == 1;
}

/* Good and bad commands, good and bad tails, while the virtqueue is busy and the context ends. */
static void test_storm(void **state)
{
    struct test *t = *state;
    for (unsigned int round = 0; round < 150; round++) {
        struct storm storm = {t, round};
        unsigned int seed = round + 1000;
        pthread_t thread;
        assert_true(create_ring(t, &(struct ring_info){RING_RESOURCE, 3000, MS / 4, TAIL}));
        assert_int_equal(pthread_create(&thread, NULL, storm_virtqueue, &storm), 0);
        for (int i = 0; i < 60; i++) {
            struct stream s = {.size = 0};
            const unsigned int dice = rand_r(&seed) % 64;
            if (dice < 8) {
                put_command(&s, WAIT_VIRTQUEUE);
                put64(&s, dice);
            } else {
                put_set_reply(&s);
            }
            if (dice == 63)
                s.bytes[rand_r(&seed) % s.size] ^= 1;
            append(t, &s);
            if (dice == 62)
                atomic_store(word(t, TAIL), (uint32_t)rand_r(&seed));
            if (dice == 61)
                atomic_store(word(t, STATUS), 0);
            usleep(dice);
        }
        if (round % 2)
            venus_context_fail(t->context);
        pthread_join(thread, NULL);
        if (venus_context_is_fatal(t->context))
            assert_true(wait_until(is_told, t, PATIENCE));
        else
            assert_int_equal(t->fatal, 0);
        tear_down(state);
        set_up(state);
        t = *state;
    }
}

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
        TEST(test_reply_to_a_wait),
        TEST(test_tail_too_far),
        TEST(test_tail_backwards),
        TEST(test_tail_unaligned),
        TEST(test_truncated_command),
        TEST(test_idle),
        TEST(test_second_look),
        TEST(test_virtqueue_waits_for_ring),
        TEST(test_mutual_waits),
        TEST(test_waits_for_bad_command),
        TEST(test_wait_ends_with_context),
        TEST(test_destroy_blocked_ring),
        TEST(test_destroy_blocked_context),
        TEST(test_many_rings),
        TEST(test_monitor),
        TEST(test_monitor_keeps_up_with_a_wait),
        TEST(test_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
