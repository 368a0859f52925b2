/* SPDX-License-Identifier: MIT */
/* How many times a second memory can be allocated, mapped, written and freed. */
#include "common.h"

static void one_round(struct prog *p, uint32_t type, VkDeviceSize size)
{
    VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = size,
        .memoryTypeIndex = type,
    };
    VkDeviceMemory memory;
    void *map;

    CHECK(vkAllocateMemory(p->device, &info, NULL, &memory));
    CHECK(vkMapMemory(p->device, memory, 0, VK_WHOLE_SIZE, 0, &map));
    memset(map, 0x5a, size);
    vkUnmapMemory(p->device, memory);
    vkFreeMemory(p->device, memory, NULL);
}

static void measure(struct prog *p, const char *name, VkDeviceSize size, uint32_t rounds)
{
    uint32_t type = prog_memory_type(p, UINT32_MAX, PROG_HOST);
    uint64_t start;

    for (uint32_t i = 0; i < rounds / 10 + 1; i++)
        one_round(p, type, size);
    start = prog_now();
    for (uint32_t i = 0; i < rounds; i++)
        one_round(p, type, size);
    printf("allocbench.%sper_second: %.1f\n", name,
           (double)rounds * 1e9 / (double)(prog_now() - start));
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "allocbench",
        .summary = "Times allocate, map, write and free of 64 KiB and of 16 MiB.",
    };
    struct prog p;
    uint32_t rounds;

    prog_init(&p, argc, argv, &about);
    rounds = p.iterations ? p.iterations : 2000;
    measure(&p, "", 64 << 10, rounds);
    measure(&p, "large_", 16 << 20, rounds / 20 + 1);
    return prog_finish(&p);
}
