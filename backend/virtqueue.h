/* SPDX-License-Identifier: MIT */
/*
 * The device's side of a split virtqueue (virtio 1.3, section 2.7), with indirect descriptors and
 * event indexes.
 *
 * The driver is not trusted.  Each index and each descriptor is read once, into private memory, and
 * checked there.  A request becomes a private copy of what the device may read and a list of where
 * it may write.  Ranges of a request may overlap each other or the rings: what was copied stays as
 * it is, and what is written to the rings harms only the driver.
 */
#ifndef BACKEND_VIRTQUEUE_H
#define BACKEND_VIRTQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest_memory.h"
#include "transport.h"

struct virtqueue_segment {
    uint64_t address;
    uint32_t size; /* bytes, not 0 */
};

/* A request: a chain of descriptors. */
struct virtqueue_chain {
    uint16_t head; /* its name in the rings */
    /* 0, or why `readable` is not all that the driver wrote: -E2BIG for more than GPU_MAX_REQUEST
     * bytes (the first VIRTQUEUE_HEADER are there), or what the transport said (nothing is). */
    int error;
    uint8_t *readable; /* private, aligned as malloc does */
    size_t readable_size;
    struct virtqueue_segment *writable;
    uint32_t writable_count;
    uint64_t writable_size; /* bytes of all */
    size_t memory;          /* bytes that this copy takes */
};

/* How much of a request that is too large is copied. */
#define VIRTQUEUE_HEADER 24u

struct virtqueue {
    struct vgpu_transport *transport;
    struct guest_mapping descriptors, available, used;
    uint32_t size; /* entries; 0 while the queue does not exist */
    bool indirect, event_index;
    uint16_t next_available; /* the index of the entry to take next */
    uint16_t next_used;      /* the index of the entry to write next */
    uint16_t announced;      /* next_used when the driver was last thought of for a notification */
    uint32_t in_flight;
    bool *busy;                         /* by head: taken, but not given back */
    struct virtqueue_segment *segments; /* of the chain being read */
    void *table;                        /* the indirect table being read */
    const char *fault;                  /* what the driver did wrong */
};

/*
 * Map the rings.  `size` is a power of two of at most VGPU_MAX_QUEUE_SIZE.  0, -EINVAL for
 * addresses that are not valid or not aligned, -ENOMEM, or what the transport says.
 */
int virtqueue_init(struct virtqueue *queue, struct vgpu_transport *transport, uint32_t size,
                   const uint64_t address[3], bool indirect, bool event_index);
/* Accepts a zeroed queue, and zeroes it. Chains that were taken stay valid, but not usable here. */
void virtqueue_finish(struct virtqueue *queue);

/*
 * Take the next request.  1 with `chain` filled in, 0 when there is none, -ENOMEM (it is still
 * there), or -EPROTO when the driver has broken a rule (queue->fault says which), after which the
 * queue must not be used any more.
 */
int virtqueue_take(struct virtqueue *queue, struct virtqueue_chain *chain);

/* Copy `size` bytes into the chain's writable segments, from the first one on. 0, -EINVAL when
 * there is less room, or what the transport says. */
int virtqueue_write(struct virtqueue *queue, const struct virtqueue_chain *chain, const void *from,
                    size_t size);

/* Give a request back, of which `written` bytes were written. */
void virtqueue_give_back(struct virtqueue *queue, const struct virtqueue_chain *chain,
                         uint32_t written);

/* Free a chain's memory. Accepts a zeroed chain. */
void virtqueue_chain_finish(struct virtqueue_chain *chain);

/* Whether the driver wants to be notified of what was given back since the last call. */
bool virtqueue_wants_notification(struct virtqueue *queue);

/* Ask the driver for a notification of the next request. True when there is one already. */
bool virtqueue_wait(struct virtqueue *queue);

#endif
