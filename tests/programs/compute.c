/* SPDX-License-Identifier: MIT */
/* Compute kernels of several kinds, most of them checked against the CPU. */
#include "common.h"

#include "shaders/arguments.comp.h"
#include "shaders/atomics.comp.h"
#include "shaders/float.comp.h"
#include "shaders/groups.comp.h"
#include "shaders/int.comp.h"
#include "shaders/shared.comp.h"
#include "shaders/spec.comp.h"

#define ELEMENTS 65536u

static const VkBufferUsageFlags storage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                                          VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                          VK_BUFFER_USAGE_TRANSFER_DST_BIT;

static uint32_t mix(uint32_t x, uint32_t i, uint32_t factor, uint32_t add)
{
    for (int round = 0; round < 8; round++) {
        x = x * factor + add + i;
        x ^= x >> 13;
        x = x << 7 | x >> 25;
    }
    return x;
}

static void run_int(struct prog *p)
{
    struct {
        uint32_t count, factor, add;
    } push = {ELEMENTS - 17, 0x9e3779b1u, 12345};
    struct prog_compute c;
    struct prog_buffer data;
    uint32_t *values;
    VkCommandBuffer cmd;

    prog_compute_create(p, &c, int_comp, sizeof(int_comp), 1, sizeof(push), NULL);
    prog_buffer_create(p, &data, ELEMENTS * 4, storage, PROG_HOST);
    values = data.map;
    for (uint32_t i = 0; i < ELEMENTS; i++)
        values[i] = i ^ 0x5a5a5a5au;
    prog_compute_buffer(p, &c, 0, &data);

    cmd = prog_begin(p);
    prog_compute_bind(cmd, &c);
    vkCmdPushConstants(cmd, c.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(push), &push);
    vkCmdDispatch(cmd, ELEMENTS / 64, 1, 1);
    prog_barrier(cmd);
    /* A second pass with only one of the constants changed. */
    push.add = 777;
    vkCmdPushConstants(cmd, c.layout, VK_SHADER_STAGE_COMPUTE_BIT, 8, 4, &push.add);
    vkCmdDispatch(cmd, ELEMENTS / 128, 1, 1);
    prog_barrier(cmd);
    prog_end(p, cmd);

    for (uint32_t i = 0; i < ELEMENTS; i++) {
        uint32_t x = i ^ 0x5a5a5a5au;

        if (i < push.count)
            x = mix(x, i, push.factor, 12345);
        if (i < ELEMENTS / 2)
            x = mix(x, i, push.factor, 777);
        EXPECT(values[i] == x, "int: element %u is 0x%x, not 0x%x", i, values[i], x);
    }
    prog_hash("int", "data", values, ELEMENTS * 4);
    prog_buffer_destroy(p, &data);
    prog_compute_destroy(p, &c);
}

static void run_float(struct prog *p)
{
    struct prog_compute c;
    struct prog_buffer in, out, device;
    VkBufferCopy copy = {.size = 8192 * 4};
    VkCommandBuffer cmd;

    prog_compute_create(p, &c, float_comp, sizeof(float_comp), 2, 0, NULL);
    prog_buffer_create(p, &in, 8192 * 4, storage, PROG_HOST);
    prog_buffer_create(p, &device, 8192 * 4, storage, PROG_DEVICE);
    prog_buffer_create(p, &out, 8192 * 16, storage, PROG_HOST);
    for (uint32_t i = 0; i < 8192; i++)
        ((float *)in.map)[i] = ((float)i - 4096.0f) / 256.0f;
    prog_compute_buffer(p, &c, 0, &device);
    prog_compute_buffer(p, &c, 1, &out);
    cmd = prog_begin(p);
    vkCmdCopyBuffer(cmd, in.buffer, device.buffer, 1, &copy);
    prog_barrier(cmd);
    prog_compute_bind(cmd, &c);
    vkCmdDispatch(cmd, 8192 / 64, 1, 1);
    prog_barrier(cmd);
    prog_end(p, cmd);
    prog_hash("float", "data", out.map, 8192 * 16);
    prog_buffer_destroy(p, &in);
    prog_buffer_destroy(p, &device);
    prog_buffer_destroy(p, &out);
    prog_compute_destroy(p, &c);
}

