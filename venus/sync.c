/* SPDX-License-Identifier: MIT */
/*
 * Fences and semaphores: waiting, creation, and what stands for SYNC_FD handles in the protocol.
 *
 * No file descriptor crosses the wire.  Of SYNC_FD export and import clients need only the side
 * effects on the renderer's objects: exporting resets a fence or consumes a semaphore's payload,
 * and importing gives a semaphore a signalled payload.  The latter needs no driver (imports.h), so
 * every host can be said to do it; exporting is offered where the driver can.
 */
#include <unistd.h>

#include "imports.h"
#include "instance.h"
#include "pnext.h"
#include "ring.h"
#include "thread.h"

/* ---- waiting ---- */

typedef VkResult (*wait_fn)(struct venus_decoder *d, const void *args, uint64_t timeout);

/* Wait in slices, so that the end of the context or ring ends the wait. */
static VkResult wait_in_slices(struct venus_decoder *d, const char *command, wait_fn wait,
                               const void *args, uint64_t timeout)
{
    const uint64_t start = venus_now_ns();
    uint64_t left = timeout;
    for (;;) {
        const uint64_t slice = left < VENUS_WAIT_SLICE_NS ? left : VENUS_WAIT_SLICE_NS;
        const VkResult result = wait(d, args, slice);
        if (result == VK_ERROR_DEVICE_LOST && !(d->command_flags & VENUS_COMMAND_GENERATE_REPLY)) {
            venus_device_lost(d->device, command);
            venus_decoder_fail(d, "the device is lost, and the client does not listen");
        }
        if (result != VK_TIMEOUT || venus_decoder_interrupted(d))
            return result;
        const uint64_t elapsed = venus_now_ns() - start;
        if (elapsed >= timeout)
            return result;
        left = timeout - elapsed;
    }
}

static VkResult wait_fences(struct venus_decoder *d, const void *args, uint64_t timeout)
{
    const struct venus_vkWaitForFences *a = args;
    return d->device->vk.WaitForFences(a->device, a->fenceCount, a->pFences, a->waitAll, timeout);
}

void venus_handle_vkWaitForFences(struct venus_decoder *d, struct venus_vkWaitForFences *args)
{
    args->ret = wait_in_slices(d, "vkWaitForFences", wait_fences, args, args->timeout);
}

static VkResult wait_semaphores(struct venus_decoder *d, const void *args, uint64_t timeout)
{
    const struct venus_vkWaitSemaphores *a = args;
    return d->device->vk.WaitSemaphores(a->device, a->pWaitInfo, timeout);
}

void venus_handle_vkWaitSemaphores(struct venus_decoder *d, struct venus_vkWaitSemaphores *args)
{
    if (d->device->vk.WaitSemaphores)
        args->ret = wait_in_slices(d, "vkWaitSemaphores", wait_semaphores, args, args->timeout);
    else
        venus_decoder_fail(d, "the driver does not have it");
}

/* ---- creation ---- */

/* Clients may ask for handle types that we offer but the driver lacks: it must not see those. */
static void limit_handle_types(const void *info, VkStructureType export_type, VkFlags *handle_types,
                               VkFlags host)
{
    *handle_types &= host;
    if (!*handle_types)
        venus_pnext_take(info, (uint32_t)export_type);
}

void venus_handle_vkCreateFence(struct venus_decoder *d, struct venus_vkCreateFence *args)
{
    const struct venus_device *device = d->device;
    VkExportFenceCreateInfo *export_info =
        venus_pnext_find(args->pCreateInfo, VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO);
    if (export_info)
        limit_handle_types(
            args->pCreateInfo, export_info->sType, &export_info->handleTypes,
            device->physical_device->fence_sync_fd ? VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT : 0);

    args->ret = device->vk.CreateFence(args->device, args->pCreateInfo, NULL, args->pFence);
    if (args->ret == VK_SUCCESS &&
        !venus_decoder_add_object(d, VENUS_OBJECT_Fence, args->pFence_ids[0],
                                  (uint64_t)(uintptr_t)*args->pFence, NULL, NULL))
        device->vk.DestroyFence(args->device, *args->pFence, NULL);
}

/* What timeline semaphores have as data. */
static char timeline_mark;

