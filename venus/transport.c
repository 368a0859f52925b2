/* SPDX-License-Identifier: MIT */
/*
 * Commands of the protocol itself: replies, command streams, rings, and waiting between rings and
 * the virtqueue.
 */
#include "ring.h"

/* ---- replies and command streams: legal everywhere ---- */

void venus_handle_vkSetReplyCommandStreamMESA(struct venus_decoder *d,
                                              struct venus_vkSetReplyCommandStreamMESA *args)
{
    if (!args->pStream) {
        venus_decoder_fail(d, "no stream");
        return;
    }
    venus_reply_set_window(d, args->pStream->resourceId, args->pStream->offset,
                           args->pStream->size);
}

void venus_handle_vkSeekReplyCommandStreamMESA(struct venus_decoder *d,
                                               struct venus_vkSeekReplyCommandStreamMESA *args)
{
    venus_reply_seek(d, args->position);
}

/* Run one stream: a private copy of it, as the client can write the original at any time. */
static void run_stream(struct venus_decoder *d, const VkCommandStreamDescriptionMESA *stream)
{
    if (stream->size > VENUS_MAX_STREAM_SIZE || stream->offset % 4 || stream->size % 4) {
        venus_decoder_fail(d, "a stream of %zu bytes at offset %zu", stream->size, stream->offset);
        return;
    }
    struct venus_resource *resource = venus_resource_get(d->context, stream->resourceId);
    if (!resource || resource->kind != VENUS_RESOURCE_SHM) {
        venus_resource_put(resource);
        venus_decoder_fail(d, "resource %u does not exist or is not shared memory",
                           stream->resourceId);
        return;
    }
    /* Of the outer command, which the nested run leaves alone. */
    void *copy = venus_decode_alloc_raw(d, stream->size, 1);
    const bool ok = copy && venus_shm_read(&resource->shm, stream->offset, copy, stream->size);
    venus_resource_put(resource);
    if (ok)
        venus_decoder_run(d, copy, stream->size, NULL);
    else
        venus_decoder_fail(d, "a stream is not inside resource %u", stream->resourceId);
}

void venus_handle_vkExecuteCommandStreamsMESA(struct venus_decoder *d,
                                              struct venus_vkExecuteCommandStreamsMESA *args)
{
    if (args->streamCount > VENUS_MAX_STREAMS || args->dependencyCount > VENUS_MAX_STREAMS ||
        args->flags) {
        venus_decoder_fail(d, "%u streams, %u dependencies, flags 0x%x", args->streamCount,
                           args->dependencyCount, args->flags);
        return;
    }
    if (args->dependencyCount && !args->pDependencies) {
        venus_decoder_fail(d, "%u dependencies are declared, but absent", args->dependencyCount);
        return;
    }
    /* We run streams in their order, which satisfies dependencies on earlier ones. */
    for (uint32_t i = 0; i < args->dependencyCount; i++) {
        const VkCommandStreamDependencyMESA *dependency = &args->pDependencies[i];
        if (dependency->dstCommandStream >= args->streamCount ||
            dependency->srcCommandStream >= dependency->dstCommandStream) {
            venus_decoder_fail(d, "stream %u cannot depend on stream %u of %u",
                               dependency->dstCommandStream, dependency->srcCommandStream,
                               args->streamCount);
            return;
        }
    }
    for (uint32_t i = 0; i < args->streamCount && !venus_decoder_interrupted(d); i++) {
        if (args->pReplyPositions)
            venus_reply_seek(d, args->pReplyPositions[i]);
        if (!d->fatal)
            run_stream(d, &args->pStreams[i]);
    }
}

/* ---- rings: only on the virtqueue ---- */

static bool on_virtqueue(struct venus_decoder *d)
{
    if (d->ring)
        venus_decoder_fail(d, "this command belongs on the virtqueue");
    return !d->ring;
}

/* The ring that a virtqueue command names, or NULL after an error. */
static struct venus_ring *named_ring(struct venus_decoder *d, uint64_t id)
{
    if (!on_virtqueue(d))
        return NULL;
    struct venus_ring *ring = venus_ring_find(d->context, id);
    if (!ring)
        venus_decoder_fail(d, "ring 0x%llx does not exist", (unsigned long long)id);
    return ring;
}

void venus_handle_vkCreateRingMESA(struct venus_decoder *d, struct venus_vkCreateRingMESA *args)
{
    if (!on_virtqueue(d))
        return;
    if (args->pCreateInfo)
        venus_ring_create(d, args->ring, args->pCreateInfo);
    else
        venus_decoder_fail(d, "no VkRingCreateInfoMESA");
}

void venus_handle_vkDestroyRingMESA(struct venus_decoder *d, struct venus_vkDestroyRingMESA *args)
{
    struct venus_ring *ring = named_ring(d, args->ring);
    if (ring)
        venus_ring_destroy(ring);
}

void venus_handle_vkNotifyRingMESA(struct venus_decoder *d, struct venus_vkNotifyRingMESA *args)
{
    /* `seqno` and `flags` say nothing that the tail does not. */
    struct venus_ring *ring = named_ring(d, args->ring);
    if (ring)
        venus_ring_notify(ring);
}

void venus_handle_vkWriteRingExtraMESA(struct venus_decoder *d,
                                       struct venus_vkWriteRingExtraMESA *args)
{
    struct venus_ring *ring = named_ring(d, args->ring);
    if (ring && !venus_ring_write_extra(ring, args->offset, args->value))
        venus_decoder_fail(d, "offset %zu is not in the ring's extra area", args->offset);
}

/* ---- sequence numbers ---- */

void venus_handle_vkSubmitVirtqueueSeqnoMESA(struct venus_decoder *d,
                                             struct venus_vkSubmitVirtqueueSeqnoMESA *args)
{
    struct venus_ring *ring = named_ring(d, args->ring);
    if (ring)
        venus_ring_set_virtqueue_seqno(ring, args->seqno);
}

void venus_handle_vkWaitVirtqueueSeqnoMESA(struct venus_decoder *d,
                                           struct venus_vkWaitVirtqueueSeqnoMESA *args)
{
    if (d->ring)
        venus_ring_require_virtqueue(d, args->seqno);
    else
        venus_decoder_fail(d, "the virtqueue cannot wait for itself");
}

void venus_handle_vkWaitRingSeqnoMESA(struct venus_decoder *d,
                                      struct venus_vkWaitRingSeqnoMESA *args)
{
    struct venus_ring *ring = named_ring(d, args->ring);
    if (ring)
        venus_ring_wait_position(ring, (uint32_t)args->seqno);
}
