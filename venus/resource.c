/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

#define FIRST_BUCKETS 64

/* ---- the hash by id; under context->lock ---- */

static struct venus_resource **bucket_of(struct venus_context *context, uint32_t id)
{
    /* Ids are small consecutive numbers. */
    return &context->resources[id & (context->resource_buckets - 1)];
}

/* The link that points to the resource with this id, or NULL. */
static struct venus_resource **find_link(struct venus_context *context, uint32_t id)
{
    if (!context->resources)
        return NULL;
    struct venus_resource **link = bucket_of(context, id);
    while (*link && (*link)->id != id)
        link = &(*link)->next;
    return *link ? link : NULL;
}

/* Make room for one more. False without memory for the first ones; chains may grow later. */
static bool reserve(struct venus_context *context)
{
    const size_t old_buckets = context->resource_buckets;
    if (context->resource_count < old_buckets)
        return true;
    const size_t buckets = old_buckets ? 2 * old_buckets : FIRST_BUCKETS;
    struct venus_resource **old = context->resources;
    struct venus_resource **resources = calloc(buckets, sizeof(struct venus_resource *));
    if (!resources)
        return old != NULL;
    context->resources = resources;
    context->resource_buckets = buckets;
    for (size_t i = 0; i < old_buckets; i++) {
        while (old[i]) {
            struct venus_resource *resource = old[i];
            old[i] = resource->next;
            struct venus_resource **head = bucket_of(context, resource->id);
            resource->next = *head;
            *head = resource;
        }
    }
    free(old);
    return true;
}

static int insert(struct venus_context *context, struct venus_resource *resource)
{
    int error = 0;
    pthread_mutex_lock(&context->lock);
    if (find_link(context, resource->id)) {
        error = -EEXIST;
    } else if (context->resource_count >= VENUS_MAX_RESOURCES) {
        error = -ENOSPC;
    } else if (!reserve(context)) {
        error = -ENOMEM;
    } else {
        struct venus_resource **head = bucket_of(context, resource->id);
        resource->next = *head;
        *head = resource;
        context->resource_count++;
    }
    pthread_mutex_unlock(&context->lock);
    return error;
}

struct venus_resource *venus_resource_get(struct venus_context *context, uint32_t id)
{
    pthread_mutex_lock(&context->lock);
    struct venus_resource **link = find_link(context, id);
    struct venus_resource *resource = link ? *link : NULL;
    if (resource)
        atomic_fetch_add_explicit(&resource->references, 1, memory_order_relaxed);
    pthread_mutex_unlock(&context->lock);
    return resource;
}

/* ---- life and death ---- */

void venus_resource_put(struct venus_resource *resource)
{
    if (!resource || atomic_fetch_sub_explicit(&resource->references, 1, memory_order_acq_rel) != 1)
        return;
    if (resource->kind == VENUS_RESOURCE_SHM)
        resource->provider->free(resource->provider->user, &resource->pages);
    else if (resource->fd >= 0)
        close(resource->fd);
    venus_memory_pages_put(resource->memory);
    free(resource);
}

/* The context no longer has it; others may. */
static void drop(struct venus_resource *resource)
{
    atomic_store_explicit(&resource->gone, true, memory_order_release);
    venus_resource_put(resource);
}

void venus_resource_put_all(struct venus_context *context)
{
    pthread_mutex_lock(&context->lock);
    struct venus_resource **resources = context->resources;
    const size_t buckets = context->resource_buckets;
    context->resources = NULL;
    context->resource_count = context->resource_buckets = 0;
    pthread_mutex_unlock(&context->lock);

    for (size_t i = 0; i < buckets; i++) {
        while (resources[i]) {
            struct venus_resource *resource = resources[i];
            resources[i] = resource->next;
            drop(resource);
        }
    }
    free(resources);
}

/* Give a resource of kind SHM its memory. */
static void set_pages(struct venus_resource *resource, const struct venus_pages *pages,
                      const struct venus_memory_provider *provider)
{
    resource->provider = provider;
    resource->pages = *pages;
    resource->fd = pages->fd;
    resource->shm = (struct venus_shm){.base = pages->ptr, .size = pages->size};
}

