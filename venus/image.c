/* SPDX-License-Identifier: MIT */
/*
 * Images.  Linear images are what clients map, so they are created for client-visible memory where
 * the driver supports that.  All others are kept in memory that clients cannot map.
 */
#include "image.h"

#include "host_copy.h"
#include "internal.h"
#include "modifier.h"
#include "pnext.h"

/* The structs that a format query shares with the creation of an image. */
struct shared_structs {
    VkImageFormatListCreateInfo formats;
    VkImageStencilUsageCreateInfo stencil;
};

/* Copy them from the creation into the chain of the query. */
static void copy_shared(const VkImageCreateInfo *info, VkPhysicalDeviceImageFormatInfo2 *query,
                        struct shared_structs *room)
{
    const VkImageFormatListCreateInfo *formats =
        venus_pnext_find(info->pNext, VK_STRUCTURE_TYPE_IMAGE_FORMAT_LIST_CREATE_INFO);
    if (formats) {
        room->formats = *formats;
        venus_pnext_add(query, &room->formats);
    }
    const VkImageStencilUsageCreateInfo *stencil =
        venus_pnext_find(info->pNext, VK_STRUCTURE_TYPE_IMAGE_STENCIL_USAGE_CREATE_INFO);
    if (stencil) {
        room->stencil = *stencil;
        venus_pnext_add(query, &room->stencil);
    }
}

/* Whether the driver can create this image for external memory of the kind that clients map. */
static bool can_be_client_visible(const struct venus_physical_device *gpu,
                                  const VkImageCreateInfo *info)
{
    VkPhysicalDeviceExternalImageFormatInfo external = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO,
        .handleType = venus_memory_handle_type(gpu->memory.path),
    };
    VkPhysicalDeviceImageFormatInfo2 query = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
        .pNext = &external,
        .format = info->format,
        .type = info->imageType,
        .tiling = info->tiling,
        .usage = info->usage,
        .flags = info->flags,
    };
    VkExternalImageFormatProperties answer = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES,
    };
    VkImageFormatProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2,
        .pNext = &answer,
    };
    struct shared_structs room;
    copy_shared(info, &query, &room);
    if (gpu->instance->vk.GetPhysicalDeviceImageFormatProperties2(gpu->handle, &query,
                                                                  &properties) != VK_SUCCESS)
        return false;

    const VkExternalMemoryFeatureFlags features =
        answer.externalMemoryProperties.externalMemoryFeatures;
    const VkExternalMemoryFeatureFlags wanted = venus_memory_feature(gpu->memory.path);
    const VkImageFormatProperties *limits = &properties.imageFormatProperties;
    return (features & wanted) && !(features & VK_EXTERNAL_MEMORY_FEATURE_DEDICATED_ONLY_BIT) &&
           info->extent.width <= limits->maxExtent.width &&
           info->extent.height <= limits->maxExtent.height &&
           info->extent.depth <= limits->maxExtent.depth &&
           info->mipLevels <= limits->maxMipLevels && info->arrayLayers <= limits->maxArrayLayers &&
           (info->samples & limits->sampleCounts);
}

/* What is remembered of an image in device->client_images. */
enum {
    IMAGE_VISIBLE = 1,  /* may use client-visible memory */
    IMAGE_SHARED = 2,   /* its memory is exported, as pages of ours */
    IMAGE_MODIFIER = 4, /* has a modifier of ours (modifier.h) */
};

/*
 * Make an image's creation one for client-visible memory if that is due and possible; `room` is used
 * for the struct that it takes.  Returns what to remember.
 */
