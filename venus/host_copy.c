/* SPDX-License-Identifier: MIT */
/*
 * Copies between images and data in the command stream (VK_EXT_host_image_copy in the protocol's own
 * form).  The driver gets a bare pointer, so we have to know that the data is as long as it thinks.
 */
#include "host_copy.h"

#include "format.h"
#include "internal.h"
#include "pnext.h"

static uint64_t blocks(uint32_t texels, uint8_t block)
{
    return ((uint64_t)texels + block - 1) / block;
}

uint64_t venus_host_copy_size(VkFormat format, uint32_t layers,
                              const struct venus_host_copy_region *region)
{
    const VkExtent3D extent = region->extent;
    const uint32_t row_length = region->row_length ? region->row_length : extent.width;
    const uint32_t image_height = region->image_height ? region->image_height : extent.height;
    struct venus_format_block block;
    if (!venus_format_get_block(format, region->subresource.aspectMask, &block) || !layers ||
        !extent.width || !extent.height || !extent.depth || row_length < extent.width ||
        image_height < extent.height)
        return 0;

    /* All slices but the last whole, all rows of that one but the last whole. */
    const uint64_t row = blocks(row_length, block.width);
    const uint64_t last_slice = (blocks(extent.height, block.height) - 1) * row +
                                blocks(extent.width, block.width);
    uint64_t size, slices;
    if (__builtin_mul_overflow(row, blocks(image_height, block.height), &size) ||
        __builtin_mul_overflow((uint64_t)extent.depth, layers, &slices) ||
        __builtin_mul_overflow(size, slices - 1, &size) ||
        __builtin_add_overflow(size, last_slice, &size) ||
        __builtin_mul_overflow(size, (uint64_t)block.size, &size))
        return 0;
    return size;
}

#ifdef VK_EXT_host_image_copy

bool venus_host_copy_remember(struct venus_device *device, uint64_t handle,
                              const VkImageCreateInfo *info)
{
    const VkImageStencilUsageCreateInfo *stencil =
        venus_pnext_find(info->pNext, VK_STRUCTURE_TYPE_IMAGE_STENCIL_USAGE_CREATE_INFO);
    const VkImageUsageFlags usage = info->usage | (stencil ? stencil->stencilUsage : 0);
    uint64_t value = 0;
    if (usage & VK_IMAGE_USAGE_HOST_TRANSFER_BIT_EXT)
        value = (uint64_t)info->arrayLayers << 32 | (uint32_t)info->format;
    return venus_handle_map_put(&device->copied_images, handle, value);
}

/* With VK_HOST_IMAGE_COPY_MEMCPY the data has the driver's own layout. */
static uint64_t memcpy_size(struct venus_device *device, VkImage image, uint32_t layers,
                            const struct venus_host_copy_region *region)
{
    const VkImageSubresource2EXT subresource = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_SUBRESOURCE_2_EXT,
        .imageSubresource = {
            .aspectMask = region->subresource.aspectMask,
            .mipLevel = region->subresource.mipLevel,
            .arrayLayer = region->subresource.baseArrayLayer,
        },
    };
    VkSubresourceHostMemcpySizeEXT size = {
        .sType = VK_STRUCTURE_TYPE_SUBRESOURCE_HOST_MEMCPY_SIZE_EXT,
    };
    VkSubresourceLayout2EXT layout = {
        .sType = VK_STRUCTURE_TYPE_SUBRESOURCE_LAYOUT_2_EXT,
        .pNext = &size,
    };
    if (!device->vk.GetImageSubresourceLayout2)
        return 0;
    device->vk.GetImageSubresourceLayout2(device->handle, image, &subresource, &layout);
    uint64_t total;
    return __builtin_mul_overflow((uint64_t)size.size, (uint64_t)layers, &total) ? 0 : total;
}

/* Whether `size` bytes of data are enough for the region; if not the client has failed. */
static bool check_size(struct venus_decoder *d, VkImage image, VkHostImageCopyFlagsEXT flags,
                       const struct venus_host_copy_region *region, uint64_t size)
{
    struct venus_device *device = d->device;
    const uint64_t known =
        venus_handle_map_get(&device->copied_images, (uint64_t)(uintptr_t)image);
    const uint32_t image_layers = (uint32_t)(known >> 32);
    const VkFormat format = (VkFormat)(uint32_t)known;
    uint32_t layers = region->subresource.layerCount;
    if (layers == VK_REMAINING_ARRAY_LAYERS && region->subresource.baseArrayLayer < image_layers)
        layers = image_layers - region->subresource.baseArrayLayer;
    if (!known || (flags & ~(VkHostImageCopyFlagsEXT)VK_HOST_IMAGE_COPY_MEMCPY_EXT)) {
        venus_decoder_fail(d, known ? "flags 0x%x" : "the image is not for host copies", flags);
        return false;
    }
    const uint64_t needed = flags & VK_HOST_IMAGE_COPY_MEMCPY_EXT
                                ? memcpy_size(device, image, layers, region)
                                : venus_host_copy_size(format, layers, region);
    if (!needed || size < needed) {
        venus_decoder_fail(d, "%llu bytes of data where the copy of format %d needs %llu",
                           (unsigned long long)size, (int)format, (unsigned long long)needed);
        return false;
    }
    return true;
}

