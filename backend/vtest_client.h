/* SPDX-License-Identifier: MIT */
/*
 * One client of the vtest server, in a process of its own.
 *
 *   main thread    blocks in recv() on the client's socket, runs the messages
 *   watch thread   blocks until the client has gone, SIGTERM comes or no context has come in time,
 *                  then ends every wait
 *   the renderer's threads: rings, queues; they retire fences and so wake the client
 *
 * None of them ever wakes up while the client is idle.
 *
 * Mesa spins for ever in read() when the server just goes away, so a connection is never dropped
 * before the rings have FATAL set and every message taken off the socket is answered, a message
 * that expects a descriptor without one; Mesa then aborts.  Messages that are still unread when
 * the last descriptor of the socket is closed make the client's read() fail, which is as good.
 */
#ifndef VTEST_CLIENT_H
#define VTEST_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "venus.h"

struct vtest_client_params {
    int socket;              /* connected to the client */
    int control;             /* for reports to the daemon; -1: none */
    pid_t peer;              /* the client's process id, for messages; 0 unknown */
    const uint8_t *gpu_uuid; /* offer only this GPU, or NULL */
    const struct venus_gpu *gpus; /* what is known of the host's, see venus_renderer_params */
    uint32_t gpu_count;
    bool validate;
    /* How to get at Vulkan; returns NULL after logging why there is none. */
    PFN_vkGetInstanceProcAddr (*load_vulkan)(void);
};

/* Exit statuses of a client's process; others are not ours (a driver's, a sanitizer's). */
#define VTEST_CLIENT_LEFT    0  /* the client closed the connection, or SIGTERM came */
#define VTEST_CLIENT_DROPPED 10 /* we did, after logging why */
#define VTEST_CLIENT_STUCK   11 /* what was left took longer than VTEST_FINISH_MS; logged */

/*
 * Serve the client until it leaves.  To be called by the only thread of the process, with SIGPIPE
 * ignored and SIGTERM blocked; SIGTERM makes this function return.  The socket stays open.
 */
int vtest_client_run(const struct vtest_client_params *params);

#endif
