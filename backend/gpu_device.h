/* SPDX-License-Identifier: MIT */
/*
 * The virtio-gpu device model (virtio 1.3, section 5.7) of one virtual GPU: the control page, the
 * virtqueues, resources, contexts and fences.  Rendering itself is in render processes (render.h),
 * the way to the guest is a transport (transport.h).
 *
 * One thread.  Nothing blocks.  The owner waits with epoll for the guest's events, for the
 * descriptors that render processes add to its epoll set, and for gpu_device_next_time():
 *
 *     epoll_wait(epoll_fd, &event, 1, timeout);        one event at a time: handling it may free
 *                                                      what another one refers to
 *     if (event.data.ptr is one of the owner's)  ...   the guest's event: gpu_device_handle_event()
 *     else gpu_device_dispatch(device, event.data.ptr);
 *     if (gpu_device_next_time(device) <= now) gpu_device_handle_times(device);
 */
#ifndef BACKEND_GPU_DEVICE_H
#define BACKEND_GPU_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

#include "transport.h"

struct gpu_device;

struct gpu_device_params {
    struct vgpu_transport *transport; /* outlives the device */
    bool venus;                       /* offer the Venus capset; without it there are no contexts */
    bool per_blob;                    /* mapping "per-blob" */
    uint32_t max_contexts;            /* at a time, 1 or more */
    const uint8_t *gpu_uuid; /* for render processes: VK_UUID_SIZE bytes, or NULL for all */
    bool validate;           /* the same */
    /* The same, as in struct render_params. */
    PFN_vkGetInstanceProcAddr (*load_vulkan)(void);
    /* Render processes' descriptors are added here, with a data.ptr for gpu_device_dispatch(). */
    int epoll_fd;
};

/*
 * Create the device and fill the device part of the control page and config[]; after that the
 * backend may go to Connected.  Returns NULL after logging why.
 */
struct gpu_device *gpu_device_create(const struct gpu_device_params *params);

/* Kill all render processes and free everything. Writes nothing to the guest any more. NULL is
 * allowed. */
void gpu_device_destroy(struct gpu_device *device);

/* The guest has sent an event: look at everything that it may have written. */
void gpu_device_handle_event(struct gpu_device *device);

/* The descriptor of a render process has events; `epoll_data` is the data.ptr of the event. */
void gpu_device_dispatch(struct gpu_device *device, void *epoll_data);

/* CLOCK_MONOTONIC milliseconds at which gpu_device_handle_times() wants to be called: 0 for at
 * once, INT64_MAX for never. */
int64_t gpu_device_next_time(const struct gpu_device *device);

/* Do what is due; harmless when nothing is. */
void gpu_device_handle_times(struct gpu_device *device);

/* What requests are counted as: an index into gpu_device_stats.requests. */
#define GPU_REQUEST_KINDS 27

struct gpu_device_stats {
    /* since the device was created */
    uint64_t events;                      /* received from the guest */
    uint64_t notifications;               /* sent to it */
    uint64_t requests[GPU_REQUEST_KINDS]; /* by command, see gpu_device_request_name() */
    uint64_t errors;                      /* requests that were answered with an error */
    uint64_t submitted;                   /* bytes of command streams */
    uint64_t resets;                      /* by the guest */
    uint64_t context_failures;
    uint64_t window_peak; /* bytes */
    /* now */
    uint32_t contexts;
    uint32_t ending_contexts; /* their processes still run */
    uint32_t resources;
    uint32_t releasing;   /* resources that the guest has dropped, but render processes still use */
    uint32_t in_flight;   /* requests that are not answered yet */
    uint64_t window_used; /* bytes of the window */
    bool started;         /* by the guest's driver */
    bool needs_reset;
};

/* The name of a kind of request, as in the specification without VIRTIO_GPU_CMD_. The last one is
 * "unknown". */
const char *gpu_device_request_name(unsigned int kind);

void gpu_device_get_stats(const struct gpu_device *device, struct gpu_device_stats *stats);

#endif
