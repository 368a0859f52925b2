/* SPDX-License-Identifier: MIT */
/* The host's instance and the client's, the version of Vulkan in use, the names under which functions
 * are asked for, and what is known of GPUs before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "instance.h"
#include "pnext.h"

/* ---- a loader, with a layer ---- */

static uint32_t layer_version; /* 0: not installed */

/* What the loader does with instances. */
static struct {
    VkResult create, messenger, layers; /* what the calls return */
    bool missing;                       /* vkCreateInstance does not exist */
    int instances, messengers;          /* alive */
    /* Of the last instance. */
    uint32_t layer_count, extension_count, api_version;
    bool has_messenger, has_features;
    char application[32];
    PFN_vkDebugUtilsMessengerCallbackEXT say;
} loader;

static VKAPI_ATTR VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo *info,
                                                      const VkAllocationCallbacks *allocator,
                                                      VkInstance *instance)
{
    (void)allocator;
    if (loader.create)
        return loader.create;
    const VkDebugUtilsMessengerCreateInfoEXT *messenger =
        venus_pnext_find(info->pNext, VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT);
    loader.instances++;
    loader.layer_count = info->enabledLayerCount;
    loader.extension_count = info->enabledExtensionCount;
    loader.has_messenger = messenger;
    loader.say = messenger ? messenger->pfnUserCallback : NULL;
    loader.has_features =
        venus_pnext_find(info->pNext, VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT) != NULL;
    loader.api_version = info->pApplicationInfo->apiVersion;
    loader.application[0] = '\0';
    if (info->pApplicationInfo->pApplicationName)
        strncpy(loader.application, info->pApplicationInfo->pApplicationName,
                sizeof(loader.application) - 1);
    assert_null(info->pApplicationInfo->pNext);
    *instance = (VkInstance)(uintptr_t)0x10;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL destroy_instance(VkInstance instance,
                                                   const VkAllocationCallbacks *allocator)
{
    (void)instance;
    (void)allocator;
    assert_int_equal(loader.messengers, 0);
    loader.instances--;
}

static VKAPI_ATTR VkResult VKAPI_CALL
create_messenger(VkInstance instance, const VkDebugUtilsMessengerCreateInfoEXT *info,
                 const VkAllocationCallbacks *allocator, VkDebugUtilsMessengerEXT *messenger)
{
    (void)instance;
    (void)info;
    (void)allocator;
    if (loader.messenger)
        return loader.messenger;
    loader.messengers++;
    *messenger = (VkDebugUtilsMessengerEXT)(uintptr_t)0x20;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL destroy_messenger(VkInstance instance,
                                                    VkDebugUtilsMessengerEXT messenger,
                                                    const VkAllocationCallbacks *allocator)
{
    (void)instance;
    (void)messenger;
    (void)allocator;
    loader.messengers--;
}

static VKAPI_ATTR VkResult VKAPI_CALL enumerate_version(uint32_t *version)
{
    *version = VK_MAKE_API_VERSION(0, 1, 3, 239);
    return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL enumerate_layers(uint32_t *count, VkLayerProperties *layers)
{
    if (loader.layers)
        return loader.layers;
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
    static const struct {
        const char *name;
        bool global;
        PFN_vkVoidFunction function;
    } functions[] = {
        {"vkEnumerateInstanceVersion", true, (PFN_vkVoidFunction)enumerate_version},
        {"vkEnumerateInstanceLayerProperties", true, (PFN_vkVoidFunction)enumerate_layers},
        {"vkCreateInstance", true, (PFN_vkVoidFunction)create_instance},
        {"vkDestroyInstance", false, (PFN_vkVoidFunction)destroy_instance},
        {"vkCreateDebugUtilsMessengerEXT", false, (PFN_vkVoidFunction)create_messenger},
        {"vkDestroyDebugUtilsMessengerEXT", false, (PFN_vkVoidFunction)destroy_messenger},
    };
    if (loader.missing && !strcmp(name, "vkCreateInstance"))
        return NULL;
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (!strcmp(functions[i].name, name)) {
            assert_int_equal(!instance, functions[i].global);
            return functions[i].function;
        }
    }
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
    /* A loader that cannot say which layers there are has none. */
    layer_version = VK_API_VERSION_1_2;
    loader.layers = VK_ERROR_OUT_OF_HOST_MEMORY;
    assert_int_equal(venus_host_version(&renderer, &version), VK_SUCCESS);
    assert_int_equal(version, venus_registry_version);
    loader.layers = VK_SUCCESS;
}

/* ---- clients' instances ---- */

static struct venus_renderer *renderer;
static struct venus_context *context;
static struct venus_decoder *d;
static char message[1024];

static void on_log(enum venus_log_level level, const char *text)
{
    (void)level;
    strncpy(message, text, sizeof(message) - 1);
}

static int start(bool validate)
{
    static const struct venus_context_events events;
    const struct venus_renderer_params params = {
        .get_instance_proc_addr = get_global,
        .validate = validate,
    };
    memset(&loader, 0, sizeof(loader));
    layer_version = 0;
    message[0] = '\0';
    venus_log_set(on_log, VENUS_LOG_INFO);
    renderer = venus_renderer_create(&params);
    context = renderer ? venus_context_create(renderer, "test", &events, NULL) : NULL;
    if (!context)
        return -1;
    d = &context->virtqueue;
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return start(false);
}

static int setup_validation(void **state)
{
    (void)state;
    return start(true);
}

/* Whatever the client has done, nothing of the host's is left. */
static int teardown(void **state)
{
    (void)state;
    venus_context_destroy(context);
    venus_renderer_destroy(renderer);
    return loader.instances || loader.messengers ? -1 : 0;
}

static VkResult create(uint64_t id, uint32_t layers, uint32_t extensions)
{
    static const char *const names[] = {"VK_LAYER_KHRONOS_validation"};
    const VkBaseInStructure chain = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
    const VkApplicationInfo application = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pNext = &chain,
        .pApplicationName = "game",
        .apiVersion = VK_API_VERSION_1_0,
    };
    const VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pApplicationInfo = &application,
        .enabledLayerCount = layers,
        .ppEnabledLayerNames = names,
        .enabledExtensionCount = extensions,
        .ppEnabledExtensionNames = names,
    };
    VkInstance instance;
    struct venus_vkCreateInstance args = {
        .pCreateInfo = &info,
        .pInstance = &instance,
        .ret = VK_ERROR_UNKNOWN,
        .pInstance_ids = &id,
    };
    venus_handle_vkCreateInstance(d, &args);
    return args.ret;
}

