// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * DMA operations of the platform device. An address of such a device is a grant reference and an
 * offset (VGPU_ADDRESS).
 *
 * Virtqueues and their buffers (coherent memory, single mappings) live in the pool. Scatter lists
 * are resources, which guest and backend share: their pages are granted where they are.
 */
#include <linux/scatterlist.h>
#include <linux/sizes.h>

#include "vgpu.h"

static void *dma_alloc(struct device *dev, size_t size, dma_addr_t *address, gfp_t gfp,
		       unsigned long attrs)
{
	struct vgpu_device *device = vgpu_from_dev(dev);

	return device->detached ? NULL : vgpu_pool_alloc(device->front->pool, size, address);
}

static void dma_free(struct device *dev, size_t size, void *memory, dma_addr_t address,
		     unsigned long attrs)
{
	struct vgpu_device *device = vgpu_from_dev(dev);

	if (!device->detached)
		vgpu_pool_free(device->front->pool, size, address);
}

/* Called for each piece of each request, often with a spinlock held. */
static dma_addr_t dma_map(struct vgpu_device *device, void *data, size_t size,
			  enum dma_data_direction direction)
{
	dma_addr_t address;

	if (device->detached)
		return DMA_MAPPING_ERROR;
	vgpu_queues_observe(device);
	vgpu_watch(device);
	if (direction != DMA_FROM_DEVICE)
		vgpu_count(&device->front->counters, VGPU_BYTES_TO_DEVICE, size);
	address = vgpu_pool_bounce(device->front->pool, data, size, direction != DMA_FROM_DEVICE);
	if (address != DMA_MAPPING_ERROR)
		atomic_inc(&device->mapped);
	return address;
}

static void dma_unmap(struct device *dev, dma_addr_t address, size_t size,
		      enum dma_data_direction direction, unsigned long attrs)
{
	struct vgpu_device *device = vgpu_from_dev(dev);

	if (device->detached)
		return;
	vgpu_queues_observe(device);
	if (direction != DMA_TO_DEVICE)
		vgpu_count(&device->front->counters, VGPU_BYTES_FROM_DEVICE, size);
	vgpu_pool_unbounce(device->front->pool, address, size, direction != DMA_TO_DEVICE);
	atomic_dec(&device->mapped);
}

#ifdef VGPU_HAVE_MAP_PHYS
static dma_addr_t dma_map_one(struct device *dev, phys_addr_t phys, size_t size,
			      enum dma_data_direction direction, unsigned long attrs)
{
	if (attrs & DMA_ATTR_MMIO)
		return DMA_MAPPING_ERROR;
	return dma_map(vgpu_from_dev(dev), phys_to_virt(phys), size, direction);
}
#else
static dma_addr_t dma_map_one(struct device *dev, struct page *page, unsigned long offset,
			      size_t size, enum dma_data_direction direction, unsigned long attrs)
{
	return dma_map(vgpu_from_dev(dev), page_address(page) + offset, size, direction);
}
#endif

static struct page *sg_nth_page(struct scatterlist *sg, unsigned int n)
{
	return pfn_to_page(page_to_pfn(sg_page(sg)) +
			   ((sg->offset >> XEN_PAGE_SHIFT) + n) / XEN_PFN_PER_PAGE);
}

static void sg_end(struct vgpu_device *device, struct scatterlist *sg)
{
	grant_ref_t first = VGPU_ADDRESS_REF(sg_dma_address(sg));
	unsigned int i, count = sg_dma_len(sg) >> XEN_PAGE_SHIFT;

	for (i = 0; i < count; i++)
		vgpu_grant_end(&device->front->counters, first + i, sg_nth_page(sg, i));
}

static void sg_grant(struct vgpu_device *device, struct scatterlist *sg, grant_ref_t first)
{
	unsigned long gfn = xen_page_to_gfn(sg_page(sg)) + (sg->offset >> XEN_PAGE_SHIFT);
	unsigned int i, count = sg->length >> XEN_PAGE_SHIFT;

	for (i = 0; i < count; i++)
		vgpu_grant_page(device->front, first + i, gfn + i);
	sg_dma_address(sg) = VGPU_ADDRESS((u64)first, 0);
	sg_dma_len(sg) = sg->length;
}

