/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "gpu_internal.h"
#include "venus.h"

/* ---- commands about the device ---- */

static void get_display_info(struct gpu_request *request)
{
    /* All modes stay disabled: there are no scanouts. */
    memset(&request->response.display_info, 0, sizeof(request->response.display_info));
    gpu_request_answer_data(request, VIRTIO_GPU_RESP_OK_DISPLAY_INFO,
                            sizeof(request->response.display_info));
}

static void get_capset_info(struct gpu_request *request)
{
    const struct virtio_gpu_get_capset_info *command = gpu_request_command(request);
    if (command->capset_index >= request->device->config.num_capsets) {
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "there is no capset %u",
                         command->capset_index);
        return;
    }
    request->response.capset_info = (struct virtio_gpu_resp_capset_info){
        .capset_id = VENUS_CAPSET_ID,
        .capset_max_version = 0,
        .capset_max_size = VENUS_CAPSET_SIZE,
    };
    gpu_request_answer_data(request, VIRTIO_GPU_RESP_OK_CAPSET_INFO,
                            sizeof(request->response.capset_info));
}

static void get_capset(struct gpu_request *request)
{
    const struct virtio_gpu_get_capset *command = gpu_request_command(request);
    union gpu_response *response = &request->response;
    if (!request->device->config.num_capsets || command->capset_id != VENUS_CAPSET_ID ||
        command->capset_version != 0) {
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                         "there is no capset with id %u in version %u", command->capset_id,
                         command->capset_version);
        return;
    }
    _Static_assert(sizeof(response->hdr) + VENUS_CAPSET_SIZE <= sizeof(*response),
                   "a capset fits in");
    memset(&response->hdr, 0, sizeof(response->hdr));
    venus_capset_fill(response->bytes + sizeof(response->hdr), !request->device->params.per_blob);
    gpu_request_answer_data(request, VIRTIO_GPU_RESP_OK_CAPSET,
                            sizeof(response->hdr) + VENUS_CAPSET_SIZE);
}

/* ---- the table ---- */

#define BLOB    (1ULL << VIRTIO_GPU_F_RESOURCE_BLOB)
#define CONTEXT (1ULL << VIRTIO_GPU_F_VIRGL | 1ULL << VIRTIO_GPU_F_CONTEXT_INIT)
#define VIRGL   (1ULL << VIRTIO_GPU_F_VIRGL)
#define UUID    (1ULL << VIRTIO_GPU_F_RESOURCE_UUID)

#define HEADER sizeof(struct virtio_gpu_ctrl_hdr)

#define COMMAND(NAME) .type = VIRTIO_GPU_CMD_##NAME, .name = #NAME
#define NO_SCANOUT    .error = VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID, .why = "there are no scanouts"
#define ONLY_BLOBS    .error = VIRTIO_GPU_RESP_ERR_UNSPEC, .why = "there are only blob resources"

const struct gpu_command gpu_commands[GPU_REQUEST_KINDS] = {
    {COMMAND(GET_DISPLAY_INFO), HEADER, 0, get_display_info},
    {COMMAND(RESOURCE_CREATE_2D), sizeof(struct virtio_gpu_resource_create_2d), ONLY_BLOBS},
    {COMMAND(RESOURCE_UNREF), sizeof(struct virtio_gpu_resource_unref), 0, gpu_resource_unref},
    {COMMAND(SET_SCANOUT), sizeof(struct virtio_gpu_set_scanout), NO_SCANOUT},
    {COMMAND(RESOURCE_FLUSH), sizeof(struct virtio_gpu_resource_flush), 0, gpu_resource_refuse},
    {COMMAND(TRANSFER_TO_HOST_2D), sizeof(struct virtio_gpu_transfer_to_host_2d), 0,
     gpu_resource_refuse},
    {COMMAND(RESOURCE_ATTACH_BACKING), sizeof(struct virtio_gpu_resource_attach_backing), 0,
     gpu_resource_attach_backing},
    {COMMAND(RESOURCE_DETACH_BACKING), sizeof(struct virtio_gpu_resource_detach_backing), 0,
     gpu_resource_detach_backing},
    {COMMAND(GET_CAPSET_INFO), sizeof(struct virtio_gpu_get_capset_info), VIRGL, get_capset_info},
    {COMMAND(GET_CAPSET), sizeof(struct virtio_gpu_get_capset), VIRGL, get_capset},
    {COMMAND(GET_EDID), sizeof(struct virtio_gpu_cmd_get_edid), NO_SCANOUT},
    {COMMAND(RESOURCE_ASSIGN_UUID), sizeof(struct virtio_gpu_resource_assign_uuid), UUID,
     gpu_resource_assign_uuid},
    {COMMAND(RESOURCE_CREATE_BLOB), sizeof(struct virtio_gpu_resource_create_blob), BLOB,
     gpu_resource_create_blob},
    {COMMAND(SET_SCANOUT_BLOB), sizeof(struct virtio_gpu_set_scanout_blob), NO_SCANOUT},
    {COMMAND(CTX_CREATE), sizeof(struct virtio_gpu_ctx_create), CONTEXT, gpu_context_create},
    {COMMAND(CTX_DESTROY), sizeof(struct virtio_gpu_ctx_destroy), VIRGL, gpu_context_destroy},
    {COMMAND(CTX_ATTACH_RESOURCE), sizeof(struct virtio_gpu_ctx_resource), VIRGL,
     gpu_resource_attach},
    {COMMAND(CTX_DETACH_RESOURCE), sizeof(struct virtio_gpu_ctx_resource), VIRGL,
     gpu_resource_detach},
    {COMMAND(RESOURCE_CREATE_3D), sizeof(struct virtio_gpu_resource_create_3d), ONLY_BLOBS},
    {COMMAND(TRANSFER_TO_HOST_3D), sizeof(struct virtio_gpu_transfer_host_3d), 0,
     gpu_resource_refuse},
    {COMMAND(TRANSFER_FROM_HOST_3D), sizeof(struct virtio_gpu_transfer_host_3d), 0,
     gpu_resource_refuse},
    {COMMAND(SUBMIT_3D), sizeof(struct virtio_gpu_cmd_submit), VIRGL, gpu_context_submit},
    {COMMAND(RESOURCE_MAP_BLOB), sizeof(struct virtio_gpu_resource_map_blob), BLOB,
     gpu_resource_map},
    {COMMAND(RESOURCE_UNMAP_BLOB), sizeof(struct virtio_gpu_resource_unmap_blob), BLOB,
     gpu_resource_unmap},
    {COMMAND(UPDATE_CURSOR), sizeof(struct virtio_gpu_update_cursor), NO_SCANOUT},
    {COMMAND(MOVE_CURSOR), sizeof(struct virtio_gpu_update_cursor), NO_SCANOUT},
    [GPU_REQUEST_UNKNOWN] = {.name = "unknown"},
};

unsigned int gpu_command_find(uint32_t type)
{
    unsigned int kind = 0;
    while (kind < GPU_REQUEST_UNKNOWN && gpu_commands[kind].type != type)
        kind++;
    return kind;
}

const char *gpu_device_request_name(unsigned int kind)
{
    return kind < GPU_REQUEST_KINDS ? gpu_commands[kind].name : NULL;
}
