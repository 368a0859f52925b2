/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum venus_log_level log_level = VENUS_LOG_INFO;
static char log_client[96];

static void log_line(enum venus_log_level level, const char *message)
{
    static const char *const names[] = {
        [VENUS_LOG_ERROR] = "error: ",
        [VENUS_LOG_WARNING] = "warning: ",
        [VENUS_LOG_INFO] = "",
        [VENUS_LOG_DEBUG] = "debug: ",
    };
    char line[1200];
    int n = snprintf(line, sizeof(line) - 1, "xen-venusd: %s%s%s%s", log_client,
                     *log_client ? ": " : "", names[level], message);
    if (n > (int)sizeof(line) - 2)
        n = sizeof(line) - 2;
    line[n++] = '\n';
    /* A log that cannot be written (closed terminal, full disk) must not stop the daemon. */
    ssize_t written = write(STDERR_FILENO, line, n);
    (void)written;
}

void backend_log_init(enum venus_log_level max_level)
{
    log_level = max_level;
    venus_log_set(log_line, max_level);
}

void backend_log_set_client(const char *client)
{
    backend_copy_printable(log_client, sizeof(log_client), client);
}

void backend_log_add_client(const char *client)
{
    const size_t length = strlen(log_client);
    if (length + 2 >= sizeof(log_client))
        return;
    if (length)
        strcpy(log_client + length, " ");
    backend_copy_printable(log_client + length + !!length, sizeof(log_client) - length - !!length,
                           client);
}

void backend_log(enum venus_log_level level, const char *format, ...)
{
    if (level > log_level)
        return;
    const int saved = errno;
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    log_line(level, message);
    errno = saved;
}

void backend_copy_printable(char *to, size_t size, const char *from)
{
    size_t i = 0;
    for (; i + 1 < size && from[i]; i++)
        to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
    to[i] = '\0';
}
