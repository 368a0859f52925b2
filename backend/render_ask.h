/* SPDX-License-Identifier: MIT */
/* What a render process asks of its device process about dma-bufs (render_protocol.h). */
#ifndef BACKEND_RENDER_ASK_H
#define BACKEND_RENDER_ASK_H

#include <pthread.h>
#include <stdint.h>

struct render_asker {
    int socket; /* -1: there is nobody to ask */
    pthread_mutex_t lock;
};

void render_asker_init(struct render_asker *asker, int socket);

/* A dma-buf of [offset, offset + size) of the window, in the slice of resource `id`, or 0 at the
 * window's start.  Returns a new descriptor or a negative errno; who is asked has logged why. */
int render_ask_export(struct render_asker *asker, uint32_t id, uint64_t offset, uint64_t size);

/* Have the pages of a dma-buf granted to the guest for the blob `id` that is being made, or, for 0,
 * only tried.  The descriptor stays the caller's.  0 or a negative errno, as above. */
int render_ask_grant(struct render_asker *asker, uint32_t id, int fd);

#endif
