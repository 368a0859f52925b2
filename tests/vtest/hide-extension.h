/* SPDX-License-Identifier: MIT */
#ifndef HIDE_EXTENSION_H
#define HIDE_EXTENSION_H

#include <string.h>

#include <vulkan/vulkan.h>

/* Give all of a device's extensions but VK_EXT_external_memory_host, in the way of vkEnumerate...
 * functions: `properties` may be NULL, and has room for *count. */
static inline VkResult hide_host_import(const VkExtensionProperties *all, uint32_t total,
                                        uint32_t *count, VkExtensionProperties *properties)
{
    uint32_t given = 0;
    for (uint32_t i = 0; i < total; i++) {
        if (!strcmp(all[i].extensionName, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME))
            continue;
        if (properties && given == *count)
            return VK_INCOMPLETE;
        if (properties)
            properties[given] = all[i];
        given++;
    }
    *count = given;
    return VK_SUCCESS;
}

#endif
