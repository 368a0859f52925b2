/* SPDX-License-Identifier: MIT */
/* What transport_xen.c is made of, without Xen: xen/grant.h, xen/events.h, xen/window.h,
 * xen/shared_pages.h and xen/dma_buf.h over memory that is shared with forked processes. */
#ifndef FAKE_PARTS_H
#define FAKE_PARTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xen/vgpuif.h"

#define FAKE_DOMID        7u
#define FAKE_PAGES        64u /* of the guest; their numbers are their grant references */
#define FAKE_WINDOW_PAGES 512u

struct fake_parts {
    /* The call that fails, by its name without xen_, and with what. */
    char fails[32];
    int error;
    uint32_t fails_ref; /* for grants_map: only the map that starts with this one; 0: each */
    char fifo[96];      /* what is written into it are the guest's events */
    /* What there is now: opened parts, and mapped pages. */
    atomic_int parts, maps;
    atomic_int notified;
    atomic_uint port;
    /* Of the last window. */
    int window_kind;
    size_t window_count;
    uint64_t window_word; /* the last one whose bits were set */
    uint32_t window_bits;
    uint64_t window_pages[FAKE_WINDOW_PAGES];
    /* Of the last dma-buf of the guest's pages, and of the last one that was granted. */
    uint32_t exported_refs[8], exported;
    int granted_fd, revoked_fd;
    int forgotten; /* the last key */
    bool in_use;   /* dma-bufs of the guest's pages */
    _Alignas(VGPU_PAGE_SIZE) uint8_t guest[FAKE_PAGES * VGPU_PAGE_SIZE];
};

extern struct fake_parts *fake_parts;
/* A window's memory in a render process. */
extern char fake_window_in_child[];

/* Nothing open, all memory zero, no failures. */
void fake_parts_reset(void);
/* Let a call fail from now on. */
void fake_parts_fail(const char *call, int error);

#endif
