/* SPDX-License-Identifier: MIT */
/* Memory, buffers, images, command buffers and compute pipelines for the programs. */
#include "common.h"

static bool find_type(struct prog *p, uint32_t bits, VkMemoryPropertyFlags with,
                      VkMemoryPropertyFlags without, uint32_t *type)
{
    for (uint32_t i = 0; i < p->memory.memoryTypeCount; i++) {
        VkMemoryPropertyFlags flags = p->memory.memoryTypes[i].propertyFlags;

        if ((bits >> i & 1) && (flags & with) == with && !(flags & without)) {
            *type = i;
            return true;
        }
    }
    return false;
}

uint32_t prog_memory_type(struct prog *p, uint32_t type_bits, enum prog_where where)
{
    const VkMemoryPropertyFlags host =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    const VkMemoryPropertyFlags special = VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT |
                                          VK_MEMORY_PROPERTY_PROTECTED_BIT |
                                          VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD;
    uint32_t type;

    if (where == PROG_HOST) {
        if (find_type(p, type_bits, host | VK_MEMORY_PROPERTY_HOST_CACHED_BIT, special, &type) ||
            find_type(p, type_bits, host, special, &type))
            return type;
        DIE("no host-visible and coherent memory type among 0x%x", type_bits);
    }
    if (find_type(p, type_bits, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
                  special | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT, &type) ||
        find_type(p, type_bits, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, special, &type) ||
        find_type(p, type_bits, 0, special, &type))
        return type;
    DIE("no memory type among 0x%x", type_bits);
}

void prog_buffer_create(struct prog *p, struct prog_buffer *b, VkDeviceSize size,
                        VkBufferUsageFlags usage, enum prog_where where)
{
    VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = size,
        .usage = usage,
    };
    VkMemoryAllocateFlagsInfo flags = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
        .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
    };
    VkMemoryAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
    VkMemoryRequirements needs;

    *b = (struct prog_buffer){.size = size};
    CHECK(vkCreateBuffer(p->device, &info, NULL, &b->buffer));
    vkGetBufferMemoryRequirements(p->device, b->buffer, &needs);
    if (usage & VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT)
        allocate.pNext = &flags;
    allocate.allocationSize = needs.size;
    allocate.memoryTypeIndex = prog_memory_type(p, needs.memoryTypeBits, where);
    CHECK(vkAllocateMemory(p->device, &allocate, NULL, &b->memory));
    CHECK(vkBindBufferMemory(p->device, b->buffer, b->memory, 0));
    if (where == PROG_HOST) {
        CHECK(vkMapMemory(p->device, b->memory, 0, VK_WHOLE_SIZE, 0, &b->map));
        memset(b->map, 0, size);
    }
}

void prog_buffer_destroy(struct prog *p, struct prog_buffer *b)
{
    vkDestroyBuffer(p->device, b->buffer, NULL);
    vkFreeMemory(p->device, b->memory, NULL);
    *b = (struct prog_buffer){0};
}

VkImageAspectFlags prog_format_aspect(VkFormat format)
{
    switch (format) {
    case VK_FORMAT_D16_UNORM:
    case VK_FORMAT_X8_D24_UNORM_PACK32:
    case VK_FORMAT_D32_SFLOAT:
        return VK_IMAGE_ASPECT_DEPTH_BIT;
    case VK_FORMAT_S8_UINT:
        return VK_IMAGE_ASPECT_STENCIL_BIT;
    case VK_FORMAT_D16_UNORM_S8_UINT:
    case VK_FORMAT_D24_UNORM_S8_UINT:
    case VK_FORMAT_D32_SFLOAT_S8_UINT:
        return VK_IMAGE_ASPECT_DEPTH_BIT | VK_IMAGE_ASPECT_STENCIL_BIT;
    default:
        return VK_IMAGE_ASPECT_COLOR_BIT;
    }
}

