/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "vtest_server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "confine.h"
#include "exit_codes.h"
#include "file_limit.h"
#include "log.h"
#include "vtest_client.h"
#include "vtest_limits.h"
#include "vtest_listen.h"
#include "vtest_peer.h"
#include "vulkan_loader.h"

#define ACCEPT_PAUSE_MS 500 /* when the machine is out of descriptors or memory */
#define NEVER           INT64_MAX

struct vtest_server {
    const struct vtest_server_params *params;
    struct vtest_listener listener;
    int epoll_fd, signal_fd;
    struct vtest_peer *clients; /* with a process each */
    uint32_t client_count;
    struct vtest_peer *refused; /* newest first */
    uint32_t refused_count;
    bool accept_paused;
    int64_t accept_again;
    bool stopping;
    int64_t kill_at; /* when stopping: the end of patience */
};

/*
 * `what` tells events apart: the address of one of the server's fields, or of a peer.  Unwatch
 * before closing: a process that was just forked may have the file open a little longer, and events
 * would go on.
 */
static bool watch(struct vtest_server *s, int fd, uint32_t events, void *what)
{
    struct epoll_event event = {.events = events, .data.ptr = what};
    if (!epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event))
        return true;
    backend_log(VENUS_LOG_ERROR, "epoll: %s", strerror(errno));
    return false;
}

static void unwatch(struct vtest_server *s, int fd)
{
    epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

/* ---- a client's process ---- */

/* Close what belongs to the daemon, all but these two and the standard ones. */
static void close_others(int a, int b)
{
    const unsigned low = a < b ? a : b, high = a < b ? b : a;
    if (low > 3)
        close_range(3, low - 1, 0);
    if (high > low + 1)
        close_range(low + 1, high - 1, 0);
    close_range(high + 1, ~0u, 0);
}

static void forget_peers(struct vtest_peer *peer)
{
    while (peer) {
        struct vtest_peer *next = peer->next;
        free(peer);
        peer = next;
    }
}

__attribute__((noreturn)) static void client_process(const struct vtest_server *s, int socket,
                                                     int control, pid_t peer, pid_t daemon)
{
    close_others(socket, control);
    forget_peers(s->clients);
    forget_peers(s->refused);
    /* The daemon gets the terminal's signals and passes them on as SIGTERM, which stays blocked:
     * it is read from a signalfd. */
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_SETMASK, &set, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != daemon)
        raise(SIGTERM); /* it has died before we asked to be told */
    prctl(PR_SET_NAME, "venus-client");
#ifndef LOOK_FOR_LEAKS /* that takes another process, which traces this one */
    confine_syscalls();
#endif
    const struct vtest_client_params params = {
        .socket = socket,
        .control = control,
        .peer = peer,
        .gpu_uuid = s->params->gpu_uuid,
        .gpus = s->params->gpus,
        .gpu_count = s->params->gpu_count,
        .validate = s->params->validate,
        .load_vulkan = backend_vulkan_load,
    };
    exit(vtest_client_run(&params));
}

static pid_t peer_pid(int socket)
{
    struct ucred credentials;
    socklen_t size = sizeof(credentials);
    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) ? 0 : credentials.pid;
}

static void refuse(struct vtest_server *s, int socket)
{
    vtest_peer_refuse(socket);
    struct vtest_peer *peer = vtest_peer_create(0, socket, -1, "");
    if (!peer || !watch(s, socket, EPOLLRDHUP, peer)) {
        if (!peer)
            close(socket);
        vtest_peer_destroy(peer);
        return;
    }
    peer->refused_until = backend_now_ms() + VTEST_REFUSED_WAIT_MS;
    peer->next = s->refused;
    s->refused = peer;
    s->refused_count++;
}

