/* SPDX-License-Identifier: MIT */
#include "reason.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

static void set_printable(struct reason *reason, const char *text)
{
    backend_copy_printable(reason->text, sizeof(reason->text), text);
}

bool reason_set(struct reason *reason, const char *format, ...)
{
    char text[sizeof(reason->text)];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    set_printable(reason, text);
    return false;
}

bool reason_prefix(struct reason *reason, const char *format, ...)
{
    char text[2 * sizeof(reason->text) + 2];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof(reason->text), format, args);
    va_end(args);
    if (n > (int)sizeof(reason->text) - 1)
        n = sizeof(reason->text) - 1;
    snprintf(text + n, sizeof(text) - n, ": %s", reason->text);
    set_printable(reason, text);
    return false;
}
