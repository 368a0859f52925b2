/* SPDX-License-Identifier: MIT */
/* Contexts, submissions, fences, and render processes that fail, stall or lie. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

#define OK                VIRTIO_GPU_RESP_OK_NODATA
#define UNSPEC            VIRTIO_GPU_RESP_ERR_UNSPEC
#define OUT_OF_MEMORY     VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY
#define INVALID_RESOURCE  VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID
#define INVALID_CONTEXT   VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID
#define INVALID_PARAMETER VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER
#define UNREF             VIRTIO_GPU_CMD_RESOURCE_UNREF
#define FENCE             VIRTIO_GPU_FLAG_FENCE
#define NAMED             (VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX)

static int setup(void **state)
{
    *state = peer_create(&(struct peer_options){0});
    assert_int_equal(peer_ctx_create(*state, 1), OK);
    return 0;
}

static int setup_large(void **state)
{
    *state = peer_create(&(struct peer_options){.queue_size = GPU_QUEUE_SIZE});
    assert_int_equal(peer_ctx_create(*state, 1), OK);
    return 0;
}

static int teardown(void **state)
{
    peer_destroy(*state);
    return 0;
}

static void say(struct peer *peer, uint32_t context, struct fake_answer answer)
{
    fake_say(fake_find(context), answer);
    peer_run(peer);
}

static void retire(struct peer *peer, uint32_t context, uint32_t ring_idx, uint64_t fence)
{
    say(peer, context, (struct fake_answer){.kind = FAKE_RETIRED, .id = ring_idx, .fence = fence});
}

static void end(struct peer *peer, uint32_t context)
{
    say(peer, context, (struct fake_answer){.kind = FAKE_ENDED});
}

/* ---- create and destroy ---- */

static void test_create(void **state)
{
    struct peer *peer = *state;
    struct virtio_gpu_ctx_create command = {
        .hdr = peer_hdr(VIRTIO_GPU_CMD_CTX_CREATE, 2),
        .nlen = 64,
        .context_init = 4,
    };
    memset(command.debug_name, 'x', sizeof(command.debug_name));
    command.debug_name[1] = '\n';
    assert_int_equal(peer_command(peer, &command, sizeof(command)), OK);
    const struct render_params *params = &fake_find(2)->params;
    assert_int_equal(strlen(params->name), 64);
    assert_memory_equal(params->name, "x?xx", 4);
    assert_ptr_equal(params->transport, &peer->local->transport);
    assert_false(params->per_blob);
    assert_int_equal(params->epoll_fd, -1);

    assert_int_equal(peer_command(peer, &command, sizeof(command)), INVALID_CONTEXT);
    command.hdr.ctx_id = 0;
    assert_int_equal(peer_command(peer, &command, sizeof(command)), INVALID_CONTEXT);
    command.hdr.ctx_id = 3;
    command.nlen = 65;
    assert_int_equal(peer_command(peer, &command, sizeof(command)), INVALID_PARAMETER);
    command.nlen = 0;
    for (uint32_t capset = 0; capset < 8; capset++) {
        command.context_init = capset;
        if (capset != 4)
            assert_int_equal(peer_command(peer, &command, sizeof(command)), INVALID_PARAMETER);
    }
    command.context_init = 4;
    fake.refuse = true;
    assert_int_equal(peer_command(peer, &command, sizeof(command)), OUT_OF_MEMORY);
    fake.refuse = false;
    assert_int_equal(peer_command(peer, &command, sizeof(command)), OK);
    assert_string_equal(fake_find(3)->params.name, "");
    assert_int_equal(peer_stats(peer).contexts, 3);
    assert_int_equal(peer_ctx_create(peer, 4), OK);
    assert_int_equal(peer_ctx_create(peer, 5), OUT_OF_MEMORY);
    assert_int_equal(peer_ctx_destroy(peer, 5), INVALID_CONTEXT);
    assert_int_equal(peer_ctx_destroy(peer, 4), OK);
    assert_int_equal(peer_ctx_destroy(peer, 4), INVALID_CONTEXT);
    assert_int_equal(peer_ctx_create(peer, 5), OK);
}

/* The id may be used again at once; the processes of old ones are counted. */
static void test_ending(void **state)
{
    struct peer *peer = *state;
    fake.end = false;
    for (uint32_t i = 0; i < PEER_CONTEXTS; i++) {
        assert_int_equal(peer_ctx_destroy(peer, 1), OK);
        assert_int_equal(fake_count(fake.renders, FAKE_END), 1);
        const bool room = i + 1 < PEER_CONTEXTS;
        assert_int_equal(peer_ctx_create(peer, 1), room ? OK : OUT_OF_MEMORY);
        assert_int_equal(peer_stats(peer).ending_contexts, i + 1);
        assert_int_equal(peer_stats(peer).contexts, room);
    }
    for (struct render *render = fake.renders; render; render = render->next)
        fake_say(render, (struct fake_answer){.kind = FAKE_ENDED});
    peer_run(peer);
    assert_int_equal(peer_stats(peer).ending_contexts, 0);
    assert_int_equal(peer_stats(peer).context_failures, 0);
    assert_int_equal(peer_ctx_create(peer, 1), OK);
}

