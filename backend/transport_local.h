/* SPDX-License-Identifier: MIT */
/*
 * A transport within one process, for tests and fuzzing: the guest's memory is a file in memory,
 * in which grant reference N is page N.  Processes that are forked share the window.
 */
#ifndef BACKEND_TRANSPORT_LOCAL_H
#define BACKEND_TRANSPORT_LOCAL_H

#include "transport.h"

struct transport_local_params {
    uint32_t pages;       /* of the guest, all of them granted; more than pool_pages + 8 */
    uint32_t pool_pages;  /* the first ones after the control page and the list of references */
    uint64_t window_size; /* bytes */
    bool per_blob;        /* the window is address space only */
    bool window_zeroed;
};

struct transport_local {
    struct vgpu_transport transport; /* what the device model gets */
    int fd;
    uint8_t *guest;  /* the guest's own view of its pages, and of the window behind them */
    uint8_t *window; /* there; NULL with per_blob */
    uint32_t pages;
    uint64_t size;          /* bytes of the file */
    bool *granted;          /* by reference; the test may change it */
    uint32_t notifications; /* sent to the guest */
    uint32_t maps;          /* mappings that there are beside those of the transport itself */
};

/* Returns NULL, with errno set, when there is no memory. */
struct transport_local *transport_local_create(const struct transport_local_params *params);
/* NULL is allowed. */
void transport_local_destroy(struct transport_local *local);

#endif
