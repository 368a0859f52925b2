/* SPDX-License-Identifier: MIT */
/*
 * Looking at the host's GPUs: what they are, and how memory of theirs can be given to clients.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "instance.h"

/* What buffers of ordinary applications do; memory must be good for all of it. */
#define PROBE_USAGE                                                                                \
    (VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |                         \
     VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |                     \
     VK_BUFFER_USAGE_INDEX_BUFFER_BIT | VK_BUFFER_USAGE_VERTEX_BUFFER_BIT |                        \
     VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT)

/* ---- what a GPU is ---- */

static VkResult get_extensions(struct venus_physical_device *gpu)
{
    const struct venus_instance_vk *vk = &gpu->instance->vk;
    VkResult result;
    do {
        free(gpu->extensions);
        gpu->extensions = NULL;
        result = vk->EnumerateDeviceExtensionProperties(gpu->handle, NULL, &gpu->extension_count,
                                                        NULL);
        if (result != VK_SUCCESS)
            break;
        gpu->extensions = calloc(gpu->extension_count + 1, sizeof(*gpu->extensions));
        if (!gpu->extensions)
            return VK_ERROR_OUT_OF_HOST_MEMORY;
        result = vk->EnumerateDeviceExtensionProperties(gpu->handle, NULL, &gpu->extension_count,
                                                        gpu->extensions);
    } while (result == VK_INCOMPLETE);
    return result;
}

VkResult venus_gpu_describe(struct venus_physical_device *gpu)
{
    const struct venus_instance_vk *vk = &gpu->instance->vk;

    vk->GetPhysicalDeviceProperties(gpu->handle, &gpu->properties);
    gpu->api_version = gpu->properties.apiVersion;
    if (gpu->api_version > gpu->instance->api_version)
        gpu->api_version = gpu->instance->api_version;

    const VkResult result = get_extensions(gpu);
    if (result != VK_SUCCESS) {
        venus_gpu_finish(gpu);
        return result;
    }
    vk->GetPhysicalDeviceQueueFamilyProperties(gpu->handle, &gpu->queue_family_count, NULL);
    gpu->queue_families = calloc(gpu->queue_family_count + 1, sizeof(*gpu->queue_families));
    if (!gpu->queue_families) {
        venus_gpu_finish(gpu);
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    vk->GetPhysicalDeviceQueueFamilyProperties(gpu->handle, &gpu->queue_family_count,
                                               gpu->queue_families);
    return VK_SUCCESS;
}

void venus_gpu_finish(struct venus_physical_device *gpu)
{
    free(gpu->extensions);
    free(gpu->queue_families);
    gpu->extensions = NULL;
    gpu->queue_families = NULL;
}

const VkExtensionProperties *venus_gpu_extension(const struct venus_physical_device *gpu,
                                                 const char *name)
{
    for (uint32_t i = 0; i < gpu->extension_count; i++) {
        if (strcmp(gpu->extensions[i].extensionName, name) == 0)
            return &gpu->extensions[i];
    }
    return NULL;
}

bool venus_gpu_has_uuid(const struct venus_physical_device *gpu, const uint8_t *uuid)
{
    VkPhysicalDeviceIDProperties id = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
    };
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &id,
    };
    if (gpu->api_version < VK_API_VERSION_1_1)
        return false;
    gpu->instance->vk.GetPhysicalDeviceProperties2(gpu->handle, &properties);
    return memcmp(id.deviceUUID, uuid, VK_UUID_SIZE) == 0;
}

VkResult venus_gpu_enumerate(const struct venus_instance *instance, VkPhysicalDevice **handles,
                             uint32_t *count)
{
    VkResult result;
    *handles = NULL;
    do {
        free(*handles);
        *handles = NULL;
        result = instance->vk.EnumeratePhysicalDevices(instance->handle, count, NULL);
        if (result != VK_SUCCESS)
            break;
        *handles = calloc(*count + 1, sizeof(**handles));
        if (!*handles)
            return VK_ERROR_OUT_OF_HOST_MEMORY;
        result = instance->vk.EnumeratePhysicalDevices(instance->handle, count, *handles);
    } while (result == VK_INCOMPLETE);
    if (result != VK_SUCCESS) {
        free(*handles);
        *handles = NULL;
    }
    return result;
}

/* ---- how its memory can be given to clients ---- */

/* A probe of one memory path with a device of its own. */
struct probe {
    const struct venus_renderer *renderer;
    struct venus_physical_device *gpu;
    enum venus_memory_path path;
    VkPhysicalDeviceMemoryProperties memory;
    VkDeviceSize alignment;
    VkDevice device;
    struct venus_device_vk *vk;
};

