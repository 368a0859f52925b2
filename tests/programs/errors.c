/* SPDX-License-Identifier: MIT */
/* Legal calls that do not simply succeed: short arrays, missing things, unsupported formats. */
#include "common.h"

static const char *result_name(VkResult result)
{
    switch (result) {
    case VK_SUCCESS:
        return "success";
    case VK_INCOMPLETE:
        return "incomplete";
    case VK_ERROR_FORMAT_NOT_SUPPORTED:
        return "format not supported";
    case VK_ERROR_EXTENSION_NOT_PRESENT:
        return "extension not present";
    case VK_ERROR_FEATURE_NOT_PRESENT:
        return "feature not present";
    case VK_ERROR_LAYER_NOT_PRESENT:
        return "layer not present";
    default:
        return "another result";
    }
}

/* Arrays shorter than what there is, and of no length at all. */
static void run_short_arrays(struct prog *p)
{
    uint32_t count = 0, total = 0;
    VkExtensionProperties *extensions;
    VkQueueFamilyProperties family;
    VkPhysicalDevice device = VK_NULL_HANDLE;
    VkPhysicalDeviceGroupProperties group = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_GROUP_PROPERTIES,
    };

    CHECK(vkEnumeratePhysicalDevices(p->instance, &total, NULL));
    count = 0;
    prog_print("short-arrays", "devices-none", "%s",
               result_name(vkEnumeratePhysicalDevices(p->instance, &count, &device)));
    EXPECT(count == 0 && device == VK_NULL_HANDLE, "short-arrays: devices were written");
    count = 1;
    EXPECT(vkEnumeratePhysicalDevices(p->instance, &count, &device) ==
               (total > 1 ? VK_INCOMPLETE : VK_SUCCESS),
           "short-arrays: wrong result");
    EXPECT(count == 1 && device != VK_NULL_HANDLE, "short-arrays: no device");

    CHECK(vkEnumeratePhysicalDeviceGroups(p->instance, &total, NULL));
    count = 1;
    EXPECT(vkEnumeratePhysicalDeviceGroups(p->instance, &count, &group) ==
               (total > 1 ? VK_INCOMPLETE : VK_SUCCESS),
           "short-arrays: wrong result of groups");
    prog_print("short-arrays", "group", "%u device, subset allocation %u",
               group.physicalDeviceCount, group.subsetAllocation);

    CHECK(vkEnumerateDeviceExtensionProperties(p->physical, NULL, &total, NULL));
    extensions = calloc(total + 1, sizeof(*extensions));
    count = total - 1;
    prog_print(
        "short-arrays", "extensions-one-less", "%s",
        result_name(vkEnumerateDeviceExtensionProperties(p->physical, NULL, &count, extensions)));
    EXPECT(count == total - 1 && extensions[total - 1].extensionName[0] == 0,
           "short-arrays: too many extensions");
    count = total + 1;
    CHECK(vkEnumerateDeviceExtensionProperties(p->physical, NULL, &count, extensions));
    EXPECT(count == total, "short-arrays: %u extensions, not %u", count, total);
    free(extensions);

    /* Not with a count of 0: that crashes Mesa's own wrapper. */
    count = 1;
    vkGetPhysicalDeviceQueueFamilyProperties(p->physical, &count, &family);
    EXPECT(count == 1 && family.queueCount > 0, "short-arrays: no queue family");
    prog_print("short-arrays", "families", "%u", count);
}

