/* SPDX-License-Identifier: MIT */
/* Makes and frees memory and objects of many sizes and kinds, again and again. */
#include "draw.h"

#include "shaders/step.comp.h"

#define LIVE 24u

struct block {
    VkDeviceMemory memory;
    VkDeviceSize size;
    uint32_t seed;
    uint32_t *map;
};

static uint32_t host_type(struct prog *p)
{
    return prog_memory_type(p, UINT32_MAX, PROG_HOST);
}

static uint32_t device_type(struct prog *p)
{
    return prog_memory_type(p, UINT32_MAX, PROG_DEVICE);
}

static VkDeviceMemory allocate(struct prog *p, VkDeviceSize size, uint32_t type)
{
    VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = size,
        .memoryTypeIndex = type,
    };
    VkDeviceMemory memory;

    CHECK(vkAllocateMemory(p->device, &info, NULL, &memory));
    return memory;
}

/* Writes a word into each page and into the last word. */
static void scribble(struct block *b)
{
    size_t words = b->size / 4;
    uint32_t state = b->seed;

    for (size_t i = 0; i < words; i += 1024)
        b->map[i] = prog_random(&state);
    b->map[words - 1] = b->seed;
}

static void check_block(const struct block *b)
{
    size_t words = b->size / 4;
    uint32_t state = b->seed, wrong = 0;

    for (size_t i = 0; i < words; i += 1024) {
        uint32_t wanted = prog_random(&state);

        if (i != words - 1)
            wrong += b->map[i] != wanted;
    }
    wrong += b->map[words - 1] != b->seed;
    EXPECT(wrong == 0, "%u wrong words in a block of %llu bytes", wrong,
           (unsigned long long)b->size);
}

static void free_block(struct prog *p, struct block *b)
{
    if (!b->memory)
        return;
    check_block(b);
    vkUnmapMemory(p->device, b->memory);
    vkFreeMemory(p->device, b->memory, NULL);
    b->memory = VK_NULL_HANDLE;
}

/* Many mapped blocks alive at once, replaced in random order. */
static void run_memory(struct prog *p, uint32_t rounds)
{
    struct block blocks[LIVE] = {0};
    uint32_t type = host_type(p), state = 1;
    uint64_t total = 0;

    for (uint32_t round = 0; round < rounds; round++) {
        struct block *b = &blocks[prog_random(&state) % LIVE];
        uint32_t shift = prog_random(&state) % 13; /* 4 KiB to 16 MiB */

        free_block(p, b);
        b->size = (VkDeviceSize)4096 << shift;
        b->seed = prog_random(&state);
        b->memory = allocate(p, b->size, type);
        CHECK(vkMapMemory(p->device, b->memory, 0, VK_WHOLE_SIZE, 0, (void **)&b->map));
        scribble(b);
        total += b->size;
        if (round % 16 == 0)
            vkFreeMemory(p->device, allocate(p, b->size, device_type(p)), NULL);
    }
    for (uint32_t i = 0; i < LIVE; i++)
        free_block(p, &blocks[i]);
    prog_print("memory", "allocated", "%llu bytes in %u blocks", (unsigned long long)total, rounds);
}

/* Odd sizes, mapped in part. */
static void run_odd_sizes(struct prog *p)
{
    static const VkDeviceSize sizes[] = {1, 2, 3, 63, 65, 4095, 4097, 12345, 65537, 1000003};
    uint32_t type = host_type(p);
    uint64_t hash = PROG_FNV_START;

    for (size_t i = 0; i < PROG_ARRAY_SIZE(sizes); i++) {
        VkDeviceMemory memory = allocate(p, sizes[i], type);
        uint8_t *map;

        CHECK(vkMapMemory(p->device, memory, 0, sizes[i], 0, (void **)&map));
        for (VkDeviceSize b = 0; b < sizes[i]; b++)
            map[b] = (uint8_t)(b * 7 + i);
        vkUnmapMemory(p->device, memory);
        CHECK(vkMapMemory(p->device, memory, sizes[i] - 1, 1, 0, (void **)&map));
        hash = prog_fnv_more(hash, map, 1);
        vkFreeMemory(p->device, memory, NULL);
    }
    prog_print("odd-sizes", "last-bytes", "0x%016llx", (unsigned long long)hash);
}

