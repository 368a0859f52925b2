/* SPDX-License-Identifier: MIT */
/*
 * Rings.
 *
 * The client appends commands to a circular buffer in shared memory and stores the new tail; our
 * thread copies everything up to the tail to private memory, runs it, and stores the head after
 * every command.  Head and tail are free-running byte counts, so that positions double as sequence
 * numbers.  The client polls the head for replies.
 *
 * The virtqueue's thread, when it must wait for a position, runs the commands up to it itself if
 * nobody does: that takes less time than to wake this thread and to be woken by it, and is what a
 * client's every frame does several times.  Whoever runs commands holds ring->run.
 *
 * Between commands the thread first polls the tail, then naps, and after the client's idle timeout
 * sets IDLE and sleeps until it is notified.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pnext.h"
#include "ring.h"
#include "thread.h"

/* Marks a position in venus_ring.awaited. */
#define AWAITED (1ull << 32)

/* Polling, always with sched_yield(), as the client may need this very processor to go on: at least
 * SPIN_MIN; when gaps were shorter than SPIN_GAP lately, long enough to catch the next command of a
 * client that answers as quickly.  All in nanoseconds. */
#define SPIN_MIN 20000u
#define SPIN_GAP 100000u

/* Looks at the tail for each sched_yield(), which takes as long as several of them: a client's next
 * small command comes this soon. */
#define SPIN_LOOKS 200

/* How long the ring polls for the virtqueue before it sleeps. */
#define WAIT_SPIN 50000u

/* Then naps, each a fraction of the time that has passed, so that they add little latency in
 * proportion, and are few. */
#define NAP_FRACTION 4
#define NAP_MIN      30000u
#define NAP_MAX      10000000u

/* How long after setting IDLE the tail is looked at once more. */
#define SECOND_LOOK 1000000u

/* ---- layout ---- */

struct area {
    size_t begin, size;
};

static bool overlap(const struct area *a, const struct area *b)
{
    return a->size && b->size && a->begin < b->begin + b->size && b->begin < a->begin + a->size;
}

const char *venus_ring_layout_init(struct venus_ring_layout *layout,
                                   const VkRingCreateInfoMESA *info, size_t resource_size)
{
    const struct area areas[] = {
        {info->headOffset, 4},
        {info->tailOffset, 4},
        {info->statusOffset, 4},
        {info->bufferOffset, info->bufferSize},
        {info->extraOffset, info->extraSize},
    };
    const unsigned int count = sizeof(areas) / sizeof(areas[0]);

    if (info->offset > resource_size || info->size > resource_size - info->offset)
        return "it is not inside its resource";
    if (info->offset % 4)
        return "its offset is not a multiple of 4";
    if (info->bufferSize < 4 || info->bufferSize > VENUS_MAX_RING_BUFFER ||
        (info->bufferSize & (info->bufferSize - 1)))
        return "its buffer's size is not a power of two within the limits";
    for (unsigned int i = 0; i < count; i++) {
        if (areas[i].begin > info->size || areas[i].size > info->size - areas[i].begin)
            return "a part is not inside it";
        if (areas[i].begin % 4 || areas[i].size % 4)
            return "a part is not aligned to 4 bytes";
        for (unsigned int j = 0; j < i; j++)
            if (overlap(&areas[i], &areas[j]))
                return "two of its parts overlap";
    }

    *layout = (struct venus_ring_layout){
        .head = info->offset + info->headOffset,
        .tail = info->offset + info->tailOffset,
        .status = info->offset + info->statusOffset,
        .buffer = info->offset + info->bufferOffset,
        .buffer_size = (uint32_t)info->bufferSize,
        .extra = info->offset + info->extraOffset,
        .extra_size = info->extraSize,
    };
    return NULL;
}

/* ---- waiting for commands, on the ring's thread ---- */

static bool must_stop(const struct venus_ring *ring)
{
    /* Nothing is read on the strength of this flag but what ring->lock protects. */
    return atomic_load_explicit(&ring->stop, memory_order_relaxed);
}

static void note_gap(struct venus_ring *ring, uint64_t gap)
{
    ring->average_gap = (7 * ring->average_gap + gap) / 8;
}

