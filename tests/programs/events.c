/* SPDX-License-Identifier: MIT */
/* Events: set, reset and read by the host, set, reset and waited for by the device. */
#include "common.h"

static VkEvent create_event(struct prog *p, VkEventCreateFlags flags)
{
    VkEventCreateInfo info = {.sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO, .flags = flags};
    VkEvent event;

    CHECK(vkCreateEvent(p->device, &info, NULL, &event));
    return event;
}

static const char *status(struct prog *p, VkEvent event)
{
    VkResult result = vkGetEventStatus(p->device, event);

    if (result == VK_EVENT_SET)
        return "set";
    CHECK_RESULT(result, VK_EVENT_RESET);
    return "reset";
}

static void run_host(struct prog *p)
{
    VkEvent event = create_event(p, 0);

    prog_print("host", "created", "%s", status(p, event));
    CHECK(vkSetEvent(p->device, event));
    prog_print("host", "after-set", "%s", status(p, event));
    CHECK(vkSetEvent(p->device, event));
    prog_print("host", "after-second-set", "%s", status(p, event));
    CHECK(vkResetEvent(p->device, event));
    prog_print("host", "after-reset", "%s", status(p, event));
    vkDestroyEvent(p->device, event, NULL);
}

static void run_device(struct prog *p)
{
    const VkPipelineStageFlags all = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
    VkEvent event = create_event(p, 0);
    VkCommandBuffer cmd = prog_begin(p);

    vkCmdSetEvent(cmd, event, all);
    prog_end(p, cmd);
    prog_print("device", "after-set", "%s", status(p, event));
    cmd = prog_begin(p);
    vkCmdResetEvent(cmd, event, all);
    prog_end(p, cmd);
    prog_print("device", "after-reset", "%s", status(p, event));
    CHECK(vkSetEvent(p->device, event));
    prog_print("device", "host-set-again", "%s", status(p, event));
    vkDestroyEvent(p->device, event, NULL);
}

/* Transfers on both sides of a set and a wait with memory barriers, several events at once. */
static void run_wait(struct prog *p)
{
    enum { EVENTS = 12, SIZE = 1024 };
    const VkPipelineStageFlags transfer = VK_PIPELINE_STAGE_TRANSFER_BIT;
    VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
    };
    VkEvent events[EVENTS];
    struct prog_buffer from, to;
    VkBufferCopy copy = {.size = EVENTS * SIZE};
    VkCommandBuffer cmd;

    prog_buffer_create(p, &from, EVENTS * SIZE,
                       VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                       PROG_DEVICE);
    prog_buffer_create(p, &to, EVENTS * SIZE, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_HOST);
    cmd = prog_begin(p);
    for (uint32_t i = 0; i < EVENTS; i++) {
        events[i] = create_event(p, 0);
        vkCmdFillBuffer(cmd, from.buffer, i * SIZE, SIZE, 0x01010101u * (i + 1));
        vkCmdSetEvent(cmd, events[i], transfer);
    }
    vkCmdWaitEvents(cmd, EVENTS, events, transfer, transfer, 1, &barrier, 0, NULL, 0, NULL);
    vkCmdCopyBuffer(cmd, from.buffer, to.buffer, 1, &copy);
    for (uint32_t i = 0; i < EVENTS; i += 2)
        vkCmdResetEvent(cmd, events[i], transfer);
    prog_barrier(cmd);
    prog_end(p, cmd);
    for (uint32_t i = 0; i < EVENTS; i++) {
        EXPECT(((uint8_t *)to.map)[i * SIZE] == i + 1, "wait: wrong block %u", i);
        EXPECT(vkGetEventStatus(p->device, events[i]) == (i % 2 ? VK_EVENT_SET : VK_EVENT_RESET),
               "wait: wrong status of %u", i);
        vkDestroyEvent(p->device, events[i], NULL);
    }
    prog_hash("wait", "data", to.map, EVENTS * SIZE);
    prog_buffer_destroy(p, &from);
    prog_buffer_destroy(p, &to);
}

