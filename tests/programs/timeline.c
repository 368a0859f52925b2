/* SPDX-License-Identifier: MIT */
/* Timeline semaphores between host, threads and submissions. */
#include "common.h"

#include <inttypes.h>
#include <pthread.h>
#include <time.h>

#include "shaders/step.comp.h"

#define ELEMENTS 1024u

struct setup {
    struct prog *p;
    PFN_vkWaitSemaphores wait;
    PFN_vkSignalSemaphore signal;
    PFN_vkGetSemaphoreCounterValue get;
    struct prog_compute compute;
    struct prog_buffer data;
};

static VkSemaphore create_semaphore(struct prog *p, uint64_t value)
{
    VkSemaphoreTypeCreateInfo type = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
        .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
        .initialValue = value,
    };
    VkSemaphoreCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
        .pNext = &type,
    };
    VkSemaphore semaphore;

    CHECK(vkCreateSemaphore(p->device, &info, NULL, &semaphore));
    return semaphore;
}

static VkResult wait_value(struct setup *s, VkSemaphore semaphore, uint64_t value, uint64_t ns)
{
    VkSemaphoreWaitInfo info = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
        .semaphoreCount = 1,
        .pSemaphores = &semaphore,
        .pValues = &value,
    };

    return s->wait(s->p->device, &info, ns);
}

static void signal_value(struct setup *s, VkSemaphore semaphore, uint64_t value)
{
    VkSemaphoreSignalInfo info = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
        .semaphore = semaphore,
        .value = value,
    };

    CHECK(s->signal(s->p->device, &info));
}

static uint64_t counter(struct setup *s, VkSemaphore semaphore)
{
    uint64_t value = 0;

    CHECK(s->get(s->p->device, semaphore, &value));
    return value;
}

/* Submits cmd (or nothing), waiting for wait_at and signalling signal_at of one semaphore. */
static void submit(struct setup *s, VkQueue queue, VkCommandBuffer cmd, VkSemaphore semaphore,
                   uint64_t wait_at, uint64_t signal_at)
{
    const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
    VkTimelineSemaphoreSubmitInfo values = {
        .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
        .waitSemaphoreValueCount = wait_at ? 1 : 0,
        .pWaitSemaphoreValues = &wait_at,
        .signalSemaphoreValueCount = signal_at ? 1 : 0,
        .pSignalSemaphoreValues = &signal_at,
    };
    VkSubmitInfo info = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .pNext = &values,
        .waitSemaphoreCount = wait_at ? 1 : 0,
        .pWaitSemaphores = &semaphore,
        .pWaitDstStageMask = &stage,
        .commandBufferCount = cmd ? 1 : 0,
        .pCommandBuffers = &cmd,
        .signalSemaphoreCount = signal_at ? 1 : 0,
        .pSignalSemaphores = &semaphore,
    };

    (void)s;
    CHECK(vkQueueSubmit(queue, 1, &info, VK_NULL_HANDLE));
}

static void record_step(struct setup *s, VkCommandBuffer cmd, uint32_t step)
{
    prog_barrier(cmd);
    prog_compute_bind(cmd, &s->compute);
    vkCmdPushConstants(cmd, s->compute.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, 4, &step);
    vkCmdDispatch(cmd, ELEMENTS / 64, 1, 1);
    prog_barrier(cmd);
}

static VkCommandBuffer make_step(struct setup *s, uint32_t step)
{
    VkCommandBuffer cmd = prog_begin(s->p);

    record_step(s, cmd, step);
    CHECK(vkEndCommandBuffer(cmd));
    return cmd;
}

