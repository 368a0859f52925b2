/* SPDX-License-Identifier: MIT */
/* Images that are uploaded, copied, blitted and sampled: modes, levels, layers, cubes, volumes. */
#include <math.h>

#include "common.h"

#include "shaders/array.comp.h"
#include "shaders/sample.comp.h"
#include "shaders/shadow.comp.h"

#define OUT 32u /* samples in each direction */

static const VkImageUsageFlags image_usage =
    VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;

struct push {
    float origin[2], scale[2], lod, pad;
    uint32_t size[2];
};

/* A pipeline with `images` combined image samplers and then one storage buffer. */
struct sampling {
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    VkDescriptorPool pool;
    VkDescriptorSet set;
    struct prog_buffer out;
    uint32_t images;
};

static void create_sampling(struct prog *p, struct sampling *s, const uint32_t *code, size_t size,
                            uint32_t images, VkDeviceSize out_size)
{
    VkDescriptorSetLayoutBinding bindings[4];
    VkDescriptorSetLayoutCreateInfo set_info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = images + 1,
        .pBindings = bindings,
    };
    VkPushConstantRange range = {VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(struct push)};
    VkPipelineLayoutCreateInfo layout_info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &s->set_layout,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &range,
    };
    const VkDescriptorPoolSize sizes[2] = {
        {VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, images},
        {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1},
    };
    VkDescriptorPoolCreateInfo pool_info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = 1,
        .poolSizeCount = 2,
        .pPoolSizes = sizes,
    };
    VkDescriptorSetAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorSetCount = 1,
        .pSetLayouts = &s->set_layout,
    };
    VkComputePipelineCreateInfo pipeline = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage =
            {
                .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = prog_shader(p, code, size),
                .pName = "main",
            },
    };
    VkDescriptorBufferInfo buffer = {.range = VK_WHOLE_SIZE};
    VkWriteDescriptorSet write = {
        .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
        .dstBinding = images,
        .descriptorCount = 1,
        .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
        .pBufferInfo = &buffer,
    };

    for (uint32_t i = 0; i <= images; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType = i < images ? VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER
                                         : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    s->images = images;
    CHECK(vkCreateDescriptorSetLayout(p->device, &set_info, NULL, &s->set_layout));
    CHECK(vkCreatePipelineLayout(p->device, &layout_info, NULL, &s->layout));
    pipeline.layout = s->layout;
    CHECK(vkCreateComputePipelines(p->device, VK_NULL_HANDLE, 1, &pipeline, NULL, &s->pipeline));
    vkDestroyShaderModule(p->device, pipeline.stage.module, NULL);
    CHECK(vkCreateDescriptorPool(p->device, &pool_info, NULL, &s->pool));
    allocate.descriptorPool = s->pool;
    CHECK(vkAllocateDescriptorSets(p->device, &allocate, &s->set));
    prog_buffer_create(p, &s->out, out_size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, PROG_HOST);
    buffer.buffer = s->out.buffer;
    write.dstSet = s->set;
    vkUpdateDescriptorSets(p->device, 1, &write, 0, NULL);
}

static void destroy_sampling(struct prog *p, struct sampling *s)
{
    prog_buffer_destroy(p, &s->out);
    vkDestroyDescriptorPool(p->device, s->pool, NULL);
    vkDestroyPipeline(p->device, s->pipeline, NULL);
    vkDestroyPipelineLayout(p->device, s->layout, NULL);
    vkDestroyDescriptorSetLayout(p->device, s->set_layout, NULL);
}

static void set_image(struct prog *p, struct sampling *s, uint32_t binding, VkSampler sampler,
                      VkImageView view)
{
    VkDescriptorImageInfo info = {sampler, view, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL};
    VkWriteDescriptorSet write = {
        .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
        .dstSet = s->set,
        .dstBinding = binding,
        .descriptorCount = 1,
        .descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
        .pImageInfo = &info,
    };

    vkUpdateDescriptorSets(p->device, 1, &write, 0, NULL);
}

