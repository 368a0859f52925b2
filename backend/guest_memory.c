/* SPDX-License-Identifier: MIT */
#include "guest_memory.h"

#include <errno.h>

#include "xen/vgpuif.h"

/* What an address says beside bit 63: a byte of the space of all references. */
#define GRANT_SPACE (1ULL << 44)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "everything shared is little endian, and is used as it is");

static uint64_t grant_byte(uint64_t address)
{
    return address & (GRANT_SPACE - 1);
}

bool guest_address_valid(uint64_t address, uint64_t size)
{
    return address & VGPU_ADDRESS_GRANT && !(address & VGPU_ADDRESS_RESERVED) &&
           size <= GRANT_SPACE - grant_byte(address);
}

/* The offset of an address in the pool, or UINT64_MAX. */
static uint64_t pool_offset(const struct vgpu_transport *transport, uint64_t address, size_t size)
{
    const uint64_t start = (uint64_t)transport->pool_ref << VGPU_PAGE_SHIFT;
    const uint64_t byte = grant_byte(address);
    if (byte < start || !venus_shm_contains(&transport->pool, byte - start, size))
        return UINT64_MAX;
    return byte - start;
}

/* How much of [address, address + size) is in the first page. */
static size_t in_page(uint64_t address, size_t size)
{
    const size_t left = VGPU_PAGE_SIZE - VGPU_ADDRESS_OFFSET(address);
    return size < left ? size : left;
}

int guest_memory_read(struct vgpu_transport *transport, uint64_t address, void *to, size_t size)
{
    if (!guest_address_valid(address, size))
        return -EINVAL;
    const uint64_t offset = pool_offset(transport, address, size);
    if (offset != UINT64_MAX) {
        venus_shm_read(&transport->pool, offset, to, size);
        return 0;
    }
    for (size_t n; size; size -= n, address += n, to = (char *)to + n) {
        n = in_page(address, size);
        const int error = transport->ops->copy_from(transport, VGPU_ADDRESS_REF(address),
                                                    VGPU_ADDRESS_OFFSET(address), to, n);
        if (error)
            return error;
    }
    return 0;
}

int guest_memory_write(struct vgpu_transport *transport, uint64_t address, const void *from,
                       size_t size)
{
    if (!guest_address_valid(address, size))
        return -EINVAL;
    const uint64_t offset = pool_offset(transport, address, size);
    if (offset != UINT64_MAX) {
        venus_shm_write(&transport->pool, offset, from, size);
        return 0;
    }
    for (size_t n; size; size -= n, address += n, from = (const char *)from + n) {
        n = in_page(address, size);
        const int error = transport->ops->copy_to(transport, VGPU_ADDRESS_REF(address),
                                                  VGPU_ADDRESS_OFFSET(address), from, n);
        if (error)
            return error;
    }
    return 0;
}

static struct venus_shm part_of(const struct venus_shm *shm, uint64_t offset, size_t size)
{
    return (struct venus_shm){
        .base = (struct venus_shared_bytes *)(void *)((char *)(void *)shm->base + offset),
        .size = size,
    };
}

int guest_memory_map(struct vgpu_transport *transport, uint64_t address, size_t size, bool writable,
                     struct guest_mapping *mapping)
{
    *mapping = (struct guest_mapping){0};
    if (!guest_address_valid(address, size))
        return -EINVAL;
    const uint64_t offset = pool_offset(transport, address, size);
    if (offset != UINT64_MAX) {
        mapping->memory = part_of(&transport->pool, offset, size);
        return 0;
    }
    const uint32_t first = VGPU_ADDRESS_OFFSET(address);
    const size_t pages = (first + size + VGPU_PAGE_SIZE - 1) >> VGPU_PAGE_SHIFT;
    const int error = transport->ops->map(transport, VGPU_ADDRESS_REF(address), (uint32_t)pages,
                                          writable, &mapping->mapped);
    if (!error)
        mapping->memory = part_of(&mapping->mapped, first, size);
    return error;
}

void guest_memory_unmap(struct vgpu_transport *transport, struct guest_mapping *mapping)
{
    transport->ops->unmap(transport, &mapping->mapped);
    *mapping = (struct guest_mapping){0};
}
