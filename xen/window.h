/* SPDX-License-Identifier: MIT */
/*
 * The window: many pages of one guest, mapped one after the other for as long as the guest is
 * served, in the processes that are forked from this one, and with grants in this one too, which
 * they inherit. Foreign pages are not mapped in a process that has no use for them: each takes a
 * hypercall to unmap again, which is what a guest's end would wait for.
 *
 * This uses the kernel's devices directly: Xen's libraries can neither choose the address of a map,
 * which takes several calls, nor be used in a forked process.
 */
#ifndef XEN_WINDOW_H
#define XEN_WINDOW_H

#include <stddef.h>
#include <stdint.h>

enum xen_window_kind {
    XEN_WINDOW_GRANT,   /* granted by the guest */
    XEN_WINDOW_FOREIGN, /* by the privilege of this domain */
};

struct xen_window;

/* Open the device.  With XEN_WINDOW_FOREIGN its descriptor is restricted to domain `domid`, also for
 * processes that inherit it.  NULL with errno set. */
struct xen_window *xen_window_open(enum xen_window_kind kind, uint32_t domid);

/* Unmaps it, here. NULL allowed. */
void xen_window_close(struct xen_window *window);

/*
 * Map `count` pages; once.  `pages` are grant references or guest frame numbers, by kind, and are
 * copied; of the latter it is only tried whether one can be mapped.  Returns 0 or a negative errno:
 * -EINVAL when the guest has not granted one of the pages, or Xen lacks room to keep track of so
 * many (gnttab_max_maptrack_frames on its command line).
 */
int xen_window_map(struct xen_window *window, const uint64_t *pages, size_t count);

/* Where it is mapped here, aligned to 2 MiB, or NULL. */
void *xen_window_memory(const struct xen_window *window);

/* The references of `count` pages from page `first` on. Returns 0, or -EINVAL when there are no
 * such pages, or they were not granted. */
int xen_window_refs(const struct xen_window *window, size_t first, size_t count, uint32_t *refs);

/* Set `bits` in the word at `offset`, atomically, also where the window is not mapped. Returns 0,
 * -EINVAL when there is no such word, or the negative errno of mapping its page. */
int xen_window_set_bits(const struct xen_window *window, uint64_t offset, uint32_t bits);

/*
 * In a process that was just forked: make the window valid here, perhaps at another address.  It
 * needs no privilege where the map is inherited (grants, except in PV domains) or the descriptor is
 * (foreign).  0 or a negative errno.
 */
int xen_window_enter_child(struct xen_window *window);

#endif
