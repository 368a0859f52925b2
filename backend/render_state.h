/* SPDX-License-Identifier: MIT */
/*
 * What a render process was asked for and has not answered, and which of the guest's memory it uses:
 * its answers are checked against this.
 */
#ifndef BACKEND_RENDER_STATE_H
#define BACKEND_RENDER_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "render_limits.h"

struct render_resource {
    struct render_resource *next;
    uint32_t id;
    bool slice;      /* of the window, or a blob of the process */
    bool ready;      /* has been answered */
    bool dropped;    /* by the guest: RELEASED is to come */
    bool draining;   /* it has come, but a dma-buf of the slice is still in use */
    uint64_t offset; /* of a slice */
    uint64_t size;   /* bytes, page-rounded for a blob */
};

struct render_fence {
    struct render_fence *next;
    uint32_t ring_idx;
    uint64_t id;
};

struct render_ring {
    uint32_t res_id;
    uint64_t status; /* offset in the window */
};

#define RENDER_BUCKETS 256

struct render_state {
    struct render_resource *resources[RENDER_BUCKETS]; /* hash by id */
    struct render_fence *fences, **last_fence;         /* oldest first */
    struct render_ring rings[RENDER_MAX_RINGS];
    uint32_t ring_count, oldest_ring;
};

void render_state_init(struct render_state *state);
void render_state_finish(struct render_state *state);

/* The resource, or NULL. */
struct render_resource *render_state_find(struct render_state *state, uint32_t id);
const struct render_resource *render_state_find_const(const struct render_state *state,
                                                      uint32_t id);
/* A new one without ready and dropped. NULL without memory. */
struct render_resource *render_state_add(struct render_state *state, uint32_t id);
/* Forget it and the rings in it. */
void render_state_remove(struct render_state *state, uint32_t id);

/* False without memory. */
bool render_state_add_fence(struct render_state *state, uint32_t ring_idx, uint64_t id);
/* Forget the oldest such fence. False if there is none. */
bool render_state_remove_fence(struct render_state *state, uint32_t ring_idx, uint64_t id);

/* Remember the status word of a ring in a slice.  False if there is no such word.  Rings that are
 * gone are not reported, so that when there are too many the oldest goes, but never the first one,
 * which is the one that every wait in Mesa looks at. */
bool render_state_add_ring(struct render_state *state, uint32_t res_id, uint64_t offset);

#endif
