/* SPDX-License-Identifier: MIT */
/* Copies between an image and data of the client: how much they access, and what the driver is asked
 * to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format.h"
#include "host_copy.h"
#include "internal.h"

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

/* ---- the commands ---- */

static struct venus_renderer *renderer;
static struct venus_context *context;
static struct venus_decoder *d;
static char message[1024];

static void on_log(enum venus_log_level level, const char *text)
{
    (void)level;
    strncpy(message, text, sizeof(message) - 1);
}

static int setup(void **state)
{
    static const struct venus_renderer_params params;
    static const struct venus_context_events events;
    (void)state;
    message[0] = '\0';
    venus_log_set(on_log, VENUS_LOG_ERROR);
    renderer = venus_renderer_create(&params);
    context = renderer ? venus_context_create(renderer, "test", &events, NULL) : NULL;
    if (!context)
        return -1;
    d = &context->virtqueue;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    venus_context_destroy(context);
    venus_renderer_destroy(renderer);
    return 0;
}

/* The client has failed, with `text` in the message; the next one gets a new context. */
static void assert_failed(const char *text)
{
    assert_true(d->fatal);
    assert_true(venus_context_is_fatal(context));
    if (!strstr(message, text))
        fail_msg("\"%s\" is not in \"%s\"", text, message);
    teardown(NULL);
    assert_int_equal(setup(NULL), 0);
}

#define IMAGE ((VkImage)(uintptr_t)0x1000)

#ifdef VK_EXT_host_image_copy

static uint8_t data[256];

static struct {
    int to_memory, to_image;
    uint32_t regions;
    const void *pointers[4];
    VkHostImageCopyFlagsEXT flags;
    uint64_t memcpy_size;
    VkResult result;
} driver;

static VKAPI_ATTR VkResult VKAPI_CALL to_memory(VkDevice device,
                                                const VkCopyImageToMemoryInfoEXT *info)
{
    (void)device;
    assert_ptr_equal(info->srcImage, IMAGE);
    assert_int_equal(info->srcImageLayout, VK_IMAGE_LAYOUT_GENERAL);
    assert_int_equal(info->regionCount, 1);
    driver.to_memory++;
    driver.flags = info->flags;
    driver.pointers[0] = info->pRegions[0].pHostPointer;
    assert_int_equal(info->pRegions[0].memoryRowLength, 6);
    assert_int_equal(info->pRegions[0].memoryImageHeight, 5);
    assert_int_equal(info->pRegions[0].imageOffset.x, 1);
    assert_int_equal(info->pRegions[0].imageExtent.width, 4);
    return driver.result;
}

static VKAPI_ATTR VkResult VKAPI_CALL to_image(VkDevice device,
                                               const VkCopyMemoryToImageInfoEXT *info)
{
    (void)device;
    assert_ptr_equal(info->dstImage, IMAGE);
    assert_in_range(info->regionCount, 1, 4);
    driver.to_image++;
    driver.flags = info->flags;
    driver.regions = info->regionCount;
    for (uint32_t i = 0; i < info->regionCount; i++) {
        driver.pointers[i] = info->pRegions[i].pHostPointer;
        assert_int_equal(info->pRegions[i].imageExtent.height, 4);
    }
    return driver.result;
}

static VKAPI_ATTR void VKAPI_CALL subresource_layout(VkDevice device, VkImage image,
                                                     const VkImageSubresource2EXT *subresource,
                                                     VkSubresourceLayout2EXT *layout)
{
    (void)device;
    assert_ptr_equal(image, IMAGE);
    assert_int_equal(subresource->imageSubresource.mipLevel, 2);
    VkSubresourceHostMemcpySizeEXT *size = layout->pNext;
    assert_int_equal(size->sType, VK_STRUCTURE_TYPE_SUBRESOURCE_HOST_MEMCPY_SIZE_EXT);
    size->size = driver.memcpy_size;
}

static struct venus_device device;
static struct venus_object device_object = {.data = &device};

/* A device with an image of 8 layers of one-byte texels. */
static int setup_device(void **state)
{
    static const VkImageCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .format = VK_FORMAT_R8_UNORM,
        .arrayLayers = 8,
        .usage = VK_IMAGE_USAGE_HOST_TRANSFER_BIT_EXT,
    };
    memset(&driver, 0, sizeof(driver));
    memset(&device, 0, sizeof(device));
    device.vk.CopyImageToMemory = to_memory;
    device.vk.CopyMemoryToImage = to_image;
    device.vk.GetImageSubresourceLayout2 = subresource_layout;
    venus_handle_map_init(&device.copied_images);
    return setup(state) ||
                   !venus_host_copy_remember(&device, (uint64_t)(uintptr_t)IMAGE, &info)
               ? -1
               : 0;
}

