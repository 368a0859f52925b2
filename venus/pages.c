/* SPDX-License-Identifier: MIT */
#include "pages.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

static void destroy(struct venus_memory_pages *pages)
{
    pages->provider->free(pages->provider->user, &pages->pages);
    free(pages);
}

static void destroy_list(struct venus_memory_pages *first)
{
    while (first) {
        struct venus_memory_pages *next = first->next;
        destroy(first);
        first = next;
    }
}

/* ---- the cache ---- */

void venus_page_cache_init(struct venus_page_cache *cache)
{
    *cache = (struct venus_page_cache){0};
    pthread_mutex_init(&cache->lock, NULL);
}

/* Take out the pages that *link points to; the lock is held. */
static struct venus_memory_pages *unlink_pages(struct venus_page_cache *cache,
                                               struct venus_memory_pages **link)
{
    struct venus_memory_pages *pages = *link;
    *link = pages->next;
    cache->bytes -= pages->pages.size;
    cache->count--;
    return pages;
}

/* Take out all pages behind those that the limits allow; the lock is held. */
static struct venus_memory_pages *unlink_excess(struct venus_page_cache *cache, size_t max_bytes,
                                                unsigned int max_count)
{
    struct venus_memory_pages **link = &cache->first, *excess = NULL;
    size_t bytes = 0;
    unsigned int count = 0;
    while (*link) {
        bytes += (*link)->pages.size;
        if (bytes <= max_bytes && ++count <= max_count) {
            link = &(*link)->next;
            continue;
        }
        struct venus_memory_pages *pages = unlink_pages(cache, link);
        bytes -= pages->pages.size;
        pages->next = excess;
        excess = pages;
    }
    return excess;
}

static struct venus_memory_pages *take(struct venus_page_cache *cache, size_t size)
{
    struct venus_memory_pages *found = NULL;
    pthread_mutex_lock(&cache->lock);
    for (struct venus_memory_pages **link = &cache->first; *link; link = &(*link)->next) {
        if ((*link)->pages.size == size) {
            found = unlink_pages(cache, link);
            break;
        }
    }
    pthread_mutex_unlock(&cache->lock);
    return found;
}

static void keep(struct venus_page_cache *cache, struct venus_memory_pages *pages)
{
    pthread_mutex_lock(&cache->lock);
    pages->next = cache->first;
    cache->first = pages;
    cache->bytes += pages->pages.size;
    cache->count++;
    struct venus_memory_pages *excess =
        unlink_excess(cache, cache->closed ? 0 : VENUS_MAX_CACHED_BYTES, VENUS_MAX_CACHED_PAGES);
    pthread_mutex_unlock(&cache->lock);
    destroy_list(excess);
}

void venus_page_cache_trim(struct venus_page_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    struct venus_memory_pages *all = unlink_excess(cache, 0, 0);
    pthread_mutex_unlock(&cache->lock);
    destroy_list(all);
}

void venus_page_cache_close(struct venus_page_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    cache->closed = true;
    pthread_mutex_unlock(&cache->lock);
    venus_page_cache_trim(cache);
}

void venus_page_cache_finish(struct venus_page_cache *cache)
{
    venus_page_cache_close(cache);
    pthread_mutex_destroy(&cache->lock);
}

/* ---- pages ---- */

static struct venus_memory_pages *create(struct venus_context *context, uint64_t size)
{
    const struct venus_memory_provider *provider = context->renderer->memory;
    struct venus_memory_pages *pages = calloc(1, sizeof(*pages));
    if (!pages)
        return NULL;
    pages->pages.fd = -1;
    const int error = provider->alloc(provider->user, size, &pages->pages);
    if (error) {
        venus_log_client(context, VENUS_LOG_WARNING, "no %llu bytes of client-visible memory: %s",
                         (unsigned long long)size, strerror(-error));
        free(pages);
        return NULL;
    }
    pages->context = context;
    pages->provider = provider;
    return pages;
}

struct venus_memory_pages *venus_memory_pages_get(struct venus_context *context, uint64_t size,
                                                  bool zeroed)
{
    const uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    struct venus_memory_pages *pages = NULL;
    if (!zeroed && size <= VENUS_MAX_CACHED_BYTES)
        pages = take(&context->pages, ((size_t)size + page_size - 1) & ~(page_size - 1));
    if (!pages)
        pages = create(context, size);
    if (pages)
        atomic_init(&pages->references, 1);
    return pages;
}

void venus_memory_pages_put(struct venus_memory_pages *pages)
{
    if (!pages || atomic_fetch_sub_explicit(&pages->references, 1, memory_order_acq_rel) != 1)
        return;
    if (pages->provider->reuse && !pages->single_use)
        keep(&pages->context->pages, pages);
    else
        destroy(pages);
}
