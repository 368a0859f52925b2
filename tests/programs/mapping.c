/* SPDX-License-Identifier: MIT */
/* Mapped memory: coherence both ways, offsets, many maps, map and unmap, flush and invalidate. */
#include "common.h"

#include <time.h>

#include "shaders/step.comp.h"

#define ELEMENTS 4096u
#define SIZE     (ELEMENTS * 4u)

static const VkBufferUsageFlags usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                                        VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                        VK_BUFFER_USAGE_TRANSFER_DST_BIT;

static void run_step(struct prog *p, const struct prog_compute *c, uint32_t step)
{
    VkCommandBuffer cmd = prog_begin(p);

    prog_compute_bind(cmd, c);
    vkCmdPushConstants(cmd, c->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, 4, &step);
    vkCmdDispatch(cmd, ELEMENTS / 64, 1, 1);
    prog_barrier(cmd);
    prog_end(p, cmd);
}

/* Host and device take turns on the same words, without flush and without unmapping. */
static void run_turns(struct prog *p)
{
    struct prog_compute c;
    struct prog_buffer b;
    uint32_t *words, wanted[ELEMENTS];

    prog_compute_create(p, &c, step_comp, sizeof(step_comp), 1, 4, NULL);
    prog_buffer_create(p, &b, SIZE, usage, PROG_HOST);
    prog_compute_buffer(p, &c, 0, &b);
    words = b.map;
    for (uint32_t i = 0; i < ELEMENTS; i++)
        words[i] = wanted[i] = i * 17;
    for (uint32_t round = 0; round < 32; round++) {
        uint32_t wrong = 0;

        run_step(p, &c, round);
        for (uint32_t i = 0; i < ELEMENTS; i++) {
            wanted[i] = wanted[i] * 3 + round + i;
            wrong += words[i] != wanted[i];
            words[i] = wanted[i] ^= round << 24 | i;
        }
        EXPECT(wrong == 0, "turns: %u wrong words in round %u", wrong, round);
    }
    prog_hash("turns", "data", words, SIZE);
    prog_buffer_destroy(p, &b);
    prog_compute_destroy(p, &c);
}

/* Mapping and unmapping the same memory at several offsets; contents stay. */
static void run_offsets(struct prog *p)
{
    const VkDeviceSize atom = p->properties.limits.nonCoherentAtomSize;
    struct prog_buffer b;
    uint64_t hash = PROG_FNV_START;
    uint8_t *whole;

    prog_buffer_create(p, &b, 1 << 20, usage, PROG_HOST);
    whole = b.map;
    for (uint32_t i = 0; i < 1 << 20; i++)
        whole[i] = (uint8_t)(i * 31 >> 4);
    vkUnmapMemory(p->device, b.memory);
    for (uint32_t i = 0; i < 200; i++) {
        VkDeviceSize offset = (VkDeviceSize)i * 5003 % (1 << 20);
        VkDeviceSize size = i % 4 == 0 ? VK_WHOLE_SIZE : 1 + i;
        uint8_t *at;

        CHECK(vkMapMemory(p->device, b.memory, offset, size, 0, (void **)&at));
        EXPECT(*at == (uint8_t)(offset * 31 >> 4), "offsets: wrong byte at %llu",
               (unsigned long long)offset);
        hash = prog_fnv_more(hash, at, 1);
        vkUnmapMemory(p->device, b.memory);
    }
    EXPECT(atom != 0 && (atom & (atom - 1)) == 0, "nonCoherentAtomSize is no power of two");
    EXPECT(p->properties.limits.minMemoryMapAlignment >= 64, "minMemoryMapAlignment is too small");
    prog_print("offsets", "bytes", "0x%016llx", (unsigned long long)hash);
    prog_buffer_destroy(p, &b);
}

