/* SPDX-License-Identifier: MIT */
/*
 * The physical devices of the client's instance: those of the host whose memory can be given to
 * clients, filtered by the administrator's choice, with what we cannot serve hidden.
 */
#include <stdlib.h>

#include "instance.h"
#include "modifier.h"
#include "pnext.h"

/* ---- what is offered ---- */

/* Whether to offer this GPU; if so it is filled. */
static bool consider(const struct venus_renderer *renderer, struct venus_physical_device *gpu)
{
    if (venus_gpu_describe(gpu) != VK_SUCCESS)
        return false;
    bool wanted = !renderer->has_gpu_uuid || venus_gpu_has_uuid(gpu, renderer->gpu_uuid);
    if (wanted) {
        const char *unusable = venus_gpu_probe_memory(renderer, gpu);
        if (unusable)
            venus_log(VENUS_LOG_WARNING, "%s is not offered to clients: %s",
                      gpu->properties.deviceName, unusable);
        wanted = !unusable;
    }
    if (!wanted) {
        venus_gpu_finish(gpu);
        return false;
    }
    gpu->properties.apiVersion = gpu->api_version;
    venus_modifier_probe(gpu);
    venus_sync_probe(gpu);
    return true;
}

VkResult venus_physical_devices_init(const struct venus_renderer *renderer,
                                     struct venus_instance *instance)
{
    VkPhysicalDevice *handles;
    uint32_t count;
    const VkResult result = venus_gpu_enumerate(instance, &handles, &count);
    if (result != VK_SUCCESS)
        return result;
    struct venus_physical_device *gpus = calloc(count + 1, sizeof(*gpus));
    if (!gpus) {
        free(handles);
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    uint32_t offered = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct venus_physical_device *gpu = &gpus[offered];
        memset(gpu, 0, sizeof(*gpu));
        gpu->handle = handles[i];
        gpu->instance = instance;
        if (consider(renderer, gpu))
            offered++;
    }
    free(handles);
    if (!offered)
        venus_log(VENUS_LOG_ERROR, "none of this host's %u GPUs can be offered to clients", count);
    instance->physical_devices = gpus;
    instance->physical_device_count = offered;
    return VK_SUCCESS;
}

void venus_physical_devices_finish(struct venus_instance *instance)
{
    for (uint32_t i = 0; i < instance->physical_device_count; i++)
        venus_gpu_finish(&instance->physical_devices[i]);
    free(instance->physical_devices);
    instance->physical_devices = NULL;
    instance->physical_device_count = 0;
}

static struct venus_physical_device *find_handle(const struct venus_instance *instance,
                                                 VkPhysicalDevice handle)
{
    for (uint32_t i = 0; i < instance->physical_device_count; i++) {
        if (instance->physical_devices[i].handle == handle)
            return &instance->physical_devices[i];
    }
    return NULL;
}

/* ---- enumeration ---- */

/* Enumerate once; clients get the same devices ever after. */
static VkResult ensure_devices(struct venus_context *context, struct venus_instance *instance)
{
    VkResult result = VK_SUCCESS;
    pthread_mutex_lock(&context->lock);
    if (!instance->physical_devices)
        result = venus_physical_devices_init(context->renderer, instance);
    pthread_mutex_unlock(&context->lock);
    return result;
}

/* Give a device the id that the client chose for it. */
static bool adopt(struct venus_decoder *d, struct venus_physical_device *gpu, uint64_t id)
{
    pthread_mutex_lock(&d->context->lock);
    const uint64_t old = gpu->id;
    if (!old)
        gpu->id = id;
    pthread_mutex_unlock(&d->context->lock);
    if (old && old != id)
        venus_decoder_fail(d, "physical device 0x%llx enumerated again as 0x%llx",
                           (unsigned long long)old, (unsigned long long)id);
    if (old)
        return old == id;
    return venus_decoder_add_object(d, VENUS_OBJECT_PhysicalDevice, id,
                                    (uint64_t)(uintptr_t)gpu->handle, NULL, gpu);
}

