/* SPDX-License-Identifier: MIT */
/* What Xen says about domains, and the limits that it keeps for them. Needs a control domain. */
#ifndef XEN_DOMAIN_H
#define XEN_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

struct xen_domains;

struct xen_domain_info {
    bool dying;          /* destroyed, but somebody still holds its memory */
    uint64_t max_memory; /* KiB that it may have */
    uint64_t memory;     /* KiB that it has */
    uint8_t uuid[16];    /* the toolstack's name for this run of it */
};

/* NULL, with errno set, when Xen cannot be asked. */
struct xen_domains *xen_domains_open(void);
/* NULL allowed. */
void xen_domains_close(struct xen_domains *domains);

/* 0, -ESRCH for a domain that does not exist, or another negative errno. */
int xen_domain_info(struct xen_domains *domains, uint32_t domid, struct xen_domain_info *info);

/* Let a domain have up to this many KiB. 0 or a negative errno. */
int xen_domain_set_max_memory(struct xen_domains *domains, uint32_t domid, uint64_t max_memory);

/* How many frames the grant table of a domain may have, of 512 entries each (xl's
 * max_grant_frames). 0 or a negative errno. */
int xen_domain_max_grant_frames(struct xen_domains *domains, uint32_t domid, uint32_t *frames);

#endif
