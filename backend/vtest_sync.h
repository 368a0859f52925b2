/* SPDX-License-Identifier: MIT */
/*
 * The sync objects of one client: 64-bit counters that submissions set when the GPU is done, that
 * the client reads, writes and waits for.
 *
 * A wait never blocks: it returns a file descriptor for the client to poll.  Fences are retired by
 * the renderer's threads, which wake the client directly; one lock guards everything.
 *
 * SIGPIPE must be ignored: a wait may be satisfied after the client has closed its end.
 *
 * Functions that name syncs return 0 or -ENOENT (unknown id), -E2BIG (a limit of vtest_limits.h),
 * -ENOMEM, or the error of a failed system call (-EMFILE ...).  Arrays of points are as on the
 * wire, VTEST_POINT_WORDS words each.
 */
#ifndef VTEST_SYNC_H
#define VTEST_SYNC_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vtest_ids.h"

struct vtest_sync;
struct vtest_wait;
struct vtest_fence;

struct vtest_syncs {
    pthread_mutex_t lock;
    struct vtest_ids ids;
    struct vtest_sync **by_id; /* index id - 1 */
    size_t capacity;
    struct vtest_wait *waits;    /* whose pipe we have open */
    size_t wait_count, prune_at; /* look for waits that the client has closed at this count */
    struct vtest_fence *fences;  /* not retired */
    size_t point_count;          /* of all waits and fences */
    int ready_fd;                /* always readable, shared by satisfied waits; -1: not made yet */
    int never_fd;                /* never readable, shared by polls of unsatisfied ones */
};

void vtest_syncs_init(struct vtest_syncs *syncs);
/* Drops all syncs and waits (whoever polls one sees a hang-up), and fences that were not retired.
 */
void vtest_syncs_finish(struct vtest_syncs *syncs);

int vtest_sync_create(struct vtest_syncs *syncs, uint64_t value, uint32_t *id);
/* Pending waits and fences keep the sync alive; its id may be reused at once. */
int vtest_sync_unref(struct vtest_syncs *syncs, uint32_t id);
int vtest_sync_read(struct vtest_syncs *syncs, uint32_t id, uint64_t *value);
int vtest_sync_write(struct vtest_syncs *syncs, uint32_t id, uint64_t value);
/* Set several syncs at once; none when one of the ids is unknown. */
int vtest_syncs_set(struct vtest_syncs *syncs, const uint32_t *points, uint32_t count);

/*
 * Wait until all (or, with `any`, one) of the syncs have at least their value.  *fd turns readable
 * when that is so.  Close it after handing it out if *owned; otherwise it is shared and stays.
 *
 * Should our process die, the client's copy shows a hang-up without being readable, which Mesa
 * takes as a lost device.  `timeout_ms` 0 asks for the present state only; other timeouts are
 * watched by the client alone.  Waits that it has closed are dropped when their number grows.
 */
int vtest_sync_wait(struct vtest_syncs *syncs, bool any, uint32_t timeout_ms,
                    const uint32_t *points, uint32_t count, int *fd, bool *owned);

/* Remember points to be set when a fence is reached. */
int vtest_fence_create(struct vtest_syncs *syncs, const uint32_t *points, uint32_t count,
                       struct vtest_fence **fence);
/* Set the fence's points and free it. From any thread, once. */
void vtest_fence_retire(struct vtest_syncs *syncs, struct vtest_fence *fence);
/* Free it without setting anything. */
void vtest_fence_cancel(struct vtest_syncs *syncs, struct vtest_fence *fence);

#endif
