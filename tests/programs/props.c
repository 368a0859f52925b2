/* SPDX-License-Identifier: MIT */
/*
 * What the device says of itself, one field a line.
 *
 * Structs of 32-bit fields are printed as numbered words; see the headers for their names.  What
 * may differ through Venus is listed, with reasons, in props-differences.txt.
 */
#include "common.h"

#include <inttypes.h>

#define MEMBER_WORD(type, member)  (offsetof(type, member) / 4)
#define CHAINED_WORD(type, member) ((offsetof(type, member) - sizeof(VkBaseOutStructure)) / 4)
#define CHAINED_WORDS(type)        ((sizeof(type) - sizeof(VkBaseOutStructure)) / 4)

/* Words between or after members, where a driver may leave anything. */
static bool is_padding(const char *part, size_t word)
{
    static const struct {
        const char *part;
        size_t word;
    } padding[] = {
        {"limits", MEMBER_WORD(VkPhysicalDeviceLimits, bufferImageGranularity) - 1},
        {"limits", MEMBER_WORD(VkPhysicalDeviceLimits, minMemoryMapAlignment) - 1},
        {"limits", MEMBER_WORD(VkPhysicalDeviceLimits, optimalBufferCopyOffsetAlignment) - 1},
        {"maintenance3",
         CHAINED_WORD(VkPhysicalDeviceMaintenance3Properties, maxMemoryAllocationSize) - 1},
        {"point-clipping", CHAINED_WORDS(VkPhysicalDevicePointClippingProperties) - 1},
        {"float-controls", CHAINED_WORDS(VkPhysicalDeviceFloatControlsProperties) - 1},
        {"indexing-properties", CHAINED_WORDS(VkPhysicalDeviceDescriptorIndexingProperties) - 1},
        {"properties13",
         CHAINED_WORD(VkPhysicalDeviceVulkan13Properties, uniformTexelBufferOffsetAlignmentBytes) -
             1},
        {"properties13", CHAINED_WORD(VkPhysicalDeviceVulkan13Properties, maxBufferSize) - 1},
    };

    for (size_t i = 0; i < PROG_ARRAY_SIZE(padding); i++)
        if (padding[i].word == word && strcmp(padding[i].part, part) == 0)
            return true;
    return false;
}

static void print_words(const char *part, const void *words, size_t size)
{
    for (size_t i = 0; i < size / 4; i++) {
        uint32_t word;
        char name[24];

        if (is_padding(part, i))
            continue;
        memcpy(&word, (const char *)words + 4 * i, 4);
        snprintf(name, sizeof(name), "%zu", i);
        prog_print(part, name, "%" PRIu32, word);
    }
}

/* A struct in a pNext chain, without its header. */
#define PRINT_CHAINED(part, s)                                                                     \
    print_words(part, (const char *)&(s) + sizeof(VkBaseOutStructure),                             \
                sizeof(s) - sizeof(VkBaseOutStructure))

static void print_device(struct prog *p)
{
    const VkPhysicalDeviceProperties *d = &p->properties;

    prog_print("device", "type", "%d", (int)d->deviceType);
    prog_print("device", "vendor", "0x%x", d->vendorID);
    prog_print("device", "id", "0x%x", d->deviceID);
    prog_print("device", "api-version", "%u.%u", VK_API_VERSION_MAJOR(d->apiVersion),
               VK_API_VERSION_MINOR(d->apiVersion));
    print_words("limits", &d->limits, sizeof(d->limits));
    print_words("sparse", &d->sparseProperties, sizeof(d->sparseProperties));
}

