/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

/* ---- errors ---- */

static void report(struct venus_decoder *d, const char *reason)
{
    const bool known = d->command < venus_command_count && venus_commands[d->command].name;
    char number[32];
    snprintf(number, sizeof(number), "command %u", d->command);
    const char *stream = d->nesting > 1 ? "nested stream" : d->ring ? "ring" : "virtqueue";
    venus_log(VENUS_LOG_ERROR, "client \"%s\": %s at byte %zu of %zu, %s: %s", d->context->name,
              known ? venus_commands[d->command].name : number, (size_t)(d->cur - d->start),
              (size_t)(d->end - d->start), stream, reason);
}

void venus_decoder_fail(struct venus_decoder *d, const char *format, ...)
{
    if (d->fatal)
        return;
    d->fatal = true;
    if (!atomic_exchange(&d->context->reported, true)) {
        char reason[512];
        va_list args;
        va_start(args, format);
        vsnprintf(reason, sizeof(reason), format, args);
        va_end(args);
        report(d, reason);
    }
    d->end = d->cur; /* nothing can be read any more */
    venus_context_fail(d->context);
}

void venus_decoder_fail_end(struct venus_decoder *d)
{
    venus_decoder_fail(d, "the command goes on beyond the end of its stream");
}

void venus_decoder_fail_count(struct venus_decoder *d, uint64_t count, uint64_t expected)
{
    venus_decoder_fail(d, "array of %llu elements where %llu are declared",
                       (unsigned long long)count, (unsigned long long)expected);
}

void venus_decoder_fail_present(struct venus_decoder *d, uint64_t marker)
{
    venus_decoder_fail(d, "pointer marker %llu, expected 0 or 1", (unsigned long long)marker);
}

void venus_decoder_fail_alloc(struct venus_decoder *d, uint64_t count, size_t element_size)
{
    venus_decoder_fail(
        d, "no memory for %llu elements of %zu bytes (a command may use %u, a context %u)",
        (unsigned long long)count, element_size, VENUS_MAX_COMMAND_MEMORY,
        VENUS_MAX_CONTEXT_MEMORY);
}

uint64_t venus_decoder_fail_handle(struct venus_decoder *d, enum venus_object_type type,
                                   uint64_t id)
{
    const struct venus_object *o = venus_object_find(d->objects, id);
    const char *name = venus_object_type_name(type);
    const unsigned long long number = id;
    if (!o)
        venus_decoder_fail(d, "%s 0x%llx does not exist", name, number);
    else if (o->type != type)
        venus_decoder_fail(d, "0x%llx is a %s, not a %s", number, venus_object_type_name(o->type),
                           name);
    else
        venus_decoder_fail(d, "%s 0x%llx belongs to another device", name, number);
    return 0;
}

/* ---- parameters ---- */

const char *venus_decode_string(struct venus_decoder *d)
{
    const uint64_t size = venus_decode_u64(d);
    const char *s = venus_decode_bytes(d, size);
    if (s && s[size - 1]) {
        venus_decoder_fail(d, "a string of %llu bytes without the final NUL",
                           (unsigned long long)size);
        return NULL;
    }
    return s;
}

const char *const *venus_decode_string_array(struct venus_decoder *d, uint64_t count)
{
    const char **strings = venus_decode_alloc(d, count, sizeof(*strings));
    if (!strings)
        return NULL;
    for (uint64_t i = 0; i < count; i++) {
        strings[i] = venus_decode_string(d);
        if (!strings[i]) {
            venus_decoder_fail(d, "string %llu of an array is absent", (unsigned long long)i);
            return NULL;
        }
    }
    return strings;
}

void venus_decode_no_allocator(struct venus_decoder *d)
{
    if (venus_decode_present(d))
        venus_decoder_fail(d, "VkAllocationCallbacks cannot be sent");
}

struct venus_object *venus_find_first(struct venus_decoder *d, enum venus_object_type type,
                                      uint64_t id)
{
    struct venus_object *o = venus_object_find(d->objects, id);
    if (__builtin_expect(!o || o->type != type, 0)) {
        venus_decoder_fail_handle(d, type, id);
        return NULL;
    }
    d->recent[type] = o;
    return o;
}

