/* SPDX-License-Identifier: MIT */
/* Transfer commands: copies of odd sizes, fills, updates, clears, and very long commands. */
#include "common.h"

static const VkBufferUsageFlags usage =
    VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;

/* Copies all of a device buffer to the host and prints its hash. */
static void report_buffer(struct prog *p, const char *part, const char *name,
                          const struct prog_buffer *b)
{
    VkBufferCopy copy = {.size = b->size};
    struct prog_buffer to;
    VkCommandBuffer cmd;

    prog_buffer_create(p, &to, b->size, usage, PROG_HOST);
    cmd = prog_begin(p);
    prog_barrier(cmd);
    vkCmdCopyBuffer(cmd, b->buffer, to.buffer, 1, &copy);
    prog_barrier(cmd);
    prog_end(p, cmd);
    prog_hash(part, name, to.map, b->size);
    prog_buffer_destroy(p, &to);
}

/* The largest vkCmdUpdateBuffer, 64 KiB, several times, and small ones. */
static void run_update(struct prog *p)
{
    const uint32_t largest = 65536;
    uint8_t *data = malloc(largest);
    struct prog_buffer b;
    VkCommandBuffer cmd;

    for (uint32_t i = 0; i < largest; i++)
        data[i] = (uint8_t)(i * 131 >> 3);
    prog_buffer_create(p, &b, 1 << 20, usage, PROG_DEVICE);
    cmd = prog_begin(p);
    vkCmdFillBuffer(cmd, b.buffer, 0, VK_WHOLE_SIZE, 0);
    prog_barrier(cmd);
    for (uint32_t i = 0; i < 12; i++) {
        data[0] = (uint8_t)i;
        data[largest - 1] = (uint8_t)~i;
        vkCmdUpdateBuffer(cmd, b.buffer, i * 70000u & ~3u, largest, data);
    }
    for (uint32_t size = 4; size <= 4096; size += 4 + size / 3 / 4 * 4) {
        prog_barrier(cmd);
        vkCmdUpdateBuffer(cmd, b.buffer, 900000 + size, size, data + size);
    }
    prog_end(p, cmd);
    report_buffer(p, "update", "data", &b);
    prog_buffer_destroy(p, &b);
    free(data);
}

static void run_fill(struct prog *p)
{
    struct prog_buffer b;
    VkCommandBuffer cmd;

    prog_buffer_create(p, &b, 10007, usage, PROG_DEVICE);
    cmd = prog_begin(p);
    /* VK_WHOLE_SIZE fills down to a multiple of 4; the 3 bytes after it are not defined. */
    vkCmdFillBuffer(cmd, b.buffer, 0, VK_WHOLE_SIZE, 0x11223344);
    prog_barrier(cmd);
    for (uint32_t i = 0; i < 50; i++)
        vkCmdFillBuffer(cmd, b.buffer, i * 200, 4 * (i + 1) > 200 ? 200 : 4 * (i + 1),
                        i * 0x01030507u);
    prog_barrier(cmd);
    vkCmdFillBuffer(cmd, b.buffer, 9000, 1004, 0xffffffff);
    prog_end(p, cmd);
    b.size = 10004;
    report_buffer(p, "fill", "data", &b);
    prog_buffer_destroy(p, &b);
}

