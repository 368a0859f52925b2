// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The nodes of both ends in XenStore. */
#include <linux/slab.h>
#include <linux/sizes.h>

#include "vgpu.h"

#define MAX_HOSTMEM (64ULL * SZ_1G)
/* What a request to XenStore can carry, with room for the path. */
#define MAX_REFS_LENGTH (XENSTORE_PAYLOAD_MAX - 512)

/* A word of the backend's, in `text`, and whether it is there. */
static bool read_word(struct vgpu_front *front, const char *node, char *text, size_t size)
{
	char *value = xenbus_read(XBT_NIL, front->xbdev->otherend, node, NULL);

	if (IS_ERR(value))
		return false;
	strscpy(text, value, size);
	kfree(value);
	return true;
}

static int bad(struct vgpu_front *front, const char *node, const char *value)
{
	xenbus_dev_fatal(front->xbdev, -EINVAL, "the backend's node %s: \"%s\"", node, value);
	return -EINVAL;
}

static bool has_version(const char *versions)
{
	const char *word = versions;
	unsigned int version;
	int length;

	while (sscanf(word, "%u%n", &version, &length) == 1) {
		if (version == VGPU_PROTOCOL_VERSION)
			return true;
		word = skip_spaces(word + length);
	}
	return false;
}

/* Read the nodes of a backend in InitWait. What is wrong is reported. */
int vgpu_read_params(struct vgpu_front *front, struct vgpu_params *params)
{
	char value[64] = "";

	memset(params, 0, sizeof(*params));
	if (!read_word(front, "versions", value, sizeof(value)) || !has_version(value))
		return bad(front, "versions", value);
	value[0] = 0;
	if (!read_word(front, "hostmem", value, sizeof(value)) ||
	    kstrtou64(value, 10, &params->hostmem) || !params->hostmem ||
	    !IS_ALIGNED(params->hostmem, SZ_2M) || params->hostmem > MAX_HOSTMEM)
		return bad(front, "hostmem", value);
	value[0] = 0;
	if (!read_word(front, "mapping", value, sizeof(value)) ||
	    (strcmp(value, "window") && strcmp(value, "per-blob")))
		return bad(front, "mapping", value);
	params->per_blob = !strcmp(value, "per-blob");
	if (!params->per_blob) {
		value[0] = 0;
		if (!read_word(front, "window", value, sizeof(value)) ||
		    (strcmp(value, "grant") && strcmp(value, "foreign")))
			return bad(front, "window", value);
		params->foreign = !strcmp(value, "foreign");
	}
	value[0] = 0;
	if (!read_word(front, "max-pool-pages", value, sizeof(value)) ||
	    kstrtou32(value, 10, &params->max_pool_pages) || !params->max_pool_pages)
		return bad(front, "max-pool-pages", value);
	return 0;
}

static int write_window(struct vgpu_front *front, struct xenbus_transaction xbt, const char *refs)
{
	const char *dir = front->xbdev->nodename;
	grant_ref_t ref;
	int err;

	/* Nodes of an earlier connection with another configuration; they need not exist. */
	xenbus_rm(xbt, dir, "window-refs");
	xenbus_rm(xbt, dir, "window-zeroed");
	xenbus_rm(xbt, dir, "blob-refs-ref");
	err = xenbus_printf(xbt, dir, "window-base", "%llu", vgpu_window_base(front->window));
	if (err)
		return err;
	if (front->params.per_blob) {
		vgpu_pool_blob_refs(front->pool, &ref);
		return xenbus_printf(xbt, dir, "blob-refs-ref", "%u", ref);
	}
	if (!front->params.foreign)
		err = xenbus_write(xbt, dir, "window-refs", refs);
	if (!err && vgpu_window_zeroed(front->window))
		err = xenbus_write(xbt, dir, "window-zeroed", "1");
	return err;
}

static int write_all(struct vgpu_front *front, struct xenbus_transaction xbt, const char *refs)
{
	const char *dir = front->xbdev->nodename;
	grant_ref_t control_ref;
	int err;

	vgpu_pool_control(front->pool, &control_ref);
	err = xenbus_printf(xbt, dir, "version", "%u", VGPU_PROTOCOL_VERSION);
	if (!err)
		err = xenbus_printf(xbt, dir, "control-ref", "%u", control_ref);
	if (!err)
		err = xenbus_printf(xbt, dir, "event-channel", "%u", front->port);
	if (!err)
		err = xenbus_printf(xbt, dir, "pool-ref", "%u", vgpu_pool_ref(front->pool));
	if (!err)
		err = xenbus_printf(xbt, dir, "pool-pages", "%u", vgpu_pool_pages(front->pool));
	if (!err)
		err = write_window(front, xbt, refs);
	return err;
}

/* Write the frontend's nodes in one transaction. Returns 0 or a negative errno. */
int vgpu_write_nodes(struct vgpu_front *front)
{
	struct xenbus_transaction xbt;
	char *refs = kmalloc(MAX_REFS_LENGTH, GFP_KERNEL);
	int err;

	if (!refs)
		return -ENOMEM;
	err = vgpu_window_print_refs(front->window, refs, MAX_REFS_LENGTH);
	if (err < 0)
		goto out;
	do {
		err = xenbus_transaction_start(&xbt);
		if (err)
			goto out;
		err = write_all(front, xbt, refs);
		if (err) {
			xenbus_transaction_end(xbt, 1);
			goto out;
		}
		err = xenbus_transaction_end(xbt, 0);
	} while (err == -EAGAIN);
out:
	kfree(refs);
	return err;
}
