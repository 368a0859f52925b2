/* SPDX-License-Identifier: MIT */
/*
 * The device process's side of dma-bufs for GPU drivers that do not import host memory: it makes
 * them of slices of the window for a render process that asks, and grants those of the process's
 * own memory to the guest (render_protocol.h).  Part of render.c.
 *
 * A dma-buf of a slice may outlive both the memory object that it was imported for and the process:
 * the GPU's driver in the kernel has it until the GPU is done.  The guest gets the slice back only
 * then.
 */
#ifndef BACKEND_RENDER_DMA_BUF_H
#define BACKEND_RENDER_DMA_BUF_H

#include <stdbool.h>
#include <stdint.h>

#include "render_protocol.h"
#include "render_state.h"
#include "transport.h"

struct render_dma_buf;

struct render_dma_bufs {
    struct vgpu_transport *transport;
    bool per_blob;
    struct render_dma_buf *first;
};

void render_dma_bufs_init(struct render_dma_bufs *bufs, struct vgpu_transport *transport,
                          bool per_blob);
/* End all grants, and ask for no export any more. */
void render_dma_bufs_finish(struct render_dma_bufs *bufs);

/* Whether there is anything that a process could ask for. */
bool render_dma_bufs_offered(const struct render_dma_bufs *bufs);

/*
 * Answer the next question on the socket, if there is one.  Returns 1, 0 when there is none, or a
 * negative errno: -EPIPE when none will come, -EPROTO for one that is none, -EIO when it cannot be
 * answered.
 */
int render_dma_bufs_serve(struct render_dma_bufs *bufs, const struct render_state *state,
                          int socket);

/* The references of a blob's pages if its dma-buf was granted, or NULL. */
const uint32_t *render_dma_bufs_refs(const struct render_dma_bufs *bufs, uint32_t res_id);
/* End the grants of a blob, if there are any. */
void render_dma_bufs_revoke(struct render_dma_bufs *bufs, uint32_t res_id);

/* The process says that it does not use a slice any more: whether that is all.  If not,
 * render_dma_bufs_drained() tells later. */
bool render_dma_bufs_drain(struct render_dma_bufs *bufs, uint32_t res_id);
/* The same for all of them, of a process that is gone. */
bool render_dma_bufs_drain_all(struct render_dma_bufs *bufs);
/* Look again at those that were not done. */
void render_dma_bufs_look(struct render_dma_bufs *bufs);
/* What render_dma_bufs_look() has found: the next slice that nobody uses any more. */
bool render_dma_bufs_drained(struct render_dma_bufs *bufs, uint32_t *res_id);
/* Whether some are not done yet. */
bool render_dma_bufs_draining(const struct render_dma_bufs *bufs);

#endif
