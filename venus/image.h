/* SPDX-License-Identifier: MIT */
#ifndef VENUS_IMAGE_H
#define VENUS_IMAGE_H

#include <stdbool.h>

#include <vulkan/vulkan_core.h>

struct venus_device;

/* Whether the client created the image with a DRM format modifier that the driver knows nothing of
 * (modifier.h). */
bool venus_image_is_our_modifier(struct venus_device *device, VkImage image);

#endif
