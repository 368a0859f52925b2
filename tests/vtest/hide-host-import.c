/* SPDX-License-Identifier: MIT */
/*
 * A Vulkan layer that hides VK_EXT_external_memory_host of every device.
 *
 * Below xen-venusd it turns lavapipe into what most drivers of ARM's GPUs are: one that can only
 * export memory as dma-bufs.
 */
#include <stdlib.h>
#include <string.h>

#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

#include "hide-extension.h"

#define LAYER_NAME "VK_LAYER_XEN_VENUS_hide_host_import"

/* Of the newest instance; the daemon has one in each process. */
static PFN_vkGetInstanceProcAddr next_get;
static PFN_vkEnumerateDeviceExtensionProperties next_enumerate;

static VkLayerInstanceCreateInfo *chain_link(const VkInstanceCreateInfo *info)
{
    VkLayerInstanceCreateInfo *link = (VkLayerInstanceCreateInfo *)info->pNext;
    while (link && (link->sType != VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO ||
                    link->function != VK_LAYER_LINK_INFO))
        link = (VkLayerInstanceCreateInfo *)link->pNext;
    return link;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo *info,
                                                      const VkAllocationCallbacks *allocator,
                                                      VkInstance *instance)
{
    VkLayerInstanceCreateInfo *link = chain_link(info);
    if (!link)
        return VK_ERROR_INITIALIZATION_FAILED;
    next_get = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;
    const VkResult result = ((PFN_vkCreateInstance)next_get(VK_NULL_HANDLE, "vkCreateInstance"))(
        info, allocator, instance);
    if (result == VK_SUCCESS)
        next_enumerate = (PFN_vkEnumerateDeviceExtensionProperties)next_get(
            *instance, "vkEnumerateDeviceExtensionProperties");
    return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL enumerate(VkPhysicalDevice gpu, const char *layer,
                                                uint32_t *count, VkExtensionProperties *properties)
{
    if (layer && !strcmp(layer, LAYER_NAME)) {
        *count = 0;
        return VK_SUCCESS;
    }
    uint32_t total = 0;
    VkResult result = next_enumerate(gpu, layer, &total, NULL);
    if (result != VK_SUCCESS)
        return result;
    VkExtensionProperties *all = calloc(total + 1, sizeof(*all));
    if (!all)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    result = next_enumerate(gpu, layer, &total, all);
    if (result == VK_SUCCESS)
        result = hide_host_import(all, total, count, properties);
    free(all);
    return result;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get(VkInstance instance, const char *name)
{
    if (!strcmp(name, "vkGetInstanceProcAddr"))
        return (PFN_vkVoidFunction)get;
    if (!strcmp(name, "vkCreateInstance"))
        return (PFN_vkVoidFunction)create_instance;
    if (!strcmp(name, "vkEnumerateDeviceExtensionProperties"))
        return (PFN_vkVoidFunction)enumerate;
    return next_get ? next_get(instance, name) : NULL;
}

/* Vulkan-Loader, LoaderLayerInterface.md: "Layer Version Negotiation"; of devices there is none. */
VKAPI_ATTR VkResult VKAPI_CALL
vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *interface)
{
    if (interface->loaderLayerInterfaceVersion < 2)
        return VK_ERROR_INITIALIZATION_FAILED;
    interface->loaderLayerInterfaceVersion = 2;
    interface->pfnGetInstanceProcAddr = get;
    interface->pfnGetDeviceProcAddr = NULL;
    interface->pfnGetPhysicalDeviceProcAddr = NULL;
    return VK_SUCCESS;
}
