/* SPDX-License-Identifier: MIT */
/* Modifiers of our own in a question about an image that is not made; for the rest see device.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "internal.h"
#include "pnext.h"

#ifdef VK_KHR_maintenance5

/* ---- the driver ---- */

static unsigned questions;

static VKAPI_ATTR void VKAPI_CALL subresource_layout(VkDevice device,
                                                     const VkDeviceImageSubresourceInfoKHR *info,
                                                     VkSubresourceLayout2KHR *layout)
{
    (void)device;
    questions++;
    assert_int_equal(info->pCreateInfo->tiling, VK_IMAGE_TILING_LINEAR);
    assert_null(venus_pnext_find(info->pCreateInfo->pNext,
                                 VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_LIST_CREATE_INFO_EXT));
    assert_int_equal(info->pSubresource->imageSubresource.aspectMask, VK_IMAGE_ASPECT_COLOR_BIT);
    layout->subresourceLayout.rowPitch = 256;
}

static VKAPI_ATTR VkResult VKAPI_CALL no_external_image(
    VkPhysicalDevice gpu, const VkPhysicalDeviceImageFormatInfo2 *info,
    VkImageFormatProperties2 *properties)
{
    (void)gpu;
    (void)info;
    (void)properties;
    return VK_ERROR_FORMAT_NOT_SUPPORTED;
}

/* ---- the test ---- */

static void test_layout_without_an_image(void **state)
{
    (void)state;
    static const struct venus_renderer_params params;
    static const struct venus_context_events events;
    struct venus_renderer *renderer = venus_renderer_create(&params);
    struct venus_context *context = venus_context_create(renderer, "test", &events, NULL);
    static struct venus_instance instance;
    instance.vk.GetPhysicalDeviceImageFormatProperties2 = no_external_image;
    static struct venus_physical_device gpu = {.instance = &instance, .own_dma_bufs = true};
    gpu.memory.path = VENUS_MEMORY_HOST_IMPORT;
    static struct venus_device device = {.physical_device = &gpu};
    device.vk.GetDeviceImageSubresourceLayout = subresource_layout;
    struct venus_object object = {.data = &device};

    const uint64_t modifiers[] = {0x100000000000001, 0};
    VkImageDrmFormatModifierListCreateInfoEXT list = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_LIST_CREATE_INFO_EXT,
        .drmFormatModifierCount = 2,
        .pDrmFormatModifiers = modifiers,
    };
    const VkImageCreateInfo create_info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .pNext = &list,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = VK_FORMAT_R8G8B8A8_UNORM,
        .extent = {64, 64, 1},
        .mipLevels = 1,
        .arrayLayers = 1,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .tiling = VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT,
        .usage = VK_IMAGE_USAGE_SAMPLED_BIT,
    };
    const VkImageSubresource2KHR plane = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_SUBRESOURCE_2_KHR,
        .imageSubresource.aspectMask = VK_IMAGE_ASPECT_MEMORY_PLANE_0_BIT_EXT,
    };
    VkDeviceImageSubresourceInfoKHR info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_IMAGE_SUBRESOURCE_INFO_KHR,
        .pCreateInfo = &create_info,
        .pSubresource = &plane,
    };
    VkSubresourceLayout2KHR layout = {.sType = VK_STRUCTURE_TYPE_SUBRESOURCE_LAYOUT_2_KHR};
    struct venus_vkGetDeviceImageSubresourceLayout args = {
        .pInfo = &info,
        .pLayout = &layout,
        .first = &object,
    };
    venus_handle_vkGetDeviceImageSubresourceLayout(&context->virtqueue, &args);
    assert_int_equal(questions, 1);
    assert_int_equal(layout.subresourceLayout.rowPitch, 256);

    /* Of an image that cannot be: nothing, and no harm. */
    list.drmFormatModifierCount = 1;
    venus_handle_vkGetDeviceImageSubresourceLayout(&context->virtqueue, &args);
    assert_int_equal(questions, 1);
    assert_false(venus_context_is_fatal(context));

    info.pCreateInfo = NULL;
    venus_handle_vkGetDeviceImageSubresourceLayout(&context->virtqueue, &args);
    assert_true(venus_context_is_fatal(context));
    assert_int_equal(questions, 1);
    venus_context_destroy(context);
    venus_renderer_destroy(renderer);
}

#else

static void test_layout_without_an_image(void **state)
{
    (void)state;
    skip(); /* the registry has no such question */
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout_without_an_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
