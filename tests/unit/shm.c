/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "unit.h"

static void test_contains(void **state)
{
    (void)state;
    const struct venus_shm shm = {.size = 100};
    assert_true(venus_shm_contains(&shm, 0, 0));
    assert_true(venus_shm_contains(&shm, 0, 100));
    assert_true(venus_shm_contains(&shm, 100, 0));
    assert_true(venus_shm_contains(&shm, 96, 4));
    assert_false(venus_shm_contains(&shm, 0, 101));
    assert_false(venus_shm_contains(&shm, 97, 4));
    assert_false(venus_shm_contains(&shm, 101, 0));
    assert_false(venus_shm_contains(&shm, UINT64_MAX, 0));
    assert_false(venus_shm_contains(&shm, UINT64_MAX, 1));
    assert_false(venus_shm_contains(&shm, UINT64_MAX - 3, 8));
    assert_false(venus_shm_contains(&shm, 50, UINT64_MAX));
    assert_false(venus_shm_contains(&shm, 50, UINT64_MAX - 49));

    const struct venus_shm empty = {0};
    assert_true(venus_shm_contains(&empty, 0, 0));
    assert_false(venus_shm_contains(&empty, 0, 1));
}

static void test_read_and_write(void **state)
{
    (void)state;
    uint8_t *memory = malloc(16); /* exactly, so that AddressSanitizer sees overruns */
    assert_non_null(memory);
    const struct venus_shm shm = {.base = (void *)memory, .size = 16};
    uint8_t bytes[17];
    for (int i = 0; i < 16; i++)
        memory[i] = (uint8_t)i;

    assert_true(venus_shm_read(&shm, 4, bytes, 12));
    assert_memory_equal(bytes, memory + 4, 12);
    memset(bytes, 0xaa, sizeof(bytes));
    assert_false(venus_shm_read(&shm, 0, bytes, 17));
    assert_false(venus_shm_read(&shm, 15, bytes, 2));
    assert_false(venus_shm_read(&shm, UINT64_MAX, bytes, 2));
    for (size_t i = 0; i < sizeof(bytes); i++)
        assert_int_equal(bytes[i], 0xaa);
    assert_true(venus_shm_read(&shm, 16, NULL, 0));

    assert_true(venus_shm_write(&shm, 14, bytes, 2));
    assert_int_equal(memory[13], 13);
    assert_int_equal(memory[14], 0xaa);
    assert_int_equal(memory[15], 0xaa);
    assert_false(venus_shm_write(&shm, 13, bytes, 4));
    assert_false(venus_shm_write(&shm, 17, bytes, 0));
    assert_int_equal(memory[13], 13);
    assert_true(venus_shm_write(&shm, 16, NULL, 0));
    free(memory);
}

static void test_word(void **state)
{
    (void)state;
    uint32_t memory[4] = {0};
    const struct venus_shm shm = {.base = (void *)memory, .size = sizeof(memory)};
    atomic_store(venus_shm_word(&shm, 8), 7);
    assert_int_equal(memory[2], 7);
    assert_int_equal(atomic_fetch_or(venus_shm_word(&shm, 8), 8), 7);
    assert_int_equal(memory[2], 15);
}

static void test_clear(void **state)
{
    (void)state;
    uint8_t *memory = malloc(16);
    assert_non_null(memory);
    const struct venus_shm shm = {.base = (void *)memory, .size = 16};
    memset(memory, 0xaa, 16);
    assert_true(venus_shm_clear(&shm, 4, 8));
    for (int i = 0; i < 16; i++)
        assert_int_equal(memory[i], i >= 4 && i < 12 ? 0 : 0xaa);
    assert_true(venus_shm_clear(&shm, 16, 0));
    assert_false(venus_shm_clear(&shm, 12, 5));
    assert_int_equal(memory[12], 0xaa);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contains),
        cmocka_unit_test(test_read_and_write),
        cmocka_unit_test(test_clear),
        cmocka_unit_test(test_word),
    };
    return cmocka_run_group_tests_name("shm", tests, NULL, NULL);
}
