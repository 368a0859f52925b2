/* SPDX-License-Identifier: MIT */
#include "fake-render.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

struct fake_settings fake;

void fake_reset(void)
{
    fake = (struct fake_settings){.answer = true, .end = true, .cache = 1, .renders = fake.renders};
}

struct render *render_create(const struct render_params *params, const struct render_events *events,
                             void *user)
{
    struct render *render = fake.refuse ? NULL : calloc(1, sizeof(*render));
    if (!render)
        return NULL;
    render->params = *params;
    snprintf(render->name, sizeof(render->name), "%s", params->name);
    render->params.name = render->name;
    render->events = events;
    render->user = user;
    render->next_time = INT64_MAX;
    render->next = fake.renders;
    fake.renders = render;
    fake.created++;
    return render;
}

void render_destroy(struct render *render)
{
    struct render **link = &fake.renders;
    if (!render)
        return;
    while (*link != render)
        link = &(*link)->next;
    *link = render->next;
    free(render);
}

static void record(struct render *render, struct fake_call call)
{
    if (render->call_count < FAKE_MAX_CALLS)
        render->calls[render->call_count] = call;
    render->call_count++;
}

void fake_say(struct render *render, struct fake_answer answer)
{
    if (render->answer_count == FAKE_MAX_ANSWERS)
        abort(); /* the test must not let so many gather */
    render->answers[render->answer_count++] = answer;
}

void render_end(struct render *render)
{
    record(render, (struct fake_call){.kind = FAKE_END});
    if (fake.end)
        fake_say(render, (struct fake_answer){.kind = FAKE_ENDED});
}

void render_kill(struct render *render)
{
    record(render, (struct fake_call){.kind = FAKE_KILL});
    if (fake.end)
        fake_say(render, (struct fake_answer){.kind = FAKE_ENDED});
}

static void deliver_ready(struct render *render, const struct fake_answer *answer)
{
    const uint64_t pages = answer->blob_size / VGPU_PAGE_SIZE;
    if (!answer->blob_size || answer->error) {
        render->events->resource_ready(render->user, render, answer->id, answer->error, NULL);
        return;
    }
    static uint32_t refs[FAKE_MAX_PAGES];
    if (pages > FAKE_MAX_PAGES)
        abort(); /* the device must not ask for that */
    for (uint64_t i = 0; i < pages; i++)
        refs[i] = fake_ref(answer->id, i);
    const struct render_blob blob = {
        .size = answer->blob_size, .cache = answer->cache, .refs = fake.no_refs ? NULL : refs};
    render->events->resource_ready(render->user, render, answer->id, 0, &blob);
}

bool render_is_gone(const struct render *render)
{
    return render->gone;
}

void render_dispatch(struct render *render)
{
    struct fake_answer answers[FAKE_MAX_ANSWERS];
    const uint32_t count = render->answer_count;
    memcpy(answers, render->answers, sizeof(answers));
    render->answer_count = 0;
    for (uint32_t i = 0; i < count && !render->ended; i++) {
        const struct fake_answer *answer = &answers[i];
        switch (answer->kind) {
        case FAKE_READY:
            deliver_ready(render, answer);
            break;
        case FAKE_RELEASED:
            render->events->resource_released(render->user, render, answer->id);
            break;
        case FAKE_RETIRED:
            render->events->fence_retired(render->user, render, answer->id, answer->fence);
            break;
        case FAKE_FAILED:
            render->events->failed(render->user, render);
            break;
        case FAKE_GONE:
            render->gone = true;
            break;
        case FAKE_ENDED:
            render->gone = render->ended = true;
            render->events->ended(render->user, render);
            break;
        }
    }
}

int64_t render_next_time(const struct render *render)
{
    return render->next_time;
}

int render_pid(const struct render *render)
{
    return (int)render->params.context_id;
}

int render_submit(struct render *render, const void *commands, size_t size)
{
    uint32_t word = 0;
    if (!render->accept && render->submit_result)
        return render->submit_result;
    if (render->accept)
        render->accept--;
    if (size >= sizeof(word))
        memcpy(&word, commands, sizeof(word));
    record(render, (struct fake_call){.kind = FAKE_SUBMIT, .size = size, .first_word = word});
    return 0;
}

int render_attach_slice(struct render *render, uint32_t res_id, uint64_t offset, uint64_t size,
                        bool clear)
{
    if (render->other_result)
        return render->other_result;
    record(render,
           (struct fake_call){
               .kind = FAKE_ATTACH, .id = res_id, .offset = offset, .size = size, .flags = clear});
    if (fake.answer)
        fake_say(render,
                 (struct fake_answer){.kind = FAKE_READY, .id = res_id, .error = fake.error});
    return 0;
}

int render_create_blob(struct render *render, uint32_t res_id, uint64_t blob_id, uint64_t size,
                       uint32_t flags)
{
    if (render->other_result)
        return render->other_result;
    record(render, (struct fake_call){.kind = FAKE_CREATE_BLOB,
                                      .id = res_id,
                                      .offset = blob_id,
                                      .size = size,
                                      .flags = flags});
    if (fake.answer)
        fake_say(render, (struct fake_answer){
                             .kind = FAKE_READY,
                             .id = res_id,
                             .error = fake.error,
                             .blob_size = ((size + 4095) & ~4095ull) - fake.less,
                             .cache = fake.cache,
                         });
    return 0;
}

int render_unref(struct render *render, uint32_t res_id)
{
    if (render->other_result)
        return render->other_result;
    record(render, (struct fake_call){.kind = FAKE_UNREF, .id = res_id});
    if (fake.answer)
        fake_say(render, (struct fake_answer){.kind = FAKE_RELEASED, .id = res_id});
    return 0;
}

int render_create_fence(struct render *render, uint32_t ring_idx, uint64_t fence_id)
{
    if (render->other_result)
        return render->other_result;
    record(render, (struct fake_call){.kind = FAKE_FENCE, .id = ring_idx, .offset = fence_id});
    if (fake.answer)
        fake_say(render,
                 (struct fake_answer){.kind = FAKE_RETIRED, .id = ring_idx, .fence = fence_id});
    return 0;
}

/* ---- for tests ---- */

void peer_world_start(struct gpu_device_params *params)
{
    (void)params;
    fake_reset();
}

bool peer_world_step(struct peer *peer)
{
    struct render *render = fake.renders;
    while (render && !render->answer_count)
        render = render->next;
    if (!render)
        return false;
    gpu_device_dispatch(peer->device, render->params.epoll_data);
    return true;
}

void peer_world_end(void)
{
    assert_null(fake.renders);
}

struct render *fake_find(uint32_t context_id)
{
    struct render *render = fake.renders;
    while (render && render->params.context_id != context_id)
        render = render->next;
    return render;
}

const struct fake_call *fake_last(const struct render *render, enum fake_call_kind kind)
{
    uint32_t i = render->call_count < FAKE_MAX_CALLS ? render->call_count : FAKE_MAX_CALLS;
    while (i--) {
        if (render->calls[i].kind == kind)
            return &render->calls[i];
    }
    return NULL;
}

uint32_t fake_count(const struct render *render, enum fake_call_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < render->call_count && i < FAKE_MAX_CALLS; i++)
        count += render->calls[i].kind == kind;
    return count;
}

uint32_t fake_ref(uint32_t id, uint64_t page)
{
    return id << 20 | (uint32_t)page;
}
