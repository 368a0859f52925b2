/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define ALL_FEATURES                                                                               \
    (1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_ACCESS_PLATFORM |                               \
     1ull << VIRTIO_RING_F_INDIRECT_DESC | 1ull << VIRTIO_RING_F_EVENT_IDX |                       \
     1ull << VIRTIO_GPU_F_VIRGL | 1ull << VIRTIO_GPU_F_RESOURCE_BLOB |                             \
     1ull << VIRTIO_GPU_F_CONTEXT_INIT | 1ull << VIRTIO_GPU_F_RESOURCE_UUID)

/* ---- time ---- */

int64_t peer_time_ms = 1000;

/* In the place of gpu_time.c. */
int64_t gpu_now_ms(void);
int64_t gpu_now_ms(void)
{
    return peer_time_ms;
}

/* ---- memory ---- */

void *peer_at(struct peer *peer, uint64_t address)
{
    return peer->local->guest + (address & ((1ull << 44) - 1));
}

void *peer_alloc(struct peer *peer, size_t size, uint64_t *address)
{
    const size_t rounded = (size + 63) & ~(size_t)63, pool = PEER_POOL_PAGES * VGPU_PAGE_SIZE;
    if (peer->pool_used + rounded > pool)
        peer->pool_used = pool / 4; /* the rings lie before that */
    const uint64_t byte =
        (uint64_t)peer->local->transport.pool_ref * VGPU_PAGE_SIZE + peer->pool_used;
    peer->pool_used += rounded;
    *address = VGPU_ADDRESS_GRANT | byte;
    memset(peer->local->guest + byte, 0, size);
    return peer->local->guest + byte;
}

uint64_t peer_other(struct peer *peer, uint32_t page)
{
    return VGPU_ADDRESS(peer->local->pages - PEER_OTHER_PAGES + page, 0);
}

/* ---- the control page ---- */

int peer_op_status(const struct peer *peer)
{
    const struct vgpu_response *response = &peer->control->response;
    return response->sequence == peer->sequence ? (int)response->status : -1;
}

int peer_op(struct peer *peer, uint32_t op, uint32_t queue, uint32_t size, uint64_t a, uint64_t b,
            uint64_t c)
{
    struct vgpu_request *request = &peer->control->request;
    request->op = op;
    request->queue = queue;
    request->size = size;
    request->arg[0] = a;
    request->arg[1] = b;
    request->arg[2] = c;
    request->sequence = ++peer->sequence;
    gpu_device_handle_event(peer->device);
    return peer_op_status(peer);
}

bool peer_blob_answer(struct peer *peer, uint32_t status)
{
    const uint32_t sequence = peer->control->blob_request.sequence;
    if (sequence == peer->blob_sequence)
        return false;
    peer->blob_sequence = sequence;
    peer->control->blob_response.status = status;
    peer->control->blob_response.sequence = sequence;
    gpu_device_handle_event(peer->device);
    return true;
}

void peer_start(struct peer *peer, uint64_t features)
{
    peer->features = features;
    assert_int_equal(peer_op(peer, VGPU_OP_SET_FEATURES, 0, 0, features, 0, 0), VGPU_STATUS_OK);
    for (uint32_t i = 0; i < VGPU_NUM_QUEUES; i++) {
        struct peer_queue *queue = &peer->queues[i];
        peer_queue_layout(peer, i, i ? 16 : peer->queue_size);
        assert_int_equal(peer_op(peer, VGPU_OP_SETUP_QUEUE, i, queue->size, queue->address[0],
                                 queue->address[1], queue->address[2]),
                         VGPU_STATUS_OK);
    }
    assert_int_equal(peer_op(peer, VGPU_OP_START, 0, 0, 0, 0, 0), VGPU_STATUS_OK);
}

/* ---- life and death ---- */

struct peer *peer_create(const struct peer_options *options)
{
    struct peer *peer = calloc(1, sizeof(*peer));
    assert_non_null(peer);
    const struct transport_local_params local = {
        .pages = PEER_POOL_PAGES + PEER_OTHER_PAGES + 8,
        .pool_pages = PEER_POOL_PAGES,
        .window_size = PEER_WINDOW,
        .per_blob = options->per_blob,
        .window_zeroed = !options->window_used,
    };
    peer->local = transport_local_create(&local);
    assert_non_null(peer->local);
    peer->queue_size = options->queue_size ? options->queue_size : 64;
    peer->control = (void *)(peer->local->guest + VGPU_PAGE_SIZE);
    struct gpu_device_params params = {
        .transport = &peer->local->transport,
        .venus = !options->no_venus,
        .per_blob = options->per_blob,
        .max_contexts = PEER_CONTEXTS,
        .epoll_fd = -1,
    };
    peer_world_start(&params);
    peer->device = gpu_device_create(&params);
    assert_non_null(peer->device);
    uint64_t features = ALL_FEATURES & peer->control->device.features;
    if (options->no_event_index)
        features &= ~(1ull << VIRTIO_RING_F_EVENT_IDX);
    if (options->no_indirect)
        features &= ~(1ull << VIRTIO_RING_F_INDIRECT_DESC);
    if (!options->not_started)
        peer_start(peer, features);
    return peer;
}

