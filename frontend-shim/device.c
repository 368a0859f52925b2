// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The platform device and the virtio device of one connection. */
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/virtio_ids.h>

#include <uapi/linux/virtio_config.h>

#include "vgpu.h"

#define VENDOR_XEN 0x4e4558	/* "XEN"; nothing depends on it */
/* How long an orderly removal may wait for requests before they are failed. */
#define REMOVE_TIMEOUT (10 * HZ)

static void device_free(struct kref *ref)
{
	struct vgpu_device *device = container_of(ref, struct vgpu_device, ref);

	vgpu_front_put(device->front);
	xa_destroy(&device->resources);
	kfree(device);
	module_put(THIS_MODULE);
}

static void device_put(struct vgpu_device *device)
{
	kref_put(&device->ref, device_free);
}

static void release_vdev(struct device *dev)
{
	device_put(vgpu_from_vdev(dev_to_virtio(dev)));
}

static void release_pdev(struct device *dev)
{
	device_put(vgpu_from_dev(dev));
}

/* Copy the device part of the control page and check it. */
static int read_info(struct vgpu_device *device)
{
	struct vgpu_front *front = device->front;
	struct vgpu_device_info *info = &device->info;

	memcpy(info, &front->control->device, sizeof(*info));
	if (info->magic != VGPU_MAGIC || info->version != VGPU_PROTOCOL_VERSION ||
	    info->num_queues < VGPU_NUM_QUEUES || !is_power_of_2(info->queue_size) ||
	    info->queue_size < 2 || info->queue_size > VGPU_MAX_QUEUE_SIZE ||
	    info->config_size > VGPU_CONFIG_SIZE) {
		xenbus_dev_fatal(front->xbdev, -EPROTO,
				 "control page: magic %#x, version %u, %u queues of %u, configuration of %u bytes",
				 info->magic, info->version, info->num_queues, info->queue_size,
				 info->config_size);
		return -EPROTO;
	}
	if (~info->features & (BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM))) {
		xenbus_dev_fatal(front->xbdev, -EPROTO,
				 "features %#llx lack VERSION_1 or ACCESS_PLATFORM",
				 info->features);
		return -EPROTO;
	}
	return vgpu_config_refresh(device);
}

static int add_pdev(struct vgpu_device *device)
{
	struct platform_device *pdev = &device->pdev;
	int err;

	pdev->name = "xen-vgpu";
	pdev->id = PLATFORM_DEVID_AUTO;
	pdev->dev.parent = &device->front->xbdev->dev;
	pdev->dev.release = release_pdev;
	kref_get(&device->ref);
	/* No driver has this name; what the driver core looks up is virtio_gpu's DMA operations. */
	set_dma_ops(&pdev->dev, &vgpu_dma_ops);
	err = platform_device_register(pdev);
	if (err) {
		platform_device_put(pdev);
		return err;
	}
	err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (err)
		platform_device_unregister(pdev);
	return err;
}

static int add_vdev(struct vgpu_device *device)
{
	struct virtio_device *vdev = &device->vdev;
	int err;

	vdev->dev.parent = &device->pdev.dev;
	vdev->dev.release = release_vdev;
	vdev->id.device = VIRTIO_ID_GPU;
	vdev->id.vendor = VENDOR_XEN;
	vdev->config = &vgpu_config_ops;
	kref_get(&device->ref);
	err = register_virtio_device(vdev);
	if (err)
		put_device(&vdev->dev);
	return err;
}

static void set_current(struct vgpu_front *front, struct vgpu_device *device)
{
	unsigned long flags;

	spin_lock_irqsave(&front->device_lock, flags);
	front->device = device;
	spin_unlock_irqrestore(&front->device_lock, flags);
}

/* After the virtio device has gone. */
static void detach(struct vgpu_device *device)
{
	struct vgpu_front *front = device->front;

	set_current(front, NULL);
	vgpu_drain_stop(device);
	cancel_work_sync(&device->config_work);
	/* vgpu_lose may have been under way when the drain was stopped. */
	cancel_work_sync(&device->drain_work);
	device->detached = true;
	vgpu_dma_revoke(device);
	vgpu_pool_reset(front->pool);
	if (front->blobs)
		vgpu_blobs_unmap_all(front->blobs);
}

/*
 * Connect to the backend, which is in state Connected, and register a virtio device. front->lock is
 * held. Returns 0 or a negative errno.
 */
int vgpu_device_create(struct vgpu_front *front)
{
	struct vgpu_device *device = kzalloc(sizeof(*device), GFP_KERNEL);
	int err, i;

	if (!device)
		return -ENOMEM;
	__module_get(THIS_MODULE);
	kref_init(&device->ref);
	kref_get(&front->ref);
	device->front = front;
	spin_lock_init(&device->config_lock);
	INIT_WORK(&device->config_work, vgpu_config_work);
	for (i = 0; i < VGPU_NUM_QUEUES; i++)
		spin_lock_init(&device->queues[i].lock);
	mutex_init(&device->resources_lock);
	xa_init(&device->resources);
	vgpu_drain_init(device);
	err = read_info(device);
	if (err)
		goto put;
	err = add_pdev(device);
	if (err)
		goto put;
	if (front->window)
		vgpu_window_used(front->window);
	set_current(front, device);
	vgpu_count(&front->counters, VGPU_CONNECTIONS, 1);
	err = add_vdev(device);
	if (err)
		goto remove_pdev;
	return 0;

remove_pdev:
	detach(device);
	platform_device_unregister(&device->pdev);
put:
	device_put(device);
	return err;
}

/*
 * Unregister the virtio device. An unfinished request delays that for REMOVE_TIMEOUT at most. The
 * rest of the device lives on until its last DRM file is closed. front->lock is held. Returns why
 * the backend had been lost.
 */
enum vgpu_loss vgpu_device_destroy(struct vgpu_front *front)
{
	struct vgpu_device *device = front->device;
	enum vgpu_loss why;

	if (!device)
		return VGPU_NOT_LOST;
	why = atomic_read(&device->lost);
	queue_delayed_work(system_unbound_wq, &device->stuck_work, REMOVE_TIMEOUT);
	unregister_virtio_device(&device->vdev);
	detach(device);
	platform_device_unregister(&device->pdev);
	device_put(device);
	return why;
}

/* The backend has sent an event: the interrupt handler's part, with device_lock held. */
void vgpu_device_event(struct vgpu_device *device)
{
	struct vgpu_device_info *shared = &device->front->control->device;
	int i;

	/* Then only the drain calls the queues. */
	if (vgpu_is_draining(device))
		return;
	if (READ_ONCE(shared->status) & VGPU_DEVICE_NEEDS_RESET)
		vgpu_lose(device, VGPU_LOST_RESET);
	if (READ_ONCE(shared->config_generation) != device->backend_generation)
		queue_work(system_unbound_wq, &device->config_work);
	for (i = 0; i < VGPU_NUM_QUEUES; i++)
		if (device->queues[i].vq)
			vring_interrupt(0, device->queues[i].vq);
}
