/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>

#include "internal.h"

static void log_to_stderr(enum venus_log_level level, const char *message)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    fprintf(stderr, "venus: %s: %s\n", names[level], message);
}

/* Set once before any thread starts, so they need no lock. */
static venus_log_fn log_fn = log_to_stderr;
static enum venus_log_level log_max = VENUS_LOG_WARNING;

void venus_log_set(venus_log_fn fn, enum venus_log_level max_level)
{
    log_fn = fn ? fn : log_to_stderr;
    log_max = max_level;
}

bool venus_log_enabled(enum venus_log_level level)
{
    return level <= log_max;
}

static void emit(enum venus_log_level level, char *message)
{
    /* Parts may come from the client: nothing in them may drive a terminal or start a new line. */
    for (char *c = message; *c; c++) {
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
    log_fn(level, message);
}

void venus_log(enum venus_log_level level, const char *format, ...)
{
    if (!venus_log_enabled(level))
        return;
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    emit(level, message);
}

void venus_log_client(struct venus_context *context, enum venus_log_level level,
                      const char *format, ...)
{
    if (!venus_log_enabled(level))
        return;
    const unsigned earlier =
        atomic_fetch_add_explicit(&context->messages, 1, memory_order_relaxed);
    if (earlier >= VENUS_MAX_MESSAGES) {
        /* The count must not come round. */
        atomic_store_explicit(&context->messages, VENUS_MAX_MESSAGES, memory_order_relaxed);
        return;
    }
    char message[1024];
    int length = snprintf(message, sizeof(message), "client \"%s\"%s: ", context->name,
                          earlier + 1 == VENUS_MAX_MESSAGES ? " (last message)" : "");
    va_list args;
    va_start(args, format);
    vsnprintf(message + length, sizeof(message) - (size_t)length, format, args);
    va_end(args);
    emit(level, message);
}
