// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Virtqueues, and a record of what is in flight in them.
 *
 * When a backend dies somebody must complete what it had (drain.c). The rings alone do not tell
 * which chains that is: a backend may complete them in any order, and the entry of an old one in
 * the available ring may have been overwritten by then. So the rings are looked at each time that
 * the driver maps or unmaps a buffer: at least once per chain, as each is mapped before it becomes
 * available.
 */
#include <linux/slab.h>
#include <linux/virtio_gpu.h>

#include "vgpu.h"

#define MAX_CHAIN 4096	/* descriptors looked at in one chain */
#define MAX_ROUNDS 16

static bool notify(struct virtqueue *vq)
{
	struct vgpu_device *device = vgpu_from_vdev(vq->vdev);

	if (vgpu_is_draining(device))
		queue_work(system_unbound_wq, &device->drain_work);
	else
		vgpu_notify(device->front);
	return true;
}

static int queue_setup(struct vgpu_device *device, unsigned int index, struct virtqueue *vq)
{
	struct vgpu_request request = {
		.op = VGPU_OP_SETUP_QUEUE,
		.queue = index,
		.size = virtqueue_get_vring_size(vq),
		.arg = {
			virtqueue_get_desc_addr(vq),
			virtqueue_get_avail_addr(vq),
			virtqueue_get_used_addr(vq),
		},
	};

	return vgpu_call(device->front, &request);
}

static void queue_publish(struct vgpu_device *device, struct vgpu_queue *queue,
			  struct virtqueue *vq)
{
	unsigned long flags;

	mutex_lock(&device->queues_lock);
	spin_lock_irqsave(&queue->lock, flags);
	queue->ring = vq ? virtqueue_get_vring(vq) : NULL;
	queue->seen_avail = 0;
	queue->seen_used = 0;
	spin_unlock_irqrestore(&queue->lock, flags);
	spin_lock_irqsave(&device->front->device_lock, flags);
	queue->vq = vq;
	spin_unlock_irqrestore(&device->front->device_lock, flags);
	mutex_unlock(&device->queues_lock);
}

static struct virtqueue *queue_create(struct vgpu_device *device, unsigned int index,
				      const struct virtqueue_info *info)
{
	struct vgpu_queue *queue = &device->queues[index];
	struct virtqueue *vq;
	int err;

	vq = vring_create_virtqueue(index, device->info.queue_size, SMP_CACHE_BYTES, &device->vdev,
				    true, true, info->ctx, notify, info->callback, info->name);
	if (!vq)
		return ERR_PTR(-ENOMEM);
	queue->in_flight = kcalloc(virtqueue_get_vring_size(vq), sizeof(*queue->in_flight),
				   GFP_KERNEL);
	err = queue->in_flight ? queue_setup(device, index, vq) : -ENOMEM;
	if (err) {
		kfree(queue->in_flight);
		queue->in_flight = NULL;
		vring_del_virtqueue(vq);
		return ERR_PTR(err);
	}
	queue_publish(device, queue, vq);
	return vq;
}

int vgpu_queues_create(struct vgpu_device *device, unsigned int num, struct virtqueue *vqs[],
		       struct virtqueue_info info[])
{
	unsigned int i, index = 0;

	WRITE_ONCE(device->stopping, false);
	if (num > min_t(u32, device->info.num_queues, VGPU_NUM_QUEUES))
		return -EINVAL;
	for (i = 0; i < num; i++) {
		vqs[i] = NULL;
		if (!info[i].name)
			continue;
		vqs[i] = queue_create(device, index++, &info[i]);
		if (IS_ERR(vqs[i])) {
			int err = PTR_ERR(vqs[i]);

			vgpu_queues_destroy(device);
			return err;
		}
	}
	return 0;
}

bool vgpu_queues_exist(struct vgpu_device *device)
{
	int i;

	for (i = 0; i < VGPU_NUM_QUEUES; i++)
		if (device->queues[i].vq)
			return true;
	return false;
}