static void destroy(struct venus_object *object)
{
    struct venus_vkDestroyInstance args = {.first = object};
    venus_handle_vkDestroyInstance(d, &args);
}

static void test_instance(void **state)
{
    (void)state;
    /* Layers and extensions are the client's own business. */
    assert_int_equal(create(1, 1, 0), VK_ERROR_LAYER_NOT_PRESENT);
    assert_int_equal(create(1, 0, 1), VK_ERROR_EXTENSION_NOT_PRESENT);
    assert_int_equal(loader.instances, 0);
    assert_int_equal(create(1, 0, 0), VK_SUCCESS);
    assert_int_equal(loader.instances, 1);
    assert_int_equal(loader.layer_count, 0);
    assert_int_equal(loader.extension_count, 0);
    assert_int_equal(loader.api_version, venus_registry_version);
    assert_string_equal(loader.application, "game");
    struct venus_object *object = venus_object_find(&context->objects, 1);
    assert_non_null(object);
    assert_int_equal(object->type, VENUS_OBJECT_Instance);

    destroy(NULL);
    assert_int_equal(loader.instances, 1);
    struct venus_object other = *object; /* as another thread saw it before */
    destroy(object);
    assert_int_equal(loader.instances, 0);
    assert_null(venus_object_find(&context->objects, 1));
    destroy(&other);
    assert_int_equal(loader.instances, 0);
    assert_false(venus_context_is_fatal(context));
    /* Another one takes another context. */
    create(2, 0, 0);
    assert_true(venus_context_is_fatal(context));
    assert_non_null(strstr(message, "a second VkInstance in one context"));
    assert_int_equal(loader.instances, 0);
}

