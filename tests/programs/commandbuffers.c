/* SPDX-License-Identifier: MIT */
/* Command buffers: reuse, reset, simultaneous use, secondary ones, indirect draws. */
#include "draw.h"

#include "shaders/corner.vert.h"
#include "shaders/step.comp.h"
#include "shaders/triangle.frag.h"

#define ELEMENTS 256u
#define SIZE     64u

struct push {
    float color[4];
    float size[2];
    float depth;
};

struct setup {
    struct prog_compute compute;
    struct prog_buffer data;
    struct prog_target target;
    struct prog_buffer picture;
    VkPipelineLayout layout;
    VkPipeline pipeline;
};

static VkCommandPool create_pool(struct prog *p, VkCommandPoolCreateFlags flags)
{
    VkCommandPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = flags,
        .queueFamilyIndex = p->family,
    };
    VkCommandPool pool;

    CHECK(vkCreateCommandPool(p->device, &info, NULL, &pool));
    return pool;
}

static void allocate(struct prog *p, VkCommandPool pool, VkCommandBufferLevel level, uint32_t count,
                     VkCommandBuffer *cmds)
{
    VkCommandBufferAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = pool,
        .level = level,
        .commandBufferCount = count,
    };

    CHECK(vkAllocateCommandBuffers(p->device, &info, cmds));
}

static void begin(VkCommandBuffer cmd, VkCommandBufferUsageFlags flags)
{
    VkCommandBufferInheritanceInfo inheritance = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO,
    };
    VkCommandBufferBeginInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = flags,
        .pInheritanceInfo = &inheritance,
    };

    CHECK(vkBeginCommandBuffer(cmd, &info));
}

static void record_step(const struct setup *s, VkCommandBuffer cmd, uint32_t step)
{
    prog_compute_bind(cmd, &s->compute);
    vkCmdPushConstants(cmd, s->compute.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, 4, &step);
    vkCmdDispatch(cmd, ELEMENTS / 64, 1, 1);
    prog_barrier(cmd);
}

/* Checks the data against the steps done from zero and prints it. */
static void verify(const struct setup *s, const char *part, const uint32_t *steps, uint32_t count)
{
    for (uint32_t e = 0; e < ELEMENTS; e++) {
        uint32_t x = 0;

        for (uint32_t i = 0; i < count; i++)
            x = x * 3 + steps[i] + e;
        EXPECT(((uint32_t *)s->data.map)[e] == x, "%s: element %u is 0x%x, not 0x%x", part, e,
               ((uint32_t *)s->data.map)[e], x);
    }
    prog_hash(part, "data", s->data.map, ELEMENTS * 4);
}

static void zero(const struct setup *s)
{
    memset(s->data.map, 0, ELEMENTS * 4);
}

/* Submitted again and again, then re-recorded by begin, reset, and reset of the pool. */
static void run_reuse(struct prog *p, const struct setup *s)
{
    const uint32_t expected[] = {7, 7, 7, 8, 9, 9, 10};
    VkCommandPool pool = create_pool(p, VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT);
    VkCommandBuffer cmd;

    zero(s);
    allocate(p, pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1, &cmd);
    begin(cmd, 0);
    record_step(s, cmd, 7);
    CHECK(vkEndCommandBuffer(cmd));
    for (uint32_t i = 0; i < 3; i++)
        prog_submit_wait(p, cmd);
    begin(cmd, 0); /* resets it */
    record_step(s, cmd, 8);
    CHECK(vkEndCommandBuffer(cmd));
    prog_submit_wait(p, cmd);
    CHECK(vkResetCommandBuffer(cmd, VK_COMMAND_BUFFER_RESET_RELEASE_RESOURCES_BIT));
    begin(cmd, 0);
    record_step(s, cmd, 9);
    CHECK(vkEndCommandBuffer(cmd));
    prog_submit_wait(p, cmd);
    prog_submit_wait(p, cmd);
    CHECK(vkResetCommandPool(p->device, pool, 0));
    begin(cmd, VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT);
    record_step(s, cmd, 10);
    CHECK(vkEndCommandBuffer(cmd));
    prog_submit_wait(p, cmd);
    vkTrimCommandPool(p->device, pool, 0);
    vkDestroyCommandPool(p->device, pool, NULL);
    verify(s, "reuse", expected, PROG_ARRAY_SIZE(expected));
}

