// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The pool: pages that the backend has mapped as long as it is connected. Virtqueues live in it,
 * and whatever virtqueues point to is copied into it and out of it again. So a request costs no
 * grant, no hypercall and no TLB flush, and the backend sees nothing but the bytes of the request.
 *
 * Beyond the pool there are spare references: when the pool is full each 4 KiB of a request get a
 * page of their own, which the backend reads and writes by grant copies. When these are used up as
 * well, the mapping fails. Everything but creation and destruction can be called in any context.
 *
 *	page 0			the control page
 *	pages 1 to 4		references of blobs (mapping per-blob)
 *	other pages		granules of 64 bytes
 */
#include <linux/bitmap.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "vgpu.h"

#define GRANULE 64
#define GRANULES_PER_PAGE (XEN_PAGE_SIZE / GRANULE)
#define FIXED_PAGES (1 + VGPU_BLOB_REFS_PAGES)
#define SPARE_PAGES 1024

struct vgpu_pool {
	struct vgpu_front *front;
	unsigned int pages;
	grant_ref_t first;
	void *memory;
	struct page **page_list;	/* the guest's pages, which may be larger than Xen's */
	unsigned int num_pages;

	spinlock_t lock;		/* of what follows but the data lent */
	unsigned long *used;		/* granules */
	unsigned long granules;
	void **origins;			/* of copies, by their first granule */

	unsigned int spare_pages;	/* 0 when there are no spare references */
	grant_ref_t spare_first;
	unsigned long *spare_used;
	unsigned long *spare_ended;	/* used, not needed, but the backend was just copying */
	struct page **spare_list;
	void **spare_origins;		/* of copies, by their first page */
};

static void pool_free_pages(struct vgpu_pool *pool)
{
	unsigned int i;

	if (pool->memory)
		vunmap(pool->memory);
	for (i = 0; pool->page_list && i < pool->num_pages; i++)
		if (pool->page_list[i])
			put_page(pool->page_list[i]);
	kvfree(pool->page_list);
}

static int pool_alloc_pages(struct vgpu_pool *pool)
{
	unsigned int i;

	pool->num_pages = DIV_ROUND_UP(pool->pages, XEN_PFN_PER_PAGE);
	pool->page_list = kvcalloc(pool->num_pages, sizeof(*pool->page_list), GFP_KERNEL);
	if (!pool->page_list)
		return -ENOMEM;
	for (i = 0; i < pool->num_pages; i++) {
		pool->page_list[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!pool->page_list[i])
			return -ENOMEM;
	}
	pool->memory = vmap(pool->page_list, pool->num_pages, VM_MAP, PAGE_KERNEL);
	return pool->memory ? 0 : -ENOMEM;
}

/* Without spare references a full pool makes requests fail: not worth failing here. */
static void pool_alloc_spare(struct vgpu_pool *pool)
{
	pool->spare_used = bitmap_zalloc(SPARE_PAGES, GFP_KERNEL);
	pool->spare_ended = bitmap_zalloc(SPARE_PAGES, GFP_KERNEL);
	pool->spare_list = kvcalloc(SPARE_PAGES, sizeof(*pool->spare_list), GFP_KERNEL);
	pool->spare_origins = kvcalloc(SPARE_PAGES, sizeof(*pool->spare_origins), GFP_KERNEL);
	if (!pool->spare_used || !pool->spare_ended || !pool->spare_list || !pool->spare_origins ||
	    vgpu_grant_run(pool->front, SPARE_PAGES, &pool->spare_first)) {
		dev_warn(&pool->front->xbdev->dev,
			 "no %u grant references beyond the pool: requests fail when it is full\n",
			 SPARE_PAGES);
		return;
	}
	pool->spare_pages = SPARE_PAGES;
}

static void pool_grant(struct vgpu_pool *pool)
{
	unsigned int i;

	for (i = 0; i < pool->pages; i++)
		vgpu_grant_page(pool->front, pool->first + i,
				xen_page_to_gfn(pool->page_list[i / XEN_PFN_PER_PAGE]) +
				i % XEN_PFN_PER_PAGE);
}

/* Allocate a pool and let the backend have it. ERR_PTR on error. */
struct vgpu_pool *vgpu_pool_create(struct vgpu_front *front, unsigned int pages)
{
	struct vgpu_pool *pool;
	int err;

