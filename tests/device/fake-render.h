/* SPDX-License-Identifier: MIT */
/*
 * Render processes that are none: an implementation of backend/render.h in the same process, whose
 * answers the test decides about.  Answers are delivered by render_dispatch(), as they are by the
 * real one.
 */
#ifndef FAKE_RENDER_H
#define FAKE_RENDER_H

#include "render.h"

#define FAKE_MAX_CALLS   512
#define FAKE_MAX_ANSWERS 512
#define FAKE_MAX_PAGES   (32u << 10) /* of a blob */

enum fake_call_kind {
    FAKE_SUBMIT,
    FAKE_ATTACH,
    FAKE_CREATE_BLOB,
    FAKE_UNREF,
    FAKE_FENCE,
    FAKE_END,
    FAKE_KILL,
};

struct fake_call {
    enum fake_call_kind kind;
    uint32_t id;         /* resource or timeline */
    uint64_t offset;     /* ATTACH; blob id of CREATE_BLOB; FENCE: fence id */
    uint64_t size;       /* bytes */
    uint32_t flags;      /* CREATE_BLOB; ATTACH: whether to clear */
    uint32_t first_word; /* SUBMIT */
};

struct fake_answer {
    enum { FAKE_READY, FAKE_RELEASED, FAKE_RETIRED, FAKE_FAILED, FAKE_GONE, FAKE_ENDED } kind;
    uint32_t id; /* resource or timeline */
    uint64_t fence;
    int error;
    uint64_t blob_size;
    uint32_t cache;
};

struct render {
    struct render_params params;
    char name[80];
    const struct render_events *events;
    void *user;
    struct render *next;
    struct fake_call calls[FAKE_MAX_CALLS];
    uint32_t call_count; /* also of those that are not kept */
    struct fake_answer answers[FAKE_MAX_ANSWERS];
    uint32_t answer_count;
    bool gone;         /* the process has ended, although it may not be told yet */
    bool ended;        /* delivered */
    int submit_result; /* of render_submit(): 0, or what to fail with */
    uint32_t accept;   /* submissions before submit_result */
    int other_result;  /* of what else can fail */
    int64_t next_time;
};

/* What happens by itself, with the next render_dispatch(). */
extern struct fake_settings {
    bool answer;   /* resources are ready and released, fences retire */
    bool end;      /* processes end when they are to */
    bool refuse;   /* render_create() fails */
    bool no_refs;  /* blobs come without references */
    int error;     /* of what is ready */
    uint64_t less; /* bytes by which blobs are too small */
    uint32_t cache;
    struct render *renders; /* alive, newest first */
    uint32_t created;
} fake;

/* Everything as at the start: all answers by themselves, no error. */
void fake_reset(void);
/* Let a process say something with its next render_dispatch(). */
void fake_say(struct render *render, struct fake_answer answer);
/* The process of a context, or NULL. */
struct render *fake_find(uint32_t context_id);
/* How many calls of this kind the process got, and the last one (or NULL). */
uint32_t fake_count(const struct render *render, enum fake_call_kind kind);
const struct fake_call *fake_last(const struct render *render, enum fake_call_kind kind);
/* The reference that the fake gives page `page` of resource `id`. */
uint32_t fake_ref(uint32_t id, uint64_t page);

#endif
