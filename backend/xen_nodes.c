/* SPDX-License-Identifier: MIT */
#include "xen_nodes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xen/store_values.h"

#define TRIES 16 /* to write what somebody else writes to, too */

void xen_nodes_init(struct xen_nodes *nodes, struct xen_store *store, uint32_t backend_domid,
                    uint32_t domid, uint32_t devid)
{
    *nodes = (struct xen_nodes){
        .store = store, .backend_domid = backend_domid, .domid = domid, .devid = devid};
    snprintf(nodes->backend, sizeof(nodes->backend), "/local/domain/%u/backend/vgpu/%u/%u",
             backend_domid, domid, devid);
    snprintf(nodes->frontend, sizeof(nodes->frontend), "/local/domain/%u/device/vgpu/%u", domid,
             devid);
    snprintf(nodes->own, sizeof(nodes->own), "/local/domain/%u/xen-venus/%u/%u", backend_domid,
             domid, devid);
    snprintf(nodes->hold, sizeof(nodes->hold), "/local/domain/%u/backend/none/%u/%u", backend_domid,
             domid, devid);
    snprintf(nodes->toolstack, sizeof(nodes->toolstack), "/libxl/%u/device/none/%u", domid, devid);
}

bool xen_nodes_home_exists(const struct xen_nodes *nodes)
{
    char value[XEN_STORE_MAX_VALUE + 1];
    return xen_store_read(nodes->store, XEN_STORE_NONE,
                          xen_path("/local/domain/%u", nodes->domid).s, value, sizeof(value)) >= 0;
}

/* ---- writing ---- */

/* What is written in one transaction. */
struct batch {
    struct xen_store *store;
    xen_store_tx tx;
    const char *folder;
    int result; /* of the first that has failed */
};

static void put(struct batch *b, const char *name, const char *value)
{
    if (!b->result)
        b->result = xen_store_write(b->store, b->tx, xen_path("%s/%s", b->folder, name).s, value);
}

static void put_number(struct batch *b, const char *name, uint64_t number)
{
    char value[24];
    snprintf(value, sizeof(value), "%" PRIu64, number);
    put(b, name, value);
}

/* Make `folder` for nodes that `owner` may change and `reader` may read. */
static void open_folder(struct batch *b, const char *folder, uint32_t owner, uint32_t reader)
{
    b->folder = folder;
    if (!b->result)
        b->result = xen_store_mkdir(b->store, b->tx, folder);
    if (!b->result)
        b->result = xen_store_set_owner(b->store, b->tx, folder, owner, reader);
}

static void put_backend(struct batch *b, const struct xen_nodes *nodes,
                        const struct gpu_config *config, enum vgpu_window_kind window)
{
    /* Without what an earlier offer has left. */
    if (!b->result)
        b->result = xen_store_remove(b->store, b->tx, nodes->backend);
    open_folder(b, nodes->backend, nodes->backend_domid, nodes->domid);
    put(b, "frontend", nodes->frontend);
    put_number(b, "frontend-id", nodes->domid);
    put(b, "online", "1");
    put_number(b, "versions", VGPU_PROTOCOL_VERSION);
    put_number(b, "hostmem", config->hostmem);
    put(b, "mapping", config->per_blob ? "per-blob" : "window");
    if (!config->per_blob)
        put(b, "window", window == VGPU_WINDOW_GRANT ? "grant" : "foreign");
    put_number(b, "max-pool-pages", XEN_NODES_MAX_POOL_PAGES);
    put_number(b, "state", XEN_STATE_INIT_WAIT);
}

static void put_frontend(struct batch *b, const struct xen_nodes *nodes)
{
    char value[XEN_STORE_MAX_VALUE + 1];
    open_folder(b, nodes->frontend, nodes->domid, nodes->backend_domid);
    put(b, "backend", nodes->backend);
    put_number(b, "backend-id", nodes->backend_domid);
    /* One that is there is the frontend's. */
    if (!b->result && xen_store_read(b->store, b->tx, xen_path("%s/state", nodes->frontend).s,
                                     value, sizeof(value)) == -ENOENT)
        put_number(b, "state", XEN_STATE_INITIALISING);
}

/* End the transaction, with what it came to. */
static int end(const struct batch *b)
{
    if (!b->result)
        return xen_store_commit(b->store, b->tx);
    xen_store_abort(b->store, b->tx);
    return b->result;
}

static int try_offer(const struct xen_nodes *nodes, const struct gpu_config *config,
                     enum vgpu_window_kind window)
{
    char value[XEN_STORE_MAX_VALUE + 1];
    struct batch b = {.store = nodes->store};
    b.result = xen_store_begin(nodes->store, &b.tx);
    if (b.result)
        return b.result;
    /* Nothing must come into being in the place of a domain that has gone. */
    const int home = xen_store_read(
        nodes->store, b.tx, xen_path("/local/domain/%u", nodes->domid).s, value, sizeof(value));
    b.result = home < 0 ? home : 0;
    put_backend(&b, nodes, config, window);
    put_frontend(&b, nodes);
    return end(&b);
}

