/* SPDX-License-Identifier: MIT */
/* Large and many things: modules, pipelines in one call, descriptor writes, specialization. */
#include "draw.h"

#include "shaders/big.comp.h"
#include "shaders/corner.vert.h"
#include "shaders/spec.comp.h"
#include "shaders/step.comp.h"
#include "shaders/triangle.frag.h"

#define ELEMENTS 256u

static uint32_t *run_once(struct prog *p, struct prog_compute *c, struct prog_buffer *data)
{
    VkCommandBuffer cmd;

    prog_buffer_create(p, data, ELEMENTS * 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, PROG_HOST);
    prog_compute_buffer(p, c, 0, data);
    for (uint32_t i = 0; i < ELEMENTS; i++)
        ((uint32_t *)data->map)[i] = i * 3;
    cmd = prog_begin(p);
    prog_compute_bind(cmd, c);
    vkCmdDispatch(cmd, ELEMENTS / 64, 1, 1);
    prog_barrier(cmd);
    prog_end(p, cmd);
    return data->map;
}

static void run_big_shader(struct prog *p)
{
    struct prog_compute c;
    struct prog_buffer data;

    prog_compute_create(p, &c, big_comp, sizeof(big_comp), 1, 0, NULL);
    fprintf(stderr, "big shader: %zu bytes of SPIR-V\n", sizeof(big_comp));
    prog_hash("big-shader", "data", run_once(p, &c, &data), ELEMENTS * 4);
    prog_buffer_destroy(p, &data);
    prog_compute_destroy(p, &c);
}

/*
 * A module made large by strings, which no driver has to compile.  OpString belongs right before
 * the first OpSource or OpName; every one of them gets an id of its own.
 */
static void run_padded_module(struct prog *p, const char *name, uint32_t strings,
                              uint32_t string_words)
{
    enum { OP_STRING = 7, OP_SOURCE = 3, OP_NAME = 5, HEADER_WORDS = 5, BOUND = 3 };
    const size_t words = sizeof(step_comp) / 4;
    size_t at = HEADER_WORDS, to = 0;
    uint32_t *code = malloc(sizeof(step_comp) + (size_t)strings * (string_words + 2) * 4);
    uint32_t step = 41;
    struct prog_compute c;
    struct prog_buffer data;
    VkCommandBuffer cmd;

    while (at < words && (step_comp[at] & 0xffff) != OP_SOURCE &&
           (step_comp[at] & 0xffff) != OP_NAME)
        at += step_comp[at] >> 16;
    memcpy(code, step_comp, at * 4);
    to = at;
    for (uint32_t i = 0; i < strings; i++) {
        code[to++] = (string_words + 2) << 16 | OP_STRING;
        code[to++] = code[BOUND]++;
        memset(code + to, 'x', string_words * 4);
        to += string_words;
        code[to - 1] = 0;
    }
    memcpy(code + to, step_comp + at, (words - at) * 4);
    to += words - at;

    prog_compute_create(p, &c, code, to * 4, 1, 4, NULL);
    prog_buffer_create(p, &data, ELEMENTS * 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, PROG_HOST);
    prog_compute_buffer(p, &c, 0, &data);
    cmd = prog_begin(p);
    prog_compute_bind(cmd, &c);
    vkCmdPushConstants(cmd, c.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, 4, &step);
    vkCmdDispatch(cmd, ELEMENTS / 64, 1, 1);
    prog_barrier(cmd);
    prog_end(p, cmd);
    EXPECT(((uint32_t *)data.map)[7] == 48, "padded-module %s: wrong result", name);
    prog_hash("padded-module", name, data.map, ELEMENTS * 4);
    prog_buffer_destroy(p, &data);
    prog_compute_destroy(p, &c);
    free(code);
}

