/* SPDX-License-Identifier: MIT */
/* The end of a device whose work waits for a semaphore that nobody will signal any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "internal.h"

/* ---- the driver ---- */

enum { QUEUES = 2, REACH = 1000 };

static struct {
    uint64_t values[4]; /* of semaphores, by handle */
    uint64_t needed;    /* of semaphore 1, by what was submitted; 0: nothing waits */
    int fences, signals, semaphores;
    bool waited, gone;
} gpu;

static bool stuck(void)
{
    return gpu.values[1] < gpu.needed;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_fence(VkDevice device, const VkFenceCreateInfo *info,
                                                   const VkAllocationCallbacks *allocator,
                                                   VkFence *fence)
{
    (void)device;
    (void)info;
    (void)allocator;
    *fence = (VkFence)(uintptr_t)(++gpu.fences);
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL destroy_fence(VkDevice device, VkFence fence,
                                                const VkAllocationCallbacks *allocator)
{
    (void)device;
    (void)fence;
    (void)allocator;
    assert_false(stuck()); /* it would be in use */
    gpu.fences--;
}

static VKAPI_ATTR VkResult VKAPI_CALL queue_submit(VkQueue queue, uint32_t count,
                                                   const VkSubmitInfo *submits, VkFence fence)
{
    (void)queue;
    (void)submits;
    assert_int_equal(count, 0);
    assert_non_null(fence);
    return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL wait_for_fences(VkDevice device, uint32_t count,
                                                      const VkFence *fences, VkBool32 all,
                                                      uint64_t timeout)
{
    (void)device;
    (void)count;
    (void)fences;
    (void)all;
    assert_true(!stuck() || timeout <= VENUS_DRAIN_NS); /* it would be for ever */
    return stuck() ? VK_TIMEOUT : VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL device_wait_idle(VkDevice device)
{
    (void)device;
    assert_false(stuck());
    gpu.waited = true;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL destroy_device(VkDevice device,
                                                 const VkAllocationCallbacks *allocator)
{
    (void)device;
    (void)allocator;
    gpu.gone = true;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_semaphore(VkDevice device,
                                                       const VkSemaphoreCreateInfo *info,
                                                       const VkAllocationCallbacks *allocator,
                                                       VkSemaphore *semaphore)
{
    (void)device;
    (void)info;
    (void)allocator;
    *semaphore = (VkSemaphore)(uintptr_t)(++gpu.semaphores);
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL destroy_semaphore(VkDevice device, VkSemaphore semaphore,
                                                    const VkAllocationCallbacks *allocator)
{
    (void)device;
    (void)semaphore;
    (void)allocator;
    assert_true(gpu.waited);
    gpu.semaphores--;
}

static VKAPI_ATTR VkResult VKAPI_CALL get_value(VkDevice device, VkSemaphore semaphore,
                                                uint64_t *value)
{
    (void)device;
    *value = gpu.values[(uintptr_t)semaphore];
    return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL signal_semaphore(VkDevice device,
                                                       const VkSemaphoreSignalInfo *info)
{
    (void)device;
    uint64_t *value = &gpu.values[(uintptr_t)info->semaphore];
    assert_true(info->value > *value && info->value - *value <= REACH);
    *value = info->value;
    gpu.signals++;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL get_properties2(VkPhysicalDevice physical_device,
                                                  VkPhysicalDeviceProperties2 *properties)
{
    (void)physical_device;
    VkPhysicalDeviceTimelineSemaphoreProperties *timeline = properties->pNext;
    timeline->maxTimelineSemaphoreValueDifference = REACH;
}

/* ---- a device of a context ---- */

struct fixture {
    struct venus_renderer *renderer;
    struct venus_context *context;
    struct venus_instance instance;
    struct venus_physical_device physical_device;
    struct venus_device *device;
};

static void make_device(struct fixture *f)
{
    f->device = calloc(1, sizeof(*f->device));
    f->device->handle = (VkDevice)(uintptr_t)1;
    f->device->id = 1;
    f->device->context = f->context;
    f->device->physical_device = &f->physical_device;
    f->device->queues = calloc(QUEUES, sizeof(*f->device->queues));
    f->device->queue_count = f->device->queue_room = QUEUES;
    for (int i = 0; i < QUEUES; i++) {
        f->device->queues[i].device = f->device;
        pthread_mutex_init(&f->device->queues[i].lock, NULL);
    }
    venus_handle_map_init(&f->device->unusual_buffers);
    venus_handle_map_init(&f->device->client_images);
    venus_handle_map_init(&f->device->copied_images);
    f->device->vk = (struct venus_device_vk){
        .CreateFence = create_fence,
        .DestroyFence = destroy_fence,
        .QueueSubmit = queue_submit,
        .WaitForFences = wait_for_fences,
        .DeviceWaitIdle = device_wait_idle,
        .DestroyDevice = destroy_device,
        .CreateSemaphore = create_semaphore,
        .DestroySemaphore = destroy_semaphore,
        .GetSemaphoreCounterValue = get_value,
        .SignalSemaphore = signal_semaphore,
    };
    f->context->devices = f->device;
}

static int setup(void **state)
{
    static const struct venus_renderer_params params;
    static const struct venus_context_events events;
    struct fixture *f = calloc(1, sizeof(*f));
    gpu = (typeof(gpu)){0};
    f->renderer = venus_renderer_create(&params);
    f->context = venus_context_create(f->renderer, "test", &events, NULL);
    f->instance.vk.GetPhysicalDeviceProperties2 = get_properties2;
    f->physical_device.instance = &f->instance;
    make_device(f);
    *state = f;
    return venus_object_add(&f->context->objects, VENUS_OBJECT_Device, 1, 1, f->device, NULL,
                            f->device, NULL) == VENUS_OBJECT_OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    venus_context_destroy(f->context);
    venus_renderer_destroy(f->renderer);
    free(f);
    return gpu.fences || gpu.semaphores || !gpu.gone ? -1 : 0;
}

static void make_semaphore(struct fixture *f, uint64_t id, VkSemaphoreType semaphore_type)
{
    const VkSemaphoreTypeCreateInfo type = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
        .semaphoreType = semaphore_type,
    };
    const VkSemaphoreCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
        .pNext = &type,
    };
    VkSemaphore semaphore;
    struct venus_vkCreateSemaphore args = {
        .device = f->device->handle,
        .pCreateInfo = &info,
        .pSemaphore = &semaphore,
        .ret = VK_ERROR_UNKNOWN,
        .pSemaphore_ids = &id,
    };
    f->context->virtqueue.device = f->device;
    venus_handle_vkCreateSemaphore(&f->context->virtqueue, &args);
    assert_int_equal(args.ret, VK_SUCCESS);
}

static void test_wait_before_signal(void **state)
{
    struct fixture *f = *state;
    make_semaphore(f, 10, VK_SEMAPHORE_TYPE_TIMELINE);
    make_semaphore(f, 11, VK_SEMAPHORE_TYPE_BINARY);
    make_semaphore(f, 12, VK_SEMAPHORE_TYPE_TIMELINE);
    gpu.values[1] = 5;
    gpu.needed = 5 + REACH;
    venus_device_teardown(f->device);
    assert_int_equal(gpu.signals, 2); /* the binary one is none of it */
    assert_int_equal(gpu.values[3], REACH);
    assert_true(gpu.gone);
}

static void test_nothing_waits(void **state)
{
    struct fixture *f = *state;
    make_semaphore(f, 10, VK_SEMAPHORE_TYPE_TIMELINE);
    venus_device_teardown(f->device);
    assert_int_equal(gpu.signals, 0);
    assert_true(gpu.gone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_wait_before_signal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_waits, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