	if (pages < 2 * FIXED_PAGES)
		return ERR_PTR(-EINVAL);
	pool = kzalloc(sizeof(*pool), GFP_KERNEL);
	if (!pool)
		return ERR_PTR(-ENOMEM);
	pool->front = front;
	pool->pages = pages;
	pool->granules = (unsigned long)pages * GRANULES_PER_PAGE;
	spin_lock_init(&pool->lock);
	err = pool_alloc_pages(pool);
	if (err)
		goto free_pages;
	pool->used = bitmap_zalloc(pool->granules, GFP_KERNEL);
	pool->origins = kvcalloc(pool->granules, sizeof(*pool->origins), GFP_KERNEL);
	if (!pool->used || !pool->origins) {
		err = -ENOMEM;
		goto free_used;
	}
	err = vgpu_grant_run(front, pages, &pool->first);
	if (err)
		goto free_used;
	pool_grant(pool);
	pool_alloc_spare(pool);
	vgpu_pool_reset(pool);
	return pool;

free_used:
	kvfree(pool->origins);
	bitmap_free(pool->used);
free_pages:
	pool_free_pages(pool);
	kfree(pool);
	return ERR_PTR(err);
}

/* End the access to a spare page. False when the backend is using it right now. */
static bool spare_end(struct vgpu_pool *pool, unsigned int i)
{
	if (!gnttab_end_foreign_access_ref(pool->spare_first + i))
		return false;
	__free_page(pool->spare_list[i]);
	pool->spare_list[i] = NULL;
	return true;
}

static void pool_free_spare(struct vgpu_pool *pool)
{
	unsigned int i;

	for (i = 0; i < pool->spare_pages; i++) {
		if (pool->spare_list[i]) {
			vgpu_grant_end(&pool->front->counters, pool->spare_first + i,
				       pool->spare_list[i]);
			put_page(pool->spare_list[i]);
		} else {
			gnttab_free_grant_reference(pool->spare_first + i);
			vgpu_count(&pool->front->counters, VGPU_GRANTS, -1);
		}
	}
	kvfree(pool->spare_origins);
	kvfree(pool->spare_list);
	bitmap_free(pool->spare_ended);
	bitmap_free(pool->spare_used);
}

/* Accepts NULL and ERR_PTR. Pages that the backend still maps are freed when it no longer does. */
void vgpu_pool_destroy(struct vgpu_pool *pool)
{
	unsigned int i;

	if (IS_ERR_OR_NULL(pool))
		return;
	pool_free_spare(pool);
	for (i = 0; i < pool->pages; i++)
		vgpu_grant_end(&pool->front->counters, pool->first + i,
			       pool->page_list[i / XEN_PFN_PER_PAGE]);
	pool_free_pages(pool);
	kvfree(pool->origins);
	bitmap_free(pool->used);
	kfree(pool);
}

/*
 * Free all of it: after the end of a virtio device, whose driver need not have unmapped everything.
 * The control page and the spare pages stay as they are.
 */
void vgpu_pool_reset(struct vgpu_pool *pool)
{
	unsigned long flags;

	spin_lock_irqsave(&pool->lock, flags);
	bitmap_zero(pool->used, pool->granules);
	bitmap_set(pool->used, 0, FIXED_PAGES * GRANULES_PER_PAGE);
	spin_unlock_irqrestore(&pool->lock, flags);
}

unsigned int vgpu_pool_pages(const struct vgpu_pool *pool)
{
	return pool->pages;
}

grant_ref_t vgpu_pool_ref(const struct vgpu_pool *pool)
{
	return pool->first;
}

struct vgpu_control *vgpu_pool_control(struct vgpu_pool *pool, grant_ref_t *ref)
{
	BUILD_BUG_ON(sizeof(struct vgpu_control) != XEN_PAGE_SIZE);
	*ref = pool->first;
	return pool->memory;
}

const u32 *vgpu_pool_blob_refs(struct vgpu_pool *pool, grant_ref_t *ref)
{
	*ref = pool->first + 1;
	return pool->memory + XEN_PAGE_SIZE;
}

/* Where an address lies in the pool, or pool->pages * XEN_PAGE_SIZE when elsewhere. */
static size_t pool_offset(const struct vgpu_pool *pool, dma_addr_t address)
{
	u32 index = VGPU_ADDRESS_REF(address) - pool->first;

	if (!(address & VGPU_ADDRESS_GRANT) || (address & VGPU_ADDRESS_RESERVED) ||
	    index >= pool->pages)
		return (size_t)pool->pages * XEN_PAGE_SIZE;
	return (size_t)index * XEN_PAGE_SIZE + VGPU_ADDRESS_OFFSET(address);
}