static void run_host(struct setup *s)
{
    VkSemaphore semaphore = create_semaphore(s->p, 5);
    VkSemaphore other = create_semaphore(s->p, 0);
    VkSemaphore both[2] = {semaphore, other};
    uint64_t values[2] = {1000, 1};
    VkSemaphoreWaitInfo any = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
        .flags = VK_SEMAPHORE_WAIT_ANY_BIT,
        .semaphoreCount = 2,
        .pSemaphores = both,
        .pValues = values,
    };
    VkSemaphoreWaitInfo all = any;

    prog_print("host", "initial", "%" PRIu64, counter(s, semaphore));
    CHECK_RESULT(wait_value(s, semaphore, 6, 0), VK_TIMEOUT);
    CHECK_RESULT(wait_value(s, semaphore, 6, 2000000), VK_TIMEOUT);
    CHECK(wait_value(s, semaphore, 5, 0));
    signal_value(s, semaphore, 10);
    CHECK(wait_value(s, semaphore, 10, PROG_NO_TIMEOUT));
    prog_print("host", "signalled", "%" PRIu64, counter(s, semaphore));
    signal_value(s, semaphore, 1ull << 30);
    prog_print("host", "large", "%" PRIu64, counter(s, semaphore));

    values[0] = (1ull << 30) + 1;
    CHECK_RESULT(s->wait(s->p->device, &any, 0), VK_TIMEOUT);
    signal_value(s, other, 1);
    CHECK(s->wait(s->p->device, &any, PROG_NO_TIMEOUT));
    all.flags = 0;
    CHECK_RESULT(s->wait(s->p->device, &all, 1000000), VK_TIMEOUT);
    signal_value(s, semaphore, (1ull << 30) + 1);
    CHECK(s->wait(s->p->device, &all, PROG_NO_TIMEOUT));
    prog_print("host", "any-all", "done");
    vkDestroySemaphore(s->p->device, semaphore, NULL);
    vkDestroySemaphore(s->p->device, other, NULL);
}

/* A chain of submissions, each waiting for the one before. */
static void run_chain(struct setup *s)
{
    enum { STEPS = 40 };
    VkSemaphore semaphore = create_semaphore(s->p, 0);
    VkCommandBuffer cmds[STEPS];
    uint32_t *data = s->data.map;

    memset(data, 0, ELEMENTS * 4);
    for (uint32_t i = 0; i < STEPS; i++) {
        cmds[i] = make_step(s, i);
        submit(s, s->p->queue, cmds[i], semaphore, i, i + 1);
    }
    CHECK(wait_value(s, semaphore, STEPS / 2, PROG_NO_TIMEOUT));
    CHECK(wait_value(s, semaphore, STEPS, PROG_NO_TIMEOUT));
    EXPECT(counter(s, semaphore) == STEPS, "chain: counter %" PRIu64, counter(s, semaphore));
    for (uint32_t e = 0; e < ELEMENTS; e++) {
        uint32_t x = 0;

        for (uint32_t i = 0; i < STEPS; i++)
            x = x * 3 + i + e;
        EXPECT(data[e] == x, "chain: element %u is 0x%x, not 0x%x", e, data[e], x);
    }
    prog_hash("chain", "data", data, ELEMENTS * 4);
    vkFreeCommandBuffers(s->p->device, s->p->pool, STEPS, cmds);
    vkDestroySemaphore(s->p->device, semaphore, NULL);
}

/*
 * Some milliseconds of work.  Mesa 25.0's vkSignalSemaphore notes the new value where the device
 * writes its own, but only after it has told the renderer: it overwrites what a fast device wrote.
 */
static void record_delay(VkCommandBuffer cmd, const struct prog_buffer *b)
{
    for (uint32_t i = 0; i < 10; i++) {
        vkCmdFillBuffer(cmd, b->buffer, 0, VK_WHOLE_SIZE, i);
        prog_barrier(cmd);
    }
}

/* The submission comes first; the host signals what it waits for later. */
static void run_wait_before_signal(struct setup *s)
{
    VkSemaphore semaphore = create_semaphore(s->p, 0);
    VkCommandBuffer cmd = prog_begin(s->p);
    const struct timespec pause = {0, 20000000};
    struct prog_buffer b;

    prog_buffer_create(s->p, &b, 16 << 20, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_DEVICE);
    record_delay(cmd, &b);
    record_step(s, cmd, 99);
    CHECK(vkEndCommandBuffer(cmd));
    memset(s->data.map, 0, ELEMENTS * 4);
    submit(s, s->p->queue, cmd, semaphore, 1, 2);
    CHECK_RESULT(wait_value(s, semaphore, 2, 5000000), VK_TIMEOUT);
    nanosleep(&pause, NULL);
    EXPECT(counter(s, semaphore) == 0, "signalled before the host did");
    EXPECT(((uint32_t *)s->data.map)[0] == 0, "ran before the host signalled");
    signal_value(s, semaphore, 1);
    CHECK(wait_value(s, semaphore, 2, PROG_NO_TIMEOUT));
    EXPECT(((uint32_t *)s->data.map)[0] == 99, "did not run");
    prog_hash("wait-before-signal", "data", s->data.map, ELEMENTS * 4);
    CHECK(vkQueueWaitIdle(s->p->queue));
    vkFreeCommandBuffers(s->p->device, s->p->pool, 1, &cmd);
    vkDestroySemaphore(s->p->device, semaphore, NULL);
    prog_buffer_destroy(s->p, &b);
}