void prog_image_create(struct prog *p, struct prog_image *image, const VkImageCreateInfo *info,
                       VkImageViewType view_type)
{
    const VkImageUsageFlags viewable = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_STORAGE_BIT |
                                       VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT |
                                       VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT |
                                       VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT;
    VkMemoryAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
    VkMemoryRequirements needs;

    *image = (struct prog_image){
        .format = info->format,
        .extent = info->extent,
        .aspect = prog_format_aspect(info->format),
        .levels = info->mipLevels,
        .layers = info->arrayLayers,
    };
    CHECK(vkCreateImage(p->device, info, NULL, &image->image));
    vkGetImageMemoryRequirements(p->device, image->image, &needs);
    allocate.allocationSize = needs.size;
    allocate.memoryTypeIndex = prog_memory_type(p, needs.memoryTypeBits, PROG_DEVICE);
    CHECK(vkAllocateMemory(p->device, &allocate, NULL, &image->memory));
    CHECK(vkBindImageMemory(p->device, image->image, image->memory, 0));
    if (info->usage & viewable) {
        VkImageViewCreateInfo view = {
            .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
            .image = image->image,
            .viewType = view_type,
            .format = info->format,
            .subresourceRange = {image->aspect, 0, info->mipLevels, 0, info->arrayLayers},
        };

        CHECK(vkCreateImageView(p->device, &view, NULL, &image->view));
    }
}

void prog_image_create_2d(struct prog *p, struct prog_image *image, VkFormat format, uint32_t width,
                          uint32_t height, VkImageUsageFlags usage)
{
    VkImageCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = format,
        .extent = {width, height, 1},
        .mipLevels = 1,
        .arrayLayers = 1,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .usage = usage,
    };

    prog_image_create(p, image, &info, VK_IMAGE_VIEW_TYPE_2D);
}

void prog_image_destroy(struct prog *p, struct prog_image *image)
{
    vkDestroyImageView(p->device, image->view, NULL);
    vkDestroyImage(p->device, image->image, NULL);
    vkFreeMemory(p->device, image->memory, NULL);
    *image = (struct prog_image){0};
}

/* ---- commands ---- */

VkCommandBuffer prog_begin(struct prog *p)
{
    VkCommandBufferAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = p->pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1,
    };
    VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };
    VkCommandBuffer cmd;

    CHECK(vkAllocateCommandBuffers(p->device, &info, &cmd));
    CHECK(vkBeginCommandBuffer(cmd, &begin));
    return cmd;
}

void prog_submit_wait(struct prog *p, VkCommandBuffer cmd)
{
    VkFenceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .commandBufferCount = 1,
        .pCommandBuffers = &cmd,
    };
    VkFence fence;

    CHECK(vkCreateFence(p->device, &info, NULL, &fence));
    CHECK(vkQueueSubmit(p->queue, 1, &submit, fence));
    CHECK(vkWaitForFences(p->device, 1, &fence, VK_TRUE, PROG_NO_TIMEOUT));
    vkDestroyFence(p->device, fence, NULL);
}

void prog_end(struct prog *p, VkCommandBuffer cmd)
{
    CHECK(vkEndCommandBuffer(cmd));
    prog_submit_wait(p, cmd);
    vkFreeCommandBuffers(p->device, p->pool, 1, &cmd);
}

void prog_barrier(VkCommandBuffer cmd)
{
    const VkPipelineStageFlags all =
        VK_PIPELINE_STAGE_ALL_COMMANDS_BIT | VK_PIPELINE_STAGE_HOST_BIT;
    VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
    };

    vkCmdPipelineBarrier(cmd, all, all, 0, 1, &barrier, 0, NULL, 0, NULL);
}

void prog_image_layout(VkCommandBuffer cmd, const struct prog_image *image, VkImageLayout from,
                       VkImageLayout to)
{
    const VkPipelineStageFlags all = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
    VkImageMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
        .oldLayout = from,
        .newLayout = to,
        .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .image = image->image,
        .subresourceRange = {image->aspect, 0, image->levels, 0, image->layers},
    };

    vkCmdPipelineBarrier(cmd, all, all, 0, 0, NULL, 0, NULL, 1, &barrier);
}

