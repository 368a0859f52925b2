/* SPDX-License-Identifier: MIT */
#include "xen_guests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "xen/store_values.h"
#include "xen_limits.h"

/* ---- paths ---- */

/* What the daemon keeps about a guest (xen_nodes.h has what it keeps about a device). */
static struct xen_path own_path(const struct xen_env *env, uint32_t domid, const char *name)
{
    return xen_path("/local/domain/%u/xen-venus/%u%s%s", env->backend_domid, domid,
                    *name ? "/" : "", name);
}

static struct xen_path backend_path(const struct xen_env *env, const char *kind, uint32_t domid)
{
    return xen_path("/local/domain/%u/backend/%s/%u", env->backend_domid, kind, domid);
}

static void format_uuid(const uint8_t uuid[16], char text[33])
{
    for (int i = 0; i < 16; i++)
        snprintf(text + 2 * i, 3, "%02x", uuid[i]);
}

static void remove_folders(const struct xen_env *env, uint32_t domid)
{
    xen_store_remove(env->store, XEN_STORE_NONE, own_path(env, domid, "").s);
    xen_store_remove(env->store, XEN_STORE_NONE, backend_path(env, "none", domid).s);
    /* Last, as the others are found by it. */
    xen_store_remove(env->store, XEN_STORE_NONE, backend_path(env, "vgpu", domid).s);
}

/* ---- finding ---- */

static struct xen_guest *guest_with_id(const struct xen_guests *guests, uint32_t domid)
{
    struct xen_guest *g = guests->first;
    while (g && (g->dead || g->domid != domid))
        g = g->next;
    return g;
}

struct xen_guest *xen_guests_find(const struct xen_guests *guests, const char *name,
                                  struct reason *reason)
{
    uint64_t domid;
    for (struct xen_guest *g = guests->first; g; g = g->next) {
        if (!g->dead && *name && !strcmp(g->name, name))
            return g;
    }
    struct xen_guest *found = NULL;
    if (!xen_store_parse_number(name, UINT32_MAX, &domid))
        found = guest_with_id(guests, domid);
    if (!found)
        reason_set(reason, "there is no domain \"%s\" (see xl list)", name);
    return found;
}

struct xen_device *xen_guest_device(const struct xen_guest *guest, uint32_t devid)
{
    struct xen_device *d = guest->devices;
    while (d && d->nodes.devid != devid)
        d = d->next;
    return d;
}

/* ---- giving GPUs ---- */

/* Write down whose devices these are: a domain that comes later may have the same id. */
static bool note_owner(const struct xen_env *env, const struct xen_guest *guest,
                       struct reason *reason)
{
    char uuid[33];
    format_uuid(guest->uuid, uuid);
    const int result =
        xen_store_write(env->store, XEN_STORE_NONE, own_path(env, guest->domid, "uuid").s, uuid);
    return !result || reason_set(reason, "cannot write to xenstore: %s", strerror(-result));
}

static bool grants_fit(const struct xen_guest *guest, const struct xen_device *chosen,
                       struct reason *reason)
{
    uint64_t bytes = chosen->config.hostmem;
    uint32_t gpus = 1;
    if (chosen->config.per_blob || chosen->window != VGPU_WINDOW_GRANT)
        return true;
    for (const struct xen_device *d = guest->devices; d; d = d->next) {
        gpus++;
        if (!d->config.per_blob && d->window == VGPU_WINDOW_GRANT)
            bytes += d->config.hostmem;
    }
    return xen_limits_grants_fit(chosen->env->domains, guest->domid, bytes, gpus, reason);
}

/* Make a device, or take it over, with the id `devid`. */
static bool add_device(const struct xen_env *env, struct xen_guest *guest,
                       const struct gpu_config *config, uint32_t devid, struct reason *reason)
{
    struct xen_device chosen;
    if (!xen_device_choose(&chosen, env, config, reason) || !grants_fit(guest, &chosen, reason) ||
        !note_owner(env, guest, reason))
        return false;
    struct xen_device *device =
        xen_device_create(&chosen, guest->name, guest->domid, devid, reason);
    if (!device)
        return false;
    struct xen_device **link = &guest->devices;
    while (*link)
        link = &(*link)->next;
    *link = device;
    return true;
}

bool xen_guest_attach(struct xen_guests *guests, struct xen_guest *guest,
                      const struct gpu_config *config, uint32_t *devid, struct reason *reason)
{
    for (*devid = 0; *devid < XEN_GUESTS_MAX_GPUS; ++*devid) {
        if (!xen_guest_device(guest, *devid))
            return add_device(guests->env, guest, config, *devid, reason);
    }
    return reason_set(reason, "%s has %d GPUs already", guest->name, XEN_GUESTS_MAX_GPUS);
}

