/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "null.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "null_walk.h"

struct null_driver null;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void null_lock(void)
{
    pthread_mutex_lock(&lock);
}

void null_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

static void null_fail(const char *what, const char *type, uint64_t handle)
{
    fprintf(stderr, "null driver: %s: %s %llx\n", what, type, (unsigned long long)handle);
    abort();
}

/* ---- objects ---- */

struct object {
    const char *type;
    struct object *parent, *first_child, *prev, *next;
    struct object *chain; /* in the bucket */
};

#define BUCKETS 8192u
/* With what malloc() adds, in units of 16. */
#define OBJECT_BYTES ((sizeof(struct object) + 8 + 15) & ~(size_t)15)

static struct object *buckets[BUCKETS];

static struct object **find(uint64_t handle)
{
    const uint64_t hash = handle * 0x9e3779b97f4a7c15u >> 40;
    struct object **o = &buckets[hash % BUCKETS];
    while (*o && NULL_HANDLE(*o) != handle)
        o = &(*o)->chain;
    return o;
}

uint64_t null_create(const char *type, uint64_t parent)
{
    struct object *o = calloc(1, sizeof(*o));
    if (!o)
        abort();
    o->type = type;
    o->parent = parent ? *find(parent) : NULL;
    if (o->parent) {
        o->next = o->parent->first_child;
        if (o->next)
            o->next->prev = o;
        o->parent->first_child = o;
    }
    struct object **bucket = find(NULL_HANDLE(o));
    o->chain = *bucket;
    *bucket = o;
    null.objects++;
    null.bytes += OBJECT_BYTES;
    return NULL_HANDLE(o);
}

void null_destroy_children(uint64_t handle)
{
    struct object *o = *find(handle);
    while (o && o->first_child)
        null_destroy(o->first_child->type, NULL_HANDLE(o->first_child));
}

void null_destroy(const char *type, uint64_t handle)
{
    if (!handle)
        return;
    struct object **place = find(handle), *o = *place;
    if (!o || strcmp(o->type, type) != 0)
        null_fail("destroying a dead object", type, handle);
    if (null.check && strcmp(type, "VkDevice") == 0)
        for (struct object *c = o->first_child; c; c = c->next)
            if (strcmp(c->type, "VkQueue") != 0)
                null_fail("left behind at vkDestroyDevice", c->type, NULL_HANDLE(c));
    null_destroy_children(handle);
    place = find(handle);
    *place = o->chain;
    if (o->prev)
        o->prev->next = o->next;
    else if (o->parent)
        o->parent->first_child = o->next;
    if (o->next)
        o->next->prev = o->prev;
    free(o);
    null.objects--;
    null.bytes -= OBJECT_BYTES;
}

bool null_fails(void)
{
    return null.fail_in && --null.fail_in == 0;
}

/* ---- outputs ---- */

uint64_t null_leaf(unsigned size)
{
    return (++null.leaf * 0x9e3779b97f4a7c15u) >> (64 - 8 * size);
}

void null_leaf_bytes(void *to, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)to)[i] = (uint8_t)null_leaf(1);
}

/* ---- what commands are given ---- */

/* Reads are made in any case: the point of a walk without output is that sanitizers see them. */
static volatile uint8_t sink;

void null_walk_number(const char *name, uint64_t value)
{
    if (null.out)
        fprintf(null.out, "%s %llx\n", name, (unsigned long long)value);
    else
        sink = (uint8_t)value;
}

void null_walk_float(const char *name, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    null_walk_number(name, bits);
}

void null_walk_double(const char *name, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    null_walk_number(name, bits);
}

void null_walk_handle(const char *name, const char *type, uint64_t handle)
{
    if (null.check && handle) {
        const struct object *o = *find(handle);
        if (!o || strcmp(o->type, type) != 0)
            null_fail("given a dead object", type, handle);
    }
    if (null.out)
        fprintf(null.out, "%s @%llx\n", name, (unsigned long long)handle);
}

