/* SPDX-License-Identifier: MIT */
/* The newer forms of old commands, and small additions of Vulkan 1.1 to 1.3. */
#include "draw.h"

#include <inttypes.h>

#include "shaders/corner.vert.h"
#include "shaders/triangle.frag.h"

#define SIZE 64u

struct push {
    float color[4];
    float size[2];
    float depth;
};

static const VkShaderStageFlags push_stages =
    VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT;

static struct prog_pipeline_info pipeline_info(VkPipelineLayout layout)
{
    return (struct prog_pipeline_info){
        .vertex = corner_vert,
        .vertex_size = sizeof(corner_vert),
        .fragment = triangle_frag,
        .fragment_size = sizeof(triangle_frag),
        .layout = layout,
        .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP,
        .width = SIZE,
        .height = SIZE,
    };
}

static void draw(VkCommandBuffer cmd, VkPipelineLayout layout, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        struct push push = {
            .color = {0.1f * (float)i, 0.8f, 1.0f - 0.1f * (float)i, 1},
            .size = {0.5f, 0.45f},
            .depth = 0.5f,
        };

        vkCmdPushConstants(cmd, layout, push_stages, 0, sizeof(push), &push);
        vkCmdDraw(cmd, 4, 1, 0, i % 16);
    }
}

/* Reads the image, in TRANSFER_SRC_OPTIMAL, in the end of @p cmd; ends it. */
static void finish(struct prog *p, VkCommandBuffer cmd, const struct prog_image *image,
                   const char *part)
{
    VkBufferImageCopy copy = {
        .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
        .imageExtent = {SIZE, SIZE, 1},
    };
    struct prog_buffer picture;

    prog_buffer_create(p, &picture, SIZE * SIZE * 4, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_HOST);
    vkCmdCopyImageToBuffer(cmd, image->image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, picture.buffer,
                           1, &copy);
    prog_barrier(cmd);
    prog_end(p, cmd);
    prog_hash(part, "picture", picture.map, SIZE * SIZE * 4);
    prog_buffer_destroy(p, &picture);
}

static VkRenderPass create_pass2(struct prog *p)
{
    const VkAttachmentDescription2 attachment = {
        .sType = VK_STRUCTURE_TYPE_ATTACHMENT_DESCRIPTION_2,
        .format = VK_FORMAT_R8G8B8A8_UNORM,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
        .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
        .stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE,
        .stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE,
        .finalLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
    };
    const VkAttachmentReference2 color = {
        .sType = VK_STRUCTURE_TYPE_ATTACHMENT_REFERENCE_2,
        .layout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
        .aspectMask = VK_IMAGE_ASPECT_COLOR_BIT,
    };
    VkSubpassDescription2 subpasses[2];
    const VkPipelineStageFlags output = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT;
    const VkAccessFlags access =
        VK_ACCESS_COLOR_ATTACHMENT_READ_BIT | VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT;
    const VkSubpassDependency2 dependencies[2] = {
        {
            .sType = VK_STRUCTURE_TYPE_SUBPASS_DEPENDENCY_2,
            .srcSubpass = 0,
            .dstSubpass = 1,
            .srcStageMask = output,
            .dstStageMask = output,
            .srcAccessMask = access,
            .dstAccessMask = access,
            .dependencyFlags = VK_DEPENDENCY_BY_REGION_BIT,
        },
        {
            .sType = VK_STRUCTURE_TYPE_SUBPASS_DEPENDENCY_2,
            .srcSubpass = 1,
            .dstSubpass = VK_SUBPASS_EXTERNAL,
            .srcStageMask = output,
            .dstStageMask = VK_PIPELINE_STAGE_TRANSFER_BIT,
            .srcAccessMask = access,
            .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT,
        },
    };
    VkRenderPassCreateInfo2 info = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO_2,
        .attachmentCount = 1,
        .pAttachments = &attachment,
        .subpassCount = 2,
        .pSubpasses = subpasses,
        .dependencyCount = 2,
        .pDependencies = dependencies,
    };
    VkRenderPass pass;

    for (uint32_t i = 0; i < 2; i++)
        subpasses[i] = (VkSubpassDescription2){
            .sType = VK_STRUCTURE_TYPE_SUBPASS_DESCRIPTION_2,
            .pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
            .colorAttachmentCount = 1,
            .pColorAttachments = &color,
        };
    CHECK(PROG_PROC(p, vkCreateRenderPass2)(p->device, &info, NULL, &pass));
    return pass;
}

