/* SPDX-License-Identifier: MIT */
/*
 * Queues, timelines and synchronisation, on a driver whose GPU finishes when the test says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ring.h"
#include "thread.h"

#define QUEUES 3
#define MS     1000000u

/* ---- the driver ---- */

struct fence {
    bool submitted, signalled;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool stalled;    /* the GPU does not finish anything */
    VkResult submit; /* what submissions give */
    VkResult wait;   /* what waiting gives when not done: VK_TIMEOUT after the time, or an error */
    VkResult status; /* what asking gives when not done */
    int fences, created; /* alive; ever */
    int submissions, exports, waits;
    uint64_t longest_wait;
} gpu;

static VkResult VKAPI_PTR create_fence(VkDevice device, const VkFenceCreateInfo *info,
                                       const VkAllocationCallbacks *allocator, VkFence *fence)
{
    (void)device;
    (void)allocator;
    if (info->pNext)
        return VK_ERROR_FEATURE_NOT_PRESENT;
    pthread_mutex_lock(&gpu.lock);
    gpu.fences++;
    gpu.created++;
    pthread_mutex_unlock(&gpu.lock);
    *fence = (VkFence)(uintptr_t)calloc(1, sizeof(struct fence));
    return VK_SUCCESS;
}

static void VKAPI_PTR destroy_fence(VkDevice device, VkFence fence,
                                    const VkAllocationCallbacks *allocator)
{
    (void)device;
    (void)allocator;
    pthread_mutex_lock(&gpu.lock);
    gpu.fences--;
    pthread_mutex_unlock(&gpu.lock);
    free((struct fence *)(uintptr_t)fence);
}

static struct fence *fence_of(VkFence fence)
{
    return (struct fence *)(uintptr_t)fence;
}

static VkResult VKAPI_PTR reset_fences(VkDevice device, uint32_t count, const VkFence *fences)
{
    (void)device;
    pthread_mutex_lock(&gpu.lock);
    for (uint32_t i = 0; i < count; i++)
        *fence_of(fences[i]) = (struct fence){false, false};
    pthread_mutex_unlock(&gpu.lock);
    return VK_SUCCESS;
}

static VkResult VKAPI_PTR queue_submit(VkQueue queue, uint32_t count, const VkSubmitInfo *submits,
                                       VkFence fence)
{
    (void)queue;
    (void)count;
    (void)submits;
    pthread_mutex_lock(&gpu.lock);
    const VkResult result = gpu.submit;
    gpu.submissions++;
    if (result == VK_SUCCESS && fence)
        fence_of(fence)->submitted = true;
    pthread_mutex_unlock(&gpu.lock);
    return result;
}

static bool is_done(struct fence *f)
{
    if (f->submitted && !gpu.stalled)
        f->signalled = true;
    return f->signalled;
}

static VkResult VKAPI_PTR get_fence_status(VkDevice device, VkFence fence)
{
    (void)device;
    pthread_mutex_lock(&gpu.lock);
    const bool done = is_done(fence_of(fence));
    pthread_mutex_unlock(&gpu.lock);
    return done ? VK_SUCCESS : gpu.status;
}

static VkResult VKAPI_PTR wait_for_fences(VkDevice device, uint32_t count, const VkFence *fences,
                                          VkBool32 all, uint64_t timeout)
{
    (void)device;
    (void)all;
    assert_int_equal(count, 1);
    const uint64_t now = venus_now_ns();
    const uint64_t end = timeout > 10000ull * MS ? now + 10000ull * MS : now + timeout;
    VkResult result = VK_SUCCESS;
    pthread_mutex_lock(&gpu.lock);
    gpu.waits++;
    if (timeout > gpu.longest_wait)
        gpu.longest_wait = timeout;
    while (!is_done(fence_of(fences[0]))) {
        if (gpu.wait != VK_TIMEOUT || venus_now_ns() >= end) {
            result = gpu.wait;
            break;
        }
        venus_cond_wait_until(&gpu.cond, &gpu.lock, end);
    }
    pthread_mutex_unlock(&gpu.lock);
    return result;
}

