/* SPDX-License-Identifier: MIT */
/* Fences and binary semaphores: many at once, any and all, timeouts, reset, status. */
#include "common.h"

#include <pthread.h>
#include <time.h>

#include "shaders/step.comp.h"

#define COUNT    64u
#define ELEMENTS 256u

static VkFence create_fence(struct prog *p, bool signalled)
{
    VkFenceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
        .flags = signalled ? VK_FENCE_CREATE_SIGNALED_BIT : 0,
    };
    VkFence fence;

    CHECK(vkCreateFence(p->device, &info, NULL, &fence));
    return fence;
}

static void submit_empty(struct prog *p, VkFence fence)
{
    CHECK(vkQueueSubmit(p->queue, 0, NULL, fence));
}

static unsigned count_signalled(struct prog *p, const VkFence *fences)
{
    unsigned n = 0;

    for (unsigned i = 0; i < COUNT; i++) {
        VkResult result = vkGetFenceStatus(p->device, fences[i]);

        if (result != VK_NOT_READY)
            CHECK(result);
        n += result == VK_SUCCESS;
    }
    return n;
}

static void run_many(struct prog *p)
{
    VkFence fences[COUNT];

    for (unsigned i = 0; i < COUNT; i++)
        fences[i] = create_fence(p, i % 2 == 0);
    prog_print("many", "created-signalled", "%u", count_signalled(p, fences));
    CHECK(vkWaitForFences(p->device, COUNT, fences, VK_FALSE, 0));
    CHECK_RESULT(vkWaitForFences(p->device, COUNT, fences, VK_TRUE, 0), VK_TIMEOUT);
    CHECK(vkResetFences(p->device, COUNT, fences));
    prog_print("many", "reset", "%u", count_signalled(p, fences));
    CHECK_RESULT(vkWaitForFences(p->device, COUNT, fences, VK_FALSE, 1000000), VK_TIMEOUT);

    for (unsigned i = 0; i < COUNT; i++)
        submit_empty(p, fences[i]);
    CHECK(vkWaitForFences(p->device, COUNT, fences, VK_FALSE, PROG_NO_TIMEOUT));
    CHECK(vkWaitForFences(p->device, COUNT, fences, VK_TRUE, PROG_NO_TIMEOUT));
    prog_print("many", "submitted", "%u", count_signalled(p, fences));

    /* Reset and reuse a part of them, the last submission first to be waited for. */
    CHECK(vkResetFences(p->device, COUNT / 2, fences));
    prog_print("many", "half-reset", "%u", count_signalled(p, fences));
    for (unsigned i = 0; i < COUNT / 2; i++)
        submit_empty(p, fences[i]);
    for (unsigned i = COUNT / 2; i-- > 0;)
        CHECK(vkWaitForFences(p->device, 1, &fences[i], VK_TRUE, PROG_NO_TIMEOUT));
    prog_print("many", "reused", "%u", count_signalled(p, fences));
    CHECK(vkQueueWaitIdle(p->queue));
    for (unsigned i = 0; i < COUNT; i++)
        vkDestroyFence(p->device, fences[i], NULL);
}

/* The same fence again and again. */
static void run_reuse(struct prog *p)
{
    VkFence fence = create_fence(p, true);
    unsigned rounds = 300;

    for (unsigned i = 0; i < rounds; i++) {
        CHECK(vkResetFences(p->device, 1, &fence));
        submit_empty(p, fence);
        if (i % 3 == 0) {
            while (vkGetFenceStatus(p->device, fence) == VK_NOT_READY)
                nanosleep(&(struct timespec){0, 10000}, NULL);
        } else if (i % 3 == 1) {
            CHECK(vkQueueWaitIdle(p->queue));
        }
        CHECK(vkWaitForFences(p->device, 1, &fence, VK_TRUE, PROG_NO_TIMEOUT));
    }
    prog_print("reuse", "rounds", "%u", rounds);
    vkDestroyFence(p->device, fence, NULL);
}

struct waiter {
    struct prog *p;
    VkFence fence;
};

static void *wait_thread(void *arg)
{
    struct waiter *w = arg;

    CHECK(vkWaitForFences(w->p->device, 1, &w->fence, VK_TRUE, PROG_NO_TIMEOUT));
    return NULL;
}