/* A render pass of the second kind, with an ordinary or an imageless framebuffer. */
static void run_renderpass2(struct prog *p, const char *part, bool imageless)
{
    const VkFormat format = VK_FORMAT_R8G8B8A8_UNORM;
    const VkImageUsageFlags usage =
        VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
    VkFramebufferAttachmentImageInfo image_info = {
        .sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_ATTACHMENT_IMAGE_INFO,
        .usage = usage,
        .width = SIZE,
        .height = SIZE,
        .layerCount = 1,
        .viewFormatCount = 1,
        .pViewFormats = &format,
    };
    VkFramebufferAttachmentsCreateInfo attachments = {
        .sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_ATTACHMENTS_CREATE_INFO,
        .attachmentImageInfoCount = 1,
        .pAttachmentImageInfos = &image_info,
    };
    struct prog_image image;
    VkFramebufferCreateInfo framebuffer_info = {
        .sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
        .pNext = imageless ? &attachments : NULL,
        .flags = imageless ? VK_FRAMEBUFFER_CREATE_IMAGELESS_BIT : 0,
        .attachmentCount = 1,
        .pAttachments = imageless ? NULL : &image.view,
        .width = SIZE,
        .height = SIZE,
        .layers = 1,
    };
    VkRenderPassAttachmentBeginInfo views = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_ATTACHMENT_BEGIN_INFO,
        .attachmentCount = 1,
        .pAttachments = &image.view,
    };
    const VkClearValue clear = {.color.float32 = {0.3f, 0.1f, 0.2f, 1}};
    VkRenderPassBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
        .pNext = imageless ? &views : NULL,
        .renderArea = {{0, 0}, {SIZE, SIZE}},
        .clearValueCount = 1,
        .pClearValues = &clear,
    };
    const VkSubpassBeginInfo subpass_begin = {
        .sType = VK_STRUCTURE_TYPE_SUBPASS_BEGIN_INFO,
        .contents = VK_SUBPASS_CONTENTS_INLINE,
    };
    const VkSubpassEndInfo subpass_end = {.sType = VK_STRUCTURE_TYPE_SUBPASS_END_INFO};
    struct prog_pipeline_info info;
    VkPipeline pipelines[2];
    VkCommandBuffer cmd;

    if (!p->has.create_renderpass2 || (imageless && !p->has.imageless)) {
        prog_skip_part(part, "needs Vulkan 1.2 and imagelessFramebuffer");
        return;
    }
    info = pipeline_info(prog_layout_create(p, sizeof(struct push), NULL));
    info.pass = create_pass2(p);
    pipelines[0] = prog_pipeline_create(p, &info);
    info.subpass = 1;
    info.blend = true;
    pipelines[1] = prog_pipeline_create(p, &info);
    prog_image_create_2d(p, &image, format, SIZE, SIZE, usage);
    framebuffer_info.renderPass = begin.renderPass = info.pass;
    CHECK(vkCreateFramebuffer(p->device, &framebuffer_info, NULL, &begin.framebuffer));
    cmd = prog_begin(p);
    PROG_PROC(p, vkCmdBeginRenderPass2)(cmd, &begin, &subpass_begin);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipelines[0]);
    draw(cmd, info.layout, 0, 6);
    PROG_PROC(p, vkCmdNextSubpass2)(cmd, &subpass_begin, &subpass_end);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipelines[1]);
    draw(cmd, info.layout, 6, 4);
    PROG_PROC(p, vkCmdEndRenderPass2)(cmd, &subpass_end);
    finish(p, cmd, &image, part);
    vkDestroyFramebuffer(p->device, begin.framebuffer, NULL);
    vkDestroyPipeline(p->device, pipelines[0], NULL);
    vkDestroyPipeline(p->device, pipelines[1], NULL);
    vkDestroyRenderPass(p->device, info.pass, NULL);
    vkDestroyPipelineLayout(p->device, info.layout, NULL);
    prog_image_destroy(p, &image);
}

