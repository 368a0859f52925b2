/* SPDX-License-Identifier: MIT */
/*
 * Command buffers and descriptor sets: objects that come from a pool and vanish with it.
 */
#include "internal.h"

/* Handles are pointers or numbers; arrays of either are copied as what they are in the table. */
_Static_assert(sizeof(VkCommandBuffer) == sizeof(uint64_t), "32-bit hosts are not supported");
_Static_assert(sizeof(VkDescriptorSet) == sizeof(uint64_t), "32-bit hosts are not supported");

/*
 * Add the objects that the driver just made.  When the decoder fails on one (its id is in use),
 * those that are not in the table stay with the pool, and go when the dying context destroys it.
 */
static void add_objects(struct venus_decoder *d, enum venus_object_type type, uint32_t count,
                        const uint64_t *ids, const void *handles)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t handle;
        memcpy(&handle, (const char *)handles + i * sizeof(handle), sizeof(handle));
        if (!venus_decoder_add_object(d, type, ids[i], handle, d->pool, NULL))
            return;
    }
}

/*
 * Take objects out of the table before the driver frees them, so that none is freed twice: an id
 * that is named twice or that came from another pool is an error.  Returns how many are to be freed
 * and puts their handles into `handles`.
 */
static uint32_t remove_objects(struct venus_decoder *d, enum venus_object_type type,
                               const struct venus_object *pool, uint32_t count, const uint64_t *ids,
                               void *handles)
{
    uint32_t removed = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t handle;
        if (!ids[i])
            continue;
        if (!venus_object_remove_from(d->objects, type, ids[i], pool, &handle)) {
            venus_decoder_fail(d, "%s 0x%llx is freed twice or from another pool",
                               venus_object_type_name(type), (unsigned long long)ids[i]);
            break;
        }
        memcpy((char *)handles + removed * sizeof(handle), &handle, sizeof(handle));
        removed++;
    }
    return removed;
}

/* Whether the pool and the array of ids that an allocation or a free needs are there. */
static bool check_parameters(struct venus_decoder *d, const struct venus_object *pool,
                             uint32_t count, const uint64_t *ids)
{
    if (!pool)
        venus_decoder_fail(d, "the pool is VK_NULL_HANDLE");
    else if (count && !ids)
        venus_decoder_fail(d, "the array of objects is NULL, its count is %u", count);
    return !d->fatal;
}

/* Take a pool with all that came from it out of the table. False if there is nothing to destroy. */
static bool remove_pool(struct venus_decoder *d, struct venus_object *pool)
{
    return pool && venus_object_remove(d->objects, pool->type, atomic_load(&pool->id), NULL, NULL);
}

/* ---- command buffers ---- */

void venus_handle_vkAllocateCommandBuffers(struct venus_decoder *d,
                                           struct venus_vkAllocateCommandBuffers *args)
{
    struct venus_device *device = args->first->data;
    const VkCommandBufferAllocateInfo *info = args->pAllocateInfo;
    const uint32_t count = info ? info->commandBufferCount : 0;
    if (!check_parameters(d, d->pool, count, args->pCommandBuffers_ids))
        return;
    args->ret = VK_SUCCESS;
    if (!count)
        return;
    args->ret = device->vk.AllocateCommandBuffers(device->handle, info, args->pCommandBuffers);
    if (args->ret == VK_SUCCESS)
        add_objects(d, VENUS_OBJECT_CommandBuffer, count, args->pCommandBuffers_ids,
                    args->pCommandBuffers);
    else
        memset(args->pCommandBuffers_ids, 0, count * sizeof(uint64_t));
}

void venus_handle_vkFreeCommandBuffers(struct venus_decoder *d,
                                       struct venus_vkFreeCommandBuffers *args)
{
    struct venus_device *device = args->first->data;
    const uint32_t count = args->commandBufferCount;
    if (!check_parameters(d, args->commandPool_object, count, args->pCommandBuffers_ids))
        return;
    VkCommandBuffer *buffers = venus_decode_alloc(d, count, sizeof(*buffers));
    if (!buffers)
        return;
    const uint32_t removed = remove_objects(d, VENUS_OBJECT_CommandBuffer, args->commandPool_object,
                                            count, args->pCommandBuffers_ids, buffers);
    if (removed)
        device->vk.FreeCommandBuffers(device->handle, args->commandPool, removed, buffers);
}

void venus_handle_vkDestroyCommandPool(struct venus_decoder *d,
                                       struct venus_vkDestroyCommandPool *args)
{
    struct venus_device *device = args->first->data;
    if (remove_pool(d, args->commandPool_object))
        device->vk.DestroyCommandPool(device->handle, args->commandPool, NULL);
}

/* ---- descriptor sets ---- */

void venus_handle_vkAllocateDescriptorSets(struct venus_decoder *d,
                                           struct venus_vkAllocateDescriptorSets *args)
{
    struct venus_device *device = args->first->data;
    const VkDescriptorSetAllocateInfo *info = args->pAllocateInfo;
    const uint32_t count = info ? info->descriptorSetCount : 0;
    if (!check_parameters(d, d->pool, count, args->pDescriptorSets_ids))
        return;
    args->ret = VK_SUCCESS;
    if (!count)
        return;
    args->ret = device->vk.AllocateDescriptorSets(device->handle, info, args->pDescriptorSets);
    if (args->ret == VK_SUCCESS)
        add_objects(d, VENUS_OBJECT_DescriptorSet, count, args->pDescriptorSets_ids,
                    args->pDescriptorSets);
    else
        memset(args->pDescriptorSets_ids, 0, count * sizeof(uint64_t));
}

void venus_handle_vkFreeDescriptorSets(struct venus_decoder *d,
                                       struct venus_vkFreeDescriptorSets *args)
{
    struct venus_device *device = args->first->data;
    const uint32_t count = args->descriptorSetCount;
    args->ret = VK_SUCCESS;
    if (!check_parameters(d, args->descriptorPool_object, count, args->pDescriptorSets_ids))
        return;
    VkDescriptorSet *sets = venus_decode_alloc(d, count, sizeof(*sets));
    if (!sets)
        return;
    const uint32_t removed =
        remove_objects(d, VENUS_OBJECT_DescriptorSet, args->descriptorPool_object, count,
                       args->pDescriptorSets_ids, sets);
    if (removed)
        args->ret =
            device->vk.FreeDescriptorSets(device->handle, args->descriptorPool, removed, sets);
}

void venus_handle_vkResetDescriptorPool(struct venus_decoder *d,
                                        struct venus_vkResetDescriptorPool *args)
{
    struct venus_device *device = args->first->data;
    if (!check_parameters(d, args->descriptorPool_object, 0, NULL))
        return;
    venus_object_remove_children(d->objects, args->descriptorPool_object);
    args->ret = device->vk.ResetDescriptorPool(device->handle, args->descriptorPool, args->flags);
}

void venus_handle_vkDestroyDescriptorPool(struct venus_decoder *d,
                                          struct venus_vkDestroyDescriptorPool *args)
{
    struct venus_device *device = args->first->data;
    if (remove_pool(d, args->descriptorPool_object))
        device->vk.DestroyDescriptorPool(device->handle, args->descriptorPool, NULL);
}
