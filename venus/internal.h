/* SPDX-License-Identifier: MIT */
/*
 * What the files of the renderer share.
 *
 *   venus_context (context.c)
 *     |- decoder of the virtqueue (decoder.c)         one thread: that of venus_context_submit
 *     |- venus_ring (ring.c) *n, each with a decoder  one thread each
 *     |- monitor (monitor.c)                          keeps ALIVE set on monitored rings
 *     |- venus_resource (resource.c) *n               blobs: shared memory, or a VkDeviceMemory
 *     |- venus_object_table (object.c)                client ids -> host handles
 *     '- venus_instance (instance.c)
 *          '- venus_physical_device (physical_device.c) *n
 *               '- venus_device (device.c) *n
 *                    '- venus_queue (queue.c) *n      lock, timeline, its waiting thread
 *
 * Generated code (protocol/) decodes a command into its args struct, then either calls the host's
 * driver itself or a handler venus_handle_vkX() in one of the files above, then encodes the reply.
 *
 * Lock order: ring->run, context->lock, ring->lock, queue->lock, objects.lock; never wait for the
 * GPU with one of them held except ring->run, and queue->lock during a submission.
 */
#ifndef VENUS_INTERNAL_H
#define VENUS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "decoder.h"
#include "handle_map.h"
#include "limits.h"
#include "memory_type.h"
#include "object.h"
#include "pages.h"
#include "shm.h"
#include "venus.h"

#include "venus_driver.h" /* generated: struct venus_instance_vk, struct venus_device_vk */
#include "venus_protocol.h" /* generated: MESA structs, args structs, handler prototypes */