/* Many compute pipelines by few calls, each with constants of its own; all of them used. */
static void run_many_compute(struct prog *p)
{
    enum { BATCHES = 6, BATCH = 20 };
    struct constants {
        uint32_t local;
        int32_t offset;
        float scale;
        VkBool32 invert;
        uint32_t length;
    } constants[BATCH];
    const VkSpecializationMapEntry entries[] = {
        {0, 0, 4}, {1, 4, 4}, {2, 8, 4}, {3, 12, 4}, {4, 16, 4},
    };
    VkSpecializationInfo specializations[BATCH];
    VkComputePipelineCreateInfo infos[BATCH];
    VkPipeline pipelines[BATCH];
    VkShaderModule module = prog_shader(p, spec_comp, sizeof(spec_comp));
    struct prog_compute c;
    struct prog_buffer out;
    uint64_t hash = PROG_FNV_START;

    prog_compute_create(p, &c, step_comp, sizeof(step_comp), 1, 4, NULL);
    prog_buffer_create(p, &out, 4096, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, PROG_HOST);
    prog_compute_buffer(p, &c, 0, &out);
    for (uint32_t b = 0; b < BATCHES; b++) {
        VkCommandBuffer cmd;

        for (uint32_t i = 0; i < BATCH; i++) {
            constants[i] = (struct constants){1 + i, (int32_t)(b * i), 0.25f * (float)b, i % 2,
                                              1 + (b + i) % 7};
            specializations[i] = (VkSpecializationInfo){PROG_ARRAY_SIZE(entries), entries,
                                                        sizeof(constants[i]), &constants[i]};
            infos[i] = (VkComputePipelineCreateInfo){
                .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
                .stage =
                    {
                        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                        .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                        .module = module,
                        .pName = "main",
                        .pSpecializationInfo = &specializations[i],
                    },
                .layout = c.layout,
            };
        }
        CHECK(vkCreateComputePipelines(p->device, VK_NULL_HANDLE, BATCH, infos, NULL, pipelines));
        for (uint32_t i = 0; i < BATCH; i++) {
            cmd = prog_begin(p);
            prog_compute_bind(cmd, &c);
            vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, pipelines[i]);
            vkCmdDispatch(cmd, 4, 1, 1);
            prog_barrier(cmd);
            prog_end(p, cmd);
            hash = prog_fnv_more(hash, out.map, 16 * (1 + i));
            vkDestroyPipeline(p->device, pipelines[i], NULL);
        }
    }
    prog_print("many-compute", "results", "0x%016llx", (unsigned long long)hash);
    vkDestroyShaderModule(p->device, module, NULL);
    prog_buffer_destroy(p, &out);
    prog_compute_destroy(p, &c);
}

/* Many graphics pipelines, alive together. */
static void run_many_graphics(struct prog *p)
{
    enum { COUNT = 60, SIZE = 32 };
    struct {
        float color[4];
        float size[2];
        float depth;
    } push = {{1, 1, 1, 0.5f}, {0.4f, 0.4f}, 0.5f};
    const VkShaderStageFlags stages = VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT;
    struct prog_pipeline_info info = {
        .vertex = corner_vert,
        .vertex_size = sizeof(corner_vert),
        .fragment = triangle_frag,
        .fragment_size = sizeof(triangle_frag),
    };
    struct prog_target target;
    struct prog_buffer picture;
    VkPipeline pipelines[COUNT];
    VkCommandBuffer cmd;

    prog_target_create(p, &target, VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_D16_UNORM, SIZE, SIZE);
    prog_buffer_create(p, &picture, SIZE * SIZE * 4, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_HOST);
    info.pass = target.pass;
    info.layout = prog_layout_create(p, sizeof(push), NULL);
    for (uint32_t i = 0; i < COUNT; i++) {
        info.topology =
            i % 2 ? VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP : VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
        info.blend = i % 3 == 0;
        info.depth = i % 5 == 0;
        info.width = SIZE - i / 4;
        info.height = SIZE - i / 6;
        pipelines[i] = prog_pipeline_create(p, &info);
    }
    cmd = prog_begin(p);
    prog_target_begin(cmd, &target, NULL, VK_SUBPASS_CONTENTS_INLINE);
    for (uint32_t i = 0; i < COUNT; i++) {
        push.color[i % 3] = (float)i / COUNT;
        push.depth = 1.0f - (float)i / COUNT;
        vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipelines[i]);
        vkCmdPushConstants(cmd, info.layout, stages, 0, sizeof(push), &push);
        vkCmdDraw(cmd, 4, 1, 0, i % 16);
    }
    vkCmdEndRenderPass(cmd);
    prog_target_copy(cmd, &target, &picture);
    prog_end(p, cmd);
    prog_hash("many-graphics", "picture", picture.map, SIZE * SIZE * 4);
    for (uint32_t i = 0; i < COUNT; i++)
        vkDestroyPipeline(p->device, pipelines[i], NULL);
    vkDestroyPipelineLayout(p->device, info.layout, NULL);
    prog_buffer_destroy(p, &picture);
    prog_target_destroy(p, &target);
}

