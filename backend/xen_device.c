/* SPDX-License-Identifier: MIT */
#include "xen_device.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "xen_limits.h"

/* ---- messages ---- */

__attribute__((format(printf, 3, 4))) static void
say(const struct xen_device *d, enum venus_log_level level, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    backend_log(level, "%s (domain %u) gpu %u: %s", d->domain_name, d->nodes.domid, d->nodes.devid,
                text);
}

static void set_state(const struct xen_device *d, enum xen_state state)
{
    const int result = xen_nodes_set_state(&d->nodes, state);
    if (result)
        say(d, VENUS_LOG_ERROR, "cannot write its state: %s", strerror(-result));
}

static void set_error(struct xen_device *d, const struct reason *why)
{
    d->error = *why;
    say(d, VENUS_LOG_ERROR, "%s", why->text);
    xen_nodes_set_error(&d->nodes, why->text);
}

const char *xen_device_phase_name(const struct xen_device *device)
{
    static const char *const names[] = {
        [XEN_DEVICE_OFFERED] = "waiting for the guest",
        [XEN_DEVICE_CONNECTING] = "connecting",
        [XEN_DEVICE_CONNECTED] = "connected",
        [XEN_DEVICE_CLOSING] = "closing",
        [XEN_DEVICE_LETTING_GO] = "letting go",
        [XEN_DEVICE_DELAYED] = "waiting to be offered again",
        [XEN_DEVICE_CLOSED] = "closed",
        [XEN_DEVICE_GONE] = "gone",
    };
    return names[device->phase];
}

/* ---- choosing ---- */

static const struct backend_gpu *selected_gpu(const struct xen_env *env, const char *selector,
                                              struct reason *reason)
{
    const struct backend_gpu *gpu = backend_gpu_find(env->gpus, env->gpu_count, selector, reason);
    if (!gpu) {
        reason_prefix(reason, "gpu=%s", selector);
        return NULL;
    }
    if (!*gpu->memory_path) {
        reason_set(reason, "gpu=%s: %s is unusable: %s", selector, gpu->gpu.name, gpu->unusable);
        return NULL;
    }
    return gpu;
}

/* What of the GPUs that a guest gets matters for the choice of its window. */
struct traits {
    bool software;    /* all of them */
    bool host_import; /* all of them; others take only dma-bufs of a granted window */
};

static void add_traits(struct traits *traits, const struct backend_gpu *gpu)
{
    if (!*gpu->memory_path)
        return;
    traits->software &= gpu->gpu.type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    traits->host_import &= !strcmp(gpu->memory_path, "host-import");
}

bool xen_device_choose(struct xen_device *device, const struct xen_env *env,
                       const struct gpu_config *config, struct reason *reason)
{
    const char *selector = *config->selector ? config->selector : env->default_gpu;
    *device = (struct xen_device){.env = env, .config = *config};
    struct traits traits = {.software = true, .host_import = true};
    if (selector) {
        const struct backend_gpu *gpu = selected_gpu(env, selector, reason);
        if (!gpu)
            return false;
        device->has_uuid = true;
        memcpy(device->uuid, gpu->gpu.uuid, VK_UUID_SIZE);
        backend_copy_printable(device->gpu_name, sizeof(device->gpu_name), gpu->gpu.name);
        add_traits(&traits, gpu);
    }
    for (int i = 0; !selector && i < env->gpu_count; i++)
        add_traits(&traits, &env->gpus[i]);
    /* A GPU's driver pins pages and asks for their addresses, which only grants have. */
    const bool foreign =
        config->window == GPU_WINDOW_FOREIGN ||
        (config->window == GPU_WINDOW_AUTO && traits.software && traits.host_import);
    device->window = foreign ? VGPU_WINDOW_FOREIGN : VGPU_WINDOW_GRANT;
    if (foreign && !traits.software && !config->per_blob)
        backend_log(VENUS_LOG_WARNING,
                    "window=foreign: only software drivers are known to work with it");
    if (foreign && !traits.host_import && !config->per_blob)
        backend_log(VENUS_LOG_WARNING,
                    "window=foreign: drivers without VK_EXT_external_memory_host can use a granted "
                    "window only (window=grant)");
    return true;
}

/* ---- offering ---- */

