/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "object.h"

#define FIRST_BUCKETS_LOG2 10
#define SLAB_SIZE          8192

/* Objects of one type. Lies at a multiple of SLAB_SIZE, so that an object leads to its slab. */
struct venus_object_slab {
    struct venus_object_slab *next;
    struct venus_object objects[];
};

#define OBJECTS_PER_SLAB                                                                           \
    ((SLAB_SIZE - offsetof(struct venus_object_slab, objects)) / sizeof(struct venus_object))

const char *venus_object_type_name(enum venus_object_type type)
{
    static const char *const names[] = {[VENUS_OBJECT_NONE] = "no object",
#define X(name, dispatchable) [VENUS_OBJECT_##name] = "Vk" #name,
                                        VENUS_OBJECT_TYPES(X)
#undef X
    };
    return type < VENUS_OBJECT_TYPE_COUNT ? names[type] : "unknown object";
}

static struct venus_object_buckets *buckets_create(unsigned int log2)
{
    struct venus_object_buckets *buckets =
        calloc(1, sizeof(*buckets) + (sizeof(buckets->heads[0]) << log2));
    if (buckets)
        buckets->shift = 64 - log2;
    return buckets;
}

static unsigned int log2_of(const struct venus_object_buckets *buckets)
{
    return 64 - buckets->shift;
}

/* Changes are made under the lock, but in front of readers without it. */
static struct venus_object *get(_Atomic(struct venus_object *) *link)
{
    return atomic_load_explicit(link, memory_order_relaxed);
}

static void set(_Atomic(struct venus_object *) *link, struct venus_object *o)
{
    atomic_store_explicit(link, o, memory_order_release);
}

static uint64_t id_of(struct venus_object *o)
{
    return atomic_load_explicit(&o->id, memory_order_relaxed);
}

static struct venus_object_buckets *current(struct venus_object_table *table)
{
    return atomic_load_explicit(&table->buckets, memory_order_relaxed);
}

int venus_object_table_init(struct venus_object_table *table)
{
    memset(table, 0, sizeof(*table));
    struct venus_object_buckets *buckets = buckets_create(FIRST_BUCKETS_LOG2);
    if (!buckets)
        return -ENOMEM;
    pthread_mutex_init(&table->lock, NULL);
    atomic_init(&table->buckets, buckets);
    return 0;
}

void venus_object_table_finish(struct venus_object_table *table)
{
    struct venus_object_buckets *buckets = current(table);
    if (!buckets)
        return; /* never initialised, or finished already */
    pthread_mutex_destroy(&table->lock);
    while (buckets) {
        struct venus_object_buckets *retired = buckets->retired;
        free(buckets);
        buckets = retired;
    }
    for (int type = 0; type < VENUS_OBJECT_TYPE_COUNT; type++) {
        while (table->slabs[type]) {
            struct venus_object_slab *slab = table->slabs[type];
            table->slabs[type] = slab->next;
            free(slab);
        }
    }
    memset(table, 0, sizeof(*table));
}

/*
 * Walk one chain, with the order of loads that venus_object_find() describes.  An id of 0 means
 * that the object was removed under our feet and that `next` leads through the free list: give up
 * there.
 */
static inline __attribute__((always_inline)) struct venus_object *
find_in_chain(struct venus_object_table *table, uint64_t id)
{
    struct venus_object_buckets *buckets =
        atomic_load_explicit(&table->buckets, memory_order_acquire);
    struct venus_object *o =
        atomic_load_explicit(venus_object_bucket(buckets, id), memory_order_acquire);
    while (o) {
        const uint64_t found = atomic_load_explicit(&o->id, memory_order_acquire);
        if (found == id)
            return o;
        if (!found)
            return NULL;
        o = atomic_load_explicit(&o->next, memory_order_acquire);
    }
    return NULL;
}

/* Kept out of line so that the common case needs no stack frame. */
static __attribute__((noinline, cold)) struct venus_object *
find_locked(struct venus_object_table *table, uint64_t id)
{
    pthread_mutex_lock(&table->lock);
    struct venus_object *o = find_in_chain(table, id);
    pthread_mutex_unlock(&table->lock);
    return o;
}