/* Start a process for a client. False, with the socket still open, when that fails. */
static bool start_client(struct vtest_server *s, int socket)
{
    int control[2];
    char name[16];
    const pid_t daemon = getpid(), peer_id = peer_pid(socket);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control)) {
        backend_log(VENUS_LOG_ERROR, "socketpair: %s", strerror(errno));
        return false;
    }
    snprintf(name, sizeof(name), "[%d]", (int)peer_id);
    struct vtest_peer *peer = vtest_peer_create(0, socket, control[0], name);
    if (!peer || !watch(s, control[0], EPOLLIN, peer)) {
        backend_log(VENUS_LOG_ERROR, "client refused: out of memory");
        goto error;
    }
    peer->pid = fork();
    if (!peer->pid) {
        free(peer);
        client_process(s, socket, control[1], peer_id, daemon);
    }
    if (peer->pid < 0) {
        backend_log(VENUS_LOG_ERROR, "client refused: fork: %s", strerror(errno));
        goto error;
    }
    close(control[1]);
    peer->next = s->clients;
    s->clients = peer;
    s->client_count++;
    return true;

error:
    unwatch(s, control[0]);
    free(peer);
    close(control[0]);
    close(control[1]);
    return false;
}

/* ---- events ---- */

static void accept_client(struct vtest_server *s)
{
    const int socket = accept4(s->listener.fd, NULL, NULL, SOCK_CLOEXEC);
    if (socket < 0) {
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
            return;
        backend_log(VENUS_LOG_ERROR, "accept: %s", strerror(errno));
        unwatch(s, s->listener.fd);
        s->accept_paused = true;
        s->accept_again = backend_now_ms() + ACCEPT_PAUSE_MS;
        return;
    }
    if (s->client_count >= s->params->max_clients) {
        backend_log(VENUS_LOG_WARNING, "client [%d] refused: there are %u already (--max-clients)",
                    (int)peer_pid(socket), s->client_count);
        refuse(s, socket);
    } else if (!start_client(s, socket)) {
        refuse(s, socket);
    }
}

static void drop_refused(struct vtest_server *s, struct vtest_peer *peer)
{
    struct vtest_peer **link = &s->refused;
    while (*link != peer)
        link = &(*link)->next;
    *link = peer->next;
    s->refused_count--;
    unwatch(s, peer->socket);
    vtest_peer_destroy(peer);
}

/* The oldest refused client, or NULL. */
static struct vtest_peer *oldest_refused(const struct vtest_server *s)
{
    struct vtest_peer *peer = s->refused;
    while (peer && peer->next)
        peer = peer->next;
    return peer;
}

static void log_end(const struct vtest_peer *peer, int status)
{
    if (WIFSIGNALED(status)) {
        backend_log(VENUS_LOG_ERROR, "%s: its process %d died of signal %d (%s)%s", peer->name,
                    (int)peer->pid, WTERMSIG(status), strsignal(WTERMSIG(status)),
                    WCOREDUMP(status) ? ", core dumped" : "");
        return;
    }
    const int code = WEXITSTATUS(status);
    const bool known =
        code == VTEST_CLIENT_LEFT || code == VTEST_CLIENT_DROPPED || code == VTEST_CLIENT_STUCK;
    backend_log(known && peer->ended ? VENUS_LOG_DEBUG : VENUS_LOG_ERROR,
                "%s: its process %d ended with status %d", peer->name, (int)peer->pid, code);
}

static void client_ended(struct vtest_server *s, pid_t pid, int status)
{
    struct vtest_peer **link = &s->clients;
    while (*link && (*link)->pid != pid)
        link = &(*link)->next;
    struct vtest_peer *peer = *link;
    if (!peer)
        return;
    vtest_peer_rescue(peer);
    log_end(peer, status);
    *link = peer->next;
    s->client_count--;
    unwatch(s, peer->control);
    vtest_peer_destroy(peer);
}

static void kill_clients(struct vtest_server *s, int signal)
{
    for (struct vtest_peer *peer = s->clients; peer; peer = peer->next)
        kill(peer->pid, signal);
}

static void stop(struct vtest_server *s, uint32_t signal)
{
    backend_log(VENUS_LOG_INFO, "%s: ending%s", strsignal(signal),
                s->client_count ? ", clients will be dropped" : "");
    s->stopping = true;
    s->kill_at = backend_now_ms() + VTEST_SHUTDOWN_MS;
    s->accept_paused = false;
    vtest_listener_close(&s->listener);
    while (s->refused)
        drop_refused(s, s->refused);
    kill_clients(s, SIGTERM);
}