static void run_shared(struct prog *p)
{
    const uint32_t groups = 64;
    struct prog_compute c;
    struct prog_buffer in, sums, prefix;
    VkCommandBuffer cmd;
    uint32_t seed = 7;

    if (p->properties.limits.maxComputeWorkGroupInvocations < 256) {
        prog_skip_part("shared", "workgroups of 256 are too large");
        return;
    }
    prog_compute_create(p, &c, shared_comp, sizeof(shared_comp), 3, 0, NULL);
    prog_buffer_create(p, &in, groups * 1024, storage, PROG_HOST);
    prog_buffer_create(p, &sums, groups * 4, storage, PROG_HOST);
    prog_buffer_create(p, &prefix, groups * 1024, storage, PROG_HOST);
    for (uint32_t i = 0; i < groups * 256; i++)
        ((uint32_t *)in.map)[i] = prog_random(&seed);
    prog_compute_buffer(p, &c, 0, &in);
    prog_compute_buffer(p, &c, 1, &sums);
    prog_compute_buffer(p, &c, 2, &prefix);
    cmd = prog_begin(p);
    prog_compute_bind(cmd, &c);
    vkCmdDispatch(cmd, groups, 1, 1);
    prog_barrier(cmd);
    prog_end(p, cmd);

    for (uint32_t g = 0; g < groups; g++) {
        uint32_t sum = 0;

        for (uint32_t i = g * 256; i < g * 256 + 256; i++) {
            sum += ((uint32_t *)in.map)[i];
            EXPECT(((uint32_t *)prefix.map)[i] == sum, "shared: wrong prefix %u", i);
        }
        EXPECT(((uint32_t *)sums.map)[g] == sum, "shared: wrong sum of group %u", g);
    }
    prog_hash("shared", "sums", sums.map, groups * 4);
    prog_hash("shared", "prefix", prefix.map, groups * 1024);
    prog_buffer_destroy(p, &in);
    prog_buffer_destroy(p, &sums);
    prog_buffer_destroy(p, &prefix);
    prog_compute_destroy(p, &c);
}

static void run_atomics(struct prog *p)
{
    uint32_t expected[6 + 256] = {0, UINT32_MAX, 0, 0, 0, UINT32_MAX};
    struct prog_compute c;
    struct prog_buffer out;
    VkCommandBuffer cmd;

    prog_compute_create(p, &c, atomics_comp, sizeof(atomics_comp), 1, 0, NULL);
    prog_buffer_create(p, &out, sizeof(expected), storage, PROG_HOST);
    memcpy(out.map, expected, sizeof(expected));
    prog_compute_buffer(p, &c, 0, &out);
    cmd = prog_begin(p);
    prog_compute_bind(cmd, &c);
    vkCmdDispatch(cmd, ELEMENTS / 64, 1, 1);
    prog_barrier(cmd);
    prog_end(p, cmd);

    for (uint32_t i = 0; i < ELEMENTS; i++) {
        uint32_t x = i * 2654435761u;

        x ^= x >> 15;
        expected[0] += x;
        expected[1] = x < expected[1] ? x : expected[1];
        expected[2] = x > expected[2] ? x : expected[2];
        expected[3] ^= x;
        expected[4] |= 1u << (x & 31);
        expected[5] &= ~(1u << (i / 64 & 15));
        expected[6 + (x >> 24)]++;
    }
    EXPECT(memcmp(expected, out.map, sizeof(expected)) == 0, "atomics: wrong results");
    prog_print("atomics", "total", "%u", ((uint32_t *)out.map)[0]);
    prog_hash("atomics", "all", out.map, sizeof(expected));
    prog_buffer_destroy(p, &out);
    prog_compute_destroy(p, &c);
}

static void run_spec(struct prog *p)
{
    const struct {
        uint32_t local;
        int32_t offset;
        float scale;
        VkBool32 invert;
        uint32_t length;
    } sets[] = {
        {32, 1, 1.0f, VK_FALSE, 4},
        {17, -5, 0.375f, VK_TRUE, 9},
        {1, 1000000, -2.5f, VK_FALSE, 1},
    };
    const VkSpecializationMapEntry entries[] = {
        {0, 0, 4}, {1, 4, 4}, {2, 8, 4}, {3, 12, 4}, {4, 16, 4},
    };

    for (uint32_t s = 0; s < PROG_ARRAY_SIZE(sets); s++) {
        VkSpecializationInfo info = {PROG_ARRAY_SIZE(entries), entries, sizeof(sets[s]), &sets[s]};
        struct prog_compute c;
        struct prog_buffer out;
        VkCommandBuffer cmd;
        char name[32];

        prog_compute_create(p, &c, spec_comp, sizeof(spec_comp), 1, 0, &info);
        prog_buffer_create(p, &out, sets[s].local * 40, storage, PROG_HOST);
        prog_compute_buffer(p, &c, 0, &out);
        cmd = prog_begin(p);
        prog_compute_bind(cmd, &c);
        vkCmdDispatch(cmd, 10, 1, 1);
        prog_barrier(cmd);
        prog_end(p, cmd);
        for (uint32_t i = 0; i < sets[s].local * 10; i++) {
            uint32_t t = i % sets[s].local % sets[s].length;
            float f = sets[s].scale * (float)i;
            int32_t x = (int32_t)(t * t) + sets[s].offset;

            x += (int32_t)f - ((float)(int32_t)f > f);
            x = sets[s].invert ? ~x : x;
            EXPECT(((int32_t *)out.map)[i] == x, "spec %u: element %u is %d, not %d", s, i,
                   ((int32_t *)out.map)[i], x);
        }
        snprintf(name, sizeof(name), "set%u", s);
        prog_hash("spec", name, out.map, sets[s].local * 40);
        prog_buffer_destroy(p, &out);
        prog_compute_destroy(p, &c);
    }
}

