/* SPDX-License-Identifier: MIT */
#include "events.h"

#include <errno.h>
#include <stdlib.h>

#include <xenevtchn.h>

struct xen_events {
    xenevtchn_handle *handle;
    xenevtchn_port_or_error_t port; /* ours, or -1 */
};

/* The kernel holds on to it from here on, also for whoever inherits the descriptor. */
static bool restrict_to(const struct xen_events *events, uint32_t domid)
{
    return events->handle && !xenevtchn_restrict(events->handle, (domid_t)domid);
}

struct xen_events *xen_events_open(uint32_t domid)
{
    struct xen_events *events = calloc(1, sizeof(*events));
    if (!events)
        return NULL;
    events->port = -1;
    events->handle = xenevtchn_open(NULL, 0);
    if (!restrict_to(events, domid)) {
        const int error = errno;
        xen_events_close(events);
        errno = error;
        return NULL;
    }
    return events;
}

void xen_events_close(struct xen_events *events)
{
    if (!events)
        return;
    if (events->handle)
        xenevtchn_close(events->handle); /* the kernel unbinds when the last process closes it */
    free(events);
}

int xen_events_bind(struct xen_events *events, uint32_t domid, uint32_t remote_port)
{
    events->port = xenevtchn_bind_interdomain(events->handle, domid, remote_port);
    return events->port < 0 ? -errno : 0;
}

int xen_events_fd(const struct xen_events *events)
{
    return xenevtchn_fd(events->handle);
}

int xen_events_take(struct xen_events *events)
{
    const xenevtchn_port_or_error_t port = xenevtchn_pending(events->handle);
    if (port < 0 || xenevtchn_unmask(events->handle, port))
        return -errno;
    return 0;
}

int xen_events_notify(struct xen_events *events)
{
    return xenevtchn_notify(events->handle, events->port) ? -errno : 0;
}
