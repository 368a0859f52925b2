/* SPDX-License-Identifier: MIT */
#include "page_set.h"

#include <stdlib.h>

bool page_set_init(struct page_set *set, uint64_t pages)
{
    set->pages = pages;
    set->words = calloc(pages / 64 + 1, sizeof(*set->words));
    return set->words;
}

void page_set_finish(struct page_set *set)
{
    free(set->words);
    *set = (struct page_set){0};
}

/* The bits of [first, end) that lie in the word of `first`. */
static uint64_t bits_of(uint64_t first, uint64_t end)
{
    const uint64_t from = ~0ULL << first % 64;
    return first / 64 == end / 64 ? from & ~(~0ULL << end % 64) : from;
}

/* The first page of the next word. */
static uint64_t next_word(uint64_t page)
{
    return (page / 64 + 1) * 64;
}

void page_set_add(struct page_set *set, uint64_t first, uint64_t count)
{
    for (const uint64_t end = first + count; first < end; first = next_word(first))
        set->words[first / 64] |= bits_of(first, end);
}

void page_set_remove(struct page_set *set, uint64_t first, uint64_t count)
{
    for (const uint64_t end = first + count; first < end; first = next_word(first))
        set->words[first / 64] &= ~bits_of(first, end);
}

bool page_set_any(const struct page_set *set, uint64_t first, uint64_t count)
{
    for (const uint64_t end = first + count; first < end; first = next_word(first)) {
        if (set->words[first / 64] & bits_of(first, end))
            return true;
    }
    return false;
}
