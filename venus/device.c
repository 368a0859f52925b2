/* SPDX-License-Identifier: MIT */
/*
 * Devices: creation with what we need ourselves, and destruction of everything that is left.
 */
#include <stdlib.h>

#include "instance.h"
#include "memory.h"
#include "pnext.h"

/* ---- records: their memory lives as long as the context ---- */

/* A record with room for so many queues, used before or new; NULL without memory. */
static struct venus_device *take_record(struct venus_context *context, uint32_t queue_count)
{
    struct venus_device *device;
    pthread_mutex_lock(&context->lock);
    for (device = context->devices; device; device = device->next) {
        if (device->unused && device->queue_room >= queue_count)
            break;
    }
    if (device)
        device->unused = false;
    pthread_mutex_unlock(&context->lock);
    if (device)
        return device;

    device = calloc(1, sizeof(*device));
    struct venus_queue *queues = calloc(queue_count, sizeof(*queues));
    if (!device || !queues) {
        free(device);
        free(queues);
        return NULL;
    }
    device->context = context;
    device->queues = queues;
    device->queue_room = queue_count;
    for (uint32_t i = 0; i < queue_count; i++) {
        queues[i].device = device;
        pthread_mutex_init(&queues[i].lock, NULL);
    }
    venus_handle_map_init(&device->unusual_buffers);
    venus_handle_map_init(&device->client_images);
    venus_handle_map_init(&device->copied_images);

    pthread_mutex_lock(&context->lock);
    device->next = context->devices;
    context->devices = device;
    pthread_mutex_unlock(&context->lock);
    return device;
}

static void return_record(struct venus_device *device)
{
    device->handle = VK_NULL_HANDLE;
    device->queue_count = 0;
    device->lost = false;
    venus_handle_map_clear(&device->unusual_buffers);
    venus_handle_map_clear(&device->client_images);
    venus_handle_map_clear(&device->copied_images);
    pthread_mutex_lock(&device->context->lock);
    device->unused = true;
    pthread_mutex_unlock(&device->context->lock);
}

void venus_devices_free(struct venus_context *context)
{
    while (context->devices) {
        struct venus_device *device = context->devices;
        context->devices = device->next;
        for (uint32_t i = 0; i < device->queue_room; i++)
            pthread_mutex_destroy(&device->queues[i].lock);
        free(device->queues);
        free(device);
    }
}

/* ---- creation ---- */

static bool same_queues(const VkDeviceQueueCreateInfo *a, const VkDeviceQueueCreateInfo *b)
{
    return a->queueFamilyIndex == b->queueFamilyIndex && a->flags == b->flags;
}

/*
 * Drivers index arrays by what they find here.  Returns the number of queues, or 0 if something is
 * wrong; that cannot overflow, since a family has at most as many as the driver has.
 */
static uint32_t check_queues(const struct venus_physical_device *gpu,
                             const VkDeviceCreateInfo *info)
{
    uint32_t total = 0;
    for (uint32_t i = 0; info->pQueueCreateInfos && i < info->queueCreateInfoCount; i++) {
        const VkDeviceQueueCreateInfo *queues = &info->pQueueCreateInfos[i];
        if (queues->queueFamilyIndex >= gpu->queue_family_count || !queues->pQueuePriorities)
            return 0;
        const uint32_t available = gpu->queue_families[queues->queueFamilyIndex].queueCount;
        uint32_t used = queues->queueCount;
        if (!used || used > available)
            return 0;
        for (uint32_t j = 0; j < i; j++) {
            if (same_queues(queues, &info->pQueueCreateInfos[j]))
                return 0;
            if (info->pQueueCreateInfos[j].queueFamilyIndex == queues->queueFamilyIndex)
                used += info->pQueueCreateInfos[j].queueCount;
        }
        if (used > available)
            return 0;
        total += queues->queueCount;
    }
    return total;
}

static bool contains(const char *const *names, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

/* What our own work on a device needs, where the host has it. */
static const char *const wanted_always[] = {
    VK_KHR_EXTERNAL_SEMAPHORE_FD_EXTENSION_NAME, VK_KHR_EXTERNAL_FENCE_FD_EXTENSION_NAME,
    VK_EXT_DEVICE_FAULT_EXTENSION_NAME, /* for the log */
};
static const char *const wanted_for_import[] = {
    VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME,
};
static const char *const wanted_for_dma_buf[] = {
    VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME,
    VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME,
};

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))

