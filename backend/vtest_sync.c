/* SPDX-License-Identifier: MIT */
#include "vtest_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vtest_limits.h"
#include "vtest_protocol.h"
#include "vtest_message.h"

#define FIRST_PRUNE 8 /* waits */

struct vtest_sync {
    uint64_t value;
    uint32_t references;       /* its id, and points of waits and fences */
    struct vtest_point *waits; /* unsatisfied points of waits */
};

/* A value that a wait needs or that a fence sets. */
struct vtest_point {
    struct vtest_sync *sync;
    uint64_t value;
    struct vtest_wait *wait;          /* NULL for a fence's */
    struct vtest_point *next, **link; /* in sync->waits; link NULL: not there */
};

struct vtest_wait {
    struct vtest_wait *next, **link; /* in syncs->waits */
    int fd;                          /* write end of the pipe whose other end the client has */
    uint32_t missing;                /* points that must still be satisfied */
    uint32_t count;                  /* 0 once it is satisfied */
    struct vtest_point points[];
};

struct vtest_fence {
    struct vtest_fence *next, **link; /* in syncs->fences */
    uint32_t count;
    struct vtest_point points[];
};

void vtest_syncs_init(struct vtest_syncs *syncs)
{
    *syncs = (struct vtest_syncs){.prune_at = FIRST_PRUNE, .ready_fd = -1, .never_fd = -1};
    pthread_mutex_init(&syncs->lock, NULL);
}

static struct vtest_sync *sync_find(const struct vtest_syncs *syncs, uint32_t id)
{
    return id && id <= syncs->ids.highest ? syncs->by_id[id - 1] : NULL;
}

static void sync_put(struct vtest_sync *sync)
{
    if (!--sync->references)
        free(sync);
}

static void point_unlink(struct vtest_point *point)
{
    if (!point->link)
        return;
    *point->link = point->next;
    if (point->next)
        point->next->link = point->link;
    point->link = NULL;
}

static void point_link(struct vtest_point *point)
{
    point->link = &point->sync->waits;
    point->next = *point->link;
    if (point->next)
        point->next->link = &point->next;
    *point->link = point;
}

static void points_release(struct vtest_syncs *syncs, struct vtest_point *points, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        point_unlink(&points[i]);
        sync_put(points[i].sync);
    }
    syncs->point_count -= count;
}

/* Fill in points from the wire and take references. Nothing is taken on an error. */
static int points_acquire(struct vtest_syncs *syncs, const uint32_t *words, uint32_t count,
                          struct vtest_wait *wait, struct vtest_point *points)
{
    for (uint32_t i = 0; i < count; i++, words += VTEST_POINT_WORDS) {
        struct vtest_sync *sync = sync_find(syncs, words[0]);
        if (!sync)
            return -ENOENT;
        points[i] = (struct vtest_point){.sync = sync, .value = vtest_u64(words + 1), .wait = wait};
    }
    for (uint32_t i = 0; i < count; i++)
        points[i].sync->references++;
    syncs->point_count += count;
    return 0;
}

static int wait_alloc(struct vtest_syncs *syncs, const uint32_t *words, uint32_t count,
                      struct vtest_wait **wait)
{
    if (count > VTEST_MAX_POINTS - syncs->point_count)
        return -E2BIG;
    struct vtest_wait *w = calloc(1, sizeof(*w) + count * sizeof(w->points[0]));
    if (!w)
        return -ENOMEM;
    const int error = points_acquire(syncs, words, count, w, w->points);
    if (error) {
        free(w);
        return error;
    }
    w->fd = -1;
    w->count = count;
    *wait = w;
    return 0;
}

/* Drop a wait; without a byte in the pipe the client sees a hang-up. */
static void wait_free(struct vtest_syncs *syncs, struct vtest_wait *wait)
{
    if (wait->link) {
        *wait->link = wait->next;
        if (wait->next)
            wait->next->link = wait->link;
        syncs->wait_count--;
    }
    points_release(syncs, wait->points, wait->count);
    if (wait->fd >= 0)
        close(wait->fd);
    free(wait);
}

/*
 * Make the client's end readable.  Ours stays open until the client has closed its own: Linux's
 * poll() looks for data first and for writers then, without a lock.  Would we close here, a client
 * that is just between the two would see a hang-up and no data, which means a lost device.
 */
static void wait_satisfy(struct vtest_syncs *syncs, struct vtest_wait *wait)
{
    /* The pipe is empty, so this cannot block; it fails only when the client has closed its end. */
    while (write(wait->fd, "", 1) < 0 && errno == EINTR)
        ;
    points_release(syncs, wait->points, wait->count);
    wait->count = 0;
}

