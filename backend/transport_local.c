/* SPDX-License-Identifier: MIT */
#include "transport_local.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xen/vgpuif.h"

/* The control page is reference 1, so that 0 is nothing. */
#define CONTROL_REF   1u
#define BLOB_REFS_REF 2u
#define POOL_REF      (BLOB_REFS_REF + VGPU_BLOB_REFS_PAGES)

static struct transport_local *local_of(struct vgpu_transport *transport)
{
    return (struct transport_local *)(void *)transport;
}

static bool is_granted(const struct transport_local *local, uint32_t ref, uint32_t pages)
{
    if (ref >= local->pages || pages > local->pages - ref)
        return false;
    for (uint32_t i = 0; i < pages; i++) {
        if (!local->granted[ref + i])
            return false;
    }
    return true;
}

/* Map a part of the file. */
static int map_part(const struct transport_local *local, uint64_t offset, uint64_t size,
                    bool writable, struct venus_shm *memory)
{
    void *p = mmap(NULL, size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, local->fd,
                   (off_t)offset);
    if (p == MAP_FAILED)
        return -errno;
    *memory = (struct venus_shm){.base = p, .size = size};
    return 0;
}

static int local_map(struct vgpu_transport *transport, uint32_t ref, uint32_t pages, bool writable,
                     struct venus_shm *memory)
{
    struct transport_local *local = local_of(transport);
    *memory = (struct venus_shm){0};
    if (!is_granted(local, ref, pages))
        return -EFAULT;
    const int error = map_part(local, (uint64_t)ref * VGPU_PAGE_SIZE,
                               (uint64_t)pages * VGPU_PAGE_SIZE, writable, memory);
    local->maps += !error;
    return error;
}

static void unmap_part(struct venus_shm *memory)
{
    if (memory->base)
        munmap(memory->base, memory->size);
    *memory = (struct venus_shm){0};
}

static void local_unmap(struct vgpu_transport *transport, struct venus_shm *memory)
{
    local_of(transport)->maps -= memory->base != NULL;
    unmap_part(memory);
}

static bool in_page(uint32_t offset, size_t size)
{
    return offset < VGPU_PAGE_SIZE && size <= VGPU_PAGE_SIZE - offset;
}

static int local_copy_from(struct vgpu_transport *transport, uint32_t ref, uint32_t offset,
                           void *data, size_t size)
{
    const struct transport_local *local = local_of(transport);
    if (!in_page(offset, size))
        return -EINVAL;
    if (!is_granted(local, ref, 1))
        return -EFAULT;
    memcpy(data, local->guest + (size_t)ref * VGPU_PAGE_SIZE + offset, size);
    return 0;
}

static int local_copy_to(struct vgpu_transport *transport, uint32_t ref, uint32_t offset,
                         const void *data, size_t size)
{
    const struct transport_local *local = local_of(transport);
    if (!in_page(offset, size))
        return -EINVAL;
    if (!is_granted(local, ref, 1))
        return -EFAULT;
    memcpy(local->guest + (size_t)ref * VGPU_PAGE_SIZE + offset, data, size);
    return 0;
}

static void local_notify(struct vgpu_transport *transport)
{
    local_of(transport)->notifications++;
}

static void local_set_window_bits(struct vgpu_transport *transport, uint64_t offset, uint32_t bits)
{
    atomic_fetch_or(venus_shm_word(&transport->window, offset), bits);
}

static int local_enter_render_process(struct vgpu_transport *transport)
{
    struct transport_local *local = local_of(transport);
    /* The window was mapped shared and stays what it is. */
    unmap_part(&transport->control);
    unmap_part(&transport->pool);
    unmap_part(&transport->blob_refs);
    munmap(local->guest, local->size);
    close(local->fd);
    local->guest = local->window = NULL;
    local->fd = -1;
    return 0;
}

static const struct vgpu_transport_ops ops = {
    .copy_from = local_copy_from,
    .copy_to = local_copy_to,
    .map = local_map,
    .unmap = local_unmap,
    .notify = local_notify,
    .set_window_bits = local_set_window_bits,
    .enter_render_process = local_enter_render_process,
};

/* Map what the device model expects to find. */
static int map_all(struct transport_local *local, const struct transport_local_params *params)
{
    struct vgpu_transport *transport = &local->transport;
    struct venus_shm guest = {0};
    int error = map_part(local, 0, local->size, true, &guest);
    if (error)
        return error;
    local->guest = (void *)guest.base;
    error =
        map_part(local, CONTROL_REF * VGPU_PAGE_SIZE, VGPU_PAGE_SIZE, true, &transport->control);
    if (!error)
        error = map_part(local, (uint64_t)POOL_REF * VGPU_PAGE_SIZE,
                         (uint64_t)params->pool_pages * VGPU_PAGE_SIZE, true, &transport->pool);
    if (!error && params->per_blob)
        error = map_part(local, BLOB_REFS_REF * VGPU_PAGE_SIZE,
                         VGPU_BLOB_REFS_PAGES * VGPU_PAGE_SIZE, true, &transport->blob_refs);
    if (!error && !params->per_blob) {
        const uint64_t window = (uint64_t)local->pages * VGPU_PAGE_SIZE;
        error = map_part(local, window, params->window_size, true, &transport->window);
        local->window = local->guest + window;
    }
    return error;
}

struct transport_local *transport_local_create(const struct transport_local_params *params)
{
    struct transport_local *local = calloc(1, sizeof(*local));
    int error = ENOMEM;
    if (!local)
        return NULL;
    local->transport = (struct vgpu_transport){
        .ops = &ops,
        .pool_ref = POOL_REF,
        .window_size = params->window_size,
        .window_zeroed = params->window_zeroed,
        .render_fd = -1,
    };
    local->pages = params->pages;
    local->size =
        (uint64_t)params->pages * VGPU_PAGE_SIZE + (params->per_blob ? 0 : params->window_size);
    local->fd = memfd_create("guest", MFD_CLOEXEC);
    local->granted = malloc(params->pages);
    if (local->fd < 0 || !local->granted)
        goto error;
    memset(local->granted, true, params->pages);
    local->granted[0] = false;
    if (ftruncate(local->fd, (off_t)local->size)) {
        error = errno;
        goto error;
    }
    error = -map_all(local, params);
    if (!error)
        return local;
error:
    transport_local_destroy(local);
    errno = error;
    return NULL;
}

void transport_local_destroy(struct transport_local *local)
{
    if (!local)
        return;
    unmap_part(&local->transport.control);
    unmap_part(&local->transport.pool);
    unmap_part(&local->transport.window);
    unmap_part(&local->transport.blob_refs);
    if (local->guest)
        munmap(local->guest, local->size);
    if (local->fd >= 0)
        close(local->fd);
    free(local->granted);
    free(local);
}
