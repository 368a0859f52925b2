/* SPDX-License-Identifier: MIT */
/* xen-venusd --xen: what surrounds the manager when it runs as a service of the host. */
#ifndef BACKEND_XEN_SERVICE_H
#define BACKEND_XEN_SERVICE_H

#include <stdbool.h>

#define XEN_SERVICE_FOLDER       "/run/xen-venusd"
#define XEN_SERVICE_DEFAULT_USER "xen-venus"

struct xen_service_params {
    const char *const *config_dirs;
    int config_dir_count;
    const char *control_path;
    const char *user; /* NULL: XEN_SERVICE_DEFAULT_USER if there is one */
    const char *gpu;  /* selector, or NULL */
    bool validate;
};

/* Serve guests until a signal ends it. Returns an exit code of the program. */
int xen_service_run(const struct xen_service_params *params);

/* Tell systemd, if that has started us, about our state: "READY=1" (sd_notify(3)). */
void xen_service_notify(const char *state);

/* Lock a file for as long as this process lives, and write its id into it. False, after logging who
 * has it, when somebody else has. */
bool xen_service_lock(const char *path);

#endif
