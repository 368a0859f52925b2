/* SPDX-License-Identifier: MIT */
/*
 * Bounded bump allocator: the temporary memory of one command.
 *
 * venus_arena_alloc() hands out zeroed, 16-byte aligned memory until the limit is reached;
 * venus_arena_reset() takes everything back at once and keeps a small block for the next command.
 *
 * Under AddressSanitizer every allocation is a block of its own, so that an overrun or a use after
 * the reset is found.
 */
#ifndef VENUS_ARENA_H
#define VENUS_ARENA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "limits.h"

#if defined(__SANITIZE_ADDRESS__)
#define VENUS_ARENA_EXACT 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VENUS_ARENA_EXACT 1
#endif
#endif
#ifndef VENUS_ARENA_EXACT
#define VENUS_ARENA_EXACT 0
#endif

/*
 * Count temporary memory of a context, which several threads do, in `used`; NULL counts nothing.
 * False, with nothing counted, when VENUS_MAX_CONTEXT_MEMORY would be exceeded.
 */
bool venus_context_memory_take(atomic_size_t *used, size_t size);
void venus_context_memory_give_back(atomic_size_t *used, size_t size);

/* One piece of memory from malloc; what it holds follows. */
struct venus_arena_block {
    struct venus_arena_block *previous; /* the block that was full before this one was made */
    size_t size;                        /* bytes behind this header */
};

struct venus_arena {
    char *cur, *end;                 /* free part of the current block */
    char *start;                     /* of that block's memory */
    struct venus_arena_block *block; /* newest block; each points to the one before */
    size_t used;                     /* bytes in all blocks */
    size_t limit;                    /* most bytes that all blocks together may have */
    atomic_size_t *context_memory;   /* where the context counts them, or NULL */
};

/* Start empty; allocates nothing. What `context_memory` points to must outlive the arena. */
void venus_arena_init(struct venus_arena *arena, size_t limit, atomic_size_t *context_memory);
/* Free everything. A zeroed arena is allowed. */
void venus_arena_finish(struct venus_arena *arena);
/* Slow path of venus_arena_alloc_raw(). */
void *venus_arena_grow(struct venus_arena *arena, size_t size) __attribute__((cold));
/* Slow path of venus_arena_reset(): free blocks beyond the one that is kept. */
void venus_arena_trim(struct venus_arena *arena) __attribute__((cold));

/* `size` uninitialised bytes, or NULL when a limit or the machine's memory is exhausted. */
static inline void *venus_arena_alloc_raw(struct venus_arena *arena, size_t size)
{
    if (VENUS_ARENA_EXACT)
        return venus_arena_grow(arena, size);
    if (size > SIZE_MAX - 15)
        return NULL;
    size = (size + 15) & ~(size_t)15;
    if ((size_t)(arena->end - arena->cur) < size)
        return venus_arena_grow(arena, size);
    void *p = arena->cur;
    arena->cur += size;
    return p;
}

/* As above, zeroed. */
static inline void *venus_arena_alloc(struct venus_arena *arena, size_t size)
{
    void *p = venus_arena_alloc_raw(arena, size);
    return p ? memset(p, 0, size) : NULL;
}

/* Forget all allocations. Cheap when they took no more than VENUS_KEPT_COMMAND_MEMORY. */
static inline void venus_arena_reset(struct venus_arena *arena)
{
    if (arena->cur == arena->start)
        return;
    if (VENUS_ARENA_EXACT || arena->used > VENUS_KEPT_COMMAND_MEMORY)
        venus_arena_trim(arena);
    else
        arena->cur = arena->start;
}

#endif
