/* SPDX-License-Identifier: MIT */
/* Mapping "per-blob": blobs of render processes that the frontend maps. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

#define OK                VIRTIO_GPU_RESP_OK_NODATA
#define MAPPED            VIRTIO_GPU_RESP_OK_MAP_INFO
#define UNSPEC            VIRTIO_GPU_RESP_ERR_UNSPEC
#define OUT_OF_MEMORY     VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY
#define INVALID_RESOURCE  VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID
#define INVALID_PARAMETER VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER
#define ATTACH_RESOURCE   VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE
#define UNREF             VIRTIO_GPU_CMD_RESOURCE_UNREF
#define UNMAP             VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB

#define CHUNK VGPU_MAX_BLOB_REFS

static int setup(void **state)
{
    *state = peer_create(&(struct peer_options){.per_blob = true});
    assert_int_equal(peer_ctx_create(*state, 1), OK);
    assert_int_equal(peer_ctx_create(*state, 2), OK);
    return 0;
}

static int teardown(void **state)
{
    peer_destroy(*state);
    return 0;
}

static void say(struct peer *peer, struct fake_answer answer)
{
    fake_say(fake_find(1), answer);
    peer_run(peer);
}

/* Check the request in the control page, with the references of the resource from `page` on. */
static void check_map(struct peer *peer, uint32_t resource, uint64_t offset, uint64_t page,
                      uint32_t pages)
{
    const struct vgpu_blob_request *request = &peer->control->blob_request;
    const uint32_t *refs = (const uint32_t *)(peer->local->guest + 2 * VGPU_PAGE_SIZE);
    assert_int_not_equal(request->sequence, peer->blob_sequence);
    assert_int_equal(request->op, VGPU_BLOB_MAP);
    assert_int_equal(request->offset, offset + page * VGPU_PAGE_SIZE);
    assert_int_equal(request->pages, pages);
    for (uint32_t i = 0; i < pages; i++)
        assert_int_equal(refs[i], fake_ref(resource, page + i));
}

static void check_unmap(struct peer *peer, uint64_t offset, uint32_t pages)
{
    const struct vgpu_blob_request *request = &peer->control->blob_request;
    assert_int_not_equal(request->sequence, peer->blob_sequence);
    assert_int_equal(request->op, VGPU_BLOB_UNMAP);
    assert_int_equal(request->offset, offset);
    assert_int_equal(request->pages, pages);
}

static void check_idle(struct peer *peer)
{
    assert_int_equal(peer->control->blob_request.sequence, peer->blob_sequence);
}

static void answer(struct peer *peer, uint32_t status)
{
    assert_true(peer_blob_answer(peer, status));
    peer_run(peer);
}

/* ---- */

static void test_create(void **state)
{
    struct peer *peer = *state;
    fake.answer = false;
    struct peer_request request = peer_send_create(peer, 1, 1, 0x7777, 5000);
    assert_int_equal(peer_type(peer, &request), 0);
    const struct fake_call *call = fake_last(fake_find(1), FAKE_CREATE_BLOB);
    assert_int_equal(call->id, 1);
    assert_int_equal(call->offset, 0x7777);
    assert_int_equal(call->size, 5000);
    assert_int_equal(call->flags, VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE);
    say(peer, (struct fake_answer){.kind = FAKE_READY, .id = 1, .blob_size = 8192, .cache = 1});
    assert_int_equal(peer_type(peer, &request), OK);
    check_idle(peer);
    assert_int_equal(peer_stats(peer).resources, 1);
}

