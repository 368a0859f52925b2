// SPDX-License-Identifier: GPL-2.0 OR MIT
/* /sys/kernel/debug/virtio_xenbus/vgpu-N/counters: one "name value" per line. */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "vgpu.h"

static const char * const names[VGPU_NUM_COUNTERS] = {
	[VGPU_GRANTS] = "grants_in_use",
	[VGPU_HYPERCALLS_MEMORY] = "hypercalls_memory",
	[VGPU_HYPERCALLS_GRANT] = "hypercalls_grant_table",
	[VGPU_HYPERCALLS_EVENT] = "hypercalls_event_channel",
	[VGPU_NOTIFICATIONS_SENT] = "notifications_sent",
	[VGPU_NOTIFICATIONS_RECEIVED] = "notifications_received",
	[VGPU_BYTES_TO_DEVICE] = "bytes_bounced_to_device",
	[VGPU_BYTES_FROM_DEVICE] = "bytes_bounced_from_device",
	[VGPU_BOUNCE_FALLBACKS] = "bounce_fallbacks",
	[VGPU_BOUNCE_FAILURES] = "bounce_failures",
	[VGPU_BLOBS_MAPPED] = "blobs_mapped",
	[VGPU_BLOB_PAGES_MAPPED] = "blob_pages_mapped",
	[VGPU_WINDOW_RUNS] = "window_runs",
	[VGPU_WINDOW_SMALL_EXTENTS] = "window_small_extents",
	[VGPU_CONNECTIONS] = "connections",
	[VGPU_CONNECTIONS_LOST] = "connections_lost",
	[VGPU_REQUESTS_DRAINED] = "requests_drained",
};

static struct dentry *root;

static int counters_show(struct seq_file *file, void *unused)
{
	struct vgpu_front *front = file->private;
	int i;

	for (i = 0; i < VGPU_NUM_COUNTERS; i++)
		seq_printf(file, "%s %lld\n", names[i],
			   (s64)atomic64_read(&front->counters.value[i]));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

void vgpu_counters_init(void)
{
	root = debugfs_create_dir("virtio_xenbus", NULL);
}

void vgpu_counters_exit(void)
{
	debugfs_remove(root);
}

/* Call with front->xbdev set. debugfs may be absent: that is no error. */
void vgpu_counters_add(struct vgpu_front *front)
{
	front->debugfs = debugfs_create_dir(dev_name(&front->xbdev->dev), root);
	debugfs_create_file("counters", 0400, front->debugfs, front, &counters_fops);
}

void vgpu_counters_remove(struct vgpu_front *front)
{
	debugfs_remove(front->debugfs);
	front->debugfs = NULL;
}
