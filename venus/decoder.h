/* SPDX-License-Identifier: MIT */
/*
 * Reading commands from a private copy of a command stream, and writing replies.
 *
 * Errors are sticky: after the first one every read gives zero and consumes nothing, so generated
 * code checks once, before it calls the driver.  Wire rules: docs/venus-wire.md.
 */
#ifndef VENUS_DECODER_H
#define VENUS_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "arena.h"
#include "limits.h"
#include "object.h"

struct venus_context;
struct venus_device;
struct venus_ring;
struct venus_resource;

/* Flag bit of a command: the client wants a reply. */
#define VENUS_COMMAND_GENERATE_REPLY 1u

/*
 * One stream of commands being decoded: a ring's, or the virtqueue's.  Used by one thread
 * at a time.
 */
struct venus_decoder {
    const uint8_t *cur, *end; /* unread part of the private copy; cur is 4-byte aligned */
    bool fatal;               /* sticky */
    uint8_t depth;            /* of nested pNext chains */
    uint8_t nesting;          /* runs of this decoder: 1, or 2 within vkExecuteCommandStreamsMESA */

    struct venus_context *context;
    struct venus_object_table *objects;
    struct venus_ring *ring; /* NULL: the virtqueue */

    /* By type, the object that a command named first most recently, or one with id 0: mostly the
     * next command names it again. Its memory stays an object of this type when it is destroyed. */
    struct venus_object *recent[VENUS_OBJECT_TYPE_COUNT];

    /* The command being decoded. */
    const uint8_t *start;        /* of the stream, for messages */
    uint32_t command;            /* number */
    uint32_t command_flags;
    struct venus_device *device; /* whose objects may be named; NULL at instance level */
    struct venus_object *pool;   /* the pool that an allocation command names */
    struct venus_arena arena;    /* reset before every command */

    /* The reply being composed, in private memory; its capacity counts where the arena's does. */
    uint8_t *reply;
    size_t reply_size, reply_capacity;

    /* The window that replies go to (vkSetReplyCommandStreamMESA). */
    struct venus_resource *reply_resource; /* a reference of ours, or NULL */
    uint64_t reply_begin, reply_end;       /* in the resource, bytes */
    uint64_t reply_position;               /* next byte, absolute in the resource */
};

/*
 * Report a protocol error: logs command name, offset, reason and the client's name, and makes this
 * decoder and its context dead.  Only the first call of a context logs.  printf-style.
 */
void venus_decoder_fail(struct venus_decoder *d, const char *format, ...)
    __attribute__((format(printf, 2, 3), cold));

/* Cold paths of the functions below. */
void venus_decoder_fail_end(struct venus_decoder *d) __attribute__((cold));
void venus_decoder_fail_count(struct venus_decoder *d, uint64_t count, uint64_t expected)
    __attribute__((cold));
void venus_decoder_fail_present(struct venus_decoder *d, uint64_t marker) __attribute__((cold));
void venus_decoder_fail_alloc(struct venus_decoder *d, uint64_t count, size_t element_size)
    __attribute__((cold));
uint64_t venus_decoder_fail_handle(struct venus_decoder *d, enum venus_object_type type,
                                   uint64_t id) __attribute__((cold));

/* Take `size` bytes (a multiple of 4): a pointer into the private copy, or NULL after an error. */
static inline const uint8_t *venus_take(struct venus_decoder *d, size_t size)
{
    const uint8_t *p = d->cur;
    if (__builtin_expect((size_t)(d->end - p) < size, 0)) {
        venus_decoder_fail_end(d);
        return NULL;
    }
    d->cur = p + size;
    if (!p)
        __builtin_unreachable(); /* spares the callers' check when nothing went wrong */
    return p;
}

/* Take `count` elements, 1 or more, of `size` bytes each: a pointer into the private copy, or NULL. */
static inline const uint8_t *venus_take_array(struct venus_decoder *d, uint64_t count, size_t size)
{
    const uint8_t *p = d->cur;
    if (__builtin_expect(count > (size_t)(d->end - p) / size, 0)) {
        venus_decoder_fail_end(d);
        return NULL;
    }
    d->cur = p + count * size;
    if (!p)
        __builtin_unreachable();
    return p;
}

/* Little-endian loads from the private copy at any alignment. */
static inline uint32_t venus_load32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint64_t venus_load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint32_t venus_decode_u32(struct venus_decoder *d)
{
    const uint8_t *p = venus_take(d, 4);
    return p ? venus_load32(p) : 0;
}

static inline uint64_t venus_decode_u64(struct venus_decoder *d)
{
    const uint8_t *p = venus_take(d, 8);
    return p ? venus_load64(p) : 0;
}

/* Temporary memory for `count` elements, uninitialised: for what is filled at once. NULL (with the
 * error set) when it is too much. */
