/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * virtio_xenbus: a virtio-gpu device whose other end is reached by Xen grants and event channels,
 * as vgpuif.h defines it.
 *
 *	xenbus device vgpu-N		struct vgpu_front: what is kept while backends come and
 *	  |				go: pool, window, event channel
 *	  +-- platform device		struct vgpu_device: one connection to one backend. libdrm
 *	        |			and Mesa know platform devices, not xenbus devices. Its
 *	        |			DMA operations grant and bounce.
 *	        +-- virtio device	what virtio_gpu binds to
 *
 * Open DRM files keep the platform device, and so a struct vgpu_device, long after its backend and
 * even its xenbus device have gone.
 *
 * Pages are Xen's, 4 KiB (XEN_PAGE_SIZE), everywhere but where struct page is meant.
 */
#ifndef VGPU_H
#define VGPU_H

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/virtio.h>
#include <linux/virtio_ring.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <xen/grant_table.h>
#include <xen/page.h>
#include <xen/xenbus.h>

#include "compat.h"

#define VGPU_U8 __u8
#define VGPU_U16 __u16
#define VGPU_U32 __u32
#define VGPU_U64 __u64
#include "vgpuif.h"

#if !defined(CONFIG_64BIT) || defined(__BIG_ENDIAN)
#error "virtio_xenbus needs a 64-bit little-endian kernel"
#endif

struct vgpu_device;
struct vgpu_pool;
struct vgpu_window;
struct vgpu_blobs;

/* counters.c */

enum vgpu_counter {
	VGPU_GRANTS,
	VGPU_HYPERCALLS_MEMORY,
	VGPU_HYPERCALLS_GRANT,
	VGPU_HYPERCALLS_EVENT,
	VGPU_NOTIFICATIONS_SENT,
	VGPU_NOTIFICATIONS_RECEIVED,
	VGPU_BYTES_TO_DEVICE,
	VGPU_BYTES_FROM_DEVICE,
	VGPU_BOUNCE_FALLBACKS,
	VGPU_BOUNCE_FAILURES,
	VGPU_BLOBS_MAPPED,
	VGPU_BLOB_PAGES_MAPPED,
	VGPU_WINDOW_RUNS,
	VGPU_WINDOW_SMALL_EXTENTS,
	VGPU_CONNECTIONS,
	VGPU_CONNECTIONS_LOST,
	VGPU_REQUESTS_DRAINED,
	VGPU_NUM_COUNTERS
};

struct vgpu_counters {
	atomic64_t value[VGPU_NUM_COUNTERS];
};

static inline void vgpu_count(struct vgpu_counters *counters, enum vgpu_counter which, s64 n)
{
	atomic64_add(n, &counters->value[which]);
}

struct vgpu_front;

void vgpu_counters_init(void);
void vgpu_counters_exit(void);
void vgpu_counters_add(struct vgpu_front *front);
void vgpu_counters_remove(struct vgpu_front *front);

/* What the backend announces in its nodes. */
struct vgpu_params {
	u64 hostmem;	/* bytes */
	u32 max_pool_pages;
	bool per_blob;	/* mapping */
	bool foreign;	/* window, without per_blob */
};

struct vgpu_front {
	struct kref ref;
	struct xenbus_device *xbdev;	/* until it is removed */
	domid_t backend;

	/* xenbus.c: switches the state in the thread of all watches. */
	struct xenbus_watch own_watch;
	atomic_t next_state;	/* enum xenbus_state; XenbusStateUnknown: nothing to switch */

	/* Serialises connecting and disconnecting. */
	struct mutex lock;
	struct workqueue_struct *wq;
	struct work_struct state_work;
	bool removing;
	bool restart;		/* give everything up and begin anew (suspend) */
	bool grants_void;	/* resumed in another domain */
	bool faulted;		/* last_fault is valid */
	unsigned long last_fault;	/* jiffies */