/* ---- submissions ---- */

static void test_submit(void **state)
{
    struct peer *peer = *state;
    struct {
        struct virtio_gpu_cmd_submit submit;
        uint32_t words[1000];
    } command = {.submit = {.hdr = peer_hdr(VIRTIO_GPU_CMD_SUBMIT_3D, 1), .size = 4000},
                 .words = {0x1234}};
    assert_int_equal(peer_command(peer, &command, sizeof(command)), OK);
    const struct fake_call *call = fake_last(fake_find(1), FAKE_SUBMIT);
    assert_int_equal(call->size, 4000);
    assert_int_equal(call->first_word, 0x1234);
    command.submit.size = 4004;
    assert_int_equal(peer_command(peer, &command, sizeof(command)), INVALID_PARAMETER);
    command.submit.size = UINT32_MAX;
    assert_int_equal(peer_command(peer, &command, sizeof(command)), INVALID_PARAMETER);
    command.submit.size = 3999;
    assert_int_equal(peer_command(peer, &command, sizeof(command)), INVALID_PARAMETER);
    command.submit.size = 0; /* nothing to run */
    assert_int_equal(peer_command(peer, &command, sizeof(command)), OK);
    assert_int_equal(fake_count(fake_find(1), FAKE_SUBMIT), 1);
    assert_int_equal(peer_submit(peer, 2, 0), INVALID_CONTEXT);
    assert_int_equal(peer_stats(peer).submitted, 4000);
}

/* A process that takes no more: its requests wait in order, those of others do not. */
static void test_again(void **state)
{
    struct peer *peer = *state;
    struct peer_request waiting[3];
    peer_ctx_create(peer, 2);
    struct render *render = fake_find(1);
    render->submit_result = -EAGAIN;
    for (uint32_t i = 0; i < 3; i++)
        waiting[i] = peer_send_submit(peer, 1, 100 + i, i == 1 ? NAMED : 0, 5, 77);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(peer_type(peer, &waiting[i]), 0);
    assert_int_equal(peer_submit(peer, 2, 1), OK);
    assert_int_equal(peer_stats(peer).in_flight, 3);

    /* What comes behind a submission does not overtake it. */
    peer_create_blob(peer, 1, 1, 4096);
    struct peer_request map = peer_send_map(peer, 1, 0);
    struct peer_request unref = peer_send_simple(peer, UNREF, 0, 1);
    assert_int_equal(fake_count(render, FAKE_ATTACH), 0);

    render->accept = 1;
    gpu_device_dispatch(peer->device, render->params.epoll_data);
    assert_int_equal(peer_type(peer, &waiting[0]), OK);
    assert_int_equal(peer_type(peer, &waiting[1]), 0);
    render->submit_result = 0;
    gpu_device_dispatch(peer->device, render->params.epoll_data);
    assert_int_equal(peer_type(peer, &waiting[2]), OK);
    peer_run(peer);
    assert_int_equal(peer_type(peer, &waiting[1]), OK);
    assert_int_equal(peer_type(peer, &map), VIRTIO_GPU_RESP_OK_MAP_INFO);
    assert_int_equal(peer_type(peer, &unref), OK);
    const enum fake_call_kind order[] = {FAKE_SUBMIT, FAKE_SUBMIT, FAKE_FENCE,
                                         FAKE_SUBMIT, FAKE_ATTACH, FAKE_UNREF};
    assert_int_equal(render->call_count, ARRAY_SIZE(order));
    for (uint32_t i = 0; i < ARRAY_SIZE(order); i++)
        assert_int_equal(render->calls[i].kind, order[i]);
    assert_int_equal(render->calls[3].first_word, 102);
}

static void test_submit_fails(void **state)
{
    struct peer *peer = *state;
    struct render *render = fake_find(1);
    render->submit_result = -EIO;
    assert_int_equal(peer_submit(peer, 1, 0), UNSPEC);
    render->submit_result = -ENOMEM;
    struct peer_request request = peer_send_submit(peer, 1, 0, FENCE, 0, 3);
    assert_int_equal(peer_type(peer, &request), OUT_OF_MEMORY);
    const struct virtio_gpu_ctrl_hdr *hdr = request.response;
    assert_int_equal(hdr->flags, FENCE); /* or the guest would wait for ever */
    assert_int_equal(hdr->fence_id, 3);
    render->submit_result = 0;
    render->other_result = -EIO;
    request = peer_send_submit(peer, 1, 0, NAMED, 1, 4);
    assert_int_equal(peer_type(peer, &request), UNSPEC);
    assert_int_equal(peer_submit(peer, 1, 0), OK);
}