static void sample(struct prog *p, struct sampling *s, const struct push *push, uint32_t x,
                   uint32_t y, uint32_t z)
{
    VkCommandBuffer cmd = prog_begin(p);

    vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, s->pipeline);
    vkCmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, s->layout, 0, 1, &s->set, 0, NULL);
    vkCmdPushConstants(cmd, s->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(*push), push);
    vkCmdDispatch(cmd, x, y, z);
    prog_barrier(cmd);
    prog_end(p, cmd);
}

static VkSamplerCreateInfo plain_sampler(void)
{
    return (VkSamplerCreateInfo){
        .sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
        .magFilter = VK_FILTER_LINEAR,
        .minFilter = VK_FILTER_LINEAR,
        .mipmapMode = VK_SAMPLER_MIPMAP_MODE_LINEAR,
        .maxLod = VK_LOD_CLAMP_NONE,
    };
}

/* Random texels into layer 0.. of level 0; the image is left in TRANSFER_DST_OPTIMAL. */
static void upload(struct prog *p, const struct prog_image *image, uint32_t texel_size,
                   uint32_t seed)
{
    const VkDeviceSize size = (VkDeviceSize)image->extent.width * image->extent.height *
                              image->extent.depth * image->layers * texel_size;
    VkBufferImageCopy region = {
        .imageSubresource = {image->aspect, 0, 0, image->layers},
        .imageExtent = image->extent,
    };
    struct prog_buffer from;
    VkCommandBuffer cmd = prog_begin(p);

    prog_buffer_create(p, &from, size, VK_BUFFER_USAGE_TRANSFER_SRC_BIT, PROG_HOST);
    for (VkDeviceSize i = 0; i < size; i++)
        ((uint8_t *)from.map)[i] = (uint8_t)prog_random(&seed);
    prog_image_layout(cmd, image, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    vkCmdCopyBufferToImage(cmd, from.buffer, image->image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1,
                           &region);
    prog_end(p, cmd);
    prog_buffer_destroy(p, &from);
}

static void make_readable(struct prog *p, const struct prog_image *image)
{
    VkCommandBuffer cmd = prog_begin(p);

    prog_image_layout(cmd, image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                      VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    prog_end(p, cmd);
}

/* Each level from the one above, by linear blits; all levels stay in TRANSFER_DST_OPTIMAL. */
static void make_levels(struct prog *p, const struct prog_image *image)
{
    VkImageMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_TRANSFER_READ_BIT,
        .dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_TRANSFER_READ_BIT,
        .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .image = image->image,
    };
    const VkPipelineStageFlags transfer = VK_PIPELINE_STAGE_TRANSFER_BIT;
    VkCommandBuffer cmd = prog_begin(p);

    for (uint32_t level = 1; level < image->levels; level++) {
        int32_t w = (int32_t)image->extent.width, h = (int32_t)image->extent.height;
        VkImageBlit blit = {
            .srcSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, level - 1, 0, image->layers},
            .dstSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, level, 0, image->layers},
        };

        blit.srcOffsets[1] = (VkOffset3D){w >> (level - 1) ? w >> (level - 1) : 1,
                                          h >> (level - 1) ? h >> (level - 1) : 1, 1};
        blit.dstOffsets[1] =
            (VkOffset3D){w >> level ? w >> level : 1, h >> level ? h >> level : 1, 1};
        barrier.subresourceRange =
            (VkImageSubresourceRange){VK_IMAGE_ASPECT_COLOR_BIT, level - 1, 1, 0, image->layers};
        barrier.oldLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
        barrier.newLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
        vkCmdPipelineBarrier(cmd, transfer, transfer, 0, 0, NULL, 0, NULL, 1, &barrier);
        vkCmdBlitImage(cmd, image->image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, image->image,
                       VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &blit, VK_FILTER_LINEAR);
        barrier.oldLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
        barrier.newLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
        vkCmdPipelineBarrier(cmd, transfer, transfer, 0, 0, NULL, 0, NULL, 1, &barrier);
    }
    prog_end(p, cmd);
}

