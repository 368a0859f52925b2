/* SPDX-License-Identifier: MIT */
/*
 * Every stage and much of the fixed function: topologies, geometry, tessellation, transform
 * feedback, multiview, stencil, blending, logic operations.
 */
#include "draw.h"

#include "shaders/capture.vert.h"
#include "shaders/corner.vert.h"
#include "shaders/expand.geom.h"
#include "shaders/patch.tesc.h"
#include "shaders/patch.tese.h"
#include "shaders/points.vert.h"
#include "shaders/triangle.frag.h"
#include "shaders/views.vert.h"

#define SIZE 64u

static const VkShaderStageFlags push_stages =
    VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT;

struct setup {
    struct prog_target target;
    struct prog_buffer picture;
    VkPipelineLayout layout;
};

struct corner_push {
    float color[4];
    float size[2];
    float depth;
};

static struct prog_pipeline_info plain_info(const struct setup *s, const uint32_t *vertex,
                                            size_t vertex_size, VkPrimitiveTopology topology)
{
    return (struct prog_pipeline_info){
        .vertex = vertex,
        .vertex_size = vertex_size,
        .fragment = triangle_frag,
        .fragment_size = sizeof(triangle_frag),
        .layout = s->layout,
        .pass = s->target.pass,
        .topology = topology,
        .width = SIZE,
        .height = SIZE,
    };
}

static void finish(struct prog *p, const struct setup *s, VkCommandBuffer cmd, const char *part,
                   const char *name)
{
    vkCmdEndRenderPass(cmd);
    prog_target_copy(cmd, &s->target, &s->picture);
    prog_end(p, cmd);
    prog_hash(part, name, s->picture.map, SIZE * SIZE * 4);
}