void null_walk_bytes(const char *name, const void *bytes, size_t size)
{
    const uint8_t *b = bytes;
    if (!null.out) {
        for (size_t i = 0; i < size; i++)
            sink = b[i];
        return;
    }
    fprintf(null.out, "%s x:", name);
    for (size_t i = 0; i < size; i++)
        fprintf(null.out, "%02x", b[i]);
    fputc('\n', null.out);
}

void null_walk_string(const char *name, const char *string)
{
    null_walk_bytes(name, string, strlen(string));
}

void null_walk_text(const char *name, const char *text)
{
    if (null.out)
        fprintf(null.out, "%s%s%s\n", name, *name ? " " : "", text);
}

void null_walk_count(const char *name, const char *text, uint64_t count)
{
    if (null.out)
        fprintf(null.out, "%s %s%llu\n", name, text, (unsigned long long)count);
}

void null_walk_unknown(VkStructureType type)
{
    /* structs of the protocol are for the renderer, extension 385 of vk.xml */
    if (null.check && (uint32_t)type / 1000 == 1000384)
        null_fail("given a struct of the protocol", "sType", (uint64_t)type);
    null_walk_number("pNext unknown", (uint32_t)type);
}

/* ---- entry points ---- */

static int compare(const void *key, const void *entry)
{
    return strcmp(key, ((const struct null_command *)entry)->name);
}

PFN_vkVoidFunction VKAPI_CALL null_vkGetInstanceProcAddr(VkInstance instance, const char *name)
{
    (void)instance;
    const struct null_command *c = bsearch(name, null_commands, null_command_count,
                                           sizeof(*null_commands), compare);
    return c ? c->function : NULL;
}

PFN_vkVoidFunction VKAPI_CALL null_vkGetDeviceProcAddr(VkDevice device, const char *name)
{
    (void)device;
    return null_vkGetInstanceProcAddr(NULL, name);
}

/* ---- instance ---- */

static VkResult give_array(uint32_t *count, void *to, const void *from, uint32_t n, size_t size)
{
    if (!to) {
        *count = n;
        return VK_SUCCESS;
    }
    const uint32_t given = *count < n ? *count : n;
    memcpy(to, from, given * size);
    *count = given;
    return given < n ? VK_INCOMPLETE : VK_SUCCESS;
}

VkResult VKAPI_CALL null_vkEnumerateInstanceVersion(uint32_t *version)
{
    *version = VK_HEADER_VERSION_COMPLETE;
    return VK_SUCCESS;
}

static VkResult give_extensions(bool device, uint32_t *count, VkExtensionProperties *properties)
{
    uint32_t n = 0;
    for (size_t i = 0; i < null_extension_count; i++) {
        if (null_extensions[i].device != device ||
            (null.dma_buf &&
             strcmp(null_extensions[i].name, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME) == 0))
            continue;
        if (properties) {
            if (n == *count)
                return VK_INCOMPLETE;
            memset(&properties[n], 0, sizeof(*properties));
            snprintf(properties[n].extensionName, sizeof(properties[n].extensionName), "%s",
                     null_extensions[i].name);
            properties[n].specVersion = null_extensions[i].version;
        }
        n++;
    }
    *count = n;
    return VK_SUCCESS;
}

VkResult VKAPI_CALL null_vkEnumerateInstanceExtensionProperties(const char *layer, uint32_t *count,
                                                                VkExtensionProperties *properties)
{
    (void)layer;
    return give_extensions(false, count, properties);
}

VkResult VKAPI_CALL null_vkEnumerateDeviceExtensionProperties(VkPhysicalDevice device,
                                                              const char *layer, uint32_t *count,
                                                              VkExtensionProperties *properties)
{
    (void)device, (void)layer;
    return give_extensions(true, count, properties);
}