static VkResult VKAPI_PTR wait_semaphores(VkDevice device, const VkSemaphoreWaitInfo *info,
                                          uint64_t timeout)
{
    (void)info;
    const VkFence fence = (VkFence)(uintptr_t)(&(struct fence){true, false});
    return wait_for_fences(device, 1, &fence, VK_TRUE, timeout);
}

static VkResult VKAPI_PTR get_fence_fd(VkDevice device, const VkFenceGetFdInfoKHR *info, int *fd)
{
    (void)device;
    (void)info;
    gpu.exports++;
    *fd = -1;
    return gpu.submit;
}

static VkResult VKAPI_PTR get_semaphore_fd(VkDevice device, const VkSemaphoreGetFdInfoKHR *info,
                                           int *fd)
{
    (void)device;
    (void)info;
    gpu.exports++;
    *fd = dup(2);
    return gpu.submit;
}

static void stall(bool on)
{
    pthread_mutex_lock(&gpu.lock);
    gpu.stalled = on;
    pthread_cond_broadcast(&gpu.cond);
    pthread_mutex_unlock(&gpu.lock);
}

/* ---- set-up ---- */

struct test {
    struct venus_renderer renderer;
    struct venus_context *context;
    struct venus_decoder *d;
    struct venus_instance instance;
    struct venus_physical_device physical_device;
    struct venus_device device;
    struct venus_queue queues[QUEUES];
    struct venus_object object; /* of the device */
    atomic_uint retired, fatal;
    _Atomic uint64_t last_id;
    bool out_of_order;
};

static void on_fence(void *user, uint32_t ring_idx, uint64_t id)
{
    struct test *t = user;
    if (ring_idx && id != t->last_id + 1)
        t->out_of_order = true;
    t->last_id = id;
    t->retired++;
}

static void on_fatal(void *user)
{
    struct test *t = user;
    t->fatal++;
}

static char logged[8][256];
static atomic_int log_count;

static void on_log(enum venus_log_level level, const char *message)
{
    (void)level;
    snprintf(logged[atomic_fetch_add(&log_count, 1) % 8], sizeof(logged[0]), "%s", message);
}

static int set_up(void **state)
{
    static const struct venus_context_events events = {.fence_retired = on_fence,
                                                       .fatal = on_fatal};
    struct test *t = calloc(1, sizeof(*t));
    memset(&gpu, 0, sizeof(gpu));
    gpu.wait = VK_TIMEOUT;
    gpu.status = VK_NOT_READY;
    pthread_mutex_init(&gpu.lock, NULL);
    venus_cond_init(&gpu.cond);
    venus_log_set(on_log, VENUS_LOG_ERROR);
    log_count = 0;

    t->context = venus_context_create(&t->renderer, "test", &events, t);
    t->d = &t->context->virtqueue;
    t->d->device = &t->device;
    t->device.context = t->context;
    t->device.physical_device = &t->physical_device;
    t->physical_device.instance = &t->instance;
    t->device.handle = (VkDevice)(uintptr_t)1;
    t->device.queues = t->queues;
    t->device.queue_count = QUEUES;
    t->device.vk.CreateFence = create_fence;
    t->device.vk.DestroyFence = destroy_fence;
    t->device.vk.ResetFences = reset_fences;
    t->device.vk.GetFenceStatus = get_fence_status;
    t->device.vk.WaitForFences = wait_for_fences;
    t->device.vk.WaitSemaphores = wait_semaphores;
    t->device.vk.QueueSubmit = queue_submit;
    t->device.vk.GetFenceFdKHR = get_fence_fd;
    t->device.vk.GetSemaphoreFdKHR = get_semaphore_fd;
    t->object.data = &t->device;
    for (uint32_t i = 0; i < QUEUES; i++) {
        struct venus_queue *queue = &t->queues[i];
        queue->device = &t->device;
        queue->handle = (VkQueue)(uintptr_t)(0x100 + i);
        queue->family = 5;
        queue->index = i;
        pthread_mutex_init(&queue->lock, NULL);
    }
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct test *t = *state;
    stall(false);
    for (uint32_t i = 0; i < QUEUES; i++)
        venus_queue_teardown(&t->queues[i]);
    assert_int_equal(gpu.fences, 0);
    assert_false(t->out_of_order);
    venus_context_destroy(t->context);
    free(t);
    return 0;
}

