/* SPDX-License-Identifier: MIT */
#include "fake_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "check.h"
#include "xen/store_values.h"

#define MAX_NODES   1024
#define MAX_WATCHES 256
#define MAX_EVENTS  65536

struct node {
    char path[256];
    char *value;
    uint32_t owner, reader;
};

/* The nodes, and a copy of them that a transaction works on. */
struct tree {
    struct node nodes[MAX_NODES];
    int count;
};

static struct tree trees[2];
static bool in_transaction;
/* What the transaction has changed, to be told when it is committed. */
static char changed[MAX_NODES][256];
static bool changed_below[MAX_NODES];
static int changed_count;

static struct {
    char path[256], token[XEN_STORE_MAX_TOKEN];
} watches[MAX_WATCHES];
static int watches_count;

static char events[MAX_EVENTS][XEN_STORE_MAX_TOKEN];
static unsigned events_first, events_last;
static int event_fd = -1;

int fake_store_conflicts;
bool fake_store_broken;

/* ---- events ---- */

static void push_event(const char *token)
{
    assert_true(events_last - events_first < MAX_EVENTS);
    strcpy(events[events_last++ % MAX_EVENTS], token);
    if (event_fd >= 0)
        assert_int_equal(eventfd_write(event_fd, 1), 0);
}

static bool is_below(const char *path, const char *parent)
{
    const size_t size = strlen(parent);
    return !strncmp(path, parent, size) && (!path[size] || path[size] == '/');
}

static void fire(const char *path, bool below)
{
    for (int i = 0; i < watches_count; i++) {
        if (is_below(path, watches[i].path) || (below && is_below(watches[i].path, path)))
            push_event(watches[i].token);
    }
}

static void note_change(xen_store_tx tx, const char *path, bool below)
{
    if (tx == XEN_STORE_NONE) {
        fire(path, below);
        return;
    }
    assert_true(changed_count < MAX_NODES);
    strcpy(changed[changed_count], path);
    changed_below[changed_count++] = below;
}

/* ---- nodes ---- */

static struct tree *tree_of(xen_store_tx tx)
{
    assert_true(tx == XEN_STORE_NONE || in_transaction);
    return &trees[tx != XEN_STORE_NONE];
}

/* Paths without a slash are of this domain, 0. */
static const char *absolute(const char *path)
{
    static char buffer[300];
    if (*path == '/' || *path == '@')
        return path;
    snprintf(buffer, sizeof(buffer), "/local/domain/0/%s", path);
    return buffer;
}

static struct node *find(struct tree *tree, const char *path)
{
    for (int i = 0; i < tree->count; i++) {
        if (!strcmp(tree->nodes[i].path, path))
            return &tree->nodes[i];
    }
    return NULL;
}

static struct node *make(struct tree *tree, const char *path)
{
    struct node *node = find(tree, path);
    if (node)
        return node;
    char parent[256];
    snprintf(parent, sizeof(parent), "%s", path);
    char *slash = strrchr(parent, '/');
    struct node inherited = {0};
    if (slash && slash != parent) {
        *slash = '\0';
        inherited = *make(tree, parent);
    }
    assert_true(tree->count < MAX_NODES);
    node = &tree->nodes[tree->count++];
    *node = (struct node){.owner = inherited.owner, .reader = inherited.reader};
    snprintf(node->path, sizeof(node->path), "%s", path);
    node->value = strdup("");
    return node;
}

static int remove_nodes(struct tree *tree, const char *path)
{
    int kept = 0;
    for (int i = 0; i < tree->count; i++) {
        if (is_below(tree->nodes[i].path, path))
            free(tree->nodes[i].value);
        else
            tree->nodes[kept++] = tree->nodes[i];
    }
    const int removed = tree->count - kept;
    tree->count = kept;
    return removed;
}

static void clear(struct tree *tree)
{
    for (int i = 0; i < tree->count; i++)
        free(tree->nodes[i].value);
    tree->count = 0;
}

/* ---- xen/store.h ---- */

struct xen_store {
    int unused;
};

static struct xen_store the_store;

struct xen_store *xen_store_open(void)
{
    if (fake_store_broken) {
        errno = ENOENT;
        return NULL;
    }
    event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return event_fd < 0 ? NULL : &the_store;
}

void xen_store_close(struct xen_store *store)
{
    if (!store)
        return;
    close(event_fd);
    event_fd = -1;
    watches_count = 0; /* as when a connection is closed */
    events_first = events_last;
}

int xen_store_fd(struct xen_store *store)
{
    (void)store;
    return event_fd;
}

int xen_store_read(struct xen_store *store, xen_store_tx tx, const char *path, char *value,
                   size_t size)
{
    (void)store;
    const struct node *node = find(tree_of(tx), absolute(path));
    if (fake_store_broken)
        return -EIO;
    return node ? xen_store_copy_value(node->value, strlen(node->value), value, size) : -ENOENT;
}

int xen_store_write(struct xen_store *store, xen_store_tx tx, const char *path, const char *value)
{
    (void)store;
    if (fake_store_broken)
        return -EIO;
    if (strlen(value) > XEN_STORE_MAX_VALUE)
        return -E2BIG;
    struct node *node = make(tree_of(tx), absolute(path));
    free(node->value);
    node->value = strdup(value);
    note_change(tx, absolute(path), false);
    return 0;
}