VkResult VKAPI_CALL null_vkEnumerateInstanceLayerProperties(uint32_t *count,
                                                            VkLayerProperties *properties)
{
    (void)properties;
    *count = 0;
    return VK_SUCCESS;
}

VkResult VKAPI_CALL null_vkEnumerateDeviceLayerProperties(VkPhysicalDevice device, uint32_t *count,
                                                          VkLayerProperties *properties)
{
    (void)device;
    return null_vkEnumerateInstanceLayerProperties(count, properties);
}

VkResult VKAPI_CALL null_vkCreateInstance(const VkInstanceCreateInfo *info,
                                          const VkAllocationCallbacks *allocator,
                                          VkInstance *instance)
{
    null_lock();
    if (null.walk)
        null_walk_vkCreateInstance(info, allocator, instance);
    if (null_fails()) {
        null_unlock();
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    *instance = (VkInstance)(uintptr_t)null_create("VkInstance", 0);
    null_create("VkPhysicalDevice", NULL_HANDLE(*instance));
    null_unlock();
    return VK_SUCCESS;
}

static VkPhysicalDevice physical_device(VkInstance instance)
{
    null_lock();
    const struct object *o = *find(NULL_HANDLE(instance));
    o = o ? o->first_child : NULL;
    while (o && strcmp(o->type, "VkPhysicalDevice") != 0)
        o = o->next;
    null_unlock();
    return (VkPhysicalDevice)(uintptr_t)o;
}

VkResult VKAPI_CALL null_vkEnumeratePhysicalDevices(VkInstance instance, uint32_t *count,
                                                    VkPhysicalDevice *devices)
{
    const VkPhysicalDevice device = physical_device(instance);
    return give_array(count, devices, &device, 1, sizeof(device));
}

VkResult VKAPI_CALL null_vkEnumeratePhysicalDeviceGroups(VkInstance instance, uint32_t *count,
                                                         VkPhysicalDeviceGroupProperties *groups)
{
    if (!groups || !*count) {
        *count = groups ? 0 : 1;
        return groups ? VK_INCOMPLETE : VK_SUCCESS;
    }
    groups->physicalDeviceCount = 1;
    groups->physicalDevices[0] = physical_device(instance);
    groups->subsetAllocation = VK_FALSE;
    *count = 1;
    return VK_SUCCESS;
}

/* ---- physical device ---- */

void VKAPI_CALL null_vkGetPhysicalDeviceProperties(VkPhysicalDevice device,
                                                   VkPhysicalDeviceProperties *properties)
{
    (void)device;
    memset(properties, 0, sizeof(*properties));
    properties->apiVersion = VK_HEADER_VERSION_COMPLETE;
    properties->driverVersion = 1;
    properties->deviceType = VK_PHYSICAL_DEVICE_TYPE_CPU;
    snprintf(properties->deviceName, sizeof(properties->deviceName), "null");
    properties->limits.maxImageDimension2D = 16384;
    properties->limits.maxMemoryAllocationCount = 1u << 20;
    properties->limits.minMemoryMapAlignment = 4096;
    properties->limits.nonCoherentAtomSize = 64;
    properties->limits.maxBoundDescriptorSets = 8;
    properties->limits.timestampPeriod = 1.0f;
}

void VKAPI_CALL null_vkGetPhysicalDeviceProperties2(VkPhysicalDevice device,
                                                    VkPhysicalDeviceProperties2 *properties)
{
    null_vkGetPhysicalDeviceProperties(device, &properties->properties);
    for (VkBaseOutStructure *s = properties->pNext; s; s = s->pNext) {
        void *p = s;
        if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT)
            ((VkPhysicalDeviceExternalMemoryHostPropertiesEXT *)p)
                ->minImportedHostPointerAlignment = 4096;
        else if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES)
            memcpy(((VkPhysicalDeviceIDProperties *)p)->deviceUUID, "null driver's id", VK_UUID_SIZE);
    }
}