/* One picture in three rendering instances: suspended, resumed, the middle one in a secondary. */
static void run_suspended(struct prog *p)
{
    const VkFormat format = VK_FORMAT_R8G8B8A8_UNORM;
    const VkCommandBufferInheritanceRenderingInfo inheritance_rendering = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_RENDERING_INFO,
        .flags = VK_RENDERING_SUSPENDING_BIT | VK_RENDERING_RESUMING_BIT,
        .colorAttachmentCount = 1,
        .pColorAttachmentFormats = &format,
        .rasterizationSamples = VK_SAMPLE_COUNT_1_BIT,
    };
    const VkCommandBufferInheritanceInfo inheritance = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO,
        .pNext = &inheritance_rendering,
    };
    const VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_RENDER_PASS_CONTINUE_BIT,
        .pInheritanceInfo = &inheritance,
    };
    VkCommandBufferAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = p->pool,
        .level = VK_COMMAND_BUFFER_LEVEL_SECONDARY,
        .commandBufferCount = 1,
    };
    VkRenderingAttachmentInfo color = {
        .sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
        .imageLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
        .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
        .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
        .clearValue.color.float32 = {0.5f, 0.5f, 0, 1},
    };
    VkRenderingInfo rendering = {
        .sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
        .renderArea = {{0, 0}, {SIZE, SIZE}},
        .layerCount = 1,
        .colorAttachmentCount = 1,
        .pColorAttachments = &color,
    };
    struct prog_pipeline_info info;
    struct prog_image image;
    VkPipeline pipeline;
    VkCommandBuffer cmd, secondary;

    if (!p->has.dynamic_rendering) {
        prog_skip_part("suspended", "needs dynamicRendering");
        return;
    }
    info = pipeline_info(prog_layout_create(p, sizeof(struct push), NULL));
    info.color_format = format;
    pipeline = prog_pipeline_create(p, &info);
    prog_image_create_2d(p, &image, format, SIZE, SIZE,
                         VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT);
    color.imageView = image.view;

    CHECK(vkAllocateCommandBuffers(p->device, &allocate, &secondary));
    CHECK(vkBeginCommandBuffer(secondary, &begin));
    vkCmdBindPipeline(secondary, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    draw(secondary, info.layout, 4, 4);
    CHECK(vkEndCommandBuffer(secondary));

    cmd = prog_begin(p);
    prog_image_layout(cmd, &image, VK_IMAGE_LAYOUT_UNDEFINED,
                      VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL);
    rendering.flags = VK_RENDERING_SUSPENDING_BIT;
    PROG_PROC(p, vkCmdBeginRendering)(cmd, &rendering);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    draw(cmd, info.layout, 0, 4);
    PROG_PROC(p, vkCmdEndRendering)(cmd);
    rendering.flags = VK_RENDERING_SUSPENDING_BIT | VK_RENDERING_RESUMING_BIT |
                      VK_RENDERING_CONTENTS_SECONDARY_COMMAND_BUFFERS_BIT;
    PROG_PROC(p, vkCmdBeginRendering)(cmd, &rendering);
    vkCmdExecuteCommands(cmd, 1, &secondary);
    PROG_PROC(p, vkCmdEndRendering)(cmd);
    rendering.flags = VK_RENDERING_RESUMING_BIT;
    PROG_PROC(p, vkCmdBeginRendering)(cmd, &rendering);
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    draw(cmd, info.layout, 9, 2);
    PROG_PROC(p, vkCmdEndRendering)(cmd);
    prog_image_layout(cmd, &image, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
                      VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
    finish(p, cmd, &image, "suspended");
    vkFreeCommandBuffers(p->device, p->pool, 1, &secondary);
    vkDestroyPipeline(p->device, pipeline, NULL);
    vkDestroyPipelineLayout(p->device, info.layout, NULL);
    prog_image_destroy(p, &image);
}

/* vkCmdCopy*2 and vkCmdBlitImage2: buffer to image, image to image, blit, image to buffer. */
static void run_copy2(struct prog *p)
{
    const VkImageUsageFlags usage =
        VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
    const VkImageLayout source = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
    const VkImageLayout target = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
    const VkImageSubresourceLayers layers = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
    VkBufferCopy2 buffer_region = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_COPY_2,
        .size = SIZE * SIZE * 4,
    };
    VkCopyBufferInfo2 buffers = {
        .sType = VK_STRUCTURE_TYPE_COPY_BUFFER_INFO_2,
        .regionCount = 1,
        .pRegions = &buffer_region,
    };
    VkBufferImageCopy2 region = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_IMAGE_COPY_2,
        .imageSubresource = layers,
        .imageExtent = {SIZE, SIZE, 1},
    };
    VkCopyBufferToImageInfo2 up = {
        .sType = VK_STRUCTURE_TYPE_COPY_BUFFER_TO_IMAGE_INFO_2,
        .dstImageLayout = target,
        .regionCount = 1,
        .pRegions = &region,
    };
    VkCopyImageToBufferInfo2 down = {
        .sType = VK_STRUCTURE_TYPE_COPY_IMAGE_TO_BUFFER_INFO_2,
        .srcImageLayout = source,
        .regionCount = 1,
        .pRegions = &region,
    };
    VkImageCopy2 copies[2] = {
        {
            .sType = VK_STRUCTURE_TYPE_IMAGE_COPY_2,
            .srcSubresource = layers,
            .dstSubresource = layers,
            .dstOffset = {32, 0, 0},
            .extent = {32, 64, 1},
        },
        {
            .sType = VK_STRUCTURE_TYPE_IMAGE_COPY_2,
            .srcSubresource = layers,
            .srcOffset = {40, 40, 0},
            .dstSubresource = layers,
            .extent = {20, 11, 1},
        },
    };
    VkCopyImageInfo2 across = {
        .sType = VK_STRUCTURE_TYPE_COPY_IMAGE_INFO_2,
        .srcImageLayout = source,
        .dstImageLayout = target,
        .regionCount = 2,
        .pRegions = copies,
    };
    VkImageBlit2 blit_region = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_BLIT_2,
        .srcSubresource = layers,
        .srcOffsets = {{0, 0, 0}, {64, 64, 1}},
        .dstSubresource = layers,
        .dstOffsets = {{5, 20, 0}, {30, 60, 1}},
    };
    VkBlitImageInfo2 blit = {
        .sType = VK_STRUCTURE_TYPE_BLIT_IMAGE_INFO_2,
        .srcImageLayout = source,
        .dstImageLayout = target,
        .regionCount = 1,
        .pRegions = &blit_region,
        .filter = VK_FILTER_LINEAR,
    };
    struct prog_buffer from, middle, to;
    struct prog_image a, b;
    VkCommandBuffer cmd;
    uint32_t seed = 6;

    if (!PROG_PROC(p, vkCmdCopyBuffer2)) {
        prog_skip_part("copy2", "needs Vulkan 1.3");
        return;
    }
    prog_buffer_create(p, &from, SIZE * SIZE * 4, VK_BUFFER_USAGE_TRANSFER_SRC_BIT, PROG_HOST);
    prog_buffer_create(p, &middle, SIZE * SIZE * 4,
                       VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                       PROG_DEVICE);
    prog_buffer_create(p, &to, SIZE * SIZE * 4, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_HOST);
    prog_image_create_2d(p, &a, VK_FORMAT_R8G8B8A8_UNORM, SIZE, SIZE, usage);
    prog_image_create_2d(p, &b, VK_FORMAT_R8G8B8A8_UNORM, SIZE, SIZE, usage);
    for (uint32_t i = 0; i < SIZE * SIZE; i++)
        ((uint32_t *)from.map)[i] = prog_random(&seed);
    buffers.srcBuffer = from.buffer;
    buffers.dstBuffer = middle.buffer;
    up.srcBuffer = middle.buffer;
    across.srcImage = blit.srcImage = a.image;
    across.dstImage = blit.dstImage = down.srcImage = b.image;
    down.dstBuffer = to.buffer;

    cmd = prog_begin(p);
    PROG_PROC(p, vkCmdCopyBuffer2)(cmd, &buffers);
    prog_barrier(cmd);
    prog_image_layout(cmd, &a, VK_IMAGE_LAYOUT_UNDEFINED, target);
    prog_image_layout(cmd, &b, VK_IMAGE_LAYOUT_UNDEFINED, target);
    up.dstImage = a.image;
    PROG_PROC(p, vkCmdCopyBufferToImage2)(cmd, &up);
    up.dstImage = b.image;
    PROG_PROC(p, vkCmdCopyBufferToImage2)(cmd, &up);
    prog_image_layout(cmd, &a, target, source);
    prog_barrier(cmd);
    PROG_PROC(p, vkCmdCopyImage2)(cmd, &across);
    prog_barrier(cmd);
    PROG_PROC(p, vkCmdBlitImage2)(cmd, &blit);
    prog_image_layout(cmd, &b, target, source);
    PROG_PROC(p, vkCmdCopyImageToBuffer2)(cmd, &down);
    prog_barrier(cmd);
    prog_end(p, cmd);
    prog_hash("copy2", "data", to.map, SIZE * SIZE * 4);
    prog_buffer_destroy(p, &from);
    prog_buffer_destroy(p, &middle);
    prog_buffer_destroy(p, &to);
    prog_image_destroy(p, &a);
    prog_image_destroy(p, &b);
}

