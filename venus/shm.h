/* SPDX-License-Identifier: MIT */
/*
 * Memory that a client can write at any moment.
 *
 * The pointer has an incomplete type, so that code which reads such memory in place does not
 * compile: the only ways in and out are the functions below.  They read every byte once.
 */
#ifndef VENUS_SHM_H
#define VENUS_SHM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct venus_shared_bytes; /* never defined */

/* A mapped range of client-writable memory. Whoever creates it unmaps it. */
struct venus_shm {
    struct venus_shared_bytes *base;
    size_t size; /* bytes */
};

/* Whether [offset, offset + size) lies inside; safe for any values. */
static inline bool venus_shm_contains(const struct venus_shm *shm, uint64_t offset, uint64_t size)
{
    return offset <= shm->size && size <= shm->size - offset;
}

/*
 * Copy bytes out of shared memory.  False, and nothing copied, if the range is not inside.
 *
 * The compiler must take what is copied for something of its own: it could otherwise leave the copy
 * out and read the shared memory again, after the caller has checked what was there.
 */
static inline bool venus_shm_read(const struct venus_shm *shm, uint64_t offset, void *to,
                                  size_t size)
{
    if (!venus_shm_contains(shm, offset, size))
        return false;
    if (!size)
        return true;
    memcpy(to, (const char *)shm->base + offset, size);
    __asm__ volatile("" : : "r"(to) : "memory");
    return true;
}

/* Copy bytes into shared memory. False, and nothing copied, if the range is not inside. */
static inline bool venus_shm_write(const struct venus_shm *shm, uint64_t offset, const void *from,
                                   size_t size)
{
    if (!venus_shm_contains(shm, offset, size))
        return false;
    if (size)
        memcpy((char *)shm->base + offset, from, size);
    return true;
}

/* Fill shared memory with zeroes. False, and nothing done, if the range is not inside. */
static inline bool venus_shm_clear(const struct venus_shm *shm, uint64_t offset, size_t size)
{
    if (!venus_shm_contains(shm, offset, size))
        return false;
    if (size)
        memset((char *)shm->base + offset, 0, size);
    return true;
}

/*
 * One aligned 32-bit word that both sides access atomically. The caller has checked with
 * venus_shm_contains() that the word is inside and that its offset is a multiple of 4.
 */
static inline _Atomic uint32_t *venus_shm_word(const struct venus_shm *shm, size_t offset)
{
    return (_Atomic uint32_t *)(void *)((char *)shm->base + offset);
}

/* The same for an aligned 16-bit word. */
static inline _Atomic uint16_t *venus_shm_half(const struct venus_shm *shm, size_t offset)
{
    return (_Atomic uint16_t *)(void *)((char *)shm->base + offset);
}

#endif
