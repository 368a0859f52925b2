/* SPDX-License-Identifier: MIT */
/* Blobs as slices of a window that is memory of the guest. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

#define OK                VIRTIO_GPU_RESP_OK_NODATA
#define MAPPED            VIRTIO_GPU_RESP_OK_MAP_INFO
#define UNSPEC            VIRTIO_GPU_RESP_ERR_UNSPEC
#define OUT_OF_MEMORY     VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY
#define INVALID_RESOURCE  VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID
#define INVALID_CONTEXT   VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID
#define INVALID_PARAMETER VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER
#define ATTACH_RESOURCE   VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE
#define DETACH_RESOURCE   VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE
#define UNREF             VIRTIO_GPU_CMD_RESOURCE_UNREF
#define UNMAP             VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB

static int start(void **state, bool used)
{
    *state = peer_create(&(struct peer_options){.window_used = used});
    assert_int_equal(peer_ctx_create(*state, 1), OK);
    assert_int_equal(peer_ctx_create(*state, 2), OK);
    return 0;
}

static int setup(void **state)
{
    return start(state, false);
}

static int setup_used(void **state)
{
    return start(state, true);
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

static void ready(struct peer *peer, uint32_t context, uint32_t resource, int error)
{
    say(peer, context, (struct fake_answer){.kind = FAKE_READY, .id = resource, .error = error});
}

static void released(struct peer *peer, uint32_t context, uint32_t resource)
{
    say(peer, context, (struct fake_answer){.kind = FAKE_RELEASED, .id = resource});
}

static void create(struct peer *peer, uint32_t resource, uint64_t size)
{
    assert_int_equal(peer_create_blob(peer, 1, resource, size), OK);
}

/* ---- create ---- */

static void test_create(void **state)
{
    struct peer *peer = *state;
    create(peer, 1, 4096);
    /* only a note, so far */
    assert_int_equal(fake_find(1)->call_count, 0);
    assert_int_equal(peer_create_blob(peer, 1, 1, 4096), INVALID_RESOURCE);
    assert_int_equal(peer_create_blob(peer, 3, 2, 4096), INVALID_CONTEXT);
    assert_int_equal(peer_create_blob(peer, 0, 2, 4096), INVALID_CONTEXT);
    assert_int_equal(peer_create_blob(peer, 1, 2, 0), INVALID_PARAMETER);
    assert_int_equal(peer_simple(peer, UNREF, 0, 1), OK);
    assert_int_equal(fake_find(1)->call_count, 0);
    assert_int_equal(peer_stats(peer).resources, 0);

    struct virtio_gpu_resource_create_blob command = {
        .hdr = peer_hdr(VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, 1),
        .resource_id = 2,
        .blob_mem = VIRTIO_GPU_BLOB_MEM_HOST3D,
        .blob_flags = 1,
        .nr_entries = 1,
        .size = 4096,
    };
    assert_int_equal(peer_command(peer, &command, sizeof(command)), INVALID_PARAMETER);
    command.nr_entries = 0;
    command.blob_flags = 9;
    assert_int_equal(peer_command(peer, &command, sizeof(command)), INVALID_PARAMETER);
    command.blob_flags = 7;
    assert_int_equal(peer_command(peer, &command, sizeof(command)), OK);
}

/* What cannot be mapped is the render process's own. */
static void test_not_mappable(void **state)
{
    struct peer *peer = *state;
    struct virtio_gpu_resource_create_blob command = {
        .hdr = peer_hdr(VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, 1),
        .resource_id = 2,
        .blob_mem = VIRTIO_GPU_BLOB_MEM_HOST3D,
        .blob_flags = VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE,
        .blob_id = 0x1234567890,
        .size = 1ull << 40,
    };
    fake.answer = false;
    struct peer_request request = peer_send(peer, &command, sizeof(command), 24);
    assert_int_equal(peer_type(peer, &request), 0);
    const struct fake_call *call = fake_last(fake_find(1), FAKE_CREATE_BLOB);
    assert_non_null(call);
    assert_true(call->offset == command.blob_id && call->size == command.size);
    assert_int_equal(call->flags, command.blob_flags);
    ready(peer, 1, 2, 0);
    assert_int_equal(peer_type(peer, &request), OK);
    assert_int_equal(peer_map(peer, 2, 0), INVALID_PARAMETER);
    struct peer_request unref = peer_send_simple(peer, UNREF, 0, 2);
    released(peer, 1, 2);
    assert_int_equal(peer_type(peer, &unref), OK);
    /* or it refuses */
    fake.answer = true;
    fake.error = -EINVAL;
    assert_int_equal(peer_command(peer, &command, sizeof(command)), UNSPEC);
    fake.error = -ENOMEM;
    assert_int_equal(peer_command(peer, &command, sizeof(command)), OUT_OF_MEMORY);
    assert_int_equal(peer_stats(peer).resources, 0);
    fake_find(1)->other_result = -EINVAL;
    assert_int_equal(peer_command(peer, &command, sizeof(command)), UNSPEC);
    assert_int_equal(peer_stats(peer).resources, 0);
}

