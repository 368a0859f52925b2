/* SPDX-License-Identifier: MIT */
/* The domains of this host and their virtual GPUs. */
#ifndef BACKEND_XEN_GUESTS_H
#define BACKEND_XEN_GUESTS_H

#include "config_files.h"
#include "xen_device.h"

#define XEN_GUESTS_MAX_GPUS CONFIG_FILES_MAX_GPUS /* of one guest */

struct xen_guest {
    struct xen_guest *next;
    uint32_t domid;
    char name[128]; /* empty: not known yet */
    uint8_t uuid[16];
    bool configured;     /* its configuration was found and applied */
    bool dead;           /* goes as soon as its devices have gone */
    struct reason error; /* of its configuration, empty when all is well */
    struct xen_device *devices;
};

struct xen_guests {
    const struct xen_env *env;
    const char *const *config_dirs;
    int config_dir_count;
    struct xen_guest *first;
    bool scan; /* domains have come or gone */
};

/*
 * Take over what an earlier daemon has left in xenstore, and find the domains that are there.
 * False after logging why.
 */
bool xen_guests_init(struct xen_guests *guests, const struct xen_env *env,
                     const char *const *config_dirs, int config_dir_count);
/* Kills all device processes; leaves the nodes. Accepts zeroed memory. */
void xen_guests_finish(struct xen_guests *guests);

/* An event of a watch: `token` says of which. */
void xen_guests_event(struct xen_guests *guests, const char *token);
int64_t xen_guests_next_time(const struct xen_guests *guests);
void xen_guests_tick(struct xen_guests *guests, int64_t now);

/* The daemon ends: let go of all guests' memory. Done when xen_guests_stopped(). */
void xen_guests_stop(struct xen_guests *guests);
bool xen_guests_stopped(const struct xen_guests *guests);

/* The guest of that name, or with that id. NULL with a reason. */
struct xen_guest *xen_guests_find(const struct xen_guests *guests, const char *name,
                                  struct reason *reason);
/* A guest's device, or NULL. */
struct xen_device *xen_guest_device(const struct xen_guest *guest, uint32_t devid);

/* Give a guest one more GPU. False with a reason. */
bool xen_guest_attach(struct xen_guests *guests, struct xen_guest *guest,
                      const struct gpu_config *config, uint32_t *devid, struct reason *reason);

#endif