/* Requirements without objects, dedicated allocations, binding of several at once. */
static void run_memory(struct prog *p)
{
    const VkBufferCreateInfo buffer_info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = 1000,
        .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
    };
    const VkImageCreateInfo image_info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = VK_FORMAT_R8G8B8A8_UNORM,
        .extent = {37, 21, 1},
        .mipLevels = 1,
        .arrayLayers = 2,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
    };
    VkMemoryDedicatedRequirements dedicated = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS,
    };
    VkMemoryRequirements2 buffer_needs = {.sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2};
    VkMemoryRequirements2 image_needs = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2,
        .pNext = &dedicated,
    };
    VkMemoryDedicatedAllocateInfo dedicated_info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO,
    };
    VkMemoryAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
    VkBindBufferMemoryInfo binds[3];
    VkBindImageMemoryInfo image_bind = {.sType = VK_STRUCTURE_TYPE_BIND_IMAGE_MEMORY_INFO};
    VkBufferMemoryRequirementsInfo2 buffer_query = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_REQUIREMENTS_INFO_2,
    };
    VkImageMemoryRequirementsInfo2 image_query = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_REQUIREMENTS_INFO_2,
    };
    VkDeviceMemory shared, own;
    VkBuffer buffers[3];
    VkImage image;
    VkCommandBuffer cmd;
    VkDeviceSize alignment, stride;
    uint8_t *map;

    for (uint32_t i = 0; i < 3; i++)
        CHECK(vkCreateBuffer(p->device, &buffer_info, NULL, &buffers[i]));
    CHECK(vkCreateImage(p->device, &image_info, NULL, &image));
    buffer_query.buffer = buffers[0];
    image_query.image = image;
    vkGetBufferMemoryRequirements2(p->device, &buffer_query, &buffer_needs);
    vkGetImageMemoryRequirements2(p->device, &image_query, &image_needs);
    prog_print("memory", "dedicated", "prefers %u, requires %u",
               dedicated.prefersDedicatedAllocation, dedicated.requiresDedicatedAllocation);
    prog_print("memory", "image", "size %" PRIu64 ", alignment %" PRIu64,
               image_needs.memoryRequirements.size, image_needs.memoryRequirements.alignment);

    alignment = buffer_needs.memoryRequirements.alignment;
    stride = (buffer_needs.memoryRequirements.size + alignment - 1) & ~(alignment - 1);
    allocate.allocationSize = 3 * stride;
    allocate.memoryTypeIndex =
        prog_memory_type(p, buffer_needs.memoryRequirements.memoryTypeBits, PROG_HOST);
    CHECK(vkAllocateMemory(p->device, &allocate, NULL, &shared));
    dedicated_info.image = image;
    allocate.pNext = &dedicated_info;
    allocate.allocationSize = image_needs.memoryRequirements.size;
    allocate.memoryTypeIndex =
        prog_memory_type(p, image_needs.memoryRequirements.memoryTypeBits, PROG_DEVICE);
    CHECK(vkAllocateMemory(p->device, &allocate, NULL, &own));
    for (uint32_t i = 0; i < 3; i++)
        binds[i] = (VkBindBufferMemoryInfo){
            .sType = VK_STRUCTURE_TYPE_BIND_BUFFER_MEMORY_INFO,
            .buffer = buffers[i],
            .memory = shared,
            .memoryOffset = (2 - i) * stride,
        };
    CHECK(vkBindBufferMemory2(p->device, 3, binds));
    image_bind.image = image;
    image_bind.memory = own;
    CHECK(vkBindImageMemory2(p->device, 1, &image_bind));

    cmd = prog_begin(p);
    for (uint32_t i = 0; i < 3; i++)
        vkCmdFillBuffer(cmd, buffers[i], 0, VK_WHOLE_SIZE, 0x10101010u * (i + 1));
    prog_barrier(cmd);
    prog_end(p, cmd);
    CHECK(vkMapMemory(p->device, shared, 0, VK_WHOLE_SIZE, 0, (void **)&map));
    for (uint32_t i = 0; i < 3; i++)
        EXPECT(map[(2 - i) * stride + 500] == 0x10 * (i + 1), "memory: buffer %u is wrong", i);
    prog_print("memory", "bound", "3 buffers, 1 image");
    for (uint32_t i = 0; i < 3; i++)
        vkDestroyBuffer(p->device, buffers[i], NULL);
    vkDestroyImage(p->device, image, NULL);
    vkFreeMemory(p->device, shared, NULL);
    vkFreeMemory(p->device, own, NULL);
}