static void create_2d_levels(struct prog *p, struct prog_image *image, VkFormat format,
                             uint32_t width, uint32_t height, uint32_t levels)
{
    VkImageCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = format,
        .extent = {width, height, 1},
        .mipLevels = levels,
        .arrayLayers = 1,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .usage = image_usage,
    };

    prog_image_create(p, image, &info, VK_IMAGE_VIEW_TYPE_2D);
}

/* Filters, address modes, border colours, levels of detail. */
static void run_modes(struct prog *p)
{
    static const struct {
        const char *name;
        VkFilter filter;
        VkSamplerMipmapMode mipmap;
        VkSamplerAddressMode address;
        VkBorderColor border;
        float lod, bias;
    } modes[] = {
        {"nearest-repeat", VK_FILTER_NEAREST, VK_SAMPLER_MIPMAP_MODE_NEAREST,
         VK_SAMPLER_ADDRESS_MODE_REPEAT, VK_BORDER_COLOR_FLOAT_TRANSPARENT_BLACK, 0, 0},
        {"linear-repeat", VK_FILTER_LINEAR, VK_SAMPLER_MIPMAP_MODE_NEAREST,
         VK_SAMPLER_ADDRESS_MODE_REPEAT, VK_BORDER_COLOR_FLOAT_TRANSPARENT_BLACK, 0, 0},
        {"linear-mirror", VK_FILTER_LINEAR, VK_SAMPLER_MIPMAP_MODE_NEAREST,
         VK_SAMPLER_ADDRESS_MODE_MIRRORED_REPEAT, VK_BORDER_COLOR_FLOAT_TRANSPARENT_BLACK, 0, 0},
        {"linear-edge", VK_FILTER_LINEAR, VK_SAMPLER_MIPMAP_MODE_NEAREST,
         VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE, VK_BORDER_COLOR_FLOAT_TRANSPARENT_BLACK, 0, 0},
        {"linear-border-transparent", VK_FILTER_LINEAR, VK_SAMPLER_MIPMAP_MODE_NEAREST,
         VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER, VK_BORDER_COLOR_FLOAT_TRANSPARENT_BLACK, 0, 0},
        {"linear-border-black", VK_FILTER_LINEAR, VK_SAMPLER_MIPMAP_MODE_NEAREST,
         VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER, VK_BORDER_COLOR_FLOAT_OPAQUE_BLACK, 0, 0},
        {"nearest-border-white", VK_FILTER_NEAREST, VK_SAMPLER_MIPMAP_MODE_NEAREST,
         VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER, VK_BORDER_COLOR_FLOAT_OPAQUE_WHITE, 0, 0},
        {"trilinear", VK_FILTER_LINEAR, VK_SAMPLER_MIPMAP_MODE_LINEAR,
         VK_SAMPLER_ADDRESS_MODE_REPEAT, VK_BORDER_COLOR_FLOAT_TRANSPARENT_BLACK, 1.375f, 0},
        {"smallest-level", VK_FILTER_NEAREST, VK_SAMPLER_MIPMAP_MODE_NEAREST,
         VK_SAMPLER_ADDRESS_MODE_REPEAT, VK_BORDER_COLOR_FLOAT_TRANSPARENT_BLACK, 9, 0},
        {"bias", VK_FILTER_LINEAR, VK_SAMPLER_MIPMAP_MODE_LINEAR, VK_SAMPLER_ADDRESS_MODE_REPEAT,
         VK_BORDER_COLOR_FLOAT_TRANSPARENT_BLACK, 0.5f, 1.0f},
    };
    struct push push = {{-1, -1}, {3.0f / OUT, 3.0f / OUT}, 0, 0, {OUT, OUT}};
    struct prog_image image;
    struct sampling s;

    create_sampling(p, &s, sample_comp, sizeof(sample_comp), 1, OUT * OUT * 16);
    create_2d_levels(p, &image, VK_FORMAT_R8G8B8A8_UNORM, 48, 20, 6);
    upload(p, &image, 4, 11);
    make_levels(p, &image);
    make_readable(p, &image);
    for (size_t i = 0; i < PROG_ARRAY_SIZE(modes); i++) {
        VkSamplerCreateInfo info = plain_sampler();
        VkSampler sampler;

        info.magFilter = info.minFilter = modes[i].filter;
        info.mipmapMode = modes[i].mipmap;
        info.addressModeU = info.addressModeV = info.addressModeW = modes[i].address;
        info.borderColor = modes[i].border;
        info.mipLodBias = modes[i].bias;
        CHECK(vkCreateSampler(p->device, &info, NULL, &sampler));
        set_image(p, &s, 0, sampler, image.view);
        push.lod = modes[i].lod;
        sample(p, &s, &push, OUT / 8, OUT / 8, 1);
        prog_hash("modes", modes[i].name, s.out.map, OUT * OUT * 16);
        vkDestroySampler(p->device, sampler, NULL);
    }
    prog_image_destroy(p, &image);
    destroy_sampling(p, &s);
}

