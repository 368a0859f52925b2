/* SPDX-License-Identifier: MIT */
/*
 * Taking vtest messages apart: the receive buffer, the checks of a message's header, and the
 * batches of a submission.  Pure functions on private memory; no socket, no renderer.
 */
#ifndef VTEST_MESSAGE_H
#define VTEST_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vtest_protocol.h"

/* How far a client has come; each phase allows the commands of the earlier ones that repeat. */
enum vtest_phase {
    VTEST_PHASE_NEW,       /* must name itself: CREATE_RENDERER */
    VTEST_PHASE_NAMED,     /* must agree on a version: PROTOCOL_VERSION */
    VTEST_PHASE_VERSIONED, /* must make its context: CONTEXT_INIT */
    VTEST_PHASE_READY,
};

/* One complete message. The payload lies in the receive buffer, 4-byte aligned, until the next
 * vtest_input_take() or vtest_input_space(). */
struct vtest_message {
    uint32_t command;
    uint32_t size; /* of the payload, bytes */
    const uint32_t *payload;
};

/* The protocol's name of a command, "unknown command" for others. */
const char *vtest_command_name(uint32_t command);

/*
 * Check a message's header against what the protocol allows in this phase.  On success returns NULL
 * and sets *size to the payload's size in bytes; otherwise returns what is wrong with it.
 */
const char *vtest_header_check(uint32_t length, uint32_t command, enum vtest_phase phase,
                               uint32_t *size);

/* The receive buffer. Start with a zeroed struct. */
struct vtest_input {
    uint8_t *data;
    size_t capacity;
    size_t begin, end; /* unread bytes */
};

void vtest_input_finish(struct vtest_input *in);

/*
 * Room for at least one more byte of the message at the front; *size is how much there is.
 * NULL without memory.  vtest_input_added() says how much of it was filled.
 */
void *vtest_input_space(struct vtest_input *in, size_t *size);
void vtest_input_added(struct vtest_input *in, size_t size);

enum vtest_input_result {
    VTEST_INPUT_MESSAGE,    /* *message is complete */
    VTEST_INPUT_INCOMPLETE, /* more bytes are needed */
    VTEST_INPUT_BAD,        /* *error says why; nothing more can be read */
};

/* Look at the message at the front of the buffer. It stays there until vtest_input_take(). */
enum vtest_input_result vtest_input_peek(struct vtest_input *in, enum vtest_phase phase,
                                         struct vtest_message *message, const char **error);
/* Remove the message that vtest_input_peek() returned. */
void vtest_input_take(struct vtest_input *in, const struct vtest_message *message);

/* One batch of a SUBMIT_CMD2. */
struct vtest_batch {
    const uint32_t *commands;
    uint32_t command_size;  /* bytes */
    uint32_t ring_idx;      /* 0 when the client named none: the CPU timeline */
    const uint32_t *points; /* sync points, VTEST_POINT_WORDS words each */
    uint32_t point_count;
};

/* The number of batches of a submission whose payload is `words` long, and NULL; or what is wrong
 * with it.  Checks all batches, so that none runs when a later one is bad. */
const char *vtest_submit_check(const uint32_t *payload, uint32_t words, uint32_t version,
                               uint32_t *count);
/* Batch number `index` of a submission that vtest_submit_check() has found good. */
void vtest_submit_batch(const uint32_t *payload, uint32_t version, uint32_t index,
                        struct vtest_batch *batch);

/* Most payload words of a reply that vtest_failure_reply() describes. */
#define VTEST_FAILURE_WORDS 2

/* Whether a command has a reply, and the one that tells Mesa as well as it can be told that nothing
 * came of it: *words zero words, and then, with_fd, the extra byte without its descriptor. */
bool vtest_failure_reply(uint32_t command, uint32_t *words, bool *with_fd);

/* The 64-bit value whose low word is words[0]. */
static inline uint64_t vtest_u64(const uint32_t *words)
{
    return words[0] | (uint64_t)words[1] << 32;
}

#endif
