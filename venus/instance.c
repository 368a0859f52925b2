/* SPDX-License-Identifier: MIT */
/*
 * The client's VkInstance.  There is one per context.  Layers and instance extensions are the
 * client's own business (its Vulkan loader and Mesa do them); the host's instance has only ours.
 */
#include "instance.h"

#include <stdlib.h>

#define VALIDATION_LAYER "VK_LAYER_KHRONOS_validation"

static PFN_vkVoidFunction global_proc(const struct venus_renderer *renderer, const char *name)
{
    return renderer->get_instance_proc_addr(NULL, name);
}

/* ---- the validation layer ---- */

static VKAPI_ATTR VkBool32 VKAPI_CALL on_validation_message(
    VkDebugUtilsMessageSeverityFlagBitsEXT severity, VkDebugUtilsMessageTypeFlagsEXT types,
    const VkDebugUtilsMessengerCallbackDataEXT *data, void *user)
{
    (void)severity;
    (void)types;
    (void)user;
    /* Not every version of the layer has the id in the text. */
    venus_log(VENUS_LOG_WARNING, "validation: %s: %s",
              data->pMessageIdName ? data->pMessageIdName : "no id", data->pMessage);
    return VK_FALSE;
}

static const VkDebugUtilsMessengerCreateInfoEXT messenger_info = {
    .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
    .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                       VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
    .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
    .pfnUserCallback = on_validation_message,
};

/* The version of Vulkan that the layer knows, 0 if it is not installed. It brings
 * VK_EXT_debug_utils and VK_EXT_validation_features along. */
static uint32_t layer_version(const struct venus_renderer *renderer)
{
    PFN_vkEnumerateInstanceLayerProperties enumerate = (PFN_vkEnumerateInstanceLayerProperties)
        global_proc(renderer, "vkEnumerateInstanceLayerProperties");
    uint32_t count = 0, version = 0;
    if (!enumerate || enumerate(&count, NULL) != VK_SUCCESS)
        return 0;
    VkLayerProperties *layers = calloc(count, sizeof(*layers));
    if (layers && enumerate(&count, layers) >= VK_SUCCESS) {
        for (uint32_t i = 0; i < count && !version; i++) {
            if (strcmp(layers[i].layerName, VALIDATION_LAYER) == 0)
                version = layers[i].specVersion;
        }
    }
    free(layers);
    return version;
}

/* For a layer that is older than our tables: commands of extensions that it does not know get the
 * driver's handles only if it has none of its own. */
static const VkValidationFeatureDisableEXT own_handles[] = {
    VK_VALIDATION_FEATURE_DISABLE_UNIQUE_HANDLES_EXT,
};
static const VkValidationFeaturesEXT old_layer_info = {
    .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
    .pNext = &messenger_info,
    .disabledValidationFeatureCount = 1,
    .pDisabledValidationFeatures = own_handles,
};

/* ---- creation and destruction ---- */

VkResult venus_host_version(const struct venus_renderer *renderer, uint32_t *version)
{
    PFN_vkEnumerateInstanceVersion enumerate =
        (PFN_vkEnumerateInstanceVersion)global_proc(renderer, "vkEnumerateInstanceVersion");
    *version = VK_API_VERSION_1_0;
    const VkResult result = enumerate ? enumerate(version) : VK_SUCCESS;
    if (result == VK_SUCCESS && *version >= VK_API_VERSION_1_1)
        *version = venus_registry_version;
    /* It passes on commands that it does not know, with handles of its own that mean nothing. */
    const uint32_t layer = renderer->validate ? layer_version(renderer) : 0;
    if (layer && layer < *version)
        *version = layer;
    return result;
}

static VkResult create(const struct venus_renderer *renderer, const VkApplicationInfo *application,
                       struct venus_instance *instance)
{
    PFN_vkCreateInstance create_instance =
        (PFN_vkCreateInstance)global_proc(renderer, "vkCreateInstance");
    if (!create_instance)
        return VK_ERROR_INITIALIZATION_FAILED;

    VkResult result = venus_host_version(renderer, &instance->api_version);
    if (result != VK_SUCCESS)
        return result;
    if (instance->api_version < VK_API_VERSION_1_1) {
        venus_log(VENUS_LOG_ERROR, "this host's Vulkan loader is older than 1.1");
        return VK_ERROR_INCOMPATIBLE_DRIVER;
    }

    VkApplicationInfo info = {0};
    if (application)
        info = *application;
    info.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
    info.pNext = NULL;
    info.apiVersion = instance->api_version;

    static const char *const layers[] = {VALIDATION_LAYER};
    static const char *const extensions[] = {
        VK_EXT_DEBUG_UTILS_EXTENSION_NAME,
        VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME,
    };
    const uint32_t validate = renderer->validate;
    const uint32_t layer = validate ? layer_version(renderer) : 0;
    const bool old_layer = layer && layer < venus_registry_version;
    if (validate && !layer) {
        venus_log(VENUS_LOG_ERROR, "validation is wanted, but " VALIDATION_LAYER
                                   " is not installed on this host");
        return VK_ERROR_LAYER_NOT_PRESENT;
    }
    if (old_layer)
        venus_log(VENUS_LOG_INFO, VALIDATION_LAYER " knows Vulkan %u.%u.%u only, so that is used",
                  VK_API_VERSION_MAJOR(layer), VK_API_VERSION_MINOR(layer),
                  VK_API_VERSION_PATCH(layer));
    const void *chain = old_layer ? (const void *)&old_layer_info : &messenger_info;
    const VkInstanceCreateInfo create_info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pNext = validate ? chain : NULL,
        .pApplicationInfo = &info,
        .enabledLayerCount = validate,
        .ppEnabledLayerNames = layers,
        .enabledExtensionCount = validate + old_layer,
        .ppEnabledExtensionNames = extensions,
    };
    result = create_instance(&create_info, NULL, &instance->handle);
    if (result != VK_SUCCESS) {
        instance->handle = VK_NULL_HANDLE;
        return result;
    }
    venus_instance_vk_load(&instance->vk, instance->handle, renderer->get_instance_proc_addr,
                           instance->api_version);
    if (validate && instance->vk.CreateDebugUtilsMessengerEXT)
        result = instance->vk.CreateDebugUtilsMessengerEXT(instance->handle, &messenger_info, NULL,
                                                           &instance->messenger);
    return result;
}

