/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "internal.h"

struct venus_renderer *venus_renderer_create(const struct venus_renderer_params *params)
{
    struct venus_renderer *renderer = calloc(1, sizeof(*renderer));
    if (!renderer)
        return NULL;
    renderer->get_instance_proc_addr = params->get_instance_proc_addr;
    renderer->memory = params->memory ? params->memory : &venus_memfd_provider;
    if (params->sample)
        renderer->sample = *params->sample;
    renderer->gpus = params->gpus;
    renderer->gpu_count = params->gpus ? params->gpu_count : 0;
    renderer->validate = params->validate;
    if (params->gpu_uuid) {
        renderer->has_gpu_uuid = true;
        memcpy(renderer->gpu_uuid, params->gpu_uuid, VK_UUID_SIZE);
    }
    return renderer;
}

void venus_renderer_destroy(struct venus_renderer *renderer)
{
    free(renderer);
}