static bool pool_contains(const struct vgpu_pool *pool, dma_addr_t address)
{
	return pool_offset(pool, address) < (size_t)pool->pages * XEN_PAGE_SIZE;
}

static void *pool_take(struct vgpu_pool *pool, size_t size, unsigned long align,
		       dma_addr_t *address)
{
	unsigned long count = DIV_ROUND_UP(size, GRANULE), start, flags;

	spin_lock_irqsave(&pool->lock, flags);
	start = bitmap_find_next_zero_area(pool->used, pool->granules, 0, count, align - 1);
	if (start < pool->granules)
		bitmap_set(pool->used, start, count);
	spin_unlock_irqrestore(&pool->lock, flags);
	if (start >= pool->granules)
		return NULL;
	*address = VGPU_ADDRESS((u64)pool->first + start / GRANULES_PER_PAGE,
				start % GRANULES_PER_PAGE * GRANULE);
	return pool->memory + start * GRANULE;
}

/* Zeroed memory of whole pages, for virtqueues. NULL when there is none. */
void *vgpu_pool_alloc(struct vgpu_pool *pool, size_t size, dma_addr_t *address)
{
	void *memory = pool_take(pool, size, GRANULES_PER_PAGE, address);

	if (memory)
		memset(memory, 0, size);
	return memory;
}

void vgpu_pool_free(struct vgpu_pool *pool, size_t size, dma_addr_t address)
{
	size_t offset = pool_offset(pool, address);
	unsigned long flags;

	spin_lock_irqsave(&pool->lock, flags);
	bitmap_clear(pool->used, offset / GRANULE, DIV_ROUND_UP(size, GRANULE));
	spin_unlock_irqrestore(&pool->lock, flags);
}

/* Try again to end what could not be ended when it was freed. */
static void spare_collect(struct vgpu_pool *pool)
{
	unsigned int i;

	for_each_set_bit(i, pool->spare_ended, pool->spare_pages) {
		if (spare_end(pool, i)) {
			clear_bit(i, pool->spare_ended);
			clear_bit(i, pool->spare_used);
		}
	}
}

static void spare_release(struct vgpu_pool *pool, unsigned int first, unsigned int count)
{
	unsigned int i;

	for (i = first; i < first + count; i++) {
		if (!pool->spare_list[i] || spare_end(pool, i))
			clear_bit(i, pool->spare_used);
		else
			set_bit(i, pool->spare_ended);
	}
}

/* Copy between data and consecutive spare pages. */
static void spare_copy(struct vgpu_pool *pool, unsigned int first, unsigned int offset, void *data,
		       size_t size, bool to_pages)
{
	while (size) {
		size_t n = min_t(size_t, size, XEN_PAGE_SIZE - offset);
		void *page = page_address(pool->spare_list[first]) + offset;

		if (to_pages)
			memcpy(page, data, n);
		else
			memcpy(data, page, n);
		data += n;
		size -= n;
		offset = 0;
		first++;
	}
}

static dma_addr_t spare_bounce(struct vgpu_pool *pool, void *data, size_t size, bool copy)
{
	unsigned int count = DIV_ROUND_UP(size, XEN_PAGE_SIZE), first, i;
	dma_addr_t address = DMA_MAPPING_ERROR;
	unsigned long flags;

	spin_lock_irqsave(&pool->lock, flags);
	spare_collect(pool);
	first = bitmap_find_next_zero_area(pool->spare_used, pool->spare_pages, 0, count, 0);
	if (first >= pool->spare_pages)
		goto unlock;
	bitmap_set(pool->spare_used, first, count);
	for (i = first; i < first + count; i++) {
		pool->spare_list[i] = alloc_page(GFP_ATOMIC | __GFP_ZERO | __GFP_NOWARN);
		if (!pool->spare_list[i]) {
			spare_release(pool, first, count);
			goto unlock;
		}
		vgpu_grant_page(pool->front, pool->spare_first + i,
				xen_page_to_gfn(pool->spare_list[i]));
	}
	pool->spare_origins[first] = data;
	if (copy)
		spare_copy(pool, first, 0, data, size, true);
	address = VGPU_ADDRESS((u64)pool->spare_first + first, 0);
unlock:
	spin_unlock_irqrestore(&pool->lock, flags);
	return address;
}