/* ---- map ---- */

static void test_map(void **state)
{
    struct peer *peer = *state;
    create(peer, 1, 5000);
    struct peer_request request = peer_send_map(peer, 1, 8192);
    assert_int_equal(peer_type(peer, &request), MAPPED);
    const struct virtio_gpu_resp_map_info *info = request.response;
    assert_int_equal(info->map_info, VIRTIO_GPU_MAP_CACHE_CACHED);
    assert_int_equal(info->padding, 0);
    const struct fake_call *call = fake_last(fake_find(1), FAKE_ATTACH);
    assert_int_equal(call->id, 1);
    assert_int_equal(call->offset, 8192);
    assert_int_equal(call->size, 8192); /* whole pages */
    assert_int_equal(call->flags, 0);   /* the window is still full of zeroes */
    assert_int_equal(peer_stats(peer).window_used, 8192);
    assert_int_equal(fake_find(2)->call_count, 0);

    assert_int_equal(peer_map(peer, 1, 8192), INVALID_PARAMETER);
    assert_int_equal(peer_map(peer, 2, 8192), INVALID_RESOURCE);
    assert_int_equal(peer_simple(peer, UNMAP, 0, 1), OK);
    assert_int_equal(peer_simple(peer, UNMAP, 0, 1), INVALID_PARAMETER);
    /* it stays where it is until it is dropped */
    assert_int_equal(peer_map(peer, 1, 4096), INVALID_PARAMETER);
    assert_int_equal(peer_map(peer, 1, 8192), MAPPED);
    assert_int_equal(fake_count(fake_find(1), FAKE_ATTACH), 1);
    assert_int_equal(peer_simple(peer, UNREF, 0, 1), OK); /* also while it is mapped */
    assert_int_equal(peer_stats(peer).window_used, 0);
    assert_int_equal(peer_stats(peer).window_peak, 8192);
}

static void test_places(void **state)
{
    struct peer *peer = *state;
    create(peer, 1, 4 * 4096);
    create(peer, 2, 2 * 4096);
    create(peer, 3, PEER_WINDOW);
    create(peer, 4, UINT64_MAX - 4095); /* how could it be mapped? */
    create(peer, 5, UINT64_MAX);
    const uint64_t bad[] = {1,
                            4095,
                            PEER_WINDOW,
                            PEER_WINDOW - 3 * 4096,
                            PEER_WINDOW + 4096,
                            UINT64_MAX - 4095,
                            UINT64_MAX - 4 * 4096 + 1,
                            UINT64_MAX,
                            1ull << 63};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(peer_map(peer, 1, bad[i]), INVALID_PARAMETER);
    assert_int_equal(peer_map(peer, 4, 0), INVALID_PARAMETER);
    assert_int_equal(peer_map(peer, 4, 4096), INVALID_PARAMETER);
    assert_int_equal(peer_map(peer, 5, 4096), INVALID_PARAMETER);
    assert_int_equal(peer_map(peer, 3, 4096), INVALID_PARAMETER);
    assert_int_equal(peer_map(peer, 1, 8 * 4096), MAPPED);
    for (uint64_t page = 7; page < 12; page++)
        assert_int_equal(peer_map(peer, 2, page * 4096), INVALID_PARAMETER);
    assert_int_equal(peer_map(peer, 3, 0), INVALID_PARAMETER);
    assert_int_equal(peer_map(peer, 2, 12 * 4096), MAPPED);
    assert_int_equal(peer_simple(peer, UNREF, 0, 1), OK);
    assert_int_equal(peer_simple(peer, UNREF, 0, 2), OK);
    assert_int_equal(peer_map(peer, 3, 0), MAPPED);
    assert_int_equal(peer_stats(peer).window_used, PEER_WINDOW);
}

