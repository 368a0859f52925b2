/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gpu_internal.h"
#include "log.h"
#include "venus.h"

/* ---- the list of all ---- */

struct gpu_context *gpu_context_find(struct gpu_device *device, uint32_t id)
{
    struct gpu_context *context = device->contexts;
    while (context && (context->destroyed || context->id != id))
        context = context->next;
    return context;
}

struct gpu_context *gpu_request_context(struct gpu_request *request)
{
    struct gpu_context *context = gpu_context_find(request->device, request->hdr.ctx_id);
    if (!context)
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID, "there is no context %u",
                         request->hdr.ctx_id);
    return context;
}

static void context_link(struct gpu_context *context)
{
    struct gpu_device *device = context->device;
    context->link = &device->contexts;
    context->next = device->contexts;
    if (context->next)
        context->next->link = &context->next;
    device->contexts = context;
    device->context_count++;
}

/* Nothing refers to it any more, and its process is gone. */
static void context_free(struct gpu_context *context)
{
    struct gpu_device *device = context->device;
    *context->link = context->next;
    if (context->next)
        context->next->link = context->link;
    device->context_count--;
    device->ending_count -= context->destroyed;
    gpu_context_hold_nothing(context);
    free(context);
}

/* The guest cannot name it any more. */
static void mark_destroyed(struct gpu_context *context)
{
    if (!context->destroyed)
        context->device->ending_count++;
    context->destroyed = true;
}

/* ---- operations: what the render process is to do, in order ---- */

void gpu_context_count_releasing(struct gpu_context *context, int change)
{
    context->releasing += change;
    context->device->releasing_count += change;
}

static int hand_over_submit(struct gpu_context *context, struct gpu_request *request)
{
    const struct virtio_gpu_cmd_submit *command = gpu_request_command(request);
    size_t rest;
    const void *commands = gpu_request_rest(request, sizeof(*command), &rest);
    /* Empty ones are there for their fence. */
    return command->size ? render_submit(context->render, commands, command->size) : 0;
}

/* 0, -EAGAIN when it must wait, or a negative errno: it is not done. */
static int hand_over(struct gpu_context *context, const struct gpu_operation *operation)
{
    if (context->failed)
        return -EIO;
    if (operation->kind == GPU_OPERATION_SUBMIT)
        return hand_over_submit(context, operation->request);

    const struct gpu_attachment *attachment = operation->attachment;
    const struct gpu_resource *resource = attachment->resource;
    switch (operation->kind) {
    case GPU_OPERATION_ATTACH:
        return render_attach_slice(context->render, resource->id, resource->offset,
                                   resource->pages * VGPU_PAGE_SIZE, attachment->clear);
    case GPU_OPERATION_CREATE:
        return render_create_blob(context->render, resource->id, resource->blob_id, resource->size,
                                  resource->blob_flags);
    default:
        return render_unref(context->render, resource->id);
    }
}

/* The stream is on its way: answer, or ask for the fence that the answer waits for. */
static void submitted(struct gpu_context *context, struct gpu_request *request)
{
    const struct virtio_gpu_cmd_submit *command = gpu_request_command(request);
    context->device->stats.submitted += command->size;
    if (!(request->hdr.flags & VIRTIO_GPU_FLAG_FENCE)) {
        gpu_request_answer(request, VIRTIO_GPU_RESP_OK_NODATA);
        return;
    }
    gpu_request_drop_command(request);
    const bool named = request->hdr.flags & VIRTIO_GPU_FLAG_INFO_RING_IDX;
    request->fence = ++context->device->last_fence;
    request->fence_context = context;
    const int error =
        render_create_fence(context->render, named ? request->hdr.ring_idx : 0, request->fence);
    if (error)
        gpu_request_fail_errno(request, error, "no fence");
}

/* The render process has taken an operation, or not. */
static void handed_over(struct gpu_context *context, struct gpu_operation *operation, int error)
{
    if (operation->kind == GPU_OPERATION_SUBMIT) {
        if (error)
            gpu_request_fail_errno(operation->request, error, "the context takes no commands");
        else
            submitted(context, operation->request);
        return;
    }
    struct gpu_attachment *attachment = operation->attachment;
    if (error == -ENOMEM)
        gpu_context_kill(context, "out of memory for what it must be told");
    /* A process that is not told to drop a resource has it until its end. */
    if (operation->kind == GPU_OPERATION_UNREF && error == -ENOENT)
        gpu_attachment_gone(attachment); /* it was never made */
    else if (operation->kind == GPU_OPERATION_UNREF)
        attachment->asked = !error;
    else if (!error)
        attachment->waiting = true;
    else
        gpu_attachment_ready(attachment, error, NULL);
}

static struct gpu_operation *take_operation(struct gpu_context *context)
{
    struct gpu_operation *operation = context->operations;
    context->operations = operation->next;
    if (!context->operations)
        context->last_operation = &context->operations;
    operation->next = NULL;
    context->waiting--;
    return operation;
}

