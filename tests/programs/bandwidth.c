/* SPDX-License-Identifier: MIT */
/* How fast data goes from the program to the device and back, through memory that both see. */
#include "common.h"

#define SIZE (64u << 20)

struct buffers {
    struct prog_buffer host, device;
};

static VkCommandBuffer record_copy(struct prog *p, VkBuffer from, VkBuffer to)
{
    const VkBufferCopy region = {0, 0, SIZE};
    VkCommandBuffer cmd = prog_begin(p);

    vkCmdCopyBuffer(cmd, from, to, 1, &region);
    prog_barrier(cmd);
    return cmd;
}

static void print_rate(const char *name, uint64_t start, uint32_t rounds)
{
    printf("bandwidth.%s_gb_per_second: %.3f\n", name,
           (double)SIZE * rounds / (double)(prog_now() - start));
}

static void measure_copies(struct prog *p, const char *name, VkBuffer from, VkBuffer to,
                           uint32_t rounds)
{
    uint64_t start;

    prog_end(p, record_copy(p, from, to));
    start = prog_now();
    for (uint32_t i = 0; i < rounds; i++)
        prog_end(p, record_copy(p, from, to));
    print_rate(name, start, rounds);
}

static void measure_cpu(struct buffers *b, uint32_t rounds)
{
    uint8_t *bytes = malloc(SIZE);
    uint64_t start;

    if (!bytes)
        DIE("no memory");
    memset(bytes, 1, SIZE);
    memcpy(b->host.map, bytes, SIZE);
    start = prog_now();
    for (uint32_t i = 0; i < rounds; i++)
        memcpy(b->host.map, bytes, SIZE);
    print_rate("cpu_write", start, rounds);
    start = prog_now();
    for (uint32_t i = 0; i < rounds; i++)
        memcpy(bytes, b->host.map, SIZE);
    print_rate("cpu_read", start, rounds);
    free(bytes);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "bandwidth",
        .summary = "Times copies of 64 MiB between host-visible and device memory, and by the CPU.",
    };
    const VkBufferUsageFlags usage =
        VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    struct buffers b;
    struct prog p;
    uint32_t rounds;

    prog_init(&p, argc, argv, &about);
    rounds = p.iterations ? p.iterations : 20;
    prog_buffer_create(&p, &b.host, SIZE, usage, PROG_HOST);
    prog_buffer_create(&p, &b.device, SIZE, usage, PROG_DEVICE);
    measure_copies(&p, "upload", b.host.buffer, b.device.buffer, rounds);
    measure_copies(&p, "download", b.device.buffer, b.host.buffer, rounds);
    measure_cpu(&b, rounds);
    prog_buffer_destroy(&p, &b.host);
    prog_buffer_destroy(&p, &b.device);
    return prog_finish(&p);
}
