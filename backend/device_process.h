/* SPDX-License-Identifier: MIT */
/*
 * The process of one virtual GPU: maps what the guest shares, runs the virtio-gpu device model, and
 * forks a render process per context.  It holds no Vulkan and no xenstore connection.
 *
 * xen-venusd forks it when the frontend has become Initialised, in a process group and, as its first
 * process, in a PID namespace of its own with its render processes, so that all of them can be
 * killed at once: a guest cannot be destroyed while any of them maps its memory.
 */
#ifndef BACKEND_DEVICE_PROCESS_H
#define BACKEND_DEVICE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "xen/vgpuif.h"

struct vgpu_window_run {
    uint32_t first, count; /* grant references */
};

/* What the frontend wrote into xenstore, checked for form only. */
struct vgpu_connection {
    uint32_t control_ref;
    uint32_t event_channel;
    uint32_t pool_ref, pool_pages;
    uint64_t window_base; /* guest-physical, bytes */
    bool window_zeroed;
    struct vgpu_window_run runs[VGPU_MAX_WINDOW_RUNS]; /* window "grant" */
    uint32_t run_count;
    uint32_t blob_refs_ref; /* mapping "per-blob" */
};

enum vgpu_window_kind { VGPU_WINDOW_GRANT, VGPU_WINDOW_FOREIGN };

struct device_process_params {
    uint32_t domid, devid;
    const char *domain_name;
    struct vgpu_connection connection;
    uint64_t hostmem; /* bytes of the window */
    bool per_blob;    /* mapping "per-blob" */
    enum vgpu_window_kind window;
    bool venus; /* offer the Venus capset */
    uint32_t max_contexts;
    const uint8_t *gpu_uuid; /* VK_UUID_SIZE bytes or NULL */
    bool validate;
    const char *user; /* to become before guest memory is looked at, or NULL: stay */
    /*
     * A SOCK_SEQPACKET socket to xen-venusd.  The process sends one message when it is ready
     * ("ready") or gives up ("error: why"), then answers "stats" with one JSON object.  When the
     * other end is closed the process ends.
     */
    int control;
};

/* Run it in a process that was just forked; returns its exit status (exit_codes.h). Takes care that
 * SIGKILL reaches it and its children when xen-venusd dies. */
int device_process_run(const struct device_process_params *params);

#endif
