// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Grants, with their number kept. */
#include "vgpu.h"

/* Consecutive references: 0 or a negative errno. May sleep no longer than an allocation; atomic. */
int vgpu_grant_run(struct vgpu_front *front, unsigned int count, grant_ref_t *first)
{
	int err;

	if (count == 1) {
		/* Does not sort the list of free references as the general way does. */
		grant_ref_t head;

		err = gnttab_alloc_grant_references(1, &head);
		if (err < 0)
			return err;
		*first = gnttab_claim_grant_reference(&head);
	} else {
		err = gnttab_alloc_grant_reference_seq(count, first);
		if (err < 0)
			return err;
	}
	vgpu_count(&front->counters, VGPU_GRANTS, count);
	return 0;
}

/* Let the backend read and write the page at gfn. */
void vgpu_grant_page(struct vgpu_front *front, grant_ref_t ref, unsigned long gfn)
{
	gnttab_grant_foreign_access_ref(ref, front->backend, gfn, 0);
}

/*
 * Take access and the reference back. The page gets a reference for as long as the backend has it
 * mapped, so that nobody else gets memory that the backend still writes to.
 */
void vgpu_grant_end(struct vgpu_counters *counters, grant_ref_t ref, struct page *page)
{
	get_page(page);
	gnttab_end_foreign_access(ref, page);
	vgpu_count(counters, VGPU_GRANTS, -1);
}