static void run_custom_border(struct prog *p)
{
    VkSamplerCustomBorderColorCreateInfoEXT border = {
        .sType = VK_STRUCTURE_TYPE_SAMPLER_CUSTOM_BORDER_COLOR_CREATE_INFO_EXT,
        .customBorderColor.float32 = {0.125f, 0.25f, 0.375f, 0.5f},
    };
    struct push push = {{-1, -1}, {3.0f / OUT, 3.0f / OUT}, 0, 0, {OUT, OUT}};
    VkSamplerCreateInfo info = plain_sampler();
    VkSampler sampler;
    struct prog_image image;
    struct sampling s;

    if (!p->has.custom_border) {
        prog_skip_part("custom-border", "needs VK_EXT_custom_border_color");
        return;
    }
    info.pNext = &border;
    info.addressModeU = info.addressModeV = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_BORDER;
    info.borderColor = VK_BORDER_COLOR_FLOAT_CUSTOM_EXT;
    CHECK(vkCreateSampler(p->device, &info, NULL, &sampler));
    create_sampling(p, &s, sample_comp, sizeof(sample_comp), 1, OUT * OUT * 16);
    create_2d_levels(p, &image, VK_FORMAT_R8G8B8A8_UNORM, 8, 8, 1);
    upload(p, &image, 4, 5);
    make_readable(p, &image);
    set_image(p, &s, 0, sampler, image.view);
    sample(p, &s, &push, OUT / 8, OUT / 8, 1);
    /* A driver may keep the colour in the precision of the texture. */
    for (uint32_t i = 0; i < 4; i++) {
        const float got = ((const float *)s.out.map)[i];
        const float wanted = border.customBorderColor.float32[i];
        EXPECT(fabsf(got - wanted) <= 1.0f / 255, "custom-border: component %u is %g, not %g", i,
               (double)got, (double)wanted);
    }
    prog_hash("custom-border", "data", s.out.map, OUT * OUT * 16);
    vkDestroySampler(p->device, sampler, NULL);
    prog_image_destroy(p, &image);
    destroy_sampling(p, &s);
}

