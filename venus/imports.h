/* SPDX-License-Identifier: MIT */
/*
 * Binary semaphores with a temporarily imported "signalled" payload
 * (vkImportSemaphoreResourceMESA). Waiting for such a semaphore is a no-op that restores its own
 * payload.  Hence nothing is imported into the driver: we remember the semaphore, and leave the
 * next wait for it out of the submission. That is exact on every driver, and cheaper than a
 * submission that would signal the semaphore, which could also wait behind work that depends on it.
 * Private to sync.c and queue.c.
 */
#ifndef VENUS_IMPORTS_H
#define VENUS_IMPORTS_H

#include "internal.h"

/* Remember an import. Returns 0, or -1 when there are VENUS_MAX_IMPORTS or no memory. */
int venus_imports_add(struct venus_device *device, VkSemaphore semaphore);
/* Forget it, as by a wait: whether it was there. */
bool venus_imports_take(struct venus_device *device, VkSemaphore semaphore);
/* Remove waits for imported payloads from the submissions, which are private memory. */
void venus_imports_consume(struct venus_device *device, uint32_t count, VkSubmitInfo *submits);
void venus_imports_consume2(struct venus_device *device, uint32_t count, VkSubmitInfo2 *submits);
void venus_imports_consume_sparse(struct venus_device *device, uint32_t count,
                                  VkBindSparseInfo *binds);
/* Forget what belongs to a device that is about to go. */
void venus_imports_forget(struct venus_device *device);

#endif
