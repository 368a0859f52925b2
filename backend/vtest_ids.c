/* SPDX-License-Identifier: MIT */
#include "vtest_ids.h"

#include <stdlib.h>
#include <string.h>

void vtest_ids_finish(struct vtest_ids *ids)
{
    free(ids->free);
    memset(ids, 0, sizeof(*ids));
}

uint32_t vtest_ids_get(struct vtest_ids *ids, uint32_t limit)
{
    if (ids->free_count)
        return ids->free[--ids->free_count];
    if (ids->highest >= limit)
        return 0;
    /* The stack always has room for every id, so that returning one cannot fail. */
    if (ids->highest == ids->free_capacity) {
        const size_t capacity = ids->free_capacity ? ids->free_capacity * 2 : 64;
        uint32_t *stack = realloc(ids->free, capacity * sizeof(*stack));
        if (!stack)
            return 0;
        ids->free = stack;
        ids->free_capacity = capacity;
    }
    return ++ids->highest;
}

void vtest_ids_put(struct vtest_ids *ids, uint32_t id)
{
    ids->free[ids->free_count++] = id;
}
