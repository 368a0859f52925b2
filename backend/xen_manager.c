/* SPDX-License-Identifier: MIT */
#include "xen_manager.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "control_server.h"
#include "exit_codes.h"
#include "log.h"
#include "xen_guests.h"

#define MAX_EVENTS 256   /* of xenstore, before anything else gets its turn */
#define STOP_MS    10000 /* for device processes to end with the daemon */

struct xen_manager {
    struct loop *loop;
    struct xen_env env;
    struct xen_guests guests;
    struct control_server *control;
    struct loop_source store_source, signal_source;
    int64_t stop_until; /* LOOP_NEVER: serving */
    bool store_lost;
};

/* ---- events ---- */

static void store_ready(struct loop_source *source, uint32_t events)
{
    struct xen_manager *m = source->user;
    char token[XEN_STORE_MAX_TOKEN];
    int result = 1;
    (void)events;
    for (int i = 0; i < MAX_EVENTS && result > 0; i++) {
        result = xen_store_next_event(m->env.store, token);
        if (result > 0)
            xen_guests_event(&m->guests, token);
    }
    if (result >= 0)
        return;
    backend_log(VENUS_LOG_ERROR, "the connection to xenstore is lost: %s", strerror(-result));
    m->store_lost = true;
}

static void signal_ready(struct loop_source *source, uint32_t events)
{
    struct xen_manager *m = source->user;
    struct signalfd_siginfo info;
    (void)events;
    if (read(source->fd, &info, sizeof(info)) != sizeof(info))
        return;
    if (info.ssi_signo == SIGCHLD) {
        xen_processes_reap(m->env.processes);
        return;
    }
    backend_log(VENUS_LOG_INFO, "%s: ending", strsignal(info.ssi_signo));
    if (m->stop_until == LOOP_NEVER)
        xen_manager_stop(m);
    else
        m->stop_until = 0; /* asked twice */
}

/* ---- the connections ---- */

static bool open_signals(struct xen_manager *m)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    m->signal_source = (struct loop_source){
        .fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), .ready = signal_ready, .user = m};
    if (m->signal_source.fd >= 0)
        return loop_add(m->loop, &m->signal_source, EPOLLIN);
    backend_log(VENUS_LOG_ERROR, "signalfd: %s", strerror(errno));
    return false;
}

static bool open_xen(struct xen_manager *m)
{
    uint64_t domid;
    m->env.store = xen_store_open();
    if (!m->env.store) {
        backend_log(VENUS_LOG_ERROR,
                    "cannot connect to xenstore: %s (does xenstored run, and is this Dom0?)",
                    strerror(errno));
        return false;
    }
    m->env.domains = xen_domains_open();
    if (!m->env.domains) {
        backend_log(VENUS_LOG_ERROR,
                    "cannot talk to Xen: %s (it takes root in a control domain, and /proc/xen or "
                    "/dev/xen/privcmd)",
                    strerror(errno));
        return false;
    }
    const int result =
        xen_store_read_number(m->env.store, XEN_STORE_NONE, "domid", UINT32_MAX, &domid);
    if (result) {
        backend_log(
            VENUS_LOG_ERROR,
            "xenstore does not say which domain this is: domid: %s (has xen-init-dom0 run?)",
            strerror(-result));
        return false;
    }
    m->env.backend_domid = domid;
    m->store_source =
        (struct loop_source){.fd = xen_store_fd(m->env.store), .ready = store_ready, .user = m};
    return loop_add(m->loop, &m->store_source, EPOLLIN);
}

int xen_manager_create(const struct xen_manager_params *params, struct xen_manager **manager)
{
    int result = BACKEND_EXIT_ERROR;
    struct xen_manager *m = *manager = calloc(1, sizeof(*m));
    if (!m) {
        backend_log(VENUS_LOG_ERROR, "out of memory");
        return BACKEND_EXIT_ERROR;
    }
    m->stop_until = LOOP_NEVER;
    m->signal_source.fd = -1;
    m->env.user = params->user;
    m->env.validate = params->validate;
    m->env.default_gpu = params->gpu;
    m->env.gpus = params->gpus;
    m->env.gpu_count = params->gpu_count;
    m->loop = loop_create();
    if (!m->loop || !open_signals(m))
        goto error;
    m->env.processes = xen_processes_create(m->loop);
    if (!m->env.processes)
        goto error;
    result = BACKEND_EXIT_XEN;
    if (!open_xen(m))
        goto error;
    if (params->control_path) {
        result = control_server_create(m->loop, &m->guests, params->control_path, &m->control);
        if (result != BACKEND_EXIT_OK)
            goto error;
        result = BACKEND_EXIT_XEN;
    }
    if (xen_guests_init(&m->guests, &m->env, params->config_dirs, params->config_dir_count))
        return BACKEND_EXIT_OK;
error:
    xen_manager_destroy(m);
    *manager = NULL;
    return result;
}

void xen_manager_destroy(struct xen_manager *manager)
{
    if (!manager)
        return;
    control_server_destroy(manager->control);
    xen_guests_finish(&manager->guests);
    xen_processes_destroy(manager->env.processes);
    xen_domains_close(manager->env.domains);
    xen_store_close(manager->env.store);
    if (manager->signal_source.fd >= 0)
        close(manager->signal_source.fd);
    loop_destroy(manager->loop);
    free(manager);
}

/* ---- serving ---- */

void xen_manager_stop(struct xen_manager *manager)
{
    manager->stop_until = backend_now_ms() + STOP_MS;
    xen_guests_stop(&manager->guests);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool xen_manager_step(struct xen_manager *manager, int64_t until)
{
    struct xen_manager *m = manager;
    until = earlier(until, m->stop_until);
    until = earlier(until, xen_guests_next_time(&m->guests));
    until = earlier(until, xen_processes_next_time(m->env.processes));
    loop_wait(m->loop, until);
    const int64_t now = backend_now_ms();
    xen_processes_tick(m->env.processes, now);
    if (m->stop_until == LOOP_NEVER) {
        xen_guests_tick(&m->guests, now);
        if (m->control)
            control_server_tick(m->control);
        return !m->store_lost;
    }
    if (m->stop_until <= now && !xen_guests_stopped(&m->guests)) {
        backend_log(VENUS_LOG_ERROR, "device processes do not end");
        return false;
    }
    return !xen_guests_stopped(&m->guests) && !m->store_lost;
}

int xen_manager_run(struct xen_manager *manager)
{
    while (xen_manager_step(manager, LOOP_NEVER))
        ;
    return manager->store_lost ? BACKEND_EXIT_XEN : BACKEND_EXIT_OK;
}
