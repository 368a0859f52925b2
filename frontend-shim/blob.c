// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Mapping "per-blob": the backend asks for pages of its own to be mapped into the window and
 * unmapped again (struct vgpu_blob_request). Only user space touches them, by virtio_gpu's mmap.
 */
#include <linux/delay.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include <asm/xen/hypercall.h>

#include "vgpu.h"

#define BATCH 256	/* pages per hypercall */
#define NOT_MAPPED (~0U)
#define EAGAIN_TRIES 100
#define EAGAIN_DELAY 10	/* ms */

struct vgpu_blobs {
	struct vgpu_front *front;
	const u32 *shared_refs;
	u32 answered;		/* sequence number of the last request */
	struct work_struct work;
	struct mutex lock;	/* what follows */
	u32 pages;
	grant_handle_t *handles;	/* by page of the window */
	u32 refs[VGPU_MAX_BLOB_REFS];
	union {
		struct gnttab_map_grant_ref map[BATCH];
		struct gnttab_unmap_grant_ref unmap[BATCH];
	};
};

static u64 page_address_at(struct vgpu_blobs *blobs, u32 page)
{
	return vgpu_window_base(blobs->front->window) + (u64)page * XEN_PAGE_SIZE;
}

/* Does not use gnttab_set_map_op: that takes a virtual address and applies __pa. */
static int map_one_batch(struct vgpu_blobs *blobs, u32 first, const u32 *refs, u32 count)
{
	struct vgpu_front *front = blobs->front;
	int err = 0;
	u32 i;

	memset(blobs->map, 0, sizeof(blobs->map));
	for (i = 0; i < count; i++) {
		blobs->map[i].host_addr = page_address_at(blobs, first + i);
		blobs->map[i].flags = GNTMAP_host_map;
		blobs->map[i].ref = refs[i];
		blobs->map[i].dom = front->backend;
	}
	vgpu_count(&front->counters, VGPU_HYPERCALLS_GRANT, 1);
	if (HYPERVISOR_grant_table_op(GNTTABOP_map_grant_ref, blobs->map, count))
		return -EIO;
	for (i = 0; i < count; i++) {
		unsigned int tries = 0;

		while (blobs->map[i].status == GNTST_eagain && tries++ < EAGAIN_TRIES) {
			msleep(EAGAIN_DELAY);
			vgpu_count(&front->counters, VGPU_HYPERCALLS_GRANT, 1);
			if (HYPERVISOR_grant_table_op(GNTTABOP_map_grant_ref, &blobs->map[i], 1))
				break;
		}
		if (blobs->map[i].status == GNTST_okay) {
			blobs->handles[first + i] = blobs->map[i].handle;
			vgpu_count(&front->counters, VGPU_BLOB_PAGES_MAPPED, 1);
		} else {
			dev_warn_ratelimited(&front->xbdev->dev,
					     "reference %u of a blob cannot be mapped: status %d\n",
					     refs[i], blobs->map[i].status);
			err = -EIO;
		}
	}
	return err;
}

static void unmap_range(struct vgpu_blobs *blobs, u32 first, u32 count)
{
	u32 page = first, i, n;

	while (page < first + count) {
		u32 pages[BATCH];

		for (n = 0; n < BATCH && page < first + count; page++) {
			if (blobs->handles[page] == NOT_MAPPED)
				continue;
			blobs->unmap[n].host_addr = page_address_at(blobs, page);
			blobs->unmap[n].dev_bus_addr = 0;
			blobs->unmap[n].handle = blobs->handles[page];
			pages[n++] = page;
		}
		if (!n)
			break;
		vgpu_count(&blobs->front->counters, VGPU_HYPERCALLS_GRANT, 1);
		if (HYPERVISOR_grant_table_op(GNTTABOP_unmap_grant_ref, blobs->unmap, n))
			return;
		for (i = 0; i < n; i++) {
			if (blobs->unmap[i].status != GNTST_okay)
				pr_warn_ratelimited("a page of a blob cannot be unmapped: status %d\n",
						    blobs->unmap[i].status);
			blobs->handles[pages[i]] = NOT_MAPPED;
			vgpu_count(&blobs->front->counters, VGPU_BLOB_PAGES_MAPPED, -1);
		}
		cond_resched();
	}
}

static u32 count_mapped(const struct vgpu_blobs *blobs, u32 first, u32 count)
{
	u32 i, mapped = 0;

	for (i = first; i < first + count; i++)
		if (blobs->handles[i] != NOT_MAPPED)
			mapped++;
	return mapped;
}

