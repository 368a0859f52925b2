/* SPDX-License-Identifier: MIT */
#include "common.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <time.h>

static atomic_uint failures;

_Noreturn void prog_die(const char *file, int line, const char *fmt, ...)
{
    va_list ap;

    fflush(stdout);
    fprintf(stderr, "%s:%d: ", file, line);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    /* Threads may still be in the driver: leave without running its destructors. */
    fflush(stderr);
    _Exit(1);
}

void prog_check(VkResult result, VkResult wanted, const char *expr, const char *file, int line)
{
    if (result != wanted)
        prog_die(file, line, "%s gave %d, not %d", expr, (int)result, (int)wanted);
}

void prog_expect(bool cond, const char *file, int line, const char *fmt, ...)
{
    va_list ap;

    if (cond || atomic_fetch_add(&failures, 1) >= 20)
        return;
    fprintf(stderr, "%s:%d: ", file, line);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

_Noreturn void prog_skip(struct prog *p, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "%s: skipped: ", p->name);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(PROG_SKIP);
}

uint64_t prog_fnv_more(uint64_t hash, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3ull;
    return hash;
}

uint64_t prog_fnv(const void *data, size_t size)
{
    return prog_fnv_more(PROG_FNV_START, data, size);
}

void prog_print(const char *part, const char *name, const char *fmt, ...)
{
    va_list ap;

    printf("%s.%s: ", part, name);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

void prog_hash(const char *part, const char *name, const void *data, size_t size)
{
    prog_print(part, name, "fnv64 0x%016" PRIx64 " (%zu bytes)", prog_fnv(data, size), size);
}

void prog_skip_part(const char *part, const char *reason)
{
    printf("%s: skipped (%s)\n", part, reason);
}

void prog_write_ppm(const char *path, const uint8_t *rgba, uint32_t width, uint32_t height)
{
    FILE *f = fopen(path, "wb");

    if (!f)
        DIE("cannot write %s: %s", path, strerror(errno));
    fprintf(f, "P6\n%u %u\n255\n", width, height);
    for (size_t i = 0; i < (size_t)width * height; i++)
        fwrite(rgba + 4 * i, 3, 1, f);
    if (fclose(f) != 0)
        DIE("cannot write %s: %s", path, strerror(errno));
}

uint64_t prog_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

uint32_t prog_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8 ^ *state << 13;
}

/* ---- command line ---- */

static void usage(FILE *f, const struct prog_about *about)
{
    fprintf(f,
            "Usage: %s [OPTION]...%s%s\n%s\n\n"
            "  --validate        check every call with the Khronos validation layer\n"
            "  --output FILE     write the picture to FILE (PPM), where there is one\n"
            "  --iterations N    do N rounds, where there are rounds\n"
            "  --help            this text\n\n"
            "The environment variable PROGRAM_DEVICE chooses the device, by index or by a part\n"
            "of its name.\n",
            about->name, about->modes ? " " : "", about->modes ? about->modes : "", about->summary);
}

static _Noreturn void usage_error(const struct prog_about *about)
{
    usage(stderr, about);
    exit(2);
}

static void parse_arguments(struct prog *p, int argc, char **argv, const struct prog_about *about)
{
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];

        if (strcmp(arg, "--help") == 0) {
            usage(stdout, about);
            exit(0);
        } else if (strcmp(arg, "--validate") == 0) {
            p->validate = true;
        } else if (strcmp(arg, "--output") == 0 && i + 1 < argc) {
            p->output = argv[++i];
        } else if (strcmp(arg, "--iterations") == 0 && i + 1 < argc) {
            char *end;
            unsigned long n = strtoul(argv[++i], &end, 10);

            if (*end || n == 0 || n > 100000000)
                usage_error(about);
            p->iterations = (unsigned)n;
        } else if (arg[0] != '-' && about->modes && !p->mode) {
            p->mode = arg;
        } else {
            usage_error(about);
        }
    }
}

/* ---- instance ---- */