static void test_create_fails(void **state)
{
    struct peer *peer = *state;
    fake.error = -EINVAL;
    assert_int_equal(peer_create_blob(peer, 1, 1, 4096), UNSPEC);
    fake.error = -ENOSPC;
    assert_int_equal(peer_create_blob(peer, 1, 1, 4096), OUT_OF_MEMORY);
    fake.error = 0;
    fake.less = 4096; /* too small */
    assert_int_equal(peer_create_blob(peer, 1, 1, 8192), UNSPEC);
    fake.less = 1; /* no whole pages */
    assert_int_equal(peer_create_blob(peer, 1, 1, 8192), UNSPEC);
    fake.less = 0;
    fake.no_refs = true;
    assert_int_equal(peer_create_blob(peer, 1, 1, 8192), UNSPEC);
    fake.no_refs = false;
    fake_find(1)->other_result = -EIO;
    assert_int_equal(peer_create_blob(peer, 1, 1, 8192), UNSPEC);
    fake_find(1)->other_result = 0;
    assert_int_equal(peer_stats(peer).resources, 0);
    assert_int_equal(peer_map(peer, 1, 0), INVALID_RESOURCE);
    /* the process has no blob that the guest does not know */
    assert_int_equal(fake_count(fake_find(1), FAKE_UNREF), 3);
    assert_int_equal(peer_create_blob(peer, 1, 1, 8192), OK);
}

/* All blobs together are not larger than the window. */
static void test_quota(void **state)
{
    struct peer *peer = *state;
    fake.answer = false;
    peer_send_create(peer, 1, 1, 0, PEER_WINDOW - 4096);
    peer_send_create(peer, 1, 2, 0, 4096);
    assert_int_equal(peer_create_blob(peer, 1, 3, 1), OUT_OF_MEMORY);
    assert_int_equal(peer_create_blob(peer, 1, 3, UINT64_MAX), OUT_OF_MEMORY);
    say(peer, (struct fake_answer){.kind = FAKE_READY, .id = 2, .error = -EIO});
    struct peer_request request = peer_send_create(peer, 1, 3, 0, 4096);
    assert_int_equal(peer_type(peer, &request), 0);
}

static void test_map(void **state)
{
    struct peer *peer = *state;
    const uint8_t caches[] = {1, 2, 3, 0, 9};
    for (size_t i = 0; i < ARRAY_SIZE(caches); i++) {
        fake.cache = caches[i];
        assert_int_equal(peer_create_blob(peer, 1, 1, 5000), OK);
        struct peer_request map = peer_send_map(peer, 1, 40960);
        assert_int_equal(peer_type(peer, &map), 0);
        check_map(peer, 1, 40960, 0, 2);
        assert_int_equal(peer_stats(peer).window_used, 8192);
        assert_int_equal(peer_map(peer, 1, 40960), INVALID_PARAMETER);
        answer(peer, VGPU_STATUS_OK);
        assert_int_equal(peer_type(peer, &map), MAPPED);
        assert_int_equal(((struct virtio_gpu_resp_map_info *)map.response)->map_info,
                         i < 3 ? caches[i] : 1);
        struct peer_request unmap = peer_send_simple(peer, UNMAP, 0, 1);
        assert_int_equal(peer_type(peer, &unmap), 0);
        check_unmap(peer, 40960, 2);
        answer(peer, VGPU_STATUS_OK);
        assert_int_equal(peer_type(peer, &unmap), OK);
        assert_int_equal(peer_stats(peer).window_used, 0);
        /* and elsewhere */
        map = peer_send_map(peer, 1, 4096);
        check_map(peer, 1, 4096, 0, 2);
        answer(peer, VGPU_STATUS_OK);
        assert_int_equal(peer_type(peer, &map), MAPPED);
        struct peer_request unref = peer_send_simple(peer, UNREF, 0, 1);
        check_unmap(peer, 4096, 2);
        assert_int_equal(fake_count(fake_find(1), FAKE_UNREF), i);
        answer(peer, VGPU_STATUS_OK);
        assert_int_equal(fake_count(fake_find(1), FAKE_UNREF), i + 1);
        assert_int_equal(peer_type(peer, &unref), OK);
        check_idle(peer);
    }
}

