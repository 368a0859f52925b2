/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"

/*
 * Messages that are still allowed, as a time: each one moves it on by the interval, and it must not
 * be further ahead of now than a burst is long.
 */
struct log_budget {
    _Atomic int64_t until; /* CLOCK_MONOTONIC, milliseconds */
    _Atomic uint32_t dropped;
    int64_t interval, burst; /* milliseconds */
};

static struct log_budget *log_budget; /* shared with processes that were forked later; NULL: none */
static enum venus_log_level log_level = VENUS_LOG_INFO;
static char log_client[96];

/* Whether there may be a message now. */
static bool spend(struct log_budget *budget)
{
    const int64_t now = backend_now_ms();
    int64_t until = atomic_load(&budget->until), next;
    do {
        next = (until > now ? until : now) + budget->interval;
        if (next > now + budget->burst)
            return false;
    } while (!atomic_compare_exchange_weak(&budget->until, &until, next));
    return true;
}

static void write_line(enum venus_log_level level, const char *message)
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

static void log_line(enum venus_log_level level, const char *message)
{
    /* Those who ask for debug messages want all of them. */
    if (!log_budget || level >= VENUS_LOG_DEBUG) {
        write_line(level, message);
        return;
    }
    if (!spend(log_budget)) {
        atomic_fetch_add(&log_budget->dropped, 1);
        return;
    }
    const uint32_t dropped = atomic_exchange(&log_budget->dropped, 0);
    if (dropped) {
        char note[64];
        snprintf(note, sizeof(note), "%u messages were too many and are left out", dropped);
        write_line(VENUS_LOG_WARNING, note);
    }
    write_line(level, message);
}

bool backend_log_limit(uint32_t burst, uint32_t interval_ms)
{
    struct log_budget *budget =
        mmap(NULL, sizeof(*budget), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (budget == MAP_FAILED)
        return false;
    budget->interval = interval_ms;
    budget->burst = (int64_t)burst * interval_ms;
    log_budget = budget;
    return true;
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