void gpu_context_operate(struct gpu_context *context, struct gpu_operation *operation)
{
    const int error = context->operations ? -EAGAIN : hand_over(context, operation);
    if (error != -EAGAIN) {
        handed_over(context, operation, error);
        return;
    }
    operation->next = NULL;
    *context->last_operation = operation;
    context->last_operation = &operation->next;
    context->waiting++;
}

static void run_operations(struct gpu_context *context)
{
    while (context->operations) {
        const int error = hand_over(context, context->operations);
        if (error == -EAGAIN)
            return;
        handed_over(context, take_operation(context), error);
    }
}

static void fail_operations(struct gpu_context *context)
{
    while (context->operations)
        handed_over(context, take_operation(context), -EIO);
}

/* ---- what the render process says ---- */

/* It must not be trusted: if it answers what nobody asked, it goes. */
static void misbehaved(struct gpu_context *context)
{
    if (!context->destroyed && !context->failed)
        gpu_context_kill(context, "its render process answers what was not asked");
}

static void on_resource_ready(void *user, struct render *render, uint32_t res_id, int error,
                              const struct render_blob *blob)
{
    struct gpu_context *context = user;
    (void)render;
    struct gpu_attachment *attachment = gpu_attachment_find(context, res_id);
    if (attachment && attachment->waiting)
        gpu_attachment_ready(attachment, error, blob);
    else
        misbehaved(context);
}

static void on_resource_released(void *user, struct render *render, uint32_t res_id)
{
    struct gpu_context *context = user;
    (void)render;
    struct gpu_attachment *attachment = gpu_attachment_find(context, res_id);
    if (attachment && attachment->asked)
        gpu_attachment_gone(attachment);
    else
        misbehaved(context);
}

static void on_fence_retired(void *user, struct render *render, uint32_t ring_idx,
                             uint64_t fence_id)
{
    (void)render;
    if (!gpu_fence_retired(user, ring_idx, fence_id))
        misbehaved(user);
}

static void on_failed(void *user, struct render *render)
{
    struct gpu_context *context = user;
    (void)render;
    context->failed = true;
}

static void on_ended(void *user, struct render *render)
{
    struct gpu_context *context = user;
    (void)render;
    context->ended = true;
}

static const struct render_events events = {
    .resource_ready = on_resource_ready,
    .resource_released = on_resource_released,
    .fence_retired = on_fence_retired,
    .failed = on_failed,
    .ended = on_ended,
};

/* Nothing waits for the context any more, which has no process. */
static void let_go(struct gpu_context *context)
{
    fail_operations(context);
    while (context->attachments)
        gpu_attachment_gone(context->attachments);
    gpu_fences_end(context);
}

/* The process is gone, and with it all that it used. */
static void process_ended(struct gpu_context *context)
{
    struct gpu_device *device = context->device;
    render_destroy(context->render);
    context->render = NULL;
    context->failed = true;
    let_go(context);
    if (context->destroyed)
        context_free(context);
    gpu_control_process_ended(device);
}

void gpu_context_dispatch(struct gpu_context *context)
{
    if (!context->render)
        return;
    render_dispatch(context->render);
    if (!context->ended && render_is_gone(context->render)) {
        /* Drivers may use its memory for longer, but nobody may wait for its work any more. */
        context->failed = context->ending = true;
        fail_operations(context);
        gpu_fences_end(context);
    }
    if ((context->failed || context->ended) && !context->destroyed && !context->counted) {
        context->counted = true;
        context->device->stats.context_failures++;
    }
    if (context->ended) {
        process_ended(context);
    } else if (context->failed && !context->ending) {
        /* Nothing more comes of it; its memory is needed. */
        context->ending = true;
        fail_operations(context);
        render_end(context->render);
    } else {
        run_operations(context);
    }
}

void gpu_context_kill(struct gpu_context *context, const char *why)
{
    if (context->killed || !context->render)
        return;
    gpu_device_complain(context->device, "context %u (%s) is killed: %s", context->id,
                        context->name, why);
    context->killed = context->ending = context->failed = true;
    render_kill(context->render);
}

/* ---- commands ---- */

static bool may_create(struct gpu_request *request)
{
    const struct gpu_device *device = request->device;
    const struct virtio_gpu_ctx_create *command = gpu_request_command(request);
    const uint32_t capset = command->context_init & VIRTIO_GPU_CONTEXT_INIT_CAPSET_ID_MASK;
    const uint32_t max = device->params.max_contexts;
    if (!request->hdr.ctx_id || gpu_context_find(request->device, request->hdr.ctx_id))
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID, "the id is 0 or in use");
    else if (capset != VENUS_CAPSET_ID)
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                         "it is for capset %u, not for Venus", capset);
    else if (command->nlen > sizeof(command->debug_name))
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "a name of %u bytes",
                         command->nlen);
    else if (device->context_count - device->ending_count >= max)
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
                         "there are %u contexts already (max-contexts)", max);
    else if (device->ending_count >= max * GPU_MAX_ENDING_PER_CONTEXT)
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
                         "%u destroyed contexts have not ended yet", device->ending_count);
    else
        return true;
    return false;
}