static void count_groups(const struct prog_buffer *hits, const char *name)
{
    uint32_t ran = 0;

    for (uint32_t i = 0; i < 16 * 16 * 16; i++)
        ran += ((uint32_t *)hits->map)[i] != 0;
    prog_print("dispatch", name, "%u workgroups", ran);
    prog_hash("dispatch", name, hits->map, 16 * 16 * 16 * 4);
}

/* Direct, indirect (arguments from the host and from the GPU) and with a base workgroup. */
static void run_dispatch(struct prog *p)
{
    struct prog_compute groups, arguments;
    struct prog_buffer hits, indirect;
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .flags = VK_PIPELINE_CREATE_DISPATCH_BASE_BIT,
        .stage =
            {
                .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .pName = "main",
            },
    };
    const uint32_t size[3] = {4, 7, 9};
    VkPipeline based;
    VkCommandBuffer cmd;

    prog_compute_create(p, &groups, groups_comp, sizeof(groups_comp), 1, 0, NULL);
    prog_compute_create(p, &arguments, arguments_comp, sizeof(arguments_comp), 1, 12, NULL);
    prog_buffer_create(p, &hits, 16 * 16 * 16 * 4, storage, PROG_HOST);
    prog_buffer_create(p, &indirect, 64, storage | VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT, PROG_HOST);
    prog_compute_buffer(p, &groups, 0, &hits);
    prog_compute_buffer(p, &arguments, 0, &indirect);
    info.layout = groups.layout;
    info.stage.module = prog_shader(p, groups_comp, sizeof(groups_comp));
    CHECK(vkCreateComputePipelines(p->device, VK_NULL_HANDLE, 1, &info, NULL, &based));
    vkDestroyShaderModule(p->device, info.stage.module, NULL);

    cmd = prog_begin(p);
    prog_compute_bind(cmd, &groups);
    vkCmdDispatch(cmd, 3, 5, 2);
    prog_barrier(cmd);
    prog_end(p, cmd);
    count_groups(&hits, "direct");

    ((VkDispatchIndirectCommand *)indirect.map)[2] = (VkDispatchIndirectCommand){8, 2, 11};
    cmd = prog_begin(p);
    prog_compute_bind(cmd, &groups);
    vkCmdDispatchIndirect(cmd, indirect.buffer, 2 * sizeof(VkDispatchIndirectCommand));
    prog_barrier(cmd);
    prog_end(p, cmd);
    count_groups(&hits, "indirect-host");

    cmd = prog_begin(p);
    prog_compute_bind(cmd, &arguments);
    vkCmdPushConstants(cmd, arguments.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, 12, size);
    vkCmdDispatch(cmd, 1, 1, 1);
    prog_barrier(cmd);
    prog_compute_bind(cmd, &groups);
    vkCmdDispatchIndirect(cmd, indirect.buffer, 0);
    prog_barrier(cmd);
    prog_end(p, cmd);
    count_groups(&hits, "indirect-gpu");

    cmd = prog_begin(p);
    prog_compute_bind(cmd, &groups);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, based);
    vkCmdDispatchBase(cmd, 10, 11, 12, 6, 5, 4);
    prog_barrier(cmd);
    prog_end(p, cmd);
    count_groups(&hits, "base");

    vkDestroyPipeline(p->device, based, NULL);
    prog_buffer_destroy(p, &hits);
    prog_buffer_destroy(p, &indirect);
    prog_compute_destroy(p, &groups);
    prog_compute_destroy(p, &arguments);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "compute",
        .summary = "Runs compute kernels and checks what they write.",
    };
    struct prog p;

    prog_init(&p, argc, argv, &about);
    run_int(&p);
    run_float(&p);
    run_shared(&p);
    run_atomics(&p);
    run_spec(&p);
    run_dispatch(&p);
    return prog_finish(&p);
}
