/* SPDX-License-Identifier: MIT */
#include "gpu_device.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "gpu_internal.h"
#include "log.h"

/* ---- create and destroy ---- */

static bool transport_usable(const struct gpu_device_params *params)
{
    const struct vgpu_transport *transport = params->transport;
    if (transport->control.size < sizeof(struct vgpu_control))
        backend_log(VENUS_LOG_ERROR, "the control page is too small");
    else if (params->per_blob && transport->blob_refs.size < VGPU_BLOB_REFS_PAGES * VGPU_PAGE_SIZE)
        backend_log(VENUS_LOG_ERROR, "there is no list of references for mapping per-blob");
    else if (!params->per_blob && transport->window.size != transport->window_size)
        backend_log(VENUS_LOG_ERROR, "the window is not mapped");
    else
        return true;
    return false;
}

struct gpu_device *gpu_device_create(const struct gpu_device_params *params)
{
    if (!transport_usable(params))
        return NULL;
    const uint64_t pages = params->transport->window_size / VGPU_PAGE_SIZE;
    struct gpu_device *device = calloc(1, sizeof(*device));
    if (!device)
        goto error;
    device->params = *params;
    device->transport = params->transport;
    device->retry_at = GPU_NEVER;
    gpu_timeline_init(&device->timeline);
    gpu_blobs_drop(device);
    if (!page_set_init(&device->taken, pages) || !page_set_init(&device->dirty, pages))
        goto error;
    if (!params->transport->window_zeroed)
        page_set_add(&device->dirty, 0, pages);
    gpu_control_init(device);
    return device;

error:
    backend_log(VENUS_LOG_ERROR, "out of memory for the device");
    gpu_device_destroy(device);
    return NULL;
}

void gpu_device_destroy(struct gpu_device *device)
{
    if (!device)
        return;
    gpu_device_drop_all(device);
    gpu_contexts_finish(device);
    page_set_finish(&device->taken);
    page_set_finish(&device->dirty);
    free(device);
}

void gpu_device_drop_all(struct gpu_device *device)
{
    gpu_requests_drop(device);
    gpu_blobs_drop(device);
    gpu_resources_drop(device);
    gpu_contexts_kill(device);
    for (uint32_t i = 0; i < VGPU_NUM_QUEUES; i++)
        virtqueue_finish(&device->queues[i]);
    device->more = false;
    device->retry_at = GPU_NEVER;
}

void gpu_device_complain(struct gpu_device *device, const char *format, ...)
{
    char message[256];
    va_list args;
    if (device->complaints == GPU_MAX_COMPLAINTS)
        return;
    device->complaints++;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    backend_log(VENUS_LOG_ERROR, "%s%s", message,
                device->complaints < GPU_MAX_COMPLAINTS ? "" : " (the last message of this kind)");
}

void gpu_device_halt(struct gpu_device *device, const char *why)
{
    gpu_device_complain(device, "the guest has broken a rule, its device stops: %s", why);
    gpu_device_drop_all(device);
    device->state = GPU_STATE_HALTED;
    gpu_control_set_status(device, VGPU_DEVICE_NEEDS_RESET);
}

/* ---- notifications ---- */

void gpu_device_notify(struct gpu_device *device)
{
    device->notify = true;
}

void gpu_device_flush(struct gpu_device *device)
{
    for (uint32_t i = 0; i < VGPU_NUM_QUEUES; i++)
        device->notify |= virtqueue_wants_notification(&device->queues[i]);
    if (!device->notify)
        return;
    device->notify = false;
    device->stats.notifications++;
    device->transport->ops->notify(device->transport);
}

/* ---- events and times ---- */

static void end_turn(struct gpu_device *device)
{
    gpu_contexts_watch(device);
    gpu_device_flush(device);
}

void gpu_device_handle_event(struct gpu_device *device)
{
    device->stats.events++;
    gpu_control_handle(device);
    gpu_blob_response(device);
    gpu_requests_take(device);
    end_turn(device);
}

void gpu_device_dispatch(struct gpu_device *device, void *epoll_data)
{
    gpu_context_dispatch(epoll_data);
    end_turn(device);
}

/* Requests that are left are taken at once, unless those in flight take all the memory. */
static bool take_now(const struct gpu_device *device)
{
    return device->more && device->pending <= GPU_MAX_PENDING;
}

int64_t gpu_device_next_time(const struct gpu_device *device)
{
    const int64_t contexts = gpu_contexts_next_time(device);
    if (take_now(device))
        return 0;
    return contexts < device->retry_at ? contexts : device->retry_at;
}

void gpu_device_handle_times(struct gpu_device *device)
{
    gpu_contexts_handle_times(device);
    if (take_now(device) || device->retry_at <= gpu_now_ms()) {
        device->retry_at = GPU_NEVER;
        gpu_requests_take(device);
    }
    end_turn(device);
}

/* ---- statistics ---- */

void gpu_device_get_stats(const struct gpu_device *device, struct gpu_device_stats *stats)
{
    *stats = device->stats;
    stats->contexts = device->context_count - device->ending_count;
    stats->ending_contexts = device->ending_count;
    stats->resources = device->resource_count;
    stats->releasing = device->releasing_count;
    stats->in_flight = device->queues[0].in_flight + device->queues[1].in_flight;
    stats->started = device->state == GPU_STATE_STARTED;
    stats->needs_reset = device->state == GPU_STATE_HALTED;
}
