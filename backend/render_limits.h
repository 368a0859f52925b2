/* SPDX-License-Identifier: MIT */
/* Limits on what a device process and a render process do with each other. */
#ifndef BACKEND_RENDER_LIMITS_H
#define BACKEND_RENDER_LIMITS_H

/* How long a process may take to end by itself, and how long render_destroy() waits for one that it
 * has killed: freeing what it has mapped takes its time where others want the processor, too. */
#define RENDER_END_MS  5000
#define RENDER_KILL_MS 10000

/* Bytes that may wait to be sent before submissions are put off, but for a single one: to one
 * process, and to all of a device.  And the memory that an empty queue keeps. */
#define RENDER_QUEUE_SIZE (1u << 20)
#define RENDER_ALL_QUEUES (8u << 20)
#define RENDER_KEPT_QUEUE (64u << 10)

/* Answers handled at a time, so that a process gone wild does not keep the others waiting. */
#define RENDER_ANSWERS_AT_ONCE 64

/* Questions answered at a time: one may take seconds. */
#define RENDER_ASKS_AT_ONCE 1

/* Dma-bufs of all processes of a device: each takes an open file, and time to look at. */
#define RENDER_MAX_DMA_BUFS 4096

/* Dma-bufs that are looked at, whether they are still in use, before another one is made. */
#define RENDER_LOOKS_AT_ONCE 16

/* How often to look whether drivers have let go of dma-bufs: less and less often while they do not.
 * And when to tell. */
#define RENDER_DRAIN_POLL_MS     10
#define RENDER_DRAIN_POLL_MAX_MS 1000
#define RENDER_DRAIN_WARN_MS     5000

/* Bytes of the window from its start on that a driver may be tried with. */
#define RENDER_MAX_SAMPLE (64u << 10)

/* Rings whose status words are remembered. */
#define RENDER_MAX_RINGS 64

/* Pages of one blob of a render process: 4 GiB. */
#define RENDER_MAX_BLOB_PAGES (1u << 20)

/* Open files of a render process, at most. */
#define RENDER_MAX_FILES 4096

#endif
