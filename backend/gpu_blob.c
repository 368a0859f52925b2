/* SPDX-License-Identifier: MIT */
/*
 * Mapping "per-blob": a render process makes the blob and grants its pages, and the frontend is
 * asked to map them into the window, part by part, through the control page.
 *
 * Resources with something to ask for wait in device->blob_queue; the request in the control page
 * is that of the first one.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "gpu_internal.h"

#define REQUEST  offsetof(struct vgpu_control, blob_request)
#define RESPONSE offsetof(struct vgpu_control, blob_response)

/* ---- the blob ---- */

/* Why what the render process says about a blob cannot be right, or NULL. */
static const char *blob_wrong(const struct gpu_resource *resource, const struct render_blob *blob)
{
    if (!(resource->blob_flags & VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE))
        return NULL;
    if (!blob || !blob->refs)
        return "its memory cannot be granted";
    if (blob->size % VGPU_PAGE_SIZE || blob->size / VGPU_PAGE_SIZE < resource->pages)
        return "it is smaller than what was asked for";
    return NULL;
}

static int keep_refs(struct gpu_resource *resource, const struct render_blob *blob)
{
    if (!(resource->blob_flags & VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE))
        return 0;
    const size_t size = resource->pages * sizeof(*resource->refs);
    resource->refs = malloc(size);
    if (!resource->refs)
        return -ENOMEM;
    memcpy(resource->refs, blob->refs, size);
    if (blob->cache == VIRTIO_GPU_MAP_CACHE_UNCACHED || blob->cache == VIRTIO_GPU_MAP_CACHE_WC)
        resource->cache = blob->cache;
    return 0;
}

void gpu_blob_ready(struct gpu_resource *resource, int error, const struct render_blob *blob)
{
    struct gpu_request *request = resource->create_request;
    const bool per_blob = resource->device->params.per_blob;
    const char *why = NULL;
    if (!error && per_blob)
        why = blob_wrong(resource, blob);
    if (!error && !why && per_blob)
        error = keep_refs(resource, blob);
    resource->create_request = NULL;
    if (error) {
        gpu_request_fail_errno(request, error, "its render process");
    } else if (why) {
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_UNSPEC, "%s", why);
    } else {
        gpu_request_answer(request, VIRTIO_GPU_RESP_OK_NODATA);
        if (resource->map_state == GPU_MAPPING)
            gpu_blob_map(resource);
        return;
    }
    if (resource->map_state == GPU_MAPPING)
        gpu_resource_map_failed(resource, "it could not be created");
    resource->dying = true;
}

/* ---- the queue ---- */

static void blob_enqueue(struct gpu_resource *resource)
{
    struct gpu_device *device = resource->device;
    if (resource->queued)
        return;
    resource->queued = true;
    resource->blob_next = NULL;
    *device->last_blob = resource;
    device->last_blob = &resource->blob_next;
}

static struct gpu_resource *blob_dequeue(struct gpu_device *device)
{
    struct gpu_resource *resource = device->blob_queue;
    device->blob_queue = resource->blob_next;
    if (!device->blob_queue)
        device->last_blob = &device->blob_queue;
    resource->queued = false;
    return resource;
}

static void post_request(struct gpu_device *device, uint32_t op, uint64_t offset, uint64_t pages)
{
    const struct venus_shm *control = &device->transport->control;
    struct vgpu_blob_request request = {.op = op, .offset = offset, .pages = (uint32_t)pages};
    device->blob_sequence++;
    device->blob_pages = pages;
    device->blob_mapping = op == VGPU_BLOB_MAP;
    venus_shm_write(control, REQUEST + sizeof(request.sequence), &request.op,
                    sizeof(request) - sizeof(request.sequence));
    /* Release: the block and the references come before the number. */
    atomic_store_explicit(venus_shm_word(control, REQUEST), device->blob_sequence,
                          memory_order_release);
    gpu_device_notify(device);
}

