// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The xenbus driver: states, and what belongs to the frontend for as long as it exists.
 *
 * All transitions are made by one work item per frontend. Adding a virtio device waits for the
 * backend, so it must not be done in the thread that delivers news of the backend.
 */
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <xen/events.h>
#include <xen/interface/xen.h>
#include <xen/interface/event_channel.h>
#include <xen/xen.h>
#include <asm/xen/hypercall.h>

#include "vgpu.h"

#define CLOSE_TIMEOUT 5000	/* ms */
#define CLOSE_INTERVAL 50	/* ms */
/* Before a backend has reset it ends the processes of its contexts. */
#define RESET_TIMEOUT 10000	/* ms */
#define RESET_INTERVAL 50	/* ms */
/* A backend that asks for a reset again within this time is given up. */
#define FAULT_INTERVAL (10 * HZ)

static unsigned int pool_pages = 1024;
module_param(pool_pages, uint, 0444);
MODULE_PARM_DESC(pool_pages, "pages of 4 KiB for virtqueues and requests (default 1024)");

static void front_free(struct kref *ref)
{
	kfree(container_of(ref, struct vgpu_front, ref));
}

void vgpu_front_put(struct vgpu_front *front)
{
	kref_put(&front->ref, front_free);
}

/* Event channel */

/* Send the backend an event. Any context. */
void vgpu_notify(struct vgpu_front *front)
{
	notify_remote_via_irq(front->irq);
	vgpu_count(&front->counters, VGPU_NOTIFICATIONS_SENT, 1);
	vgpu_count(&front->counters, VGPU_HYPERCALLS_EVENT, 1);
}

/* Whether anybody is at the other end of the event channel. Xen knows when a process is killed. */
bool vgpu_backend_alive(struct vgpu_front *front)
{
	struct evtchn_status status = { .dom = DOMID_SELF, .port = front->port };

	vgpu_count(&front->counters, VGPU_HYPERCALLS_EVENT, 1);
	return !HYPERVISOR_event_channel_op(EVTCHNOP_status, &status) &&
	       status.status == EVTCHNSTAT_interdomain;
}

static irqreturn_t interrupt(int irq, void *data)
{
	struct vgpu_front *front = data;

	vgpu_count(&front->counters, VGPU_NOTIFICATIONS_RECEIVED, 1);
	wake_up(&front->call_wait);
	if (front->blobs)
		vgpu_blobs_event(front->blobs);
	spin_lock(&front->device_lock);
	if (front->device)
		vgpu_device_event(front->device);
	spin_unlock(&front->device_lock);
	return IRQ_HANDLED;
}

static void close_channel(struct vgpu_front *front)
{
	if (front->irq)
		unbind_from_irqhandler(front->irq, front);
	front->irq = 0;
	front->port = 0;
}

static int open_channel(struct vgpu_front *front)
{
	int err = xenbus_alloc_evtchn(front->xbdev, &front->port);

	if (err)
		return err;
	err = bind_evtchn_to_irqhandler(front->port, interrupt, 0, dev_name(&front->xbdev->dev),
					front);
	if (err < 0) {
		xenbus_free_evtchn(front->xbdev, front->port);
		front->port = 0;
		return err;
	}
	front->irq = err;
	return 0;
}

/* States */

/*
 * Since Linux 7.2 the thread of all watches takes a node "state" that says Initialising, while the
 * xenbus_device knows another state, for a new device in place of the old one, and unbinds the
 * driver. Switching to or from Initialising in another thread races with that: so it is left to
 * that very thread, which gets there by a watch of our own. Afterwards the work runs again.
 */
static void own_node_changed(struct xenbus_watch *watch, const char *path, const char *token)
{
	struct vgpu_front *front = container_of(watch, struct vgpu_front, own_watch);
	enum xenbus_state state = atomic_xchg(&front->next_state, XenbusStateUnknown);

	if (state == XenbusStateUnknown)
		return;
	xenbus_switch_state(front->xbdev, state);
	queue_work(front->wq, &front->state_work);
}

static int watch_own_node(struct vgpu_front *front)
{
	int err;

	/* A node that vgpu_write_nodes writes, too. */
	front->own_watch.node = kasprintf(GFP_KERNEL, "%s/version", front->xbdev->nodename);
	if (!front->own_watch.node)
		return -ENOMEM;
	front->own_watch.callback = own_node_changed;
	err = register_xenbus_watch(&front->own_watch);
	if (err)
		kfree(front->own_watch.node);
	return err;
}