static void sync_set(struct vtest_syncs *syncs, struct vtest_sync *sync, uint64_t value)
{
    sync->value = value;
    sync->references++; /* a satisfied wait may drop the last one */
    struct vtest_point *point = sync->waits;
    while (point) {
        struct vtest_point *next = point->next;
        if (point->value <= value) {
            point_unlink(point);
            if (!--point->wait->missing) {
                wait_satisfy(syncs, point->wait);
                /* Other points of that wait are gone too, maybe `next` among them. */
                next = sync->waits;
            }
        }
        point = next;
    }
    sync_put(sync);
}

void vtest_syncs_finish(struct vtest_syncs *syncs)
{
    while (syncs->waits)
        wait_free(syncs, syncs->waits);
    while (syncs->fences)
        vtest_fence_cancel(syncs, syncs->fences);
    for (uint32_t i = 0; i < syncs->ids.highest; i++) {
        if (syncs->by_id[i])
            sync_put(syncs->by_id[i]);
    }
    if (syncs->ready_fd >= 0)
        close(syncs->ready_fd);
    if (syncs->never_fd >= 0)
        close(syncs->never_fd);
    free(syncs->by_id);
    vtest_ids_finish(&syncs->ids);
    pthread_mutex_destroy(&syncs->lock);
}

/* Room in by_id for `id`. */
static bool table_grow(struct vtest_syncs *syncs, uint32_t id)
{
    if (id <= syncs->capacity)
        return true;
    const size_t capacity = syncs->capacity ? syncs->capacity * 2 : 64;
    struct vtest_sync **table = realloc(syncs->by_id, capacity * sizeof(*table));
    if (!table)
        return false;
    memset(table + syncs->capacity, 0, (capacity - syncs->capacity) * sizeof(*table));
    syncs->by_id = table;
    syncs->capacity = capacity;
    return true;
}

static int sync_create_locked(struct vtest_syncs *syncs, struct vtest_sync *sync, uint32_t *id)
{
    /* Grow before the id is taken, so that every id up to ids.highest has its entry. */
    if (!table_grow(syncs, syncs->ids.highest + 1))
        return -ENOMEM;
    *id = vtest_ids_get(&syncs->ids, VTEST_MAX_SYNCS);
    if (!*id)
        return syncs->ids.highest >= VTEST_MAX_SYNCS ? -E2BIG : -ENOMEM;
    syncs->by_id[*id - 1] = sync;
    return 0;
}

int vtest_sync_create(struct vtest_syncs *syncs, uint64_t value, uint32_t *id)
{
    struct vtest_sync *sync = malloc(sizeof(*sync));
    if (!sync)
        return -ENOMEM;
    *sync = (struct vtest_sync){.value = value, .references = 1};
    pthread_mutex_lock(&syncs->lock);
    const int error = sync_create_locked(syncs, sync, id);
    pthread_mutex_unlock(&syncs->lock);
    if (error)
        free(sync);
    return error;
}

int vtest_sync_unref(struct vtest_syncs *syncs, uint32_t id)
{
    pthread_mutex_lock(&syncs->lock);
    struct vtest_sync *sync = sync_find(syncs, id);
    if (sync) {
        syncs->by_id[id - 1] = NULL;
        vtest_ids_put(&syncs->ids, id);
        sync_put(sync);
    }
    pthread_mutex_unlock(&syncs->lock);
    return sync ? 0 : -ENOENT;
}

int vtest_sync_read(struct vtest_syncs *syncs, uint32_t id, uint64_t *value)
{
    pthread_mutex_lock(&syncs->lock);
    const struct vtest_sync *sync = sync_find(syncs, id);
    if (sync)
        *value = sync->value;
    pthread_mutex_unlock(&syncs->lock);
    return sync ? 0 : -ENOENT;
}

int vtest_sync_write(struct vtest_syncs *syncs, uint32_t id, uint64_t value)
{
    pthread_mutex_lock(&syncs->lock);
    struct vtest_sync *sync = sync_find(syncs, id);
    if (sync)
        sync_set(syncs, sync, value);
    pthread_mutex_unlock(&syncs->lock);
    return sync ? 0 : -ENOENT;
}

int vtest_syncs_set(struct vtest_syncs *syncs, const uint32_t *points, uint32_t count)
{
    int error = 0;
    pthread_mutex_lock(&syncs->lock);
    for (uint32_t i = 0; i < count && !error; i++) {
        if (!sync_find(syncs, points[i * VTEST_POINT_WORDS]))
            error = -ENOENT;
    }
    for (uint32_t i = 0; i < count && !error; i++, points += VTEST_POINT_WORDS)
        sync_set(syncs, sync_find(syncs, points[0]), vtest_u64(points + 1));
    pthread_mutex_unlock(&syncs->lock);
    return error;
}

