/* SPDX-License-Identifier: MIT */
/* The first thing in every file of a build with --enable-coverage: what a process that ends with
 * _exit() has run counts, too. */
#ifndef COVERAGE_H
#define COVERAGE_H

#include <unistd.h>

void __gcov_dump(void);
#define _exit(status)                                                                              \
    do {                                                                                           \
        const int coverage_status = (status);                                                      \
        __gcov_dump();                                                                             \
        _exit(coverage_status);                                                                    \
    } while (0)

#endif