/* ---- configuration ---- */

static void config_failed(struct xen_guest *guest, const struct reason *reason)
{
    guest->error = *reason;
    backend_log(VENUS_LOG_ERROR, "%s (domain %u): %s", guest->name, guest->domid, reason->text);
}

static void apply_config(struct xen_guests *guests, struct xen_guest *guest,
                         const struct domain_config *config)
{
    struct reason reason;
    struct gpu_config gpu;
    for (int i = 0; i < config->gpu_count; i++) {
        if (gpu_config_parse(&gpu, config->gpus[i], &reason) &&
            add_device(guests->env, guest, &gpu, i, &reason)) {
            guest->configured = true;
            continue;
        }
        reason_prefix(&reason, "%s: gpu[%d]", config->path, i);
        config_failed(guest, &reason);
    }
    /* A device that is detached later must not come back with the next daemon. */
    if (guest->configured)
        xen_store_write(guests->env->store, XEN_STORE_NONE,
                        own_path(guests->env, guest->domid, "configured").s, "1");
}

static void look_for_config(struct xen_guests *guests, struct xen_guest *guest)
{
    struct domain_config config;
    struct reason reason;
    guest->error = (struct reason){0};
    switch (config_files_find(guests->config_dirs, guests->config_dir_count, guest->name, &config,
                              &reason)) {
    case CONFIG_FILES_FOUND:
        apply_config(guests, guest, &config);
        domain_config_finish(&config);
        break;
    case CONFIG_FILES_NONE:
        backend_log(VENUS_LOG_DEBUG, "%s (domain %u): no configuration found", guest->name,
                    guest->domid);
        break;
    case CONFIG_FILES_ERROR:
        config_failed(guest, &reason);
        break;
    }
}

/* The name may come after the domain, and changes when a migrated domain has arrived. */
static void look_at_name(struct xen_guests *guests, struct xen_guest *guest)
{
    char name[sizeof(guest->name)];
    if (xen_store_read(guests->env->store, XEN_STORE_NONE,
                       xen_path("/local/domain/%u/name", guest->domid).s, name, sizeof(name)) <= 0)
        return;
    backend_copy_printable(name, sizeof(name), strdupa(name));
    if (!strcmp(name, guest->name))
        return;
    strcpy(guest->name, name);
    if (!guest->configured && !guest->devices)
        look_for_config(guests, guest);
}

/* ---- domains come and go ---- */

static struct xen_guest *add_guest(struct xen_guests *guests, uint32_t domid,
                                   const struct xen_domain_info *info)
{
    struct xen_guest *guest = calloc(1, sizeof(*guest));
    if (!guest) {
        backend_log(VENUS_LOG_ERROR, "domain %u: not served: out of memory", domid);
        return NULL;
    }
    guest->domid = domid;
    memcpy(guest->uuid, info->uuid, sizeof(guest->uuid));
    guest->next = guests->first;
    guests->first = guest;
    return guest;
}

/* The event that comes at once finds the name and with it the configuration. */
static void watch_name(const struct xen_guests *guests, const struct xen_guest *guest)
{
    const int result =
        xen_store_watch(guests->env->store, xen_path("/local/domain/%u/name", guest->domid).s,
                        xen_path("name/%u", guest->domid).s);
    if (result)
        backend_log(VENUS_LOG_ERROR, "domain %u: cannot watch its name: %s", guest->domid,
                    strerror(-result));
}

static void guest_died(struct xen_guest *guest)
{
    guest->dead = true;
    for (struct xen_device *d = guest->devices; d; d = d->next)
        xen_device_forget(d);
}

static bool is_gone(const struct xen_guests *guests, const struct xen_guest *guest)
{
    struct xen_domain_info info;
    const int result = xen_domain_info(guests->env->domains, guest->domid, &info);
    if (result)
        return result == -ESRCH;
    return info.dying || memcmp(info.uuid, guest->uuid, sizeof(info.uuid)) != 0;
}

static bool has_number(const uint32_t *numbers, int count, uint32_t number)
{
    for (int i = 0; i < count; i++) {
        if (numbers[i] == number)
            return true;
    }
    return false;
}

static void scan(struct xen_guests *guests)
{
    struct xen_domain_info info;
    uint32_t *domids;
    const int count =
        xen_store_list_numbers(guests->env->store, XEN_STORE_NONE, "/local/domain", &domids);
    if (count < 0) {
        backend_log(VENUS_LOG_ERROR, "cannot list the domains: %s", strerror(-count));
        return;
    }
    for (struct xen_guest *g = guests->first; g; g = g->next) {
        if (!g->dead && (!has_number(domids, count, g->domid) || is_gone(guests, g)))
            guest_died(g);
    }
    for (int i = 0; i < count; i++) {
        if (domids[i] == guests->env->backend_domid || guest_with_id(guests, domids[i]) ||
            xen_domain_info(guests->env->domains, domids[i], &info) || info.dying)
            continue;
        struct xen_guest *guest = add_guest(guests, domids[i], &info);
        if (guest)
            watch_name(guests, guest);
    }
    free(domids);
}

