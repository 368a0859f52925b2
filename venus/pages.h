/* SPDX-License-Identifier: MIT */
/*
 * Pages of the provider behind device memory and its blobs.
 *
 * Making them costs more than all else about an allocation: files, mappings, zeroing.  So those
 * that a context gives back are kept for its next allocation of the same size, uncleared, until its
 * rings fall asleep.  Nobody but the context's client has seen them: pages of blobs that it wants
 * to share are never used again.
 */
#ifndef VENUS_PAGES_H
#define VENUS_PAGES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "venus.h"

struct venus_memory_pages {
    atomic_uint references;
    struct venus_context *context;
    const struct venus_memory_provider *provider;
    struct venus_pages pages;
    atomic_bool single_use;          /* never kept: others than the client may have them, say */
    struct venus_memory_pages *next; /* in the cache */
};

/* Freed pages of a context, the latest first. */
struct venus_page_cache {
    pthread_mutex_t lock;
    struct venus_memory_pages *first;
    size_t bytes;
    unsigned int count;
    bool closed; /* teardown: nothing is kept any more */
};

void venus_page_cache_init(struct venus_page_cache *cache);
/* Give everything back to the provider. */
void venus_page_cache_trim(struct venus_page_cache *cache);
/* The same, also with all that is put later. */
void venus_page_cache_close(struct venus_page_cache *cache);
/* After the last pages were put. */
void venus_page_cache_finish(struct venus_page_cache *cache);

/* At least `size` bytes, more than 0, with one reference; all zero if `zeroed`.  NULL after logging
 * why. */
struct venus_memory_pages *venus_memory_pages_get(struct venus_context *context, uint64_t size,
                                                  bool zeroed);

/* Drop a reference; NULL allowed. */
void venus_memory_pages_put(struct venus_memory_pages *pages);

#endif