/* Blob id 0: fresh memory from the provider. */
static int create_shm(struct venus_context *context, uint64_t size, uint32_t flags,
                      struct venus_resource *resource, struct venus_blob *blob)
{
    if (!size || flags != VENUS_BLOB_MAPPABLE)
        return -EINVAL;
    const struct venus_memory_provider *provider = context->renderer->memory;
    struct venus_pages pages = {.fd = -1};
    const int error = provider->alloc(provider->user, size, &pages);
    if (error)
        return error;
    /* A provider without files has its own way to tell the client where the pages are. */
    if (pages.fd >= 0) {
        blob->fd = fcntl(pages.fd, F_DUPFD_CLOEXEC, 0);
        if (blob->fd < 0) {
            const int dup_error = -errno;
            provider->free(provider->user, &pages);
            return dup_error;
        }
    }
    blob->size = pages.size;
    blob->cache = VENUS_MAP_CACHED;
    blob->pages_private = pages.private;
    set_pages(resource, &pages, provider);
    return 0;
}

/* A resource that is in no list and has no memory yet. */
static int make_resource(struct venus_context *context, uint32_t res_id,
                         enum venus_resource_kind kind, struct venus_resource **made)
{
    if (atomic_load(&context->fatal))
        return -EIO;
    if (!res_id)
        return -EINVAL;
    struct venus_resource *resource = calloc(1, sizeof(*resource));
    if (!resource)
        return -ENOMEM;
    resource->id = res_id;
    resource->kind = kind;
    resource->fd = -1;
    atomic_init(&resource->references, 1);
    *made = resource;
    return 0;
}

static int create_blob(struct venus_context *context, uint32_t res_id, uint64_t blob_id,
                       uint64_t size, uint32_t flags, struct venus_blob *blob)
{
    struct venus_resource *resource;
    int error = make_resource(context, res_id, blob_id ? VENUS_RESOURCE_MEMORY : VENUS_RESOURCE_SHM,
                              &resource);
    if (error)
        return error;
    error = blob_id ? venus_memory_export(context, blob_id, size, flags, blob, resource)
                    : create_shm(context, size, flags, resource, blob);
    if (error) {
        free(resource);
        return error;
    }
    error = insert(context, resource);
    if (error) {
        if (blob->fd >= 0)
            close(blob->fd);
        blob->fd = -1;
        venus_resource_put(resource);
    }
    return error;
}

int venus_context_create_blob(struct venus_context *context, uint32_t res_id, uint64_t blob_id,
                              uint64_t size, uint32_t flags, struct venus_blob *blob)
{
    *blob = (struct venus_blob){.fd = -1};
    const int error = create_blob(context, res_id, blob_id, size, flags, blob);
    if (error)
        venus_log_client(context, VENUS_LOG_ERROR,
                         "no blob of %llu bytes, flags 0x%x, for object 0x%llx as resource %u: %s",
                         (unsigned long long)size, flags, (unsigned long long)blob_id, res_id,
                         strerror(-error));
    return error;
}

static int attach_pages(struct venus_context *context, uint32_t res_id,
                        const struct venus_pages *pages, const struct venus_memory_provider *owner)
{
    struct venus_resource *resource;
    if (!pages->size)
        return -EINVAL;
    int error = make_resource(context, res_id, VENUS_RESOURCE_SHM, &resource);
    if (error)
        return error;
    set_pages(resource, pages, owner);
    error = insert(context, resource);
    if (error)
        free(resource); /* the pages stay the caller's */
    return error;
}

int venus_context_attach_pages(struct venus_context *context, uint32_t res_id,
                               const struct venus_pages *pages,
                               const struct venus_memory_provider *owner)
{
    const int error = attach_pages(context, res_id, pages, owner);
    if (error)
        venus_log_client(context, VENUS_LOG_ERROR,
                         "%zu bytes cannot become the memory of resource %u: %s", pages->size,
                         res_id, strerror(-error));
    return error;
}

int venus_context_unref_resource(struct venus_context *context, uint32_t res_id)
{
    pthread_mutex_lock(&context->lock);
    struct venus_resource **link = find_link(context, res_id);
    struct venus_resource *resource = link ? *link : NULL;
    if (resource) {
        *link = resource->next;
        resource->next = NULL;
        context->resource_count--;
    }
    pthread_mutex_unlock(&context->lock);
    if (!resource)
        return -ENOENT;
    if (atomic_load(&resource->rings)) {
        if (!atomic_exchange(&context->reported, true))
            venus_log(VENUS_LOG_ERROR, "client \"%s\" drops resource %u, in which a ring lives",
                      context->name, res_id);
        venus_context_fail(context);
    }
    drop(resource);
    return 0;
}
