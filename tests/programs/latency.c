/* SPDX-License-Identifier: MIT */
/*
 * How long a small synchronous call and an empty submission take.
 *
 * The call is vkGetDescriptorSetLayoutSupport, which Mesa's Venus driver answers from no cache:
 * each is a round trip to the renderer and its driver.
 */
#include <time.h>

#include "common.h"

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void report(const char *prefix, uint64_t *ns, uint32_t count)
{
    qsort(ns, count, sizeof(*ns), compare);
    printf("latency.%sp50_us: %.3f\n", prefix, (double)ns[count / 2] / 1000.0);
    printf("latency.%sp99_us: %.3f\n", prefix, (double)ns[count / 100 * 99] / 1000.0);
    printf("latency.%sp50_ns: %llu\n", prefix, (unsigned long long)ns[count / 2]);
    printf("latency.%sp99_ns: %llu\n", prefix, (unsigned long long)ns[count / 100 * 99]);
}

static void one_call(struct prog *p)
{
    const VkDescriptorSetLayoutBinding binding = {
        0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL,
    };
    VkDescriptorSetLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = 1,
        .pBindings = &binding,
    };
    VkDescriptorSetLayoutSupport support = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_SUPPORT,
    };

    vkGetDescriptorSetLayoutSupport(p->device, &info, &support);
    if (!support.supported)
        DIE("a plain descriptor set layout is not supported");
}

static void measure_calls(struct prog *p, uint32_t count)
{
    uint64_t *ns = calloc(count, sizeof(*ns));

    for (uint32_t i = 0; i < count / 10; i++)
        one_call(p);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t start = prog_now();

        one_call(p);
        ns[i] = prog_now() - start;
    }
    report("", ns, count);
    free(ns);
}

static void one_submit(struct prog *p, VkFence fence)
{
    CHECK(vkQueueSubmit(p->queue, 0, NULL, fence));
    CHECK(vkWaitForFences(p->device, 1, &fence, VK_TRUE, PROG_NO_TIMEOUT));
    CHECK(vkResetFences(p->device, 1, &fence));
}

static void measure_submits(struct prog *p, uint32_t count)
{
    VkFenceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    uint64_t *ns = calloc(count, sizeof(*ns));
    VkFence fence;

    CHECK(vkCreateFence(p->device, &info, NULL, &fence));
    one_submit(p, fence);
    fputs("latency: submitting\n", stderr); /* for those who wait until it is at work */
    for (uint32_t i = 0; i < count / 10; i++)
        one_submit(p, fence);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t start = prog_now();

        one_submit(p, fence);
        ns[i] = prog_now() - start;
    }
    report("submit_", ns, count);
    vkDestroyFence(p->device, fence, NULL);
    free(ns);
}

/* Work that leaves the processors to others: 20 submissions a second. */
static void pace_submits(struct prog *p, uint32_t count)
{
    const VkFenceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
    VkFence fence;

    CHECK(vkCreateFence(p->device, &info, NULL, &fence));
    for (uint32_t i = 0; i < count; i++) {
        one_submit(p, fence);
        if (!i)
            fputs("latency: submitting\n", stderr);
        nanosleep(&pause, NULL);
    }
    vkDestroyFence(p->device, fence, NULL);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "latency",
        .summary = "Times a small synchronous call and an empty submission; default: both.",
        .modes = "[call|submit|pace]",
    };
    struct prog p;
    uint32_t count;

    prog_init(&p, argc, argv, &about);
    count = p.iterations ? p.iterations : 5000;
    if (p.mode && strcmp(p.mode, "call") != 0 && strcmp(p.mode, "submit") != 0 &&
        strcmp(p.mode, "pace") != 0)
        DIE("no such mode: %s", p.mode);
    if (!p.mode || strcmp(p.mode, "call") == 0)
        measure_calls(&p, count);
    if (!p.mode || strcmp(p.mode, "submit") == 0)
        measure_submits(&p, count);
    if (p.mode && strcmp(p.mode, "pace") == 0)
        pace_submits(&p, count);
    return prog_finish(&p);
}