static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                 VkDebugUtilsMessageTypeFlagsEXT types,
                                                 const VkDebugUtilsMessengerCallbackDataEXT *data,
                                                 void *user)
{
    (void)types;
    (void)user;
    fprintf(stderr, "validation: %s\n", data->pMessage);
    if (severity & VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT)
        atomic_fetch_add(&failures, 1);
    return VK_FALSE;
}

static bool has_layer(const char *name)
{
    uint32_t count = 0;
    VkLayerProperties *layers;
    bool found = false;

    CHECK(vkEnumerateInstanceLayerProperties(&count, NULL));
    layers = calloc(count + 1, sizeof(*layers));
    CHECK(vkEnumerateInstanceLayerProperties(&count, layers));
    for (uint32_t i = 0; i < count; i++)
        found |= strcmp(layers[i].layerName, name) == 0;
    free(layers);
    return found;
}

static void create_instance(struct prog *p)
{
    const char *layer = "VK_LAYER_KHRONOS_validation";
    const char *extension = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
    VkDebugUtilsMessengerCreateInfoEXT messenger = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT |
                           VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = on_message,
    };
    VkApplicationInfo app = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pApplicationName = p->name,
        .apiVersion = VK_API_VERSION_1_3,
    };
    VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pApplicationInfo = &app,
    };
    VkResult result;

    if (p->validate) {
        if (!has_layer(layer))
            prog_skip(p, "%s is not installed", layer);
        info.pNext = &messenger;
        info.enabledLayerCount = 1;
        info.ppEnabledLayerNames = &layer;
        info.enabledExtensionCount = 1;
        info.ppEnabledExtensionNames = &extension;
    }
    result = vkCreateInstance(&info, NULL, &p->instance);
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
        prog_skip(p, "no Vulkan driver");
    CHECK(result);
    if (p->validate) {
        PFN_vkCreateDebugUtilsMessengerEXT create =
            (PFN_vkCreateDebugUtilsMessengerEXT)vkGetInstanceProcAddr(
                p->instance, "vkCreateDebugUtilsMessengerEXT");

        CHECK(create(p->instance, &messenger, NULL, &p->messenger));
    }
}

static void choose_device(struct prog *p)
{
    const char *wanted = getenv("PROGRAM_DEVICE");
    VkPhysicalDevice devices[16];
    uint32_t count = PROG_ARRAY_SIZE(devices);
    uint32_t chosen = UINT32_MAX;
    VkResult result = vkEnumeratePhysicalDevices(p->instance, &count, devices);

    if (result != VK_INCOMPLETE)
        CHECK(result);
    for (uint32_t i = 0; i < count && chosen == UINT32_MAX; i++) {
        char index[16];

        vkGetPhysicalDeviceProperties(devices[i], &p->properties);
        snprintf(index, sizeof(index), "%u", i);
        if (!wanted || strcmp(wanted, index) == 0 || strstr(p->properties.deviceName, wanted))
            chosen = i;
    }
    if (chosen == UINT32_MAX)
        prog_skip(p, "no Vulkan device%s%s", wanted ? " matches " : "", wanted ? wanted : "");
    p->physical = devices[chosen];
    vkGetPhysicalDeviceMemoryProperties(p->physical, &p->memory);
    p->api_version = p->properties.apiVersion < VK_API_VERSION_1_3 ? p->properties.apiVersion
                                                                   : VK_API_VERSION_1_3;
    if (p->api_version < VK_API_VERSION_1_1)
        prog_skip(p, "the device has only Vulkan 1.0");
    fprintf(stderr, "%s: on %s, Vulkan %u.%u.%u\n", p->name, p->properties.deviceName,
            VK_API_VERSION_MAJOR(p->properties.apiVersion),
            VK_API_VERSION_MINOR(p->properties.apiVersion),
            VK_API_VERSION_PATCH(p->properties.apiVersion));
}

void prog_init_instance(struct prog *p, int argc, char **argv, const struct prog_about *about)
{
    memset(p, 0, sizeof(*p));
    p->name = about->name;
    parse_arguments(p, argc, argv, about);
    create_instance(p);
    choose_device(p);
}

/* ---- device ---- */