VkResult venus_instance_open(const struct venus_renderer *renderer,
                             const VkApplicationInfo *application, struct venus_instance **out)
{
    struct venus_instance *instance = calloc(1, sizeof(*instance));
    if (!instance)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    const VkResult result = create(renderer, application, instance);
    if (result != VK_SUCCESS) {
        venus_instance_close(instance);
        return result;
    }
    *out = instance;
    return VK_SUCCESS;
}

/* Destroy what the host has; our records stay, since other threads may still look at them. */
static void destroy_handles(struct venus_instance *instance)
{
    if (instance->messenger)
        instance->vk.DestroyDebugUtilsMessengerEXT(instance->handle, instance->messenger, NULL);
    instance->messenger = VK_NULL_HANDLE;
    if (instance->handle)
        instance->vk.DestroyInstance(instance->handle, NULL);
    instance->handle = VK_NULL_HANDLE;
}

void venus_instance_close(struct venus_instance *instance)
{
    if (!instance)
        return;
    destroy_handles(instance);
    venus_physical_devices_finish(instance);
    free(instance);
}

static void teardown_devices(struct venus_context *context)
{
    pthread_mutex_lock(&context->lock);
    struct venus_device *device = context->devices; /* only grows, at its head */
    pthread_mutex_unlock(&context->lock);
    for (; device; device = device->next)
        venus_device_teardown(device);
}

void venus_instance_teardown(struct venus_context *context)
{
    teardown_devices(context);
    venus_instance_close(context->instance);
    context->instance = NULL;
}

/* ---- commands ---- */

void venus_handle_vkEnumerateInstanceVersion(struct venus_decoder *d,
                                             struct venus_vkEnumerateInstanceVersion *args)
{
    uint32_t version;
    args->ret = venus_host_version(d->context->renderer, &version);
    if (args->pApiVersion)
        *args->pApiVersion = version;
}

void venus_handle_vkEnumerateInstanceExtensionProperties(
    struct venus_decoder *d, struct venus_vkEnumerateInstanceExtensionProperties *args)
{
    (void)d;
    static const char *const names[] = {"VK_EXT_command_serialization", "VK_MESA_venus_protocol"};
    const uint32_t available = sizeof(names) / sizeof(names[0]);
    if (args->pLayerName) {
        args->ret = VK_ERROR_LAYER_NOT_PRESENT;
        return;
    }
    if (!args->pProperties) {
        *args->pPropertyCount = available;
        args->ret = VK_SUCCESS;
        return;
    }
    const uint32_t count = *args->pPropertyCount < available ? *args->pPropertyCount : available;
    for (uint32_t i = 0; i < count; i++) {
        const struct venus_extension *extension = venus_extension_find(names[i]);
        strncpy(args->pProperties[i].extensionName, names[i], VK_MAX_EXTENSION_NAME_SIZE - 1);
        args->pProperties[i].specVersion = extension ? extension->spec_version : 1;
    }
    *args->pPropertyCount = count;
    args->ret = count < available ? VK_INCOMPLETE : VK_SUCCESS;
}

void venus_handle_vkCreateInstance(struct venus_decoder *d, struct venus_vkCreateInstance *args)
{
    const VkInstanceCreateInfo *info = args->pCreateInfo;
    if (info->enabledLayerCount) {
        args->ret = VK_ERROR_LAYER_NOT_PRESENT;
        return;
    }
    if (info->enabledExtensionCount) {
        args->ret = VK_ERROR_EXTENSION_NOT_PRESENT;
        return;
    }

    /* A second one is refused even after vkDestroyInstance: clients open a context for each. */
    struct venus_context *context = d->context;
    pthread_mutex_lock(&context->lock);
    const bool first = !context->instance;
    if (first)
        args->ret = venus_instance_open(context->renderer, info->pApplicationInfo,
                                        &context->instance);
    pthread_mutex_unlock(&context->lock);
    if (!first) {
        venus_decoder_fail(d, "a second VkInstance in one context");
        return;
    }
    if (args->ret != VK_SUCCESS) {
        venus_log_client(context, VENUS_LOG_ERROR, "vkCreateInstance on the host failed: %d",
                         args->ret);
        return;
    }
    /* If this fails the context is dead, and its teardown closes the instance. */
    venus_decoder_add_object(d, VENUS_OBJECT_Instance, args->pInstance_ids[0],
                             (uint64_t)(uintptr_t)context->instance->handle, NULL,
                             context->instance);
}

void venus_handle_vkDestroyInstance(struct venus_decoder *d, struct venus_vkDestroyInstance *args)
{
    struct venus_instance *instance = args->first ? args->first->data : NULL;
    if (!instance ||
        !venus_object_remove(d->objects, VENUS_OBJECT_Instance, args->first->id, NULL, NULL))
        return;
    for (uint32_t i = 0; i < instance->physical_device_count; i++) {
        struct venus_physical_device *gpu = &instance->physical_devices[i];
        if (gpu->id)
            venus_object_remove(d->objects, VENUS_OBJECT_PhysicalDevice, gpu->id, NULL, NULL);
    }
    teardown_devices(d->context);
    destroy_handles(instance);
}