void VKAPI_CALL null_vkGetPhysicalDeviceQueueFamilyProperties(VkPhysicalDevice device,
                                                              uint32_t *count,
                                                              VkQueueFamilyProperties *properties)
{
    static const VkQueueFamilyProperties families[] = {
        {.queueFlags = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT | VK_QUEUE_TRANSFER_BIT |
                       VK_QUEUE_SPARSE_BINDING_BIT,
         .queueCount = 4,
         .timestampValidBits = 64,
         .minImageTransferGranularity = {1, 1, 1}},
        {.queueFlags = VK_QUEUE_TRANSFER_BIT, .queueCount = 2},
    };
    (void)device;
    give_array(count, properties, families, 2, sizeof(families[0]));
}

void VKAPI_CALL null_vkGetPhysicalDeviceQueueFamilyProperties2(VkPhysicalDevice device,
                                                               uint32_t *count,
                                                               VkQueueFamilyProperties2 *properties)
{
    VkQueueFamilyProperties families[2];
    uint32_t n = 2;
    null_vkGetPhysicalDeviceQueueFamilyProperties(device, &n, families);
    if (properties && *count < n)
        n = *count;
    for (uint32_t i = 0; properties && i < n; i++)
        properties[i].queueFamilyProperties = families[i];
    *count = n;
}

void VKAPI_CALL null_vkGetPhysicalDeviceMemoryProperties(VkPhysicalDevice device,
                                                         VkPhysicalDeviceMemoryProperties *p)
{
    (void)device;
    memset(p, 0, sizeof(*p));
    p->memoryHeapCount = 1;
    p->memoryHeaps[0].size = 1ull << 32;
    p->memoryHeaps[0].flags = VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;
    p->memoryTypeCount = null.unified ? 1 : 2;
    p->memoryTypes[0].propertyFlags =
        VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
        VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    p->memoryTypes[1].propertyFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
}

void VKAPI_CALL null_vkGetPhysicalDeviceMemoryProperties2(VkPhysicalDevice device,
                                                          VkPhysicalDeviceMemoryProperties2 *p)
{
    null_vkGetPhysicalDeviceMemoryProperties(device, &p->memoryProperties);
}

VkResult VKAPI_CALL null_vkGetPhysicalDeviceImageFormatProperties2(
    VkPhysicalDevice device, const VkPhysicalDeviceImageFormatInfo2 *info,
    VkImageFormatProperties2 *properties)
{
    null_lock();
    if (null.walk)
        null_walk_vkGetPhysicalDeviceImageFormatProperties2(device, info, properties);
    const bool fails = null_fails();
    null_unlock();
    if (fails)
        return VK_ERROR_FORMAT_NOT_SUPPORTED;
    properties->imageFormatProperties = (VkImageFormatProperties){
        .maxExtent = {16384, 16384, 2048},
        .maxMipLevels = 15,
        .maxArrayLayers = 2048,
        .sampleCounts = VK_SAMPLE_COUNT_1_BIT | VK_SAMPLE_COUNT_4_BIT,
        .maxResourceSize = 1u << 31,
    };
    for (VkBaseOutStructure *s = properties->pNext; s; s = s->pNext)
        if (s->sType == VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES)
            ((VkExternalImageFormatProperties *)(void *)s)
                ->externalMemoryProperties.externalMemoryFeatures =
                VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT |
                (null.dma_buf ? VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT : 0);
    return VK_SUCCESS;
}

void VKAPI_CALL null_vkGetPhysicalDeviceExternalBufferProperties(
    VkPhysicalDevice device, const VkPhysicalDeviceExternalBufferInfo *info,
    VkExternalBufferProperties *properties)
{
    (void)device;
    VkExternalMemoryFeatureFlags features = VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT;
    if (null.dma_buf)
        features |= VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT;
    properties->externalMemoryProperties =
        (VkExternalMemoryProperties){features, (VkFlags)info->handleType, (VkFlags)info->handleType};
}

