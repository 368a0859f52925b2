/* SPDX-License-Identifier: MIT */
/*
 * The objects of one context: client object id -> host Vulkan handle.
 *
 * Ids are chosen by the client (Mesa uses the addresses of its own objects) and are unique over all
 * types.  Look-up takes no lock: buckets are chains of objects whose memory never changes type and
 * is never returned to the system before the context ends, so a reader that races with a removal
 * sees either the object or none.  A reader that finds nothing looks again under the lock, because
 * a racing removal may have led it astray.  Insertions and removals take the table's lock.
 */
#ifndef VENUS_OBJECT_H
#define VENUS_OBJECT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

/* One value per handle type that crosses the wire; X(name of the type without Vk, dispatchable).
 * Order matters: at teardown, objects of a device are destroyed from the last to the first. */
#define VENUS_OBJECT_TYPES(X)                                                                      \
    X(Instance, 1)                                                                                 \
    X(PhysicalDevice, 1)                                                                           \
    X(Device, 1)                                                                                   \
    X(Queue, 1)                                                                                    \
    X(DeviceMemory, 0)                                                                             \
    X(PrivateDataSlot, 0)                                                                          \
    X(Fence, 0)                                                                                    \
    X(Semaphore, 0)                                                                                \
    X(Event, 0)                                                                                    \
    X(QueryPool, 0)                                                                                \
    X(Buffer, 0)                                                                                   \
    X(Image, 0)                                                                                    \
    X(SamplerYcbcrConversion, 0)                                                                   \
    X(Sampler, 0)                                                                                  \
    X(ShaderModule, 0)                                                                             \
    X(PipelineCache, 0)                                                                            \
    X(DescriptorSetLayout, 0)                                                                      \
    X(PipelineLayout, 0)                                                                           \
    X(RenderPass, 0)                                                                               \
    X(DescriptorUpdateTemplate, 0)                                                                 \
    X(DescriptorPool, 0)                                                                           \
    X(CommandPool, 0)                                                                              \
    X(DeferredOperationKHR, 0)                                                                     \
    X(AccelerationStructureKHR, 0)                                                                 \
    X(BufferView, 0)                                                                               \
    X(ImageView, 0)                                                                                \
    X(Framebuffer, 0)                                                                              \
    X(Pipeline, 0)                                                                                 \
    X(DescriptorSet, 0)                                                                            \
    X(CommandBuffer, 1)

enum venus_object_type {
    VENUS_OBJECT_NONE,
#define X(name, dispatchable) VENUS_OBJECT_##name,
    VENUS_OBJECT_TYPES(X)
#undef X
    VENUS_OBJECT_TYPE_COUNT,
};

struct venus_device;

/*
 * Members other than `id` and `next` are written before the id is published and do not change while
 * the object lives.  A client that uses an object in one thread while another destroys it may have
 * us see the members of the next object of the same type in this place, never anything else.
 */
struct venus_object {
    _Atomic uint64_t id;                 /* the client's; 0 while on the free list */
    _Atomic(struct venus_object *) next; /* in the bucket, or on the free list */
    uint64_t handle;             /* the host's handle, dispatchable ones as pointer value */
    struct venus_device *device; /* the owner; NULL for instance-level objects */
    struct venus_object *pool;   /* the pool this came from, or NULL */
    struct venus_object *first_child, *prev_child, *next_child; /* pool's list and our links */
    void *data;                  /* what the type's own file keeps, or NULL */
    uint8_t type;                /* enum venus_object_type; never changes for this memory */
};

/* A hash table of chains. Replaced by a larger one when it fills up; since readers may still walk
 * the old one, it lives until the table ends. All old ones together are smaller than the newest. */
struct venus_object_buckets {
    struct venus_object_buckets *retired; /* the one that this one replaced */
    unsigned int shift;                   /* 64 - log2 of the number of chains */
    _Atomic(struct venus_object *) heads[];
};

struct venus_object_slab;

