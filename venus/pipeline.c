/* SPDX-License-Identifier: MIT */
/*
 * Pipelines are created many at a time, and some of them may fail.
 */
#include "internal.h"

static void destroy_pipelines(struct venus_device *device, uint32_t count,
                              const VkPipeline *pipelines)
{
    for (uint32_t i = 0; i < count; i++)
        device->vk.DestroyPipeline(device->handle, pipelines[i], NULL); /* NULL is fine */
}

/*
 * Add what the driver made.  Where it made nothing there is no object and the reply says 0.  When
 * the decoder fails on one (its id is in use), that one and those behind it are destroyed.
 */
static void add_pipelines(struct venus_decoder *d, struct venus_device *device, uint32_t count,
                          uint64_t *ids, const VkPipeline *pipelines)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!pipelines[i]) {
            ids[i] = 0;
        } else if (!venus_decoder_add_object(d, VENUS_OBJECT_Pipeline, ids[i],
                                             (uint64_t)pipelines[i], NULL, NULL)) {
            destroy_pipelines(device, count - i, pipelines + i);
            return;
        }
    }
}

static bool check_arrays(struct venus_decoder *d, uint32_t count, const void *infos,
                         const uint64_t *ids)
{
    if (count && (!infos || !ids))
        venus_decoder_fail(d, "%s is NULL, its count is %u", infos ? "pPipelines" : "pCreateInfos",
                           count);
    return !d->fatal;
}

void venus_handle_vkCreateGraphicsPipelines(struct venus_decoder *d,
                                            struct venus_vkCreateGraphicsPipelines *args)
{
    struct venus_device *device = args->first->data;
    const uint32_t count = args->createInfoCount;
    args->ret = VK_SUCCESS;
    if (!check_arrays(d, count, args->pCreateInfos, args->pPipelines_ids) || !count)
        return;
    args->ret = device->vk.CreateGraphicsPipelines(device->handle, args->pipelineCache, count,
                                                   args->pCreateInfos, NULL, args->pPipelines);
    add_pipelines(d, device, count, args->pPipelines_ids, args->pPipelines);
}

void venus_handle_vkCreateComputePipelines(struct venus_decoder *d,
                                           struct venus_vkCreateComputePipelines *args)
{
    struct venus_device *device = args->first->data;
    const uint32_t count = args->createInfoCount;
    args->ret = VK_SUCCESS;
    if (!check_arrays(d, count, args->pCreateInfos, args->pPipelines_ids) || !count)
        return;
    args->ret = device->vk.CreateComputePipelines(device->handle, args->pipelineCache, count,
                                                  args->pCreateInfos, NULL, args->pPipelines);
    add_pipelines(d, device, count, args->pPipelines_ids, args->pPipelines);
}

void venus_handle_vkCreateRayTracingPipelinesKHR(struct venus_decoder *d,
                                                 struct venus_vkCreateRayTracingPipelinesKHR *args)
{
    struct venus_device *device = args->first->data;
    const uint32_t count = args->createInfoCount;
    args->ret = VK_SUCCESS;
    if (!check_arrays(d, count, args->pCreateInfos, args->pPipelines_ids) || !count)
        return;
    if (!device->vk.CreateRayTracingPipelinesKHR)
        venus_decoder_fail(d, "the device was created without VK_KHR_ray_tracing_pipeline");
    if (d->fatal)
        return;
    /* A deferred operation would keep on using our arguments after this command has ended, and
     * Vulkan lets an implementation not defer: do it now and say so. */
    args->ret =
        device->vk.CreateRayTracingPipelinesKHR(device->handle, VK_NULL_HANDLE, args->pipelineCache,
                                                count, args->pCreateInfos, NULL, args->pPipelines);
    add_pipelines(d, device, count, args->pPipelines_ids, args->pPipelines);
    if (args->ret == VK_SUCCESS && args->deferredOperation)
        args->ret = VK_OPERATION_NOT_DEFERRED_KHR;
}
