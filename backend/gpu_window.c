/* SPDX-License-Identifier: MIT */
/* Blobs as slices of the window, when that is memory of the guest: nothing needs to be mapped any
 * more, render processes only have to know where it is. */
#include <stdio.h>
#include <string.h>

#include "gpu_internal.h"

void gpu_window_map(struct gpu_resource *resource)
{
    struct gpu_device *device = resource->device;
    const uint64_t page = resource->offset / VGPU_PAGE_SIZE;
    if (!resource->creator) {
        gpu_resource_map_failed(resource, "its context is gone");
        return;
    }
    /* What other contexts of the guest left there is not this one's to see. */
    resource->creator->clear = page_set_any(&device->dirty, page, resource->pages);
    page_set_add(&device->dirty, page, resource->pages);
    gpu_attachment_make(resource->creator);
}

/* The contexts that had to wait until the slice holds nothing of others. */
static void make_others(struct gpu_resource *resource)
{
    struct gpu_attachment *next;
    resource->clean = true;
    for (struct gpu_attachment *attachment = resource->attachments; attachment; attachment = next) {
        next = attachment->resource_next;
        if (!attachment->told)
            gpu_attachment_make(attachment);
    }
}

void gpu_window_ready(struct gpu_attachment *attachment, int error)
{
    struct gpu_resource *resource = attachment->resource;
    char why[64];
    if (resource->map_state != GPU_MAPPING)
        return;
    if (!error) {
        make_others(resource);
        gpu_resource_mapped(resource);
        return;
    }
    snprintf(why, sizeof(why), "its render process: %s", strerror(-error));
    gpu_resource_map_failed(resource, why);
}
