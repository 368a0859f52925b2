/* SPDX-License-Identifier: MIT */
#include "failing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static int until_failure; /* 0: never */
static bool failed;

static bool fails(void)
{
    if (!until_failure || --until_failure)
        return false;
    failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

void run_with_failures(bool (*scenario)(void), bool may_do_without)
{
    int n = 0;
    do {
        assert_true(++n < 10000);
        failed = false;
        until_failure = n;
        const bool ok = scenario();
        until_failure = 0;
        assert_true(ok || failed);
        if (failed && !may_do_without)
            assert_false(ok);
    } while (failed);
    assert_true(n > 1); /* it did allocate */
}
