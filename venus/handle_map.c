/* SPDX-License-Identifier: MIT */
#include "handle_map.h"

#include <stdlib.h>

void venus_handle_map_init(struct venus_handle_map *map)
{
    pthread_mutex_init(&map->lock, NULL);
    atomic_init(&map->count, 0);
    map->slots = NULL;
    map->capacity = 0;
}

void venus_handle_map_clear(struct venus_handle_map *map)
{
    pthread_mutex_lock(&map->lock);
    free(map->slots);
    map->slots = NULL;
    map->capacity = 0;
    atomic_store(&map->count, 0);
    pthread_mutex_unlock(&map->lock);
}

/* Handles are addresses or small numbers: mix all bits into the low ones. */
static size_t first_slot(uint64_t handle, size_t capacity)
{
    handle *= 0x9e3779b97f4a7c15u;
    return (size_t)(handle >> 32) & (capacity - 1);
}

/* The slot of the handle, or the free one where it belongs. There is always a free one. */
static size_t find(const struct venus_handle_map *map, uint64_t handle)
{
    size_t i = first_slot(handle, map->capacity);
    while (map->slots[i].handle && map->slots[i].handle != handle)
        i = (i + 1) & (map->capacity - 1);
    return i;
}

/* Keep at least half of the slots free. */
static bool make_room(struct venus_handle_map *map)
{
    const size_t count = atomic_load_explicit(&map->count, memory_order_relaxed);
    if (count + 1 <= map->capacity / 2)
        return true;
    struct venus_handle_map bigger = {.capacity = map->capacity ? map->capacity * 2 : 16};
    bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
    if (!bigger.slots)
        return false;
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->slots[i].handle)
            bigger.slots[find(&bigger, map->slots[i].handle)] = map->slots[i];
    }
    free(map->slots);
    map->slots = bigger.slots;
    map->capacity = bigger.capacity;
    return true;
}

/* Free slot i and move up what lies behind it in the same run, so that no look-up ends early. */
static void free_slot(struct venus_handle_map *map, size_t i)
{
    const size_t mask = map->capacity - 1;
    for (size_t j = (i + 1) & mask; map->slots[j].handle; j = (j + 1) & mask) {
        const size_t home = first_slot(map->slots[j].handle, map->capacity);
        if (((j - home) & mask) >= ((j - i) & mask)) {
            map->slots[i] = map->slots[j];
            i = j;
        }
    }
    map->slots[i].handle = 0;
}

static bool remember(struct venus_handle_map *map, uint64_t handle, uint64_t value)
{
    if (!make_room(map))
        return false;
    struct venus_handle_map_slot *slot = &map->slots[find(map, handle)];
    if (!slot->handle)
        atomic_fetch_add_explicit(&map->count, 1, memory_order_release);
    *slot = (struct venus_handle_map_slot){.handle = handle, .value = value};
    return true;
}

static void forget(struct venus_handle_map *map, uint64_t handle)
{
    const size_t i = map->capacity ? find(map, handle) : 0;
    if (!map->capacity || !map->slots[i].handle)
        return;
    free_slot(map, i);
    atomic_fetch_sub_explicit(&map->count, 1, memory_order_release);
}

bool venus_handle_map_put(struct venus_handle_map *map, uint64_t handle, uint64_t value)
{
    if (!value && !atomic_load_explicit(&map->count, memory_order_acquire))
        return true;
    bool ok = true;
    pthread_mutex_lock(&map->lock);
    if (value)
        ok = remember(map, handle, value);
    if (!value || !ok)
        forget(map, handle);
    pthread_mutex_unlock(&map->lock);
    return ok;
}

uint64_t venus_handle_map_get(struct venus_handle_map *map, uint64_t handle)
{
    uint64_t value = 0;
    if (!atomic_load_explicit(&map->count, memory_order_acquire))
        return 0;
    pthread_mutex_lock(&map->lock);
    if (map->capacity) {
        const struct venus_handle_map_slot *slot = &map->slots[find(map, handle)];
        value = slot->handle ? slot->value : 0;
    }
    pthread_mutex_unlock(&map->lock);
    return value;
}
