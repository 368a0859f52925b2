/* SPDX-License-Identifier: MIT */
/* Descriptors of every kind: pools, arrays, dynamic offsets, templates, copies, late updates. */
#include "common.h"

#include "shaders/bindings.comp.h"
#include "shaders/indexed.comp.h"
#include "shaders/inline.comp.h"

#define N 64u /* elements: 8 by 8 */

static VkPipeline create_pipeline(struct prog *p, VkPipelineLayout layout, const uint32_t *code,
                                  size_t size)
{
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage =
            {
                .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = prog_shader(p, code, size),
                .pName = "main",
            },
        .layout = layout,
    };
    VkPipeline pipeline;

    CHECK(vkCreateComputePipelines(p->device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline));
    vkDestroyShaderModule(p->device, info.stage.module, NULL);
    return pipeline;
}

static VkPipelineLayout create_layout(struct prog *p, uint32_t count,
                                      const VkDescriptorSetLayout *sets, uint32_t push_size)
{
    VkPushConstantRange range = {VK_SHADER_STAGE_COMPUTE_BIT, 0, push_size};
    VkPipelineLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = count,
        .pSetLayouts = sets,
        .pushConstantRangeCount = push_size ? 1 : 0,
        .pPushConstantRanges = &range,
    };
    VkPipelineLayout layout;

    CHECK(vkCreatePipelineLayout(p->device, &info, NULL, &layout));
    return layout;
}

/* ---- every kind of buffer and texel descriptor at once ---- */

static const VkDescriptorType kinds[2][6] = {
    {
        VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
        VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
        VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER,
        VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER,
        VK_DESCRIPTOR_TYPE_STORAGE_IMAGE,
        VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
    },
    {
        VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC,
        VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC,
    },
};
static const uint32_t kind_counts[2] = {6, 2};

struct bindings {
    VkDescriptorSetLayout layouts[2];
    VkPipelineLayout layout;
    VkPipeline pipeline;
    struct prog_buffer uniform, storage, texels, texel_image, many[4], dynamic, result;
    struct prog_image image;
    VkBufferView views[2];
};

static VkBufferView create_view(struct prog *p, const struct prog_buffer *b)
{
    VkBufferViewCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
        .buffer = b->buffer,
        .format = VK_FORMAT_R32_UINT,
        .range = VK_WHOLE_SIZE,
    };
    VkBufferView view;

    CHECK(vkCreateBufferView(p->device, &info, NULL, &view));
    return view;
}

static void create_numbers(struct prog *p, struct prog_buffer *b, uint32_t count, uint32_t seed,
                           VkBufferUsageFlags usage)
{
    prog_buffer_create(p, b, count * 4, usage, PROG_HOST);
    for (uint32_t i = 0; i < count; i++)
        ((uint32_t *)b->map)[i] = prog_random(&seed);
}

