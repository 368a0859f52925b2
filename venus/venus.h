/* SPDX-License-Identifier: MIT */
/*
 * The Venus renderer: decodes Vulkan command streams that Mesa's Venus driver writes, and runs them
 * on this host's Vulkan driver.  This is the whole public interface of the library; it knows
 * nothing of virtio, vtest sockets or Xen.
 *
 * Life cycle: one struct venus_renderer per process, which may hold any number of contexts (we use
 * one process per context).  A context has resources (blobs of memory that the client can map),
 * one virtqueue command stream (venus_context_submit) and any number of rings, which the client
 * creates through commands and which run on threads of their own.
 *
 * All functions may be called from any thread unless they say otherwise.
 */
#ifndef VENUS_VENUS_H
#define VENUS_VENUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

struct venus_renderer;
struct venus_context;

enum venus_log_level {
    VENUS_LOG_ERROR,
    VENUS_LOG_WARNING,
    VENUS_LOG_INFO,
    VENUS_LOG_DEBUG,
};

/* Receives one message without trailing newline. May be called from any thread. */
typedef void (*venus_log_fn)(enum venus_log_level level, const char *message);

/* Set where messages of the library go and the most verbose level that is formatted at all.
 * Process-wide; call before anything else. */
void venus_log_set(venus_log_fn fn, enum venus_log_level max_level);

/*
 * Memory that the client and the host's Vulkan driver both map.
 *
 * The renderer asks a provider for such memory whenever the client allocates host-visible device
 * memory, and for rings and other blobs with blob id 0.
 */
struct venus_pages {
    void *ptr;     /* our mapping, page aligned */
    size_t size;   /* bytes, a multiple of the page size */
    int fd;        /* a file that maps the same pages from offset 0, or -1; owned by the pages */
    void *private; /* the provider's own */
};

struct venus_memory_provider {
    /* Get at least `size` zeroed bytes. Returns 0 or a negative errno. */
    int (*alloc)(void *user, uint64_t size, struct venus_pages *pages);
    /* Give them back. Accepts a zeroed struct. */
    void (*free)(void *user, struct venus_pages *pages);
    /* Make a dma-buf of the first `size` bytes of pages of this provider, a multiple of the page
     * size, for a driver that cannot import host memory.  Returns a new file descriptor that the
     * caller owns, or a negative errno after logging why.  NULL: there are none. */
    int (*export_dma_buf)(void *user, const struct venus_pages *pages, uint64_t size);
    /* Whether clients can be given the memory of a dma-buf that the driver has made: 0 or a
     * negative errno after logging why. NULL: they can if it can be mapped. */
    int (*try_dma_buf)(void *user, int fd);
    bool reuse; /* freed pages may serve the same client again before they are given back */
    void *user;
};

/* The provider for vtest and tests: pages of a sealed memfd. */
extern const struct venus_memory_provider venus_memfd_provider;

/* What was found out about a GPU's memory with a VkDevice made for it. */
struct venus_gpu_memory {
    uint32_t path;           /* how clients get it; 0: not at all */
    uint32_t types;          /* the host's memory types that this works with */
    uint64_t alignment;      /* of pages that the driver imports, bytes; or 0 */
    uint32_t driver_version; /* of VkPhysicalDeviceProperties: nothing of this holds for another */
};

/* One host GPU as --list-gpus shows it. */
struct venus_gpu {
    uint32_t index; /* in the order of vkEnumeratePhysicalDevices */
    char name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];
    char driver[VK_MAX_DRIVER_NAME_SIZE + VK_MAX_DRIVER_INFO_SIZE + 1];
    uint8_t uuid[VK_UUID_SIZE];
    char pci[16]; /* "0000:01:00.0", or empty */
    VkPhysicalDeviceType type;
    uint32_t api_version;
    /* How host-visible memory can be given to clients: "host-import", "dma-buf", "dma-buf-import",
     * or NULL with the reason in `unusable` when there is no way. */
    const char *memory_path;
    const char *unusable;
    struct venus_gpu_memory memory;
};

struct venus_renderer_params {
    /* The host's Vulkan, normally libvulkan's vkGetInstanceProcAddr. */
    PFN_vkGetInstanceProcAddr get_instance_proc_addr;
    /* Where client-visible memory comes from; NULL means venus_memfd_provider. */
    const struct venus_memory_provider *memory;
    /* Pages like those that venus_context_attach_pages() will get, if all memory that clients map
     * comes so: whether a driver can import them is tried with these, which stay as they are.  NULL:
     * it is tried with pages of the provider. */
    const struct venus_pages *sample;
    /* Offer only the GPU with this device UUID to clients (VK_UUID_SIZE bytes), or NULL for all. */
    const uint8_t *gpu_uuid;
    /* What venus_renderer_list_gpus() found with a renderer of the same parameters, or NULL: saves a
     * VkDevice per GPU and client. Strings of the entries do not matter; they must stay as long as
     * the renderer does. */
    const struct venus_gpu *gpus;
    uint32_t gpu_count;
    /* Load the Khronos validation layer and log what it says, at level WARNING. */
    bool validate;
};

/* Create the process's renderer. Does not load a driver yet. Returns NULL without memory. */
struct venus_renderer *venus_renderer_create(const struct venus_renderer_params *params);
void venus_renderer_destroy(struct venus_renderer *renderer);

/*
 * Look at the host's GPUs (creates and destroys a VkInstance and, per GPU, a VkDevice; some drivers
 * start threads, so a process that forks should call it in a child).  Fills at most `max` entries
 * and returns how many GPUs there are, or a negative VkResult when Vulkan itself does not start.
 */