static bool get_queue(struct test *t, uint32_t index, uint32_t ring_idx, uint64_t id)
{
    VkDeviceQueueTimelineInfoMESA timeline = {
        .sType = (VkStructureType)VENUS_STRUCTURE_TYPE_DEVICE_QUEUE_TIMELINE_INFO_MESA,
        .ringIdx = ring_idx,
    };
    const VkDeviceQueueInfo2 info = {
        .pNext = ring_idx == UINT32_MAX ? NULL : &timeline,
        .queueFamilyIndex = 5,
        .queueIndex = index,
    };
    VkQueue handle = NULL;
    struct venus_vkGetDeviceQueue2 args = {
        .first = &t->object,
        .pQueueInfo = &info,
        .pQueue = &handle,
        .pQueue_ids = &id,
    };
    venus_handle_vkGetDeviceQueue2(t->d, &args);
    if (t->d->fatal)
        return false;
    assert_ptr_equal(handle, t->queues[index].handle);
    assert_ptr_equal(venus_object_find(&t->context->objects, id)->data, &t->queues[index]);
    return true;
}

static bool wait_retired(struct test *t, unsigned int count)
{
    for (int i = 0; i < 4000 && t->retired < count; i++)
        usleep(500);
    return t->retired == count;
}

static VkResult submit(struct test *t, uint32_t queue)
{
    struct venus_object object = {.data = &t->queues[queue]};
    struct venus_vkQueueSubmit args = {.first = &object, .queue = t->queues[queue].handle};
    venus_handle_vkQueueSubmit(t->d, &args);
    return args.ret;
}

/* Submit work to the first queue, and then ask for a fence. */
static int fence_after_work(struct test *t, uint32_t ring_idx, uint64_t id)
{
    submit(t, 0);
    return venus_context_create_fence(t->context, ring_idx, id);
}

/* ---- queues ---- */

static void test_queues(void **state)
{
    struct test *t = *state;
    assert_true(get_queue(t, 0, 1, 0x10));
    assert_true(get_queue(t, 2, 63, 0x11));
    assert_true(get_queue(t, 1, 7, 0x12));
    assert_int_equal(t->fatal, 0);
}

static void test_queue_twice(void **state)
{
    struct test *t = *state;
    assert_true(get_queue(t, 0, 1, 0x10));
    assert_false(get_queue(t, 0, 2, 0x11));
    assert_int_equal(t->fatal, 1);
}

static void test_timeline_twice(void **state)
{
    struct test *t = *state;
    assert_true(get_queue(t, 0, 1, 0x10));
    assert_false(get_queue(t, 1, 1, 0x11));
}

static void test_queue_id_twice(void **state)
{
    struct test *t = *state;
    assert_true(get_queue(t, 0, 1, 0x10));
    assert_false(get_queue(t, 1, 2, 0x10));
}

static void test_no_such_queue(void **state)
{
    assert_false(get_queue(*state, QUEUES, 1, 0x10));
}

static void test_timeline_0(void **state)
{
    assert_false(get_queue(*state, 0, 0, 0x10));
}

static void test_timeline_64(void **state)
{
    assert_false(get_queue(*state, 0, 64, 0x10));
}

static void test_no_timeline(void **state)
{
    assert_false(get_queue(*state, 0, UINT32_MAX, 0x10));
}

