/* SPDX-License-Identifier: MIT */
#include "transport_xen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "xen/dma_buf.h"
#include "xen/events.h"
#include "xen/grant.h"
#include "xen/shared_pages.h"
#include "xen/window.h"

struct transport_xen {
    struct vgpu_transport base;
    uint32_t domid;
    bool per_blob;
    struct xen_grants *grants;
    struct xen_events *events;
    struct xen_dma_bufs *dma_bufs;   /* unless the window is foreign */
    struct xen_window *window;       /* mapping "window" */
    struct xen_shared_pages *shared; /* mapping "per-blob", in a render process */
};

static struct transport_xen *from_base(const struct vgpu_transport *transport)
{
    return (struct transport_xen *)(uintptr_t)transport;
}

/* ---- operations ---- */

static int copy_from(struct vgpu_transport *transport, uint32_t ref, uint32_t offset, void *data,
                     size_t size)
{
    return xen_grants_copy_from(from_base(transport)->grants, ref, offset, data, size);
}

static int copy_to(struct vgpu_transport *transport, uint32_t ref, uint32_t offset,
                   const void *data, size_t size)
{
    return xen_grants_copy_to(from_base(transport)->grants, ref, offset, data, size);
}

static int map(struct vgpu_transport *transport, uint32_t ref, uint32_t pages, bool writable,
               struct venus_shm *memory)
{
    void *ptr;
    const int error = xen_grants_map(from_base(transport)->grants, ref, pages, writable, &ptr);
    if (error)
        return error;
    memory->base = ptr;
    memory->size = (size_t)pages * VGPU_PAGE_SIZE;
    return 0;
}

static void unmap(struct vgpu_transport *transport, struct venus_shm *memory)
{
    if (memory->base)
        xen_grants_unmap(from_base(transport)->grants, memory->base,
                         (uint32_t)(memory->size / VGPU_PAGE_SIZE));
    *memory = (struct venus_shm){0};
}

static void notify(struct vgpu_transport *transport)
{
    /* Fails when the guest has gone, which others notice. */
    xen_events_notify(from_base(transport)->events);
}

static void set_window_bits(struct vgpu_transport *transport, uint64_t offset, uint32_t bits)
{
    const int error = xen_window_set_bits(from_base(transport)->window, offset, bits);
    if (error)
        backend_log(VENUS_LOG_WARNING,
                    "the guest is not told: a page of the window cannot be mapped: %s",
                    strerror(-error));
}

static int enter_with_window(struct transport_xen *t)
{
    const int error = xen_window_enter_child(t->window);
    if (error)
        backend_log(VENUS_LOG_ERROR, "the window cannot be mapped in a render process: %s",
                    strerror(-error));
    else
        t->base.window.base = xen_window_memory(t->window);
    return error;
}

static int enter_with_blobs(struct transport_xen *t)
{
    t->shared = xen_shared_pages_open(t->domid);
    if (!t->shared) {
        const int error = errno;
        backend_log(VENUS_LOG_ERROR, "/dev/xen/gntalloc: %s", strerror(error));
        return -error;
    }
    t->base.render_fd = xen_shared_pages_fd(t->shared);
    return 0;
}

static int enter_render_process(struct vgpu_transport *transport)
{
    struct transport_xen *t = from_base(transport);
    /* No map of grants is here: fork() leaves them out, and something else may be in their place.
     */
    transport->control = transport->pool = transport->blob_refs = (struct venus_shm){0};
    return t->per_blob ? enter_with_blobs(t) : enter_with_window(t);
}

static int alloc_pages(struct vgpu_transport *transport, uint32_t count, void **pages,
                       uint32_t *refs)
{
    const int error = xen_shared_pages_alloc(from_base(transport)->shared, count, pages, refs);
    if (error == -ENOSPC)
        backend_log(VENUS_LOG_ERROR,
                    "no %u pages to grant: all guests together may have the %u of gntalloc's "
                    "parameter `limit` (/sys/module/xen_gntalloc/parameters/limit), and no more "
                    "than this domain's grant table holds (gnttab_max_frames of Xen)",
                    count, xen_shared_pages_limit());
    else if (error)
        backend_log(VENUS_LOG_ERROR, "no %u pages to grant: %s", count, strerror(-error));
    return error;
}

static void free_pages(struct vgpu_transport *transport, void *pages, uint32_t count)
{
    (void)count;
    xen_shared_pages_free(from_base(transport)->shared, pages);
}