static uint64_t spin_time(const struct venus_ring *ring)
{
    return ring->average_gap < SPIN_GAP ? SPIN_MIN + 4 * ring->average_gap : SPIN_MIN;
}

/* Whether there are commands that have not run yet. */
static bool has_commands(const struct venus_ring *ring)
{
    return atomic_load_explicit(ring->tail, memory_order_relaxed) !=
           atomic_load_explicit(&ring->position, memory_order_relaxed);
}

/* Whether there are commands that nobody runs: then ring->run is held. Looks several times. */
static bool look(struct venus_ring *ring)
{
    for (unsigned int i = 0; i < SPIN_LOOKS; i++) {
        if (has_commands(ring))
            return !pthread_mutex_trylock(&ring->run);
        venus_cpu_relax();
    }
    return false;
}

/* Sleep for a part of the time that has passed, or until a notification. */
static void nap(struct venus_ring *ring, uint32_t seen, uint64_t now, uint64_t elapsed)
{
    uint64_t time = elapsed / NAP_FRACTION;
    if (time < NAP_MIN)
        time = NAP_MIN;
    if (time > NAP_MAX)
        time = NAP_MAX;
    if (time > ring->idle_timeout - elapsed)
        time = ring->idle_timeout - elapsed;

    pthread_mutex_lock(&ring->lock);
    if (!must_stop(ring) && ring->notifications == seen)
        venus_cond_wait_until(&ring->wake, &ring->lock, now + time);
    pthread_mutex_unlock(&ring->lock);
}

/* Sleep until there is a notification that is not `seen`, a new tail, or the ring ends. */
static void sleep_idle(struct venus_ring *ring, uint32_t seen)
{
    bool looked_again = false;
    const uint64_t second_look = venus_now_ns() + SECOND_LOOK;

    pthread_mutex_lock(&ring->lock);
    ring->idle = true;
    /*
     * Orders IDLE before our load of the tail below, as the client must order its store of the tail
     * before its load of the status: then one of us sees what the other did.
     */
    atomic_fetch_or_explicit(ring->status, VENUS_RING_IDLE, memory_order_seq_cst);
    while (!must_stop(ring) && ring->notifications == seen &&
           atomic_load_explicit(ring->tail, memory_order_seq_cst) == ring->position) {
        if (looked_again) {
            pthread_cond_wait(&ring->wake, &ring->lock);
        } else {
            /*
             * Mesa stores the tail with release order and then loads the status, which lets
             * processors delay the store beyond the load: both of us could miss the other.  No
             * processor holds back a store for long, so that a second look finds it.
             */
            looked_again =
                venus_cond_wait_until(&ring->wake, &ring->lock, second_look) == ETIMEDOUT;
            if (looked_again) {
                pthread_mutex_unlock(&ring->lock);
                venus_page_cache_trim(&ring->context->pages);
                pthread_mutex_lock(&ring->lock);
            }
        }
    }
    atomic_fetch_and_explicit(ring->status, ~(uint32_t)VENUS_RING_IDLE, memory_order_seq_cst);
    ring->idle = false;
    pthread_mutex_unlock(&ring->lock);

    if (ring->monitor)
        venus_monitor_kick(ring->monitor);
}

/*
 * Wait for commands that nobody runs: then ring->run is held.  False when the ring must end.
 *
 * A client that sees IDLE sends a notification only if its last one is older than the idle timeout.
 * Hence we count that time from the last notification or command, and never set IDLE earlier.
 */
static bool wait_for_commands(struct venus_ring *ring)
{
    uint32_t seen = ring->notifications;
    uint32_t position = atomic_load_explicit(&ring->position, memory_order_relaxed);
    uint64_t start = 0, elapsed = 0;

    while (!must_stop(ring)) {
        if (look(ring)) {
            note_gap(ring, elapsed);
            return true;
        }
        const uint64_t now = venus_now_ns();
        const uint32_t notifications = ring->notifications;
        /* The virtqueue's thread may have run commands, too. */
        const uint32_t reached_now = atomic_load_explicit(&ring->position, memory_order_relaxed);
        if (!start || notifications != seen || reached_now != position) {
            start = now;
            seen = notifications;
            position = reached_now;
        }
        elapsed = now - start;
        if (elapsed >= ring->idle_timeout && has_commands(ring)) {
            /* The virtqueue's thread runs them: not idle, and nothing to poll for. */
            pthread_mutex_lock(&ring->run);
            if (!must_stop(ring))
                return true;
            pthread_mutex_unlock(&ring->run);
        } else if (elapsed >= ring->idle_timeout) {
            sleep_idle(ring, seen);
            start = 0;
        } else if (elapsed < spin_time(ring)) {
            sched_yield();
        } else {
            nap(ring, seen, now, elapsed);
        }
    }
    return false;
}

