/* SPDX-License-Identifier: MIT */
#ifndef VENUS_HOST_COPY_H
#define VENUS_HOST_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

struct venus_device;

/* Remember what copies between the client's data and a new image need to know of it. False without
 * memory. */
bool venus_host_copy_remember(struct venus_device *device, uint64_t handle,
                              const VkImageCreateInfo *info);

/* The part of an image that a copy touches, and how the data in memory is laid out. */
struct venus_host_copy_region {
    uint32_t row_length, image_height; /* texels; 0: as the extent */
    VkImageSubresourceLayers subresource;
    VkExtent3D extent;
};

/* How many bytes of data the copy of a region with `layers` array layers accesses; 0 if that is not
 * known, or if it is more than 2^64 - 1. */
uint64_t venus_host_copy_size(VkFormat format, uint32_t layers,
                              const struct venus_host_copy_region *region);

#endif
