/* SPDX-License-Identifier: MIT */
/*
 * One virtual GPU of a guest: the backend's side of the states in xen/vgpuif.h, with a device
 * process while the guest is connected.
 *
 * The guest may do anything with its nodes at any time: it is looked at rarely, what is read is
 * checked, and every offer that it uses up delays the next one.
 */
#ifndef BACKEND_XEN_DEVICE_H
#define BACKEND_XEN_DEVICE_H

#include "gpus.h"
#include "loop.h"
#include "xen/domain.h"
#include "xen_nodes.h"
#include "xen_process.h"

#define XEN_DEVICE_CLOSE_MS    10000 /* for a guest to close a device that is removed */
#define XEN_DEVICE_LOOK_MS     10    /* between two looks at a guest's nodes */
#define XEN_DEVICE_FREE_OFFERS 3     /* offers without a growing delay */
#define XEN_DEVICE_MIN_DELAY   100   /* ms, after an error */
#define XEN_DEVICE_FORGET_MS   10000 /* after which one offer less is counted */
#define XEN_DEVICE_MAX_DELAY   30000 /* ms */

/* What all devices share. */
struct xen_env {
    struct xen_store *store;
    struct xen_domains *domains;
    struct xen_processes *processes;
    uint32_t backend_domid;
    const char *user; /* to run device processes as, or NULL */
    bool validate;
    const char *default_gpu; /* selector for configurations without one, or NULL */
    const struct backend_gpu *gpus;
    int gpu_count;
};

enum xen_device_phase {
    XEN_DEVICE_OFFERED,    /* InitWait */
    XEN_DEVICE_CONNECTING, /* the process is starting; InitWait */
    XEN_DEVICE_CONNECTED,  /* Connected */
    XEN_DEVICE_CLOSING,    /* to be removed: waiting for the guest; Closing */
    XEN_DEVICE_LETTING_GO, /* the process was killed */
    XEN_DEVICE_DELAYED,    /* Closed, to be offered again at offer_at */
    XEN_DEVICE_CLOSED,     /* Closed, until the frontend is Initialising */
    XEN_DEVICE_GONE,       /* to be destroyed */
};

/* What comes after the process has let go; a greater one replaces a smaller one. */
enum xen_device_next {
    XEN_DEVICE_NEXT_OFFER,
    XEN_DEVICE_NEXT_CLOSED,
    XEN_DEVICE_NEXT_STOP,   /* of the daemon: the nodes stay */
    XEN_DEVICE_NEXT_REMOVE, /* and the guest lives on */
    XEN_DEVICE_NEXT_FORGET, /* the guest has gone */
};

struct xen_device {
    struct xen_device *next; /* of the same guest */
    const struct xen_env *env;
    char domain_name[64];
    struct xen_nodes nodes;
    struct gpu_config config;
    enum vgpu_window_kind window;
    bool has_uuid;
    uint8_t uuid[VK_UUID_SIZE]; /* of the host's GPU */
    char gpu_name[64];          /* "" for all */
    enum xen_device_phase phase;
    enum xen_device_next after;
    struct xen_process *process;
    struct reason error; /* the last one, empty when all is well */
    bool changed;        /* the guest's nodes have */
    int64_t look_at;     /* not before */
    int64_t offer_at, close_until;
    uint32_t offers; /* in recent time */
    int64_t offers_since;
    char *stats; /* the last answer, NULL: none */
    bool stats_wanted;
};

/*
 * Choose the GPU and the kind of window that a configuration means here.  Fills in config, window,
 * uuid and gpu_name of *device.  False with a reason.
 */
bool xen_device_choose(struct xen_device *device, const struct xen_env *env,
                       const struct gpu_config *config, struct reason *reason);

/*
 * Make a device, or take over the nodes that an earlier daemon has left, and offer it.  `chosen` is
 * what xen_device_choose() has filled in.  NULL with a reason.
 */
struct xen_device *xen_device_create(const struct xen_device *chosen, const char *domain_name,
                                     uint32_t domid, uint32_t devid, struct reason *reason);
/* Kills the process if there is one; leaves the nodes as they are. NULL allowed. */
void xen_device_destroy(struct xen_device *device);

/* The guest's nodes may have changed; looked at in the next xen_device_tick(). */
void xen_device_note_change(struct xen_device *device);
/* Remove the device from a living guest, which gets some time to close it; GONE follows. */
void xen_device_remove(struct xen_device *device);
/* The domain has gone or is about to: everything that holds its memory is killed at once, its nodes
 * are removed; GONE follows. */
void xen_device_forget(struct xen_device *device);
/* The daemon ends: GONE follows, and the nodes stay for the next one. */
void xen_device_stop(struct xen_device *device);

int64_t xen_device_next_time(const struct xen_device *device);
void xen_device_tick(struct xen_device *device, int64_t now);

/* Ask the process for statistics; stats_wanted is false when they, or none, are in `stats`. */
void xen_device_ask_stats(struct xen_device *device);

/* A word for the phase, for people. */
const char *xen_device_phase_name(const struct xen_device *device);

#endif