/* What vkGetDevice*MemoryRequirements say is what the objects say. */
static void run_maintenance4(struct prog *p)
{
    const VkBufferCreateInfo buffer_info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = 12345,
        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
    };
    const VkImageCreateInfo image_info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = VK_FORMAT_R16G16B16A16_SFLOAT,
        .extent = {100, 50, 1},
        .mipLevels = 3,
        .arrayLayers = 1,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
    };
    const VkDeviceBufferMemoryRequirements buffer_query = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_BUFFER_MEMORY_REQUIREMENTS,
        .pCreateInfo = &buffer_info,
    };
    const VkDeviceImageMemoryRequirements image_query = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_IMAGE_MEMORY_REQUIREMENTS,
        .pCreateInfo = &image_info,
    };
    VkMemoryRequirements2 early = {.sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2};
    VkMemoryRequirements late;
    VkBuffer buffer;
    VkImage image;

    if (!p->has.maintenance4) {
        prog_skip_part("maintenance4", "needs maintenance4");
        return;
    }
    PROG_PROC(p, vkGetDeviceBufferMemoryRequirements)(p->device, &buffer_query, &early);
    CHECK(vkCreateBuffer(p->device, &buffer_info, NULL, &buffer));
    vkGetBufferMemoryRequirements(p->device, buffer, &late);
    EXPECT(early.memoryRequirements.alignment == late.alignment &&
               early.memoryRequirements.memoryTypeBits == late.memoryTypeBits &&
               early.memoryRequirements.size == late.size,
           "maintenance4: the buffer's requirements differ");
    vkDestroyBuffer(p->device, buffer, NULL);

    PROG_PROC(p, vkGetDeviceImageMemoryRequirements)(p->device, &image_query, &early);
    CHECK(vkCreateImage(p->device, &image_info, NULL, &image));
    vkGetImageMemoryRequirements(p->device, image, &late);
    EXPECT(early.memoryRequirements.alignment == late.alignment &&
               early.memoryRequirements.memoryTypeBits == late.memoryTypeBits &&
               early.memoryRequirements.size == late.size,
           "maintenance4: the image's requirements differ");
    vkDestroyImage(p->device, image, NULL);
    prog_print("maintenance4", "image", "size %" PRIu64 ", alignment %" PRIu64, late.size,
               late.alignment);
}

