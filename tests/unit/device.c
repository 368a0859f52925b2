/* SPDX-License-Identifier: MIT */
/*
 * Devices, buffers and images, with a driver that notes what it is asked for: what clients may not
 * ask for, what we add for ourselves, and what is left when a device ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "internal.h"
#include "modifier.h"
#include "pnext.h"

#define HOST_ALLOCATION VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT
#define DMA_BUF         VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT

/* Client types of the driver below, which has one type. */
enum { TYPE_LOCAL, TYPE_VISIBLE };

/* ---- the driver ---- */

static struct {
    VkResult fail;
    int devices, buffers, images, waits; /* the first three: alive */
    uint32_t extension_count;
    const char *extensions[16];
    unsigned buffer_questions;
    bool buffers_importable, images_importable;
    /* Of the last buffer or image. */
    VkExternalMemoryHandleTypeFlags external;
    VkImageTiling tiling;
    bool modifier_structs;
} driver;

static const char *const host_extensions[] = {
    "VK_EXT_device_fault",
    "VK_EXT_external_memory_host",
    "VK_KHR_external_fence_fd",
    "VK_KHR_shader_clock",
};

static VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice gpu,
                                                    const VkDeviceCreateInfo *info,
                                                    const VkAllocationCallbacks *allocator,
                                                    VkDevice *device)
{
    (void)gpu;
    (void)allocator;
    if (driver.fail)
        return driver.fail;
    assert_in_range(info->enabledExtensionCount, 0, 16);
    driver.extension_count = info->enabledExtensionCount;
    for (uint32_t i = 0; i < info->enabledExtensionCount; i++) {
        for (size_t k = 0; k < sizeof(host_extensions) / sizeof(host_extensions[0]); k++) {
            if (strcmp(host_extensions[k], info->ppEnabledExtensionNames[i]) == 0)
                driver.extensions[i] = host_extensions[k];
        }
        assert_non_null(driver.extensions[i]); /* nothing that the host lacks */
    }
    assert_int_equal(info->enabledLayerCount, 0);
    const VkPhysicalDeviceFaultFeaturesEXT *fault =
        venus_pnext_find(info->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FAULT_FEATURES_EXT);
    assert_true(fault && fault->deviceFault);
    driver.devices++;
    *device = (VkDevice)(uintptr_t)0x100;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL destroy_device(VkDevice device,
                                                 const VkAllocationCallbacks *allocator)
{
    (void)device;
    (void)allocator;
    assert_int_equal(driver.buffers, 0);
    assert_int_equal(driver.images, 0);
    driver.devices--;
}

static VKAPI_ATTR VkResult VKAPI_CALL device_wait_idle(VkDevice device)
{
    (void)device;
    driver.waits++;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL get_device_queue(VkDevice device, uint32_t family, uint32_t index,
                                                   VkQueue *queue)
{
    (void)device;
    *queue = (VkQueue)(uintptr_t)(0x200 + family * 16 + index);
}

static uint64_t next_handle;

static VKAPI_ATTR VkResult VKAPI_CALL create_buffer(VkDevice device, const VkBufferCreateInfo *info,
                                                    const VkAllocationCallbacks *allocator,
                                                    VkBuffer *buffer)
{
    (void)device;
    (void)allocator;
    const VkExternalMemoryBufferCreateInfo *external = venus_pnext_find(
        info->pNext, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO);
    driver.external = external ? external->handleTypes : 0;
    if (driver.fail)
        return driver.fail;
    driver.buffers++;
    *buffer = (VkBuffer)(uintptr_t)++next_handle;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL destroy_buffer(VkDevice device, VkBuffer buffer,
                                                 const VkAllocationCallbacks *allocator)
{
    (void)device;
    (void)buffer;
    (void)allocator;
    driver.buffers--;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_image(VkDevice device, const VkImageCreateInfo *info,
                                                   const VkAllocationCallbacks *allocator,
                                                   VkImage *image)
{
    (void)device;
    (void)allocator;
    const VkExternalMemoryImageCreateInfo *external =
        venus_pnext_find(info->pNext, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO);
    driver.external = external ? external->handleTypes : 0;
    driver.tiling = info->tiling;
    driver.modifier_structs =
        venus_pnext_find(info->pNext,
                         VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_LIST_CREATE_INFO_EXT) ||
        venus_pnext_find(info->pNext,
                         VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_EXPLICIT_CREATE_INFO_EXT);
    if (driver.fail)
        return driver.fail;
    driver.images++;
    *image = (VkImage)(uintptr_t)++next_handle;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL destroy_image(VkDevice device, VkImage image,
                                                const VkAllocationCallbacks *allocator)
{
    (void)device;
    (void)image;
    (void)allocator;
    driver.images--;
}

static VKAPI_ATTR void VKAPI_CALL buffer_requirements(VkDevice device, VkBuffer buffer,
                                                      VkMemoryRequirements *requirements)
{
    (void)device;
    (void)buffer;
    requirements->memoryTypeBits = 1;
}

static VKAPI_ATTR void VKAPI_CALL image_requirements(VkDevice device, VkImage image,
                                                     VkMemoryRequirements *requirements)
{
    (void)device;
    (void)image;
    requirements->memoryTypeBits = 1;
}

static VKAPI_ATTR void VKAPI_CALL subresource_layout(VkDevice device, VkImage image,
                                                     const VkImageSubresource *subresource,
                                                     VkSubresourceLayout *layout)
{
    (void)device;
    (void)image;
    assert_int_equal(subresource->aspectMask, VK_IMAGE_ASPECT_COLOR_BIT);
    *layout = (VkSubresourceLayout){ .rowPitch = 256 };
}

static VKAPI_ATTR void VKAPI_CALL external_buffer_properties(
    VkPhysicalDevice gpu, const VkPhysicalDeviceExternalBufferInfo *info,
    VkExternalBufferProperties *properties)
{
    (void)gpu;
    driver.buffer_questions++;
    properties->externalMemoryProperties.externalMemoryFeatures =
        driver.buffers_importable && info->handleType == HOST_ALLOCATION
            ? VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT
            : 0;
}

static VKAPI_ATTR VkResult VKAPI_CALL image_format_properties(
    VkPhysicalDevice gpu, const VkPhysicalDeviceImageFormatInfo2 *info,
    VkImageFormatProperties2 *properties)
{
    (void)gpu;
    assert_int_not_equal(info->tiling, VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT);
    const VkPhysicalDeviceExternalImageFormatInfo *asked = venus_pnext_find(
        info->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO);
    VkExternalImageFormatProperties *answer = venus_pnext_find(
        properties->pNext, VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES);
    if (asked && asked->handleType != HOST_ALLOCATION)
        return VK_ERROR_FORMAT_NOT_SUPPORTED;
    if (asked && answer)
        answer->externalMemoryProperties.externalMemoryFeatures =
            driver.images_importable ? VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT : 0;
    properties->imageFormatProperties = (VkImageFormatProperties){
        .maxExtent = { 64, 64, 1 },
        .maxMipLevels = 1,
        .maxArrayLayers = 1,
        .sampleCounts = VK_SAMPLE_COUNT_1_BIT,
    };
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL format_properties(VkPhysicalDevice gpu, VkFormat format,
                                                    VkFormatProperties2 *properties)
{
    (void)gpu;
    (void)format;
    properties->formatProperties.linearTilingFeatures = VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_proc_addr(VkDevice device,
                                                                     const char *name)
{
    static const struct {
        const char *name;
        PFN_vkVoidFunction function;
    } functions[] = {
        { "vkDestroyDevice", (PFN_vkVoidFunction)destroy_device },
        { "vkDeviceWaitIdle", (PFN_vkVoidFunction)device_wait_idle },
        { "vkGetDeviceQueue", (PFN_vkVoidFunction)get_device_queue },
        { "vkCreateBuffer", (PFN_vkVoidFunction)create_buffer },
        { "vkDestroyBuffer", (PFN_vkVoidFunction)destroy_buffer },
        { "vkCreateImage", (PFN_vkVoidFunction)create_image },
        { "vkDestroyImage", (PFN_vkVoidFunction)destroy_image },
        { "vkGetBufferMemoryRequirements", (PFN_vkVoidFunction)buffer_requirements },
        { "vkGetImageMemoryRequirements", (PFN_vkVoidFunction)image_requirements },
        { "vkGetImageSubresourceLayout", (PFN_vkVoidFunction)subresource_layout },
    };
    (void)device;
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (strcmp(functions[i].name, name) == 0)
            return functions[i].function;
    }
    return NULL;
}

/* ---- a context with one GPU, and a device when the test wants one ---- */

struct fixture {
    struct venus_renderer *renderer;
    struct venus_context *context;
    struct venus_decoder *d;
    struct venus_instance instance;
    struct venus_physical_device gpu;
    VkQueueFamilyProperties families[2];
    VkExtensionProperties extensions[4];
    struct venus_object *gpu_object, *object;
};

static int setup(void **state)
{
    static const struct venus_renderer_params params;
    static const struct venus_context_events events;
    VkPhysicalDeviceMemoryProperties host = { .memoryTypeCount = 1, .memoryHeapCount = 1 };
    host.memoryTypes[0].propertyFlags =
        VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
        VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;

    memset(&driver, 0, sizeof(driver));
    driver.buffers_importable = driver.images_importable = true;
    struct fixture *f = calloc(1, sizeof(*f));
    f->renderer = venus_renderer_create(&params);
    f->context = venus_context_create(f->renderer, "test", &events, NULL);
    f->instance.vk.CreateDevice = create_device;
    f->instance.vk.GetDeviceProcAddr = get_device_proc_addr;
    f->instance.vk.GetPhysicalDeviceExternalBufferProperties = external_buffer_properties;
    f->instance.vk.GetPhysicalDeviceImageFormatProperties2 = image_format_properties;
    f->instance.vk.GetPhysicalDeviceFormatProperties2 = format_properties;
    f->gpu.instance = &f->instance;
    f->gpu.queue_families = f->families;
    f->gpu.queue_family_count = 2;
    f->families[0].queueCount = 4;
    f->families[1].queueCount = 1;
    f->gpu.extensions = f->extensions;
    f->gpu.extension_count = 4;
    for (size_t i = 0; i < 4; i++) {
        strcpy(f->extensions[i].extensionName, host_extensions[i]);
        f->extensions[i].specVersion = 1;
    }
    venus_memory_types_init(&f->gpu.memory, &host, VENUS_MEMORY_HOST_IMPORT, 1, 4096);
    f->d = &f->context->virtqueue;
    *state = f;
    return venus_object_add(&f->context->objects, VENUS_OBJECT_PhysicalDevice, 1, 1, NULL, NULL,
                            &f->gpu, &f->gpu_object) == VENUS_OBJECT_OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    venus_object_remove(&f->context->objects, VENUS_OBJECT_PhysicalDevice, 1, NULL, NULL);
    venus_context_destroy(f->context);
    venus_renderer_destroy(f->renderer);
    free(f);
    return driver.devices || driver.buffers || driver.images ? -1 : 0;
}

static const float priorities[8];

static VkDeviceQueueCreateInfo queues(uint32_t family, uint32_t count)
{
    return (VkDeviceQueueCreateInfo){
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = family,
        .queueCount = count,
        .pQueuePriorities = priorities,
    };
}

static VkResult create_with(struct fixture *f, uint64_t id, uint32_t count,
                            const VkDeviceQueueCreateInfo *infos, uint32_t extension_count,
                            const char *const *extensions)
{
    const VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .queueCreateInfoCount = count,
        .pQueueCreateInfos = infos,
        .enabledExtensionCount = extension_count,
        .ppEnabledExtensionNames = extensions,
    };
    VkDevice device;
    struct venus_vkCreateDevice args = {
        .pCreateInfo = &info,
        .pDevice = &device,
        .ret = VK_ERROR_UNKNOWN,
        .first = f->gpu_object,
        .pDevice_ids = &id,
    };
    f->d->device = NULL;
    venus_handle_vkCreateDevice(f->d, &args);
    f->object = venus_object_find(&f->context->objects, id);
    f->d->device = f->object ? f->object->data : NULL;
    return args.ret;
}

static int setup_device(void **state)
{
    const VkDeviceQueueCreateInfo one = queues(0, 1);
    return setup(state) || create_with(*state, 2, 1, &one, 0, NULL) != VK_SUCCESS ? -1 : 0;
}

static void destroy(struct fixture *f)
{
    struct venus_vkDestroyDevice args = { .first = f->object };
    venus_handle_vkDestroyDevice(f->d, &args);
}

/* ---- devices ---- */

static void test_queues_are_checked(void **state)
{
    struct fixture *f = *state;
    const VkDeviceQueueCreateInfo bad[][2] = {
        { queues(2, 1), queues(0, 1) },          /* no such family */
        { queues(UINT32_MAX, 1), queues(0, 1) },
        { queues(0, 0), queues(1, 1) },          /* none */
        { queues(0, 5), queues(1, 1) },          /* too many */
        { queues(0, UINT32_MAX), queues(1, 1) },
        { queues(0, 1), queues(0, 1) },          /* twice */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(create_with(f, 2, 2, bad[i], 0, NULL), VK_ERROR_INITIALIZATION_FAILED);
    assert_int_equal(create_with(f, 2, 0, NULL, 0, NULL), VK_ERROR_INITIALIZATION_FAILED);
    VkDeviceQueueCreateInfo two[2] = { queues(0, 3), queues(0, 2) };
    two[1].flags = VK_DEVICE_QUEUE_CREATE_PROTECTED_BIT;
    assert_int_equal(create_with(f, 2, 2, two, 0, NULL), VK_ERROR_INITIALIZATION_FAILED);
    two[0].pQueuePriorities = NULL;
    assert_int_equal(create_with(f, 2, 1, two, 0, NULL), VK_ERROR_INITIALIZATION_FAILED);
    assert_int_equal(driver.devices, 0);
    assert_null(f->object);

    const VkDeviceQueueCreateInfo good[2] = { queues(1, 1), queues(0, 4) };
    assert_int_equal(create_with(f, 2, 2, good, 0, NULL), VK_SUCCESS);
    const struct venus_device *device = f->object->data;
    assert_int_equal(device->queue_count, 5);
    assert_int_equal((uintptr_t)device->queues[4].handle, 0x203);
    assert_ptr_equal(f->object->device, device);
}

static void test_extensions(void **state)
{
    struct fixture *f = *state;
    const VkDeviceQueueCreateInfo one = queues(0, 1);
    static const char *const unknown[] = { "VK_FOO_bar" }, *const ours[] = {
        "VK_KHR_external_semaphore_fd", "VK_KHR_shader_clock", "VK_KHR_shader_clock",
    }, *const hidden[] = { "VK_EXT_external_memory_host" }, *const missing[] = {
        "VK_KHR_push_descriptor",
    };
    assert_int_equal(create_with(f, 2, 1, &one, 1, unknown), VK_ERROR_EXTENSION_NOT_PRESENT);
    assert_int_equal(create_with(f, 2, 1, &one, 1, hidden), VK_ERROR_EXTENSION_NOT_PRESENT);
    assert_int_equal(create_with(f, 2, 1, &one, 1, missing), VK_ERROR_EXTENSION_NOT_PRESENT);
    assert_int_equal(driver.devices, 0);
    /* What we do ourselves is not the driver's, and what we need is there without being asked. */
    assert_int_equal(create_with(f, 2, 1, &one, 3, ours), VK_SUCCESS);
    assert_int_equal(driver.extension_count, 4);
}

static void test_failure_of_the_driver(void **state)
{
    struct fixture *f = *state;
    const VkDeviceQueueCreateInfo one = queues(0, 1);
    driver.fail = VK_ERROR_FEATURE_NOT_PRESENT;
    assert_int_equal(create_with(f, 2, 1, &one, 0, NULL), VK_ERROR_FEATURE_NOT_PRESENT);
    assert_null(f->object);
    driver.fail = VK_SUCCESS;
    create_with(f, 1, 1, &one, 0, NULL); /* the id is the GPU's */
    assert_true(venus_context_is_fatal(f->context));
    assert_int_equal(driver.devices, 0);
}

static VkResult make_buffer(struct fixture *f, uint64_t id, VkBufferUsageFlags usage,
                            const void *chain)
{
    const VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .pNext = chain,
        .size = 100,
        .usage = usage,
    };
    VkBuffer buffer = VK_NULL_HANDLE;
    struct venus_vkCreateBuffer args = {
        .pCreateInfo = &info,
        .pBuffer = &buffer,
        .ret = VK_ERROR_UNKNOWN,
        .first = f->object,
        .pBuffer_ids = &id,
    };
    venus_handle_vkCreateBuffer(f->d, &args);
    return args.ret;
}

static void test_destruction(void **state)
{
    struct fixture *f = *state;
    struct venus_device *device = f->object->data;
    assert_int_equal(make_buffer(f, 10, 1, NULL), VK_SUCCESS);
    assert_int_equal(make_buffer(f, 11, 1, NULL), VK_SUCCESS);
    destroy(f);
    assert_int_equal(driver.devices, 0);
    assert_int_equal(driver.waits, 1);
    for (uint64_t id = 2; id < 12; id++)
        assert_null(venus_object_find(&f->context->objects, id));
    /* Its record serves the next device, and a late end of the old one does it no harm. */
    const VkDeviceQueueCreateInfo one = queues(0, 1);
    assert_int_equal(create_with(f, 2, 1, &one, 0, NULL), VK_SUCCESS);
    assert_ptr_equal(f->object->data, device);
    const VkDeviceQueueCreateInfo four = queues(0, 4);
    assert_int_equal(create_with(f, 3, 1, &four, 0, NULL), VK_SUCCESS);
    assert_ptr_not_equal(f->object->data, device);
    assert_int_equal(driver.devices, 2);
    venus_device_teardown(device);
    venus_device_teardown(device);
    assert_int_equal(driver.devices, 1);
    assert_non_null(venus_object_find(&f->context->objects, 3));
}

/* ---- buffers ---- */

static uint32_t buffer_types(struct fixture *f, uint64_t id)
{
    VkMemoryRequirements requirements = { 0 };
    struct venus_object *object = venus_object_find(&f->context->objects, id);
    struct venus_vkGetBufferMemoryRequirements args = {
        .buffer = (VkBuffer)(uintptr_t)object->handle,
        .pMemoryRequirements = &requirements,
        .first = f->object,
        .buffer_object = object,
    };
    venus_handle_vkGetBufferMemoryRequirements(f->d, &args);
    return requirements.memoryTypeBits;
}

static void test_buffers(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(make_buffer(f, 10, 3, NULL), VK_SUCCESS);
    assert_int_equal(driver.external, HOST_ALLOCATION);
    assert_int_equal(buffer_types(f, 10), 1u << TYPE_LOCAL | 1u << TYPE_VISIBLE);
    /* The driver is asked once for each kind. */
    assert_int_equal(make_buffer(f, 11, 3, NULL), VK_SUCCESS);
    assert_int_equal(driver.buffer_questions, 1);
    driver.buffers_importable = false;
    assert_int_equal(make_buffer(f, 12, 7, NULL), VK_SUCCESS);
    assert_int_equal(driver.buffer_questions, 2);
    assert_int_equal(driver.external, 0);
    assert_int_equal(buffer_types(f, 12), 1u << TYPE_LOCAL);
    assert_int_equal(buffer_types(f, 11), 1u << TYPE_LOCAL | 1u << TYPE_VISIBLE);

    VkExternalMemoryBufferCreateInfo external = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
    };
    assert_int_equal(make_buffer(f, 13, 3, &external), VK_SUCCESS);
    assert_int_equal(driver.external, HOST_ALLOCATION);
    /* dma-bufs of a driver that has them cannot be mixed with our pages. */
    external.handleTypes = DMA_BUF;
    assert_int_equal(make_buffer(f, 14, 3, &external), VK_SUCCESS);
    assert_int_equal(driver.external, DMA_BUF);
    assert_int_equal(buffer_types(f, 14), 1u << TYPE_LOCAL);
    f->gpu.own_dma_bufs = true;
    assert_int_equal(make_buffer(f, 15, 3, &external), VK_SUCCESS);
    assert_int_equal(driver.external, HOST_ALLOCATION);
    assert_int_equal(buffer_types(f, 15), 1u << TYPE_LOCAL | 1u << TYPE_VISIBLE);

    driver.fail = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    assert_int_equal(make_buffer(f, 16, 3, NULL), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_null(venus_object_find(&f->context->objects, 16));
    driver.fail = VK_SUCCESS;
    make_buffer(f, 15, 3, NULL); /* the id is in use */
    assert_true(venus_context_is_fatal(f->context));
    assert_int_equal(driver.buffers, 6);
}

/* ---- images ---- */

static VkResult make_image(struct fixture *f, uint64_t id, VkImageTiling tiling,
                           VkImageLayout layout, const void *chain)
{
    const VkImageCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .pNext = chain,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = VK_FORMAT_R8G8B8A8_UNORM,
        .extent = { 64, 64, 1 },
        .mipLevels = 1,
        .arrayLayers = 1,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .tiling = tiling,
        .usage = VK_IMAGE_USAGE_SAMPLED_BIT,
        .initialLayout = layout,
    };
    VkImage image = VK_NULL_HANDLE;
    struct venus_vkCreateImage args = {
        .pCreateInfo = &info,
        .pImage = &image,
        .ret = VK_ERROR_UNKNOWN,
        .first = f->object,
        .pImage_ids = &id,
    };
    venus_handle_vkCreateImage(f->d, &args);
    return args.ret;
}

static uint32_t image_types(struct fixture *f, uint64_t id)
{
    VkMemoryRequirements requirements = { 0 };
    struct venus_object *object = venus_object_find(&f->context->objects, id);
    struct venus_vkGetImageMemoryRequirements args = {
        .image = (VkImage)(uintptr_t)object->handle,
        .pMemoryRequirements = &requirements,
        .first = f->object,
        .image_object = object,
    };
    venus_handle_vkGetImageMemoryRequirements(f->d, &args);
    return requirements.memoryTypeBits;
}

static void test_images(void **state)
{
    struct fixture *f = *state;
    const VkImageLayout undefined = VK_IMAGE_LAYOUT_UNDEFINED;
    assert_int_equal(make_image(f, 10, VK_IMAGE_TILING_OPTIMAL, undefined, NULL), VK_SUCCESS);
    assert_int_equal(driver.external, 0);
    assert_int_equal(image_types(f, 10), 1u << TYPE_LOCAL);
    assert_int_equal(make_image(f, 11, VK_IMAGE_TILING_LINEAR, undefined, NULL), VK_SUCCESS);
    assert_int_equal(driver.external, HOST_ALLOCATION);
    assert_int_equal(image_types(f, 11), 1u << TYPE_LOCAL | 1u << TYPE_VISIBLE);
    assert_int_equal(image_types(f, 10), 1u << TYPE_LOCAL);
    /* What the client writes before the first use must stay, so external memory is not for it. */
    assert_int_equal(
        make_image(f, 12, VK_IMAGE_TILING_LINEAR, VK_IMAGE_LAYOUT_PREINITIALIZED, NULL),
        VK_SUCCESS);
    assert_int_equal(driver.external, 0);
    assert_int_equal(image_types(f, 12), 1u << TYPE_LOCAL | 1u << TYPE_VISIBLE);
    driver.images_importable = false;
    assert_int_equal(make_image(f, 13, VK_IMAGE_TILING_LINEAR, undefined, NULL), VK_SUCCESS);
    assert_int_equal(driver.external, 0);
    assert_int_equal(image_types(f, 13), 1u << TYPE_LOCAL);
    driver.fail = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    assert_int_equal(make_image(f, 14, VK_IMAGE_TILING_OPTIMAL, undefined, NULL),
                     VK_ERROR_OUT_OF_DEVICE_MEMORY);
    driver.fail = VK_SUCCESS;
    make_image(f, 13, VK_IMAGE_TILING_OPTIMAL, undefined, NULL); /* the id is in use */
    assert_true(venus_context_is_fatal(f->context));
    assert_int_equal(driver.images, 4);
}

/* ---- modifiers of our own ---- */

static const VkImageTiling with_modifier = VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT;

static void test_images_with_a_modifier(void **state)
{
    struct fixture *f = *state;
    f->gpu.own_dma_bufs = true;
    const uint64_t modifiers[] = { 0x100000000000001, 0 };
    VkExternalMemoryImageCreateInfo external = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
        .handleTypes = DMA_BUF,
    };
    VkImageDrmFormatModifierListCreateInfoEXT list = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_LIST_CREATE_INFO_EXT,
        .pNext = &external,
        .drmFormatModifierCount = 2,
        .pDrmFormatModifiers = modifiers,
    };
    assert_int_equal(make_image(f, 10, with_modifier, 0, &list), VK_SUCCESS);
    assert_int_equal(driver.tiling, VK_IMAGE_TILING_LINEAR);
    assert_int_equal(driver.external, HOST_ALLOCATION);
    assert_false(driver.modifier_structs);

    struct venus_object *object = venus_object_find(&f->context->objects, 10);
    VkImageDrmFormatModifierPropertiesEXT properties = { .drmFormatModifier = 5 };
    struct venus_vkGetImageDrmFormatModifierPropertiesEXT modifier_args = {
        .image = (VkImage)(uintptr_t)object->handle,
        .pProperties = &properties,
        .ret = VK_ERROR_UNKNOWN,
        .first = f->object,
        .image_object = object,
    };
    venus_handle_vkGetImageDrmFormatModifierPropertiesEXT(f->d, &modifier_args);
    assert_int_equal(modifier_args.ret, VK_SUCCESS);
    assert_int_equal(properties.drmFormatModifier, 0);

    const VkImageSubresource plane = { .aspectMask = VK_IMAGE_ASPECT_MEMORY_PLANE_0_BIT_EXT };
    VkSubresourceLayout layout;
    struct venus_vkGetImageSubresourceLayout layout_args = {
        .image = modifier_args.image,
        .pSubresource = &plane,
        .pLayout = &layout,
        .first = f->object,
        .image_object = object,
    };
    venus_handle_vkGetImageSubresourceLayout(f->d, &layout_args);
    assert_int_equal(layout.rowPitch, 256);

    /* Only LINEAR is known. */
    list.drmFormatModifierCount = 1;
    list.pNext = NULL;
    assert_int_equal(make_image(f, 11, with_modifier, 0, &list), VK_ERROR_FORMAT_NOT_SUPPORTED);
    assert_int_equal(make_image(f, 11, with_modifier, 0, NULL), VK_ERROR_FORMAT_NOT_SUPPORTED);

    /* A layout that the client demands has to be the driver's. */
    VkSubresourceLayout wanted = { .rowPitch = 256 };
    VkImageDrmFormatModifierExplicitCreateInfoEXT one = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_EXPLICIT_CREATE_INFO_EXT,
        .drmFormatModifierPlaneCount = 1,
        .pPlaneLayouts = &wanted,
    };
    assert_int_equal(make_image(f, 12, with_modifier, 0, &one), VK_SUCCESS);
    assert_int_equal(driver.external, HOST_ALLOCATION); /* linear, so the client may map it */
    wanted.rowPitch = 512;
    assert_int_equal(make_image(f, 13, with_modifier, 0, &one),
                     VK_ERROR_INVALID_DRM_FORMAT_MODIFIER_PLANE_LAYOUT_EXT);
    one.drmFormatModifierPlaneCount = 2;
    assert_int_equal(make_image(f, 13, with_modifier, 0, &one),
                     VK_ERROR_INVALID_DRM_FORMAT_MODIFIER_PLANE_LAYOUT_EXT);
    assert_int_equal(driver.images, 2);

    /* An image without one. */
    assert_int_equal(make_image(f, 14, VK_IMAGE_TILING_LINEAR, 0, NULL), VK_SUCCESS);
    modifier_args.image = (VkImage)(uintptr_t)venus_object_find(&f->context->objects, 14)->handle;
    venus_handle_vkGetImageDrmFormatModifierPropertiesEXT(f->d, &modifier_args);
    assert_true(venus_context_is_fatal(f->context));
}

static VkResult query(struct fixture *f, VkImageTiling tiling, uint64_t modifier,
                      VkExternalMemoryHandleTypeFlagBits type, VkExternalMemoryProperties *answer)
{
    VkPhysicalDeviceExternalImageFormatInfo external = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO,
        .handleType = type,
    };
    VkPhysicalDeviceImageDrmFormatModifierInfoEXT drm = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_DRM_FORMAT_MODIFIER_INFO_EXT,
        .pNext = &external,
        .drmFormatModifier = modifier,
    };
    const VkPhysicalDeviceImageFormatInfo2 info = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
        .pNext = tiling == with_modifier ? (void *)&drm : (void *)&external,
        .format = VK_FORMAT_R8G8B8A8_UNORM,
        .type = VK_IMAGE_TYPE_2D,
        .tiling = tiling,
        .usage = VK_IMAGE_USAGE_SAMPLED_BIT,
    };
    VkExternalImageFormatProperties room = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES,
    };
    VkImageFormatProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2,
        .pNext = answer ? &room : NULL,
    };
    struct venus_vkGetPhysicalDeviceImageFormatProperties2 args = {
        .pImageFormatInfo = &info,
        .pImageFormatProperties = &properties,
        .ret = VK_ERROR_UNKNOWN,
        .first = f->gpu_object,
    };
    venus_handle_vkGetPhysicalDeviceImageFormatProperties2(f->d, &args);
    assert_ptr_equal(properties.pNext, answer ? &room : NULL); /* as it goes into the reply */
    if (answer)
        *answer = room.externalMemoryProperties;
    return args.ret;
}

