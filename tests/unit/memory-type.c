/* SPDX-License-Identifier: MIT */
/* The memory types that clients see, for the types of real drivers and of made-up ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "memory_type.h"

#define DL VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT
#define HV VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT
#define HC VK_MEMORY_PROPERTY_HOST_COHERENT_BIT
#define CA VK_MEMORY_PROPERTY_HOST_CACHED_BIT
#define LZ VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT
#define PR VK_MEMORY_PROPERTY_PROTECTED_BIT


static void add(VkPhysicalDeviceMemoryProperties *host, VkMemoryPropertyFlags flags, uint32_t heap)
{
    host->memoryTypes[host->memoryTypeCount++] =
        (VkMemoryType){ .propertyFlags = flags, .heapIndex = heap };
}

static VkPhysicalDeviceMemoryProperties two_heaps(void)
{
    VkPhysicalDeviceMemoryProperties host = { .memoryHeapCount = 2 };
    host.memoryHeaps[0] =
        (VkMemoryHeap){ .size = 8ull << 30, .flags = VK_MEMORY_HEAP_DEVICE_LOCAL_BIT };
    host.memoryHeaps[1] = (VkMemoryHeap){ .size = 16ull << 30 };
    return host;
}

/* The order that the specification demands, and that every type has a counterpart. */
static void assert_legal(const struct venus_memory_types *types)
{
    const VkPhysicalDeviceMemoryProperties *client = &types->client;
    assert_in_range(client->memoryTypeCount, 1, VK_MAX_MEMORY_TYPES);
    bool coherent = false, device_local = false;
    for (uint32_t i = 0; i < client->memoryTypeCount; i++) {
        const VkMemoryPropertyFlags flags = client->memoryTypes[i].propertyFlags;
        assert_in_range(types->host_index[i], 0, types->host.memoryTypeCount - 1);
        assert_int_equal(client->memoryTypes[i].heapIndex,
                         types->host.memoryTypes[types->host_index[i]].heapIndex);
        for (uint32_t j = 0; j < i; j++) {
            const VkMemoryPropertyFlags before = client->memoryTypes[j].propertyFlags;
            assert_false(flags != before && (flags & ~before) == 0);
        }
        if (flags & HV)
            assert_true(types->importable & 1u << types->host_index[i]);
        assert_int_equal(!!(flags & HV), types->host_visible >> i & 1);
        assert_int_equal(types->importable >> types->host_index[i] & 1, types->shareable >> i & 1);
        coherent |= (flags & (HV | HC)) == (HV | HC);
        device_local |= (flags & DL) != 0;
    }
    assert_true(coherent);
    assert_true(device_local);
    assert_int_equal(client->memoryHeapCount, types->host.memoryHeapCount);
}

static void test_one_type_for_all(void **state)
{
    (void)state; /* lavapipe */
    VkPhysicalDeviceMemoryProperties host = two_heaps();
    add(&host, DL | HV | HC | CA, 0);
    struct venus_memory_types types;
    assert_true(venus_memory_types_init(&types, &host, VENUS_MEMORY_HOST_IMPORT, 1, 4096));
    assert_legal(&types);
    assert_int_equal(types.client.memoryTypeCount, 2);
    assert_int_equal(types.client.memoryTypes[0].propertyFlags, DL);
    assert_int_equal(types.client.memoryTypes[1].propertyFlags, DL | HV | HC | CA);
    assert_int_equal(types.device_local_only, 1);
    assert_int_equal(types.host_visible, 2);
    assert_int_equal(types.shareable, 3);
    assert_int_equal(types.import_alignment, 4096);
    assert_int_equal(venus_memory_types_to_client(&types, 1, true), 3);
    assert_int_equal(venus_memory_types_to_client(&types, 1, false), 1);
    assert_int_equal(venus_memory_types_to_client(&types, 0, true), 0);
}

static void test_discrete(void **state)
{
    (void)state; /* NVIDIA: the last type, mappable video memory, cannot be imported */
    VkPhysicalDeviceMemoryProperties host = two_heaps();
    add(&host, 0, 1);
    add(&host, DL, 0);
    add(&host, HV | HC, 1);
    add(&host, HV | HC | CA, 1);
    add(&host, DL | HV | HC, 0);
    struct venus_memory_types types;
    assert_true(venus_memory_types_init(&types, &host, VENUS_MEMORY_HOST_IMPORT, 0xc, 4096));
    assert_legal(&types);
    /* It is dropped, and so the indices of all others are the host's. */
    assert_int_equal(types.client.memoryTypeCount, 4);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(types.host_index[i], i);
    assert_int_equal(types.device_local_only, 0);
    assert_int_equal(types.host_visible, 0xc);
    assert_int_equal(types.shareable, 0xc);
    assert_int_equal(venus_memory_types_to_client(&types, 0x1f, true), 0xf);
    assert_int_equal(venus_memory_types_to_client(&types, 0x1f, false), 0x3);
    assert_int_equal(venus_memory_types_to_client(&types, 0x10, true), 0);
}

static void test_stripped_types_move_forward(void **state)
{
    (void)state;
    VkPhysicalDeviceMemoryProperties host = two_heaps();
    add(&host, HV | HC, 1);
    add(&host, HV | HC | CA, 1); /* not importable: nothing is left of it */
    add(&host, DL | HV | HC | CA, 0);
    struct venus_memory_types types;
    assert_true(venus_memory_types_init(&types, &host, VENUS_MEMORY_HOST_IMPORT, 1u << 0, 4096));
    assert_legal(&types);
    assert_int_equal(types.client.memoryTypeCount, 3);
    assert_int_equal(types.client.memoryTypes[0].propertyFlags, 0);
    assert_int_equal(types.host_index[0], 1);
    assert_int_equal(types.client.memoryTypes[1].propertyFlags, HV | HC);
    assert_int_equal(types.client.memoryTypes[2].propertyFlags, DL);
    assert_int_equal(types.host_index[2], 2);
    assert_int_equal(types.device_local_only, 0); /* not ours: it lost its flags */
}