/* Several buffers bound at offsets of one mapped allocation. */
static void run_suballocation(struct prog *p)
{
    enum { BUFFERS = 16 };
    VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = 5000,
        .usage = usage,
    };
    VkMemoryAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
    VkMemoryRequirements needs;
    VkBuffer buffers[BUFFERS];
    VkDeviceSize stride;
    VkDeviceMemory memory;
    VkCommandBuffer cmd;
    uint8_t *map;

    for (uint32_t i = 0; i < BUFFERS; i++)
        CHECK(vkCreateBuffer(p->device, &info, NULL, &buffers[i]));
    vkGetBufferMemoryRequirements(p->device, buffers[0], &needs);
    stride = (needs.size + needs.alignment - 1) & ~(needs.alignment - 1);
    allocate.allocationSize = stride * BUFFERS;
    allocate.memoryTypeIndex = prog_memory_type(p, needs.memoryTypeBits, PROG_HOST);
    CHECK(vkAllocateMemory(p->device, &allocate, NULL, &memory));
    CHECK(vkMapMemory(p->device, memory, 0, VK_WHOLE_SIZE, 0, (void **)&map));
    memset(map, 0xee, stride * BUFFERS);
    for (uint32_t i = 0; i < BUFFERS; i++)
        CHECK(vkBindBufferMemory(p->device, buffers[i], memory, i * stride));

    cmd = prog_begin(p);
    for (uint32_t i = 0; i < BUFFERS; i++)
        vkCmdFillBuffer(cmd, buffers[i], 4 * i, 4000, 0x10101010u * (i % 8) + i);
    prog_barrier(cmd);
    prog_end(p, cmd);
    for (uint32_t i = 0; i < BUFFERS; i++) {
        uint8_t before = i ? map[i * stride + 4 * i - 1] : 0xee;
        uint32_t word;

        memcpy(&word, map + i * stride + 4 * i, 4);
        EXPECT(word == 0x10101010u * (i % 8) + i, "suballocation: wrong word in %u", i);
        EXPECT(before == 0xee && map[i * stride + 4 * i + 4000] == 0xee,
               "suballocation: buffer %u spills", i);
    }
    /* The stride is the driver's choice: hash the buffers, not the gaps. */
    for (uint32_t i = 0; i < BUFFERS; i += 5) {
        char name[16];

        snprintf(name, sizeof(name), "buffer%u", i);
        prog_hash("suballocation", name, map + i * stride, 5000);
    }
    for (uint32_t i = 0; i < BUFFERS; i++)
        vkDestroyBuffer(p->device, buffers[i], NULL);
    vkFreeMemory(p->device, memory, NULL);
}

/* Many allocations mapped at the same time, all copied to one by the device. */
static void run_many(struct prog *p)
{
    enum { MAPS = 200 };
    struct prog_buffer *maps = calloc(MAPS, sizeof(*maps)), to;
    VkCommandBuffer cmd;

    prog_buffer_create(p, &to, MAPS * 256, usage, PROG_HOST);
    for (uint32_t i = 0; i < MAPS; i++)
        prog_buffer_create(p, &maps[i], 256 + i * 16, usage, PROG_HOST);
    for (uint32_t i = 0; i < MAPS; i++)
        for (uint32_t b = 0; b < 256; b++)
            ((uint8_t *)maps[i].map)[b] = (uint8_t)(i * 3 + b);
    cmd = prog_begin(p);
    for (uint32_t i = 0; i < MAPS; i++) {
        VkBufferCopy copy = {0, i * 256, 256};

        vkCmdCopyBuffer(cmd, maps[i].buffer, to.buffer, 1, &copy);
    }
    prog_barrier(cmd);
    prog_end(p, cmd);
    for (uint32_t i = 0; i < MAPS; i++) {
        EXPECT(memcmp((char *)to.map + i * 256, maps[i].map, 256) == 0, "many: map %u differs", i);
        prog_buffer_destroy(p, &maps[i]);
    }
    prog_hash("many", "data", to.map, MAPS * 256);
    prog_buffer_destroy(p, &to);
    free(maps);
}

