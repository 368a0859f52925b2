/* SPDX-License-Identifier: MIT */
/*
 * A virtio-gpu device without a GPU.  It trusts the guest, as it only runs in tests.  What it
 * agrees upon with its client (drm-client.c):
 *
 * - command streams (SUBMIT_3D) are words 0, 1, 2 ...
 * - word n of a blob is n when the blob has been mapped, and ~n when it is unmapped;
 * - a guest's blob is empty when it is created; then its word n is n.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_config.h>
#include <linux/virtio_gpu.h>

#include "device.h"
#include "events.h"
#include "grant.h"
#include "shared_pages.h"
#include "window.h"

#define VENUS_CAPSET 4
#define CAPSET_SIZE  160
#define MAX_REQUEST  (4u << 20)
#define MAX_SEGMENTS 2048
#define BLOB_SECONDS 10

/* A chain of descriptors. */
struct chain {
    uint16_t head;
    uint8_t *request;
    size_t request_size;
    struct vring_desc writable[MAX_SEGMENTS];
    unsigned num_writable;
};

static uint8_t request_buffer[MAX_REQUEST];

/* Between data and memory at an address of the guest's. */
static void copy(struct device *device, uint64_t address, void *data, size_t size, bool to_guest)
{
    uint8_t *bytes = data;
    if (!(address & VGPU_ADDRESS_GRANT) || (address & VGPU_ADDRESS_RESERVED))
        say("wrong: address %#llx", (unsigned long long)address);
    while (size) {
        const uint32_t ref = VGPU_ADDRESS_REF(address), offset = VGPU_ADDRESS_OFFSET(address);
        const size_t room = VGPU_PAGE_SIZE - offset, part = size < room ? size : room;
        const uint32_t page = ref - device->nodes.pool_ref;
        int error = 0;
        if (page < device->nodes.pool_pages) {
            uint8_t *pool = device->pool + (size_t)page * VGPU_PAGE_SIZE + offset;
            memcpy(to_guest ? pool : bytes, to_guest ? bytes : pool, part);
        } else if (to_guest) {
            error = xen_grants_copy_to(device->grants, ref, offset, bytes, part);
        } else {
            error = xen_grants_copy_from(device->grants, ref, offset, bytes, part);
        }
        if (error)
            say("wrong: reference %u is not granted: %s", ref, strerror(-error));
        bytes += part;
        address += part;
        size -= part;
    }
}

static void *ring_memory(struct device *device, uint64_t address)
{
    const uint32_t page = VGPU_ADDRESS_REF(address) - device->nodes.pool_ref;
    if (page >= device->nodes.pool_pages) {
        say("wrong: a queue is not in the pool");
        exit(1);
    }
    return device->pool + (size_t)page * VGPU_PAGE_SIZE + VGPU_ADDRESS_OFFSET(address);
}

static void read_chain(struct device *device, struct queue *queue, uint16_t head,
                       struct chain *chain)
{
    struct vring_desc desc = queue->desc[head];
    const uint64_t table = desc.flags & VRING_DESC_F_INDIRECT ? desc.addr : 0;
    chain->head = head;
    chain->request = request_buffer;
    chain->request_size = 0;
    chain->num_writable = 0;
    if (table)
        copy(device, table, &desc, sizeof(desc), false);
    for (;;) {
        if (desc.flags & VRING_DESC_F_WRITE) {
            if (chain->num_writable < MAX_SEGMENTS)
                chain->writable[chain->num_writable++] = desc;
        } else if (desc.len <= MAX_REQUEST - chain->request_size) {
            copy(device, desc.addr, chain->request + chain->request_size, desc.len, false);
            chain->request_size += desc.len;
        }
        if (!(desc.flags & VRING_DESC_F_NEXT))
            return;
        if (table)
            copy(device, table + desc.next * sizeof(desc), &desc, sizeof(desc), false);
        else
            desc = queue->desc[desc.next];
    }
}

static void complete(struct device *device, struct queue *queue, const struct chain *chain,
                     const void *data, size_t size)
{
    uint32_t written = 0;
    for (unsigned i = 0; i < chain->num_writable && written < size; i++) {
        const struct vring_desc *desc = &chain->writable[i];
        const size_t part = desc->len < size - written ? desc->len : size - written;
        copy(device, desc->addr, (uint8_t *)(uintptr_t)data + written, part, true);
        written += (uint32_t)part;
    }
    const uint16_t index = queue->used->idx;
    queue->used->ring[index % queue->size] = (struct vring_used_elem){chain->head, written};
    __atomic_store_n(&queue->used->idx, (uint16_t)(index + 1), __ATOMIC_RELEASE);
}

