// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The window: guest-physical memory that applications map, virtio shared memory region 1.
 *
 * Its address comes from the extended regions that Xen's tools write into the device tree, ranges
 * in which there will never be anything else. The range is ours in iomem_resource but not busy, so
 * that virtio_gpu can request its part. With mapping "per-blob" that is all; otherwise the range is
 * populated, zeroed, and granted unless the backend maps it by its privilege. The pages have no
 * struct page and no lasting kernel mapping.
 *
 * A window ends with its xenbus device. What the backend has still mapped then stays as it is, and
 * is looked at again every few seconds.
 */
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_address.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <xen/interface/xen.h>
#include <xen/interface/memory.h>
#include <asm/xen/hypercall.h>

#include "vgpu.h"

#define LARGE_ORDER 9
#define LARGE_PAGES BIT(LARGE_ORDER)
#define BATCH 256	/* extents per hypercall */
#define CLAIM_ATTEMPTS 64
#define PARKED_INTERVAL (10 * HZ)

static unsigned long window_base;
module_param(window_base, ulong, 0444);
MODULE_PARM_DESC(window_base, "guest-physical address below which windows lie, for guests whose device tree has no extended regions");

struct window_run {
	grant_ref_t first;
	unsigned int count;
	unsigned int ended;	/* of count, from the first on */
};

struct vgpu_window {
	struct vgpu_front *front;
	struct resource resource;
	unsigned long pages;		/* 0 when the window is address space only */
	unsigned long populated;	/* pages from the base on */
	bool zeroed;
	unsigned int num_runs;
	struct window_run runs[VGPU_MAX_WINDOW_RUNS];
	struct list_head parked;
};

/* The last extended region: [0] is the grant table's, and the kernel uses the others from below. */
static int last_region(struct resource *region)
{
	struct device_node *node = of_find_compatible_node(NULL, NULL, "xen,xen");
	int i = 1;

	if (window_base) {
		of_node_put(node);
		region->start = 0;
		region->end = window_base - 1;
		return 0;
	}
	if (!node)
		return -ENOENT;
	while (!of_address_to_resource(node, i, region))
		i++;
	of_node_put(node);
	return i > 1 ? 0 : -ENOENT;
}

/* From the top of the region down: other windows may be there. */
static int claim(struct vgpu_window *window, u64 size)
{
	struct device *dev = &window->front->xbdev->dev;
	struct resource region = {};
	int i;

	/* Not the module's own text: a window may outlive the module when that is forced to go. */
	window->resource.name = kstrdup("virtio_xenbus window", GFP_KERNEL);
	if (!window->resource.name)
		return -ENOMEM;
	window->resource.flags = IORESOURCE_MEM;
	if (last_region(&region)) {
		dev_err(dev, "no extended regions in the device tree, and no parameter window_base\n");
		return -ENODEV;
	}
	for (i = 0; i < CLAIM_ATTEMPTS; i++) {
		u64 top = ALIGN_DOWN(region.end + 1, SZ_2M) - i * size;

		if (top < region.start + size)
			break;
		if (!allocate_resource(&iomem_resource, &window->resource, size, top - size,
				       top - 1, SZ_2M, NULL, NULL))
			return 0;
	}
	window->resource.start = 0;
	window->resource.end = 0;
	dev_err(dev, "no room for a window of %llu bytes in %pR\n", size, &region);
	return -EBUSY;
}

static long reserve(struct vgpu_window *window, unsigned int op, unsigned int order,
		    xen_pfn_t *frames, unsigned long count)
{
	struct xen_memory_reservation reservation = {
		.nr_extents = count,
		.extent_order = order,
		.domid = DOMID_SELF,
	};

	set_xen_guest_handle(reservation.extent_start, frames);
	vgpu_count(&window->front->counters, VGPU_HYPERCALLS_MEMORY, 1);
	return HYPERVISOR_memory_op(op, &reservation);
}

