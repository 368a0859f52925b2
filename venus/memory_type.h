/* SPDX-License-Identifier: MIT */
/*
 * The memory types that a client sees, computed from those of the host's driver.
 *
 * What a client may map must be memory that we can give to it: pages of the provider, imported into
 * the driver (as host memory, or as a dma-buf that the provider makes of them), or memory that the
 * driver exports as a dma-buf.  Such memory is external memory, and
 * Vulkan lets only resources that were created for it use it.  So host types that cannot be given
 * to clients lose their HOST_* flags, and a driver whose types are all host-visible gets further
 * types that are DEVICE_LOCAL only, for everything that is not external memory: optimal images
 * above all.
 */
#ifndef VENUS_MEMORY_TYPE_H
#define VENUS_MEMORY_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

/* How client-visible memory is made on a physical device. */
enum venus_memory_path {
    VENUS_MEMORY_NONE,
    VENUS_MEMORY_HOST_IMPORT,    /* provider pages + VK_EXT_external_memory_host */
    VENUS_MEMORY_DMA_BUF,        /* exported from the driver's own allocation */
    VENUS_MEMORY_DMA_BUF_IMPORT, /* provider pages + the provider's dma-buf of them */
};

struct venus_memory_types {
    enum venus_memory_path path;
    VkDeviceSize import_alignment;            /* of host pointers and sizes, bytes */
    VkPhysicalDeviceMemoryProperties host;    /* as the driver says */
    VkPhysicalDeviceMemoryProperties client;  /* as the client sees it */
    uint32_t host_index[VK_MAX_MEMORY_TYPES]; /* client type -> host type */
    uint32_t importable;        /* host types whose memory can be given to clients */
    uint32_t host_visible;      /* client types that a client can map */
    uint32_t shareable;         /* client types whose memory can be given to clients */
    uint32_t device_local_only; /* client types synthesised by us */
};

/* The external memory handle type of the memory that a path gives to clients. */
static inline VkExternalMemoryHandleTypeFlagBits venus_memory_handle_type(
    enum venus_memory_path path)
{
    return path == VENUS_MEMORY_DMA_BUF || path == VENUS_MEMORY_DMA_BUF_IMPORT
               ? VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT
               : VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
}

/* Whether client-visible memory is pages of the provider. */
static inline bool venus_memory_imports_pages(enum venus_memory_path path)
{
    return path == VENUS_MEMORY_HOST_IMPORT || path == VENUS_MEMORY_DMA_BUF_IMPORT;
}

/* What the driver must be able to do with that handle type. */
static inline VkExternalMemoryFeatureFlags venus_memory_feature(enum venus_memory_path path)
{
    return venus_memory_imports_pages(path) ? VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT
                                            : VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT;
}

/*
 * Compute the client's view.  `importable` are the host types that `path` works with (host-visible
 * ones count only); `import_alignment` is 0 where it has no meaning.  The result obeys the order
 * and the guarantees of VkPhysicalDeviceMemoryProperties.  False when no host-visible and coherent
 * type is left, which Vulkan requires: such a device cannot be offered.
 */
bool venus_memory_types_init(struct venus_memory_types *types,
                             const VkPhysicalDeviceMemoryProperties *host,
                             enum venus_memory_path path, uint32_t importable,
                             VkDeviceSize import_alignment);

/*
 * Translate memoryTypeBits of a resource to the client's types.  `external`: the resource was created
 * for the external memory that clients map; only then are host-visible types among the result.
 */
uint32_t venus_memory_types_to_client(const struct venus_memory_types *types, uint32_t host_bits,
                                      bool external);

#endif
