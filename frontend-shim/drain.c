// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The end of a backend. virtio_gpu waits for its device without limit, in many places. So once
 * there is no backend any more, this module takes the part of the device and answers all requests,
 * those in flight and those to come, with errors, until virtio_gpu has been unbound.
 */
#include <linux/delay.h>

#include "vgpu.h"

#define WATCH_INTERVAL HZ
#define STOP_TRIES 500
#define STOP_INTERVAL 10	/* ms */

static const char * const reasons[] = {
	[VGPU_LOST_STATE] = "the backend has ended the connection",
	[VGPU_LOST_PEER] = "the backend has died",
	[VGPU_LOST_SILENT] = "the backend does not answer",
	[VGPU_LOST_RESET] = "the backend asks for a reset (its log says why)",
	[VGPU_LOST_SUSPEND] = "the guest is suspended",
	[VGPU_LOST_STUCK] = "requests do not complete",
	[VGPU_LOST_REMOVED] = "the device is removed",
};

/* Whether the backend may still be at work. */
static bool may_live(enum vgpu_loss why)
{
	return why != VGPU_LOST_PEER && why != VGPU_LOST_SILENT;
}

/* Answer what is in flight. Sleeps. */
void vgpu_drain(struct vgpu_device *device)
{
	enum vgpu_loss why = atomic_read(&device->lost);
	int i;

	mutex_lock(&device->queues_lock);
	if (!vgpu_is_draining(device)) {
		mutex_unlock(&device->queues_lock);
		return;
	}
	/* Two must not answer the same requests. */
	if (why != VGPU_NOT_LOST && !device->quiet) {
		if (may_live(why) && device->front->irq && vgpu_call_reset(device->front, true))
			dev_warn(&device->pdev.dev, "the backend does not answer a reset\n");
		device->quiet = true;
	}
	for (i = 0; i < VGPU_NUM_QUEUES; i++) {
		struct vgpu_queue *queue = &device->queues[i];
		unsigned int count;

		if (!queue->vq)
			continue;
		count = vgpu_queue_fail_all(device, queue);
		vgpu_count(&device->front->counters, VGPU_REQUESTS_DRAINED, count);
		if (count)
			vring_interrupt(0, queue->vq);
	}
	mutex_unlock(&device->queues_lock);
}

static void drain_work(struct work_struct *work)
{
	vgpu_drain(container_of(work, struct vgpu_device, drain_work));
}

/*
 * End all work in the queues, which are about to go: what the backend has not answered by now is
 * answered with errors. virtio_gpu has waited for its own work by then, but answers cause some
 * more; when this returns that is over. Sleeps.
 */
void vgpu_stop(struct vgpu_device *device)
{
	struct vgpu_front *front = device->front;
	unsigned long flags;
	int tries;

	if (device->stopping)
		return;
	if (!vgpu_is_lost(device))
		vgpu_call_reset(front, false);
	spin_lock_irqsave(&front->device_lock, flags);
	WRITE_ONCE(device->stopping, true);
	spin_unlock_irqrestore(&front->device_lock, flags);
	for (tries = 0; tries < STOP_TRIES; tries++) {
		vgpu_drain(device);
		if (!atomic_read(&device->mapped))
			break;
		msleep(STOP_INTERVAL);
	}
	if (tries == STOP_TRIES)
		dev_warn(&device->pdev.dev, "%d buffers of requests are left\n",
			 atomic_read(&device->mapped));
	/* Not flush_workqueue, which warns: nothing here is in the way of that queue's work. */
	__flush_workqueue(vgpu_schedule_wq);
	/* Programs have lost their mappings, and the backend does not ask after a reset. */
	if (front->blobs)
		vgpu_blobs_unmap_all(front->blobs);
}

/* Give the backend up. Any context; only the first reason counts. */
void vgpu_lose(struct vgpu_device *device, enum vgpu_loss why)
{
	struct vgpu_front *front = device->front;

	if (atomic_cmpxchg(&device->lost, VGPU_NOT_LOST, why) != VGPU_NOT_LOST)
		return;
	if (why != VGPU_LOST_REMOVED)
		dev_warn(&device->pdev.dev, "%s: all requests fail from now on\n", reasons[why]);
	vgpu_count(&front->counters, VGPU_CONNECTIONS_LOST, 1);
	wake_up_all(&front->call_wait);
	queue_work(system_unbound_wq, &device->drain_work);
	if (!READ_ONCE(front->removing))
		queue_work(front->wq, &front->state_work);
}

/* While requests are in flight: is anybody there to answer them? */
static void watch_work(struct work_struct *work)
{
	struct vgpu_device *device =
		container_of(to_delayed_work(work), struct vgpu_device, watch_work);

	if (vgpu_is_lost(device) || !vgpu_queues_busy(device))
		return;
	if (vgpu_backend_alive(device->front))
		queue_delayed_work(system_unbound_wq, &device->watch_work, WATCH_INTERVAL);
	else
		vgpu_lose(device, VGPU_LOST_PEER);
}

/* A request is on its way. Any context. */
void vgpu_watch(struct vgpu_device *device)
{
	if (!delayed_work_pending(&device->watch_work))
		queue_delayed_work(system_unbound_wq, &device->watch_work, WATCH_INTERVAL);
}

static void stuck_work(struct work_struct *work)
{
	vgpu_lose(container_of(to_delayed_work(work), struct vgpu_device, stuck_work),
		  VGPU_LOST_STUCK);
}

void vgpu_drain_init(struct vgpu_device *device)
{
	mutex_init(&device->queues_lock);
	INIT_WORK(&device->drain_work, drain_work);
	INIT_DELAYED_WORK(&device->watch_work, watch_work);
	INIT_DELAYED_WORK(&device->stuck_work, stuck_work);
}

/* After the virtio device has gone and nobody can call vgpu_lose any more but its own works. */
void vgpu_drain_stop(struct vgpu_device *device)
{
	cancel_delayed_work_sync(&device->stuck_work);
	cancel_delayed_work_sync(&device->watch_work);
	cancel_work_sync(&device->drain_work);
}