int xen_nodes_offer(const struct xen_nodes *nodes, const struct gpu_config *config,
                    enum vgpu_window_kind window)
{
    int result = -EAGAIN;
    for (int i = 0; i < TRIES && result == -EAGAIN; i++)
        result = try_offer(nodes, config, window);
    return result;
}

int xen_nodes_set_state(const struct xen_nodes *nodes, enum xen_state state)
{
    return xen_store_write_number(nodes->store, XEN_STORE_NONE,
                                  xen_path("%s/state", nodes->backend).s, state);
}

int xen_nodes_set_offline(const struct xen_nodes *nodes)
{
    return xen_store_write(nodes->store, XEN_STORE_NONE, xen_path("%s/online", nodes->backend).s,
                           "0");
}

int xen_nodes_set_error(const struct xen_nodes *nodes, const char *error)
{
    return xen_store_write(nodes->store, XEN_STORE_NONE, xen_path("%s/error", nodes->backend).s,
                           error);
}

/* ---- what libxl waits for ---- */

static bool state_of_hold(const struct xen_nodes *nodes, uint64_t *state)
{
    return !xen_store_read_number(nodes->store, XEN_STORE_NONE, xen_path("%s/state", nodes->hold).s,
                                  XEN_STATE_MAX, state);
}

static int try_hold(const struct xen_nodes *nodes)
{
    char value[XEN_STORE_MAX_VALUE + 1];
    struct batch b = {.store = nodes->store};
    b.result = xen_store_begin(nodes->store, &b.tx);
    if (b.result)
        return b.result;
    const int libxl = xen_store_read(nodes->store, b.tx, xen_path("/libxl/%u", nodes->domid).s,
                                     value, sizeof(value));
    if (libxl == -ENOENT) {
        xen_store_abort(nodes->store, b.tx);
        return 0;
    }
    b.result = libxl < 0 ? libxl : 0;
    open_folder(&b, nodes->hold, nodes->backend_domid, nodes->backend_domid);
    put_number(&b, "state", XEN_STATE_CONNECTED);
    b.folder = nodes->toolstack;
    put(&b, "backend", nodes->hold);
    return end(&b);
}

int xen_nodes_hold(const struct xen_nodes *nodes)
{
    int result = -EAGAIN;
    for (int i = 0; i < TRIES && result == -EAGAIN; i++)
        result = try_hold(nodes);
    return result;
}

void xen_nodes_let_go(const struct xen_nodes *nodes)
{
    uint64_t state;
    if (state_of_hold(nodes, &state))
        xen_store_write_number(nodes->store, XEN_STORE_NONE, xen_path("%s/state", nodes->hold).s,
                               XEN_STATE_CLOSED);
}

bool xen_nodes_let_go_wanted(const struct xen_nodes *nodes)
{
    uint64_t state;
    return state_of_hold(nodes, &state) && state == XEN_STATE_CLOSING;
}

void xen_nodes_remove(const struct xen_nodes *nodes)
{
    xen_store_remove(nodes->store, XEN_STORE_NONE, nodes->toolstack);
    xen_store_remove(nodes->store, XEN_STORE_NONE, nodes->hold);
    xen_store_remove(nodes->store, XEN_STORE_NONE, nodes->frontend);
    xen_store_remove(nodes->store, XEN_STORE_NONE, nodes->backend);
    xen_store_remove(nodes->store, XEN_STORE_NONE, nodes->own);
}

int xen_nodes_write_own(const struct xen_nodes *nodes, const char *name, const char *value)
{
    return xen_store_write(nodes->store, XEN_STORE_NONE, xen_path("%s/%s", nodes->own, name).s,
                           value);
}

void xen_nodes_remove_own(const struct xen_nodes *nodes, const char *name)
{
    xen_store_remove(nodes->store, XEN_STORE_NONE, xen_path("%s/%s", nodes->own, name).s);
}

int xen_nodes_read_own(const struct xen_nodes *nodes, const char *name, char *value, size_t size)
{
    return xen_store_read(nodes->store, XEN_STORE_NONE, xen_path("%s/%s", nodes->own, name).s,
                          value, size);
}

/* ---- reading what the guest has written ---- */

int xen_nodes_frontend_state(const struct xen_nodes *nodes, enum xen_state *state)
{
    uint64_t number;
    const int result =
        xen_store_read_number(nodes->store, XEN_STORE_NONE, xen_path("%s/state", nodes->frontend).s,
                              XEN_STATE_MAX, &number);
    if (result == -ENOENT)
        return -ENOENT;
    if (result)
        return -EBADMSG;
    *state = number;
    return 0;
}

bool xen_nodes_unplug_wanted(const struct xen_nodes *nodes)
{
    uint64_t number;
    return !xen_store_read_number(nodes->store, XEN_STORE_NONE,
                                  xen_path("%s/unplug", nodes->frontend).s, 1, &number) &&
           number;
}