static void test_no_instance(void **state)
{
    (void)state;
    loader.create = VK_ERROR_INCOMPATIBLE_DRIVER;
    assert_int_equal(create(1, 0, 0), VK_ERROR_INCOMPATIBLE_DRIVER);
    assert_non_null(strstr(message, "vkCreateInstance on the host failed: -9"));
    assert_null(venus_object_find(&context->objects, 1));
    loader.missing = true;
    assert_int_equal(create(1, 0, 0), VK_ERROR_INITIALIZATION_FAILED);
    /* It can be tried again. */
    loader.create = VK_SUCCESS;
    loader.missing = false;
    assert_int_equal(create(1, 0, 0), VK_SUCCESS);
    assert_non_null(venus_object_find(&context->objects, 1));
}

/* A client that ends without a word leaves its instance to us. */
static void test_id_in_use(void **state)
{
    (void)state;
    struct venus_object *object;
    assert_int_equal(venus_object_add(&context->objects, VENUS_OBJECT_Buffer, 1, 1, NULL, NULL,
                                      NULL, &object),
                     VENUS_OBJECT_OK);
    create(1, 0, 0);
    assert_true(venus_context_is_fatal(context));
    assert_int_equal(loader.instances, 1); /* until the context goes */
}

static void test_no_layer(void **state)
{
    (void)state;
    assert_int_equal(create(1, 0, 0), VK_ERROR_LAYER_NOT_PRESENT);
    assert_int_equal(loader.instances, 0);
    struct venus_instance *instance;
    assert_int_equal(venus_instance_open(renderer, NULL, &instance), VK_ERROR_LAYER_NOT_PRESENT);
    assert_non_null(strstr(message, "VK_LAYER_KHRONOS_validation is not installed on this host"));
}

static void test_layer(void **state)
{
    (void)state;
    layer_version = VK_MAKE_API_VERSION(0, 1, 99, 0);
    assert_int_equal(create(1, 0, 0), VK_SUCCESS);
    assert_int_equal(loader.layer_count, 1);
    assert_int_equal(loader.extension_count, 1);
    assert_true(loader.has_messenger);
    assert_false(loader.has_features);
    assert_int_equal(loader.messengers, 1);
    /* What the layer says goes to the log. */
    VkDebugUtilsMessengerCallbackDataEXT said = {
        .pMessageIdName = "VUID-1",
        .pMessage = "do not",
    };
    assert_int_equal(loader.say(0, 0, &said, NULL), VK_FALSE);
    assert_string_equal(message, "validation: VUID-1: do not");
    said.pMessageIdName = NULL;
    loader.say(0, 0, &said, NULL);
    assert_string_equal(message, "validation: no id: do not");
}

/* It gets handles of the driver's, since it does not know all commands that get some. */
static void test_old_layer(void **state)
{
    (void)state;
    layer_version = VK_MAKE_API_VERSION(0, 1, 2, 131);
    assert_int_equal(create(1, 0, 0), VK_SUCCESS);
    assert_string_equal(message,
                        "VK_LAYER_KHRONOS_validation knows Vulkan 1.2.131 only, so that is used");
    assert_int_equal(loader.api_version, VK_MAKE_API_VERSION(0, 1, 2, 131));
    assert_int_equal(loader.extension_count, 2);
    assert_true(loader.has_messenger);
    assert_true(loader.has_features);
}

