/* SPDX-License-Identifier: MIT */
/*
 * Every limit that the renderer puts on a client, in one place.
 *
 * A client that exceeds a limit gets either an ordinary Vulkan error (where Vulkan has one for the
 * case) or loses its context with a message that names the limit.  Nothing here is a promise to
 * clients; the figures are far above what real applications were seen to use.
 */
#ifndef VENUS_LIMITS_H
#define VENUS_LIMITS_H

/* Temporary memory of one command: decoded structs, arrays and its reply, in bytes. The largest
 * legitimate commands carry shader code, pipeline caches or image data in the stream. */
#define VENUS_MAX_COMMAND_MEMORY (256u << 20)

/* The same of all rings and the virtqueue of one context together, in bytes: what commands that run
 * at the same time may take. */
#define VENUS_MAX_CONTEXT_MEMORY (1024u << 20)

/* Temporary memory that a decoder keeps between commands, so that the next one need not allocate. */
#define VENUS_KEPT_COMMAND_MEMORY (64u << 10)

/* One command stream of vkExecuteCommandStreamsMESA or one virtqueue submission, in bytes. */
#define VENUS_MAX_STREAM_SIZE (256u << 20)

/* Streams, reply positions or dependencies of one vkExecuteCommandStreamsMESA. */
#define VENUS_MAX_STREAMS 4096u

/* Structs in one pNext chain. vk.xml of 2026 allows a few hundred for VkDeviceCreateInfo. */
#define VENUS_MAX_CHAIN 512u

/* Nesting depth of decoded structs; guards our stack against self-referencing types. */
#define VENUS_MAX_DEPTH 16u

/* Rings of one context, and the size of a ring's buffer in bytes. Mesa uses one ring and one more
 * per thread that creates pipelines. */
#define VENUS_MAX_RINGS 64u
#define VENUS_MAX_RING_BUFFER (16u << 20)

/* Live objects and resources (blobs) of one context. */
#define VENUS_MAX_OBJECTS (4u << 20)
#define VENUS_MAX_RESOURCES (256u << 10)

/* Freed pages that a context keeps while it is busy (pages.h). */
#define VENUS_MAX_CACHED_BYTES (64u << 20)
#define VENUS_MAX_CACHED_PAGES 32u

/* Timelines that a client may use: ring_idx 0 is the CPU timeline, 1..63 are queues. */
#define VENUS_MAX_TIMELINES 64u

/* Fences in flight on one timeline. */
#define VENUS_MAX_PENDING_FENCES 65536u

/* Semaphores with an imported payload that no submission has waited for yet. A swapchain has one
 * per acquired image. */
#define VENUS_MAX_IMPORTS 4096u

/* Messages about failed requests of one context, so that a client cannot fill the log. */
#define VENUS_MAX_MESSAGES 100u

/* Longest time in nanoseconds that a wait inside the driver may take before we look whether the
 * context is being torn down. */
#define VENUS_WAIT_SLICE_NS (50u * 1000u * 1000u)

/* Time in nanoseconds for the GPU to finish what a client has left, before semaphores that it may
 * wait for are signalled. */
#define VENUS_DRAIN_NS (1000u * 1000u * 1000u)

#endif
