/* SPDX-License-Identifier: MIT */
/*
 * Device memory.
 *
 * Memory of a type that the client can map is either pages of the provider that we import into the
 * driver, directly or as a dma-buf of them, or the driver's own memory that we export as a dma-buf
 * when the client asks for a blob (memory_type.h).  All other memory is plain memory of the driver.
 *
 * The client usually asks for no reply to vkAllocateMemory.  After a failure its id simply does not
 * exist, and the blob that the client wants next is refused.
 */
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"
#include "pnext.h"

/* What we keep of a VkDeviceMemory. */
struct venus_memory {
    VkDeviceMemory handle;
    VkDeviceSize size;                /* as the client wants it, bytes */
    struct venus_memory_pages *pages; /* imported pages of our own, or NULL */
    struct venus_resource *resource;  /* imported from this resource, or NULL */
    bool dma_buf;                     /* can be exported */
    bool exported;                    /* as a blob; under memory_lock */
    enum venus_map_cache cache;       /* how the dma-buf has to be mapped */
};

/* Blobs are created by another thread than memory is freed by: between looking a memory object up
 * and taking a reference to its pages, nobody may free it. */
static pthread_mutex_t memory_lock = PTHREAD_MUTEX_INITIALIZER;

/* Whose pages those of a resource are. */
static const struct venus_memory_provider *resource_owner(const struct venus_resource *resource)
{
    return resource->kind == VENUS_RESOURCE_SHM ? resource->provider : resource->memory->provider;
}

/* The pages behind a resource, or NULL if it has only a file. */
static const struct venus_pages *resource_pages(const struct venus_resource *resource)
{
    if (resource->kind == VENUS_RESOURCE_SHM)
        return &resource->pages;
    return resource->memory ? &resource->memory->pages : NULL;
}

/* ---- allocation ---- */

/* What all ways to allocate have to know. */
struct request {
    struct venus_device *device;
    const struct venus_memory_types *types;
    VkMemoryAllocateInfo *info; /* the client's, in private memory; type index of the host */
    struct venus_memory *memory;
};

static VkResult allocate(const struct request *r)
{
    struct venus_device *device = r->device;
    return device->vk.AllocateMemory(device->handle, r->info, NULL, &r->memory->handle);
}

static VkResult import_file(const struct request *r, int fd)
{
    struct venus_device *device = r->device;
    VkMemoryFdPropertiesKHR properties = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_FD_PROPERTIES_KHR,
    };
    const VkExternalMemoryHandleTypeFlagBits type = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT;
    if (fd < 0 || !device->vk.GetMemoryFdPropertiesKHR ||
        device->vk.GetMemoryFdPropertiesKHR(device->handle, type, fd, &properties) != VK_SUCCESS ||
        !(properties.memoryTypeBits & 1u << r->info->memoryTypeIndex))
        return VK_ERROR_INVALID_EXTERNAL_HANDLE;

    VkImportMemoryFdInfoKHR import = {
        .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR,
        .handleType = type,
        .fd = fcntl(fd, F_DUPFD_CLOEXEC, 0), /* the driver's, if it takes it */
    };
    if (import.fd < 0)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    venus_pnext_add(r->info, &import);
    const VkResult result = allocate(r);
    venus_pnext_take(r->info, (uint32_t)import.sType);
    if (result != VK_SUCCESS)
        close(import.fd);
    return result;
}