/* Large blobs are mapped part by part, several blobs one after the other. */
static void test_parts(void **state)
{
    struct peer *peer = *state;
    assert_int_equal(peer_create_blob(peer, 1, 1, (2 * CHUNK + 7) * 4096ull), OK);
    assert_int_equal(peer_create_blob(peer, 2, 2, CHUNK * 4096ull), OK);
    struct peer_request first = peer_send_map(peer, 1, 0);
    struct peer_request second = peer_send_map(peer, 2, (2 * CHUNK + 7) * 4096ull);
    check_map(peer, 1, 0, 0, CHUNK);
    answer(peer, VGPU_STATUS_OK);
    check_map(peer, 1, 0, CHUNK, CHUNK);
    gpu_device_handle_event(peer->device); /* of something else */
    check_map(peer, 1, 0, CHUNK, CHUNK);
    answer(peer, VGPU_STATUS_OK);
    check_map(peer, 1, 0, 2 * CHUNK, 7);
    assert_int_equal(peer_submit(peer, 1, 0), OK);
    answer(peer, VGPU_STATUS_OK);
    assert_int_equal(peer_type(peer, &first), MAPPED);
    assert_int_equal(peer_type(peer, &second), 0);
    check_map(peer, 2, (2 * CHUNK + 7) * 4096ull, 0, CHUNK);
    answer(peer, VGPU_STATUS_OK);
    assert_int_equal(peer_type(peer, &second), MAPPED);
    struct peer_request unref = peer_send_simple(peer, UNREF, 0, 1);
    check_unmap(peer, 0, 2 * CHUNK + 7); /* at once */
    answer(peer, VGPU_STATUS_OK);
    assert_int_equal(peer_type(peer, &unref), OK);
}

static void test_refused(void **state)
{
    struct peer *peer = *state;
    assert_int_equal(peer_create_blob(peer, 1, 1, (CHUNK + 1) * 4096ull), OK);
    struct peer_request map = peer_send_map(peer, 1, 0);
    answer(peer, VGPU_STATUS_GRANT);
    assert_int_equal(peer_type(peer, &map), UNSPEC);
    check_idle(peer);
    assert_int_equal(peer_stats(peer).window_used, 0);
    assert_int_equal(peer_map(peer, 1, 0), INVALID_PARAMETER);
    assert_int_equal(peer_simple(peer, UNREF, 0, 1), OK);
    /* in the middle: what is mapped is unmapped */
    assert_int_equal(peer_create_blob(peer, 1, 2, (CHUNK + 1) * 4096ull), OK);
    map = peer_send_map(peer, 2, 4096);
    struct peer_request unmap = peer_send_simple(peer, UNMAP, 0, 2);
    answer(peer, VGPU_STATUS_OK);
    answer(peer, VGPU_STATUS_NO_MEMORY);
    check_unmap(peer, 4096, CHUNK);
    assert_int_equal(peer_type(peer, &map), 0);
    answer(peer, VGPU_STATUS_INVALID); /* which is its own affair */
    assert_int_equal(peer_type(peer, &map), UNSPEC);
    assert_int_equal(peer_type(peer, &unmap), UNSPEC);
    check_idle(peer);
}

/* Memory that the frontend keeps mapped cannot be freed: it stays part of what the guest may have.
 */
static void test_not_unmapped(void **state)
{
    struct peer *peer = *state;
    const uint64_t half = PEER_WINDOW / 2;
    const uint32_t statuses[] = {VGPU_STATUS_OK, VGPU_STATUS_INVALID, VGPU_STATUS_GRANT};
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        assert_int_equal(peer_create_blob(peer, 1, 1, half), OK);
        for (int again = 0; again < 2; again++) { /* it is lost only once */
            struct peer_request map = peer_send_map(peer, 1, 0);
            while (peer_type(peer, &map) != MAPPED)
                answer(peer, VGPU_STATUS_OK);
            struct peer_request unmap = peer_send_simple(peer, UNMAP, 0, 1);
            check_unmap(peer, 0, (uint32_t)(half / VGPU_PAGE_SIZE));
            answer(peer, statuses[i]);
            assert_int_equal(peer_type(peer, &unmap), OK);
        }
        assert_int_equal(peer_simple(peer, UNREF, 0, 1), OK);
        assert_int_equal(peer_create_blob(peer, 1, 2, PEER_WINDOW - i * half),
                         i < 2 ? OK : INVALID_PARAMETER);
        if (i < 2)
            assert_int_equal(peer_simple(peer, UNREF, 0, 2), OK);
    }
    assert_int_equal(peer_create_blob(peer, 1, 1, 4096), OUT_OF_MEMORY);
}

