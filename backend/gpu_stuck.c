/* SPDX-License-Identifier: MIT */
/*
 * Contexts that hinder the others of their guest.  The virtqueue, the memory for requests, the
 * window and the timeline of fences without a context's are shared, and a render process can hold
 * on to them for as long as it likes: a command stream may wait for something that never comes.
 *
 * Work that takes long is nothing bad.  Only when something that all share has become short are
 * those killed that hold more of it than the others do, and that have held it for too long.
 */
#include "gpu_internal.h"

/* What is short, and how much of it makes a context one of the reasons. */
struct shortage {
    uint32_t requests;                 /* 0: the queue is not short */
    size_t bytes;                      /* 0: memory is not short */
    const struct gpu_context *blocker; /* of the others' fences, or NULL */
};

/* ---- what contexts hold ---- */

void gpu_request_hold(struct gpu_request *request, struct gpu_context *context)
{
    if (request->holder) {
        request->holder->held--;
        request->holder->held_bytes -= gpu_request_memory(request);
    }
    request->holder = context;
    if (!context)
        return;
    request->held_at = gpu_now_ms();
    context->held++;
    context->held_bytes += gpu_request_memory(request);
}

void gpu_context_hold_nothing(struct gpu_context *context)
{
    struct gpu_request *request = context->device->requests;
    for (; request && context->held; request = request->next) {
        if (request->holder == context)
            gpu_request_hold(request, NULL);
    }
}

/* Entries of the queue that wait for the context's process. */
static uint32_t entries_of(const struct gpu_context *context)
{
    return context->held + context->releasing;
}

/* Since when the context has held what it has held for longest; now if there is nothing. */
static int64_t held_since(const struct gpu_context *context)
{
    int64_t since = gpu_now_ms();
    const struct gpu_request *request = context->device->requests;
    for (; request; request = request->next) {
        if (request->holder == context && request->held_at < since)
            since = request->held_at;
    }
    return since;
}

/* ---- what is short ---- */

static bool queue_short(const struct gpu_device *device)
{
    const struct virtqueue *queue = &device->queues[0];
    /* Most requests are of three parts. */
    const uint32_t used = queue->in_flight * (queue->indirect ? 1 : 3);
    return queue->size && used >= queue->size - queue->size / 4;
}

/* Ours, or the guest's pool: what is not answered lies there too. */
static bool memory_short(const struct gpu_device *device)
{
    const size_t pool = device->transport->pool.size;
    return device->pending > (pool < GPU_MAX_PENDING ? pool : GPU_MAX_PENDING) / 2;
}

/* The context for which fences of others wait. */
static const struct gpu_context *find_blocker(const struct gpu_device *device)
{
    const struct gpu_request *first = device->timeline.first;
    if (!first || !first->holder)
        return NULL;
    const struct gpu_request *other = first->timeline_next;
    while (other && other->hdr.ctx_id == first->hdr.ctx_id)
        other = other->timeline_next;
    return other ? first->holder : NULL;
}

static struct shortage find_shortage(const struct gpu_device *device)
{
    struct shortage shortage = {.blocker = find_blocker(device)};
    const bool queue = queue_short(device), memory = memory_short(device);
    uint32_t entries = 0, holders = 0;
    size_t bytes = 0;
    if (!queue && !memory)
        return shortage;
    for (const struct gpu_context *c = device->contexts; c; c = c->next) {
        entries += entries_of(c);
        bytes += c->held_bytes;
        holders += entries_of(c) != 0;
    }
    /* The average, so that there is always one that has as much. */
    if (queue && holders)
        shortage.requests = entries / holders;
    if (memory && holders)
        shortage.bytes = bytes / holders;
    return shortage;
}

/* ---- who is stuck ---- */

/* What the context keeps from others, or NULL.  *aged: what it holds must also have been held for
 * long. */
static const char *find_fault(const struct gpu_context *context, const struct shortage *shortage,
                              bool *aged)
{
    *aged = false;
    if (!context->render || context->killed)
        return NULL;
    if (context->releasing > GPU_MAX_RELEASING)
        return "it has not released its memory for too long";
    if (context->waiting > GPU_MAX_WAITING)
        return "it has not taken its commands for too long";
    *aged = context->held;
    if (shortage->blocker == context)
        return "the fences of others have waited for its own for too long";
    if (shortage->requests && entries_of(context) >= shortage->requests)
        return "it has held too many of the queue's entries for too long";
    if (shortage->bytes && context->held_bytes >= shortage->bytes)
        return "it has held too much memory for requests for too long";
    return NULL;
}

void gpu_contexts_watch(struct gpu_device *device)
{
    const struct shortage shortage = find_shortage(device);
    bool aged;
    for (struct gpu_context *context = device->contexts; context; context = context->next) {
        if (!find_fault(context, &shortage, &aged))
            context->stuck_at = GPU_NEVER;
        else if (context->stuck_at == GPU_NEVER)
            context->stuck_at = gpu_now_ms() + GPU_STUCK_MS;
    }
}

void gpu_context_check_stuck(struct gpu_context *context)
{
    const struct shortage shortage = find_shortage(context->device);
    const int64_t now = gpu_now_ms();
    bool aged;
    if (context->stuck_at > now)
        return;
    context->stuck_at = GPU_NEVER;
    const char *fault = find_fault(context, &shortage, &aged);
    if (!fault)
        return;
    /* What it holds may be new again and again: then it is only busy. */
    const int64_t due = held_since(context) + GPU_STUCK_MS;
    if (aged && due > now)
        context->stuck_at = due;
    else
        gpu_context_kill(context, fault);
}