static void add_wanted(const struct venus_physical_device *gpu, const char *const *wanted,
                       uint32_t wanted_count, const char **names, uint32_t *count)
{
    for (uint32_t i = 0; i < wanted_count; i++) {
        if (venus_gpu_extension(gpu, wanted[i]) && !contains(names, *count, wanted[i]))
            names[(*count)++] = wanted[i];
    }
}

/* Replace the client's extensions by those to enable on the host. */
static VkResult choose_extensions(struct venus_decoder *d,
                                  const struct venus_physical_device *gpu, VkDeviceCreateInfo *info)
{
    const char **names =
        venus_decode_alloc(d,
                           (uint64_t)info->enabledExtensionCount + COUNT(wanted_always) +
                               COUNT(wanted_for_import) + COUNT(wanted_for_dma_buf),
                           sizeof(*names));
    if (!names)
        return VK_ERROR_OUT_OF_HOST_MEMORY;

    uint32_t count = 0;
    for (uint32_t i = 0; info->ppEnabledExtensionNames && i < info->enabledExtensionCount; i++) {
        const char *name = info->ppEnabledExtensionNames[i];
        const bool on_host = venus_gpu_extension(gpu, name) != NULL;
        if (!venus_extension_find(name) || (!on_host && !venus_extension_is_ours(gpu, name))) {
            venus_log_client(d->context, VENUS_LOG_WARNING, "extension %.*s, which %s lacks",
                             VK_MAX_EXTENSION_NAME_SIZE, name, gpu->properties.deviceName);
            return VK_ERROR_EXTENSION_NOT_PRESENT;
        }
        if (on_host && !contains(names, count, name))
            names[count++] = name;
    }
    add_wanted(gpu, wanted_always, COUNT(wanted_always), names, &count);
    if (gpu->memory.path == VENUS_MEMORY_HOST_IMPORT)
        add_wanted(gpu, wanted_for_import, COUNT(wanted_for_import), names, &count);
    add_wanted(gpu, wanted_for_dma_buf, COUNT(wanted_for_dma_buf), names, &count);

    info->enabledExtensionCount = count;
    info->ppEnabledExtensionNames = names;
    info->enabledLayerCount = 0;
    info->ppEnabledLayerNames = NULL;
    return VK_SUCCESS;
}

static void get_queues(struct venus_device *device, const VkDeviceCreateInfo *info)
{
    for (uint32_t i = 0; i < info->queueCreateInfoCount; i++) {
        const VkDeviceQueueCreateInfo *queues = &info->pQueueCreateInfos[i];
        for (uint32_t j = 0; j < queues->queueCount; j++) {
            struct venus_queue *queue = &device->queues[device->queue_count++];
            queue->family = queues->queueFamilyIndex;
            queue->index = j;
            queue->flags = queues->flags;
            queue->bound = false;
            queue->ring_idx = 0;
            const VkDeviceQueueInfo2 queue_info = {
                .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_INFO_2,
                .flags = queue->flags,
                .queueFamilyIndex = queue->family,
                .queueIndex = j,
            };
            /* Where there are no flags the old call will do, which no driver gets wrong. */
            if (queue->flags)
                device->vk.GetDeviceQueue2(device->handle, &queue_info, &queue->handle);
            else
                device->vk.GetDeviceQueue(device->handle, queue->family, j, &queue->handle);
        }
    }
}

void venus_handle_vkCreateDevice(struct venus_decoder *d, struct venus_vkCreateDevice *args)
{
    struct venus_physical_device *gpu = args->first->data;
    VkDeviceCreateInfo info = *args->pCreateInfo;

    const uint32_t queue_count = check_queues(gpu, &info);
    if (!queue_count) {
        venus_log_client(d->context, VENUS_LOG_WARNING, "vkCreateDevice with queues that %s lacks",
                         gpu->properties.deviceName);
        args->ret = VK_ERROR_INITIALIZATION_FAILED;
        return;
    }
    args->ret = choose_extensions(d, gpu, &info);
    if (args->ret != VK_SUCCESS)
        return;

    struct venus_device *device = take_record(d->context, queue_count);
    if (!device) {
        args->ret = VK_ERROR_OUT_OF_HOST_MEMORY;
        return;
    }
    /* For lost.c. The extension is none that clients can use, so the struct is not theirs. */
    VkPhysicalDeviceFaultFeaturesEXT fault = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FAULT_FEATURES_EXT,
        .deviceFault = VK_TRUE, /* required of those that have the extension */
    };
    if (venus_gpu_extension(gpu, VK_EXT_DEVICE_FAULT_EXTENSION_NAME))
        venus_pnext_add(&info, &fault);
    args->ret = gpu->instance->vk.CreateDevice(gpu->handle, &info, NULL, &device->handle);
    if (args->ret != VK_SUCCESS) {
        return_record(device);
        return;
    }
    device->physical_device = gpu;
    venus_device_vk_load(&device->vk, device->handle, gpu->instance->vk.GetDeviceProcAddr,
                         gpu->api_version);
    get_queues(device, &info);

    d->device = device;
    const uint64_t id = args->pDevice_ids[0];
    if (!venus_decoder_add_object(d, VENUS_OBJECT_Device, id, (uint64_t)(uintptr_t)device->handle,
                                  NULL, device)) {
        device->vk.DestroyDevice(device->handle, NULL);
        return_record(device);
        return;
    }
    device->id = id;
}