static struct gpu_context *context_create(struct gpu_request *request)
{
    struct gpu_device *device = request->device;
    const struct virtio_gpu_ctx_create *command = gpu_request_command(request);
    char name[sizeof(command->debug_name) + 1] = "";
    struct gpu_context *context = calloc(1, sizeof(*context));
    if (!context)
        return NULL;
    memcpy(name, command->debug_name, command->nlen);
    backend_copy_printable(context->name, sizeof(context->name), name);
    context->device = device;
    context->id = request->hdr.ctx_id;
    context->stuck_at = GPU_NEVER;
    context->last_operation = &context->operations;
    for (uint32_t i = 0; i < GPU_MAX_TIMELINES; i++)
        gpu_timeline_init(&context->timelines[i]);
    const struct render_params params = {
        .transport = device->transport,
        .load_vulkan = device->params.load_vulkan,
        .gpu_uuid = device->params.gpu_uuid,
        .validate = device->params.validate,
        .per_blob = device->params.per_blob,
        .name = context->name,
        .context_id = context->id,
        .epoll_fd = device->params.epoll_fd,
        .epoll_data = context,
    };
    context->render = render_create(&params, &events, context);
    if (!context->render) {
        free(context);
        return NULL;
    }
    return context;
}

void gpu_context_create(struct gpu_request *request)
{
    if (!may_create(request))
        return;
    struct gpu_context *context = context_create(request);
    if (!context) {
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY, "no render process");
        return;
    }
    context_link(context);
    gpu_request_answer(request, VIRTIO_GPU_RESP_OK_NODATA);
}

void gpu_context_destroy(struct gpu_request *request)
{
    struct gpu_context *context = gpu_request_context(request);
    if (!context)
        return;
    mark_destroyed(context);
    context->failed = true;
    fail_operations(context);
    if (!context->render) {
        let_go(context);
        context_free(context);
    } else if (!context->ending) {
        context->ending = true;
        render_end(context->render);
    }
    gpu_request_answer(request, VIRTIO_GPU_RESP_OK_NODATA);
}

void gpu_context_submit(struct gpu_request *request)
{
    const struct virtio_gpu_cmd_submit *command = gpu_request_command(request);
    struct gpu_context *context = gpu_request_context(request);
    if (!context)
        return;
    size_t rest;
    gpu_request_rest(request, sizeof(*command), &rest);
    const bool named = request->hdr.flags & VIRTIO_GPU_FLAG_INFO_RING_IDX;
    if (named && request->hdr.ring_idx >= GPU_MAX_TIMELINES) {
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "there is no timeline %u",
                         request->hdr.ring_idx);
    } else if (command->size > rest || command->size % 4) {
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                         "%u bytes of commands, with %zu in the request", command->size, rest);
    } else {
        request->operation =
            (struct gpu_operation){.kind = GPU_OPERATION_SUBMIT, .request = request};
        gpu_request_hold(request, context);
        gpu_context_operate(context, &request->operation);
    }
}

/* ---- all of them ---- */

void gpu_contexts_kill(struct gpu_device *device)
{
    struct gpu_context *next;
    for (struct gpu_context *context = device->contexts; context; context = next) {
        next = context->next;
        mark_destroyed(context);
        context->operations = NULL;
        context->last_operation = &context->operations;
        context->waiting = context->releasing = 0;
        context->stuck_at = GPU_NEVER;
        context->attachments = NULL;
        for (uint32_t i = 0; i < GPU_MAX_TIMELINES; i++)
            gpu_timeline_init(&context->timelines[i]);
        if (!context->render) {
            context_free(context);
            continue;
        }
        if (!context->killed)
            render_kill(context->render);
        context->killed = context->ending = context->failed = true;
    }
}

void gpu_contexts_finish(struct gpu_device *device)
{
    while (device->contexts) {
        render_destroy(device->contexts->render);
        context_free(device->contexts);
    }
}

static int64_t context_next_time(const struct gpu_context *context)
{
    if (!context->render)
        return GPU_NEVER;
    const int64_t render = render_next_time(context->render);
    return render < context->stuck_at ? render : context->stuck_at;
}

int64_t gpu_contexts_next_time(const struct gpu_device *device)
{
    int64_t next = GPU_NEVER;
    for (const struct gpu_context *context = device->contexts; context; context = context->next) {
        const int64_t time = context_next_time(context);
        if (time < next)
            next = time;
    }
    return next;
}

void gpu_contexts_handle_times(struct gpu_device *device)
{
    const int64_t now = gpu_now_ms();
    struct gpu_context *next;
    for (struct gpu_context *context = device->contexts; context; context = next) {
        next = context->next;
        gpu_context_check_stuck(context);
        if (context->render && render_next_time(context->render) <= now)
            gpu_context_dispatch(context);
    }
}
