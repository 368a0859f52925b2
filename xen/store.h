/* SPDX-License-Identifier: MIT */
/*
 * XenStore: what is needed of libxenstore, with sizes and values checked.
 *
 * Guests own some of the nodes: a value may be anything, may change between two reads, and may be
 * gone.  Results are 0 (or what the function says) or a negative errno: -ENOENT for a node that is
 * not there, -E2BIG for a value that does not fit, -EBADMSG for one that is malformed.
 */
#ifndef XEN_STORE_H
#define XEN_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XEN_STORE_MAX_VALUE 4096 /* bytes of a value, xs_wire.h's XENSTORE_PAYLOAD_MAX */
#define XEN_STORE_MAX_TOKEN 64   /* bytes of a watch's token, with its NUL */

struct xen_store;

/* A transaction, or XEN_STORE_NONE. */
typedef uint32_t xen_store_tx;
#define XEN_STORE_NONE 0

/* NULL, with errno set, when there is no xenstored to talk to. */
struct xen_store *xen_store_open(void);
/* NULL allowed. */
void xen_store_close(struct xen_store *store);
/* Readable when there are events. */
int xen_store_fd(struct xen_store *store);

/* A path made as by printf; lives as long as the expression. Too long a path becomes one that does
 * not exist. */
struct xen_path {
    char s[256];
};
struct xen_path xen_path(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Read a value into `value`, NUL-terminated. Returns its length. */
int xen_store_read(struct xen_store *store, xen_store_tx tx, const char *path, char *value,
                   size_t size);
/* Read a decimal number of at most `max`: digits only. */
int xen_store_read_number(struct xen_store *store, xen_store_tx tx, const char *path, uint64_t max,
                          uint64_t *number);
int xen_store_write(struct xen_store *store, xen_store_tx tx, const char *path, const char *value);
int xen_store_write_number(struct xen_store *store, xen_store_tx tx, const char *path,
                           uint64_t number);
/* Make a node without a value; one that exists stays as it is. */
int xen_store_mkdir(struct xen_store *store, xen_store_tx tx, const char *path);
/* Remove a node and all below it; none is fine, too. */
int xen_store_remove(struct xen_store *store, xen_store_tx tx, const char *path);
/* `owner` may do everything with the node, `reader` may read it (the owner: nobody else), others
 * nothing.  Nodes that are made below it later inherit that. */
int xen_store_set_owner(struct xen_store *store, xen_store_tx tx, const char *path, uint32_t owner,
                        uint32_t reader);

/* The names of a node's children that are decimal numbers below 2^32, in *numbers, which is to be
 * freed. Returns how many. */
int xen_store_list_numbers(struct xen_store *store, xen_store_tx tx, const char *path,
                           uint32_t **numbers);

/*
 * Begin and end transactions.  xen_store_commit() gives -EAGAIN when somebody else has changed a
 * node in between: nothing was done, begin again.  The transaction has ended in any case.
 */
int xen_store_begin(struct xen_store *store, xen_store_tx *tx);
int xen_store_commit(struct xen_store *store, xen_store_tx tx);
void xen_store_abort(struct xen_store *store, xen_store_tx tx);

/* Watch a node and those below it. An event comes at once, then one for each change. */
int xen_store_watch(struct xen_store *store, const char *path, const char *token);
int xen_store_unwatch(struct xen_store *store, const char *path, const char *token);
/*
 * The token of the next event; several equal ones may come for one change, and for a watch that has
 * just ended.  Returns 1, 0 when there is none, or a negative errno when the connection is lost.
 */
int xen_store_next_event(struct xen_store *store, char token[XEN_STORE_MAX_TOKEN]);

#endif
