/* SPDX-License-Identifier: MIT */
/*
 * The monitor sets ALIVE in the status of monitored rings.
 *
 * A Mesa client clears ALIVE when a thread of it begins to wait (for a ring, or for the GPU), looks
 * again after 3.5 s, and then at growing intervals of up to about three times the wait's age; when
 * the bit is still clear it aborts.  It promises to wait longer than the reporting period, 3 s.
 *
 * So while anything that a client could wait for is going on, that is, while a ring is not asleep
 * or a queue has unfinished work, ALIVE is set twice per reporting period.  Afterwards reporting
 * goes on as long as a wait that began before could still look at the bit, which shows as a bit
 * that was found cleared.  Then the monitor sleeps until a ring leaves its sleep: idle clients cost
 * nothing.
 *
 * What this does not cover: a client that has been quiet for two reporting periods and then,
 * without sending any command, waits longer than 3.5 s for something that neither a ring nor a
 * queue works on, such as a timeline semaphore that the client's own other thread will signal
 * later.
 */
#include <errno.h>
#include <stdlib.h>

#include "ring.h"
#include "thread.h"

/* Shortest time between two reports, whatever a client wants: nanoseconds. */
#define MIN_INTERVAL 10000000u

struct venus_monitor {
    struct venus_context *context;
    pthread_t thread;
    pthread_mutex_t lock; /* for the rest */
    pthread_cond_t cond;
    uint64_t period; /* nanoseconds: the shortest that a ring asked for */
    bool stop;
    bool kicked; /* a ring woke up, or its commands are run, since the last report */
    bool asleep;
};

struct observation {
    bool busy;    /* a ring or a queue works */
    bool cleared; /* a client had cleared ALIVE */
};

/* Set ALIVE everywhere, and see what goes on. */
static struct observation report(struct venus_context *context)
{
    struct observation seen = {false, false};
    struct venus_queue *queues[VENUS_MAX_TIMELINES];

    pthread_mutex_lock(&context->lock);
    for (struct venus_ring *ring = context->rings; ring; ring = ring->next) {
        if (!ring->monitor)
            continue;
        if (!(atomic_fetch_or(ring->status, VENUS_RING_ALIVE) & VENUS_RING_ALIVE))
            seen.cleared = true;
        if (!ring->idle || ring->lent)
            seen.busy = true;
    }
    for (unsigned int i = 0; i < VENUS_MAX_TIMELINES; i++)
        queues[i] = context->timelines[i];
    pthread_mutex_unlock(&context->lock);

    /* The structs live as long as the context. All of them, as each look starts the next probe. */
    for (unsigned int i = 0; i < VENUS_MAX_TIMELINES; i++)
        if (queues[i] && venus_queue_busy(queues[i]))
            seen.busy = true;
    return seen;
}

static void *run_monitor(void *arg)
{
    struct venus_monitor *monitor = arg;
    uint64_t quiet_since = 0, report_until = 0;

    pthread_mutex_lock(&monitor->lock);
    while (!monitor->stop && !monitor->context->fatal) {
        const bool kicked = monitor->kicked;
        const uint64_t period = monitor->period;
        monitor->kicked = false;
        pthread_mutex_unlock(&monitor->lock);

        const struct observation seen = report(monitor->context);
        const uint64_t now = venus_now_ns();
        if (kicked || seen.busy || !quiet_since)
            quiet_since = now;
        if (quiet_since == now || seen.cleared)
            report_until = now + 2 * period + 3 * (now - quiet_since);

        pthread_mutex_lock(&monitor->lock);
        if (now < report_until || monitor->kicked) {
            uint64_t interval = monitor->period / 2;
            if (interval < MIN_INTERVAL)
                interval = MIN_INTERVAL;
            while (!monitor->stop && venus_cond_wait_until(&monitor->cond, &monitor->lock,
                                                           now + interval) != ETIMEDOUT)
                ;
        } else {
            monitor->asleep = true;
            while (!monitor->stop && !monitor->kicked)
                pthread_cond_wait(&monitor->cond, &monitor->lock);
            monitor->asleep = false;
        }
    }
    pthread_mutex_unlock(&monitor->lock);
    return NULL;
}

static struct venus_monitor *monitor_create(struct venus_context *context, uint64_t period)
{
    struct venus_monitor *monitor = calloc(1, sizeof(*monitor));
    if (!monitor || venus_cond_init(&monitor->cond)) {
        free(monitor);
        return NULL;
    }
    pthread_mutex_init(&monitor->lock, NULL);
    monitor->context = context;
    monitor->period = period;
    if (venus_thread_start(&monitor->thread, "venus-monitor", run_monitor, monitor)) {
        pthread_cond_destroy(&monitor->cond);
        pthread_mutex_destroy(&monitor->lock);
        free(monitor);
        return NULL;
    }
    return monitor;
}

struct venus_monitor *venus_monitor_get(struct venus_context *context, uint32_t period_us)
{
    const uint64_t period = (uint64_t)period_us * 1000;
    struct venus_monitor *monitor = context->monitor;
    if (!monitor) {
        monitor = monitor_create(context, period);
        context->monitor = monitor;
        return monitor;
    }
    pthread_mutex_lock(&monitor->lock);
    if (period < monitor->period)
        monitor->period = period;
    pthread_mutex_unlock(&monitor->lock);
    return monitor;
}

void venus_monitor_kick(struct venus_monitor *monitor)
{
    pthread_mutex_lock(&monitor->lock);
    monitor->kicked = true;
    if (monitor->asleep)
        pthread_cond_signal(&monitor->cond);
    pthread_mutex_unlock(&monitor->lock);
}

void venus_monitor_destroy(struct venus_monitor *monitor)
{
    if (!monitor)
        return;
    pthread_mutex_lock(&monitor->lock);
    monitor->stop = true;
    pthread_cond_signal(&monitor->cond);
    pthread_mutex_unlock(&monitor->lock);
    pthread_join(monitor->thread, NULL);
    pthread_cond_destroy(&monitor->cond);
    pthread_mutex_destroy(&monitor->lock);
    free(monitor);
}