/* Regions of every size from 1 on, at odd offsets. */
static void run_odd_copies(struct prog *p)
{
    struct prog_buffer from, to;
    VkBufferCopy regions[200];
    VkCommandBuffer cmd;
    uint32_t at = 0, wrong = 0;

    prog_buffer_create(p, &from, 65536, usage, PROG_HOST);
    prog_buffer_create(p, &to, 65536, usage, PROG_HOST);
    for (uint32_t i = 0; i < 65536; i++)
        ((uint8_t *)from.map)[i] = (uint8_t)(i ^ i >> 8);
    for (uint32_t i = 0; i < 200; i++) {
        regions[i] = (VkBufferCopy){60000 - at - i, at, i + 1};
        at += i + 3;
    }
    cmd = prog_begin(p);
    vkCmdCopyBuffer(cmd, from.buffer, to.buffer, 200, regions);
    prog_barrier(cmd);
    prog_end(p, cmd);
    for (uint32_t i = 0; i < 200; i++)
        wrong += memcmp((char *)from.map + regions[i].srcOffset,
                        (char *)to.map + regions[i].dstOffset, regions[i].size) != 0;
    EXPECT(wrong == 0, "odd-copies: %u regions differ", wrong);
    prog_hash("odd-copies", "data", to.map, 65536);
    prog_buffer_destroy(p, &from);
    prog_buffer_destroy(p, &to);
}

/* One command with thousands of regions: longer than the ring. */
static void run_many_regions(struct prog *p)
{
    const uint32_t count = 12000;
    VkBufferCopy *regions = malloc(count * sizeof(*regions));
    struct prog_buffer from, to;
    VkCommandBuffer cmd;
    uint32_t wrong = 0;

    prog_buffer_create(p, &from, count * 4, usage, PROG_HOST);
    prog_buffer_create(p, &to, count * 4, usage, PROG_HOST);
    for (uint32_t i = 0; i < count; i++) {
        ((uint32_t *)from.map)[i] = i * 2654435761u;
        regions[i] = (VkBufferCopy){4ull * i, 4ull * (count - 1 - i), 4};
    }
    cmd = prog_begin(p);
    vkCmdCopyBuffer(cmd, from.buffer, to.buffer, count, regions);
    prog_barrier(cmd);
    prog_end(p, cmd);
    for (uint32_t i = 0; i < count; i++)
        wrong += ((uint32_t *)to.map)[count - 1 - i] != i * 2654435761u;
    EXPECT(wrong == 0, "many-regions: %u words differ", wrong);
    prog_hash("many-regions", "data", to.map, count * 4);
    prog_buffer_destroy(p, &from);
    prog_buffer_destroy(p, &to);
    free(regions);
}

/* Many small commands in one buffer, so that the stream is long too. */
static void run_many_commands(struct prog *p)
{
    const uint32_t count = 30000;
    struct prog_buffer b;
    VkCommandBuffer cmd;
    uint32_t wrong = 0;

    prog_buffer_create(p, &b, count * 4, usage, PROG_HOST);
    cmd = prog_begin(p);
    for (uint32_t i = 0; i < count; i++)
        vkCmdFillBuffer(cmd, b.buffer, 4ull * i, 4, i ^ 0xa5a5);
    prog_barrier(cmd);
    prog_end(p, cmd);
    for (uint32_t i = 0; i < count; i++)
        wrong += ((uint32_t *)b.map)[i] != (i ^ 0xa5a5);
    EXPECT(wrong == 0, "many-commands: %u words differ", wrong);
    prog_hash("many-commands", "data", b.map, count * 4);
    prog_buffer_destroy(p, &b);
}

static void copy_image(VkCommandBuffer cmd, const struct prog_image *image,
                       VkImageAspectFlags aspect, uint32_t layer, uint32_t level,
                       const struct prog_buffer *to, VkDeviceSize offset)
{
    VkBufferImageCopy region = {
        .bufferOffset = offset,
        .imageSubresource = {aspect, level, layer, 1},
        .imageExtent = {image->extent.width >> level, image->extent.height >> level, 1},
    };

    vkCmdCopyImageToBuffer(cmd, image->image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, to->buffer, 1,
                           &region);
}