static void check_words(const uint8_t *data, size_t size, uint32_t flip, const char *what)
{
    for (size_t i = 0; i < size / 4; i++) {
        uint32_t word;
        memcpy(&word, data + 4 * i, 4);
        if (word != ((uint32_t)i ^ flip)) {
            say("wrong: word %zu of %s is %#x", i, what, word);
            return;
        }
    }
}

/* The side ring: one request, answered by the frontend. */
static uint32_t blob_request(struct device *device, uint32_t op, uint64_t offset, uint32_t pages)
{
    volatile struct vgpu_blob_request *request = &device->control->blob_request;
    const uint32_t sequence = request->sequence + 1;
    request->op = op;
    request->offset = offset;
    request->pages = pages;
    __atomic_store_n(&request->sequence, sequence, __ATOMIC_RELEASE);
    xen_events_notify(device->events);
    while (__atomic_load_n(&device->control->blob_response.sequence, __ATOMIC_ACQUIRE) !=
           sequence) {
        struct pollfd fd = {.fd = device_fd(device), .events = POLLIN};
        if (poll(&fd, 1, BLOB_SECONDS * 1000) != 1) {
            say("wrong: no answer about a blob");
            return VGPU_STATUS_STATE;
        }
        xen_events_take(device->events);
    }
    return device->control->blob_response.status;
}

static uint32_t map_pages(struct device *device, struct resource *resource)
{
    const uint32_t total = (uint32_t)(resource->size / VGPU_PAGE_SIZE);
    uint32_t *refs = calloc(total, sizeof(*refs));
    void *pages;
    uint32_t status = VGPU_STATUS_NO_MEMORY;
    if (refs && !xen_shared_pages_alloc(device->shared, total, &pages, refs)) {
        status = VGPU_STATUS_OK;
        resource->pages = pages;
    }
    for (uint32_t done = 0, part; !status && done < total; done += part) {
        part = total - done < VGPU_MAX_BLOB_REFS ? total - done : VGPU_MAX_BLOB_REFS;
        memcpy(device->blob_refs, refs + done, part * sizeof(*refs));
        status = blob_request(device, VGPU_BLOB_MAP,
                              resource->offset + (uint64_t)done * VGPU_PAGE_SIZE, part);
    }
    if (status)
        say("wrong: a blob cannot be mapped: status %u", status);
    free(refs);
    return status;
}

static uint8_t *resource_memory(struct device *device, const struct resource *resource)
{
    return device->options.per_blob ? resource->pages : device->memory + resource->offset;
}

static uint32_t map_blob(struct device *device, struct resource *resource, uint64_t offset)
{
    if (!resource->size || offset > device->options.hostmem ||
        resource->size > device->options.hostmem - offset)
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    resource->offset = offset;
    if (device->options.per_blob && map_pages(device, resource))
        return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    resource->mapped = true;
    for (uint32_t i = 0; i < resource->size / 4; i++)
        memcpy(resource_memory(device, resource) + 4ull * i, &i, 4);
    return VIRTIO_GPU_RESP_OK_MAP_INFO;
}

static void unmap_blob(struct device *device, struct resource *resource)
{
    if (!resource->mapped)
        return;
    resource->mapped = false;
    check_words(resource_memory(device, resource), resource->size, ~0u, "an unmapped blob");
    if (!device->options.per_blob)
        return;
    const uint32_t status = blob_request(device, VGPU_BLOB_UNMAP, resource->offset,
                                         (uint32_t)(resource->size / VGPU_PAGE_SIZE));
    if (status)
        say("wrong: a blob cannot be unmapped: status %u", status);
    xen_shared_pages_free(device->shared, resource->pages);
    resource->pages = NULL;
}

