/* SPDX-License-Identifier: MIT */
/* Virtqueues: what a driver may do, and everything that it must not. */
#include <stdlib.h>
#include <string.h>

#include "peer.h"

static int setup(void **state)
{
    *state = peer_create(&(struct peer_options){0});
    return 0;
}

static int setup_plain(void **state)
{
    *state = peer_create(&(struct peer_options){.no_event_index = true, .no_indirect = true});
    return 0;
}

static int teardown(void **state)
{
    peer_destroy(*state);
    return 0;
}

static const struct virtio_gpu_ctrl_hdr display_info = {.type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO};

static uint32_t ask(struct peer *peer)
{
    return peer_command(peer, &display_info, sizeof(display_info));
}

/* ---- what works ---- */

static void test_many_rounds(void **state)
{
    struct peer *peer = *state;
    for (int i = 0; i < 70000; i++) /* the indexes wrap */
        assert_int_equal(ask(peer), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    assert_int_equal(peer->queues[0].used[1], (uint16_t)70000);
    assert_int_equal(peer_stats(peer).requests[0], 70000);
    assert_int_equal(peer_stats(peer).in_flight, 0);
}

static void test_full_queue(void **state)
{
    struct peer *peer = *state;
    struct peer_request requests[64];
    const uint32_t n = peer->features & 1ull << VIRTIO_RING_F_INDIRECT_DESC ? 64 : 32;
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < n; i++)
            requests[i] = peer_put(peer, 0, &display_info, sizeof(display_info), 408);
        peer_kick(peer);
        for (uint32_t i = 0; i < n; i++) {
            assert_int_equal(peer_type(peer, &requests[i]), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
            assert_int_equal(requests[i].written, 408);
        }
    }
}