/* Memory that somebody has used is cleared before another one gets it. */
static void test_clear(void **state)
{
    struct peer *peer = *state;
    create(peer, 1, 2 * 4096);
    assert_int_equal(peer_map(peer, 1, 4096), MAPPED);
    assert_false(fake_last(fake_find(1), FAKE_ATTACH)->flags);
    assert_int_equal(peer_simple(peer, UNREF, 0, 1), OK);
    const struct {
        uint64_t page, pages;
        bool clear;
    } next[] = {{0, 1, false}, {3, 1, false}, {2, 1, true},
                {1, 1, true},  {4, 4, false}, {7, 2, true}};
    for (uint32_t i = 0; i < ARRAY_SIZE(next); i++) {
        create(peer, i + 10, next[i].pages * 4096);
        assert_int_equal(peer_map(peer, i + 10, next[i].page * 4096), MAPPED);
        assert_int_equal(fake_last(fake_find(1), FAKE_ATTACH)->flags, next[i].clear);
        assert_int_equal(peer_simple(peer, UNREF, 0, i + 10), OK);
    }
    /* also across a reset */
    peer_op(peer, VGPU_OP_RESET, 0, 0, 0, 0, 0);
    peer_run(peer);
    peer_start(peer, peer->features);
    peer_ctx_create(peer, 1);
    create(peer, 1, 4096);
    assert_int_equal(peer_map(peer, 1, 4096), MAPPED);
    assert_true(fake_last(fake_find(1), FAKE_ATTACH)->flags);
}

static void test_used_window(void **state)
{
    struct peer *peer = *state;
    create(peer, 1, 4096);
    assert_int_equal(peer_map(peer, 1, PEER_WINDOW - 4096), MAPPED);
    assert_true(fake_last(fake_find(1), FAKE_ATTACH)->flags);
}

/* A map is answered when the context has it, and holds up nobody. */
static void test_slow_map(void **state)
{
    struct peer *peer = *state;
    fake.answer = false;
    create(peer, 1, 4096);
    struct peer_request map = peer_send_map(peer, 1, 0);
    assert_int_equal(peer_type(peer, &map), 0);
    assert_int_equal(peer_map(peer, 1, 0), INVALID_PARAMETER);
    assert_int_equal(peer_submit(peer, 1, 0), OK);
    struct peer_request unmap = peer_send_simple(peer, UNMAP, 0, 1);
    struct peer_request again = peer_send_simple(peer, UNMAP, 0, 1);
    assert_int_equal(peer_type(peer, &unmap), 0);
    assert_int_equal(peer_type(peer, &again), INVALID_PARAMETER);
    ready(peer, 1, 1, 0);
    assert_int_equal(peer_type(peer, &map), MAPPED);
    assert_int_equal(peer_type(peer, &unmap), OK);
}

static void test_map_fails(void **state)
{
    struct peer *peer = *state;
    fake.error = -ENOMEM;
    create(peer, 1, 4096);
    assert_int_equal(peer_map(peer, 1, 0), UNSPEC);
    assert_int_equal(peer_map(peer, 1, 0), INVALID_PARAMETER);
    assert_int_equal(peer_simple(peer, UNMAP, 0, 1), INVALID_PARAMETER);
    assert_int_equal(peer_simple(peer, UNREF, 0, 1), OK);
    assert_int_equal(peer_stats(peer).window_used, 0);
    /* other contexts do not get what nobody has cleared, neither those of before nor later ones */
    create(peer, 2, 4096);
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 2, 2), OK);
    fake.answer = false;
    struct peer_request map = peer_send_map(peer, 2, 0);
    struct peer_request unmap = peer_send_simple(peer, UNMAP, 0, 2);
    ready(peer, 1, 2, -EIO);
    assert_int_equal(peer_type(peer, &map), UNSPEC);
    assert_int_equal(peer_type(peer, &unmap), UNSPEC);
    assert_int_equal(peer_ctx_create(peer, 3), OK);
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 3, 2), OK);
    assert_int_equal(fake_find(2)->call_count, 0);
    assert_int_equal(fake_find(3)->call_count, 0);
    assert_int_equal(peer_simple(peer, UNREF, 0, 2), OK);
    assert_int_equal(peer_stats(peer).window_used, 0);
}