/* Combinations that no driver supports, and the borders of those that one does. */
static void run_formats(struct prog *p)
{
    static const struct {
        const char *name;
        VkFormat format;
        VkImageType type;
        VkImageTiling tiling;
        VkImageUsageFlags usage;
        VkImageCreateFlags flags;
    } cases[] = {
        {"plain", VK_FORMAT_R8G8B8A8_UNORM, VK_IMAGE_TYPE_2D, VK_IMAGE_TILING_OPTIMAL,
         VK_IMAGE_USAGE_SAMPLED_BIT, 0},
        {"three-component-target", VK_FORMAT_R8G8B8_UNORM, VK_IMAGE_TYPE_2D,
         VK_IMAGE_TILING_OPTIMAL, VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT, 0},
        {"compressed-target", VK_FORMAT_BC1_RGB_UNORM_BLOCK, VK_IMAGE_TYPE_2D,
         VK_IMAGE_TILING_OPTIMAL, VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT, 0},
        {"etc2", VK_FORMAT_ETC2_R8G8B8_UNORM_BLOCK, VK_IMAGE_TYPE_2D, VK_IMAGE_TILING_OPTIMAL,
         VK_IMAGE_USAGE_SAMPLED_BIT, 0},
        {"double-sampled", VK_FORMAT_R64G64B64A64_SFLOAT, VK_IMAGE_TYPE_2D, VK_IMAGE_TILING_OPTIMAL,
         VK_IMAGE_USAGE_SAMPLED_BIT, 0},
        {"depth-storage", VK_FORMAT_D16_UNORM, VK_IMAGE_TYPE_2D, VK_IMAGE_TILING_OPTIMAL,
         VK_IMAGE_USAGE_STORAGE_BIT, 0},
        {"depth-3d", VK_FORMAT_D32_SFLOAT, VK_IMAGE_TYPE_3D, VK_IMAGE_TILING_OPTIMAL,
         VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT, 0},
        {"linear-depth", VK_FORMAT_D32_SFLOAT, VK_IMAGE_TYPE_2D, VK_IMAGE_TILING_LINEAR,
         VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT, 0},
        {"linear-3d", VK_FORMAT_R8_UNORM, VK_IMAGE_TYPE_3D, VK_IMAGE_TILING_LINEAR,
         VK_IMAGE_USAGE_TRANSFER_SRC_BIT, 0},
        {"cube", VK_FORMAT_R8G8B8A8_UNORM, VK_IMAGE_TYPE_2D, VK_IMAGE_TILING_OPTIMAL,
         VK_IMAGE_USAGE_SAMPLED_BIT, VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT},
        {"scaled-1d", VK_FORMAT_R8G8_USCALED, VK_IMAGE_TYPE_1D, VK_IMAGE_TILING_OPTIMAL,
         VK_IMAGE_USAGE_SAMPLED_BIT, 0},
    };

    for (size_t i = 0; i < PROG_ARRAY_SIZE(cases); i++) {
        VkPhysicalDeviceImageFormatInfo2 info = {
            .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
            .format = cases[i].format,
            .type = cases[i].type,
            .tiling = cases[i].tiling,
            .usage = cases[i].usage,
            .flags = cases[i].flags,
        };
        VkImageFormatProperties2 properties = {
            .sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2,
        };
        const VkImageFormatProperties *f = &properties.imageFormatProperties;
        VkResult result =
            vkGetPhysicalDeviceImageFormatProperties2(p->physical, &info, &properties);

        if (result == VK_SUCCESS)
            prog_print("formats", cases[i].name, "%ux%ux%u, %u levels, %u layers, samples 0x%x",
                       f->maxExtent.width, f->maxExtent.height, f->maxExtent.depth, f->maxMipLevels,
                       f->maxArrayLayers, f->sampleCounts);
        else
            prog_print("formats", cases[i].name, "%s", result_name(result));
    }
}

/* Instances and devices that cannot be made. */
static void run_creation(struct prog *p)
{
    const char *missing = "VK_XYZ_not_there";
    const float priority = 1.0f;
    VkInstanceCreateInfo instance_info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .enabledExtensionCount = 1,
        .ppEnabledExtensionNames = &missing,
    };
    VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = p->family,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    VkDeviceCreateInfo device_info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
    };
    VkPhysicalDeviceFeatures supported, wanted = {0};
    VkInstance instance = VK_NULL_HANDLE;
    VkDevice device = VK_NULL_HANDLE;

    prog_print("creation", "instance-extension", "%s",
               result_name(vkCreateInstance(&instance_info, NULL, &instance)));
    instance_info.enabledExtensionCount = 0;
    instance_info.enabledLayerCount = 1;
    instance_info.ppEnabledLayerNames = &missing;
    prog_print("creation", "instance-layer", "%s",
               result_name(vkCreateInstance(&instance_info, NULL, &instance)));

    if (p->validate) {
        prog_skip_part("device-creation", "the layer says that missing extensions are errors");
    } else {
        device_info.enabledExtensionCount = 1;
        device_info.ppEnabledExtensionNames = &missing;
        prog_print("device-creation", "extension", "%s",
                   result_name(vkCreateDevice(p->physical, &device_info, NULL, &device)));
        device_info.enabledExtensionCount = 0;
        vkGetPhysicalDeviceFeatures(p->physical, &supported);
        for (size_t i = 0; i < sizeof(wanted) / sizeof(VkBool32); i++)
            ((VkBool32 *)&wanted)[i] = !((const VkBool32 *)&supported)[i];
        device_info.pEnabledFeatures = &wanted;
        prog_print("device-creation", "features", "%s",
                   result_name(vkCreateDevice(p->physical, &device_info, NULL, &device)));
    }

    /* And one more that can, beside the first. */
    device_info.pEnabledFeatures = NULL;
    CHECK(vkCreateDevice(p->physical, &device_info, NULL, &device));
    vkDestroyDevice(device, NULL);
    prog_print("creation", "second-device", "success");
}

