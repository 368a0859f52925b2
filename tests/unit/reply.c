/* SPDX-License-Identifier: MIT */
#include <unistd.h>

#include "unit.h"

enum { RES_SHM = 1, RES_MEMORY = 2, RES_OTHER = 3, RES_UNKNOWN = 9 };
enum { SHM_SIZE = 4096 };

static void create_blob(struct unit *u, uint32_t res_id, uint64_t blob_id)
{
    struct venus_blob blob;
    assert_int_equal(venus_context_create_blob(&u->context, res_id, blob_id, SHM_SIZE,
                                               VENUS_BLOB_MAPPABLE, &blob),
                     0);
    close(blob.fd);
}

static int reply_setup(void **state)
{
    if (unit_setup(state))
        return -1;
    create_blob(*state, RES_SHM, 0);
    create_blob(*state, RES_MEMORY, UNIT_MEMORY_ID);
    create_blob(*state, RES_OTHER, 0);
    return 0;
}

static const uint8_t *window(struct unit *u)
{
    return u->d->reply_resource->pages.ptr;
}

/* A reply of 4 + 4 * words bytes. */
static void reply(struct unit *u, uint32_t words)
{
    u->d->command = 3;
    venus_reply_begin(u->d);
    for (uint32_t i = 0; i < words; i++)
        venus_encode_u32(u->d, 100 + i);
    venus_reply_finish(u->d);
}

static void test_reply(void **state)
{
    struct unit *u = *state;
    venus_reply_set_window(u->d, RES_SHM, 64, 128);
    u->d->command = 3;
    venus_reply_begin(u->d);
    venus_encode_u64(u->d, 0x1122334455667788);
    venus_encode_u32(u->d, 5);
    venus_encode_bytes(u->d, "abcde", 5);
    venus_encode_bytes(u->d, NULL, 0);
    for (int i = 0; i < SHM_SIZE; i++)
        assert_int_equal(window(u)[i], 0); /* nothing to see before it is complete */
    venus_reply_finish(u->d);
    assert_false(u->d->fatal);

    struct stream expected = {.size = 0};
    put32(&expected, 3);
    put64(&expected, 0x1122334455667788);
    put32(&expected, 5);
    put_bytes(&expected, "abcde", 5);
    assert_memory_equal(window(u) + 64, expected.bytes, expected.size);
    assert_int_equal(u->d->reply_position, 64 + expected.size);
    reply(u, 0); /* behind it */
    assert_memory_equal(window(u) + 64, expected.bytes, expected.size);
    assert_int_equal(window(u)[64 + expected.size], 3);
}

static void test_no_window(void **state)
{
    struct unit *u = *state;
    reply(u, 1);
    assert_failed(u, "before vkSetReplyCommandStreamMESA");
}

static void test_window_is_the_bound(void **state)
{
    struct unit *u = *state;
    venus_reply_set_window(u->d, RES_SHM, 0, 16);
    reply(u, 3); /* just fits */
    assert_false(u->d->fatal);
    venus_reply_seek(u->d, 0);
    reply(u, 4);
    assert_failed(u, "does not fit");
    assert_int_equal(window(u)[16], 0);

    /* A short window after a long one, whose buffer is still there. */
    unit_renew(u);
    venus_reply_set_window(u->d, RES_SHM, 0, SHM_SIZE);
    reply(u, 100);
    venus_reply_set_window(u->d, RES_SHM, 0, 8);
    reply(u, 2);
    assert_failed(u, "does not fit");

    unit_renew(u);
    venus_reply_set_window(u->d, RES_SHM, SHM_SIZE, 0);
    assert_false(u->d->fatal);
    reply(u, 0);
    assert_failed(u, "does not fit");
}

static void test_bad_windows(void **state)
{
    struct unit *u = *state;
    static const struct {
        uint32_t res_id;
        uint64_t offset, size;
        const char *text;
    } bad[] = {
        {RES_UNKNOWN, 0, 16, "resource 9 does not exist"},
        {0, 0, 16, "resource 0 does not exist"},
        {RES_MEMORY, 0, 16, "resource 2 is not shared memory"},
        {RES_SHM, 0, SHM_SIZE + 1, "reply window"},
        {RES_SHM, SHM_SIZE + 1, 0, "reply window"},
        {RES_SHM, 16, SHM_SIZE, "reply window"},
        {RES_SHM, UINT64_MAX, 1, "reply window"},
        {RES_SHM, UINT64_MAX - 15, 16, "reply window"},
        {RES_SHM, 16, UINT64_MAX, "reply window"},
        {RES_SHM, 16, UINT64_MAX - 15, "reply window"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        unit_renew(u);
        venus_reply_set_window(u->d, bad[i].res_id, bad[i].offset, bad[i].size);
        assert_failed(u, bad[i].text);
    }
}

static void test_seek(void **state)
{
    struct unit *u = *state;
    venus_reply_set_window(u->d, RES_SHM, 100, 64);
    venus_reply_seek(u->d, 32);
    reply(u, 0);
    assert_int_equal(window(u)[132], 3);
    venus_reply_seek(u->d, 64);
    assert_false(u->d->fatal);

    static const uint64_t bad[] = {65, SHM_SIZE, UINT64_MAX, UINT64_MAX - 99};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        unit_renew(u);
        venus_reply_set_window(u->d, RES_SHM, 100, 64);
        venus_reply_seek(u->d, bad[i]);
        assert_failed(u, "reply position");
    }
}

