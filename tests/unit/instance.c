/* SPDX-License-Identifier: MIT */
/* The version of Vulkan in use, and the names under which functions are asked for. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
