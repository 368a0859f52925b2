/* SPDX-License-Identifier: MIT */
/*
 * The guest of the device tests: a small driver that shares memory with the device model through
 * transport_local, and that can do all that a driver must not.
 */
#ifndef PEER_H
#define PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/virtio_config.h>
#include <linux/virtio_gpu.h>
#include <linux/virtio_ring.h>

#include "fake-render.h"
#include "gpu_device.h"
#include "gpu_limits.h"
#include "transport_local.h"
#include "xen/vgpuif.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define PEER_POOL_PAGES  2048u
#define PEER_OTHER_PAGES 64u /* granted, but not part of the pool */
#define PEER_WINDOW      (64ull << 20)
#define PEER_CONTEXTS    4u

struct peer_queue {
    uint32_t size;
    uint64_t address[3];
    struct vring_desc *desc;
    uint16_t *avail, *used; /* flags, index, entries, event */
    uint16_t next_avail, seen_used;
    uint32_t free_head; /* the next descriptor to use, round robin */
};

struct peer {
    struct transport_local *local;
    struct gpu_device *device;
    struct vgpu_control *control;
    struct peer_queue queues[VGPU_NUM_QUEUES];
    uint64_t features;
    uint32_t queue_size;
    uint32_t pool_used; /* bytes; goes round */
    uint32_t sequence;
    uint32_t blob_sequence; /* of the last one answered */
};

/* A request that was sent. */
struct peer_request {
    uint16_t head;
    void *response; /* in the guest's memory, or NULL */
    uint32_t written;
    bool done;
};

struct peer_options {
    bool per_blob, window_used, no_venus;
    bool no_event_index, no_indirect;
    uint32_t queue_size; /* of the control queue; 0 for 64 */
    bool not_started;    /* leave the device as it was created */
};

/* A peer, with a started device. Fails the test if that does not work. */
struct peer *peer_create(const struct peer_options *options);
void peer_destroy(struct peer *peer);

/* ---- memory ---- */

/* Bytes of the pool, 64-byte aligned and zeroed, and their address for the device. */
void *peer_alloc(struct peer *peer, size_t size, uint64_t *address);
/* Where an address is in the guest's memory. */
void *peer_at(struct peer *peer, uint64_t address);
/* The address of the first byte of the n-th page that is not part of the pool. */
uint64_t peer_other(struct peer *peer, uint32_t page);

/* ---- the control page ---- */

/* Write a request and tell the device. The status, or -1 while it is not answered. */
int peer_op(struct peer *peer, uint32_t op, uint32_t queue, uint32_t size, uint64_t a, uint64_t b,
            uint64_t c);
/* The answer to the last one, as above. */
int peer_op_status(const struct peer *peer);
/* SET_FEATURES, SETUP_QUEUE of both, START. */
void peer_start(struct peer *peer, uint64_t features);
/* Answer a request to map or unmap. False if there is none. */
bool peer_blob_answer(struct peer *peer, uint32_t status);

/* ---- virtqueues ---- */

/* Forget what is in a queue, and lay out its memory anew. */
void peer_queue_layout(struct peer *peer, uint32_t index, uint32_t size);
/* Make `head` available, without an event. */
void peer_make_available(struct peer *peer, uint32_t queue, uint16_t head);
/* Put a request into a queue, without an event; indirect if the device can. */
struct peer_request peer_put(struct peer *peer, uint32_t queue, const void *command, size_t size,
                             size_t response_size);
/* Send the event and let everything happen that can. */
void peer_kick(struct peer *peer);
/* Let render processes say what they have to, until nobody has anything to do. */
void peer_run(struct peer *peer);
/* Look for the answer. */
bool peer_poll(struct peer *peer, struct peer_request *request);
/* The type of the response, or 0 when there is none yet. */
uint32_t peer_type(struct peer *peer, struct peer_request *request);

/* Send a command on the control queue and kick. */
struct peer_request peer_send(struct peer *peer, const void *command, size_t size,
                              size_t response_size);
/* The same, and the type of the response; 0 when it is not answered. */
uint32_t peer_command(struct peer *peer, const void *command, size_t size);

bool peer_halted(const struct peer *peer);
struct gpu_device_stats peer_stats(const struct peer *peer);

/* ---- commands ---- */

struct virtio_gpu_ctrl_hdr peer_hdr(uint32_t type, uint32_t context);
uint32_t peer_ctx_create(struct peer *peer, uint32_t context);
uint32_t peer_ctx_destroy(struct peer *peer, uint32_t context);
struct peer_request peer_send_submit(struct peer *peer, uint32_t context, uint32_t word,
                                     uint32_t flags, uint8_t ring_idx, uint64_t fence);
uint32_t peer_submit(struct peer *peer, uint32_t context, uint32_t word);
/* A mappable blob of the host. */
struct peer_request peer_send_create(struct peer *peer, uint32_t context, uint32_t resource,
                                     uint64_t blob_id, uint64_t size);
uint32_t peer_create_blob(struct peer *peer, uint32_t context, uint32_t resource, uint64_t size);
struct peer_request peer_send_map(struct peer *peer, uint32_t resource, uint64_t offset);
uint32_t peer_map(struct peer *peer, uint32_t resource, uint64_t offset);
struct peer_request peer_send_simple(struct peer *peer, uint32_t type, uint32_t context,
                                     uint32_t resource);
/* UNMAP_BLOB, UNREF, CTX_ATTACH/DETACH_RESOURCE, DETACH_BACKING, ASSIGN_UUID. */
uint32_t peer_simple(struct peer *peer, uint32_t type, uint32_t context, uint32_t resource);

/* ---- render processes: fake-render.c, or a test that has real ones ---- */

/* Before the device is created: fill in what it needs for them. */
void peer_world_start(struct gpu_device_params *params);
/* Let one of them say something to the device. False when there is nothing to say. */
bool peer_world_step(struct peer *peer);
/* None must be left. */
void peer_world_end(void);

/* ---- time, which the tests stop ---- */

extern int64_t peer_time_ms;

#endif