/* ---- dma-bufs ---- */

#define NO_DMA_BUF "Dom0's kernel was built without CONFIG_XEN_GNTDEV_DMABUF"

static int export_slice(struct vgpu_transport *transport, uint64_t offset, uint64_t size, int *fd,
                        int *key)
{
    const struct transport_xen *t = from_base(transport);
    const uint32_t count = (uint32_t)(size / VGPU_PAGE_SIZE);
    if (!t->dma_bufs) {
        backend_log(VENUS_LOG_ERROR,
                    "the GPU's driver does not import host memory (VK_EXT_external_memory_host) "
                    "and dma-bufs can be made of a granted window only: use window=grant");
        return -ENOTSUP;
    }
    uint32_t *refs = malloc(count * sizeof(*refs));
    if (!refs)
        return -ENOMEM;
    int error = xen_window_refs(t->window, offset / VGPU_PAGE_SIZE, count, refs);
    if (!error)
        error = xen_dma_bufs_export(t->dma_bufs, refs, count, fd, key);
    free(refs);
    if (error == -ENOTTY)
        backend_log(
            VENUS_LOG_ERROR,
            "the GPU's driver does not import host memory (VK_EXT_external_memory_host), and "
            "no dma-buf can be made of the window: " NO_DMA_BUF);
    else if (error)
        backend_log(VENUS_LOG_ERROR, "no dma-buf of %u pages of the window: %s%s", count,
                    strerror(-error),
                    error == -EINVAL ? " (too many for gntdev's parameter `limit` or "
                                       "gnttab_max_maptrack_frames of Xen's command line, or Dom0 "
                                       "is a PV domain)"
                                     : "");
    return error;
}

static bool released_slice(struct vgpu_transport *transport, int key)
{
    return xen_dma_bufs_released(from_base(transport)->dma_bufs, key);
}

static void forget_slice(struct vgpu_transport *transport, int key)
{
    (void)transport;
    xen_dma_bufs_forget(key);
}

static int grant_dma_buf(struct vgpu_transport *transport, int fd, uint32_t count, uint32_t *refs)
{
    const int error = xen_dma_bufs_grant(from_base(transport)->dma_bufs, fd, count, refs);
    if (error == -ENOTTY)
        backend_log(VENUS_LOG_ERROR,
                    "memory of the GPU's driver cannot be granted to the guest: " NO_DMA_BUF);
    else if (error)
        backend_log(VENUS_LOG_ERROR,
                    "%u pages of the GPU's driver cannot be granted to the guest: %s%s", count,
                    strerror(-error),
                    error == -ENOSPC ? " (this domain's grant table is full: gnttab_max_frames of "
                                       "Xen's command line)"
                                     : "");
    return error;
}

static void revoke_dma_buf(struct vgpu_transport *transport, int fd)
{
    xen_dma_bufs_revoke(from_base(transport)->dma_bufs, fd);
}

static const struct vgpu_transport_ops ops = {
    .copy_from = copy_from,
    .copy_to = copy_to,
    .map = map,
    .unmap = unmap,
    .notify = notify,
    .set_window_bits = set_window_bits,
    .enter_render_process = enter_render_process,
    .alloc_pages = alloc_pages,
    .free_pages = free_pages,
    .export_slice = export_slice,
    .released_slice = released_slice,
    .forget_slice = forget_slice,
    .grant_dma_buf = grant_dma_buf,
    .revoke_dma_buf = revoke_dma_buf,
};

/* ---- opening and connecting ---- */

struct vgpu_transport *transport_xen_open(const struct device_process_params *params,
                                          struct reason *reason)
{
    const bool grant = params->window == VGPU_WINDOW_GRANT;
    struct transport_xen *t = calloc(1, sizeof(*t));
    if (!t) {
        reason_set(reason, "out of memory");
        return NULL;
    }
    t->base.ops = &ops;
    t->base.render_fd = -1;
    t->domid = params->domid;
    t->per_blob = params->per_blob;
    const char *what = "/dev/xen/gntdev";
    t->grants = xen_grants_open(params->domid);
    if (t->grants) {
        what = "/dev/xen/evtchn";
        t->events = xen_events_open(params->domid);
    }
    if (t->events && !params->per_blob) {
        what = grant ? "/dev/xen/gntdev" : "/dev/xen/privcmd";
        t->window = xen_window_open(grant ? XEN_WINDOW_GRANT : XEN_WINDOW_FOREIGN, params->domid);
    }
    if (t->events && (params->per_blob || grant)) {
        what = "/dev/xen/gntdev";
        t->dma_bufs = xen_dma_bufs_open(params->domid);
        if (!t->dma_bufs)
            goto error;
    }
    if (t->events && (params->per_blob || t->window))
        return &t->base;
error:
    reason_set(reason, "%s: %s", what, strerror(errno));
    transport_xen_close(&t->base);
    return NULL;
}

