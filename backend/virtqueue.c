/* SPDX-License-Identifier: MIT */
#include "virtqueue.h"

#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "gpu_limits.h"
#include "xen/vgpuif.h"

/* Both rings start with 16 bits of flags and the 16-bit index. Behind the entries of either lies
 * the index at which the other side wants an event. */
#define RING_FLAGS   0
#define RING_INDEX   2
#define RING_ENTRIES 4

#define DESCRIPTOR_SIZE sizeof(struct vring_desc)
#define AVAILABLE_SIZE  sizeof(uint16_t)
#define USED_SIZE       sizeof(struct vring_used_elem)

static size_t available_event(const struct virtqueue *queue)
{
    return RING_ENTRIES + USED_SIZE * queue->size;
}

static size_t used_event(const struct virtqueue *queue)
{
    return RING_ENTRIES + AVAILABLE_SIZE * queue->size;
}

/* ---- life and death ---- */

int virtqueue_init(struct virtqueue *queue, struct vgpu_transport *transport, uint32_t size,
                   const uint64_t address[3], bool indirect, bool event_index)
{
    *queue = (struct virtqueue){
        .transport = transport, .size = size, .indirect = indirect, .event_index = event_index};
    int error = -EINVAL;
    if (address[0] % 16 || address[1] % 2 || address[2] % 4)
        goto error;
    error = -ENOMEM;
    queue->busy = calloc(size, sizeof(*queue->busy));
    queue->segments = calloc(GPU_MAX_SEGMENTS, sizeof(*queue->segments));
    queue->table = calloc(GPU_MAX_SEGMENTS, DESCRIPTOR_SIZE);
    if (!queue->busy || !queue->segments || !queue->table)
        goto error;
    error =
        guest_memory_map(transport, address[0], DESCRIPTOR_SIZE * size, false, &queue->descriptors);
    if (!error)
        error = guest_memory_map(transport, address[1], used_event(queue) + AVAILABLE_SIZE, false,
                                 &queue->available);
    if (!error)
        error = guest_memory_map(transport, address[2], available_event(queue) + AVAILABLE_SIZE,
                                 true, &queue->used);
    if (!error)
        return 0;
error:
    virtqueue_finish(queue);
    return error;
}

void virtqueue_finish(struct virtqueue *queue)
{
    if (queue->transport) {
        guest_memory_unmap(queue->transport, &queue->descriptors);
        guest_memory_unmap(queue->transport, &queue->available);
        guest_memory_unmap(queue->transport, &queue->used);
    }
    free(queue->busy);
    free(queue->segments);
    free(queue->table);
    *queue = (struct virtqueue){0};
}

void virtqueue_chain_finish(struct virtqueue_chain *chain)
{
    free(chain->readable);
    free(chain->writable);
    *chain = (struct virtqueue_chain){0};
}

/* ---- reading a chain ---- */

/* A chain in the making: queue->segments, the readable ones first. */
struct chain_reader {
    uint32_t count, readable_count;
    uint64_t readable, writable; /* bytes */
};

static bool refuse(struct virtqueue *queue, const char *fault)
{
    queue->fault = fault;
    return false;
}

static bool add_segment(struct virtqueue *queue, struct chain_reader *reader,
                        const struct vring_desc *descriptor)
{
    const bool writable = descriptor->flags & VRING_DESC_F_WRITE;
    if (!descriptor->len)
        return refuse(queue, "a descriptor of no bytes");
    if (!guest_address_valid(descriptor->addr, descriptor->len))
        return refuse(queue, "a descriptor whose address is not that of a grant");
    if (reader->count == GPU_MAX_SEGMENTS)
        return refuse(queue, "a chain of too many descriptors");
    if (!writable && reader->count > reader->readable_count)
        return refuse(queue, "a readable descriptor after a writable one");
    queue->segments[reader->count++] =
        (struct virtqueue_segment){.address = descriptor->addr, .size = descriptor->len};
    if (writable) {
        reader->writable += descriptor->len;
    } else {
        reader->readable += descriptor->len;
        reader->readable_count++;
    }
    return true;
}