static void test_failed_submission(void **state)
{
    struct test *t = *state;
    assert_true(get_queue(t, 0, 1, 0x10));
    gpu.submit = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    t->d->command_flags = VENUS_COMMAND_GENERATE_REPLY;
    assert_int_equal(submit(t, 0), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(t->fatal, 0);
    t->d->command_flags = 0; /* nobody would learn of it */
    submit(t, 0);
    assert_int_equal(t->fatal, 1);
}

/* ---- timelines ---- */

static void test_fences_in_order(void **state)
{
    struct test *t = *state;
    assert_true(get_queue(t, 0, 3, 0x10));
    stall(true);
    for (uint64_t id = 1; id <= 100; id++)
        assert_int_equal(fence_after_work(t, 3, id), 0);
    usleep(20000);
    assert_int_equal(t->retired, 0);
    assert_int_equal(venus_context_create_fence(t->context, 4, 1), -EINVAL);
    stall(false);
    assert_true(wait_retired(t, 100));
    const int created = gpu.created;
    for (uint64_t id = 101; id <= 150; id++)
        assert_int_equal(fence_after_work(t, 3, id), 0);
    assert_true(wait_retired(t, 150));
    assert_int_equal(gpu.created, created); /* the same ones again */
}

/* What the GPU has done when it is asked for is told at once, by whoever asks. */
static void test_fences_reached_at_once(void **state)
{
    struct test *t = *state;
    assert_true(get_queue(t, 0, 3, 0x10));
    for (uint64_t id = 1; id <= 10; id++) {
        assert_int_equal(fence_after_work(t, 3, id), 0);
        assert_int_equal(t->retired, id);
    }
    assert_int_equal(gpu.waits, 0);
    assert_int_equal(gpu.created, 1);
}

static bool is_waiting(void)
{
    pthread_mutex_lock(&gpu.lock);
    const bool waiting = gpu.waits > 0;
    pthread_mutex_unlock(&gpu.lock);
    return waiting;
}

static void *poll_fences(void *context)
{
    venus_context_poll_fences(context);
    return NULL;
}

static void poll_during_submission(struct test *t)
{
    pthread_t thread;
    pthread_mutex_lock(&t->queues[0].lock); /* as who submits does */
    pthread_create(&thread, NULL, poll_fences, t->context);
    pthread_join(thread, NULL);
    pthread_mutex_unlock(&t->queues[0].lock);
}

/* The same later, while the thread, which is waiting, has not heard of it. */
static void test_fences_polled(void **state)
{
    struct test *t = *state;
    venus_context_poll_fences(t->context); /* no queue */
    assert_true(get_queue(t, 0, 3, 0x10));
    assert_true(get_queue(t, 1, 63, 0x11));
    venus_context_poll_fences(t->context); /* no fence */
    stall(true);
    for (uint64_t id = 1; id <= 10; id++)
        assert_int_equal(fence_after_work(t, 3, id), 0);
    for (int i = 0; i < 4000 && !is_waiting(); i++)
        usleep(500);
    venus_context_poll_fences(t->context);
    assert_int_equal(t->retired, 0);
    pthread_mutex_lock(&gpu.lock);
    gpu.stalled = false; /* and nobody is woken */
    pthread_mutex_unlock(&gpu.lock);
    poll_during_submission(t);
    assert_int_equal(t->retired, 0);
    venus_context_poll_fences(t->context);
    assert_int_equal(t->retired, 10);
    /* Nor are those behind it, which are reached, too. */
    for (uint64_t id = 11; id <= 20; id++) {
        assert_int_equal(fence_after_work(t, 3, id), 0);
        assert_int_equal(t->retired, id);
    }
    stall(false);
}

/* A driver that cannot tell is not taken for done; one that has lost the device is. */
static void test_polls_that_fail(void **state)
{
    struct test *t = *state;
    assert_true(get_queue(t, 0, 3, 0x10));
    stall(true);
    gpu.status = VK_ERROR_OUT_OF_HOST_MEMORY;
    assert_int_equal(fence_after_work(t, 3, 1), 0);
    assert_int_equal(fence_after_work(t, 3, 2), 0);
    venus_context_poll_fences(t->context);
    assert_int_equal(t->retired, 0);
    gpu.status = VK_ERROR_DEVICE_LOST;
    venus_context_poll_fences(t->context);
    assert_int_equal(t->retired, 2);
    assert_non_null(strstr(logged[0], "vkGetFenceStatus"));
}

/* Without work since the last fence the GPU is not asked for another. */
static void test_fences_without_work(void **state)
{
    struct test *t = *state;
    assert_true(get_queue(t, 0, 3, 0x10));
    assert_int_equal(venus_context_create_fence(t->context, 3, 1), 0);
    assert_int_equal(t->retired, 1); /* at once: there was no work ever */

    stall(true);
    assert_int_equal(fence_after_work(t, 3, 2), 0);
    const int submissions = gpu.submissions;
    for (uint64_t id = 3; id <= 10; id++)
        assert_int_equal(venus_context_create_fence(t->context, 3, id), 0);
    usleep(20000);
    assert_int_equal(t->retired, 1); /* they must not overtake */
    assert_int_equal(gpu.submissions, submissions);
    assert_int_equal(fence_after_work(t, 3, 11), 0);
    assert_int_equal(gpu.submissions, submissions + 2);
    stall(false);
    assert_true(wait_retired(t, 11));

    assert_int_equal(venus_context_create_fence(t->context, 3, 12), 0);
    assert_true(wait_retired(t, 12));
    assert_int_equal(gpu.submissions, submissions + 2);
    stall(
        true); /* records that had no fence of their own, with one now, and the other way around */
    for (uint64_t id = 13; id <= 40; id++)
        assert_int_equal(
            id % 3 ? venus_context_create_fence(t->context, 3, id) : fence_after_work(t, 3, id), 0);
    stall(false);
    assert_true(wait_retired(t, 40));
}

static void test_too_many_fences(void **state)
{
    struct test *t = *state;
    assert_true(get_queue(t, 0, 3, 0x10));
    stall(true);
    for (uint64_t id = 1; id <= VENUS_MAX_PENDING_FENCES; id++)
        assert_int_equal(fence_after_work(t, 3, id), 0);
    assert_int_equal(venus_context_create_fence(t->context, 3, 1), -ENOSPC);
}

/* Fences are retired although the GPU never reaches them. */
static void test_lost_device(void **state)
{
    struct test *t = *state;
    assert_true(get_queue(t, 0, 3, 0x10));
    stall(true);
    gpu.wait = VK_ERROR_DEVICE_LOST;
    assert_int_equal(fence_after_work(t, 3, 1), 0);
    submit(t, 0);
    gpu.submit = VK_ERROR_DEVICE_LOST;
    assert_int_equal(venus_context_create_fence(t->context, 3, 2), 0);
    assert_int_equal(venus_context_create_fence(t->context, 3, 3), 0);
    assert_true(wait_retired(t, 3));
}

static void *end_stall(void *arg)
{
    usleep(30000);
    stall(false);
    return arg;
}

static void test_teardown_waits(void **state)
{
    struct test *t = *state;
    pthread_t thread;
    assert_true(get_queue(t, 0, 3, 0x10));
    stall(true);
    for (uint64_t id = 1; id <= 10; id++)
        assert_int_equal(fence_after_work(t, 3, id), 0);
    submit(t, 0);
    assert_true(venus_queue_busy(&t->queues[0]));
    pthread_create(&thread, NULL, end_stall, NULL);
    venus_queue_teardown(&t->queues[0]);
    assert_int_equal(t->retired, 10);
    pthread_join(thread, NULL);
    assert_int_equal(venus_context_create_fence(t->context, 3, 11), -EINVAL);
    assert_false(venus_queue_busy(&t->queues[0]));
    submit(t, 0); /* of the client: not our business */
    venus_queue_teardown(&t->queues[0]);
}

static void test_busy(void **state)
{
    struct test *t = *state;
    assert_true(get_queue(t, 0, 3, 0x10));
    assert_false(venus_queue_busy(&t->queues[0]));
    assert_false(venus_queue_busy(&t->queues[1])); /* not asked for */
    assert_int_equal(gpu.submissions, 0);          /* looking costs nothing */
    for (int round = 0; round < 3; round++) {
        stall(true);
        submit(t, 0);
        assert_true(venus_queue_busy(&t->queues[0]));
        assert_true(venus_queue_busy(&t->queues[0]));
        submit(t, 0); /* behind the probe */
        stall(false);
        assert_true(venus_queue_busy(&t->queues[0]));
        assert_false(venus_queue_busy(&t->queues[0]));
        const int submissions = gpu.submissions;
        assert_false(venus_queue_busy(&t->queues[0]));
        assert_int_equal(gpu.submissions, submissions);
    }
    pthread_mutex_lock(&t->queues[0].lock); /* somebody submits */
    assert_true(venus_queue_busy(&t->queues[0]));
    pthread_mutex_unlock(&t->queues[0].lock);
}

/* ---- waiting ---- */

static VkResult wait_fence(struct test *t, struct fence *f, uint64_t timeout)
{
    const VkFence fence = (VkFence)(uintptr_t)f;
    struct venus_vkWaitForFences args = {
        .device = t->device.handle,
        .fenceCount = 1,
        .pFences = &fence,
        .waitAll = VK_TRUE,
        .timeout = timeout,
    };
    venus_handle_vkWaitForFences(t->d, &args);
    return args.ret;
}

static void test_wait_timeouts(void **state)
{
    struct test *t = *state;
    struct fence pending = {true, false}, done = {true, true};
    stall(true);
    assert_int_equal(wait_fence(t, &done, UINT64_MAX), VK_SUCCESS);
    assert_int_equal(wait_fence(t, &pending, 0), VK_TIMEOUT);
    assert_int_equal(gpu.waits, 2);
    const uint64_t start = venus_now_ns();
    assert_int_equal(wait_fence(t, &pending, 120ull * MS), VK_TIMEOUT);
    assert_true(venus_now_ns() - start >= 120ull * MS);
    assert_true(gpu.waits >= 5);
    assert_true(gpu.longest_wait <= VENUS_WAIT_SLICE_NS);
}

static void *fail_context(void *arg)
{
    struct test *t = arg;
    usleep(30000);
    venus_context_fail(t->context);
    return NULL;
}

static void test_wait_is_interrupted(void **state)
{
    struct test *t = *state;
    struct fence pending = {true, false};
    pthread_t thread;
    stall(true);
    pthread_create(&thread, NULL, fail_context, t);
    assert_int_equal(wait_fence(t, &pending, UINT64_MAX), VK_TIMEOUT);
    pthread_join(thread, NULL);
    struct venus_vkWaitSemaphores args = {.timeout = UINT64_MAX};
    venus_handle_vkWaitSemaphores(t->d, &args);
    assert_int_equal(args.ret, VK_TIMEOUT);
}

static VkResult VKAPI_PTR get_fault(VkDevice device, VkDeviceFaultCountsEXT *counts,
                                    VkDeviceFaultInfoEXT *info)
{
    (void)device;
    strcpy(info->description, "MMU fault");
    info->pAddressInfos[0] = (VkDeviceFaultAddressInfoEXT){
        .addressType = VK_DEVICE_FAULT_ADDRESS_TYPE_WRITE_INVALID_EXT,
        .reportedAddress = 0xabc000,
        .addressPrecision = 4096,
    };
    info->pVendorInfos[0] = (VkDeviceFaultVendorInfoEXT){.description = "v", .vendorFaultCode = 31};
    counts->addressInfoCount = counts->vendorInfoCount = 1;
    return VK_SUCCESS;
}

/* What the driver knows is logged, once per device. */
static void test_fault_is_logged(void **state)
{
    struct test *t = *state;
    assert_true(get_queue(t, 0, 3, 0x10));
    stall(true);
    t->device.vk.GetDeviceFaultInfoEXT = get_fault;
    strcpy(t->physical_device.properties.deviceName, "Fake");
    gpu.wait = VK_ERROR_DEVICE_LOST;
    for (uint64_t id = 1; id <= 3; id++) {
        submit(t, 0);
        assert_int_equal(venus_context_create_fence(t->context, 3, id), 0);
    }
    assert_true(wait_retired(t, 3));
    assert_int_equal(log_count, 4);
    assert_non_null(strstr(logged[0], "vkWaitForFences: Fake is lost"));
    assert_non_null(strstr(logged[1], "MMU fault"));
    assert_non_null(strstr(logged[2], "invalid write at 0xabc000, within 0x1000 bytes"));
    assert_non_null(strstr(logged[3], "v, code 0x1f, data 0x0"));
}

static void test_wait_for_lost_device(void **state)
{
    struct test *t = *state;
    struct fence pending = {true, false};
    stall(true);
    gpu.wait = VK_ERROR_DEVICE_LOST;
    t->d->command_flags = VENUS_COMMAND_GENERATE_REPLY;
    assert_int_equal(wait_fence(t, &pending, UINT64_MAX), VK_ERROR_DEVICE_LOST);
    assert_int_equal(t->fatal, 0);
    t->d->command_flags = 0;
    wait_fence(t, &pending, UINT64_MAX);
    assert_int_equal(t->fatal, 1);
}

/* ---- SYNC_FD ---- */

static VkResult create_exportable_fence(struct test *t, uint64_t id)
{
    VkExportFenceCreateInfo export_info = {
        .sType = VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO,
        .handleTypes =
            VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT | VK_EXTERNAL_FENCE_HANDLE_TYPE_OPAQUE_FD_BIT,
    };
    VkFenceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, .pNext = &export_info};
    VkFence fence = VK_NULL_HANDLE;
    struct venus_vkCreateFence args = {
        .device = t->device.handle,
        .pCreateInfo = &info,
        .pFence = &fence,
        .pFence_ids = &id,
    };
    venus_handle_vkCreateFence(t->d, &args);
    if (args.ret == VK_SUCCESS && !t->d->fatal) {
        uint64_t handle;
        assert_true(
            venus_object_remove(&t->context->objects, VENUS_OBJECT_Fence, id, &handle, NULL));
        destroy_fence(NULL, (VkFence)(uintptr_t)handle, NULL);
    }
    return args.ret;
}

