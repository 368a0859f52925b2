/* SPDX-License-Identifier: MIT */
/* Whatever allocation fails: everybody gets an answer, and nothing is lost. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

/* ---- allocations that fail ---- */

static int fail_at = -1; /* the so many-th from now */

static bool fails(void)
{
    if (fail_at < 0 || fail_at-- > 0)
        return false;
    errno = ENOMEM;
    return true;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

/* ---- a guest's life ---- */

#define REQUESTS 12

static void live(struct peer *peer, struct peer_request requests[REQUESTS])
{
    const struct {
        struct virtio_gpu_resource_create_blob create;
        struct virtio_gpu_mem_entry entry;
    } guest = {
        .create = {.hdr = peer_hdr(VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, 0),
                   .resource_id = 3,
                   .blob_mem = VIRTIO_GPU_BLOB_MEM_GUEST,
                   .nr_entries = 1,
                   .size = 4096},
        .entry = {.addr = peer_other(peer, 0), .length = 4096},
    };
    peer_ctx_create(peer, 1);
    peer_ctx_create(peer, 2);
    requests[0] = peer_send_create(peer, 1, 1, 0, 8192);
    requests[1] = peer_send_create(peer, 1, 2, 7, 4096);
    requests[2] = peer_send_map(peer, 1, 0);
    requests[3] = peer_send_simple(peer, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, 2, 1);
    requests[4] = peer_send_submit(peer, 1, 0, VIRTIO_GPU_FLAG_FENCE, 0, 1);
    requests[5] =
        peer_send_submit(peer, 2, 0, VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX, 1, 2);
    requests[6] = peer_send_map(peer, 2, 8192);
    while (peer_blob_answer(peer, VGPU_STATUS_OK))
        peer_run(peer);
    requests[7] = peer_send(peer, &guest, sizeof(guest), 24);
    requests[8] = peer_send_simple(peer, VIRTIO_GPU_CMD_RESOURCE_UNREF, 0, 3);
    requests[9] = peer_send_simple(peer, VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB, 0, 2);
    requests[10] = peer_send_simple(peer, VIRTIO_GPU_CMD_RESOURCE_UNREF, 0, 1);
    requests[11] = peer_send_simple(peer, VIRTIO_GPU_CMD_RESOURCE_UNREF, 0, 2);
}

static void settle(struct peer *peer)
{
    const int64_t start = peer_time_ms;
    fail_at = -1;
    peer_time_ms += 200; /* what was put off is tried again */
    peer_run(peer);
    while (peer_blob_answer(peer, VGPU_STATUS_OK))
        peer_run(peer);
    peer_time_ms = start;
}

static void check_life(bool per_blob)
{
    bool failed = true;
    for (int n = 0; failed; n++) {
        struct peer *peer = peer_create(&(struct peer_options){.per_blob = per_blob});
        struct peer_request requests[REQUESTS];
        fail_at = n;
        live(peer, requests);
        failed = fail_at < 0;
        settle(peer);
        for (int i = 0; i < REQUESTS; i++) {
            if (!peer_type(peer, &requests[i]))
                fail_msg("request %d is not answered when allocation %d fails", i, n);
        }
        assert_int_equal(peer_stats(peer).in_flight, 0);
        assert_int_equal(peer_stats(peer).releasing, 0);
        assert_false(peer_halted(peer));
        /* with memory all is well */
        peer_op(peer, VGPU_OP_RESET, 0, 0, 0, 0, 0);
        peer_run(peer);
        peer_start(peer, peer->features);
        live(peer, requests);
        settle(peer);
        for (int i = 0; i < REQUESTS; i++) {
            if (peer_type(peer, &requests[i]) >= VIRTIO_GPU_RESP_ERR_UNSPEC)
                fail_msg("request %d fails after allocation %d has failed", i, n);
        }
        assert_int_equal(peer_stats(peer).resources, 0);
        peer_destroy(peer);
        assert_true(n < 200);
    }
}

static void test_window(void **state)
{
    (void)state;
    check_life(false);
}

static void test_per_blob(void **state)
{
    (void)state;
    check_life(true);
}

static void test_create(void **state)
{
    (void)state;
    const struct transport_local_params local = {
        .pages = 32, .pool_pages = 8, .window_size = 2 << 20};
    struct transport_local *transport = transport_local_create(&local);
    const struct gpu_device_params params = {
        .transport = &transport->transport, .venus = true, .max_contexts = 1, .epoll_fd = -1};
    for (int n = 0; n < 3; n++) { /* itself and two sets of pages */
        fail_at = n;
        assert_null(gpu_device_create(&params));
    }
    fail_at = 3;
    struct gpu_device *device = gpu_device_create(&params);
    assert_non_null(device);
    assert_int_equal(fail_at, 0);
    fail_at = -1;
    gpu_device_destroy(device);
    for (int n = 0; n < 2; n++) {
        fail_at = n;
        assert_null(transport_local_create(&local));
        assert_int_equal(errno, ENOMEM);
    }
    fail_at = -1;
    transport_local_destroy(transport);
}

static void test_queue(void **state)
{
    (void)state;
    struct peer *peer = peer_create(&(struct peer_options){.not_started = true});
    const uint64_t features = 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_ACCESS_PLATFORM;
    assert_int_equal(peer_op(peer, VGPU_OP_SET_FEATURES, 0, 0, features, 0, 0), VGPU_STATUS_OK);
    peer_queue_layout(peer, 0, 16);
    const uint64_t *address = peer->queues[0].address;
    for (int n = 0; n < 4; n++) {
        fail_at = n;
        assert_int_equal(
            peer_op(peer, VGPU_OP_SETUP_QUEUE, 0, 16, address[0], address[1], address[2]),
            n < 3 ? VGPU_STATUS_NO_MEMORY : VGPU_STATUS_OK);
    }
    fail_at = -1;
    peer_destroy(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_per_blob),
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_queue),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