static bool open_device(struct probe *probe, const char *const *extensions, uint32_t count)
{
    const struct venus_instance_vk *vk = &probe->gpu->instance->vk;
    static const float priority = 0.5f;
    const VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    const VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
        .enabledExtensionCount = count,
        .ppEnabledExtensionNames = extensions,
    };
    probe->vk = calloc(1, sizeof(*probe->vk));
    if (!probe->vk ||
        vk->CreateDevice(probe->gpu->handle, &info, NULL, &probe->device) != VK_SUCCESS) {
        free(probe->vk);
        return false;
    }
    venus_device_vk_load(probe->vk, probe->device, vk->GetDeviceProcAddr,
                         probe->gpu->api_version);
    return true;
}

static void close_device(struct probe *probe)
{
    probe->vk->DestroyDevice(probe->device, NULL);
    free(probe->vk);
}

/* Whether ordinary buffers can use external memory of the path's kind, without being dedicated. */
static bool buffers_work(const struct probe *probe)
{
    const VkPhysicalDeviceExternalBufferInfo info = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO,
        .usage = PROBE_USAGE,
        .handleType = venus_memory_handle_type(probe->path),
    };
    VkExternalBufferProperties properties = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES,
    };
    probe->gpu->instance->vk.GetPhysicalDeviceExternalBufferProperties(probe->gpu->handle, &info,
                                                                       &properties);
    const VkExternalMemoryFeatureFlags features =
        properties.externalMemoryProperties.externalMemoryFeatures;
    const VkExternalMemoryFeatureFlags wanted = venus_memory_feature(probe->path);
    return (features & wanted) && !(features & VK_EXTERNAL_MEMORY_FEATURE_DEDICATED_ONLY_BIT);
}

/* The memory types that such buffers can use. */
static uint32_t buffer_types(const struct probe *probe)
{
    const VkExternalMemoryBufferCreateInfo external = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
        .handleTypes = (VkExternalMemoryHandleTypeFlags)venus_memory_handle_type(probe->path),
    };
    const VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .pNext = &external,
        .size = 4096,
        .usage = PROBE_USAGE,
    };
    VkBuffer buffer;
    if (probe->vk->CreateBuffer(probe->device, &info, NULL, &buffer) != VK_SUCCESS)
        return 0;
    VkMemoryRequirements requirements = {0};
    probe->vk->GetBufferMemoryRequirements(probe->device, buffer, &requirements);
    probe->vk->DestroyBuffer(probe->device, buffer, NULL);
    return requirements.memoryTypeBits;
}

/* Of `types`, those that take these pages. */
static uint32_t try_pages(const struct probe *probe, const struct venus_pages *pages,
                          uint32_t types)
{
    VkMemoryHostPointerPropertiesEXT properties = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT,
    };
    const VkImportMemoryHostPointerInfoEXT import = {
        .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
        .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
        .pHostPointer = pages->ptr,
    };
    uint32_t good = 0;
    if ((uintptr_t)pages->ptr % probe->alignment == 0 && pages->size >= probe->alignment &&
        probe->vk->GetMemoryHostPointerPropertiesEXT(probe->device, import.handleType, pages->ptr,
                                                     &properties) == VK_SUCCESS)
        types &= properties.memoryTypeBits;
    else
        types = 0;
    for (uint32_t i = 0; i < probe->memory.memoryTypeCount; i++) {
        const VkMemoryAllocateInfo info = {
            .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
            .pNext = &import,
            .allocationSize = probe->alignment,
            .memoryTypeIndex = i,
        };
        VkDeviceMemory memory;
        if (!(types & 1u << i) ||
            probe->vk->AllocateMemory(probe->device, &info, NULL, &memory) != VK_SUCCESS)
            continue;
        probe->vk->FreeMemory(probe->device, memory, NULL);
        good |= 1u << i;
    }
    return good;
}

/* Of `types`, those that take the memory that clients map.  Some drivers claim more than they can do
 * (the kernel may refuse to pin pages of a file), so it is tried. */
static uint32_t try_import(const struct probe *probe, uint32_t types)
{
    const struct venus_memory_provider *provider = probe->renderer->memory;
    struct venus_pages pages = {.fd = -1};
    if (probe->renderer->sample.ptr)
        return try_pages(probe, &probe->renderer->sample, types);
    if (provider->alloc(provider->user, probe->alignment, &pages))
        return 0;
    const uint32_t good = try_pages(probe, &pages, types);
    provider->free(provider->user, &pages);
    return good;
}

