/* SPDX-License-Identifier: MIT */
/* Buffer device addresses: a ring of nodes in buffers of their own, walked by the GPU. */
#include "common.h"

#include "shaders/list.comp.h"

#define NODES   48u
#define RESULTS 256u

struct node {
    uint64_t next;
    uint32_t value;
    uint32_t pad;
};

struct push {
    uint64_t head, result;
    uint32_t count;
};

static VkDeviceAddress address(struct prog *p, const struct prog_buffer *b)
{
    VkBufferDeviceAddressInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
        .buffer = b->buffer,
    };

    return PROG_PROC(p, vkGetBufferDeviceAddress)(p->device, &info);
}

static VkPipeline create_pipeline(struct prog *p, VkPipelineLayout layout)
{
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage =
            {
                .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = prog_shader(p, list_comp, sizeof(list_comp)),
                .pName = "main",
            },
        .layout = layout,
    };
    VkPipeline pipeline;

    CHECK(vkCreateComputePipelines(p->device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline));
    vkDestroyShaderModule(p->device, info.stage.module, NULL);
    return pipeline;
}

static void verify(const uint32_t *results)
{
    for (uint32_t i = 0; i < RESULTS; i++) {
        uint32_t x = i;

        for (uint32_t steps = 0; steps <= i; steps++)
            x = x * 31 + steps % NODES * 7919;
        EXPECT(results[i] == x, "result %u is 0x%x, not 0x%x", i, results[i], x);
    }
}

/* @p where: where the nodes and the result live; device memory is filled by copies. */
static void run(struct prog *p, const char *part, enum prog_where where)
{
    const VkBufferUsageFlags usage =
        VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
        VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT;
    VkPushConstantRange range = {VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(struct push)};
    VkPipelineLayoutCreateInfo layout_info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &range,
    };
    struct prog_buffer nodes[NODES], result, readback;
    VkBufferCopy copy = {.size = RESULTS * 4};
    struct push push = {.count = RESULTS};
    VkPipelineLayout layout;
    VkPipeline pipeline;
    VkCommandBuffer cmd;

    CHECK(vkCreatePipelineLayout(p->device, &layout_info, NULL, &layout));
    pipeline = create_pipeline(p, layout);
    for (uint32_t i = 0; i < NODES; i++)
        prog_buffer_create(p, &nodes[i], sizeof(struct node) + i * 16, usage, where);
    prog_buffer_create(p, &result, RESULTS * 4, usage, where);
    prog_buffer_create(p, &readback, RESULTS * 4, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_HOST);
    push.head = address(p, &nodes[0]);
    push.result = address(p, &result);
    EXPECT(push.head && push.result && push.head != push.result, "%s: bad addresses", part);
    EXPECT(push.head == address(p, &nodes[0]), "%s: an address changed", part);

    cmd = prog_begin(p);
    for (uint32_t i = 0; i < NODES; i++) {
        struct node n = {.value = i * 7919};

        n.next = address(p, &nodes[(i + 1) % NODES]);
        vkCmdUpdateBuffer(cmd, nodes[i].buffer, 0, sizeof(n), &n);
    }
    prog_barrier(cmd);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    vkCmdPushConstants(cmd, layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(push), &push);
    vkCmdDispatch(cmd, RESULTS / 32, 1, 1);
    prog_barrier(cmd);
    vkCmdCopyBuffer(cmd, result.buffer, readback.buffer, 1, &copy);
    prog_barrier(cmd);
    prog_end(p, cmd);
    verify(readback.map);
    prog_hash(part, "results", readback.map, RESULTS * 4);

    for (uint32_t i = 0; i < NODES; i++)
        prog_buffer_destroy(p, &nodes[i]);
    prog_buffer_destroy(p, &result);
    prog_buffer_destroy(p, &readback);
    vkDestroyPipeline(p->device, pipeline, NULL);
    vkDestroyPipelineLayout(p->device, layout, NULL);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "bda",
        .summary = "Walks a ring of buffer device addresses on the GPU.",
    };
    struct prog p;

    prog_init(&p, argc, argv, &about);
    if (!p.has.bda)
        prog_skip(&p, "needs bufferDeviceAddress");
    run(&p, "host", PROG_HOST);
    run(&p, "device", PROG_DEVICE);
    return prog_finish(&p);
}