static void create_bindings(struct prog *p, struct bindings *b)
{
    for (uint32_t set = 0; set < 2; set++) {
        VkDescriptorSetLayoutBinding bindings[6];
        VkDescriptorSetLayoutCreateInfo info = {
            .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
            .bindingCount = kind_counts[set],
            .pBindings = bindings,
        };

        for (uint32_t i = 0; i < kind_counts[set]; i++)
            bindings[i] = (VkDescriptorSetLayoutBinding){
                .binding = i,
                .descriptorType = kinds[set][i],
                .descriptorCount = set == 0 && i == 5 ? 4 : 1,
                .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
            };
        CHECK(vkCreateDescriptorSetLayout(p->device, &info, NULL, &b->layouts[set]));
    }
    b->layout = create_layout(p, 2, b->layouts, 0);
    b->pipeline = create_pipeline(p, b->layout, bindings_comp, sizeof(bindings_comp));
    create_numbers(p, &b->uniform, 4, 1, VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT);
    create_numbers(p, &b->storage, N, 2, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    create_numbers(p, &b->texels, N, 3, VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT);
    create_numbers(p, &b->texel_image, N, 4, VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT);
    for (uint32_t i = 0; i < 4; i++)
        create_numbers(p, &b->many[i], N, 5 + i, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    create_numbers(p, &b->dynamic, 1024, 9, VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT);
    prog_buffer_create(p, &b->result, 8192, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, PROG_HOST);
    prog_image_create_2d(p, &b->image, VK_FORMAT_R32_UINT, 8, 8,
                         VK_IMAGE_USAGE_STORAGE_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT);
    b->views[0] = create_view(p, &b->texels);
    b->views[1] = create_view(p, &b->texel_image);
}

static void destroy_bindings(struct prog *p, struct bindings *b)
{
    vkDestroyBufferView(p->device, b->views[0], NULL);
    vkDestroyBufferView(p->device, b->views[1], NULL);
    prog_image_destroy(p, &b->image);
    prog_buffer_destroy(p, &b->uniform);
    prog_buffer_destroy(p, &b->storage);
    prog_buffer_destroy(p, &b->texels);
    prog_buffer_destroy(p, &b->texel_image);
    for (uint32_t i = 0; i < 4; i++)
        prog_buffer_destroy(p, &b->many[i]);
    prog_buffer_destroy(p, &b->dynamic);
    prog_buffer_destroy(p, &b->result);
    vkDestroyPipeline(p->device, b->pipeline, NULL);
    vkDestroyPipelineLayout(p->device, b->layout, NULL);
    vkDestroyDescriptorSetLayout(p->device, b->layouts[0], NULL);
    vkDestroyDescriptorSetLayout(p->device, b->layouts[1], NULL);
}

static VkDescriptorPool create_pool(struct prog *p, uint32_t sets,
                                    VkDescriptorPoolCreateFlags flags)
{
    const VkDescriptorPoolSize sizes[] = {
        {VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, sets},
        {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, sets * 5},
        {VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, sets},
        {VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER, sets},
        {VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, sets},
        {VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC, sets},
        {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC, sets},
    };
    VkDescriptorPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .flags = flags,
        .maxSets = sets,
        .poolSizeCount = PROG_ARRAY_SIZE(sizes),
        .pPoolSizes = sizes,
    };
    VkDescriptorPool pool;

    CHECK(vkCreateDescriptorPool(p->device, &info, NULL, &pool));
    return pool;
}

static VkResult allocate_sets(struct prog *p, VkDescriptorPool pool, uint32_t count,
                              const VkDescriptorSetLayout *layouts, VkDescriptorSet *sets)
{
    VkDescriptorSetAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = pool,
        .descriptorSetCount = count,
        .pSetLayouts = layouts,
    };

    return vkAllocateDescriptorSets(p->device, &info, sets);
}

/* Everything that the two sets point at, in the order of the bindings. */
struct infos {
    VkDescriptorBufferInfo uniform, storage, many[4], dynamic[2];
    VkDescriptorImageInfo image;
    VkBufferView views[2];
};

static struct infos make_infos(const struct bindings *b)
{
    struct infos infos = {
        .uniform = {b->uniform.buffer, 0, VK_WHOLE_SIZE},
        .storage = {b->storage.buffer, 0, VK_WHOLE_SIZE},
        .dynamic = {{b->dynamic.buffer, 0, 16}, {b->result.buffer, 0, N * 4}},
        .image = {VK_NULL_HANDLE, b->image.view, VK_IMAGE_LAYOUT_GENERAL},
        .views = {b->views[0], b->views[1]},
    };

    for (uint32_t i = 0; i < 4; i++)
        infos.many[i] = (VkDescriptorBufferInfo){b->many[i].buffer, 0, VK_WHOLE_SIZE};
    return infos;
}

static void write_sets(struct prog *p, const struct bindings *b, const VkDescriptorSet *sets)
{
    struct infos infos = make_infos(b);
    VkWriteDescriptorSet writes[8];

    for (uint32_t i = 0; i < 8; i++)
        writes[i] = (VkWriteDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = sets[i / 6],
            .dstBinding = i % 6,
            .descriptorCount = i == 5 ? 4 : 1,
            .descriptorType = kinds[i / 6][i % 6],
        };
    writes[0].pBufferInfo = &infos.uniform;
    writes[1].pBufferInfo = &infos.storage;
    writes[2].pTexelBufferView = &infos.views[0];
    writes[3].pTexelBufferView = &infos.views[1];
    writes[4].pImageInfo = &infos.image;
    writes[5].pBufferInfo = infos.many;
    writes[6].pBufferInfo = &infos.dynamic[0];
    writes[7].pBufferInfo = &infos.dynamic[1];
    vkUpdateDescriptorSets(p->device, 8, writes, 0, NULL);
}