static void let_go(struct xen_device *d, enum xen_device_next after);

static int64_t offer_delay(struct xen_device *d, int64_t now)
{
    while (d->offers && d->offers_since + XEN_DEVICE_FORGET_MS <= now) {
        d->offers--;
        d->offers_since += XEN_DEVICE_FORGET_MS;
    }
    if (!d->offers)
        d->offers_since = now;
    /* After an error the guest should get to see Closed, and its administrator the reason. */
    if (d->offers < XEN_DEVICE_FREE_OFFERS)
        return *d->error.text ? XEN_DEVICE_MIN_DELAY : 0;
    const unsigned exponent = d->offers - XEN_DEVICE_FREE_OFFERS;
    const int64_t delay =
        exponent < 10 ? (int64_t)XEN_DEVICE_MIN_DELAY << exponent : XEN_DEVICE_MAX_DELAY;
    return delay < XEN_DEVICE_MAX_DELAY ? delay : XEN_DEVICE_MAX_DELAY;
}

/* Offer the device as soon as it may be offered again. */
static void delay_offer(struct xen_device *d)
{
    const int64_t now = backend_now_ms(), delay = offer_delay(d, now);
    d->phase = XEN_DEVICE_DELAYED;
    d->offer_at = now + delay;
    if (delay)
        say(d, VENUS_LOG_INFO, "offered again in %lld ms", (long long)delay);
}

static void offer(struct xen_device *d)
{
    d->offers++;
    d->offer_at = LOOP_NEVER;
    const int result = xen_nodes_offer(&d->nodes, &d->config, d->window);
    if (!result) {
        d->phase = XEN_DEVICE_OFFERED;
        /* The frontend may be waiting since before an earlier daemon or process died. */
        xen_device_note_change(d);
        say(d, VENUS_LOG_DEBUG, "offered");
    } else if (!xen_nodes_home_exists(&d->nodes)) {
        xen_device_forget(d);
    } else {
        say(d, VENUS_LOG_ERROR, "cannot be offered: %s", strerror(-result));
        delay_offer(d);
    }
}

/* The guest is at fault: the device stays closed until the frontend starts anew. */
static void close_with_error(struct xen_device *d, const struct reason *why)
{
    set_error(d, why);
    let_go(d, XEN_DEVICE_NEXT_CLOSED);
}

/* ---- the process ---- */

static void process_ready(void *user)
{
    struct xen_device *d = user;
    if (d->phase != XEN_DEVICE_CONNECTING)
        return;
    d->phase = XEN_DEVICE_CONNECTED;
    d->error = (struct reason){0};
    set_state(d, XEN_STATE_CONNECTED);
    say(d, VENUS_LOG_INFO, "connected, process %d", xen_process_id(d->process));
}

static void process_stats(void *user, const char *json)
{
    struct xen_device *d = user;
    free(d->stats);
    /* It is shown to people: whatever is not ASCII goes here, escapes are the reader's to see to.
     */
    d->stats = json ? strdup(json) : NULL;
    if (d->stats)
        backend_copy_printable(d->stats, strlen(d->stats) + 1, json);
    d->stats_wanted = false;
}

static void finish_letting_go(struct xen_device *d)
{
    if (d->after != XEN_DEVICE_NEXT_FORGET) /* these nodes may be another guest's by now */
        xen_nodes_let_go(&d->nodes);
    switch (d->after) {
    case XEN_DEVICE_NEXT_OFFER:
        set_state(d, XEN_STATE_CLOSED);
        delay_offer(d);
        break;
    case XEN_DEVICE_NEXT_CLOSED:
        set_state(d, XEN_STATE_CLOSED);
        d->phase = XEN_DEVICE_CLOSED;
        xen_device_note_change(d); /* the frontend may have gone on already */
        break;
    case XEN_DEVICE_NEXT_STOP:
        set_state(d, XEN_STATE_CLOSED);
        d->phase = XEN_DEVICE_GONE;
        break;
    case XEN_DEVICE_NEXT_REMOVE:
        set_state(d, XEN_STATE_CLOSED);
        xen_limits_lower_memory(&d->nodes, d->env->domains);
        xen_nodes_remove(&d->nodes);
        d->phase = XEN_DEVICE_GONE;
        say(d, VENUS_LOG_INFO, "removed");
        break;
    case XEN_DEVICE_NEXT_FORGET:
        d->phase = XEN_DEVICE_GONE;
        say(d, VENUS_LOG_DEBUG, "forgotten");
        break;
    }
}

