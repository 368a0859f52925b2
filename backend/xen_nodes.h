/* SPDX-License-Identifier: MIT */
/*
 * The xenstore nodes of one virtual GPU: those of xen/vgpuif.h, and some that the daemon keeps for
 * itself, which no guest can read, under /local/domain/<B>/xen-venus/<frontend-id>/<devid>:
 *
 *   gpu      the device's configuration (gpu_config.h)
 *   maxmem   "raising <KiB>", then "raised <KiB>": by how much the guest's maximum was raised
 *   group    process group of the device process
 *
 * Before libxl destroys a domain it asks the backends of devices to let go, by writing Closing, and
 * waits up to 10 s for Closed; but only those whose kinds it knows by name.  Xen cannot destroy a
 * domain well whose memory is still mapped (docs/xen-mapping.md).  So from the first device process
 * on there is also a device of the kind "none", which libxl knows but writes no nodes of, without a
 * frontend.  Its state is Connected while such a process lives, and Closed afterwards:
 *
 *   /libxl/<frontend-id>/device/none/<devid>/backend   where it is:
 *   /local/domain/<B>/backend/none/<frontend-id>/<devid>/state
 *
 * Results are 0 or a negative errno unless said otherwise.
 */
#ifndef BACKEND_XEN_NODES_H
#define BACKEND_XEN_NODES_H

#include <stdbool.h>
#include <stdint.h>

#include "device_process.h"
#include "gpu_config.h"
#include "reason.h"
#include "xen/store.h"

#define XEN_NODES_MAX_POOL_PAGES 1024 /* what a frontend may give for queues and buffers */

/* States of both ends, as xen/io/xenbus.h numbers them. */
enum xen_state {
    XEN_STATE_UNKNOWN = 0,
    XEN_STATE_INITIALISING = 1,
    XEN_STATE_INIT_WAIT = 2,
    XEN_STATE_INITIALISED = 3,
    XEN_STATE_CONNECTED = 4,
    XEN_STATE_CLOSING = 5,
    XEN_STATE_CLOSED = 6,
};
#define XEN_STATE_MAX 8

struct xen_nodes {
    struct xen_store *store;
    uint32_t backend_domid, domid, devid;
    char backend[64], frontend[64], own[64]; /* paths */
    char hold[64], toolstack[64]; /* of the device "none", and of what libxl knows of it */
};

void xen_nodes_init(struct xen_nodes *nodes, struct xen_store *store, uint32_t backend_domid,
                    uint32_t domid, uint32_t devid);

/* Whether the guest's part of xenstore is there; the toolstack removes it before it destroys the
 * domain. */
bool xen_nodes_home_exists(const struct xen_nodes *nodes);

/*
 * Offer the device: make (or make again) the nodes of both ends with the backend in InitWait, all
 * at once.  A frontend that is there keeps its state. -ENOENT when the guest's part of xenstore has
 * gone, -EAGAIN when somebody keeps changing the nodes.
 */
int xen_nodes_offer(const struct xen_nodes *nodes, const struct gpu_config *config,
                    enum vgpu_window_kind window);
int xen_nodes_set_state(const struct xen_nodes *nodes, enum xen_state state);
/* Say that the device is to be removed. */
int xen_nodes_set_offline(const struct xen_nodes *nodes);
int xen_nodes_set_error(const struct xen_nodes *nodes, const char *error);

/* Make libxl wait: the guest's memory is about to be mapped. Does nothing where the guest was not
 * made by libxl. */
int xen_nodes_hold(const struct xen_nodes *nodes);
/* The guest's memory is not mapped any more. */
void xen_nodes_let_go(const struct xen_nodes *nodes);
/* Whether libxl waits for xen_nodes_let_go(): the domain is about to be destroyed. */
bool xen_nodes_let_go_wanted(const struct xen_nodes *nodes);

/* Remove the nodes of both ends and the daemon's own. */
void xen_nodes_remove(const struct xen_nodes *nodes);

/* The frontend's state; -ENOENT, or -EBADMSG when it is none. */
int xen_nodes_frontend_state(const struct xen_nodes *nodes, enum xen_state *state);
/* Whether the frontend's administrator asks for removal. */
bool xen_nodes_unplug_wanted(const struct xen_nodes *nodes);
/* Read what the frontend shares, checking everything that can be checked without mapping it. False
 * with a reason. */
bool xen_nodes_read_connection(const struct xen_nodes *nodes, const struct gpu_config *config,
                               enum vgpu_window_kind window, struct vgpu_connection *connection,
                               struct reason *reason);

/* The daemon's own nodes. Reading gives the length or a negative errno. */
int xen_nodes_write_own(const struct xen_nodes *nodes, const char *name, const char *value);
void xen_nodes_remove_own(const struct xen_nodes *nodes, const char *name);
int xen_nodes_read_own(const struct xen_nodes *nodes, const char *name, char *value, size_t size);

#endif
