/* SPDX-License-Identifier: MIT */
/*
 * Replies are composed in private memory, so that the client sees only complete ones and nothing
 * that it can write is ever read back, and then copied into its window in one go.
 */
#include <stdlib.h>

#include "internal.h"

#define FIRST_CAPACITY 1024

static uint64_t window_left(const struct venus_decoder *d)
{
    return d->reply_end - d->reply_position;
}

static void fail_full(struct venus_decoder *d, size_t size)
{
    venus_decoder_fail(d, "a reply of %zu bytes or more does not fit the %llu left in its window",
                       size, (unsigned long long)window_left(d));
}

bool venus_reply_reserve(struct venus_decoder *d, size_t size)
{
    if (d->fatal)
        return false;
    size_t needed;
    if (__builtin_add_overflow(d->reply_size, size, &needed) || needed > window_left(d)) {
        fail_full(d, size);
        return false;
    }
    if (needed > VENUS_MAX_COMMAND_MEMORY) {
        venus_decoder_fail(d, "a reply may have at most %u bytes", VENUS_MAX_COMMAND_MEMORY);
        return false;
    }
    size_t capacity = d->reply_capacity ? 2 * d->reply_capacity : FIRST_CAPACITY;
    if (capacity < needed)
        capacity = needed;
    else if (capacity > VENUS_MAX_COMMAND_MEMORY)
        capacity = VENUS_MAX_COMMAND_MEMORY;
    const size_t more = capacity - d->reply_capacity;
    const bool taken = venus_context_memory_take(d->arena.context_memory, more);
    uint8_t *reply = taken ? realloc(d->reply, capacity) : NULL;
    if (!reply) {
        if (taken)
            venus_context_memory_give_back(d->arena.context_memory, more);
        venus_decoder_fail(d, "no memory for a reply of %zu bytes (a context may use %u)", needed,
                           VENUS_MAX_CONTEXT_MEMORY);
        return false;
    }
    d->reply = reply;
    d->reply_capacity = capacity;
    return true;
}

void venus_encode_bytes(struct venus_decoder *d, const void *bytes, size_t size)
{
    if (!size)
        return;
    const size_t padding = -size & 3;
    if (size > SIZE_MAX - padding) {
        fail_full(d, size);
        return;
    }
    uint8_t *p = venus_reply_take(d, size + padding);
    if (p) {
        memcpy(p, bytes, size);
        memset(p + size, 0, padding);
    }
}

void venus_reply_begin(struct venus_decoder *d)
{
    d->reply_size = 0;
    if (__builtin_expect(!d->reply_resource, 0))
        venus_decoder_fail(d, "a reply is wanted before vkSetReplyCommandStreamMESA");
    venus_encode_u32(d, d->command);
}

void venus_reply_free(struct venus_decoder *d)
{
    venus_context_memory_give_back(d->arena.context_memory, d->reply_capacity);
    free(d->reply);
    d->reply = NULL;
    d->reply_capacity = 0;
}

void venus_reply_finish(struct venus_decoder *d)
{
    if (!d->fatal) {
        if (d->reply_size <= window_left(d) &&
            venus_shm_write(&d->reply_resource->shm, d->reply_position, d->reply, d->reply_size))
            d->reply_position += d->reply_size;
        else
            fail_full(d, d->reply_size);
    }
    d->reply_size = 0;
    /* Do not hold on to the memory of a large reply. */
    if (d->reply_capacity > VENUS_KEPT_COMMAND_MEMORY)
        venus_reply_free(d);
}

/* Clients name the same resource before every command with a reply: spare the look-up then. */
static bool select_resource(struct venus_decoder *d, uint32_t res_id)
{
    struct venus_resource *now = d->reply_resource;
    if (now && now->id == res_id && !atomic_load_explicit(&now->gone, memory_order_acquire))
        return true;
    struct venus_resource *resource = venus_resource_get(d->context, res_id);
    if (!resource || resource->kind != VENUS_RESOURCE_SHM) {
        venus_decoder_fail(d, "resource %u %s", res_id,
                           resource ? "is not shared memory" : "does not exist");
        venus_resource_put(resource);
        return false;
    }
    venus_resource_put(now);
    d->reply_resource = resource;
    return true;
}

void venus_reply_set_window(struct venus_decoder *d, uint32_t res_id, uint64_t offset,
                            uint64_t size)
{
    if (d->fatal || !select_resource(d, res_id))
        return;
    if (!venus_shm_contains(&d->reply_resource->shm, offset, size)) {
        venus_decoder_fail(d, "reply window of %llu bytes at %llu in a resource of %zu",
                           (unsigned long long)size, (unsigned long long)offset,
                           d->reply_resource->shm.size);
        return;
    }
    d->reply_begin = d->reply_position = offset;
    d->reply_end = offset + size;
}

void venus_reply_seek(struct venus_decoder *d, uint64_t position)
{
    if (position > d->reply_end - d->reply_begin) {
        venus_decoder_fail(d, "reply position %llu in a window of %llu bytes",
                           (unsigned long long)position,
                           (unsigned long long)(d->reply_end - d->reply_begin));
        return;
    }
    d->reply_position = d->reply_begin + position;
}