/* Many from one pool, freed in part and in another order, null handles among them. */
static void run_pools(struct prog *p, const struct setup *s)
{
    enum { COUNT = 50 };
    VkCommandPool pool = create_pool(p, 0);
    VkCommandBuffer cmds[COUNT], some[COUNT / 2 + 1];
    uint32_t expected[COUNT / 2], n = 0;

    zero(s);
    for (uint32_t round = 0; round < 5; round++) {
        allocate(p, pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY, COUNT, cmds);
        for (uint32_t i = 0; i < COUNT; i++) {
            begin(cmds[i], 0);
            record_step(s, cmds[i], i);
            CHECK(vkEndCommandBuffer(cmds[i]));
        }
        if (round == 4)
            break;
        some[0] = VK_NULL_HANDLE;
        for (uint32_t i = 0; i < COUNT / 2; i++)
            some[1 + i] = cmds[COUNT - 1 - 2 * i];
        vkFreeCommandBuffers(p->device, pool, COUNT / 2 + 1, some);
        if (round % 2) {
            for (uint32_t i = 0; i < COUNT; i += 2)
                vkFreeCommandBuffers(p->device, pool, 1, &cmds[i]);
        } else {
            vkDestroyCommandPool(p->device, pool, NULL);
            pool = create_pool(p, VK_COMMAND_POOL_CREATE_TRANSIENT_BIT);
        }
    }
    for (uint32_t i = 0; i < COUNT; i += 2) {
        expected[n++] = i;
        prog_submit_wait(p, cmds[i]);
    }
    vkDestroyCommandPool(p->device, pool, NULL);
    verify(s, "pools", expected, n);
}

/* The same buffer several times in one submission, and pending more than once. */
static void run_simultaneous(struct prog *p, const struct setup *s)
{
    enum { TIMES = 10 };
    VkCommandPool pool = create_pool(p, 0);
    VkCommandBuffer cmd, cmds[TIMES];
    VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .commandBufferCount = TIMES,
        .pCommandBuffers = cmds,
    };
    VkSubmitInfo submits[2] = {submit, submit};
    uint32_t expected[TIMES * 3];

    zero(s);
    allocate(p, pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1, &cmd);
    begin(cmd, VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT);
    prog_barrier(cmd);
    record_step(s, cmd, 3);
    CHECK(vkEndCommandBuffer(cmd));
    for (uint32_t i = 0; i < TIMES; i++)
        cmds[i] = cmd;
    for (uint32_t i = 0; i < PROG_ARRAY_SIZE(expected); i++)
        expected[i] = 3;
    CHECK(vkQueueSubmit(p->queue, 1, &submit, VK_NULL_HANDLE));
    CHECK(vkQueueSubmit(p->queue, 2, submits, VK_NULL_HANDLE));
    CHECK(vkQueueWaitIdle(p->queue));
    vkDestroyCommandPool(p->device, pool, NULL);
    verify(s, "simultaneous", expected, PROG_ARRAY_SIZE(expected));
}

/* Secondary buffers outside render passes, one of them run twice. */
static void run_secondary(struct prog *p, const struct setup *s)
{
    const uint32_t expected[] = {100, 0, 1, 2, 1, 101};
    VkCommandPool pool = create_pool(p, 0);
    VkCommandBuffer primary, secondary[3], order[4];

    zero(s);
    allocate(p, pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1, &primary);
    allocate(p, pool, VK_COMMAND_BUFFER_LEVEL_SECONDARY, 3, secondary);
    for (uint32_t i = 0; i < 3; i++) {
        begin(secondary[i], VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT);
        record_step(s, secondary[i], i);
        CHECK(vkEndCommandBuffer(secondary[i]));
    }
    order[0] = secondary[0];
    order[1] = order[3] = secondary[1];
    order[2] = secondary[2];
    begin(primary, 0);
    record_step(s, primary, 100);
    vkCmdExecuteCommands(primary, 4, order);
    record_step(s, primary, 101);
    CHECK(vkEndCommandBuffer(primary));
    prog_submit_wait(p, primary);
    vkDestroyCommandPool(p->device, pool, NULL);
    verify(s, "secondary", expected, PROG_ARRAY_SIZE(expected));
}

static void bind_draw(const struct setup *s, VkCommandBuffer cmd)
{
    struct push push = {.color = {0.2f, 0.9f, 0.4f, 1}, .size = {0.3f, 0.4f}, .depth = 0.5f};

    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, s->pipeline);
    vkCmdPushConstants(cmd, s->layout, VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT, 0,
                       sizeof(push), &push);
}