static int teardown_device(void **state)
{
    venus_handle_map_clear(&device.copied_images);
    return teardown(state);
}

/* Copy 4 x 4 texels, 6 to a row and 5 rows to a layer, out of an image. */
static VkResult copy_out(VkFlags flags, VkImageSubresourceLayers subresource, size_t size)
{
    const VkCopyImageToMemoryInfoMESA info = {
        .flags = flags,
        .srcImage = IMAGE,
        .srcImageLayout = VK_IMAGE_LAYOUT_GENERAL,
        .memoryRowLength = 6,
        .memoryImageHeight = 5,
        .imageSubresource = subresource,
        .imageOffset = {1, 2, 0},
        .imageExtent = {4, 4, 1},
    };
    struct venus_vkCopyImageToMemoryMESA args = {
        .pCopyImageToMemoryInfo = &info,
        .dataSize = size,
        .pData = data,
        .ret = VK_ERROR_UNKNOWN,
        .first = &device_object,
    };
    d->device = &device;
    venus_handle_vkCopyImageToMemoryMESA(d, &args);
    return args.ret;
}

static VkImageSubresourceLayers layers(uint32_t first, uint32_t count)
{
    return (VkImageSubresourceLayers){
        .aspectMask = VK_IMAGE_ASPECT_COLOR_BIT,
        .mipLevel = 2,
        .baseArrayLayer = first,
        .layerCount = count,
    };
}

#define ONE_LAYER (3 * 6 + 4)

static void test_out(void **state)
{
    (void)state;
    assert_int_equal(copy_out(0, layers(0, 1), ONE_LAYER), VK_SUCCESS);
    assert_ptr_equal(driver.pointers[0], data);
    /* The remaining layers of 8: two, five rows apart. */
    const uint32_t rest = VK_REMAINING_ARRAY_LAYERS;
    assert_int_equal(copy_out(0, layers(6, rest), 5 * 6 + ONE_LAYER), VK_SUCCESS);
    driver.result = VK_ERROR_DEVICE_LOST;
    assert_int_equal(copy_out(0, layers(0, 1), ONE_LAYER), VK_ERROR_DEVICE_LOST);
    assert_int_equal(driver.to_memory, 3);
    assert_false(d->fatal);

    copy_out(0, layers(0, 1), ONE_LAYER - 1);
    assert_failed("21 bytes of data where the copy of format 9 needs 22");
    copy_out(0, layers(6, rest), 5 * 6 + ONE_LAYER - 1);
    assert_failed("51 bytes of data where the copy of format 9 needs 52");
    copy_out(0, layers(8, rest), sizeof(data)); /* there are none */
    assert_failed("256 bytes of data where");
    copy_out(2, layers(0, 1), sizeof(data));
    assert_failed("flags 0x2");
    device.vk.CopyImageToMemory = NULL;
    copy_out(0, layers(0, 1), sizeof(data));
    assert_failed("the host driver does not have it");
    assert_int_equal(driver.to_memory, 3);
}

/* Images that are made for something else, and one that has got the handle of another. */
static void test_other_images(void **state)
{
    (void)state;
    VkImageCreateInfo info = {.format = VK_FORMAT_D16_UNORM_S8_UINT, .arrayLayers = 1};
    const uint64_t handle = (uint64_t)(uintptr_t)IMAGE;
    assert_true(venus_host_copy_remember(&device, handle, &info));
    copy_out(0, layers(0, 1), sizeof(data));
    assert_failed("the image is not for host copies");
    /* It is if only its stencil can be copied. */
    const VkImageStencilUsageCreateInfo stencil = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_STENCIL_USAGE_CREATE_INFO,
        .stencilUsage = VK_IMAGE_USAGE_HOST_TRANSFER_BIT_EXT,
    };
    info.pNext = &stencil;
    assert_true(venus_host_copy_remember(&device, handle, &info));
    VkImageSubresourceLayers subresource = layers(0, 1);
    subresource.aspectMask = VK_IMAGE_ASPECT_STENCIL_BIT;
    assert_int_equal(copy_out(0, subresource, ONE_LAYER), VK_SUCCESS);
    assert_int_equal(driver.to_memory, 1);
}

