/* SPDX-License-Identifier: MIT */
#include "draw.h"

static void create_pass(struct prog *p, struct prog_target *t)
{
    bool depth = t->depth.image != VK_NULL_HANDLE;
    VkAttachmentDescription attachments[2] = {
        {
            .format = t->color.format,
            .samples = VK_SAMPLE_COUNT_1_BIT,
            .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
            .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
            .stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE,
            .stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE,
            .initialLayout = VK_IMAGE_LAYOUT_UNDEFINED,
            .finalLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
        },
        {
            .format = t->depth.format,
            .samples = VK_SAMPLE_COUNT_1_BIT,
            .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
            .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
            .stencilLoadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
            .stencilStoreOp = VK_ATTACHMENT_STORE_OP_STORE,
            .initialLayout = VK_IMAGE_LAYOUT_UNDEFINED,
            .finalLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
        },
    };
    VkAttachmentReference color = {0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
    VkAttachmentReference depth_stencil = {1, VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL};
    VkSubpassDescription subpass = {
        .pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
        .colorAttachmentCount = 1,
        .pColorAttachments = &color,
        .pDepthStencilAttachment = depth ? &depth_stencil : NULL,
    };
    const VkPipelineStageFlags all = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
    const VkPipelineStageFlags graphics = VK_PIPELINE_STAGE_ALL_GRAPHICS_BIT;
    const VkAccessFlags access = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;
    VkSubpassDependency dependencies[2] = {
        {VK_SUBPASS_EXTERNAL, 0, all, graphics, access, access, 0},
        {0, VK_SUBPASS_EXTERNAL, graphics, all, access, access, 0},
    };
    VkRenderPassCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
        .attachmentCount = depth ? 2 : 1,
        .pAttachments = attachments,
        .subpassCount = 1,
        .pSubpasses = &subpass,
        .dependencyCount = 2,
        .pDependencies = dependencies,
    };

    CHECK(vkCreateRenderPass(p->device, &info, NULL, &t->pass));
}

void prog_target_create(struct prog *p, struct prog_target *t, VkFormat color_format,
                        VkFormat depth_format, uint32_t width, uint32_t height)
{
    VkImageView views[2];
    VkFramebufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
        .attachmentCount = depth_format ? 2 : 1,
        .pAttachments = views,
        .width = width,
        .height = height,
        .layers = 1,
    };

    *t = (struct prog_target){.width = width, .height = height};
    prog_image_create_2d(p, &t->color, color_format, width, height,
                         VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT |
                             VK_IMAGE_USAGE_TRANSFER_DST_BIT | VK_IMAGE_USAGE_SAMPLED_BIT);
    if (depth_format)
        prog_image_create_2d(p, &t->depth, depth_format, width, height,
                             VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT |
                                 VK_IMAGE_USAGE_TRANSFER_SRC_BIT);
    create_pass(p, t);
    views[0] = t->color.view;
    views[1] = t->depth.view;
    info.renderPass = t->pass;
    CHECK(vkCreateFramebuffer(p->device, &info, NULL, &t->framebuffer));
}

void prog_target_destroy(struct prog *p, struct prog_target *t)
{
    vkDestroyFramebuffer(p->device, t->framebuffer, NULL);
    vkDestroyRenderPass(p->device, t->pass, NULL);
    prog_image_destroy(p, &t->color);
    prog_image_destroy(p, &t->depth);
}

void prog_target_begin(VkCommandBuffer cmd, const struct prog_target *t, const float *clear,
                       VkSubpassContents contents)
{
    VkClearValue values[2] = {
        {.color = {.float32 = {0.0f, 0.0f, 0.0f, 1.0f}}},
        {.depthStencil = {1.0f, 0}},
    };
    VkRenderPassBeginInfo info = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
        .renderPass = t->pass,
        .framebuffer = t->framebuffer,
        .renderArea = {{0, 0}, {t->width, t->height}},
        .clearValueCount = t->depth.image ? 2 : 1,
        .pClearValues = values,
    };

    if (clear)
        memcpy(values[0].color.float32, clear, sizeof(values[0].color.float32));
    vkCmdBeginRenderPass(cmd, &info, contents);
}