static void fill_guest_blob(struct device *device, const struct chain *chain)
{
    const struct virtio_gpu_resource_create_blob *create = (const void *)chain->request;
    const struct virtio_gpu_mem_entry *entries = (const void *)(create + 1);
    uint64_t size = 0;
    uint32_t words[VGPU_PAGE_SIZE / 4];
    for (uint32_t i = 0; i < create->nr_entries; i++) {
        if (entries[i].addr % VGPU_PAGE_SIZE || entries[i].length % VGPU_PAGE_SIZE)
            say("wrong: an entry of a guest's blob is not of whole pages");
        for (uint32_t done = 0; done < entries[i].length; done += sizeof(words)) {
            copy(device, entries[i].addr + done, words, sizeof(words), false);
            for (uint32_t k = 0; k < VGPU_PAGE_SIZE / 4; k++) {
                if (words[k])
                    say("wrong: a guest's new blob is not empty");
                words[k] = (uint32_t)(size / 4) + k;
            }
            copy(device, entries[i].addr + done, words, sizeof(words), true);
            size += sizeof(words);
        }
    }
    if (size != create->size)
        say("wrong: a blob of %llu bytes has %llu", (unsigned long long)create->size,
            (unsigned long long)size);
}

static uint32_t create_blob(struct device *device, struct resource *resource,
                            const struct chain *chain)
{
    const struct virtio_gpu_resource_create_blob *create = (const void *)chain->request;
    if (create->blob_mem == VIRTIO_GPU_BLOB_MEM_GUEST)
        fill_guest_blob(device, chain);
    else
        resource->size = create->size;
    return VIRTIO_GPU_RESP_OK_NODATA;
}

/* Carry out a request and write its answer after the header. Returns the answer's size. */
static size_t execute(struct device *device, const struct chain *chain, uint8_t *answer)
{
    const struct virtio_gpu_ctrl_hdr *header = (const void *)chain->request;
    /* All that have a resource have it here. */
    const struct virtio_gpu_resource_unref *unref = (const void *)chain->request;
    const uint32_t id = unref->resource_id;
    struct resource *resource = &device->resources[id % MAX_RESOURCES];
    struct virtio_gpu_ctrl_hdr *out = (void *)answer;
    out->type = VIRTIO_GPU_RESP_OK_NODATA;
    switch (header->type) {
    case VIRTIO_GPU_CMD_GET_CAPSET_INFO: {
        struct virtio_gpu_resp_capset_info *info = (void *)answer;
        info->hdr.type = VIRTIO_GPU_RESP_OK_CAPSET_INFO;
        info->capset_id = VENUS_CAPSET;
        info->capset_max_version = 0;
        info->capset_max_size = CAPSET_SIZE;
        return sizeof(*info);
    }
    case VIRTIO_GPU_CMD_GET_CAPSET:
        out->type = VIRTIO_GPU_RESP_OK_CAPSET;
        return sizeof(struct virtio_gpu_resp_capset) + CAPSET_SIZE;
    case VIRTIO_GPU_CMD_SUBMIT_3D:
        check_words(chain->request + sizeof(struct virtio_gpu_cmd_submit),
                    chain->request_size - sizeof(struct virtio_gpu_cmd_submit), 0,
                    "a command stream");
        break;
    case VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB:
        out->type = create_blob(device, resource, chain);
        break;
    case VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB: {
        struct virtio_gpu_resp_map_info *info = (void *)answer;
        const struct virtio_gpu_resource_map_blob *map = (const void *)chain->request;
        out->type = map_blob(device, resource, map->offset);
        info->map_info = VIRTIO_GPU_MAP_CACHE_CACHED;
        return sizeof(*info);
    }
    case VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB:
        unmap_blob(device, resource);
        break;
    case VIRTIO_GPU_CMD_RESOURCE_UNREF:
        unmap_blob(device, resource);
        memset(resource, 0, sizeof(*resource));
        break;
    case VIRTIO_GPU_CMD_CTX_CREATE:
    case VIRTIO_GPU_CMD_CTX_DESTROY:
    case VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE:
    case VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE:
        break;
    default:
        out->type = VIRTIO_GPU_RESP_ERR_UNSPEC;
        say("request %#x is not supported", header->type);
    }
    return sizeof(*out);
}