static void write_by_template(struct prog *p, const struct bindings *b, const VkDescriptorSet *sets)
{
    const size_t info = sizeof(VkDescriptorBufferInfo), view = sizeof(VkBufferView);
    const VkDescriptorUpdateTemplateEntry entries[2][6] = {
        {
            {0, 0, 1, kinds[0][0], offsetof(struct infos, uniform), info},
            {1, 0, 1, kinds[0][1], offsetof(struct infos, storage), info},
            {2, 0, 1, kinds[0][2], offsetof(struct infos, views), view},
            {3, 0, 1, kinds[0][3], offsetof(struct infos, views) + view, view},
            {4, 0, 1, kinds[0][4], offsetof(struct infos, image), sizeof(VkDescriptorImageInfo)},
            {5, 0, 4, kinds[0][5], offsetof(struct infos, many), info},
        },
        {
            {0, 0, 1, kinds[1][0], offsetof(struct infos, dynamic), info},
            {1, 0, 1, kinds[1][1], offsetof(struct infos, dynamic) + info, info},
        },
    };
    struct infos infos = make_infos(b);

    for (uint32_t set = 0; set < 2; set++) {
        VkDescriptorUpdateTemplateCreateInfo create = {
            .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_UPDATE_TEMPLATE_CREATE_INFO,
            .descriptorUpdateEntryCount = kind_counts[set],
            .pDescriptorUpdateEntries = entries[set],
            .templateType = VK_DESCRIPTOR_UPDATE_TEMPLATE_TYPE_DESCRIPTOR_SET,
            .descriptorSetLayout = b->layouts[set],
        };
        VkDescriptorUpdateTemplate template;

        CHECK(vkCreateDescriptorUpdateTemplate(p->device, &create, NULL, &template));
        vkUpdateDescriptorSetWithTemplate(p->device, sets[set], template, &infos);
        vkDestroyDescriptorUpdateTemplate(p->device, template, NULL);
    }
}

/* Sets 2 and 3 are copies of sets 0 and 1, descriptor by descriptor. */
static void copy_sets(struct prog *p, const VkDescriptorSet *from, const VkDescriptorSet *to)
{
    VkCopyDescriptorSet copies[8];

    for (uint32_t i = 0; i < 8; i++)
        copies[i] = (VkCopyDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_COPY_DESCRIPTOR_SET,
            .srcSet = from[i / 6],
            .srcBinding = i % 6,
            .dstSet = to[i / 6],
            .dstBinding = i % 6,
            .descriptorCount = i == 5 ? 4 : 1,
        };
    vkUpdateDescriptorSets(p->device, 0, NULL, 8, copies);
}

/* Two dispatches with different dynamic offsets; returns nothing, leaves the result mapped. */
static void dispatch(struct prog *p, const struct bindings *b, const VkDescriptorSet *sets,
                     const char *part, const char *name)
{
    const VkClearColorValue color = {.uint32 = {12345, 0, 0, 0}};
    const VkImageSubresourceRange range = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    VkCommandBuffer cmd = prog_begin(p);
    uint32_t seed = 4;

    memset(b->result.map, 0, 8192);
    for (uint32_t i = 0; i < N; i++)
        ((uint32_t *)b->texel_image.map)[i] = prog_random(&seed);
    prog_image_layout(cmd, &b->image, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_GENERAL);
    vkCmdClearColorImage(cmd, b->image.image, VK_IMAGE_LAYOUT_GENERAL, &color, 1, &range);
    prog_barrier(cmd);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, b->pipeline);
    vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, b->layout, 0, 1, &sets[0], 0,
                            NULL);
    for (uint32_t i = 0; i < 4; i++) {
        const uint32_t offsets[2] = {i * 256 * 3, i * 1024};

        vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, b->layout, 1, 1, &sets[1], 2,
                                offsets);
        vkCmdDispatch(cmd, 1, 1, 1);
        prog_barrier(cmd);
    }
    prog_end(p, cmd);
    prog_hash(part, name, b->result.map, 8192);
}

