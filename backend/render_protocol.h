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
    /* To ATTACH_SLICE and CREATE_BLOB.  id: resource; error; for a blob without error also cache
     * and size, and its references follow; with object RENDER_GRANTED they are those of ASK_GRANT.
     */
    RENDER_READY = 1,
    /* To UNREF.  id: resource.  Without having been asked for when the process frees everything. */
    RENDER_RELEASED,
    /* To CREATE_FENCE.  id: timeline; object: fence id. */
    RENDER_RETIRED,
    RENDER_FAILED, /* the context has */
    RENDER_RING,   /* a ring was made.  id: resource; object: offset of its status word in it */
};

#define RENDER_GRANTED 1u

struct render_answer {
    uint32_t type;
    uint32_t id;
    int32_t error;
    uint32_t cache;
    uint64_t object;
    uint64_t size;
};

/*
 * What a render process asks of its device process, over a second socket (SOCK_SEQPACKET) so that
 * any of its threads can: it waits for the answer, which needs nobody else in the process.  Only
 * the device process has Xen's devices.
 */
enum render_ask_type {
    /* A dma-buf of a part of a slice.  id: resource, or 0 for pages from the window's start on, to
     * try a driver with; offset in the window; size.  The file comes with the answer. */
    RENDER_ASK_EXPORT = 1,
    /* Grant the dma-buf that comes with this.  id: resource whose CREATE_BLOB has not been
     * answered, or 0: only try it. */
    RENDER_ASK_GRANT,
};

struct render_ask {
    uint32_t type;
    uint32_t id;
    uint64_t offset;
    uint64_t size;
};

struct render_reply {
    int32_t error; /* 0 or a negative errno */
};

/* ---- the render process ---- */

struct render_params;

/* Exit statuses of a render process. */
#define RENDER_EXIT_OK    0
#define RENDER_EXIT_ERROR 1 /* logged */

/* Run one in a process that `parent` has just forked, and return its exit status.  `socket` is its
 * end, `asks` that of the socket for questions, or -1. */
int render_process_run(const struct render_params *params, int socket, int asks, pid_t parent);

#endif
