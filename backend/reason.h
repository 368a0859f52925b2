/* SPDX-License-Identifier: MIT */
/* Why something failed: a text for people, handed up to whoever can show it. */
#ifndef BACKEND_REASON_H
#define BACKEND_REASON_H

#include <stdbool.h>

struct reason {
    char text[512];
};

/* Set the text (cut if too long, made printable). Always false, for `return reason_set(...)`. */
bool reason_set(struct reason *reason, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Put "prefix: " in front of the text. Always false. */
bool reason_prefix(struct reason *reason, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
