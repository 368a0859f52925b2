/* SPDX-License-Identifier: MIT */
/* A xenstore in this process, for tests: xen/store.h without xenstored. */
#ifndef FAKE_STORE_H
#define FAKE_STORE_H

#include <stdint.h>

#include "xen/store.h"

/* Empty it, and forget watches and events. */
void fake_store_reset(void);

/* What somebody else does: a guest, or the toolstack. */
void node_set(const char *path, const char *value);
void node_remove(const char *path);
/* Fire a special watch: "@introduceDomain". */
void node_fire(const char *special);

/* A node's value, or NULL. Valid until the next change. */
const char *node_get(const char *path);
/* Owner and reader of a node, as xen_store_set_owner() has set them or a parent's. -1: no node. */
int node_owner(const char *path);
int node_reader(const char *path);
/* How many nodes there are below a path, itself included. */
int node_count(const char *path);
/* How many watches there are. */
int watch_count(void);

/* That many next commits fail with EAGAIN. */
extern int fake_store_conflicts;
/* Every call fails from now on, and so does waiting for events. */
extern bool fake_store_broken;

#endif
