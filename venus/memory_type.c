/* SPDX-License-Identifier: MIT */
#include "memory_type.h"

#include <string.h>

#define HOST_FLAGS                                                                                 \
    (VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT |                  \
     VK_MEMORY_PROPERTY_HOST_CACHED_BIT)

/* Flags of memory that any resource of an ordinary application may use. */
#define ORDINARY_FLAGS (VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | HOST_FLAGS)

static bool is_strict_subset(VkMemoryPropertyFlags a, VkMemoryPropertyFlags b)
{
    return a != b && (a & ~b) == 0;
}

/*
 * Add a client type in front of the first one whose flags are a strict superset, which the order of
 * types demands (Vulkan specification, "Device Memory Properties").  False when there is no room.
 */
static bool insert(struct venus_memory_types *types, VkMemoryPropertyFlags flags,
                   uint32_t host_index, bool synthesised)
{
    VkPhysicalDeviceMemoryProperties *client = &types->client;
    const uint32_t count = client->memoryTypeCount;
    if (count == VK_MAX_MEMORY_TYPES)
        return false;

    uint32_t at = 0;
    while (at < count && !is_strict_subset(flags, client->memoryTypes[at].propertyFlags))
        at++;

    memmove(&client->memoryTypes[at + 1], &client->memoryTypes[at],
            (count - at) * sizeof(client->memoryTypes[0]));
    memmove(&types->host_index[at + 1], &types->host_index[at],
            (count - at) * sizeof(types->host_index[0]));
    const uint32_t below = (1u << at) - 1;
    types->device_local_only = (types->device_local_only & below) |
                               (types->device_local_only & ~below) << 1 |
                               (uint32_t)synthesised << at;

    client->memoryTypes[at] = (VkMemoryType){
        .propertyFlags = flags,
        .heapIndex = types->host.memoryTypes[host_index].heapIndex,
    };
    types->host_index[at] = host_index;
    client->memoryTypeCount = count + 1;
    return true;
}

static bool has_type(const struct venus_memory_types *types, VkMemoryType type)
{
    for (uint32_t i = 0; i < types->client.memoryTypeCount; i++) {
        const VkMemoryType *other = &types->client.memoryTypes[i];
        if (other->propertyFlags == type.propertyFlags && other->heapIndex == type.heapIndex)
            return true;
    }
    return false;
}

/* Whether there is device-local memory for everything that clients do not map. */
static bool has_device_local_only(const struct venus_memory_types *types)
{
    for (uint32_t i = 0; i < types->client.memoryTypeCount; i++) {
        const VkMemoryPropertyFlags flags = types->client.memoryTypes[i].propertyFlags;
        if ((flags & ORDINARY_FLAGS) == VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT &&
            !(flags & (VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT | VK_MEMORY_PROPERTY_PROTECTED_BIT)))
            return true;
    }
    return false;
}

/* One client type per host type, without the HOST_* flags that we cannot serve. */
static void add_host_types(struct venus_memory_types *types)
{
    for (uint32_t i = 0; i < types->host.memoryTypeCount; i++) {
        VkMemoryType type = types->host.memoryTypes[i];
        const bool stripped = (type.propertyFlags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) &&
                              !(types->importable & 1u << i);
        if (stripped)
            type.propertyFlags &= ~(VkMemoryPropertyFlags)HOST_FLAGS;
        /* The mappable part of video memory is, without mapping, nothing but video memory. */
        if (!stripped || !has_type(types, type))
            insert(types, type.propertyFlags, i, false);
    }
}

/* A device-local-only type for every device-local type. When there is no room for all of them, the
 * first ones, which are the fastest, are enough. */
static void add_device_local_types(struct venus_memory_types *types)
{
    for (uint32_t i = 0; i < types->host.memoryTypeCount; i++) {
        const VkMemoryPropertyFlags flags = types->host.memoryTypes[i].propertyFlags;
        if ((flags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT) && !(flags & ~ORDINARY_FLAGS))
            insert(types, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, i, true);
    }
}

bool venus_memory_types_init(struct venus_memory_types *types,
                             const VkPhysicalDeviceMemoryProperties *host,
                             enum venus_memory_path path, uint32_t importable,
                             VkDeviceSize import_alignment)
{
    memset(types, 0, sizeof(*types));
    types->path = path;
    types->import_alignment = import_alignment;
    types->host = *host;
    for (uint32_t i = 0; i < host->memoryTypeCount; i++) {
        if ((host->memoryTypes[i].propertyFlags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) &&
            (importable & 1u << i))
            types->importable |= 1u << i;
    }
    types->client.memoryHeapCount = host->memoryHeapCount;
    memcpy(types->client.memoryHeaps, host->memoryHeaps, sizeof(host->memoryHeaps));

    add_host_types(types);
    if (!has_device_local_only(types))
        add_device_local_types(types);

    bool coherent = false;
    for (uint32_t i = 0; i < types->client.memoryTypeCount; i++) {
        const VkMemoryPropertyFlags flags = types->client.memoryTypes[i].propertyFlags;
        if (types->importable & 1u << types->host_index[i])
            types->shareable |= 1u << i;
        if (!(flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT))
            continue;
        types->host_visible |= 1u << i;
        coherent |= (flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT) != 0;
    }
    return coherent;
}

uint32_t venus_memory_types_to_client(const struct venus_memory_types *types, uint32_t host_bits,
                                      bool external)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < types->client.memoryTypeCount; i++) {
        if (host_bits & 1u << types->host_index[i])
            bits |= 1u << i;
    }
    return external ? bits : bits & ~types->host_visible;
}
