/* SPDX-License-Identifier: MIT */
/*
 * Queues: submissions, and timelines.
 *
 * A timeline tells the owner of the context when all work so far on a queue has finished.  That is
 * an empty submission with a fence of ours, and a thread per queue, started by the first such
 * fence, that waits for these fences in their order.  Who wants to know about them meanwhile
 * (venus_context_poll_fences()) need not wait for that thread to wake up.
 *
 * The monitor wants to know whether a queue still works.  It has no thread wait for that: it
 * submits a fence behind the latest submission and looks at it when it comes by the next time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "imports.h"
#include "pnext.h"
#include "ring.h"
#include "thread.h"

struct pending_fence {
    struct pending_fence *next;
    VkFence fence;  /* null before the record first needs one */
    bool submitted; /* the GPU signals it; otherwise there is nothing to wait for */
    bool retired;   /* the owner has been told; in the list only while the thread waits for it */
    uint64_t id;    /* the owner's */
};

struct venus_timeline {
    struct venus_queue *queue;

    /* Under queue->lock. */
    uint64_t submissions;         /* the client's, counted */
    uint64_t fenced, probed;      /* the count at the latest fence and probe */
    VkFence probe;                /* null before the first probe */
    bool probing;                 /* `probe` has been submitted and not been seen signalled */
    bool started;                 /* the thread */
    pthread_t thread;

    pthread_mutex_t lock; /* for the rest; taken after queue->lock */
    pthread_cond_t cond;
    struct pending_fence *first, **last; /* oldest first */
    struct pending_fence *awaited;       /* the first one while the thread waits for it */
    struct pending_fence *unused;        /* with fences to use again */
    uint32_t pending;
    bool ending;
};

/* ---- the host's fences ---- */

static VkResult fence_create(struct venus_device *device, VkFence *fence)
{
    static const VkFenceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    return device->vk.CreateFence(device->handle, &info, NULL, fence);
}

/* An unused record whose fence is reset, or NULL. timeline->lock is held. */
static struct pending_fence *pending_get(struct venus_timeline *timeline)
{
    struct venus_device *device = timeline->queue->device;
    struct pending_fence *p = timeline->unused;
    if (p) {
        timeline->unused = p->next;
        if (!p->submitted || device->vk.ResetFences(device->handle, 1, &p->fence) == VK_SUCCESS)
            return p;
        p->next = timeline->unused;
        timeline->unused = p;
        return NULL;
    }
    return calloc(1, sizeof(*p));
}

/* ---- fences that the GPU has reached ---- */

static void retire(struct venus_context *context, uint32_t ring_idx, uint64_t id)
{
    if (context->events.fence_retired)
        context->events.fence_retired(context->events_user, ring_idx, id);
}

/* Nobody may wait any longer for a device that is lost. */
static bool is_reached(struct venus_device *device, const struct pending_fence *p)
{
    if (!p->submitted)
        return true;
    const VkResult result = device->vk.GetFenceStatus(device->handle, p->fence);
    if (result == VK_ERROR_DEVICE_LOST)
        venus_device_lost(device, "a timeline's vkGetFenceStatus");
    return result == VK_SUCCESS || result == VK_ERROR_DEVICE_LOST;
}

/* timeline->lock is held while the owner is told, so that it is told in order. */
static void retire_pending(struct venus_timeline *timeline, struct pending_fence *p)
{
    if (!p->retired)
        retire(timeline->queue->device->context, timeline->queue->ring_idx, p->id);
    p->retired = true;
}

/* Retire the oldest fences, as far as the GPU has come. timeline->lock is held. */
static void retire_reached(struct venus_timeline *timeline)
{
    struct venus_device *device = timeline->queue->device;
    struct pending_fence **link = &timeline->first, *p;

    while ((p = *link) && (p->retired || is_reached(device, p))) {
        retire_pending(timeline, p);
        if (p == timeline->awaited) {
            link = &p->next;
            continue;
        }
        *link = p->next;
        timeline->pending--;
        p->next = timeline->unused;
        timeline->unused = p;
    }
    if (!p)
        timeline->last = link;
}

