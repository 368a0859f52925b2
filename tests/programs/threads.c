/* SPDX-License-Identifier: MIT */
/* Eight threads record, create pipelines, allocate and submit at once. */
#include "draw.h"

#include <pthread.h>

#include "shaders/corner.vert.h"
#include "shaders/spec.comp.h"
#include "shaders/step.comp.h"
#include "shaders/triangle.frag.h"

#define THREADS  8u
#define ROUNDS   6u
#define ELEMENTS 4096u
#define SIZE     64u

struct push {
    float color[4];
    float size[2];
    float depth;
};

struct worker {
    struct prog *p;
    uint32_t index;
    pthread_mutex_t *queue_lock;
    pthread_barrier_t *start;
    uint32_t rounds;

    /* Shared, read only. */
    const struct prog_target *target;
    VkPipelineLayout layout;
    VkPipeline draw;

    /* Results. */
    uint64_t compute_hash, spec_hash, picture_hash;
    VkCommandPool pool;
    VkCommandBuffer secondary; /* draws into the shared target, run by the main thread */
};

static VkCommandPool create_pool(struct prog *p)
{
    VkCommandPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .queueFamilyIndex = p->family,
    };
    VkCommandPool pool;

    CHECK(vkCreateCommandPool(p->device, &info, NULL, &pool));
    return pool;
}

static VkCommandBuffer allocate(struct prog *p, VkCommandPool pool, VkCommandBufferLevel level)
{
    VkCommandBufferAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = pool,
        .level = level,
        .commandBufferCount = 1,
    };
    VkCommandBuffer cmd;

    CHECK(vkAllocateCommandBuffers(p->device, &info, &cmd));
    return cmd;
}

static void begin_primary(VkCommandBuffer cmd)
{
    VkCommandBufferBeginInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };

    CHECK(vkBeginCommandBuffer(cmd, &info));
}

static void submit_wait(struct worker *w, VkCommandBuffer cmd)
{
    VkFenceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .commandBufferCount = 1,
        .pCommandBuffers = &cmd,
    };
    VkFence fence;

    CHECK(vkCreateFence(w->p->device, &info, NULL, &fence));
    pthread_mutex_lock(w->queue_lock);
    CHECK(vkQueueSubmit(w->p->queue, 1, &submit, fence));
    pthread_mutex_unlock(w->queue_lock);
    CHECK(vkWaitForFences(w->p->device, 1, &fence, VK_TRUE, PROG_NO_TIMEOUT));
    vkDestroyFence(w->p->device, fence, NULL);
}

/* Own pipeline, buffer and commands; several steps in a primary and a secondary buffer. */
static uint64_t compute_round(struct worker *w, VkCommandPool pool, uint32_t round)
{
    VkCommandBufferInheritanceInfo inheritance = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO,
    };
    VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .pInheritanceInfo = &inheritance,
    };
    struct prog *p = w->p;
    struct prog_compute c;
    struct prog_buffer data;
    VkCommandBuffer cmds[2] = {
        allocate(p, pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY),
        allocate(p, pool, VK_COMMAND_BUFFER_LEVEL_SECONDARY),
    };
    uint64_t hash;

    prog_compute_create(p, &c, step_comp, sizeof(step_comp), 1, 4, NULL);
    prog_buffer_create(p, &data, ELEMENTS * 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, PROG_HOST);
    prog_compute_buffer(p, &c, 0, &data);
    CHECK(vkBeginCommandBuffer(cmds[1], &begin));
    begin_primary(cmds[0]);
    for (uint32_t i = 0; i < 40; i++) {
        VkCommandBuffer cmd = cmds[i >= 20];
        uint32_t step = i * 100 + w->index * 10 + round;

        prog_compute_bind(cmd, &c);
        vkCmdPushConstants(cmd, c.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, 4, &step);
        vkCmdDispatch(cmd, ELEMENTS / 64, 1, 1);
        prog_barrier(cmd);
    }
    CHECK(vkEndCommandBuffer(cmds[1]));
    vkCmdExecuteCommands(cmds[0], 1, &cmds[1]);
    CHECK(vkEndCommandBuffer(cmds[0]));
    submit_wait(w, cmds[0]);

    for (uint32_t e = 0; e < ELEMENTS; e++) {
        uint32_t x = 0;

        for (uint32_t i = 0; i < 40; i++)
            x = x * 3 + i * 100 + w->index * 10 + round + e;
        EXPECT(((uint32_t *)data.map)[e] == x, "thread %u: wrong element %u", w->index, e);
    }
    hash = prog_fnv(data.map, ELEMENTS * 4);
    vkFreeCommandBuffers(p->device, pool, 2, cmds);
    prog_buffer_destroy(p, &data);
    prog_compute_destroy(p, &c);
    return hash;
}