/* Mapping over a mapped page would leak it, or crash the guest. */
static u32 do_map(struct vgpu_blobs *blobs, u32 first, u32 count)
{
	u32 done, n;

	if (count > VGPU_MAX_BLOB_REFS || count_mapped(blobs, first, count))
		return VGPU_STATUS_INVALID;
	memcpy(blobs->refs, blobs->shared_refs, count * sizeof(blobs->refs[0]));
	for (done = 0; done < count; done += n) {
		n = min_t(u32, count - done, BATCH);
		if (map_one_batch(blobs, first + done, blobs->refs + done, n)) {
			unmap_range(blobs, first, count);
			return VGPU_STATUS_GRANT;
		}
		cond_resched();
	}
	vgpu_count(&blobs->front->counters, VGPU_BLOBS_MAPPED, 1);
	return VGPU_STATUS_OK;
}

static u32 do_request(struct vgpu_blobs *blobs, const struct vgpu_blob_request *request)
{
	u64 first = request->offset >> XEN_PAGE_SHIFT;

	if (!IS_ALIGNED(request->offset, XEN_PAGE_SIZE) || !request->pages ||
	    first >= blobs->pages || request->pages > blobs->pages - first)
		return VGPU_STATUS_INVALID;
	switch (request->op) {
	case VGPU_BLOB_MAP:
		return do_map(blobs, first, request->pages);
	case VGPU_BLOB_UNMAP:
		if (count_mapped(blobs, first, request->pages) != request->pages)
			return VGPU_STATUS_INVALID;
		unmap_range(blobs, first, request->pages);
		vgpu_count(&blobs->front->counters, VGPU_BLOBS_MAPPED, -1);
		return VGPU_STATUS_OK;
	default:
		return VGPU_STATUS_INVALID;
	}
}

static void blobs_work(struct work_struct *work)
{
	struct vgpu_blobs *blobs = container_of(work, struct vgpu_blobs, work);
	struct vgpu_control *control = blobs->front->control;
	struct vgpu_blob_request request;
	u32 sequence, status;

	/* The sequence number before the request that it publishes. */
	sequence = virt_load_acquire(&control->blob_request.sequence);
	if (sequence == blobs->answered)
		return;
	request.op = READ_ONCE(control->blob_request.op);
	request.offset = READ_ONCE(control->blob_request.offset);
	request.pages = READ_ONCE(control->blob_request.pages);
	mutex_lock(&blobs->lock);
	status = do_request(blobs, &request);
	mutex_unlock(&blobs->lock);
	blobs->answered = sequence;
	WRITE_ONCE(control->blob_response.status, status);
	/* The answer before its sequence number. */
	virt_store_release(&control->blob_response.sequence, sequence);
	vgpu_notify(blobs->front);
}

/* An event came: there may be a request. Any context. */
void vgpu_blobs_event(struct vgpu_blobs *blobs)
{
	if (READ_ONCE(blobs->front->control->blob_request.sequence) != READ_ONCE(blobs->answered))
		queue_work(system_unbound_wq, &blobs->work);
}

/* At the end of a virtio device, when no application can have the window mapped any more. */
void vgpu_blobs_unmap_all(struct vgpu_blobs *blobs)
{
	cancel_work_sync(&blobs->work);
	mutex_lock(&blobs->lock);
	unmap_range(blobs, 0, blobs->pages);
	mutex_unlock(&blobs->lock);
	atomic64_set(&blobs->front->counters.value[VGPU_BLOBS_MAPPED], 0);
}

/* For one connection; front's window, pool and control page must outlive it. ERR_PTR on error. */
struct vgpu_blobs *vgpu_blobs_create(struct vgpu_front *front)
{
	struct vgpu_blobs *blobs = kvzalloc(sizeof(*blobs), GFP_KERNEL);
	grant_ref_t ref;
	u32 i;

	if (!blobs)
		return ERR_PTR(-ENOMEM);
	blobs->front = front;
	blobs->shared_refs = vgpu_pool_blob_refs(front->pool, &ref);
	blobs->pages = vgpu_window_size(front->window) >> XEN_PAGE_SHIFT;
	blobs->handles = kvmalloc_array(blobs->pages, sizeof(*blobs->handles), GFP_KERNEL);
	if (!blobs->handles) {
		kvfree(blobs);
		return ERR_PTR(-ENOMEM);
	}
	for (i = 0; i < blobs->pages; i++)
		blobs->handles[i] = NOT_MAPPED;
	mutex_init(&blobs->lock);
	INIT_WORK(&blobs->work, blobs_work);
	return blobs;
}

/* Accepts NULL and ERR_PTR. The interrupt must be off. */
void vgpu_blobs_destroy(struct vgpu_blobs *blobs)
{
	if (IS_ERR_OR_NULL(blobs))
		return;
	vgpu_blobs_unmap_all(blobs);
	kvfree(blobs->handles);
	kvfree(blobs);
}