/* ---- shaders and compute ---- */

VkShaderModule prog_shader(struct prog *p, const uint32_t *code, size_t size)
{
    VkShaderModuleCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = size,
        .pCode = code,
    };
    VkShaderModule module;

    CHECK(vkCreateShaderModule(p->device, &info, NULL, &module));
    return module;
}

static void create_compute_layout(struct prog *p, struct prog_compute *c, uint32_t buffers,
                                  uint32_t push_size)
{
    VkDescriptorSetLayoutBinding bindings[8];
    VkDescriptorSetLayoutCreateInfo set = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = buffers,
        .pBindings = bindings,
    };
    VkPushConstantRange range = {VK_SHADER_STAGE_COMPUTE_BIT, 0, push_size};
    VkPipelineLayoutCreateInfo layout = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &c->set_layout,
        .pushConstantRangeCount = push_size ? 1 : 0,
        .pPushConstantRanges = push_size ? &range : NULL,
    };

    if (buffers > PROG_ARRAY_SIZE(bindings))
        DIE("too many buffers: %u", buffers);
    for (uint32_t i = 0; i < buffers; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    CHECK(vkCreateDescriptorSetLayout(p->device, &set, NULL, &c->set_layout));
    CHECK(vkCreatePipelineLayout(p->device, &layout, NULL, &c->layout));
}

static void create_compute_set(struct prog *p, struct prog_compute *c, uint32_t buffers)
{
    VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, buffers ? buffers : 1};
    VkDescriptorPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = 1,
        .poolSizeCount = 1,
        .pPoolSizes = &size,
    };
    VkDescriptorSetAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorSetCount = 1,
        .pSetLayouts = &c->set_layout,
    };

    CHECK(vkCreateDescriptorPool(p->device, &pool, NULL, &c->pool));
    allocate.descriptorPool = c->pool;
    CHECK(vkAllocateDescriptorSets(p->device, &allocate, &c->set));
}

void prog_compute_create(struct prog *p, struct prog_compute *c, const uint32_t *code,
                         size_t code_size, uint32_t buffers, uint32_t push_size,
                         const VkSpecializationInfo *specialization)
{
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage =
            {
                .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .pName = "main",
                .pSpecializationInfo = specialization,
            },
    };

    *c = (struct prog_compute){0};
    create_compute_layout(p, c, buffers, push_size);
    create_compute_set(p, c, buffers);
    info.layout = c->layout;
    info.stage.module = prog_shader(p, code, code_size);
    CHECK(vkCreateComputePipelines(p->device, VK_NULL_HANDLE, 1, &info, NULL, &c->pipeline));
    vkDestroyShaderModule(p->device, info.stage.module, NULL);
}

void prog_compute_destroy(struct prog *p, struct prog_compute *c)
{
    vkDestroyPipeline(p->device, c->pipeline, NULL);
    vkDestroyPipelineLayout(p->device, c->layout, NULL);
    vkDestroyDescriptorPool(p->device, c->pool, NULL);
    vkDestroyDescriptorSetLayout(p->device, c->set_layout, NULL);
    *c = (struct prog_compute){0};
}

void prog_compute_buffer(struct prog *p, struct prog_compute *c, uint32_t binding,
                         const struct prog_buffer *b)
{
    VkDescriptorBufferInfo info = {b->buffer, 0, VK_WHOLE_SIZE};
    VkWriteDescriptorSet write = {
        .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
        .dstSet = c->set,
        .dstBinding = binding,
        .descriptorCount = 1,
        .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
        .pBufferInfo = &info,
    };

    vkUpdateDescriptorSets(p->device, 1, &write, 0, NULL);
}

void prog_compute_bind(VkCommandBuffer cmd, const struct prog_compute *c)
{
    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, c->pipeline);
    vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, c->layout, 0, 1, &c->set, 0, NULL);
}
