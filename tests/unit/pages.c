/* SPDX-License-Identifier: MIT */
/* Which freed pages a context uses again, and which it gives back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "internal.h"

#define PAGE 4096u

static int provided, made;

static int provider_alloc(void *user, uint64_t size, struct venus_pages *pages)
{
    (void)user;
    const int error = venus_memfd_provider.alloc(NULL, size, pages);
    provided += !error;
    made += !error;
    return error;
}

static void provider_free(void *user, struct venus_pages *pages)
{
    (void)user;
    provided--;
    venus_memfd_provider.free(NULL, pages);
}

static struct venus_memory_provider provider = {.alloc = provider_alloc, .free = provider_free};
static struct venus_renderer *renderer;

static int setup(void **state)
{
    static const struct venus_renderer_params params = {.memory = &provider};
    static const struct venus_context_events events;
    provided = made = 0;
    provider.reuse = true;
    renderer = venus_renderer_create(&params);
    *state = venus_context_create(renderer, "test", &events, NULL);
    return *state ? 0 : -1;
}

/* Whatever is kept goes with the context. */
static int teardown(void **state)
{
    venus_context_destroy(*state);
    venus_renderer_destroy(renderer);
    return provided;
}

static void *get_and_put(struct venus_context *context, uint64_t size)
{
    struct venus_memory_pages *pages = venus_memory_pages_get(context, size, false);
    assert_non_null(pages);
    assert_true(pages->pages.size >= size);
    void *ptr = pages->pages.ptr;
    venus_memory_pages_put(pages);
    return ptr;
}

static void test_same_size_again(void **state)
{
    void *first = get_and_put(*state, 3 * PAGE);
    assert_ptr_equal(get_and_put(*state, 3 * PAGE - 5), first);
    assert_int_equal(made, 1);
    get_and_put(*state, 2 * PAGE);
    get_and_put(*state, 4 * PAGE);
    assert_int_equal(made, 3);
    assert_int_equal(provided, 3);
}

static void test_in_use_is_not_free(void **state)
{
    struct venus_memory_pages *a = venus_memory_pages_get(*state, PAGE, false);
    struct venus_memory_pages *b = venus_memory_pages_get(*state, PAGE, false);
    assert_ptr_not_equal(a->pages.ptr, b->pages.ptr);
    atomic_fetch_add(&a->references, 1);
    venus_memory_pages_put(a);
    venus_memory_pages_put(b);
    assert_ptr_not_equal(get_and_put(*state, PAGE), a->pages.ptr);
    venus_memory_pages_put(a);
    venus_memory_pages_put(NULL);
}

static void test_zeroed_pages_are_new(void **state)
{
    struct venus_memory_pages *pages = venus_memory_pages_get(*state, PAGE, false);
    memset(pages->pages.ptr, 0xff, PAGE);
    venus_memory_pages_put(pages);
    pages = venus_memory_pages_get(*state, PAGE, true);
    const uint8_t *bytes = pages->pages.ptr;
    for (size_t i = 0; i < PAGE; i++)
        assert_int_equal(bytes[i], 0);
    venus_memory_pages_put(pages);
}

static void test_shared_pages_go_back(void **state)
{
    struct venus_memory_pages *pages = venus_memory_pages_get(*state, PAGE, false);
    pages->single_use = true;
    venus_memory_pages_put(pages);
    assert_int_equal(provided, 0);
}

static void test_only_if_the_provider_allows(void **state)
{
    provider.reuse = false;
    get_and_put(*state, PAGE);
    assert_int_equal(provided, 0);
}

static void test_limits(void **state)
{
    struct venus_memory_pages *pages[VENUS_MAX_CACHED_PAGES + 1];
    for (size_t i = 0; i <= VENUS_MAX_CACHED_PAGES; i++)
        pages[i] = venus_memory_pages_get(*state, PAGE, false);
    void *latest = pages[VENUS_MAX_CACHED_PAGES]->pages.ptr;
    for (size_t i = 0; i <= VENUS_MAX_CACHED_PAGES; i++)
        venus_memory_pages_put(pages[i]);
    assert_int_equal(provided, VENUS_MAX_CACHED_PAGES);
    assert_ptr_equal(get_and_put(*state, PAGE), latest);

    /* Larger ones displace what is older; what is too large is not kept, and displaces nothing. */
    get_and_put(*state, VENUS_MAX_CACHED_BYTES - 2 * PAGE);
    assert_int_equal(provided, 3);
    get_and_put(*state, VENUS_MAX_CACHED_BYTES + PAGE);
    assert_int_equal(provided, 3);
}

static void test_trim(void **state)
{
    struct venus_context *context = *state;
    get_and_put(context, PAGE);
    get_and_put(context, 2 * PAGE);
    venus_page_cache_trim(&context->pages);
    assert_int_equal(provided, 0);
    get_and_put(context, PAGE);
    assert_int_equal(provided, 1);
    venus_page_cache_close(&context->pages);
    get_and_put(context, PAGE);
    assert_int_equal(provided, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_same_size_again),
        TEST(test_in_use_is_not_free),
        TEST(test_zeroed_pages_are_new),
        TEST(test_shared_pages_go_back),
        TEST(test_limits),
        TEST(test_only_if_the_provider_allows),
        TEST(test_trim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