static void verify_first(const struct bindings *b)
{
    const uint32_t *uniform = b->uniform.map, *storage = b->storage.map, *texels = b->texels.map;
    const uint32_t *result = b->result.map, *dynamic = b->dynamic.map;
    uint32_t seed = 4;

    for (uint32_t i = 0; i < N; i++) {
        uint32_t x = uniform[i % 4] * 3 + storage[i];

        x = x * 5 + texels[i];
        x = x * 7 + prog_random(&seed);
        x = x * 11 + 12345;
        x *= 13;
        for (uint32_t m = 0; m < 4; m++)
            x += ((const uint32_t *)b->many[m].map)[i] * (m + 1);
        x = x * 17 + dynamic[0];
        EXPECT(result[i] == x, "kinds: element %u is 0x%x, not 0x%x", i, result[i], x);
    }
}

static void run_kinds(struct prog *p)
{
    struct bindings b;
    VkDescriptorSetLayout layouts[4];
    VkDescriptorSet sets[6];
    VkDescriptorPool pool;

    if (p->properties.limits.minUniformBufferOffsetAlignment > 256 ||
        p->properties.limits.minStorageBufferOffsetAlignment > 256) {
        prog_skip_part("kinds", "needs offset alignments of at most 256");
        return;
    }
    create_bindings(p, &b);
    for (uint32_t i = 0; i < 4; i++)
        layouts[i] = b.layouts[i % 2];
    pool = create_pool(p, 6, 0);
    CHECK(allocate_sets(p, pool, 4, layouts, sets));
    CHECK(allocate_sets(p, pool, 2, layouts, sets + 4));
    write_sets(p, &b, sets);
    dispatch(p, &b, sets, "kinds", "writes");
    verify_first(&b);
    copy_sets(p, sets, sets + 2);
    dispatch(p, &b, sets + 2, "kinds", "copies");
    write_by_template(p, &b, sets + 4);
    dispatch(p, &b, sets + 4, "kinds", "template");

    CHECK(vkResetDescriptorPool(p->device, pool, 0));
    CHECK(allocate_sets(p, pool, 4, layouts, sets));
    write_sets(p, &b, sets + 2);
    dispatch(p, &b, sets + 2, "kinds", "after-reset");
    vkDestroyDescriptorPool(p->device, pool, NULL);
    destroy_bindings(p, &b);
}

/* ---- pools ---- */

static void run_pools(struct prog *p)
{
    enum { SETS = 64 };
    VkDescriptorSetLayoutBinding binding = {
        .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
        .descriptorCount = 1,
        .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
    };
    VkDescriptorSetLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = 1,
        .pBindings = &binding,
    };
    VkDescriptorSetLayout layout, layouts[SETS];
    VkDescriptorSet sets[SETS], some[SETS / 2 + 1];
    VkDescriptorPool pool = create_pool(p, SETS, VK_DESCRIPTOR_POOL_CREATE_FREE_DESCRIPTOR_SET_BIT);

    CHECK(vkCreateDescriptorSetLayout(p->device, &info, NULL, &layout));
    for (uint32_t i = 0; i < SETS; i++)
        layouts[i] = layout;
    for (uint32_t round = 0; round < 10; round++) {
        CHECK(allocate_sets(p, pool, SETS, layouts, sets));
        some[0] = VK_NULL_HANDLE;
        for (uint32_t i = 0; i < SETS / 2; i++)
            some[1 + i] = sets[2 * i + round % 2];
        CHECK(vkFreeDescriptorSets(p->device, pool, SETS / 2 + 1, some));
        for (uint32_t i = 0; i < SETS / 2; i++)
            CHECK(allocate_sets(p, pool, 1, layouts, &some[i]));
        CHECK(vkResetDescriptorPool(p->device, pool, 0));
    }
    prog_print("pools", "rounds", "10");
    vkDestroyDescriptorPool(p->device, pool, NULL);
    vkDestroyDescriptorSetLayout(p->device, layout, NULL);
}

/* ---- inline uniform blocks ---- */