/* Import host memory in place of an ordinary allocation. */
static VkResult import_host(const struct request *r, const struct venus_pages *pages,
                            VkDeviceSize size)
{
    const VkMemoryOpaqueCaptureAddressAllocateInfo *capture = venus_pnext_find(
        r->info->pNext, VK_STRUCTURE_TYPE_MEMORY_OPAQUE_CAPTURE_ADDRESS_ALLOCATE_INFO);
    if (capture && capture->opaqueCaptureAddress) /* not for imported host memory */
        return VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS;

    /* A dedicated allocation has exactly the size that the resource requires. */
    if (size != r->info->allocationSize)
        venus_pnext_take(r->info, VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO);
    venus_pnext_take(r->info, VK_STRUCTURE_TYPE_DEDICATED_ALLOCATION_MEMORY_ALLOCATE_INFO_NV);
    venus_pnext_take(r->info, VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO_NV);
    r->info->allocationSize = size;

    VkImportMemoryHostPointerInfoEXT import = {
        .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
        .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
        .pHostPointer = pages->ptr,
    };
    venus_pnext_add(r->info, &import);
    const VkResult result = allocate(r);
    venus_pnext_take(r->info, (uint32_t)import.sType);
    return result;
}

/* Import a dma-buf of the pages. */
static VkResult import_dma_buf(const struct request *r, const struct venus_memory_provider *owner,
                               const struct venus_pages *pages, VkDeviceSize size)
{
    if (!owner->export_dma_buf)
        return VK_ERROR_INVALID_EXTERNAL_HANDLE;
    const int fd = owner->export_dma_buf(owner->user, pages, size);
    if (fd < 0)
        return fd == -EINVAL ? VK_ERROR_INVALID_EXTERNAL_HANDLE : VK_ERROR_OUT_OF_HOST_MEMORY;
    const VkResult result = import_file(r, fd);
    close(fd);
    return result;
}

/* Import pages in place of an ordinary allocation. */
static VkResult import_pages(const struct request *r, const struct venus_memory_provider *owner,
                             const struct venus_pages *pages)
{
    const VkDeviceSize alignment = r->types->import_alignment;
    const VkDeviceSize size = (r->info->allocationSize + alignment - 1) & ~(alignment - 1);
    if (size < r->info->allocationSize || size > pages->size ||
        (uintptr_t)pages->ptr & (alignment - 1) ||
        !(r->types->importable & 1u << r->info->memoryTypeIndex))
        return VK_ERROR_INVALID_EXTERNAL_HANDLE;
    return r->types->path == VENUS_MEMORY_HOST_IMPORT ? import_host(r, pages, size)
                                                      : import_dma_buf(r, owner, pages, size);
}

/* By flags that not just say where the memory is; VK_EXT_zero_initialize_device_memory has one. */
static bool wants_zeroes(const VkMemoryAllocateInfo *info)
{
    const VkMemoryAllocateFlagsInfo *flags =
        venus_pnext_find(info->pNext, VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO);
    const VkMemoryAllocateFlags indifferent = VK_MEMORY_ALLOCATE_DEVICE_MASK_BIT |
                                              VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT |
                                              VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT;
    return flags && (flags->flags & ~indifferent);
}

/* Client-visible memory of the provider. */
static VkResult allocate_pages(const struct request *r)
{
    const VkDeviceSize alignment = r->types->import_alignment;
    const uint64_t size = (r->info->allocationSize + alignment - 1) & ~(alignment - 1);
    struct venus_memory_pages *pages =
        venus_memory_pages_get(r->device->context, size, wants_zeroes(r->info));
    if (!pages)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    const VkResult result = import_pages(r, pages->provider, &pages->pages);
    if (result == VK_SUCCESS)
        r->memory->pages = pages;
    else
        venus_memory_pages_put(pages);
    return result;
}

/* Memory that the driver can export; the client's own VkExportMemoryAllocateInfo may be there. */
static VkResult allocate_dma_buf(const struct request *r)
{
    VkExportMemoryAllocateInfo export = {
        .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
        .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
    };
    venus_pnext_take(r->info, (uint32_t)export.sType);
    venus_pnext_add(r->info, &export);
    const VkResult result = allocate(r);
    venus_pnext_take(r->info, (uint32_t)export.sType);
    r->memory->dma_buf = result == VK_SUCCESS;
    return result;
}

