/* SPDX-License-Identifier: MIT */
/*
 * A client for tests that do something to it, or to its server: opens a device, prints "ready",
 * then
 *
 *   idle      sleeps until its standard input ends
 *   busy      allocates, maps, submits, waits and frees for ever; ends at the first error
 *   stubborn  submits and waits for ever, whatever errors it gets
 *   wait      waits for a fence that nobody will signal
 */
#include <unistd.h>

#include "common.h"

static void ready(void)
{
    puts("ready");
    fflush(stdout);
}

static void work_once(struct prog *p, uint32_t value)
{
    struct prog_buffer buffer;
    prog_buffer_create(p, &buffer, 65536, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_HOST);
    VkCommandBuffer cmd = prog_begin(p);
    vkCmdFillBuffer(cmd, buffer.buffer, 0, VK_WHOLE_SIZE, value);
    prog_barrier(cmd);
    prog_end(p, cmd);
    if (((uint32_t *)buffer.map)[16383] != value)
        DIE("the buffer was not filled");
    prog_buffer_destroy(p, &buffer);
}

static void be_busy(struct prog *p)
{
    for (uint32_t i = 0;; i++) {
        work_once(p, i);
        if (!i)
            ready();
    }
}

static VkFence new_fence(struct prog *p)
{
    const VkFenceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkFence fence;
    CHECK(vkCreateFence(p->device, &info, NULL, &fence));
    return fence;
}

static void be_stubborn(struct prog *p)
{
    VkFence fence = new_fence(p);
    ready();
    for (;;) {
        vkQueueSubmit(p->queue, 0, NULL, fence);
        vkWaitForFences(p->device, 1, &fence, VK_TRUE, UINT64_MAX);
        vkResetFences(p->device, 1, &fence);
    }
}

static void be_waiting(struct prog *p)
{
    VkFence fence = new_fence(p);
    work_once(p, 1);
    ready();
    vkWaitForFences(p->device, 1, &fence, VK_TRUE, UINT64_MAX);
    DIE("the fence was signalled, or the wait failed");
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "standby",
        .summary = "be a client that something can be done to",
        .modes = "idle busy stubborn wait",
    };
    struct prog p;
    char byte;
    prog_init(&p, argc, argv, &about);
    const char *mode = p.mode ? p.mode : "idle";
    if (!strcmp(mode, "busy"))
        be_busy(&p);
    if (!strcmp(mode, "stubborn"))
        be_stubborn(&p);
    if (!strcmp(mode, "wait"))
        be_waiting(&p);
    work_once(&p, 1);
    ready();
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    return prog_finish(&p);
}
