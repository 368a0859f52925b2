/* SPDX-License-Identifier: MIT */
/*
 * Dma-bufs of what a guest has granted, and grants of dma-bufs to it: the part of /dev/xen/gntdev
 * that the kernel has with CONFIG_XEN_GNTDEV_DMABUF only.
 *
 * A handle of its own: dma-bufs that somebody still uses keep it, and all that was mapped with it,
 * open in the kernel after this process has ended.
 */
#ifndef XEN_DMA_BUF_H
#define XEN_DMA_BUF_H

#include <stdbool.h>
#include <stdint.h>

struct xen_dma_bufs;

/* Open the device for domain `domid`. NULL with errno set. */
struct xen_dma_bufs *xen_dma_bufs_open(uint32_t domid);
/* Ends all grants, too. What was exported lives as long as somebody uses it. NULL allowed. */
void xen_dma_bufs_close(struct xen_dma_bufs *bufs);

/*
 * Make a dma-buf of `count` pages that the guest has granted.  *fd becomes a descriptor that the
 * caller owns, *key what xen_dma_bufs_released() is to be asked with until it says yes; both are
 * numbers in the table of descriptors.  Returns 0 or a negative errno: -ENOTTY when the kernel
 * cannot do it, -EINVAL for a wrong reference, too many pages, or a PV domain.
 */
int xen_dma_bufs_export(struct xen_dma_bufs *bufs, const uint32_t *refs, uint32_t count, int *fd,
                        int *key);
/* Whether nobody has the dma-buf any more, and the guest's pages are not mapped by it. Then the key
 * is nothing any more. */
bool xen_dma_bufs_released(struct xen_dma_bufs *bufs, int key);
/* Do not ask for it any more, whether it is in use or not. */
void xen_dma_bufs_forget(int key);

/*
 * Grant all `count` pages of a dma-buf to the guest, which may write to them.  The descriptor names
 * the grants from now on: it must stay open.  Returns 0 or a negative errno: -ENOTTY when the
 * kernel cannot do it, -EINVAL for what is not a dma-buf of so many pages, -ENOSPC when this
 * domain's grant table is full.
 */
int xen_dma_bufs_grant(struct xen_dma_bufs *bufs, int fd, uint32_t count, uint32_t *refs);
/* End the grants; the kernel keeps pages that the guest still maps until it lets go.  The
 * descriptor is the caller's again. */
void xen_dma_bufs_revoke(struct xen_dma_bufs *bufs, int fd);

#endif
