/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "arena.h"

bool venus_context_memory_take(atomic_size_t *used, size_t size)
{
    if (!used)
        return true;
    size_t before = atomic_load(used);
    do {
        if (size > VENUS_MAX_CONTEXT_MEMORY - before)
            return false;
    } while (!atomic_compare_exchange_weak(used, &before, before + size));
    return true;
}

void venus_context_memory_give_back(atomic_size_t *used, size_t size)
{
    if (used)
        atomic_fetch_sub(used, size);
}

void venus_arena_init(struct venus_arena *arena, size_t limit, atomic_size_t *context_memory)
{
    *arena = (struct venus_arena){.limit = limit, .context_memory = context_memory};
}

static void free_newest(struct venus_arena *arena)
{
    struct venus_arena_block *block = arena->block;
    arena->block = block->previous;
    arena->used -= block->size;
    venus_context_memory_give_back(arena->context_memory, block->size);
    free(block);
}

void venus_arena_finish(struct venus_arena *arena)
{
    while (arena->block)
        free_newest(arena);
    arena->cur = arena->end = arena->start = NULL;
}

void *venus_arena_grow(struct venus_arena *arena, size_t size)
{
    const size_t room = arena->limit - arena->used;
    if (size > room)
        return NULL;
    /* Twice the last block, so that a command with many small arrays needs few of them. */
    size_t block_size = size;
    if (!VENUS_ARENA_EXACT) {
        const size_t wanted = arena->block ? 2 * arena->block->size : VENUS_KEPT_COMMAND_MEMORY;
        if (block_size < wanted)
            block_size = wanted < room ? wanted : room;
    }
    if (!venus_context_memory_take(arena->context_memory, block_size)) {
        block_size = size;
        if (!venus_context_memory_take(arena->context_memory, block_size))
            return NULL;
    }
    struct venus_arena_block *block = malloc(sizeof(*block) + block_size);
    if (!block) {
        venus_context_memory_give_back(arena->context_memory, block_size);
        return NULL;
    }
    block->previous = arena->block;
    block->size = block_size;
    arena->block = block;
    arena->used += block_size;
    arena->start = (char *)(block + 1);
    arena->cur = arena->start + size;
    arena->end = arena->start + block_size;
    return arena->start;
}

void venus_arena_trim(struct venus_arena *arena)
{
    while (arena->block->previous)
        free_newest(arena);
    if (VENUS_ARENA_EXACT || arena->block->size > VENUS_KEPT_COMMAND_MEMORY) {
        venus_arena_finish(arena);
        return;
    }
    arena->cur = arena->start = (char *)(arena->block + 1);
    arena->end = arena->start + arena->block->size;
}
