/* SPDX-License-Identifier: MIT */
/*
 * Copies from and to guest memory by the addresses that virtqueues and requests use (xen/vgpuif.h):
 * within the pool from our mapping of it, elsewhere through the transport page by page.
 */
#ifndef BACKEND_GUEST_MEMORY_H
#define BACKEND_GUEST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport.h"

/* Whether [address, address + size) is written as the protocol wants it. Says nothing about whether
 * the guest has granted it. */
bool guest_address_valid(uint64_t address, uint64_t size);

/* Copy `size` bytes. 0, -EINVAL for an address that is not valid, or what the transport says. Part
 * of the bytes may have been copied then. */
int guest_memory_read(struct vgpu_transport *transport, uint64_t address, void *to, size_t size);
int guest_memory_write(struct vgpu_transport *transport, uint64_t address, const void *from,
                       size_t size);

/* A range of guest memory that stays accessible. */
struct guest_mapping {
    struct venus_shm memory; /* the range itself */
    struct venus_shm mapped; /* what the transport mapped for it; empty when it lies in the pool */
};

/* Map a range of at least 1 byte. 0, -EINVAL as above, or what the transport says. */
int guest_memory_map(struct vgpu_transport *transport, uint64_t address, size_t size, bool writable,
                     struct guest_mapping *mapping);
/* Accepts a zeroed mapping, and zeroes it. */
void guest_memory_unmap(struct vgpu_transport *transport, struct guest_mapping *mapping);

#endif