void VKAPI_CALL null_vkGetPhysicalDeviceExternalSemaphoreProperties(
    VkPhysicalDevice device, const VkPhysicalDeviceExternalSemaphoreInfo *info,
    VkExternalSemaphoreProperties *properties)
{
    (void)device;
    if (info->handleType != VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT)
        return;
    properties->exportFromImportedHandleTypes = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT;
    properties->compatibleHandleTypes = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT;
    properties->externalSemaphoreFeatures = VK_EXTERNAL_SEMAPHORE_FEATURE_EXPORTABLE_BIT |
                                            VK_EXTERNAL_SEMAPHORE_FEATURE_IMPORTABLE_BIT;
}

void VKAPI_CALL null_vkGetPhysicalDeviceExternalFenceProperties(
    VkPhysicalDevice device, const VkPhysicalDeviceExternalFenceInfo *info,
    VkExternalFenceProperties *properties)
{
    (void)device;
    if (info->handleType != VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT)
        return;
    properties->exportFromImportedHandleTypes = VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT;
    properties->compatibleHandleTypes = VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT;
    properties->externalFenceFeatures = VK_EXTERNAL_FENCE_FEATURE_EXPORTABLE_BIT |
                                        VK_EXTERNAL_FENCE_FEATURE_IMPORTABLE_BIT;
}

/* ---- device ---- */

#define QUEUES_PER_FAMILY 4u