void venus_handle_vkCreateSemaphore(struct venus_decoder *d, struct venus_vkCreateSemaphore *args)
{
    struct venus_device *device = d->device;
    VkExportSemaphoreCreateInfo *export_info =
        venus_pnext_find(args->pCreateInfo, VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO);
    if (export_info)
        limit_handle_types(args->pCreateInfo, export_info->sType, &export_info->handleTypes,
                           device->physical_device->semaphore_sync_fd
                               ? VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT
                               : 0);

    const VkSemaphoreTypeCreateInfo *type =
        venus_pnext_find(args->pCreateInfo, VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO);
    const bool timeline = type && type->semaphoreType == VK_SEMAPHORE_TYPE_TIMELINE;

    args->ret = device->vk.CreateSemaphore(args->device, args->pCreateInfo, NULL, args->pSemaphore);
    if (args->ret != VK_SUCCESS)
        return;
    /* The handle may be that of a destroyed semaphore whose import nobody waited for. */
    venus_imports_take(device, *args->pSemaphore);
    if (!venus_decoder_add_object(d, VENUS_OBJECT_Semaphore, args->pSemaphore_ids[0],
                                  (uint64_t)(uintptr_t)*args->pSemaphore, NULL,
                                  timeline ? &timeline_mark : NULL))
        device->vk.DestroySemaphore(args->device, *args->pSemaphore, NULL);
}

/* ---- teardown ---- */

/* The timeline semaphore behind the cursor, which starts at NULL, or VK_NULL_HANDLE. */
static VkSemaphore next_timeline(struct venus_device *device, void **cursor)
{
    uint64_t handle;
    void *data;
    while (venus_object_next(&device->context->objects, VENUS_OBJECT_Semaphore, device, cursor,
                             &handle, &data)) {
        if (data == &timeline_mark)
            return (VkSemaphore)(uintptr_t)handle;
    }
    return VK_NULL_HANDLE;
}

/* How far ahead of a semaphore's value its waits may be. */
static uint64_t value_reach(const struct venus_physical_device *gpu)
{
    VkPhysicalDeviceTimelineSemaphoreProperties timeline = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_PROPERTIES,
    };
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &timeline,
    };
    gpu->instance->vk.GetPhysicalDeviceProperties2(gpu->handle, &properties);
    return timeline.maxTimelineSemaphoreValueDifference;
}

/* Signal the highest value that anything can wait for. */
static void release(const struct venus_device *device, VkSemaphore semaphore, uint64_t reach)
{
    uint64_t value = 0;
    if (device->vk.GetSemaphoreCounterValue(device->handle, semaphore, &value) != VK_SUCCESS ||
        value == UINT64_MAX)
        return;
    const VkSemaphoreSignalInfo info = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
        .semaphore = semaphore,
        .value = reach < UINT64_MAX - value ? value + reach : UINT64_MAX,
    };
    device->vk.SignalSemaphore(device->handle, &info);
}

void venus_sync_drain(struct venus_device *device)
{
    void *cursor = NULL;
    VkSemaphore semaphore = next_timeline(device, &cursor);
    if (!semaphore || !device->vk.SignalSemaphore || !device->vk.GetSemaphoreCounterValue)
        return;
    const uint64_t deadline = venus_now_ns() + VENUS_DRAIN_NS;
    bool drained = true;
    for (uint32_t i = 0; i < device->queue_count; i++)
        drained &= venus_queue_drain(&device->queues[i], deadline);
    if (drained)
        return;
    /* What is still to be signalled by the GPU gets in the way of this, but nobody looks at it. */
    const uint64_t reach = value_reach(device->physical_device);
    for (; semaphore; semaphore = next_timeline(device, &cursor))
        release(device, semaphore, reach);
}

/* ---- what is offered ---- */

void venus_sync_probe(struct venus_physical_device *physical_device)
{
    const struct venus_instance_vk *vk = &physical_device->instance->vk;

    physical_device->fence_sync_fd = false;
    if (vk->GetPhysicalDeviceExternalFenceProperties &&
        venus_gpu_extension(physical_device, VK_KHR_EXTERNAL_FENCE_FD_EXTENSION_NAME)) {
        const VkPhysicalDeviceExternalFenceInfo info = {
            .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_FENCE_INFO,
            .handleType = VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT,
        };
        VkExternalFenceProperties properties = {
            .sType = VK_STRUCTURE_TYPE_EXTERNAL_FENCE_PROPERTIES,
        };
        vk->GetPhysicalDeviceExternalFenceProperties(physical_device->handle, &info, &properties);
        physical_device->fence_sync_fd =
            properties.externalFenceFeatures & VK_EXTERNAL_FENCE_FEATURE_EXPORTABLE_BIT;
    }

    physical_device->semaphore_sync_fd = false;
    if (vk->GetPhysicalDeviceExternalSemaphoreProperties &&
        venus_gpu_extension(physical_device, VK_KHR_EXTERNAL_SEMAPHORE_FD_EXTENSION_NAME)) {
        const VkPhysicalDeviceExternalSemaphoreInfo info = {
            .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO,
            .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT,
        };
        VkExternalSemaphoreProperties properties = {
            .sType = VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES,
        };
        vk->GetPhysicalDeviceExternalSemaphoreProperties(physical_device->handle, &info,
                                                         &properties);
        physical_device->semaphore_sync_fd =
            properties.externalSemaphoreFeatures & VK_EXTERNAL_SEMAPHORE_FEATURE_EXPORTABLE_BIT;
    }
}