/* The driver of this test refuses fences with anything in their chain. */
static void test_export_info(void **state)
{
    struct test *t = *state;
    assert_int_equal(create_exportable_fence(t, 0x20), VK_SUCCESS);
    t->physical_device.fence_sync_fd = true;
    assert_int_equal(create_exportable_fence(t, 0x20), VK_ERROR_FEATURE_NOT_PRESENT);
    t->physical_device.fence_sync_fd = false;
    create_exportable_fence(t, 0); /* not an id */
    assert_int_equal(t->fatal, 1);
}

static VkExternalSemaphoreFeatureFlags semaphore_features(struct test *t, VkFlags handle_type,
                                                          VkSemaphoreType type)
{
    struct venus_object object = {.data = &t->physical_device};
    const VkSemaphoreTypeCreateInfo type_info = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
        .semaphoreType = type,
    };
    const VkPhysicalDeviceExternalSemaphoreInfo info = {
        .pNext = &type_info,
        .handleType = (VkExternalSemaphoreHandleTypeFlagBits)handle_type,
    };
    VkExternalSemaphoreProperties properties = {.externalSemaphoreFeatures = 0};
    struct venus_vkGetPhysicalDeviceExternalSemaphoreProperties args = {
        .first = &object,
        .pExternalSemaphoreInfo = &info,
        .pExternalSemaphoreProperties = &properties,
    };
    venus_handle_vkGetPhysicalDeviceExternalSemaphoreProperties(t->d, &args);
    return properties.externalSemaphoreFeatures;
}

