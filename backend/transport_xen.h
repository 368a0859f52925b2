/* SPDX-License-Identifier: MIT */
/* The transport to a Xen guest: grants, an event channel, and the window. */
#ifndef BACKEND_TRANSPORT_XEN_H
#define BACKEND_TRANSPORT_XEN_H

#include "device_process.h"
#include "reason.h"
#include "transport.h"

/* Open the devices that are needed, while this process may.  NULL with the reason. */
struct vgpu_transport *transport_xen_open(const struct device_process_params *params,
                                          struct reason *reason);

/* Map what the guest offers.  False with the reason. */
bool transport_xen_connect(struct vgpu_transport *transport,
                           const struct device_process_params *params, struct reason *reason);

/* Let go of everything. NULL allowed. */
void transport_xen_close(struct vgpu_transport *transport);

/* Readable when the guest has sent an event, which transport_xen_take_event() takes. */
int transport_xen_event_fd(const struct vgpu_transport *transport);
/* 0 or a negative errno. */
int transport_xen_take_event(struct vgpu_transport *transport);

#endif