bool venus_decoder_add_object(struct venus_decoder *d, enum venus_object_type type, uint64_t id,
                              uint64_t handle, struct venus_object *pool, void *data)
{
    static const char *const reasons[] = {
        [VENUS_OBJECT_BAD_ID] = "not usable as an id",
        [VENUS_OBJECT_DUPLICATE] = "in use already",
        [VENUS_OBJECT_TOO_MANY] = "one object too many",
    };
    if (d->fatal)
        return false;
    const enum venus_object_error error =
        venus_object_add(d->objects, type, id, handle, d->device, pool, data, NULL);
    if (error)
        venus_decoder_fail(d, "new %s 0x%llx: %s", venus_object_type_name(type),
                           (unsigned long long)id, reasons[error]);
    return !error;
}

/* ---- the command loop ---- */

void venus_decoder_init(struct venus_decoder *d, struct venus_context *context,
                        struct venus_ring *ring)
{
    *d = (struct venus_decoder){
        .context = context,
        .objects = &context->objects,
        .ring = ring,
        .command = UINT32_MAX, /* none yet, for messages */
    };
    static struct venus_object none; /* has no id */
    for (int type = 0; type < VENUS_OBJECT_TYPE_COUNT; type++)
        d->recent[type] = &none;
    venus_arena_init(&d->arena, VENUS_MAX_COMMAND_MEMORY, &context->command_memory);
}

void venus_decoder_finish(struct venus_decoder *d)
{
    venus_arena_finish(&d->arena);
    venus_reply_free(d);
    venus_resource_put(d->reply_resource);
    memset(d, 0, sizeof(*d));
}

/* Returns false after an error. */
static inline bool run_one(struct venus_decoder *d)
{
    venus_arena_reset(&d->arena);
    d->device = NULL;
    d->pool = NULL;
    d->depth = 0;

    const uint8_t *header = venus_take(d, 8);
    if (!header)
        return false;
    d->command = venus_load32(header);
    d->command_flags = venus_load32(header + 4);
    if (__builtin_expect(d->command >= venus_command_count || !venus_commands[d->command].run, 0)) {
        venus_decoder_fail(d, "this command is not known");
        return false;
    }
    if (__builtin_expect(d->command_flags & ~VENUS_COMMAND_GENERATE_REPLY, 0)) {
        venus_decoder_fail(d, "unknown command flags 0x%x", d->command_flags);
        return false;
    }
    venus_commands[d->command].run(d);
    return !d->fatal;
}

static bool run_all(struct venus_decoder *d, const uint8_t *bytes, size_t size,
                    void (*after)(struct venus_decoder *d, size_t consumed))
{
    d->start = d->cur = bytes;
    d->end = bytes + size;
    while (d->cur != d->end) {
        /* Another thread of the context may have failed. */
        if (atomic_load_explicit(&d->context->fatal, memory_order_relaxed))
            return false;
        if (!run_one(d))
            return false;
        if (after)
            after(d, (size_t)(d->cur - d->start));
    }
    return true;
}

/* A run inside vkExecuteCommandStreamsMESA: what the outer command uses is kept. */
static bool run_nested(struct venus_decoder *d, const void *bytes, size_t size,
                       void (*after)(struct venus_decoder *d, size_t consumed))
{
    const struct venus_decoder outer = *d;
    venus_arena_init(&d->arena, VENUS_MAX_COMMAND_MEMORY, outer.arena.context_memory);
    const bool ok = run_all(d, bytes, size, after);
    venus_arena_finish(&d->arena);
    d->arena = outer.arena;
    d->start = outer.start;
    d->cur = outer.cur;
    d->end = d->fatal ? outer.cur : outer.end;
    d->depth = outer.depth;
    d->command = outer.command;
    d->command_flags = outer.command_flags;
    d->device = outer.device;
    d->pool = outer.pool;
    return ok;
}

bool venus_decoder_run(struct venus_decoder *d, const void *bytes, size_t size,
                       void (*after)(struct venus_decoder *d, size_t consumed))
{
    if (d->fatal)
        return false;
    if (!size)
        return true;
    if (d->nesting > 1) {
        venus_decoder_fail(d, "a command stream inside a nested command stream");
        return false;
    }
    d->nesting++;
    const bool ok =
        d->nesting == 1 ? run_all(d, bytes, size, after) : run_nested(d, bytes, size, after);
    d->nesting--;
    if (!d->nesting)
        venus_arena_reset(&d->arena); /* what nobody uses must not count for the context */
    return ok;
}
