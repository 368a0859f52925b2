/* SPDX-License-Identifier: MIT */
/* Off-screen render targets and graphics pipelines for the programs. */
#ifndef PROGRAMS_DRAW_H
#define PROGRAMS_DRAW_H

#include "common.h"

/** A colour image, a depth image if depth_format is not 0, a render pass and a framebuffer. */
struct prog_target {
    uint32_t width, height;
    struct prog_image color; /* usage: attachment, transfer source and destination, sampled */
    struct prog_image depth;
    VkRenderPass pass; /* clears at begin; leaves colour in TRANSFER_SRC_OPTIMAL */
    VkFramebuffer framebuffer;
};

void prog_target_create(struct prog *p, struct prog_target *t, VkFormat color_format,
                        VkFormat depth_format, uint32_t width, uint32_t height);
void prog_target_destroy(struct prog *p, struct prog_target *t);

/** Begins the render pass with colour cleared to @p clear (NULL: opaque black) and depth to 1. */
void prog_target_begin(VkCommandBuffer cmd, const struct prog_target *t, const float *clear,
                       VkSubpassContents contents);

/** Copies the colour image (in TRANSFER_SRC_OPTIMAL) to @p to; tightly packed. */
void prog_target_copy(VkCommandBuffer cmd, const struct prog_target *t,
                      const struct prog_buffer *to);

/** What a graphics pipeline needs; zero means the plain choice. */
struct prog_pipeline_info {
    const uint32_t *vertex;
    size_t vertex_size;
    const uint32_t *fragment; /* NULL: no fragment shader */
    size_t fragment_size;
    VkPipelineLayout layout;
    VkRenderPass pass; /* null: dynamic rendering with the formats below */
    uint32_t subpass;
    VkFormat color_format, depth_format;
    uint32_t color_count;          /* colour attachments of the subpass; 0 means 1 */
    VkPrimitiveTopology topology;  /* 0 is a point list: these programs set it always */
    VkSampleCountFlagBits samples; /* 0 means 1 */
    uint32_t stride;               /* of vertex binding 0; 0: no vertex input */
    const VkVertexInputAttributeDescription *attributes;
    uint32_t attribute_count;
    bool depth;                    /* test and write, less */
    bool blend;                    /* source alpha over */
    const VkDynamicState *dynamic; /* NULL: none */
    uint32_t dynamic_count;
    uint32_t width, height; /* viewport and scissor, when not dynamic */
    VkPipelineCache cache;
    const VkSpecializationInfo *specialization;         /* of the fragment shader */
    const VkPipelineShaderStageCreateInfo *more_stages; /* besides vertex and fragment; at most 3 */
    uint32_t more_stage_count;
    uint32_t patch_points; /* 0: no tessellation */
    bool primitive_restart;
    /* In place of what the fields above say; NULL: what they say. */
    const VkPipelineRasterizationStateCreateInfo *raster_state;
    const VkPipelineDepthStencilStateCreateInfo *depth_state;
    const VkPipelineColorBlendStateCreateInfo *blend_state;
};

VkPipeline prog_pipeline_create(struct prog *p, const struct prog_pipeline_info *info);

/** A pipeline layout without sets and with @p push_size bytes of push constants for all stages. */
VkPipelineLayout prog_layout_create(struct prog *p, uint32_t push_size,
                                    const VkDescriptorSetLayout *set_layout);

/** Sets viewport and scissor to all of @p t. */
void prog_target_viewport(VkCommandBuffer cmd, const struct prog_target *t);

#endif