/* Linux does not wait between create, map, unmap and unref. */
static void test_no_waiting(void **state)
{
    struct peer *peer = *state;
    fake.answer = false;
    struct peer_request create = peer_send_create(peer, 1, 1, 0, 4096);
    struct peer_request map = peer_send_map(peer, 1, 0);
    check_idle(peer);
    struct peer_request unmap = peer_send_simple(peer, UNMAP, 0, 1);
    fake.answer = true;
    say(peer, (struct fake_answer){.kind = FAKE_READY, .id = 1, .blob_size = 4096});
    assert_int_equal(peer_type(peer, &create), OK);
    check_map(peer, 1, 0, 0, 1);
    answer(peer, VGPU_STATUS_OK);
    assert_int_equal(peer_type(peer, &map), MAPPED);
    check_unmap(peer, 0, 1);
    struct peer_request unref = peer_send_simple(peer, UNREF, 0, 1);
    assert_int_equal(peer_type(peer, &unref), 0);
    answer(peer, VGPU_STATUS_OK);
    assert_int_equal(peer_type(peer, &unmap), OK);
    assert_int_equal(peer_type(peer, &unref), OK);
    assert_int_equal(peer_stats(peer).resources, 0);
}

/* Dropped before it exists, while it waits, or while it is mapped. */
static void test_unref_early(void **state)
{
    struct peer *peer = *state;
    for (int error = 0; error >= -EPERM; error--) {
        fake.answer = false;
        struct peer_request create = peer_send_create(peer, 1, 1, 0, 4096);
        struct peer_request map = peer_send_map(peer, 1, 0);
        struct peer_request unref = peer_send_simple(peer, UNREF, 0, 1);
        say(peer,
            (struct fake_answer){.kind = FAKE_READY, .id = 1, .error = error, .blob_size = 4096});
        assert_int_equal(peer_type(peer, &create), error ? UNSPEC : OK);
        assert_int_equal(peer_type(peer, &map), UNSPEC);
        check_idle(peer);
        say(peer, (struct fake_answer){.kind = FAKE_RELEASED, .id = 1});
        assert_int_equal(peer_type(peer, &unref), OK);
        assert_int_equal(peer_stats(peer).resources, 0);
    }
    fake.answer = true;
    assert_int_equal(peer_create_blob(peer, 1, 1, (CHUNK + 1) * 4096ull), OK);
    assert_int_equal(peer_create_blob(peer, 1, 2, 4096), OK);
    struct peer_request map1 = peer_send_map(peer, 1, 4096);
    struct peer_request map2 = peer_send_map(peer, 2, 0);
    struct peer_request unref1 = peer_send_simple(peer, UNREF, 0, 1);
    struct peer_request unref2 = peer_send_simple(peer, UNREF, 0, 2);
    answer(peer, VGPU_STATUS_OK); /* the first part */
    check_unmap(peer, 4096, CHUNK);
    answer(peer, VGPU_STATUS_OK);
    check_idle(peer);
    assert_int_equal(peer_type(peer, &map1), UNSPEC);
    assert_int_equal(peer_type(peer, &map2), UNSPEC);
    assert_int_equal(peer_type(peer, &unref1), OK);
    assert_int_equal(peer_type(peer, &unref2), OK);
    assert_int_equal(peer_stats(peer).window_used, 0);
}

