/* SPDX-License-Identifier: MIT */
/* Sparse buffers and images: bound piece by piece, moved to other memory, unbound. */
#include "common.h"

#include <inttypes.h>

#define PIECES 6u

static VkDeviceMemory allocate(struct prog *p, VkDeviceSize size, uint32_t type_bits)
{
    VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = size,
        .memoryTypeIndex = prog_memory_type(p, type_bits, PROG_DEVICE),
    };
    VkDeviceMemory memory;

    CHECK(vkAllocateMemory(p->device, &info, NULL, &memory));
    return memory;
}

static void bind_wait(struct prog *p, const VkBindSparseInfo *info)
{
    VkFenceCreateInfo fence_info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkFence fence;

    CHECK(vkCreateFence(p->device, &fence_info, NULL, &fence));
    CHECK(vkQueueBindSparse(p->queue, 1, info, fence));
    CHECK(vkWaitForFences(p->device, 1, &fence, VK_TRUE, PROG_NO_TIMEOUT));
    vkDestroyFence(p->device, fence, NULL);
}

static void bind_buffer(struct prog *p, VkBuffer buffer, const VkSparseMemoryBind *binds,
                        uint32_t count)
{
    const VkSparseBufferMemoryBindInfo buffer_info = {buffer, count, binds};
    const VkBindSparseInfo info = {
        .sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
        .bufferBindCount = 1,
        .pBufferBinds = &buffer_info,
    };

    bind_wait(p, &info);
}

/* The buffer to the host; the hash under @p name. */
static void report(struct prog *p, VkBuffer buffer, VkDeviceSize size, const char *name)
{
    const VkBufferCopy copy = {.size = size};
    struct prog_buffer to;
    VkCommandBuffer cmd = prog_begin(p);

    prog_buffer_create(p, &to, size, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_HOST);
    prog_barrier(cmd);
    vkCmdCopyBuffer(cmd, buffer, to.buffer, 1, &copy);
    prog_barrier(cmd);
    prog_end(p, cmd);
    prog_hash("buffer", name, to.map, size);
    prog_buffer_destroy(p, &to);
}

/* Pieces in reverse order over two allocations; then two of them change places. */
static void run_buffer(struct prog *p)
{
    VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .flags = VK_BUFFER_CREATE_SPARSE_BINDING_BIT,
        .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
        .size = 1,
    };
    VkSparseMemoryBind binds[PIECES], swapped[2];
    VkDeviceMemory memories[2];
    VkMemoryRequirements needs;
    VkDeviceSize piece;
    VkBuffer buffer;
    VkCommandBuffer cmd;

    /* A small one tells the size of a page. */
    CHECK(vkCreateBuffer(p->device, &info, NULL, &buffer));
    vkGetBufferMemoryRequirements(p->device, buffer, &needs);
    vkDestroyBuffer(p->device, buffer, NULL);
    piece = needs.alignment;
    info.size = piece * PIECES;
    CHECK(vkCreateBuffer(p->device, &info, NULL, &buffer));
    vkGetBufferMemoryRequirements(p->device, buffer, &needs);
    prog_print("buffer", "needs", "%" PRIu64 " bytes in pages of %" PRIu64, needs.size,
               needs.alignment);

    for (uint32_t i = 0; i < 2; i++)
        memories[i] = allocate(p, piece * PIECES / 2, needs.memoryTypeBits);
    for (uint32_t i = 0; i < PIECES; i++)
        binds[i] = (VkSparseMemoryBind){
            .resourceOffset = piece * (PIECES - 1 - i),
            .size = piece,
            .memory = memories[i % 2],
            .memoryOffset = piece * (i / 2),
        };
    bind_buffer(p, buffer, binds, PIECES);
    cmd = prog_begin(p);
    for (uint32_t i = 0; i < PIECES; i++)
        vkCmdFillBuffer(cmd, buffer, piece * i, piece, 0x01010101u * (i + 1));
    prog_end(p, cmd);
    report(p, buffer, info.size, "bound");

    /* The contents stay with the memory, so the pieces change places. */
    swapped[0] = binds[0];
    swapped[1] = binds[3];
    swapped[0].resourceOffset = binds[3].resourceOffset;
    swapped[1].resourceOffset = binds[0].resourceOffset;
    bind_buffer(p, buffer, swapped, 2);
    report(p, buffer, info.size, "swapped");

    vkDestroyBuffer(p->device, buffer, NULL);
    for (uint32_t i = 0; i < 2; i++)
        vkFreeMemory(p->device, memories[i], NULL);
}

