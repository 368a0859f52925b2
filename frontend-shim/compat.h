/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What differs between the supported kernels (6.1 to 7.2). Kbuild looks into the kernel's headers
 * and defines VGPU_HAVE_*.
 */
#ifndef VGPU_COMPAT_H
#define VGPU_COMPAT_H

#include <linux/dma-map-ops.h>
#include <linux/version.h>
#include <linux/virtio_config.h>
#include <linux/workqueue.h>

#ifndef VGPU_HAVE_VIRTQUEUE_INFO
/* Before 6.11 the properties of virtqueues came as parallel arrays. */
struct virtqueue_info {
	const char *name;
	vq_callback_t *callback;
	bool ctx;
};
#endif

#ifndef DMA_ATTR_MMIO
/* Only dma_map_ops.map_phys has it. */
#define DMA_ATTR_MMIO 0
#endif

/* virtio_gpu refuses a device with fewer; no header tells. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define VGPU_MIN_SCANOUTS 1
#else
#define VGPU_MIN_SCANOUTS 0
#endif

/* Where schedule_work queues. */
#ifdef VGPU_HAVE_PERCPU_WQ
#define vgpu_schedule_wq system_percpu_wq
#else
#define vgpu_schedule_wq system_wq
#endif

#endif
