/* SPDX-License-Identifier: MIT */
#include "render_state.h"

#include <stdlib.h>
#include <string.h>

void render_state_init(struct render_state *state)
{
    memset(state, 0, sizeof(*state));
    state->last_fence = &state->fences;
    state->oldest_ring = 1;
}

void render_state_finish(struct render_state *state)
{
    for (unsigned int i = 0; i < RENDER_BUCKETS; i++) {
        while (state->resources[i]) {
            struct render_resource *resource = state->resources[i];
            state->resources[i] = resource->next;
            free(resource);
        }
    }
    while (state->fences) {
        struct render_fence *fence = state->fences;
        state->fences = fence->next;
        free(fence);
    }
}

/* ---- resources ---- */

/* The link that points to the resource, or the empty one at the end of its chain. */
static struct render_resource **find_link(struct render_state *state, uint32_t id)
{
    struct render_resource **link = &state->resources[id % RENDER_BUCKETS];
    while (*link && (*link)->id != id)
        link = &(*link)->next;
    return link;
}

struct render_resource *render_state_find(struct render_state *state, uint32_t id)
{
    return *find_link(state, id);
}

const struct render_resource *render_state_find_const(const struct render_state *state, uint32_t id)
{
    const struct render_resource *resource = state->resources[id % RENDER_BUCKETS];
    while (resource && resource->id != id)
        resource = resource->next;
    return resource;
}

struct render_resource *render_state_add(struct render_state *state, uint32_t id)
{
    struct render_resource *resource = calloc(1, sizeof(*resource));
    if (!resource)
        return NULL;
    struct render_resource **head = &state->resources[id % RENDER_BUCKETS];
    resource->id = id;
    resource->next = *head;
    *head = resource;
    return resource;
}

static void remove_rings(struct render_state *state, uint32_t res_id)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < state->ring_count; i++) {
        if (state->rings[i].res_id != res_id)
            state->rings[kept++] = state->rings[i];
    }
    if (kept != state->ring_count)
        state->oldest_ring = 1;
    state->ring_count = kept;
}

void render_state_remove(struct render_state *state, uint32_t id)
{
    struct render_resource **link = find_link(state, id);
    struct render_resource *resource = *link;
    if (!resource)
        return;
    remove_rings(state, id);
    *link = resource->next;
    free(resource);
}

/* ---- fences ---- */

bool render_state_add_fence(struct render_state *state, uint32_t ring_idx, uint64_t id)
{
    struct render_fence *fence = calloc(1, sizeof(*fence));
    if (!fence)
        return false;
    fence->ring_idx = ring_idx;
    fence->id = id;
    *state->last_fence = fence;
    state->last_fence = &fence->next;
    return true;
}

bool render_state_remove_fence(struct render_state *state, uint32_t ring_idx, uint64_t id)
{
    struct render_fence **link = &state->fences;
    while (*link && ((*link)->ring_idx != ring_idx || (*link)->id != id))
        link = &(*link)->next;
    if (!*link)
        return false;
    struct render_fence *fence = *link;
    *link = fence->next;
    if (!*link)
        state->last_fence = link;
    free(fence);
    return true;
}

/* ---- rings ---- */

bool render_state_add_ring(struct render_state *state, uint32_t res_id, uint64_t offset)
{
    const struct render_resource *resource = render_state_find(state, res_id);
    if (!resource || !resource->slice || offset % 4 || resource->size < 4 ||
        offset > resource->size - 4)
        return false;
    struct render_ring *ring;
    if (state->ring_count < RENDER_MAX_RINGS) {
        ring = &state->rings[state->ring_count++];
    } else {
        ring = &state->rings[state->oldest_ring];
        state->oldest_ring = state->oldest_ring % (RENDER_MAX_RINGS - 1) + 1;
    }
    *ring = (struct render_ring){.res_id = res_id, .status = resource->offset + offset};
    return true;
}