/* Memory of a resource that exists already (VkImportMemoryResourceInfoMESA). */
static VkResult import_resource(const struct request *r, uint32_t id)
{
    struct venus_resource *resource = venus_resource_get(r->device->context, id);
    if (!resource) {
        venus_log_client(r->device->context, VENUS_LOG_WARNING,
                         "memory of resource %u, which does not exist", id);
        return VK_ERROR_INVALID_EXTERNAL_HANDLE;
    }
    const struct venus_pages *pages = resource_pages(resource);
    VkResult result = VK_ERROR_INVALID_EXTERNAL_HANDLE;
    if (!pages)
        result = import_file(r, resource->fd);
    else if (venus_memory_imports_pages(r->types->path))
        result = import_pages(r, resource_owner(resource), pages);
    if (result == VK_SUCCESS)
        r->memory->resource = resource;
    else
        venus_resource_put(resource);
    return result;
}

/* Whether the driver exports memory of ordinary buffers as dma-bufs. */
static bool can_export_dma_buf(const struct venus_device *device)
{
    const struct venus_physical_device *gpu = device->physical_device;
    const VkPhysicalDeviceExternalBufferInfo info = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO,
        .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT,
        .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
    };
    VkExternalBufferProperties properties = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES,
    };
    if (!device->vk.GetMemoryFdKHR)
        return false;
    gpu->instance->vk.GetPhysicalDeviceExternalBufferProperties(gpu->handle, &info, &properties);
    return properties.externalMemoryProperties.externalMemoryFeatures &
           VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT;
}

/* Take the way that the client's type and chain ask for. */
static VkResult choose(const struct request *r, uint32_t client_type)
{
    const VkMemoryType *type = &r->types->client.memoryTypes[client_type];
    const VkImportMemoryResourceInfoMESA *import = venus_pnext_take(
        r->info, (uint32_t)VENUS_STRUCTURE_TYPE_IMPORT_MEMORY_RESOURCE_INFO_MESA);
    const VkExportMemoryAllocateInfo *export =
        venus_pnext_find(r->info->pNext, VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO);
    const bool wants_export = export && export->handleTypes;

    if (r->info->allocationSize > r->types->client.memoryHeaps[type->heapIndex].size)
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    if (!wants_export)
        venus_pnext_take(r->info, VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO);
    if (import) {
        venus_pnext_take(r->info, VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO);
        return import_resource(r, import->resourceId);
    }
    if (wants_export) {
        const bool dma_buf =
            export->handleTypes == VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT;
        if (dma_buf && r->device->physical_device->own_dma_bufs &&
            (r->types->shareable & 1u << client_type)) {
            venus_pnext_take(r->info, VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO);
            return allocate_pages(r);
        }
        if (dma_buf && can_export_dma_buf(r->device))
            return allocate_dma_buf(r);
        venus_log_client(r->device->context, VENUS_LOG_WARNING,
                         "memory to export as 0x%x, which this driver cannot do",
                         export->handleTypes);
        return VK_ERROR_INVALID_EXTERNAL_HANDLE;
    }
    if (!(type->propertyFlags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT))
        return allocate(r);
    return venus_memory_imports_pages(r->types->path) ? allocate_pages(r) : allocate_dma_buf(r);
}

/* Memory that the CPU caches, and that the GPU knows about, can be mapped like any other. */
static enum venus_map_cache map_cache(VkMemoryPropertyFlags flags)
{
    const VkMemoryPropertyFlags cached =
        VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    return (flags & cached) == cached ? VENUS_MAP_CACHED : VENUS_MAP_WC;
}

/* Destroy what choose() made. NULL allowed. */
static void memory_destroy(struct venus_device *device, struct venus_memory *memory)
{
    if (!memory)
        return;
    if (memory->handle)
        device->vk.FreeMemory(device->handle, memory->handle, NULL);
    venus_memory_pages_put(memory->pages);
    venus_resource_put(memory->resource);
    free(memory);
}