struct venus_object_table {
    _Atomic(struct venus_object_buckets *) buckets;
    pthread_mutex_t lock; /* for everything below and all changes */
    size_t count;
    struct venus_object *free[VENUS_OBJECT_TYPE_COUNT];
    struct venus_object_slab *slabs[VENUS_OBJECT_TYPE_COUNT];
};

/* "VkBuffer" and so on, for messages. */
const char *venus_object_type_name(enum venus_object_type type);

/* Returns 0 or -ENOMEM. */
int venus_object_table_init(struct venus_object_table *table);
/* Free the memory; the objects' handles must have been destroyed before. Zeroed table allowed. */
void venus_object_table_finish(struct venus_object_table *table);

/* Clients use addresses as ids; the multiplication spreads their few varying bits. */
static inline _Atomic(struct venus_object *) *
venus_object_bucket(struct venus_object_buckets *buckets, uint64_t id)
{
    return &buckets->heads[(id * UINT64_C(0x9e3779b97f4a7c15)) >> buckets->shift];
}

/* Slow path of venus_object_find(). */
struct venus_object *venus_object_search(struct venus_object_table *table, uint64_t id);

/*
 * The object with this id, of any type, or NULL.  Lock-free when it exists.
 *
 * The load of a chain's link synchronises with the store that linked the object, and the load of
 * the id with the store that published its members.
 */
static inline struct venus_object *venus_object_find(struct venus_object_table *table, uint64_t id)
{
    if (!id)
        return NULL; /* but an object that is being removed has it */
    struct venus_object_buckets *buckets =
        atomic_load_explicit(&table->buckets, memory_order_acquire);
    struct venus_object *o =
        atomic_load_explicit(venus_object_bucket(buckets, id), memory_order_acquire);
    if (__builtin_expect(o && atomic_load_explicit(&o->id, memory_order_acquire) == id, 1))
        return o;
    return venus_object_search(table, id);
}

enum venus_object_error {
    VENUS_OBJECT_OK,
    VENUS_OBJECT_BAD_ID,    /* id 0 */
    VENUS_OBJECT_DUPLICATE, /* id in use */
    VENUS_OBJECT_TOO_MANY,  /* VENUS_MAX_OBJECTS, or no memory */
};

/*
 * Add an object.  With `pool` it becomes the pool's child.  The new object is returned in *out if
 * that is not NULL.  The caller still owns `handle` when this fails.
 */
enum venus_object_error venus_object_add(struct venus_object_table *table,
                                         enum venus_object_type type, uint64_t id, uint64_t handle,
                                         struct venus_device *device, struct venus_object *pool,
                                         void *data, struct venus_object **out);

/* Take the object with this id and type out of the table and of its pool's list, together with its
 * own children (pool teardown; children never have data).  Returns its handle and data, either
 * pointer may be NULL; false if it is not there (any more). */
bool venus_object_remove(struct venus_object_table *table, enum venus_object_type type, uint64_t id,
                         uint64_t *handle, void **data);

/* As above, but false also if the object did not come from `pool` (vkFreeCommandBuffers and the
 * like). */
bool venus_object_remove_from(struct venus_object_table *table, enum venus_object_type type,
                              uint64_t id, const struct venus_object *pool, uint64_t *handle);

/* Remove all children of a pool object (vkResetDescriptorPool and the like). */
void venus_object_remove_children(struct venus_object_table *table, struct venus_object *pool);

/* Find one object after another of this type whose device is `device`: *cursor starts at NULL. False
 * behind the last one. */
bool venus_object_next(struct venus_object_table *table, enum venus_object_type type,
                       const struct venus_device *device, void **cursor, uint64_t *handle,
                       void **data);

/* Take any one object of this type whose device is `device` out of the table, for teardown. Walks
 * the slabs of the type: *cursor starts at NULL. False when there is none left. */
bool venus_object_pop(struct venus_object_table *table, enum venus_object_type type,
                      const struct venus_device *device, void **cursor, uint64_t *handle,
                      void **data);

#endif
