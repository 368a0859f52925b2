/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "handle_map.h"

static void test_put_and_get(void **state)
{
    (void)state;
    struct venus_handle_map map;
    venus_handle_map_init(&map);
    assert_int_equal(venus_handle_map_get(&map, 5), 0);
    assert_true(venus_handle_map_put(&map, 5, 0)); /* nothing to forget */
    assert_null(map.slots);
    assert_true(venus_handle_map_put(&map, 5, 50));
    assert_true(venus_handle_map_put(&map, 6, 60));
    assert_true(venus_handle_map_put(&map, 5, 51)); /* another object has the handle now */
    assert_int_equal(venus_handle_map_get(&map, 5), 51);
    assert_int_equal(venus_handle_map_get(&map, 6), 60);
    assert_int_equal(venus_handle_map_get(&map, 7), 0);
    assert_true(venus_handle_map_put(&map, 5, 0));
    assert_int_equal(venus_handle_map_get(&map, 5), 0);
    assert_int_equal(venus_handle_map_get(&map, 6), 60);
    assert_int_equal(map.count, 1);
    venus_handle_map_clear(&map);
    assert_int_equal(venus_handle_map_get(&map, 6), 0);
    assert_true(venus_handle_map_put(&map, 6, 61)); /* can be used again */
    assert_int_equal(venus_handle_map_get(&map, 6), 61);
    venus_handle_map_clear(&map);
}

/* Against an array, with handles that look like those of drivers: aligned addresses. */
static void test_like_an_array(void **state)
{
    (void)state;
    enum { HANDLES = 1000 };
    static uint64_t expected[HANDLES];
    struct venus_handle_map map;
    venus_handle_map_init(&map);
    srand(2);
    for (int round = 0; round < 200000; round++) {
        const unsigned i = (unsigned)rand() % HANDLES;
        const uint64_t handle = 0x7f0000000000u + i * 256u;
        /* Fill it, empty it, and so on. */
        const bool remove = (unsigned)rand() % 20000 < (unsigned)round % 20000;
        expected[i] = remove ? 0 : (uint64_t)round + 1;
        assert_true(venus_handle_map_put(&map, handle, expected[i]));
        const unsigned k = (unsigned)rand() % HANDLES;
        assert_int_equal(venus_handle_map_get(&map, 0x7f0000000000u + k * 256u), expected[k]);
    }
    size_t count = 0;
    for (unsigned i = 0; i < HANDLES; i++) {
        assert_int_equal(venus_handle_map_get(&map, 0x7f0000000000u + i * 256u), expected[i]);
        count += expected[i] != 0;
    }
    assert_int_equal(map.count, count);
    assert_true(map.capacity <= 4096);
    venus_handle_map_clear(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_and_get),
        cmocka_unit_test(test_like_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