	struct vgpu_params params;	/* that pool, window and nodes were made for */
	struct vgpu_pool *pool;
	struct vgpu_control *control;	/* in the pool */
	struct vgpu_window *window;
	struct vgpu_blobs *blobs;	/* only with mapping per-blob */
	evtchn_port_t port;
	int irq;			/* 0: no event channel */

	/* call.c */
	struct mutex call_lock;
	wait_queue_head_t call_wait;
	u32 call_sequence;

	/* Guards device and its queues[].vq against the interrupt handler. */
	spinlock_t device_lock;
	struct vgpu_device *device;

	struct vgpu_counters counters;
	struct dentry *debugfs;
};

void vgpu_front_put(struct vgpu_front *front);

/* Why a device has no backend any more. */
enum vgpu_loss {
	VGPU_NOT_LOST,
	VGPU_LOST_STATE,	/* the backend left Connected */
	VGPU_LOST_PEER,		/* nobody is at the other end of the event channel */
	VGPU_LOST_SILENT,	/* no answer in time */
	VGPU_LOST_RESET,	/* it asked for a reset */
	VGPU_LOST_SUSPEND,	/* the guest goes to sleep or elsewhere */
	VGPU_LOST_STUCK,	/* requests do not complete, and the device must go */
	VGPU_LOST_REMOVED,	/* the frontend goes */
};

struct vgpu_queue {
	struct virtqueue *vq;		/* device_lock and queues_lock */
	const struct vring *ring;	/* lock */
	spinlock_t lock;
	/* queue.c: which chains are in flight; in_flight is indexed by their heads */
	u16 seen_avail;
	u16 seen_used;
	s16 *in_flight;
};

struct vgpu_device {
	struct kref ref;
	struct vgpu_front *front;
	struct platform_device pdev;
	struct virtio_device vdev;

	struct vgpu_device_info info;	/* as it was when Connected */
	u8 status;			/* virtio's */

	spinlock_t config_lock;		/* what follows */
	u8 config[VGPU_CONFIG_SIZE];
	u32 config_generation;		/* of our copy */
	u32 backend_generation;		/* of the backend's, as last copied */
	struct work_struct config_work;

	struct mutex queues_lock;	/* drain.c against the end of queues */
	struct vgpu_queue queues[VGPU_NUM_QUEUES];

	atomic_t lost;			/* enum vgpu_loss */
	bool quiet;			/* the backend has been told or is gone; queues_lock */
	bool stopping;			/* queues are about to go; queues_lock and device_lock */
	atomic_t mapped;		/* buffers in queues */
	bool detached;			/* the pool must not be used any more */
	struct mutex resources_lock;	/* the end of grants */
	struct xarray resources;	/* scatter lists that are granted: their entries */
	struct work_struct drain_work;
	struct delayed_work watch_work;
	struct delayed_work stuck_work;
};

static inline struct vgpu_device *vgpu_from_vdev(struct virtio_device *vdev)
{
	return container_of(vdev, struct vgpu_device, vdev);
}

static inline struct vgpu_device *vgpu_from_dev(struct device *dev)
{
	return container_of(dev, struct vgpu_device, pdev.dev);
}

static inline bool vgpu_is_lost(struct vgpu_device *device)
{
	return atomic_read(&device->lost) != VGPU_NOT_LOST;
}

/* Whether this module answers what is in the queues. */
static inline bool vgpu_is_draining(struct vgpu_device *device)
{
	return vgpu_is_lost(device) || READ_ONCE(device->stopping);
}

/* xenbus.c */
void vgpu_notify(struct vgpu_front *front);
bool vgpu_backend_alive(struct vgpu_front *front);
enum xenbus_state vgpu_backend_state(struct vgpu_front *front);

/* store.c */
int vgpu_read_params(struct vgpu_front *front, struct vgpu_params *params);
int vgpu_write_nodes(struct vgpu_front *front);

/* device.c */
int vgpu_device_create(struct vgpu_front *front);
enum vgpu_loss vgpu_device_destroy(struct vgpu_front *front);
void vgpu_device_event(struct vgpu_device *device);

