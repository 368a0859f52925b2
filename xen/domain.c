/* SPDX-License-Identifier: MIT */
#include "domain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xenctrl.h>

#define KIB_PER_PAGE 4

/* A handle of libxenctrl. */
struct xen_domains {
    xc_interface *xc;
};

/* The negative errno of a call of libxenctrl that has failed. */
static int failed(void)
{
    return errno ? -errno : -EIO;
}

struct xen_domains *xen_domains_open(void)
{
    struct xen_domains *domains = calloc(1, sizeof(*domains));
    if (!domains)
        return NULL;
    domains->xc = xc_interface_open(NULL, NULL, 0);
    if (!domains->xc) {
        const int saved = errno;
        free(domains);
        errno = saved ? saved : ENODEV;
        return NULL;
    }
    return domains;
}

void xen_domains_close(struct xen_domains *domains)
{
    if (!domains)
        return;
    xc_interface_close(domains->xc);
    free(domains);
}

int xen_domain_info(struct xen_domains *domains, uint32_t domid, struct xen_domain_info *info)
{
    xc_domaininfo_t found;
    /* The first domain from this id on. */
    const int count = xc_domain_getinfolist(domains->xc, domid, 1, &found);
    if (count < 0)
        return failed();
    if (!count || found.domain != domid)
        return -ESRCH;
    *info = (struct xen_domain_info){
        .dying = found.flags & XEN_DOMINF_dying,
        .max_memory = found.max_pages * KIB_PER_PAGE,
        .memory = found.tot_pages * KIB_PER_PAGE,
    };
    memcpy(info->uuid, found.handle, sizeof(info->uuid));
    return 0;
}

int xen_domain_set_max_memory(struct xen_domains *domains, uint32_t domid, uint64_t max_memory)
{
    return xc_domain_setmaxmem(domains->xc, domid, max_memory) ? failed() : 0;
}

int xen_domain_max_grant_frames(struct xen_domains *domains, uint32_t domid, uint32_t *frames)
{
    struct gnttab_query_size query = {.dom = domid};
    if (xc_gnttab_query_size(domains->xc, &query))
        return failed();
    if (query.status != GNTST_okay)
        return query.status == GNTST_bad_domain ? -ESRCH : -EPERM;
    *frames = query.max_nr_frames;
    return 0;
}