static void process(struct device *device, struct queue *queue, uint16_t head)
{
    static struct chain chain;
    uint8_t answer[sizeof(struct virtio_gpu_resp_capset) + CAPSET_SIZE] = {0};
    struct virtio_gpu_ctrl_hdr *out = (void *)answer;
    read_chain(device, queue, head, &chain);
    const struct virtio_gpu_ctrl_hdr *header = (const void *)chain.request;
    const size_t size = execute(device, &chain, answer);
    out->flags = header->flags & (VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX);
    out->fence_id = header->fence_id;
    out->ctx_id = header->ctx_id;
    out->ring_idx = header->ring_idx;
    complete(device, queue, &chain, answer, size);
}

static bool must_hold(struct device *device, struct queue *queue, uint16_t head)
{
    static struct chain chain;
    read_chain(device, queue, head, &chain);
    const struct virtio_gpu_ctrl_hdr *header = (const void *)chain.request;
    return header->type == VIRTIO_GPU_CMD_SUBMIT_3D;
}

static bool process_queue(struct device *device, struct queue *queue)
{
    bool any = false;
    for (;;) {
        const uint16_t available = __atomic_load_n(&queue->avail->idx, __ATOMIC_ACQUIRE);
        if (queue->seen == available) {
            /* Tell when to be woken, then look again. */
            memcpy(&queue->used->ring[queue->size], &available, sizeof(available));
            __atomic_thread_fence(__ATOMIC_SEQ_CST);
            if (__atomic_load_n(&queue->avail->idx, __ATOMIC_ACQUIRE) == available)
                return any;
            continue;
        }
        const uint16_t head = queue->avail->ring[queue->seen++ % queue->size];
        if (device->holding && must_hold(device, queue, head)) {
            device->held[device->num_held++ % MAX_HELD] = (struct held){queue, head};
            say("held %u", device->num_held);
        } else {
            process(device, queue, head);
            any = true;
        }
    }
}

static uint32_t setup_queue(struct device *device, const struct vgpu_request *request)
{
    struct queue *queue = &device->queues[request->queue];
    if (request->queue >= VGPU_NUM_QUEUES || request->size > QUEUE_SIZE || queue->desc)
        return VGPU_STATUS_INVALID;
    *queue = (struct queue){
        .size = (uint16_t)request->size,
        .desc = ring_memory(device, request->arg[0]),
        .avail = ring_memory(device, request->arg[1]),
        .used = ring_memory(device, request->arg[2]),
    };
    return VGPU_STATUS_OK;
}

static void reset(struct device *device)
{
    for (unsigned i = 0; i < MAX_RESOURCES; i++) {
        if (device->options.per_blob && device->resources[i].mapped)
            unmap_blob(device, &device->resources[i]);
        memset(&device->resources[i], 0, sizeof(device->resources[i]));
    }
    memset(device->queues, 0, sizeof(device->queues));
    device->num_held = 0;
    device->holding = false;
    device->started = false;
    device->broken = false;
    device->control->device.status = 0;
}

static uint32_t carry_out(struct device *device, const struct vgpu_request *request)
{
    switch (request->op) {
    case VGPU_OP_SET_FEATURES:
        device->features = request->arg[0];
        return request->arg[0] & ~device->control->device.features ? VGPU_STATUS_INVALID
                                                                   : VGPU_STATUS_OK;
    case VGPU_OP_SETUP_QUEUE:
        return setup_queue(device, request);
    case VGPU_OP_START:
        device->started = true;
        return VGPU_STATUS_OK;
    case VGPU_OP_RESET:
        reset(device);
        return VGPU_STATUS_OK;
    case VGPU_OP_WRITE_CONFIG:
        say("config[%llu] = %llu", (unsigned long long)request->arg[0],
            (unsigned long long)request->arg[1]);
        return VGPU_STATUS_OK;
    default:
        return VGPU_STATUS_INVALID;
    }
}

static void answer_request(struct device *device)
{
    const uint32_t sequence = __atomic_load_n(&device->control->request.sequence, __ATOMIC_ACQUIRE);
    if (sequence == device->request_seen)
        return;
    device->request_seen = sequence;
    struct vgpu_request request;
    memcpy(&request, (const void *)&device->control->request, sizeof(request));
    say("request %u", request.op);
    device->control->response.status = carry_out(device, &request);
    __atomic_store_n(&device->control->response.sequence, sequence, __ATOMIC_RELEASE);
    xen_events_notify(device->events);
}

