/* SPDX-License-Identifier: MIT */
/* Messages to standard error: one line each, written at once, from any thread or process. */
#ifndef BACKEND_LOG_H
#define BACKEND_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "venus.h"

/* Set the most verbose level that is shown; also for messages of the renderer. */
void backend_log_init(enum venus_log_level max_level);
/* From now on messages of this process name the client that it serves; made printable. */
void backend_log_set_client(const char *client);
/* The same behind what is named already. */
void backend_log_add_client(const char *client);
/*
 * From now on show no more than `burst` messages at once, and then one for each `interval_ms`
 * milliseconds, of this process and all that it forks together; debug messages do not count.  How
 * many were left out is told with the next one.  False without memory.
 */
bool backend_log_limit(uint32_t burst, uint32_t interval_ms);
void backend_log(enum venus_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Copy at most size - 1 bytes of a string, with '?' for what is not printable ASCII. */
void backend_copy_printable(char *to, size_t size, const char *from);

#endif