/* ---- after a restart ---- */

/* What an earlier daemon has left for a domain that is gone. */
static void clean_up(const struct xen_guests *guests, uint32_t domid)
{
    const struct xen_env *env = guests->env;
    struct xen_nodes nodes;
    char group[24];
    uint32_t *devids;
    const int count =
        xen_store_list_numbers(env->store, XEN_STORE_NONE, own_path(env, domid, "").s, &devids);
    for (int i = 0; i < count; i++) {
        xen_nodes_init(&nodes, env->store, env->backend_domid, domid, devids[i]);
        if (xen_nodes_read_own(&nodes, "group", group, sizeof(group)) >= 0 &&
            !xen_process_kill_left_over(atoi(group)))
            backend_log(VENUS_LOG_ERROR, "process group %s of an earlier xen-venusd does not end",
                        group);
    }
    free(devids);
    remove_folders(env, domid);
}

static void adopt_device(const struct xen_guests *guests, struct xen_guest *guest, uint32_t devid)
{
    const struct xen_env *env = guests->env;
    char text[GPU_CONFIG_MAX_TEXT];
    struct gpu_config config;
    struct reason reason;
    struct xen_nodes nodes;
    xen_nodes_init(&nodes, env->store, env->backend_domid, guest->domid, devid);
    const int result = xen_nodes_read_own(&nodes, "gpu", text, sizeof(text));
    if (result < 0)
        reason_set(&reason, "its configuration cannot be read: %s", strerror(-result));
    else if (gpu_config_parse(&config, text, &reason) &&
             add_device(env, guest, &config, devid, &reason))
        return;
    reason_prefix(&reason, "gpu %u is not taken over", devid);
    config_failed(guest, &reason);
    xen_limits_lower_memory(&nodes, env->domains);
    xen_nodes_remove(&nodes);
}

static void adopt_guest(struct xen_guests *guests, uint32_t domid)
{
    const struct xen_env *env = guests->env;
    struct xen_domain_info info;
    char uuid[33], noted[64], value[8];
    uint32_t *devids;
    const int result = xen_domain_info(env->domains, domid, &info);
    if (!result)
        format_uuid(info.uuid, uuid);
    if (result || info.dying ||
        xen_store_read(env->store, XEN_STORE_NONE, own_path(env, domid, "uuid").s, noted,
                       sizeof(noted)) < 0 ||
        strcmp(uuid, noted)) {
        clean_up(guests, domid);
        return;
    }
    struct xen_guest *guest = add_guest(guests, domid, &info);
    if (!guest)
        return;
    guest->configured =
        xen_store_read(env->store, XEN_STORE_NONE, own_path(env, domid, "configured").s, value,
                       sizeof(value)) > 0;
    if (xen_store_read(env->store, XEN_STORE_NONE, xen_path("/local/domain/%u/name", domid).s,
                       guest->name, sizeof(guest->name)) < 0)
        *guest->name = '\0';
    const int count =
        xen_store_list_numbers(env->store, XEN_STORE_NONE, own_path(env, domid, "").s, &devids);
    for (int i = 0; i < count; i++)
        adopt_device(guests, guest, devids[i]);
    free(devids);
    watch_name(guests, guest);
}

static void adopt(struct xen_guests *guests)
{
    const struct xen_env *env = guests->env;
    uint32_t *domids;
    int count = xen_store_list_numbers(env->store, XEN_STORE_NONE,
                                       xen_path("/local/domain/%u/xen-venus", env->backend_domid).s,
                                       &domids);
    for (int i = 0; i < count; i++)
        adopt_guest(guests, domids[i]);
    free(domids);
    /* Nodes that nobody knows anything about. */
    count = xen_store_list_numbers(env->store, XEN_STORE_NONE,
                                   xen_path("/local/domain/%u/backend/vgpu", env->backend_domid).s,
                                   &domids);
    for (int i = 0; i < count; i++) {
        if (guest_with_id(guests, domids[i]))
            continue;
        backend_log(VENUS_LOG_WARNING, "domain %u: removing nodes of an unknown backend",
                    domids[i]);
        remove_folders(env, domids[i]);
    }
    free(domids);
}