bool prog_has_extension(struct prog *p, const char *name)
{
    uint32_t count = 0;
    VkExtensionProperties *list;
    bool found = false;

    CHECK(vkEnumerateDeviceExtensionProperties(p->physical, NULL, &count, NULL));
    list = calloc(count + 1, sizeof(*list));
    CHECK(vkEnumerateDeviceExtensionProperties(p->physical, NULL, &count, list));
    for (uint32_t i = 0; i < count; i++)
        found |= strcmp(list[i].extensionName, name) == 0;
    free(list);
    return found;
}

/* Everything that may go into the chain of VkDeviceCreateInfo. */
struct device_features {
    VkPhysicalDeviceFeatures2 base;
    VkPhysicalDeviceVulkan11Features v11;
    VkPhysicalDeviceVulkan12Features v12;
    VkPhysicalDeviceVulkan13Features v13;
    VkPhysicalDeviceSynchronization2Features sync2;
    VkPhysicalDeviceDynamicRenderingFeatures dynamic_rendering;
    VkPhysicalDeviceInlineUniformBlockFeatures inline_uniform;
    VkPhysicalDevicePipelineCreationCacheControlFeatures cache_control;
    VkPhysicalDevicePrivateDataFeatures private_data;
    VkPhysicalDeviceMaintenance4Features maintenance4;
    VkPhysicalDeviceExtendedDynamicStateFeaturesEXT dynamic_state;
    VkPhysicalDeviceCustomBorderColorFeaturesEXT custom_border;
    VkPhysicalDeviceTransformFeedbackFeaturesEXT transform_feedback;

    const char *extensions[32];
    uint32_t extension_count;
};

static void chain(struct device_features *f, void *node, VkStructureType type)
{
    VkBaseOutStructure *s = node;

    s->sType = type;
    s->pNext = f->base.pNext;
    f->base.pNext = s;
}

static bool want_extension(struct prog *p, struct device_features *f, const char *name)
{
    if (!prog_has_extension(p, name))
        return false;
    f->extensions[f->extension_count++] = name;
    return true;
}

/* Extensions that are core in Vulkan 1.3, for devices with less. */
static void chain_1_3_extensions(struct prog *p, struct device_features *f)
{
    if (want_extension(p, f, VK_KHR_SYNCHRONIZATION_2_EXTENSION_NAME))
        chain(f, &f->sync2, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SYNCHRONIZATION_2_FEATURES);
    if (want_extension(p, f, VK_KHR_DYNAMIC_RENDERING_EXTENSION_NAME))
        chain(f, &f->dynamic_rendering,
              VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DYNAMIC_RENDERING_FEATURES);
    if (want_extension(p, f, VK_EXT_INLINE_UNIFORM_BLOCK_EXTENSION_NAME))
        chain(f, &f->inline_uniform,
              VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_INLINE_UNIFORM_BLOCK_FEATURES);
    if (want_extension(p, f, VK_EXT_PIPELINE_CREATION_CACHE_CONTROL_EXTENSION_NAME))
        chain(f, &f->cache_control,
              VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_CREATION_CACHE_CONTROL_FEATURES);
    if (want_extension(p, f, VK_EXT_PRIVATE_DATA_EXTENSION_NAME))
        chain(f, &f->private_data, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRIVATE_DATA_FEATURES);
    if (want_extension(p, f, VK_KHR_MAINTENANCE_4_EXTENSION_NAME))
        chain(f, &f->maintenance4, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_FEATURES);
    if (want_extension(p, f, VK_EXT_EXTENDED_DYNAMIC_STATE_EXTENSION_NAME))
        chain(f, &f->dynamic_state,
              VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTENDED_DYNAMIC_STATE_FEATURES_EXT);
}