/* A pipeline with constants of this thread's own. */
static uint64_t spec_round(struct worker *w, VkCommandPool pool, uint32_t round)
{
    const struct {
        uint32_t local;
        int32_t offset;
        float scale;
        VkBool32 invert;
        uint32_t length;
    } values = {8 + w->index, (int32_t)(round * 100), 0.5f * (float)w->index, round % 2,
                1 + w->index};
    const VkSpecializationMapEntry entries[] = {
        {0, 0, 4}, {1, 4, 4}, {2, 8, 4}, {3, 12, 4}, {4, 16, 4},
    };
    VkSpecializationInfo info = {PROG_ARRAY_SIZE(entries), entries, sizeof(values), &values};
    struct prog_compute c;
    struct prog_buffer out;
    VkCommandBuffer cmd = allocate(w->p, pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY);
    uint64_t hash;

    prog_compute_create(w->p, &c, spec_comp, sizeof(spec_comp), 1, 0, &info);
    prog_buffer_create(w->p, &out, values.local * 64, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
                       PROG_HOST);
    prog_compute_buffer(w->p, &c, 0, &out);
    begin_primary(cmd);
    prog_compute_bind(cmd, &c);
    vkCmdDispatch(cmd, 16, 1, 1);
    prog_barrier(cmd);
    CHECK(vkEndCommandBuffer(cmd));
    submit_wait(w, cmd);
    hash = prog_fnv(out.map, values.local * 64);
    vkFreeCommandBuffers(w->p->device, pool, 1, &cmd);
    prog_buffer_destroy(w->p, &out);
    prog_compute_destroy(w->p, &c);
    return hash;
}

static struct prog_pipeline_info pipeline_info(VkPipelineLayout layout, VkRenderPass pass)
{
    return (struct prog_pipeline_info){
        .vertex = corner_vert,
        .vertex_size = sizeof(corner_vert),
        .fragment = triangle_frag,
        .fragment_size = sizeof(triangle_frag),
        .layout = layout,
        .pass = pass,
        .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP,
        .width = SIZE,
        .height = SIZE,
    };
}

static void draw_own(VkCommandBuffer cmd, VkPipelineLayout layout, uint32_t index, uint32_t n)
{
    struct push push = {
        .color = {(float)index / THREADS, (float)n / 16, 0.5f, 1},
        .size = {0.45f, 0.4f - 0.02f * (float)n},
        .depth = 0.5f,
    };

    vkCmdPushConstants(cmd, layout, VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT, 0,
                       sizeof(push), &push);
    vkCmdDraw(cmd, 4, 1, 0, (index + n * 3) % 16);
}

/* A whole scene of this thread's own: target, graphics pipeline, picture. */
static uint64_t draw_round(struct worker *w, VkCommandPool pool)
{
    struct prog *p = w->p;
    struct prog_target target;
    struct prog_buffer picture;
    struct prog_pipeline_info info;
    VkCommandBuffer cmd = allocate(p, pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY);
    VkPipeline pipeline;
    uint64_t hash;

    prog_target_create(p, &target, VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_UNDEFINED, SIZE, SIZE);
    prog_buffer_create(p, &picture, SIZE * SIZE * 4, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_HOST);
    info = pipeline_info(w->layout, target.pass);
    pipeline = prog_pipeline_create(p, &info);
    begin_primary(cmd);
    prog_target_begin(cmd, &target, NULL, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    for (uint32_t n = 0; n < 10; n++)
        draw_own(cmd, w->layout, w->index, n);
    vkCmdEndRenderPass(cmd);
    prog_target_copy(cmd, &target, &picture);
    CHECK(vkEndCommandBuffer(cmd));
    submit_wait(w, cmd);
    hash = prog_fnv(picture.map, SIZE * SIZE * 4);
    vkFreeCommandBuffers(p->device, pool, 1, &cmd);
    vkDestroyPipeline(p->device, pipeline, NULL);
    prog_buffer_destroy(p, &picture);
    prog_target_destroy(p, &target);
    return hash;
}

/* This thread's part of the shared picture. */
static void record_secondary(struct worker *w)
{
    VkCommandBufferInheritanceInfo inheritance = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO,
        .renderPass = w->target->pass,
        .framebuffer = w->target->framebuffer,
    };
    VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_RENDER_PASS_CONTINUE_BIT,
        .pInheritanceInfo = &inheritance,
    };

    w->secondary = allocate(w->p, w->pool, VK_COMMAND_BUFFER_LEVEL_SECONDARY);
    CHECK(vkBeginCommandBuffer(w->secondary, &begin));
    vkCmdBindPipeline(w->secondary, VK_PIPELINE_BIND_POINT_GRAPHICS, w->draw);
    for (uint32_t n = 0; n < 10; n++)
        draw_own(w->secondary, w->layout, w->index, n);
    CHECK(vkEndCommandBuffer(w->secondary));
}

