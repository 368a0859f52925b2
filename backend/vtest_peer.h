/* SPDX-License-Identifier: MIT */
/*
 * What the daemon keeps of one client: enough to end the client should its process die.
 *
 * The client's socket stays open here, and so do files of its rings' memory.  When the process is
 * gone without having taken leave of its client, the rings' status words get FATAL and the client
 * is answered, so that it stops instead of waiting for ever.
 */
#ifndef VTEST_PEER_H
#define VTEST_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "vtest_limits.h"
#include "vtest_socket.h"

struct vtest_peer_ring {
    int fd;
    uint64_t status_offset;
};

struct vtest_peer {
    struct vtest_peer *next;
    pid_t pid;   /* the process that serves it; 0 for a refused client */
    int socket;  /* a duplicate of the process's */
    int control; /* reports of the process; -1 for a refused client */
    char name[VTEST_REPORT_NAME_SIZE];
    int64_t refused_until; /* when a refused client is dropped, ms of CLOCK_MONOTONIC */
    struct vtest_peer_ring rings[VTEST_MAX_WATCHED_RINGS];
    uint32_t ring_count;
    bool ended;      /* its process has taken leave of the client */
    uint32_t oldest; /* ring that is replaced next when there are too many; never the first */
};

/* A client that `pid` serves. Takes over both descriptors. NULL without memory. */
struct vtest_peer *vtest_peer_create(pid_t pid, int socket, int control, const char *name);
/* Close everything. NULL is allowed. */
void vtest_peer_destroy(struct vtest_peer *peer);

/* Take in the reports that the process has sent. */
void vtest_peer_read_reports(struct vtest_peer *peer);

/* The process is gone: end the client, unless the process has done so itself. */
void vtest_peer_rescue(struct vtest_peer *peer);

/* Tell a client that has just connected that there is nothing for it here. */
void vtest_peer_refuse(int socket);

#endif