static inline void *venus_decode_alloc_raw(struct venus_decoder *d, uint64_t count,
                                           size_t element_size)
{
    size_t size;
    void *p = NULL;
    if (!__builtin_mul_overflow(count, element_size, &size))
        p = venus_arena_alloc_raw(&d->arena, size);
    if (__builtin_expect(!p, 0))
        venus_decoder_fail_alloc(d, count, element_size);
    return p;
}

/* As above, zeroed; NULL also when `count` is 0 and after an error. */
static inline void *venus_decode_alloc(struct venus_decoder *d, uint64_t count, size_t element_size)
{
    if (!count || d->fatal)
        return NULL;
    void *p = venus_decode_alloc_raw(d, count, element_size);
    return p ? memset(p, 0, (size_t)count * element_size) : NULL;
}

/*
 * Check the count that precedes an array.  `expected` is the value of the length member.  An array
 * may be absent (count 0) when `optional`; anything else but `expected` is an error, for which 0 is
 * returned.
 */
static inline uint64_t venus_check_array_count(struct venus_decoder *d, uint64_t count,
                                               uint64_t expected, bool optional)
{
    if (__builtin_expect(count != expected && (count || !optional), 0)) {
        venus_decoder_fail_count(d, count, expected);
        return 0;
    }
    return count;
}

/* Read and check it. Returns 0 after an error. */
static inline uint64_t venus_decode_array_count(struct venus_decoder *d, uint64_t expected,
                                                bool optional)
{
    return venus_check_array_count(d, venus_decode_u64(d), expected, optional);
}

/* Check the 1 or 0 that precedes a single object behind a pointer. */
static inline bool venus_check_present(struct venus_decoder *d, uint64_t v)
{
    if (__builtin_expect(v > 1, 0)) {
        venus_decoder_fail_present(d, v);
        return false;
    }
    return v;
}

/* Read and check it. */
static inline bool venus_decode_present(struct venus_decoder *d)
{
    return venus_check_present(d, venus_decode_u64(d));
}

/* `size` bytes and their padding, as a pointer into the private copy, 4-byte aligned; NULL when size
 * is 0 and after an error. */
static inline const void *venus_decode_bytes(struct venus_decoder *d, uint64_t size)
{
    if (!size)
        return NULL;
    if (__builtin_expect(size > (size_t)(d->end - d->cur), 0)) {
        venus_decoder_fail_end(d); /* here, so that the padding cannot overflow */
        return NULL;
    }
    return venus_take(d, ((size_t)size + 3) & ~(size_t)3);
}

/* A string with its size, in the private copy and NUL-terminated; NULL if absent. */
const char *venus_decode_string(struct venus_decoder *d);
/* An array of `count` strings, none of which may be absent. */
const char *const *venus_decode_string_array(struct venus_decoder *d, uint64_t count);
/* pAllocator: must be absent. */
void venus_decode_no_allocator(struct venus_decoder *d);

/* The object with an id that was read, of this type and of the command's device; NULL for id 0 and
 * after an error (unknown, other type, other device). */
static inline struct venus_object *venus_lookup(struct venus_decoder *d,
                                                enum venus_object_type type, uint64_t id)
{
    if (!id)
        return NULL;
    struct venus_object *o = venus_object_find(d->objects, id);
    if (__builtin_expect(!o || o->type != type || o->device != d->device, 0)) {
        venus_decoder_fail_handle(d, type, id);
        return NULL;
    }
    return o;
}

/* The host handle for an id that was read; 0 for id 0 and after an error. */
static inline uint64_t venus_lookup_handle(struct venus_decoder *d, enum venus_object_type type,
                                           uint64_t id)
{
    struct venus_object *o = venus_lookup(d, type, id);
    return o ? o->handle : 0;
}

/* Slow path of venus_lookup_first(). */
struct venus_object *venus_find_first(struct venus_decoder *d, enum venus_object_type type,
                                      uint64_t id);

/* As venus_lookup(), for the first parameter of a command: must exist. Sets d->device, from then on
 * every handle must belong to it. NULL after an error. */
static inline struct venus_object *venus_lookup_first(struct venus_decoder *d,
                                                      enum venus_object_type type, uint64_t id)
{
    struct venus_object *o = d->recent[type];
    if (__builtin_expect(!id || atomic_load_explicit(&o->id, memory_order_acquire) != id, 0)) {
        o = venus_find_first(d, type, id);
        if (!o)
            return NULL;
    }
    d->device = o->device;
    return o;
}

/*
 * pNext chains.  Every chainable struct has one entry in a generated table; each parent has a
 * sorted list of the entries that may follow it.  A function is NULL when the struct has nothing to
 * read or write in that direction.
 */
