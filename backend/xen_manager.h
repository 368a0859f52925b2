/* SPDX-License-Identifier: MIT */
/*
 * Serves the guests of this host: watches domains come and go, gives them the virtual GPUs of their
 * configuration, and answers the tool xen-venus.
 */
#ifndef BACKEND_XEN_MANAGER_H
#define BACKEND_XEN_MANAGER_H

#include "gpus.h"
#include "loop.h"

struct xen_manager;

struct xen_manager_params {
    const char *const *config_dirs;
    int config_dir_count;
    const char *control_path; /* of the socket, or NULL for none */
    const char *user;         /* to run device and render processes as, or NULL */
    const char *gpu;          /* selector for guests that do not choose, or NULL */
    bool validate;
    const struct backend_gpu *gpus;
    int gpu_count;
};

/*
 * Connect to xenstore and Xen, and take over what an earlier manager has left.  Blocks the signals
 * that it handles.  *params must stay.  Returns an exit code of the program, after logging why for
 * anything but BACKEND_EXIT_OK.
 */
int xen_manager_create(const struct xen_manager_params *params, struct xen_manager **manager);

/* Kills device processes that are left, without telling their guests. NULL allowed. */
void xen_manager_destroy(struct xen_manager *manager);

/*
 * Wait for one event, until `until` at the latest, and handle it.  On SIGTERM, SIGINT and SIGHUP
 * the manager lets go of all guests.  False when that is done, or when xenstore is gone.
 */
bool xen_manager_step(struct xen_manager *manager, int64_t until);

/* Begin to let go of all guests. */
void xen_manager_stop(struct xen_manager *manager);

/* Serve until a signal ends it. Returns an exit code of the program. */
int xen_manager_run(struct xen_manager *manager);

#endif
