/* SPDX-License-Identifier: MIT */
/*
 * Buffers.  A buffer that may use client-visible memory has to be created for external memory of
 * the kind that such memory is (VkExternalMemoryBufferCreateInfo), and we do not know at its creation
 * which memory it will use.  So every buffer of which the driver supports that is created so.
 */
#include "internal.h"
#include "pnext.h"

/* The 64 usage bits, in whichever struct they are. */
static uint64_t usage_of(const VkBufferCreateInfo *info, const void **usage2)
{
    *usage2 = NULL;
#ifdef VK_KHR_maintenance5
    const VkBufferUsageFlags2CreateInfoKHR *flags2 =
        venus_pnext_find(info->pNext, VK_STRUCTURE_TYPE_BUFFER_USAGE_FLAGS_2_CREATE_INFO_KHR);
    if (flags2) {
        *usage2 = flags2;
        return flags2->usage;
    }
#endif
    return info->usage;
}

/* Ask the driver whether such buffers can use the external memory that clients map. */
static bool ask_driver(const struct venus_physical_device *gpu, const VkBufferCreateInfo *info,
                       const void *usage2)
{
    VkPhysicalDeviceExternalBufferInfo external = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO,
        .flags = info->flags,
        .usage = info->usage,
        .handleType = venus_memory_handle_type(gpu->memory.path),
    };
#ifdef VK_KHR_maintenance5
    VkBufferUsageFlags2CreateInfoKHR copy;
    if (usage2) {
        copy = *(const VkBufferUsageFlags2CreateInfoKHR *)usage2;
        copy.pNext = NULL;
        external.pNext = &copy;
    }
#else
    (void)usage2;
#endif
    VkExternalBufferProperties properties = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES,
    };
    gpu->instance->vk.GetPhysicalDeviceExternalBufferProperties(gpu->handle, &external,
                                                                &properties);
    const VkExternalMemoryFeatureFlags features =
        properties.externalMemoryProperties.externalMemoryFeatures;
    const VkExternalMemoryFeatureFlags wanted = venus_memory_feature(gpu->memory.path);
    return (features & wanted) && !(features & VK_EXTERNAL_MEMORY_FEATURE_DEDICATED_ONLY_BIT);
}

/*
 * The same from a small cache: one word per entry, which holds the whole question and the answer.
 * Usages and flags beyond its bits are always asked.
 */
static bool can_be_client_visible(struct venus_physical_device *gpu, const VkBufferCreateInfo *info)
{
    const void *usage2;
    const uint64_t usage = usage_of(info, &usage2);
    if (usage >> 40 || info->flags >> 22)
        return ask_driver(gpu, info, usage2);

    const uint64_t valid = 1u, yes = 2u;
    const uint64_t question = usage << 24 | (uint64_t)info->flags << 2;
    const size_t count = sizeof(gpu->buffer_kinds) / sizeof(gpu->buffer_kinds[0]);
    const size_t slot = (size_t)(question * 0x9e3779b97f4a7c15u >> 32) % count;
    uint64_t entry = atomic_load_explicit(&gpu->buffer_kinds[slot], memory_order_relaxed);
    if ((entry & ~yes) != (question | valid)) {
        entry = question | valid | (ask_driver(gpu, info, usage2) ? yes : 0);
        atomic_store_explicit(&gpu->buffer_kinds[slot], entry, memory_order_relaxed);
    }
    return entry & yes;
}

/* What is remembered of a buffer in device->unusual_buffers; most have nothing of it. */
enum {
    BUFFER_PLAIN = 1,  /* cannot use client-visible memory */
    BUFFER_SHARED = 2, /* its memory is exported, as pages of ours */
};

/*
 * Make a buffer's creation one for client-visible memory if that is possible.  `room` is used for the
 * struct that it takes, and lives as long as `info`.  Returns what to remember.
 */
static unsigned make_client_visible(struct venus_physical_device *gpu, VkBufferCreateInfo *info,
                                    VkExternalMemoryBufferCreateInfo *room)
{
    const VkExternalMemoryHandleTypeFlagBits type = venus_memory_handle_type(gpu->memory.path);
    VkExternalMemoryBufferCreateInfo *external = venus_pnext_find(
        info->pNext, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO);
    if (external && external->handleTypes) {
        /* The client's own: it exports the memory. Types can be mixed only where drivers say so,
         * and none says so of dma-bufs and imported host memory. */
        if (gpu->own_dma_bufs) {
            external->handleTypes = (VkExternalMemoryHandleTypeFlags)type;
            return BUFFER_SHARED;
        }
        return external->handleTypes & type ? 0 : BUFFER_PLAIN;
    }
    if (!can_be_client_visible(gpu, info))
        return BUFFER_PLAIN;
    if (!external) {
        external = room;
        *external = (VkExternalMemoryBufferCreateInfo){
            .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
        };
        venus_pnext_add(info, external);
    }
    external->handleTypes = (VkExternalMemoryHandleTypeFlags)type;
    return 0;
}