static bool can_map(int fd, size_t size)
{
    void *ptr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (ptr == MAP_FAILED)
        return false;
    munmap(ptr, size);
    return true;
}

/* Whether clients can be given the dma-buf of this memory. */
static bool can_share(const struct probe *probe, VkDeviceMemory memory, size_t size)
{
    const struct venus_memory_provider *provider = probe->renderer->memory;
    const VkMemoryGetFdInfoKHR info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR,
        .memory = memory,
        .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
    };
    int fd;
    if (probe->vk->GetMemoryFdKHR(probe->device, &info, &fd) != VK_SUCCESS)
        return false;
    const bool works =
        provider->try_dma_buf ? !provider->try_dma_buf(provider->user, fd) : can_map(fd, size);
    close(fd);
    return works;
}

/* Of `types`, those whose memory can be exported as a dma-buf and given to clients. */
static uint32_t try_export(const struct probe *probe, uint32_t types)
{
    const size_t size = (size_t)sysconf(_SC_PAGESIZE);
    const VkExportMemoryAllocateInfo export = {
        .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
        .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
    };
    uint32_t good = 0;
    for (uint32_t i = 0; i < probe->memory.memoryTypeCount; i++) {
        const VkMemoryAllocateInfo info = {
            .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
            .pNext = &export,
            .allocationSize = size,
            .memoryTypeIndex = i,
        };
        VkDeviceMemory memory;
        if (!(types & 1u << i) ||
            probe->vk->AllocateMemory(probe->device, &info, NULL, &memory) != VK_SUCCESS)
            continue;
        if (can_share(probe, memory, size))
            good |= 1u << i;
        probe->vk->FreeMemory(probe->device, memory, NULL);
    }
    return good;
}

static uint32_t types_with(const VkPhysicalDeviceMemoryProperties *memory,
                           VkMemoryPropertyFlags wanted)
{
    uint32_t types = 0;
    for (uint32_t i = 0; i < memory->memoryTypeCount; i++) {
        if ((memory->memoryTypes[i].propertyFlags & wanted) == wanted)
            types |= 1u << i;
    }
    return types;
}

/* Pages of the provider, imported. Returns NULL or what is in the way. */
static const char *probe_host_import(struct probe *probe)
{
    static const char *const extensions[] = {VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME};
    if (!venus_gpu_extension(probe->gpu, extensions[0]))
        return "no VK_EXT_external_memory_host";
    probe->path = VENUS_MEMORY_HOST_IMPORT;
    if (!buffers_work(probe))
        return "buffers cannot use imported host memory";

    VkPhysicalDeviceExternalMemoryHostPropertiesEXT host = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT,
    };
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &host,
    };
    probe->gpu->instance->vk.GetPhysicalDeviceProperties2(probe->gpu->handle, &properties);
    const VkDeviceSize page_size = (VkDeviceSize)sysconf(_SC_PAGESIZE);
    probe->alignment = host.minImportedHostPointerAlignment;
    if (probe->alignment < page_size)
        probe->alignment = page_size;
    /* Nobody who makes pages promises more, so that it would work by luck only. */
    if (probe->alignment > page_size)
        return "imported host memory must be aligned to more than a page";

    if (!open_device(probe, extensions, 1))
        return "vkCreateDevice failed";
    const uint32_t types =
        try_import(probe, buffer_types(probe) &
                              types_with(&probe->memory, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT));
    close_device(probe);
    return venus_memory_types_init(&probe->gpu->memory, &probe->memory, probe->path, types,
                                   probe->alignment)
               ? NULL
               : "no coherent memory type takes imported host memory";
}

static const char *const dma_buf_extensions[] = {
    VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME,
    VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME,
};

static bool has_dma_bufs(const struct venus_physical_device *gpu)
{
    return venus_gpu_extension(gpu, dma_buf_extensions[0]) &&
           venus_gpu_extension(gpu, dma_buf_extensions[1]);
}

/* Memory of the driver's own, exported. Returns NULL or what is in the way. */
static const char *probe_dma_buf(struct probe *probe)
{
    if (!has_dma_bufs(probe->gpu))
        return "no VK_EXT_external_memory_dma_buf";
    probe->path = VENUS_MEMORY_DMA_BUF;
    if (!buffers_work(probe))
        return "memory of buffers cannot be exported as a dma-buf";

    if (!open_device(probe, dma_buf_extensions, 2))
        return "vkCreateDevice failed";
    const uint32_t types =
        try_export(probe, buffer_types(probe) &
                              types_with(&probe->memory, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT));
    close_device(probe);
    return venus_memory_types_init(&probe->gpu->memory, &probe->memory, probe->path, types, 0)
               ? NULL
               : "no coherent memory type can be exported and mapped";
}