static void test_offers(void **state)
{
    struct test *t = *state;
    const VkFlags sync_fd = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT;
    const VkFlags opaque_fd = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT;
    assert_int_equal(semaphore_features(t, sync_fd, VK_SEMAPHORE_TYPE_BINARY),
                     VK_EXTERNAL_SEMAPHORE_FEATURE_IMPORTABLE_BIT);
    assert_int_equal(semaphore_features(t, sync_fd, VK_SEMAPHORE_TYPE_TIMELINE), 0);
    assert_int_equal(semaphore_features(t, opaque_fd, VK_SEMAPHORE_TYPE_BINARY), 0);
    t->physical_device.semaphore_sync_fd = true;
    assert_int_equal(semaphore_features(t, sync_fd, VK_SEMAPHORE_TYPE_BINARY),
                     VK_EXTERNAL_SEMAPHORE_FEATURE_IMPORTABLE_BIT |
                         VK_EXTERNAL_SEMAPHORE_FEATURE_EXPORTABLE_BIT);
    assert_int_equal(semaphore_features(t, sync_fd, VK_SEMAPHORE_TYPE_TIMELINE), 0);
}

static void import(struct test *t, uint32_t resource)
{
    const VkImportSemaphoreResourceInfoMESA info = {
        .semaphore = (VkSemaphore)(uintptr_t)9,
        .resourceId = resource,
    };
    struct venus_vkImportSemaphoreResourceMESA args = {.pImportSemaphoreResourceInfo = &info};
    venus_handle_vkImportSemaphoreResourceMESA(t->d, &args);
}

