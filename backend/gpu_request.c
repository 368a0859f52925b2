/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu_internal.h"
#include "log.h"

#define RETRY_MS 100

/* ---- the list of all, and timelines ---- */

size_t gpu_request_memory(const struct gpu_request *request)
{
    return sizeof(*request) + request->chain.memory;
}

void gpu_request_drop_command(struct gpu_request *request)
{
    struct virtqueue_chain *chain = &request->chain;
    request->device->pending -= chain->readable_size;
    if (request->holder)
        request->holder->held_bytes -= chain->readable_size;
    chain->memory -= chain->readable_size;
    chain->readable_size = 0;
    free(chain->readable);
    chain->readable = NULL;
}

static struct gpu_request *request_create(struct gpu_device *device, struct virtqueue *queue)
{
    struct gpu_request *request = calloc(1, sizeof(*request));
    if (!request)
        return NULL;
    request->device = device;
    request->queue = queue;
    return request;
}

static void request_link(struct gpu_request *request)
{
    struct gpu_device *device = request->device;
    request->link = &device->requests;
    request->next = device->requests;
    if (request->next)
        request->next->link = &request->next;
    device->requests = request;
    device->pending += gpu_request_memory(request);
}

static void request_destroy(struct gpu_request *request)
{
    gpu_request_hold(request, NULL);
    *request->link = request->next;
    if (request->next)
        request->next->link = request->link;
    request->device->pending -= gpu_request_memory(request);
    virtqueue_chain_finish(&request->chain);
    free(request);
}

void gpu_timeline_init(struct gpu_timeline *timeline)
{
    timeline->first = NULL;
    timeline->last = &timeline->first;
}

static void timeline_add(struct gpu_timeline *timeline, struct gpu_request *request)
{
    request->timeline = timeline;
    *timeline->last = request;
    timeline->last = &request->timeline_next;
}

static struct gpu_request *timeline_take(struct gpu_timeline *timeline)
{
    struct gpu_request *request = timeline->first;
    timeline->first = request->timeline_next;
    if (!timeline->first)
        timeline->last = &timeline->first;
    request->timeline = NULL;
    request->timeline_next = NULL;
    return request;
}

/* ---- answers ---- */

static bool is_error(uint32_t type)
{
    return type >= VIRTIO_GPU_RESP_ERR_UNSPEC;
}

/* Write the response and give the request back to the driver. Frees the request. */
static void request_send(struct gpu_request *request)
{
    struct gpu_device *device = request->device;
    union gpu_response *response = &request->response;
    if (request->response_size > request->chain.writable_size &&
        request->chain.writable_size >= sizeof(response->hdr)) {
        response->hdr.type = VIRTIO_GPU_RESP_ERR_UNSPEC; /* no room for what it asks for */
        request->response_size = sizeof(response->hdr);
    }
    response->hdr.flags =
        request->hdr.flags & (VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX);
    response->hdr.fence_id = request->hdr.fence_id;
    response->hdr.ctx_id = request->hdr.ctx_id;
    response->hdr.ring_idx = request->hdr.ring_idx;
    device->stats.errors += is_error(response->hdr.type);
    /* Commands of the cursor queue have no room for a response. */
    const int error =
        virtqueue_write(request->queue, &request->chain, response, request->response_size);
    virtqueue_give_back(request->queue, &request->chain, error ? 0 : request->response_size);
    request_destroy(request);
}

static void timeline_flush(struct gpu_timeline *timeline)
{
    while (timeline->first && timeline->first->done)
        request_send(timeline_take(timeline));
}

void gpu_request_answer_data(struct gpu_request *request, uint32_t type, size_t size)
{
    request->response.hdr.type = type;
    request->response_size = (uint32_t)size;
    request->fence_context = NULL;
    request->done = true;
    /* What still keeps it waiting is another context's. */
    if (request->timeline == &request->device->timeline)
        gpu_request_hold(request, NULL);
    if (request->timeline)
        timeline_flush(request->timeline);
    else
        request_send(request);
}