/* Events with barriers of their own kind: needs synchronization2. */
static void run_events2(struct prog *p)
{
    VkMemoryBarrier2 memory = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2,
        .srcStageMask = VK_PIPELINE_STAGE_2_ALL_TRANSFER_BIT,
        .srcAccessMask = VK_ACCESS_2_TRANSFER_WRITE_BIT,
        .dstStageMask = VK_PIPELINE_STAGE_2_ALL_TRANSFER_BIT,
        .dstAccessMask = VK_ACCESS_2_TRANSFER_READ_BIT,
    };
    VkDependencyInfo dependency = {
        .sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
        .memoryBarrierCount = 1,
        .pMemoryBarriers = &memory,
    };
    struct prog_buffer from, to;
    VkBufferCopy copy = {.size = 4096};
    VkCommandBuffer cmd;
    VkEvent event;

    if (!p->has.sync2) {
        prog_skip_part("events2", "needs synchronization2");
        return;
    }
    event = create_event(p, VK_EVENT_CREATE_DEVICE_ONLY_BIT);
    prog_buffer_create(p, &from, 4096,
                       VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                       PROG_DEVICE);
    prog_buffer_create(p, &to, 4096, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_HOST);
    cmd = prog_begin(p);
    vkCmdFillBuffer(cmd, from.buffer, 0, VK_WHOLE_SIZE, 0xfeedbeef);
    PROG_PROC(p, vkCmdSetEvent2)(cmd, event, &dependency);
    PROG_PROC(p, vkCmdWaitEvents2)(cmd, 1, &event, &dependency);
    vkCmdCopyBuffer(cmd, from.buffer, to.buffer, 1, &copy);
    PROG_PROC(p, vkCmdResetEvent2)(cmd, event, VK_PIPELINE_STAGE_2_ALL_TRANSFER_BIT);
    prog_barrier(cmd);
    prog_end(p, cmd);
    EXPECT(((uint32_t *)to.map)[1023] == 0xfeedbeef, "events2: wrong data");
    prog_hash("events2", "data", to.map, 4096);
    vkDestroyEvent(p->device, event, NULL);
    prog_buffer_destroy(p, &from);
    prog_buffer_destroy(p, &to);
}

/* A submission that waits for an event that the host sets. */
static void run_host_to_device(struct prog *p)
{
    VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_HOST_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT,
    };
    VkEvent event = create_event(p, 0);
    struct prog_buffer from, to;
    VkBufferCopy copy = {.size = 256};
    VkCommandBuffer cmd = prog_begin(p);

    prog_buffer_create(p, &from, 256, VK_BUFFER_USAGE_TRANSFER_SRC_BIT, PROG_HOST);
    prog_buffer_create(p, &to, 256, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_HOST);
    memset(from.map, 0x42, 256);
    CHECK(vkSetEvent(p->device, event));
    vkCmdWaitEvents(cmd, 1, &event, VK_PIPELINE_STAGE_HOST_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 1,
                    &barrier, 0, NULL, 0, NULL);
    vkCmdCopyBuffer(cmd, from.buffer, to.buffer, 1, &copy);
    prog_barrier(cmd);
    prog_end(p, cmd);
    prog_hash("host-to-device", "data", to.map, 256);
    EXPECT(memcmp(from.map, to.map, 256) == 0, "host-to-device: wrong data");
    vkDestroyEvent(p->device, event, NULL);
    prog_buffer_destroy(p, &from);
    prog_buffer_destroy(p, &to);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "events",
        .summary = "Sets, resets, reads and waits for events on host and device.",
    };
    struct prog p;

    prog_init(&p, argc, argv, &about);
    run_host(&p);
    run_device(&p);
    run_wait(&p);
    run_events2(&p);
    run_host_to_device(&p);
    return prog_finish(&p);
}