static unsigned make_client_visible(const struct venus_physical_device *gpu,
                                    VkImageCreateInfo *info, VkExternalMemoryImageCreateInfo *room)
{
    const VkExternalMemoryHandleTypeFlagBits type = venus_memory_handle_type(gpu->memory.path);
    VkExternalMemoryImageCreateInfo *external =
        venus_pnext_find(info->pNext, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO);
    if (external && external->handleTypes) {
        /* The client's own: it exports the memory. */
        if (gpu->own_dma_bufs) {
            external->handleTypes = (VkExternalMemoryHandleTypeFlags)type;
            return IMAGE_VISIBLE | IMAGE_SHARED;
        }
        return external->handleTypes & type ? IMAGE_VISIBLE : 0;
    }
    if (info->tiling != VK_IMAGE_TILING_LINEAR || !can_be_client_visible(gpu, info))
        return 0;
    /*
     * Vulkan does not allow external memory for images whose initial content the client writes
     * through a mapping.  But clients may expect that they can do that with linear images, and
     * drivers do not care: such an image gets client-visible memory all the same.
     */
    if (info->initialLayout == VK_IMAGE_LAYOUT_PREINITIALIZED)
        return IMAGE_VISIBLE;
    if (!external) {
        external = room;
        *external = (VkExternalMemoryImageCreateInfo){
            .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
        };
        venus_pnext_add(info, external);
    }
    external->handleTypes = (VkExternalMemoryHandleTypeFlags)type;
    return IMAGE_VISIBLE;
}

/* A client's image as the host has to make it. */
struct host_image {
    VkImageCreateInfo info;
    VkExternalMemoryImageCreateInfo external; /* room */
    unsigned remember;
    const VkSubresourceLayout *layout; /* that the client demands, or NULL */
};

static VkResult host_image_init(struct host_image *image, const struct venus_physical_device *gpu,
                                const VkImageCreateInfo *info)
{
    image->info = *info;
    const VkResult result = venus_modifier_make_linear(gpu, &image->info, &image->layout);
    if (result != VK_SUCCESS)
        return result;
    image->remember = make_client_visible(gpu, &image->info, &image->external);
    if (image->info.tiling != info->tiling)
        image->remember |= IMAGE_MODIFIER;
    return VK_SUCCESS;
}

/* Whether the driver has put the image where the client wants it. */
static bool has_layout(struct venus_device *device, VkImage image, const VkSubresourceLayout *wanted)
{
    const VkImageSubresource color = {.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT};
    VkSubresourceLayout layout;
    device->vk.GetImageSubresourceLayout(device->handle, image, &color, &layout);
    return layout.offset == wanted->offset && layout.rowPitch == wanted->rowPitch;
}

void venus_handle_vkCreateImage(struct venus_decoder *d, struct venus_vkCreateImage *args)
{
    struct venus_device *device = args->first->data;
    struct host_image image;
    args->ret = host_image_init(&image, device->physical_device, args->pCreateInfo);
    if (args->ret != VK_SUCCESS)
        return;
    args->ret = device->vk.CreateImage(device->handle, &image.info, NULL, args->pImage);
    if (args->ret != VK_SUCCESS)
        return;

    const uint64_t handle = (uint64_t)(uintptr_t)*args->pImage;
    if (image.layout && !has_layout(device, *args->pImage, image.layout))
        args->ret = VK_ERROR_INVALID_DRM_FORMAT_MODIFIER_PLANE_LAYOUT_EXT;
    else if (!venus_handle_map_put(&device->client_images, handle, image.remember) ||
             !venus_host_copy_remember(device, handle, &image.info))
        args->ret = VK_ERROR_OUT_OF_HOST_MEMORY;
    if (args->ret != VK_SUCCESS ||
        !venus_decoder_add_object(d, VENUS_OBJECT_Image, args->pImage_ids[0], handle, NULL, NULL))
        device->vk.DestroyImage(device->handle, *args->pImage, NULL);
}

static unsigned remembered(struct venus_device *device, VkImage image)
{
    return (unsigned)venus_handle_map_get(&device->client_images, (uint64_t)(uintptr_t)image);
}

bool venus_image_is_our_modifier(struct venus_device *device, VkImage image)
{
    return remembered(device, image) & IMAGE_MODIFIER;
}