/* Whether the virtqueue has reached what the ring's last vkWaitVirtqueueSeqnoMESA asks for. */
static bool virtqueue_reached(const struct venus_ring *ring)
{
    return atomic_load_explicit(&ring->virtqueue_seqno, memory_order_acquire) >=
           atomic_load_explicit(&ring->required_seqno, memory_order_relaxed);
}

/* Wait for that, or until the ring must end. */
static void wait_virtqueue(struct venus_ring *ring)
{
    if (virtqueue_reached(ring))
        return;
    const uint64_t end = venus_now_ns() + WAIT_SPIN;
    while (!virtqueue_reached(ring) && !must_stop(ring) && venus_now_ns() < end)
        sched_yield();

    pthread_mutex_lock(&ring->lock);
    ring->wants_virtqueue = true;
    while (!must_stop(ring) && !virtqueue_reached(ring))
        pthread_cond_wait(&ring->wake, &ring->lock);
    ring->wants_virtqueue = false;
    pthread_mutex_unlock(&ring->lock);
}

/* ---- running commands, with ring->run held ---- */

/* Whether `position` is at or behind `target`, both counting modulo 2^32. */
static bool reached(uint32_t position, uint32_t target)
{
    return (int32_t)(position - target) >= 0;
}

/* The position that the virtqueue waits for has been reached. */
static void end_wait(struct venus_decoder *d, struct venus_ring *ring)
{
    if (ring->lent) { /* it is the virtqueue itself that runs this */
        d->end = d->cur;
        return;
    }
    /* The waiter holds the lock between its look at the position and its sleep.  It is woken without
     * it, or it would at once sleep again until it gets the lock. */
    pthread_mutex_lock(&ring->lock);
    pthread_mutex_unlock(&ring->lock);
    pthread_cond_broadcast(&ring->progress);
}

/* Called after every command. */
static void publish(struct venus_decoder *d, size_t consumed)
{
    struct venus_ring *ring = d->ring;
    const uint32_t position = ring->batch + (uint32_t)consumed;

    /* Orders the reply, and everything else the command did, before the head that announces it. */
    atomic_store_explicit(ring->head, position, memory_order_release);
    /* Sequentially consistent, and so is the load of `awaited`: of this thread and one that stores
     * `awaited` and then loads `position`, at least one sees the other's value. */
    atomic_store_explicit(&ring->position, position, memory_order_seq_cst);
    const uint64_t awaited = atomic_load_explicit(&ring->awaited, memory_order_seq_cst);
    if (__builtin_expect(awaited && reached(position, (uint32_t)awaited), 0))
        end_wait(d, ring);

    if (__builtin_expect(must_stop(ring), 0))
        d->end = d->cur; /* drop the rest */
}

/* Copy the commands in [position, tail) out of shared memory. */
static bool fetch(struct venus_ring *ring, uint32_t position, uint32_t tail)
{
    const struct venus_shm *shm = &ring->resource->shm;
    const uint32_t size = ring->layout.buffer_size;
    const uint32_t available = tail - position;
    const uint32_t offset = position & (size - 1);

    if (available > size || available % 4) {
        venus_decoder_fail(&ring->decoder, "ring tail %u at head %u, buffer of %u bytes", tail,
                           position, size);
        return false;
    }
    const uint32_t first = available < size - offset ? available : size - offset;
    return venus_shm_read(shm, ring->layout.buffer + offset, ring->copy, first) &&
           venus_shm_read(shm, ring->layout.buffer, ring->copy + first, available - first);
}