/* Null handles may be destroyed, and lists may be empty. */
static void run_nothing(struct prog *p)
{
    VkDevice d = p->device;
    VkCommandBuffer none = VK_NULL_HANDLE;

    vkDestroyBuffer(d, VK_NULL_HANDLE, NULL);
    vkDestroyImage(d, VK_NULL_HANDLE, NULL);
    vkDestroyImageView(d, VK_NULL_HANDLE, NULL);
    vkDestroyBufferView(d, VK_NULL_HANDLE, NULL);
    vkDestroySampler(d, VK_NULL_HANDLE, NULL);
    vkDestroyPipeline(d, VK_NULL_HANDLE, NULL);
    vkDestroyPipelineCache(d, VK_NULL_HANDLE, NULL);
    vkDestroyPipelineLayout(d, VK_NULL_HANDLE, NULL);
    vkDestroyDescriptorSetLayout(d, VK_NULL_HANDLE, NULL);
    vkDestroyDescriptorPool(d, VK_NULL_HANDLE, NULL);
    vkDestroyCommandPool(d, VK_NULL_HANDLE, NULL);
    vkDestroyRenderPass(d, VK_NULL_HANDLE, NULL);
    vkDestroyFramebuffer(d, VK_NULL_HANDLE, NULL);
    vkDestroyShaderModule(d, VK_NULL_HANDLE, NULL);
    vkDestroyFence(d, VK_NULL_HANDLE, NULL);
    vkDestroySemaphore(d, VK_NULL_HANDLE, NULL);
    vkDestroyEvent(d, VK_NULL_HANDLE, NULL);
    vkDestroyQueryPool(d, VK_NULL_HANDLE, NULL);
    vkFreeMemory(d, VK_NULL_HANDLE, NULL);
    vkFreeCommandBuffers(d, p->pool, 1, &none);
    vkUpdateDescriptorSets(d, 0, NULL, 0, NULL);
    CHECK(vkQueueSubmit(p->queue, 0, NULL, VK_NULL_HANDLE));
    CHECK(vkQueueWaitIdle(p->queue));
    CHECK(vkDeviceWaitIdle(d));
    prog_print("nothing", "done", "yes");
}

/* Layouts and queries of the smallest and largest kinds. */
static void run_layout_support(struct prog *p)
{
    const uint32_t counts[] = {0, 1, 1000, 100000000};

    for (size_t i = 0; i < PROG_ARRAY_SIZE(counts); i++) {
        const VkDescriptorSetLayoutBinding binding = {
            7, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, counts[i], VK_SHADER_STAGE_ALL, NULL,
        };
        VkDescriptorSetLayoutCreateInfo info = {
            .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
            .bindingCount = 1,
            .pBindings = &binding,
        };
        VkDescriptorSetLayoutSupport support = {
            .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_SUPPORT,
        };
        char name[32];

        vkGetDescriptorSetLayoutSupport(p->device, &info, &support);
        snprintf(name, sizeof(name), "buffers-%u", counts[i]);
        prog_print("layout-support", name, "%s", support.supported ? "yes" : "no");
    }
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "errors",
        .summary = "Makes calls that legally give something else than success.",
    };
    struct prog p;

    prog_init(&p, argc, argv, &about);
    run_short_arrays(&p);
    run_formats(&p);
    run_creation(&p);
    run_nothing(&p);
    run_layout_support(&p);
    return prog_finish(&p);
}