/* Whether nothing is left to be retired. timeline->lock is held. */
static bool all_retired(const struct venus_timeline *timeline)
{
    const struct pending_fence *p = timeline->first;
    return !p || (p->retired && !p->next);
}

static void *run_timeline(void *arg)
{
    struct venus_timeline *timeline = arg;
    struct venus_device *device = timeline->queue->device;

    pthread_mutex_lock(&timeline->lock);
    for (;;) {
        struct pending_fence *p = timeline->first;
        if (!p) {
            if (timeline->ending)
                break;
            pthread_cond_wait(&timeline->cond, &timeline->lock);
            continue;
        }
        timeline->awaited = p;
        pthread_mutex_unlock(&timeline->lock);
        /* An error means that the device is lost: nobody may wait for it any longer. */
        if (p->submitted && device->vk.WaitForFences(device->handle, 1, &p->fence, VK_TRUE,
                                                     UINT64_MAX) == VK_ERROR_DEVICE_LOST)
            venus_device_lost(device, "a timeline's vkWaitForFences");
        pthread_mutex_lock(&timeline->lock);
        timeline->awaited = NULL;
        retire_pending(timeline, p);
        retire_reached(timeline);
    }
    pthread_mutex_unlock(&timeline->lock);
    return NULL;
}

/* ---- life ---- */

static struct venus_timeline *timeline_create(struct venus_queue *queue)
{
    struct venus_timeline *timeline = calloc(1, sizeof(*timeline));
    if (!timeline)
        return NULL;
    timeline->queue = queue;
    timeline->last = &timeline->first;
    pthread_mutex_init(&timeline->lock, NULL);
    pthread_cond_init(&timeline->cond, NULL);
    return timeline;
}

static void timeline_destroy(struct venus_timeline *timeline)
{
    struct venus_device *device = timeline->queue->device;
    if (timeline->started) {
        pthread_mutex_lock(&timeline->lock);
        timeline->ending = true;
        pthread_cond_signal(&timeline->cond);
        pthread_mutex_unlock(&timeline->lock);
        pthread_join(timeline->thread, NULL);
    }
    if (timeline->probing)
        device->vk.WaitForFences(device->handle, 1, &timeline->probe, VK_TRUE, UINT64_MAX);
    if (timeline->probe)
        device->vk.DestroyFence(device->handle, timeline->probe, NULL);
    for (struct pending_fence *p = timeline->unused, *next; p; p = next) {
        next = p->next;
        if (p->fence)
            device->vk.DestroyFence(device->handle, p->fence, NULL);
        free(p);
    }
    pthread_cond_destroy(&timeline->cond);
    pthread_mutex_destroy(&timeline->lock);
    free(timeline);
}

void venus_queue_teardown(struct venus_queue *queue)
{
    struct venus_context *context = queue->device->context;

    pthread_mutex_lock(&context->lock);
    if (queue->ring_idx && context->timelines[queue->ring_idx] == queue)
        context->timelines[queue->ring_idx] = NULL;
    pthread_mutex_unlock(&context->lock);

    /* Who found the queue in the table before that sees under its lock that it has ended. */
    pthread_mutex_lock(&queue->lock);
    struct venus_timeline *timeline = queue->timeline;
    queue->timeline = NULL;
    pthread_mutex_unlock(&queue->lock);

    if (timeline)
        timeline_destroy(timeline);
    if (queue->drain) {
        const struct venus_device_vk *vk = &queue->device->vk;
        vk->WaitForFences(queue->device->handle, 1, &queue->drain, VK_TRUE, UINT64_MAX);
        vk->DestroyFence(queue->device->handle, queue->drain, NULL);
        queue->drain = VK_NULL_HANDLE;
    }
    venus_imports_forget(queue->device);
}