/*
 * Lend the backend a copy of data, or zeroes of the same size when it is not to be copied.
 * DMA_MAPPING_ERROR when there is no room.
 */
dma_addr_t vgpu_pool_bounce(struct vgpu_pool *pool, void *data, size_t size, bool copy)
{
	dma_addr_t address = DMA_MAPPING_ERROR;
	void *memory = pool_take(pool, size, 1, &address);

	if (memory) {
		pool->origins[(memory - pool->memory) / GRANULE] = data;
		if (copy)
			memcpy(memory, data, size);
		else
			memset(memory, 0, size);
		return address;
	}
	if (pool->spare_pages)
		address = spare_bounce(pool, data, size, copy);
	if (address != DMA_MAPPING_ERROR) {
		vgpu_count(&pool->front->counters, VGPU_BOUNCE_FALLBACKS, 1);
		return address;
	}
	vgpu_count(&pool->front->counters, VGPU_BOUNCE_FAILURES, 1);
	pr_err_ratelimited("no room for %zu bytes of a request: %u pages of the pool and %u spare pages are full\n",
			   size, pool->pages, pool->spare_pages);
	return address;
}

/* The index of a spare page, or spare_pages when the address is no such page's. */
static unsigned int spare_index(const struct vgpu_pool *pool, dma_addr_t address)
{
	u32 index = VGPU_ADDRESS_REF(address) - pool->spare_first;

	if (!(address & VGPU_ADDRESS_GRANT) || (address & VGPU_ADDRESS_RESERVED))
		return pool->spare_pages;
	return min(index, pool->spare_pages);
}

/* The end of a loan: with copy, what the backend wrote goes to where the data came from. */
void vgpu_pool_unbounce(struct vgpu_pool *pool, dma_addr_t address, size_t size, bool copy)
{
	unsigned int spare;
	unsigned long flags;
	size_t offset;

	if (pool_contains(pool, address)) {
		offset = pool_offset(pool, address);
		if (copy)
			memcpy(pool->origins[offset / GRANULE], pool->memory + offset, size);
		vgpu_pool_free(pool, size, address);
		return;
	}
	spare = spare_index(pool, address);
	if (WARN_ON_ONCE(spare >= pool->spare_pages))
		return;
	spin_lock_irqsave(&pool->lock, flags);
	if (copy)
		spare_copy(pool, spare, 0, pool->spare_origins[spare], size, false);
	spare_release(pool, spare, DIV_ROUND_UP(size, XEN_PAGE_SIZE));
	spin_unlock_irqrestore(&pool->lock, flags);
}

/*
 * Copy between data and memory that was lent, checking the range: it comes from descriptors, which
 * the backend could have changed. 0 or -EFAULT.
 */
static int pool_copy(struct vgpu_pool *pool, dma_addr_t address, void *data, size_t size,
		     bool write)
{
	size_t offset = pool_offset(pool, address), room = (size_t)pool->pages * XEN_PAGE_SIZE;
	unsigned int first, i, last;
	unsigned long flags;
	int err = -EFAULT;

	if (offset < room) {
		if (size > room - offset)
			return -EFAULT;
		if (write)
			memcpy(pool->memory + offset, data, size);
		else
			memcpy(data, pool->memory + offset, size);
		return 0;
	}
	first = spare_index(pool, address);
	offset = VGPU_ADDRESS_OFFSET(address);
	if (!size || first >= pool->spare_pages ||
	    size > (size_t)(pool->spare_pages - first) * XEN_PAGE_SIZE - offset)
		return -EFAULT;
	last = first + (offset + size - 1) / XEN_PAGE_SIZE;
	spin_lock_irqsave(&pool->lock, flags);
	for (i = first; i <= last; i++)
		if (!pool->spare_list[i])
			goto unlock;
	spare_copy(pool, first, offset, data, size, write);
	err = 0;
unlock:
	spin_unlock_irqrestore(&pool->lock, flags);
	return err;
}

int vgpu_pool_read(struct vgpu_pool *pool, dma_addr_t address, void *data, size_t size)
{
	return pool_copy(pool, address, data, size, false);
}

int vgpu_pool_write(struct vgpu_pool *pool, dma_addr_t address, const void *data, size_t size)
{
	return pool_copy(pool, address, (void *)data, size, true);
}