/* As before, with the signal from another queue. */
static void run_queues(struct setup *s)
{
    VkSemaphore semaphore;
    VkCommandBuffer cmds[2];
    VkQueue second;

    if (s->p->queue_count < 2) {
        prog_skip_part("queues", "needs two queues");
        return;
    }
    vkGetDeviceQueue(s->p->device, s->p->family, 1, &second);
    semaphore = create_semaphore(s->p, 0);
    memset(s->data.map, 0, ELEMENTS * 4);
    cmds[0] = make_step(s, 1);
    cmds[1] = make_step(s, 2);
    submit(s, second, cmds[1], semaphore, 1, 2);
    submit(s, s->p->queue, cmds[0], semaphore, 0, 1);
    CHECK(wait_value(s, semaphore, 2, PROG_NO_TIMEOUT));
    CHECK(vkDeviceWaitIdle(s->p->device));
    EXPECT(((uint32_t *)s->data.map)[0] == 5, "queues: wrong order");
    prog_hash("queues", "data", s->data.map, ELEMENTS * 4);
    vkFreeCommandBuffers(s->p->device, s->p->pool, 2, cmds);
    vkDestroySemaphore(s->p->device, semaphore, NULL);
}

struct player {
    struct setup *s;
    VkSemaphore semaphore;
    unsigned parity;
    unsigned rounds;
};

/* Two threads take turns: one makes the counter odd, the other even. */
static void *play(void *arg)
{
    struct player *me = arg;

    for (uint64_t turn = me->parity; turn < 2ull * me->rounds; turn += 2) {
        CHECK(wait_value(me->s, me->semaphore, turn, PROG_NO_TIMEOUT));
        signal_value(me->s, me->semaphore, turn + 1);
    }
    return NULL;
}

static void run_threads(struct setup *s)
{
    VkSemaphore semaphore = create_semaphore(s->p, 0);
    struct player players[2];
    pthread_t threads[2];

    for (unsigned i = 0; i < 2; i++) {
        players[i] = (struct player){s, semaphore, i, 100};
        if (pthread_create(&threads[i], NULL, play, &players[i]) != 0)
            DIE("cannot make a thread");
    }
    for (unsigned i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    prog_print("threads", "final", "%" PRIu64, counter(s, semaphore));
    EXPECT(counter(s, semaphore) == 200, "threads: wrong final value");
    vkDestroySemaphore(s->p->device, semaphore, NULL);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "timeline",
        .summary = "Waits for and signals timeline semaphores in many ways.",
    };
    struct prog p;
    struct setup s = {.p = &p};

    prog_init(&p, argc, argv, &about);
    if (!p.has.timeline)
        prog_skip(&p, "needs timelineSemaphore");
    s.wait = PROG_PROC(&p, vkWaitSemaphores);
    s.signal = PROG_PROC(&p, vkSignalSemaphore);
    s.get = PROG_PROC(&p, vkGetSemaphoreCounterValue);
    prog_compute_create(&p, &s.compute, step_comp, sizeof(step_comp), 1, 4, NULL);
    prog_buffer_create(&p, &s.data, ELEMENTS * 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, PROG_HOST);
    prog_compute_buffer(&p, &s.compute, 0, &s.data);
    run_host(&s);
    run_chain(&s);
    run_wait_before_signal(&s);
    run_queues(&s);
    run_threads(&s);
    prog_buffer_destroy(&p, &s.data);
    prog_compute_destroy(&p, &s.compute);
    return prog_finish(&p);
}