/* populate or give back pages from first on, in extents of one size. How many extents it did. */
static unsigned long reserve_range(struct vgpu_window *window, unsigned int op, unsigned int order,
				   xen_pfn_t *frames, unsigned long first, unsigned long count)
{
	unsigned long base = window->resource.start >> XEN_PAGE_SHIFT, done = 0, i;

	while (done < count) {
		unsigned long n = min(count - done, (unsigned long)BATCH);
		long did;

		for (i = 0; i < n; i++)
			frames[i] = base + first + ((done + i) << order);
		did = reserve(window, op, order, frames, n);
		if (did > 0)
			done += min_t(unsigned long, did, n);
		if (did < 0 || (unsigned long)did < n)
			break;
		cond_resched();
	}
	return done;
}

/* In extents of 2 MiB, or where Xen has none, of 4 KiB. */
static int populate(struct vgpu_window *window)
{
	xen_pfn_t *frames = kmalloc_array(BATCH, sizeof(*frames), GFP_KERNEL);
	unsigned long n;
	int err = 0;

	if (!frames)
		return -ENOMEM;
	while (window->populated < window->pages) {
		n = reserve_range(window, XENMEM_populate_physmap, LARGE_ORDER, frames,
				  window->populated,
				  (window->pages - window->populated) / LARGE_PAGES);
		window->populated += n * LARGE_PAGES;
		if (window->populated == window->pages)
			break;
		n = reserve_range(window, XENMEM_populate_physmap, 0, frames, window->populated,
				  LARGE_PAGES);
		window->populated += n;
		vgpu_count(&window->front->counters, VGPU_WINDOW_SMALL_EXTENTS, n);
		if (n < LARGE_PAGES) {
			dev_err(&window->front->xbdev->dev,
				"Xen gave %lu of the %lu pages of the window: the limit of this guest's memory, its p2m pool or Xen's free memory is too small\n",
				window->populated, window->pages);
			err = -ENOMEM;
			break;
		}
	}
	kfree(frames);
	return err;
}

static void depopulate(struct vgpu_window *window)
{
	xen_pfn_t *frames;
	unsigned long large = window->populated / LARGE_PAGES, done;

	if (!window->populated)
		return;
	frames = kmalloc_array(BATCH, sizeof(*frames), GFP_KERNEL | __GFP_NOFAIL);
	done = reserve_range(window, XENMEM_decrease_reservation, LARGE_ORDER, frames, 0, large);
	if (done < large)
		pr_warn("Xen took back only %lu of %lu extents of a window\n", done, large);
	reserve_range(window, XENMEM_decrease_reservation, 0, frames, large * LARGE_PAGES,
		      window->populated % LARGE_PAGES);
	kfree(frames);
	window->populated = 0;
}

/* Xen does not promise that memory which it gives to a guest is clean. */
static int zero(struct vgpu_window *window)
{
	u64 address;

	for (address = window->resource.start; address < window->resource.end; address += SZ_2M) {
		void *memory = memremap(address, SZ_2M, MEMREMAP_WB);

		if (!memory)
			return -ENOMEM;
		memset(memory, 0, SZ_2M);
		memunmap(memory);
		cond_resched();
	}
	window->zeroed = true;
	return 0;
}

/* In one run of references if there is one, else in halves of it and so on. */
static int grant_all(struct vgpu_window *window)
{
	struct vgpu_front *front = window->front;
	unsigned long gfn = window->resource.start >> XEN_PAGE_SHIFT;
	unsigned long left = window->pages, want = left;

	while (left) {
		struct window_run *run = &window->runs[window->num_runs];
		unsigned int i;

		want = min(want, left);
		if (window->num_runs == VGPU_MAX_WINDOW_RUNS || !want) {
			dev_err(&front->xbdev->dev,
				"no grant references for %lu of the window's %lu pages: this guest can have %u grant frames of 512 (max_grant_frames)\n",
				left, window->pages, gnttab_max_grant_frames());
			return -ENOSPC;
		}
		if (vgpu_grant_run(front, want, &run->first)) {
			want /= 2;
			continue;
		}
		run->count = want;
		run->ended = 0;
		window->num_runs++;
		for (i = 0; i < want; i++) {
			vgpu_grant_page(front, run->first + i, gfn++);
			if (i % 4096 == 4095)
				cond_resched();
		}
		left -= want;
	}
	atomic64_set(&front->counters.value[VGPU_WINDOW_RUNS], window->num_runs);
	return 0;
}