static bool read_indirect(struct virtqueue *queue, struct chain_reader *reader,
                          const struct vring_desc *outer)
{
    if (!queue->indirect)
        return refuse(queue, "an indirect descriptor, which was not negotiated");
    if (outer->flags & VRING_DESC_F_NEXT)
        return refuse(queue, "an indirect descriptor that is not the last one");
    const uint32_t count = outer->len / DESCRIPTOR_SIZE;
    if (!count || outer->len % DESCRIPTOR_SIZE)
        return refuse(queue, "an indirect table that is not a number of descriptors");
    if (count > GPU_MAX_SEGMENTS)
        return refuse(queue, "an indirect table of too many descriptors");
    if (guest_memory_read(queue->transport, outer->addr, queue->table, outer->len))
        return refuse(queue, "an indirect table that cannot be read");

    const struct vring_desc *table = queue->table;
    uint32_t i = 0;
    for (uint32_t n = 0; n < count; n++) {
        if (table[i].flags & VRING_DESC_F_INDIRECT)
            return refuse(queue, "an indirect descriptor in an indirect table");
        if (!add_segment(queue, reader, &table[i]))
            return false;
        if (!(table[i].flags & VRING_DESC_F_NEXT))
            return true;
        i = table[i].next;
        if (i >= count)
            return refuse(queue, "a descriptor outside of its indirect table");
    }
    return refuse(queue, "a loop of descriptors in an indirect table");
}

static bool read_chain(struct virtqueue *queue, uint32_t i, struct chain_reader *reader)
{
    for (uint32_t n = 0; n < queue->size; n++) {
        struct vring_desc descriptor;
        if (i >= queue->size)
            return refuse(queue, "a descriptor outside of the table");
        venus_shm_read(&queue->descriptors.memory, i * DESCRIPTOR_SIZE, &descriptor,
                       sizeof(descriptor));
        if (descriptor.flags & VRING_DESC_F_INDIRECT)
            return read_indirect(queue, reader, &descriptor);
        if (!add_segment(queue, reader, &descriptor))
            return false;
        if (!(descriptor.flags & VRING_DESC_F_NEXT))
            return true;
        i = descriptor.next;
    }
    return refuse(queue, "a loop of descriptors");
}

/* Copy what the device reads. */
static void copy_readable(struct virtqueue *queue, struct virtqueue_chain *chain,
                          const struct chain_reader *reader)
{
    size_t done = 0;
    if (reader->readable > chain->readable_size)
        chain->error = -E2BIG;
    for (uint32_t i = 0; i < reader->readable_count && done < chain->readable_size; i++) {
        const struct virtqueue_segment *segment = &queue->segments[i];
        const size_t left = chain->readable_size - done;
        const size_t size = segment->size < left ? segment->size : left;
        const int error =
            guest_memory_read(queue->transport, segment->address, chain->readable + done, size);
        if (error) {
            chain->error = error;
            chain->readable_size = 0;
            return;
        }
        done += size;
    }
}

/* Make the private copy of a chain whose segments are known. */
static int copy_chain(struct virtqueue *queue, struct virtqueue_chain *chain,
                      const struct chain_reader *reader)
{
    const uint32_t count = reader->count - reader->readable_count;
    const size_t list = count * sizeof(*chain->writable);
    chain->readable_size =
        reader->readable > GPU_MAX_REQUEST ? VIRTQUEUE_HEADER : (size_t)reader->readable;
    chain->readable = malloc(chain->readable_size + !chain->readable_size);
    chain->writable = malloc(list + !list);
    if (!chain->readable || !chain->writable) {
        virtqueue_chain_finish(chain);
        return -ENOMEM;
    }
    chain->memory = chain->readable_size + list;
    memcpy(chain->writable, queue->segments + reader->readable_count, list);
    chain->writable_count = count;
    chain->writable_size = reader->writable;
    copy_readable(queue, chain, reader);
    return 0;
}