/* An array with two levels, a cube and a volume in one shader; a view with swizzles. */
static void run_shapes(struct prog *p)
{
    static const VkImageViewType views[3] = {VK_IMAGE_VIEW_TYPE_2D_ARRAY, VK_IMAGE_VIEW_TYPE_CUBE,
                                             VK_IMAGE_VIEW_TYPE_3D};
    VkImageCreateInfo infos[3];
    VkImageViewCreateInfo swizzled = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
        .viewType = VK_IMAGE_VIEW_TYPE_2D_ARRAY,
        .format = VK_FORMAT_R8G8B8A8_SRGB,
        .components = {VK_COMPONENT_SWIZZLE_B, VK_COMPONENT_SWIZZLE_ONE, VK_COMPONENT_SWIZZLE_R,
                       VK_COMPONENT_SWIZZLE_ZERO},
        .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 1, 1, 1, 4},
    };
    VkSamplerCreateInfo sampler_info = plain_sampler();
    const uint32_t size = 16 * 16 * 6 * 3 * 16;
    struct push push = {0};
    struct prog_image images[3];
    struct sampling s;
    VkImageView swizzled_view;
    VkSampler sampler;

    for (uint32_t i = 0; i < 3; i++) {
        infos[i] = (VkImageCreateInfo){
            .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
            .flags = i == 0   ? VK_IMAGE_CREATE_MUTABLE_FORMAT_BIT
                     : i == 1 ? VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT
                              : 0,
            .imageType = i < 2 ? VK_IMAGE_TYPE_2D : VK_IMAGE_TYPE_3D,
            .format = VK_FORMAT_R8G8B8A8_UNORM,
            .extent = {16, 16, i < 2 ? 1 : 16},
            .mipLevels = i == 0 ? 2 : 1,
            .arrayLayers = i < 2 ? 6 : 1,
            .samples = VK_SAMPLE_COUNT_1_BIT,
            .usage = image_usage,
        };
        prog_image_create(p, &images[i], &infos[i], views[i]);
        upload(p, &images[i], 4, 100 + i);
        make_levels(p, &images[i]);
        make_readable(p, &images[i]);
    }
    CHECK(vkCreateSampler(p->device, &sampler_info, NULL, &sampler));
    create_sampling(p, &s, array_comp, sizeof(array_comp), 3, size);
    for (uint32_t i = 0; i < 3; i++)
        set_image(p, &s, i, sampler, images[i].view);
    sample(p, &s, &push, 2, 2, 6);
    prog_hash("shapes", "plain", s.out.map, size);

    swizzled.image = images[0].image;
    CHECK(vkCreateImageView(p->device, &swizzled, NULL, &swizzled_view));
    set_image(p, &s, 0, sampler, swizzled_view);
    sample(p, &s, &push, 2, 2, 6);
    prog_hash("shapes", "swizzled-srgb", s.out.map, size);

    vkDestroyImageView(p->device, swizzled_view, NULL);
    vkDestroySampler(p->device, sampler, NULL);
    destroy_sampling(p, &s);
    for (uint32_t i = 0; i < 3; i++)
        prog_image_destroy(p, &images[i]);
}

static void run_shadow(struct prog *p)
{
    VkSamplerCreateInfo info = plain_sampler();
    struct push push = {0};
    struct prog_image image;
    struct sampling s;
    VkSampler sampler;

    info.compareEnable = VK_TRUE;
    info.compareOp = VK_COMPARE_OP_LESS_OR_EQUAL;
    info.magFilter = info.minFilter = VK_FILTER_NEAREST;
    CHECK(vkCreateSampler(p->device, &info, NULL, &sampler));
    create_sampling(p, &s, shadow_comp, sizeof(shadow_comp), 1, OUT * OUT * 16);
    create_2d_levels(p, &image, VK_FORMAT_D16_UNORM, 32, 32, 1);
    upload(p, &image, 2, 3);
    make_readable(p, &image);
    set_image(p, &s, 0, sampler, image.view);
    sample(p, &s, &push, OUT / 8, OUT / 8, 1);
    prog_hash("shadow", "data", s.out.map, OUT * OUT * 16);
    vkDestroySampler(p->device, sampler, NULL);
    prog_image_destroy(p, &image);
    destroy_sampling(p, &s);
}

/* ---- formats: upload, copy, blit, sample ---- */

#define F(name, size)                                                                              \
    {                                                                                              \
#name, VK_FORMAT_##name, size                                                              \
    }
