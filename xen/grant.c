/* SPDX-License-Identifier: MIT */
#include "grant.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <xengnttab.h>
#include <xen/grant_table.h>

#define PAGE_SIZE 4096u

struct xen_grants {
    xengnttab_handle *handle;
    uint32_t domid;
};

struct xen_grants *xen_grants_open(uint32_t domid)
{
    struct xen_grants *grants = calloc(1, sizeof(*grants));
    if (!grants)
        return NULL;
    grants->domid = domid;
    grants->handle = xengnttab_open(NULL, 0);
    if (!grants->handle) {
        const int error = errno;
        free(grants);
        errno = error;
        return NULL;
    }
    return grants;
}

void xen_grants_close(struct xen_grants *grants)
{
    if (!grants)
        return;
    xengnttab_close(grants->handle);
    free(grants);
}

int xen_grants_map(struct xen_grants *grants, uint32_t first, uint32_t count, bool writable,
                   void **memory)
{
    if (!count || first > UINT32_MAX - count)
        return -EINVAL;
    uint32_t *refs = malloc(count * sizeof(*refs));
    if (!refs)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        refs[i] = first + i;
    *memory = xengnttab_map_domain_grant_refs(grants->handle, count, grants->domid, refs,
                                              writable ? PROT_READ | PROT_WRITE : PROT_READ);
    int error = *memory ? 0 : -errno;
    free(refs);
    /* Not for processes that are forked. */
    if (!error && madvise(*memory, (size_t)count * PAGE_SIZE, MADV_DONTFORK)) {
        error = -errno;
        xengnttab_unmap(grants->handle, *memory, count);
    }
    return error;
}

void xen_grants_unmap(struct xen_grants *grants, void *memory, uint32_t count)
{
    xengnttab_unmap(grants->handle, memory, count);
}

static int copy(struct xen_grants *grants, uint32_t ref, uint32_t offset, void *data, size_t size,
                bool from)
{
    if (offset > PAGE_SIZE || size > PAGE_SIZE - offset)
        return -EINVAL;
    if (!size)
        return 0;
    xengnttab_grant_copy_segment_t segment = {
        .len = (uint16_t)size,
        .flags = from ? GNTCOPY_source_gref : GNTCOPY_dest_gref,
    };
    union xengnttab_copy_ptr *guest = from ? &segment.source : &segment.dest;
    union xengnttab_copy_ptr *ours = from ? &segment.dest : &segment.source;
    guest->foreign.ref = ref;
    guest->foreign.offset = (uint16_t)offset;
    guest->foreign.domid = (uint16_t)grants->domid;
    ours->virt = data;
    if (xengnttab_grant_copy(grants->handle, 1, &segment))
        return -errno;
    return segment.status == GNTST_okay ? 0 : -EFAULT;
}

int xen_grants_copy_from(struct xen_grants *grants, uint32_t ref, uint32_t offset, void *data,
                         size_t size)
{
    return copy(grants, ref, offset, data, size, true);
}

int xen_grants_copy_to(struct xen_grants *grants, uint32_t ref, uint32_t offset, const void *data,
                       size_t size)
{
    return copy(grants, ref, offset, (void *)(uintptr_t)data, size, false);
}
