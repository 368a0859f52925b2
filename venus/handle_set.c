/* SPDX-License-Identifier: MIT */
#include "handle_set.h"

#include <stdlib.h>

void venus_handle_set_init(struct venus_handle_set *set)
{
    pthread_mutex_init(&set->lock, NULL);
    atomic_init(&set->count, 0);
    set->slots = NULL;
    set->capacity = 0;
}

void venus_handle_set_finish(struct venus_handle_set *set)
{
    free(set->slots);
    set->slots = NULL;
    set->capacity = 0;
    atomic_store(&set->count, 0);
}

/* Handles are addresses or small numbers: mix all bits into the low ones. */
static size_t first_slot(uint64_t handle, size_t capacity)
{
    handle *= 0x9e3779b97f4a7c15u;
    return (size_t)(handle >> 32) & (capacity - 1);
}

/* The slot of the handle, or the free one where it belongs. There is always a free one. */
static size_t find(const struct venus_handle_set *set, uint64_t handle)
{
    size_t i = first_slot(handle, set->capacity);
    while (set->slots[i] && set->slots[i] != handle)
        i = (i + 1) & (set->capacity - 1);
    return i;
}

/* Keep at least half of the slots free. */
static bool make_room(struct venus_handle_set *set)
{
    const size_t count = atomic_load_explicit(&set->count, memory_order_relaxed);
    if (count + 1 <= set->capacity / 2)
        return true;
    struct venus_handle_set bigger = { .capacity = set->capacity ? set->capacity * 2 : 16 };
    bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
    if (!bigger.slots)
        return false;
    for (size_t i = 0; i < set->capacity; i++) {
        if (set->slots[i])
            bigger.slots[find(&bigger, set->slots[i])] = set->slots[i];
    }
    free(set->slots);
    set->slots = bigger.slots;
    set->capacity = bigger.capacity;
    return true;
}

/* Free slot i and move up what lies behind it in the same run, so that no look-up ends early. */
static void clear(struct venus_handle_set *set, size_t i)
{
    const size_t mask = set->capacity - 1;
    for (size_t j = (i + 1) & mask; set->slots[j]; j = (j + 1) & mask) {
        const size_t home = first_slot(set->slots[j], set->capacity);
        if (((j - home) & mask) >= ((j - i) & mask)) {
            set->slots[i] = set->slots[j];
            i = j;
        }
    }
    set->slots[i] = 0;
}

bool venus_handle_set_put(struct venus_handle_set *set, uint64_t handle, bool member)
{
    if (!member && !atomic_load_explicit(&set->count, memory_order_acquire))
        return true;

    pthread_mutex_lock(&set->lock);
    bool ok = true;
    if (member) {
        ok = make_room(set);
        size_t i = ok ? find(set, handle) : 0;
        if (ok && !set->slots[i]) {
            set->slots[i] = handle;
            atomic_fetch_add_explicit(&set->count, 1, memory_order_release);
        }
    } else if (set->capacity) {
        size_t i = find(set, handle);
        if (set->slots[i]) {
            clear(set, i);
            atomic_fetch_sub_explicit(&set->count, 1, memory_order_release);
        }
    }
    pthread_mutex_unlock(&set->lock);
    return ok;
}

bool venus_handle_set_contains(struct venus_handle_set *set, uint64_t handle)
{
    if (!atomic_load_explicit(&set->count, memory_order_acquire))
        return false;
    pthread_mutex_lock(&set->lock);
    const bool member = set->capacity && set->slots[find(set, handle)];
    pthread_mutex_unlock(&set->lock);
    return member;
}
