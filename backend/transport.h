/* SPDX-License-Identifier: MIT */
/*
 * How the virtio-gpu device model reaches its guest: the control page, memory and notifications of
 * the protocol in xen/vgpuif.h.  transport_xen.c does it with grants and event channels,
 * transport_local.c in one process, for tests and fuzzing.
 *
 * Memory that the guest can write is struct venus_shm: it can only be copied from and to.
 */
#ifndef BACKEND_TRANSPORT_H
#define BACKEND_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm.h"

struct vgpu_transport;

struct vgpu_transport_ops {
    /*
     * Copy `size` bytes, within one page, between the page that the guest granted as `ref` and
     * `data`.  Returns 0 or a negative errno (the guest may have granted nothing).
     */
    int (*copy_from)(struct vgpu_transport *transport, uint32_t ref, uint32_t offset, void *data,
                     size_t size);
    int (*copy_to)(struct vgpu_transport *transport, uint32_t ref, uint32_t offset,
                   const void *data, size_t size);
    /* Map `pages` pages with consecutive references, one after the other. 0 or a negative errno. */
    int (*map)(struct vgpu_transport *transport, uint32_t ref, uint32_t pages, bool writable,
               struct venus_shm *memory);
    /* Accepts zeroed memory. */
    void (*unmap)(struct vgpu_transport *transport, struct venus_shm *memory);
    /* Send an event to the guest. */
    void (*notify)(struct vgpu_transport *transport);
    /* Set `bits` in the aligned 32-bit word at `offset`, which lies in the window, atomically. Not
     * in a render process, nor with mapping "per-blob". */
    void (*set_window_bits)(struct vgpu_transport *transport, uint64_t offset, uint32_t bits);
    /*
     * In a process that has just been forked to render: make `window` valid here, and give up
     * everything else that the parent can do with the guest.  All descriptors but the standard ones
     * and `render_fd` are closed afterwards.  0, or a negative errno after logging why.
     */
    int (*enter_render_process)(struct vgpu_transport *transport);
    /*
     * In a render process, only with mapping "per-blob": get `count` zeroed pages of this domain, one
     * after the other, that the guest may map, and their grant references.  Returns 0, or a negative
     * errno after logging which limit was met.  From any thread.
     */
    int (*alloc_pages)(struct vgpu_transport *transport, uint32_t count, void **pages,
                       uint32_t *refs);
    /* Give them back; the guest may still have them mapped, and nobody else gets them before it has
     * let go. */
    void (*free_pages)(struct vgpu_transport *transport, void *pages, uint32_t count);

    /* ---- dma-bufs, not in a render process; NULL where there are none ---- */

    /*
     * Make a dma-buf of [offset, offset + size) of the window, whole pages.  *fd becomes a
     * descriptor that the caller owns, *key what released_slice() is to be asked with until it says
     * yes, or forget_slice() once.  Returns 0, or a negative errno after logging why.
     */
    int (*export_slice)(struct vgpu_transport *transport, uint64_t offset, uint64_t size, int *fd,
                        int *key);
    /* Whether nobody uses that dma-buf any more, drivers included: its key is gone then. */
    bool (*released_slice)(struct vgpu_transport *transport, int key);
    void (*forget_slice)(struct vgpu_transport *transport, int key);
    /*
     * Grant all `count` pages of somebody's dma-buf to the guest until revoke_dma_buf(); the
     * descriptor stays open as long.  Returns 0, or a negative errno after logging why.
     */
    int (*grant_dma_buf)(struct vgpu_transport *transport, int fd, uint32_t count, uint32_t *refs);
    /* The guest may still have the pages mapped, as with free_pages(). */
    void (*revoke_dma_buf)(struct vgpu_transport *transport, int fd);
};

struct vgpu_transport {
    const struct vgpu_transport_ops *ops;
    struct venus_shm control; /* struct vgpu_control */
    struct venus_shm pool;
    uint32_t pool_ref;        /* of its first page */
    struct venus_shm window;  /* empty with mapping "per-blob"; elsewhere its `base` is for render
                               * processes only */
    uint64_t window_size;     /* bytes, also when it is address space only */
    bool window_zeroed;       /* nobody has written to it yet */
    struct venus_shm blob_refs; /* only with mapping "per-blob" */
    int render_fd; /* what alloc_pages needs in a render process, or -1; set on entering one */
};

#endif
