// SPDX-License-Identifier: GPL-2.0 OR MIT
/* virtio's configuration operations. */
#include <linux/interrupt.h>
#include <linux/virtio_ids.h>

#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_gpu.h>
#include <uapi/linux/virtio_ring.h>

#include "vgpu.h"

#define CONFIG_TRIES 1000
#define SHM_HOST_VISIBLE 1	/* VIRTIO_GPU_SHM_ID_HOST_VISIBLE */

/*
 * Features of the ring and the transport that this module can do; drain.c knows split virtqueues
 * only. Bits below 24 belong to the device.
 */
#define TRANSPORT_FEATURES (BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) | \
			    BIT_ULL(VIRTIO_RING_F_EVENT_IDX) | \
			    BIT_ULL(VIRTIO_F_VERSION_1) | \
			    BIT_ULL(VIRTIO_F_ACCESS_PLATFORM))
#define DEVICE_FEATURES (BIT_ULL(24) - 1)

/*
 * Give the driver the scanouts that it insists on. The backend answers GET_DISPLAY_INFO with
 * those it has, and for the driver one more is a connector with nothing plugged in.
 */
static void adapt(u8 *config)
{
	size_t offset = offsetof(struct virtio_gpu_config, num_scanouts);
	__le32 scanouts;

	memcpy(&scanouts, config + offset, sizeof(scanouts));
	scanouts = cpu_to_le32(max_t(u32, le32_to_cpu(scanouts), VGPU_MIN_SCANOUTS));
	memcpy(config + offset, &scanouts, sizeof(scanouts));
}

/*
 * Copy the backend's configuration. The driver reads the copy: no race with the backend can keep it
 * reading. -EBUSY when the backend does not stop changing it.
 */
int vgpu_config_refresh(struct vgpu_device *device)
{
	struct vgpu_control *control = device->front->control;
	u8 config[VGPU_CONFIG_SIZE];
	unsigned int tries;
	unsigned long flags;
	u32 generation;

	for (tries = 0; tries < CONFIG_TRIES; tries++) {
		/* One generation before, and the same after, or it was changed meanwhile. */
		generation = virt_load_acquire(&control->device.config_generation);
		memcpy(config, control->config, sizeof(config));
		/* The bytes before the second look at the generation. */
		virt_rmb();
		if (!(generation & 1) &&
		    generation == READ_ONCE(control->device.config_generation))
			break;
		cpu_relax();
	}
	if (tries == CONFIG_TRIES)
		return -EBUSY;
	adapt(config);
	spin_lock_irqsave(&device->config_lock, flags);
	memcpy(device->config, config, device->info.config_size);
	device->config_generation++;
	device->backend_generation = generation;
	spin_unlock_irqrestore(&device->config_lock, flags);
	return 0;
}

void vgpu_config_work(struct work_struct *work)
{
	struct vgpu_device *device = container_of(work, struct vgpu_device, config_work);

	if (vgpu_config_refresh(device))
		dev_warn(&device->pdev.dev, "the backend keeps changing the configuration\n");
	else
		virtio_config_changed(&device->vdev);
}

static void get(struct virtio_device *vdev, unsigned int offset, void *data, unsigned int length)
{
	struct vgpu_device *device = vgpu_from_vdev(vdev);
	unsigned long flags;

	memset(data, 0, length);
	if (offset > VGPU_CONFIG_SIZE || length > VGPU_CONFIG_SIZE - offset)
		return;
	spin_lock_irqsave(&device->config_lock, flags);
	memcpy(data, device->config + offset, length);
	spin_unlock_irqrestore(&device->config_lock, flags);
}

static void set(struct virtio_device *vdev, unsigned int offset, const void *data,
		unsigned int length)
{
	struct vgpu_request request = { .op = VGPU_OP_WRITE_CONFIG, .size = length };

	if (length > sizeof(request.arg[1]) || !is_power_of_2(length))
		return;
	request.arg[0] = offset;
	memcpy(&request.arg[1], data, length);
	vgpu_call(vgpu_from_vdev(vdev)->front, &request);
}