bool venus_queue_drain(struct venus_queue *queue, uint64_t deadline)
{
    struct venus_device *device = queue->device;
    VkFence fence;
    if (fence_create(device, &fence) != VK_SUCCESS)
        return true; /* lost, or nothing can be done */
    pthread_mutex_lock(&queue->lock);
    const VkResult result = device->vk.QueueSubmit(queue->handle, 0, NULL, fence);
    pthread_mutex_unlock(&queue->lock);
    if (result != VK_SUCCESS) {
        device->vk.DestroyFence(device->handle, fence, NULL);
        return true;
    }
    queue->drain = fence;
    const uint64_t now = venus_now_ns();
    return device->vk.WaitForFences(device->handle, 1, &fence, VK_TRUE,
                                    now < deadline ? deadline - now : 0) != VK_TIMEOUT;
}

static struct venus_queue *find_queue(struct venus_device *device, const VkDeviceQueueInfo2 *info)
{
    for (uint32_t i = 0; i < device->queue_count; i++) {
        struct venus_queue *queue = &device->queues[i];
        if (queue->family == info->queueFamilyIndex && queue->index == info->queueIndex &&
            queue->flags == info->flags)
            return queue;
    }
    return NULL;
}

/* Give the queue its timeline. Returns NULL or what is wrong. */
static const char *bind(struct venus_queue *queue, uint32_t ring_idx)
{
    struct venus_context *context = queue->device->context;
    const char *wrong = NULL;

    pthread_mutex_lock(&context->lock);
    pthread_mutex_lock(&queue->lock);
    if (queue->bound)
        wrong = "the queue has been asked for already";
    else if (!ring_idx || ring_idx >= VENUS_MAX_TIMELINES)
        wrong = "there is no such timeline";
    else if (context->timelines[ring_idx])
        wrong = "the timeline belongs to another queue";
    else if (!(queue->timeline = timeline_create(queue)))
        wrong = "no memory";
    if (!wrong) {
        queue->bound = true;
        queue->ring_idx = ring_idx;
        context->timelines[ring_idx] = queue;
    }
    pthread_mutex_unlock(&queue->lock);
    pthread_mutex_unlock(&context->lock);
    return wrong;
}

void venus_handle_vkGetDeviceQueue2(struct venus_decoder *d, struct venus_vkGetDeviceQueue2 *args)
{
    struct venus_device *device = args->first->data;
    const VkDeviceQueueInfo2 *info = args->pQueueInfo;
    if (!info || !args->pQueue_ids) {
        venus_decoder_fail(d, "no VkDeviceQueueInfo2 or no id for the queue");
        return;
    }
    struct venus_queue *queue = find_queue(device, info);
    const VkDeviceQueueTimelineInfoMESA *timeline = venus_pnext_find(
        info->pNext, (uint32_t)VENUS_STRUCTURE_TYPE_DEVICE_QUEUE_TIMELINE_INFO_MESA);
    if (!queue || !timeline) {
        venus_decoder_fail(d, "queue %u of family %u, flags 0x%x: %s", info->queueIndex,
                           info->queueFamilyIndex, info->flags,
                           queue ? "no VkDeviceQueueTimelineInfoMESA" : "does not exist");
        return;
    }
    const char *wrong = bind(queue, timeline->ringIdx);
    if (wrong) {
        venus_decoder_fail(d, "queue %u of family %u, timeline %u: %s", info->queueIndex,
                           info->queueFamilyIndex, timeline->ringIdx, wrong);
        return;
    }
    *args->pQueue = queue->handle;
    venus_decoder_add_object(d, VENUS_OBJECT_Queue, args->pQueue_ids[0],
                             (uint64_t)(uintptr_t)queue->handle, NULL, queue);
}

/* ---- submissions ---- */

/* After a submission by the client. queue->lock is held. */
static void count_submission(struct venus_queue *queue)
{
    if (queue->timeline)
        queue->timeline->submissions++;
}