/* The process ends, and with it the references; what is mapped stays until the guest drops it. */
static void test_process_ends(void **state)
{
    struct peer *peer = *state;
    assert_int_equal(peer_create_blob(peer, 1, 1, 4096), OK);
    assert_int_equal(peer_create_blob(peer, 1, 2, (CHUNK + 1) * 4096ull), OK);
    assert_int_equal(peer_create_blob(peer, 1, 3, 4096), OK);
    peer_send_map(peer, 1, 0);
    answer(peer, VGPU_STATUS_OK);
    struct peer_request map2 = peer_send_map(peer, 2, 4096);
    struct peer_request map3 = peer_send_map(peer, 3, 32 << 20);
    fake.answer = false;
    struct peer_request create = peer_send_create(peer, 1, 4, 0, 4096);
    struct peer_request map4 = peer_send_map(peer, 4, 40 << 20);
    fake.answer = true;
    say(peer, (struct fake_answer){.kind = FAKE_ENDED});
    assert_int_equal(peer_type(peer, &create), UNSPEC);
    assert_int_equal(peer_type(peer, &map4), UNSPEC);
    assert_int_equal(peer_type(peer, &map2), 0);
    answer(peer, VGPU_STATUS_OK);
    check_unmap(peer, 4096, CHUNK); /* nothing more of it is mapped */
    answer(peer, VGPU_STATUS_OK);
    assert_int_equal(peer_type(peer, &map2), UNSPEC);
    assert_int_equal(peer_type(peer, &map3), UNSPEC);
    check_idle(peer);
    struct peer_request unref = peer_send_simple(peer, UNREF, 0, 1);
    check_unmap(peer, 0, 1);
    answer(peer, VGPU_STATUS_OK);
    assert_int_equal(peer_type(peer, &unref), OK);
    assert_int_equal(peer_simple(peer, UNREF, 0, 2), OK);
    assert_int_equal(peer_simple(peer, UNREF, 0, 3), OK);
    assert_int_equal(peer_simple(peer, UNREF, 0, 4), INVALID_RESOURCE);
    assert_int_equal(peer_stats(peer).resources, 0);
}

/* Blobs that are not to be mapped have no references; other contexts do not get blobs. */
static void test_not_mappable(void **state)
{
    struct peer *peer = *state;
    const struct virtio_gpu_resource_create_blob command = {
        .hdr = peer_hdr(VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, 1),
        .resource_id = 1,
        .blob_mem = VIRTIO_GPU_BLOB_MEM_HOST3D,
        .blob_flags = VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE,
        .blob_id = 5,
        .size = 4096,
    };
    fake.no_refs = true;
    assert_int_equal(peer_command(peer, &command, sizeof(command)), OK);
    assert_int_equal(peer_map(peer, 1, 0), INVALID_PARAMETER);
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 2, 1), OK);
    assert_int_equal(fake_find(2)->call_count, 0);
    assert_int_equal(peer_simple(peer, UNREF, 0, 1), OK);
    assert_int_equal(fake_find(2)->call_count, 0);
}

/* Nor do they get those that are mapped. */
static void test_attach_mapped(void **state)
{
    struct peer *peer = *state;
    assert_int_equal(peer_create_blob(peer, 1, 1, 4096), OK);
    peer_send_map(peer, 1, 0);
    answer(peer, VGPU_STATUS_OK);
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 2, 1), OK);
    assert_int_equal(fake_find(2)->call_count, 0);
}

/* A frontend that writes answers to nothing, or any. */
static void test_hostile_answers(void **state)
{
    struct peer *peer = *state;
    for (uint32_t i = 0; i < 20; i++) {
        peer->control->blob_response.sequence = i;
        gpu_device_handle_event(peer->device);
    }
    assert_int_equal(peer_create_blob(peer, 1, 1, 4096), OK);
    struct peer_request map = peer_send_map(peer, 1, 0);
    peer->control->blob_response.sequence = 99;
    gpu_device_handle_event(peer->device);
    assert_int_equal(peer_type(peer, &map), 0);
    /* it may rewrite the request, too */
    memset(&peer->control->blob_request.op, 0xff,
           sizeof(peer->control->blob_request) - sizeof(uint32_t));
    answer(peer, VGPU_STATUS_OK);
    assert_int_equal(peer_type(peer, &map), MAPPED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_create),          TEST(test_create_fails),
        TEST(test_quota),           TEST(test_map),
        TEST(test_parts),           TEST(test_refused),
        TEST(test_not_unmapped),    TEST(test_no_waiting),
        TEST(test_unref_early),     TEST(test_process_ends),
        TEST(test_not_mappable),    TEST(test_attach_mapped),
        TEST(test_hostile_answers),
    };
    return cmocka_run_group_tests_name("blob", tests, NULL, NULL);
}