void venus_handle_vkEnumeratePhysicalDevices(struct venus_decoder *d,
                                             struct venus_vkEnumeratePhysicalDevices *args)
{
    struct venus_instance *instance = args->first->data;
    args->ret = ensure_devices(d->context, instance);
    if (args->ret != VK_SUCCESS) {
        *args->pPhysicalDeviceCount = 0;
        return;
    }
    const uint32_t available = instance->physical_device_count;
    if (!args->pPhysicalDevices_ids) {
        *args->pPhysicalDeviceCount = available;
        return;
    }
    const uint32_t count =
        *args->pPhysicalDeviceCount < available ? *args->pPhysicalDeviceCount : available;
    for (uint32_t i = 0; i < count; i++) {
        if (!adopt(d, &instance->physical_devices[i], args->pPhysicalDevices_ids[i]))
            return;
    }
    *args->pPhysicalDeviceCount = count;
    args->ret = count < available ? VK_INCOMPLETE : VK_SUCCESS;
}

/* Replace the host's handles in a group by the client's ids; devices that are not offered, or that
 * the client has not enumerated, are left out. */
static void translate_group(const struct venus_instance *instance,
                            const VkPhysicalDeviceGroupProperties *host,
                            VkPhysicalDeviceGroupProperties *group)
{
    uint32_t count = 0;
    memset(group->physicalDevices, 0, sizeof(group->physicalDevices));
    for (uint32_t i = 0; i < host->physicalDeviceCount && i < VK_MAX_DEVICE_GROUP_SIZE; i++) {
        const struct venus_physical_device *gpu = find_handle(instance, host->physicalDevices[i]);
        if (gpu && gpu->id)
            group->physicalDevices[count++] = (VkPhysicalDevice)(uintptr_t)gpu->id;
    }
    group->physicalDeviceCount = count;
    group->subsetAllocation = count > 1 && host->subsetAllocation;
}

/* All groups of the host, in memory of the command; NULL after an error. */
static VkPhysicalDeviceGroupProperties *host_groups(struct venus_decoder *d,
                                                    const struct venus_instance *instance,
                                                    uint32_t *count, VkResult *result)
{
    VkPhysicalDeviceGroupProperties *groups;
    do {
        *result = instance->vk.EnumeratePhysicalDeviceGroups(instance->handle, count, NULL);
        groups = *result == VK_SUCCESS ? venus_decode_alloc(d, *count, sizeof(*groups)) : NULL;
        if (!groups)
            return NULL;
        for (uint32_t i = 0; i < *count; i++)
            groups[i].sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_GROUP_PROPERTIES;
        *result = instance->vk.EnumeratePhysicalDeviceGroups(instance->handle, count, groups);
    } while (*result == VK_INCOMPLETE);
    return *result == VK_SUCCESS ? groups : NULL;
}

void venus_handle_vkEnumeratePhysicalDeviceGroups(
    struct venus_decoder *d, struct venus_vkEnumeratePhysicalDeviceGroups *args)
{
    struct venus_instance *instance = args->first->data;
    const uint32_t room = args->pPhysicalDeviceGroupProperties ? *args->pPhysicalDeviceGroupCount
                                                               : UINT32_MAX;
    uint32_t count = 0, available = 0;
    args->ret = ensure_devices(d->context, instance);
    VkPhysicalDeviceGroupProperties *groups =
        args->ret == VK_SUCCESS ? host_groups(d, instance, &count, &args->ret) : NULL;
    for (uint32_t i = 0; groups && i < count; i++) {
        VkPhysicalDeviceGroupProperties group = {0};
        translate_group(instance, &groups[i], &group);
        if (!group.physicalDeviceCount)
            continue;
        if (args->pPhysicalDeviceGroupProperties && available < room) {
            VkPhysicalDeviceGroupProperties *out = &args->pPhysicalDeviceGroupProperties[available];
            group.sType = out->sType;
            group.pNext = out->pNext;
            *out = group;
        }
        available++;
    }
    *args->pPhysicalDeviceGroupCount = available < room ? available : room;
    if (args->ret == VK_SUCCESS && available > room)
        args->ret = VK_INCOMPLETE;
}

/* ---- extensions ---- */

bool venus_extension_is_ours(const struct venus_physical_device *gpu, const char *name)
{
    return strcmp(name, VK_KHR_EXTERNAL_SEMAPHORE_FD_EXTENSION_NAME) == 0 || /* sync.c */
           venus_modifier_is_ours(gpu, name);
}

