/* SPDX-License-Identifier: MIT */
#include "xen_limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

#define REFS_PER_FRAME 512 /* version 1 of the grant table: 8 bytes each */
#define MAX_FRAMES     4096u /* of Xen on ARM */
/* Frames for the guest's disks, network interfaces and console, and for memory that virtio-gpu
 * shares in place. */
#define OTHER_FRAMES 8
/* Pages that a virtual GPU shares besides window and pool: the control page, lists of references.
 */
#define OTHER_PAGES (1 + VGPU_BLOB_REFS_PAGES)

bool xen_limits_grants_fit(struct xen_domains *domains, uint32_t domid, uint64_t window_bytes,
                           uint32_t gpus, struct reason *reason)
{
    uint32_t frames;
    const int result = xen_domain_max_grant_frames(domains, domid, &frames);
    if (result)
        return reason_set(reason, "cannot ask for the size of the guest's grant table: %s",
                          strerror(-result));
    const uint64_t pages =
        window_bytes / VGPU_PAGE_SIZE + (uint64_t)gpus * (XEN_NODES_MAX_POOL_PAGES + OTHER_PAGES);
    const uint64_t needed = (pages + REFS_PER_FRAME - 1) / REFS_PER_FRAME + OTHER_FRAMES;
    if (needed <= frames)
        return true;
    if (needed > MAX_FRAMES)
        return reason_set(reason,
                          "window=grant: windows of %" PRIu64 "M need %" PRIu64
                          " grant frames, more than a guest can have (%u); make hostmem smaller",
                          window_bytes >> 20, needed, MAX_FRAMES);
    return reason_set(reason,
                      "window=grant: windows of %" PRIu64 "M need %" PRIu64
                      " grant frames, and the guest may have %u; write max_grant_frames=%" PRIu64
                      " (or more) into its xl configuration, or make hostmem smaller",
                      window_bytes >> 20, needed, frames, needed);
}

/* ---- memory ---- */

static int read_note(const struct xen_nodes *nodes, char state[16], uint64_t *kib)
{
    char value[64];
    int end = 0;
    const int result = xen_nodes_read_own(nodes, "maxmem", value, sizeof(value));
    if (result < 0)
        return result;
    return sscanf(value, "%15s %" SCNu64 "%n", state, kib, &end) == 2 && !value[end] ? 0 : -EBADMSG;
}

static int write_note(const struct xen_nodes *nodes, const char *state, uint64_t kib)
{
    char value[64];
    snprintf(value, sizeof(value), "%s %" PRIu64, state, kib);
    return xen_nodes_write_own(nodes, "maxmem", value);
}

bool xen_limits_raise_memory(const struct xen_nodes *nodes, struct xen_domains *domains,
                             uint64_t bytes, struct reason *reason)
{
    char state[16];
    uint64_t target;
    struct xen_domain_info info;
    const uint64_t kib = bytes >> 10;
    int result = xen_domain_info(domains, nodes->domid, &info);
    if (result)
        goto error;
    if (!read_note(nodes, state, &target)) {
        if (!strcmp(state, "raised"))
            return true;
        /* An earlier daemon ended in the middle: done if the maximum is there already. */
    } else {
        target = info.max_memory + kib;
        result = write_note(nodes, "raising", target);
    }
    if (!result && info.max_memory < target)
        result = xen_domain_set_max_memory(domains, nodes->domid, target);
    if (!result)
        result = write_note(nodes, "raised", kib);
    if (!result)
        return true;
error:
    return reason_set(reason, "cannot raise the guest's maximum of memory by %" PRIu64 "M: %s",
                      bytes >> 20, strerror(-result));
}

void xen_limits_lower_memory(const struct xen_nodes *nodes, struct xen_domains *domains)
{
    char state[16];
    uint64_t kib;
    struct xen_domain_info info;
    if (read_note(nodes, state, &kib) || strcmp(state, "raised"))
        return;
    int result = xen_domain_info(domains, nodes->domid, &info);
    if (!result)
        result = xen_domain_set_max_memory(domains, nodes->domid,
                                           info.max_memory > kib ? info.max_memory - kib : 0);
    if (result)
        backend_log(VENUS_LOG_WARNING,
                    "domain %u: cannot lower its maximum of memory by %" PRIu64 "M: %s",
                    nodes->domid, kib >> 10, strerror(-result));
}
