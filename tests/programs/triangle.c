/* SPDX-License-Identifier: MIT */
/* Draws off screen with a depth buffer, with a render pass and with dynamic rendering. */
#include "draw.h"

#include "shaders/triangle.frag.h"
#include "shaders/triangle.vert.h"

#define WIDTH  256u
#define HEIGHT 192u

struct vertex {
    float position[3];
    float color[4];
};

/* A triangle in three colours, and a rectangle that cuts through it in depth. */
static const struct vertex vertices[] = {
    {{0.0f, -0.9f, 0.5f}, {1, 0, 0, 1}},    {{0.9f, 0.8f, 0.5f}, {0, 1, 0, 1}},
    {{-0.9f, 0.8f, 0.5f}, {0, 0, 1, 1}},    {{-0.8f, -0.3f, 0.2f}, {1, 1, 0, 1}},
    {{0.8f, -0.3f, 0.8f}, {0, 1, 1, 1}},    {{0.8f, 0.3f, 0.8f}, {1, 0, 1, 1}},
    {{-0.8f, 0.3f, 0.2f}, {1, 1, 1, 0.5f}},
};
static const uint16_t indices[] = {0, 1, 2, 3, 4, 5, 3, 5, 6};

static const VkVertexInputAttributeDescription attributes[] = {
    {0, 0, VK_FORMAT_R32G32B32_SFLOAT, offsetof(struct vertex, position)},
    {1, 0, VK_FORMAT_R32G32B32A32_SFLOAT, offsetof(struct vertex, color)},
};

struct scene {
    struct prog_target target;
    struct prog_buffer vertices, indices, readback;
    VkPipelineLayout layout;
};

static void record_draws(VkCommandBuffer cmd, const struct scene *s, VkPipeline pipeline)
{
    const float moves[2][4] = {{0, 0, 0, 1}, {0.3f, -0.2f, 0.05f, 0.5f}};
    const VkShaderStageFlags stages = VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT;
    const VkDeviceSize offset = 0;

    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    vkCmdBindVertexBuffers(cmd, 0, 1, &s->vertices.buffer, &offset);
    vkCmdBindIndexBuffer(cmd, s->indices.buffer, 0, VK_INDEX_TYPE_UINT16);
    vkCmdPushConstants(cmd, s->layout, stages, 0, 16, moves[0]);
    vkCmdDrawIndexed(cmd, PROG_ARRAY_SIZE(indices), 1, 0, 0, 0);
    vkCmdPushConstants(cmd, s->layout, stages, 0, 16, moves[1]);
    vkCmdDraw(cmd, 3, 1, 0, 0);
}

static struct prog_pipeline_info pipeline_info(const struct scene *s)
{
    return (struct prog_pipeline_info){
        .vertex = triangle_vert,
        .vertex_size = sizeof(triangle_vert),
        .fragment = triangle_frag,
        .fragment_size = sizeof(triangle_frag),
        .layout = s->layout,
        .pass = s->target.pass,
        .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
        .stride = sizeof(struct vertex),
        .attributes = attributes,
        .attribute_count = PROG_ARRAY_SIZE(attributes),
        .depth = true,
        .width = WIDTH,
        .height = HEIGHT,
    };
}

static void report(const char *part, const struct scene *s)
{
    const uint8_t *rgba = s->readback.map;
    uint32_t covered = 0;

    /* The first pixel is background. */
    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++)
        covered += memcmp(rgba, rgba + 4 * i, 4) != 0;
    EXPECT(covered > WIDTH * HEIGHT / 8, "%s: only %u pixels are drawn", part, covered);
    prog_print(part, "covered", "%u pixels", covered);
    prog_hash(part, "picture", rgba, WIDTH * HEIGHT * 4);
}

static const float background[4] = {0.2f, 0.3f, 0.4f, 1.0f};

/* One frame: recorded, submitted, waited for and read back. */
static void draw_frame(struct prog *p, struct scene *s, VkPipeline pipeline)
{
    VkCommandBuffer cmd = prog_begin(p);

    prog_target_begin(cmd, &s->target, background, VK_SUBPASS_CONTENTS_INLINE);
    record_draws(cmd, s, pipeline);
    vkCmdEndRenderPass(cmd);
    prog_target_copy(cmd, &s->target, &s->readback);
    prog_end(p, cmd);
}

static void run_renderpass(struct prog *p, struct scene *s, const char *part,
                           const struct prog_pipeline_info *info)
{
    VkPipeline pipeline = prog_pipeline_create(p, info);

    draw_frame(p, s, pipeline);
    report(part, s);
    vkDestroyPipeline(p->device, pipeline, NULL);
}

/* Like an application that draws one frame after the other. */
static void run_frames(struct prog *p, struct scene *s, const struct prog_pipeline_info *info)
{
    VkPipeline pipeline = prog_pipeline_create(p, info);

    for (uint32_t i = 0; i < p->iterations; i++)
        draw_frame(p, s, pipeline);
    report("frames", s);
    vkDestroyPipeline(p->device, pipeline, NULL);
}

