/* SPDX-License-Identifier: MIT */
/* Small numbers from 1 on, given out and taken back; the last one returned is the next given. */
#ifndef VTEST_IDS_H
#define VTEST_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Start with a zeroed struct. */
struct vtest_ids {
    uint32_t *free; /* stack of returned ids */
    size_t free_count, free_capacity;
    uint32_t highest; /* given out so far */
};

void vtest_ids_finish(struct vtest_ids *ids);
/* An id that is not in use, or 0 when `limit` of them are, or without memory. */
uint32_t vtest_ids_get(struct vtest_ids *ids, uint32_t limit);
/* Give back an id that vtest_ids_get() returned and that is in use. Cannot fail. */
void vtest_ids_put(struct vtest_ids *ids, uint32_t id);

#endif