/* Kill what holds the guest's memory, then go on with `after`. */
static void let_go(struct xen_device *d, enum xen_device_next after)
{
    if (d->phase != XEN_DEVICE_LETTING_GO || after > d->after)
        d->after = after;
    d->offer_at = d->close_until = LOOP_NEVER;
    d->phase = XEN_DEVICE_LETTING_GO;
    if (d->process)
        xen_process_kill(d->process);
    else
        finish_letting_go(d);
}

static void process_ended(void *user, const struct reason *why)
{
    struct xen_device *d = user;
    const enum xen_device_phase phase = d->phase;
    if (phase == XEN_DEVICE_CONNECTING || phase == XEN_DEVICE_CONNECTED)
        set_error(d, why);
    xen_process_destroy(d->process);
    d->process = NULL;
    if (phase != XEN_DEVICE_LETTING_GO || d->after != XEN_DEVICE_NEXT_FORGET)
        xen_nodes_remove_own(&d->nodes, "group");
    if (phase == XEN_DEVICE_LETTING_GO)
        finish_letting_go(d);
    else
        let_go(d, phase == XEN_DEVICE_CLOSING ? XEN_DEVICE_NEXT_REMOVE : XEN_DEVICE_NEXT_OFFER);
}

static const struct xen_process_events process_events = {
    .ready = process_ready,
    .stats = process_stats,
    .ended = process_ended,
};

/* Without that the guest works as well, but may take long to be destroyed. */
static void hold(const struct xen_device *d)
{
    const int result = xen_nodes_hold(&d->nodes);
    if (result)
        say(d, VENUS_LOG_WARNING, "libxl cannot be told to wait until the GPU has let go: %s",
            strerror(-result));
}

static void connect_guest(struct xen_device *d)
{
    struct reason reason = {0};
    char group[16];
    struct device_process_params params = {
        .domid = d->nodes.domid,
        .devid = d->nodes.devid,
        .domain_name = d->domain_name,
        .hostmem = d->config.hostmem,
        .per_blob = d->config.per_blob,
        .window = d->window,
        .venus = d->config.venus,
        .max_contexts = d->config.contexts,
        .gpu_uuid = d->has_uuid ? d->uuid : NULL,
        .validate = d->env->validate,
        .user = d->env->user,
    };
    if (!xen_nodes_read_connection(&d->nodes, &d->config, d->window, &params.connection, &reason)) {
        close_with_error(d, &reason);
        return;
    }
    hold(d);
    d->process = xen_process_start(d->env->processes, &params, &process_events, d, &reason);
    if (!d->process) {
        set_error(d, &reason);
        let_go(d, XEN_DEVICE_NEXT_OFFER);
        return;
    }
    d->phase = XEN_DEVICE_CONNECTING;
    snprintf(group, sizeof(group), "%d", xen_process_id(d->process));
    xen_nodes_write_own(&d->nodes, "group", group);
}

void xen_device_ask_stats(struct xen_device *device)
{
    free(device->stats);
    device->stats = NULL;
    device->stats_wanted = device->phase == XEN_DEVICE_CONNECTED;
    if (device->stats_wanted)
        xen_process_ask_stats(device->process);
}

/* ---- the guest ---- */

static void connected_frontend_changed(struct xen_device *d, enum xen_state state)
{
    switch (state) {
    case XEN_STATE_INITIALISED:
    case XEN_STATE_CONNECTED:
        break;
    case XEN_STATE_CLOSING:
    case XEN_STATE_CLOSED:
        say(d, VENUS_LOG_INFO, "closed by the guest");
        let_go(d, XEN_DEVICE_NEXT_CLOSED);
        break;
    default:
        /* It starts anew without a word, as after a crash of the guest's kernel. */
        say(d, VENUS_LOG_INFO, "the frontend starts anew");
        let_go(d, XEN_DEVICE_NEXT_OFFER);
    }
}