/* ---- fences ---- */

static void test_fences(void **state)
{
    struct peer *peer = *state;
    fake.answer = false;
    struct peer_request a1 = peer_send_submit(peer, 1, 0, NAMED, 1, 11);
    struct peer_request a2 = peer_send_submit(peer, 1, 0, NAMED, 1, 12);
    struct peer_request b1 = peer_send_submit(peer, 1, 0, NAMED, 2, 13);
    struct peer_request plain = peer_send_submit(peer, 1, 0, 0, 0, 0);
    assert_int_equal(peer_type(peer, &plain), OK);
    assert_int_equal(fake_count(fake_find(1), FAKE_FENCE), 3);
    assert_int_equal(fake_last(fake_find(1), FAKE_FENCE)->id, 2);
    /* the second one of a timeline waits for the first */
    retire(peer, 1, 1, 2);
    assert_int_equal(peer_type(peer, &a1), 0);
    assert_int_equal(peer_type(peer, &a2), 0);
    retire(peer, 1, 2, 3);
    assert_int_equal(peer_type(peer, &b1), OK);
    assert_int_equal(peer->queues[0].used[1], 3);
    retire(peer, 1, 1, 1);
    assert_int_equal(peer_type(peer, &a1), OK);
    assert_int_equal(peer_type(peer, &a2), OK);
    const struct vring_used_elem *used = (const void *)(peer->queues[0].used + 2);
    assert_int_equal(used[3].id, a1.head);
    assert_int_equal(used[4].id, a2.head);
    const struct virtio_gpu_ctrl_hdr *hdr = a2.response;
    assert_int_equal(hdr->flags, NAMED);
    assert_int_equal(hdr->fence_id, 12);
    assert_int_equal(hdr->ctx_id, 1);
    assert_int_equal(hdr->ring_idx, 1);
    assert_int_equal(peer_stats(peer).errors, 0);
}