/* Translate the driver's requirements to the client's memory types. */
static void translate(struct venus_device *device, unsigned remember,
                      VkMemoryRequirements *requirements)
{
    const struct venus_memory_types *types = &device->physical_device->memory;
    requirements->memoryTypeBits = venus_memory_types_to_client(
        types, requirements->memoryTypeBits, remember & IMAGE_VISIBLE);
    if (remember & IMAGE_SHARED)
        requirements->memoryTypeBits &= types->shareable;
}

void venus_handle_vkGetImageMemoryRequirements(struct venus_decoder *d,
                                               struct venus_vkGetImageMemoryRequirements *args)
{
    struct venus_device *device = args->first->data;
    if (!args->image_object) {
        venus_decoder_fail(d, "no image");
        return;
    }
    device->vk.GetImageMemoryRequirements(device->handle, args->image, args->pMemoryRequirements);
    translate(device, remembered(device, args->image), args->pMemoryRequirements);
}

void venus_handle_vkGetImageMemoryRequirements2(struct venus_decoder *d,
                                                struct venus_vkGetImageMemoryRequirements2 *args)
{
    struct venus_device *device = args->first->data;
    const VkImage image = args->pInfo->image;
    if (!image) {
        venus_decoder_fail(d, "no image");
        return;
    }
    device->vk.GetImageMemoryRequirements2(device->handle, args->pInfo, args->pMemoryRequirements);
    translate(device, remembered(device, image),
              &args->pMemoryRequirements->memoryRequirements);
}

void venus_handle_vkGetDeviceImageMemoryRequirements(
    struct venus_decoder *d, struct venus_vkGetDeviceImageMemoryRequirements *args)
{
    struct venus_device *device = args->first->data;
    if (!args->pInfo->pCreateInfo || !device->vk.GetDeviceImageMemoryRequirements) {
        venus_decoder_fail(d, args->pInfo->pCreateInfo ? "the host driver does not have it"
                                                       : "no VkImageCreateInfo");
        return;
    }
    struct host_image image;
    if (host_image_init(&image, device->physical_device, args->pInfo->pCreateInfo) != VK_SUCCESS)
        return; /* such an image cannot be created; no requirements are as good as any */
    VkDeviceImageMemoryRequirements info = *args->pInfo;
    info.pCreateInfo = &image.info;
    device->vk.GetDeviceImageMemoryRequirements(device->handle, &info, args->pMemoryRequirements);
    translate(device, image.remember, &args->pMemoryRequirements->memoryRequirements);
}

#ifdef VK_KHR_maintenance5
void venus_handle_vkGetDeviceImageSubresourceLayout(
    struct venus_decoder *d, struct venus_vkGetDeviceImageSubresourceLayout *args)
{
    struct venus_device *device = args->first->data;
    if (!args->pInfo->pCreateInfo || !args->pInfo->pSubresource ||
        !device->vk.GetDeviceImageSubresourceLayout) {
        venus_decoder_fail(d, device->vk.GetDeviceImageSubresourceLayout
                                  ? "no VkImageCreateInfo or no VkImageSubresource2"
                                  : "the host driver does not have it");
        return;
    }
    struct host_image image;
    if (host_image_init(&image, device->physical_device, args->pInfo->pCreateInfo) != VK_SUCCESS)
        return; /* such an image cannot be created; no layout is as good as any */
    VkImageSubresource2KHR subresource = *args->pInfo->pSubresource;
    if (image.remember & IMAGE_MODIFIER)
        venus_modifier_fix_aspect(&subresource.imageSubresource);
    VkDeviceImageSubresourceInfoKHR info = *args->pInfo;
    info.pCreateInfo = &image.info;
    info.pSubresource = &subresource;
    device->vk.GetDeviceImageSubresourceLayout(device->handle, &info, args->pLayout);
}
#endif