/* A client that wants no reply would wait for ever for the fence of a submission that failed. */
static void check_submission(struct venus_decoder *d, const char *command, VkResult result)
{
    if (result == VK_ERROR_DEVICE_LOST)
        venus_device_lost(d->device, command);
    if (result < 0 && !(d->command_flags & VENUS_COMMAND_GENERATE_REPLY))
        venus_decoder_fail(d, "the driver refused it (%d), and the client does not listen",
                           (int)result);
}

void venus_handle_vkQueueSubmit(struct venus_decoder *d, struct venus_vkQueueSubmit *args)
{
    struct venus_queue *queue = args->first->data;
    venus_imports_consume(queue->device, args->submitCount, (VkSubmitInfo *)args->pSubmits);
    pthread_mutex_lock(&queue->lock);
    args->ret =
        queue->device->vk.QueueSubmit(args->queue, args->submitCount, args->pSubmits, args->fence);
    count_submission(queue);
    pthread_mutex_unlock(&queue->lock);
    check_submission(d, "vkQueueSubmit", args->ret);
}

void venus_handle_vkQueueSubmit2(struct venus_decoder *d, struct venus_vkQueueSubmit2 *args)
{
    struct venus_queue *queue = args->first->data;
    if (!queue->device->vk.QueueSubmit2) {
        venus_decoder_fail(d, "the driver does not have it");
        return;
    }
    venus_imports_consume2(queue->device, args->submitCount, (VkSubmitInfo2 *)args->pSubmits);
    pthread_mutex_lock(&queue->lock);
    args->ret =
        queue->device->vk.QueueSubmit2(args->queue, args->submitCount, args->pSubmits, args->fence);
    count_submission(queue);
    pthread_mutex_unlock(&queue->lock);
    check_submission(d, "vkQueueSubmit2", args->ret);
}

void venus_handle_vkQueueBindSparse(struct venus_decoder *d, struct venus_vkQueueBindSparse *args)
{
    struct venus_queue *queue = args->first->data;
    venus_imports_consume_sparse(queue->device, args->bindInfoCount,
                                 (VkBindSparseInfo *)args->pBindInfo);
    pthread_mutex_lock(&queue->lock);
    args->ret = queue->device->vk.QueueBindSparse(args->queue, args->bindInfoCount, args->pBindInfo,
                                                  args->fence);
    count_submission(queue);
    pthread_mutex_unlock(&queue->lock);
    check_submission(d, "vkQueueBindSparse", args->ret);
}

/* ---- fences for the owner of the context ---- */

/* Have the GPU signal the record's fence after all work so far. Where that is not needed, or fails,
 * the record is retired right after those before it. queue->lock is held. */
static void fence_submit(struct venus_timeline *timeline, struct pending_fence *p)
{
    struct venus_device *device = timeline->queue->device;
    VkResult result = VK_SUCCESS;

    /* A frame has several fences: those without new work behind the one before need not ask. */
    p->submitted = timeline->submissions != timeline->fenced;
    if (!p->submitted)
        return;
    if (!p->fence)
        result = fence_create(device, &p->fence);
    if (result == VK_SUCCESS)
        result = device->vk.QueueSubmit(timeline->queue->handle, 0, NULL, p->fence);
    p->submitted = result == VK_SUCCESS; /* otherwise lost, or out of memory */
    if (p->submitted)
        timeline->fenced = timeline->submissions;
}

/* Append a fence for all work so far. queue->lock is held. Returns 0 or a negative errno. */
static int timeline_append(struct venus_timeline *timeline, uint64_t id)
{
    if (!timeline->started)
        timeline->started =
            !venus_thread_start(&timeline->thread, "venus-timeline", run_timeline, timeline);
    if (!timeline->started)
        return -EAGAIN;

    pthread_mutex_lock(&timeline->lock);
    const bool full = timeline->pending >= VENUS_MAX_PENDING_FENCES;
    struct pending_fence *p = full ? NULL : pending_get(timeline);
    pthread_mutex_unlock(&timeline->lock);
    if (!p)
        return full ? -ENOSPC : -ENOMEM;

    fence_submit(timeline, p);
    p->retired = false;
    p->id = id;
    p->next = NULL;

    pthread_mutex_lock(&timeline->lock);
    *timeline->last = p;
    timeline->last = &p->next;
    timeline->pending++;
    /* A software driver may have done the work in vkQueueSubmit: then the thread can sleep on. */
    retire_reached(timeline);
    const bool wake = !all_retired(timeline) && !timeline->awaited;
    pthread_mutex_unlock(&timeline->lock);
    /* Not before, or it would wake up to wait for the lock. */
    if (wake)
        pthread_cond_signal(&timeline->cond);
    return 0;
}

