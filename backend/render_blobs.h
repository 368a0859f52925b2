/* SPDX-License-Identifier: MIT */
/* Memory of a render process that the guest maps: the provider for mapping "per-blob". */
#ifndef BACKEND_RENDER_BLOBS_H
#define BACKEND_RENDER_BLOBS_H

#include <stdint.h>

#include "render_ask.h"
#include "transport.h"
#include "venus.h"

struct render_blobs {
    struct venus_memory_provider provider;
    struct vgpu_transport *transport;
    struct render_asker *asker;
};

/* Fill it; `transport` is that of the render process. */
void render_blobs_init(struct render_blobs *blobs, struct vgpu_transport *transport,
                       struct render_asker *asker);

/* The grant references of pages of the provider, given their `private`; NULL for NULL. */
const uint32_t *render_blobs_refs(const void *pages_private);

#endif
