/* SPDX-License-Identifier: MIT */
/* How texels of a format lie in memory, as far as it takes to know how much memory they need. */
#ifndef VENUS_FORMAT_H
#define VENUS_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

struct venus_format_block {
    uint8_t size;          /* bytes */
    uint8_t width, height; /* texels */
};

/*
 * The block of one aspect of a format as copies to and from memory see it (Vulkan specification,
 * "Compatible Formats" and "Copying Data Between Buffers and Images").  False for formats and aspects
 * that are not known here, or that do not go together.
 */
bool venus_format_get_block(VkFormat format, VkImageAspectFlags aspect,
                            struct venus_format_block *block);

#endif
