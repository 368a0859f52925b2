/* SPDX-License-Identifier: MIT */
/* Stands in for what serves Xen guests, and says what it was given. */
#include <stdio.h>

#include "exit_codes.h"
#include "xen_service.h"

int xen_service_run(const struct xen_service_params *params)
{
    for (int i = 0; i < params->config_dir_count; i++)
        fprintf(stderr, "config-dir %s, ", params->config_dirs[i]);
    fprintf(stderr, "control %s, user %s, gpu %s, validate %d\n", params->control_path,
            params->user ? params->user : "-", params->gpu ? params->gpu : "-", params->validate);
    return BACKEND_EXIT_XEN;
}