struct venus_chain_struct {
    uint32_t stype;
    uint32_t size; /* of the C struct */
    void (*decode)(struct venus_decoder *d, void *body);         /* members behind pNext, input */
    void (*decode_partial)(struct venus_decoder *d, void *body); /* same, of an output struct */
    void (*encode)(struct venus_decoder *d, const void *body);   /* same, for the reply */
};

struct venus_chain_parent {
    const struct venus_chain_struct *const *structs; /* sorted by stype */
    uint32_t count;
};

/* A chain of one struct or more. */
void *venus_decode_structs(struct venus_decoder *d, const struct venus_chain_parent *parent,
                           bool partial);

/* Decode the chain that follows a struct if `present`, the word that was read, says so; the result
 * goes to its pNext. */
static inline const void *venus_decode_chain(struct venus_decoder *d, uint64_t present,
                                             const struct venus_chain_parent *parent)
{
    return venus_check_present(d, present) ? venus_decode_structs(d, parent, false) : NULL;
}

static inline void *venus_decode_chain_partial(struct venus_decoder *d, uint64_t present,
                                               const struct venus_chain_parent *parent)
{
    return venus_check_present(d, present) ? venus_decode_structs(d, parent, true) : NULL;
}

/* Encode a chain that venus_decode_chain_partial() made. A handler that adds structs of its own for
 * the driver takes them out again before. */
void venus_encode_chain(struct venus_decoder *d, const struct venus_chain_parent *parent,
                        const void *chain);

/*
 * Replies.  Composed in private memory and copied to the client's window when complete; a reply
 * that does not fit the window is an error.
 */
bool venus_reply_reserve(struct venus_decoder *d, size_t size) __attribute__((cold));

static inline uint8_t *venus_reply_take(struct venus_decoder *d, size_t size)
{
    if (d->reply_capacity - d->reply_size < size && !venus_reply_reserve(d, size))
        return NULL;
    uint8_t *p = d->reply + d->reply_size;
    d->reply_size += size;
    return p;
}

static inline void venus_encode_u32(struct venus_decoder *d, uint32_t v)
{
    uint8_t *p = venus_reply_take(d, 4);
    if (p)
        memcpy(p, &v, 4);
}

static inline void venus_encode_u64(struct venus_decoder *d, uint64_t v)
{
    uint8_t *p = venus_reply_take(d, 8);
    if (p)
        memcpy(p, &v, 8);
}

/* Bytes and zero padding to a multiple of 4. */
void venus_encode_bytes(struct venus_decoder *d, const void *bytes, size_t size);

/* Start a reply with its command number; finish copies it out and advances the position. */
void venus_reply_begin(struct venus_decoder *d);
void venus_reply_finish(struct venus_decoder *d);
/* Free the memory that replies are composed in. A zeroed decoder is allowed. */
void venus_reply_free(struct venus_decoder *d);

/* Set the window (vkSetReplyCommandStreamMESA) and the position, counted from the window's start
 * (vkSeekReplyCommandStreamMESA, pReplyPositions of vkExecuteCommandStreamsMESA). */
void venus_reply_set_window(struct venus_decoder *d, uint32_t res_id, uint64_t offset,
                            uint64_t size);
void venus_reply_seek(struct venus_decoder *d, uint64_t position);

/*
 * Add an object that the driver just made.  On an error (bad id, too many) the decoder fails and
 * false is returned; the caller then destroys the driver's object.
 */
bool venus_decoder_add_object(struct venus_decoder *d, enum venus_object_type type, uint64_t id,
                              uint64_t handle, struct venus_object *pool, void *data);

void venus_decoder_init(struct venus_decoder *d, struct venus_context *context,
                        struct venus_ring *ring);
void venus_decoder_finish(struct venus_decoder *d);

/*
 * Decode and run all commands in [bytes, bytes + size), which is private memory, 4-byte aligned.
 * `after`, when not NULL, is called after every command with the bytes consumed so far.  False when
 * the decoder or its context is, or becomes, dead.
 *
 * The handler of vkExecuteCommandStreamsMESA calls it again, once per stream.  Such a nested run has
 * its own memory for commands, so that the arguments of the outer command stay valid, and leaves
 * everything that belongs to the outer command as it was; only the reply window and position, which
 * belong to the decoder, carry over.  A run nested in a nested run is an error.
 */
bool venus_decoder_run(struct venus_decoder *d, const void *bytes, size_t size,
                       void (*after)(struct venus_decoder *d, size_t consumed));

/* Table of all commands, indexed by command number; generated. */
struct venus_command {
    void (*run)(struct venus_decoder *d); /* NULL: unknown number */
    const char *name;
};
extern const struct venus_command venus_commands[];
extern const uint32_t venus_command_count;

#endif