void venus_handle_vkCopyImageToMemoryMESA(struct venus_decoder *d,
                                          struct venus_vkCopyImageToMemoryMESA *args)
{
    struct venus_device *device = args->first->data;
    const VkCopyImageToMemoryInfoMESA *info = args->pCopyImageToMemoryInfo;
    const struct venus_host_copy_region region = {
        .row_length = info->memoryRowLength,
        .image_height = info->memoryImageHeight,
        .subresource = info->imageSubresource,
        .extent = info->imageExtent,
    };
    if (!device->vk.CopyImageToMemory) {
        venus_decoder_fail(d, "the host driver does not have it");
        return;
    }
    if (!check_size(d, info->srcImage, info->flags, &region, args->dataSize))
        return;
    const VkImageToMemoryCopyEXT host_region = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_TO_MEMORY_COPY_EXT,
        .pHostPointer = args->pData,
        .memoryRowLength = info->memoryRowLength,
        .memoryImageHeight = info->memoryImageHeight,
        .imageSubresource = info->imageSubresource,
        .imageOffset = info->imageOffset,
        .imageExtent = info->imageExtent,
    };
    const VkCopyImageToMemoryInfoEXT host_info = {
        .sType = VK_STRUCTURE_TYPE_COPY_IMAGE_TO_MEMORY_INFO_EXT,
        .flags = info->flags,
        .srcImage = info->srcImage,
        .srcImageLayout = info->srcImageLayout,
        .regionCount = 1,
        .pRegions = &host_region,
    };
    args->ret = device->vk.CopyImageToMemory(device->handle, &host_info);
}

void venus_handle_vkCopyMemoryToImageMESA(struct venus_decoder *d,
                                          struct venus_vkCopyMemoryToImageMESA *args)
{
    struct venus_device *device = args->first->data;
    const VkCopyMemoryToImageInfoMESA *info = args->pCopyMemoryToImageInfo;
    if (!device->vk.CopyMemoryToImage) {
        venus_decoder_fail(d, "the host driver does not have it");
        return;
    }
    VkMemoryToImageCopyEXT *regions =
        venus_decode_alloc(d, info->regionCount, sizeof(*regions));
    if (!regions || !info->pRegions) {
        venus_decoder_fail(d, "no regions");
        return;
    }
    for (uint32_t i = 0; i < info->regionCount; i++) {
        const VkMemoryToImageCopyMESA *from = &info->pRegions[i];
        const struct venus_host_copy_region region = {
            .row_length = from->memoryRowLength,
            .image_height = from->memoryImageHeight,
            .subresource = from->imageSubresource,
            .extent = from->imageExtent,
        };
        if (!check_size(d, info->dstImage, info->flags, &region, from->pData ? from->dataSize : 0))
            return;
        regions[i] = (VkMemoryToImageCopyEXT){
            .sType = VK_STRUCTURE_TYPE_MEMORY_TO_IMAGE_COPY_EXT,
            .pHostPointer = from->pData,
            .memoryRowLength = from->memoryRowLength,
            .memoryImageHeight = from->memoryImageHeight,
            .imageSubresource = from->imageSubresource,
            .imageOffset = from->imageOffset,
            .imageExtent = from->imageExtent,
        };
    }
    const VkCopyMemoryToImageInfoEXT host_info = {
        .sType = VK_STRUCTURE_TYPE_COPY_MEMORY_TO_IMAGE_INFO_EXT,
        .flags = info->flags,
        .dstImage = info->dstImage,
        .dstImageLayout = info->dstImageLayout,
        .regionCount = info->regionCount,
        .pRegions = regions,
    };
    args->ret = device->vk.CopyMemoryToImage(device->handle, &host_info);
}

#else

/* The registry that this is built with has no host copies, so no client is offered them. */

bool venus_host_copy_remember(struct venus_device *device, uint64_t handle,
                              const VkImageCreateInfo *info)
{
    (void)device;
    (void)handle;
    (void)info;
    return true;
}

void venus_handle_vkCopyImageToMemoryMESA(struct venus_decoder *d,
                                          struct venus_vkCopyImageToMemoryMESA *args)
{
    (void)args;
    venus_decoder_fail(d, "this build's registry has no VK_EXT_host_image_copy");
}

void venus_handle_vkCopyMemoryToImageMESA(struct venus_decoder *d,
                                          struct venus_vkCopyMemoryToImageMESA *args)
{
    (void)args;
    venus_decoder_fail(d, "this build's registry has no VK_EXT_host_image_copy");
}

#endif
