/* SPDX-License-Identifier: MIT */
/* Numbers of 8, 16 and 64 bits in shaders, and subgroup operations. */
#include "common.h"

#include "shaders/subgroup.comp.h"
#include "shaders/types.comp.h"

#define ELEMENTS 512u

static void run_types(struct prog *p)
{
    static const uint32_t sizes[5] = {4, 1, 2, 8, 8};
    static const char *const names[5] = {"source", "bytes", "shorts", "longs", "doubles"};
    VkPhysicalDeviceVulkan11Features v11 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
    };
    VkPhysicalDeviceFeatures2 all = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .pNext = &v11,
    };
    struct prog_buffer buffers[5];
    struct prog_compute c;
    VkCommandBuffer cmd;
    uint32_t seed = 99;

    if (p->api_version < VK_API_VERSION_1_2) {
        prog_skip_part("types", "needs Vulkan 1.2");
        return;
    }
    vkGetPhysicalDeviceFeatures2(p->physical, &all);
    if (!p->features.shaderInt64 || !p->features.shaderInt16 || !p->features.shaderFloat64 ||
        !p->features12.shaderInt8 || !p->features12.storageBuffer8BitAccess ||
        !v11.storageBuffer16BitAccess) {
        prog_skip_part("types", "needs all integer sizes and double");
        return;
    }
    prog_compute_create(p, &c, types_comp, sizeof(types_comp), 5, 0, NULL);
    for (uint32_t i = 0; i < 5; i++) {
        prog_buffer_create(p, &buffers[i], ELEMENTS * sizes[i], VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
                           PROG_HOST);
        prog_compute_buffer(p, &c, i, &buffers[i]);
    }
    for (uint32_t i = 0; i < ELEMENTS; i++)
        ((uint32_t *)buffers[0].map)[i] = prog_random(&seed);
    cmd = prog_begin(p);
    prog_compute_bind(cmd, &c);
    vkCmdDispatch(cmd, ELEMENTS / 64, 1, 1);
    prog_barrier(cmd);
    prog_end(p, cmd);
    for (uint32_t i = 0; i < ELEMENTS; i++) {
        uint32_t x = ((uint32_t *)buffers[0].map)[i];
        uint8_t b = (uint8_t)(x + i * 3);
        int16_t s = (int16_t)((int16_t)x - b);
        uint64_t l = x * 0x9e3779b97f4a7c15ull + i;

        l ^= l >> 29;
        EXPECT(((uint8_t *)buffers[1].map)[i] == b, "types: wrong byte %u", i);
        EXPECT(((int16_t *)buffers[2].map)[i] == s, "types: wrong short %u", i);
        EXPECT(((uint64_t *)buffers[3].map)[i] == l, "types: wrong long %u", i);
    }
    for (uint32_t i = 0; i < 5; i++) {
        prog_hash("types", names[i], buffers[i].map, ELEMENTS * sizes[i]);
        prog_buffer_destroy(p, &buffers[i]);
    }
    prog_compute_destroy(p, &c);
}

static void run_subgroups(struct prog *p)
{
    const VkSubgroupFeatureFlags wanted =
        VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_VOTE_BIT |
        VK_SUBGROUP_FEATURE_BALLOT_BIT | VK_SUBGROUP_FEATURE_ARITHMETIC_BIT |
        VK_SUBGROUP_FEATURE_SHUFFLE_BIT;
    VkPhysicalDeviceSubgroupProperties subgroup = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
    };
    VkPhysicalDeviceProperties2 all = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &subgroup,
    };
    struct prog_compute c;
    struct prog_buffer out;
    VkCommandBuffer cmd;

    vkGetPhysicalDeviceProperties2(p->physical, &all);
    if ((subgroup.supportedOperations & wanted) != wanted ||
        !(subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT)) {
        prog_skip_part("subgroups", "needs vote, ballot, arithmetic and shuffle");
        return;
    }
    prog_compute_create(p, &c, subgroup_comp, sizeof(subgroup_comp), 1, 0, NULL);
    prog_buffer_create(p, &out, 256 * 32, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, PROG_HOST);
    prog_compute_buffer(p, &c, 0, &out);
    cmd = prog_begin(p);
    prog_compute_bind(cmd, &c);
    vkCmdDispatch(cmd, 4, 1, 1);
    prog_barrier(cmd);
    prog_end(p, cmd);
    prog_print("subgroups", "size", "%u", ((uint32_t *)out.map)[7]);
    EXPECT(((uint32_t *)out.map)[7] == subgroup.subgroupSize, "subgroups: wrong size");
    prog_hash("subgroups", "data", out.map, 256 * 32);
    prog_buffer_destroy(p, &out);
    prog_compute_destroy(p, &c);
}

int main(int argc, char **argv)
{
    static const struct prog_about about = {
        .name = "types",
        .summary = "Computes with numbers of all sizes and across subgroups.",
    };
    struct prog p;

    prog_init(&p, argc, argv, &about);
    run_types(&p);
    run_subgroups(&p);
    return prog_finish(&p);
}
