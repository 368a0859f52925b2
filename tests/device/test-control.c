/* SPDX-License-Identifier: MIT */
/* The control page, resets at any moment, and the limits of one turn. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

static int setup(void **state)
{
    *state = peer_create(&(struct peer_options){0});
    return 0;
}

static int setup_not_started(void **state)
{
    *state = peer_create(&(struct peer_options){.not_started = true});
    return 0;
}

static int teardown(void **state)
{
    peer_destroy(*state);
    return 0;
}

static const uint64_t needed = 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_ACCESS_PLATFORM;
static const struct virtio_gpu_ctrl_hdr display_info = {.type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO};

static int op(struct peer *peer, uint32_t op)
{
    return peer_op(peer, op, 0, 0, 0, 0, 0);
}

static int set_features(struct peer *peer, uint64_t features)
{
    return peer_op(peer, VGPU_OP_SET_FEATURES, 0, 0, features, 0, 0);
}

static int setup_queue(struct peer *peer, uint32_t index, uint32_t size, const uint64_t address[3])
{
    return peer_op(peer, VGPU_OP_SETUP_QUEUE, index, size, address[0], address[1], address[2]);
}

/* ---- the device part ---- */

static void test_info(void **state)
{
    struct peer *peer = *state;
    const struct vgpu_device_info *info = &peer->control->device;
    assert_int_equal(info->magic, VGPU_MAGIC);
    assert_int_equal(info->version, VGPU_PROTOCOL_VERSION);
    assert_int_equal(info->num_queues, 2);
    assert_int_equal(info->queue_size, GPU_QUEUE_SIZE);
    assert_int_equal(info->config_size, sizeof(struct virtio_gpu_config));
    assert_int_equal(info->config_generation, 0);
    assert_int_equal(info->status, 0);
    assert_true(info->features ==
                (needed | 1ull << VIRTIO_RING_F_INDIRECT_DESC | 1ull << VIRTIO_RING_F_EVENT_IDX |
                 1ull << VIRTIO_GPU_F_VIRGL | 1ull << VIRTIO_GPU_F_RESOURCE_UUID |
                 1ull << VIRTIO_GPU_F_RESOURCE_BLOB | 1ull << VIRTIO_GPU_F_CONTEXT_INIT));
    const struct virtio_gpu_config *config = (const void *)peer->control->config;
    assert_int_equal(config->num_scanouts, 0);
    assert_int_equal(config->num_capsets, 1);
    assert_int_equal(peer->control->response.sequence, 0);
    assert_false(peer_stats(peer).started);
}

