/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "imports.h"
#include "pnext.h"

/* Position of the entry, or -1. imports->lock is held. */
static int find(const struct venus_imports *imports, const struct venus_device *device,
                VkSemaphore semaphore)
{
    for (unsigned int i = 0; i < imports->count; i++)
        if (imports->entries[i].semaphore == semaphore && imports->entries[i].device == device)
            return (int)i;
    return -1;
}

/* imports->lock is held. */
static void remove_at(struct venus_imports *imports, unsigned int i)
{
    imports->entries[i] = imports->entries[imports->count - 1];
    imports->count--;
}

int venus_imports_add(struct venus_device *device, VkSemaphore semaphore)
{
    struct venus_imports *imports = &device->context->imports;
    int error = 0;

    pthread_mutex_lock(&imports->lock);
    if (!imports->entries)
        imports->entries = calloc(VENUS_MAX_IMPORTS, sizeof(*imports->entries));
    if (!imports->entries) {
        error = -1;
    } else if (find(imports, device, semaphore) < 0) {
        if (imports->count < VENUS_MAX_IMPORTS)
            imports->entries[imports->count++] = (struct venus_import){device, semaphore};
        else
            error = -1;
    }
    pthread_mutex_unlock(&imports->lock);
    return error;
}

bool venus_imports_take(struct venus_device *device, VkSemaphore semaphore)
{
    struct venus_imports *imports = &device->context->imports;
    if (!imports->count)
        return false;
    pthread_mutex_lock(&imports->lock);
    const int i = find(imports, device, semaphore);
    if (i >= 0)
        remove_at(imports, (unsigned int)i);
    pthread_mutex_unlock(&imports->lock);
    return i >= 0;
}

void venus_imports_forget(struct venus_device *device)
{
    struct venus_imports *imports = &device->context->imports;
    pthread_mutex_lock(&imports->lock);
    for (unsigned int i = imports->count; i-- > 0;)
        if (imports->entries[i].device == device)
            remove_at(imports, i);
    pthread_mutex_unlock(&imports->lock);
}

/* Remove element `at` of the array of 64-bit values that some struct of the chain has per wait. */
static void drop_timeline_value(const void *chain, uint32_t at)
{
    VkTimelineSemaphoreSubmitInfo *info =
        venus_pnext_find(chain, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
    if (!info || at >= info->waitSemaphoreValueCount || !info->pWaitSemaphoreValues)
        return;
    uint64_t *values = (uint64_t *)info->pWaitSemaphoreValues;
    memmove(&values[at], &values[at + 1], (--info->waitSemaphoreValueCount - at) * sizeof(*values));
}

static void drop_device_index(const void *chain, uint32_t at)
{
    VkDeviceGroupSubmitInfo *info =
        venus_pnext_find(chain, VK_STRUCTURE_TYPE_DEVICE_GROUP_SUBMIT_INFO);
    if (!info || at >= info->waitSemaphoreCount || !info->pWaitSemaphoreDeviceIndices)
        return;
    uint32_t *indices = (uint32_t *)info->pWaitSemaphoreDeviceIndices;
    memmove(&indices[at], &indices[at + 1], (--info->waitSemaphoreCount - at) * sizeof(*indices));
}

static void drop_semaphore(const VkSemaphore *semaphores, uint32_t *count, uint32_t at)
{
    VkSemaphore *s = (VkSemaphore *)semaphores;
    memmove(&s[at], &s[at + 1], (--*count - at) * sizeof(*s));
}

void venus_imports_consume(struct venus_device *device, uint32_t count, VkSubmitInfo *submits)
{
    if (!device->context->imports.count)
        return;
    for (uint32_t i = 0; i < count; i++) {
        VkSubmitInfo *info = &submits[i];
        for (uint32_t j = info->waitSemaphoreCount; j-- > 0;) {
            if (!venus_imports_take(device, info->pWaitSemaphores[j]))
                continue;
            VkPipelineStageFlags *stages = (VkPipelineStageFlags *)info->pWaitDstStageMask;
            drop_timeline_value(info->pNext, j);
            drop_device_index(info->pNext, j);
            drop_semaphore(info->pWaitSemaphores, &info->waitSemaphoreCount, j);
            memmove(&stages[j], &stages[j + 1], (info->waitSemaphoreCount - j) * sizeof(*stages));
        }
    }
}

void venus_imports_consume2(struct venus_device *device, uint32_t count, VkSubmitInfo2 *submits)
{
    if (!device->context->imports.count)
        return;
    for (uint32_t i = 0; i < count; i++) {
        VkSubmitInfo2 *info = &submits[i];
        VkSemaphoreSubmitInfo *waits = (VkSemaphoreSubmitInfo *)info->pWaitSemaphoreInfos;
        for (uint32_t j = info->waitSemaphoreInfoCount; j-- > 0;) {
            if (venus_imports_take(device, waits[j].semaphore))
                memmove(&waits[j], &waits[j + 1],
                        (--info->waitSemaphoreInfoCount - j) * sizeof(*waits));
        }
    }
}

void venus_imports_consume_sparse(struct venus_device *device, uint32_t count,
                                  VkBindSparseInfo *binds)
{
    if (!device->context->imports.count)
        return;
    for (uint32_t i = 0; i < count; i++) {
        VkBindSparseInfo *info = &binds[i];
        for (uint32_t j = info->waitSemaphoreCount; j-- > 0;) {
            if (!venus_imports_take(device, info->pWaitSemaphores[j]))
                continue;
            drop_timeline_value(info->pNext, j);
            drop_semaphore(info->pWaitSemaphores, &info->waitSemaphoreCount, j);
        }
    }
}