/* Draws @p count points of the spiral with a pipeline of its own. */
static void draw_points(struct prog *p, const struct setup *s, const char *part, const char *name,
                        const struct prog_pipeline_info *info, uint32_t count, float turn)
{
    const float push[2] = {(float)count, turn};
    VkPipeline pipeline = prog_pipeline_create(p, info);
    VkCommandBuffer cmd = prog_begin(p);

    prog_target_begin(cmd, &s->target, NULL, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    vkCmdPushConstants(cmd, s->layout, push_stages, 0, sizeof(push), push);
    vkCmdDraw(cmd, count, 1, 0, 0);
    finish(p, s, cmd, part, name);
    vkDestroyPipeline(p->device, pipeline, NULL);
}

static void run_topologies(struct prog *p, const struct setup *s)
{
    static const struct {
        const char *name;
        VkPrimitiveTopology topology;
    } list[] = {
        {"lines", VK_PRIMITIVE_TOPOLOGY_LINE_LIST},
        {"line-strip", VK_PRIMITIVE_TOPOLOGY_LINE_STRIP},
        {"triangles", VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST},
        {"triangle-strip", VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP},
        {"triangle-fan", VK_PRIMITIVE_TOPOLOGY_TRIANGLE_FAN},
        {"points", VK_PRIMITIVE_TOPOLOGY_POINT_LIST},
    };

    for (size_t i = 0; i < PROG_ARRAY_SIZE(list); i++) {
        struct prog_pipeline_info info =
            plain_info(s, points_vert, sizeof(points_vert), list[i].topology);

        if (list[i].topology == VK_PRIMITIVE_TOPOLOGY_POINT_LIST && !p->features.largePoints) {
            prog_print("topologies", list[i].name, "no large points");
            continue;
        }
        draw_points(p, s, "topologies", list[i].name, &info, 36, 15.0f);
    }
}

/* Strips cut by the restart index, of 16 and of 32 bits. */
static void run_restart(struct prog *p, const struct setup *s)
{
    const uint16_t indices16[] = {0, 5, 9, 14, 0xffff, 20, 22, 31, 0xffff, 3, 12, 30};
    const float push[2] = {32, 9.0f};
    struct prog_pipeline_info info =
        plain_info(s, points_vert, sizeof(points_vert), VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP);
    struct prog_buffer b;
    VkPipeline pipeline;

    info.primitive_restart = true;
    pipeline = prog_pipeline_create(p, &info);
    prog_buffer_create(p, &b, 256, VK_BUFFER_USAGE_INDEX_BUFFER_BIT, PROG_HOST);
    for (int wide = 0; wide < 2; wide++) {
        VkCommandBuffer cmd = prog_begin(p);

        for (size_t i = 0; i < PROG_ARRAY_SIZE(indices16); i++) {
            if (wide)
                ((uint32_t *)b.map)[i] = indices16[i] == 0xffff ? UINT32_MAX : indices16[i];
            else
                ((uint16_t *)b.map)[i] = indices16[i];
        }
        prog_target_begin(cmd, &s->target, NULL, VK_SUBPASS_CONTENTS_INLINE);
        vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
        vkCmdPushConstants(cmd, s->layout, push_stages, 0, sizeof(push), push);
        vkCmdBindIndexBuffer(cmd, b.buffer, 0, wide ? VK_INDEX_TYPE_UINT32 : VK_INDEX_TYPE_UINT16);
        vkCmdDrawIndexed(cmd, PROG_ARRAY_SIZE(indices16), 1, 0, 0, 0);
        finish(p, s, cmd, "restart", wide ? "uint32" : "uint16");
    }
    vkDestroyPipeline(p->device, pipeline, NULL);
    prog_buffer_destroy(p, &b);
}

static VkPipelineShaderStageCreateInfo make_stage(struct prog *p, VkShaderStageFlagBits stage,
                                                  const uint32_t *code, size_t size)
{
    return (VkPipelineShaderStageCreateInfo){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
        .stage = stage,
        .module = prog_shader(p, code, size),
        .pName = "main",
    };
}

static void run_geometry(struct prog *p, const struct setup *s)
{
    struct prog_pipeline_info info =
        plain_info(s, points_vert, sizeof(points_vert), VK_PRIMITIVE_TOPOLOGY_POINT_LIST);
    VkPipelineShaderStageCreateInfo stage;

    if (!p->features.geometryShader) {
        prog_skip_part("geometry", "needs geometryShader");
        return;
    }
    stage = make_stage(p, VK_SHADER_STAGE_GEOMETRY_BIT, expand_geom, sizeof(expand_geom));
    info.more_stages = &stage;
    info.more_stage_count = 1;
    draw_points(p, s, "geometry", "picture", &info, 50, 20.0f);
    vkDestroyShaderModule(p->device, stage.module, NULL);
}

static void run_tessellation(struct prog *p, const struct setup *s)
{
    struct prog_pipeline_info info =
        plain_info(s, points_vert, sizeof(points_vert), VK_PRIMITIVE_TOPOLOGY_PATCH_LIST);
    VkPipelineShaderStageCreateInfo stages[2];
    VkPipelineRasterizationStateCreateInfo lines = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
        .polygonMode = VK_POLYGON_MODE_LINE,
        .lineWidth = 1.0f,
    };

    if (!p->features.tessellationShader) {
        prog_skip_part("tessellation", "needs tessellationShader");
        return;
    }
    stages[0] =
        make_stage(p, VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT, patch_tesc, sizeof(patch_tesc));
    stages[1] =
        make_stage(p, VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT, patch_tese, sizeof(patch_tese));
    info.more_stages = stages;
    info.more_stage_count = 2;
    info.patch_points = 4;
    draw_points(p, s, "tessellation", "filled", &info, 12, 14.0f);
    if (p->features.fillModeNonSolid) {
        info.raster_state = &lines;
        draw_points(p, s, "tessellation", "lines", &info, 12, 14.0f);
    }
    vkDestroyShaderModule(p->device, stages[0].module, NULL);
    vkDestroyShaderModule(p->device, stages[1].module, NULL);
}