void venus_handle_vkAllocateMemory(struct venus_decoder *d, struct venus_vkAllocateMemory *args)
{
    struct venus_device *device = args->first->data;
    const struct venus_memory_types *types = &device->physical_device->memory;
    VkMemoryAllocateInfo info = *args->pAllocateInfo;
    const uint32_t client_type = info.memoryTypeIndex;
    if (client_type >= types->client.memoryTypeCount || !info.allocationSize) {
        venus_decoder_fail(d, "%llu bytes of memory type %u",
                           (unsigned long long)info.allocationSize, client_type);
        return;
    }

    struct venus_memory *memory = calloc(1, sizeof(*memory));
    if (!memory) {
        args->ret = VK_ERROR_OUT_OF_HOST_MEMORY;
        return;
    }
    memory->size = info.allocationSize;
    memory->cache = map_cache(types->client.memoryTypes[client_type].propertyFlags);
    info.memoryTypeIndex = types->host_index[client_type];
    const struct request request = {
        .device = device, .types = types, .info = &info, .memory = memory,
    };
    args->ret = choose(&request, client_type);
    if (args->ret != VK_SUCCESS) {
        memory_destroy(device, memory);
        return;
    }
    if (!venus_decoder_add_object(d, VENUS_OBJECT_DeviceMemory, args->pMemory_ids[0],
                                  (uint64_t)(uintptr_t)memory->handle, NULL, memory))
        memory_destroy(device, memory);
}

void venus_handle_vkFreeMemory(struct venus_decoder *d, struct venus_vkFreeMemory *args)
{
    void *data = NULL;
    if (!args->memory_object)
        return;
    pthread_mutex_lock(&memory_lock);
    const bool removed = venus_object_remove(d->objects, VENUS_OBJECT_DeviceMemory,
                                             args->memory_object->id, NULL, &data);
    pthread_mutex_unlock(&memory_lock);
    if (removed)
        memory_destroy(args->first->data, data);
}

void venus_memory_destroy_all(struct venus_device *device)
{
    void *cursor = NULL, *data;
    for (;;) {
        pthread_mutex_lock(&memory_lock);
        const bool found = venus_object_pop(&device->context->objects, VENUS_OBJECT_DeviceMemory,
                                            device, &cursor, NULL, &data);
        pthread_mutex_unlock(&memory_lock);
        if (!found)
            return;
        memory_destroy(device, data);
    }
}

/* ---- blobs ---- */

/* Two descriptors of the same file: one for the client, one for the resource. */
static int duplicate_twice(int fd, int *first, int *second)
{
    *first = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (*first < 0)
        return -errno;
    *second = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (*second < 0) {
        const int error = -errno;
        close(*first);
        *first = -1;
        return error;
    }
    return 0;
}

static int export_pages(struct venus_memory_pages *pages, uint32_t flags, struct venus_blob *blob,
                        struct venus_resource *resource)
{
    /* A provider without files has its own way to tell the client where the pages are. */
    if (pages->pages.fd >= 0) {
        blob->fd = fcntl(pages->pages.fd, F_DUPFD_CLOEXEC, 0);
        if (blob->fd < 0)
            return -errno;
    }
    if (flags & ~(uint32_t)VENUS_BLOB_MAPPABLE)
        pages->single_use = true;
    atomic_fetch_add_explicit(&pages->references, 1, memory_order_relaxed);
    resource->memory = pages;
    blob->pages_private = pages->pages.private;
    blob->cache = VENUS_MAP_CACHED; /* ordinary memory of this machine, which the GPU snoops */
    return 0;
}

static int export_dma_buf(struct venus_device *device, const struct venus_memory *memory,
                          uint64_t size, struct venus_blob *blob, struct venus_resource *resource)
{
    const VkMemoryGetFdInfoKHR info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR,
        .memory = memory->handle,
        .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
    };
    int fd;
    if (device->vk.GetMemoryFdKHR(device->handle, &info, &fd) != VK_SUCCESS)
        return -ENOMEM;
    int error = 0;
    const off_t end = lseek(fd, 0, SEEK_END);
    if (end < 0 || (uint64_t)end < size)
        error = -EINVAL;
    if (!error)
        error = duplicate_twice(fd, &blob->fd, &resource->fd);
    close(fd);
    blob->cache = memory->cache;
    return error;
}

