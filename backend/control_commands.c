/* SPDX-License-Identifier: MIT */
#include "control_commands.h"

#include <json-c/json.h>
#include <string.h>

#include "log.h"

static struct json_object *answer(bool ok)
{
    struct json_object *reply = json_object_new_object();
    json_object_object_add(reply, "ok", json_object_new_boolean(ok));
    return reply;
}

struct json_object *control_error(const char *text)
{
    struct json_object *reply = answer(false);
    json_object_object_add(reply, "error", json_object_new_string(text));
    return reply;
}

static void add_string(struct json_object *to, const char *key, const char *value)
{
    json_object_object_add(to, key, json_object_new_string(value));
}

static void add_number(struct json_object *to, const char *key, int64_t value)
{
    json_object_object_add(to, key, json_object_new_int64(value));
}

/* ---- describing ---- */

/* What the process says is shown as it is, if it is JSON. */
static void add_stats(struct json_object *to, const struct xen_device *d)
{
    struct json_object *stats = d->stats ? json_tokener_parse(d->stats) : NULL;
    if (stats)
        json_object_object_add(to, "stats", stats);
    else if (d->phase == XEN_DEVICE_CONNECTED)
        add_string(to, "stats_error", "the device process does not answer");
}

static struct json_object *describe_gpu(const struct xen_device *d, bool with_stats)
{
    struct json_object *gpu = json_object_new_object();
    add_number(gpu, "id", d->nodes.devid);
    add_string(gpu, "state", xen_device_phase_name(d));
    add_number(gpu, "hostmem", d->config.hostmem);
    add_string(gpu, "mapping", d->config.per_blob ? "per-blob" : "window");
    if (!d->config.per_blob)
        add_string(gpu, "window", d->window == VGPU_WINDOW_GRANT ? "grant" : "foreign");
    json_object_object_add(gpu, "venus", json_object_new_boolean(d->config.venus));
    add_number(gpu, "contexts", d->config.contexts);
    if (*d->gpu_name)
        add_string(gpu, "gpu", d->gpu_name);
    if (d->process)
        add_number(gpu, "pid", xen_process_id(d->process));
    if (*d->error.text)
        add_string(gpu, "error", d->error.text);
    if (with_stats)
        add_stats(gpu, d);
    return gpu;
}

static struct json_object *describe_guest(const struct xen_guest *g, bool with_stats)
{
    struct json_object *guest = json_object_new_object();
    struct json_object *gpus = json_object_new_array();
    add_string(guest, "name", g->name);
    add_number(guest, "domid", g->domid);
    if (*g->error.text)
        add_string(guest, "error", g->error.text);
    for (const struct xen_device *d = g->devices; d; d = d->next)
        json_object_array_add(gpus, describe_gpu(d, with_stats));
    json_object_object_add(guest, "gpus", gpus);
    return guest;
}

/* ---- commands ---- */

static struct json_object *list(const struct xen_guests *guests)
{
    struct json_object *reply = answer(true), *array = json_object_new_array();
    for (const struct xen_guest *g = guests->first; g; g = g->next) {
        if (!g->dead && (g->devices || *g->error.text))
            json_object_array_add(array, describe_guest(g, false));
    }
    json_object_object_add(reply, "guests", array);
    return reply;
}

/* A string of the request. NULL, with a reason, when there is none. */
static const char *string_of(struct json_object *request, const char *key, struct reason *reason)
{
    struct json_object *value;
    if (json_object_object_get_ex(request, key, &value) &&
        json_object_is_type(value, json_type_string))
        return json_object_get_string(value);
    reason_set(reason, "the request has no string \"%s\"", key);
    return NULL;
}

static struct xen_guest *guest_of(const struct xen_guests *guests, struct json_object *request,
                                  struct reason *reason)
{
    const char *domain = string_of(request, "domain", reason);
    return domain ? xen_guests_find(guests, domain, reason) : NULL;
}

static struct json_object *info(const struct xen_guests *guests, struct json_object *request,
                                struct control_pending *pending)
{
    struct reason reason;
    struct xen_guest *guest = guest_of(guests, request, &reason);
    if (!guest)
        return control_error(reason.text);
    for (struct xen_device *d = guest->devices; d; d = d->next)
        xen_device_ask_stats(d);
    *pending = (struct control_pending){.what = CONTROL_INFO, .domid = guest->domid};
    return NULL;
}

