/* SPDX-License-Identifier: MIT */
/* synchronization2: submissions, barriers and timestamps of the newer kind. */
#include "common.h"

#include "shaders/step.comp.h"

#define ELEMENTS 1024u

struct setup {
    struct prog_compute compute;
    struct prog_buffer data;
    PFN_vkQueueSubmit2 submit;
    PFN_vkCmdPipelineBarrier2 barrier;
};

static void memory_barrier(const struct setup *s, VkCommandBuffer cmd)
{
    VkMemoryBarrier2 memory = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2,
        .srcStageMask = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
        .srcAccessMask = VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT,
        .dstStageMask = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_2_HOST_BIT,
        .dstAccessMask = VK_ACCESS_2_SHADER_STORAGE_READ_BIT |
                         VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT | VK_ACCESS_2_HOST_READ_BIT,
    };
    VkDependencyInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
        .memoryBarrierCount = 1,
        .pMemoryBarriers = &memory,
    };

    s->barrier(cmd, &info);
}

static void buffer_barrier(const struct setup *s, VkCommandBuffer cmd)
{
    VkBufferMemoryBarrier2 buffers[2] = {
        {
            .sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_BARRIER_2,
            .srcStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
            .srcAccessMask = VK_ACCESS_2_MEMORY_WRITE_BIT,
            .dstStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
            .dstAccessMask = VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT,
            .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
            .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
            .buffer = s->data.buffer,
            .size = ELEMENTS * 2,
        },
    };
    VkDependencyInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
        .bufferMemoryBarrierCount = 2,
        .pBufferMemoryBarriers = buffers,
    };

    buffers[1] = buffers[0];
    buffers[1].offset = ELEMENTS * 2;
    buffers[1].size = VK_WHOLE_SIZE;
    s->barrier(cmd, &info);
}

static VkCommandBuffer record_step(struct prog *p, const struct setup *s, uint32_t step)
{
    VkCommandBuffer cmd = prog_begin(p);

    prog_compute_bind(cmd, &s->compute);
    vkCmdPushConstants(cmd, s->compute.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, 4, &step);
    vkCmdDispatch(cmd, ELEMENTS / 64, 1, 1);
    if (step % 2)
        buffer_barrier(s, cmd);
    memory_barrier(s, cmd);
    CHECK(vkEndCommandBuffer(cmd));
    return cmd;
}

/* A chain of VkSubmitInfo2, linked by semaphores of type @p timeline. */
static void run_chain(struct prog *p, const struct setup *s, const char *part, bool timeline)
{
    enum { STEPS = 20 };
    VkSemaphoreTypeCreateInfo type = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
        .semaphoreType = timeline ? VK_SEMAPHORE_TYPE_TIMELINE : VK_SEMAPHORE_TYPE_BINARY,
    };
    VkSemaphoreCreateInfo semaphore_info = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
        .pNext = &type,
    };
    VkFenceCreateInfo fence_info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkCommandBufferSubmitInfo cmds[STEPS];
    VkSemaphoreSubmitInfo waits[STEPS], signals[STEPS];
    VkSubmitInfo2 submits[STEPS];
    VkSemaphore semaphores[STEPS];
    VkFence fence;

    memset(s->data.map, 0, ELEMENTS * 4);
    CHECK(vkCreateFence(p->device, &fence_info, NULL, &fence));
    for (uint32_t i = 0; i < STEPS; i++) {
        if (i == 0 || !timeline)
            CHECK(vkCreateSemaphore(p->device, &semaphore_info, NULL, &semaphores[i]));
        else
            semaphores[i] = semaphores[0];
        cmds[i] = (VkCommandBufferSubmitInfo){
            .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
            .commandBuffer = record_step(p, s, i),
        };
        signals[i] = (VkSemaphoreSubmitInfo){
            .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
            .semaphore = semaphores[i],
            .value = timeline ? i + 1 : 0,
            .stageMask = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
        };
        waits[i] = i ? signals[i - 1] : (VkSemaphoreSubmitInfo){0};
        submits[i] = (VkSubmitInfo2){
            .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
            .waitSemaphoreInfoCount = i ? 1 : 0,
            .pWaitSemaphoreInfos = &waits[i],
            .commandBufferInfoCount = 1,
            .pCommandBufferInfos = &cmds[i],
            .signalSemaphoreInfoCount = timeline || i + 1 < STEPS ? 1 : 0,
            .pSignalSemaphoreInfos = &signals[i],
        };
    }
    CHECK(s->submit(p->queue, STEPS - 3, submits, VK_NULL_HANDLE));
    CHECK(s->submit(p->queue, 3, submits + STEPS - 3, fence));
    CHECK(vkWaitForFences(p->device, 1, &fence, VK_TRUE, PROG_NO_TIMEOUT));
    for (uint32_t e = 0; e < ELEMENTS; e++) {
        uint32_t x = 0;

        for (uint32_t i = 0; i < STEPS; i++)
            x = x * 3 + i + e;
        EXPECT(((uint32_t *)s->data.map)[e] == x, "%s: wrong element %u", part, e);
    }
    prog_hash(part, "data", s->data.map, ELEMENTS * 4);

    CHECK(vkQueueWaitIdle(p->queue));
    for (uint32_t i = 0; i < STEPS; i++) {
        if (i == 0 || !timeline)
            vkDestroySemaphore(p->device, semaphores[i], NULL);
        vkFreeCommandBuffers(p->device, p->pool, 1, &cmds[i].commandBuffer);
    }
    vkDestroyFence(p->device, fence, NULL);
}

