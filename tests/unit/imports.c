/* SPDX-License-Identifier: MIT */
/*
 * Waits for imported payloads are left out of submissions, with all that belongs to them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "imports.h"

#define S(n) ((VkSemaphore)(uintptr_t)(0x1000 + (n)))

static struct venus_context context;
static struct venus_device device = {.context = &context}, other = {.context = &context};

static int set_up(void **state)
{
    (void)state;
    memset(&context, 0, sizeof(context));
    return pthread_mutex_init(&context.imports.lock, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    free(context.imports.entries);
    return pthread_mutex_destroy(&context.imports.lock);
}

static void test_taken_once(void **state)
{
    (void)state;
    assert_false(venus_imports_take(&device, S(1)));
    assert_int_equal(venus_imports_add(&device, S(1)), 0);
    assert_int_equal(venus_imports_add(&device, S(1)), 0); /* still one payload */
    assert_int_equal(venus_imports_add(&device, S(2)), 0);
    assert_false(venus_imports_take(&other, S(1)));
    assert_false(venus_imports_take(&device, S(3)));
    assert_true(venus_imports_take(&device, S(1)));
    assert_false(venus_imports_take(&device, S(1)));
    assert_true(venus_imports_take(&device, S(2)));
}

static void test_forget(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(venus_imports_add(&device, S(i)), 0);
        assert_int_equal(venus_imports_add(&other, S(i)), 0);
    }
    venus_imports_forget(&device);
    for (int i = 0; i < 5; i++) {
        assert_false(venus_imports_take(&device, S(i)));
        assert_true(venus_imports_take(&other, S(i)));
    }
}

static void test_limit(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < VENUS_MAX_IMPORTS; i++)
        assert_int_equal(venus_imports_add(&device, S(i)), 0);
    assert_int_equal(venus_imports_add(&device, S(VENUS_MAX_IMPORTS)), -1);
    assert_int_equal(venus_imports_add(&device, S(0)), 0);
    assert_true(venus_imports_take(&device, S(7)));
    assert_int_equal(venus_imports_add(&device, S(VENUS_MAX_IMPORTS)), 0);
}

static void test_submit(void **state)
{
    (void)state;
    VkSemaphore waits[] = {S(1), S(2), S(3), S(2)}, more[] = {S(1), S(3)};
    VkPipelineStageFlags stages[] = {1, 2, 3, 4}, more_stages[] = {5, 6};
    uint64_t values[] = {10, 20, 30, 40};
    uint32_t indices[] = {100, 200, 300, 400};
    VkDeviceGroupSubmitInfo group = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_GROUP_SUBMIT_INFO,
        .waitSemaphoreCount = 4,
        .pWaitSemaphoreDeviceIndices = indices,
    };
    VkTimelineSemaphoreSubmitInfo timeline = {
        .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
        .pNext = &group,
        .waitSemaphoreValueCount = 4,
        .pWaitSemaphoreValues = values,
    };
    VkSubmitInfo infos[] = {
        {.pNext = &timeline,
         .waitSemaphoreCount = 4,
         .pWaitSemaphores = waits,
         .pWaitDstStageMask = stages},
        {.waitSemaphoreCount = 2, .pWaitSemaphores = more, .pWaitDstStageMask = more_stages},
    };
    venus_imports_consume(&device, 2, infos);
    assert_int_equal(infos[0].waitSemaphoreCount, 4); /* nothing imported */

    venus_imports_add(&device, S(1));
    venus_imports_add(&device, S(3));
    venus_imports_consume(&device, 2, infos);
    assert_int_equal(infos[0].waitSemaphoreCount, 2);
    assert_ptr_equal(waits[0], S(2));
    assert_ptr_equal(waits[1], S(2));
    assert_int_equal(stages[0], 2);
    assert_int_equal(stages[1], 4);
    assert_int_equal(timeline.waitSemaphoreValueCount, 2);
    assert_int_equal(values[0], 20);
    assert_int_equal(values[1], 40);
    assert_int_equal(group.waitSemaphoreCount, 2);
    assert_int_equal(indices[0], 200);
    assert_int_equal(indices[1], 400);
    /* The second batch waits for payloads of the semaphores' own. */
    assert_int_equal(infos[1].waitSemaphoreCount, 2);
}

/* Fewer values than semaphores, as is allowed when the rest are binary. */
static void test_short_arrays(void **state)
{
    (void)state;
    VkSemaphore waits[] = {S(1), S(2)};
    VkPipelineStageFlags stages[] = {1, 2};
    uint64_t values[] = {10};
    VkTimelineSemaphoreSubmitInfo timeline = {
        .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
        .waitSemaphoreValueCount = 1,
        .pWaitSemaphoreValues = values,
    };
    VkSubmitInfo info = {.pNext = &timeline,
                         .waitSemaphoreCount = 2,
                         .pWaitSemaphores = waits,
                         .pWaitDstStageMask = stages};
    venus_imports_add(&device, S(2));
    venus_imports_consume(&device, 1, &info);
    assert_int_equal(info.waitSemaphoreCount, 1);
    assert_int_equal(timeline.waitSemaphoreValueCount, 1);
    assert_int_equal(values[0], 10);
}

static void test_submit2(void **state)
{
    (void)state;
    VkSemaphoreSubmitInfo waits[] = {
        {.semaphore = S(1)}, {.semaphore = S(2), .value = 7}, {.semaphore = S(3)}};
    VkSubmitInfo2 info = {.waitSemaphoreInfoCount = 3, .pWaitSemaphoreInfos = waits};
    venus_imports_add(&device, S(1));
    venus_imports_add(&device, S(3));
    venus_imports_consume2(&device, 1, &info);
    assert_int_equal(info.waitSemaphoreInfoCount, 1);
    assert_ptr_equal(waits[0].semaphore, S(2));
    assert_int_equal(waits[0].value, 7);
    assert_int_equal(context.imports.count, 0);
}

static void test_sparse(void **state)
{
    (void)state;
    VkSemaphore waits[] = {S(1), S(2)};
    VkBindSparseInfo info = {.waitSemaphoreCount = 2, .pWaitSemaphores = waits};
    venus_imports_add(&device, S(1));
    venus_imports_consume_sparse(&device, 1, &info);
    assert_int_equal(info.waitSemaphoreCount, 1);
    assert_ptr_equal(waits[0], S(2));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_taken_once),   TEST(test_forget),  TEST(test_limit),  TEST(test_submit),
        TEST(test_short_arrays), TEST(test_submit2), TEST(test_sparse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