/* Whether the driver takes a dma-buf, which stays the caller's, as memory of this type. */
static bool takes_dma_buf(const struct probe *probe, int fd, uint32_t type)
{
    const VkImportMemoryFdInfoKHR import = {
        .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR,
        .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
        .fd = fcntl(fd, F_DUPFD_CLOEXEC, 0),
    };
    const VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .pNext = &import,
        .allocationSize = probe->alignment,
        .memoryTypeIndex = type,
    };
    VkDeviceMemory memory;
    if (import.fd < 0)
        return false;
    if (probe->vk->AllocateMemory(probe->device, &info, NULL, &memory) != VK_SUCCESS) {
        close(import.fd);
        return false;
    }
    probe->vk->FreeMemory(probe->device, memory, NULL);
    return true;
}

/* Of `types`, those that take a dma-buf of pages like those that clients bring. */
static uint32_t try_dma_buf(const struct probe *probe, int fd, uint32_t types)
{
    VkMemoryFdPropertiesKHR properties = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_FD_PROPERTIES_KHR,
    };
    uint32_t good = 0;
    if (probe->vk->GetMemoryFdPropertiesKHR(probe->device,
                                            VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT, fd,
                                            &properties) != VK_SUCCESS)
        return 0;
    types &= properties.memoryTypeBits;
    for (uint32_t i = 0; i < probe->memory.memoryTypeCount; i++) {
        if ((types & 1u << i) && takes_dma_buf(probe, fd, i))
            good |= 1u << i;
    }
    return good;
}