struct venus_object *venus_object_search(struct venus_object_table *table, uint64_t id)
{
    struct venus_object *o = find_in_chain(table, id);
    return __builtin_expect(o != NULL, 1) ? o : find_locked(table, id);
}

/* Double the number of chains. Without memory the chains just grow longer. */
static void grow(struct venus_object_table *table)
{
    struct venus_object_buckets *old = current(table);
    struct venus_object_buckets *buckets = buckets_create(log2_of(old) + 1);
    if (!buckets)
        return;
    for (size_t i = 0; i < (size_t)1 << log2_of(old); i++) {
        struct venus_object *o = get(&old->heads[i]);
        while (o) {
            struct venus_object *next = get(&o->next);
            _Atomic(struct venus_object *) *head = venus_object_bucket(buckets, id_of(o));
            set(&o->next, get(head));
            set(head, o);
            o = next;
        }
    }
    buckets->retired = old;
    atomic_store_explicit(&table->buckets, buckets, memory_order_release);
}

static void put_on_free_list(struct venus_object_table *table, struct venus_object *o)
{
    set(&o->next, table->free[o->type]);
    table->free[o->type] = o;
}

/* A free object of this type, or NULL. */
static struct venus_object *take_free(struct venus_object_table *table, enum venus_object_type type)
{
    if (!table->free[type]) {
        struct venus_object_slab *slab = aligned_alloc(SLAB_SIZE, SLAB_SIZE);
        if (!slab)
            return NULL;
        memset(slab, 0, SLAB_SIZE);
        for (size_t i = OBJECTS_PER_SLAB; i-- > 0;) {
            slab->objects[i].type = type;
            put_on_free_list(table, &slab->objects[i]);
        }
        slab->next = table->slabs[type];
        table->slabs[type] = slab;
    }
    struct venus_object *o = table->free[type];
    table->free[type] = get(&o->next);
    return o;
}

static void adopt(struct venus_object *pool, struct venus_object *o)
{
    o->pool = pool;
    o->prev_child = NULL;
    o->next_child = pool ? pool->first_child : NULL;
    if (o->next_child)
        o->next_child->prev_child = o;
    if (pool)
        pool->first_child = o;
}

static void disown(struct venus_object *o)
{
    if (o->prev_child)
        o->prev_child->next_child = o->next_child;
    else if (o->pool)
        o->pool->first_child = o->next_child;
    if (o->next_child)
        o->next_child->prev_child = o->prev_child;
    o->pool = NULL;
}

static enum venus_object_error add_locked(struct venus_object_table *table,
                                          enum venus_object_type type, uint64_t id,
                                          const struct venus_object *members,
                                          struct venus_object *pool, struct venus_object **out)
{
    /* Another thread may have destroyed the pool since it was looked up. */
    if (!id || (pool && !id_of(pool)))
        return VENUS_OBJECT_BAD_ID;
    if (find_in_chain(table, id))
        return VENUS_OBJECT_DUPLICATE;
    if (table->count >= VENUS_MAX_OBJECTS)
        return VENUS_OBJECT_TOO_MANY;
    struct venus_object *o = take_free(table, type);
    if (!o)
        return VENUS_OBJECT_TOO_MANY;
    if (table->count >= (size_t)1 << log2_of(current(table)))
        grow(table);
    table->count++;
    o->handle = members->handle;
    o->device = members->device;
    o->data = members->data;
    o->first_child = NULL;
    adopt(pool, o);

    _Atomic(struct venus_object *) *head = venus_object_bucket(current(table), id);
    set(&o->next, get(head));
    atomic_store_explicit(&o->id, id, memory_order_release);
    set(head, o);
    if (out)
        *out = o;
    return VENUS_OBJECT_OK;
}

enum venus_object_error venus_object_add(struct venus_object_table *table,
                                         enum venus_object_type type, uint64_t id, uint64_t handle,
                                         struct venus_device *device, struct venus_object *pool,
                                         void *data, struct venus_object **out)
{
    const struct venus_object members = {.handle = handle, .device = device, .data = data};
    pthread_mutex_lock(&table->lock);
    const enum venus_object_error error = add_locked(table, type, id, &members, pool, out);
    pthread_mutex_unlock(&table->lock);
    return error;
}