/* A chain of single bytes, the response in parts. */
static void test_scattered(void **state)
{
    struct peer *peer = *state;
    struct peer_queue *q = &peer->queues[0];
    const uint8_t *bytes = (const uint8_t *)&display_info;
    uint64_t response;
    uint8_t *at = peer_alloc(peer, 408, &response);
    for (uint32_t i = 0; i < 24; i++) {
        uint64_t address;
        *(uint8_t *)peer_alloc(peer, 1, &address) = bytes[i];
        q->desc[i] = (struct vring_desc){
            .addr = address, .len = 1, .flags = VRING_DESC_F_NEXT, .next = (uint16_t)(i + 1)};
    }
    for (uint32_t i = 24; i < 28; i++)
        q->desc[i] =
            (struct vring_desc){.addr = response + (i - 24) * 102,
                                .len = 102,
                                .flags = VRING_DESC_F_WRITE | (i < 27 ? VRING_DESC_F_NEXT : 0),
                                .next = (uint16_t)(i + 1)};
    peer_make_available(peer, 0, 0);
    peer_kick(peer);
    assert_int_equal(*(uint32_t *)at, VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    const struct vring_used_elem *used = (const void *)(q->used + 2);
    assert_int_equal(used->len, 408);
}

/* Direct descriptors, then an indirect one. */
static void test_direct_then_indirect(void **state)
{
    struct peer *peer = *state;
    struct peer_queue *q = &peer->queues[0];
    uint64_t command, table, response;
    memcpy(peer_alloc(peer, 24, &command), &display_info, 24);
    struct vring_desc *inner = peer_alloc(peer, 16, &table);
    uint32_t *type = peer_alloc(peer, 408, &response);
    *inner = (struct vring_desc){.addr = response, .len = 408, .flags = VRING_DESC_F_WRITE};
    q->desc[5] =
        (struct vring_desc){.addr = command, .len = 24, .flags = VRING_DESC_F_NEXT, .next = 9};
    /* WRITE says nothing about the table */
    q->desc[9] = (struct vring_desc){
        .addr = table, .len = 16, .flags = VRING_DESC_F_INDIRECT | VRING_DESC_F_WRITE};
    peer_make_available(peer, 0, 5);
    peer_kick(peer);
    assert_int_equal(*type, VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
}

/* Readable, writable and the table at the same place: what was read stays what it is. */
static void test_overlap(void **state)
{
    struct peer *peer = *state;
    struct peer_queue *q = &peer->queues[0];
    uint64_t address;
    uint8_t *memory = peer_alloc(peer, 512, &address);
    memcpy(memory, &display_info, 24);
    q->desc[0] =
        (struct vring_desc){.addr = address, .len = 24, .flags = VRING_DESC_F_NEXT, .next = 1};
    q->desc[1] = (struct vring_desc){.addr = address, .len = 408, .flags = VRING_DESC_F_WRITE};
    peer_make_available(peer, 0, 0);
    peer_kick(peer);
    assert_int_equal(*(uint32_t *)memory, VIRTIO_GPU_RESP_OK_DISPLAY_INFO);

    /* A response over the descriptor table: the driver's own loss. */
    memcpy(memory, &display_info, 24);
    q->desc[1].addr = q->address[0];
    peer_make_available(peer, 0, 0);
    peer_kick(peer);
    assert_int_equal(*(uint32_t *)q->desc, VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    assert_false(peer_halted(peer));
}

/* Buffers across pages that are not in the pool go through copies. */
static void test_other_memory(void **state)
{
    struct peer *peer = *state;
    struct peer_queue *q = &peer->queues[0];
    const uint64_t command = peer_other(peer, 1) - 10, response = peer_other(peer, 3) - 300;
    memcpy(peer_at(peer, command), &display_info, 24);
    q->desc[0] =
        (struct vring_desc){.addr = command, .len = 24, .flags = VRING_DESC_F_NEXT, .next = 1};
    q->desc[1] = (struct vring_desc){.addr = response, .len = 408, .flags = VRING_DESC_F_WRITE};
    peer_make_available(peer, 0, 0);
    peer_kick(peer);
    assert_int_equal(*(uint32_t *)peer_at(peer, response), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);

    /* It may end half-way in the pool. */
    const uint64_t pool_end = VGPU_ADDRESS(peer->local->transport.pool_ref + PEER_POOL_PAGES, 0);
    memcpy(peer_at(peer, pool_end - 12), &display_info, 24);
    q->desc[0].addr = pool_end - 12;
    *(uint32_t *)peer_at(peer, response) = 0;
    peer_make_available(peer, 0, 0);
    peer_kick(peer);
    assert_int_equal(*(uint32_t *)peer_at(peer, response), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
}

/* Memory that the guest has not granted costs it the answer, no more. */
static void test_revoked(void **state)
{
    struct peer *peer = *state;
    struct peer_queue *q = &peer->queues[0];
    uint64_t response;
    uint32_t *type = peer_alloc(peer, 408, &response);
    const uint64_t command = peer_other(peer, 1);
    memcpy(peer_at(peer, command), &display_info, 24);
    q->desc[0] =
        (struct vring_desc){.addr = command, .len = 24, .flags = VRING_DESC_F_NEXT, .next = 1};
    q->desc[1] = (struct vring_desc){.addr = response, .len = 408, .flags = VRING_DESC_F_WRITE};
    peer->local->granted[VGPU_ADDRESS_REF(command)] = false;
    peer_make_available(peer, 0, 0);
    peer_kick(peer);
    assert_int_equal(*type, VIRTIO_GPU_RESP_ERR_UNSPEC);

    peer->local->granted[VGPU_ADDRESS_REF(command)] = true;
    q->desc[1].addr = peer_other(peer, 2);
    peer->local->granted[VGPU_ADDRESS_REF(q->desc[1].addr)] = false;
    peer_make_available(peer, 0, 0);
    peer_kick(peer);
    const struct vring_used_elem *used = (const void *)(q->used + 2);
    assert_int_equal(q->used[1], 2);
    assert_int_equal(used[1].len, 0);
    assert_int_equal(*(uint32_t *)peer_at(peer, q->desc[1].addr), 0);
    assert_false(peer_halted(peer));
    assert_int_equal(ask(peer), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
}

/* ---- notifications ---- */

static void test_event_index(void **state)
{
    struct peer *peer = *state;
    struct peer_queue *q = &peer->queues[0];
    uint16_t *event = q->avail + 2 + q->size;
    const uint16_t *kick_at = q->used + 2 + 4 * q->size;
    assert_int_equal(*kick_at, 0);
    for (uint32_t i = 0; i < 8; i++) {
        *event = 3;
        const uint32_t before = peer->local->notifications;
        ask(peer);
        assert_int_equal(peer->local->notifications - before, i == 3);
        assert_int_equal(*kick_at, i + 1);
    }
    /* Several at once: one notification if the event lies among them. */
    for (int i = 0; i < 4; i++)
        peer_put(peer, 0, &display_info, 24, 408);
    *event = 10;
    uint32_t before = peer->local->notifications;
    peer_kick(peer);
    assert_int_equal(peer->local->notifications - before, 1);
    assert_int_equal(peer_stats(peer).notifications, peer->local->notifications);
    before = peer->local->notifications;
    gpu_device_handle_event(peer->device); /* nothing new, nothing to say */
    assert_int_equal(peer->local->notifications, before);
}

static void test_no_interrupt(void **state)
{
    struct peer *peer = *state;
    struct peer_queue *q = &peer->queues[0];
    uint32_t before = peer->local->notifications;
    ask(peer);
    assert_int_equal(peer->local->notifications - before, 1);
    q->avail[0] = VRING_AVAIL_F_NO_INTERRUPT;
    before = peer->local->notifications;
    ask(peer);
    assert_int_equal(peer->local->notifications, before);
    /* without event indexes nothing is written there */
    assert_int_equal(q->used[2 + 4 * q->size], 0);
}

/* ---- limits ---- */

/* Send `size` bytes of a command in a table of `count` readable segments and one for the response.
 */
static uint32_t send_large(struct peer *peer, uint32_t type, uint32_t size, uint32_t count)
{
    struct peer_queue *q = &peer->queues[0];
    uint64_t table_at, command, response;
    struct vring_desc *table = peer_alloc(peer, (count + 1) * sizeof(*table), &table_at);
    struct virtio_gpu_ctrl_hdr *hdr = peer_alloc(peer, size, &command);
    uint32_t *answer = peer_alloc(peer, 408, &response);
    const uint32_t part = size / count;
    hdr->type = type;
    for (uint32_t i = 0; i < count; i++)
        table[i] = (struct vring_desc){.addr = command + i * part,
                                       .len = i + 1 < count ? part : size - i * part,
                                       .flags = VRING_DESC_F_NEXT,
                                       .next = (uint16_t)(i + 1)};
    table[count] = (struct vring_desc){.addr = response, .len = 408, .flags = VRING_DESC_F_WRITE};
    q->desc[0] = (struct vring_desc){.addr = table_at,
                                     .len = (count + 1) * (uint32_t)sizeof(*table),
                                     .flags = VRING_DESC_F_INDIRECT};
    peer_make_available(peer, 0, 0);
    peer_kick(peer);
    return *answer;
}

static void test_large(void **state)
{
    struct peer *peer = *state;
    const uint32_t info = VIRTIO_GPU_CMD_GET_DISPLAY_INFO;
    const uint32_t ok = VIRTIO_GPU_RESP_OK_DISPLAY_INFO;
    assert_int_equal(send_large(peer, info, GPU_MAX_REQUEST, 1), ok);
    assert_int_equal(send_large(peer, info, GPU_MAX_REQUEST, 1025), ok);
    assert_int_equal(send_large(peer, info, GPU_MAX_SEGMENTS - 1, GPU_MAX_SEGMENTS - 1), ok);
    assert_int_equal(send_large(peer, info, GPU_MAX_REQUEST + 1, 1),
                     VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
    assert_int_equal(send_large(peer, info, GPU_MAX_REQUEST + 1, 1025),
                     VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
    assert_false(peer_halted(peer));
    assert_int_equal(send_large(peer, info, GPU_MAX_SEGMENTS, GPU_MAX_SEGMENTS), 0);
    assert_true(peer_halted(peer));
}

/* The limit is that of direct and indirect descriptors together. */
static void test_too_many(void **state)
{
    struct peer *peer = *state;
    struct peer_queue *q = &peer->queues[0];
    uint64_t command, table_at;
    memcpy(peer_alloc(peer, 4096, &command), &display_info, sizeof(display_info));
    struct vring_desc *table = peer_alloc(peer, GPU_MAX_SEGMENTS * sizeof(*table), &table_at);
    for (uint32_t i = 0; i < GPU_MAX_SEGMENTS; i++)
        table[i] = (struct vring_desc){.addr = command,
                                       .len = 1,
                                       .flags = i + 1 < GPU_MAX_SEGMENTS ? VRING_DESC_F_NEXT : 0,
                                       .next = (uint16_t)(i + 1)};
    q->desc[0] =
        (struct vring_desc){.addr = command, .len = 24, .flags = VRING_DESC_F_NEXT, .next = 1};
    q->desc[1] = (struct vring_desc){.addr = table_at,
                                     .len = GPU_MAX_SEGMENTS * (uint32_t)sizeof(*table),
                                     .flags = VRING_DESC_F_INDIRECT};
    peer_make_available(peer, 0, 1);
    peer_kick(peer);
    assert_false(peer_halted(peer));
    assert_int_equal(q->used[1], 1);
    peer_make_available(peer, 0, 0);
    peer_kick(peer);
    assert_true(peer_halted(peer));
}

/* Sizes of 4 GiB each are only sums. */
static void test_huge_lengths(void **state)
{
    struct peer *peer = *state;
    struct peer_queue *q = &peer->queues[0];
    uint64_t address, response;
    memcpy(peer_alloc(peer, 24, &address), &display_info, 24);
    uint32_t *type = peer_alloc(peer, 408, &response);
    q->desc[0] = (struct vring_desc){
        .addr = address, .len = UINT32_MAX, .flags = VRING_DESC_F_NEXT, .next = 1};
    q->desc[1] = q->desc[0];
    q->desc[1].next = 2;
    q->desc[2] =
        (struct vring_desc){.addr = response, .len = UINT32_MAX, .flags = VRING_DESC_F_WRITE};
    peer_make_available(peer, 0, 0);
    peer_kick(peer);
    assert_int_equal(*type, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
    assert_false(peer_halted(peer));
}

/* No room for the response, or for less than it has. */
static void test_no_room(void **state)
{
    struct peer *peer = *state;
    struct peer_request request = peer_send(peer, &display_info, 24, 0);
    assert_true(peer_poll(peer, &request));
    assert_int_equal(request.written, 0);
    request = peer_send(peer, &display_info, 24, 20);
    assert_int_equal(peer->queues[0].used[1], 2);
    assert_int_equal(*(uint32_t *)request.response, 0);
    request = peer_send(peer, &display_info, 24, 407);
    assert_int_equal(peer_type(peer, &request), VIRTIO_GPU_RESP_ERR_UNSPEC);
    assert_int_equal(request.written, 24);
    request = peer_send(peer, &display_info, 24, 408);
    assert_int_equal(peer_type(peer, &request), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
}

/* A request that has nothing to read. */
static void test_nothing_to_read(void **state)
{
    struct peer *peer = *state;
    struct peer_request request = peer_send(peer, NULL, 0, 408);
    assert_int_equal(peer_type(peer, &request), VIRTIO_GPU_RESP_ERR_UNSPEC);
    request = peer_send(peer, &display_info, 23, 408);
    assert_int_equal(peer_type(peer, &request), VIRTIO_GPU_RESP_ERR_UNSPEC);
    assert_int_equal(peer_stats(peer).requests[GPU_REQUEST_KINDS - 1], 2);
}

/* ---- broken rules ---- */

enum broken {
    AVAILABLE_JUMP,
    HEAD_OUTSIDE,
    NEXT_OUTSIDE,
    LOOP,
    LOOP_INDIRECT,
    NO_BYTES,
    NO_GRANT,
    RESERVED_BITS,
    END_OF_SPACE,
    WRITABLE_FIRST,
    NESTED,
    INDIRECT_NEXT,
    TABLE_EMPTY,
    TABLE_ODD,
    TABLE_LONG,
    TABLE_REVOKED,
    TABLE_NO_GRANT,
    NEXT_OUTSIDE_TABLE,
    TWICE,
    BROKEN_COUNT,
};

static void break_rule(struct peer *peer, enum broken broken)
{
    struct peer_queue *q = &peer->queues[0];
    uint64_t command, table_at, response;
    memcpy(peer_alloc(peer, 24, &command), &display_info, 24);
    peer_alloc(peer, 408, &response);
    struct vring_desc *table = peer_alloc(peer, 64 * sizeof(*table), &table_at);
    struct vring_desc *d = q->desc;
    uint16_t head = 0;
    const struct vring_desc in = {
        .addr = command, .len = 24, .flags = VRING_DESC_F_NEXT, .next = 1};
    const struct vring_desc out = {.addr = response, .len = 408, .flags = VRING_DESC_F_WRITE};
    const struct vring_desc indirect = {
        .addr = table_at, .len = 2 * sizeof(*table), .flags = VRING_DESC_F_INDIRECT};
    d[0] = table[0] = in;
    d[1] = table[1] = out;
    d[2] = indirect;
    switch (broken) {
    case AVAILABLE_JUMP:
        q->next_avail = (uint16_t)(q->next_avail + q->size);
        break;
    case HEAD_OUTSIDE:
        head = (uint16_t)q->size;
        break;
    case NEXT_OUTSIDE:
        d[0].next = (uint16_t)q->size;
        break;
    case LOOP:
        d[0].next = 0;
        break;
    case LOOP_INDIRECT:
        head = 2;
        table[0].next = 0;
        break;
    case NO_BYTES:
        d[1].len = 0;
        break;
    case NO_GRANT:
        d[1].addr &= ~VGPU_ADDRESS_GRANT;
        break;
    case RESERVED_BITS:
        d[0].addr |= 1ull << 44;
        break;
    case END_OF_SPACE:
        d[0].addr = VGPU_ADDRESS(UINT32_MAX, 4095 - 22);
        break;
    case WRITABLE_FIRST:
        d[0].flags |= VRING_DESC_F_WRITE;
        d[1].flags = 0;
        break;
    case NESTED:
        head = 2;
        table[1] = indirect;
        break;
    case INDIRECT_NEXT:
        head = 2;
        d[2].flags |= VRING_DESC_F_NEXT;
        d[2].next = 1;
        break;
    case TABLE_EMPTY:
        head = 2;
        d[2].len = 0;
        break;
    case TABLE_ODD:
        head = 2;
        d[2].len = 2 * sizeof(*table) + 1;
        break;
    case TABLE_LONG:
        head = 2;
        d[2].len = (GPU_MAX_SEGMENTS + 1) * sizeof(*table);
        break;
    case TABLE_REVOKED:
        head = 2;
        d[2].addr = peer_other(peer, 0);
        peer->local->granted[VGPU_ADDRESS_REF(d[2].addr)] = false;
        break;
    case TABLE_NO_GRANT:
        head = 2;
        d[2].addr &= ~VGPU_ADDRESS_GRANT;
        break;
    case NEXT_OUTSIDE_TABLE:
        head = 2;
        table[0].next = 2;
        break;
    case TWICE:
    case BROKEN_COUNT:
        break;
    }
    peer_make_available(peer, 0, head);
}

static void test_broken_rules(void **state)
{
    (void)state;
    for (enum broken broken = 0; broken < TWICE; broken++) {
        struct peer *peer = peer_create(&(struct peer_options){0});
        peer_ctx_create(peer, 1);
        break_rule(peer, broken);
        const uint32_t before = peer->local->notifications;
        gpu_device_handle_event(peer->device);
        if (!peer_halted(peer))
            fail_msg("rule %d may be broken", broken);
        assert_int_equal(peer->local->notifications - before, 1);
        assert_int_equal(peer->queues[0].used[1], 1);
        assert_int_equal(peer->local->maps, 0);
        assert_int_equal(fake_count(fake_find(1), FAKE_KILL), 1);
        assert_true(peer_stats(peer).needs_reset);
        /* Nothing is processed but a reset, after which all is well again. */
        assert_int_equal(peer_op(peer, VGPU_OP_START, 0, 0, 0, 0, 0), VGPU_STATUS_STATE);
        assert_int_equal(peer_op(peer, VGPU_OP_SET_FEATURES, 0, 0, 0, 0, 0), VGPU_STATUS_STATE);
        peer_op(peer, VGPU_OP_RESET, 0, 0, 0, 0, 0);
        peer_run(peer);
        assert_int_equal(peer_op_status(peer), VGPU_STATUS_OK);
        assert_false(peer_halted(peer));
        peer_start(peer, peer->features);
        assert_int_equal(ask(peer), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
        peer_destroy(peer);
    }
}

/* A head that is made available again while its request is in flight. */
static void test_twice(void **state)
{
    struct peer *peer = *state;
    peer_ctx_create(peer, 1);
    fake.answer = false;
    struct peer_request request =
        peer_send_submit(peer, 1, 0, VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX, 1, 5);
    assert_int_equal(peer_type(peer, &request), 0);
    assert_int_equal(peer_stats(peer).in_flight, 1);
    peer_make_available(peer, 0, request.head);
    peer_kick(peer);
    assert_true(peer_halted(peer));
    assert_int_equal(peer_stats(peer).in_flight, 0);
}

static void test_indirect_not_negotiated(void **state)
{
    struct peer *peer = *state;
    break_rule(peer, TWICE);
    peer->queues[0].avail[2] = 2;
    peer_kick(peer);
    assert_true(peer_halted(peer));
}

static void test_cursor_queue(void **state)
{
    struct peer *peer = *state;
    const struct virtio_gpu_update_cursor cursor = {.hdr = {.type = VIRTIO_GPU_CMD_MOVE_CURSOR}};
    struct peer_request request = peer_put(peer, 1, &cursor, sizeof(cursor), 0);
    peer_kick(peer);
    assert_int_equal(peer->queues[1].used[1], 1);
    request = peer_put(peer, 1, &cursor, sizeof(cursor), 24);
    peer_kick(peer);
    assert_int_equal(*(uint32_t *)request.response, VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID);
    request = peer_put(peer, 1, &display_info, 24, 408);
    peer_kick(peer);
    assert_int_equal(*(uint32_t *)request.response, VIRTIO_GPU_RESP_ERR_UNSPEC);
    assert_int_equal(peer_command(peer, &cursor, sizeof(cursor)), VIRTIO_GPU_RESP_ERR_UNSPEC);
    /* a broken rule there stops the device, too */
    peer_make_available(peer, 1, 16);
    peer_kick(peer);
    assert_true(peer_halted(peer));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define TEST_PLAIN(f)                                                                              \
    {                                                                                              \
#f " (plain)", f, setup_plain, teardown, NULL                                              \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_many_rounds),
        TEST_PLAIN(test_many_rounds),
        TEST(test_full_queue),
        TEST_PLAIN(test_full_queue),
        TEST(test_scattered),
        TEST(test_direct_then_indirect),
        TEST(test_overlap),
        TEST(test_other_memory),
        TEST(test_revoked),
        TEST(test_event_index),
        TEST_PLAIN(test_no_interrupt),
        TEST(test_large),
        TEST(test_too_many),
        TEST(test_huge_lengths),
        TEST(test_no_room),
        TEST(test_nothing_to_read),
        cmocka_unit_test(test_broken_rules),
        TEST(test_twice),
        TEST_PLAIN(test_indirect_not_negotiated),
        TEST(test_cursor_queue),
    };
    return cmocka_run_group_tests_name("virtqueue", tests, NULL, NULL);
}