/* The device sees what was written before submit, though the memory was unmapped since. */
static void run_unmapped(struct prog *p)
{
    struct prog_buffer from, to;
    VkBufferCopy copy = {.size = 4096};
    VkCommandBuffer cmd;
    uint8_t *again;

    prog_buffer_create(p, &from, 4096, usage, PROG_HOST);
    prog_buffer_create(p, &to, 4096, usage, PROG_HOST);
    memset(from.map, 0x3c, 4096);
    vkUnmapMemory(p->device, from.memory);
    vkUnmapMemory(p->device, to.memory);
    cmd = prog_begin(p);
    vkCmdCopyBuffer(cmd, from.buffer, to.buffer, 1, &copy);
    prog_barrier(cmd);
    prog_end(p, cmd);
    CHECK(vkMapMemory(p->device, to.memory, 0, VK_WHOLE_SIZE, 0, (void **)&again));
    EXPECT(again[0] == 0x3c && again[4095] == 0x3c, "unmapped: wrong contents");
    prog_hash("unmapped", "data", again, 4096);
    prog_buffer_destroy(p, &from);
    prog_buffer_destroy(p, &to);
}

/* Flush and invalidate are legal on every host-visible type. */
static void run_flush(struct prog *p)
{
    const VkDeviceSize atom = p->properties.limits.nonCoherentAtomSize;
    struct prog_buffer b;
    VkMappedMemoryRange ranges[2];
    VkCommandBuffer cmd;

    prog_buffer_create(p, &b, 64 * 1024, usage, PROG_HOST);
    ranges[0] = (VkMappedMemoryRange){
        .sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE,
        .memory = b.memory,
        .offset = 0,
        .size = atom,
    };
    ranges[1] = ranges[0];
    ranges[1].offset = 4 * atom;
    ranges[1].size = VK_WHOLE_SIZE;
    memset(b.map, 0x77, 64 * 1024);
    CHECK(vkFlushMappedMemoryRanges(p->device, 2, ranges));
    cmd = prog_begin(p);
    vkCmdFillBuffer(cmd, b.buffer, 0, 32 * 1024, 0x12345678);
    prog_barrier(cmd);
    prog_end(p, cmd);
    CHECK(vkInvalidateMappedMemoryRanges(p->device, 2, ranges));
    prog_hash("flush", "data", b.map, 64 * 1024);
    prog_buffer_destroy(p, &b);
}

/* The host polls a word that the device writes; no call tells it that the work is done. */
static void run_polling(struct prog *p)
{
    VkFenceCreateInfo fence_info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkSubmitInfo submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1};
    const uint64_t deadline = prog_now() + PROG_NO_TIMEOUT;
    struct prog_buffer b;
    volatile uint32_t *word;
    VkCommandBuffer cmd;
    VkFence fence;

    CHECK(vkCreateFence(p->device, &fence_info, NULL, &fence));
    prog_buffer_create(p, &b, 64, usage, PROG_HOST);
    word = b.map;
    for (uint32_t i = 1; i <= 50; i++) {
        cmd = prog_begin(p);
        vkCmdFillBuffer(cmd, b.buffer, 0, 64, i);
        prog_barrier(cmd);
        CHECK(vkEndCommandBuffer(cmd));
        submit.pCommandBuffers = &cmd;
        CHECK(vkQueueSubmit(p->queue, 1, &submit, fence));
        while (*word != i && prog_now() < deadline)
            nanosleep(&(struct timespec){0, 20000}, NULL);
        EXPECT(*word == i, "polling: %u never arrived", i);
        CHECK(vkWaitForFences(p->device, 1, &fence, VK_TRUE, PROG_NO_TIMEOUT));
        CHECK(vkResetFences(p->device, 1, &fence));
        vkFreeCommandBuffers(p->device, p->pool, 1, &cmd);
    }
    prog_print("polling", "last", "%u", *word);
    vkDestroyFence(p->device, fence, NULL);
    prog_buffer_destroy(p, &b);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "mapping",
        .summary = "Reads and writes mapped memory from both sides.",
    };
    struct prog p;

    prog_init(&p, argc, argv, &about);
    run_turns(&p);
    run_offsets(&p);
    run_suballocation(&p);
    run_many(&p);
    run_unmapped(&p);
    run_flush(&p);
    run_polling(&p);
    return prog_finish(&p);
}