/* ---- destruction ---- */

#define DESTROY(name)                                                                              \
    static void destroy_##name(struct venus_device *device, uint64_t handle)                       \
    {                                                                                              \
        device->vk.Destroy##name(device->handle, (Vk##name)(uintptr_t)handle, NULL);               \
    }

/* All types that belong to a device and are destroyed on their own; the later ones use the earlier
 * ones, and are destroyed before them. */
#define DESTROYED_TYPES(X)                                                                         \
    X(PrivateDataSlot)                                                                             \
    X(Fence)                                                                                       \
    X(Semaphore)                                                                                   \
    X(Event)                                                                                       \
    X(QueryPool)                                                                                   \
    X(Buffer)                                                                                      \
    X(Image)                                                                                       \
    X(SamplerYcbcrConversion)                                                                      \
    X(Sampler)                                                                                     \
    X(ShaderModule)                                                                                \
    X(PipelineCache)                                                                               \
    X(DescriptorSetLayout)                                                                         \
    X(PipelineLayout)                                                                              \
    X(RenderPass)                                                                                  \
    X(DescriptorUpdateTemplate)                                                                    \
    X(DescriptorPool)                                                                              \
    X(CommandPool)                                                                                 \
    X(DeferredOperationKHR)                                                                        \
    X(AccelerationStructureKHR)                                                                    \
    X(BufferView)                                                                                  \
    X(ImageView)                                                                                   \
    X(Framebuffer)                                                                                 \
    X(Pipeline)

DESTROYED_TYPES(DESTROY)

#define X(name) [VENUS_OBJECT_##name] = destroy_##name,
static void (*const destroy[VENUS_OBJECT_TYPE_COUNT])(struct venus_device *device,
                                                      uint64_t handle) = {DESTROYED_TYPES(X)};
#undef X

#define X(name) +1
/* The others: instance, physical device, device, queue, memory, descriptor set, command buffer. */
_Static_assert(VENUS_OBJECT_TYPE_COUNT - 1 == 7 DESTROYED_TYPES(X),
               "an object type is missing above");
#undef X

/* Objects that go with their pool or with the device are only forgotten. */
static void destroy_objects(struct venus_device *device, enum venus_object_type type)
{
    if (type == VENUS_OBJECT_DeviceMemory) {
        venus_memory_destroy_all(device);
        return;
    }
    struct venus_object_table *objects = &device->context->objects;
    void *cursor = NULL;
    uint64_t handle;
    while (venus_object_pop(objects, type, device, &cursor, &handle, NULL)) {
        if (destroy[type])
            destroy[type](device, handle);
    }
}

void venus_device_teardown(struct venus_device *device)
{
    /* Whoever takes the device out of the table does the work; an unused record has no id. */
    const uint64_t id = device->id;
    if (!id ||
        !venus_object_remove(&device->context->objects, VENUS_OBJECT_Device, id, NULL, NULL))
        return;
    device->id = 0;

    venus_sync_drain(device);
    for (uint32_t i = 0; i < device->queue_count; i++)
        venus_queue_teardown(&device->queues[i]);
    device->vk.DeviceWaitIdle(device->handle);
    for (int type = VENUS_OBJECT_TYPE_COUNT - 1; type > VENUS_OBJECT_Device; type--)
        destroy_objects(device, (enum venus_object_type)type);
    device->vk.DestroyDevice(device->handle, NULL);
    return_record(device);
}

void venus_handle_vkDestroyDevice(struct venus_decoder *d, struct venus_vkDestroyDevice *args)
{
    (void)d;
    venus_device_teardown(args->first->data);
}