VkResult VKAPI_CALL null_vkCreateDevice(VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
                                        const VkAllocationCallbacks *allocator, VkDevice *device)
{
    null_lock();
    if (null.walk)
        null_walk_vkCreateDevice(physical, info, allocator, device);
    if (null_fails()) {
        null_unlock();
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    *device = (VkDevice)(uintptr_t)null_create("VkDevice", 0);
    for (uint32_t i = 0; i < 2 * QUEUES_PER_FAMILY; i++)
        null_create("VkQueue", NULL_HANDLE(*device));
    null_unlock();
    return VK_SUCCESS;
}

static VkQueue device_queue(VkDevice device, uint32_t family, uint32_t index)
{
    null_lock();
    /* children are in reverse order of creation, queues at the end */
    const struct object *o = *find(NULL_HANDLE(device));
    o = o ? o->first_child : NULL;
    while (o && strcmp(o->type, "VkQueue") != 0)
        o = o->next;
    for (uint32_t i = family * QUEUES_PER_FAMILY + index; o && i; i--)
        o = o->next;
    null_unlock();
    return (VkQueue)(uintptr_t)o;
}

void VKAPI_CALL null_vkGetDeviceQueue(VkDevice device, uint32_t family, uint32_t index,
                                      VkQueue *queue)
{
    *queue = device_queue(device, family, index);
}

void VKAPI_CALL null_vkGetDeviceQueue2(VkDevice device, const VkDeviceQueueInfo2 *info,
                                       VkQueue *queue)
{
    *queue = device_queue(device, info->queueFamilyIndex, info->queueIndex);
}

VkResult VKAPI_CALL null_vkAllocateMemory(VkDevice device, const VkMemoryAllocateInfo *info,
                                          const VkAllocationCallbacks *allocator,
                                          VkDeviceMemory *memory)
{
    null_lock();
    if (null.walk)
        null_walk_vkAllocateMemory(device, info, allocator, memory);
    if (null_fails()) {
        null_unlock();
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    }
    *memory = (VkDeviceMemory)(uintptr_t)null_create("VkDeviceMemory", NULL_HANDLE(device));
    null_unlock();
    /* an imported file is the driver's from now on */
    for (const VkBaseInStructure *s = info->pNext; s; s = s->pNext)
        if (s->sType == VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR)
            close(((const VkImportMemoryFdInfoKHR *)(const void *)s)->fd);
    return VK_SUCCESS;
}

VkResult VKAPI_CALL null_vkGetMemoryHostPointerPropertiesEXT(
    VkDevice device, VkExternalMemoryHandleTypeFlagBits type, const void *pointer,
    VkMemoryHostPointerPropertiesEXT *properties)
{
    (void)device, (void)type, (void)pointer;
    properties->memoryTypeBits = 1;
    return VK_SUCCESS;
}

VkResult VKAPI_CALL null_vkGetMemoryFdPropertiesKHR(VkDevice device,
                                                    VkExternalMemoryHandleTypeFlagBits type, int fd,
                                                    VkMemoryFdPropertiesKHR *properties)
{
    (void)device, (void)type, (void)fd;
    properties->memoryTypeBits = 1;
    return VK_SUCCESS;
}

VkResult VKAPI_CALL null_vkGetMemoryFdKHR(VkDevice device, const VkMemoryGetFdInfoKHR *info, int *fd)
{
    (void)device, (void)info;
    *fd = memfd_create("null", MFD_CLOEXEC);
    if (*fd < 0 || ftruncate(*fd, 65536) != 0)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    return VK_SUCCESS;
}

/* An fd of -1 means a payload that is signalled already. */
VkResult VKAPI_CALL null_vkGetFenceFdKHR(VkDevice device, const VkFenceGetFdInfoKHR *info, int *fd)
{
    (void)device, (void)info;
    *fd = -1;
    return VK_SUCCESS;
}

VkResult VKAPI_CALL null_vkGetSemaphoreFdKHR(VkDevice device, const VkSemaphoreGetFdInfoKHR *info,
                                             int *fd)
{
    (void)device, (void)info;
    *fd = -1;
    return VK_SUCCESS;
}

VkResult VKAPI_CALL null_vkMapMemory(VkDevice device, VkDeviceMemory memory, VkDeviceSize offset,
                                     VkDeviceSize size, VkMemoryMapFlags flags, void **data)
{
    (void)device, (void)memory, (void)offset, (void)size, (void)flags, (void)data;
    return VK_ERROR_MEMORY_MAP_FAILED;
}

static VkMemoryRequirements some_requirements(void)
{
    return (VkMemoryRequirements){
        .size = 65536, .alignment = 256, .memoryTypeBits = null.unified ? 1 : 3};
}

void VKAPI_CALL null_vkGetBufferMemoryRequirements(VkDevice device, VkBuffer buffer,
                                                   VkMemoryRequirements *requirements)
{
    null_lock();
    if (null.walk)
        null_walk_vkGetBufferMemoryRequirements(device, buffer, requirements);
    null_unlock();
    *requirements = some_requirements();
}

void VKAPI_CALL null_vkGetImageMemoryRequirements(VkDevice device, VkImage image,
                                                  VkMemoryRequirements *requirements)
{
    null_lock();
    if (null.walk)
        null_walk_vkGetImageMemoryRequirements(device, image, requirements);
    null_unlock();
    *requirements = some_requirements();
}

#define REQUIREMENTS2(command, info_type)                                                          \
    void VKAPI_CALL null_##command(VkDevice device, const info_type *info,                         \
                                   VkMemoryRequirements2 *requirements)                            \
    {                                                                                              \
        null_lock();                                                                               \
        if (null.walk)                                                                             \
            null_walk_##command(device, info, requirements);                                       \
        null_unlock();                                                                             \
        requirements->memoryRequirements = some_requirements();                                      \
    }

REQUIREMENTS2(vkGetBufferMemoryRequirements2, VkBufferMemoryRequirementsInfo2)
REQUIREMENTS2(vkGetImageMemoryRequirements2, VkImageMemoryRequirementsInfo2)
REQUIREMENTS2(vkGetDeviceBufferMemoryRequirements, VkDeviceBufferMemoryRequirements)
REQUIREMENTS2(vkGetDeviceImageMemoryRequirements, VkDeviceImageMemoryRequirements)