static void print_properties(struct prog *p)
{
    VkPhysicalDeviceVulkan13Properties v13 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES,
    };
    VkPhysicalDeviceDescriptorIndexingProperties indexing = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_INDEXING_PROPERTIES,
        .pNext = p->api_version >= VK_API_VERSION_1_3 ? &v13 : NULL,
    };
    VkPhysicalDeviceDepthStencilResolveProperties resolve = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DEPTH_STENCIL_RESOLVE_PROPERTIES,
        .pNext = &indexing,
    };
    VkPhysicalDeviceFloatControlsProperties controls = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FLOAT_CONTROLS_PROPERTIES,
        .pNext = &resolve,
    };
    VkPhysicalDeviceSubgroupProperties subgroup = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
        .pNext = p->api_version >= VK_API_VERSION_1_2 ? &controls : NULL,
    };
    VkPhysicalDeviceMultiviewProperties multiview = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MULTIVIEW_PROPERTIES,
        .pNext = &subgroup,
    };
    VkPhysicalDeviceMaintenance3Properties maintenance3 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES,
        .pNext = &multiview,
    };
    VkPhysicalDevicePointClippingProperties clipping = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_POINT_CLIPPING_PROPERTIES,
        .pNext = &maintenance3,
    };
    VkPhysicalDeviceProperties2 all = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &clipping,
    };

    vkGetPhysicalDeviceProperties2(p->physical, &all);
    PRINT_CHAINED("point-clipping", clipping);
    PRINT_CHAINED("maintenance3", maintenance3);
    PRINT_CHAINED("multiview-properties", multiview);
    PRINT_CHAINED("subgroup", subgroup);
    if (p->api_version < VK_API_VERSION_1_2) {
        prog_skip_part("properties12", "needs Vulkan 1.2");
    } else {
        PRINT_CHAINED("float-controls", controls);
        PRINT_CHAINED("depth-resolve", resolve);
        PRINT_CHAINED("indexing-properties", indexing);
    }
    if (p->api_version < VK_API_VERSION_1_3)
        prog_skip_part("properties13", "needs Vulkan 1.3");
    else
        PRINT_CHAINED("properties13", v13);
}

static void print_features(struct prog *p)
{
    VkPhysicalDeviceVulkan13Features v13 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
    };
    VkPhysicalDeviceVulkan12Features v12 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
        .pNext = p->api_version >= VK_API_VERSION_1_3 ? &v13 : NULL,
    };
    VkPhysicalDeviceVulkan11Features v11 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
        .pNext = &v12,
    };
    VkPhysicalDeviceFeatures2 all = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .pNext = p->api_version >= VK_API_VERSION_1_2 ? &v11 : NULL,
    };

    vkGetPhysicalDeviceFeatures2(p->physical, &all);
    print_words("features10", &all.features, sizeof(all.features));
    if (p->api_version < VK_API_VERSION_1_2) {
        prog_skip_part("features11", "needs Vulkan 1.2");
        prog_skip_part("features12", "needs Vulkan 1.2");
    } else {
        PRINT_CHAINED("features11", v11);
        PRINT_CHAINED("features12", v12);
    }
    if (p->api_version < VK_API_VERSION_1_3)
        prog_skip_part("features13", "needs Vulkan 1.3");
    else
        PRINT_CHAINED("features13", v13);
}

static void print_memory(struct prog *p)
{
    char name[32];

    for (uint32_t i = 0; i < p->memory.memoryHeapCount; i++) {
        snprintf(name, sizeof(name), "heap%u", i);
        prog_print("memory", name, "flags 0x%x, %" PRIu64 " bytes", p->memory.memoryHeaps[i].flags,
                   p->memory.memoryHeaps[i].size);
    }
    for (uint32_t i = 0; i < p->memory.memoryTypeCount; i++) {
        snprintf(name, sizeof(name), "type%u", i);
        prog_print("memory", name, "flags 0x%x, heap %u", p->memory.memoryTypes[i].propertyFlags,
                   p->memory.memoryTypes[i].heapIndex);
    }
}