static void query_features(struct prog *p, struct device_features *f)
{
    f->base.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
    if (p->api_version >= VK_API_VERSION_1_2) {
        chain(f, &f->v11, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES);
        chain(f, &f->v12, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
    }
    if (p->api_version >= VK_API_VERSION_1_3)
        chain(f, &f->v13, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES);
    else
        chain_1_3_extensions(p, f);
    p->has.push_descriptor = want_extension(p, f, VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME);
    if (want_extension(p, f, VK_EXT_CUSTOM_BORDER_COLOR_EXTENSION_NAME))
        chain(f, &f->custom_border,
              VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_CUSTOM_BORDER_COLOR_FEATURES_EXT);
    if (want_extension(p, f, VK_EXT_TRANSFORM_FEEDBACK_EXTENSION_NAME))
        chain(f, &f->transform_feedback,
              VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TRANSFORM_FEEDBACK_FEATURES_EXT);
    vkGetPhysicalDeviceFeatures2(p->physical, &f->base);
}

static void drop_sparse_features(VkPhysicalDeviceFeatures *f)
{
    f->sparseBinding = VK_FALSE;
    f->sparseResidencyBuffer = VK_FALSE;
    f->sparseResidencyImage2D = VK_FALSE;
    f->sparseResidencyImage3D = VK_FALSE;
    f->sparseResidency2Samples = VK_FALSE;
    f->sparseResidency4Samples = VK_FALSE;
    f->sparseResidency8Samples = VK_FALSE;
    f->sparseResidency16Samples = VK_FALSE;
    f->sparseResidencyAliased = VK_FALSE;
}

/* Features that cost speed or need more set-up than these programs do. */
static void drop_features(struct device_features *f, bool sparse)
{
    f->base.features.robustBufferAccess = VK_FALSE;
    if (!sparse)
        drop_sparse_features(&f->base.features);
    f->v11.protectedMemory = VK_FALSE;
    f->v12.bufferDeviceAddressCaptureReplay = VK_FALSE;
    f->v12.bufferDeviceAddressMultiDevice = VK_FALSE;
    f->v13.robustImageAccess = VK_FALSE;
}

static void note_features(struct prog *p, const struct device_features *f)
{
    struct prog_has *has = &p->has;
    const VkPhysicalDeviceVulkan12Features *v12 = &f->v12;
    bool v13 = p->api_version >= VK_API_VERSION_1_3;

    p->features = f->base.features;
    p->features12 = f->v12;
    has->timeline = v12->timelineSemaphore;
    has->bda = v12->bufferDeviceAddress;
    has->draw_count = v12->drawIndirectCount;
    has->update_after_bind = v12->descriptorIndexing && v12->descriptorBindingPartiallyBound &&
                             v12->descriptorBindingStorageBufferUpdateAfterBind &&
                             v12->descriptorBindingSampledImageUpdateAfterBind;
    has->variable_count = v12->descriptorBindingVariableDescriptorCount;
    has->runtime_array = v12->runtimeDescriptorArray;
    has->host_query_reset = v12->hostQueryReset;
    has->separate_depth_stencil_layouts = v12->separateDepthStencilLayouts;
    has->imageless = v12->imagelessFramebuffer;
    has->create_renderpass2 = p->api_version >= VK_API_VERSION_1_2;
    has->sync2 = f->v13.synchronization2 || f->sync2.synchronization2;
    has->dynamic_rendering = f->v13.dynamicRendering || f->dynamic_rendering.dynamicRendering;
    has->inline_uniform = f->v13.inlineUniformBlock || f->inline_uniform.inlineUniformBlock;
    has->cache_control =
        f->v13.pipelineCreationCacheControl || f->cache_control.pipelineCreationCacheControl;
    has->private_data = f->v13.privateData || f->private_data.privateData;
    has->maintenance4 = f->v13.maintenance4 || f->maintenance4.maintenance4;
    has->extended_dynamic_state = v13 || f->dynamic_state.extendedDynamicState;
    has->custom_border =
        f->custom_border.customBorderColors && f->custom_border.customBorderColorWithoutFormat;
    has->transform_feedback = f->transform_feedback.transformFeedback;
}

static void choose_family(struct prog *p)
{
    VkQueueFlags wanted = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;
    VkQueueFamilyProperties families[16];
    uint32_t count = PROG_ARRAY_SIZE(families);

    vkGetPhysicalDeviceQueueFamilyProperties(p->physical, &count, families);
    for (uint32_t i = 0; i < count; i++) {
        if ((families[i].queueFlags & wanted) == wanted) {
            p->family = i;
            p->queue_count = families[i].queueCount < 4 ? families[i].queueCount : 4;
            return;
        }
    }
    prog_skip(p, "no queue family with graphics and compute");
}

static void create_device(struct prog *p, bool sparse)
{
    const float priorities[4] = {1.0f, 1.0f, 1.0f, 1.0f};
    struct device_features *f = calloc(1, sizeof(*f));
    VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .pQueuePriorities = priorities,
    };
    VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
    };

    query_features(p, f);
    drop_features(f, sparse);
    note_features(p, f);
    queue.queueFamilyIndex = p->family;
    queue.queueCount = p->queue_count;
    info.pNext = &f->base;
    info.enabledExtensionCount = f->extension_count;
    info.ppEnabledExtensionNames = f->extensions;
    CHECK(vkCreateDevice(p->physical, &info, NULL, &p->device));
    vkGetDeviceQueue(p->device, p->family, 0, &p->queue);
    free(f);
}