/* Drop waits whose client has closed its end: satisfied ones, or after a timeout of its own. */
static void prune_waits(struct vtest_syncs *syncs)
{
    struct vtest_wait *wait = syncs->waits;
    while (wait) {
        struct vtest_wait *batch[64];
        struct pollfd fds[64];
        int n = 0;
        for (; wait && n < 64; wait = wait->next) {
            batch[n] = wait;
            fds[n++] = (struct pollfd){.fd = wait->fd};
        }
        if (poll(fds, n, 0) <= 0)
            continue;
        for (int i = 0; i < n; i++) {
            if (fds[i].revents & POLLERR)
                wait_free(syncs, batch[i]);
        }
    }
    syncs->prune_at = syncs->wait_count * 2 > FIRST_PRUNE ? syncs->wait_count * 2 : FIRST_PRUNE;
    if (syncs->prune_at > VTEST_MAX_WAITS)
        syncs->prune_at = VTEST_MAX_WAITS;
}

static int shared_fd(int *fd, unsigned value)
{
    if (*fd < 0)
        *fd = eventfd(value, EFD_CLOEXEC | EFD_NONBLOCK);
    return *fd < 0 ? -errno : *fd;
}

/* Whether the wait is satisfied by what the syncs are now; otherwise counts what is missing. */
static bool wait_check(struct vtest_wait *wait, bool any)
{
    uint32_t missing = 0;
    for (uint32_t i = 0; i < wait->count; i++)
        missing += wait->points[i].sync->value < wait->points[i].value;
    wait->missing = any && missing ? 1 : missing;
    return !missing || (any && missing < wait->count);
}

static int wait_start(struct vtest_syncs *syncs, struct vtest_wait *wait, int *fd)
{
    if (syncs->wait_count >= syncs->prune_at)
        prune_waits(syncs);
    if (syncs->wait_count >= VTEST_MAX_WAITS)
        return -E2BIG;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
        return -errno;
    *fd = ends[0];
    wait->fd = ends[1];
    for (uint32_t i = 0; i < wait->count; i++) {
        if (wait->points[i].sync->value < wait->points[i].value)
            point_link(&wait->points[i]);
    }
    wait->link = &syncs->waits;
    wait->next = syncs->waits;
    if (wait->next)
        wait->next->link = &wait->next;
    syncs->waits = wait;
    syncs->wait_count++;
    return 0;
}

int vtest_sync_wait(struct vtest_syncs *syncs, bool any, uint32_t timeout_ms,
                    const uint32_t *points, uint32_t count, int *fd, bool *owned)
{
    struct vtest_wait *wait;
    *owned = false;
    pthread_mutex_lock(&syncs->lock);
    int error = wait_alloc(syncs, points, count, &wait);
    if (error)
        goto unlock;
    bool started = false;
    if (wait_check(wait, any)) {
        *fd = shared_fd(&syncs->ready_fd, 1);
    } else if (!timeout_ms) {
        *fd = shared_fd(&syncs->never_fd, 0);
    } else {
        error = wait_start(syncs, wait, fd);
        started = !error;
        *owned = started;
    }
    if (!error && *fd < 0)
        error = *fd;
    if (!started)
        wait_free(syncs, wait);
unlock:
    pthread_mutex_unlock(&syncs->lock);
    return error;
}

static int fence_alloc(struct vtest_syncs *syncs, const uint32_t *points, uint32_t count,
                       struct vtest_fence **fence)
{
    if (count > VTEST_MAX_POINTS - syncs->point_count)
        return -E2BIG;
    struct vtest_fence *f = calloc(1, sizeof(*f) + count * sizeof(f->points[0]));
    if (!f)
        return -ENOMEM;
    const int error = points_acquire(syncs, points, count, NULL, f->points);
    if (error) {
        free(f);
        return error;
    }
    f->count = count;
    f->link = &syncs->fences;
    f->next = syncs->fences;
    if (f->next)
        f->next->link = &f->next;
    syncs->fences = f;
    *fence = f;
    return 0;
}

int vtest_fence_create(struct vtest_syncs *syncs, const uint32_t *points, uint32_t count,
                       struct vtest_fence **fence)
{
    pthread_mutex_lock(&syncs->lock);
    const int error = fence_alloc(syncs, points, count, fence);
    pthread_mutex_unlock(&syncs->lock);
    return error;
}

static void fence_free(struct vtest_syncs *syncs, struct vtest_fence *fence)
{
    *fence->link = fence->next;
    if (fence->next)
        fence->next->link = fence->link;
    points_release(syncs, fence->points, fence->count);
    free(fence);
}

void vtest_fence_retire(struct vtest_syncs *syncs, struct vtest_fence *fence)
{
    pthread_mutex_lock(&syncs->lock);
    for (uint32_t i = 0; i < fence->count; i++)
        sync_set(syncs, fence->points[i].sync, fence->points[i].value);
    fence_free(syncs, fence);
    pthread_mutex_unlock(&syncs->lock);
}

void vtest_fence_cancel(struct vtest_syncs *syncs, struct vtest_fence *fence)
{
    pthread_mutex_lock(&syncs->lock);
    fence_free(syncs, fence);
    pthread_mutex_unlock(&syncs->lock);
}