static const struct {
    const char *name;
    VkFormat format;
    uint32_t size; /* bytes of a texel, or of a block of 4 by 4 */
} formats[] = {
    F(R8_UNORM, 1),
    F(R8_SNORM, 1),
    F(R8_UINT, 1),
    F(R8_SINT, 1),
    F(R8G8_UNORM, 2),
    F(R8G8_SNORM, 2),
    F(R8G8_UINT, 2),
    F(R8G8B8A8_UNORM, 4),
    F(R8G8B8A8_SNORM, 4),
    F(R8G8B8A8_UINT, 4),
    F(R8G8B8A8_SINT, 4),
    F(R8G8B8A8_SRGB, 4),
    F(B8G8R8A8_UNORM, 4),
    F(B8G8R8A8_SRGB, 4),
    F(A8B8G8R8_UNORM_PACK32, 4),
    F(A2B10G10R10_UNORM_PACK32, 4),
    F(A2B10G10R10_UINT_PACK32, 4),
    F(A2R10G10B10_UNORM_PACK32, 4),
    F(R5G6B5_UNORM_PACK16, 2),
    F(B5G6R5_UNORM_PACK16, 2),
    F(A1R5G5B5_UNORM_PACK16, 2),
    F(R4G4B4A4_UNORM_PACK16, 2),
    F(B4G4R4A4_UNORM_PACK16, 2),
    F(R16_UNORM, 2),
    F(R16_SNORM, 2),
    F(R16_UINT, 2),
    F(R16G16_UNORM, 4),
    F(R16G16B16A16_UNORM, 8),
    F(R16G16B16A16_SNORM, 8),
    F(R16G16B16A16_UINT, 8),
    F(R32_UINT, 4),
    F(R32_SINT, 4),
    F(R32G32_UINT, 8),
    F(R32G32B32A32_UINT, 16),
    F(R32G32B32A32_SINT, 16),
    F(E5B9G9R9_UFLOAT_PACK32, 4),
    F(BC1_RGBA_UNORM_BLOCK, 8),
    F(BC3_UNORM_BLOCK, 16),
    F(BC4_UNORM_BLOCK, 8),
    F(BC5_SNORM_BLOCK, 16),
    F(BC7_UNORM_BLOCK, 16),
    F(ETC2_R8G8B8_UNORM_BLOCK, 8),
    F(ASTC_4x4_UNORM_BLOCK, 16),
};
#undef F

static bool is_block(VkFormat format)
{
    return format >= VK_FORMAT_BC1_RGB_UNORM_BLOCK && format <= VK_FORMAT_ASTC_12x12_SRGB_BLOCK;
}

static bool is_integer(const char *name)
{
    return strstr(name, "_UINT") || strstr(name, "_SINT");
}

/* Reads all of level 0 of an image in TRANSFER_SRC_OPTIMAL and adds it to the hash. */
static uint64_t read_hash(struct prog *p, const struct prog_image *image, VkDeviceSize size)
{
    VkBufferImageCopy region = {
        .imageSubresource = {image->aspect, 0, 0, 1},
        .imageExtent = image->extent,
    };
    struct prog_buffer to;
    VkCommandBuffer cmd = prog_begin(p);
    uint64_t hash;

    prog_buffer_create(p, &to, size, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_HOST);
    vkCmdCopyImageToBuffer(cmd, image->image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, to.buffer, 1,
                           &region);
    prog_barrier(cmd);
    prog_end(p, cmd);
    hash = prog_fnv(to.map, size);
    prog_buffer_destroy(p, &to);
    return hash;
}

