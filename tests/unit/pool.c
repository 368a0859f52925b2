/* SPDX-License-Identifier: MIT */
/*
 * The handlers of pool.c and pipeline.c against a driver that only counts: what it made and what it
 * was told to destroy.
 */
#include "unit.h"

enum { POOL_1 = 1, POOL_2 = 2, DEVICE_ID = 3 };

/* ---- the driver ---- */

static struct {
    uint64_t next;      /* handle */
    uint64_t freed[16]; /* in the order in which they came */
    int freed_count;
    uint64_t last_pool;
    int destroyed_pools, resets, creates;
    VkResult result;    /* of the next call */
    uint32_t fail_mask; /* pipelines that are not made */
    VkDeferredOperationKHR deferred;
} driver;

static VkResult fake_allocate_buffers(VkDevice device, const VkCommandBufferAllocateInfo *info,
                                      VkCommandBuffer *buffers)
{
    (void)device;
    for (uint32_t i = 0; i < info->commandBufferCount && !driver.result; i++)
        buffers[i] = (VkCommandBuffer)(uintptr_t)driver.next++;
    driver.creates++;
    return driver.result;
}

static void fake_free_buffers(VkDevice device, VkCommandPool pool, uint32_t count,
                              const VkCommandBuffer *buffers)
{
    (void)device;
    driver.last_pool = (uint64_t)pool;
    for (uint32_t i = 0; i < count; i++)
        driver.freed[driver.freed_count++] = (uint64_t)(uintptr_t)buffers[i];
}

static void fake_destroy_command_pool(VkDevice device, VkCommandPool pool,
                                      const VkAllocationCallbacks *allocator)
{
    (void)device;
    assert_null(allocator);
    driver.last_pool = (uint64_t)pool;
    driver.destroyed_pools++;
}

static VkResult fake_allocate_sets(VkDevice device, const VkDescriptorSetAllocateInfo *info,
                                   VkDescriptorSet *sets)
{
    (void)device;
    for (uint32_t i = 0; i < info->descriptorSetCount && !driver.result; i++)
        sets[i] = (VkDescriptorSet)(uintptr_t)driver.next++;
    driver.creates++;
    return driver.result;
}

static VkResult fake_free_sets(VkDevice device, VkDescriptorPool pool, uint32_t count,
                               const VkDescriptorSet *sets)
{
    (void)device;
    driver.last_pool = (uint64_t)pool;
    for (uint32_t i = 0; i < count; i++)
        driver.freed[driver.freed_count++] = (uint64_t)sets[i];
    return driver.result;
}

static VkResult fake_reset_pool(VkDevice device, VkDescriptorPool pool,
                                VkDescriptorPoolResetFlags flags)
{
    (void)device;
    (void)flags;
    driver.last_pool = (uint64_t)pool;
    driver.resets++;
    return driver.result;
}

static void fake_destroy_descriptor_pool(VkDevice device, VkDescriptorPool pool,
                                         const VkAllocationCallbacks *allocator)
{
    (void)device;
    assert_null(allocator);
    driver.last_pool = (uint64_t)pool;
    driver.destroyed_pools++;
}

static VkResult make_pipelines(uint32_t count, VkPipeline *pipelines)
{
    driver.creates++;
    for (uint32_t i = 0; i < count; i++)
        pipelines[i] = (VkPipeline)(uintptr_t)(driver.fail_mask >> i & 1 ? 0 : driver.next++);
    return driver.result;
}

static VkResult fake_graphics(VkDevice device, VkPipelineCache cache, uint32_t count,
                              const VkGraphicsPipelineCreateInfo *infos,
                              const VkAllocationCallbacks *allocator, VkPipeline *pipelines)
{
    (void)device, (void)cache, (void)infos, (void)allocator;
    return make_pipelines(count, pipelines);
}

static VkResult fake_compute(VkDevice device, VkPipelineCache cache, uint32_t count,
                             const VkComputePipelineCreateInfo *infos,
                             const VkAllocationCallbacks *allocator, VkPipeline *pipelines)
{
    (void)device, (void)cache, (void)infos, (void)allocator;
    return make_pipelines(count, pipelines);
}

