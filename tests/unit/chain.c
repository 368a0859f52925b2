/* SPDX-License-Identifier: MIT */
#include <unistd.h>

#include "unit.h"

/* ---- two chainable structs and their table, as the generator would write them ---- */

enum { STYPE_A = 100, STYPE_B = 200, STYPE_EMPTY = 300, STYPE_NEST = 400 };

struct a {
    VkStructureType sType;
    void *pNext;
    uint32_t value;
};

struct b {
    VkStructureType sType;
    void *pNext;
    uint64_t in, out;
};

struct nest {
    VkStructureType sType;
    void *pNext;
    const void *inner; /* a chain of its own */
};

static char order[16];
static const struct venus_chain_parent parent;

static void note(char c)
{
    order[strlen(order)] = c;
}

static void decode_a(struct venus_decoder *d, void *body)
{
    note('a');
    ((struct a *)body)->value = venus_decode_u32(d);
}

static void encode_a(struct venus_decoder *d, const void *body)
{
    venus_encode_u32(d, ((const struct a *)body)->value);
}

static void decode_b(struct venus_decoder *d, void *body)
{
    note('b');
    ((struct b *)body)->in = venus_decode_u64(d);
    ((struct b *)body)->out = venus_decode_u64(d);
}

static void decode_partial_b(struct venus_decoder *d, void *body)
{
    note('p');
    ((struct b *)body)->in = venus_decode_u64(d);
}

static void encode_b(struct venus_decoder *d, const void *body)
{
    venus_encode_u64(d, ((const struct b *)body)->in);
    venus_encode_u64(d, ((const struct b *)body)->out);
}

static void decode_nest(struct venus_decoder *d, void *body)
{
    ((struct nest *)body)->inner = venus_decode_chain(d, venus_decode_u64(d), &parent);
}

static const struct venus_chain_struct type_a = {
    .stype = STYPE_A, .size = sizeof(struct a), .decode = decode_a, .encode = encode_a};
static const struct venus_chain_struct type_b = {.stype = STYPE_B,
                                                 .size = sizeof(struct b),
                                                 .decode = decode_b,
                                                 .decode_partial = decode_partial_b,
                                                 .encode = encode_b};
static const struct venus_chain_struct type_empty = {.stype = STYPE_EMPTY,
                                                     .size = sizeof(VkBaseOutStructure)};
static const struct venus_chain_struct type_nest = {
    .stype = STYPE_NEST, .size = sizeof(struct nest), .decode = decode_nest};
static const struct venus_chain_struct *const types[] = {&type_a, &type_b, &type_empty, &type_nest};
static const struct venus_chain_parent parent = {.structs = types, .count = ARRAY_SIZE(types)};

/* ---- tests ---- */

static void put_types(struct unit *u, const uint32_t *stypes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put64(&u->stream, 1);
        put32(&u->stream, stypes[i]);
    }
    put64(&u->stream, 0);
}

static int chain_setup(void **state)
{
    memset(order, 0, sizeof(order));
    return unit_setup(state);
}

static void test_none(void **state)
{
    struct unit *u = *state;
    put64(&u->stream, 0);
    put64(&u->stream, 0);
    unit_start(u);
    assert_null(venus_decode_chain(u->d, venus_decode_u64(u->d), &parent));
    assert_null(venus_decode_chain(u->d, venus_decode_u64(u->d),
                                   NULL)); /* a struct that nothing can follow */
    assert_false(u->d->fatal);
    assert_ptr_equal(u->d->cur, u->d->end);
}

/* The sTypes come first to last, the members last to first. */
static void test_order(void **state)
{
    struct unit *u = *state;
    put_types(u, (const uint32_t[]){STYPE_B, STYPE_EMPTY, STYPE_A}, 3);
    put32(&u->stream, 7); /* of a */
    put64(&u->stream, 8); /* of b */
    put64(&u->stream, 9);
    unit_start(u);
    const struct b *b = venus_decode_chain(u->d, venus_decode_u64(u->d), &parent);
    assert_false(u->d->fatal);
    assert_ptr_equal(u->d->cur, u->d->end);
    assert_string_equal(order, "ab");
    assert_non_null(b);
    assert_int_equal(b->sType, STYPE_B);
    assert_int_equal(b->in, 8);
    assert_int_equal(b->out, 9);
    const VkBaseOutStructure *empty = b->pNext;
    assert_int_equal(empty->sType, STYPE_EMPTY);
    const struct a *a = (const void *)empty->pNext;
    assert_int_equal(a->sType, STYPE_A);
    assert_int_equal(a->value, 7);
    assert_null(a->pNext);
    assert_int_equal(u->d->depth, 0);
}

static void test_partial(void **state)
{
    struct unit *u = *state;
    put_types(u, (const uint32_t[]){STYPE_A, STYPE_B}, 2);
    put64(&u->stream, 8);
    unit_start(u);
    const struct a *a = venus_decode_chain_partial(u->d, venus_decode_u64(u->d), &parent);
    assert_false(u->d->fatal);
    assert_string_equal(order, "p");
    assert_int_equal(a->value, 0);
    const struct b *b = a->pNext;
    assert_int_equal(b->in, 8);
    assert_int_equal(b->out, 0);
}

