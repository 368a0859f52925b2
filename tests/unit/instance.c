/* SPDX-License-Identifier: MIT */
/* The version of Vulkan in use, the names under which functions are asked for, and what is known of
 * GPUs before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "instance.h"

/* ---- a loader, with a layer ---- */

static uint32_t layer_version; /* 0: not installed */

static VKAPI_ATTR VkResult VKAPI_CALL enumerate_version(uint32_t *version)
{
    *version = VK_MAKE_API_VERSION(0, 1, 3, 239);
    return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL enumerate_layers(uint32_t *count, VkLayerProperties *layers)
{
    if (layers && layer_version) {
        memset(layers, 0, sizeof(*layers));
        strcpy(layers->layerName, "VK_LAYER_KHRONOS_validation");
        layers->specVersion = layer_version;
    }
    *count = layer_version != 0;
    return VK_SUCCESS;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_global(VkInstance instance, const char *name)
{
    assert_null(instance);
    if (!strcmp(name, "vkEnumerateInstanceVersion"))
        return (PFN_vkVoidFunction)enumerate_version;
    if (!strcmp(name, "vkEnumerateInstanceLayerProperties"))
        return (PFN_vkVoidFunction)enumerate_layers;
    return NULL;
}

static void test_version(void **state)
{
    (void)state;
    struct venus_renderer renderer = {.get_instance_proc_addr = get_global};
    uint32_t version;
    layer_version = VK_API_VERSION_1_2;
    assert_int_equal(venus_host_version(&renderer, &version), VK_SUCCESS);
    assert_int_equal(version, venus_registry_version);
    /* A layer that is not as new as we are counts, once it is wanted. */
    renderer.validate = true;
    assert_int_equal(venus_host_version(&renderer, &version), VK_SUCCESS);
    assert_int_equal(version, VK_API_VERSION_1_2);
    layer_version = VK_MAKE_API_VERSION(0, 1, 99, 0);
    assert_int_equal(venus_host_version(&renderer, &version), VK_SUCCESS);
    assert_int_equal(version, venus_registry_version);
    layer_version = 0;
    assert_int_equal(venus_host_version(&renderer, &version), VK_SUCCESS);
    assert_int_equal(version, venus_registry_version);
}

/* ---- a driver that knows all names ---- */

static void core_function(void)
{
}

static void extension_function(void)
{
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_function(VkDevice device, const char *name)
{
    assert_null(device);
    return strcmp(name + strlen(name) - 3, "KHR") ? core_function : extension_function;
}

static void test_names(void **state)
{
    (void)state;
    static struct venus_device_vk vk;
    venus_device_vk_load(&vk, NULL, get_function, VK_MAKE_API_VERSION(0, 1, 3, 1));
    assert_ptr_equal(vk.CmdCopyBuffer2, core_function);
    assert_ptr_equal(vk.CmdCopyBuffer, core_function);
    /* The core name came with 1.3. */
    venus_device_vk_load(&vk, NULL, get_function, VK_MAKE_API_VERSION(0, 1, 2, 999));
    assert_ptr_equal(vk.CmdCopyBuffer2, extension_function);
    assert_ptr_equal(vk.CmdCopyBuffer, core_function);
    assert_ptr_equal(vk.CmdDrawIndirectCount, core_function);
}

/* ---- a GPU that can make no device ---- */

static int devices;

static VKAPI_ATTR VkResult VKAPI_CALL no_device(VkPhysicalDevice gpu,
                                                const VkDeviceCreateInfo *info,
                                                const VkAllocationCallbacks *allocator,
                                                VkDevice *device)
{
    (void)gpu;
    (void)info;
    (void)allocator;
    (void)device;
    devices++;
    return VK_ERROR_INITIALIZATION_FAILED;
}

static VKAPI_ATTR void VKAPI_CALL get_memory(VkPhysicalDevice gpu,
                                             VkPhysicalDeviceMemoryProperties *memory)
{
    (void)gpu;
    *memory = (VkPhysicalDeviceMemoryProperties){.memoryTypeCount = 1, .memoryHeapCount = 1};
    memory->memoryTypes[0].propertyFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT |
                                           VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                           VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
}

static VKAPI_ATTR void VKAPI_CALL get_properties2(VkPhysicalDevice gpu,
                                                  VkPhysicalDeviceProperties2 *properties)
{
    (void)gpu;
    VkPhysicalDeviceIDProperties *id = properties->pNext;
    if (id->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES)
        id->deviceUUID[0] = 7;
}

static VKAPI_ATTR void VKAPI_CALL get_external_buffer(
    VkPhysicalDevice gpu, const VkPhysicalDeviceExternalBufferInfo *info,
    VkExternalBufferProperties *properties)
{
    (void)gpu;
    (void)info;
    properties->externalMemoryProperties.externalMemoryFeatures =
        VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT;
}

/* Whether the GPU is usable, and with how many devices made to find that out. */
static bool probe(const struct venus_gpu *known, int made)
{
    const struct venus_renderer_params params = {.gpus = known, .gpu_count = 1};
    struct venus_renderer *renderer = venus_renderer_create(&params);
    VkExtensionProperties extension = {.extensionName = "VK_EXT_external_memory_host"};
    static struct venus_instance instance;
    instance.vk.CreateDevice = no_device;
    instance.vk.GetPhysicalDeviceMemoryProperties = get_memory;
    instance.vk.GetPhysicalDeviceProperties2 = get_properties2;
    instance.vk.GetPhysicalDeviceExternalBufferProperties = get_external_buffer;
    struct venus_physical_device gpu = {
        .instance = &instance,
        .api_version = VK_API_VERSION_1_1,
        .properties = {.apiVersion = VK_API_VERSION_1_3, .driverVersion = 5, .deviceName = "Fake"},
        .queue_family_count = 1,
        .extensions = &extension,
        .extension_count = 1,
    };
    devices = 0;
    const bool usable = !venus_gpu_probe_memory(renderer, &gpu);
    assert_int_equal(devices, made);
    if (usable) {
        assert_int_equal(gpu.memory.path, VENUS_MEMORY_HOST_IMPORT);
        assert_int_equal(gpu.memory.importable, 1);
        assert_int_equal(gpu.memory.import_alignment, 8192);
    }
    venus_renderer_destroy(renderer);
    return usable;
}

static void test_known_gpu(void **state)
{
    (void)state;
    const struct venus_gpu right = {
        .name = "Fake",
        .uuid = {7},
        .api_version = VK_API_VERSION_1_3,
        .memory = {VENUS_MEMORY_HOST_IMPORT, 1, 8192, 5},
    };
    assert_false(probe(NULL, 1));
    assert_true(probe(&right, 0));
    /* Of another GPU or driver, or of no use: it is tried. */
    struct venus_gpu wrong[6] = {right, right, right, right, right, right};
    wrong[0].name[0] = 'M';
    wrong[1].uuid[15] = 1;
    wrong[2].api_version++;
    wrong[3].memory.driver_version++;
    wrong[4].memory.path = VENUS_MEMORY_NONE;
    wrong[5].memory.types = 2;
    for (size_t i = 0; i < 6; i++)
        assert_false(probe(&wrong[i], 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_known_gpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