static void test_queries_about_images(void **state)
{
    struct fixture *f = *state;
    VkExternalMemoryProperties answer;
    /* The driver has no dma-bufs, and we do not make them. */
    assert_int_equal(query(f, VK_IMAGE_TILING_LINEAR, 0, DMA_BUF, &answer),
                     VK_ERROR_FORMAT_NOT_SUPPORTED);
    f->gpu.own_dma_bufs = true;
    assert_int_equal(query(f, with_modifier, 0, DMA_BUF, &answer), VK_SUCCESS);
    assert_true(answer.externalMemoryFeatures & VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT);
    assert_int_equal(answer.compatibleHandleTypes, DMA_BUF);
    assert_int_equal(query(f, with_modifier, 0, DMA_BUF, NULL), VK_SUCCESS);
    assert_int_equal(query(f, VK_IMAGE_TILING_LINEAR, 0, DMA_BUF, &answer), VK_SUCCESS);
    assert_int_equal(query(f, with_modifier, 0, 0, &answer), VK_SUCCESS);
    assert_int_equal(answer.externalMemoryFeatures, 0);
    assert_int_equal(query(f, with_modifier, 1, DMA_BUF, &answer), VK_ERROR_FORMAT_NOT_SUPPORTED);
    assert_int_equal(query(f, VK_IMAGE_TILING_OPTIMAL, 0, DMA_BUF, &answer),
                     VK_ERROR_FORMAT_NOT_SUPPORTED);
    assert_int_equal(query(f, VK_IMAGE_TILING_LINEAR, 0,
                           VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT, &answer),
                     VK_ERROR_FORMAT_NOT_SUPPORTED);
    assert_int_equal(query(f, VK_IMAGE_TILING_LINEAR, 0, HOST_ALLOCATION, &answer),
                     VK_ERROR_FORMAT_NOT_SUPPORTED);
    driver.images_importable = false;
    assert_int_equal(query(f, with_modifier, 0, DMA_BUF, &answer), VK_ERROR_FORMAT_NOT_SUPPORTED);
}