static void handle_signal(struct vtest_server *s)
{
    struct signalfd_siginfo info;
    if (read(s->signal_fd, &info, sizeof(info)) != sizeof(info))
        return;
    if (info.ssi_signo != SIGCHLD) {
        if (s->stopping)
            s->kill_at = 0; /* asked twice */
        else
            stop(s, info.ssi_signo);
        return;
    }
    pid_t pid;
    int status;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        client_ended(s, pid, status);
}

static void handle_event(struct vtest_server *s, const struct epoll_event *event)
{
    struct vtest_peer *peer = event->data.ptr;
    if (event->data.ptr == &s->listener) {
        accept_client(s);
    } else if (event->data.ptr == &s->signal_fd) {
        handle_signal(s);
    } else if (!peer->pid) {
        drop_refused(s, peer);
    } else {
        vtest_peer_read_reports(peer);
        /* The process has ended; SIGCHLD says the rest. Reports that are left are read then. */
        if (event->events & EPOLLHUP)
            unwatch(s, peer->control);
    }
}

/* ---- times ---- */

static int64_t next_time(const struct vtest_server *s)
{
    const struct vtest_peer *refused = oldest_refused(s);
    int64_t next = s->stopping ? s->kill_at : NEVER;
    if (s->accept_paused && s->accept_again < next)
        next = s->accept_again;
    if (refused && refused->refused_until < next)
        next = refused->refused_until;
    return next;
}

static void handle_times(struct vtest_server *s)
{
    const int64_t now = backend_now_ms();
    struct vtest_peer *refused;
    while ((refused = oldest_refused(s)) &&
           (refused->refused_until <= now || s->refused_count > VTEST_MAX_REFUSED))
        drop_refused(s, refused);
    if (s->accept_paused && s->accept_again <= now) {
        s->accept_paused = false;
        watch(s, s->listener.fd, EPOLLIN, &s->listener);
    }
    if (s->stopping && s->kill_at <= now) {
        backend_log(VENUS_LOG_WARNING, "%u clients' processes do not end, killing them",
                    s->client_count);
        kill_clients(s, SIGKILL);
        s->kill_at = NEVER;
    }
}

static void serve(struct vtest_server *s)
{
    while (!s->stopping || s->clients) {
        /* One event at a time: handling one may free what another one refers to. */
        struct epoll_event event;
        const int64_t next = next_time(s), now = next == NEVER ? 0 : backend_now_ms();
        const int timeout = next == NEVER ? -1 : next > now ? (int)(next - now) : 0;
        const int n = epoll_wait(s->epoll_fd, &event, 1, timeout);
        if (n > 0)
            handle_event(s, &event);
        handle_times(s);
    }
}

static bool open_descriptors(struct vtest_server *s)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_SETMASK, &set, NULL);
    s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (s->signal_fd < 0 || s->epoll_fd < 0) {
        backend_log(VENUS_LOG_ERROR, "cannot start: %s", strerror(errno));
        return false;
    }
    return watch(s, s->signal_fd, EPOLLIN, &s->signal_fd) &&
           watch(s, s->listener.fd, EPOLLIN, &s->listener);
}

int vtest_server_run(const struct vtest_server_params *params)
{
    struct vtest_server s = {.params = params, .epoll_fd = -1, .signal_fd = -1};
    /* Each client takes a few descriptors here, and one per blob in its own process. */
    backend_raise_file_limit();
    int result = vtest_listen(&s.listener, params->path);
    if (result == BACKEND_EXIT_OK) {
        if (open_descriptors(&s)) {
            backend_log(VENUS_LOG_INFO, "listening on %s", params->path);
            serve(&s);
        } else {
            result = BACKEND_EXIT_ERROR;
        }
    }
    vtest_listener_close(&s.listener);
    if (s.signal_fd >= 0)
        close(s.signal_fd);
    if (s.epoll_fd >= 0)
        close(s.epoll_fd);
    return result;
}