static void unwatch_own_node(struct vgpu_front *front)
{
	unregister_xenbus_watch(&front->own_watch);
	kfree(front->own_watch.node);
}

static bool is_switching(struct vgpu_front *front)
{
	return atomic_read(&front->next_state) != XenbusStateUnknown;
}

static void begin_anew(struct vgpu_front *front)
{
	int err;

	atomic_set(&front->next_state, XenbusStateInitialising);
	err = xenbus_printf(XBT_NIL, front->xbdev->nodename, "version", "%u",
			    VGPU_PROTOCOL_VERSION);
	if (err)
		xenbus_dev_fatal(front->xbdev, err, "writing its version");
}

/* Connecting */

enum xenbus_state vgpu_backend_state(struct vgpu_front *front)
{
	return xenbus_read_unsigned(front->xbdev->otherend, "state", XenbusStateUnknown);
}

/* End what belongs to one connection. The interrupt is off afterwards. */
static void disconnect(struct vgpu_front *front)
{
	struct vgpu_blobs *blobs = front->blobs;

	close_channel(front);
	front->blobs = NULL;
	vgpu_blobs_destroy(blobs);
}

/* Give up what is kept between connections, too. */
static void release_all(struct vgpu_front *front)
{
	disconnect(front);
	vgpu_window_destroy(front->window);
	front->window = NULL;
	vgpu_pool_destroy(front->pool);
	front->pool = NULL;
	front->control = NULL;
	memset(&front->params, 0, sizeof(front->params));
}

/* Pool and window are only made once, unless the backend's configuration has changed. */
static int make_memory(struct vgpu_front *front, const struct vgpu_params *params)
{
	grant_ref_t ref;
	int err;

	if (front->window && memcmp(params, &front->params, sizeof(*params)))
		release_all(front);
	if (!front->pool) {
		struct vgpu_pool *pool =
			vgpu_pool_create(front, min(pool_pages, params->max_pool_pages));

		if (IS_ERR(pool))
			return PTR_ERR(pool);
		front->pool = pool;
		front->control = vgpu_pool_control(pool, &ref);
	}
	if (!front->window) {
		struct vgpu_window *window = vgpu_window_create(front, params);

		err = PTR_ERR_OR_ZERO(window);
		if (err) {
			release_all(front);
			return err;
		}
		front->window = window;
	}
	front->params = *params;
	return 0;
}

/* The backend is in InitWait: offer it everything. */
static int offer(struct vgpu_front *front, const struct vgpu_params *params)
{
	int err;

	disconnect(front);
	err = make_memory(front, params);
	if (err)
		return err;
	vgpu_call_restart(front);
	if (params->per_blob) {
		struct vgpu_blobs *blobs = vgpu_blobs_create(front);

		if (IS_ERR(blobs))
			return PTR_ERR(blobs);
		front->blobs = blobs;
	}
	err = open_channel(front);
	if (err)
		return err;
	atomic_set(&front->next_state, XenbusStateInitialised);
	err = vgpu_write_nodes(front);
	if (err)
		atomic_set(&front->next_state, XenbusStateUnknown);
	return err;
}

static void on_init_wait(struct vgpu_front *front)
{
	struct xenbus_device *xbdev = front->xbdev;
	struct vgpu_params params;
	int err;

	if (vgpu_read_params(front, &params))
		return;
	/* It has not seen our state yet, or it is new and takes the offer of its predecessor. */
	if (xbdev->state == XenbusStateInitialised && front->irq &&
	    !memcmp(&params, &front->params, sizeof(params)))
		return;
	if (xbdev->state != XenbusStateInitialising) {
		begin_anew(front);
		return;
	}
	err = offer(front, &params);
	if (err) {
		disconnect(front);
		xenbus_dev_fatal(xbdev, err, "cannot offer pool and window (%llu bytes)",
				 params.hostmem);
	}
}

static void on_connected(struct vgpu_front *front)
{
	int err;

	if (front->device || !front->irq || front->xbdev->state != XenbusStateInitialised)
		return;
	err = vgpu_device_create(front);
	if (err)
		xenbus_dev_fatal(front->xbdev, err, "no virtio device");
	else
		xenbus_switch_state(front->xbdev, XenbusStateConnected);
}

static void on_closing(struct vgpu_front *front)
{
	disconnect(front);
	if (front->xbdev->state != XenbusStateClosed &&
	    front->xbdev->state != XenbusStateInitialising)
		xenbus_frontend_closed(front->xbdev);
}