/* A fully bound sparse image, ordered by semaphores with what uses it. */
static void run_image(struct prog *p)
{
    const VkImageCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .flags = VK_IMAGE_CREATE_SPARSE_BINDING_BIT,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = VK_FORMAT_R8G8B8A8_UNORM,
        .extent = {256, 128, 1},
        .mipLevels = 1,
        .arrayLayers = 1,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
    };
    const VkSemaphoreCreateInfo semaphore_info = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
    };
    const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_TRANSFER_BIT;
    const VkClearColorValue color = {.float32 = {0.2f, 0.4f, 0.6f, 0.8f}};
    const VkImageSubresourceRange range = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    const VkBufferImageCopy region = {
        .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
        .imageExtent = info.extent,
    };
    struct prog_image image = {
        .aspect = VK_IMAGE_ASPECT_COLOR_BIT,
        .levels = 1,
        .layers = 1,
    };
    VkSparseMemoryBind bind = {0};
    VkSparseImageOpaqueMemoryBindInfo opaque = {.bindCount = 1, .pBinds = &bind};
    VkBindSparseInfo bind_info = {
        .sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO,
        .imageOpaqueBindCount = 1,
        .pImageOpaqueBinds = &opaque,
        .signalSemaphoreCount = 1,
    };
    VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .waitSemaphoreCount = 1,
        .pWaitDstStageMask = &stage,
        .commandBufferCount = 1,
    };
    VkMemoryRequirements needs;
    struct prog_buffer to;
    VkSemaphore semaphore;
    VkCommandBuffer cmd;

    CHECK(vkCreateImage(p->device, &info, NULL, &image.image));
    vkGetImageMemoryRequirements(p->device, image.image, &needs);
    prog_print("image", "needs", "%" PRIu64 " bytes in pages of %" PRIu64, needs.size,
               needs.alignment);
    image.memory = allocate(p, needs.size, needs.memoryTypeBits);
    prog_buffer_create(p, &to, 256 * 128 * 4, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_HOST);
    CHECK(vkCreateSemaphore(p->device, &semaphore_info, NULL, &semaphore));
    bind.size = needs.size;
    bind.memory = image.memory;
    opaque.image = image.image;
    bind_info.pSignalSemaphores = submit.pWaitSemaphores = &semaphore;

    CHECK(vkQueueBindSparse(p->queue, 1, &bind_info, VK_NULL_HANDLE));
    cmd = prog_begin(p);
    prog_image_layout(cmd, &image, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_GENERAL);
    vkCmdClearColorImage(cmd, image.image, VK_IMAGE_LAYOUT_GENERAL, &color, 1, &range);
    prog_barrier(cmd);
    vkCmdCopyImageToBuffer(cmd, image.image, VK_IMAGE_LAYOUT_GENERAL, to.buffer, 1, &region);
    prog_barrier(cmd);
    CHECK(vkEndCommandBuffer(cmd));
    submit.pCommandBuffers = &cmd;
    CHECK(vkQueueSubmit(p->queue, 1, &submit, VK_NULL_HANDLE));
    CHECK(vkQueueWaitIdle(p->queue));
    EXPECT(((uint8_t *)to.map)[0] == 51 && ((uint8_t *)to.map)[3] == 204, "image: wrong colour");
    prog_hash("image", "picture", to.map, 256 * 128 * 4);

    vkFreeCommandBuffers(p->device, p->pool, 1, &cmd);
    vkDestroySemaphore(p->device, semaphore, NULL);
    prog_buffer_destroy(p, &to);
    prog_image_destroy(p, &image);
}

/* What residency offers for some formats, as numbers. */
static void run_properties(struct prog *p)
{
    static const VkFormat formats[] = {VK_FORMAT_R8_UNORM, VK_FORMAT_R8G8B8A8_UNORM,
                                       VK_FORMAT_R32G32B32A32_SFLOAT};

    for (size_t i = 0; i < PROG_ARRAY_SIZE(formats); i++) {
        VkSparseImageFormatProperties list[4];
        uint32_t count = PROG_ARRAY_SIZE(list);
        char name[16];

        snprintf(name, sizeof(name), "format%u", formats[i]);
        vkGetPhysicalDeviceSparseImageFormatProperties(
            p->physical, formats[i], VK_IMAGE_TYPE_2D, VK_SAMPLE_COUNT_1_BIT,
            VK_IMAGE_USAGE_SAMPLED_BIT, VK_IMAGE_TILING_OPTIMAL, &count, list);
        prog_print("properties", name, "%u", count);
        for (uint32_t n = 0; n < count; n++)
            prog_print("properties", name, "aspect 0x%x, %ux%ux%u, flags 0x%x", list[n].aspectMask,
                       list[n].imageGranularity.width, list[n].imageGranularity.height,
                       list[n].imageGranularity.depth, list[n].flags);
    }
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "sparse",
        .summary = "Binds memory to sparse buffers and images.",
        .sparse = true,
    };
    VkQueueFamilyProperties families[16];
    uint32_t count = PROG_ARRAY_SIZE(families);
    struct prog p;

    prog_init(&p, argc, argv, &about);
    vkGetPhysicalDeviceQueueFamilyProperties(p.physical, &count, families);
    if (!p.features.sparseBinding || !(families[p.family].queueFlags & VK_QUEUE_SPARSE_BINDING_BIT))
        prog_skip(&p, "needs sparseBinding on the first queue");
    run_properties(&p);
    run_buffer(&p);
    run_image(&p);
    return prog_finish(&p);
}
