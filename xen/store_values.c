/* SPDX-License-Identifier: MIT */
#include "store_values.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store.h"

struct xen_path xen_path(const char *format, ...)
{
    struct xen_path path;
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(path.s, sizeof(path.s), format, args);
    va_end(args);
    if (n < 0 || n >= (int)sizeof(path.s))
        strcpy(path.s, "/too-long");
    return path;
}

int xen_store_copy_value(const void *data, size_t length, char *value, size_t size)
{
    if (length >= size)
        return -E2BIG;
    if (memchr(data, 0, length))
        return -EBADMSG;
    memcpy(value, data, length);
    value[length] = '\0';
    return length;
}

int xen_store_parse_number(const char *text, uint64_t max, uint64_t *number)
{
    uint64_t value = 0;
    if (!*text)
        return -EBADMSG;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -EBADMSG;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
            return -ERANGE;
    }
    if (value > max)
        return -ERANGE;
    *number = value;
    return 0;
}

int xen_store_read_number(struct xen_store *store, xen_store_tx tx, const char *path, uint64_t max,
                          uint64_t *number)
{
    char value[24];
    const int result = xen_store_read(store, tx, path, value, sizeof(value));
    return result < 0 ? result : xen_store_parse_number(value, max, number);
}

int xen_store_write_number(struct xen_store *store, xen_store_tx tx, const char *path,
                           uint64_t number)
{
    char value[24];
    snprintf(value, sizeof(value), "%" PRIu64, number);
    return xen_store_write(store, tx, path, value);
}