static void frontend_changed(struct xen_device *d, enum xen_state state)
{
    switch (d->phase) {
    case XEN_DEVICE_OFFERED:
        if (state == XEN_STATE_INITIALISED)
            connect_guest(d);
        else if (state == XEN_STATE_CLOSING) /* Closed may be its answer to an earlier Closed */
            let_go(d, XEN_DEVICE_NEXT_CLOSED);
        break;
    case XEN_DEVICE_CONNECTING:
    case XEN_DEVICE_CONNECTED:
        connected_frontend_changed(d, state);
        break;
    case XEN_DEVICE_CLOSING:
        if (state == XEN_STATE_CLOSED)
            let_go(d, XEN_DEVICE_NEXT_REMOVE);
        break;
    case XEN_DEVICE_CLOSED:
        if (state == XEN_STATE_INITIALISING)
            delay_offer(d);
        break;
    default:
        break;
    }
}

/* The frontend's nodes have gone: with the domain, or removed by the guest. */
static void frontend_vanished(struct xen_device *d)
{
    struct reason reason;
    const enum xen_device_phase phase = d->phase;
    /* First of all: the domain cannot die before. */
    xen_process_kill(d->process);
    if (!xen_nodes_home_exists(&d->nodes)) {
        xen_device_forget(d);
    } else if (phase == XEN_DEVICE_CLOSING) {
        let_go(d, XEN_DEVICE_NEXT_REMOVE);
    } else if (phase <= XEN_DEVICE_CONNECTED) {
        reason_set(&reason, "the guest has removed the frontend's nodes");
        close_with_error(d, &reason);
    }
}

static void look_at_guest(struct xen_device *d)
{
    struct reason reason;
    enum xen_state state;
    if (d->phase == XEN_DEVICE_GONE)
        return;
    if (xen_nodes_let_go_wanted(&d->nodes)) {
        say(d, VENUS_LOG_INFO, "the domain is about to be destroyed");
        let_go(d, d->phase == XEN_DEVICE_CLOSING ? XEN_DEVICE_NEXT_REMOVE : XEN_DEVICE_NEXT_CLOSED);
        return;
    }
    const int result = xen_nodes_frontend_state(&d->nodes, &state);
    if (result == -ENOENT) {
        frontend_vanished(d);
        return;
    }
    if (result) {
        if (d->phase > XEN_DEVICE_CONNECTED)
            return;
        reason_set(&reason, "the frontend's state is not a number from 0 to %d", XEN_STATE_MAX);
        close_with_error(d, &reason);
        return;
    }
    if (d->phase < XEN_DEVICE_CLOSING && xen_nodes_unplug_wanted(&d->nodes)) {
        say(d, VENUS_LOG_INFO, "the guest asks for its removal");
        xen_device_remove(d);
        return;
    }
    frontend_changed(d, state);
}

/* ---- life and death ---- */

#define WATCHED 3

/* What others write. */
static struct xen_path watched(const struct xen_device *d, int i)
{
    const char *const folders[WATCHED] = {d->nodes.frontend, d->nodes.frontend, d->nodes.hold};
    static const char *const names[WATCHED] = {"state", "unplug", "state"};
    return xen_path("%s/%s", folders[i], names[i]);
}

static bool watch(const struct xen_device *d, struct reason *reason)
{
    for (int i = 0; i < WATCHED; i++) {
        const struct xen_path path = watched(d, i);
        const int result = xen_store_watch(
            d->env->store, path.s, xen_path("device/%u/%u", d->nodes.domid, d->nodes.devid).s);
        if (result)
            return reason_set(reason, "cannot watch %s: %s", path.s, strerror(-result));
    }
    return true;
}

static void unwatch(const struct xen_device *d)
{
    for (int i = 0; i < WATCHED; i++)
        xen_store_unwatch(d->env->store, watched(d, i).s,
                          xen_path("device/%u/%u", d->nodes.domid, d->nodes.devid).s);
}

/* Make sure that nothing of an earlier daemon's device process is left. */
static bool end_left_over(const struct xen_device *d, struct reason *reason)
{
    char value[24];
    if (xen_nodes_read_own(&d->nodes, "group", value, sizeof(value)) < 0)
        return true;
    if (!xen_process_kill_left_over(atoi(value)))
        return reason_set(reason, "process group %s of an earlier xen-venusd does not end", value);
    xen_nodes_remove_own(&d->nodes, "group");
    return true;
}