/* Four threads wait for one fence of work that takes a while, and others poll and submit. */
static void run_threads(struct prog *p)
{
    struct waiter w = {p, create_fence(p, false)};
    VkFence other = create_fence(p, false);
    VkCommandBuffer cmd = prog_begin(p);
    VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .commandBufferCount = 1,
        .pCommandBuffers = &cmd,
    };
    struct prog_buffer b;
    pthread_t threads[4];

    prog_buffer_create(p, &b, 16 << 20, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_DEVICE);
    for (uint32_t i = 0; i < 10; i++) {
        vkCmdFillBuffer(cmd, b.buffer, 0, VK_WHOLE_SIZE, i);
        prog_barrier(cmd);
    }
    CHECK(vkEndCommandBuffer(cmd));
    CHECK(vkQueueSubmit(p->queue, 1, &submit, w.fence));
    for (unsigned i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, wait_thread, &w) != 0)
            DIE("cannot make a thread");
    submit_empty(p, other);
    while (vkGetFenceStatus(p->device, other) == VK_NOT_READY)
        nanosleep(&(struct timespec){0, 100000}, NULL);
    /* The queue's order: the first submission is done when the second is. */
    CHECK(vkGetFenceStatus(p->device, w.fence));
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    prog_print("threads", "waited", "4");
    vkFreeCommandBuffers(p->device, p->pool, 1, &cmd);
    vkDestroyFence(p->device, other, NULL);
    vkDestroyFence(p->device, w.fence, NULL);
    prog_buffer_destroy(p, &b);
}

/* Steps in order through binary semaphores, in batches of one vkQueueSubmit, on two queues. */
static void run_semaphores(struct prog *p)
{
    enum { STEPS = 16 };
    const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
    VkSemaphoreCreateInfo semaphore_info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
    VkSemaphore semaphores[STEPS];
    VkCommandBuffer cmds[STEPS];
    VkSubmitInfo submits[STEPS];
    VkFence fence = create_fence(p, false);
    struct prog_compute c;
    struct prog_buffer data;
    VkQueue second;

    vkGetDeviceQueue(p->device, p->family, p->queue_count - 1, &second);
    prog_compute_create(p, &c, step_comp, sizeof(step_comp), 1, 4, NULL);
    prog_buffer_create(p, &data, ELEMENTS * 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, PROG_HOST);
    prog_compute_buffer(p, &c, 0, &data);
    for (uint32_t i = 0; i < STEPS; i++) {
        CHECK(vkCreateSemaphore(p->device, &semaphore_info, NULL, &semaphores[i]));
        cmds[i] = prog_begin(p);
        prog_compute_bind(cmds[i], &c);
        vkCmdPushConstants(cmds[i], c.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, 4, &i);
        vkCmdDispatch(cmds[i], ELEMENTS / 64, 1, 1);
        prog_barrier(cmds[i]);
        CHECK(vkEndCommandBuffer(cmds[i]));
        submits[i] = (VkSubmitInfo){
            .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
            .waitSemaphoreCount = i ? 1 : 0,
            .pWaitSemaphores = i ? &semaphores[i - 1] : NULL,
            .pWaitDstStageMask = &stage,
            .commandBufferCount = 1,
            .pCommandBuffers = &cmds[i],
            .signalSemaphoreCount = i + 1 < STEPS ? 1 : 0,
            .pSignalSemaphores = &semaphores[i],
        };
    }
    /* Eight in one call, then one by one on alternating queues. */
    CHECK(vkQueueSubmit(p->queue, 8, submits, VK_NULL_HANDLE));
    for (uint32_t i = 8; i < STEPS; i++)
        CHECK(vkQueueSubmit(i % 2 ? second : p->queue, 1, &submits[i],
                            i + 1 == STEPS ? fence : VK_NULL_HANDLE));
    CHECK(vkWaitForFences(p->device, 1, &fence, VK_TRUE, PROG_NO_TIMEOUT));
    for (uint32_t e = 0; e < ELEMENTS; e++) {
        uint32_t x = 0;

        for (uint32_t i = 0; i < STEPS; i++)
            x = x * 3 + i + e;
        EXPECT(((uint32_t *)data.map)[e] == x, "semaphores: wrong element %u", e);
    }
    prog_hash("semaphores", "data", data.map, ELEMENTS * 4);

    CHECK(vkDeviceWaitIdle(p->device));
    for (uint32_t i = 0; i < STEPS; i++)
        vkDestroySemaphore(p->device, semaphores[i], NULL);
    vkFreeCommandBuffers(p->device, p->pool, STEPS, cmds);
    vkDestroyFence(p->device, fence, NULL);
    prog_buffer_destroy(p, &data);
    prog_compute_destroy(p, &c);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "fences",
        .summary = "Waits for, polls, resets and reuses fences; orders work by semaphores.",
    };
    struct prog p;

    prog_init(&p, argc, argv, &about);
    run_many(&p);
    run_reuse(&p);
    run_threads(&p);
    run_semaphores(&p);
    return prog_finish(&p);
}
