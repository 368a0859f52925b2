/* SPDX-License-Identifier: MIT */
/* The control page (xen/vgpuif.h). What we have written there is never read back. */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdatomic.h>
#include <string.h>

#include "gpu_internal.h"

#define INFO     offsetof(struct vgpu_control, device)
#define REQUEST  offsetof(struct vgpu_control, request)
#define RESPONSE offsetof(struct vgpu_control, response)
#define CONFIG   offsetof(struct vgpu_control, config)

/* ---- the device part ---- */

static void store(struct gpu_device *device, size_t offset, uint32_t value)
{
    /* Release: what this number is about has been written before it. */
    atomic_store_explicit(venus_shm_word(&device->transport->control, offset), value,
                          memory_order_release);
}

void gpu_control_init(struct gpu_device *device)
{
    const struct venus_shm *control = &device->transport->control;
    device->offered = 1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_F_ACCESS_PLATFORM |
                      1ULL << VIRTIO_RING_F_INDIRECT_DESC | 1ULL << VIRTIO_RING_F_EVENT_IDX;
    if (device->params.venus)
        device->offered |= 1ULL << VIRTIO_GPU_F_VIRGL | 1ULL << VIRTIO_GPU_F_RESOURCE_UUID |
                           1ULL << VIRTIO_GPU_F_RESOURCE_BLOB | 1ULL << VIRTIO_GPU_F_CONTEXT_INIT;
    device->config = (struct virtio_gpu_config){.num_capsets = device->params.venus};
    venus_shm_write(control, CONFIG, &device->config, sizeof(device->config));
    const struct vgpu_device_info info = {
        .magic = VGPU_MAGIC,
        .version = VGPU_PROTOCOL_VERSION,
        .features = device->offered,
        .num_queues = VGPU_NUM_QUEUES,
        .queue_size = GPU_QUEUE_SIZE,
        .config_size = sizeof(device->config),
    };
    venus_shm_write(control, INFO, &info, sizeof(info));
    /* Only requests that come from now on are for us. */
    device->request_sequence =
        atomic_load_explicit(venus_shm_word(control, REQUEST), memory_order_relaxed);
    /* Nothing that an earlier backend or the frontend left there is an answer of ours. */
    static const struct vgpu_response no_response;
    static const struct vgpu_blob_request no_request;
    venus_shm_write(control, RESPONSE, &no_response, sizeof(no_response));
    venus_shm_write(control, offsetof(struct vgpu_control, blob_request), &no_request,
                    sizeof(no_request));
}

void gpu_control_set_status(struct gpu_device *device, uint32_t status)
{
    store(device, INFO + offsetof(struct vgpu_device_info, status), status);
    gpu_device_notify(device);
}

/* ---- requests ---- */

static void respond(struct gpu_device *device, uint32_t status)
{
    venus_shm_write(&device->transport->control, RESPONSE + offsetof(struct vgpu_response, status),
                    &status, sizeof(status));
    store(device, RESPONSE + offsetof(struct vgpu_response, sequence), device->request_sequence);
    gpu_device_notify(device);
}

static uint32_t set_features(struct gpu_device *device, const struct vgpu_request *request)
{
    const uint64_t features = request->arg[0];
    const uint64_t needed = 1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_F_ACCESS_PLATFORM;
    if (device->state != GPU_STATE_RESET)
        return VGPU_STATUS_STATE;
    if (features & ~device->offered || (features & needed) != needed)
        return VGPU_STATUS_INVALID;
    device->features = features;
    device->state = GPU_STATE_FEATURES;
    return VGPU_STATUS_OK;
}

static uint32_t setup_queue(struct gpu_device *device, const struct vgpu_request *request)
{
    const uint32_t size = request->size;
    if (device->state != GPU_STATE_FEATURES)
        return VGPU_STATUS_STATE;
    if (request->queue >= VGPU_NUM_QUEUES || !size || size > GPU_QUEUE_SIZE || size & (size - 1))
        return VGPU_STATUS_INVALID;
    struct virtqueue *queue = &device->queues[request->queue];
    if (queue->size)
        return VGPU_STATUS_STATE;
    switch (virtqueue_init(queue, device->transport, size, request->arg,
                           device->features & 1ULL << VIRTIO_RING_F_INDIRECT_DESC,
                           device->features & 1ULL << VIRTIO_RING_F_EVENT_IDX)) {
    case 0:
        return VGPU_STATUS_OK;
    case -EINVAL:
        return VGPU_STATUS_INVALID;
    case -ENOMEM:
        return VGPU_STATUS_NO_MEMORY;
    default:
        return VGPU_STATUS_GRANT;
    }
}

static uint32_t start(struct gpu_device *device)
{
    if (device->state != GPU_STATE_FEATURES)
        return VGPU_STATUS_STATE;
    device->state = GPU_STATE_STARTED;
    return VGPU_STATUS_OK;
}

/* Only events_clear can be written. Without scanouts there are no events to clear. */
static uint32_t change_config(struct gpu_device *device, const struct vgpu_request *request)
{
    if (request->arg[0] != offsetof(struct virtio_gpu_config, events_clear) ||
        request->size != sizeof(device->config.events_clear))
        return VGPU_STATUS_INVALID;
    return VGPU_STATUS_OK;
}

/* A request that the frontend has not answered must not be carried out any more. */
static void void_blob_request(struct gpu_device *device)
{
    static const struct vgpu_blob_request none;
    const size_t first = offsetof(struct vgpu_blob_request, op);
    venus_shm_write(&device->transport->control,
                    offsetof(struct vgpu_control, blob_request) + first, &none.op,
                    sizeof(none) - first);
}

static void finish_reset(struct gpu_device *device)
{
    void_blob_request(device);
    device->state = GPU_STATE_RESET;
    device->features = 0;
    device->stats.resets++;
    gpu_control_set_status(device, 0);
    respond(device, VGPU_STATUS_OK);
}

static void reset(struct gpu_device *device)
{
    gpu_device_drop_all(device);
    device->state = GPU_STATE_RESETTING;
    if (!device->contexts)
        finish_reset(device);
}

static void run_request(struct gpu_device *device, const struct vgpu_request *request)
{
    if (request->op == VGPU_OP_RESET) {
        reset(device);
        return;
    }
    uint32_t status = VGPU_STATUS_INVALID;
    if (device->state == GPU_STATE_HALTED)
        status = VGPU_STATUS_STATE;
    else if (request->op == VGPU_OP_SET_FEATURES)
        status = set_features(device, request);
    else if (request->op == VGPU_OP_SETUP_QUEUE)
        status = setup_queue(device, request);
    else if (request->op == VGPU_OP_START)
        status = start(device);
    else if (request->op == VGPU_OP_WRITE_CONFIG)
        status = change_config(device, request);
    respond(device, status);
}

void gpu_control_handle(struct gpu_device *device)
{
    const struct venus_shm *control = &device->transport->control;
    if (device->state == GPU_STATE_RESETTING)
        return; /* one at a time */
    /* Acquire: the rest of the block was written before the number. */
    const uint32_t sequence =
        atomic_load_explicit(venus_shm_word(control, REQUEST), memory_order_acquire);
    if (sequence == device->request_sequence)
        return;
    struct vgpu_request request;
    venus_shm_read(control, REQUEST, &request, sizeof(request));
    device->request_sequence = sequence;
    run_request(device, &request);
}

void gpu_control_process_ended(struct gpu_device *device)
{
    if (device->state != GPU_STATE_RESETTING || device->contexts)
        return;
    finish_reset(device);
    /* A frontend that could not wait has asked for something else by now, and its event is gone. */
    gpu_control_handle(device);
}