/* ---- log.c ---- */
void venus_log(enum venus_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool venus_log_enabled(enum venus_log_level level);
/* About something that a client can make happen again and again: names the client, and stops after
 * VENUS_MAX_MESSAGES. */
void venus_log_client(struct venus_context *context, enum venus_log_level level,
                      const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- resource.c: blobs, by resource id; references counted ---- */
enum venus_resource_kind {
    VENUS_RESOURCE_SHM,    /* blob id 0: rings, command streams, replies */
    VENUS_RESOURCE_MEMORY, /* the pages of a VkDeviceMemory */
};

struct venus_resource {
    uint32_t id;
    enum venus_resource_kind kind;
    atomic_uint references;
    atomic_uint rings;         /* rings that live in it: ring.c counts */
    atomic_bool gone;          /* the client has dropped it: the id may mean another one now */
    struct venus_shm shm;      /* SHM kind only */
    struct venus_pages pages;  /* SHM kind only: owned */
    struct venus_memory_pages *memory; /* MEMORY kind: what keeps the pages, a reference or NULL */
    int fd;                    /* a file that maps the memory, or -1; owned for kind MEMORY */
    const struct venus_memory_provider *provider;
    struct venus_resource *next; /* hash chain */
};

/* A new reference to the resource, or NULL if the id is unknown. */
struct venus_resource *venus_resource_get(struct venus_context *context, uint32_t id);
void venus_resource_put(struct venus_resource *resource); /* NULL allowed */
/* Drop the context's own references to all resources (teardown). */
void venus_resource_put_all(struct venus_context *context);

/* ---- memory.c: the blob of a VkDeviceMemory ---- */
struct venus_memory_pages;

/*
 * Fill *blob (fd, size, cache) for the memory object with this id, and the resource with either
 * `memory`, a reference that venus_memory_pages_put() gives back, or `fd`, a file of its own.  `size`
 * and `flags` are what the client asked for, unchecked.  Returns 0 or a negative errno; nothing is
 * owned by the caller then.
 */
int venus_memory_export(struct venus_context *context, uint64_t memory_id, uint64_t size,
                        uint32_t flags, struct venus_blob *blob, struct venus_resource *resource);
/* ---- the Vulkan objects that have state of ours ---- */

struct venus_instance {
    VkInstance handle;
    uint32_t api_version;
    struct venus_instance_vk vk;
    struct venus_physical_device *physical_devices;
    uint32_t physical_device_count;
    VkDebugUtilsMessengerEXT messenger; /* --validate */
};

struct venus_physical_device {
    VkPhysicalDevice handle;
    struct venus_instance *instance;
    uint64_t id; /* the client's object id; 0 before vkEnumeratePhysicalDevices */
    uint32_t api_version; /* capped to what our tables know */
    VkPhysicalDeviceProperties properties;
    struct venus_memory_types memory;
    uint32_t queue_family_count;
    VkQueueFamilyProperties *queue_families;
    VkExtensionProperties *extensions; /* the host's own, unfiltered */
    uint32_t extension_count;
    /* What the host itself can do with SYNC_FD; what we offer is in sync.c. */
    bool semaphore_sync_fd, fence_sync_fd;
    /* Its dma-bufs, and its images with a modifier, are made by us (modifier.h). */
    bool own_dma_bufs;
    /* buffer.c: which kinds of buffers can use client-visible memory, a lossy cache. */
    _Atomic uint64_t buffer_kinds[64];
};

struct venus_queue {
    VkQueue handle;
    struct venus_device *device;
    uint32_t family, index;
    VkDeviceQueueCreateFlags flags;
    pthread_mutex_t lock;        /* external synchronisation of the VkQueue */
    bool bound;                  /* vkGetDeviceQueue2 has been called for it */
    uint32_t ring_idx;           /* timeline, 0 = none */
    VkFence drain;                   /* queue.c: behind the last submission, at teardown */
    struct venus_timeline
        *timeline; /* queue.c: thread and fences, its thread is made on first use */
};

struct venus_device {
    VkDevice handle;
    uint64_t id;
    struct venus_context *context;
    struct venus_physical_device *physical_device;
    struct venus_device_vk vk;
    struct venus_queue *queues;
    uint32_t queue_count, queue_room;
    struct venus_handle_map unusual_buffers;   /* buffer.c: what some buffers cannot use */
    struct venus_handle_map client_images;   /* image.c: what some images can use */
    struct venus_handle_map copied_images;   /* host_copy.c: format and layers of some images */
    struct venus_device *next; /* in the context; devices' memory lives as long as the context */
    atomic_bool lost;          /* lost.c has told about it */
    bool unused; /* destroyed: the record can serve the next device; under context->lock */
};

/* sync.c: binary semaphores with a temporarily imported "signalled" payload: the next wait for one
 * of them is a no-op.  Few at any time. */
struct venus_imports {
    pthread_mutex_t lock;
    atomic_uint count; /* read without the lock to skip the look-up */
    struct venus_import {
        const struct venus_device *device;
        VkSemaphore semaphore;
    } *entries;
};

struct venus_context {
    struct venus_renderer *renderer;
    char name[64]; /* printable */
    struct venus_context_events events;
    void *events_user;
    atomic_bool fatal;    /* no more work is taken */
    atomic_bool reported; /* a protocol error was logged: the first one is the one that counts */
    atomic_bool stopping; /* teardown: waits must end */
    atomic_uint messages; /* log.c: logged with venus_log_client() */

    struct venus_object_table objects;
    struct venus_decoder virtqueue;
    atomic_size_t command_memory; /* arena.h: temporary, of all decoders together */

    pthread_mutex_t lock; /* resources, rings, devices, instance */
    struct venus_resource **resources; /* hash by id */
    size_t resource_count, resource_buckets;
    struct venus_ring *rings; /* list */
    uint32_t ring_count;
    struct venus_monitor *monitor; /* made with the first monitored ring */
    struct venus_instance *instance;
    struct venus_device *devices;
    struct venus_queue *timelines[VENUS_MAX_TIMELINES]; /* by ring_idx */

    struct venus_imports imports; /* sync.c */
    struct venus_page_cache pages;
};

struct venus_renderer {
    PFN_vkGetInstanceProcAddr get_instance_proc_addr;
    const struct venus_memory_provider *memory;
    struct venus_pages sample; /* ptr NULL: none */
    bool has_gpu_uuid;
    uint8_t gpu_uuid[VK_UUID_SIZE];
    const struct venus_gpu *gpus; /* known before; the owner's */
    uint32_t gpu_count;
    bool validate;
};

/* ---- ring.c ---- */
/* Set FATAL in every ring's status and make the rings' threads, and waits for rings, end soon. */
void venus_rings_set_fatal(struct venus_context *context);
/* As above, then wait for the threads and free all rings. */
void venus_rings_stop(struct venus_context *context);
/* Whether the thread that runs this decoder should give up waiting: the context or the ring ends. */
bool venus_decoder_interrupted(const struct venus_decoder *d);

/* ---- queue.c ---- */
/* Stop using a queue on behalf of the renderer itself and end its timeline: waits for the fences
 * that we submitted, retires them, ends their thread.  venus_device_teardown() calls it for every
 * queue before vkDeviceWaitIdle(), since that call needs all queues for itself.  Idempotent. */
void venus_queue_teardown(struct venus_queue *queue);
/* Wait until everything submitted to the queue is done, at teardown; false when it takes until
 * `deadline` (venus_now_ns()). */
bool venus_queue_drain(struct venus_queue *queue, uint64_t deadline);

/* ---- lost.c ---- */
/* The driver has answered `command` with VK_ERROR_DEVICE_LOST: say so in the log, once. */
void venus_device_lost(struct venus_device *device, const char *command);

/* ---- sync.c ---- */
/* Fill semaphore_sync_fd and fence_sync_fd; needs handle, instance and extensions. */
void venus_sync_probe(struct venus_physical_device *physical_device);
/*
 * Give the GPU a moment to finish what was submitted to the device, and after it the values of
 * timeline semaphores that this may wait for: the client, which should have signalled them, is gone.
 */
void venus_sync_drain(struct venus_device *device);
/*
 * Clients learn from VkExternalSemaphoreProperties that signalled SYNC_FD payloads can be imported,
 * which sync.c does without the driver.  Mesa asks only if VK_KHR_external_semaphore_fd is among the
 * device extensions, so it is offered on every host; vkCreateDevice drops it if the host lacks it.
 */

/* ---- instance.c, device.c ---- */
void venus_instance_teardown(struct venus_context *context);
void venus_device_teardown(struct venus_device *device);
/* Free the memory of all devices of a context; they have been torn down. */
void venus_devices_free(struct venus_context *context);

/* ---- generated: the extension table ---- */
struct venus_extension {
    const char *name;
    uint32_t number;       /* of vk.xml: the bit in the capset */
    uint32_t spec_version; /* highest that our tables know */
};
extern const struct venus_extension venus_extensions[]; /* sorted by name */
extern const uint32_t venus_extension_count;
const struct venus_extension *venus_extension_find(const char *name);
extern const uint32_t venus_registry_version; /* VK_MAKE_API_VERSION of vk.xml */

#endif