static u32 generation(struct virtio_device *vdev)
{
	return READ_ONCE(vgpu_from_vdev(vdev)->config_generation);
}

static u8 get_status(struct virtio_device *vdev)
{
	return vgpu_from_vdev(vdev)->status;
}

static void set_status(struct virtio_device *vdev, u8 status)
{
	struct vgpu_device *device = vgpu_from_vdev(vdev);
	u8 added = status & ~device->status;

	device->status = status;
	if (added & VIRTIO_CONFIG_S_DRIVER_OK) {
		struct vgpu_request request = { .op = VGPU_OP_START };

		vgpu_call(device->front, &request);
	}
}

static void reset(struct virtio_device *vdev)
{
	struct vgpu_device *device = vgpu_from_vdev(vdev);

	device->status = 0;
	if (vgpu_queues_exist(device))
		vgpu_stop(device);
	else if (!vgpu_is_lost(device))
		vgpu_call_reset(device->front, false);
}

#ifdef VGPU_HAVE_VIRTQUEUE_INFO
static int find_vqs(struct virtio_device *vdev, unsigned int num, struct virtqueue *vqs[],
		    struct virtqueue_info info[], struct irq_affinity *affinity)
{
	return vgpu_queues_create(vgpu_from_vdev(vdev), num, vqs, info);
}
#else
static int find_vqs(struct virtio_device *vdev, unsigned int num, struct virtqueue *vqs[],
		    vq_callback_t *callbacks[], const char * const names[], const bool *ctx,
		    struct irq_affinity *affinity)
{
	struct virtqueue_info info[VGPU_NUM_QUEUES];
	unsigned int i;

	if (num > VGPU_NUM_QUEUES)
		return -EINVAL;
	for (i = 0; i < num; i++) {
		info[i].name = names[i];
		info[i].callback = callbacks[i];
		info[i].ctx = ctx && ctx[i];
	}
	return vgpu_queues_create(vgpu_from_vdev(vdev), num, vqs, info);
}
#endif

static void del_vqs(struct virtio_device *vdev)
{
	vgpu_queues_destroy(vgpu_from_vdev(vdev));
}

static void synchronize_cbs(struct virtio_device *vdev)
{
	struct vgpu_front *front = vgpu_from_vdev(vdev)->front;

	if (front->irq)
		synchronize_irq(front->irq);
}

static u64 get_features(struct virtio_device *vdev)
{
	return vgpu_from_vdev(vdev)->info.features & (DEVICE_FEATURES | TRANSPORT_FEATURES);
}

static int finalize_features(struct virtio_device *vdev)
{
	struct vgpu_request request = { .op = VGPU_OP_SET_FEATURES };

	vring_transport_features(vdev);
	request.arg[0] = vdev->features;
	return vgpu_call(vgpu_from_vdev(vdev)->front, &request);
}

static const char *bus_name(struct virtio_device *vdev)
{
	return dev_name(&vgpu_from_vdev(vdev)->pdev.dev);
}

static bool get_shm_region(struct virtio_device *vdev, struct virtio_shm_region *region, u8 id)
{
	struct vgpu_window *window = vgpu_from_vdev(vdev)->front->window;

	if (id != SHM_HOST_VISIBLE)
		return false;
	region->addr = vgpu_window_base(window);
	region->len = vgpu_window_size(window);
	return true;
}

const struct virtio_config_ops vgpu_config_ops = {
	.get = get,
	.set = set,
	.generation = generation,
	.get_status = get_status,
	.set_status = set_status,
	.reset = reset,
	.find_vqs = find_vqs,
	.del_vqs = del_vqs,
	.synchronize_cbs = synchronize_cbs,
	.get_features = get_features,
	.finalize_features = finalize_features,
	.bus_name = bus_name,
	.get_shm_region = get_shm_region,
};
