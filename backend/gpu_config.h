/* SPDX-License-Identifier: MIT */
/*
 * One virtual GPU as an entry of the gpu = [ ... ] list of a guest's configuration says it:
 * "hostmem=512M,venus=1".  xen-venus.cfg(5) describes the keys.
 */
#ifndef BACKEND_GPU_CONFIG_H
#define BACKEND_GPU_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reason.h"

#define GPU_CONFIG_HOSTMEM_UNIT     (2ull << 20)
#define GPU_CONFIG_MAX_HOSTMEM      (64ull << 30)
#define GPU_CONFIG_DEFAULT_HOSTMEM  (512ull << 20)
#define GPU_CONFIG_DEFAULT_CONTEXTS 64
#define GPU_CONFIG_MAX_CONTEXTS     1024
#define GPU_CONFIG_MAX_SELECTOR     127
#define GPU_CONFIG_MAX_TEXT         512 /* bytes of an entry, and of gpu_config_format() with NUL */

/* How the window reaches Dom0 (xen/vgpuif.h). */
enum gpu_window {
    GPU_WINDOW_AUTO, /* by the kind of the GPU's driver */
    GPU_WINDOW_GRANT,
    GPU_WINDOW_FOREIGN,
};

struct gpu_config {
    uint64_t hostmem; /* bytes of the window, a multiple of GPU_CONFIG_HOSTMEM_UNIT */
    char selector[GPU_CONFIG_MAX_SELECTOR + 1]; /* of the host's GPU; empty: not said */
    bool venus;
    enum gpu_window window; /* GPU_WINDOW_AUTO with per_blob */
    bool per_blob;
    uint32_t contexts; /* render processes at a time */
};

/* Parse an entry; keys that are not there get their defaults. False, with the key, the value and
 * what is allowed in *reason, for anything that is not understood. */
bool gpu_config_parse(struct gpu_config *config, const char *text, struct reason *reason);

/* The entry that gives `config`, with every key spelt out. */
void gpu_config_format(const struct gpu_config *config, char text[GPU_CONFIG_MAX_TEXT]);

/* "auto", "grant" or "foreign". */
const char *gpu_window_name(enum gpu_window window);

#endif