int xen_store_mkdir(struct xen_store *store, xen_store_tx tx, const char *path)
{
    (void)store;
    if (fake_store_broken)
        return -EIO;
    if (!find(tree_of(tx), path)) {
        make(tree_of(tx), path);
        note_change(tx, path, false);
    }
    return 0;
}

int xen_store_remove(struct xen_store *store, xen_store_tx tx, const char *path)
{
    (void)store;
    if (fake_store_broken)
        return -EIO;
    if (remove_nodes(tree_of(tx), path))
        note_change(tx, path, true);
    return 0;
}

int xen_store_set_owner(struct xen_store *store, xen_store_tx tx, const char *path, uint32_t owner,
                        uint32_t reader)
{
    (void)store;
    struct node *node = find(tree_of(tx), path);
    if (!node)
        return -ENOENT;
    node->owner = owner;
    node->reader = reader;
    return 0;
}

int xen_store_list_numbers(struct xen_store *store, xen_store_tx tx, const char *path,
                           uint32_t **numbers)
{
    (void)store;
    const struct tree *tree = tree_of(tx);
    const size_t size = strlen(path);
    uint64_t number;
    int count = 0;
    *numbers = NULL;
    if (fake_store_broken)
        return -EIO;
    if (!find(tree_of(tx), path))
        return -ENOENT;
    *numbers = calloc(tree->count, sizeof(**numbers));
    for (int i = 0; i < tree->count; i++) {
        const char *name = tree->nodes[i].path;
        if (!strncmp(name, path, size) && name[size] == '/' &&
            !xen_store_parse_number(name + size + 1, UINT32_MAX, &number))
            (*numbers)[count++] = number;
    }
    return count;
}

int xen_store_begin(struct xen_store *store, xen_store_tx *tx)
{
    (void)store;
    assert_false(in_transaction);
    in_transaction = true;
    changed_count = 0;
    trees[1] = trees[0];
    for (int i = 0; i < trees[1].count; i++)
        trees[1].nodes[i].value = strdup(trees[0].nodes[i].value);
    *tx = 1;
    return 0;
}

int xen_store_commit(struct xen_store *store, xen_store_tx tx)
{
    if (fake_store_conflicts) {
        fake_store_conflicts--;
        xen_store_abort(store, tx);
        return -EAGAIN;
    }
    clear(&trees[0]);
    trees[0] = trees[1];
    trees[1].count = 0;
    in_transaction = false;
    for (int i = 0; i < changed_count; i++)
        fire(changed[i], changed_below[i]);
    return 0;
}

void xen_store_abort(struct xen_store *store, xen_store_tx tx)
{
    (void)store;
    (void)tx;
    clear(&trees[1]);
    in_transaction = false;
}

int xen_store_watch(struct xen_store *store, const char *path, const char *token)
{
    (void)store;
    if (fake_store_broken)
        return -EIO;
    for (int i = 0; i < watches_count; i++) {
        if (!strcmp(watches[i].path, path) && !strcmp(watches[i].token, token))
            return -EEXIST;
    }
    assert_true(watches_count < MAX_WATCHES);
    snprintf(watches[watches_count].path, sizeof(watches[0].path), "%s", path);
    snprintf(watches[watches_count++].token, sizeof(watches[0].token), "%s", token);
    push_event(token);
    return 0;
}

int xen_store_unwatch(struct xen_store *store, const char *path, const char *token)
{
    (void)store;
    for (int i = 0; i < watches_count; i++) {
        if (!strcmp(watches[i].path, path) && !strcmp(watches[i].token, token)) {
            watches[i] = watches[--watches_count];
            return 0;
        }
    }
    return -ENOENT;
}

int xen_store_next_event(struct xen_store *store, char token[XEN_STORE_MAX_TOKEN])
{
    (void)store;
    eventfd_t ignored;
    if (fake_store_broken)
        return -EIO;
    if (events_first == events_last) {
        eventfd_read(event_fd, &ignored);
        return 0;
    }
    strcpy(token, events[events_first++ % MAX_EVENTS]);
    return 1;
}

/* ---- for tests ---- */

void fake_store_reset(void)
{
    clear(&trees[0]);
    watches_count = 0;
    events_first = events_last = 0;
    fake_store_conflicts = 0;
    fake_store_broken = false;
}

void node_set(const char *path, const char *value)
{
    struct node *node = make(&trees[0], path);
    free(node->value);
    node->value = strdup(value);
    fire(path, false);
}

void node_remove(const char *path)
{
    if (remove_nodes(&trees[0], path))
        fire(path, true);
}

void node_fire(const char *special)
{
    for (int i = 0; i < watches_count; i++) {
        if (!strcmp(watches[i].path, special))
            push_event(watches[i].token);
    }
}

const char *node_get(const char *path)
{
    const struct node *node = find(&trees[0], path);
    return node ? node->value : NULL;
}

int node_owner(const char *path)
{
    const struct node *node = find(&trees[0], path);
    return node ? (int)node->owner : -1;
}

int node_reader(const char *path)
{
    const struct node *node = find(&trees[0], path);
    return node ? (int)node->reader : -1;
}

int node_count(const char *path)
{
    int count = 0;
    for (int i = 0; i < trees[0].count; i++)
        count += is_below(trees[0].nodes[i].path, path);
    return count;
}

int watch_count(void)
{
    return watches_count;
}
