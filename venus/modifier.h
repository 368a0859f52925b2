/* SPDX-License-Identifier: MIT */
/*
 * dma-bufs and DRM format modifiers for drivers that do not have them.
 *
 * Clients present images as dma-bufs with a DRM format modifier.  To a client, a dma-buf is whatever
 * it gets from us for a piece of memory: in a virtual machine its own kernel makes a dma-buf of any
 * blob.  So where the host's driver cannot export dma-bufs but can import host memory, we offer both
 * extensions ourselves: such memory is pages of ours, and the one modifier that we know is
 * DRM_FORMAT_MOD_LINEAR, which to the driver is VK_IMAGE_TILING_LINEAR.
 */
#ifndef VENUS_MODIFIER_H
#define VENUS_MODIFIER_H

#include "internal.h"

/* Decide whether that is done for this GPU: fill gpu->own_dma_bufs. */
void venus_modifier_probe(struct venus_physical_device *gpu);

/* Whether we do this device extension ourselves for that purpose. */
bool venus_modifier_is_ours(const struct venus_physical_device *gpu, const char *extension);

/*
 * Turn the creation of an image with a modifier into that of a linear one.  VK_SUCCESS also when there
 * is nothing to do.  *explicit is the layout that the client demands, or NULL.
 */
VkResult venus_modifier_make_linear(const struct venus_physical_device *gpu,
                                    VkImageCreateInfo *info, const VkSubresourceLayout **explicit);
/* The same for a query about such images. */
VkResult venus_modifier_make_linear_query(const struct venus_physical_device *gpu,
                                          VkPhysicalDeviceImageFormatInfo2 *info);
/* Name the only memory plane of such an image what it is to the driver: the colour. */
void venus_modifier_fix_aspect(VkImageSubresource *subresource);

#endif
