/* SPDX-License-Identifier: MIT */
/*
 * Every allocation fails once (failing.h).  Each failure must be reported as such, kill at most one
 * context, and leave nothing behind (AddressSanitizer looks for leaks).
 */
#include <errno.h>
#include <unistd.h>

#include "failing.h"
#include "unit.h"

/* ---- scenarios ---- */

static bool use_arena(void)
{
    struct venus_arena arena;
    bool ok = true;
    venus_arena_init(&arena, 1 << 20, NULL);
    for (int i = 0; i < 10 && ok; i++) {
        uint8_t *p = venus_arena_alloc(&arena, 50000);
        ok = p != NULL;
        if (p)
            memset(p, 1, 50000);
    }
    venus_arena_reset(&arena);
    venus_arena_finish(&arena);
    return ok;
}

static void test_arena(void **state)
{
    (void)state;
    run_with_failures(use_arena, false);
}

/* Growing the hash may fail: its chains just get longer. */
static bool use_objects(void)
{
    struct venus_object_table table;
    if (venus_object_table_init(&table))
        return false;
    uint64_t id = 1;
    while (id <= 1000 &&
           !venus_object_add(&table, VENUS_OBJECT_Buffer, id, id, NULL, NULL, NULL, NULL))
        id++;
    bool all = true;
    for (uint64_t i = 1; i < id; i++) {
        const struct venus_object *o = venus_object_find(&table, i);
        all = all && o && o->handle == i;
    }
    venus_object_table_finish(&table);
    assert_true(all);
    return id > 1000;
}

static void test_objects(void **state)
{
    (void)state;
    run_with_failures(use_objects, true);
}

/* So may growing the hash of resources, but not making the first one. */
static bool use_resources(void)
{
    struct unit *u = unit_create();
    if (!u)
        return false;
    bool ok = true;
    for (uint32_t id = 1; id <= 100 && ok; id++) {
        struct venus_blob blob;
        const int error =
            venus_context_create_blob(&u->context, id, 0, 4096, VENUS_BLOB_MAPPABLE, &blob);
        assert_true(error == 0 || error == -ENOMEM);
        assert_int_equal(blob.fd >= 0, error == 0);
        if (!error)
            close(blob.fd);
        ok = !error;
    }
    assert_false(atomic_load(&u->context.fatal));
    unit_destroy(u);
    return ok;
}

static void test_resources(void **state)
{
    (void)state;
    const int first = dup(0);
    close(first);
    run_with_failures(use_resources, true);
    const int last = dup(0);
    close(last);
    assert_int_equal(first, last); /* no file left open */
}

static void large_reply(struct venus_decoder *d)
{
    uint32_t *values = venus_decode_alloc(d, 30000, sizeof(*values));
    if (!values)
        return;
    venus_reply_begin(d);
    for (uint32_t i = 0; i < 3000; i++)
        venus_encode_u32(d, values[i]);
    venus_encode_bytes(d, values, 30000 * sizeof(*values));
    venus_reply_finish(d);
}

static void nested(struct venus_decoder *d)
{
    struct stream *inner = venus_decode_alloc(d, 1, sizeof(*inner));
    if (!inner)
        return;
    put_command(inner, 1, 1);
    venus_decoder_run(d, inner->bytes, inner->size, NULL);
}

static bool use_decoder(void)
{
    struct unit *u = unit_create();
    if (!u)
        return false;
    unit_commands[0] = large_reply;
    unit_commands[1] = nested;
    put_command(&u->stream, 1, 1);
    put_command(&u->stream, 2, 0);
    struct venus_blob blob;
    bool ok = !venus_context_create_blob(&u->context, 1, 0, 1 << 20, VENUS_BLOB_MAPPABLE, &blob);
    if (ok) {
        close(blob.fd);
        unit_messages = 0;
        venus_reply_set_window(u->d, 1, 0, 1 << 20);
        ok = unit_run(u);
        if (!ok)
            assert_failed(u, "no memory");
    }
    unit_destroy(u);
    return ok;
}

static void test_decoder(void **state)
{
    (void)state;
    run_with_failures(use_decoder, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_resources),
        cmocka_unit_test(test_decoder),
    };
    return cmocka_run_group_tests_name("alloc-failure", tests, NULL, NULL);
}
