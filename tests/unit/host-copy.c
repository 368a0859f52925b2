/* SPDX-License-Identifier: MIT */
/* How much data a copy between an image and memory accesses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "format.h"
#include "host_copy.h"

static struct venus_host_copy_region region(uint32_t width, uint32_t height, uint32_t depth)
{
    return (struct venus_host_copy_region){
        .subresource = { .aspectMask = VK_IMAGE_ASPECT_COLOR_BIT, .layerCount = 1 },
        .extent = { width, height, depth },
    };
}

static void test_tight(void **state)
{
    (void)state;
    struct venus_host_copy_region r = region(10, 7, 1);
    assert_int_equal(venus_host_copy_size(VK_FORMAT_R8G8B8A8_UNORM, 1, &r), 10 * 7 * 4);
    assert_int_equal(venus_host_copy_size(VK_FORMAT_R8G8B8A8_UNORM, 3, &r), 3 * 10 * 7 * 4);
    r.extent.depth = 5;
    assert_int_equal(venus_host_copy_size(VK_FORMAT_R16_SFLOAT, 1, &r), 5 * 10 * 7 * 2);
    /* Blocks that stick out count whole. */
    r = region(9, 5, 1);
    assert_int_equal(venus_host_copy_size(VK_FORMAT_BC1_RGB_UNORM_BLOCK, 1, &r), 3 * 2 * 8);
    assert_int_equal(venus_host_copy_size(VK_FORMAT_ASTC_8x5_UNORM_BLOCK, 1, &r), 2 * 1 * 16);
    assert_int_equal(venus_host_copy_size(VK_FORMAT_G8B8G8R8_422_UNORM, 1, &r), 5 * 5 * 4);
}

static void test_pitch(void **state)
{
    (void)state;
    struct venus_host_copy_region r = region(10, 7, 1);
    r.row_length = 16;
    r.image_height = 20;
    /* The last row ends with the last texel, and so does the last layer. */
    assert_int_equal(venus_host_copy_size(VK_FORMAT_R8_UNORM, 1, &r), 6 * 16 + 10);
    assert_int_equal(venus_host_copy_size(VK_FORMAT_R8_UNORM, 2, &r), 20 * 16 + 6 * 16 + 10);
    r.row_length = 9; /* shorter than the rows */
    assert_int_equal(venus_host_copy_size(VK_FORMAT_R8_UNORM, 1, &r), 0);
    r.row_length = 0;
    r.image_height = 6;
    assert_int_equal(venus_host_copy_size(VK_FORMAT_R8_UNORM, 1, &r), 0);
}

static void test_aspects(void **state)
{
    (void)state;
    struct venus_host_copy_region r = region(4, 4, 1);
    static const struct {
        VkFormat format;
        VkImageAspectFlags aspect;
        uint64_t size;
    } cases[] = {
        { VK_FORMAT_D32_SFLOAT_S8_UINT, VK_IMAGE_ASPECT_DEPTH_BIT, 64 },
        { VK_FORMAT_D32_SFLOAT_S8_UINT, VK_IMAGE_ASPECT_STENCIL_BIT, 16 },
        { VK_FORMAT_D24_UNORM_S8_UINT, VK_IMAGE_ASPECT_DEPTH_BIT, 64 },
        { VK_FORMAT_D16_UNORM, VK_IMAGE_ASPECT_DEPTH_BIT, 32 },
        { VK_FORMAT_D16_UNORM, VK_IMAGE_ASPECT_STENCIL_BIT, 0 },
        { VK_FORMAT_S8_UINT, VK_IMAGE_ASPECT_STENCIL_BIT, 16 },
        { VK_FORMAT_S8_UINT, VK_IMAGE_ASPECT_DEPTH_BIT, 0 },
        { VK_FORMAT_D16_UNORM, VK_IMAGE_ASPECT_COLOR_BIT, 0 },
        { VK_FORMAT_R8_UNORM, VK_IMAGE_ASPECT_DEPTH_BIT, 0 },
        { VK_FORMAT_R8_UNORM, VK_IMAGE_ASPECT_PLANE_0_BIT, 0 },
        { VK_FORMAT_R8_UNORM, 0, 0 },
        { VK_FORMAT_R8_UNORM, VK_IMAGE_ASPECT_COLOR_BIT | VK_IMAGE_ASPECT_DEPTH_BIT, 0 },
        { VK_FORMAT_G8_B8R8_2PLANE_420_UNORM, VK_IMAGE_ASPECT_PLANE_0_BIT, 16 },
        { VK_FORMAT_G8_B8R8_2PLANE_420_UNORM, VK_IMAGE_ASPECT_PLANE_1_BIT, 32 },
        { VK_FORMAT_G8_B8R8_2PLANE_420_UNORM, VK_IMAGE_ASPECT_PLANE_2_BIT, 0 },
        { VK_FORMAT_G16_B16_R16_3PLANE_444_UNORM, VK_IMAGE_ASPECT_PLANE_2_BIT, 32 },
        { VK_FORMAT_G8_B8R8_2PLANE_420_UNORM, VK_IMAGE_ASPECT_COLOR_BIT, 0 },
        { VK_FORMAT_UNDEFINED, VK_IMAGE_ASPECT_COLOR_BIT, 0 },
        { (VkFormat)0x7fffffff, VK_IMAGE_ASPECT_COLOR_BIT, 0 },
        { (VkFormat)-1, VK_IMAGE_ASPECT_COLOR_BIT, 0 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        r.subresource.aspectMask = cases[i].aspect;
        assert_int_equal(venus_host_copy_size(cases[i].format, 1, &r), cases[i].size);
    }
}

static void test_nonsense(void **state)
{
    (void)state;
    struct venus_host_copy_region r = region(0, 1, 1);
    assert_int_equal(venus_host_copy_size(VK_FORMAT_R8_UNORM, 1, &r), 0);
    r = region(1, 0, 1);
    assert_int_equal(venus_host_copy_size(VK_FORMAT_R8_UNORM, 1, &r), 0);
    r = region(1, 1, 0);
    assert_int_equal(venus_host_copy_size(VK_FORMAT_R8_UNORM, 1, &r), 0);
    r = region(1, 1, 1);
    assert_int_equal(venus_host_copy_size(VK_FORMAT_R8_UNORM, 0, &r), 0);
    /* More than 64 bits can say. */
    r = region(UINT32_MAX, UINT32_MAX, 1);
    assert_int_equal(venus_host_copy_size(VK_FORMAT_R8_UNORM, 1, &r),
                     (uint64_t)UINT32_MAX * UINT32_MAX);
    assert_int_equal(venus_host_copy_size(VK_FORMAT_R8_UNORM, 2, &r), 0);
    assert_int_equal(venus_host_copy_size(VK_FORMAT_R64G64B64A64_UINT, 1, &r), 0);
    r = region(UINT32_MAX, UINT32_MAX, UINT32_MAX);
    assert_int_equal(venus_host_copy_size(VK_FORMAT_R8_UNORM, UINT32_MAX, &r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tight),
        cmocka_unit_test(test_pitch),
        cmocka_unit_test(test_aspects),
        cmocka_unit_test(test_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