static void test_no_messenger(void **state)
{
    (void)state;
    layer_version = VK_MAKE_API_VERSION(0, 1, 99, 0);
    loader.messenger = VK_ERROR_OUT_OF_HOST_MEMORY;
    assert_int_equal(create(1, 0, 0), VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_int_equal(loader.instances, 0);
    assert_null(venus_object_find(&context->objects, 1));
}

static VkResult extensions(const char *layer, uint32_t *count, VkExtensionProperties *properties)
{
    struct venus_vkEnumerateInstanceExtensionProperties args = {
        .pLayerName = layer,
        .pPropertyCount = count,
        .pProperties = properties,
        .ret = VK_ERROR_UNKNOWN,
    };
    venus_handle_vkEnumerateInstanceExtensionProperties(d, &args);
    return args.ret;
}

static void test_extensions(void **state)
{
    (void)state;
    VkExtensionProperties room[3];
    uint32_t count = 77;
    memset(room, 0, sizeof(room));
    assert_int_equal(extensions("VK_LAYER_KHRONOS_validation", &count, room),
                     VK_ERROR_LAYER_NOT_PRESENT);
    assert_int_equal(extensions(NULL, &count, NULL), VK_SUCCESS);
    assert_int_equal(count, 2);
    count = 1;
    assert_int_equal(extensions(NULL, &count, room), VK_INCOMPLETE);
    assert_int_equal(count, 1);
    assert_string_equal(room[0].extensionName, "VK_EXT_command_serialization");
    assert_string_equal(room[1].extensionName, "");
    count = 3;
    assert_int_equal(extensions(NULL, &count, room), VK_SUCCESS);
    assert_int_equal(count, 2);
    assert_string_equal(room[1].extensionName, "VK_MESA_venus_protocol");
    assert_true(room[1].specVersion >= 1);
    assert_string_equal(room[2].extensionName, "");
}

static void test_version_command(void **state)
{
    (void)state;
    uint32_t version = 0;
    struct venus_vkEnumerateInstanceVersion args = {
        .pApiVersion = &version,
        .ret = VK_ERROR_UNKNOWN,
    };
    venus_handle_vkEnumerateInstanceVersion(d, &args);
    assert_int_equal(args.ret, VK_SUCCESS);
    assert_int_equal(version, venus_registry_version);
    args.pApiVersion = NULL;
    args.ret = VK_ERROR_UNKNOWN;
    venus_handle_vkEnumerateInstanceVersion(d, &args);
    assert_int_equal(args.ret, VK_SUCCESS);
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

static VKAPI_ATTR void VKAPI_CALL get_all_features(VkPhysicalDevice handle,
                                                   VkPhysicalDeviceFeatures2 *features)
{
    (void)handle;
    VkPhysicalDeviceAccelerationStructureFeaturesKHR *structures = features->pNext;
    features->features.geometryShader = VK_TRUE;
    if (structures)
        structures->accelerationStructure = structures->accelerationStructureHostCommands = VK_TRUE;
}

/* Commands that are refused are no feature. */
static void test_features(void **state)
{
    (void)state;
    struct venus_instance instance = {.vk.GetPhysicalDeviceFeatures2 = get_all_features};
    struct venus_physical_device gpu = {.instance = &instance};
    struct venus_object object = {.data = &gpu};
    VkPhysicalDeviceAccelerationStructureFeaturesKHR structures = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_FEATURES_KHR,
    };
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
    struct venus_vkGetPhysicalDeviceFeatures2 args = {.pFeatures = &features, .first = &object};
    venus_handle_vkGetPhysicalDeviceFeatures2(NULL, &args);
    assert_true(features.features.geometryShader);
    features.pNext = &structures;
    venus_handle_vkGetPhysicalDeviceFeatures2(NULL, &args);
    assert_true(structures.accelerationStructure);
    assert_false(structures.accelerationStructureHostCommands);
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

#define TEST(f, setup) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_features),
        cmocka_unit_test(test_known_gpu),
        TEST(test_instance, setup),
        TEST(test_no_instance, setup),
        TEST(test_id_in_use, setup),
        TEST(test_no_layer, setup_validation),
        TEST(test_layer, setup_validation),
        TEST(test_old_layer, setup_validation),
        TEST(test_no_messenger, setup_validation),
        TEST(test_extensions, setup),
        TEST(test_version_command, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