int venus_renderer_list_gpus(struct venus_renderer *renderer, struct venus_gpu *gpus, int max);

/*
 * The Venus capset of the virtio-gpu specification (capset id 4), little endian.  With `guest_vram`
 * clients are told to make the blob first and then to import it into the host-visible memory that
 * they allocate, as owners that attach pages of their own want it (venus_context_attach_pages()).
 */
#define VENUS_CAPSET_ID 4
#define VENUS_CAPSET_SIZE 160
void venus_capset_fill(uint8_t capset[VENUS_CAPSET_SIZE], bool guest_vram);

/* What a context tells its owner. Called from any of the context's threads, never after
 * venus_context_destroy() has returned; must not call back into the context. */
struct venus_context_events {
    /* The fence given to venus_context_create_fence() has been reached. */
    void (*fence_retired)(void *user, uint32_t ring_idx, uint64_t fence_id);
    /* The context refuses all further work; every ring's status has FATAL set. Called once. */
    void (*fatal)(void *user);
    /* A ring was created in `pages`; the 32-bit status word lies at `status_offset` in them. Whoever
     * supervises this process can then set the FATAL bit if the process dies. The pages and their
     * file stay ours: duplicate the fd to keep it. May be NULL. */
    void (*ring_created)(void *user, const struct venus_pages *pages, size_t status_offset);
};

/* `name` is the client's own name for itself, used in messages (copied, made printable). */
struct venus_context *venus_context_create(struct venus_renderer *renderer, const char *name,
                                           const struct venus_context_events *events, void *user);

/*
 * Stop all rings and waits, destroy every Vulkan object that the client left, then the context.
 * Waits for the GPU to finish the client's work.  NULL is allowed.
 */
void venus_context_destroy(struct venus_context *context);

/*
 * Run a command stream from the virtqueue.  `commands` is private memory that the client cannot
 * write (the caller has copied it), 4-byte aligned.  May block (the protocol has commands that make
 * the virtqueue wait for a ring); one thread at a time.  False when the context is, or becomes, dead.
 */
bool venus_context_submit(struct venus_context *context, const void *commands, size_t size);

/* Bits of venus_blob_info.flags and of the argument of venus_context_create_blob(); the values are
 * those of VIRTIO_GPU_BLOB_FLAG_* */
#define VENUS_BLOB_MAPPABLE 1u
#define VENUS_BLOB_SHAREABLE 2u
#define VENUS_BLOB_CROSS_DEVICE 4u

enum venus_map_cache { VENUS_MAP_CACHED = 1, VENUS_MAP_UNCACHED = 2, VENUS_MAP_WC = 3 };

struct venus_blob {
    int fd;                     /* a new file descriptor that the caller owns; maps at offset 0;
                                 * -1 if the provider's pages have no file */
    uint64_t size;              /* bytes, page-rounded */
    enum venus_map_cache cache; /* how a VMM should map it */
    void *pages_private;        /* `private` of the provider's pages, or NULL without such pages */
};

/*
 * Create resource `res_id` (chosen by the caller, not 0, unused).  blob_id 0 means fresh shared
 * memory; any other is the object id of a VkDeviceMemory whose memory the client wants to map.
 * Returns 0 or a negative errno after logging why; the context lives on.
 */
int venus_context_create_blob(struct venus_context *context, uint32_t res_id, uint64_t blob_id,
                              uint64_t size, uint32_t flags, struct venus_blob *blob);

/*
 * Make memory of the caller the resource `res_id` (not 0, unused): a blob of id 0 that the client
 * has mapped already.  Rings, command streams and replies can live in it, and memory can be
 * imported from it (VkImportMemoryResourceInfoMESA) where the driver imports host memory, or
 * dma-bufs that owner->export_dma_buf makes of it.
 *
 * owner->free is called once nothing uses the pages any more: some time after
 * venus_context_unref_resource(), from any thread, or in venus_context_destroy(); owner->alloc is
 * not used.  Returns 0 or a negative errno after logging why; the pages are then still the caller's
 * and `free` is not called.
 */
int venus_context_attach_pages(struct venus_context *context, uint32_t res_id,
                               const struct venus_pages *pages,
                               const struct venus_memory_provider *owner);

/* The client no longer uses the resource. Unknown ids give -ENOENT. A resource that a ring still
 * uses makes the context fatal, as the protocol wants, but its memory stays mapped while used. */
int venus_context_unref_resource(struct venus_context *context, uint32_t res_id);

/*
 * Ask to be told (fence_retired) when all work so far on timeline `ring_idx` has finished, which
 * may be before this returns, and on timeline 0 is.  Fences of a timeline are retired in the order
 * in which one thread asks for them.  Returns 0; -EINVAL for a timeline that no queue has; or
 * -ENOSPC, -ENOMEM or -EAGAIN when there are too many, or no memory or no thread for one more.
 */
int venus_context_create_fence(struct venus_context *context, uint32_t ring_idx, uint64_t fence_id);

/* Retire the fences that the GPU has reached by now: for owners whose client asks for one, and who
 * need not wait then until a thread has woken up.  Never waits, not for a driver either. */
void venus_context_poll_fences(struct venus_context *context);

/*
 * Mark the context dead: sets FATAL in every ring's status, ends all waits so that a blocked
 * venus_context_submit() returns, and tells the owner (the event `fatal`).  Idempotent; logs
 * nothing.  For owners that must drop a client, or whose client has gone.
 */
void venus_context_fail(struct venus_context *context);

/* Whether the context has failed. */
bool venus_context_is_fatal(struct venus_context *context);

#endif