void venus_handle_vkEnumerateDeviceExtensionProperties(
    struct venus_decoder *d, struct venus_vkEnumerateDeviceExtensionProperties *args)
{
    (void)d;
    const struct venus_physical_device *gpu = args->first->data;
    if (args->pLayerName) {
        *args->pPropertyCount = 0;
        args->ret = VK_ERROR_LAYER_NOT_PRESENT;
        return;
    }
    const uint32_t room = args->pProperties ? *args->pPropertyCount : UINT32_MAX;
    uint32_t available = 0;
    for (uint32_t i = 0; i < venus_extension_count; i++) {
        const struct venus_extension *known = &venus_extensions[i];
        const VkExtensionProperties *host = venus_gpu_extension(gpu, known->name);
        if (!host && !venus_extension_is_ours(gpu, known->name))
            continue;
        if (args->pProperties && available < room) {
            VkExtensionProperties *out = &args->pProperties[available];
            strncpy(out->extensionName, known->name, VK_MAX_EXTENSION_NAME_SIZE - 1);
            out->specVersion = known->spec_version;
            if (host && host->specVersion < known->spec_version)
                out->specVersion = host->specVersion;
        }
        available++;
    }
    *args->pPropertyCount = available < room ? available : room;
    args->ret = available > room ? VK_INCOMPLETE : VK_SUCCESS;
}

/* ---- properties ---- */

void venus_handle_vkGetPhysicalDeviceProperties(struct venus_decoder *d,
                                                struct venus_vkGetPhysicalDeviceProperties *args)
{
    (void)d;
    const struct venus_physical_device *gpu = args->first->data;
    *args->pProperties = gpu->properties;
}

void venus_handle_vkGetPhysicalDeviceProperties2(struct venus_decoder *d,
                                                 struct venus_vkGetPhysicalDeviceProperties2 *args)
{
    (void)d;
    const struct venus_physical_device *gpu = args->first->data;
    gpu->instance->vk.GetPhysicalDeviceProperties2(gpu->handle, args->pProperties);
    args->pProperties->properties.apiVersion = gpu->api_version;
}

void venus_handle_vkGetPhysicalDeviceFeatures2(struct venus_decoder *d,
                                               struct venus_vkGetPhysicalDeviceFeatures2 *args)
{
    (void)d;
    const struct venus_physical_device *gpu = args->first->data;
    gpu->instance->vk.GetPhysicalDeviceFeatures2(gpu->handle, args->pFeatures);
    /* Those that do work are refused (protocol/rules.txt). */
    VkPhysicalDeviceAccelerationStructureFeaturesKHR *structures =
        venus_pnext_find(args->pFeatures->pNext,
                         VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_FEATURES_KHR);
    if (structures)
        structures->accelerationStructureHostCommands = VK_FALSE;
}

void venus_handle_vkGetPhysicalDeviceMemoryProperties(
    struct venus_decoder *d, struct venus_vkGetPhysicalDeviceMemoryProperties *args)
{
    (void)d;
    const struct venus_physical_device *gpu = args->first->data;
    *args->pMemoryProperties = gpu->memory.client;
}

void venus_handle_vkGetPhysicalDeviceMemoryProperties2(
    struct venus_decoder *d, struct venus_vkGetPhysicalDeviceMemoryProperties2 *args)
{
    (void)d;
    const struct venus_physical_device *gpu = args->first->data;
    /* For the chain (VK_EXT_memory_budget). */
    gpu->instance->vk.GetPhysicalDeviceMemoryProperties2(gpu->handle, args->pMemoryProperties);
    args->pMemoryProperties->memoryProperties = gpu->memory.client;
}

/* ---- external memory ---- */

/* A client's file descriptors are dma-bufs or nothing. */
#define SERVED_HANDLE_TYPES VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT

/*
 * Leave of the driver's answer what is true for a client.  All dma-bufs that a client can have are
 * made by us, so importing is worth nothing where exporting does not work.  Returns whether
 * anything is left.
 */