static bool wants_more(const struct gpu_resource *resource)
{
    return resource->map_state == GPU_MAPPING && !resource->dying && resource->creator &&
           !resource->refused && resource->mapped < resource->pages;
}

/* Ask for what the resource needs next. False when it needs nothing. */
static bool post_next(struct gpu_device *device, struct gpu_resource *resource)
{
    if (wants_more(resource)) {
        uint64_t pages = resource->pages - resource->mapped;
        if (pages > VGPU_MAX_BLOB_REFS)
            pages = VGPU_MAX_BLOB_REFS;
        venus_shm_write(&device->transport->blob_refs, 0, resource->refs + resource->mapped,
                        pages * sizeof(*resource->refs));
        post_request(device, VGPU_BLOB_MAP, resource->offset + resource->mapped * VGPU_PAGE_SIZE,
                     pages);
        return true;
    }
    const bool complete = resource->map_state == GPU_MAPPING && !resource->dying &&
                          resource->creator && !resource->refused;
    if (complete || !resource->mapped)
        return false;
    post_request(device, VGPU_BLOB_UNMAP, resource->offset, resource->mapped);
    return true;
}

/* Everything that the resource was in the queue for has been done. */
static void blob_done(struct gpu_resource *resource)
{
    if (resource->map_state == GPU_UNMAPPING)
        gpu_resource_unmapped(resource);
    else if (resource->mapped)
        gpu_resource_mapped(resource);
    else if (resource->refused)
        gpu_resource_map_failed(resource, "the frontend does not map it");
    else
        gpu_resource_map_failed(resource, "it was dropped before it was mapped");
    gpu_resource_progress(resource);
}

static void blob_go_on(struct gpu_device *device)
{
    while (!device->blob_pages && device->blob_queue) {
        if (!post_next(device, device->blob_queue))
            blob_done(blob_dequeue(device));
    }
}

void gpu_blob_map(struct gpu_resource *resource)
{
    if (resource->create_request)
        return; /* gpu_blob_ready() comes back here */
    resource->refused = false;
    blob_enqueue(resource);
    blob_go_on(resource->device);
}

void gpu_blob_unmap(struct gpu_resource *resource)
{
    resource->map_state = GPU_UNMAPPING;
    blob_enqueue(resource);
    blob_go_on(resource->device);
}

/*
 * What the frontend does not unmap is its own loss, but its pages cannot be freed either: they go
 * from what the guest may have until it connects anew.
 */
static void blob_unmapped(struct gpu_resource *resource, uint32_t status)
{
    if (status != VGPU_STATUS_OK) {
        if (resource->lost < resource->mapped)
            resource->lost = resource->mapped;
        gpu_device_complain(resource->device,
                            "the frontend has not unmapped the %llu pages of resource %u, which it "
                            "loses until it connects anew (status %u)",
                            (unsigned long long)resource->mapped, resource->id, status);
    }
    resource->mapped = 0;
}

void gpu_blob_response(struct gpu_device *device)
{
    const struct venus_shm *control = &device->transport->control;
    uint32_t status = VGPU_STATUS_INVALID;
    if (!device->blob_pages)
        return;
    /* Acquire: the rest of the block was written before the number. */
    if (atomic_load_explicit(venus_shm_word(control, RESPONSE), memory_order_acquire) !=
        device->blob_sequence)
        return;
    venus_shm_read(control, RESPONSE + offsetof(struct vgpu_blob_response, status), &status,
                   sizeof(status));
    struct gpu_resource *resource = device->blob_queue;
    if (!device->blob_mapping)
        blob_unmapped(resource, status);
    else if (status == VGPU_STATUS_OK)
        resource->mapped += device->blob_pages;
    else
        resource->refused = true;
    device->blob_pages = 0;
    blob_go_on(device);
}

void gpu_blobs_drop(struct gpu_device *device)
{
    device->blob_queue = NULL;
    device->last_blob = &device->blob_queue;
    device->blob_pages = 0;
}
