/* SPDX-License-Identifier: MIT */
/*
 * The device process's side of a render process: one process per context of the guest, which runs
 * the Venus renderer on the host's driver (render_process.c).  Messages are in render_protocol.h.
 *
 * Nothing here blocks.  The process handles what it is sent in order, and answers through
 * render_events, which are called from render_dispatch() only.  A render process is not trusted: what
 * it answers is checked, and when it dies everything that it was asked for counts as answered.
 */
#ifndef BACKEND_RENDER_H
#define BACKEND_RENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

#include "transport.h"

struct render;

/* What a render process says about a blob that it made (mapping "per-blob"). */
struct render_blob {
    uint64_t size;        /* bytes, whole pages */
    uint32_t cache;       /* VIRTIO_GPU_MAP_CACHE_* */
    const uint32_t *refs; /* grant references of its pages, size / 4096; valid during the call */
};

struct render_events {
    /* The answer to render_attach_slice() (blob is NULL) or render_create_blob(). `error` is 0 or a
     * negative errno. */
    void (*resource_ready)(void *user, struct render *render, uint32_t res_id, int error,
                           const struct render_blob *blob);
    /* The answer to render_unref(): nothing in the process uses the resource's memory any more, nor
     * the GPU's driver by dma-bufs that were made for it. */
    void (*resource_released)(void *user, struct render *render, uint32_t res_id);
    void (*fence_retired)(void *user, struct render *render, uint32_t ring_idx, uint64_t fence_id);
    /* The context has failed (it takes no more work; the reason is in the log), but its memory is
     * still in use until `ended`. */
    void (*failed)(void *user, struct render *render);
    /* The process is gone, and with it its use of any memory, also that of the GPU's driver by
     * dma-bufs. No event comes after this one;
     * render_destroy() is still to be called, also from here. */
    void (*ended)(void *user, struct render *render);
};

struct render_params {
    struct vgpu_transport *transport;
    /* The host's Vulkan, called in the process: NULL after logging why. NULL: that of
     * backend_vulkan_load(); others are for tests. */
    PFN_vkGetInstanceProcAddr (*load_vulkan)(void);
    const uint8_t *gpu_uuid; /* VK_UUID_SIZE bytes: the GPU to offer, or NULL for all */
    bool validate;
    bool per_blob;           /* blobs are memory of the process, not slices of the window */
    const char *name;        /* the guest's name for the context, for messages; not trusted */
    uint32_t context_id;
    int epoll_fd;            /* render_fd() is added to it with data.ptr = `epoll_data` */
    void *epoll_data;
};

/* Start a process. Returns NULL after logging why. */
struct render *render_create(const struct render_params *params, const struct render_events *events,
                             void *user);

/* Forget the process; kills it if it has not ended, and waits a moment for its end. NULL allowed. */
void render_destroy(struct render *render);

/*
 * Ask the process to end: it finishes the GPU's work, frees everything and goes, or is killed after
 * RENDER_END_MS.  `ended` follows.
 */
void render_end(struct render *render);

/* Kill it now, also if it is stuck or stopped. `ended` follows. */
void render_kill(struct render *render);

/* Read what the process says and send what is waiting; call when its descriptor has events, and
 * when render_next_time() has come. */
void render_dispatch(struct render *render);

/* Whether the process is gone; drivers may still use its dma-bufs, and `ended` be yet to come. */
bool render_is_gone(const struct render *render);

/* CLOCK_MONOTONIC milliseconds at which render_dispatch() wants to be called, or INT64_MAX. */
int64_t render_next_time(const struct render *render);

/* Process id, for messages and statistics. */
int render_pid(const struct render *render);

/*
 * Run a command stream (copied).  Returns 0, -EAGAIN when too much is waiting already (try again
 * after a render_dispatch()), -EIO when the context has failed, or -ENOMEM.
 */
int render_submit(struct render *render, const void *commands, size_t size);

/*
 * Make [offset, offset + size) of the window, whole pages, the memory of resource res_id in this
 * context, filled with zeroes first if `clear`.  Answered by resource_ready.  Returns 0, -EIO or
 * -ENOMEM as above, -EINVAL outside of the window, or -EEXIST when the context has such a resource
 * or had one whose release has not been answered yet.
 */
int render_attach_slice(struct render *render, uint32_t res_id, uint64_t offset, uint64_t size,
                        bool clear);

/* Make a blob as venus_context_create_blob() does. Answered by resource_ready. Returns as
 * render_attach_slice(); -EINVAL for a blob that is too large. */
int render_create_blob(struct render *render, uint32_t res_id, uint64_t blob_id, uint64_t size,
                       uint32_t flags);

/* The guest has dropped a resource of this context. Answered by resource_released. Returns 0,
 * -ENOENT, or -EIO when the process is gone or -ENOMEM: then end it. */
int render_unref(struct render *render, uint32_t res_id);

/* Ask for fence_retired when the work so far on a timeline is done; it comes at once for a timeline
 * that no queue has. 0, -EIO or -ENOMEM as above. */
int render_create_fence(struct render *render, uint32_t ring_idx, uint64_t fence_id);

#endif