/* Fences without a timeline are one timeline of all contexts, and of other commands. */
static void test_global_fences(void **state)
{
    struct peer *peer = *state;
    peer_ctx_create(peer, 2);
    fake.answer = false;
    struct peer_request first = peer_send_submit(peer, 1, 0, FENCE, 9, 1);
    assert_int_equal(fake_last(fake_find(1), FAKE_FENCE)->id, 0);
    struct peer_request second = peer_send_submit(peer, 2, 0, FENCE, 0, 2);
    struct virtio_gpu_ctrl_hdr info = peer_hdr(VIRTIO_GPU_CMD_GET_DISPLAY_INFO, 0);
    info.flags = FENCE;
    info.fence_id = 3;
    struct peer_request third = peer_send(peer, &info, sizeof(info), 408);
    struct virtio_gpu_ctrl_hdr bad = {.type = 0x999, .flags = FENCE, .fence_id = 4};
    struct peer_request fourth = peer_send(peer, &bad, sizeof(bad), 24);
    retire(peer, 2, 0, 2);
    assert_int_equal(peer_type(peer, &second), 0);
    assert_int_equal(peer_type(peer, &third), 0);
    assert_int_equal(peer_type(peer, &fourth), 0);
    retire(peer, 1, 0, 1);
    assert_int_equal(peer_type(peer, &first), OK);
    assert_int_equal(peer_type(peer, &second), OK);
    assert_int_equal(peer_type(peer, &third), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    assert_int_equal(peer_type(peer, &fourth), UNSPEC);
    assert_int_equal(((struct virtio_gpu_ctrl_hdr *)fourth.response)->fence_id, 4);
}

/* Others do not wait for the work of a process that is gone while a driver still uses its memory.
 */
static void test_gone(void **state)
{
    struct peer *peer = *state;
    peer_ctx_create(peer, 2);
    fake.answer = false;
    struct peer_request first = peer_send_submit(peer, 1, 0, FENCE, 9, 1);
    struct peer_request second = peer_send_submit(peer, 2, 0, FENCE, 0, 2);
    retire(peer, 2, 0, 2);
    assert_int_equal(peer_type(peer, &second), 0);
    say(peer, 1, (struct fake_answer){.kind = FAKE_GONE});
    assert_int_equal(peer_type(peer, &first), UNSPEC);
    assert_int_equal(peer_type(peer, &second), OK);
    assert_int_equal(peer_submit(peer, 1, 0), UNSPEC);
    assert_int_equal(peer_stats(peer).context_failures, 1);
    end(peer, 1);
    assert_int_equal(peer_stats(peer).context_failures, 1);
    assert_int_equal(peer_ctx_destroy(peer, 1), OK);
    assert_int_equal(peer_stats(peer).contexts, 1);
}

static void test_bad_timelines(void **state)
{
    struct peer *peer = *state;
    struct peer_request request = peer_send_submit(peer, 1, 0, NAMED, 64, 1);
    assert_int_equal(peer_type(peer, &request), INVALID_PARAMETER);
    request = peer_send_submit(peer, 1, 0, VIRTIO_GPU_FLAG_INFO_RING_IDX, 255, 1);
    assert_int_equal(peer_type(peer, &request), INVALID_PARAMETER);
    request = peer_send_submit(peer, 1, 0, NAMED, 63, 1);
    assert_int_equal(peer_type(peer, &request), OK);
    request = peer_send_submit(peer, 9, 0, NAMED, 1, 7);
    assert_int_equal(peer_type(peer, &request), INVALID_CONTEXT);
    assert_int_equal(((struct virtio_gpu_ctrl_hdr *)request.response)->fence_id, 7);
    /* an empty submission is there for its fence */
    struct virtio_gpu_cmd_submit empty = {.hdr = peer_hdr(VIRTIO_GPU_CMD_SUBMIT_3D, 1)};
    empty.hdr.flags = FENCE;
    assert_int_equal(peer_command(peer, &empty, sizeof(empty)), OK);
    assert_int_equal(fake_count(fake_find(1), FAKE_FENCE), 2);
}

/* ---- ends ---- */

/* Leave a context with everything that can wait for it. */
static void make_waiters(struct peer *peer, struct peer_request waiters[8])
{
    struct virtio_gpu_ctrl_hdr info = peer_hdr(VIRTIO_GPU_CMD_GET_DISPLAY_INFO, 1);
    info.flags = NAMED;
    info.ring_idx = 1;
    peer_create_blob(peer, 1, 1, 4096);
    peer_create_blob(peer, 1, 2, 4096);
    fake.answer = false;
    waiters[0] = peer_send_submit(peer, 1, 0, NAMED, 1, 1);
    waiters[1] = peer_send_submit(peer, 1, 0, FENCE, 0, 2);
    waiters[2] = peer_send_map(peer, 1, 0);
    waiters[3] = peer_send_simple(peer, UNREF, 0, 1);
    waiters[4] = peer_send(peer, &info, sizeof(info), 408);
    fake_find(1)->submit_result = -EAGAIN;
    waiters[5] = peer_send_submit(peer, 1, 0, NAMED, 2, 3);
    waiters[6] = peer_send_map(peer, 2, 4096);
    waiters[7] = peer_send_simple(peer, UNREF, 0, 2);
    for (int i = 0; i < 8; i++)
        assert_int_equal(peer_type(peer, &waiters[i]), 0);
}

static void check_waiters(struct peer *peer, struct peer_request waiters[8])
{
    const uint32_t expected[8] = {UNSPEC, UNSPEC, UNSPEC, OK, VIRTIO_GPU_RESP_OK_DISPLAY_INFO,
                                  UNSPEC, UNSPEC, OK};
    for (int i = 0; i < 8; i++) {
        if (peer_type(peer, &waiters[i]) != expected[i])
            fail_msg("waiter %d: 0x%x", i, peer_type(peer, &waiters[i]));
    }
    assert_int_equal(peer_stats(peer).in_flight, 0);
    assert_int_equal(peer_stats(peer).resources, 0);
    assert_int_equal(peer_stats(peer).releasing, 0);
    assert_int_equal(peer_stats(peer).window_used, 0);
}

/* A process that ends by itself: everybody who waits gets an answer. */
static void test_crash(void **state)
{
    struct peer *peer = *state;
    struct peer_request waiters[8];
    make_waiters(peer, waiters);
    end(peer, 1);
    check_waiters(peer, waiters);
    assert_int_equal(peer_stats(peer).context_failures, 1);
    /* The context is dead, but there until it is destroyed. */
    assert_int_equal(peer_stats(peer).contexts, 1);
    assert_int_equal(peer_submit(peer, 1, 0), UNSPEC);
    struct peer_request request = peer_send_submit(peer, 1, 0, NAMED, 1, 1);
    assert_int_equal(peer_type(peer, &request), UNSPEC);
    assert_int_equal(peer_ctx_create(peer, 1), INVALID_CONTEXT);
    assert_int_equal(peer_create_blob(peer, 1, 3, 4096), OK);
    assert_int_equal(peer_map(peer, 3, 0), UNSPEC);
    assert_int_equal(peer_simple(peer, UNREF, 0, 3), OK);
    assert_int_equal(peer_create_blob(peer, 1, 4, 4096), OK);
    assert_int_equal(peer_ctx_destroy(peer, 1), OK);
    assert_int_equal(peer_stats(peer).contexts + peer_stats(peer).ending_contexts, 0);
    assert_int_equal(peer_map(peer, 4, 0), UNSPEC);
    assert_int_equal(peer_simple(peer, UNREF, 0, 4), OK);
    assert_int_equal(peer_ctx_create(peer, 1), OK);
}

/* The renderer has refused it: it is asked to end, and holds its memory until then. */
static void test_failed(void **state)
{
    struct peer *peer = *state;
    struct peer_request waiters[8];
    make_waiters(peer, waiters);
    fake.end = false;
    say(peer, 1, (struct fake_answer){.kind = FAKE_FAILED});
    assert_int_equal(fake_count(fake_find(1), FAKE_END), 1);
    assert_int_equal(peer_type(peer, &waiters[5]), UNSPEC); /* not handed over */
    assert_int_equal(peer_type(peer, &waiters[6]), UNSPEC);
    assert_int_equal(peer_type(peer, &waiters[7]), 0);
    assert_int_equal(peer_type(peer, &waiters[3]), 0);
    assert_int_equal(peer_submit(peer, 1, 0), UNSPEC);
    say(peer, 1, (struct fake_answer){.kind = FAKE_FAILED}); /* says it again */
    assert_int_equal(fake_count(fake_find(1), FAKE_END), 1);
    end(peer, 1);
    check_waiters(peer, waiters);
    assert_int_equal(peer_stats(peer).context_failures, 1);
}

static void test_destroyed(void **state)
{
    struct peer *peer = *state;
    struct peer_request waiters[8];
    make_waiters(peer, waiters);
    fake.end = false;
    assert_int_equal(peer_ctx_destroy(peer, 1), OK);
    assert_int_equal(peer_type(peer, &waiters[0]), 0); /* the GPU may still finish it */
    assert_int_equal(peer_type(peer, &waiters[3]), 0);
    assert_int_equal(peer_type(peer, &waiters[5]), UNSPEC);
    end(peer, 1);
    check_waiters(peer, waiters);
    assert_int_equal(peer_stats(peer).context_failures, 0);
}

/* The destruction is itself fenced, on a timeline that goes with the context. */
static void test_fenced_destroy(void **state)
{
    struct peer *peer = *state;
    fake.answer = false;
    struct peer_request submit = peer_send_submit(peer, 1, 0, NAMED, 1, 1);
    struct virtio_gpu_ctx_destroy command = {.hdr = peer_hdr(VIRTIO_GPU_CMD_CTX_DESTROY, 1)};
    command.hdr.flags = NAMED;
    command.hdr.ring_idx = 1;
    struct peer_request destroy = peer_send(peer, &command, sizeof(command), 24);
    assert_int_equal(peer_type(peer, &submit), UNSPEC);
    assert_int_equal(peer_type(peer, &destroy), OK);
    /* the same, when the process is gone already */
    peer_ctx_create(peer, 1);
    end(peer, 1);
    destroy = peer_send(peer, &command, sizeof(command), 24);
    assert_int_equal(peer_type(peer, &destroy), OK);
    assert_int_equal(peer_stats(peer).contexts + peer_stats(peer).ending_contexts, 0);
}

/* A request on one context's timeline that waits for another context. */
static void test_foreign_timeline(void **state)
{
    struct peer *peer = *state;
    peer_ctx_create(peer, 2);
    peer_create_blob(peer, 2, 5, 4096);
    fake.answer = false;
    struct virtio_gpu_resource_map_blob command = {
        .hdr = peer_hdr(VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB, 1), .resource_id = 5};
    command.hdr.flags = NAMED;
    command.hdr.ring_idx = 3;
    struct peer_request map = peer_send(peer, &command, sizeof(command), 32);
    end(peer, 1);
    assert_int_equal(peer_ctx_destroy(peer, 1), OK);
    assert_int_equal(peer_type(peer, &map), 0);
    say(peer, 2, (struct fake_answer){.kind = FAKE_READY, .id = 5});
    assert_int_equal(peer_type(peer, &map), VIRTIO_GPU_RESP_OK_MAP_INFO);
}

/* ---- processes that lie ---- */

static void check_killed(struct peer *peer, struct fake_answer lie)
{
    peer_ctx_create(peer, 1);
    fake.end = false;
    say(peer, 1, lie);
    assert_int_equal(fake_count(fake_find(1), FAKE_KILL), 1);
    assert_int_equal(peer_submit(peer, 1, 0), UNSPEC);
    fake.end = true;
    end(peer, 1);
    peer_simple(peer, UNREF, 0, 1);
    assert_int_equal(peer_ctx_destroy(peer, 1), OK);
    peer_run(peer);
    assert_null(fake_find(1));
}

static void test_lies(void **state)
{
    struct peer *peer = *state;
    peer_ctx_destroy(peer, 1);
    const struct fake_answer lies[] = {
        {.kind = FAKE_READY, .id = 1},
        {.kind = FAKE_READY, .id = 1, .error = -EIO},
        {.kind = FAKE_RELEASED, .id = 1},
        {.kind = FAKE_RELEASED, .id = 0},
        {.kind = FAKE_RETIRED, .id = 0, .fence = 1},
        {.kind = FAKE_RETIRED, .id = 64, .fence = 1},
        {.kind = FAKE_RETIRED, .id = UINT32_MAX},
    };
    for (size_t i = 0; i < ARRAY_SIZE(lies); i++)
        check_killed(peer, lies[i]);
    /* a fence on the wrong timeline */
    peer_ctx_create(peer, 1);
    fake.answer = false;
    struct peer_request request = peer_send_submit(peer, 1, 0, NAMED, 1, 1);
    const uint64_t fence = fake_last(fake_find(1), FAKE_FENCE)->offset;
    retire(peer, 1, 2, fence);
    assert_int_equal(peer_type(peer, &request), UNSPEC); /* killed, and ended */
    /* the same with one that no timeline was named for: it is on timeline 0 */
    assert_int_equal(peer_ctx_destroy(peer, 1), OK);
    peer_ctx_create(peer, 1);
    request = peer_send_submit(peer, 1, 0, FENCE, 0, 1);
    retire(peer, 1, 2, fake_last(fake_find(1), FAKE_FENCE)->offset);
    assert_int_equal(peer_type(peer, &request), UNSPEC);
}

/* An answer before the question has been handed over. */
static void test_early_lies(void **state)
{
    struct peer *peer = *state;
    struct render *render = fake_find(1);
    for (int kind = FAKE_READY; kind <= FAKE_RELEASED; kind++) {
        peer_create_blob(peer, 1, 1, 4096);
        render->submit_result = -EAGAIN;
        peer_send_submit(peer, 1, 0, 0, 0, 0);
        struct peer_request map = peer_send_map(peer, 1, 0);
        struct peer_request unref = peer_send_simple(peer, UNREF, 0, 1);
        say(peer, 1, (struct fake_answer){.kind = (unsigned int)kind, .id = 1, .error = -EIO});
        assert_int_equal(peer_type(peer, &map), UNSPEC);
        assert_int_equal(peer_type(peer, &unref), OK);
        assert_int_equal(peer_ctx_destroy(peer, 1), OK);
        assert_int_equal(peer_ctx_create(peer, 1), OK);
        render = fake_find(1);
    }
}

/* ---- processes that stall ---- */

static void test_does_not_take(void **state)
{
    struct peer *peer = *state;
    const int64_t start = peer_time_ms;
    struct peer_request last = {0};
    fake_find(1)->submit_result = -EAGAIN;
    for (uint32_t i = 0; i < GPU_MAX_WAITING; i++)
        last = peer_send_submit(peer, 1, i, FENCE, 0, i);
    assert_true(gpu_device_next_time(peer->device) == INT64_MAX);
    peer_send_submit(peer, 1, 0, 0, 0, 0);
    assert_true(gpu_device_next_time(peer->device) == start + GPU_STUCK_MS);
    /* taking one in time is enough, for then it begins anew */
    peer_time_ms += 6000;
    fake_find(1)->accept = 1;
    gpu_device_dispatch(peer->device, fake_find(1)->params.epoll_data);
    assert_true(gpu_device_next_time(peer->device) == INT64_MAX);
    peer_send_submit(peer, 1, 0, 0, 0, 0);
    peer_time_ms += GPU_STUCK_MS - 1;
    peer_run(peer);
    assert_int_equal(fake_count(fake_find(1), FAKE_KILL), 0);
    peer_time_ms++;
    gpu_device_handle_times(peer->device);
    assert_int_equal(fake_count(fake_find(1), FAKE_KILL), 1);
    peer_run(peer);
    assert_int_equal(peer_type(peer, &last), UNSPEC);
    assert_int_equal(peer_stats(peer).in_flight, 0);
    assert_int_equal(peer_stats(peer).context_failures, 1);
    peer_time_ms = start;
}

/* More resources than may wait for their release, for longer than they may. */
static void test_does_not_release(void **state)
{
    struct peer *peer = *state;
    const int64_t start = peer_time_ms;
    for (uint32_t i = 1; i <= GPU_MAX_RELEASING + 1; i++) {
        assert_int_equal(peer_create_blob(peer, 1, i, 4096), OK);
        assert_int_equal(peer_map(peer, i, i * 4096), VIRTIO_GPU_RESP_OK_MAP_INFO);
    }
    fake.answer = false;
    for (uint32_t i = 1; i <= GPU_MAX_RELEASING; i++)
        peer_send_simple(peer, UNREF, 0, i);
    assert_int_equal(peer_stats(peer).releasing, GPU_MAX_RELEASING);
    assert_true(gpu_device_next_time(peer->device) == INT64_MAX);
    struct peer_request last = peer_send_simple(peer, UNREF, 0, GPU_MAX_RELEASING + 1);
    assert_true(gpu_device_next_time(peer->device) == start + GPU_STUCK_MS);
    /* one less in time is enough */
    say(peer, 1, (struct fake_answer){.kind = FAKE_RELEASED, .id = 1});
    assert_true(gpu_device_next_time(peer->device) == INT64_MAX);
    assert_int_equal(peer_create_blob(peer, 1, 500, 4096), OK);
    fake.answer = true;
    assert_int_equal(peer_map(peer, 500, 0), VIRTIO_GPU_RESP_OK_MAP_INFO);
    fake.answer = false;
    peer_time_ms += 5000;
    peer_send_simple(peer, UNREF, 0, 500);
    assert_true(gpu_device_next_time(peer->device) == start + 5000 + GPU_STUCK_MS);
    peer_time_ms += GPU_STUCK_MS - 1;
    peer_run(peer);
    assert_int_equal(fake_count(fake_find(1), FAKE_KILL), 0);
    peer_time_ms++;
    fake.end = false;
    peer_run(peer);
    assert_int_equal(fake_count(fake_find(1), FAKE_KILL), 1);
    assert_int_equal(peer_type(peer, &last), 0); /* it may still write */
    end(peer, 1);
    assert_int_equal(peer_type(peer, &last), OK);
    assert_int_equal(peer_stats(peer).resources, 0);
    assert_int_equal(peer_stats(peer).releasing, 0);
    peer_time_ms = start;
}

/* Requests that wait for fences fill the queue, and nothing of it comes back. */
static void test_fills_the_queue(void **state)
{
    struct peer *peer = *state;
    const int64_t start = peer_time_ms;
    const uint32_t enough = GPU_QUEUE_SIZE - GPU_QUEUE_SIZE / 4;
    peer_ctx_create(peer, 2);
    fake.answer = false;
    struct peer_request mine = peer_send_submit(peer, 2, 0, NAMED, 1, 1);
    struct peer_request last = {0};
    for (uint32_t i = 1; i < enough - 1; i++)
        last = peer_send_submit(peer, 1, i, NAMED, 1, i);
    /* long work hinders nobody while there is room */
    peer_time_ms += 100 * GPU_STUCK_MS;
    peer_run(peer);
    assert_true(gpu_device_next_time(peer->device) == INT64_MAX);
    /* then it does: and more so the one that has more of it */
    peer_send_submit(peer, 1, 0, NAMED, 1, 0);
    assert_true(gpu_device_next_time(peer->device) == peer_time_ms + GPU_STUCK_MS);
    peer_time_ms += GPU_STUCK_MS - 1;
    peer_run(peer);
    assert_int_equal(fake_count(fake_find(1), FAKE_KILL), 0);
    peer_time_ms++;
    fake.end = false;
    peer_run(peer);
    assert_int_equal(fake_count(fake_find(1), FAKE_KILL), 1);
    assert_int_equal(fake_count(fake_find(2), FAKE_KILL), 0);
    end(peer, 1);
    assert_int_equal(peer_type(peer, &last), UNSPEC);
    assert_int_equal(peer_type(peer, &mine), 0);
    retire(peer, 2, 1, 1);
    assert_int_equal(peer_type(peer, &mine), OK);
    assert_int_equal(peer_stats(peer).in_flight, 0);
    assert_true(gpu_device_next_time(peer->device) == INT64_MAX);
    peer_time_ms = start;
}

/* A full queue of requests that come and go is only work. */
static void test_busy(void **state)
{
    struct peer *peer = *state;
    const int64_t start = peer_time_ms;
    const uint32_t enough = GPU_QUEUE_SIZE - GPU_QUEUE_SIZE / 4;
    peer_ctx_create(peer, 2);
    fake.answer = false;
    for (uint32_t i = 0; i < enough; i++)
        peer_send_submit(peer, 1, i, NAMED, 1, i);
    for (uint32_t i = 1; i <= 4 * enough; i++) {
        fake_find(1)->call_count = 0;
        peer_time_ms += GPU_STUCK_MS / enough;
        peer_send_submit(peer, 1, 0, NAMED, 1, 0);
        retire(peer, 1, 1, i);
    }
    assert_int_equal(peer_stats(peer).in_flight, enough);
    assert_int_equal(peer_stats(peer).context_failures, 0);
    assert_int_equal(fake_count(fake_find(1), FAKE_KILL), 0);
    assert_int_equal(peer_submit(peer, 1, 0), OK);
    /* until nothing comes back any more */
    peer_time_ms += 2 * GPU_STUCK_MS;
    peer_run(peer);
    assert_int_equal(peer_stats(peer).context_failures, 1);
    peer_time_ms = start;
}

/* Fences without a timeline are those of all contexts: one that never comes holds up the others. */
static void test_blocks_fences(void **state)
{
    struct peer *peer = *state;
    const int64_t start = peer_time_ms;
    peer_ctx_create(peer, 2);
    fake.answer = false;
    struct peer_request first = peer_send_submit(peer, 1, 0, FENCE, 0, 1);
    struct peer_request own = peer_send_submit(peer, 1, 0, FENCE, 0, 2);
    peer_time_ms += 100 * GPU_STUCK_MS;
    peer_run(peer);
    assert_true(gpu_device_next_time(peer->device) == INT64_MAX); /* nobody else waits */
    struct peer_request other = peer_send_submit(peer, 2, 0, FENCE, 0, 3);
    retire(peer, 2, 0, 3);
    assert_int_equal(peer_type(peer, &other), 0);
    assert_true(gpu_device_next_time(peer->device) == peer_time_ms + GPU_STUCK_MS);
    peer_time_ms += GPU_STUCK_MS;
    peer_run(peer);
    assert_int_equal(peer_type(peer, &first), UNSPEC);
    assert_int_equal(peer_type(peer, &own), UNSPEC);
    assert_int_equal(peer_type(peer, &other), OK);
    assert_int_equal(peer_stats(peer).context_failures, 1);
    assert_int_equal(peer_stats(peer).in_flight, 0);
    peer_time_ms = start;
}

/* A few large requests that are not taken are the guest's whole pool. */
static void test_fills_memory(void **state)
{
    struct peer *peer = *state;
    struct peer_queue *q = &peer->queues[0];
    const int64_t start = peer_time_ms;
    uint64_t command;
    peer_ctx_create(peer, 2);
    fake_find(1)->submit_result = -EAGAIN;
    struct virtio_gpu_cmd_submit *submit = peer_alloc(peer, GPU_MAX_REQUEST, &command);
    submit->hdr = peer_hdr(VIRTIO_GPU_CMD_SUBMIT_3D, 1);
    submit->size = 4;
    for (uint16_t i = 0; i < 2; i++) {
        assert_true(gpu_device_next_time(peer->device) == INT64_MAX);
        q->desc[100 + i] = (struct vring_desc){.addr = command, .len = GPU_MAX_REQUEST / 2 + 4096};
        peer_make_available(peer, 0, 100 + i);
        peer_kick(peer);
    }
    assert_int_equal(peer_stats(peer).in_flight, 2);
    assert_true(gpu_device_next_time(peer->device) == start + GPU_STUCK_MS);
    peer_time_ms += GPU_STUCK_MS;
    peer_run(peer);
    assert_int_equal(peer_stats(peer).context_failures, 1);
    assert_int_equal(peer_stats(peer).in_flight, 0);
    assert_int_equal(peer_submit(peer, 2, 0), OK);
    peer_time_ms = start;
}

/* Maps and blobs can be what waits, too. */
static void test_holds_maps(void **state)
{
    struct peer *peer = *state;
    const int64_t start = peer_time_ms;
    const uint32_t enough = GPU_QUEUE_SIZE - GPU_QUEUE_SIZE / 4;
    for (uint32_t i = 1; i <= enough; i++)
        assert_int_equal(peer_create_blob(peer, 1, i, 4096), OK);
    fake.answer = false;
    for (uint32_t i = 1; i <= enough; i++)
        peer_send_map(peer, i, i * 4096);
    assert_true(gpu_device_next_time(peer->device) == start + GPU_STUCK_MS);
    peer_time_ms += GPU_STUCK_MS;
    peer_run(peer);
    assert_int_equal(peer_stats(peer).context_failures, 1);
    assert_int_equal(peer_stats(peer).in_flight, 0);
    peer_time_ms = start;
}

/* The render process has its own times. */
static void test_render_time(void **state)
{
    struct peer *peer = *state;
    fake_find(1)->next_time = peer_time_ms + 50;
    assert_true(gpu_device_next_time(peer->device) == peer_time_ms + 50);
    gpu_device_handle_times(peer->device);
    fake_say(fake_find(1), (struct fake_answer){.kind = FAKE_ENDED});
    peer_time_ms += 50;
    gpu_device_handle_times(peer->device);
    assert_null(fake_find(1));
    assert_true(gpu_device_next_time(peer->device) == INT64_MAX);
    assert_int_equal(peer_stats(peer).context_failures, 1);
}

#define TEST(f)       cmocka_unit_test_setup_teardown(f, setup, teardown)
#define TEST_LARGE(f) cmocka_unit_test_setup_teardown(f, setup_large, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_create),
        TEST(test_ending),
        TEST(test_submit),
        TEST(test_again),
        TEST(test_submit_fails),
        TEST(test_fences),
        TEST(test_global_fences),
        TEST(test_gone),
        TEST(test_bad_timelines),
        TEST(test_crash),
        TEST(test_failed),
        TEST(test_destroyed),
        TEST(test_fenced_destroy),
        TEST(test_foreign_timeline),
        TEST(test_lies),
        TEST(test_early_lies),
        TEST_LARGE(test_does_not_take),
        TEST_LARGE(test_does_not_release),
        TEST_LARGE(test_fills_the_queue),
        TEST_LARGE(test_busy),
        TEST_LARGE(test_blocks_fences),
        TEST_LARGE(test_fills_memory),
        TEST_LARGE(test_holds_maps),
        TEST(test_render_time),
    };
    return cmocka_run_group_tests_name("context", tests, NULL, NULL);
}