/* Other contexts get a slice when its creator has cleared it, not before. */
static void test_clear_first(void **state)
{
    struct peer *peer = *state;
    fake.answer = false;
    create(peer, 1, 4096);
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 2, 1), OK); /* before the map */
    struct peer_request map = peer_send_map(peer, 1, 8192);
    assert_int_equal(peer_ctx_create(peer, 3), OK);
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 3, 1), OK); /* in the middle of it */
    assert_true(fake_last(fake_find(1), FAKE_ATTACH)->flags);
    assert_int_equal(fake_find(2)->call_count, 0);
    assert_int_equal(fake_find(3)->call_count, 0);
    assert_int_equal(peer_type(peer, &map), 0);
    ready(peer, 1, 1, 0);
    assert_int_equal(peer_type(peer, &map), MAPPED);
    for (uint32_t context = 2; context <= 3; context++) {
        assert_int_equal(fake_count(fake_find(context), FAKE_ATTACH), 1);
        assert_int_equal(fake_last(fake_find(context), FAKE_ATTACH)->offset, 8192);
        assert_false(fake_last(fake_find(context), FAKE_ATTACH)->flags);
    }
    assert_int_equal(fake_count(fake_find(1), FAKE_ATTACH), 1);
    ready(peer, 2, 1, 0);
    ready(peer, 3, 1, 0);
    /* it stays clean while it is not mapped */
    assert_int_equal(peer_simple(peer, UNMAP, 0, 1), OK);
    assert_int_equal(peer_ctx_create(peer, 4), OK);
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 4, 1), OK);
    assert_int_equal(fake_count(fake_find(4), FAKE_ATTACH), 1);
}

/* The process cannot be told. */
static void test_not_told(void **state)
{
    struct peer *peer = *state;
    create(peer, 1, 4096);
    create(peer, 2, 4096);
    create(peer, 3, 4096);
    fake_find(1)->other_result = -EIO;
    assert_int_equal(peer_map(peer, 1, 0), UNSPEC);
    fake_find(1)->other_result = 0;
    assert_int_equal(peer_map(peer, 2, 4096), MAPPED);
    fake_find(1)->other_result = -ENOENT; /* it never had it */
    assert_int_equal(peer_simple(peer, UNREF, 0, 2), OK);
    fake_find(1)->other_result = -ENOMEM;
    fake.end = false;
    assert_int_equal(peer_map(peer, 3, 8192), UNSPEC);
    assert_int_equal(fake_count(fake_find(1), FAKE_KILL), 1);
    say(peer, 1, (struct fake_answer){.kind = FAKE_ENDED});
    assert_int_equal(peer_stats(peer).context_failures, 1);
}

/* An unref that cannot be told: the memory is in use until the process has ended. */
static void test_unref_not_told(void **state)
{
    struct peer *peer = *state;
    create(peer, 1, 4096);
    assert_int_equal(peer_map(peer, 1, 0), MAPPED);
    fake_find(1)->other_result = -ENOMEM;
    fake.end = false;
    struct peer_request unref = peer_send_simple(peer, UNREF, 0, 1);
    assert_int_equal(fake_count(fake_find(1), FAKE_KILL), 1);
    assert_int_equal(peer_type(peer, &unref), 0);
    assert_int_equal(peer_stats(peer).window_used, 4096);
    /* nor is it believed to have let go of what it was not told to */
    released(peer, 1, 1);
    assert_int_equal(peer_type(peer, &unref), 0);
    say(peer, 1, (struct fake_answer){.kind = FAKE_ENDED});
    assert_int_equal(peer_type(peer, &unref), OK);
    assert_int_equal(peer_stats(peer).window_used, 0);
}

/* ---- drop ---- */