/* The daemon's own nodes are for nobody else. */
static bool make_own_folder(const struct xen_env *env)
{
    const struct xen_path path = xen_path("/local/domain/%u/xen-venus", env->backend_domid);
    int result = xen_store_mkdir(env->store, XEN_STORE_NONE, path.s);
    if (!result)
        result = xen_store_set_owner(env->store, XEN_STORE_NONE, path.s, env->backend_domid,
                                     env->backend_domid);
    if (result)
        backend_log(VENUS_LOG_ERROR, "cannot write to xenstore: %s: %s", path.s, strerror(-result));
    return !result;
}

bool xen_guests_init(struct xen_guests *guests, const struct xen_env *env,
                     const char *const *config_dirs, int config_dir_count)
{
    *guests = (struct xen_guests){
        .env = env,
        .config_dirs = config_dirs,
        .config_dir_count = config_dir_count,
        .scan = true,
    };
    if (!make_own_folder(env))
        return false;
    int result = xen_store_watch(env->store, "@introduceDomain", "domains");
    if (!result)
        result = xen_store_watch(env->store, "@releaseDomain", "domains");
    if (result) {
        backend_log(VENUS_LOG_ERROR, "cannot watch for domains: %s", strerror(-result));
        return false;
    }
    adopt(guests);
    return true;
}

static void destroy_guest(const struct xen_guests *guests, struct xen_guest *guest)
{
    xen_store_unwatch(guests->env->store, xen_path("/local/domain/%u/name", guest->domid).s,
                      xen_path("name/%u", guest->domid).s);
    while (guest->devices) {
        struct xen_device *device = guest->devices;
        guest->devices = device->next;
        xen_device_destroy(device);
    }
    free(guest);
}

void xen_guests_finish(struct xen_guests *guests)
{
    while (guests->first) {
        struct xen_guest *guest = guests->first;
        guests->first = guest->next;
        destroy_guest(guests, guest);
    }
    if (guests->env) {
        xen_store_unwatch(guests->env->store, "@introduceDomain", "domains");
        xen_store_unwatch(guests->env->store, "@releaseDomain", "domains");
    }
}

/* ---- events and times ---- */

void xen_guests_event(struct xen_guests *guests, const char *token)
{
    unsigned domid, devid;
    struct xen_guest *guest;
    struct xen_device *device;
    if (!strcmp(token, "domains")) {
        guests->scan = true;
    } else if (sscanf(token, "device/%u/%u", &domid, &devid) == 2) {
        guest = guest_with_id(guests, domid);
        device = guest ? xen_guest_device(guest, devid) : NULL;
        if (device)
            xen_device_note_change(device);
    } else if (sscanf(token, "name/%u", &domid) == 1) {
        guest = guest_with_id(guests, domid);
        if (guest)
            look_at_name(guests, guest);
    }
}

int64_t xen_guests_next_time(const struct xen_guests *guests)
{
    int64_t next = guests->scan ? 0 : LOOP_NEVER;
    for (const struct xen_guest *g = guests->first; g; g = g->next) {
        for (const struct xen_device *d = g->devices; d; d = d->next) {
            const int64_t time = d->phase == XEN_DEVICE_GONE ? 0 : xen_device_next_time(d);
            next = time < next ? time : next;
        }
    }
    return next;
}

/* Destroy devices that are gone, and tell whether the guest is to go, too. */
static bool sweep_guest(struct xen_guest *guest)
{
    struct xen_device **link = &guest->devices;
    while (*link) {
        struct xen_device *device = *link;
        if (device->phase != XEN_DEVICE_GONE) {
            link = &device->next;
            continue;
        }
        *link = device->next;
        xen_device_destroy(device);
    }
    return guest->dead && !guest->devices;
}

static void sweep(struct xen_guests *guests)
{
    struct xen_guest **link = &guests->first;
    while (*link) {
        struct xen_guest *guest = *link;
        if (!sweep_guest(guest)) {
            link = &guest->next;
            continue;
        }
        *link = guest->next;
        remove_folders(guests->env, guest->domid);
        destroy_guest(guests, guest);
    }
}

void xen_guests_tick(struct xen_guests *guests, int64_t now)
{
    if (guests->scan) {
        guests->scan = false;
        scan(guests);
    }
    for (struct xen_guest *g = guests->first; g; g = g->next) {
        for (struct xen_device *d = g->devices; d; d = d->next)
            xen_device_tick(d, now);
    }
    sweep(guests);
}

void xen_guests_stop(struct xen_guests *guests)
{
    for (struct xen_guest *g = guests->first; g; g = g->next) {
        for (struct xen_device *d = g->devices; d; d = d->next)
            xen_device_stop(d);
    }
}

bool xen_guests_stopped(const struct xen_guests *guests)
{
    for (const struct xen_guest *g = guests->first; g; g = g->next) {
        for (const struct xen_device *d = g->devices; d; d = d->next) {
            if (d->phase != XEN_DEVICE_GONE)
                return false;
        }
    }
    return true;
}