/* In the driver's own layout, only the driver knows how long the data is. */
static void test_memcpy(void **state)
{
    (void)state;
    const VkFlags flags = VK_HOST_IMAGE_COPY_MEMCPY_EXT;
    driver.memcpy_size = 100;
    assert_int_equal(copy_out(flags, layers(0, 2), 200), VK_SUCCESS);
    assert_int_equal(driver.flags, flags);
    copy_out(flags, layers(0, 2), 199);
    assert_failed("199 bytes of data where the copy of format 9 needs 200");
    driver.memcpy_size = UINT64_MAX / 2 + 1;
    copy_out(flags, layers(0, 2), sizeof(data));
    assert_failed("needs 0");
    device.vk.GetImageSubresourceLayout2 = NULL;
    copy_out(flags, layers(0, 1), sizeof(data));
    assert_failed("needs 0");
    assert_int_equal(driver.to_memory, 1);
}

static VkResult copy_in(uint32_t count, const VkMemoryToImageCopyMESA *regions)
{
    const VkCopyMemoryToImageInfoMESA info = {
        .dstImage = IMAGE,
        .dstImageLayout = VK_IMAGE_LAYOUT_GENERAL,
        .regionCount = count,
        .pRegions = regions,
    };
    struct venus_vkCopyMemoryToImageMESA args = {
        .pCopyMemoryToImageInfo = &info,
        .ret = VK_ERROR_UNKNOWN,
        .first = &device_object,
    };
    d->device = &device;
    venus_handle_vkCopyMemoryToImageMESA(d, &args);
    return args.ret;
}

static void test_in(void **state)
{
    (void)state;
    VkMemoryToImageCopyMESA regions[2];
    for (int i = 0; i < 2; i++)
        regions[i] = (VkMemoryToImageCopyMESA){
            .dataSize = 16,
            .pData = data + 16 * i,
            .imageSubresource = layers((uint32_t)i, 1),
            .imageExtent = {4, 4, 1},
        };
    assert_int_equal(copy_in(2, regions), VK_SUCCESS);
    assert_int_equal(driver.regions, 2);
    assert_ptr_equal(driver.pointers[1], data + 16);
    driver.result = VK_ERROR_OUT_OF_HOST_MEMORY;
    assert_int_equal(copy_in(1, regions), VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_int_equal(driver.to_image, 2);
    assert_false(d->fatal);

    regions[1].dataSize = 15;
    copy_in(2, regions);
    assert_failed("15 bytes of data where the copy of format 9 needs 16");
    regions[0].pData = NULL; /* whatever its size */
    copy_in(1, regions);
    assert_failed("0 bytes of data where the copy of format 9 needs 16");
    copy_in(0, regions);
    assert_failed("no regions");
    copy_in(1, NULL);
    assert_failed("no regions");
    copy_in(UINT32_MAX, regions);
    assert_failed("no memory for 4294967295 elements");
    device.vk.CopyMemoryToImage = NULL;
    copy_in(1, regions);
    assert_failed("the host driver does not have it");
    assert_int_equal(driver.to_image, 2);
}

#else

/* Without the extension in the registry nobody offers the commands, but they can be sent. */
static void test_not_built_in(void **state)
{
    (void)state;
    const VkImageCreateInfo info = {.arrayLayers = 1};
    assert_true(venus_host_copy_remember(NULL, (uint64_t)(uintptr_t)IMAGE, &info));
    struct venus_vkCopyImageToMemoryMESA out = {.ret = VK_ERROR_UNKNOWN};
    venus_handle_vkCopyImageToMemoryMESA(d, &out);
    assert_failed("this build's registry has no VK_EXT_host_image_copy");
    struct venus_vkCopyMemoryToImageMESA in = {.ret = VK_ERROR_UNKNOWN};
    venus_handle_vkCopyMemoryToImageMESA(d, &in);
    assert_failed("this build's registry has no VK_EXT_host_image_copy");
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tight),
        cmocka_unit_test(test_pitch),
        cmocka_unit_test(test_aspects),
        cmocka_unit_test(test_nonsense),
#ifdef VK_EXT_host_image_copy
        cmocka_unit_test_setup_teardown(test_out, setup_device, teardown_device),
        cmocka_unit_test_setup_teardown(test_other_images, setup_device, teardown_device),
        cmocka_unit_test_setup_teardown(test_memcpy, setup_device, teardown_device),
        cmocka_unit_test_setup_teardown(test_in, setup_device, teardown_device),
#else
        cmocka_unit_test_setup_teardown(test_not_built_in, setup, teardown),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
