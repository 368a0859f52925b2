/* SPDX-License-Identifier: MIT */
#ifndef VENUS_MEMORY_H
#define VENUS_MEMORY_H

struct venus_device;

/* Free all memory objects of a device that is being torn down; nothing uses them any more. */
void venus_memory_destroy_all(struct venus_device *device);

#endif