void peer_destroy(struct peer *peer)
{
    gpu_device_destroy(peer->device);
    peer_world_end();
    assert_int_equal(peer->local->maps, 0);
    transport_local_destroy(peer->local);
    free(peer);
}

/* ---- virtqueues ---- */

void peer_queue_layout(struct peer *peer, uint32_t index, uint32_t size)
{
    struct peer_queue *queue = &peer->queues[index];
    *queue = (struct peer_queue){.size = size};
    queue->desc = peer_alloc(peer, size * sizeof(struct vring_desc), &queue->address[0]);
    queue->avail = peer_alloc(peer, 6 + 2 * size, &queue->address[1]);
    queue->used = peer_alloc(peer, 6 + 8 * size, &queue->address[2]);
}

void peer_make_available(struct peer *peer, uint32_t queue, uint16_t head)
{
    struct peer_queue *q = &peer->queues[queue];
    q->avail[2 + q->next_avail % q->size] = head;
    q->next_avail++;
    atomic_thread_fence(memory_order_release);
    q->avail[1] = q->next_avail;
}

/* Lay out a chain of `count` segments from descriptor `first` on, which may wrap. */
static void fill_chain(struct vring_desc *desc, uint32_t size, uint32_t first, uint32_t count,
                       const struct vring_desc *segments)
{
    for (uint32_t i = 0; i < count; i++) {
        struct vring_desc *d = &desc[(first + i) % size];
        *d = segments[i];
        if (i + 1 < count) {
            d->flags |= VRING_DESC_F_NEXT;
            d->next = (uint16_t)((first + i + 1) % size);
        }
    }
}

struct peer_request peer_put(struct peer *peer, uint32_t queue, const void *command, size_t size,
                             size_t response_size)
{
    struct peer_queue *q = &peer->queues[queue];
    struct peer_request request = {.head = (uint16_t)q->free_head};
    struct vring_desc segments[3] = {0};
    uint32_t count = 0;
    /* the header and the rest in two parts, as Linux does with payloads */
    const size_t parts[2] = {size > 32 ? 32 : size, size > 32 ? size - 32 : 0};
    for (int i = 0; i < 2; i++) {
        uint64_t address;
        if (!parts[i])
            continue;
        memcpy(peer_alloc(peer, parts[i], &address), (const char *)command + (i ? 32 : 0),
               parts[i]);
        segments[count++] = (struct vring_desc){.addr = address, .len = (uint32_t)parts[i]};
    }
    if (response_size) {
        uint64_t address;
        request.response = peer_alloc(peer, response_size, &address);
        segments[count++] = (struct vring_desc){
            .addr = address, .len = (uint32_t)response_size, .flags = VRING_DESC_F_WRITE};
    }
    if (peer->features & 1ull << VIRTIO_RING_F_INDIRECT_DESC) {
        uint64_t address;
        struct vring_desc *table = peer_alloc(peer, count * sizeof(*table), &address);
        fill_chain(table, count, 0, count, segments);
        q->desc[q->free_head] = (struct vring_desc){.addr = address,
                                                    .len = (uint32_t)(count * sizeof(*table)),
                                                    .flags = VRING_DESC_F_INDIRECT};
        q->free_head = (q->free_head + 1) % q->size;
    } else {
        fill_chain(q->desc, q->size, q->free_head, count, segments);
        q->free_head = (q->free_head + count) % q->size;
    }
    peer_make_available(peer, queue, request.head);
    return request;
}

void peer_run(struct peer *peer)
{
    bool busy = true;
    while (busy) {
        busy = peer_world_step(peer);
        if (gpu_device_next_time(peer->device) <= peer_time_ms) {
            gpu_device_handle_times(peer->device);
            busy = true;
        }
    }
}

void peer_kick(struct peer *peer)
{
    gpu_device_handle_event(peer->device);
    peer_run(peer);
}

bool peer_poll(struct peer *peer, struct peer_request *request)
{
    for (uint32_t i = 0; i < VGPU_NUM_QUEUES && !request->done; i++) {
        struct peer_queue *q = &peer->queues[i];
        if (!q->size)
            continue;
        const struct vring_used_elem *entries = (const void *)(q->used + 2);
        /* the latest entry of that head */
        for (uint16_t n = q->used[1], k = 0; k < q->size; k++) {
            const struct vring_used_elem *entry = &entries[(uint16_t)(n - 1 - k) % q->size];
            if (entry->id == request->head) {
                request->written = entry->len;
                request->done = request->response ? *(uint32_t *)request->response != 0 : true;
                break;
            }
        }
    }
    return request->done;
}