static VkResult fake_ray_tracing(VkDevice device, VkDeferredOperationKHR deferred,
                                 VkPipelineCache cache, uint32_t count,
                                 const VkRayTracingPipelineCreateInfoKHR *infos,
                                 const VkAllocationCallbacks *allocator, VkPipeline *pipelines)
{
    (void)device, (void)cache, (void)infos, (void)allocator;
    driver.deferred = deferred;
    return make_pipelines(count, pipelines);
}

static void fake_destroy_pipeline(VkDevice device, VkPipeline pipeline,
                                  const VkAllocationCallbacks *allocator)
{
    (void)device, (void)allocator;
    if (pipeline)
        driver.freed[driver.freed_count++] = (uint64_t)pipeline;
}

/* ---- the set-up ---- */

static struct venus_device device;
static struct venus_object *device_object;

static struct venus_object *add(struct unit *u, enum venus_object_type type, uint64_t id,
                                uint64_t handle, void *data)
{
    struct venus_object *o = NULL;
    assert_int_equal(venus_object_add(u->d->objects, type, id, handle, &device, NULL, data, &o), 0);
    return o;
}

static int pool_setup(void **state)
{
    if (unit_setup(state))
        return -1;
    struct unit *u = *state;
    memset(&driver, 0, sizeof(driver));
    driver.next = 1000;
    device = (struct venus_device){.context = &u->context};
    device.vk.AllocateCommandBuffers = fake_allocate_buffers;
    device.vk.FreeCommandBuffers = fake_free_buffers;
    device.vk.DestroyCommandPool = fake_destroy_command_pool;
    device.vk.AllocateDescriptorSets = fake_allocate_sets;
    device.vk.FreeDescriptorSets = fake_free_sets;
    device.vk.ResetDescriptorPool = fake_reset_pool;
    device.vk.DestroyDescriptorPool = fake_destroy_descriptor_pool;
    device.vk.CreateGraphicsPipelines = fake_graphics;
    device.vk.CreateComputePipelines = fake_compute;
    device.vk.CreateRayTracingPipelinesKHR = fake_ray_tracing;
    device.vk.DestroyPipeline = fake_destroy_pipeline;
    device_object = add(u, VENUS_OBJECT_Device, DEVICE_ID, 1, &device);
    u->d->device = &device;
    return 0;
}

static bool exists(struct unit *u, uint64_t id)
{
    return venus_object_find(u->d->objects, id) != NULL;
}

/* ---- command buffers ---- */

static VkResult allocate_buffers(struct unit *u, struct venus_object *pool, uint32_t count,
                                 uint64_t *ids)
{
    VkCommandBuffer buffers[8] = {NULL};
    const VkCommandBufferAllocateInfo info = {
        .commandPool = (VkCommandPool)(uintptr_t)(pool ? pool->handle : 0),
        .commandBufferCount = count};
    struct venus_vkAllocateCommandBuffers args = {.first = device_object,
                                                  .pAllocateInfo = &info,
                                                  .pCommandBuffers = ids ? buffers : NULL,
                                                  .pCommandBuffers_ids = ids};
    u->d->pool = pool;
    venus_handle_vkAllocateCommandBuffers(u->d, &args);
    return args.ret;
}

static void free_buffers(struct unit *u, struct venus_object *pool, uint32_t count,
                         const uint64_t *ids)
{
    struct venus_vkFreeCommandBuffers args = {
        .first = device_object,
        .commandPool = (VkCommandPool)(uintptr_t)(pool ? pool->handle : 0),
        .commandPool_object = pool,
        .commandBufferCount = count,
        .pCommandBuffers_ids = ids};
    venus_handle_vkFreeCommandBuffers(u->d, &args);
}