static void run_inline(struct prog *p)
{
    const VkDescriptorPoolSize sizes[2] = {
        {VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, 64},
        {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1},
    };
    const VkDescriptorSetLayoutBinding bindings[2] = {
        {0, VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK, 64, VK_SHADER_STAGE_COMPUTE_BIT, NULL},
        {1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL},
    };
    VkDescriptorSetLayoutCreateInfo layout_info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = 2,
        .pBindings = bindings,
    };
    VkDescriptorPoolInlineUniformBlockCreateInfo inline_info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_INLINE_UNIFORM_BLOCK_CREATE_INFO,
        .maxInlineUniformBlockBindings = 1,
    };
    VkDescriptorPoolCreateInfo pool_info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .pNext = &inline_info,
        .maxSets = 1,
        .poolSizeCount = 2,
        .pPoolSizes = sizes,
    };
    uint32_t block[16];
    VkWriteDescriptorSetInlineUniformBlock data[2] = {
        {
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_INLINE_UNIFORM_BLOCK,
            .dataSize = 40,
            .pData = block,
        },
        {
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_INLINE_UNIFORM_BLOCK,
            .dataSize = 24,
            .pData = block + 10,
        },
    };
    VkDescriptorBufferInfo buffer = {.range = VK_WHOLE_SIZE};
    VkWriteDescriptorSet writes[3];
    VkDescriptorSetLayout layout;
    VkDescriptorPool pool;
    VkDescriptorSet set;
    VkPipelineLayout pipeline_layout;
    VkPipeline pipeline;
    struct prog_buffer out;
    VkCommandBuffer cmd;

    if (!p->has.inline_uniform) {
        prog_skip_part("inline", "needs inlineUniformBlock");
        return;
    }
    for (uint32_t i = 0; i < 16; i++)
        block[i] = i * i + 1;
    CHECK(vkCreateDescriptorSetLayout(p->device, &layout_info, NULL, &layout));
    CHECK(vkCreateDescriptorPool(p->device, &pool_info, NULL, &pool));
    CHECK(allocate_sets(p, pool, 1, &layout, &set));
    prog_buffer_create(p, &out, 64, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, PROG_HOST);
    buffer.buffer = out.buffer;
    for (uint32_t i = 0; i < 3; i++)
        writes[i] = (VkWriteDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .pNext = i < 2 ? &data[i] : NULL,
            .dstSet = set,
            .dstBinding = i / 2,
            .dstArrayElement = i == 1 ? 40 : 0,
            .descriptorCount = i < 2 ? data[i].dataSize : 1,
            .descriptorType = bindings[i / 2].descriptorType,
            .pBufferInfo = i < 2 ? NULL : &buffer,
        };
    vkUpdateDescriptorSets(p->device, 3, writes, 0, NULL);
    pipeline_layout = create_layout(p, 1, &layout, 0);
    pipeline = create_pipeline(p, pipeline_layout, inline_comp, sizeof(inline_comp));
    cmd = prog_begin(p);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline_layout, 0, 1, &set, 0,
                            NULL);
    vkCmdDispatch(cmd, 1, 1, 1);
    prog_barrier(cmd);
    prog_end(p, cmd);
    for (uint32_t i = 0; i < 16; i++)
        EXPECT(((uint32_t *)out.map)[i] == block[i] * (i + 1), "inline: wrong element %u", i);
    prog_hash("inline", "data", out.map, 64);
    prog_buffer_destroy(p, &out);
    vkDestroyPipeline(p->device, pipeline, NULL);
    vkDestroyPipelineLayout(p->device, pipeline_layout, NULL);
    vkDestroyDescriptorPool(p->device, pool, NULL);
    vkDestroyDescriptorSetLayout(p->device, layout, NULL);
}

/* ---- update after bind, partially bound, variable count ---- */

