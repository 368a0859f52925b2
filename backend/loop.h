/* SPDX-License-Identifier: MIT */
/* An epoll loop of one thread.  Times are those of clock.h. */
#ifndef BACKEND_LOOP_H
#define BACKEND_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

#define LOOP_NEVER INT64_MAX

struct loop;

/* A descriptor that is waited for; part of what uses it. */
struct loop_source {
    int fd;
    /* May remove and free any source, also this one. `events` are EPOLL*. */
    void (*ready)(struct loop_source *source, uint32_t events);
    void *user;
};

/* NULL, after logging why, on failure. */
struct loop *loop_create(void);
/* NULL allowed. */
void loop_destroy(struct loop *loop);

/* Wait for EPOLL* `events` on source->fd. False, after logging why, on failure. */
bool loop_add(struct loop *loop, struct loop_source *source, uint32_t events);
void loop_change(struct loop *loop, struct loop_source *source, uint32_t events);
/* Remove before closing: a process that was just forked may have the file open a little longer, and
 * events would go on. */
void loop_remove(struct loop *loop, struct loop_source *source);

/* Wait until `until` at the latest, and handle one event if there is one. */
void loop_wait(struct loop *loop, int64_t until);

#endif
