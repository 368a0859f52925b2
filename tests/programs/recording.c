/* SPDX-License-Identifier: MIT */
/* How many commands a second one thread records, and four at once. */
#include "draw.h"

#include <pthread.h>

#define MAX_THREADS 4u
#define COMMANDS    1000u

struct worker {
    struct prog *p;
    VkPipelineLayout layout;
    VkBuffer buffer;
    uint32_t rounds;
    pthread_barrier_t *start;
    VkCommandPool pool;
    VkCommandBuffer cmd;
};

static void create_commands(struct prog *p, struct worker *w)
{
    const VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
        .queueFamilyIndex = p->family,
    };
    VkCommandBufferAllocateInfo buffer = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1,
    };

    CHECK(vkCreateCommandPool(p->device, &pool, NULL, &w->pool));
    buffer.commandPool = w->pool;
    CHECK(vkAllocateCommandBuffers(p->device, &buffer, &w->cmd));
}

/* Commands that are cheap for drivers, so that it is the way to them that counts. */
static void record(const struct worker *w)
{
    const VkCommandBufferBeginInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
    };
    const VkShaderStageFlags stages = VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT;
    const uint32_t words[4] = {1, 2, 3, 4};

    CHECK(vkBeginCommandBuffer(w->cmd, &info));
    for (uint32_t i = 0; i < COMMANDS; i += 2) {
        vkCmdPushConstants(w->cmd, w->layout, stages, 0, sizeof(words), words);
        vkCmdFillBuffer(w->cmd, w->buffer, 0, 256, i);
    }
    CHECK(vkEndCommandBuffer(w->cmd));
}

static void *work(void *arg)
{
    struct worker *w = arg;

    pthread_barrier_wait(w->start);
    for (uint32_t i = 0; i < w->rounds; i++)
        record(w);
    return NULL;
}

/* Commands a second with so many threads; the last submission shows that all have been recorded. */
static double measure(struct prog *p, const struct worker *common, uint32_t count)
{
    struct worker workers[MAX_THREADS];
    pthread_t threads[MAX_THREADS];
    pthread_barrier_t start;
    uint64_t begin, end;

    pthread_barrier_init(&start, NULL, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        workers[i] = *common;
        workers[i].start = &start;
        create_commands(p, &workers[i]);
        if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0)
            DIE("cannot make a thread");
    }
    pthread_barrier_wait(&start);
    begin = prog_now();
    for (uint32_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    prog_submit_wait(p, workers[count - 1].cmd);
    end = prog_now();
    for (uint32_t i = 0; i < count; i++)
        vkDestroyCommandPool(p->device, workers[i].pool, NULL);
    pthread_barrier_destroy(&start);
    return 1e9 * common->rounds * COMMANDS * count / (double)(end - begin);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "recording",
        .summary = "Times the recording of commands by one thread, and by four at once.",
    };
    struct prog_buffer buffer;
    struct worker common;
    double one, four;
    struct prog p;

    prog_init(&p, argc, argv, &about);
    prog_buffer_create(&p, &buffer, 256, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_DEVICE);
    common = (struct worker){
        .p = &p,
        .layout = prog_layout_create(&p, 16, NULL),
        .buffer = buffer.buffer,
        .rounds = p.iterations ? p.iterations : 500,
    };
    one = measure(&p, &common, 1);
    four = measure(&p, &common, MAX_THREADS);
    printf("recording.one_per_second: %.0f\n", one);
    printf("recording.four_per_second: %.0f\n", four);
    printf("recording.four_to_one: %.3f\n", four / one);
    vkDestroyPipelineLayout(p.device, common.layout, NULL);
    prog_buffer_destroy(&p, &buffer);
    return prog_finish(&p);
}