void venus_handle_vkCreateBuffer(struct venus_decoder *d, struct venus_vkCreateBuffer *args)
{
    struct venus_device *device = args->first->data;
    VkBufferCreateInfo info = *args->pCreateInfo;
    VkExternalMemoryBufferCreateInfo room;
    const unsigned remember = make_client_visible(device->physical_device, &info, &room);

    args->ret = device->vk.CreateBuffer(device->handle, &info, NULL, args->pBuffer);
    if (args->ret != VK_SUCCESS)
        return;
    const uint64_t handle = (uint64_t)(uintptr_t)*args->pBuffer;
    if (!venus_handle_map_put(&device->unusual_buffers, handle, remember)) {
        device->vk.DestroyBuffer(device->handle, *args->pBuffer, NULL);
        args->ret = VK_ERROR_OUT_OF_HOST_MEMORY;
        return;
    }
    if (!venus_decoder_add_object(d, VENUS_OBJECT_Buffer, args->pBuffer_ids[0], handle, NULL, NULL))
        device->vk.DestroyBuffer(device->handle, *args->pBuffer, NULL);
}

/* Translate the driver's requirements to the client's memory types. */
static void translate(struct venus_device *device, unsigned remember,
                      VkMemoryRequirements *requirements)
{
    const struct venus_memory_types *types = &device->physical_device->memory;
    requirements->memoryTypeBits = venus_memory_types_to_client(
        types, requirements->memoryTypeBits, !(remember & BUFFER_PLAIN));
    if (remember & BUFFER_SHARED)
        requirements->memoryTypeBits &= types->shareable;
}

static unsigned remembered(struct venus_device *device, VkBuffer buffer)
{
    return (unsigned)venus_handle_map_get(&device->unusual_buffers, (uint64_t)(uintptr_t)buffer);
}

void venus_handle_vkGetBufferMemoryRequirements(
    struct venus_decoder *d, struct venus_vkGetBufferMemoryRequirements *args)
{
    (void)d;
    struct venus_device *device = args->first->data;
    if (!args->buffer_object) {
        venus_decoder_fail(d, "no buffer");
        return;
    }
    device->vk.GetBufferMemoryRequirements(device->handle, args->buffer, args->pMemoryRequirements);
    translate(device, remembered(device, args->buffer), args->pMemoryRequirements);
}

void venus_handle_vkGetBufferMemoryRequirements2(
    struct venus_decoder *d, struct venus_vkGetBufferMemoryRequirements2 *args)
{
    struct venus_device *device = args->first->data;
    const VkBuffer buffer = args->pInfo->buffer;
    if (!buffer) {
        venus_decoder_fail(d, "no buffer");
        return;
    }
    device->vk.GetBufferMemoryRequirements2(device->handle, args->pInfo,
                                            args->pMemoryRequirements);
    translate(device, remembered(device, buffer),
              &args->pMemoryRequirements->memoryRequirements);
}

void venus_handle_vkGetDeviceBufferMemoryRequirements(
    struct venus_decoder *d, struct venus_vkGetDeviceBufferMemoryRequirements *args)
{
    struct venus_device *device = args->first->data;
    if (!args->pInfo->pCreateInfo || !device->vk.GetDeviceBufferMemoryRequirements) {
        venus_decoder_fail(d, args->pInfo->pCreateInfo ? "the host driver does not have it"
                                                       : "no VkBufferCreateInfo");
        return;
    }
    VkBufferCreateInfo create = *args->pInfo->pCreateInfo;
    VkDeviceBufferMemoryRequirements info = *args->pInfo;
    VkExternalMemoryBufferCreateInfo room;
    const unsigned remember = make_client_visible(device->physical_device, &create, &room);
    info.pCreateInfo = &create;
    device->vk.GetDeviceBufferMemoryRequirements(device->handle, &info, args->pMemoryRequirements);
    translate(device, remember, &args->pMemoryRequirements->memoryRequirements);
}
