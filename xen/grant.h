/* SPDX-License-Identifier: MIT */
/* Memory that one guest has granted to this domain: maps of consecutive references, and copies. */
#ifndef XEN_GRANT_H
#define XEN_GRANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xen_grants;

/* Open /dev/xen/gntdev for the grants of domain `domid`. NULL with errno set. */
struct xen_grants *xen_grants_open(uint32_t domid);
/* Unmaps everything, too. NULL allowed. */
void xen_grants_close(struct xen_grants *grants);

/* Map `count` references, first, first + 1 and so on, one page after the other. 0 or a negative
 * errno: -EINVAL when the guest has not granted one of them so. */
int xen_grants_map(struct xen_grants *grants, uint32_t first, uint32_t count, bool writable,
                   void **memory);
void xen_grants_unmap(struct xen_grants *grants, void *memory, uint32_t count);

/* Copy bytes within one granted page. 0 or a negative errno: -EFAULT when the guest has not granted
 * it so, -EINVAL when [offset, offset + size) is not within a page. */
int xen_grants_copy_from(struct xen_grants *grants, uint32_t ref, uint32_t offset, void *data,
                         size_t size);
int xen_grants_copy_to(struct xen_grants *grants, uint32_t ref, uint32_t offset, const void *data,
                       size_t size);

#endif
