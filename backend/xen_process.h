/* SPDX-License-Identifier: MIT */
/*
 * The daemon's side of device processes (device_process.h): starts them, each as the first process
 * of a PID namespace and in a process group of its own, hears what they say, and makes sure that
 * all processes in there are gone before anybody is told that the process has ended.  What a
 * process says is not trusted: a guest may have taken it over.
 */
#ifndef BACKEND_XEN_PROCESS_H
#define BACKEND_XEN_PROCESS_H

#include "device_process.h"
#include "loop.h"
#include "reason.h"

#define XEN_PROCESS_START_MS 60000 /* to become ready; the GPU's driver is loaded meanwhile */
#define XEN_PROCESS_STATS_MS 2000  /* to answer a question */

struct xen_process;
struct xen_processes; /* all of them */

struct xen_process_events {
    /* The process serves its guest. At most once. */
    void (*ready)(void *user);
    /* The answer to xen_process_ask_stats(): JSON, or NULL if there is none. */
    void (*stats)(void *user, const char *json);
    /* All processes of the group are gone; xen_process_destroy() is still to be called, also from
     * here.  *why is what went wrong if nobody had killed it. */
    void (*ended)(void *user, const struct reason *why);
};

/* Makes this process the one that inherits orphans of those it starts. NULL after logging why. */
struct xen_processes *xen_processes_create(struct loop *loop);
/* All processes must have been destroyed. NULL allowed. */
void xen_processes_destroy(struct xen_processes *processes);
/* Reap children; call on SIGCHLD. Also takes the status of children that are none of these. */
void xen_processes_reap(struct xen_processes *processes);
/* When xen_processes_tick() wants to be called. */
int64_t xen_processes_next_time(const struct xen_processes *processes);
void xen_processes_tick(struct xen_processes *processes, int64_t now);

/* Start a process; params->control is ignored. NULL, with a reason, on failure. */
struct xen_process *xen_process_start(struct xen_processes *processes,
                                      const struct device_process_params *params,
                                      const struct xen_process_events *events, void *user,
                                      struct reason *reason);
/* Kill the whole group at once, whatever it is doing. `ended` follows. NULL allowed. */
void xen_process_kill(struct xen_process *process);
/* Forget it: kills the group if it has not ended, and no event comes any more. NULL allowed. */
void xen_process_destroy(struct xen_process *process);

/* Ask for statistics; `stats` follows. */
void xen_process_ask_stats(struct xen_process *process);
/* Process id of the device process, which is the id of its group, in our namespace. */
int xen_process_id(const struct xen_process *process);

/* Kill what is left of a group that an earlier daemon has started, and wait for its end. False
 * when it does not end. */
bool xen_process_kill_left_over(int group);

#endif
