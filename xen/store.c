/* SPDX-License-Identifier: MIT */
#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include "store_values.h"

/* A handle of libxenstore. */
struct xen_store {
    struct xs_handle *handle;
};

/* The negative errno of a call of libxenstore that has failed. */
static int failed(void)
{
    return errno ? -errno : -EIO;
}

struct xen_store *xen_store_open(void)
{
    struct xen_store *store = calloc(1, sizeof(*store));
    if (!store)
        return NULL;
    store->handle = xs_open(0);
    if (!store->handle) {
        const int saved = errno;
        free(store);
        errno = saved ? saved : ENOENT;
        return NULL;
    }
    return store;
}

void xen_store_close(struct xen_store *store)
{
    if (!store)
        return;
    xs_close(store->handle);
    free(store);
}

int xen_store_fd(struct xen_store *store)
{
    return xs_fileno(store->handle);
}

/* ---- values ---- */

int xen_store_read(struct xen_store *store, xen_store_tx tx, const char *path, char *value,
                   size_t size)
{
    unsigned length;
    char *data = xs_read(store->handle, tx, path, &length);
    if (!data)
        return failed();
    const int result = xen_store_copy_value(data, length, value, size);
    free(data);
    return result;
}

int xen_store_write(struct xen_store *store, xen_store_tx tx, const char *path, const char *value)
{
    const size_t length = strlen(value);
    if (length > XEN_STORE_MAX_VALUE)
        return -E2BIG;
    return xs_write(store->handle, tx, path, value, length) ? 0 : failed();
}

int xen_store_mkdir(struct xen_store *store, xen_store_tx tx, const char *path)
{
    return xs_mkdir(store->handle, tx, path) ? 0 : failed();
}

int xen_store_remove(struct xen_store *store, xen_store_tx tx, const char *path)
{
    return xs_rm(store->handle, tx, path) || errno == ENOENT ? 0 : failed();
}

int xen_store_set_owner(struct xen_store *store, xen_store_tx tx, const char *path, uint32_t owner,
                        uint32_t reader)
{
    struct xs_permissions permissions[2] = {
        {.id = owner, .perms = XS_PERM_NONE},
        {.id = reader, .perms = XS_PERM_READ},
    };
    const unsigned count = owner == reader ? 1 : 2;
    return xs_set_permissions(store->handle, tx, path, permissions, count) ? 0 : failed();
}

int xen_store_list_numbers(struct xen_store *store, xen_store_tx tx, const char *path,
                           uint32_t **numbers)
{
    unsigned count;
    int found = 0;
    *numbers = NULL;
    char **names = xs_directory(store->handle, tx, path, &count);
    if (!names)
        return failed();
    *numbers = calloc(count ? count : 1, sizeof(**numbers));
    for (unsigned i = 0; *numbers && i < count; i++) {
        uint64_t number;
        if (!xen_store_parse_number(names[i], UINT32_MAX, &number))
            (*numbers)[found++] = number;
    }
    free(names);
    return *numbers ? found : -ENOMEM;
}

/* ---- transactions ---- */

int xen_store_begin(struct xen_store *store, xen_store_tx *tx)
{
    *tx = xs_transaction_start(store->handle);
    return *tx != XBT_NULL ? 0 : failed();
}

int xen_store_commit(struct xen_store *store, xen_store_tx tx)
{
    return xs_transaction_end(store->handle, tx, false) ? 0 : failed();
}

void xen_store_abort(struct xen_store *store, xen_store_tx tx)
{
    xs_transaction_end(store->handle, tx, true);
}

/* ---- watches ---- */

int xen_store_watch(struct xen_store *store, const char *path, const char *token)
{
    if (strlen(token) >= XEN_STORE_MAX_TOKEN)
        return -E2BIG;
    return xs_watch(store->handle, path, token) ? 0 : failed();
}

int xen_store_unwatch(struct xen_store *store, const char *path, const char *token)
{
    return xs_unwatch(store->handle, path, token) ? 0 : failed();
}

int xen_store_next_event(struct xen_store *store, char token[XEN_STORE_MAX_TOKEN])
{
    char **event = xs_check_watch(store->handle);
    if (!event)
        return errno == EAGAIN ? 0 : failed();
    strncpy(token, event[XS_WATCH_TOKEN], XEN_STORE_MAX_TOKEN - 1);
    token[XEN_STORE_MAX_TOKEN - 1] = '\0';
    free(event);
    return 1;
}