static bool read_number(const struct xen_nodes *nodes, const char *name, uint64_t min, uint64_t max,
                        uint64_t *number, struct reason *reason)
{
    const int result = xen_store_read_number(
        nodes->store, XEN_STORE_NONE, xen_path("%s/%s", nodes->frontend, name).s, max, number);
    if (result == -ENOENT)
        return reason_set(reason, "the frontend's node %s is missing", name);
    if (result || *number < min)
        return reason_set(reason,
                          "the frontend's node %s is not a number from %" PRIu64 " to %" PRIu64,
                          name, min, max);
    return true;
}

static bool read_u32(const struct xen_nodes *nodes, const char *name, uint32_t min, uint32_t max,
                     uint32_t *number, struct reason *reason)
{
    uint64_t wide;
    if (!read_number(nodes, name, min, max, &wide, reason))
        return false;
    *number = wide;
    return true;
}

/* A run "<first>+<count>", in place. */
static bool parse_run(char *text, struct vgpu_window_run *run)
{
    uint64_t first, count;
    char *plus = strchr(text, '+');
    if (!plus)
        return false;
    *plus = '\0';
    if (xen_store_parse_number(text, UINT32_MAX, &first) ||
        xen_store_parse_number(plus + 1, UINT32_MAX, &count) || !count ||
        first + count > (1ull << 32))
        return false;
    *run = (struct vgpu_window_run){.first = first, .count = count};
    return true;
}

static bool read_runs(const struct xen_nodes *nodes, uint64_t pages, struct vgpu_connection *c,
                      struct reason *reason)
{
    char value[XEN_STORE_MAX_VALUE + 1], *rest = value;
    uint64_t total = 0;
    const int result =
        xen_store_read(nodes->store, XEN_STORE_NONE, xen_path("%s/window-refs", nodes->frontend).s,
                       value, sizeof(value));
    if (result == -ENOENT)
        return reason_set(reason, "the frontend's node window-refs is missing");
    if (result < 0)
        return reason_set(reason, "the frontend's node window-refs is malformed");
    while (rest) {
        if (c->run_count == VGPU_MAX_WINDOW_RUNS)
            return reason_set(reason, "the frontend's node window-refs has more than %d runs",
                              VGPU_MAX_WINDOW_RUNS);
        if (!parse_run(strsep(&rest, " "), &c->runs[c->run_count]))
            return reason_set(reason, "run %u of the frontend's node window-refs is malformed",
                              c->run_count);
        total += c->runs[c->run_count++].count;
    }
    if (total != pages)
        return reason_set(reason,
                          "the frontend's window-refs have %" PRIu64 " pages, the window %" PRIu64,
                          total, pages);
    return true;
}

static bool read_window(const struct xen_nodes *nodes, uint64_t hostmem, struct vgpu_connection *c,
                        struct reason *reason)
{
    uint64_t zeroed;
    /* The highest bit marks grants in addresses (VGPU_ADDRESS_GRANT). */
    if (!read_number(nodes, "window-base", 0, (1ull << 52) - hostmem, &c->window_base, reason))
        return false;
    if (c->window_base % GPU_CONFIG_HOSTMEM_UNIT)
        return reason_set(reason, "the frontend's window-base is not a multiple of 2 MiB");
    c->window_zeroed =
        !xen_store_read_number(nodes->store, XEN_STORE_NONE,
                               xen_path("%s/window-zeroed", nodes->frontend).s, 1, &zeroed) &&
        zeroed;
    return true;
}

bool xen_nodes_read_connection(const struct xen_nodes *nodes, const struct gpu_config *config,
                               enum vgpu_window_kind window, struct vgpu_connection *connection,
                               struct reason *reason)
{
    uint32_t version;
    struct vgpu_connection *c = connection;
    *c = (struct vgpu_connection){0};
    if (!read_u32(nodes, "version", VGPU_PROTOCOL_VERSION, VGPU_PROTOCOL_VERSION, &version,
                  reason) ||
        !read_u32(nodes, "control-ref", 0, UINT32_MAX, &c->control_ref, reason) ||
        !read_u32(nodes, "event-channel", 1, UINT32_MAX, &c->event_channel, reason) ||
        !read_u32(nodes, "pool-pages", 1, XEN_NODES_MAX_POOL_PAGES, &c->pool_pages, reason) ||
        !read_u32(nodes, "pool-ref", 0, UINT32_MAX - c->pool_pages, &c->pool_ref, reason) ||
        !read_window(nodes, config->hostmem, c, reason))
        return false;
    if (config->per_blob)
        return read_u32(nodes, "blob-refs-ref", 0, UINT32_MAX - VGPU_BLOB_REFS_PAGES,
                        &c->blob_refs_ref, reason);
    return window != VGPU_WINDOW_GRANT ||
           read_runs(nodes, config->hostmem / VGPU_PAGE_SIZE, c, reason);
}
