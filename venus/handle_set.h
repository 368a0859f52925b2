/* SPDX-License-Identifier: MIT */
/*
 * A set of host handles: the few buffers and images that are an exception from a rule.
 *
 * Drivers reuse handles and nobody tells us when one is destroyed, so an entry may outlive its
 * object: whoever creates an object states with venus_handle_set_put() whether its handle belongs to
 * the set or not.  Looking into an empty set takes no lock.
 */
#ifndef VENUS_HANDLE_SET_H
#define VENUS_HANDLE_SET_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct venus_handle_set {
    pthread_mutex_t lock;
    atomic_size_t count;
    uint64_t *slots; /* open addressing; 0 is free */
    size_t capacity; /* a power of two, or 0 */
};

void venus_handle_set_init(struct venus_handle_set *set);
/* A zeroed set is allowed. */
void venus_handle_set_finish(struct venus_handle_set *set);
/* Make `handle` (not 0) a member or not. False, and not a member, without memory. */
bool venus_handle_set_put(struct venus_handle_set *set, uint64_t handle, bool member);
bool venus_handle_set_contains(struct venus_handle_set *set, uint64_t handle);

#endif
