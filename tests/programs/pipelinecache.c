/* SPDX-License-Identifier: MIT */
/* Pipeline caches: getting their data, starting from it, merging, short buffers. */
#include "common.h"

#include "shaders/float.comp.h"
#include "shaders/int.comp.h"
#include "shaders/spec.comp.h"

static VkPipelineCache create_cache(struct prog *p, const void *data, size_t size)
{
    VkPipelineCacheCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
        .initialDataSize = size,
        .pInitialData = data,
    };
    VkPipelineCache cache;

    CHECK(vkCreatePipelineCache(p->device, &info, NULL, &cache));
    return cache;
}

/* Creates one compute pipeline through @p cache and destroys it. */
static VkResult compile(struct prog *p, const struct prog_compute *c, VkPipelineCache cache,
                        const uint32_t *code, size_t size, VkPipelineCreateFlags flags)
{
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .flags = flags,
        .stage =
            {
                .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = prog_shader(p, code, size),
                .pName = "main",
            },
        .layout = c->layout,
    };
    VkPipeline pipeline = VK_NULL_HANDLE;
    VkResult result = vkCreateComputePipelines(p->device, cache, 1, &info, NULL, &pipeline);

    EXPECT((result == VK_SUCCESS) == (pipeline != VK_NULL_HANDLE), "result %d with%s a pipeline",
           (int)result, pipeline ? "" : "out");
    vkDestroyPipeline(p->device, pipeline, NULL);
    vkDestroyShaderModule(p->device, info.stage.module, NULL);
    return result;
}

/* All data of a cache; to be freed. */
static void *get_data(struct prog *p, VkPipelineCache cache, size_t *size)
{
    void *data;

    CHECK(vkGetPipelineCacheData(p->device, cache, size, NULL));
    data = malloc(*size + 1);
    CHECK(vkGetPipelineCacheData(p->device, cache, size, data));
    return data;
}

/*
 * The header's layout is fixed by the specification, but lavapipe 26.2 gives 20 bytes only; Mesa's
 * Venus puts a header of its own in front.  So sizes are no results to compare.
 */
static void check_header(struct prog *p, const char *part, const void *data, size_t size)
{
    VkPipelineCacheHeaderVersionOne header;

    if (size < sizeof(header)) {
        fprintf(stderr, "%s: only %zu bytes, no whole header\n", part, size);
        return;
    }
    memcpy(&header, data, sizeof(header));
    EXPECT(header.headerVersion == VK_PIPELINE_CACHE_HEADER_VERSION_ONE, "%s: version %d", part,
           (int)header.headerVersion);
    EXPECT(header.headerSize >= sizeof(header), "%s: header size %u", part, header.headerSize);
    EXPECT(header.vendorID == p->properties.vendorID, "%s: vendor 0x%x", part, header.vendorID);
    EXPECT(header.deviceID == p->properties.deviceID, "%s: device 0x%x", part, header.deviceID);
    EXPECT(memcmp(header.pipelineCacheUUID, p->properties.pipelineCacheUUID, VK_UUID_SIZE) == 0,
           "%s: wrong UUID", part);
}

static void run_data(struct prog *p, const struct prog_compute *c)
{
    VkPipelineCache cache = create_cache(p, NULL, 0), again;
    size_t empty_size, size, again_size, short_size;
    void *empty = get_data(p, cache, &empty_size), *data, *again_data;
    uint8_t small[8];

    check_header(p, "empty", empty, empty_size);
    CHECK(compile(p, c, cache, float_comp, sizeof(float_comp), 0));
    CHECK(compile(p, c, cache, int_comp, sizeof(int_comp), 0));
    CHECK(compile(p, c, cache, spec_comp, sizeof(spec_comp), 0));
    data = get_data(p, cache, &size);
    check_header(p, "filled", data, size);
    EXPECT(size >= empty_size, "the filled cache is smaller than the empty one");

    /* Too short a buffer: nothing but what fits, never beyond. */
    memset(small, 0xaa, sizeof(small));
    short_size = 4;
    CHECK_RESULT(vkGetPipelineCacheData(p->device, cache, &short_size, small), VK_INCOMPLETE);
    EXPECT(small[4] == 0xaa, "written beyond the buffer");
    prog_print("filled", "short-size", "%zu", short_size);

    again = create_cache(p, data, size);
    again_data = get_data(p, again, &again_size);
    check_header(p, "recreated", again_data, again_size);
    CHECK(compile(p, c, again, float_comp, sizeof(float_comp), 0));
    vkDestroyPipelineCache(p->device, again, NULL);
    vkDestroyPipelineCache(p->device, cache, NULL);

    /* Data that is not from here must be ignored. */
    if (again_size >= 16)
        memset((char *)again_data + 16, 0x5a, again_size - 16 < 16 ? again_size - 16 : 16);
    again = create_cache(p, again_data, again_size);
    CHECK(compile(p, c, again, int_comp, sizeof(int_comp), 0));
    vkDestroyPipelineCache(p->device, again, NULL);
    prog_print("foreign", "accepted", "yes");
    free(empty);
    free(data);
    free(again_data);
}

static void run_merge(struct prog *p, const struct prog_compute *c)
{
    VkPipelineCache caches[3];
    size_t size;
    void *data;

    for (uint32_t i = 0; i < 3; i++)
        caches[i] = create_cache(p, NULL, 0);
    CHECK(compile(p, c, caches[1], float_comp, sizeof(float_comp), 0));
    CHECK(compile(p, c, caches[2], int_comp, sizeof(int_comp), 0));
    CHECK(vkMergePipelineCaches(p->device, caches[0], 2, &caches[1]));
    data = get_data(p, caches[0], &size);
    check_header(p, "merged", data, size);
    prog_print("merged", "size", "%s", size > 0 ? "not zero" : "zero");
    free(data);
    CHECK(compile(p, c, caches[0], float_comp, sizeof(float_comp), 0));
    for (uint32_t i = 0; i < 3; i++)
        vkDestroyPipelineCache(p->device, caches[i], NULL);
}

/* Creation that may only take a pipeline from the cache, and may fail without it. */
static void run_control(struct prog *p, const struct prog_compute *c)
{
    const VkPipelineCreateFlags flag = VK_PIPELINE_CREATE_FAIL_ON_PIPELINE_COMPILE_REQUIRED_BIT;
    VkPipelineCache cache;
    VkResult result;

    if (!p->has.cache_control) {
        prog_skip_part("control", "needs pipelineCreationCacheControl");
        return;
    }
    cache = create_cache(p, NULL, 0);
    result = compile(p, c, cache, float_comp, sizeof(float_comp), flag);
    EXPECT(result == VK_SUCCESS || result == VK_PIPELINE_COMPILE_REQUIRED, "control gave %d",
           (int)result);
    CHECK(compile(p, c, cache, float_comp, sizeof(float_comp), 0));
    prog_print("control", "done", "yes");
    vkDestroyPipelineCache(p->device, cache, NULL);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "pipelinecache",
        .summary = "Fills, reads, recreates and merges pipeline caches.",
    };
    struct prog p;
    struct prog_compute c;

    prog_init(&p, argc, argv, &about);
    /* Its layout fits all three shaders: two buffers and 12 bytes of push constants. */
    prog_compute_create(&p, &c, float_comp, sizeof(float_comp), 2, 12, NULL);
    run_data(&p, &c);
    run_merge(&p, &c);
    run_control(&p, &c);
    prog_compute_destroy(&p, &c);
    return prog_finish(&p);
}
