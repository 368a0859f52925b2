/* SPDX-License-Identifier: MIT */
/* What every implementation of store.h does with values. */
#ifndef XEN_STORE_VALUES_H
#define XEN_STORE_VALUES_H

#include <stddef.h>
#include <stdint.h>

/* Copy a value that was read, with a NUL. Returns its length, -E2BIG, or -EBADMSG for one with a
 * NUL in it. */
int xen_store_copy_value(const void *data, size_t length, char *value, size_t size);

/* Parse decimal digits, all of `text`. 0, -EBADMSG, or -ERANGE for more than `max`. */
int xen_store_parse_number(const char *text, uint64_t max, uint64_t *number);

#endif
