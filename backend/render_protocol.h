/* SPDX-License-Identifier: MIT */
/*
 * What a device process and its render processes say to each other, over a stream socket.  The
 * device process trusts nothing of what comes back.
 *
 * Requests are handled one after the other.  When the device process shuts its side down for writing
 * the render process fails its context, so that nothing blocks it, frees everything and goes.
 */
#ifndef BACKEND_RENDER_PROTOCOL_H
#define BACKEND_RENDER_PROTOCOL_H

#include <stdint.h>
#include <sys/types.h>

enum render_request_type {
    RENDER_SUBMIT = 1,   /* size: bytes of commands, which follow */
    RENDER_ATTACH_SLICE, /* id: resource; object: offset in the window; size; flags: 1 to clear it */
    RENDER_CREATE_BLOB,  /* id: resource; object: blob id; size; flags */
    RENDER_UNREF,        /* id: resource */
    RENDER_CREATE_FENCE, /* id: timeline; object: fence id */
};

#define RENDER_CLEAR 1u

struct render_request {
    uint32_t type;
    uint32_t id;
    uint32_t flags;
    uint32_t reserved;
    uint64_t object;
    uint64_t size;
};

enum render_answer_type {
    /* To ATTACH_SLICE and CREATE_BLOB.  id: resource; error; for a blob without error also cache and
     * size, and its references follow. */
    RENDER_READY = 1,
    /* To UNREF.  id: resource.  Without having been asked for when the process frees everything. */
    RENDER_RELEASED,
    /* To CREATE_FENCE.  id: timeline; object: fence id. */
    RENDER_RETIRED,
    RENDER_FAILED, /* the context has */
    RENDER_RING,   /* a ring was made.  id: resource; object: offset of its status word in it */
};

struct render_answer {
    uint32_t type;
    uint32_t id;
    int32_t error;
    uint32_t cache;
    uint64_t object;
    uint64_t size;
};

/* ---- the render process ---- */

struct render_params;

/* Exit statuses of a render process. */
#define RENDER_EXIT_OK    0
#define RENDER_EXIT_ERROR 1 /* logged */

/* Run one in a process that `parent` has just forked, and return its exit status.  `socket` is its
 * end. */
int render_process_run(const struct render_params *params, int socket, pid_t parent);

#endif
