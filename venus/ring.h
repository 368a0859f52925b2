/* SPDX-License-Identifier: MIT */
/*
 * Rings: command streams in shared memory, each decoded by a thread of its own, or by the
 * virtqueue's when that has to wait for it; and the monitor that tells clients that these threads
 * are alive.  Private to ring.c, monitor.c and transport.c.
 */
#ifndef VENUS_RING_H
#define VENUS_RING_H

#include "internal.h"

/* Bits of a ring's status word. */
enum {
    VENUS_RING_IDLE = 1u,  /* we sleep: a new command needs a vkNotifyRingMESA */
    VENUS_RING_FATAL = 2u, /* we are dead */
    VENUS_RING_ALIVE = 4u, /* set by us now and then, cleared by a client that waits */
};

/* Where a ring's parts lie, in bytes from the start of its resource. */
struct venus_ring_layout {
    size_t head, tail, status; /* a 32-bit word each */
    size_t buffer, extra;
    uint32_t buffer_size; /* a power of two */
    size_t extra_size;
};

struct venus_ring {
    struct venus_ring *next; /* in the context */
    uint64_t id;             /* the client's */
    struct venus_context *context;
    struct venus_resource *resource; /* a reference */
    struct venus_ring_layout layout;
    _Atomic uint32_t *head, *tail, *status; /* in shared memory */
    uint64_t idle_timeout;                  /* nanoseconds */
    struct venus_monitor *monitor;          /* NULL: not monitored */
    int nice;                               /* of the thread; only lowers its priority */
    pthread_t thread;

    uint64_t average_gap; /* the thread's: of recent times without work, nanoseconds */

    /* Of whoever runs commands: the thread, or the virtqueue's when it waits for them. */
    pthread_mutex_t run;
    struct venus_decoder decoder;
    uint8_t *copy;  /* private copy of commands, buffer_size bytes */
    uint32_t batch; /* position of the first byte in `copy` */
    atomic_bool lent; /* the virtqueue's thread runs them */

    /* Between our threads; the first two are stored with `run` held. */
    _Atomic uint32_t position; /* what the head should be; the client can write the head itself */
    _Atomic uint64_t required_seqno; /* of the virtqueue, before the next command may run */
    _Atomic uint64_t awaited;  /* AWAITED | position that the virtqueue waits for, or 0 */
    atomic_bool stop;          /* the thread must end */
    atomic_bool idle;          /* the thread sleeps until a notification */
    pthread_mutex_t lock;      /* for the rest, and for sleeping */
    bool wants_virtqueue;      /* the thread sleeps until the virtqueue has come far enough */
    pthread_cond_t wake;       /* the thread waits here */
    pthread_cond_t progress;   /* the virtqueue waits here */
    atomic_uint notifications; /* changed under the lock, read without */
    _Atomic uint64_t virtqueue_seqno;
};

/* Check a client's layout against the size of the resource, and fill *layout. Returns NULL or what
 * is wrong. */
const char *venus_ring_layout_init(struct venus_ring_layout *layout,
                                   const VkRingCreateInfoMESA *info, size_t resource_size);

/* For the handlers in transport.c, all on the virtqueue's thread.  Errors go to the decoder. */
void venus_ring_create(struct venus_decoder *d, uint64_t id, const VkRingCreateInfoMESA *info);
struct venus_ring *venus_ring_find(struct venus_context *context, uint64_t id);
void venus_ring_destroy(struct venus_ring *ring);
void venus_ring_notify(struct venus_ring *ring);
/* False if there is no word at this offset of the extra area. */
bool venus_ring_write_extra(struct venus_ring *ring, uint64_t offset, uint32_t value);
void venus_ring_set_virtqueue_seqno(struct venus_ring *ring, uint64_t seqno);
/* Wait until all commands of the ring up to this position have run, or run them, or the ring ends.
 */
void venus_ring_wait_position(struct venus_ring *ring, uint32_t position);
/* On a ring's decoder: run nothing more of it before the virtqueue has reached `seqno`. */
void venus_ring_require_virtqueue(struct venus_decoder *d, uint64_t seqno);

/* ---- monitor.c ---- */
/* The context's monitor, made if there is none, that reports at least every `period_us`
 * microseconds. NULL if there is no thread to be had. */
struct venus_monitor *venus_monitor_get(struct venus_context *context, uint32_t period_us);
/* A ring has left its idle sleep, or somebody runs its commands during that. */
void venus_monitor_kick(struct venus_monitor *monitor);
void venus_monitor_destroy(struct venus_monitor *monitor); /* NULL allowed */

/* ---- queue.c ---- */
/* Whether the GPU may still work on something that was submitted to this queue. Never blocks. */
bool venus_queue_busy(struct venus_queue *queue);

#endif
