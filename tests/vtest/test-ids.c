/* SPDX-License-Identifier: MIT */
/* The numbers that clients' resources and syncs get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vtest_ids.h"

#define LIMIT 200 /* more than there is room for at first */

static void test_limit(void **state)
{
    (void)state;
    struct vtest_ids ids = {0};
    assert_int_equal(vtest_ids_get(&ids, 0), 0);
    for (uint32_t id = 1; id <= LIMIT; id++)
        assert_int_equal(vtest_ids_get(&ids, LIMIT), id);
    assert_int_equal(vtest_ids_get(&ids, LIMIT), 0);
    assert_int_equal(vtest_ids_get(&ids, LIMIT + 1), LIMIT + 1);
    vtest_ids_finish(&ids);
    assert_int_equal(vtest_ids_get(&ids, LIMIT), 1); /* from the start */
    vtest_ids_finish(&ids);
    vtest_ids_finish(&ids);
}

/* What was given back comes again, the last one first, before anything new. */
static void test_reuse(void **state)
{
    (void)state;
    struct vtest_ids ids = {0};
    for (uint32_t id = 1; id <= LIMIT; id++)
        vtest_ids_get(&ids, LIMIT);
    for (uint32_t id = 1; id <= LIMIT; id++)
        vtest_ids_put(&ids, id);
    for (uint32_t id = LIMIT; id > 0; id--)
        assert_int_equal(vtest_ids_get(&ids, LIMIT), id);
    assert_int_equal(vtest_ids_get(&ids, LIMIT), 0);
    vtest_ids_put(&ids, 7);
    vtest_ids_put(&ids, 3);
    assert_int_equal(vtest_ids_get(&ids, LIMIT + 1), 3);
    assert_int_equal(vtest_ids_get(&ids, LIMIT + 1), 7);
    assert_int_equal(vtest_ids_get(&ids, LIMIT + 1), LIMIT + 1);
    vtest_ids_finish(&ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_reuse),
    };
    return cmocka_run_group_tests_name("ids", tests, NULL, NULL);
}