/* Unlink one object from its chain and make it free. It has no pool and no children any more. */
static void unlink_object(struct venus_object_table *table, struct venus_object *o)
{
    _Atomic(struct venus_object *) *link = venus_object_bucket(current(table), id_of(o));
    while (get(link) != o)
        link = &get(link)->next;
    set(link, get(&o->next));
    /* Before `next` changes its meaning: find_in_chain() relies on it. */
    atomic_store_explicit(&o->id, 0, memory_order_release);
    put_on_free_list(table, o);
    table->count--;
}

static void remove_children(struct venus_object_table *table, struct venus_object *pool)
{
    while (pool->first_child) {
        struct venus_object *child = pool->first_child;
        disown(child);
        unlink_object(table, child);
    }
}

static void remove_locked(struct venus_object_table *table, struct venus_object *o,
                          uint64_t *handle, void **data)
{
    if (handle)
        *handle = o->handle;
    if (data)
        *data = o->data;
    remove_children(table, o);
    disown(o);
    unlink_object(table, o);
}

bool venus_object_remove(struct venus_object_table *table, enum venus_object_type type, uint64_t id,
                         uint64_t *handle, void **data)
{
    pthread_mutex_lock(&table->lock);
    struct venus_object *o = id ? find_in_chain(table, id) : NULL;
    const bool found = o && o->type == type;
    if (found)
        remove_locked(table, o, handle, data);
    pthread_mutex_unlock(&table->lock);
    return found;
}

bool venus_object_remove_from(struct venus_object_table *table, enum venus_object_type type,
                              uint64_t id, const struct venus_object *pool, uint64_t *handle)
{
    pthread_mutex_lock(&table->lock);
    struct venus_object *o = id ? find_in_chain(table, id) : NULL;
    const bool found = o && o->type == type && o->pool == pool;
    if (found)
        remove_locked(table, o, handle, NULL);
    pthread_mutex_unlock(&table->lock);
    return found;
}

void venus_object_remove_children(struct venus_object_table *table, struct venus_object *pool)
{
    pthread_mutex_lock(&table->lock);
    remove_children(table, pool);
    pthread_mutex_unlock(&table->lock);
}

/* The object behind `o` in the slabs of its type; the first one for NULL; NULL at the end. */
static struct venus_object *next_in_slabs(struct venus_object_table *table,
                                          enum venus_object_type type, struct venus_object *o)
{
    struct venus_object_slab *slab = table->slabs[type];
    if (o) {
        slab = (void *)((uintptr_t)o & ~(uintptr_t)(SLAB_SIZE - 1));
        if (++o < slab->objects + OBJECTS_PER_SLAB)
            return o;
        slab = slab->next;
    }
    return slab ? slab->objects : NULL;
}

/* The same, of this device. table->lock is held. */
static struct venus_object *next_of_device(struct venus_object_table *table,
                                           enum venus_object_type type,
                                           const struct venus_device *device,
                                           struct venus_object *o)
{
    do {
        o = next_in_slabs(table, type, o);
    } while (o && (!id_of(o) || o->device != device));
    return o;
}

bool venus_object_next(struct venus_object_table *table, enum venus_object_type type,
                       const struct venus_device *device, void **cursor, uint64_t *handle,
                       void **data)
{
    pthread_mutex_lock(&table->lock);
    struct venus_object *o = next_of_device(table, type, device, *cursor);
    if (o) {
        *handle = o->handle;
        *data = o->data;
        *cursor = o;
    }
    pthread_mutex_unlock(&table->lock);
    return o != NULL;
}

bool venus_object_pop(struct venus_object_table *table, enum venus_object_type type,
                      const struct venus_device *device, void **cursor, uint64_t *handle,
                      void **data)
{
    pthread_mutex_lock(&table->lock);
    struct venus_object *o = next_of_device(table, type, device, *cursor);
    if (o) {
        remove_locked(table, o, handle, data);
        *cursor = o;
    }
    pthread_mutex_unlock(&table->lock);
    return o != NULL;
}