/* Two thousand sets, all written by one call of more than 128 KiB. */
static void run_many_writes(struct prog *p)
{
    enum { SETS = 2000 };
    const VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, SETS};
    VkDescriptorPoolCreateInfo pool_info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = SETS,
        .poolSizeCount = 1,
        .pPoolSizes = &size,
    };
    VkDescriptorSetAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorSetCount = SETS,
    };
    VkWriteDescriptorSet *writes = calloc(SETS, sizeof(*writes));
    VkDescriptorBufferInfo *infos = calloc(SETS, sizeof(*infos));
    VkDescriptorSetLayout *layouts = calloc(SETS, sizeof(*layouts));
    VkDescriptorSet *sets = calloc(SETS, sizeof(*sets));
    struct prog_compute c;
    struct prog_buffer data;
    VkDescriptorPool pool;
    VkCommandBuffer cmd;
    uint32_t step = 5;

    prog_compute_create(p, &c, step_comp, sizeof(step_comp), 1, 4, NULL);
    prog_buffer_create(p, &data, SETS * 256, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, PROG_HOST);
    CHECK(vkCreateDescriptorPool(p->device, &pool_info, NULL, &pool));
    for (uint32_t i = 0; i < SETS; i++)
        layouts[i] = c.set_layout;
    allocate.descriptorPool = pool;
    allocate.pSetLayouts = layouts;
    CHECK(vkAllocateDescriptorSets(p->device, &allocate, sets));
    for (uint32_t i = 0; i < SETS; i++) {
        infos[i] = (VkDescriptorBufferInfo){data.buffer, i * 256, 64 + i % 16 * 4};
        writes[i] = (VkWriteDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = sets[i],
            .descriptorCount = 1,
            .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .pBufferInfo = &infos[i],
        };
    }
    vkUpdateDescriptorSets(p->device, SETS, writes, 0, NULL);
    cmd = prog_begin(p);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, c.pipeline);
    vkCmdPushConstants(cmd, c.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, 4, &step);
    for (uint32_t i = 0; i < SETS; i++) {
        vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, c.layout, 0, 1, &sets[i], 0,
                                NULL);
        vkCmdDispatch(cmd, 1, 1, 1);
    }
    prog_barrier(cmd);
    prog_end(p, cmd);
    prog_hash("many-writes", "data", data.map, SETS * 256);
    vkDestroyDescriptorPool(p->device, pool, NULL);
    prog_buffer_destroy(p, &data);
    prog_compute_destroy(p, &c);
    free(writes);
    free(infos);
    free(layouts);
    free(sets);
}

/* Specialization data far larger than what the shader uses. */
static void run_big_specialization(struct prog *p)
{
    const uint32_t size = 300000, entries_count = 3000;
    VkSpecializationMapEntry *entries = calloc(entries_count, sizeof(*entries));
    uint8_t *data = calloc(1, size);
    VkSpecializationInfo info = {entries_count, entries, size, data};
    const uint32_t local = 32, length = 3;
    struct prog_compute c;
    struct prog_buffer out;

    /* Ids that the shader lacks are ignored. */
    for (uint32_t i = 0; i < entries_count; i++)
        entries[i] = (VkSpecializationMapEntry){1000 + i, i * 100, 4};
    entries[0].constantID = 0;
    entries[2999].constantID = 4;
    memcpy(data, &local, 4);
    memcpy(data + entries[2999].offset, &length, 4);
    prog_compute_create(p, &c, spec_comp, sizeof(spec_comp), 1, 0, &info);
    prog_hash("big-specialization", "data", run_once(p, &c, &out), ELEMENTS * 4);
    prog_buffer_destroy(p, &out);
    prog_compute_destroy(p, &c);
    free(entries);
    free(data);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "robust",
        .summary = "Large modules, many pipelines and sets, long calls.",
    };
    struct prog p;

    prog_init(&p, argc, argv, &about);
    run_big_shader(&p);
    run_padded_module(&p, "64KiB", 1, 16000);
    run_padded_module(&p, "2MiB", 40, 13000);
    run_many_compute(&p);
    run_many_graphics(&p);
    run_many_writes(&p);
    run_big_specialization(&p);
    return prog_finish(&p);
}