/* Run the commands up to the tail, or to one that must wait for the virtqueue. False after an
 * error. */
static bool run_commands(struct venus_ring *ring)
{
    const uint32_t position = atomic_load_explicit(&ring->position, memory_order_relaxed);
    /* Orders the client's writes to the buffer, which precede its store, before our copy. */
    const uint32_t tail = atomic_load_explicit(ring->tail, memory_order_acquire);

    if (tail == position || !virtqueue_reached(ring))
        return true;
    ring->batch = position;
    return fetch(ring, position, tail) &&
           venus_decoder_run(&ring->decoder, ring->copy, tail - position, publish);
}

static void set_thread_properties(const struct venus_ring *ring)
{
    /* Naps of a few microseconds would otherwise take fifty more. */
    prctl(PR_SET_TIMERSLACK, 1000ul, 0ul, 0ul, 0ul);

    /* Best effort, and never above what the process has: clients must not outrank each other. */
    const id_t self = (id_t)gettid();
    errno = 0;
    const int current = getpriority(PRIO_PROCESS, self);
    if (!errno && ring->nice > current)
        setpriority(PRIO_PROCESS, self, ring->nice);
}

static void *run_ring(void *arg)
{
    struct venus_ring *ring = arg;
    bool ok = true;

    set_thread_properties(ring);
    while (ok && wait_for_commands(ring)) {
        ok = run_commands(ring);
        pthread_mutex_unlock(&ring->run);
        wait_virtqueue(ring);
    }
    return NULL;
}

/* ---- creation and destruction, on the virtqueue's thread ---- */

struct venus_ring *venus_ring_find(struct venus_context *context, uint64_t id)
{
    /* Only this thread changes the list. */
    for (struct venus_ring *ring = context->rings; ring; ring = ring->next)
        if (ring->id == id)
            return ring;
    return NULL;
}

/* Free a ring whose thread does not run. */
static void free_ring(struct venus_ring *ring)
{
    pthread_cond_destroy(&ring->progress);
    pthread_cond_destroy(&ring->wake);
    pthread_mutex_destroy(&ring->lock);
    pthread_mutex_destroy(&ring->run);
    venus_decoder_finish(&ring->decoder);
    free(ring->copy);
    atomic_fetch_sub(&ring->resource->rings, 1);
    venus_resource_put(ring->resource);
    free(ring);
}

/* A ring without thread and monitor, or NULL without memory. Takes the resource on success. */
static struct venus_ring *make_ring(struct venus_context *context, uint64_t id,
                                    struct venus_resource *resource,
                                    const struct venus_ring_layout *layout)
{
    struct venus_ring *ring = calloc(1, sizeof(*ring));
    uint8_t *copy = malloc(layout->buffer_size);
    if (!ring || !copy || venus_cond_init(&ring->wake)) {
        free(copy);
        free(ring);
        return NULL;
    }
    pthread_cond_init(&ring->progress, NULL);
    pthread_mutex_init(&ring->lock, NULL);
    pthread_mutex_init(&ring->run, NULL);
    ring->id = id;
    ring->context = context;
    ring->resource = resource;
    ring->layout = *layout;
    ring->head = venus_shm_word(&resource->shm, layout->head);
    ring->tail = venus_shm_word(&resource->shm, layout->tail);
    ring->status = venus_shm_word(&resource->shm, layout->status);
    ring->copy = copy;
    venus_decoder_init(&ring->decoder, context, ring);
    atomic_fetch_add(&resource->rings, 1);
    return ring;
}

/* The new reference to the ring's resource and its layout, or NULL after an error. */
static struct venus_resource *check_create_info(struct venus_decoder *d, uint64_t id,
                                                const VkRingCreateInfoMESA *info,
                                                struct venus_ring_layout *layout)
{
    const char *wrong = NULL;
    struct venus_resource *resource = venus_resource_get(d->context, info->resourceId);

