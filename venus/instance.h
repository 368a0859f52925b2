/* SPDX-License-Identifier: MIT */
/*
 * The host's VkInstance and its physical devices, as far as they are the same for a client's
 * instance and for the list of GPUs that an administrator sees.
 */
#ifndef VENUS_INSTANCE_H
#define VENUS_INSTANCE_H

#include "internal.h"

/*
 * The version of Vulkan that we speak at instance level: what our tables know.  From 1.1 on a loader
 * passes on what is newer than itself, and drivers accept any version of an application; so that of
 * the host's loader says only whether it is older, which gives VK_API_VERSION_1_0.  With validation it
 * is at most what the layer knows.
 */
VkResult venus_host_version(const struct venus_renderer *renderer, uint32_t *version);

/*
 * Create an instance of the host's Vulkan with nothing of the client's but its names in
 * `application` (may be NULL), and with the validation layer if the renderer wants it.
 */
VkResult venus_instance_open(const struct venus_renderer *renderer,
                             const VkApplicationInfo *application, struct venus_instance **out);
/* Destroy it; devices must be gone. NULL allowed. */
void venus_instance_close(struct venus_instance *instance);

/* ---- physical_device.c ---- */

/* Fill instance->physical_devices with the GPUs that can be offered to clients. */
VkResult venus_physical_devices_init(const struct venus_renderer *renderer,
                                     struct venus_instance *instance);
void venus_physical_devices_finish(struct venus_instance *instance);
/* Whether we do this device extension ourselves, so that the host need not have it. */
bool venus_extension_is_ours(const struct venus_physical_device *gpu, const char *name);

/* ---- gpu.c ---- */

/*
 * Fill what the driver says about itself: api_version, properties, extensions, queue families.
 * `handle` and `instance` are set.  On an error nothing is owned.
 */
VkResult venus_gpu_describe(struct venus_physical_device *gpu);
void venus_gpu_finish(struct venus_physical_device *gpu);
/* The host's own record of a device extension, or NULL if the driver lacks it. */
const VkExtensionProperties *venus_gpu_extension(const struct venus_physical_device *gpu,
                                                 const char *name);

/* Whether this is the GPU with this device UUID (VK_UUID_SIZE bytes). */
bool venus_gpu_has_uuid(const struct venus_physical_device *gpu, const uint8_t *uuid);

/*
 * Find out how memory can be given to clients, and fill gpu->memory: from what the renderer was told
 * about this GPU and driver, else with a short-lived VkDevice.
 * Returns NULL, or why this GPU cannot be offered (then gpu->memory.path is VENUS_MEMORY_NONE).
 */
const char *venus_gpu_probe_memory(const struct venus_renderer *renderer,
                                   struct venus_physical_device *gpu);

/* Handles of all GPUs of the instance: *handles is the caller's to free. */
VkResult venus_gpu_enumerate(const struct venus_instance *instance, VkPhysicalDevice **handles,
                             uint32_t *count);

#endif