/* Ask the backend to let go of everything, and wait until it has, within limits. */
static void close_backend(struct vgpu_front *front)
{
	unsigned int waited;

	if (front->xbdev->state == XenbusStateClosed)
		return;
	xenbus_switch_state(front->xbdev, XenbusStateClosing);
	for (waited = 0; waited < CLOSE_TIMEOUT; waited += CLOSE_INTERVAL) {
		enum xenbus_state state = vgpu_backend_state(front);

		if (state == XenbusStateUnknown || state == XenbusStateClosed ||
		    state == XenbusStateInitialising)
			return;
		/* Nobody is bound to the event channel: nobody has anything mapped. */
		if (!front->irq || !vgpu_backend_alive(front))
			return;
		msleep(CLOSE_INTERVAL);
	}
	dev_warn(&front->xbdev->dev, "the backend does not close\n");
}

/* After a suspend, or with a backend that is of no use, nothing of the connection is kept. */
static void do_restart(struct vgpu_front *front)
{
	if (!front->grants_void)
		close_backend(front);
	release_all(front);
	front->restart = false;
	front->grants_void = false;
	begin_anew(front);
}

static bool needs_reset(struct vgpu_front *front)
{
	return READ_ONCE(front->control->device.status) & VGPU_DEVICE_NEEDS_RESET;
}

/* The backend asked for a reset, and lives: having forgotten everything it is as good as new. */
static void recover(struct vgpu_front *front)
{
	struct xenbus_device *xbdev = front->xbdev;
	unsigned int waited;
	int err;

	if (front->faulted && time_before(jiffies, front->last_fault + FAULT_INTERVAL)) {
		xenbus_dev_fatal(xbdev, -EIO, "the backend asks for resets again and again");
		return;
	}
	front->faulted = true;
	front->last_fault = jiffies;
	for (waited = 0; needs_reset(front); waited += RESET_INTERVAL) {
		/* Of all this the work hears once more. */
		if (READ_ONCE(front->removing) || READ_ONCE(front->restart) ||
		    !vgpu_backend_alive(front) ||
		    vgpu_backend_state(front) != XenbusStateConnected)
			return;
		if (waited >= RESET_TIMEOUT) {
			dev_warn(&xbdev->dev, "the backend does not reset: connecting anew\n");
			do_restart(front);
			return;
		}
		msleep(RESET_INTERVAL);
	}
	err = vgpu_device_create(front);
	if (err)
		xenbus_dev_fatal(xbdev, err, "no virtio device after a reset");
}

static void step(struct vgpu_front *front)
{
	enum xenbus_state state;
	enum vgpu_loss why = VGPU_NOT_LOST;

	if (is_switching(front))
		return;
	state = vgpu_backend_state(front);

	if (front->device && state != XenbusStateConnected)
		vgpu_lose(front->device, VGPU_LOST_STATE);
	if (front->device && vgpu_is_lost(front->device))
		why = vgpu_device_destroy(front);
	/* It keeps the connection, but only another process will do what it is asked for. */
	if (state == XenbusStateConnected && (why == VGPU_LOST_SILENT || why == VGPU_LOST_STUCK))
		front->restart = true;
	if (front->restart) {
		do_restart(front);
		return;
	}
	switch (state) {
	case XenbusStateInitWait:
		on_init_wait(front);
		break;
	case XenbusStateConnected:
		if (why == VGPU_LOST_RESET)
			recover(front);
		else
			on_connected(front);
		break;
	case XenbusStateClosing:
	case XenbusStateClosed:
		on_closing(front);
		break;
	default:
		/* No backend: what there is waits for the next. */
		break;
	}
}

static void state_work(struct work_struct *work)
{
	struct vgpu_front *front = container_of(work, struct vgpu_front, state_work);

	mutex_lock(&front->lock);
	if (!front->removing)
		step(front);
	mutex_unlock(&front->lock);
}

/* The state of the backend has changed. Runs in the thread of all watches: must not wait. */
static void backend_changed(struct xenbus_device *xbdev, enum xenbus_state state)
{
	struct vgpu_front *front = dev_get_drvdata(&xbdev->dev);
	unsigned long flags;

	if (!front)
		return;
	/* Now, not by the work: that may be waiting for this very backend. */
	spin_lock_irqsave(&front->device_lock, flags);
	if (front->device && state != XenbusStateConnected)
		vgpu_lose(front->device, VGPU_LOST_STATE);
	spin_unlock_irqrestore(&front->device_lock, flags);
	queue_work(front->wq, &front->state_work);
}

