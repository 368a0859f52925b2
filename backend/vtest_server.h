/* SPDX-License-Identifier: MIT */
/* The vtest server: one process per client, looked after by this one, which never loads Vulkan. */
#ifndef VTEST_SERVER_H
#define VTEST_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "venus.h"

struct vtest_server_params {
    const char *path; /* of the socket */
    uint32_t max_clients;
    const uint8_t *gpu_uuid; /* offer only this GPU, or NULL */
    const struct venus_gpu *gpus; /* what is known of the host's, see venus_renderer_params */
    uint32_t gpu_count;
    bool validate;
};

/* Serve clients until SIGTERM, SIGINT or SIGHUP. Returns an exit code of the program. */
int vtest_server_run(const struct vtest_server_params *params);

#endif
