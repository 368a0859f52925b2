/* SPDX-License-Identifier: MIT */
#include "vtest_message.h"

#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "vtest_limits.h"

#define MAX_WORDS (VTEST_MAX_MESSAGE / 4)

/* What each command looks like and when it may come. */
struct command {
    const char *name;
    uint32_t min, max;   /* length as the header counts it */
    uint8_t first, last; /* phases */
};

static const struct command commands[] = {
    [VTEST_RESOURCE_UNREF] = {"RESOURCE_UNREF", 1, 1, VTEST_PHASE_READY, VTEST_PHASE_READY},
    [VTEST_RESOURCE_BUSY_WAIT] = {"RESOURCE_BUSY_WAIT", 2, 2, VTEST_PHASE_NAMED, VTEST_PHASE_READY},
    [VTEST_CREATE_RENDERER] = {"CREATE_RENDERER", 1, VTEST_MAX_NAME, VTEST_PHASE_NEW,
                               VTEST_PHASE_NEW},
    [VTEST_PING_PROTOCOL_VERSION] = {"PING_PROTOCOL_VERSION", 0, 0, VTEST_PHASE_NAMED,
                                     VTEST_PHASE_READY},
    [VTEST_PROTOCOL_VERSION] = {"PROTOCOL_VERSION", 1, 1, VTEST_PHASE_NAMED, VTEST_PHASE_NAMED},
    [VTEST_GET_PARAM] = {"GET_PARAM", 1, 1, VTEST_PHASE_VERSIONED, VTEST_PHASE_READY},
    [VTEST_GET_CAPSET] = {"GET_CAPSET", 2, 2, VTEST_PHASE_VERSIONED, VTEST_PHASE_READY},
    [VTEST_CONTEXT_INIT] = {"CONTEXT_INIT", 1, 1, VTEST_PHASE_VERSIONED, VTEST_PHASE_VERSIONED},
    [VTEST_RESOURCE_CREATE_BLOB] = {"RESOURCE_CREATE_BLOB", 6, 6, VTEST_PHASE_READY,
                                    VTEST_PHASE_READY},
    [VTEST_SYNC_CREATE] = {"SYNC_CREATE", 2, 2, VTEST_PHASE_READY, VTEST_PHASE_READY},
    [VTEST_SYNC_UNREF] = {"SYNC_UNREF", 1, 1, VTEST_PHASE_READY, VTEST_PHASE_READY},
    [VTEST_SYNC_READ] = {"SYNC_READ", 1, 1, VTEST_PHASE_READY, VTEST_PHASE_READY},
    [VTEST_SYNC_WRITE] = {"SYNC_WRITE", 3, 3, VTEST_PHASE_READY, VTEST_PHASE_READY},
    [VTEST_SYNC_WAIT] = {"SYNC_WAIT", 2, MAX_WORDS, VTEST_PHASE_READY, VTEST_PHASE_READY},
    [VTEST_SUBMIT_CMD2] = {"SUBMIT_CMD2", 1, MAX_WORDS, VTEST_PHASE_READY, VTEST_PHASE_READY},
};

static const struct command *find_command(uint32_t command)
{
    if (command >= sizeof(commands) / sizeof(commands[0]) || !commands[command].name)
        return NULL;
    return &commands[command];
}

const char *vtest_command_name(uint32_t command)
{
    const struct command *c = find_command(command);
    return c ? c->name : "unknown command";
}

const char *vtest_header_check(uint32_t length, uint32_t command, enum vtest_phase phase,
                               uint32_t *size)
{
    static const char *const before[] = {
        [VTEST_PHASE_NEW] = "before CREATE_RENDERER",
        [VTEST_PHASE_NAMED] = "before PROTOCOL_VERSION",
        [VTEST_PHASE_VERSIONED] = "before CONTEXT_INIT",
    };
    const struct command *c = find_command(command);
    if (!c)
        return "not a command of the protocol versions that this server speaks";
    if (phase < c->first)
        return before[phase];
    if (phase > c->last)
        return "for the second time";
    if (length < c->min)
        return "message is too short";
    if (length > c->max)
        return "message is too long";
    *size = command == VTEST_CREATE_RENDERER ? length : length * 4;
    return NULL;
}

bool vtest_failure_reply(uint32_t command, uint32_t *words, bool *with_fd)
{
    *with_fd = command == VTEST_RESOURCE_CREATE_BLOB || command == VTEST_SYNC_WAIT;
    switch (command) {
    case VTEST_PING_PROTOCOL_VERSION:
    case VTEST_SYNC_WAIT:
        *words = 0;
        return true;
    case VTEST_RESOURCE_BUSY_WAIT:
    case VTEST_PROTOCOL_VERSION:
    case VTEST_GET_CAPSET:
    case VTEST_RESOURCE_CREATE_BLOB:
    case VTEST_SYNC_CREATE:
        *words = 1;
        return true;
    case VTEST_GET_PARAM:
    case VTEST_SYNC_READ:
        *words = 2;
        return true;
    default:
        return false;
    }
}