static bool filter_external(const struct venus_physical_device *gpu,
                            VkExternalMemoryProperties *properties)
{
    VkExternalMemoryFeatureFlags *features = &properties->externalMemoryFeatures;
    if (gpu->own_dma_bufs) { /* the driver was asked whether it imports our pages */
        const bool works = (*features & VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT) &&
                           !(*features & VK_EXTERNAL_MEMORY_FEATURE_DEDICATED_ONLY_BIT);
        *features = works ? VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT |
                                VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT
                          : 0;
        properties->exportFromImportedHandleTypes = SERVED_HANDLE_TYPES;
        properties->compatibleHandleTypes = SERVED_HANDLE_TYPES;
    }
    if (!(*features & VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT))
        *features = 0;
    properties->exportFromImportedHandleTypes &= SERVED_HANDLE_TYPES;
    properties->compatibleHandleTypes &= SERVED_HANDLE_TYPES;
    return *features != 0;
}

/* The handle type to ask the driver about when a client means one that we serve. */
static VkExternalMemoryHandleTypeFlagBits host_handle_type(const struct venus_physical_device *gpu,
                                                           VkExternalMemoryHandleTypeFlagBits type)
{
    return gpu->own_dma_bufs ? venus_memory_handle_type(gpu->memory.path) : type;
}

void venus_handle_vkGetPhysicalDeviceExternalBufferProperties(
    struct venus_decoder *d, struct venus_vkGetPhysicalDeviceExternalBufferProperties *args)
{
    (void)d;
    const struct venus_physical_device *gpu = args->first->data;
    VkPhysicalDeviceExternalBufferInfo info = *args->pExternalBufferInfo;
    VkExternalMemoryProperties *properties =
        &args->pExternalBufferProperties->externalMemoryProperties;
    const bool served = info.handleType & SERVED_HANDLE_TYPES;
    if (served) {
        info.handleType = host_handle_type(gpu, info.handleType);
        gpu->instance->vk.GetPhysicalDeviceExternalBufferProperties(
            gpu->handle, &info, args->pExternalBufferProperties);
    }
    if (!served || !filter_external(gpu, properties))
        *properties = (VkExternalMemoryProperties){
            .compatibleHandleTypes =
                (VkExternalMemoryHandleTypeFlags)args->pExternalBufferInfo->handleType,
        };
}

/* The query about external memory, with the answer of the driver made true for the client. */
static VkResult query_external_image(const struct venus_physical_device *gpu,
                                     VkPhysicalDeviceImageFormatInfo2 *info,
                                     VkPhysicalDeviceExternalImageFormatInfo *external,
                                     VkImageFormatProperties2 *properties)
{
    /* Where dma-bufs are our pages, only linear images are the same to all who use them. */
    if (!(external->handleType & SERVED_HANDLE_TYPES) ||
        (gpu->own_dma_bufs && info->tiling != VK_IMAGE_TILING_LINEAR))
        return VK_ERROR_FORMAT_NOT_SUPPORTED;
    external->handleType = host_handle_type(gpu, external->handleType);
    venus_pnext_add(info, external);

    VkExternalImageFormatProperties room = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES,
    };
    VkExternalImageFormatProperties *answer = venus_pnext_find(
        properties->pNext, VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES);
    const bool add = !answer;
    if (add) {
        answer = &room;
        venus_pnext_add(properties, answer);
    }
    VkResult result = gpu->instance->vk.GetPhysicalDeviceImageFormatProperties2(gpu->handle, info,
                                                                                properties);
    if (result == VK_SUCCESS && !filter_external(gpu, &answer->externalMemoryProperties)) {
        memset(&properties->imageFormatProperties, 0, sizeof(properties->imageFormatProperties));
        result = VK_ERROR_FORMAT_NOT_SUPPORTED;
    }
    if (add)
        venus_pnext_take(properties, VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES);
    return result;
}

void venus_handle_vkGetPhysicalDeviceImageFormatProperties2(
    struct venus_decoder *d, struct venus_vkGetPhysicalDeviceImageFormatProperties2 *args)
{
    (void)d;
    const struct venus_physical_device *gpu = args->first->data;
    VkPhysicalDeviceImageFormatInfo2 info = *args->pImageFormatInfo;
    args->ret = venus_modifier_make_linear_query(gpu, &info);
    if (args->ret != VK_SUCCESS)
        return;
    VkPhysicalDeviceExternalImageFormatInfo *external =
        venus_pnext_take(&info, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO);
    if (external && external->handleType)
        args->ret = query_external_image(gpu, &info, external, args->pImageFormatProperties);
    else
        args->ret = gpu->instance->vk.GetPhysicalDeviceImageFormatProperties2(
            gpu->handle, &info, args->pImageFormatProperties);
}