/* The pages of the window, one by one: references or frame numbers. NULL with the reason. */
static uint64_t *list_pages(const struct device_process_params *params, size_t count,
                            struct reason *reason)
{
    const struct vgpu_connection *c = &params->connection;
    uint64_t *pages = malloc(count * sizeof(*pages));
    size_t done = 0;
    if (!pages) {
        reason_set(reason, "out of memory");
        return NULL;
    }
    if (params->window == VGPU_WINDOW_FOREIGN) {
        for (; done < count; done++)
            pages[done] = (c->window_base >> VGPU_PAGE_SHIFT) + done;
        return pages;
    }
    for (uint32_t i = 0; i < c->run_count; i++)
        for (uint32_t j = 0; j < c->runs[i].count && done < count; j++)
            pages[done++] = (uint64_t)c->runs[i].first + j;
    if (done == count)
        return pages;
    reason_set(reason, "the frontend grants %zu pages of the window, which has %zu", done, count);
    free(pages);
    return NULL;
}

static bool map_window(struct transport_xen *t, const struct device_process_params *params,
                       struct reason *reason)
{
    const size_t count = params->hostmem / VGPU_PAGE_SIZE;
    uint64_t *pages = list_pages(params, count, reason);
    if (!pages)
        return false;
    const int error = xen_window_map(t->window, pages, count);
    free(pages);
    if (error)
        return reason_set(reason,
                          "the window of %zu pages cannot be mapped: %s (a wrong reference, or too "
                          "many pages for gnttab_max_maptrack_frames of Xen's command line)",
                          count, strerror(-error));
    t->base.window.size = count * VGPU_PAGE_SIZE;
    return true;
}

static bool map_part(struct transport_xen *t, const char *what, uint32_t ref, uint32_t pages,
                     struct venus_shm *memory, struct reason *reason)
{
    const int error = map(&t->base, ref, pages, true, memory);
    return !error || reason_set(reason, "%s, %u pages from reference %u, cannot be mapped: %s",
                                what, pages, ref, strerror(-error));
}

bool transport_xen_connect(struct vgpu_transport *transport,
                           const struct device_process_params *params, struct reason *reason)
{
    struct transport_xen *t = from_base(transport);
    const struct vgpu_connection *c = &params->connection;
    if (!map_part(t, "the control page", c->control_ref, 1, &transport->control, reason) ||
        !map_part(t, "the pool", c->pool_ref, c->pool_pages, &transport->pool, reason))
        return false;
    if (params->per_blob && !map_part(t, "the list of blobs' references", c->blob_refs_ref,
                                      VGPU_BLOB_REFS_PAGES, &transport->blob_refs, reason))
        return false;
    if (!params->per_blob && !map_window(t, params, reason))
        return false;
    transport->pool_ref = c->pool_ref;
    transport->window_size = params->hostmem;
    transport->window_zeroed = !params->per_blob && c->window_zeroed;
    const int error = xen_events_bind(t->events, params->domid, c->event_channel);
    return !error || reason_set(reason, "event channel %u cannot be bound: %s", c->event_channel,
                                strerror(-error));
}

void transport_xen_close(struct vgpu_transport *transport)
{
    if (!transport)
        return;
    struct transport_xen *t = from_base(transport);
    unmap(transport, &transport->control);
    unmap(transport, &transport->pool);
    unmap(transport, &transport->blob_refs);
    xen_window_close(t->window);
    xen_dma_bufs_close(t->dma_bufs);
    xen_events_close(t->events);
    xen_grants_close(t->grants);
    free(t);
}

int transport_xen_event_fd(const struct vgpu_transport *transport)
{
    return xen_events_fd(from_base(transport)->events);
}

int transport_xen_take_event(struct vgpu_transport *transport)
{
    return xen_events_take(from_base(transport)->events);
}