void prog_init(struct prog *p, int argc, char **argv, const struct prog_about *about)
{
    VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
    };

    prog_init_instance(p, argc, argv, about);
    choose_family(p);
    create_device(p, about->sparse);
    pool.queueFamilyIndex = p->family;
    CHECK(vkCreateCommandPool(p->device, &pool, NULL, &p->pool));
}

int prog_finish(struct prog *p)
{
    if (p->device) {
        CHECK(vkDeviceWaitIdle(p->device));
        vkDestroyCommandPool(p->device, p->pool, NULL);
        vkDestroyDevice(p->device, NULL);
    }
    if (p->messenger) {
        PFN_vkDestroyDebugUtilsMessengerEXT destroy =
            (PFN_vkDestroyDebugUtilsMessengerEXT)vkGetInstanceProcAddr(
                p->instance, "vkDestroyDebugUtilsMessengerEXT");

        destroy(p->instance, p->messenger, NULL);
    }
    vkDestroyInstance(p->instance, NULL);
    if (fflush(stdout) != 0)
        DIE("cannot write the results: %s", strerror(errno));
    if (atomic_load(&failures) > 0)
        fprintf(stderr, "%s: %u checks failed\n", p->name, atomic_load(&failures));
    return atomic_load(&failures) > 0;
}

/* The version in which a function that these programs use through prog_proc() became core. */
static uint32_t core_version(const char *name)
{
    static const char *const since_1_2[] = {
        "vkWaitSemaphores",         "vkSignalSemaphore",      "vkGetSemaphoreCounterValue",
        "vkGetBufferDeviceAddress", "vkCmdDrawIndirectCount", "vkCmdDrawIndexedIndirectCount",
        "vkResetQueryPool",         "vkCreateRenderPass2",    "vkCmdBeginRenderPass2",
        "vkCmdNextSubpass2",        "vkCmdEndRenderPass2",
    };

    for (size_t i = 0; i < PROG_ARRAY_SIZE(since_1_2); i++)
        if (strcmp(name, since_1_2[i]) == 0)
            return VK_API_VERSION_1_2;
    return VK_API_VERSION_1_3;
}

PFN_vkVoidFunction prog_proc(struct prog *p, const char *name)
{
    static const char *const suffixes[] = {"KHR", "EXT"};
    const char *end = name + strlen(name) - 3;
    PFN_vkVoidFunction function = NULL;

    /* A function that is no core one anywhere here. */
    if (strcmp(end, "KHR") == 0 || strcmp(end, "EXT") == 0)
        return vkGetDeviceProcAddr(p->device, name);
    if (p->api_version >= core_version(name))
        function = vkGetDeviceProcAddr(p->device, name);
    for (size_t i = 0; i < PROG_ARRAY_SIZE(suffixes) && !function; i++) {
        char buffer[128];

        snprintf(buffer, sizeof(buffer), "%s%s", name, suffixes[i]);
        function = vkGetDeviceProcAddr(p->device, buffer);
    }
    return function;
}