/* Some drivers reset the device before, others do not. */
void vgpu_queues_destroy(struct vgpu_device *device)
{
	int i;

	if (vgpu_queues_exist(device))
		vgpu_stop(device);
	for (i = 0; i < VGPU_NUM_QUEUES; i++) {
		struct vgpu_queue *queue = &device->queues[i];
		struct virtqueue *vq = queue->vq;

		if (!vq)
			continue;
		queue_publish(device, queue, NULL);
		vring_del_virtqueue(vq);
		kfree(queue->in_flight);
		queue->in_flight = NULL;
	}
}

/* The device is a modern one: little endian, as the kernel. */
static u16 from_virtio16(__virtio16 value)
{
	return (__force u16)value;
}

static u32 from_virtio32(__virtio32 value)
{
	return (__force u32)value;
}

/* What the other end writes is only trusted as far as it stays within the queue. */
static void observe(struct vgpu_queue *queue)
{
	const struct vring *ring = queue->ring;
	u16 avail = from_virtio16(READ_ONCE(ring->avail->idx));
	u16 used = from_virtio16(READ_ONCE(ring->used->idx));
	unsigned int mask = ring->num - 1;
	u32 head;

	/* The indexes before the entries that they publish. */
	virt_rmb();
	/* More than fits cannot have been used. */
	if ((u16)(used - queue->seen_used) > ring->num)
		used = queue->seen_used;
	while (queue->seen_avail != avail) {
		head = from_virtio16(READ_ONCE(ring->avail->ring[queue->seen_avail++ & mask]));
		if (head < ring->num)
			queue->in_flight[head]++;
	}
	while (queue->seen_used != used) {
		head = from_virtio32(READ_ONCE(ring->used->ring[queue->seen_used++ & mask].id));
		if (head < ring->num)
			queue->in_flight[head]--;
	}
}

/* Called for every buffer that is mapped or unmapped. Any context. */
void vgpu_queues_observe(struct vgpu_device *device)
{
	unsigned long flags;
	int i;

	for (i = 0; i < VGPU_NUM_QUEUES; i++) {
		struct vgpu_queue *queue = &device->queues[i];

		spin_lock_irqsave(&queue->lock, flags);
		if (queue->ring)
			observe(queue);
		spin_unlock_irqrestore(&queue->lock, flags);
	}
}

/* Whether the other end has something to do. */
bool vgpu_queues_busy(struct vgpu_device *device)
{
	bool busy = false;
	unsigned long flags;
	int i;

	for (i = 0; i < VGPU_NUM_QUEUES; i++) {
		struct vgpu_queue *queue = &device->queues[i];

		spin_lock_irqsave(&queue->lock, flags);
		if (queue->ring && READ_ONCE(queue->ring->avail->idx) !=
				   READ_ONCE(queue->ring->used->idx))
			busy = true;
		spin_unlock_irqrestore(&queue->lock, flags);
	}
	return busy;
}

/* A private copy of a descriptor: the backend could change the one in the ring. */
struct descriptor {
	u64 addr;
	u32 len;
	u16 flags;
	u16 next;
};

/* Where descriptors of a chain are: in the ring, or in an indirect table. */
struct descriptor_table {
	struct vgpu_pool *pool;
	const struct vring *ring;
	u64 indirect;	/* address; 0: the ring */
	u32 entries;
};

static int read_descriptor(const struct descriptor_table *table, u32 index, struct descriptor *copy)
{
	struct vring_desc desc;

	if (index >= table->entries)
		return -EFAULT;
	if (!table->indirect)
		memcpy(&desc, &table->ring->desc[index], sizeof(desc));
	else if (vgpu_pool_read(table->pool, table->indirect + index * sizeof(desc), &desc,
				sizeof(desc)))
		return -EFAULT;
	copy->addr = (__force u64)desc.addr;
	copy->len = from_virtio32(desc.len);
	copy->flags = from_virtio16(desc.flags);
	copy->next = from_virtio16(desc.next);
	return 0;
}

