/* SPDX-License-Identifier: MIT */
#include "unit.h"

static void test_alloc_is_zeroed_and_aligned(void **state)
{
    (void)state;
    struct venus_arena arena;
    venus_arena_init(&arena, 1 << 20, NULL);
    for (int round = 0; round < 3; round++) {
        for (size_t size = 1; size < 5000; size = size * 3 / 2 + 1) {
            uint8_t *p = venus_arena_alloc(&arena, size);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % 16, 0);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(p[i], 0);
            memset(p, 0xff, size); /* dirt for the next round */
        }
        venus_arena_reset(&arena);
    }
    venus_arena_finish(&arena);
}

static void test_allocations_are_disjoint(void **state)
{
    (void)state;
    struct venus_arena arena;
    uint32_t *p[400];
    venus_arena_init(&arena, 1 << 20, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
        p[i] = venus_arena_alloc(&arena, 1000);
        assert_non_null(p[i]);
        for (size_t k = 0; k < 250; k++)
            p[i][k] = (uint32_t)i;
    }
    for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
        for (size_t k = 0; k < 250; k++)
            assert_int_equal(p[i][k], i);
    }
    venus_arena_finish(&arena);
}

static void test_limit(void **state)
{
    (void)state;
    struct venus_arena arena;
    venus_arena_init(&arena, 1 << 20, NULL);
    assert_null(venus_arena_alloc(&arena, (1 << 20) + 1));
    for (volatile size_t below = 0; below < 40; below++)
        assert_null(venus_arena_alloc(&arena, SIZE_MAX - below));
    assert_non_null(venus_arena_alloc(&arena, 1 << 20));
    assert_null(venus_arena_alloc(&arena, 1));
    venus_arena_reset(&arena);
    size_t total = 0;
    while (venus_arena_alloc(&arena, 4096))
        total += 4096;
    assert_true(total <= 1 << 20);
    assert_true(total >= 1 << 19);
    assert_true(arena.used <= arena.limit);
    venus_arena_finish(&arena);
}

static void test_limit_below_the_first_block(void **state)
{
    (void)state;
    struct venus_arena arena;
    venus_arena_init(&arena, 100, NULL);
    assert_non_null(venus_arena_alloc(&arena, 90));
    assert_null(venus_arena_alloc(&arena, 90));
    venus_arena_reset(&arena);
    assert_non_null(venus_arena_alloc(&arena, 90));
    venus_arena_finish(&arena);
}

static void test_reset_gives_large_blocks_back(void **state)
{
    (void)state;
    struct venus_arena arena;
    venus_arena_init(&arena, 64 << 20, NULL);
    /* As the first block, and behind another one. */
    for (int small_first = 0; small_first < 2; small_first++) {
        if (small_first)
            assert_non_null(venus_arena_alloc(&arena, 16));
        assert_non_null(venus_arena_alloc(&arena, 10 << 20));
        venus_arena_reset(&arena);
        assert_true(arena.used <= VENUS_KEPT_COMMAND_MEMORY);
    }
    venus_arena_finish(&arena);
    assert_int_equal(arena.used, 0);
}

static void test_reset_keeps_a_small_block(void **state)
{
    (void)state;
    if (VENUS_ARENA_EXACT)
        skip();
    struct venus_arena arena;
    venus_arena_init(&arena, 1 << 20, NULL);
    void *first = venus_arena_alloc(&arena, 16);
    assert_ptr_not_equal(venus_arena_alloc(&arena, 16), first);
    venus_arena_reset(&arena);
    assert_ptr_equal(venus_arena_alloc(&arena, 16), first);
    venus_arena_finish(&arena);
}

/* Two arenas of one context: what one has taken the other cannot have. */
static void test_context_limit(void **state)
{
    (void)state;
    const size_t half = 1 << 20;
    const size_t elsewhere = VENUS_MAX_CONTEXT_MEMORY - 2 * half;
    atomic_size_t used = elsewhere;
    struct venus_arena one, other;
    venus_arena_init(&one, VENUS_MAX_COMMAND_MEMORY, &used);
    venus_arena_init(&other, VENUS_MAX_COMMAND_MEMORY, &used);
    assert_int_equal(atomic_load(&used), elsewhere);

    assert_non_null(venus_arena_alloc(&one, half));
    assert_null(venus_arena_alloc(&other, half + 16));
    assert_int_equal(other.used, 0);
    assert_non_null(venus_arena_alloc(&other, half)); /* all that is left */
    assert_int_equal(atomic_load(&used), VENUS_MAX_CONTEXT_MEMORY);
    assert_null(venus_arena_alloc(&one, 1));

    venus_arena_reset(&one);
    assert_int_equal(atomic_load(&used), elsewhere + other.used);
    assert_non_null(venus_arena_alloc(&one, 16));
    assert_int_equal(atomic_load(&used), elsewhere + other.used + one.used);
    venus_arena_finish(&one);
    venus_arena_finish(&other);
    assert_int_equal(atomic_load(&used), elsewhere);
}

static void test_empty(void **state)
{
    (void)state;
    struct venus_arena arena = {0};
    venus_arena_reset(&arena);
    venus_arena_finish(&arena); /* a zeroed one */
    venus_arena_init(&arena, 1, NULL);
    assert_null(arena.block);
    venus_arena_reset(&arena);
    venus_arena_finish(&arena);
    venus_arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_is_zeroed_and_aligned),
        cmocka_unit_test(test_allocations_are_disjoint),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_limit_below_the_first_block),
        cmocka_unit_test(test_reset_gives_large_blocks_back),
        cmocka_unit_test(test_reset_keeps_a_small_block),
        cmocka_unit_test(test_context_limit),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