void gpu_request_answer(struct gpu_request *request, uint32_t type)
{
    memset(&request->response.hdr, 0, sizeof(request->response.hdr));
    gpu_request_answer_data(request, type, sizeof(request->response.hdr));
}

void gpu_request_fail(struct gpu_request *request, uint32_t type, const char *format, ...)
{
    struct gpu_device *device = request->device;
    const uint32_t bit = 1u << (type & 0x1f);
    if (!(device->logged_errors[request->kind] & bit)) {
        char why[256];
        va_list args;
        device->logged_errors[request->kind] |= bit;
        va_start(args, format);
        vsnprintf(why, sizeof(why), format, args);
        va_end(args);
        backend_log(VENUS_LOG_WARNING,
                    "%s refused: %s (context %u; said once for this command and error 0x%x)",
                    gpu_commands[request->kind].name, why, request->hdr.ctx_id, type);
    }
    gpu_request_answer(request, type);
}

void gpu_request_fail_errno(struct gpu_request *request, int error, const char *what)
{
    gpu_request_fail(request,
                     error == -ENOMEM || error == -ENOSPC ? VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY
                                                          : VIRTIO_GPU_RESP_ERR_UNSPEC,
                     "%s: %s", what, strerror(-error));
}

/* ---- fences ---- */

static struct gpu_request *find_fence(const struct gpu_timeline *timeline,
                                      const struct gpu_context *context, uint64_t fence)
{
    struct gpu_request *request = timeline->first;
    while (request && (request->fence_context != context || request->fence != fence))
        request = request->timeline_next;
    return request;
}

bool gpu_fence_retired(struct gpu_context *context, uint32_t ring_idx, uint64_t fence)
{
    if (ring_idx >= GPU_MAX_TIMELINES)
        return false;
    struct gpu_request *request = find_fence(&context->timelines[ring_idx], context, fence);
    if (!request && !ring_idx)
        request = find_fence(&context->device->timeline, context, fence);
    if (!request)
        return false;
    gpu_request_answer(request, VIRTIO_GPU_RESP_OK_NODATA);
    return true;
}

/* Any request that waits for a fence of the context. */
static struct gpu_request *find_context(const struct gpu_timeline *timeline,
                                        const struct gpu_context *context)
{
    struct gpu_request *request = timeline->first;
    while (request && request->fence_context != context)
        request = request->timeline_next;
    return request;
}

static void fail_fence(struct gpu_request *request)
{
    gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_UNSPEC, "its render process has ended");
}

void gpu_fences_end(struct gpu_context *context)
{
    struct gpu_request *request;
    for (uint32_t i = 0; i < GPU_MAX_TIMELINES; i++) {
        struct gpu_timeline *timeline = &context->timelines[i];
        while (timeline->first) {
            request = timeline_take(timeline);
            if (request->fence_context)
                fail_fence(request);
            else if (request->done)
                request_send(request);
            /* else it is answered when what it does is done */
        }
    }
    while ((request = find_context(&context->device->timeline, context)))
        fail_fence(request);
}

/* Requests are answered in the order in which they came, so they join their timeline first. */
static void join_timeline(struct gpu_request *request)
{
    struct gpu_device *device = request->device;
    if (!(request->hdr.flags & VIRTIO_GPU_FLAG_FENCE))
        return;
    if (!(request->hdr.flags & VIRTIO_GPU_FLAG_INFO_RING_IDX)) {
        timeline_add(&device->timeline, request);
        return;
    }
    struct gpu_context *context = gpu_context_find(device, request->hdr.ctx_id);
    if (!context || request->hdr.ring_idx >= GPU_MAX_TIMELINES)
        return;
    timeline_add(&context->timelines[request->hdr.ring_idx], request);
    gpu_request_hold(request, context);
}

/* ---- from the virtqueue to the command ---- */