/* Every dynamic state of Vulkan 1.0, each set to something that shows. */
static void run_dynamic_state(struct prog *p, struct scene *s)
{
    const VkDynamicState states[] = {
        VK_DYNAMIC_STATE_VIEWPORT,           VK_DYNAMIC_STATE_SCISSOR,
        VK_DYNAMIC_STATE_LINE_WIDTH,         VK_DYNAMIC_STATE_DEPTH_BIAS,
        VK_DYNAMIC_STATE_BLEND_CONSTANTS,    VK_DYNAMIC_STATE_STENCIL_COMPARE_MASK,
        VK_DYNAMIC_STATE_STENCIL_WRITE_MASK, VK_DYNAMIC_STATE_STENCIL_REFERENCE,
    };
    const float constants[4] = {0.1f, 0.2f, 0.3f, 0.4f};
    const VkViewport viewport = {10.5f, 20, 200, 150, 0.1f, 0.9f};
    const VkRect2D scissor = {{30, 5}, {180, 170}};
    struct prog_pipeline_info info = pipeline_info(s);
    VkCommandBuffer cmd = prog_begin(p);
    VkPipeline pipeline;

    info.dynamic = states;
    info.dynamic_count = PROG_ARRAY_SIZE(states);
    info.width = 0;
    info.blend = true;
    pipeline = prog_pipeline_create(p, &info);
    prog_target_begin(cmd, &s->target, background, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdSetViewport(cmd, 0, 1, &viewport);
    vkCmdSetScissor(cmd, 0, 1, &scissor);
    vkCmdSetLineWidth(cmd, 1.0f);
    vkCmdSetDepthBias(cmd, 0.0f, 0.0f, 0.0f);
    vkCmdSetBlendConstants(cmd, constants);
    vkCmdSetStencilCompareMask(cmd, VK_STENCIL_FACE_FRONT_AND_BACK, 0xff);
    vkCmdSetStencilWriteMask(cmd, VK_STENCIL_FACE_FRONT_AND_BACK, 0xff);
    vkCmdSetStencilReference(cmd, VK_STENCIL_FACE_FRONT_AND_BACK, 1);
    record_draws(cmd, s, pipeline);
    vkCmdEndRenderPass(cmd);
    prog_target_copy(cmd, &s->target, &s->readback);
    prog_end(p, cmd);
    report("dynamic-state", s);
    vkDestroyPipeline(p->device, pipeline, NULL);
}

/* The states of VK_EXT_extended_dynamic_state, core in 1.3. */
static void run_extended_dynamic_state(struct prog *p, struct scene *s)
{
    const VkDynamicState states[] = {
        VK_DYNAMIC_STATE_VIEWPORT,
        VK_DYNAMIC_STATE_SCISSOR,
        VK_DYNAMIC_STATE_CULL_MODE,
        VK_DYNAMIC_STATE_FRONT_FACE,
        VK_DYNAMIC_STATE_PRIMITIVE_TOPOLOGY,
        VK_DYNAMIC_STATE_DEPTH_TEST_ENABLE,
        VK_DYNAMIC_STATE_DEPTH_WRITE_ENABLE,
        VK_DYNAMIC_STATE_DEPTH_COMPARE_OP,
        VK_DYNAMIC_STATE_VERTEX_INPUT_BINDING_STRIDE,
    };
    struct prog_pipeline_info info = pipeline_info(s);
    const VkDeviceSize zero = 0, stride = sizeof(struct vertex);
    const float move[4] = {0, 0, 0, 1};
    VkPipeline pipeline;
    VkCommandBuffer cmd;

    if (!p->has.extended_dynamic_state) {
        prog_skip_part("extended-dynamic-state", "needs VK_EXT_extended_dynamic_state");
        return;
    }
    info.dynamic = states;
    info.dynamic_count = PROG_ARRAY_SIZE(states);
    info.width = 0;
    pipeline = prog_pipeline_create(p, &info);
    cmd = prog_begin(p);
    prog_target_begin(cmd, &s->target, background, VK_SUBPASS_CONTENTS_INLINE);
    prog_target_viewport(cmd, &s->target);
    PROG_PROC(p, vkCmdSetCullMode)(cmd, VK_CULL_MODE_BACK_BIT);
    PROG_PROC(p, vkCmdSetFrontFace)(cmd, VK_FRONT_FACE_CLOCKWISE);
    PROG_PROC(p, vkCmdSetPrimitiveTopology)(cmd, VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP);
    PROG_PROC(p, vkCmdSetDepthTestEnable)(cmd, VK_TRUE);
    PROG_PROC(p, vkCmdSetDepthWriteEnable)(cmd, VK_TRUE);
    PROG_PROC(p, vkCmdSetDepthCompareOp)(cmd, VK_COMPARE_OP_LESS_OR_EQUAL);
    PROG_PROC(p, vkCmdBindVertexBuffers2)(cmd, 0, 1, &s->vertices.buffer, &zero, NULL, &stride);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    vkCmdPushConstants(cmd, s->layout, VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT, 0,
                       16, move);
    vkCmdDraw(cmd, 5, 1, 0, 0);
    vkCmdEndRenderPass(cmd);
    prog_target_copy(cmd, &s->target, &s->readback);
    prog_end(p, cmd);
    report("extended-dynamic-state", s);
    vkDestroyPipeline(p->device, pipeline, NULL);
}

static void run_dynamic_rendering(struct prog *p, struct scene *s)
{
    struct prog_pipeline_info info = pipeline_info(s);
    VkRenderingAttachmentInfo color = {
        .sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
        .imageView = s->target.color.view,
        .imageLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
        .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
        .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
    };
    VkRenderingAttachmentInfo depth = color;
    VkRenderingInfo rendering = {
        .sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
        .renderArea = {{0, 0}, {WIDTH, HEIGHT}},
        .layerCount = 1,
        .colorAttachmentCount = 1,
        .pColorAttachments = &color,
        .pDepthAttachment = &depth,
    };
    VkPipeline pipeline;
    VkCommandBuffer cmd;

    if (!p->has.dynamic_rendering) {
        prog_skip_part("dynamic-rendering", "needs VK_KHR_dynamic_rendering");
        return;
    }
    memcpy(color.clearValue.color.float32, background, sizeof(background));
    depth.imageView = s->target.depth.view;
    depth.imageLayout = VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL;
    depth.clearValue.depthStencil.depth = 1.0f;
    info.pass = VK_NULL_HANDLE;
    info.color_format = s->target.color.format;
    info.depth_format = s->target.depth.format;
    pipeline = prog_pipeline_create(p, &info);

    cmd = prog_begin(p);
    prog_image_layout(cmd, &s->target.color, VK_IMAGE_LAYOUT_UNDEFINED,
                      VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL);
    prog_image_layout(cmd, &s->target.depth, VK_IMAGE_LAYOUT_UNDEFINED,
                      VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL);
    PROG_PROC(p, vkCmdBeginRendering)(cmd, &rendering);
    record_draws(cmd, s, pipeline);
    PROG_PROC(p, vkCmdEndRendering)(cmd);
    prog_image_layout(cmd, &s->target.color, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
                      VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
    prog_target_copy(cmd, &s->target, &s->readback);
    prog_end(p, cmd);
    report("dynamic-rendering", s);
    vkDestroyPipeline(p->device, pipeline, NULL);
}

static void read_depth(struct prog *p, struct scene *s)
{
    VkBufferImageCopy region = {
        .imageSubresource = {VK_IMAGE_ASPECT_DEPTH_BIT, 0, 0, 1},
        .imageExtent = {WIDTH, HEIGHT, 1},
    };
    VkCommandBuffer cmd = prog_begin(p);

    vkCmdCopyImageToBuffer(cmd, s->target.depth.image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                           s->readback.buffer, 1, &region);
    prog_barrier(cmd);
    prog_end(p, cmd);
    prog_hash("renderpass", "depth", s->readback.map, WIDTH * HEIGHT * 2);
}

static void create_scene(struct prog *p, struct scene *s)
{
    prog_target_create(p, &s->target, VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_D16_UNORM, WIDTH, HEIGHT);
    prog_buffer_create(p, &s->vertices, sizeof(vertices), VK_BUFFER_USAGE_VERTEX_BUFFER_BIT,
                       PROG_HOST);
    prog_buffer_create(p, &s->indices, sizeof(indices), VK_BUFFER_USAGE_INDEX_BUFFER_BIT,
                       PROG_HOST);
    prog_buffer_create(p, &s->readback, WIDTH * HEIGHT * 4, VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                       PROG_HOST);
    memcpy(s->vertices.map, vertices, sizeof(vertices));
    memcpy(s->indices.map, indices, sizeof(indices));
    s->layout = prog_layout_create(p, 16, NULL);
}

static void destroy_scene(struct prog *p, struct scene *s)
{
    vkDestroyPipelineLayout(p->device, s->layout, NULL);
    prog_buffer_destroy(p, &s->vertices);
    prog_buffer_destroy(p, &s->indices);
    prog_buffer_destroy(p, &s->readback);
    prog_target_destroy(p, &s->target);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "triangle",
        .summary = "Draws two triangles and a rectangle off screen and reads them back; with "
                   "--iterations also so many frames.",
    };
    struct prog p;
    struct scene scene;
    struct prog_pipeline_info info;

    prog_init(&p, argc, argv, &about);
    create_scene(&p, &scene);
    info = pipeline_info(&scene);
    run_renderpass(&p, &scene, "renderpass", &info);
    if (p.output)
        prog_write_ppm(p.output, scene.readback.map, WIDTH, HEIGHT);
    read_depth(&p, &scene);
    if (p.iterations)
        run_frames(&p, &scene, &info);
    info.blend = true;
    run_renderpass(&p, &scene, "blend", &info);
    run_dynamic_state(&p, &scene);
    run_extended_dynamic_state(&p, &scene);
    run_dynamic_rendering(&p, &scene);
    destroy_scene(&p, &scene);
    return prog_finish(&p);
}