static void run_transform_feedback(struct prog *p, const struct setup *s)
{
    PFN_vkCmdBindTransformFeedbackBuffersEXT bind;
    PFN_vkCmdBeginTransformFeedbackEXT begin;
    PFN_vkCmdEndTransformFeedbackEXT end;
    struct prog_pipeline_info info =
        plain_info(s, capture_vert, sizeof(capture_vert), VK_PRIMITIVE_TOPOLOGY_POINT_LIST);
    const VkPipelineRasterizationStateCreateInfo discard = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
        .rasterizerDiscardEnable = VK_TRUE,
        .lineWidth = 1.0f,
    };
    const VkDeviceSize offsets[2] = {0, 2048 + 64}, size = 2048;
    VkBuffer buffers[2];
    struct prog_buffer out;
    VkPipeline pipeline;
    VkCommandBuffer cmd;

    if (!p->has.transform_feedback) {
        prog_skip_part("transform-feedback", "needs VK_EXT_transform_feedback");
        return;
    }
    bind = PROG_PROC(p, vkCmdBindTransformFeedbackBuffersEXT);
    begin = PROG_PROC(p, vkCmdBeginTransformFeedbackEXT);
    end = PROG_PROC(p, vkCmdEndTransformFeedbackEXT);
    info.fragment = NULL;
    info.raster_state = &discard;
    pipeline = prog_pipeline_create(p, &info);
    prog_buffer_create(p, &out, 4096, VK_BUFFER_USAGE_TRANSFORM_FEEDBACK_BUFFER_BIT_EXT, PROG_HOST);
    buffers[0] = buffers[1] = out.buffer;
    cmd = prog_begin(p);
    prog_target_begin(cmd, &s->target, NULL, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    bind(cmd, 0, 1, buffers, offsets, &size);
    bind(cmd, 1, 1, buffers + 1, offsets + 1, NULL);
    begin(cmd, 0, 0, NULL, NULL);
    vkCmdDraw(cmd, 20, 3, 2, 0);
    end(cmd, 0, 0, NULL, NULL);
    vkCmdEndRenderPass(cmd);
    prog_barrier(cmd);
    prog_end(p, cmd);
    EXPECT(((float *)out.map)[0] == 2.0f && ((float *)out.map)[3] == 4.0f,
           "transform-feedback: wrong first vertex");
    EXPECT(((uint32_t *)out.map)[(2048 + 64) / 4 + 1] == 100,
           "transform-feedback: wrong second buffer");
    prog_hash("transform-feedback", "data", out.map, 4096);
    vkDestroyPipeline(p->device, pipeline, NULL);
    prog_buffer_destroy(p, &out);
}

/* ---- multiview ---- */

static VkRenderPass create_view_pass(struct prog *p)
{
    const uint32_t mask = 5; /* views 0 and 2 */
    VkRenderPassMultiviewCreateInfo multiview = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_MULTIVIEW_CREATE_INFO,
        .subpassCount = 1,
        .pViewMasks = &mask,
        .correlationMaskCount = 1,
        .pCorrelationMasks = &mask,
    };
    const VkAttachmentDescription attachment = {
        .format = VK_FORMAT_R8G8B8A8_UNORM,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .loadOp = VK_ATTACHMENT_LOAD_OP_LOAD,
        .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
        .stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE,
        .stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE,
        .initialLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
        .finalLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
    };
    const VkAttachmentReference color = {0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
    const VkSubpassDescription subpass = {
        .pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
        .colorAttachmentCount = 1,
        .pColorAttachments = &color,
    };
    VkRenderPassCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
        .pNext = &multiview,
        .attachmentCount = 1,
        .pAttachments = &attachment,
        .subpassCount = 1,
        .pSubpasses = &subpass,
    };
    VkRenderPass pass;

    CHECK(vkCreateRenderPass(p->device, &info, NULL, &pass));
    return pass;
}

