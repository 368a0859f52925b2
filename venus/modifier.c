/* SPDX-License-Identifier: MIT */
#include "modifier.h"

#include "format.h"
#include "image.h"
#include "instance.h"
#include "pnext.h"

/* Of <drm/drm_fourcc.h>. */
#define DRM_FORMAT_MOD_LINEAR 0

static const char *const our_extensions[] = {
    VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME,
    VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME,
    VK_EXT_IMAGE_DRM_FORMAT_MODIFIER_EXTENSION_NAME,
};
#define OUR_EXTENSION_COUNT (sizeof(our_extensions) / sizeof(our_extensions[0]))

/* Whether the driver can export memory of buffers as dma-bufs. */
static bool host_exports(const struct venus_physical_device *gpu)
{
    const VkPhysicalDeviceExternalBufferInfo info = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO,
        .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT,
        .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
    };
    VkExternalBufferProperties properties = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES,
    };
    for (size_t i = 0; i < OUR_EXTENSION_COUNT; i++) {
        if (!venus_gpu_extension(gpu, our_extensions[i]))
            return false;
    }
    gpu->instance->vk.GetPhysicalDeviceExternalBufferProperties(gpu->handle, &info, &properties);
    return properties.externalMemoryProperties.externalMemoryFeatures &
           VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT;
}

void venus_modifier_probe(struct venus_physical_device *gpu)
{
    gpu->own_dma_bufs = gpu->memory.path == VENUS_MEMORY_HOST_IMPORT && !host_exports(gpu);
}

bool venus_modifier_is_ours(const struct venus_physical_device *gpu, const char *extension)
{
    for (size_t i = 0; gpu->own_dma_bufs && i < OUR_EXTENSION_COUNT; i++) {
        if (strcmp(our_extensions[i], extension) == 0)
            return true;
    }
    return false;
}

/* ---- images ---- */

VkResult venus_modifier_make_linear(const struct venus_physical_device *gpu,
                                    VkImageCreateInfo *info, const VkSubresourceLayout **explicit)
{
    *explicit = NULL;
    if (!gpu->own_dma_bufs || info->tiling != VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT)
        return VK_SUCCESS;

    const VkImageDrmFormatModifierListCreateInfoEXT *list = venus_pnext_take(
        info, VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_LIST_CREATE_INFO_EXT);
    const VkImageDrmFormatModifierExplicitCreateInfoEXT *one = venus_pnext_take(
        info, VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_EXPLICIT_CREATE_INFO_EXT);
    bool linear = false;
    for (uint32_t i = 0; list && list->pDrmFormatModifiers && i < list->drmFormatModifierCount; i++)
        linear |= list->pDrmFormatModifiers[i] == DRM_FORMAT_MOD_LINEAR;
    if (one && one->drmFormatModifier == DRM_FORMAT_MOD_LINEAR) {
        if (one->drmFormatModifierPlaneCount != 1 || !one->pPlaneLayouts)
            return VK_ERROR_INVALID_DRM_FORMAT_MODIFIER_PLANE_LAYOUT_EXT;
        *explicit = one->pPlaneLayouts;
        linear = true;
    }
    info->tiling = VK_IMAGE_TILING_LINEAR;
    return linear ? VK_SUCCESS : VK_ERROR_FORMAT_NOT_SUPPORTED;
}

VkResult venus_modifier_make_linear_query(const struct venus_physical_device *gpu,
                                          VkPhysicalDeviceImageFormatInfo2 *info)
{
    if (!gpu->own_dma_bufs || info->tiling != VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT)
        return VK_SUCCESS;
    const VkPhysicalDeviceImageDrmFormatModifierInfoEXT *modifier = venus_pnext_take(
        info, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_DRM_FORMAT_MODIFIER_INFO_EXT);
    info->tiling = VK_IMAGE_TILING_LINEAR;
    return modifier && modifier->drmFormatModifier == DRM_FORMAT_MOD_LINEAR
               ? VK_SUCCESS
               : VK_ERROR_FORMAT_NOT_SUPPORTED;
}

/* ---- commands ---- */

/* What linear images of a format can do; 0 for formats whose memory is not one plane. */
static uint64_t linear_features(const struct venus_physical_device *gpu, VkFormat format)
{
    struct venus_format_block block;
    if (!venus_format_get_block(format, VK_IMAGE_ASPECT_COLOR_BIT, &block))
        return 0;
    VkFormatProperties3KHR properties3 = {
        .sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_3_KHR,
    };
    VkFormatProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2,
        .pNext = &properties3,
    };
    gpu->instance->vk.GetPhysicalDeviceFormatProperties2(gpu->handle, format, &properties);
    /* A driver older than 1.3 leaves the one, and no driver's other has bits that this lacks. */
    return properties3.linearTilingFeatures | properties.formatProperties.linearTilingFeatures;
}

/* Write one modifier into a list if there is room. Returns the count to report. */
static uint32_t fill_list(VkDrmFormatModifierPropertiesEXT *list, uint32_t room, uint64_t features)
{
    if (features && list && room) {
        list[0] = (VkDrmFormatModifierPropertiesEXT){
            .drmFormatModifier = DRM_FORMAT_MOD_LINEAR,
            .drmFormatModifierPlaneCount = 1,
            .drmFormatModifierTilingFeatures = (VkFormatFeatureFlags)features,
        };
    }
    return features ? !list || room : 0;
}