/* vkCmdClearColorImage with float, signed and unsigned values; layers and levels apart. */
static void run_clear_color(struct prog *p)
{
    static const struct {
        const char *name;
        VkFormat format;
        VkClearColorValue value;
        uint32_t size;
    } cases[] = {
        {"unorm", VK_FORMAT_R8G8B8A8_UNORM, {.float32 = {0.25f, 0.5f, 0.75f, 1.0f}}, 4},
        {"sint", VK_FORMAT_R32G32_SINT, {.int32 = {-5, 77, 0, 0}}, 8},
        {"uint", VK_FORMAT_R32G32B32A32_UINT, {.uint32 = {1, 0x80000000u, 3, 4}}, 16},
        {"float", VK_FORMAT_R32G32B32A32_SFLOAT, {.float32 = {-1.5f, 1e20f, 0.1f, -0.0f}}, 16},
    };

    for (size_t i = 0; i < PROG_ARRAY_SIZE(cases); i++) {
        VkImageCreateInfo info = {
            .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
            .imageType = VK_IMAGE_TYPE_2D,
            .format = cases[i].format,
            .extent = {32, 16, 1},
            .mipLevels = 2,
            .arrayLayers = 3,
            .samples = VK_SAMPLE_COUNT_1_BIT,
            .usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
        };
        const VkImageSubresourceRange ranges[2] = {
            {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 1, 2},
            {VK_IMAGE_ASPECT_COLOR_BIT, 1, 1, 0, 1},
        };
        const VkImageSubresourceRange all = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 2, 0, 3};
        const VkClearColorValue zero = {.uint32 = {0}};
        const uint32_t layer_size = 32 * 16 * cases[i].size;
        struct prog_image image;
        struct prog_buffer to;
        VkCommandBuffer cmd = prog_begin(p);

        prog_image_create(p, &image, &info, VK_IMAGE_VIEW_TYPE_2D_ARRAY);
        prog_buffer_create(p, &to, layer_size * 6, usage, PROG_HOST);
        prog_image_layout(cmd, &image, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_GENERAL);
        vkCmdClearColorImage(cmd, image.image, VK_IMAGE_LAYOUT_GENERAL, &zero, 1, &all);
        prog_barrier(cmd);
        vkCmdClearColorImage(cmd, image.image, VK_IMAGE_LAYOUT_GENERAL, &cases[i].value, 2, ranges);
        prog_image_layout(cmd, &image, VK_IMAGE_LAYOUT_GENERAL,
                          VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
        for (uint32_t layer = 0; layer < 3; layer++)
            for (uint32_t level = 0; level < 2; level++)
                copy_image(cmd, &image, VK_IMAGE_ASPECT_COLOR_BIT, layer, level, &to,
                           (layer * 2 + level) * layer_size);
        prog_barrier(cmd);
        prog_end(p, cmd);
        prog_hash("clear-color", cases[i].name, to.map, layer_size * 6);
        prog_buffer_destroy(p, &to);
        prog_image_destroy(p, &image);
    }
}