static void run_multiview(struct prog *p, const struct setup *s)
{
    VkPhysicalDeviceMultiviewFeatures features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MULTIVIEW_FEATURES,
    };
    VkPhysicalDeviceFeatures2 all = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .pNext = &features,
    };
    VkImageCreateInfo image_info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = VK_FORMAT_R8G8B8A8_UNORM,
        .extent = {SIZE, SIZE, 1},
        .mipLevels = 1,
        .arrayLayers = 3,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT |
                 VK_IMAGE_USAGE_TRANSFER_DST_BIT,
    };
    const VkClearColorValue color = {.float32 = {0.1f, 0.1f, 0.1f, 1}};
    const VkImageSubresourceRange range = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 3};
    VkFramebufferCreateInfo framebuffer_info = {
        .sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
        .attachmentCount = 1,
        .width = SIZE,
        .height = SIZE,
        .layers = 1,
    };
    VkRenderPassBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
        .renderArea = {{0, 0}, {SIZE, SIZE}},
    };
    VkBufferImageCopy copy = {
        .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 3},
        .imageExtent = {SIZE, SIZE, 1},
    };
    struct prog_pipeline_info info =
        plain_info(s, views_vert, sizeof(views_vert), VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP);
    struct prog_image image;
    struct prog_buffer out;
    VkPipeline pipeline;
    VkCommandBuffer cmd;

    vkGetPhysicalDeviceFeatures2(p->physical, &all);
    /* Only enabled by prog_init() through the struct of Vulkan 1.1's features. */
    if (!features.multiview || p->api_version < VK_API_VERSION_1_2) {
        prog_skip_part("multiview", "needs multiview and Vulkan 1.2");
        return;
    }
    prog_image_create(p, &image, &image_info, VK_IMAGE_VIEW_TYPE_2D_ARRAY);
    prog_buffer_create(p, &out, SIZE * SIZE * 12, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_HOST);
    begin.renderPass = framebuffer_info.renderPass = info.pass = create_view_pass(p);
    framebuffer_info.pAttachments = &image.view;
    CHECK(vkCreateFramebuffer(p->device, &framebuffer_info, NULL, &begin.framebuffer));
    pipeline = prog_pipeline_create(p, &info);
    cmd = prog_begin(p);
    prog_image_layout(cmd, &image, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    vkCmdClearColorImage(cmd, image.image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, &color, 1, &range);
    prog_image_layout(cmd, &image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                      VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL);
    vkCmdBeginRenderPass(cmd, &begin, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    vkCmdDraw(cmd, 4, 1, 0, 0);
    vkCmdEndRenderPass(cmd);
    prog_image_layout(cmd, &image, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
                      VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
    vkCmdCopyImageToBuffer(cmd, image.image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, out.buffer, 1,
                           &copy);
    prog_barrier(cmd);
    prog_end(p, cmd);
    prog_hash("multiview", "layers", out.map, SIZE * SIZE * 12);
    vkDestroyFramebuffer(p->device, begin.framebuffer, NULL);
    vkDestroyRenderPass(p->device, info.pass, NULL);
    vkDestroyPipeline(p->device, pipeline, NULL);
    prog_buffer_destroy(p, &out);
    prog_image_destroy(p, &image);
}

/* ---- blending, logic, stencil ---- */

static void draw_corners(VkCommandBuffer cmd, const struct setup *s, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct corner_push push = {
            .color = {0.3f + 0.1f * (float)i, 0.9f - 0.15f * (float)i, 0.5f,
                      0.2f + 0.15f * (float)i},
            .size = {0.9f - 0.1f * (float)i, 0.7f},
            .depth = 0.5f,
        };

        vkCmdPushConstants(cmd, s->layout, push_stages, 0, sizeof(push), &push);
        vkCmdDraw(cmd, 4, 1, 0, i * 2);
    }
}

static void draw_blended(struct prog *p, const struct setup *s, const char *part, const char *name,
                         const VkPipelineColorBlendStateCreateInfo *state)
{
    const float background[4] = {0.6f, 0.2f, 0.4f, 0.5f}, constants[4] = {0.2f, 0.4f, 0.6f, 0.8f};
    const VkDynamicState dynamic = VK_DYNAMIC_STATE_BLEND_CONSTANTS;
    struct prog_pipeline_info info =
        plain_info(s, corner_vert, sizeof(corner_vert), VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP);
    VkPipeline pipeline;
    VkCommandBuffer cmd = prog_begin(p);

    info.blend_state = state;
    info.dynamic = &dynamic;
    info.dynamic_count = 1;
    pipeline = prog_pipeline_create(p, &info);
    prog_target_begin(cmd, &s->target, background, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    vkCmdSetBlendConstants(cmd, constants);
    draw_corners(cmd, s, 5);
    finish(p, s, cmd, part, name);
    vkDestroyPipeline(p->device, pipeline, NULL);
}

static void run_blending(struct prog *p, const struct setup *s)
{
    VkPipelineColorBlendAttachmentState attachment = {.blendEnable = VK_TRUE};
    VkPipelineColorBlendStateCreateInfo state = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
        .attachmentCount = 1,
        .pAttachments = &attachment,
    };
    char name[32];

    for (uint32_t op = VK_BLEND_OP_ADD; op <= VK_BLEND_OP_MAX; op++) {
        for (uint32_t factor = 0; factor <= VK_BLEND_FACTOR_SRC_ALPHA_SATURATE; factor += 2) {
            attachment.colorBlendOp = op;
            attachment.alphaBlendOp = (op + 1) % 5;
            attachment.srcColorBlendFactor = factor;
            attachment.dstColorBlendFactor = (factor * 5 + op) % 10;
            attachment.srcAlphaBlendFactor = (factor + 7) % 10;
            attachment.dstAlphaBlendFactor = (factor * 3) % 10;
            attachment.colorWriteMask = 0xf & ~(factor & 4 ? op : 0);
            snprintf(name, sizeof(name), "op%u-factor%u", op, factor);
            draw_blended(p, s, "blending", name, &state);
        }
    }
    if (!p->features.logicOp) {
        prog_skip_part("logic", "needs logicOp");
        return;
    }
    attachment.blendEnable = VK_FALSE;
    attachment.colorWriteMask = 0xf;
    state.logicOpEnable = VK_TRUE;
    for (uint32_t op = VK_LOGIC_OP_CLEAR; op <= VK_LOGIC_OP_SET; op++) {
        state.logicOp = op;
        snprintf(name, sizeof(name), "op%u", op);
        draw_blended(p, s, "logic", name, &state);
    }
}

static void run_stencil(struct prog *p)
{
    const VkFormat format = VK_FORMAT_D32_SFLOAT_S8_UINT;
    const VkDynamicState dynamic = VK_DYNAMIC_STATE_STENCIL_REFERENCE;
    VkPipelineDepthStencilStateCreateInfo state = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
        .depthTestEnable = VK_TRUE,
        .depthWriteEnable = VK_TRUE,
        .depthCompareOp = VK_COMPARE_OP_LESS_OR_EQUAL,
        .stencilTestEnable = VK_TRUE,
    };
    VkBufferImageCopy copy = {
        .imageSubresource = {VK_IMAGE_ASPECT_STENCIL_BIT, 0, 0, 1},
        .imageExtent = {SIZE, SIZE, 1},
    };
    VkFormatProperties properties;
    struct setup s;
    VkCommandBuffer cmd;

    vkGetPhysicalDeviceFormatProperties(p->physical, format, &properties);
    if (!(properties.optimalTilingFeatures & VK_FORMAT_FEATURE_DEPTH_STENCIL_ATTACHMENT_BIT)) {
        prog_skip_part("stencil", "needs D32_SFLOAT_S8_UINT");
        return;
    }
    prog_target_create(p, &s.target, VK_FORMAT_R8G8B8A8_UNORM, format, SIZE, SIZE);
    prog_buffer_create(p, &s.picture, SIZE * SIZE * 4, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_HOST);
    s.layout = prog_layout_create(p, sizeof(struct corner_push), NULL);
    for (uint32_t op = VK_STENCIL_OP_KEEP; op <= VK_STENCIL_OP_DECREMENT_AND_WRAP; op++) {
        struct prog_pipeline_info info =
            plain_info(&s, corner_vert, sizeof(corner_vert), VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP);
        VkPipeline pipeline;
        char name[16];

        state.front = (VkStencilOpState){
            op, (op + 1) % 8, (op + 2) % 8, VK_COMPARE_OP_GREATER_OR_EQUAL, 0xff, 0x7f, 0};
        state.back = state.front;
        info.depth_state = &state;
        info.dynamic = &dynamic;
        info.dynamic_count = 1;
        pipeline = prog_pipeline_create(p, &info);
        cmd = prog_begin(p);
        prog_target_begin(cmd, &s.target, NULL, VK_SUBPASS_CONTENTS_INLINE);
        vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
        for (uint32_t i = 0; i < 4; i++) {
            vkCmdSetStencilReference(cmd, VK_STENCIL_FACE_FRONT_AND_BACK, 3 * i);
            draw_corners(cmd, &s, 5);
        }
        snprintf(name, sizeof(name), "op%u", op);
        finish(p, &s, cmd, "stencil", name);
        cmd = prog_begin(p);
        vkCmdCopyImageToBuffer(cmd, s.target.depth.image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                               s.picture.buffer, 1, &copy);
        prog_barrier(cmd);
        prog_end(p, cmd);
        prog_hash("stencil-values", name, s.picture.map, SIZE * SIZE);
        vkDestroyPipeline(p->device, pipeline, NULL);
    }
    vkDestroyPipelineLayout(p->device, s.layout, NULL);
    prog_buffer_destroy(p, &s.picture);
    prog_target_destroy(p, &s.target);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "stages",
        .summary = "Draws with every stage and many states of the graphics pipeline.",
    };
    struct prog p;
    struct setup s;

    prog_init(&p, argc, argv, &about);
    prog_target_create(&p, &s.target, VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_UNDEFINED, SIZE, SIZE);
    prog_buffer_create(&p, &s.picture, SIZE * SIZE * 4, VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                       PROG_HOST);
    s.layout = prog_layout_create(&p, sizeof(struct corner_push), NULL);
    run_topologies(&p, &s);
    run_restart(&p, &s);
    run_geometry(&p, &s);
    run_tessellation(&p, &s);
    run_transform_feedback(&p, &s);
    run_multiview(&p, &s);
    run_blending(&p, &s);
    run_stencil(&p);
    vkDestroyPipelineLayout(p.device, s.layout, NULL);
    prog_buffer_destroy(&p, &s.picture);
    prog_target_destroy(&p, &s.target);
    return prog_finish(&p);
}