static void *work(void *arg)
{
    struct worker *w = arg;
    VkCommandPool pool = create_pool(w->p);

    pthread_barrier_wait(w->start);
    w->compute_hash = w->spec_hash = w->picture_hash = PROG_FNV_START;
    for (uint32_t round = 0; round < w->rounds; round++) {
        uint64_t h[3] = {compute_round(w, pool, round), spec_round(w, pool, round),
                         draw_round(w, pool)};

        w->compute_hash = prog_fnv_more(w->compute_hash, &h[0], 8);
        w->spec_hash = prog_fnv_more(w->spec_hash, &h[1], 8);
        w->picture_hash = prog_fnv_more(w->picture_hash, &h[2], 8);
        CHECK(vkResetCommandPool(w->p->device, pool,
                                 round % 2 ? VK_COMMAND_POOL_RESET_RELEASE_RESOURCES_BIT : 0));
    }
    vkDestroyCommandPool(w->p->device, pool, NULL);
    w->pool = create_pool(w->p);
    record_secondary(w);
    return NULL;
}

static void draw_shared(struct prog *p, const struct prog_target *target,
                        const struct worker *workers)
{
    VkCommandBuffer secondaries[THREADS];
    struct prog_buffer picture;
    VkCommandBuffer cmd = prog_begin(p);

    prog_buffer_create(p, &picture, SIZE * SIZE * 4, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_HOST);
    for (uint32_t i = 0; i < THREADS; i++)
        secondaries[i] = workers[i].secondary;
    prog_target_begin(cmd, target, NULL, VK_SUBPASS_CONTENTS_SECONDARY_COMMAND_BUFFERS);
    vkCmdExecuteCommands(cmd, THREADS, secondaries);
    vkCmdEndRenderPass(cmd);
    prog_target_copy(cmd, target, &picture);
    prog_end(p, cmd);
    prog_hash("shared", "picture", picture.map, SIZE * SIZE * 4);
    if (p->output)
        prog_write_ppm(p->output, picture.map, SIZE, SIZE);
    prog_buffer_destroy(p, &picture);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "threads",
        .summary = "Records, creates, allocates and submits on eight threads at once.",
    };
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct worker workers[THREADS];
    struct prog_pipeline_info info;
    pthread_barrier_t start;
    pthread_t threads[THREADS];
    struct prog_target target;
    VkPipelineLayout layout;
    VkPipeline draw;
    struct prog p;

    prog_init(&p, argc, argv, &about);
    prog_target_create(&p, &target, VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_UNDEFINED, SIZE, SIZE);
    layout = prog_layout_create(&p, sizeof(struct push), NULL);
    info = pipeline_info(layout, target.pass);
    draw = prog_pipeline_create(&p, &info);
    pthread_barrier_init(&start, NULL, THREADS);
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){
            .p = &p,
            .index = i,
            .queue_lock = &lock,
            .start = &start,
            .rounds = p.iterations ? p.iterations : ROUNDS,
            .target = &target,
            .layout = layout,
            .draw = draw,
        };
        if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0)
            DIE("cannot make a thread");
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        char name[16];

        pthread_join(threads[i], NULL);
        snprintf(name, sizeof(name), "thread%u", i);
        prog_print("compute", name, "0x%016llx", (unsigned long long)workers[i].compute_hash);
        prog_print("spec", name, "0x%016llx", (unsigned long long)workers[i].spec_hash);
        prog_print("draw", name, "0x%016llx", (unsigned long long)workers[i].picture_hash);
    }
    draw_shared(&p, &target, workers);
    for (uint32_t i = 0; i < THREADS; i++)
        vkDestroyCommandPool(p.device, workers[i].pool, NULL);
    pthread_barrier_destroy(&start);
    vkDestroyPipeline(p.device, draw, NULL);
    vkDestroyPipelineLayout(p.device, layout, NULL);
    prog_target_destroy(&p, &target);
    return prog_finish(&p);
}