void prog_target_copy(VkCommandBuffer cmd, const struct prog_target *t,
                      const struct prog_buffer *to)
{
    VkBufferImageCopy region = {
        .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
        .imageExtent = {t->width, t->height, 1},
    };

    vkCmdCopyImageToBuffer(cmd, t->color.image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, to->buffer, 1,
                           &region);
    prog_barrier(cmd);
}

void prog_target_viewport(VkCommandBuffer cmd, const struct prog_target *t)
{
    VkViewport viewport = {0, 0, (float)t->width, (float)t->height, 0, 1};
    VkRect2D scissor = {{0, 0}, {t->width, t->height}};

    vkCmdSetViewport(cmd, 0, 1, &viewport);
    vkCmdSetScissor(cmd, 0, 1, &scissor);
}

VkPipelineLayout prog_layout_create(struct prog *p, uint32_t push_size,
                                    const VkDescriptorSetLayout *set_layout)
{
    VkPushConstantRange range = {VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT, 0,
                                 push_size};
    VkPipelineLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = set_layout ? 1 : 0,
        .pSetLayouts = set_layout,
        .pushConstantRangeCount = push_size ? 1 : 0,
        .pPushConstantRanges = &range,
    };
    VkPipelineLayout layout;

    CHECK(vkCreatePipelineLayout(p->device, &info, NULL, &layout));
    return layout;
}

/* The state structs of a pipeline, filled from a prog_pipeline_info. */
struct pipeline_state {
    VkPipelineShaderStageCreateInfo stages[5];
    uint32_t stage_count;
    VkPipelineTessellationStateCreateInfo tessellation;
    VkVertexInputBindingDescription binding;
    VkPipelineVertexInputStateCreateInfo vertex;
    VkPipelineInputAssemblyStateCreateInfo assembly;
    VkViewport viewport;
    VkRect2D scissor;
    VkPipelineViewportStateCreateInfo viewports;
    VkPipelineRasterizationStateCreateInfo raster;
    VkPipelineMultisampleStateCreateInfo multisample;
    VkPipelineDepthStencilStateCreateInfo depth;
    VkPipelineColorBlendAttachmentState blends[4];
    VkPipelineColorBlendStateCreateInfo blend;
    VkPipelineDynamicStateCreateInfo dynamic;
    VkPipelineRenderingCreateInfo rendering;
};

static void fill_input(struct pipeline_state *s, const struct prog_pipeline_info *info)
{
    s->binding = (VkVertexInputBindingDescription){0, info->stride, VK_VERTEX_INPUT_RATE_VERTEX};
    s->vertex = (VkPipelineVertexInputStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
        .vertexBindingDescriptionCount = info->stride ? 1 : 0,
        .pVertexBindingDescriptions = &s->binding,
        .vertexAttributeDescriptionCount = info->attribute_count,
        .pVertexAttributeDescriptions = info->attributes,
    };
    s->assembly = (VkPipelineInputAssemblyStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
        .topology = info->topology,
        .primitiveRestartEnable = info->primitive_restart,
    };
    s->tessellation = (VkPipelineTessellationStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_TESSELLATION_STATE_CREATE_INFO,
        .patchControlPoints = info->patch_points,
    };
    s->viewport = (VkViewport){0, 0, (float)info->width, (float)info->height, 0, 1};
    s->scissor = (VkRect2D){{0, 0}, {info->width, info->height}};
    s->viewports = (VkPipelineViewportStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
        .viewportCount = 1,
        .pViewports = info->width ? &s->viewport : NULL,
        .scissorCount = 1,
        .pScissors = info->width ? &s->scissor : NULL,
    };
}

