/* SPDX-License-Identifier: MIT */
/* Push descriptors of several types, with and without update templates. */
#include "common.h"

#include "shaders/scale.comp.h"

#define ELEMENTS 4096u
#define ROUNDS   24u

struct numbers {
    uint32_t factor, add;
};

struct setup {
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    struct prog_buffer data[2]; /* ping, pong */
    struct prog_buffer numbers; /* one struct every 256 bytes */
};

static void create(struct prog *p, struct setup *s)
{
    VkDescriptorSetLayoutBinding bindings[3];
    VkDescriptorSetLayoutCreateInfo set = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .flags = VK_DESCRIPTOR_SET_LAYOUT_CREATE_PUSH_DESCRIPTOR_BIT_KHR,
        .bindingCount = 3,
        .pBindings = bindings,
    };
    VkPipelineLayoutCreateInfo layout = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &s->set_layout,
    };
    VkComputePipelineCreateInfo pipeline = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage =
            {
                .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = prog_shader(p, scale_comp, sizeof(scale_comp)),
                .pName = "main",
            },
    };

    for (uint32_t i = 0; i < 3; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType =
                i < 2 ? VK_DESCRIPTOR_TYPE_STORAGE_BUFFER : VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    CHECK(vkCreateDescriptorSetLayout(p->device, &set, NULL, &s->set_layout));
    CHECK(vkCreatePipelineLayout(p->device, &layout, NULL, &s->layout));
    pipeline.layout = s->layout;
    CHECK(vkCreateComputePipelines(p->device, VK_NULL_HANDLE, 1, &pipeline, NULL, &s->pipeline));
    vkDestroyShaderModule(p->device, pipeline.stage.module, NULL);

    for (uint32_t i = 0; i < 2; i++)
        prog_buffer_create(p, &s->data[i], ELEMENTS * 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
                           PROG_HOST);
    prog_buffer_create(p, &s->numbers, ROUNDS * 256, VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, PROG_HOST);
    for (uint32_t r = 0; r < ROUNDS; r++) {
        struct numbers n = {2 * r + 3, r * r};

        memcpy((char *)s->numbers.map + r * 256, &n, sizeof(n));
    }
}

static void destroy(struct prog *p, struct setup *s)
{
    prog_buffer_destroy(p, &s->data[0]);
    prog_buffer_destroy(p, &s->data[1]);
    prog_buffer_destroy(p, &s->numbers);
    vkDestroyPipeline(p->device, s->pipeline, NULL);
    vkDestroyPipelineLayout(p->device, s->layout, NULL);
    vkDestroyDescriptorSetLayout(p->device, s->set_layout, NULL);
}

static void verify(const char *part, const struct setup *s)
{
    const uint32_t *values = s->data[ROUNDS % 2].map;

    for (uint32_t i = 0; i < ELEMENTS; i++) {
        uint32_t x = i;

        for (uint32_t r = 0; r < ROUNDS; r++)
            x = x * (2 * r + 3) + r * r;
        EXPECT(values[i] == x, "%s: element %u is 0x%x, not 0x%x", part, i, values[i], x);
    }
    prog_hash(part, "data", values, ELEMENTS * 4);
}

static void fill(struct setup *s)
{
    for (uint32_t i = 0; i < ELEMENTS; i++)
        ((uint32_t *)s->data[0].map)[i] = i;
}

static void buffer_infos(const struct setup *s, uint32_t round, VkDescriptorBufferInfo infos[3])
{
    infos[0] = (VkDescriptorBufferInfo){s->data[round % 2].buffer, 0, VK_WHOLE_SIZE};
    infos[1] = (VkDescriptorBufferInfo){s->data[1 - round % 2].buffer, 0, VK_WHOLE_SIZE};
    infos[2] = (VkDescriptorBufferInfo){s->numbers.buffer, round * 256, sizeof(struct numbers)};
}

static void run_writes(struct prog *p, struct setup *s)
{
    PFN_vkCmdPushDescriptorSetKHR push = PROG_PROC(p, vkCmdPushDescriptorSetKHR);
    VkCommandBuffer cmd = prog_begin(p);

    fill(s);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, s->pipeline);
    for (uint32_t r = 0; r < ROUNDS; r++) {
        VkDescriptorBufferInfo infos[3];
        VkWriteDescriptorSet writes[2] = {
            {
                .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                .dstBinding = 0,
                .descriptorCount = 2, /* goes on into binding 1 */
                .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                .pBufferInfo = &infos[0],
            },
            {
                .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                .dstBinding = 2,
                .descriptorCount = 1,
                .descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
                .pBufferInfo = &infos[2],
            },
        };

        buffer_infos(s, r, infos);
        push(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, s->layout, 0, 2, writes);
        vkCmdDispatch(cmd, ELEMENTS / 64, 1, 1);
        prog_barrier(cmd);
    }
    prog_end(p, cmd);
    verify("writes", s);
}

static void run_template(struct prog *p, struct setup *s)
{
    PFN_vkCmdPushDescriptorSetWithTemplateKHR push =
        PROG_PROC(p, vkCmdPushDescriptorSetWithTemplateKHR);
    const size_t stride = sizeof(VkDescriptorBufferInfo);
    const VkDescriptorUpdateTemplateEntry entries[3] = {
        {0, 0, 1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 0, stride},
        {1, 0, 1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, stride, stride},
        {2, 0, 1, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 2 * stride, stride},
    };
    VkDescriptorUpdateTemplateCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_UPDATE_TEMPLATE_CREATE_INFO,
        .descriptorUpdateEntryCount = 3,
        .pDescriptorUpdateEntries = entries,
        .templateType = VK_DESCRIPTOR_UPDATE_TEMPLATE_TYPE_PUSH_DESCRIPTORS_KHR,
        .descriptorSetLayout = s->set_layout,
        .pipelineBindPoint = VK_PIPELINE_BIND_POINT_COMPUTE,
        .pipelineLayout = s->layout,
    };
    VkDescriptorUpdateTemplate template;
    VkCommandBuffer cmd = prog_begin(p);

    CHECK(vkCreateDescriptorUpdateTemplate(p->device, &info, NULL, &template));
    fill(s);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, s->pipeline);
    for (uint32_t r = 0; r < ROUNDS; r++) {
        VkDescriptorBufferInfo infos[3];

        buffer_infos(s, r, infos);
        push(cmd, template, s->layout, 0, infos);
        vkCmdDispatch(cmd, ELEMENTS / 64, 1, 1);
        prog_barrier(cmd);
    }
    prog_end(p, cmd);
    vkDestroyDescriptorUpdateTemplate(p->device, template, NULL);
    verify("template", s);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "pushdescriptors",
        .summary = "Pushes descriptors before every dispatch.",
    };
    struct prog p;
    struct setup s;

    prog_init(&p, argc, argv, &about);
    if (!p.has.push_descriptor)
        prog_skip(&p, "needs VK_KHR_push_descriptor");
    create(&p, &s);
    run_writes(&p, &s);
    run_template(&p, &s);
    destroy(&p, &s);
    return prog_finish(&p);
}
