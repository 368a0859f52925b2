/* SPDX-License-Identifier: MIT */
/* Multisampled drawing: resolved by a render pass and by a command. */
#include "draw.h"

#include "shaders/corner.vert.h"
#include "shaders/triangle.frag.h"

#define SIZE 64u

struct push {
    float color[4];
    float size[2];
    float depth;
};

/* Attachment 0 has many samples; with @p resolve attachment 1 gets the resolved picture. */
static VkRenderPass create_pass(struct prog *p, VkFormat format, VkSampleCountFlagBits samples,
                                bool resolve)
{
    const VkAttachmentDescription attachments[2] = {
        {
            .format = format,
            .samples = samples,
            .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
            .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
            .stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE,
            .stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE,
            .finalLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
        },
        {
            .format = format,
            .samples = VK_SAMPLE_COUNT_1_BIT,
            .loadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE,
            .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
            .stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE,
            .stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE,
            .finalLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
        },
    };
    const VkAttachmentReference color = {0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
    const VkAttachmentReference single = {1, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
    const VkSubpassDescription subpass = {
        .pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
        .colorAttachmentCount = 1,
        .pColorAttachments = &color,
        .pResolveAttachments = resolve ? &single : NULL,
    };
    const VkSubpassDependency dependency = {
        0,
        VK_SUBPASS_EXTERNAL,
        VK_PIPELINE_STAGE_ALL_GRAPHICS_BIT,
        VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
        VK_ACCESS_MEMORY_WRITE_BIT,
        VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
        0,
    };
    VkRenderPassCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
        .attachmentCount = resolve ? 2 : 1,
        .pAttachments = attachments,
        .subpassCount = 1,
        .pSubpasses = &subpass,
        .dependencyCount = 1,
        .pDependencies = &dependency,
    };
    VkRenderPass pass;

    CHECK(vkCreateRenderPass(p->device, &info, NULL, &pass));
    return pass;
}

static void create_many(struct prog *p, struct prog_image *image, VkFormat format,
                        VkSampleCountFlagBits samples)
{
    VkImageCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = format,
        .extent = {SIZE, SIZE, 1},
        .mipLevels = 1,
        .arrayLayers = 1,
        .samples = samples,
        .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
    };

    prog_image_create(p, image, &info, VK_IMAGE_VIEW_TYPE_2D);
}

static void draw(VkCommandBuffer cmd, VkPipelineLayout layout)
{
    for (uint32_t i = 0; i < 5; i++) {
        struct push push = {
            .color = {0.2f * (float)i, 1.0f - 0.15f * (float)i, 0.4f, 1},
            .size = {0.37f + 0.05f * (float)i, 0.53f - 0.03f * (float)i},
            .depth = 0.5f,
        };

        vkCmdPushConstants(cmd, layout, VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT,
                           0, sizeof(push), &push);
        vkCmdDraw(cmd, 3, 2, 0, i * 3); /* triangles, so that edges are slanted */
    }
}

