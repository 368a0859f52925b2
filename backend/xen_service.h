/* SPDX-License-Identifier: MIT */
/* xen-venusd --xen: what surrounds the manager when it runs as a service of the host. */
#ifndef BACKEND_XEN_SERVICE_H
#define BACKEND_XEN_SERVICE_H

#include <stdbool.h>

#define XEN_SERVICE_FOLDER       "/run/xen-venusd"
#define XEN_SERVICE_DEFAULT_USER "xen-venus"

struct xen_service_params {
    const char *folder; /* for the lock; made when it is missing */
    const char *const *config_dirs;
    int config_dir_count;
    const char *control_path;
    const char *user; /* NULL: XEN_SERVICE_DEFAULT_USER */
    const char *gpu;  /* selector, or NULL */
    bool validate;
};

/* Serve guests until a signal ends it. Returns an exit code of the program. */
int xen_service_run(const struct xen_service_params *params);

/* Tell systemd, if that has started us, about our state: "READY=1" (sd_notify(3)). */
void xen_service_notify(const char *state);

/*
 * Choose the user that guests' processes become: `wanted`, or XEN_SERVICE_DEFAULT_USER if that is
 * NULL; *user is NULL when they stay what they are, which is not root.  False, after logging why,
 * when there is no such user: root is only for those who ask for it.
 */
bool xen_service_choose_user(const char *wanted, const char **user);

/* Lock a file for as long as this process lives, and write its id into it. False, after logging who
 * has it, when somebody else has. */
bool xen_service_lock(const char *path);

#endif
