/* SPDX-License-Identifier: MIT */
/* Walking and changing the pNext chain of a decoded struct, which is private memory. */
#ifndef VENUS_PNEXT_H
#define VENUS_PNEXT_H

#include <stddef.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

/* The first struct of this type in a chain, or NULL. `chain` is what a pNext member holds. */
static inline void *venus_pnext_find(const void *chain, uint32_t type)
{
    for (const VkBaseInStructure *s = chain; s; s = s->pNext) {
        if ((uint32_t)s->sType == type)
            return (void *)(uintptr_t)s;
    }
    return NULL;
}

/* The same, behind the struct `head`, and taken out of its chain. */
static inline void *venus_pnext_take(const void *head, uint32_t type)
{
    VkBaseInStructure *before = (void *)(uintptr_t)head;
    for (; before->pNext; before = (void *)(uintptr_t)before->pNext) {
        const VkBaseInStructure *s = before->pNext;
        if ((uint32_t)s->sType == type) {
            before->pNext = s->pNext;
            return (void *)(uintptr_t)s;
        }
    }
    return NULL;
}

/* Put a struct right behind `head`. */
static inline void venus_pnext_add(const void *head, void *added)
{
    VkBaseInStructure *s = (void *)(uintptr_t)head;
    ((VkBaseOutStructure *)added)->pNext = (void *)(uintptr_t)s->pNext;
    s->pNext = added;
}

#endif