static void run_indexing(struct prog *p)
{
    enum { MOST = 32, USED = 20 };
    const VkDescriptorBindingFlags flags = VK_DESCRIPTOR_BINDING_UPDATE_AFTER_BIND_BIT |
                                           VK_DESCRIPTOR_BINDING_PARTIALLY_BOUND_BIT |
                                           VK_DESCRIPTOR_BINDING_VARIABLE_DESCRIPTOR_COUNT_BIT;
    VkDescriptorSetLayoutBindingFlagsCreateInfo flags_info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_BINDING_FLAGS_CREATE_INFO,
        .bindingCount = 1,
        .pBindingFlags = &flags,
    };
    const VkDescriptorSetLayoutBinding binding = {
        0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, MOST, VK_SHADER_STAGE_COMPUTE_BIT, NULL,
    };
    VkDescriptorSetLayoutCreateInfo layout_info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .pNext = &flags_info,
        .flags = VK_DESCRIPTOR_SET_LAYOUT_CREATE_UPDATE_AFTER_BIND_POOL_BIT,
        .bindingCount = 1,
        .pBindings = &binding,
    };
    const uint32_t count = USED;
    VkDescriptorSetVariableDescriptorCountAllocateInfo variable = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_VARIABLE_DESCRIPTOR_COUNT_ALLOCATE_INFO,
        .descriptorSetCount = 1,
        .pDescriptorCounts = &count,
    };
    VkDescriptorSetAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .pNext = &variable,
        .descriptorSetCount = 1,
    };
    struct prog_buffer buffers[USED];
    VkDescriptorSetLayout layout;
    VkDescriptorPool pool;
    VkDescriptorSet set;
    VkPipelineLayout pipeline_layout;
    VkPipeline pipeline;
    VkCommandBuffer cmd;

    if (!p->has.update_after_bind || !p->has.variable_count || !p->has.runtime_array) {
        prog_skip_part("indexing", "needs descriptor indexing");
        return;
    }
    CHECK(vkCreateDescriptorSetLayout(p->device, &layout_info, NULL, &layout));
    pool = create_pool(p, MOST, VK_DESCRIPTOR_POOL_CREATE_UPDATE_AFTER_BIND_BIT);
    allocate.descriptorPool = pool;
    allocate.pSetLayouts = &layout;
    CHECK(vkAllocateDescriptorSets(p->device, &allocate, &set));
    pipeline_layout = create_layout(p, 1, &layout, 8);
    pipeline = create_pipeline(p, pipeline_layout, indexed_comp, sizeof(indexed_comp));
    cmd = prog_begin(p);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline_layout, 0, 1, &set, 0,
                            NULL);
    for (uint32_t i = 0; i < USED; i += 3) {
        const uint32_t push[2] = {i, i * 1000};

        vkCmdPushConstants(cmd, pipeline_layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, 8, push);
        vkCmdDispatch(cmd, 1, 1, 1);
    }
    prog_barrier(cmd);
    /* Only now do the descriptors come, and only those that are used. */
    for (uint32_t i = 0; i < USED; i++) {
        VkDescriptorBufferInfo info = {.range = VK_WHOLE_SIZE};
        VkWriteDescriptorSet write = {
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = set,
            .dstArrayElement = i,
            .descriptorCount = 1,
            .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .pBufferInfo = &info,
        };

        create_numbers(p, &buffers[i], 64, i, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
        info.buffer = buffers[i].buffer;
        if (i % 3 == 0)
            vkUpdateDescriptorSets(p->device, 1, &write, 0, NULL);
    }
    prog_end(p, cmd);
    for (uint32_t i = 0; i < USED; i++) {
        uint32_t seed = i;
        char name[16];

        for (uint32_t e = 0; e < 64; e++)
            EXPECT(((uint32_t *)buffers[i].map)[e] ==
                       prog_random(&seed) + (i % 3 ? 0 : i * 1000 + e),
                   "indexing: wrong element %u of %u", e, i);
        snprintf(name, sizeof(name), "buffer%u", i);
        prog_hash("indexing", name, buffers[i].map, 256);
        prog_buffer_destroy(p, &buffers[i]);
    }
    vkDestroyPipeline(p->device, pipeline, NULL);
    vkDestroyPipelineLayout(p->device, pipeline_layout, NULL);
    vkDestroyDescriptorPool(p->device, pool, NULL);
    vkDestroyDescriptorSetLayout(p->device, layout, NULL);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "descriptors",
        .summary = "Uses descriptors of every kind, allocated, written and freed in every way.",
    };
    struct prog p;

    prog_init(&p, argc, argv, &about);
    run_kinds(&p);
    run_pools(&p);
    run_inline(&p);
    run_indexing(&p);
    return prog_finish(&p);
}
