/* SPDX-License-Identifier: MIT */
/*
 * Every allocation of a scenario fails once.  The linker sends the library's calls of the allocator
 * through __wrap_*() of failing.c, where the nth one from now fails: tests that use it are linked
 * with $(FAILING_WRAP).
 */
#ifndef FAILING_H
#define FAILING_H

#include <stdbool.h>

/* Run the scenario with the first, second... allocation failing, until it gets through without
 * needing that many.  It returns whether all went well, and may do so only if nothing failed or,
 * with `may_do_without`, what failed could be done without. */
void run_with_failures(bool (*scenario)(void), bool may_do_without);

#endif