static void test_unknown_struct(void **state)
{
    struct unit *u = *state;
    static const uint32_t bad[] = {0, 99, 101, 199, 201, 299, 301, 399, 401, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        unit_renew(u);
        put_types(u, (const uint32_t[]){STYPE_A, bad[i]}, 2);
        unit_start(u);
        assert_null(venus_decode_chain(u->d, venus_decode_u64(u->d), &parent));
        assert_failed(u, "cannot be in this pNext chain");
    }
    unit_renew(u);
    put_types(u, (const uint32_t[]){STYPE_A}, 1);
    unit_start(u);
    assert_null(venus_decode_chain(u->d, venus_decode_u64(u->d), NULL));
    assert_failed(u, "cannot be in this pNext chain");
    assert_string_equal(order, "");
}

static void test_truncated(void **state)
{
    struct unit *u = *state;
    put_types(u, (const uint32_t[]){STYPE_A, STYPE_B}, 2);
    put64(&u->stream, 1);
    put64(&u->stream, 2);
    put32(&u->stream, 3);
    const size_t size = u->stream.size;
    for (size_t cut = 0; cut <= size; cut += 4) {
        unit_renew(u);
        u->stream.size = cut;
        unit_start(u);
        memset(order, 0, sizeof(order));
        const void *chain = venus_decode_chain(u->d, venus_decode_u64(u->d), &parent);
        assert_int_equal(chain != NULL, cut == size);
        if (cut < size)
            assert_failed(u, "beyond the end");
    }
}

static void test_too_long(void **state)
{
    struct unit *u = *state;
    for (size_t extra = 0; extra < 2; extra++) {
        unit_renew(u);
        for (size_t i = 0; i < VENUS_MAX_CHAIN + extra; i++) {
            put64(&u->stream, 1);
            put32(&u->stream, STYPE_EMPTY);
        }
        put64(&u->stream, 0);
        unit_start(u);
        const void *chain = venus_decode_chain(u->d, venus_decode_u64(u->d), &parent);
        if (!extra) {
            assert_non_null(chain);
            assert_false(u->d->fatal);
        } else {
            assert_null(chain);
            assert_failed(u, "a pNext chain goes on");
        }
    }
}

static void test_too_deep(void **state)
{
    struct unit *u = *state;
    for (unsigned int extra = 0; extra < 2; extra++) {
        unit_renew(u);
        for (unsigned int i = 0; i < VENUS_MAX_DEPTH + extra; i++)
            put_types(u, (const uint32_t[]){STYPE_NEST}, 1);
        put64(&u->stream, 0); /* the innermost has none */
        unit_start(u);
        const struct nest *nest = venus_decode_chain(u->d, venus_decode_u64(u->d), &parent);
        if (extra) {
            assert_failed(u, "deeper than");
            continue;
        }
        assert_false(u->d->fatal);
        assert_int_equal(u->d->depth, 0);
        for (unsigned int i = 0; i < VENUS_MAX_DEPTH; i++) {
            assert_non_null(nest);
            nest = nest->inner;
        }
        assert_null(nest);
    }
}

/* ---- the way back ---- */

static void open_window(struct unit *u)
{
    struct venus_blob blob;
    assert_int_equal(venus_context_create_blob(&u->context, 1, 0, 4096, VENUS_BLOB_MAPPABLE, &blob),
                     0);
    close(blob.fd);
    venus_reply_set_window(u->d, 1, 0, 4096);
    u->d->command = 1;
    venus_reply_begin(u->d);
}

static void test_encode(void **state)
{
    struct unit *u = *state;
    struct b b = {.sType = (VkStructureType)STYPE_B, .in = 8, .out = 9};
    VkBaseOutStructure empty = {.sType = (VkStructureType)STYPE_EMPTY, .pNext = (void *)&b};
    struct a a = {.sType = (VkStructureType)STYPE_A, .pNext = &empty, .value = 7};
    open_window(u);
    venus_encode_chain(u->d, &parent, &a);
    assert_false(u->d->fatal);

    struct stream expected = {.size = 0};
    put32(&expected, 1);
    put64(&expected, 1);
    put32(&expected, STYPE_A);
    put64(&expected, 1);
    put32(&expected, STYPE_EMPTY);
    put64(&expected, 1);
    put32(&expected, STYPE_B);
    put64(&expected, 0);
    put64(&expected, 8);
    put64(&expected, 9);
    put32(&expected, 7);
    assert_int_equal(u->d->reply_size, expected.size);
    assert_memory_equal(u->d->reply, expected.bytes, expected.size);

    venus_encode_chain(u->d, &parent, NULL);
    assert_int_equal(u->d->reply_size, expected.size + 8);
}

static void test_encode_stray_struct(void **state)
{
    struct unit *u = *state;
    struct a a = {.sType = (VkStructureType)99};
    open_window(u);
    venus_encode_chain(u->d, &parent, &a);
    assert_failed(u, "a handler left sType 99");
}

#define CHAIN_TEST(f) cmocka_unit_test_setup_teardown(f, chain_setup, unit_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHAIN_TEST(test_none),
        CHAIN_TEST(test_order),
        CHAIN_TEST(test_partial),
        CHAIN_TEST(test_unknown_struct),
        CHAIN_TEST(test_truncated),
        CHAIN_TEST(test_too_long),
        CHAIN_TEST(test_too_deep),
        CHAIN_TEST(test_encode),
        CHAIN_TEST(test_encode_stray_struct),
    };
    return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