static uint32_t fill_list2(VkDrmFormatModifierProperties2EXT *list, uint32_t room,
                           uint64_t features)
{
    if (features && list && room) {
        list[0] = (VkDrmFormatModifierProperties2EXT){
            .drmFormatModifier = DRM_FORMAT_MOD_LINEAR,
            .drmFormatModifierPlaneCount = 1,
            .drmFormatModifierTilingFeatures = features,
        };
    }
    return features ? !list || room : 0;
}

void venus_handle_vkGetPhysicalDeviceFormatProperties2(
    struct venus_decoder *d, struct venus_vkGetPhysicalDeviceFormatProperties2 *args)
{
    (void)d;
    const struct venus_physical_device *gpu = args->first->data;
    VkDrmFormatModifierPropertiesListEXT *list = NULL;
    VkDrmFormatModifierPropertiesList2EXT *list2 = NULL;
    if (gpu->own_dma_bufs) {
        list = venus_pnext_find(args->pFormatProperties->pNext,
                                VK_STRUCTURE_TYPE_DRM_FORMAT_MODIFIER_PROPERTIES_LIST_EXT);
        list2 = venus_pnext_find(args->pFormatProperties->pNext,
                                 VK_STRUCTURE_TYPE_DRM_FORMAT_MODIFIER_PROPERTIES_LIST_2_EXT);
    }
    /* A driver that knows modifiers only counts, which is then forgotten. */
    const VkDrmFormatModifierPropertiesListEXT kept =
        list ? *list : (VkDrmFormatModifierPropertiesListEXT){0};
    const VkDrmFormatModifierPropertiesList2EXT kept2 =
        list2 ? *list2 : (VkDrmFormatModifierPropertiesList2EXT){0};
    if (list)
        list->pDrmFormatModifierProperties = NULL;
    if (list2)
        list2->pDrmFormatModifierProperties = NULL;

    gpu->instance->vk.GetPhysicalDeviceFormatProperties2(gpu->handle, args->format,
                                                         args->pFormatProperties);
    const uint64_t features = list || list2 ? linear_features(gpu, args->format) : 0;
    if (list) {
        *list = kept;
        list->drmFormatModifierCount = fill_list(kept.pDrmFormatModifierProperties,
                                                 kept.drmFormatModifierCount, features);
    }
    if (list2) {
        *list2 = kept2;
        list2->drmFormatModifierCount = fill_list2(kept2.pDrmFormatModifierProperties,
                                                   kept2.drmFormatModifierCount, features);
    }
}

void venus_handle_vkGetImageDrmFormatModifierPropertiesEXT(
    struct venus_decoder *d, struct venus_vkGetImageDrmFormatModifierPropertiesEXT *args)
{
    struct venus_device *device = args->first->data;
    if (venus_image_is_our_modifier(device, args->image)) {
        args->pProperties->drmFormatModifier = DRM_FORMAT_MOD_LINEAR;
        args->ret = VK_SUCCESS;
    } else if (args->image && device->vk.GetImageDrmFormatModifierPropertiesEXT) {
        args->ret = device->vk.GetImageDrmFormatModifierPropertiesEXT(device->handle, args->image,
                                                                      args->pProperties);
    } else {
        venus_decoder_fail(d, "the image has no modifier");
    }
}

void venus_modifier_fix_aspect(VkImageSubresource *subresource)
{
    if (subresource->aspectMask == VK_IMAGE_ASPECT_MEMORY_PLANE_0_BIT_EXT)
        subresource->aspectMask = VK_IMAGE_ASPECT_COLOR_BIT;
}

static void fix_aspect(struct venus_device *device, VkImage image, VkImageSubresource *subresource)
{
    if (venus_image_is_our_modifier(device, image))
        venus_modifier_fix_aspect(subresource);
}

void venus_handle_vkGetImageSubresourceLayout(struct venus_decoder *d,
                                              struct venus_vkGetImageSubresourceLayout *args)
{
    struct venus_device *device = args->first->data;
    if (!args->image_object) {
        venus_decoder_fail(d, "no image");
        return;
    }
    VkImageSubresource subresource = *args->pSubresource;
    fix_aspect(device, args->image, &subresource);
    device->vk.GetImageSubresourceLayout(device->handle, args->image, &subresource, args->pLayout);
}

void venus_handle_vkGetImageSubresourceLayout2(struct venus_decoder *d,
                                               struct venus_vkGetImageSubresourceLayout2 *args)
{
    struct venus_device *device = args->first->data;
    if (!args->image_object || !device->vk.GetImageSubresourceLayout2) {
        venus_decoder_fail(d, args->image_object ? "the host driver does not have it" : "no image");
        return;
    }
    VkImageSubresource2EXT subresource = *args->pSubresource;
    fix_aspect(device, args->image, &subresource.imageSubresource);
    device->vk.GetImageSubresourceLayout2(device->handle, args->image, &subresource, args->pLayout);
}