static void test_command_buffers(void **state)
{
    struct unit *u = *state;
    struct venus_object *pool = add(u, VENUS_OBJECT_CommandPool, POOL_1, 111, NULL);
    uint64_t ids[] = {10, 11, 12, 13};
    assert_int_equal(allocate_buffers(u, pool, 4, ids), VK_SUCCESS);
    for (uint64_t i = 0; i < 4; i++) {
        const struct venus_object *o = venus_object_find(u->d->objects, 10 + i);
        assert_int_equal(o->handle, 1000 + i);
        assert_int_equal(o->type, VENUS_OBJECT_CommandBuffer);
        assert_ptr_equal(o->device, &device);
        assert_ptr_equal(o->pool, pool);
    }
    free_buffers(u, pool, 3, (const uint64_t[]){12, 0, 10}); /* 0 is VK_NULL_HANDLE */
    assert_int_equal(driver.freed_count, 2);
    assert_int_equal(driver.freed[0], 1002);
    assert_int_equal(driver.freed[1], 1000);
    assert_int_equal(driver.last_pool, 111);
    free_buffers(u, pool, 1, (const uint64_t[]){0});
    free_buffers(u, pool, 0, NULL);
    assert_int_equal(driver.freed_count, 2);
    assert_false(exists(u, 10));
    assert_true(exists(u, 11));

    struct venus_vkDestroyCommandPool destroy = {.first = device_object,
                                                 .commandPool = (VkCommandPool)(uintptr_t)111,
                                                 .commandPool_object = pool};
    venus_handle_vkDestroyCommandPool(u->d, &destroy);
    assert_int_equal(driver.destroyed_pools, 1);
    assert_int_equal(driver.last_pool, 111);
    assert_false(exists(u, POOL_1));
    assert_false(exists(u, 11));
    assert_false(exists(u, 13));
    destroy.commandPool_object = NULL;
    venus_handle_vkDestroyCommandPool(u->d, &destroy);
    assert_int_equal(driver.destroyed_pools, 1);
    assert_false(u->d->fatal);
}