static void fill_output(struct pipeline_state *s, const struct prog_pipeline_info *info)
{
    uint32_t colors = info->color_count ? info->color_count : 1;

    s->raster = (VkPipelineRasterizationStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
        .polygonMode = VK_POLYGON_MODE_FILL,
        .cullMode = VK_CULL_MODE_NONE,
        .frontFace = VK_FRONT_FACE_COUNTER_CLOCKWISE,
        .lineWidth = 1.0f,
    };
    s->multisample = (VkPipelineMultisampleStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
        .rasterizationSamples = info->samples ? info->samples : VK_SAMPLE_COUNT_1_BIT,
    };
    s->depth = (VkPipelineDepthStencilStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
        .depthTestEnable = info->depth,
        .depthWriteEnable = info->depth,
        .depthCompareOp = VK_COMPARE_OP_LESS,
    };
    if (colors > PROG_ARRAY_SIZE(s->blends))
        DIE("too many colour attachments: %u", colors);
    for (uint32_t i = 0; i < colors; i++)
        s->blends[i] = (VkPipelineColorBlendAttachmentState){
            .blendEnable = info->blend,
            .srcColorBlendFactor = VK_BLEND_FACTOR_SRC_ALPHA,
            .dstColorBlendFactor = VK_BLEND_FACTOR_ONE_MINUS_SRC_ALPHA,
            .colorBlendOp = VK_BLEND_OP_ADD,
            .srcAlphaBlendFactor = VK_BLEND_FACTOR_ONE,
            .dstAlphaBlendFactor = VK_BLEND_FACTOR_ZERO,
            .alphaBlendOp = VK_BLEND_OP_ADD,
            .colorWriteMask = 0xf,
        };
    s->blend = (VkPipelineColorBlendStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
        .attachmentCount = colors,
        .pAttachments = s->blends,
    };
    s->dynamic = (VkPipelineDynamicStateCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO,
        .dynamicStateCount = info->dynamic_count,
        .pDynamicStates = info->dynamic,
    };
    s->rendering = (VkPipelineRenderingCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
        .colorAttachmentCount = 1,
        .pColorAttachmentFormats = &info->color_format,
        .depthAttachmentFormat = info->depth_format,
    };
}

static void add_stage(struct prog *p, struct pipeline_state *s, VkShaderStageFlagBits stage,
                      const uint32_t *code, size_t size, const VkSpecializationInfo *specialization)
{
    s->stages[s->stage_count++] = (VkPipelineShaderStageCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
        .stage = stage,
        .module = prog_shader(p, code, size),
        .pName = "main",
        .pSpecializationInfo = specialization,
    };
}

VkPipeline prog_pipeline_create(struct prog *p, const struct prog_pipeline_info *info)
{
    struct pipeline_state s = {0};
    VkGraphicsPipelineCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
        .pNext = info->pass ? NULL : &s.rendering,
        .pStages = s.stages,
        .pVertexInputState = &s.vertex,
        .pInputAssemblyState = &s.assembly,
        .pTessellationState = info->patch_points ? &s.tessellation : NULL,
        .pViewportState = &s.viewports,
        .pRasterizationState = info->raster_state ? info->raster_state : &s.raster,
        .pMultisampleState = &s.multisample,
        .pDepthStencilState = info->depth_state ? info->depth_state : &s.depth,
        .pColorBlendState = info->blend_state ? info->blend_state : &s.blend,
        .pDynamicState = info->dynamic_count ? &s.dynamic : NULL,
        .layout = info->layout,
        .renderPass = info->pass,
        .subpass = info->subpass,
    };
    VkPipeline pipeline;
    uint32_t own;

    fill_input(&s, info);
    fill_output(&s, info);
    add_stage(p, &s, VK_SHADER_STAGE_VERTEX_BIT, info->vertex, info->vertex_size, NULL);
    if (info->fragment)
        add_stage(p, &s, VK_SHADER_STAGE_FRAGMENT_BIT, info->fragment, info->fragment_size,
                  info->specialization);
    own = s.stage_count;
    for (uint32_t i = 0; i < info->more_stage_count; i++)
        s.stages[s.stage_count++] = info->more_stages[i];
    create.stageCount = s.stage_count;
    CHECK(vkCreateGraphicsPipelines(p->device, info->cache, 1, &create, NULL, &pipeline));
    for (uint32_t i = 0; i < own; i++)
        vkDestroyShaderModule(p->device, s.stages[i].module, NULL);
    return pipeline;
}