static int probe(struct xenbus_device *xbdev, const struct xenbus_device_id *id)
{
	struct vgpu_front *front = kzalloc(sizeof(*front), GFP_KERNEL);
	int err;

	if (!front)
		return -ENOMEM;
	front->wq = alloc_ordered_workqueue("%s", WQ_FREEZABLE, dev_name(&xbdev->dev));
	if (!front->wq) {
		kfree(front);
		return -ENOMEM;
	}
	kref_init(&front->ref);
	front->xbdev = xbdev;
	front->backend = xbdev->otherend_id;
	mutex_init(&front->lock);
	mutex_init(&front->call_lock);
	init_waitqueue_head(&front->call_wait);
	spin_lock_init(&front->device_lock);
	INIT_WORK(&front->state_work, state_work);
	dev_set_drvdata(&xbdev->dev, front);
	/* After an earlier driver the state is Closed. A new watch begins with an event. */
	atomic_set(&front->next_state, XenbusStateInitialising);
	err = watch_own_node(front);
	if (err) {
		dev_set_drvdata(&xbdev->dev, NULL);
		destroy_workqueue(front->wq);
		kfree(front);
		return err;
	}
	vgpu_counters_add(front);
	return 0;
}

/* News of the backend has been turned off before. */
static void remove(struct xenbus_device *xbdev)
{
	struct vgpu_front *front = dev_get_drvdata(&xbdev->dev);
	unsigned long flags;

	unwatch_own_node(front);
	WRITE_ONCE(front->removing, true);
	/* The work may be adding a device to a backend that nobody tells us about any more. */
	if (work_busy(&front->state_work)) {
		spin_lock_irqsave(&front->device_lock, flags);
		if (front->device)
			vgpu_lose(front->device, VGPU_LOST_REMOVED);
		spin_unlock_irqrestore(&front->device_lock, flags);
	}
	cancel_work_sync(&front->state_work);
	mutex_lock(&front->lock);
	if (front->device && vgpu_backend_state(front) != XenbusStateConnected)
		vgpu_lose(front->device, VGPU_LOST_REMOVED);
	vgpu_device_destroy(front);
	close_backend(front);
	release_all(front);
	mutex_unlock(&front->lock);
	destroy_workqueue(front->wq);
	vgpu_counters_remove(front);
	dev_set_drvdata(&xbdev->dev, NULL);
	front->xbdev = NULL;
	vgpu_front_put(front);
}

/*
 * The guest is saved, or moves: its grants and event channels will not survive, and virtio_gpu
 * cannot be frozen. Fail everything now; the work, which runs when the guest does again, starts
 * anew.
 */
static int suspend(struct xenbus_device *xbdev)
{
	struct vgpu_front *front = dev_get_drvdata(&xbdev->dev);
	struct vgpu_device *device = front->device;

	front->restart = true;
	if (device) {
		vgpu_lose(device, VGPU_LOST_SUSPEND);
		vgpu_drain(device);
	}
	queue_work(front->wq, &front->state_work);
	return 0;
}

static int resume(struct xenbus_device *xbdev)
{
	struct vgpu_front *front = dev_get_drvdata(&xbdev->dev);

	front->grants_void = true;
	front->restart = true;
	queue_work(front->wq, &front->state_work);
	return 0;
}

static const struct xenbus_device_id ids[] = { { "vgpu" }, { "" } };

static struct xenbus_driver driver = {
	.ids = ids,
	.probe = probe,
	.remove = remove,
	.otherend_changed = backend_changed,
	.suspend = suspend,
	.resume = resume,
	/* Booting does not wait for it. */
	.not_essential = true,
};

static int __init vgpu_init(void)
{
	int err;

	if (!xen_domain())
		return -ENODEV;
	if (!xen_feature(XENFEAT_auto_translated_physmap)) {
		pr_err("x86 PV guests are not supported: the window needs a guest-physical address space of its own\n");
		return -ENODEV;
	}
	vgpu_counters_init();
	err = xenbus_register_frontend(&driver);
	if (err)
		vgpu_counters_exit();
	return err;
}

static void __exit vgpu_exit(void)
{
	xenbus_unregister_driver(&driver);
	vgpu_windows_exit();
	vgpu_counters_exit();
}

module_init(vgpu_init);
module_exit(vgpu_exit);

MODULE_DESCRIPTION("virtio-gpu over Xen grants and event channels");
MODULE_LICENSE("Dual MIT/GPL");
MODULE_ALIAS("xen:vgpu");