void vtest_input_finish(struct vtest_input *in)
{
    free(in->data);
    memset(in, 0, sizeof(*in));
}

static bool input_resize(struct vtest_input *in, size_t capacity)
{
    uint8_t *data = realloc(in->data, capacity);
    if (!data)
        return false;
    in->data = data;
    in->capacity = capacity;
    return true;
}

/* Move the unread bytes to the front, where they are aligned. */
static void input_compact(struct vtest_input *in)
{
    if (!in->begin)
        return;
    memmove(in->data, in->data + in->begin, in->end - in->begin);
    in->end -= in->begin;
    in->begin = 0;
}

void *vtest_input_space(struct vtest_input *in, size_t *size)
{
    if (!in->capacity && !input_resize(in, VTEST_BUFFER_SIZE))
        return NULL;
    if (in->end == in->capacity)
        input_compact(in);
    if (in->end == in->capacity) {
        /* Nothing but the beginning of a large message, whose length was checked. */
        if (!input_resize(in, in->capacity * 2))
            return NULL;
    }
    *size = in->capacity - in->end;
    return in->data + in->end;
}

void vtest_input_added(struct vtest_input *in, size_t size)
{
    in->end += size;
}

enum vtest_input_result vtest_input_peek(struct vtest_input *in, enum vtest_phase phase,
                                         struct vtest_message *message, const char **error)
{
    const size_t available = in->end - in->begin;
    if (available < VTEST_HEADER_SIZE)
        return VTEST_INPUT_INCOMPLETE;
    uint32_t header[2];
    memcpy(header, in->data + in->begin, sizeof(header));
    *message = (struct vtest_message){.command = header[1]};
    *error = vtest_header_check(header[0], header[1], phase, &message->size);
    if (*error)
        return VTEST_INPUT_BAD;
    if (available - VTEST_HEADER_SIZE < message->size)
        return VTEST_INPUT_INCOMPLETE;
    message->payload = (const uint32_t *)(const void *)(in->data + in->begin + VTEST_HEADER_SIZE);
    return VTEST_INPUT_MESSAGE;
}

void vtest_input_take(struct vtest_input *in, const struct vtest_message *message)
{
    in->begin += VTEST_HEADER_SIZE + message->size;
    if (in->begin == in->end) {
        in->begin = in->end = 0;
        if (in->capacity > VTEST_BUFFER_SIZE)
            input_resize(in, VTEST_BUFFER_SIZE);
    } else if (in->begin % 4) {
        input_compact(in); /* after a name, whose length is in bytes */
    }
}

static uint32_t batch_words(uint32_t version)
{
    return version >= 4 ? VTEST_BATCH_WORDS_4 : VTEST_BATCH_WORDS_3;
}

static const char *check_batch(const uint32_t *head, uint32_t words, uint32_t version)
{
    if (head[0] & ~VTEST_BATCH_RING_IDX)
        return "unknown batch flags";
    if (head[1] > words || head[2] > words - head[1])
        return "commands of a batch lie outside the message";
    if (head[3] > words || head[4] > (words - head[3]) / VTEST_POINT_WORDS)
        return "syncs of a batch lie outside the message";
    if (head[0] & VTEST_BATCH_RING_IDX && head[5] >= VENUS_MAX_TIMELINES)
        return "ring_idx is out of range";
    if (version >= 4 && (head[6] || head[7]))
        return "syncobjs are not supported";
    return NULL;
}

const char *vtest_submit_check(const uint32_t *payload, uint32_t words, uint32_t version,
                               uint32_t *count)
{
    const uint32_t stride = batch_words(version);
    *count = payload[0];
    if (*count > (words - 1) / stride)
        return "more batches than the message has room for";
    for (uint32_t i = 0; i < *count; i++) {
        const char *error = check_batch(payload + 1 + (size_t)i * stride, words, version);
        if (error)
            return error;
    }
    return NULL;
}

void vtest_submit_batch(const uint32_t *payload, uint32_t version, uint32_t index,
                        struct vtest_batch *batch)
{
    const uint32_t *head = payload + 1 + (size_t)index * batch_words(version);
    *batch = (struct vtest_batch){
        .commands = payload + head[1],
        .command_size = head[2] * 4,
        .ring_idx = head[0] & VTEST_BATCH_RING_IDX ? head[5] : 0,
        .points = payload + head[3],
        .point_count = head[4],
    };
}