static void test_no_venus(void **state)
{
    (void)state;
    struct peer *peer = peer_create(&(struct peer_options){.no_venus = true});
    const struct virtio_gpu_config *config = (const void *)peer->control->config;
    assert_int_equal(config->num_capsets, 0);
    assert_int_equal(peer->control->device.features & 0xffff, 0);
    assert_int_equal(peer_command(peer, &display_info, 24), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    /* what was not offered is not there */
    assert_int_equal(peer_ctx_create(peer, 1), VIRTIO_GPU_RESP_ERR_UNSPEC);
    assert_int_equal(peer_create_blob(peer, 1, 1, 4096), VIRTIO_GPU_RESP_ERR_UNSPEC);
    assert_int_equal(fake.created, 0);
    peer_destroy(peer);
}

/* A backend that comes after another one answers nothing that is not meant for it. */
static void test_left_over_page(void **state)
{
    (void)state;
    const struct transport_local_params local = {
        .pages = 32, .pool_pages = 8, .window_size = 2 << 20};
    struct transport_local *transport = transport_local_create(&local);
    struct vgpu_control *control = (void *)(transport->guest + VGPU_PAGE_SIZE);
    memset(control, 0xa5, sizeof(*control));
    const struct gpu_device_params params = {
        .transport = &transport->transport, .venus = true, .max_contexts = 1, .epoll_fd = -1};
    struct gpu_device *device = gpu_device_create(&params);
    assert_non_null(device);
    assert_int_equal(control->response.sequence, 0);
    assert_int_equal(control->blob_request.sequence, 0);
    assert_int_equal(control->device.status, 0);
    gpu_device_handle_event(device);
    assert_int_equal(control->response.sequence, 0);
    control->request.op = VGPU_OP_RESET;
    control->request.sequence++;
    gpu_device_handle_event(device);
    assert_int_equal(control->response.sequence, control->request.sequence);
    assert_int_equal(control->response.status, VGPU_STATUS_OK);
    gpu_device_destroy(device);
    transport_local_destroy(transport);
}

static void test_unusable_transport(void **state)
{
    (void)state;
    const struct transport_local_params local = {
        .pages = 32, .pool_pages = 8, .window_size = 2 << 20};
    struct transport_local *transport = transport_local_create(&local);
    struct gpu_device_params params = {
        .transport = &transport->transport, .venus = true, .max_contexts = 1, .epoll_fd = -1};
    params.per_blob = true;
    assert_null(gpu_device_create(&params)); /* no list of references */
    params.per_blob = false;
    transport->transport.window_size *= 2;
    assert_null(gpu_device_create(&params));
    transport->transport.window_size /= 2;
    transport->transport.control.size = 100;
    assert_null(gpu_device_create(&params));
    transport->transport.control.size = VGPU_PAGE_SIZE;
    gpu_device_destroy(NULL);
    transport_local_destroy(transport);
    transport_local_destroy(NULL);
}

/* ---- the order of requests ---- */

static void test_order(void **state)
{
    struct peer *peer = *state;
    peer_queue_layout(peer, 0, 16);
    const uint64_t *address = peer->queues[0].address;
    assert_int_equal(setup_queue(peer, 0, 16, address), VGPU_STATUS_STATE);
    assert_int_equal(op(peer, VGPU_OP_START), VGPU_STATUS_STATE);
    assert_int_equal(op(peer, 0), VGPU_STATUS_INVALID);
    assert_int_equal(op(peer, 6), VGPU_STATUS_INVALID);

    assert_int_equal(set_features(peer, 0), VGPU_STATUS_INVALID);
    assert_int_equal(set_features(peer, 1ull << VIRTIO_F_VERSION_1), VGPU_STATUS_INVALID);
    assert_int_equal(set_features(peer, needed | 1ull << VIRTIO_GPU_F_EDID), VGPU_STATUS_INVALID);
    assert_int_equal(set_features(peer, needed | 1ull << 63), VGPU_STATUS_INVALID);
    assert_int_equal(set_features(peer, needed), VGPU_STATUS_OK);
    assert_int_equal(set_features(peer, needed), VGPU_STATUS_STATE);

    assert_int_equal(setup_queue(peer, 2, 16, address), VGPU_STATUS_INVALID);
    assert_int_equal(setup_queue(peer, 0, 0, address), VGPU_STATUS_INVALID);
    assert_int_equal(setup_queue(peer, 0, 15, address), VGPU_STATUS_INVALID);
    assert_int_equal(setup_queue(peer, 0, 2 * GPU_QUEUE_SIZE, address), VGPU_STATUS_INVALID);
    assert_int_equal(setup_queue(peer, 0, 0x80000000u, address), VGPU_STATUS_INVALID);
    assert_int_equal(setup_queue(peer, 0, 16, address), VGPU_STATUS_OK);
    assert_int_equal(setup_queue(peer, 0, 16, address), VGPU_STATUS_STATE);

    /* Nothing is processed before START. */
    struct peer_request request = peer_send(peer, &display_info, 24, 408);
    assert_int_equal(peer_type(peer, &request), 0);
    assert_int_equal(op(peer, VGPU_OP_START), VGPU_STATUS_OK);
    assert_int_equal(peer_type(peer, &request), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    assert_int_equal(op(peer, VGPU_OP_START), VGPU_STATUS_STATE);
    assert_int_equal(set_features(peer, needed), VGPU_STATUS_STATE);
    assert_int_equal(setup_queue(peer, 1, 16, address), VGPU_STATUS_STATE);
    assert_true(peer_stats(peer).started);

    assert_int_equal(op(peer, VGPU_OP_RESET), VGPU_STATUS_OK);
    assert_false(peer_stats(peer).started);
    assert_int_equal(op(peer, VGPU_OP_START), VGPU_STATUS_STATE);
    assert_int_equal(set_features(peer, needed), VGPU_STATUS_OK);
}

/* Only a new number is a request. */
static void test_same_sequence(void **state)
{
    struct peer *peer = *state;
    assert_int_equal(set_features(peer, needed), VGPU_STATUS_OK);
    peer->control->response.status = 77;
    const uint32_t before = peer->local->notifications;
    gpu_device_handle_event(peer->device);
    assert_int_equal(peer->control->response.status, 77);
    assert_int_equal(peer->local->notifications, before);
    /* any other number is one, also an older one */
    peer->sequence = 0x80000000u;
    assert_int_equal(set_features(peer, needed), VGPU_STATUS_STATE);
    peer->sequence = UINT32_MAX;
    assert_int_equal(set_features(peer, needed), VGPU_STATUS_STATE);
}

static void test_queue_addresses(void **state)
{
    struct peer *peer = *state;
    assert_int_equal(set_features(peer, needed), VGPU_STATUS_OK);
    peer_queue_layout(peer, 0, 16);
    const uint64_t *good = peer->queues[0].address;
    const uint64_t other[3] = {peer_other(peer, 1), peer_other(peer, 4) - 20,
                               peer_other(peer, 8) - 4};
    const uint64_t alignment[3] = {8, 1, 2};
    for (int i = 0; i < 3; i++) {
        uint64_t bad[3] = {good[0], good[1], good[2]};
        bad[i] = good[i] + alignment[i];
        assert_int_equal(setup_queue(peer, 0, 16, bad), VGPU_STATUS_INVALID);
        bad[i] = good[i] & ~VGPU_ADDRESS_GRANT;
        assert_int_equal(setup_queue(peer, 0, 16, bad), VGPU_STATUS_INVALID);
        bad[i] = good[i] | 1ull << 50;
        assert_int_equal(setup_queue(peer, 0, 16, bad), VGPU_STATUS_INVALID);
        bad[i] = VGPU_ADDRESS(UINT32_MAX, 4080);
        assert_int_equal(setup_queue(peer, 0, 16, bad), VGPU_STATUS_INVALID);
        bad[i] = VGPU_ADDRESS(0, 0); /* granted to nobody */
        assert_int_equal(setup_queue(peer, 0, 16, bad), VGPU_STATUS_GRANT);
        bad[i] = VGPU_ADDRESS(1u << 20, 0);
        assert_int_equal(setup_queue(peer, 0, 16, bad), VGPU_STATUS_GRANT);
    }
    assert_int_equal(peer->local->maps, 0);

    /* Rings beside the pool are mapped, here two of them across pages. */
    assert_int_equal(setup_queue(peer, 0, 16, other), VGPU_STATUS_OK);
    assert_int_equal(peer->local->maps, 3);
    struct peer_queue *q = &peer->queues[0];
    memcpy(q->address, other, sizeof(other));
    q->desc = peer_at(peer, other[0]);
    q->avail = peer_at(peer, other[1]);
    q->used = peer_at(peer, other[2]);
    assert_int_equal(op(peer, VGPU_OP_START), VGPU_STATUS_OK);
    assert_int_equal(peer_command(peer, &display_info, 24), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    /* and stay mapped whatever the guest revokes */
    memset(peer->local->granted + (other[0] >> 12 & 0xffffff), 0, 8);
    assert_int_equal(peer_command(peer, &display_info, 24), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    assert_int_equal(op(peer, VGPU_OP_RESET), VGPU_STATUS_OK);
    assert_int_equal(peer->local->maps, 0);
}

static void test_config(void **state)
{
    struct peer *peer = *state;
    const uint32_t write = VGPU_OP_WRITE_CONFIG;
    const struct vgpu_device_info *info = &peer->control->device;
    assert_int_equal(peer_op(peer, write, 0, 4, 4, 1, 0), VGPU_STATUS_OK);
    assert_int_equal(info->config_generation, 0); /* no event was there */
    assert_int_equal(peer_op(peer, write, 0, 4, 0, 1, 0), VGPU_STATUS_INVALID);
    assert_int_equal(peer_op(peer, write, 0, 4, 8, 1, 0), VGPU_STATUS_INVALID);
    assert_int_equal(peer_op(peer, write, 0, 1, 4, 1, 0), VGPU_STATUS_INVALID);
    assert_int_equal(peer_op(peer, write, 0, 8, 4, 1, 0), VGPU_STATUS_INVALID);
    assert_int_equal(peer_op(peer, write, 0, 4, UINT64_MAX, 1, 0), VGPU_STATUS_INVALID);
}

/* What the guest writes into our part of the page is nothing to us. */
static void test_hostile_page(void **state)
{
    struct peer *peer = *state;
    peer_ctx_create(peer, 1);
    struct vgpu_request request = peer->control->request;
    for (int byte = 0; byte < 256; byte += 51) {
        memset(peer->control, byte, sizeof(*peer->control));
        peer->control->request = request; /* no new one */
        assert_int_equal(peer_command(peer, &display_info, 24), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
        peer_run(peer);
    }
    assert_int_equal(peer_submit(peer, 1, 7), VIRTIO_GPU_RESP_OK_NODATA);
    /* a request of random numbers */
    uint32_t random = 12345;
    for (int i = 0; i < 2000; i++) {
        uint32_t *words = (uint32_t *)&peer->control->request;
        for (uint32_t w = 0; w < sizeof(request) / 4; w++)
            words[w] = (random = random * 1664525 + 1013904223) >> (i % 24);
        gpu_device_handle_event(peer->device);
        peer_run(peer);
        peer->sequence = words[0];
        assert_true(peer_op_status(peer) >= 0);
    }
}

/* ---- resets ---- */

static void restart(struct peer *peer)
{
    assert_int_equal(peer_op_status(peer), VGPU_STATUS_OK);
    const struct gpu_device_stats stats = peer_stats(peer);
    assert_int_equal(stats.contexts + stats.ending_contexts + stats.resources + stats.releasing, 0);
    assert_int_equal(stats.in_flight, 0);
    assert_int_equal(stats.window_used, 0);
    assert_null(fake.renders);
    peer_start(peer, peer->features);
    assert_int_equal(peer_command(peer, &display_info, 24), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
}

/* A reset is done when the last process that uses the window has ended. */
static void test_reset_waits(void **state)
{
    struct peer *peer = *state;
    peer_ctx_create(peer, 1);
    peer_ctx_create(peer, 2);
    peer_create_blob(peer, 1, 1, 8192);
    assert_int_equal(peer_map(peer, 1, 0), VIRTIO_GPU_RESP_OK_MAP_INFO);
    fake.end = false;
    assert_int_equal(op(peer, VGPU_OP_RESET), -1);
    assert_int_equal(fake_count(fake_find(1), FAKE_KILL), 1);
    assert_int_equal(fake_count(fake_find(2), FAKE_KILL), 1);
    assert_int_equal(peer_stats(peer).window_used, 0);
    fake_say(fake_find(1), (struct fake_answer){.kind = FAKE_ENDED});
    peer_run(peer);
    assert_int_equal(peer_op_status(peer), -1);
    /* What it still says is nothing to anybody. */
    fake_say(fake_find(2), (struct fake_answer){.kind = FAKE_READY, .id = 1});
    fake_say(fake_find(2), (struct fake_answer){.kind = FAKE_RELEASED, .id = 1});
    fake_say(fake_find(2), (struct fake_answer){.kind = FAKE_RETIRED, .id = 1, .fence = 1});
    fake_say(fake_find(2), (struct fake_answer){.kind = FAKE_FAILED});
    peer_run(peer);
    assert_int_equal(peer_op_status(peer), -1);
    fake_say(fake_find(2), (struct fake_answer){.kind = FAKE_ENDED});
    peer_run(peer);
    fake.end = true;
    restart(peer);
    assert_int_equal(peer_stats(peer).resets, 1);
}

/* A frontend that does not wait for its reset any more is heard when that is done. */
static void test_impatient_reset(void **state)
{
    struct peer *peer = *state;
    peer_ctx_create(peer, 1);
    fake.end = false;
    assert_int_equal(op(peer, VGPU_OP_RESET), -1);
    assert_int_equal(op(peer, VGPU_OP_RESET), -1); /* once more: one at a time */
    fake_say(fake_find(1), (struct fake_answer){.kind = FAKE_ENDED});
    peer_run(peer);
    assert_int_equal(peer_stats(peer).resets, 2);
    fake.end = true;
    restart(peer);
    peer_ctx_create(peer, 1);
    fake.end = false;
    assert_int_equal(op(peer, VGPU_OP_RESET), -1);
    assert_int_equal(set_features(peer, needed), -1);
    fake_say(fake_find(1), (struct fake_answer){.kind = FAKE_ENDED});
    peer_run(peer);
    assert_int_equal(peer_op_status(peer), VGPU_STATUS_OK);
    assert_int_equal(op(peer, VGPU_OP_START), VGPU_STATUS_OK);
}

/* The state to reset in: bit by bit. */
static void make_busy(struct peer *peer, uint32_t what)
{
    fake.answer = !(what & 1);
    if (what & 2)
        peer_ctx_create(peer, 1);
    if (what & 4) {
        peer_ctx_create(peer, 2);
        if (fake_find(2))
            fake_find(2)->submit_result = -EAGAIN;
    }
    peer_send_create(peer, 1, 1, 0, 8192);
    peer_send_create(peer, 2, 2, 5, 20 << 20);
    peer_send_map(peer, 1, 0);
    peer_send_map(peer, 2, 1 << 20);
    peer_send_simple(peer, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, 2, 1);
    peer_send_submit(peer, 2, 0, VIRTIO_GPU_FLAG_FENCE, 0, 1);
    peer_send_submit(peer, 1, 0, VIRTIO_GPU_FLAG_FENCE, 0, 2);
    peer_send_submit(peer, 1, 0, VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX, 1, 3);
    peer_send_simple(peer, VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB, 0, 2);
    if (what & 8)
        peer_send_simple(peer, VIRTIO_GPU_CMD_RESOURCE_UNREF, 0, 1);
    if (what & 16)
        peer_ctx_destroy(peer, 2);
    if (what & 32)
        peer_blob_answer(peer, VGPU_STATUS_OK);
    if (what & 64) {
        peer_make_available(peer, 0, 1000);
        peer_kick(peer);
        assert_true(peer_halted(peer));
    }
}

static void test_reset_any_time(void **state)
{
    (void)state;
    for (int per_blob = 0; per_blob < 2; per_blob++) {
        struct peer *peer = peer_create(&(struct peer_options){.per_blob = per_blob});
        for (uint32_t what = 0; what < 128; what++) {
            make_busy(peer, what);
            fake_reset();
            op(peer, VGPU_OP_RESET);
            peer_run(peer);
            peer->pool_used = 0;
            restart(peer);
        }
        make_busy(peer, 6); /* and destroy it so */
        peer_destroy(peer);
    }
}

/* A request of before a reset is not answered after it. */
static void test_blob_request_void(void **state)
{
    (void)state;
    struct peer *peer = peer_create(&(struct peer_options){.per_blob = true});
    peer_ctx_create(peer, 1);
    peer_create_blob(peer, 1, 1, 8192);
    peer_send_map(peer, 1, 0);
    assert_int_equal(peer->control->blob_request.sequence, 1);
    assert_int_equal(peer->control->blob_request.op, VGPU_BLOB_MAP);
    op(peer, VGPU_OP_RESET);
    peer_run(peer);
    assert_int_equal(peer->control->blob_request.sequence, 1);
    assert_int_equal(peer->control->blob_request.op, 0);
    restart(peer);
    peer_ctx_create(peer, 1);
    peer_create_blob(peer, 1, 1, 4096);
    struct peer_request map = peer_send_map(peer, 1, 0);
    assert_int_equal(peer->control->blob_request.sequence, 2);
    peer->control->blob_response.sequence = 1;
    gpu_device_handle_event(peer->device);
    assert_int_equal(peer_type(peer, &map), 0);
    assert_true(peer_blob_answer(peer, VGPU_STATUS_OK));
    assert_int_equal(peer_type(peer, &map), VIRTIO_GPU_RESP_OK_MAP_INFO);
    peer_destroy(peer);
}

/* ---- turns ---- */

/* More requests than one turn takes, and a guest that never stops. */
static void test_turn(void **state)
{
    struct peer *peer = *state;
    struct peer_request requests[64];
    assert_true(gpu_device_next_time(peer->device) == INT64_MAX);
    for (uint32_t i = 0; i < 64; i++)
        requests[i] = peer_put(peer, 0, &display_info, 24, 408);
    gpu_device_handle_event(peer->device);
    assert_true(gpu_device_next_time(peer->device) == INT64_MAX);
    for (uint32_t i = 0; i < 64; i++)
        assert_int_equal(peer_type(peer, &requests[i]), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
}

static const struct vgpu_transport_ops *local_ops;
static struct peer *endless;

/* A guest that makes a request available with every copy of one. */
static int copy_and_add(struct vgpu_transport *transport, uint32_t ref, uint32_t offset, void *data,
                        size_t size)
{
    peer_make_available(endless, 0, 0);
    return local_ops->copy_from(transport, ref, offset, data, size);
}

static void test_endless(void **state)
{
    struct peer *peer = *state;
    const uint64_t command = peer_other(peer, 1);
    memcpy(peer_at(peer, command), &display_info, 24);
    peer->queues[0].desc[0] = (struct vring_desc){.addr = command, .len = 24};
    peer_make_available(peer, 0, 0);
    local_ops = peer->local->transport.ops;
    struct vgpu_transport_ops ops = *local_ops;
    ops.copy_from = copy_and_add;
    peer->local->transport.ops = &ops;
    endless = peer;
    gpu_device_handle_event(peer->device);
    assert_int_equal(peer_stats(peer).requests[0], GPU_REQUESTS_PER_TURN);
    assert_true(gpu_device_next_time(peer->device) == 0);
    gpu_device_handle_times(peer->device);
    assert_int_equal(peer_stats(peer).requests[0], 2 * GPU_REQUESTS_PER_TURN);
    peer->local->transport.ops = local_ops;
    peer_run(peer);
    assert_int_equal(peer_stats(peer).requests[0], 2 * GPU_REQUESTS_PER_TURN + 1);
    assert_true(gpu_device_next_time(peer->device) == INT64_MAX);
}

static void make_and_kick(struct peer *peer, uint16_t head)
{
    peer_make_available(peer, 0, head);
    peer_kick(peer);
}

/* Requests in flight do not take more memory than they may. */
static void test_pending_memory(void **state)
{
    struct peer *peer = *state;
    struct peer_queue *q = &peer->queues[0];
    uint64_t command;
    peer_ctx_create(peer, 1);
    fake_find(1)->submit_result = -EAGAIN;
    struct virtio_gpu_cmd_submit *submit = peer_alloc(peer, GPU_MAX_REQUEST, &command);
    submit->hdr = peer_hdr(VIRTIO_GPU_CMD_SUBMIT_3D, 1);
    submit->size = 4;
    for (uint16_t i = 0; i < 20; i++) {
        q->desc[i] = (struct vring_desc){.addr = command, .len = GPU_MAX_REQUEST};
        peer_make_available(peer, 0, i);
    }
    peer_kick(peer);
    /* 15 do fit in, and one more was begun. */
    assert_int_equal(peer_stats(peer).in_flight, GPU_MAX_PENDING / GPU_MAX_REQUEST);
    assert_true(gpu_device_next_time(peer->device) > 0);
    fake_find(1)->submit_result = 0;
    gpu_device_dispatch(peer->device, fake_find(1)->params.epoll_data);
    assert_true(gpu_device_next_time(peer->device) == 0);
    peer_run(peer);
    assert_int_equal(peer_stats(peer).in_flight, 0);
    assert_int_equal(fake_count(fake_find(1), FAKE_SUBMIT), 20);

    /* Those that only wait for their fence do not count. */
    fake.answer = false;
    submit->hdr.flags = VIRTIO_GPU_FLAG_FENCE;
    for (uint16_t i = 0; i < 20; i++)
        make_and_kick(peer, i);
    assert_int_equal(peer_stats(peer).in_flight, 20);
    assert_int_equal(fake_count(fake_find(1), FAKE_SUBMIT), 40);
}

#define TEST(f)             cmocka_unit_test_setup_teardown(f, setup, teardown)
#define TEST_NOT_STARTED(f) cmocka_unit_test_setup_teardown(f, setup_not_started, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_NOT_STARTED(test_info),
        cmocka_unit_test(test_no_venus),
        cmocka_unit_test(test_left_over_page),
        cmocka_unit_test(test_unusable_transport),
        TEST_NOT_STARTED(test_order),
        TEST_NOT_STARTED(test_same_sequence),
        TEST_NOT_STARTED(test_queue_addresses),
        TEST(test_config),
        TEST(test_hostile_page),
        TEST(test_reset_waits),
        TEST(test_impatient_reset),
        cmocka_unit_test(test_reset_any_time),
        cmocka_unit_test(test_blob_request_void),
        TEST(test_turn),
        TEST(test_endless),
        TEST(test_pending_memory),
    };
    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