/* Layout changes by VkImageMemoryBarrier2 around clears and copies. */
static void run_images(struct prog *p, const struct setup *s)
{
    const VkClearColorValue color = {.uint32 = {1, 2, 3, 0xffffffff}};
    const VkImageSubresourceRange range = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    VkImageMemoryBarrier2 barrier = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER_2,
        .dstStageMask = VK_PIPELINE_STAGE_2_CLEAR_BIT,
        .dstAccessMask = VK_ACCESS_2_TRANSFER_WRITE_BIT,
        .newLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
        .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .subresourceRange = range,
    };
    VkDependencyInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
        .imageMemoryBarrierCount = 1,
        .pImageMemoryBarriers = &barrier,
    };
    VkBufferImageCopy region = {
        .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
        .imageExtent = {16, 16, 1},
    };
    struct prog_image image;
    struct prog_buffer to;
    VkCommandBuffer cmd = prog_begin(p);

    prog_image_create_2d(p, &image, VK_FORMAT_R32G32B32A32_UINT, 16, 16,
                         VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT);
    prog_buffer_create(p, &to, 16 * 16 * 16, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_HOST);
    barrier.image = image.image;
    s->barrier(cmd, &info);
    vkCmdClearColorImage(cmd, image.image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, &color, 1, &range);
    barrier.srcStageMask = VK_PIPELINE_STAGE_2_CLEAR_BIT;
    barrier.srcAccessMask = VK_ACCESS_2_TRANSFER_WRITE_BIT;
    barrier.dstStageMask = VK_PIPELINE_STAGE_2_COPY_BIT;
    barrier.dstAccessMask = VK_ACCESS_2_TRANSFER_READ_BIT;
    barrier.oldLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
    barrier.newLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
    s->barrier(cmd, &info);
    vkCmdCopyImageToBuffer(cmd, image.image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, to.buffer, 1,
                           &region);
    prog_barrier(cmd);
    prog_end(p, cmd);
    prog_hash("images", "clear", to.map, 16 * 16 * 16);
    prog_buffer_destroy(p, &to);
    prog_image_destroy(p, &image);
}

/* Two timestamps must not go backwards; their values differ from run to run. */
static void run_timestamps(struct prog *p)
{
    VkQueryPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
        .queryType = VK_QUERY_TYPE_TIMESTAMP,
        .queryCount = 2,
    };
    PFN_vkCmdWriteTimestamp2 write = PROG_PROC(p, vkCmdWriteTimestamp2);
    uint64_t values[2] = {0, 0};
    VkQueryPool pool;
    VkCommandBuffer cmd;

    if (!p->properties.limits.timestampComputeAndGraphics) {
        prog_skip_part("timestamps", "needs timestamps");
        return;
    }
    CHECK(vkCreateQueryPool(p->device, &info, NULL, &pool));
    cmd = prog_begin(p);
    vkCmdResetQueryPool(cmd, pool, 0, 2);
    write(cmd, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, pool, 0);
    write(cmd, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, pool, 1);
    prog_end(p, cmd);
    CHECK(vkGetQueryPoolResults(p->device, pool, 0, 2, sizeof(values), values, 8,
                                VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
    EXPECT(values[0] <= values[1], "timestamps go backwards");
    prog_print("timestamps", "monotone", "%s", values[0] <= values[1] ? "yes" : "no");
    vkDestroyQueryPool(p->device, pool, NULL);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "sync2",
        .summary = "Submits and orders work with synchronization2.",
    };
    struct prog p;
    struct setup s;

    prog_init(&p, argc, argv, &about);
    if (!p.has.sync2)
        prog_skip(&p, "needs synchronization2");
    s.submit = PROG_PROC(&p, vkQueueSubmit2);
    s.barrier = PROG_PROC(&p, vkCmdPipelineBarrier2);
    prog_compute_create(&p, &s.compute, step_comp, sizeof(step_comp), 1, 4, NULL);
    prog_buffer_create(&p, &s.data, ELEMENTS * 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, PROG_HOST);
    prog_compute_buffer(&p, &s.compute, 0, &s.data);
    run_chain(&p, &s, "binary", false);
    if (p.has.timeline)
        run_chain(&p, &s, "timeline", true);
    else
        prog_skip_part("timeline", "needs timelineSemaphore");
    run_images(&p, &s);
    run_timestamps(&p);
    prog_buffer_destroy(&p, &s.data);
    prog_compute_destroy(&p, &s.compute);
    return prog_finish(&p);
}