static void end_draw(struct prog *p, const struct setup *s, VkCommandBuffer cmd, const char *part,
                     const char *name)
{
    vkCmdEndRenderPass(cmd);
    prog_target_copy(cmd, &s->target, &s->picture);
    prog_end(p, cmd);
    prog_hash(part, name, s->picture.map, SIZE * SIZE * 4);
}

static void run_secondary_draws(struct prog *p, const struct setup *s)
{
    VkCommandBufferInheritanceInfo inheritance = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO,
        .renderPass = s->target.pass,
    };
    VkCommandBufferBeginInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_RENDER_PASS_CONTINUE_BIT,
        .pInheritanceInfo = &inheritance,
    };
    VkCommandPool pool = create_pool(p, 0);
    VkCommandBuffer cmds[4], primary = prog_begin(p);

    allocate(p, pool, VK_COMMAND_BUFFER_LEVEL_SECONDARY, 4, cmds);
    for (uint32_t i = 0; i < 4; i++) {
        CHECK(vkBeginCommandBuffer(cmds[i], &info));
        bind_draw(s, cmds[i]);
        vkCmdDraw(cmds[i], 4, 1 + i, 0, i * 4);
        CHECK(vkEndCommandBuffer(cmds[i]));
    }
    prog_target_begin(primary, &s->target, NULL, VK_SUBPASS_CONTENTS_SECONDARY_COMMAND_BUFFERS);
    vkCmdExecuteCommands(primary, 4, cmds);
    end_draw(p, s, primary, "secondary", "picture");
    vkDestroyCommandPool(p->device, pool, NULL);
}

/* Indirect draws, indexed and not, and with the count in a buffer. */
static void run_indirect(struct prog *p, const struct setup *s)
{
    const VkDrawIndirectCommand draws[5] = {
        {4, 2, 0, 0}, {3, 1, 0, 3}, {4, 1, 0, 5}, {4, 3, 0, 8}, {4, 1, 0, 15},
    };
    const VkDrawIndexedIndirectCommand indexed[2] = {{4, 1, 0, 0, 1}, {4, 2, 4, -4, 6}};
    const uint16_t indices[8] = {0, 1, 2, 3, 7, 6, 5, 4};
    struct prog_buffer b;
    VkCommandBuffer cmd;
    uint8_t *map;

    prog_buffer_create(p, &b, 4096,
                       VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT | VK_BUFFER_USAGE_INDEX_BUFFER_BIT,
                       PROG_HOST);
    map = b.map;
    for (uint32_t i = 0; i < 5; i++)
        memcpy(map + i * 32, &draws[i], sizeof(draws[i]));
    memcpy(map + 1024, indexed, sizeof(indexed));
    memcpy(map + 2048, indices, sizeof(indices));
    *(uint32_t *)(map + 3000) = 3;

    cmd = prog_begin(p);
    prog_target_begin(cmd, &s->target, NULL, VK_SUBPASS_CONTENTS_INLINE);
    bind_draw(s, cmd);
    vkCmdDrawIndirect(cmd, b.buffer, 0, 1, 32);
    if (p->features.multiDrawIndirect) {
        vkCmdDrawIndirect(cmd, b.buffer, 32, 4, 32);
    } else {
        for (uint32_t i = 1; i < 5; i++)
            vkCmdDrawIndirect(cmd, b.buffer, i * 32, 1, 32);
    }
    end_draw(p, s, cmd, "indirect", "draws");

    cmd = prog_begin(p);
    prog_target_begin(cmd, &s->target, NULL, VK_SUBPASS_CONTENTS_INLINE);
    bind_draw(s, cmd);
    vkCmdBindIndexBuffer(cmd, b.buffer, 2048, VK_INDEX_TYPE_UINT16);
    for (uint32_t i = 0; i < 2; i++)
        vkCmdDrawIndexedIndirect(cmd, b.buffer, 1024 + i * sizeof(indexed[0]), 1,
                                 sizeof(indexed[0]));
    vkCmdDrawIndexed(cmd, 4, 2, 0, 0, 12);
    end_draw(p, s, cmd, "indirect", "indexed");

    if (p->has.draw_count) {
        cmd = prog_begin(p);
        prog_target_begin(cmd, &s->target, NULL, VK_SUBPASS_CONTENTS_INLINE);
        bind_draw(s, cmd);
        PROG_PROC(p, vkCmdDrawIndirectCount)(cmd, b.buffer, 0, b.buffer, 3000, 5, 32);
        end_draw(p, s, cmd, "draw-count", "three-of-five");
    } else {
        prog_skip_part("draw-count", "needs drawIndirectCount");
    }
    prog_buffer_destroy(p, &b);
}