/* Memory written by the GPU, read, freed; so that reuse of pages shows stale contents. */
static void run_gpu(struct prog *p, uint32_t rounds)
{
    uint64_t hash = PROG_FNV_START;

    for (uint32_t round = 0; round < rounds; round++) {
        VkDeviceSize size = (VkDeviceSize)4096 << round % 11;
        struct prog_buffer b, device;
        VkBufferCopy copy = {.size = size};
        VkCommandBuffer cmd = prog_begin(p);

        prog_buffer_create(p, &b, size, VK_BUFFER_USAGE_TRANSFER_DST_BIT, PROG_HOST);
        prog_buffer_create(p, &device, size,
                           VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                           PROG_DEVICE);
        vkCmdFillBuffer(cmd, device.buffer, 0, VK_WHOLE_SIZE, (round & 0xff) * 0x01010101u);
        prog_barrier(cmd);
        vkCmdCopyBuffer(cmd, device.buffer, b.buffer, 1, &copy);
        prog_barrier(cmd);
        prog_end(p, cmd);
        hash = prog_fnv_more(hash, b.map, size);
        EXPECT(((uint8_t *)b.map)[size - 1] == (uint8_t)round, "gpu: round %u is wrong", round);
        prog_buffer_destroy(p, &b);
        prog_buffer_destroy(p, &device);
    }
    prog_print("gpu", "contents", "0x%016llx", (unsigned long long)hash);
}

/* One of each kind of object, some of them several times. */
static void objects_round(struct prog *p, uint32_t round)
{
    VkSamplerCreateInfo sampler_info = {
        .sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
        .maxLod = (float)(round % 8),
    };
    VkSemaphoreCreateInfo semaphore_info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
    VkFenceCreateInfo fence_info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkEventCreateInfo event_info = {.sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO};
    VkQueryPoolCreateInfo query_info = {
        .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
        .queryType = VK_QUERY_TYPE_OCCLUSION,
        .queryCount = 1 + round % 100,
    };
    VkBufferViewCreateInfo view_info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
        .format = VK_FORMAT_R32_UINT,
        .range = VK_WHOLE_SIZE,
    };
    VkSampler samplers[8];
    VkSemaphore semaphores[8];
    VkFence fence;
    VkEvent event;
    VkQueryPool queries;
    VkBufferView view;
    struct prog_buffer texels;
    struct prog_target target;
    struct prog_compute c;
    VkCommandBuffer cmd;

    for (uint32_t i = 0; i < 8; i++) {
        CHECK(vkCreateSampler(p->device, &sampler_info, NULL, &samplers[i]));
        CHECK(vkCreateSemaphore(p->device, &semaphore_info, NULL, &semaphores[i]));
    }
    CHECK(vkCreateFence(p->device, &fence_info, NULL, &fence));
    CHECK(vkCreateEvent(p->device, &event_info, NULL, &event));
    CHECK(vkCreateQueryPool(p->device, &query_info, NULL, &queries));
    prog_buffer_create(p, &texels, 1024, VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT, PROG_HOST);
    view_info.buffer = texels.buffer;
    CHECK(vkCreateBufferView(p->device, &view_info, NULL, &view));
    prog_target_create(p, &target, VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_D16_UNORM, 16 + round % 48,
                       16);
    cmd = prog_begin(p);
    CHECK(vkEndCommandBuffer(cmd));
    if (round % 8 == 0) {
        prog_compute_create(p, &c, step_comp, sizeof(step_comp), 1, 4, NULL);
        prog_compute_destroy(p, &c);
    }
    vkFreeCommandBuffers(p->device, p->pool, 1, &cmd);
    prog_target_destroy(p, &target);
    vkDestroyBufferView(p->device, view, NULL);
    prog_buffer_destroy(p, &texels);
    vkDestroyQueryPool(p->device, queries, NULL);
    vkDestroyEvent(p->device, event, NULL);
    vkDestroyFence(p->device, fence, NULL);
    for (uint32_t i = 0; i < 8; i++) {
        vkDestroySemaphore(p->device, semaphores[i], NULL);
        vkDestroySampler(p->device, samplers[i], NULL);
    }
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "churn",
        .summary = "Makes, uses and frees memory and objects, --iterations times (default 200).",
    };
    struct prog p;
    uint32_t rounds;

    prog_init(&p, argc, argv, &about);
    rounds = p.iterations ? p.iterations : 200;
    run_memory(&p, rounds);
    run_odd_sizes(&p);
    run_gpu(&p, rounds / 4 + 1);
    for (uint32_t i = 0; i < rounds; i++)
        objects_round(&p, i);
    prog_print("objects", "rounds", "%u", rounds);
    return prog_finish(&p);
}
