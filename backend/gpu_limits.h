/* SPDX-License-Identifier: MIT */
/*
 * Every limit that the virtio-gpu device puts on its guest, in one place.  What the renderer itself
 * limits is in venus/limits.h, what the transport does in xen/vgpuif.h.
 */
#ifndef GPU_LIMITS_H
#define GPU_LIMITS_H

/* Entries of each virtqueue; also the most requests of a queue that can be in flight. */
#define GPU_QUEUE_SIZE 256u

/* Descriptors of one request, those of an indirect table counted. Linux makes one per page of a
 * command stream or a list of memory entries, whatever the size of the queue is. */
#define GPU_MAX_SEGMENTS 2048u

/* Bytes of one request. Mesa sends far less than 1 MiB; larger ones are answered with an error. */
#define GPU_MAX_REQUEST (4u << 20)

/* Bytes of all requests that are not answered yet. No more are taken until there are fewer. */
#define GPU_MAX_PENDING (64u << 20)

/* Requests taken from the queues before render processes and timers get their turn. */
#define GPU_REQUESTS_PER_TURN 256u

/* Resources, and pairs of a resource and a context that it is attached to. */
#define GPU_MAX_RESOURCES   (64u << 10)
#define GPU_MAX_ATTACHMENTS (128u << 10)

/* Timelines of a context (VIRTIO_GPU_FLAG_INFO_RING_IDX). */
#define GPU_MAX_TIMELINES 64u

/* Processes of destroyed contexts that have not ended yet, for each context that may exist. */
#define GPU_MAX_ENDING_PER_CONTEXT 1u

/*
 * A context's process is killed when for GPU_STUCK_MS milliseconds it has had more than
 * GPU_MAX_RELEASING resources that the guest has dropped and that it has not released, or more
 * than GPU_MAX_WAITING operations that it does not take.  Either fills what the contexts of a guest
 * share: the window and the virtqueue.  The same happens to one that for so long holds requests
 * while others wait for their fences behind it, or while it has its share of what fills three
 * quarters of the virtqueue or half of the memory for requests (gpu_stuck.c).
 */
#define GPU_STUCK_MS      10000
#define GPU_MAX_RELEASING 128u
#define GPU_MAX_WAITING   64u

/* Messages about what a guest can make happen again and again. Errors of commands are told once for
 * each command and kind of error. */
#define GPU_MAX_COMPLAINTS 64u

#endif