/* vkCmdClearAttachments inside a render pass, of colour and depth, in rectangles. */
static void run_clear_attachments(struct prog *p, const struct setup *s)
{
    const VkClearAttachment color = {
        .aspectMask = VK_IMAGE_ASPECT_COLOR_BIT,
        .clearValue.color.float32 = {1, 0.5f, 0.25f, 0.125f},
    };
    const VkClearAttachment depth = {
        .aspectMask = VK_IMAGE_ASPECT_DEPTH_BIT,
        .clearValue.depthStencil = {0.1f, 0},
    };
    const VkClearRect rects[3] = {
        {{{1, 1}, {10, 20}}, 0, 1},
        {{{30, 5}, {3, 50}}, 0, 1},
        {{{40, 40}, {24, 24}}, 0, 1},
    };
    VkCommandBuffer cmd = prog_begin(p);

    prog_target_begin(cmd, &s->target, NULL, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdClearAttachments(cmd, 1, &color, 3, rects);
    vkCmdClearAttachments(cmd, 1, &depth, 1, rects);
    bind_draw(s, cmd);
    vkCmdDraw(cmd, 4, 16, 0, 0); /* fails the depth test in the first rectangle */
    vkCmdClearAttachments(cmd, 1, &color, 1, &rects[1]);
    end_draw(p, s, cmd, "clear-attachments", "picture");
}

/* Objects that go away right after the submission that used them was waited for. */
static void run_short_lives(struct prog *p, const struct setup *s)
{
    const uint32_t rounds = 100;
    uint32_t *steps = calloc(rounds, sizeof(*steps));

    zero(s);
    for (uint32_t i = 0; i < rounds; i++) {
        VkCommandPool pool = create_pool(p, VK_COMMAND_POOL_CREATE_TRANSIENT_BIT);
        VkCommandBuffer cmds[2];

        allocate(p, pool, VK_COMMAND_BUFFER_LEVEL_PRIMARY, 2, cmds);
        begin(cmds[1], VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT);
        record_step(s, cmds[1], i);
        CHECK(vkEndCommandBuffer(cmds[1]));
        prog_submit_wait(p, cmds[1]);
        vkDestroyCommandPool(p->device, pool, NULL);
        steps[i] = i;
    }
    verify(s, "short-lives", steps, rounds);
    free(steps);
}

static void create(struct prog *p, struct setup *s)
{
    struct prog_pipeline_info info = {
        .vertex = corner_vert,
        .vertex_size = sizeof(corner_vert),
        .fragment = triangle_frag,
        .fragment_size = sizeof(triangle_frag),
        .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP,
        .depth = true,
        .width = SIZE,
        .height = SIZE,
    };

    prog_compute_create(p, &s->compute, step_comp, sizeof(step_comp), 1, 4, NULL);
    prog_buffer_create(p, &s->data, ELEMENTS * 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, PROG_HOST);
    prog_compute_buffer(p, &s->compute, 0, &s->data);
    prog_target_create(p, &s->target, VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_D16_UNORM, SIZE, SIZE);
    prog_buffer_create(p, &s->picture, SIZE * SIZE * 4, VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                       PROG_HOST);
    s->layout = prog_layout_create(p, sizeof(struct push), NULL);
    info.layout = s->layout;
    info.pass = s->target.pass;
    s->pipeline = prog_pipeline_create(p, &info);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "commandbuffers",
        .summary = "Records, reuses, nests and resets command buffers; draws indirectly.",
    };
    struct prog p;
    struct setup s;

    prog_init(&p, argc, argv, &about);
    create(&p, &s);
    run_reuse(&p, &s);
    run_pools(&p, &s);
    run_simultaneous(&p, &s);
    run_secondary(&p, &s);
    run_secondary_draws(&p, &s);
    run_indirect(&p, &s);
    run_clear_attachments(&p, &s);
    run_short_lives(&p, &s);
    vkDestroyPipeline(p.device, s.pipeline, NULL);
    vkDestroyPipelineLayout(p.device, s.layout, NULL);
    prog_buffer_destroy(&p, &s.picture);
    prog_target_destroy(&p, &s.target);
    prog_buffer_destroy(&p, &s.data);
    prog_compute_destroy(&p, &s.compute);
    return prog_finish(&p);
}