static void run_clear_depth(struct prog *p)
{
    const VkFormat format = VK_FORMAT_D32_SFLOAT_S8_UINT;
    const VkClearDepthStencilValue value = {0.375f, 0xa7};
    VkFormatProperties properties;
    VkImageSubresourceRange range = {VK_IMAGE_ASPECT_DEPTH_BIT | VK_IMAGE_ASPECT_STENCIL_BIT, 0, 1,
                                     0, 1};
    struct prog_image image;
    struct prog_buffer to;
    VkCommandBuffer cmd;

    vkGetPhysicalDeviceFormatProperties(p->physical, format, &properties);
    if (!(properties.optimalTilingFeatures & VK_FORMAT_FEATURE_DEPTH_STENCIL_ATTACHMENT_BIT)) {
        prog_skip_part("clear-depth", "needs D32_SFLOAT_S8_UINT");
        return;
    }
    prog_image_create_2d(p, &image, format, 16, 16,
                         VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT);
    prog_buffer_create(p, &to, 16 * 16 * 5, usage, PROG_HOST);
    cmd = prog_begin(p);
    prog_image_layout(cmd, &image, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    vkCmdClearDepthStencilImage(cmd, image.image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, &value, 1,
                                &range);
    prog_image_layout(cmd, &image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                      VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
    copy_image(cmd, &image, VK_IMAGE_ASPECT_DEPTH_BIT, 0, 0, &to, 0);
    copy_image(cmd, &image, VK_IMAGE_ASPECT_STENCIL_BIT, 0, 0, &to, 1024);
    prog_barrier(cmd);
    prog_end(p, cmd);
    EXPECT(((float *)to.map)[17] == 0.375f, "clear-depth: depth is %f", ((float *)to.map)[17]);
    EXPECT(((uint8_t *)to.map)[1024 + 17] == 0xa7, "clear-depth: wrong stencil");
    prog_hash("clear-depth", "data", to.map, 16 * 16 * 5);
    prog_buffer_destroy(p, &to);
    prog_image_destroy(p, &image);
}

/* Parts of images: row lengths, offsets, image to image, several regions. */
static void run_image_regions(struct prog *p)
{
    const VkImageUsageFlags image_usage =
        VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
    const VkImageSubresourceLayers layers = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
    VkBufferImageCopy up[2] = {
        {0, 80, 70, layers, {0, 0, 0}, {64, 64, 1}},
        {4 * 3, 33, 0, layers, {5, 7, 0}, {31, 11, 1}},
    };
    VkImageCopy across[3] = {
        {layers, {0, 0, 0}, layers, {0, 0, 0}, {64, 64, 1}},
        {layers, {5, 5, 0}, layers, {40, 41, 0}, {13, 17, 1}},
        {layers, {63, 63, 0}, layers, {0, 0, 0}, {1, 1, 1}},
    };
    struct prog_image a, b;
    struct prog_buffer from, to;
    VkCommandBuffer cmd = prog_begin(p);

    prog_image_create_2d(p, &a, VK_FORMAT_R8G8B8A8_UINT, 64, 64, image_usage);
    prog_image_create_2d(p, &b, VK_FORMAT_R32_UINT, 64, 64, image_usage);
    prog_buffer_create(p, &from, 80 * 70 * 4, usage, PROG_HOST);
    prog_buffer_create(p, &to, 64 * 64 * 4, usage, PROG_HOST);
    for (uint32_t i = 0; i < 80 * 70; i++)
        ((uint32_t *)from.map)[i] = i * 0x9e3779b1u;
    prog_image_layout(cmd, &a, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    prog_image_layout(cmd, &b, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    for (uint32_t i = 0; i < 2; i++) {
        vkCmdCopyBufferToImage(cmd, from.buffer, a.image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1,
                               &up[i]);
        prog_barrier(cmd);
    }
    prog_image_layout(cmd, &a, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                      VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
    for (uint32_t i = 0; i < 3; i++) {
        vkCmdCopyImage(cmd, a.image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, b.image,
                       VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &across[i]);
        prog_barrier(cmd);
    }
    prog_image_layout(cmd, &b, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                      VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
    copy_image(cmd, &b, VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, &to, 0);
    prog_barrier(cmd);
    prog_end(p, cmd);
    EXPECT(((uint32_t *)to.map)[0] == ((uint32_t *)from.map)[63 * 80 + 63],
           "image-regions: wrong corner");
    prog_hash("image-regions", "data", to.map, 64 * 64 * 4);
    prog_buffer_destroy(p, &from);
    prog_buffer_destroy(p, &to);
    prog_image_destroy(p, &a);
    prog_image_destroy(p, &b);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "transfers",
        .summary = "Copies, fills, updates and clears buffers and images.",
    };
    struct prog p;

    prog_init(&p, argc, argv, &about);
    run_update(&p);
    run_fill(&p);
    run_odd_copies(&p);
    run_many_regions(&p);
    run_many_commands(&p);
    run_clear_color(&p);
    run_clear_depth(&p);
    run_image_regions(&p);
    return prog_finish(&p);
}