static struct json_object *attach(struct xen_guests *guests, struct json_object *request)
{
    struct reason reason;
    struct gpu_config config;
    uint32_t id;
    struct xen_guest *guest = guest_of(guests, request, &reason);
    const char *text = guest ? string_of(request, "gpu", &reason) : NULL;
    if (!text || !gpu_config_parse(&config, text, &reason) ||
        !xen_guest_attach(guests, guest, &config, &id, &reason)) {
        backend_log(VENUS_LOG_INFO, "attach refused: %s", reason.text);
        return control_error(reason.text);
    }
    guest->error = (struct reason){0};
    struct json_object *reply = answer(true);
    add_number(reply, "domid", guest->domid);
    add_number(reply, "id", id);
    return reply;
}

/* The GPU that the request means: that with its "id", or the only one. */
static struct xen_device *device_of(const struct xen_guest *guest, struct json_object *request,
                                    struct reason *reason)
{
    struct json_object *id;
    if (json_object_object_get_ex(request, "id", &id)) {
        const int64_t number =
            json_object_is_type(id, json_type_int) ? json_object_get_int64(id) : -1;
        struct xen_device *device =
            number >= 0 && number <= UINT32_MAX ? xen_guest_device(guest, (uint32_t)number) : NULL;
        if (!device)
            reason_set(reason, "%s has no GPU %s", guest->name, json_object_to_json_string(id));
        return device;
    }
    if (guest->devices && !guest->devices->next)
        return guest->devices;
    if (guest->devices)
        reason_set(reason, "%s has several GPUs: say which one by its id", guest->name);
    else
        reason_set(reason, "%s has no GPU", guest->name);
    return NULL;
}

static struct json_object *detach(const struct xen_guests *guests, struct json_object *request,
                                  struct control_pending *pending)
{
    struct reason reason;
    struct xen_guest *guest = guest_of(guests, request, &reason);
    struct xen_device *device = guest ? device_of(guest, request, &reason) : NULL;
    if (!device)
        return control_error(reason.text);
    *pending = (struct control_pending){
        .what = CONTROL_DETACH, .domid = guest->domid, .devid = device->nodes.devid};
    xen_device_remove(device);
    return NULL;
}

struct json_object *control_handle(struct xen_guests *guests, struct json_object *request,
                                   struct control_pending *pending)
{
    struct reason reason;
    const char *command = string_of(request, "command", &reason);
    if (!command)
        return control_error(reason.text);
    if (!strcmp(command, "list"))
        return list(guests);
    if (!strcmp(command, "info"))
        return info(guests, request, pending);
    if (!strcmp(command, "attach"))
        return attach(guests, request);
    if (!strcmp(command, "detach"))
        return detach(guests, request, pending);
    return control_error("no such command; there are list, info, attach, detach");
}

/* ---- later ---- */

static const struct xen_guest *guest_with_id(const struct xen_guests *guests, uint32_t domid)
{
    const struct xen_guest *g = guests->first;
    while (g && (g->dead || g->domid != domid))
        g = g->next;
    return g;
}

static struct json_object *finish_info(const struct xen_guest *guest)
{
    if (!guest)
        return control_error("the domain has gone");
    for (const struct xen_device *d = guest->devices; d; d = d->next) {
        if (d->stats_wanted)
            return NULL;
    }
    struct json_object *reply = answer(true);
    json_object_object_add(reply, "guest", describe_guest(guest, true));
    return reply;
}

struct json_object *control_finish(const struct xen_guests *guests,
                                   const struct control_pending *pending)
{
    const struct xen_guest *guest = guest_with_id(guests, pending->domid);
    if (pending->what == CONTROL_INFO)
        return finish_info(guest);
    if (guest && xen_guest_device(guest, pending->devid))
        return NULL;
    struct json_object *reply = answer(true);
    add_number(reply, "domid", pending->domid);
    add_number(reply, "id", pending->devid);
    return reply;
}