struct xen_device *xen_device_create(const struct xen_device *chosen, const char *domain_name,
                                     uint32_t domid, uint32_t devid, struct reason *reason)
{
    char text[GPU_CONFIG_MAX_TEXT];
    struct xen_device *d = calloc(1, sizeof(*d));
    if (!d) {
        reason_set(reason, "out of memory");
        return NULL;
    }
    *d = *chosen;
    backend_copy_printable(d->domain_name, sizeof(d->domain_name), domain_name);
    d->offer_at = d->close_until = LOOP_NEVER;
    d->offers_since = backend_now_ms();
    xen_nodes_init(&d->nodes, d->env->store, d->env->backend_domid, domid, devid);
    gpu_config_format(&d->config, text);
    if (!end_left_over(d, reason))
        goto error;
    xen_nodes_let_go(&d->nodes);
    const int result = xen_nodes_write_own(&d->nodes, "gpu", text);
    if (result) {
        reason_set(reason, "cannot write to xenstore: %s", strerror(-result));
        goto error;
    }
    if (!d->config.per_blob &&
        !xen_limits_raise_memory(&d->nodes, d->env->domains, d->config.hostmem, reason))
        goto error;
    offer(d);
    if (!watch(d, reason)) {
        unwatch(d);
        goto error;
    }
    say(d, VENUS_LOG_INFO, "offered: %s%s%s", text, *d->gpu_name ? "; " : "", d->gpu_name);
    return d;

error:
    xen_limits_lower_memory(&d->nodes, d->env->domains);
    xen_nodes_remove(&d->nodes);
    free(d);
    return NULL;
}

void xen_device_destroy(struct xen_device *device)
{
    if (!device)
        return;
    xen_process_destroy(device->process);
    unwatch(device);
    free(device->stats);
    free(device);
}

void xen_device_note_change(struct xen_device *device)
{
    device->changed = true;
}

void xen_device_remove(struct xen_device *device)
{
    struct xen_device *d = device;
    enum xen_state state;
    if (d->phase == XEN_DEVICE_CLOSING || d->phase == XEN_DEVICE_GONE)
        return;
    xen_nodes_set_offline(&d->nodes);
    if (d->phase == XEN_DEVICE_LETTING_GO) {
        let_go(d, XEN_DEVICE_NEXT_REMOVE);
        return;
    }
    const bool in_use = !xen_nodes_frontend_state(&d->nodes, &state) &&
                        (state == XEN_STATE_INITIALISED || state == XEN_STATE_CONNECTED ||
                         state == XEN_STATE_CLOSING);
    set_state(d, XEN_STATE_CLOSING);
    if (!d->process && !in_use) {
        let_go(d, XEN_DEVICE_NEXT_REMOVE);
        return;
    }
    d->phase = XEN_DEVICE_CLOSING;
    d->offer_at = LOOP_NEVER;
    d->close_until = backend_now_ms() + XEN_DEVICE_CLOSE_MS;
}

void xen_device_forget(struct xen_device *device)
{
    if (device->phase == XEN_DEVICE_GONE)
        return;
    xen_process_kill(device->process);
    xen_nodes_remove(&device->nodes);
    let_go(device, XEN_DEVICE_NEXT_FORGET);
}

void xen_device_stop(struct xen_device *device)
{
    if (device->phase != XEN_DEVICE_GONE)
        let_go(device, XEN_DEVICE_NEXT_STOP);
}

/* ---- times ---- */

int64_t xen_device_next_time(const struct xen_device *device)
{
    int64_t next = device->offer_at < device->close_until ? device->offer_at : device->close_until;
    if (device->changed && device->look_at < next)
        next = device->look_at;
    return next;
}

void xen_device_tick(struct xen_device *device, int64_t now)
{
    struct xen_device *d = device;
    if (d->changed && d->look_at <= now) {
        d->changed = false;
        d->look_at = now + XEN_DEVICE_LOOK_MS;
        look_at_guest(d);
    }
    if (d->offer_at <= now)
        offer(d);
    if (d->close_until <= now) {
        say(d, VENUS_LOG_WARNING, "the guest does not close it, removed all the same");
        let_go(d, XEN_DEVICE_NEXT_REMOVE);
    }
}