static void print_queues(struct prog *p)
{
    VkQueueFamilyProperties families[16];
    uint32_t count = PROG_ARRAY_SIZE(families);

    vkGetPhysicalDeviceQueueFamilyProperties(p->physical, &count, families);
    for (uint32_t i = 0; i < count; i++) {
        char name[32];

        snprintf(name, sizeof(name), "family%u", i);
        prog_print("queues", name, "flags 0x%x, %u queues, %u timestamp bits, %u,%u,%u",
                   families[i].queueFlags, families[i].queueCount, families[i].timestampValidBits,
                   families[i].minImageTransferGranularity.width,
                   families[i].minImageTransferGranularity.height,
                   families[i].minImageTransferGranularity.depth);
    }
}

static void print_image_format(struct prog *p, VkFormat format, VkImageTiling tiling,
                               VkImageUsageFlags usage)
{
    static const VkImageType types[] = {VK_IMAGE_TYPE_1D, VK_IMAGE_TYPE_2D, VK_IMAGE_TYPE_3D};

    for (size_t i = 0; i < PROG_ARRAY_SIZE(types); i++) {
        VkPhysicalDeviceImageFormatInfo2 info = {
            .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
            .format = format,
            .type = types[i],
            .tiling = tiling,
            .usage = usage,
        };
        VkImageFormatProperties2 out = {.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2};
        const VkImageFormatProperties *f = &out.imageFormatProperties;
        char name[64];

        snprintf(name, sizeof(name), "%u-tiling%u-usage0x%x-%zud", format, tiling, usage, i + 1);
        if (vkGetPhysicalDeviceImageFormatProperties2(p->physical, &info, &out) != VK_SUCCESS)
            prog_print("images", name, "no");
        else
            prog_print("images", name, "%u,%u,%u levels %u layers %u samples 0x%x size %" PRIu64,
                       f->maxExtent.width, f->maxExtent.height, f->maxExtent.depth, f->maxMipLevels,
                       f->maxArrayLayers, f->sampleCounts, f->maxResourceSize);
    }
}

static void print_format(struct prog *p, VkFormat format)
{
    VkFormatProperties2 out = {.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2};
    const VkFormatProperties *f = &out.formatProperties;
    char name[16];

    vkGetPhysicalDeviceFormatProperties2(p->physical, format, &out);
    snprintf(name, sizeof(name), "%u", format);
    prog_print("formats", name, "linear 0x%x, optimal 0x%x, buffer 0x%x", f->linearTilingFeatures,
               f->optimalTilingFeatures, f->bufferFeatures);
    if (f->optimalTilingFeatures & VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT)
        print_image_format(p, format, VK_IMAGE_TILING_OPTIMAL, VK_IMAGE_USAGE_SAMPLED_BIT);
    if (f->optimalTilingFeatures & VK_FORMAT_FEATURE_COLOR_ATTACHMENT_BIT)
        print_image_format(p, format, VK_IMAGE_TILING_OPTIMAL, VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT);
    if (f->linearTilingFeatures & VK_FORMAT_FEATURE_TRANSFER_SRC_BIT)
        print_image_format(p, format, VK_IMAGE_TILING_LINEAR, VK_IMAGE_USAGE_TRANSFER_SRC_BIT);
}

static void print_formats(struct prog *p)
{
    for (uint32_t f = VK_FORMAT_R4G4_UNORM_PACK8; f <= VK_FORMAT_ASTC_12x12_SRGB_BLOCK; f++)
        print_format(p, f);
    for (uint32_t f = VK_FORMAT_G8B8G8R8_422_UNORM; f <= VK_FORMAT_G16_B16_R16_3PLANE_444_UNORM;
         f++)
        print_format(p, f);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "props",
        .summary = "Prints limits, features, memory, queues and formats.",
    };
    struct prog p;

    prog_init_instance(&p, argc, argv, &about);
    print_device(&p);
    print_properties(&p);
    print_features(&p);
    print_memory(&p);
    print_queues(&p);
    print_formats(&p);
    return prog_finish(&p);
}