static void wait_resource(struct test *t)
{
    struct venus_vkWaitSemaphoreResourceMESA args = {.semaphore = (VkSemaphore)(uintptr_t)9};
    venus_handle_vkWaitSemaphoreResourceMESA(t->d, &args);
}

static void test_import_and_wait(void **state)
{
    struct test *t = *state;
    import(t, 0);
    wait_resource(t); /* consumes the import, whatever the host has */
    assert_int_equal(t->fatal, 0);
    assert_int_equal(gpu.exports, 0);
    t->physical_device.semaphore_sync_fd = true;
    wait_resource(t);
    assert_int_equal(gpu.exports, 1);
    t->physical_device.semaphore_sync_fd = false;
    wait_resource(t); /* was not offered */
    assert_int_equal(t->fatal, 1);
}

static void test_import_of_resource(void **state)
{
    struct test *t = *state;
    import(t, 1);
    assert_int_equal(t->fatal, 1);
}

static void test_reset_fence(void **state)
{
    struct test *t = *state;
    struct venus_vkResetFenceResourceMESA args = {.fence = (VkFence)(uintptr_t)9};
    t->physical_device.fence_sync_fd = true;
    venus_handle_vkResetFenceResourceMESA(t->d, &args);
    assert_int_equal(gpu.exports, 1);
    assert_int_equal(t->fatal, 0);
    gpu.submit = VK_ERROR_TOO_MANY_OBJECTS;
    venus_handle_vkResetFenceResourceMESA(t->d, &args);
    assert_int_equal(t->fatal, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_queues),
        TEST(test_queue_twice),
        TEST(test_timeline_twice),
        TEST(test_queue_id_twice),
        TEST(test_no_such_queue),
        TEST(test_timeline_0),
        TEST(test_timeline_64),
        TEST(test_no_timeline),
        TEST(test_failed_submission),
        TEST(test_fences_in_order),
        TEST(test_fences_reached_at_once),
        TEST(test_fences_polled),
        TEST(test_polls_that_fail),
        TEST(test_fences_without_work),
        TEST(test_too_many_fences),
        TEST(test_lost_device),
        TEST(test_teardown_waits),
        TEST(test_busy),
        TEST(test_wait_timeouts),
        TEST(test_wait_is_interrupted),
        TEST(test_wait_for_lost_device),
        TEST(test_fault_is_logged),
        TEST(test_export_info),
        TEST(test_offers),
        TEST(test_import_and_wait),
        TEST(test_import_of_resource),
        TEST(test_reset_fence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
