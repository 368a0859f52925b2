/* SPDX-License-Identifier: MIT */
/* Occlusion, pipeline statistics and timestamp queries, read on the host and on the device. */
#include "draw.h"

#include <inttypes.h>

#include "shaders/corner.vert.h"
#include "shaders/count.frag.h"
#include "shaders/groups.comp.h"

#define SIZE    64u
#define QUERIES 12u

struct push {
    float color[4];
    float size[2];
    float depth;
};

struct setup {
    struct prog_target target;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    struct prog_buffer results;
};

static VkQueryPool create_pool(struct prog *p, VkQueryType type, uint32_t count,
                               VkQueryPipelineStatisticFlags statistics)
{
    VkQueryPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
        .queryType = type,
        .queryCount = count,
        .pipelineStatistics = statistics,
    };
    VkQueryPool pool;

    CHECK(vkCreateQueryPool(p->device, &info, NULL, &pool));
    return pool;
}

/* Draws rectangle number i: of growing size, some behind others. */
static void draw_one(VkCommandBuffer cmd, const struct setup *s, uint32_t i)
{
    struct push push = {
        .color = {1, (float)i / QUERIES, 0, 1},
        .size = {0.125f * (float)(i + 1), 0.1f * (float)(i + 1)},
        .depth = 0.9f - 0.07f * (float)(i ^ 1),
    };

    vkCmdPushConstants(cmd, s->layout, VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT, 0,
                       sizeof(push), &push);
    vkCmdDraw(cmd, 4, 1, 0, i % 5);
}

static void run_occlusion(struct prog *p, struct setup *s, const char *part, bool precise)
{
    const VkQueryResultFlags wide = VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT;
    VkQueryPool pool = create_pool(p, VK_QUERY_TYPE_OCCLUSION, QUERIES + 1, 0);
    VkQueryControlFlags flags = precise ? VK_QUERY_CONTROL_PRECISE_BIT : 0;
    uint64_t values[QUERIES][2];
    uint32_t narrow[QUERIES];
    VkResult result;
    VkCommandBuffer cmd = prog_begin(p);

    vkCmdResetQueryPool(cmd, pool, 0, QUERIES + 1);
    prog_target_begin(cmd, &s->target, NULL, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, s->pipeline);
    for (uint32_t i = 0; i < QUERIES; i++) {
        vkCmdBeginQuery(cmd, pool, i, flags);
        draw_one(cmd, s, i);
        vkCmdEndQuery(cmd, pool, i);
    }
    vkCmdEndRenderPass(cmd);
    vkCmdCopyQueryPoolResults(cmd, pool, 2, 8, s->results.buffer, 64, 16,
                              wide | VK_QUERY_RESULT_WITH_AVAILABILITY_BIT);
    vkCmdCopyQueryPoolResults(cmd, pool, 0, QUERIES, s->results.buffer, 1024, 4,
                              VK_QUERY_RESULT_WAIT_BIT);
    prog_barrier(cmd);
    prog_end(p, cmd);

    CHECK(vkGetQueryPoolResults(p->device, pool, 0, QUERIES, sizeof(values), values, 16,
                                wide | VK_QUERY_RESULT_WITH_AVAILABILITY_BIT));
    CHECK(vkGetQueryPoolResults(p->device, pool, 0, QUERIES, sizeof(narrow), narrow, 4,
                                VK_QUERY_RESULT_WAIT_BIT));
    for (uint32_t i = 0; i < QUERIES; i++) {
        char name[16];

        snprintf(name, sizeof(name), "query%u", i);
        /* Without PRECISE only zero or not zero is defined. */
        if (precise)
            prog_print(part, name, "%" PRIu64, values[i][0]);
        else
            prog_print(part, name, "%s", values[i][0] ? "visible" : "hidden");
        EXPECT(values[i][1] != 0, "%s: query %u is not available", part, i);
        EXPECT(!precise || narrow[i] == values[i][0], "%s: narrow %u differs", part, i);
        EXPECT(((uint32_t *)s->results.map)[256 + i] == narrow[i], "%s: copy %u differs", part, i);
        if (i >= 2 && i < 10)
            EXPECT(((uint64_t *)s->results.map)[8 + 2 * (i - 2)] == values[i][0] &&
                       ((uint64_t *)s->results.map)[9 + 2 * (i - 2)] != 0,
                   "%s: wide copy %u differs", part, i);
    }
    /* The last query was reset but never begun. */
    CHECK_RESULT(
        vkGetQueryPoolResults(p->device, pool, QUERIES, 1, 8, values, 8, VK_QUERY_RESULT_64_BIT),
        VK_NOT_READY);
    /* Mesa's Venus gives VK_NOT_READY here even for partial results. */
    memset(values, 0, sizeof(values));
    result = vkGetQueryPoolResults(p->device, pool, QUERIES, 1, 16, values, 16,
                                   VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_PARTIAL_BIT |
                                       VK_QUERY_RESULT_WITH_AVAILABILITY_BIT);
    if (result != VK_NOT_READY)
        CHECK(result);
    prog_print(part, "unused-available", "%" PRIu64, values[0][1]);
    if (p->has.host_query_reset) {
        PROG_PROC(p, vkResetQueryPool)(p->device, pool, 0, QUERIES);
        CHECK_RESULT(vkGetQueryPoolResults(p->device, pool, 0, QUERIES, sizeof(values), values, 16,
                                           VK_QUERY_RESULT_64_BIT),
                     VK_NOT_READY);
    }
    vkDestroyQueryPool(p->device, pool, NULL);
}