int virtqueue_take(struct virtqueue *queue, struct virtqueue_chain *chain)
{
    *chain = (struct virtqueue_chain){0};
    /* Acquire: entries and descriptors up to this index were written before it. */
    const uint16_t index = atomic_load_explicit(
        venus_shm_half(&queue->available.memory, RING_INDEX), memory_order_acquire);
    const uint16_t waiting = index - queue->next_available;
    if (!waiting)
        return 0;
    uint16_t head = 0;
    venus_shm_read(&queue->available.memory,
                   RING_ENTRIES + queue->next_available % queue->size * AVAILABLE_SIZE, &head,
                   sizeof(head));
    struct chain_reader reader = {0};
    if (waiting > queue->size)
        refuse(queue, "an available index that goes beyond the queue");
    else if (head >= queue->size)
        refuse(queue, "an available descriptor outside of the table");
    else if (queue->busy[head])
        refuse(queue, "a descriptor that is available twice");
    else
        read_chain(queue, head, &reader);
    if (queue->fault)
        return -EPROTO;
    const int error = copy_chain(queue, chain, &reader);
    if (error)
        return error;
    chain->head = head;
    queue->busy[head] = true;
    queue->in_flight++;
    queue->next_available++;
    return 1;
}

/* ---- answers ---- */

int virtqueue_write(struct virtqueue *queue, const struct virtqueue_chain *chain, const void *from,
                    size_t size)
{
    if (size > chain->writable_size)
        return -EINVAL;
    for (uint32_t i = 0; size; i++) {
        const struct virtqueue_segment *segment = &chain->writable[i];
        const size_t n = segment->size < size ? segment->size : size;
        const int error = guest_memory_write(queue->transport, segment->address, from, n);
        if (error)
            return error;
        from = (const char *)from + n;
        size -= n;
    }
    return 0;
}

void virtqueue_give_back(struct virtqueue *queue, const struct virtqueue_chain *chain,
                         uint32_t written)
{
    const struct vring_used_elem entry = {.id = chain->head, .len = written};
    venus_shm_write(&queue->used.memory, RING_ENTRIES + queue->next_used % queue->size * USED_SIZE,
                    &entry, sizeof(entry));
    queue->busy[chain->head] = false;
    queue->in_flight--;
    queue->next_used++;
    /* Release: the entry, and the answer in the request's buffers, come before the index. */
    atomic_store_explicit(venus_shm_half(&queue->used.memory, RING_INDEX), queue->next_used,
                          memory_order_release);
}

bool virtqueue_wants_notification(struct virtqueue *queue)
{
    const uint16_t old = queue->announced;
    if (!queue->size || old == queue->next_used)
        return false;
    queue->announced = queue->next_used;
    /* The driver writes the event (or flags) and then looks at the index; we wrote the index and
     * then look at the event.  With a full barrier on both sides one of us sees the other's. */
    atomic_thread_fence(memory_order_seq_cst);
    if (!queue->event_index) {
        const uint16_t flags = atomic_load_explicit(
            venus_shm_half(&queue->available.memory, RING_FLAGS), memory_order_relaxed);
        return !(flags & VRING_AVAIL_F_NO_INTERRUPT);
    }
    const uint16_t event = atomic_load_explicit(
        venus_shm_half(&queue->available.memory, used_event(queue)), memory_order_relaxed);
    /* Has the index moved past the event since `old`? (section 2.7.7.2) */
    return (uint16_t)(queue->next_used - event - 1) < (uint16_t)(queue->next_used - old);
}

bool virtqueue_wait(struct virtqueue *queue)
{
    if (!queue->size)
        return false;
    if (queue->event_index)
        atomic_store_explicit(venus_shm_half(&queue->used.memory, available_event(queue)),
                              queue->next_available, memory_order_relaxed);
    /* As above, with the parts exchanged: a driver that did not see our event did write its index
     * before, and we see it. */
    atomic_thread_fence(memory_order_seq_cst);
    return atomic_load_explicit(venus_shm_half(&queue->available.memory, RING_INDEX),
                                memory_order_relaxed) != queue->next_available;
}
