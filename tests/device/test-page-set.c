/* SPDX-License-Identifier: MIT */
/* Sets of pages, against a simple array of what should be in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "page_set.h"

#define PAGES 200 /* three words and a part of one */

static bool any_of(const bool *model, uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++)
        if (model[i])
            return true;
    return false;
}

static void check_pages(const struct page_set *set, const bool *model)
{
    for (uint64_t i = 0; i < PAGES; i++)
        assert_int_equal(page_set_any(set, i, 1), model[i]);
}

/* Every range there is, in an empty and in a full set. */
static void test_ranges(void **state)
{
    (void)state;
    for (uint64_t first = 0; first <= PAGES; first++) {
        for (uint64_t count = 0; count <= PAGES - first; count++) {
            struct page_set set;
            bool model[PAGES] = {false};
            assert_true(page_set_init(&set, PAGES));
            memset(model + first, true, count);
            page_set_add(&set, first, count);
            check_pages(&set, model);
            assert_int_equal(page_set_any(&set, 0, PAGES), count > 0);
            page_set_add(&set, 0, PAGES);
            memset(model, true, sizeof(model));
            memset(model + first, false, count);
            page_set_remove(&set, first, count);
            check_pages(&set, model);
            assert_false(page_set_any(&set, first, count));
            page_set_finish(&set);
        }
    }
}

/* Ranges on top of each other. */
static void test_changes(void **state)
{
    (void)state;
    struct page_set set;
    bool model[PAGES] = {false};
    assert_true(page_set_init(&set, PAGES));
    srandom(1);
    for (int i = 0; i < 20000; i++) {
        const uint64_t first = (uint64_t)random() % PAGES;
        const uint64_t count = (uint64_t)random() % (PAGES - first + 1);
        const bool add = random() % 2;
        assert_int_equal(page_set_any(&set, first, count), any_of(model, first, count));
        (add ? page_set_add : page_set_remove)(&set, first, count);
        memset(model + first, add, count);
    }
    check_pages(&set, model);
    page_set_finish(&set);
    page_set_finish(&set);
}

static void test_no_pages(void **state)
{
    (void)state;
    struct page_set set;
    assert_true(page_set_init(&set, 0));
    assert_false(page_set_any(&set, 0, 0));
    page_set_add(&set, 0, 0);
    page_set_finish(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_no_pages),
    };
    return cmocka_run_group_tests_name("page-set", tests, NULL, NULL);
}