/* Importing a fence has no command in the protocol. */
void venus_handle_vkGetPhysicalDeviceExternalFenceProperties(
    struct venus_decoder *d, struct venus_vkGetPhysicalDeviceExternalFenceProperties *args)
{
    const struct venus_physical_device *physical_device = args->first->data;
    VkExternalFenceProperties *properties = args->pExternalFenceProperties;
    if (!args->pExternalFenceInfo || !properties) {
        venus_decoder_fail(d, "a parameter is absent");
        return;
    }
    if (args->pExternalFenceInfo->handleType == VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT &&
        physical_device->fence_sync_fd) {
        properties->compatibleHandleTypes = VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT;
        properties->externalFenceFeatures = VK_EXTERNAL_FENCE_FEATURE_EXPORTABLE_BIT;
    }
}

void venus_handle_vkGetPhysicalDeviceExternalSemaphoreProperties(
    struct venus_decoder *d, struct venus_vkGetPhysicalDeviceExternalSemaphoreProperties *args)
{
    const struct venus_physical_device *physical_device = args->first->data;
    VkExternalSemaphoreProperties *properties = args->pExternalSemaphoreProperties;
    if (!args->pExternalSemaphoreInfo || !properties) {
        venus_decoder_fail(d, "a parameter is absent");
        return;
    }
    const VkSemaphoreTypeCreateInfo *type = venus_pnext_find(
        args->pExternalSemaphoreInfo->pNext, VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO);
    if (args->pExternalSemaphoreInfo->handleType != VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT ||
        (type && type->semaphoreType != VK_SEMAPHORE_TYPE_BINARY))
        return;
    properties->compatibleHandleTypes = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT;
    properties->externalSemaphoreFeatures = VK_EXTERNAL_SEMAPHORE_FEATURE_IMPORTABLE_BIT;
    if (physical_device->semaphore_sync_fd) {
        properties->exportFromImportedHandleTypes = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT;
        properties->externalSemaphoreFeatures |= VK_EXTERNAL_SEMAPHORE_FEATURE_EXPORTABLE_BIT;
    }
}

/* ---- the side effects of SYNC_FD handles ---- */

void venus_handle_vkResetFenceResourceMESA(struct venus_decoder *d,
                                           struct venus_vkResetFenceResourceMESA *args)
{
    const struct venus_device *device = d->device;
    if (!args->fence) {
        venus_decoder_fail(d, "no fence");
        return;
    }
    const VkFenceGetFdInfoKHR info = {
        .sType = VK_STRUCTURE_TYPE_FENCE_GET_FD_INFO_KHR,
        .fence = args->fence,
        .handleType = VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT,
    };
    int fd = -1;
    if (!device->physical_device->fence_sync_fd || !device->vk.GetFenceFdKHR)
        venus_decoder_fail(d, "exporting fences was not offered");
    else if (device->vk.GetFenceFdKHR(args->device, &info, &fd) != VK_SUCCESS)
        venus_decoder_fail(d, "the driver could not export the fence");
    if (fd >= 0)
        close(fd);
}

void venus_handle_vkWaitSemaphoreResourceMESA(struct venus_decoder *d,
                                              struct venus_vkWaitSemaphoreResourceMESA *args)
{
    struct venus_device *device = d->device;
    if (!args->semaphore) {
        venus_decoder_fail(d, "no semaphore");
        return;
    }
    if (venus_imports_take(device, args->semaphore))
        return;
    const VkSemaphoreGetFdInfoKHR info = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_GET_FD_INFO_KHR,
        .semaphore = args->semaphore,
        .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT,
    };
    int fd = -1;
    if (!device->physical_device->semaphore_sync_fd || !device->vk.GetSemaphoreFdKHR)
        venus_decoder_fail(d, "exporting semaphores was not offered");
    else if (device->vk.GetSemaphoreFdKHR(args->device, &info, &fd) != VK_SUCCESS)
        venus_decoder_fail(d, "the driver could not export the semaphore");
    if (fd >= 0)
        close(fd);
}

void venus_handle_vkImportSemaphoreResourceMESA(struct venus_decoder *d,
                                                struct venus_vkImportSemaphoreResourceMESA *args)
{
    const VkImportSemaphoreResourceInfoMESA *info = args->pImportSemaphoreResourceInfo;
    if (!info || !info->semaphore)
        venus_decoder_fail(d, "no semaphore");
    else if (info->resourceId)
        venus_decoder_fail(d, "resource %u: only a signalled payload can be imported, resource 0",
                           info->resourceId);
    else if (venus_imports_add(d->device, info->semaphore))
        venus_decoder_fail(d, "more than %u semaphores with imported payloads", VENUS_MAX_IMPORTS);
}
