/* SPDX-License-Identifier: MIT */
/*
 * A map from host handles to a number: what there is to remember about a few buffers and images.
 *
 * Drivers reuse handles and nobody tells us when one is destroyed, so an entry may outlive its
 * object: whoever creates an object calls venus_handle_map_put() for its handle, also when there is
 * nothing to remember.  Looking into an empty map takes no lock.
 */
#ifndef VENUS_HANDLE_MAP_H
#define VENUS_HANDLE_MAP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct venus_handle_map_slot {
    uint64_t handle; /* 0 is free */
    uint64_t value;
};

struct venus_handle_map {
    pthread_mutex_t lock;
    atomic_size_t count;
    struct venus_handle_map_slot *slots; /* open addressing */
    size_t capacity;                     /* a power of two, or 0 */
};

void venus_handle_map_init(struct venus_handle_map *map);
/* Forget all entries and free their memory; the map can be used again. */
void venus_handle_map_clear(struct venus_handle_map *map);
/* Remember `value` for `handle` (not 0), or nothing if `value` is 0. False, and nothing remembered,
 * without memory. */
bool venus_handle_map_put(struct venus_handle_map *map, uint64_t handle, uint64_t value);
/* What is remembered for the handle, or 0. */
uint64_t venus_handle_map_get(struct venus_handle_map *map, uint64_t handle);

#endif
