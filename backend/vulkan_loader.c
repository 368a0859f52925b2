/* SPDX-License-Identifier: MIT */
#include "vulkan_loader.h"

#include <dlfcn.h>

#include "log.h"

PFN_vkGetInstanceProcAddr backend_vulkan_load(void)
{
    void *library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        backend_log(VENUS_LOG_ERROR, "no Vulkan loader: %s (Debian: apt install libvulkan1)",
                    dlerror());
        return NULL;
    }
    PFN_vkGetInstanceProcAddr get =
        (PFN_vkGetInstanceProcAddr)dlsym(library, "vkGetInstanceProcAddr");
    if (!get)
        backend_log(VENUS_LOG_ERROR, "the Vulkan loader is broken: %s", dlerror());
    return get;
}