static void run_private_data(struct prog *p)
{
    const VkPrivateDataSlotCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PRIVATE_DATA_SLOT_CREATE_INFO,
    };
    const VkSamplerCreateInfo sampler_info = {.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO};
    VkPrivateDataSlot slots[2];
    VkSampler sampler;
    uint64_t data[2] = {1, 1}, handle;

    if (!p->has.private_data) {
        prog_skip_part("private-data", "needs privateData");
        return;
    }
    CHECK(vkCreateSampler(p->device, &sampler_info, NULL, &sampler));
    memcpy(&handle, &sampler, sizeof(handle));
    for (uint32_t i = 0; i < 2; i++)
        CHECK(PROG_PROC(p, vkCreatePrivateDataSlot)(p->device, &info, NULL, &slots[i]));
    CHECK(PROG_PROC(p, vkSetPrivateData)(p->device, VK_OBJECT_TYPE_SAMPLER, handle, slots[1],
                                         0x123456789abcdefull));
    for (uint32_t i = 0; i < 2; i++)
        PROG_PROC(p, vkGetPrivateData)
        (p->device, VK_OBJECT_TYPE_SAMPLER, handle, slots[i], &data[i]);
    prog_print("private-data", "values", "0x%" PRIx64 ", 0x%" PRIx64, data[0], data[1]);
    vkDestroySampler(p->device, sampler, NULL);
    for (uint32_t i = 0; i < 2; i++)
        PROG_PROC(p, vkDestroyPrivateDataSlot)(p->device, slots[i], NULL);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "modern",
        .summary = "Uses the newer forms of old commands.",
    };
    struct prog p;

    prog_init(&p, argc, argv, &about);
    run_renderpass2(&p, "renderpass2", false);
    run_renderpass2(&p, "imageless", true);
    run_suspended(&p);
    run_copy2(&p);
    run_memory(&p);
    run_maintenance4(&p);
    run_private_data(&p);
    return prog_finish(&p);
}