static void test_huge_parts(void **state)
{
    struct unit *u = *state;
    static const size_t bad[] = {SHM_SIZE, SIZE_MAX, SIZE_MAX - 3, SIZE_MAX - 4, SIZE_MAX / 2};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        unit_renew(u);
        venus_reply_set_window(u->d, RES_SHM, 0, SHM_SIZE);
        venus_reply_begin(u->d);
        assert_false(u->d->fatal);
        venus_encode_bytes(u->d, u, bad[i]); /* refused before a byte is read */
        assert_failed(u, "does not fit");
        venus_reply_finish(u->d);
    }
    assert_null(venus_reply_take(u->d, SIZE_MAX));
}

static void test_large_buffer_is_not_kept(void **state)
{
    struct unit *u = *state;
    struct venus_blob blob;
    const size_t size = 1 << 20;
    assert_int_equal(
        venus_context_create_blob(&u->context, 20, 0, size, VENUS_BLOB_MAPPABLE, &blob), 0);
    close(blob.fd);
    venus_reply_set_window(u->d, 20, 0, size);
    reply(u, (1 << 18) - 1);
    assert_false(u->d->fatal);
    assert_true(u->d->reply_capacity <= VENUS_KEPT_COMMAND_MEMORY);
    venus_reply_seek(u->d, 0);
    reply(u, 1);
    assert_false(u->d->fatal);
}

/* Other decoders of the context have taken all but a mebibyte. */
static void test_context_limit(void **state)
{
    struct unit *u = *state;
    atomic_size_t *used = &u->context.command_memory;
    struct venus_blob blob;
    const size_t size = 1 << 20, elsewhere = VENUS_MAX_CONTEXT_MEMORY - size;
    assert_int_equal(
        venus_context_create_blob(&u->context, 20, 0, 2 * size, VENUS_BLOB_MAPPABLE, &blob), 0);
    close(blob.fd);

    assert_true(venus_context_memory_take(used, elsewhere));
    venus_reply_set_window(u->d, 20, 0, 2 * size);
    reply(u, (uint32_t)size / 4 - 1); /* just fits */
    assert_false(u->d->fatal);
    assert_int_equal(atomic_load(used), elsewhere + u->d->reply_capacity);

    venus_reply_seek(u->d, 0);
    reply(u, (uint32_t)size / 4);
    assert_failed(u, "a context may use 1073741824");
    assert_true(atomic_load(used) <= elsewhere + VENUS_KEPT_COMMAND_MEMORY);
    venus_context_memory_give_back(used, elsewhere);
}

/* The client may drop the resource and give its id to another one. */
static void test_window_outlives_its_resource(void **state)
{
    struct unit *u = *state;
    venus_reply_set_window(u->d, RES_SHM, 0, 64);
    assert_int_equal(venus_context_unref_resource(&u->context, RES_SHM), 0);
    reply(u, 1); /* the memory is still there */
    assert_false(u->d->fatal);
    assert_int_equal(window(u)[4], 100);

    create_blob(u, RES_SHM, 0);
    venus_reply_set_window(u->d, RES_SHM, 0, 64);
    reply(u, 0);
    assert_false(u->d->fatal);
    assert_int_equal(window(u)[0], 3);
    assert_int_equal(window(u)[4], 0);

    assert_int_equal(venus_context_unref_resource(&u->context, RES_SHM), 0);
    venus_reply_set_window(u->d, RES_SHM, 0, 64);
    assert_failed(u, "resource 1 does not exist");
}

static void test_window_counts_references(void **state)
{
    struct unit *u = *state;
    struct venus_resource *one = venus_resource_get(&u->context, RES_SHM);
    struct venus_resource *other = venus_resource_get(&u->context, RES_OTHER);
    for (int i = 0; i < 3; i++) {
        venus_reply_set_window(u->d, RES_SHM, 0, 64);
        venus_reply_set_window(u->d, RES_SHM, 64, 64);
        assert_int_equal(one->references, 3);
        assert_int_equal(other->references, 2);
        venus_reply_set_window(u->d, RES_OTHER, 0, 64);
        assert_int_equal(one->references, 2);
        assert_int_equal(other->references, 3);
    }
    venus_decoder_finish(u->d);
    assert_int_equal(other->references, 2);
    venus_resource_put(one);
    venus_resource_put(other);
}

#define REPLY_TEST(f) cmocka_unit_test_setup_teardown(f, reply_setup, unit_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPLY_TEST(test_reply),
        REPLY_TEST(test_no_window),
        REPLY_TEST(test_window_is_the_bound),
        REPLY_TEST(test_bad_windows),
        REPLY_TEST(test_seek),
        REPLY_TEST(test_huge_parts),
        REPLY_TEST(test_large_buffer_is_not_kept),
        REPLY_TEST(test_context_limit),
        REPLY_TEST(test_window_outlives_its_resource),
        REPLY_TEST(test_window_counts_references),
    };
    return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