/* The guest may use the place again when UNREF is answered, so that waits for everybody. */
static void test_unref(void **state)
{
    struct peer *peer = *state;
    fake.answer = false;
    create(peer, 1, 4096);
    struct peer_request map = peer_send_map(peer, 1, 0);
    ready(peer, 1, 1, 0);
    assert_int_equal(peer_type(peer, &map), MAPPED);
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 2, 1), OK);
    ready(peer, 2, 1, 0);
    assert_int_equal(peer_simple(peer, UNMAP, 0, 1), OK);
    struct peer_request unref = peer_send_simple(peer, UNREF, 0, 1);
    assert_int_equal(peer_type(peer, &unref), 0);
    assert_int_equal(peer_stats(peer).releasing, 2);
    /* the resource is gone for the guest, its id and place are not free */
    assert_int_equal(peer_simple(peer, UNREF, 0, 1), INVALID_RESOURCE);
    assert_int_equal(peer_map(peer, 1, 0), INVALID_RESOURCE);
    assert_int_equal(peer_create_blob(peer, 1, 1, 4096), INVALID_RESOURCE);
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 1, 1), INVALID_RESOURCE);
    create(peer, 2, 4096);
    assert_int_equal(peer_map(peer, 2, 0), INVALID_PARAMETER);
    released(peer, 1, 1);
    assert_int_equal(peer_type(peer, &unref), 0);
    assert_int_equal(peer_map(peer, 2, 0), INVALID_PARAMETER);
    released(peer, 2, 1);
    assert_int_equal(peer_type(peer, &unref), OK);
    assert_int_equal(peer_stats(peer).releasing, 0);
    fake.answer = true;
    assert_int_equal(peer_map(peer, 2, 0), MAPPED);
    create(peer, 1, 4096);
}

/* Dropped while the map is on its way, answered in either order, or with an error. */
static void test_unref_while_mapping(void **state)
{
    struct peer *peer = *state;
    for (int way = 0; way < 4; way++) {
        fake.answer = false;
        create(peer, 1, 4096);
        struct peer_request map = peer_send_map(peer, 1, 0);
        struct peer_request unmap = peer_send_simple(peer, UNMAP, 0, 1);
        struct peer_request unref = peer_send_simple(peer, UNREF, 0, 1);
        assert_int_equal(peer_type(peer, &map), 0);
        if (way == 0)
            ready(peer, 1, 1, 0);
        else if (way == 1)
            ready(peer, 1, 1, -EIO);
        if (way == 3)
            say(peer, 1, (struct fake_answer){.kind = FAKE_ENDED});
        else
            released(peer, 1, 1);
        assert_int_equal(peer_type(peer, &map), way == 0 ? MAPPED : UNSPEC);
        assert_int_equal(peer_type(peer, &unmap), way == 0 ? OK : UNSPEC);
        assert_int_equal(peer_type(peer, &unref), OK);
        assert_int_equal(peer_stats(peer).resources, 0);
        assert_int_equal(peer_stats(peer).window_used, 0);
    }
}

/* ---- other contexts ---- */

static void test_attach(void **state)
{
    struct peer *peer = *state;
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 2, 1), INVALID_RESOURCE);
    create(peer, 1, 4096);
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 9, 1), INVALID_CONTEXT);
    assert_int_equal(peer_simple(peer, DETACH_RESOURCE, 9, 1), INVALID_CONTEXT);
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 1, 1), OK); /* as Linux does */
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 2, 1), OK);
    assert_int_equal(fake_find(2)->call_count, 0);
    assert_int_equal(peer_map(peer, 1, 4096), MAPPED);
    const struct fake_call *call = fake_last(fake_find(2), FAKE_ATTACH);
    assert_non_null(call);
    assert_int_equal(call->offset, 4096);
    assert_false(call->flags); /* only one clears it */
    peer_ctx_create(peer, 3);
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 3, 1), OK); /* later */
    assert_int_equal(fake_count(fake_find(3), FAKE_ATTACH), 1);
    assert_int_equal(peer_simple(peer, DETACH_RESOURCE, 3, 1), OK);
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 3, 1), OK); /* it has it still */
    assert_int_equal(fake_count(fake_find(3), FAKE_ATTACH), 1);
    assert_int_equal(peer_simple(peer, DETACH_RESOURCE, 1, 1), OK);
    /* the first context goes, the others keep the memory */
    assert_int_equal(peer_ctx_destroy(peer, 1), OK);
    assert_int_equal(peer_stats(peer).window_used, 4096);
    assert_int_equal(peer_simple(peer, UNREF, 0, 1), OK);
    assert_int_equal(fake_count(fake_find(2), FAKE_UNREF), 1);
    assert_int_equal(fake_count(fake_find(3), FAKE_UNREF), 1);
}

