/* SPDX-License-Identifier: MIT */
/* Input attachments: a second subpass reads what the first one drew. */
#include "draw.h"

#include "shaders/corner.vert.h"
#include "shaders/input.frag.h"
#include "shaders/triangle.frag.h"

/* Two subpasses: the second reads the first one's pixels. */
static VkRenderPass create_input_pass(struct prog *p)
{
    VkAttachmentDescription attachments[2];
    const VkAttachmentReference colors[2] = {
        {0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL},
        {1, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL},
    };
    const VkAttachmentReference input = {0, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL};
    const VkSubpassDescription subpasses[2] = {
        {
            .pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
            .colorAttachmentCount = 1,
            .pColorAttachments = &colors[0],
        },
        {
            .pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
            .inputAttachmentCount = 1,
            .pInputAttachments = &input,
            .colorAttachmentCount = 1,
            .pColorAttachments = &colors[1],
        },
    };
    const VkPipelineStageFlags graphics = VK_PIPELINE_STAGE_ALL_GRAPHICS_BIT;
    const VkAccessFlags access = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;
    const VkSubpassDependency dependencies[2] = {
        {0, 1, VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT, VK_PIPELINE_STAGE_FRAGMENT_SHADER_BIT,
         VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT, VK_ACCESS_INPUT_ATTACHMENT_READ_BIT,
         VK_DEPENDENCY_BY_REGION_BIT},
        {1, VK_SUBPASS_EXTERNAL, graphics, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, access, access, 0},
    };
    VkRenderPassCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
        .attachmentCount = 2,
        .pAttachments = attachments,
        .subpassCount = 2,
        .pSubpasses = subpasses,
        .dependencyCount = 2,
        .pDependencies = dependencies,
    };
    VkRenderPass pass;

    for (uint32_t i = 0; i < 2; i++)
        attachments[i] = (VkAttachmentDescription){
            .format = VK_FORMAT_R8G8B8A8_UNORM,
            .samples = VK_SAMPLE_COUNT_1_BIT,
            .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
            .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
            .stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE,
            .stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE,
            .finalLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
        };
    CHECK(vkCreateRenderPass(p->device, &info, NULL, &pass));
    return pass;
}

struct push {
    float color[4];
    float size[2];
    float depth;
};

static void run_input(struct prog *p)
{
    const VkDescriptorSetLayoutBinding binding = {
        0, VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT, 1, VK_SHADER_STAGE_FRAGMENT_BIT, NULL,
    };
    VkDescriptorSetLayoutCreateInfo layout_info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = 1,
        .pBindings = &binding,
    };
    struct push push = {{0.9f, 0.3f, 0.6f, 1}, {1.2f, 1.4f}, 0.5f};
    VkRenderPass pass = create_input_pass(p);
    struct prog_pipeline_info info = {
        .vertex = corner_vert,
        .vertex_size = sizeof(corner_vert),
        .fragment = triangle_frag,
        .fragment_size = sizeof(triangle_frag),
        .pass = pass,
        .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP,
        .width = 32,
        .height = 32,
    };
    const VkClearValue clears[2] = {
        {.color.float32 = {0.1f, 0.2f, 0.3f, 0.4f}},
        {.color.float32 = {0, 0, 0, 0}},
    };
    VkBufferImageCopy region = {
        .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
        .imageExtent = {32, 32, 1},
    };
    const VkShaderStageFlags stages = VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT;
    struct prog_image images[2];
    struct prog_buffer picture;
    VkFramebufferCreateInfo framebuffer_info = {
        .sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
        .renderPass = pass,
        .attachmentCount = 2,
        .width = 32,
        .height = 32,
        .layers = 1,
    };
    VkRenderPassBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
        .renderPass = pass,
        .renderArea = {{0, 0}, {32, 32}},
        .clearValueCount = 2,
        .pClearValues = clears,
    };
    VkDescriptorImageInfo image_info = {
        .imageLayout = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL,
    };
    VkWriteDescriptorSet write = {
        .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
        .descriptorCount = 1,
        .descriptorType = VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT,
        .pImageInfo = &image_info,
    };
    const VkDescriptorPoolSize pool_size = {VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT, 1};
    VkDescriptorPoolCreateInfo pool_info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = 1,
        .poolSizeCount = 1,
        .pPoolSizes = &pool_size,
    };
    VkDescriptorSetAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorSetCount = 1,
    };
    VkDescriptorPool pool;
    VkDescriptorSetLayout layout;
    VkDescriptorSet set;
    VkImageView views[2];
    VkFramebuffer framebuffer;
    VkPipeline pipelines[2];
    VkCommandBuffer cmd;

    CHECK(vkCreateDescriptorSetLayout(p->device, &layout_info, NULL, &layout));
    CHECK(vkCreateDescriptorPool(p->device, &pool_info, NULL, &pool));
    allocate.descriptorPool = pool;
    allocate.pSetLayouts = &layout;
    CHECK(vkAllocateDescriptorSets(p->device, &allocate, &set));
    info.layout = prog_layout_create(p, sizeof(push), &layout);
    pipelines[0] = prog_pipeline_create(p, &info);
    info.fragment = input_frag;
    info.fragment_size = sizeof(input_frag);
    info.subpass = 1;
    pipelines[1] = prog_pipeline_create(p, &info);
    for (uint32_t i = 0; i < 2; i++) {
        prog_image_create_2d(p, &images[i], VK_FORMAT_R8G8B8A8_UNORM, 32, 32,
                             VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT |
                                 (i ? 0 : VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT));
        views[i] = images[i].view;
    }
    prog_buffer_create(p, &picture, 32 * 32 * 4, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_HOST);
    framebuffer_info.pAttachments = views;
    CHECK(vkCreateFramebuffer(p->device, &framebuffer_info, NULL, &framebuffer));
    write.dstSet = set;
    image_info.imageView = views[0];
    vkUpdateDescriptorSets(p->device, 1, &write, 0, NULL);

    begin.framebuffer = framebuffer;
    cmd = prog_begin(p);
    vkCmdBeginRenderPass(cmd, &begin, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipelines[0]);
    vkCmdPushConstants(cmd, info.layout, stages, 0, sizeof(push), &push);
    vkCmdDraw(cmd, 4, 1, 0, 0);
    vkCmdNextSubpass(cmd, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipelines[1]);
    vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, info.layout, 0, 1, &set, 0, NULL);
    push.size[0] = 1.7f;
    vkCmdPushConstants(cmd, info.layout, stages, 0, sizeof(push), &push);
    vkCmdDraw(cmd, 4, 1, 0, 0);
    vkCmdEndRenderPass(cmd);
    vkCmdCopyImageToBuffer(cmd, images[1].image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                           picture.buffer, 1, &region);
    prog_barrier(cmd);
    prog_end(p, cmd);
    prog_hash("input", "picture", picture.map, 32 * 32 * 4);

    vkDestroyFramebuffer(p->device, framebuffer, NULL);
    for (uint32_t i = 0; i < 2; i++) {
        vkDestroyPipeline(p->device, pipelines[i], NULL);
        prog_image_destroy(p, &images[i]);
    }
    prog_buffer_destroy(p, &picture);
    vkDestroyRenderPass(p->device, pass, NULL);
    vkDestroyPipelineLayout(p->device, info.layout, NULL);
    vkDestroyDescriptorPool(p->device, pool, NULL);
    vkDestroyDescriptorSetLayout(p->device, layout, NULL);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "subpasses",
        .summary = "Reads an input attachment in a second subpass.",
    };
    struct prog p;

    prog_init(&p, argc, argv, &about);
    run_input(&p);
    return prog_finish(&p);
}