/* Which resources are granted: unmapping and vgpu_dma_revoke end the grants of each but once. */
static int remember(struct vgpu_device *device, struct scatterlist *list, int nents)
{
	return xa_err(xa_store(&device->resources, (unsigned long)list, xa_mk_value(nents),
			       GFP_ATOMIC));
}

static void forget(struct vgpu_device *device, struct scatterlist *list)
{
	void *entry = xa_erase(&device->resources, (unsigned long)list);
	struct scatterlist *sg;
	int i;

	if (!entry)
		return;
	for_each_sg(list, sg, xa_to_value(entry), i)
		sg_end(device, sg);
}

/*
 * Take back what is still granted, when the device has ended: virtio_gpu does not unmap what its
 * device could not be asked to forget any more.
 */
void vgpu_dma_revoke(struct vgpu_device *device)
{
	unsigned long list;
	void *entry;

	mutex_lock(&device->resources_lock);
	xa_for_each(&device->resources, list, entry)
		forget(device, (struct scatterlist *)list);
	mutex_unlock(&device->resources_lock);
}

/*
 * Grant a resource. The whole gets one run of references if there is one, else each entry one of
 * its own (max_mapping_size keeps entries short). What is not made of whole pages is refused: the
 * backend would see what else is in them.
 */
static int dma_map_list(struct device *dev, struct scatterlist *list, int nents,
			enum dma_data_direction direction, unsigned long attrs)
{
	struct vgpu_device *device = vgpu_from_dev(dev);
	struct scatterlist *sg, *done;
	grant_ref_t first;
	u64 pages = 0;
	bool one_run;
	int i;

	if (device->detached || vgpu_is_lost(device))
		return -EIO;
	for_each_sg(list, sg, nents, i) {
		if (!sg->length || !IS_ALIGNED(sg->offset | sg->length, XEN_PAGE_SIZE))
			return -EINVAL;
		pages += sg->length >> XEN_PAGE_SHIFT;
	}
	if (!pages || pages > INT_MAX)
		return -EINVAL;
	one_run = !vgpu_grant_run(device->front, pages, &first);
	for_each_sg(list, sg, nents, i) {
		unsigned int count = sg->length >> XEN_PAGE_SHIFT;

		if (!one_run && vgpu_grant_run(device->front, count, &first))
			goto undo;
		sg_grant(device, sg, first);
		first += count;
	}
	sg = NULL;
	if (!remember(device, list, nents))
		return nents;

undo:
	done = sg;
	for (sg = list; sg != done; sg = sg_next(sg))
		sg_end(device, sg);
	dev_warn_ratelimited(dev, "no grant references for %llu pages of a resource\n", pages);
	return -ENOMEM;
}

/*
 * Also of devices that have lost their backend: the last user of a resource may come late. Sleeps,
 * as all who unmap scatter lists of a DRM device can.
 */
static void dma_unmap_list(struct device *dev, struct scatterlist *list, int nents,
			   enum dma_data_direction direction, unsigned long attrs)
{
	struct vgpu_device *device = vgpu_from_dev(dev);

	mutex_lock(&device->resources_lock);
	forget(device, list);
	mutex_unlock(&device->resources_lock);
}

static size_t dma_max_size(struct device *dev)
{
	return SZ_256K;
}

/* Without sync operations: pages of resources are the same at both ends. */
const struct dma_map_ops vgpu_dma_ops = {
	.alloc = dma_alloc,
	.free = dma_free,
#ifdef VGPU_HAVE_MAP_PHYS
	.map_phys = dma_map_one,
	.unmap_phys = dma_unmap,
#else
	.map_page = dma_map_one,
	.unmap_page = dma_unmap,
#endif
	.map_sg = dma_map_list,
	.unmap_sg = dma_unmap_list,
	.max_mapping_size = dma_max_size,
};