/* memory_lock is held. */
static int export_memory(struct venus_device *device, struct venus_memory *memory, uint64_t size,
                         uint32_t flags, struct venus_blob *blob, struct venus_resource *resource)
{
    const uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    const uint64_t limit = (memory->size + page_size - 1) & ~(page_size - 1);
    if (!size || size > limit)
        return -EINVAL;
    if (memory->exported)
        return -EEXIST;
    int error = -EINVAL;
    if (memory->pages)
        error = export_pages(memory->pages, flags, blob, resource);
    else if (memory->dma_buf)
        error = export_dma_buf(device, memory, size, blob, resource);
    if (error)
        return error;
    blob->size = (size + page_size - 1) & ~(page_size - 1);
    memory->exported = true;
    return 0;
}

int venus_memory_export(struct venus_context *context, uint64_t memory_id, uint64_t size,
                        uint32_t flags, struct venus_blob *blob, struct venus_resource *resource)
{
    const uint32_t known =
        VENUS_BLOB_MAPPABLE | VENUS_BLOB_SHAREABLE | VENUS_BLOB_CROSS_DEVICE;
    if (!flags || (flags & ~known))
        return -EINVAL;

    int error = -EINVAL; /* of no memory: its allocation has failed, say */
    pthread_mutex_lock(&memory_lock);
    struct venus_object *object = venus_object_find(&context->objects, memory_id);
    if (object && object->type == VENUS_OBJECT_DeviceMemory)
        error = export_memory(object->device, object->data, size, flags, blob, resource);
    pthread_mutex_unlock(&memory_lock);
    return error;
}

/* ---- vkGetMemoryResourcePropertiesMESA ---- */

/* The host types that can import the resource. */
static uint32_t resource_types(struct venus_device *device, const struct venus_resource *resource)
{
    const struct venus_memory_types *types = &device->physical_device->memory;
    if (resource_pages(resource))
        return venus_memory_imports_pages(types->path) ? types->importable : 0;
    VkMemoryFdPropertiesKHR properties = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_FD_PROPERTIES_KHR,
    };
    if (resource->fd < 0 || !device->vk.GetMemoryFdPropertiesKHR ||
        device->vk.GetMemoryFdPropertiesKHR(device->handle,
                                            VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
                                            resource->fd, &properties) != VK_SUCCESS)
        return 0;
    return properties.memoryTypeBits;
}

/* Bytes of the resource. */
static uint64_t resource_size(const struct venus_resource *resource)
{
    const struct venus_pages *pages = resource_pages(resource);
    if (pages)
        return pages->size;
    const off_t end = lseek(resource->fd, 0, SEEK_END);
    return end < 0 ? 0 : (uint64_t)end;
}

void venus_handle_vkGetMemoryResourcePropertiesMESA(
    struct venus_decoder *d, struct venus_vkGetMemoryResourcePropertiesMESA *args)
{
    struct venus_device *device = args->first->data;
    VkMemoryResourcePropertiesMESA *properties = args->pMemoryResourceProperties;
    VkMemoryResourceAllocationSizePropertiesMESA *size = venus_pnext_find(
        properties->pNext,
        (uint32_t)VENUS_STRUCTURE_TYPE_MEMORY_RESOURCE_ALLOCATION_SIZE_PROPERTIES_MESA);
    struct venus_resource *resource = venus_resource_get(d->context, args->resourceId);
    const uint32_t types = resource ? resource_types(device, resource) : 0;
    args->ret = types ? VK_SUCCESS : VK_ERROR_INVALID_EXTERNAL_HANDLE;
    if (types) {
        properties->memoryTypeBits =
            venus_memory_types_to_client(&device->physical_device->memory, types, true);
        if (size)
            size->allocationSize = resource_size(resource);
    }
    venus_resource_put(resource);
}