/* config.c */
extern const struct virtio_config_ops vgpu_config_ops;
int vgpu_config_refresh(struct vgpu_device *device);
void vgpu_config_work(struct work_struct *work);

/* call.c */
int vgpu_call(struct vgpu_front *front, struct vgpu_request *request);
int vgpu_call_reset(struct vgpu_front *front, bool lost);
void vgpu_call_restart(struct vgpu_front *front);

/* queue.c */
int vgpu_queues_create(struct vgpu_device *device, unsigned int num, struct virtqueue *vqs[],
		       struct virtqueue_info info[]);
void vgpu_queues_destroy(struct vgpu_device *device);
void vgpu_queues_observe(struct vgpu_device *device);
bool vgpu_queues_exist(struct vgpu_device *device);
bool vgpu_queues_busy(struct vgpu_device *device);
unsigned int vgpu_queue_fail_all(struct vgpu_device *device, struct vgpu_queue *queue);

/* drain.c */
void vgpu_lose(struct vgpu_device *device, enum vgpu_loss why);
void vgpu_drain(struct vgpu_device *device);
void vgpu_stop(struct vgpu_device *device);
void vgpu_drain_init(struct vgpu_device *device);
void vgpu_drain_stop(struct vgpu_device *device);
void vgpu_watch(struct vgpu_device *device);

/* dma.c */
extern const struct dma_map_ops vgpu_dma_ops;
void vgpu_dma_revoke(struct vgpu_device *device);

/* pool.c */
struct vgpu_pool *vgpu_pool_create(struct vgpu_front *front, unsigned int pages);
void vgpu_pool_destroy(struct vgpu_pool *pool);
void vgpu_pool_reset(struct vgpu_pool *pool);
unsigned int vgpu_pool_pages(const struct vgpu_pool *pool);
grant_ref_t vgpu_pool_ref(const struct vgpu_pool *pool);
struct vgpu_control *vgpu_pool_control(struct vgpu_pool *pool, grant_ref_t *ref);
const u32 *vgpu_pool_blob_refs(struct vgpu_pool *pool, grant_ref_t *ref);
void *vgpu_pool_alloc(struct vgpu_pool *pool, size_t size, dma_addr_t *address);
void vgpu_pool_free(struct vgpu_pool *pool, size_t size, dma_addr_t address);
dma_addr_t vgpu_pool_bounce(struct vgpu_pool *pool, void *data, size_t size, bool copy);
void vgpu_pool_unbounce(struct vgpu_pool *pool, dma_addr_t address, size_t size, bool copy);
int vgpu_pool_read(struct vgpu_pool *pool, dma_addr_t address, void *data, size_t size);
int vgpu_pool_write(struct vgpu_pool *pool, dma_addr_t address, const void *data, size_t size);

/* grants.c */
int vgpu_grant_run(struct vgpu_front *front, unsigned int count, grant_ref_t *first);
void vgpu_grant_page(struct vgpu_front *front, grant_ref_t ref, unsigned long gfn);
void vgpu_grant_end(struct vgpu_counters *counters, grant_ref_t ref, struct page *page);

/* window.c */
struct vgpu_window *vgpu_window_create(struct vgpu_front *front, const struct vgpu_params *params);
void vgpu_window_destroy(struct vgpu_window *window);
u64 vgpu_window_base(const struct vgpu_window *window);
u64 vgpu_window_size(const struct vgpu_window *window);
bool vgpu_window_zeroed(const struct vgpu_window *window);
void vgpu_window_used(struct vgpu_window *window);
int vgpu_window_print_refs(const struct vgpu_window *window, char *text, size_t size);
void vgpu_windows_exit(void);

/* blob.c */
struct vgpu_blobs *vgpu_blobs_create(struct vgpu_front *front);
void vgpu_blobs_destroy(struct vgpu_blobs *blobs);
void vgpu_blobs_unmap_all(struct vgpu_blobs *blobs);
void vgpu_blobs_event(struct vgpu_blobs *blobs);

#endif
