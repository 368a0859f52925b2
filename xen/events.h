/* SPDX-License-Identifier: MIT */
/* One event channel between this process and a guest. */
#ifndef XEN_EVENTS_H
#define XEN_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

struct xen_events;

/* Open /dev/xen/evtchn for channels with domain `domid` only. NULL with errno set. */
struct xen_events *xen_events_open(uint32_t domid);
/* Unbinds, too. NULL allowed; also for a process that has inherited it. */
void xen_events_close(struct xen_events *events);

/* Bind to the port that domain `domid` has allocated for us; once. 0 or a negative errno. */
int xen_events_bind(struct xen_events *events, uint32_t domid, uint32_t remote_port);

/* Readable when an event is pending. */
int xen_events_fd(const struct xen_events *events);

/* Take the pending event, so that the next one can come; call when the descriptor is readable, and
 * look at what the event is about afterwards. 0 or a negative errno. */
int xen_events_take(struct xen_events *events);

/* Send an event. 0 or a negative errno (the other side may have gone). */
int xen_events_notify(struct xen_events *events);

#endif