static void test_queries_about_formats(void **state)
{
    struct fixture *f = *state;
    f->gpu.own_dma_bufs = true;
    VkDrmFormatModifierPropertiesEXT room[2] = { { .drmFormatModifier = 7 } };
    VkDrmFormatModifierPropertiesListEXT list = {
        .sType = VK_STRUCTURE_TYPE_DRM_FORMAT_MODIFIER_PROPERTIES_LIST_EXT,
    };
    VkFormatProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2,
        .pNext = &list,
    };
    struct venus_vkGetPhysicalDeviceFormatProperties2 args = {
        .format = VK_FORMAT_R8G8B8A8_UNORM,
        .pFormatProperties = &properties,
        .first = f->gpu_object,
    };
    venus_handle_vkGetPhysicalDeviceFormatProperties2(f->d, &args);
    assert_int_equal(list.drmFormatModifierCount, 1);
    list.drmFormatModifierCount = 2;
    list.pDrmFormatModifierProperties = room;
    venus_handle_vkGetPhysicalDeviceFormatProperties2(f->d, &args);
    assert_int_equal(list.drmFormatModifierCount, 1);
    assert_ptr_equal(list.pDrmFormatModifierProperties, room);
    assert_int_equal(room[0].drmFormatModifier, 0);
    assert_int_equal(room[0].drmFormatModifierPlaneCount, 1);
    assert_int_equal(room[0].drmFormatModifierTilingFeatures, VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT);
    list.drmFormatModifierCount = 0;
    venus_handle_vkGetPhysicalDeviceFormatProperties2(f->d, &args);
    assert_int_equal(list.drmFormatModifierCount, 0);
    /* Images of this format have more than one plane. */
    list.drmFormatModifierCount = 2;
    args.format = VK_FORMAT_G8_B8R8_2PLANE_420_UNORM;
    venus_handle_vkGetPhysicalDeviceFormatProperties2(f->d, &args);
    assert_int_equal(list.drmFormatModifierCount, 0);
}

#define TEST(f, setup) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_queues_are_checked, setup),
        TEST(test_extensions, setup),
        TEST(test_failure_of_the_driver, setup),
        TEST(test_destruction, setup_device),
        TEST(test_buffers, setup_device),
        TEST(test_images, setup_device),
        TEST(test_images_with_a_modifier, setup_device),
        TEST(test_queries_about_images, setup),
        TEST(test_queries_about_formats, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