/* Whether all work has ended and every fence has been retired. queue->lock is held. */
static bool timeline_finished(struct venus_timeline *timeline)
{
    if (timeline->submissions != timeline->fenced)
        return false;
    pthread_mutex_lock(&timeline->lock);
    const bool finished = all_retired(timeline);
    pthread_mutex_unlock(&timeline->lock);
    return finished;
}

int venus_context_create_fence(struct venus_context *context, uint32_t ring_idx, uint64_t fence_id)
{
    if (!ring_idx) {
        retire(context, 0, fence_id);
        return 0;
    }
    if (ring_idx >= VENUS_MAX_TIMELINES)
        return -EINVAL;
    pthread_mutex_lock(&context->lock);
    struct venus_queue *queue = context->timelines[ring_idx];
    pthread_mutex_unlock(&context->lock);
    if (!queue)
        return -EINVAL;

    int error = -EINVAL;
    bool finished = false;
    pthread_mutex_lock(&queue->lock);
    struct venus_timeline *timeline = queue->timeline;
    if (timeline) {
        finished = timeline_finished(timeline);
        error = finished ? 0 : timeline_append(timeline, fence_id);
    }
    pthread_mutex_unlock(&queue->lock);
    if (finished)
        retire(context, ring_idx, fence_id);
    return error;
}

void venus_context_poll_fences(struct venus_context *context)
{
    struct venus_queue *queues[VENUS_MAX_TIMELINES]; /* they live as long as the context */
    pthread_mutex_lock(&context->lock);
    memcpy(queues, context->timelines, sizeof(queues));
    pthread_mutex_unlock(&context->lock);
    for (uint32_t i = 1; i < VENUS_MAX_TIMELINES; i++) {
        struct venus_queue *queue = queues[i];
        /* Who submits holds the lock for as long as the driver takes. */
        if (!queue || pthread_mutex_trylock(&queue->lock))
            continue;
        struct venus_timeline *timeline = queue->timeline;
        if (timeline) {
            pthread_mutex_lock(&timeline->lock);
            retire_reached(timeline);
            pthread_mutex_unlock(&timeline->lock);
        }
        pthread_mutex_unlock(&queue->lock);
    }
}

/* ---- for the monitor ---- */

/* queue->lock is held. */
static bool timeline_busy(struct venus_timeline *timeline)
{
    struct venus_device *device = timeline->queue->device;

    if (timeline->probing) {
        const VkResult result = device->vk.GetFenceStatus(device->handle, timeline->probe);
        if (result == VK_NOT_READY)
            return true;
        timeline->probing = false;
        if (result != VK_SUCCESS)
            return false; /* lost */
    }
    if (timeline->submissions == timeline->probed)
        return false;
    VkResult result = VK_SUCCESS;
    if (!timeline->probe)
        result = fence_create(device, &timeline->probe);
    else
        result = device->vk.ResetFences(device->handle, 1, &timeline->probe);
    if (result == VK_SUCCESS)
        result = device->vk.QueueSubmit(timeline->queue->handle, 0, NULL, timeline->probe);
    timeline->probing = result == VK_SUCCESS;
    timeline->probed = timeline->submissions;
    return timeline->probing;
}

bool venus_queue_busy(struct venus_queue *queue)
{
    if (pthread_mutex_trylock(&queue->lock))
        return true; /* a submission is going on */
    const bool busy = queue->timeline && timeline_busy(queue->timeline);
    pthread_mutex_unlock(&queue->lock);
    return busy;
}
