/* SPDX-License-Identifier: MIT */
#include "device_process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "confine.h"
#include "device_stats.h"
#include "exit_codes.h"
#include "file_limit.h"
#include "gpu_device.h"
#include "log.h"
#include "reason.h"
#include "transport_xen.h"

/* Messages of a device and its render processes: so many at once, and then one after the other. The
 * guest can cause many of them. */
#define LOG_BURST       100
#define LOG_INTERVAL_MS 10000

struct process {
    const struct device_process_params *params;
    struct vgpu_transport *transport;
    struct gpu_device *device;
    int epoll_fd;
    bool ended; /* xen-venusd wants nothing more of us */
};

/* ---- xen-venusd ---- */

static void tell(const struct process *p, const char *message)
{
    /* It reads at once, or is about to kill us. */
    if (send(p->params->control, message, strlen(message), MSG_NOSIGNAL) < 0)
        backend_log(VENUS_LOG_DEBUG, "xen-venusd cannot be told \"%s\": %s", message,
                    strerror(errno));
}

static int give_up(const struct process *p, const struct reason *reason)
{
    char message[sizeof(reason->text) + 16];
    snprintf(message, sizeof(message), "error: %s", reason->text);
    backend_log(VENUS_LOG_ERROR, "%s", reason->text);
    tell(p, message);
    return BACKEND_EXIT_ERROR;
}

static void handle_control(struct process *p)
{
    char message[64];
    const ssize_t n = recv(p->params->control, message, sizeof(message) - 1, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        p->ended = true;
        return;
    }
    message[n] = '\0';
    char *stats = strcmp(message, "stats") ? NULL : device_stats_json(p->device);
    if (stats)
        tell(p, stats);
    else
        backend_log(VENUS_LOG_WARNING, "xen-venusd asks for \"%s\", which cannot be had", message);
    free(stats);
}

/* ---- the loop ---- */

/* Milliseconds until the device wants to be called, for epoll_wait(). */
static int time_left(const struct process *p)
{
    const int64_t next = gpu_device_next_time(p->device);
    if (next == INT64_MAX)
        return -1;
    const int64_t left = next - backend_now_ms();
    return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static void handle_guest(struct process *p)
{
    const int error = transport_xen_take_event(p->transport);
    if (error)
        backend_log(VENUS_LOG_WARNING, "the guest's event cannot be taken: %s", strerror(-error));
    else
        gpu_device_handle_event(p->device);
}

static bool watch(const struct process *p, int fd, const void *data)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = (void *)(uintptr_t)data};
    return !epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void run(struct process *p)
{
    while (!p->ended) {
        struct epoll_event event;
        /* One at a time: handling an event may free what another one refers to. */
        const int count = epoll_wait(p->epoll_fd, &event, 1, time_left(p));
        if (count > 0) {
            if (event.data.ptr == p->params)
                handle_control(p);
            else if (event.data.ptr == p->transport)
                handle_guest(p);
            else
                gpu_device_dispatch(p->device, event.data.ptr);
        }
        if (!p->ended && gpu_device_next_time(p->device) <= backend_now_ms())
            gpu_device_handle_times(p->device);
    }
}

/* ---- start ---- */

static bool create_device(struct process *p, struct reason *reason)
{
    const struct gpu_device_params device = {
        .transport = p->transport,
        .venus = p->params->venus,
        .per_blob = p->params->per_blob,
        .max_contexts = p->params->max_contexts,
        .gpu_uuid = p->params->gpu_uuid,
        .validate = p->params->validate,
        .epoll_fd = p->epoll_fd,
    };
    p->device = gpu_device_create(&device);
    return p->device || reason_set(reason, "the virtio-gpu device cannot be made");
}

static bool start(struct process *p, struct reason *reason)
{
    p->transport = transport_xen_open(p->params, reason);
    if (!p->transport)
        return false;
    if (!confine_privileges(p->params->user, p->params->control))
        return reason_set(reason, "the device process cannot give up its privileges");
    if (p->params->per_blob && access("/dev/xen/gntalloc", R_OK | W_OK))
        return reason_set(reason,
                          "mapping \"per-blob\": /dev/xen/gntalloc: %s (the user of device "
                          "processes must be allowed to use it)",
                          strerror(errno));
    if (!transport_xen_connect(p->transport, p->params, reason))
        return false;
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (p->epoll_fd < 0 || !watch(p, p->params->control, p->params) ||
        !watch(p, transport_xen_event_fd(p->transport), p->transport))
        return reason_set(reason, "epoll: %s", strerror(errno));
    return create_device(p, reason);
}

int device_process_run(const struct device_process_params *params)
{
    struct process p = {.params = params, .epoll_fd = -1};
    struct reason reason = {0};
    const pid_t parent = getppid();

    if (setpgid(0, 0) && getpgrp() != getpid()) {
        reason_set(&reason, "no process group of its own: %s", strerror(errno));
        return give_up(&p, &reason);
    }
    if (!confine_early(parent) || !confine_descriptors(&params->control, 1)) {
        reason_set(&reason, "the device process cannot be confined");
        return give_up(&p, &reason);
    }
    if (!backend_log_limit(LOG_BURST, LOG_INTERVAL_MS)) {
        reason_set(&reason, "no memory for the budget of messages");
        return give_up(&p, &reason);
    }
    confine_namespaces();
    /* A dma-buf takes one for as long as it is in use. */
    backend_raise_file_limit();
    if (!start(&p, &reason))
        return give_up(&p, &reason);
    tell(&p, "ready");
    run(&p);
    /*
     * Whatever happens to us now, the guest's memory goes with this process and with the render
     * processes, which the kernel kills for us: nothing that could take time comes first.
     */
    return BACKEND_EXIT_OK;
}
