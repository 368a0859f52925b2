/* SPDX-License-Identifier: MIT */
/* A set of pages of the window. */
#ifndef BACKEND_PAGE_SET_H
#define BACKEND_PAGE_SET_H

#include <stdbool.h>
#include <stdint.h>

struct page_set {
    uint64_t *words; /* a bit per page */
    uint64_t pages;
};

/* An empty set of pages 0 to `pages` - 1. False without memory. */
bool page_set_init(struct page_set *set, uint64_t pages);
/* Accepts a zeroed set. */
void page_set_finish(struct page_set *set);

/* All of these want [first, first + count) inside. */
void page_set_add(struct page_set *set, uint64_t first, uint64_t count);
void page_set_remove(struct page_set *set, uint64_t first, uint64_t count);
/* Whether one of them is in the set. */
bool page_set_any(const struct page_set *set, uint64_t first, uint64_t count);

#endif