static void run_format(struct prog *p, struct sampling *s, VkSampler sampler, size_t index)
{
    const VkFormat format = formats[index].format;
    const bool block = is_block(format);
    const uint32_t divide = block ? 4 : 1;
    const VkDeviceSize size = (64 / divide) * (32 / divide) * formats[index].size;
    const struct push push = {{0, 0}, {1.0f / OUT, 1.0f / OUT}, 0, 0, {OUT, OUT}};
    const VkImageSubresourceLayers layers = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
    VkImageCopy copy = {layers, {8, 8, 0}, layers, {40, 4, 0}, {16, 20, 1}};
    VkImageBlit blit = {layers, {{0, 0, 0}, {64, 32, 1}}, layers, {{50, 30, 0}, {10, 3, 1}}};
    VkFormatProperties properties;
    VkFormatFeatureFlags features;
    struct prog_image a, b;
    struct prog_buffer from;
    VkBufferImageCopy region = {.imageSubresource = layers, .imageExtent = {64, 32, 1}};
    uint32_t seed = (uint32_t)index;
    VkCommandBuffer cmd;
    char name[96];

    vkGetPhysicalDeviceFormatProperties(p->physical, format, &properties);
    features = properties.optimalTilingFeatures;
    snprintf(name, sizeof(name), "%s", formats[index].name);
    if (!(features & VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT)) {
        prog_print("formats", name, "not supported");
        return;
    }
    prog_image_create_2d(p, &a, format, 64, 32, image_usage);
    prog_image_create_2d(p, &b, format, 64, 32, image_usage);
    prog_buffer_create(p, &from, size, VK_BUFFER_USAGE_TRANSFER_SRC_BIT, PROG_HOST);
    for (VkDeviceSize i = 0; i < size; i++)
        ((uint8_t *)from.map)[i] = (uint8_t)prog_random(&seed);
    cmd = prog_begin(p);
    prog_image_layout(cmd, &a, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    prog_image_layout(cmd, &b, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    vkCmdCopyBufferToImage(cmd, from.buffer, a.image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1,
                           &region);
    vkCmdCopyBufferToImage(cmd, from.buffer, b.image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1,
                           &region);
    prog_image_layout(cmd, &a, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                      VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
    vkCmdCopyImage(cmd, a.image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, b.image,
                   VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &copy);
    prog_image_layout(cmd, &b, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                      VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
    prog_end(p, cmd);
    prog_print("formats", name, "upload 0x%016llx, copy 0x%016llx",
               (unsigned long long)read_hash(p, &a, size),
               (unsigned long long)read_hash(p, &b, size));

    if ((features & VK_FORMAT_FEATURE_BLIT_SRC_BIT) &&
        (features & VK_FORMAT_FEATURE_BLIT_DST_BIT)) {
        bool linear =
            (features & VK_FORMAT_FEATURE_SAMPLED_IMAGE_FILTER_LINEAR_BIT) && !is_integer(name);

        cmd = prog_begin(p);
        prog_image_layout(cmd, &b, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                          VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
        vkCmdBlitImage(cmd, a.image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, b.image,
                       VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &blit,
                       linear ? VK_FILTER_LINEAR : VK_FILTER_NEAREST);
        prog_image_layout(cmd, &b, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                          VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
        prog_end(p, cmd);
        prog_print("blits", name, "0x%016llx", (unsigned long long)read_hash(p, &b, size));
    }
    if (!is_integer(name)) {
        cmd = prog_begin(p);
        prog_image_layout(cmd, &a, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                          VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
        prog_end(p, cmd);
        set_image(p, s, 0, sampler, a.view);
        sample(p, s, &push, OUT / 8, OUT / 8, 1);
        prog_hash("samples", name, s->out.map, OUT * OUT * 16);
    }
    prog_buffer_destroy(p, &from);
    prog_image_destroy(p, &a);
    prog_image_destroy(p, &b);
}

static void run_formats(struct prog *p)
{
    VkSamplerCreateInfo info = plain_sampler();
    struct sampling s;
    VkSampler sampler;

    info.magFilter = info.minFilter = VK_FILTER_NEAREST;
    info.mipmapMode = VK_SAMPLER_MIPMAP_MODE_NEAREST;
    CHECK(vkCreateSampler(p->device, &info, NULL, &sampler));
    create_sampling(p, &s, sample_comp, sizeof(sample_comp), 1, OUT * OUT * 16);
    for (size_t i = 0; i < PROG_ARRAY_SIZE(formats); i++)
        run_format(p, &s, sampler, i);
    vkDestroySampler(p->device, sampler, NULL);
    destroy_sampling(p, &s);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "textures",
        .summary = "Uploads, copies, blits and samples images of many formats and shapes.",
    };
    struct prog p;

    prog_init(&p, argc, argv, &about);
    run_modes(&p);
    run_custom_border(&p);
    run_shapes(&p);
    run_shadow(&p);
    run_formats(&p);
    return prog_finish(&p);
}
