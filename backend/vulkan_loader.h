/* SPDX-License-Identifier: MIT */
/* The host's Vulkan loader, taken in at run time: only by processes that need it. */
#ifndef BACKEND_VULKAN_LOADER_H
#define BACKEND_VULKAN_LOADER_H

#include <vulkan/vulkan_core.h>

/* vkGetInstanceProcAddr of libvulkan.so.1. NULL, after logging why, without it. */
PFN_vkGetInstanceProcAddr backend_vulkan_load(void);

#endif