/* Pages that clients bring, as a dma-buf of the provider. Returns NULL or what is in the way. */
static const char *probe_dma_buf_import(struct probe *probe)
{
    const struct venus_memory_provider *provider = probe->renderer->memory;
    if (!provider->export_dma_buf)
        return "clients bring their memory";
    if (!has_dma_bufs(probe->gpu))
        return "no VK_EXT_external_memory_dma_buf";
    probe->path = VENUS_MEMORY_DMA_BUF_IMPORT;
    if (!buffers_work(probe))
        return "buffers cannot use imported dma-bufs";
    /* Clients map such pages as ordinary, cached memory, before anybody knows what they are for. */
    const uint32_t cached = types_with(&probe->memory, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                                           VK_MEMORY_PROPERTY_HOST_COHERENT_BIT |
                                                           VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
    if (!cached)
        return "no memory type is coherent and cached, as the memory that clients bring is";

    probe->alignment = (VkDeviceSize)sysconf(_SC_PAGESIZE);
    const int fd =
        provider->export_dma_buf(provider->user, &probe->renderer->sample, probe->alignment);
    if (fd < 0)
        return "there is no dma-buf of the memory that clients bring";
    if (!open_device(probe, dma_buf_extensions, 2)) {
        close(fd);
        return "vkCreateDevice failed";
    }
    const uint32_t types = try_dma_buf(probe, fd, buffer_types(probe) & cached);
    close_device(probe);
    close(fd);
    return venus_memory_types_init(&probe->gpu->memory, &probe->memory, probe->path, types,
                                   probe->alignment)
               ? NULL
               : "no memory type takes a dma-buf of the memory that clients bring";
}

/* Take what an earlier probe has found. False when none of this GPU and driver is known. */
static bool use_known(const struct venus_renderer *renderer, struct venus_physical_device *gpu,
                      const VkPhysicalDeviceMemoryProperties *memory)
{
    for (uint32_t i = 0; i < renderer->gpu_count; i++) {
        const struct venus_gpu *known = &renderer->gpus[i];
        if (known->memory.path != VENUS_MEMORY_NONE &&
            known->memory.driver_version == gpu->properties.driverVersion &&
            known->api_version == gpu->properties.apiVersion &&
            !strcmp(known->name, gpu->properties.deviceName) &&
            venus_gpu_has_uuid(gpu, known->uuid))
            return venus_memory_types_init(&gpu->memory, memory,
                                           (enum venus_memory_path)known->memory.path,
                                           known->memory.types, known->memory.alignment);
    }
    return false;
}

const char *venus_gpu_probe_memory(const struct venus_renderer *renderer,
                                   struct venus_physical_device *gpu)
{
    if (gpu->api_version < VK_API_VERSION_1_1)
        return "it supports only Vulkan 1.0";
    if (!gpu->queue_family_count)
        return "it has no queues";

    struct probe probe = {.renderer = renderer, .gpu = gpu};
    gpu->instance->vk.GetPhysicalDeviceMemoryProperties(gpu->handle, &probe.memory);
    if (use_known(renderer, gpu, &probe.memory))
        return NULL;
    const char *import_error = probe_host_import(&probe);
    const char *export_error = NULL;
    if (import_error)
        export_error = renderer->sample.ptr ? probe_dma_buf_import(&probe) : probe_dma_buf(&probe);
    if (!import_error || !export_error)
        return NULL;

    venus_log(VENUS_LOG_INFO, "%s: memory cannot be given to clients: %s; %s",
              gpu->properties.deviceName, import_error, export_error);
    gpu->memory.path = VENUS_MEMORY_NONE;
    return "its memory can be neither imported (VK_EXT_external_memory_host) nor exported "
           "(VK_EXT_external_memory_dma_buf)";
}

/* ---- the list for administrators ---- */

static const char *const path_names[] = {
    [VENUS_MEMORY_HOST_IMPORT] = "host-import",
    [VENUS_MEMORY_DMA_BUF] = "dma-buf",
    [VENUS_MEMORY_DMA_BUF_IMPORT] = "dma-buf-import",
};

static void fill_entry(const struct venus_renderer *renderer, struct venus_physical_device *gpu,
                       uint32_t index, struct venus_gpu *entry)
{
    VkPhysicalDevicePCIBusInfoPropertiesEXT pci = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT,
    };
    VkPhysicalDeviceDriverProperties driver = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
    };
    VkPhysicalDeviceIDProperties id = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
    };
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &id,
    };
    const bool has_driver =
        gpu->api_version >= VK_API_VERSION_1_2 ||
        venus_gpu_extension(gpu, VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME);
    const bool has_pci = venus_gpu_extension(gpu, VK_EXT_PCI_BUS_INFO_EXTENSION_NAME) != NULL;
    if (has_driver)
        id.pNext = &driver;
    if (has_pci) {
        pci.pNext = id.pNext;
        id.pNext = &pci;
    }

    *entry = (struct venus_gpu){
        .index = index,
        .type = gpu->properties.deviceType,
        .api_version = gpu->properties.apiVersion,
    };
    memcpy(entry->name, gpu->properties.deviceName, sizeof(entry->name));
    entry->unusable = venus_gpu_probe_memory(renderer, gpu);
    if (gpu->api_version < VK_API_VERSION_1_1)
        return; /* no vkGetPhysicalDeviceProperties2 */

    gpu->instance->vk.GetPhysicalDeviceProperties2(gpu->handle, &properties);
    memcpy(entry->uuid, id.deviceUUID, sizeof(entry->uuid));
    if (has_driver)
        snprintf(entry->driver, sizeof(entry->driver), "%s%s%s", driver.driverName,
                 driver.driverInfo[0] ? " " : "", driver.driverInfo);
    if (has_pci)
        snprintf(entry->pci, sizeof(entry->pci), "%04x:%02x:%02x.%x", pci.pciDomain & 0xffff,
                 pci.pciBus & 0xff, pci.pciDevice & 0xff, pci.pciFunction & 0xf);
    if (entry->unusable)
        return;
    entry->memory_path = path_names[gpu->memory.path];
    entry->memory = (struct venus_gpu_memory){
        .path = gpu->memory.path,
        .types = gpu->memory.importable,
        .alignment = gpu->memory.import_alignment,
        .driver_version = gpu->properties.driverVersion,
    };
}

int venus_renderer_list_gpus(struct venus_renderer *renderer, struct venus_gpu *gpus, int max)
{
    struct venus_instance *instance;
    VkResult result = venus_instance_open(renderer, NULL, &instance);
    if (result != VK_SUCCESS)
        return result;
    VkPhysicalDevice *handles;
    uint32_t count;
    result = venus_gpu_enumerate(instance, &handles, &count);
    for (uint32_t i = 0; result == VK_SUCCESS && i < count && (int)i < max; i++) {
        struct venus_physical_device gpu = {.handle = handles[i], .instance = instance};
        result = venus_gpu_describe(&gpu);
        if (result == VK_SUCCESS)
            fill_entry(renderer, &gpu, i, &gpus[i]);
        venus_gpu_finish(&gpu);
    }
    free(handles);
    venus_instance_close(instance);
    return result == VK_SUCCESS ? (int)count : result;
}