static void run(struct prog *p, const char *name, VkFormat format, uint32_t texel_size,
                VkSampleCountFlagBits samples, bool in_pass)
{
    const VkImageResolve region = {
        .srcSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
        .dstSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
        .extent = {SIZE, SIZE, 1},
    };
    VkBufferImageCopy copy = {
        .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
        .imageExtent = {SIZE, SIZE, 1},
    };
    const VkClearValue clears[2] = {{.color.float32 = {0.1f, 0.2f, 0.3f, 1}}};
    VkRenderPass pass = create_pass(p, format, samples, in_pass);
    struct prog_pipeline_info info = {
        .vertex = corner_vert,
        .vertex_size = sizeof(corner_vert),
        .fragment = triangle_frag,
        .fragment_size = sizeof(triangle_frag),
        .layout = prog_layout_create(p, sizeof(struct push), NULL),
        .pass = pass,
        .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST,
        .samples = samples,
        .width = SIZE,
        .height = SIZE,
    };
    VkFramebufferCreateInfo framebuffer_info = {
        .sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
        .renderPass = pass,
        .attachmentCount = in_pass ? 2 : 1,
        .width = SIZE,
        .height = SIZE,
        .layers = 1,
    };
    VkRenderPassBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
        .renderPass = pass,
        .renderArea = {{0, 0}, {SIZE, SIZE}},
        .clearValueCount = 1,
        .pClearValues = clears,
    };
    VkPipeline pipeline = prog_pipeline_create(p, &info);
    struct prog_image many, single;
    struct prog_buffer picture;
    VkImageView views[2];
    VkCommandBuffer cmd;

    create_many(p, &many, format, samples);
    prog_image_create_2d(p, &single, format, SIZE, SIZE,
                         VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT |
                             VK_IMAGE_USAGE_TRANSFER_DST_BIT);
    prog_buffer_create(p, &picture, SIZE * SIZE * texel_size, VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                       PROG_HOST);
    views[0] = many.view;
    views[1] = single.view;
    framebuffer_info.pAttachments = views;
    CHECK(vkCreateFramebuffer(p->device, &framebuffer_info, NULL, &begin.framebuffer));

    cmd = prog_begin(p);
    vkCmdBeginRenderPass(cmd, &begin, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    draw(cmd, info.layout);
    vkCmdEndRenderPass(cmd);
    if (!in_pass) {
        prog_image_layout(cmd, &single, VK_IMAGE_LAYOUT_UNDEFINED,
                          VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
        vkCmdResolveImage(cmd, many.image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, single.image,
                          VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &region);
        prog_image_layout(cmd, &single, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                          VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
    }
    vkCmdCopyImageToBuffer(cmd, single.image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, picture.buffer,
                           1, &copy);
    prog_barrier(cmd);
    prog_end(p, cmd);
    prog_hash(in_pass ? "pass" : "command", name, picture.map, SIZE * SIZE * texel_size);

    vkDestroyFramebuffer(p->device, begin.framebuffer, NULL);
    vkDestroyPipeline(p->device, pipeline, NULL);
    vkDestroyPipelineLayout(p->device, info.layout, NULL);
    vkDestroyRenderPass(p->device, pass, NULL);
    prog_buffer_destroy(p, &picture);
    prog_image_destroy(p, &single);
    prog_image_destroy(p, &many);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "multisample",
        .summary = "Draws with several samples and resolves them.",
    };
    static const struct {
        const char *name;
        VkFormat format;
        uint32_t size;
    } formats[] = {
        {"R8G8B8A8_UNORM", VK_FORMAT_R8G8B8A8_UNORM, 4},
        {"B8G8R8A8_UNORM", VK_FORMAT_B8G8R8A8_UNORM, 4},
        {"R16G16B16A16_SFLOAT", VK_FORMAT_R16G16B16A16_SFLOAT, 8},
        {"A2B10G10R10_UNORM_PACK32", VK_FORMAT_A2B10G10R10_UNORM_PACK32, 4},
    };
    struct prog p;

    prog_init(&p, argc, argv, &about);
    for (size_t i = 0; i < PROG_ARRAY_SIZE(formats); i++) {
        VkImageFormatProperties properties;

        if (vkGetPhysicalDeviceImageFormatProperties(
                p.physical, formats[i].format, VK_IMAGE_TYPE_2D, VK_IMAGE_TILING_OPTIMAL,
                VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT, 0,
                &properties) != VK_SUCCESS ||
            !(properties.sampleCounts & VK_SAMPLE_COUNT_4_BIT)) {
            prog_print("pass", formats[i].name, "not supported with 4 samples");
            continue;
        }
        run(&p, formats[i].name, formats[i].format, formats[i].size, VK_SAMPLE_COUNT_4_BIT, true);
        run(&p, formats[i].name, formats[i].format, formats[i].size, VK_SAMPLE_COUNT_4_BIT, false);
    }
    return prog_finish(&p);
}