void device_event(struct device *device)
{
    xen_events_take(device->events);
    if (device->deaf)
        return;
    answer_request(device);
    bool any = false;
    for (int i = 0; i < VGPU_NUM_QUEUES; i++)
        if (device->started && !device->broken && device->queues[i].desc)
            any |= process_queue(device, &device->queues[i]);
    if (any)
        xen_events_notify(device->events);
}

void device_hold(struct device *device, bool hold)
{
    device->holding = hold;
    if (hold)
        return;
    while (device->num_held) {
        const struct held *held = &device->held[--device->num_held];
        process(device, held->queue, held->head);
    }
    xen_events_notify(device->events);
}

void device_ask_for_reset(struct device *device)
{
    device->broken = true;
    device->control->device.status = VGPU_DEVICE_NEEDS_RESET;
    xen_events_notify(device->events);
}

void device_change_config(struct device *device)
{
    volatile struct virtio_gpu_config *config = (void *)(uintptr_t)device->control->config;
    device->control->device.config_generation++;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    config->events_read = VIRTIO_GPU_EVENT_DISPLAY;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    device->control->device.config_generation++;
    xen_events_notify(device->events);
}

int device_fd(const struct device *device)
{
    return xen_events_fd(device->events);
}

static void fill_control(struct device *device)
{
    struct vgpu_device_info info = {
        .magic = VGPU_MAGIC,
        .version = VGPU_PROTOCOL_VERSION,
        .features = 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_ACCESS_PLATFORM |
                    1ull << VIRTIO_RING_F_INDIRECT_DESC | 1ull << VIRTIO_RING_F_EVENT_IDX |
                    1ull << VIRTIO_GPU_F_VIRGL | 1ull << VIRTIO_GPU_F_RESOURCE_BLOB |
                    1ull << VIRTIO_GPU_F_CONTEXT_INIT,
        .num_queues = VGPU_NUM_QUEUES,
        .queue_size = QUEUE_SIZE,
        .config_size = sizeof(struct virtio_gpu_config),
    };
    const struct virtio_gpu_config config = {.num_capsets = 1};
    memcpy((void *)(uintptr_t)device->control->config, &config, sizeof(config));
    memcpy((void *)(uintptr_t)&device->control->device, &info, sizeof(info));
}

static int map_window(struct device *device)
{
    const size_t pages = device->options.hostmem / VGPU_PAGE_SIZE;
    device->window = xen_window_open(
        device->options.foreign ? XEN_WINDOW_FOREIGN : XEN_WINDOW_GRANT, device->nodes.domid);
    if (!device->window)
        return -errno;
    const int error = xen_window_map(device->window, device->nodes.window_pages, pages);
    if (error)
        return error;
    device->memory = xen_window_memory(device->window);
    for (size_t i = 0; device->nodes.zeroed && i < device->options.hostmem / 8; i++) {
        if (((const uint64_t *)device->memory)[i]) {
            say("wrong: byte %zu of the window is not zero", 8 * i);
            break;
        }
    }
    return 0;
}

int device_connect(struct device *device, const struct device_options *options,
                   const struct device_nodes *nodes)
{
    void *memory;
    memset(device, 0, sizeof(*device));
    device->options = *options;
    device->nodes = *nodes;
    device->grants = xen_grants_open(nodes->domid);
    device->events = xen_events_open(nodes->domid);
    device->shared = xen_shared_pages_open(nodes->domid);
    if (!device->grants || !device->events || !device->shared)
        return -errno;
    int error = xen_grants_map(device->grants, nodes->control_ref, 1, true, &memory);
    if (error)
        return error;
    device->control = memory;
    error = xen_grants_map(device->grants, nodes->pool_ref, nodes->pool_pages, true, &memory);
    if (error)
        return error;
    device->pool = memory;
    if (options->per_blob) {
        error = xen_grants_map(device->grants, nodes->blob_refs_ref, VGPU_BLOB_REFS_PAGES, true,
                               &memory);
        device->blob_refs = memory;
    } else {
        error = map_window(device);
    }
    if (error)
        return error;
    fill_control(device);
    return xen_events_bind(device->events, nodes->domid, nodes->port);
}

void device_disconnect(struct device *device)
{
    xen_events_close(device->events);
    xen_window_close(device->window);
    xen_shared_pages_close(device->shared);
    xen_grants_close(device->grants);
    memset(device, 0, sizeof(*device));
}
