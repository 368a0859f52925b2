// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Requests about the device, one at a time, by the control page (struct vgpu_request). */
#include <linux/jiffies.h>

#include "vgpu.h"

#define ANSWER_TIMEOUT (5 * HZ)
#define LOST_TIMEOUT HZ	/* for a backend that may well not answer */
#define ALIVE_INTERVAL (HZ / 2)

static int to_errno(u32 status)
{
	switch (status) {
	case VGPU_STATUS_OK:
		return 0;
	case VGPU_STATUS_NO_MEMORY:
		return -ENOMEM;
	case VGPU_STATUS_GRANT:
		return -EFAULT;
	case VGPU_STATUS_STATE:
		return -EBUSY;
	default:
		return -EINVAL;
	}
}

static bool answered(struct vgpu_front *front, u32 sequence)
{
	/* The sequence number before the status that it publishes. */
	return virt_load_acquire(&front->control->response.sequence) == sequence;
}

static bool device_lost(struct vgpu_front *front)
{
	struct vgpu_device *device = READ_ONCE(front->device);

	return device && vgpu_is_lost(device);
}

/* Wait until the request is answered: 0, -ENODEV when the backend went, or -ETIMEDOUT. */
static int wait(struct vgpu_front *front, u32 sequence, bool lost)
{
	unsigned long end = jiffies + (lost ? LOST_TIMEOUT : ANSWER_TIMEOUT);

	while (!answered(front, sequence)) {
		if ((!lost && device_lost(front)) || !vgpu_backend_alive(front))
			return -ENODEV;
		if (time_after(jiffies, end))
			return -ETIMEDOUT;
		wait_event_timeout(front->call_wait,
				   answered(front, sequence) || (!lost && device_lost(front)),
				   ALIVE_INTERVAL);
	}
	return 0;
}

static int call(struct vgpu_front *front, struct vgpu_request *request, bool lost)
{
	struct vgpu_request *shared = &front->control->request;
	int err;

	mutex_lock(&front->call_lock);
	if (!++front->call_sequence)
		front->call_sequence = 1;
	WRITE_ONCE(shared->op, request->op);
	WRITE_ONCE(shared->queue, request->queue);
	WRITE_ONCE(shared->size, request->size);
	WRITE_ONCE(shared->arg[0], request->arg[0]);
	WRITE_ONCE(shared->arg[1], request->arg[1]);
	WRITE_ONCE(shared->arg[2], request->arg[2]);
	/* The request before its sequence number. */
	virt_store_release(&shared->sequence, front->call_sequence);
	vgpu_notify(front);
	err = wait(front, front->call_sequence, lost);
	if (!err)
		err = to_errno(READ_ONCE(front->control->response.status));
	mutex_unlock(&front->call_lock);
	return err;
}

/*
 * Make a request and wait for its answer. Returns 0 or a negative errno; a backend that does not
 * answer in time is given up (vgpu_lose). Sleeps.
 */
int vgpu_call(struct vgpu_front *front, struct vgpu_request *request)
{
	struct vgpu_device *device = front->device;
	int err;

	if (!device || vgpu_is_lost(device))
		return -ENODEV;
	err = call(front, request, false);
	if (err == -ENODEV)
		vgpu_lose(device, VGPU_LOST_PEER);
	else if (err == -ETIMEDOUT)
		vgpu_lose(device, VGPU_LOST_SILENT);
	else if (err)
		dev_err(&device->pdev.dev, "the backend refused request %u of queue %u: %d\n",
			request->op, request->queue, err);
	return err;
}

/*
 * End all work of the backend. lost: the device has been given up, but its backend may still be
 * there and must not use the queues any more.
 */
int vgpu_call_reset(struct vgpu_front *front, bool lost)
{
	struct vgpu_request request = { .op = VGPU_OP_RESET };

	return lost ? call(front, &request, true) : vgpu_call(front, &request);
}

/* For a new backend, before it sees the control page. */
void vgpu_call_restart(struct vgpu_front *front)
{
	memset(front->control, 0, sizeof(*front->control));
	front->call_sequence = 0;
}