    if (venus_ring_find(d->context, id))
        wrong = "the id is in use";
    else if (d->context->ring_count >= VENUS_MAX_RINGS)
        wrong = "there are too many rings";
    else if (!resource || resource->kind != VENUS_RESOURCE_SHM)
        wrong = "its resource does not exist or is not shared memory";
    else if (info->flags)
        wrong = "unknown flags";
    else
        wrong = venus_ring_layout_init(layout, info, resource->shm.size);
    /* The client does not know the ring yet, so nobody may have touched these. */
    if (!wrong && (atomic_load(venus_shm_word(&resource->shm, layout->head)) ||
                   atomic_load(venus_shm_word(&resource->shm, layout->status))))
        wrong = "its head and status are not 0";
    if (!wrong)
        return resource;
    venus_decoder_fail(d, "ring 0x%llx cannot be created: %s", (unsigned long long)id, wrong);
    venus_resource_put(resource);
    return NULL;
}

static bool start_ring(struct venus_ring *ring, const VkRingCreateInfoMESA *info)
{
    const VkRingMonitorInfoMESA *monitor =
        venus_pnext_find(info->pNext, (uint32_t)VENUS_STRUCTURE_TYPE_RING_MONITOR_INFO_MESA);
    const VkRingPriorityInfoMESA *priority =
        venus_pnext_find(info->pNext, (uint32_t)VENUS_STRUCTURE_TYPE_RING_PRIORITY_INFO_MESA);

    ring->idle_timeout = info->idleTimeout;
    if (priority)
        ring->nice = priority->priority;
    if (monitor) {
        ring->monitor = venus_monitor_get(ring->context, monitor->maxReportingPeriodMicroseconds);
        if (!ring->monitor)
            return false;
    }
    return !venus_thread_start(&ring->thread, "venus-ring", run_ring, ring);
}

static void set_fatal(struct venus_ring *ring)
{
    /* Orders what the client may find in memory before the bit; the client may abort at once. */
    atomic_fetch_or_explicit(ring->status, VENUS_RING_FATAL, memory_order_seq_cst);
    pthread_mutex_lock(&ring->lock);
    ring->stop = true;
    pthread_cond_broadcast(&ring->wake);
    pthread_cond_broadcast(&ring->progress);
    pthread_mutex_unlock(&ring->lock);
}

void venus_ring_create(struct venus_decoder *d, uint64_t id, const VkRingCreateInfoMESA *info)
{
    struct venus_context *context = d->context;
    struct venus_ring_layout layout;
    struct venus_resource *resource = check_create_info(d, id, info, &layout);
    if (!resource)
        return;
    struct venus_ring *ring = make_ring(context, id, resource, &layout);
    if (!ring) {
        venus_resource_put(resource);
        venus_decoder_fail(d, "no memory for a ring of %u bytes", layout.buffer_size);
        return;
    }
    if (!start_ring(ring, info)) {
        free_ring(ring);
        venus_decoder_fail(d, "no thread for a ring");
        return;
    }

    pthread_mutex_lock(&context->lock);
    ring->next = context->rings;
    context->rings = ring;
    context->ring_count++;
    /* venus_rings_set_fatal() ran either after this, or before and after the flag was set. */
    if (context->fatal || context->stopping)
        set_fatal(ring);
    pthread_mutex_unlock(&context->lock);

    if (context->events.ring_created)
        context->events.ring_created(context->events_user, &resource->pages, layout.status);
    if (ring->monitor)
        venus_monitor_kick(ring->monitor);
}

/* End and free a ring that is in no list any more. */
static void end_ring(struct venus_ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    ring->stop = true;
    pthread_cond_broadcast(&ring->wake);
    pthread_mutex_unlock(&ring->lock);
    pthread_join(ring->thread, NULL);
    free_ring(ring);
}

void venus_ring_destroy(struct venus_ring *ring)
{
    struct venus_context *context = ring->context;
    pthread_mutex_lock(&context->lock);
    for (struct venus_ring **link = &context->rings; *link; link = &(*link)->next) {
        if (*link == ring) {
            *link = ring->next;
            context->ring_count--;
            break;
        }
    }
    pthread_mutex_unlock(&context->lock);
    end_ring(ring); /* not under the lock: the thread may be about to fail and need it */
}

void venus_rings_set_fatal(struct venus_context *context)
{
    pthread_mutex_lock(&context->lock);
    for (struct venus_ring *ring = context->rings; ring; ring = ring->next)
        set_fatal(ring);
    pthread_mutex_unlock(&context->lock);
}