static void test_every_uma_type_gets_a_twin(void **state)
{
    (void)state;
    VkPhysicalDeviceMemoryProperties host = two_heaps();
    add(&host, DL | HV | HC, 0);
    add(&host, DL | HV | CA, 0);
    add(&host, DL | HV | HC | CA, 0);
    struct venus_memory_types types;
    assert_true(venus_memory_types_init(&types, &host, VENUS_MEMORY_DMA_BUF, 7, 0));
    assert_legal(&types);
    assert_int_equal(types.client.memoryTypeCount, 6);
    assert_int_equal(types.device_local_only, 7);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(types.host_index[i], i);
        assert_int_equal(types.host_index[i + 3], i);
    }
    /* A resource that works with one type only still has a home that is not host-visible. */
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(venus_memory_types_to_client(&types, 1u << i, false), 1u << i);
}

static void test_lazy_and_protected_memory_is_no_home(void **state)
{
    (void)state;
    VkPhysicalDeviceMemoryProperties host = two_heaps();
    add(&host, DL | LZ, 0);
    add(&host, DL | PR, 0);
    add(&host, DL | HV | HC, 0);
    struct venus_memory_types types;
    assert_true(venus_memory_types_init(&types, &host, VENUS_MEMORY_HOST_IMPORT, 4, 4096));
    assert_legal(&types);
    assert_int_equal(types.client.memoryTypeCount, 4);
    assert_int_equal(types.device_local_only, 1);
    assert_int_equal(types.client.memoryTypes[0].propertyFlags, DL);
    assert_int_equal(types.host_index[0], 2);
}

static void test_nothing_importable(void **state)
{
    (void)state;
    VkPhysicalDeviceMemoryProperties host = two_heaps();
    add(&host, DL, 0);
    add(&host, HV | HC, 1);
    add(&host, HV | CA, 1);
    struct venus_memory_types types;
    assert_false(venus_memory_types_init(&types, &host, VENUS_MEMORY_HOST_IMPORT, 0, 4096));
    /* Memory that is not coherent does not do. */
    assert_false(venus_memory_types_init(&types, &host, VENUS_MEMORY_HOST_IMPORT, 4, 4096));
    /* A bit for a type that is not host-visible means nothing. */
    assert_false(venus_memory_types_init(&types, &host, VENUS_MEMORY_HOST_IMPORT, 1, 4096));
    assert_true(venus_memory_types_init(&types, &host, VENUS_MEMORY_HOST_IMPORT, 7, 4096));
    assert_int_equal(types.importable, 6);
}

static void test_full_table(void **state)
{
    (void)state;
    VkPhysicalDeviceMemoryProperties host = two_heaps();
    for (uint32_t i = 0; i < VK_MAX_MEMORY_TYPES; i++)
        add(&host, DL | HV | HC, i % 2);
    struct venus_memory_types types;
    assert_true(
        venus_memory_types_init(&types, &host, VENUS_MEMORY_HOST_IMPORT, UINT32_MAX, 4096));
    assert_legal(&types);
    assert_int_equal(types.client.memoryTypeCount, VK_MAX_MEMORY_TYPES);
    assert_int_equal(types.device_local_only, 0);
    assert_int_equal(types.host_visible, UINT32_MAX);
}

static void test_random_drivers(void **state)
{
    (void)state;
    srand(1);
    unsigned offered = 0;
    for (int round = 0; round < 20000; round++) {
        VkPhysicalDeviceMemoryProperties host = two_heaps();
        const uint32_t count = 1 + (uint32_t)rand() % VK_MAX_MEMORY_TYPES;
        VkMemoryPropertyFlags pool[16];
        uint32_t pooled = 0;
        /* All sensible flags, fewest first, so that the host obeys the order itself. */
        static const VkMemoryPropertyFlags sensible[] = {
            0, DL, DL | LZ, DL | PR, HV | HC, HV | CA, HV | HC | CA, DL | HV | HC, DL | HV | HC | CA,
        };
        for (uint32_t i = 0; i < sizeof(sensible) / sizeof(sensible[0]); i++) {
            if (rand() % 2)
                pool[pooled++] = sensible[i];
        }
        for (uint32_t i = 0; pooled && i < count; i++)
            add(&host, pool[i * pooled / count], (uint32_t)rand() % 2);
        if (!pooled)
            continue;
        struct venus_memory_types types;
        const uint32_t importable = (uint32_t)rand() * 2u + (uint32_t)rand() % 2;
        bool device_local = false;
        for (uint32_t i = 0; i < host.memoryTypeCount; i++)
            device_local |= host.memoryTypes[i].propertyFlags & DL;
        if (device_local &&
            venus_memory_types_init(&types, &host, VENUS_MEMORY_HOST_IMPORT, importable, 4096)) {
            assert_legal(&types);
            offered++;
        }
    }
    assert_in_range(offered, 1000, 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_type_for_all),
        cmocka_unit_test(test_discrete),
        cmocka_unit_test(test_stripped_types_move_forward),
        cmocka_unit_test(test_every_uma_type_gets_a_twin),
        cmocka_unit_test(test_lazy_and_protected_memory_is_no_home),
        cmocka_unit_test(test_nothing_importable),
        cmocka_unit_test(test_full_table),
        cmocka_unit_test(test_random_drivers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