const void *gpu_request_command(const struct gpu_request *request)
{
    return request->chain.readable;
}

const void *gpu_request_rest(const struct gpu_request *request, size_t size, size_t *rest)
{
    *rest = request->chain.readable_size - size;
    return request->chain.readable + size;
}

static void request_run(struct gpu_request *request)
{
    struct gpu_device *device = request->device;
    const struct gpu_command *command = &gpu_commands[request->kind];
    const struct virtqueue_chain *chain = &request->chain;
    const bool cursor = request->queue == &device->queues[1];
    if (chain->error == -E2BIG)
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY, "more than %u bytes",
                         GPU_MAX_REQUEST);
    else if (chain->error)
        gpu_request_fail_errno(request, chain->error, "it cannot be read");
    else if (request->kind == GPU_REQUEST_UNKNOWN)
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_UNSPEC, "there is no command 0x%x",
                         request->hdr.type);
    else if (cursor != (command->type >= VIRTIO_GPU_CMD_UPDATE_CURSOR))
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_UNSPEC, "it came on the wrong queue");
    else if (chain->readable_size < command->size)
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                         "it has %zu bytes instead of %zu", chain->readable_size, command->size);
    else if (command->feature & ~device->features)
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_UNSPEC, "its feature was not negotiated");
    else if (command->run)
        command->run(request);
    else
        gpu_request_fail(request, command->error, "%s", command->why);
}

static void request_handle(struct gpu_request *request)
{
    request->kind = GPU_REQUEST_UNKNOWN;
    if (request->chain.readable_size >= sizeof(request->hdr)) {
        memcpy(&request->hdr, request->chain.readable, sizeof(request->hdr));
        request->kind = gpu_command_find(request->hdr.type);
    }
    request->device->stats.requests[request->kind]++;
    join_timeline(request);
    request_run(request);
}

/* Take and handle one request. 1, 0 when there is none, or a negative errno as virtqueue_take(). */
static int take_one(struct gpu_device *device, struct virtqueue *queue)
{
    if (!queue->size)
        return 0;
    struct gpu_request *request = request_create(device, queue);
    if (!request)
        return -ENOMEM;
    const int taken = virtqueue_take(queue, &request->chain);
    if (taken <= 0) {
        free(request);
        return taken;
    }
    request_link(request);
    request_handle(request);
    return 1;
}

/* One from each queue; as take_one(). */
static int take_round(struct gpu_device *device)
{
    int taken = 0;
    for (uint32_t i = 0; i < VGPU_NUM_QUEUES; i++) {
        const int one = take_one(device, &device->queues[i]);
        if (one < 0)
            return one;
        taken |= one;
    }
    return taken;
}

static void take_failed(struct gpu_device *device, int error)
{
    if (error == -EPROTO) {
        const bool control = device->queues[0].fault;
        char why[128];
        snprintf(why, sizeof(why), "%s, in the %s queue", device->queues[!control].fault,
                 control ? "control" : "cursor");
        gpu_device_halt(device, why);
        return;
    }
    backend_log(VENUS_LOG_WARNING, "out of memory for a request, trying again");
    device->retry_at = gpu_now_ms() + RETRY_MS;
}

void gpu_requests_take(struct gpu_device *device)
{
    device->more = false;
    if (device->state != GPU_STATE_STARTED)
        return;
    for (uint32_t i = 0; i < GPU_REQUESTS_PER_TURN; i++) {
        if (device->pending > GPU_MAX_PENDING)
            break;
        const int taken = take_round(device);
        if (taken < 0) {
            take_failed(device, taken);
            return;
        }
        if (!taken && !virtqueue_wait(&device->queues[0]) && !virtqueue_wait(&device->queues[1]))
            return;
    }
    device->more = true;
}

void gpu_requests_drop(struct gpu_device *device)
{
    while (device->requests)
        request_destroy(device->requests);
    gpu_timeline_init(&device->timeline);
}