/* Linux detaches when the last handle is closed, which may be before the answer to the map. */
static void test_detached_creator(void **state)
{
    struct peer *peer = *state;
    create(peer, 1, 4096);
    assert_int_equal(peer_simple(peer, DETACH_RESOURCE, 1, 1), OK);
    assert_int_equal(peer_map(peer, 1, 0), MAPPED);
    assert_int_equal(peer_simple(peer, DETACH_RESOURCE, 1, 1), OK);
    assert_int_equal(peer_simple(peer, UNREF, 0, 1), OK);
    assert_int_equal(fake_count(fake_find(1), FAKE_UNREF), 1);
}

/* The context that created it goes before it is mapped. */
static void test_creator_goes(void **state)
{
    struct peer *peer = *state;
    create(peer, 1, 4096);
    create(peer, 2, 4096);
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 2, 1), OK);
    fake.end = false;
    assert_int_equal(peer_ctx_destroy(peer, 1), OK);
    assert_int_equal(peer_map(peer, 1, 0), UNSPEC);
    assert_int_equal(fake_count(fake_find(1), FAKE_ATTACH), 0);
    say(peer, 1, (struct fake_answer){.kind = FAKE_ENDED});
    assert_int_equal(peer_map(peer, 2, 4096), UNSPEC);
    assert_int_equal(peer_simple(peer, UNREF, 0, 1), OK);
    assert_int_equal(peer_simple(peer, UNREF, 0, 2), OK);
}

/* A context that cannot have it does not trouble the others. */
static void test_attach_fails(void **state)
{
    struct peer *peer = *state;
    create(peer, 1, 4096);
    assert_int_equal(peer_map(peer, 1, 0), MAPPED);
    fake.error = -EIO;
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 2, 1), OK);
    assert_int_equal(peer_simple(peer, DETACH_RESOURCE, 2, 1), INVALID_RESOURCE);
    fake.error = 0;
    assert_int_equal(peer_simple(peer, UNREF, 0, 1), OK);
    assert_int_equal(fake_count(fake_find(2), FAKE_UNREF), 0);
}

/* As many resources in as many contexts as there may be. */
static void test_many_attachments(void **state)
{
    struct peer *peer = *state;
    const uint32_t n = GPU_MAX_ATTACHMENTS / 4;
    peer_ctx_create(peer, 3);
    peer_ctx_create(peer, 4);
    for (uint32_t i = 1; i <= n; i++) {
        if (peer_create_blob(peer, 1, i, 4096) != OK)
            fail_msg("resource %u", i);
        for (uint32_t context = 2; context <= 4; context++) {
            if (peer_simple(peer, ATTACH_RESOURCE, context, i) != OK)
                fail_msg("resource %u to context %u", i, context);
        }
    }
    assert_int_equal(peer_create_blob(peer, 1, n + 1, 4096), OUT_OF_MEMORY);
    assert_int_equal(peer_stats(peer).resources, n);
    assert_int_equal(peer_simple(peer, DETACH_RESOURCE, 2, 1), OK);
    assert_int_equal(peer_create_blob(peer, 1, n + 1, 4096), OK);
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 2, 1), OUT_OF_MEMORY);
    assert_int_equal(peer_ctx_destroy(peer, 3), OK);
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 2, 1), OK);
}

#define TEST(f)      cmocka_unit_test_setup_teardown(f, setup, teardown)
#define TEST_USED(f) cmocka_unit_test_setup_teardown(f, setup_used, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_create),
        TEST(test_not_mappable),
        TEST(test_map),
        TEST(test_places),
        TEST(test_clear),
        TEST_USED(test_used_window),
        TEST_USED(test_clear_first),
        TEST(test_slow_map),
        TEST(test_map_fails),
        TEST(test_not_told),
        TEST(test_unref_not_told),
        TEST(test_unref),
        TEST(test_unref_while_mapping),
        TEST(test_attach),
        TEST(test_detached_creator),
        TEST(test_creator_goes),
        TEST(test_attach_fails),
        TEST(test_many_attachments),
    };
    return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