uint32_t peer_type(struct peer *peer, struct peer_request *request)
{
    if (!peer_poll(peer, request) || !request->response)
        return 0;
    return ((const struct virtio_gpu_ctrl_hdr *)request->response)->type;
}

struct peer_request peer_send(struct peer *peer, const void *command, size_t size,
                              size_t response_size)
{
    struct peer_request request = peer_put(peer, 0, command, size, response_size);
    peer_kick(peer);
    return request;
}

uint32_t peer_command(struct peer *peer, const void *command, size_t size)
{
    struct peer_request request =
        peer_send(peer, command, size, sizeof(struct virtio_gpu_resp_display_info));
    return peer_type(peer, &request);
}

bool peer_halted(const struct peer *peer)
{
    return peer->control->device.status & VGPU_DEVICE_NEEDS_RESET;
}

struct gpu_device_stats peer_stats(const struct peer *peer)
{
    struct gpu_device_stats stats;
    gpu_device_get_stats(peer->device, &stats);
    return stats;
}

/* ---- commands ---- */

struct virtio_gpu_ctrl_hdr peer_hdr(uint32_t type, uint32_t context)
{
    return (struct virtio_gpu_ctrl_hdr){.type = type, .ctx_id = context};
}

uint32_t peer_ctx_create(struct peer *peer, uint32_t context)
{
    const struct virtio_gpu_ctx_create command = {
        .hdr = peer_hdr(VIRTIO_GPU_CMD_CTX_CREATE, context),
        .nlen = 4,
        .context_init = 4,
        .debug_name = "test",
    };
    return peer_command(peer, &command, sizeof(command));
}

uint32_t peer_ctx_destroy(struct peer *peer, uint32_t context)
{
    const struct virtio_gpu_ctx_destroy command = {
        .hdr = peer_hdr(VIRTIO_GPU_CMD_CTX_DESTROY, context)};
    return peer_command(peer, &command, sizeof(command));
}

struct peer_request peer_send_submit(struct peer *peer, uint32_t context, uint32_t word,
                                     uint32_t flags, uint8_t ring_idx, uint64_t fence)
{
    struct {
        struct virtio_gpu_cmd_submit submit;
        uint32_t words[2];
    } command = {
        .submit = {.hdr = peer_hdr(VIRTIO_GPU_CMD_SUBMIT_3D, context), .size = 8},
        .words = {word, 0},
    };
    command.submit.hdr.flags = flags;
    command.submit.hdr.ring_idx = ring_idx;
    command.submit.hdr.fence_id = fence;
    return peer_send(peer, &command, sizeof(command), sizeof(struct virtio_gpu_ctrl_hdr));
}

uint32_t peer_submit(struct peer *peer, uint32_t context, uint32_t word)
{
    struct peer_request request = peer_send_submit(peer, context, word, 0, 0, 0);
    return peer_type(peer, &request);
}

struct peer_request peer_send_create(struct peer *peer, uint32_t context, uint32_t resource,
                                     uint64_t blob_id, uint64_t size)
{
    const struct virtio_gpu_resource_create_blob command = {
        .hdr = peer_hdr(VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, context),
        .resource_id = resource,
        .blob_mem = VIRTIO_GPU_BLOB_MEM_HOST3D,
        .blob_flags = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE,
        .blob_id = blob_id,
        .size = size,
    };
    return peer_send(peer, &command, sizeof(command), sizeof(struct virtio_gpu_ctrl_hdr));
}

uint32_t peer_create_blob(struct peer *peer, uint32_t context, uint32_t resource, uint64_t size)
{
    struct peer_request request = peer_send_create(peer, context, resource, 0, size);
    return peer_type(peer, &request);
}

struct peer_request peer_send_map(struct peer *peer, uint32_t resource, uint64_t offset)
{
    const struct virtio_gpu_resource_map_blob command = {
        .hdr = peer_hdr(VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB, 0),
        .resource_id = resource,
        .offset = offset,
    };
    return peer_send(peer, &command, sizeof(command), sizeof(struct virtio_gpu_resp_map_info));
}

uint32_t peer_map(struct peer *peer, uint32_t resource, uint64_t offset)
{
    struct peer_request request = peer_send_map(peer, resource, offset);
    return peer_type(peer, &request);
}

struct peer_request peer_send_simple(struct peer *peer, uint32_t type, uint32_t context,
                                     uint32_t resource)
{
    /* These commands are all laid out alike. */
    const struct virtio_gpu_ctx_resource command = {.hdr = peer_hdr(type, context),
                                                    .resource_id = resource};
    return peer_send(peer, &command, sizeof(command), sizeof(struct virtio_gpu_resp_resource_uuid));
}

uint32_t peer_simple(struct peer *peer, uint32_t type, uint32_t context, uint32_t resource)
{
    struct peer_request request = peer_send_simple(peer, type, context, resource);
    return peer_type(peer, &request);
}