/* End the grants. False when the backend has some of the pages mapped. */
static bool end_grants(struct vgpu_window *window)
{
	bool all = true;
	unsigned int i;

	for (i = 0; i < window->num_runs; i++) {
		struct window_run *run = &window->runs[i];

		while (run->ended < run->count) {
			if (!gnttab_try_end_foreign_access(run->first + run->ended)) {
				all = false;
				break;
			}
			run->ended++;
			vgpu_count(&window->front->counters, VGPU_GRANTS, -1);
			if (run->ended % 4096 == 0)
				cond_resched();
		}
	}
	return all;
}

static void window_free(struct vgpu_window *window)
{
	depopulate(window);
	if (window->resource.end)
		release_resource(&window->resource);
	kfree(window->resource.name);
	vgpu_front_put(window->front);
	kfree(window);
}

/* Windows that a backend would not let go of, until it does. They keep the module. */
static LIST_HEAD(parked);
static DEFINE_MUTEX(parked_lock);
static void parked_check(struct work_struct *work);
static DECLARE_DELAYED_WORK(parked_work, parked_check);

static void parked_check(struct work_struct *work)
{
	struct vgpu_window *window, *next;
	unsigned int freed = 0;

	mutex_lock(&parked_lock);
	list_for_each_entry_safe(window, next, &parked, parked) {
		if (end_grants(window)) {
			list_del(&window->parked);
			window_free(window);
			freed++;
		}
	}
	if (!list_empty(&parked))
		schedule_delayed_work(&parked_work, PARKED_INTERVAL);
	mutex_unlock(&parked_lock);
	while (freed--)
		module_put(THIS_MODULE);
}

/* Accepts NULL and ERR_PTR. Nothing of the guest may use the window any more. */
void vgpu_window_destroy(struct vgpu_window *window)
{
	if (IS_ERR_OR_NULL(window))
		return;
	if (end_grants(window)) {
		window_free(window);
		return;
	}
	pr_warn("a backend keeps a window mapped: its memory is given back later\n");
	__module_get(THIS_MODULE);
	mutex_lock(&parked_lock);
	list_add(&window->parked, &parked);
	mutex_unlock(&parked_lock);
	schedule_delayed_work(&parked_work, PARKED_INTERVAL);
}

/* The module goes: the work that put its last reference may still be running. */
void vgpu_windows_exit(void)
{
	cancel_delayed_work_sync(&parked_work);
}

/* ERR_PTR on error, which is logged. */
struct vgpu_window *vgpu_window_create(struct vgpu_front *front, const struct vgpu_params *params)
{
	struct vgpu_window *window = kzalloc(sizeof(*window), GFP_KERNEL);
	int err;

	if (!window)
		return ERR_PTR(-ENOMEM);
	/* What has been let go of meanwhile counts against the guest's memory. */
	flush_delayed_work(&parked_work);
	kref_get(&front->ref);
	window->front = front;
	err = claim(window, params->hostmem);
	if (err || params->per_blob)
		goto out;
	window->pages = params->hostmem >> XEN_PAGE_SHIFT;
	err = populate(window);
	if (!err)
		err = zero(window);
	if (!err && !params->foreign)
		err = grant_all(window);
out:
	if (err) {
		vgpu_window_destroy(window);
		return ERR_PTR(err);
	}
	return window;
}

u64 vgpu_window_base(const struct vgpu_window *window)
{
	return window->resource.start;
}

u64 vgpu_window_size(const struct vgpu_window *window)
{
	return resource_size(&window->resource);
}

/* Whether nobody but us has written to it. */
bool vgpu_window_zeroed(const struct vgpu_window *window)
{
	return window->zeroed;
}

void vgpu_window_used(struct vgpu_window *window)
{
	window->zeroed = false;
}

/* The value of the node window-refs: its length, or -E2BIG. */
int vgpu_window_print_refs(const struct vgpu_window *window, char *text, size_t size)
{
	size_t length = 0;
	unsigned int i;

	for (i = 0; i < window->num_runs; i++) {
		length += scnprintf(text + length, size - length, "%s%u+%u", i ? " " : "",
				    window->runs[i].first, window->runs[i].count);
		if (length >= size - 1)
			return -E2BIG;
	}
	return length;
}