static void test_allocation_that_fails(void **state)
{
    struct unit *u = *state;
    struct venus_object *pool = add(u, VENUS_OBJECT_CommandPool, POOL_1, 111, NULL);
    uint64_t ids[] = {10, 11};
    driver.result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    assert_int_equal(allocate_buffers(u, pool, 2, ids), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(ids[0], 0);
    assert_int_equal(ids[1], 0);
    assert_false(exists(u, 10));
    assert_false(u->d->fatal);
    driver.creates = 0;
    assert_int_equal(allocate_buffers(u, pool, 0, NULL), VK_SUCCESS);
    assert_int_equal(driver.creates, 0);
}

static void test_bad_allocations(void **state)
{
    struct unit *u = *state;
    struct venus_object *pool = add(u, VENUS_OBJECT_CommandPool, POOL_1, 111, NULL);
    allocate_buffers(u, pool, 2, NULL);
    assert_failed(u, "the array of objects is NULL, its count is 2");
    unit_renew(u);
    allocate_buffers(u, NULL, 1, (uint64_t[]){10});
    assert_failed(u, "the pool is VK_NULL_HANDLE");
    assert_int_equal(driver.creates, 0);
    unit_renew(u);
    u->d->device = &device;
    allocate_buffers(u, pool, 3, (uint64_t[]){10, POOL_1, 11});
    assert_failed(u, "new VkCommandBuffer 0x1: in use already");
    unit_renew(u);
    u->d->device = &device;
    allocate_buffers(u, pool, 2, (uint64_t[]){20, 20});
    assert_failed(u, "new VkCommandBuffer 0x14: in use already");
}

static void test_bad_frees(void **state)
{
    struct unit *u = *state;
    struct venus_object *pool = add(u, VENUS_OBJECT_CommandPool, POOL_1, 111, NULL);
    struct venus_object *other = add(u, VENUS_OBJECT_CommandPool, POOL_2, 222, NULL);
    uint64_t ids[] = {10, 11};
    allocate_buffers(u, pool, 2, ids);
    free_buffers(u, other, 1, ids);
    assert_failed(u, "VkCommandBuffer 0xa is freed twice or from another pool");
    assert_int_equal(driver.freed_count, 0);
    assert_true(exists(u, 10));

    unit_renew(u);
    free_buffers(u, pool, 2, (const uint64_t[]){10, 10});
    assert_failed(u, "freed twice");
    assert_int_equal(driver.freed_count, 1); /* and not two */
    unit_renew(u);
    free_buffers(u, NULL, 1, ids);
    assert_failed(u, "the pool is VK_NULL_HANDLE");
    unit_renew(u);
    free_buffers(u, pool, 2, NULL);
    assert_failed(u, "the array of objects is NULL");
    assert_int_equal(driver.freed_count, 1);
}

/* ---- descriptor sets ---- */

static VkResult allocate_sets(struct unit *u, struct venus_object *pool, uint32_t count,
                              uint64_t *ids)
{
    VkDescriptorSet sets[8] = {VK_NULL_HANDLE};
    const VkDescriptorSetAllocateInfo info = {.descriptorSetCount = count};
    struct venus_vkAllocateDescriptorSets args = {.first = device_object,
                                                  .pAllocateInfo = &info,
                                                  .pDescriptorSets = sets,
                                                  .pDescriptorSets_ids = ids};
    u->d->pool = pool;
    venus_handle_vkAllocateDescriptorSets(u->d, &args);
    return args.ret;
}

static VkResult free_sets(struct unit *u, struct venus_object *pool, uint32_t count,
                          const uint64_t *ids)
{
    struct venus_vkFreeDescriptorSets args = {
        .first = device_object,
        .descriptorPool = (VkDescriptorPool)(uintptr_t)(pool ? pool->handle : 0),
        .descriptorPool_object = pool,
        .descriptorSetCount = count,
        .pDescriptorSets_ids = ids};
    venus_handle_vkFreeDescriptorSets(u->d, &args);
    return args.ret;
}

static VkResult reset_pool(struct unit *u, struct venus_object *pool)
{
    struct venus_vkResetDescriptorPool args = {
        .first = device_object,
        .descriptorPool = (VkDescriptorPool)(uintptr_t)(pool ? pool->handle : 0),
        .descriptorPool_object = pool};
    venus_handle_vkResetDescriptorPool(u->d, &args);
    return args.ret;
}

static void test_descriptor_sets(void **state)
{
    struct unit *u = *state;
    struct venus_object *pool = add(u, VENUS_OBJECT_DescriptorPool, POOL_1, 111, NULL);
    uint64_t ids[] = {10, 11, 12};
    assert_int_equal(allocate_sets(u, pool, 3, ids), VK_SUCCESS);
    assert_int_equal(venus_object_find(u->d->objects, 12)->handle, 1002);
    assert_int_equal(free_sets(u, pool, 2, (const uint64_t[]){0, 11}), VK_SUCCESS);
    assert_int_equal(driver.freed_count, 1);
    assert_int_equal(driver.freed[0], 1001);
    assert_int_equal(driver.last_pool, 111);
    assert_int_equal(free_sets(u, pool, 0, NULL), VK_SUCCESS);

    assert_int_equal(reset_pool(u, pool), VK_SUCCESS);
    assert_int_equal(driver.resets, 1);
    assert_false(exists(u, 10));
    assert_false(exists(u, 12));
    assert_true(exists(u, POOL_1));

    assert_int_equal(allocate_sets(u, pool, 3, ids), VK_SUCCESS); /* the ids are free again */
    struct venus_vkDestroyDescriptorPool destroy = {.first = device_object,
                                                    .descriptorPool =
                                                        (VkDescriptorPool)(uintptr_t)111,
                                                    .descriptorPool_object = pool};
    venus_handle_vkDestroyDescriptorPool(u->d, &destroy);
    assert_int_equal(driver.destroyed_pools, 1);
    assert_false(exists(u, POOL_1));
    assert_false(exists(u, 10));
    destroy.descriptorPool_object = NULL;
    venus_handle_vkDestroyDescriptorPool(u->d, &destroy);
    assert_int_equal(driver.destroyed_pools, 1);

    pool = add(u, VENUS_OBJECT_DescriptorPool, POOL_2, 222, NULL);
    driver.result = VK_ERROR_OUT_OF_POOL_MEMORY;
    assert_int_equal(allocate_sets(u, pool, 3, ids), VK_ERROR_OUT_OF_POOL_MEMORY);
    assert_int_equal(ids[0] | ids[1] | ids[2], 0);
    assert_int_equal(allocate_sets(u, pool, 0, NULL), VK_SUCCESS);
    assert_false(u->d->fatal);
}

static void test_bad_descriptor_sets(void **state)
{
    struct unit *u = *state;
    struct venus_object *pool = add(u, VENUS_OBJECT_DescriptorPool, POOL_1, 111, NULL);
    struct venus_object *other = add(u, VENUS_OBJECT_DescriptorPool, POOL_2, 222, NULL);
    uint64_t ids[] = {10, 11};
    allocate_sets(u, pool, 2, ids);
    free_sets(u, other, 1, ids);
    assert_failed(u, "VkDescriptorSet 0xa is freed twice or from another pool");
    unit_renew(u);
    free_sets(u, pool, 2, (const uint64_t[]){11, 11});
    assert_failed(u, "VkDescriptorSet 0xb is freed twice or from another pool");
    assert_int_equal(driver.freed_count, 1);
    unit_renew(u);
    free_sets(u, pool, 2, NULL);
    assert_failed(u, "the array of objects is NULL");
    unit_renew(u);
    reset_pool(u, NULL);
    assert_failed(u, "the pool is VK_NULL_HANDLE");
    assert_int_equal(driver.resets, 0);
    unit_renew(u);
    allocate_sets(u, pool, 2, NULL);
    assert_failed(u, "the array of objects is NULL");
    unit_renew(u);
    allocate_sets(u, NULL, 2, ids);
    assert_failed(u, "the pool is VK_NULL_HANDLE");
}

/* ---- pipelines ---- */

static VkPipelineShaderStageCreateInfo stage;

static VkResult create_graphics(struct unit *u, uint32_t count, uint64_t *ids)
{
    VkPipeline pipelines[8] = {VK_NULL_HANDLE};
    VkGraphicsPipelineCreateInfo infos[8] = {{.stageCount = 0}};
    for (uint32_t i = 0; i < count; i++) {
        infos[i].stageCount = i; /* the first has no stage at all */
        infos[i].pStages = i == 1 ? &stage : NULL;
    }
    struct venus_vkCreateGraphicsPipelines args = {.first = device_object,
                                                   .createInfoCount = count,
                                                   .pCreateInfos = count ? infos : NULL,
                                                   .pPipelines = pipelines,
                                                   .pPipelines_ids = ids};
    venus_handle_vkCreateGraphicsPipelines(u->d, &args);
    return args.ret;
}

static VkResult create_compute(struct unit *u, uint32_t count, uint64_t *ids)
{
    VkPipeline pipelines[8] = {VK_NULL_HANDLE};
    VkComputePipelineCreateInfo infos[8] = {{.flags = 0}};
    for (uint32_t i = 0; i < count; i++)
        infos[i].stage = stage;
    struct venus_vkCreateComputePipelines args = {.first = device_object,
                                                  .createInfoCount = count,
                                                  .pCreateInfos = infos,
                                                  .pPipelines = pipelines,
                                                  .pPipelines_ids = ids};
    venus_handle_vkCreateComputePipelines(u->d, &args);
    return args.ret;
}

static VkResult create_ray_tracing(struct unit *u, uint64_t deferred, uint32_t count, uint64_t *ids)
{
    VkPipeline pipelines[8] = {VK_NULL_HANDLE};
    const VkRayTracingPipelineCreateInfoKHR infos[8] = {{.stageCount = 1, .pStages = &stage}};
    struct venus_vkCreateRayTracingPipelinesKHR args = {
        .first = device_object,
        .deferredOperation = (VkDeferredOperationKHR)(uintptr_t)deferred,
        .createInfoCount = count,
        .pCreateInfos = infos,
        .pPipelines = pipelines,
        .pPipelines_ids = ids};
    venus_handle_vkCreateRayTracingPipelinesKHR(u->d, &args);
    return args.ret;
}

static void test_pipelines(void **state)
{
    struct unit *u = *state;
    assert_int_equal(create_graphics(u, 2, (uint64_t[]){10, 11}), VK_SUCCESS);
    assert_int_equal(create_compute(u, 2, (uint64_t[]){12, 13}), VK_SUCCESS);
    assert_int_equal(create_ray_tracing(u, 0, 1, (uint64_t[]){14}), VK_SUCCESS);
    for (uint64_t i = 0; i < 5; i++) {
        const struct venus_object *o = venus_object_find(u->d->objects, 10 + i);
        assert_int_equal(o->type, VENUS_OBJECT_Pipeline);
        assert_int_equal(o->handle, 1000 + i);
        assert_ptr_equal(o->device, &device);
    }
    driver.creates = 0;
    assert_int_equal(create_graphics(u, 0, NULL), VK_SUCCESS);
    assert_int_equal(create_compute(u, 0, NULL), VK_SUCCESS);
    assert_int_equal(create_ray_tracing(u, 0, 0, NULL), VK_SUCCESS);
    assert_int_equal(driver.creates, 0);
    assert_false(u->d->fatal);
}

static void test_some_pipelines_fail(void **state)
{
    struct unit *u = *state;
    uint64_t ids[] = {10, 11, 12};
    driver.fail_mask = 2;
    driver.result = VK_PIPELINE_COMPILE_REQUIRED;
    assert_int_equal(create_compute(u, 3, ids), VK_PIPELINE_COMPILE_REQUIRED);
    assert_int_equal(ids[0], 10);
    assert_int_equal(ids[1], 0);
    assert_int_equal(ids[2], 12);
    assert_true(exists(u, 10));
    assert_false(exists(u, 11));
    assert_true(exists(u, 12));
    assert_false(u->d->fatal);
}

static void test_bad_pipeline_ids(void **state)
{
    struct unit *u = *state;
    create_compute(u, 4, (uint64_t[]){10, 10, 12, 13});
    assert_failed(u, "new VkPipeline 0xa: in use already");
    assert_int_equal(driver.freed_count, 3); /* what has no id is destroyed */
    assert_int_equal(driver.freed[0], 1001);
    assert_int_equal(driver.freed[2], 1003);
    assert_int_equal(venus_object_find(u->d->objects, 10)->handle, 1000);
    driver.creates = 0;
    unit_renew(u);
    create_compute(u, 2, NULL);
    assert_failed(u, "pPipelines is NULL, its count is 2");
    assert_int_equal(driver.creates, 0);
}

/* Deferring would let the driver use our arguments after the command has ended. */
static void test_nothing_is_deferred(void **state)
{
    struct unit *u = *state;
    driver.deferred = (VkDeferredOperationKHR)(uintptr_t)5;
    assert_int_equal(create_ray_tracing(u, 77, 1, (uint64_t[]){10}), VK_OPERATION_NOT_DEFERRED_KHR);
    assert_int_equal((uintptr_t)driver.deferred, 0);
    assert_true(exists(u, 10));
    driver.result = VK_ERROR_OUT_OF_HOST_MEMORY;
    driver.fail_mask = 1;
    assert_int_equal(create_ray_tracing(u, 77, 1, (uint64_t[]){11}), VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_false(exists(u, 11));
    device.vk.CreateRayTracingPipelinesKHR = NULL;
    create_ray_tracing(u, 0, 1, (uint64_t[]){12});
    assert_failed(u, "without VK_KHR_ray_tracing_pipeline");
}

#define POOL_TEST(f) cmocka_unit_test_setup_teardown(f, pool_setup, unit_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(test_command_buffers),  POOL_TEST(test_allocation_that_fails),
        POOL_TEST(test_bad_allocations),  POOL_TEST(test_bad_frees),
        POOL_TEST(test_descriptor_sets),  POOL_TEST(test_bad_descriptor_sets),
        POOL_TEST(test_pipelines),        POOL_TEST(test_some_pipelines_fail),
        POOL_TEST(test_bad_pipeline_ids), POOL_TEST(test_nothing_is_deferred),
    };
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
