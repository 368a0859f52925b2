/* SPDX-License-Identifier: MIT */
/* Pages of this domain that one guest may map: /dev/xen/gntalloc. */
#ifndef XEN_SHARED_PAGES_H
#define XEN_SHARED_PAGES_H

#include <stdint.h>

struct xen_shared_pages;

/* Open the device for grants to domain `domid`. NULL with errno set. */
struct xen_shared_pages *xen_shared_pages_open(uint32_t domid);

/* Gives all pages back; the kernel keeps those that the guest still maps until it lets go. NULL
 * allowed. */
void xen_shared_pages_close(struct xen_shared_pages *pages);

int xen_shared_pages_fd(const struct xen_shared_pages *pages);

/*
 * Get `count` zeroed pages, mapped one after the other, and their references (the guest may write to
 * them).  From any thread.  Returns 0 or a negative errno: -ENOSPC when the device's parameter
 * `limit`, which all guests share, or this domain's grant table is used up.
 */
int xen_shared_pages_alloc(struct xen_shared_pages *pages, uint32_t count, void **memory,
                           uint32_t *refs);
/* Give back what one call got. */
void xen_shared_pages_free(struct xen_shared_pages *pages, void *memory);

/* The device's parameter `limit` in pages, or 0 when it cannot be read. */
uint32_t xen_shared_pages_limit(void);

#endif