static void run_statistics(struct prog *p, struct setup *s)
{
    static const struct {
        VkQueryPipelineStatisticFlags flag;
        const char *name;
    } counters[] = {
        {VK_QUERY_PIPELINE_STATISTIC_INPUT_ASSEMBLY_VERTICES_BIT, "ia-vertices"},
        {VK_QUERY_PIPELINE_STATISTIC_INPUT_ASSEMBLY_PRIMITIVES_BIT, "ia-primitives"},
        {VK_QUERY_PIPELINE_STATISTIC_CLIPPING_INVOCATIONS_BIT, "clip-invocations"},
        {VK_QUERY_PIPELINE_STATISTIC_CLIPPING_PRIMITIVES_BIT, "clip-primitives"},
        {VK_QUERY_PIPELINE_STATISTIC_FRAGMENT_SHADER_INVOCATIONS_BIT, "fs-invocations"},
    };
    VkQueryPipelineStatisticFlags flags = 0;
    uint64_t values[PROG_ARRAY_SIZE(counters)];
    VkQueryPool pool;
    VkCommandBuffer cmd;

    if (!p->features.pipelineStatisticsQuery) {
        prog_skip_part("statistics", "needs pipelineStatisticsQuery");
        return;
    }
    for (size_t i = 0; i < PROG_ARRAY_SIZE(counters); i++)
        flags |= counters[i].flag;
    pool = create_pool(p, VK_QUERY_TYPE_PIPELINE_STATISTICS, 2, flags);
    cmd = prog_begin(p);
    vkCmdResetQueryPool(cmd, pool, 0, 2);
    vkCmdBeginQuery(cmd, pool, 1, 0);
    prog_target_begin(cmd, &s->target, NULL, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, s->pipeline);
    for (uint32_t i = 0; i < QUERIES; i++)
        draw_one(cmd, s, i);
    vkCmdEndRenderPass(cmd);
    vkCmdEndQuery(cmd, pool, 1);
    prog_end(p, cmd);
    CHECK(vkGetQueryPoolResults(p->device, pool, 1, 1, sizeof(values), values, sizeof(values),
                                VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
    for (size_t i = 0; i < PROG_ARRAY_SIZE(counters); i++)
        prog_print("statistics", counters[i].name, "%" PRIu64, values[i]);
    EXPECT(values[0] == 4 * QUERIES, "statistics: %" PRIu64 " vertices", values[0]);
    vkDestroyQueryPool(p->device, pool, NULL);
}

static void run_compute_statistics(struct prog *p)
{
    const VkQueryPipelineStatisticFlags flag =
        VK_QUERY_PIPELINE_STATISTIC_COMPUTE_SHADER_INVOCATIONS_BIT;
    struct prog_compute c;
    struct prog_buffer hits;
    uint64_t value = 0;
    VkQueryPool pool;
    VkCommandBuffer cmd;

    if (!p->features.pipelineStatisticsQuery) {
        prog_skip_part("compute-statistics", "needs pipelineStatisticsQuery");
        return;
    }
    pool = create_pool(p, VK_QUERY_TYPE_PIPELINE_STATISTICS, 1, flag);
    prog_compute_create(p, &c, groups_comp, sizeof(groups_comp), 1, 0, NULL);
    prog_buffer_create(p, &hits, 16 * 16 * 16 * 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, PROG_DEVICE);
    prog_compute_buffer(p, &c, 0, &hits);
    cmd = prog_begin(p);
    vkCmdResetQueryPool(cmd, pool, 0, 1);
    vkCmdBeginQuery(cmd, pool, 0, 0);
    prog_compute_bind(cmd, &c);
    vkCmdDispatch(cmd, 3, 4, 5);
    vkCmdEndQuery(cmd, pool, 0);
    prog_end(p, cmd);
    CHECK(vkGetQueryPoolResults(p->device, pool, 0, 1, 8, &value, 8,
                                VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
    prog_print("compute-statistics", "invocations", "%" PRIu64, value);
    vkDestroyQueryPool(p->device, pool, NULL);
    prog_buffer_destroy(p, &hits);
    prog_compute_destroy(p, &c);
}

static void run_timestamps(struct prog *p, struct setup *s)
{
    VkQueryPool pool;
    uint64_t values[8];
    bool monotone = true;
    VkCommandBuffer cmd;

    if (!p->properties.limits.timestampComputeAndGraphics) {
        prog_skip_part("timestamps", "needs timestamps");
        return;
    }
    pool = create_pool(p, VK_QUERY_TYPE_TIMESTAMP, 8, 0);
    cmd = prog_begin(p);
    vkCmdResetQueryPool(cmd, pool, 0, 8);
    for (uint32_t i = 0; i < 8; i++) {
        vkCmdWriteTimestamp(cmd, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, pool, i);
        vkCmdFillBuffer(cmd, s->results.buffer, 0, VK_WHOLE_SIZE, i);
        prog_barrier(cmd);
    }
    prog_end(p, cmd);
    CHECK(vkGetQueryPoolResults(p->device, pool, 0, 8, sizeof(values), values, 8,
                                VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
    for (uint32_t i = 1; i < 8; i++)
        monotone &= values[i - 1] <= values[i];
    EXPECT(monotone, "timestamps: they go backwards");
    prog_print("timestamps", "monotone", "%s", monotone ? "yes" : "no");
    prog_print("timestamps", "nonzero", "%s", values[7] ? "yes" : "no");
    vkDestroyQueryPool(p->device, pool, NULL);
}

static void create(struct prog *p, struct setup *s)
{
    struct prog_pipeline_info info = {
        .vertex = corner_vert,
        .vertex_size = sizeof(corner_vert),
        .fragment = count_frag,
        .fragment_size = sizeof(count_frag),
        .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP,
        .depth = true,
        .width = SIZE,
        .height = SIZE,
    };

    prog_target_create(p, &s->target, VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_D16_UNORM, SIZE, SIZE);
    s->layout = prog_layout_create(p, sizeof(struct push), NULL);
    info.layout = s->layout;
    info.pass = s->target.pass;
    s->pipeline = prog_pipeline_create(p, &info);
    prog_buffer_create(p, &s->results, 4096, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_HOST);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "queries",
        .summary = "Counts samples, pipeline statistics and time.",
    };
    struct prog p;
    struct setup s;

    prog_init(&p, argc, argv, &about);
    create(&p, &s);
    run_occlusion(&p, &s, "occlusion", false);
    if (p.features.occlusionQueryPrecise)
        run_occlusion(&p, &s, "precise", true);
    else
        prog_skip_part("precise", "needs occlusionQueryPrecise");
    run_statistics(&p, &s);
    run_compute_statistics(&p);
    run_timestamps(&p, &s);
    vkDestroyPipeline(p.device, s.pipeline, NULL);
    vkDestroyPipelineLayout(p.device, s.layout, NULL);
    prog_buffer_destroy(&p, &s.results);
    prog_target_destroy(&p, &s.target);
    return prog_finish(&p);
}
