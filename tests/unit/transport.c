/* SPDX-License-Identifier: MIT */
/*
 * The commands of the protocol itself, as far as they are not about how rings work.
 */
#include <errno.h>

#include "ring-client.h"

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

static bool has_reply(struct test *t)
{
    return atomic_load((_Atomic uint32_t *)(void *)t->data) == ENUMERATE_VERSION;
}

static void test_streams(void **state)
{
    struct test *t = *state;
    struct stream inner = {.size = 0}, s = {.size = 0}, seqno = {.size = 0};
    put_set_reply(&inner);
    put32(&inner, ENUMERATE_VERSION);
    put32(&inner, 1); /* with a reply */
    put64(&inner, 1);
    put_command(&inner, WAIT_VIRTQUEUE);
    put64(&inner, 1);
    memcpy(t->data + 512, inner.bytes, inner.size);
    put_execute(&s, 512, inner.size);
    put_set_reply(&s); /* the outer stream goes on */
    assert_true(create_ring(t, &plain));
    send_to_ring(t, &s);
    assert_true(wait_until(has_reply, t, PATIENCE));
    assert_false(all_done(t));               /* the inner one waits */
    memset(t->data + 512, 0xff, inner.size); /* it is run from a copy */
    put_numbers(&seqno, SUBMIT_SEQNO, RING_ID, 1);
    assert_true(submit(t, &seqno));
    assert_true(wait_until(all_done, t, PATIENCE));
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
    put_execute(&inner, 0, 36);
    memcpy(t->data + 512, inner.bytes, inner.size);
    inner.size = 0;
    put_set_reply(&inner);
    memcpy(t->data, inner.bytes, inner.size);
    put_execute(&s, 0, 36);
    assert_true(submit(t, &s));
    s.size = 0;
    put_execute(&s, 512, 64);
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
    assert_true(wait_until(is_fatal, t, PATIENCE));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_extra),          TEST(test_streams),
        TEST(test_stream_outside), TEST(test_stream_in_stream_in_stream),
        TEST(test_dependencies),   TEST(test_ring_only),
        TEST(test_virtqueue_only), TEST(test_unaligned_submission),
        TEST(test_timelines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
