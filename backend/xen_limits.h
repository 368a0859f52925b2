/* SPDX-License-Identifier: MIT */
/*
 * Limits that Xen keeps for a guest and that a window needs: its grant table must have room for the
 * window's pages, and its maximum of memory must allow it to populate the window.
 */
#ifndef BACKEND_XEN_LIMITS_H
#define BACKEND_XEN_LIMITS_H

#include "reason.h"
#include "xen/domain.h"
#include "xen_nodes.h"

/*
 * Whether a guest's grant table can hold the windows (`window_bytes`) and the pools of its `gpus`
 * virtual GPUs together, besides what its other devices need.  False with a reason that names
 * what to change.
 */
bool xen_limits_grants_fit(struct xen_domains *domains, uint32_t domid, uint64_t window_bytes,
                           uint32_t gpus, struct reason *reason);

/*
 * Let the guest have `bytes` more memory.  What was done is written down, so that it happens once
 * per device also when the daemon ends in the middle.  False with a reason.
 */
bool xen_limits_raise_memory(const struct xen_nodes *nodes, struct xen_domains *domains,
                             uint64_t bytes, struct reason *reason);

/* Take back what xen_limits_raise_memory() has given, if it has. */
void xen_limits_lower_memory(const struct xen_nodes *nodes, struct xen_domains *domains);

#endif