void venus_rings_stop(struct venus_context *context)
{
    venus_rings_set_fatal(context); /* all at once, so that their waits end side by side */
    while (context->rings)
        venus_ring_destroy(context->rings);
}

/* ---- between the virtqueue and the ring ---- */

void venus_ring_notify(struct venus_ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    ring->notifications++;
    pthread_cond_signal(&ring->wake);
    pthread_mutex_unlock(&ring->lock);
}

bool venus_ring_write_extra(struct venus_ring *ring, uint64_t offset, uint32_t value)
{
    const struct venus_ring_layout *layout = &ring->layout;
    if (offset % 4 || layout->extra_size < 4 || offset > layout->extra_size - 4)
        return false;
    /* Orders everything that the virtqueue did so far before the value. */
    atomic_store_explicit(venus_shm_word(&ring->resource->shm, layout->extra + (size_t)offset),
                          value, memory_order_release);
    return true;
}

void venus_ring_set_virtqueue_seqno(struct venus_ring *ring, uint64_t seqno)
{
    pthread_mutex_lock(&ring->lock);
    /* Orders everything that the virtqueue did so far before the number. */
    atomic_store_explicit(&ring->virtqueue_seqno, seqno, memory_order_release);
    /* Not if it only naps: waking it would take longer than what it then does. */
    const bool wake = ring->wants_virtqueue && virtqueue_reached(ring);
    pthread_mutex_unlock(&ring->lock);
    if (wake)
        pthread_cond_signal(&ring->wake);
}

/* Bytes of a vkWaitVirtqueueSeqnoMESA: a header of 8, and the number. */
#define WAIT_SIZE 16

void venus_ring_require_virtqueue(struct venus_decoder *d, uint64_t seqno)
{
    struct venus_ring *ring = d->ring;
    atomic_store_explicit(&ring->required_seqno, seqno, memory_order_relaxed);
    if (d->nesting > 1) {
        wait_virtqueue(ring);
    } else if (!virtqueue_reached(ring)) {
        /* Stop before this command: who goes on with it looks first whether it may. */
        d->cur -= WAIT_SIZE;
        d->end = d->cur;
        d->command_flags = 0; /* no reply yet */
    }
}

/* On the virtqueue's thread: do the ring's work up to a position, if nobody does it. */
static void run_until(struct venus_ring *ring, uint32_t position)
{
    uint32_t before, after = atomic_load_explicit(&ring->position, memory_order_acquire);
    bool ok = true;

    if (reached(after, position) || pthread_mutex_trylock(&ring->run))
        return;
    ring->lent = true;
    /* It may sleep, as a notification may be behind this wait: then so does the monitor. */
    if (ring->monitor && ring->idle)
        venus_monitor_kick(ring->monitor);
    atomic_store_explicit(&ring->awaited, AWAITED | position, memory_order_relaxed);
    do {
        before = after;
        ok = run_commands(ring);
        after = atomic_load_explicit(&ring->position, memory_order_relaxed);
    } while (ok && after != before && !reached(after, position) && !must_stop(ring));
    atomic_store_explicit(&ring->awaited, 0, memory_order_relaxed);
    ring->lent = false;
    pthread_mutex_unlock(&ring->run);
}

void venus_ring_wait_position(struct venus_ring *ring, uint32_t position)
{
    run_until(ring, position);
    if (reached(atomic_load_explicit(&ring->position, memory_order_acquire), position))
        return;

    pthread_mutex_lock(&ring->lock);
    /* Before the load of ring->position; see publish(). */
    atomic_store_explicit(&ring->awaited, AWAITED | position, memory_order_seq_cst);
    while (!must_stop(ring) &&
           !reached(atomic_load_explicit(&ring->position, memory_order_seq_cst), position))
        pthread_cond_wait(&ring->progress, &ring->lock);
    atomic_store_explicit(&ring->awaited, 0, memory_order_relaxed);
    pthread_mutex_unlock(&ring->lock);
}

bool venus_decoder_interrupted(const struct venus_decoder *d)
{
    return d->context->stopping || d->context->fatal || (d->ring && must_stop(d->ring));
}