/* The header of a request, and the descriptor of its response. */
static int parse_chain(struct vgpu_pool *pool, const struct vring *ring, u32 head,
		       struct virtio_gpu_ctrl_hdr *request, struct descriptor *response)
{
	struct descriptor_table table = { .pool = pool, .ring = ring, .entries = ring->num };
	struct descriptor desc;
	unsigned int steps;

	if (read_descriptor(&table, head, &desc))
		return -EFAULT;
	if (desc.flags & VRING_DESC_F_INDIRECT) {
		table.indirect = desc.addr;
		table.entries = desc.len / sizeof(struct vring_desc);
		if (read_descriptor(&table, 0, &desc))
			return -EFAULT;
	}
	if (desc.len < sizeof(*request) ||
	    vgpu_pool_read(pool, desc.addr, request, sizeof(*request)))
		return -EFAULT;
	for (steps = 0; steps < MAX_CHAIN; steps++) {
		if (desc.flags & VRING_DESC_F_WRITE) {
			*response = desc;
			return 0;
		}
		if (!(desc.flags & VRING_DESC_F_NEXT) || read_descriptor(&table, desc.next, &desc))
			return -ENOENT;
	}
	return -ELOOP;
}

/*
 * Answer one chain as a device that has failed: VIRTIO_GPU_RESP_ERR_UNSPEC, with the fence of the
 * request, so that its waiters are woken. Returns the length for the used ring, 0 when there is no
 * room for an answer, as in the cursor queue.
 */
static u32 fail_chain(struct vgpu_device *device, const struct vring *ring, u32 head)
{
	struct vgpu_pool *pool = device->front->pool;
	struct virtio_gpu_ctrl_hdr request, answer = {};
	struct descriptor response;

	if (parse_chain(pool, ring, head, &request, &response) || response.len < sizeof(answer))
		return 0;
	answer.type = cpu_to_le32(VIRTIO_GPU_RESP_ERR_UNSPEC);
	answer.flags = request.flags & cpu_to_le32(VIRTIO_GPU_FLAG_FENCE |
						   VIRTIO_GPU_FLAG_INFO_RING_IDX);
	answer.fence_id = request.fence_id;
	answer.ctx_id = request.ctx_id;
	answer.ring_idx = request.ring_idx;
	return vgpu_pool_write(pool, response.addr, &answer, sizeof(answer)) ? 0 : sizeof(answer);
}

static void use(struct vgpu_queue *queue, u32 head, u32 length)
{
	const struct vring *ring = queue->ring;
	vring_used_elem_t *used = &ring->used->ring[queue->seen_used++ & (ring->num - 1)];

	used->id = (__force __virtio32)head;
	used->len = (__force __virtio32)length;
	queue->in_flight[head]--;
}

/*
 * Take the part of the device: answer everything in flight with an error. Returns the number of
 * chains; the caller then calls the queue's interrupt handler.
 */
unsigned int vgpu_queue_fail_all(struct vgpu_device *device, struct vgpu_queue *queue)
{
	unsigned int count = 0, rounds = 0;
	unsigned long flags;
	u32 head;

	spin_lock_irqsave(&queue->lock, flags);
	if (!queue->ring)
		goto unlock;
	do {
		const struct vring *ring = queue->ring;

		observe(queue);
		for (head = 0; head < ring->num; head++) {
			if (queue->in_flight[head] <= 0)
				continue;
			use(queue, head, fail_chain(device, ring, head));
			count++;
		}
		/* The entries before the index that publishes them. */
		virt_wmb();
		WRITE_ONCE(ring->used->idx, (__force __virtio16)queue->seen_used);
		/* Be told about the next chain, whichever way was negotiated. */
		WRITE_ONCE(ring->used->flags, 0);
		WRITE_ONCE(vring_avail_event(ring), (__force __virtio16)queue->seen_avail);
		/* That before looking again. */
		virt_mb();
	} while (from_virtio16(READ_ONCE(queue->ring->avail->idx)) != queue->seen_avail &&
		 ++rounds < MAX_ROUNDS);
unlock:
	spin_unlock_irqrestore(&queue->lock, flags);
	return count;
}
