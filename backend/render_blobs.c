/* SPDX-License-Identifier: MIT */
#include "render_blobs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "render_limits.h"

#define PAGE_SIZE 4096u

/* What pages->private points to. */
struct blob {
    uint32_t count; /* pages */
    uint32_t refs[];
};

static int blob_alloc(void *user, uint64_t size, struct venus_pages *pages)
{
    struct vgpu_transport *transport = ((struct render_blobs *)user)->transport;
    const uint64_t count = size / PAGE_SIZE + !!(size % PAGE_SIZE);
    void *ptr;
    if (!count)
        return -EINVAL;
    if (count > RENDER_MAX_BLOB_PAGES)
        return -ENOMEM;
    struct blob *blob = malloc(sizeof(*blob) + count * sizeof(blob->refs[0]));
    if (!blob)
        return -ENOMEM;
    blob->count = (uint32_t)count;
    const int error = transport->ops->alloc_pages(transport, blob->count, &ptr, blob->refs);
    if (error) {
        free(blob);
        return error;
    }
    *pages = (struct venus_pages){
        .ptr = ptr,
        .size = count * PAGE_SIZE,
        .fd = -1,
        .private = blob,
    };
    return 0;
}

static void blob_free(void *user, struct venus_pages *pages)
{
    struct vgpu_transport *transport = ((struct render_blobs *)user)->transport;
    struct blob *blob = pages->private;
    if (!blob)
        return;
    transport->ops->free_pages(transport, pages->ptr, blob->count);
    free(blob);
    memset(pages, 0, sizeof(*pages));
}

/* Whether the guest can be given memory of the driver's own. */
static int blob_try(void *user, int fd)
{
    return render_ask_grant(((struct render_blobs *)user)->asker, 0, fd);
}

void render_blobs_init(struct render_blobs *blobs, struct vgpu_transport *transport,
                       struct render_asker *asker)
{
    blobs->provider = (struct venus_memory_provider){
        .alloc = blob_alloc,
        .free = blob_free,
        .try_dma_buf = blob_try,
        .user = blobs,
    };
    blobs->asker = asker;
    blobs->transport = transport;
}

const uint32_t *render_blobs_refs(const void *pages_private)
{
    return pages_private ? ((const struct blob *)pages_private)->refs : NULL;
}
