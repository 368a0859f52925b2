/* SPDX-License-Identifier: MIT */
#include "render.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "limits.h"
#include "log.h"
#include "render_dma_buf.h"
#include "render_protocol.h"
#include "render_state.h"

#define PAGE_SIZE 4096u
#define MAX_ERRNO 4095 /* of Linux */

#define RING_STATUS_FATAL 2u /* of the ring's status word */

struct render {
    struct render_params params;
    char name[80];
    struct render_events events;
    void *user;
    pid_t pid;
    int host_pid; /* for messages: the device process may be in a PID namespace of its own */
    int pidfd;
    int socket; /* -1 when nothing more can come */
    int asks;   /* the socket for questions, or -1 */
    bool epoll_out;
    struct render_state state;
    struct render_dma_bufs dma_bufs;

    bool failed; /* takes no more work */
    bool ending; /* was told to */
    bool killed;
    bool expected; /* that it ends: need not be an error message */
    bool ended;
    bool draining;    /* it is gone, but drivers still use dma-bufs that were made for it */
    int64_t deadline; /* when it is killed, or INT64_MAX */
    int64_t drain_at; /* when to look again whether dma-bufs are still used, or INT64_MAX */
    int drain_ms;     /* how long after the last time that is */
    int64_t warn_at;  /* when to tell that they are */

    struct {
        uint8_t *bytes;
        size_t begin, end, capacity;
    } out;
    struct {
        struct render_answer answer;
        uint32_t *refs; /* behind the answer, or NULL */
        size_t size;    /* bytes of all that */
        size_t done;    /* of which have come */
        uint64_t all;   /* bytes that have ever come */
    } in;
};

/* Memory of all queues: this process is that of one device. */
static size_t all_queues;

static uint64_t page_round(uint64_t size)
{
    return (size + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
}

/* ---- the queue of what is to be sent ---- */

static bool queue_resize(struct render *r, size_t capacity)
{
    uint8_t *bytes = capacity ? realloc(r->out.bytes, capacity) : NULL;
    if (capacity && !bytes)
        return false;
    if (!capacity)
        free(r->out.bytes);
    all_queues += capacity - r->out.capacity;
    r->out.bytes = bytes;
    r->out.capacity = capacity;
    return true;
}

/* Nothing waits to be sent, or what waits does not matter any more. */
static void queue_empty(struct render *r)
{
    r->out.begin = r->out.end = 0;
    if (r->out.capacity > RENDER_KEPT_QUEUE)
        queue_resize(r, 0);
}

/* Make room for `size` more bytes. */
static bool queue_reserve(struct render *r, size_t size)
{
    if (r->out.capacity - r->out.end >= size)
        return true;
    const size_t waiting = r->out.end - r->out.begin;
    if (r->out.begin)
        memmove(r->out.bytes, r->out.bytes + r->out.begin, waiting);
    r->out.begin = 0;
    r->out.end = waiting;
    if (r->out.capacity - waiting >= size)
        return true;
    size_t capacity = r->out.capacity ? r->out.capacity : 4096;
    while (capacity < waiting + size && capacity < RENDER_QUEUE_SIZE)
        capacity *= 2;
    return queue_resize(r, capacity < waiting + size ? page_round(waiting + size) : capacity);
}

/* ---- start and end ---- */

static bool watch(struct render *r, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = r->params.epoll_data};
    return !epoll_ctl(r->params.epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void close_asks(struct render *r)
{
    if (r->asks < 0)
        return;
    epoll_ctl(r->params.epoll_fd, EPOLL_CTL_DEL, r->asks, NULL);
    close(r->asks);
    r->asks = -1;
}

/* Nothing more is sent or received. */
static void close_socket(struct render *r)
{
    close_asks(r);
    if (r->socket < 0)
        return;
    epoll_ctl(r->params.epoll_fd, EPOLL_CTL_DEL, r->socket, NULL);
    close(r->socket);
    r->socket = -1;
    queue_empty(r);
}

/* The process' id where /proc was mounted, which is what an administrator can look for. */
static int find_host_pid(const struct render *r)
{
    char path[40], line[80];
    int pid = r->pid;
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", r->pidfd);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file) && sscanf(line, "Pid: %d", &pid) != 1)
        ;
    if (file)
        fclose(file);
    return pid > 0 ? pid : r->pid; /* -1: it has ended already */
}

/* Fork it. 0 or a negative errno. */
static int start_process(struct render *r)
{
    int ends[2], asks[2] = {-1, -1};
    const pid_t self = getpid();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return -errno;
    r->socket = ends[0];
    int error = 0;
    if (render_dma_bufs_offered(&r->dma_bufs) &&
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, asks))
        error = -errno;
    r->asks = asks[0];
    if (!error)
        r->pid = fork();
    if (!r->pid) {
        close(ends[0]);
        if (asks[0] >= 0)
            close(asks[0]);
        _exit(render_process_run(&r->params, ends[1], asks[1], self));
    }
    if (!error && r->pid < 0)
        error = -errno;
    close(ends[1]);
    if (asks[1] >= 0)
        close(asks[1]);
    return error;
}

/* Start the process. 0 or a negative errno. */
static int start(struct render *r)
{
    const int error = start_process(r);
    if (error)
        return error;
    r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
    if (r->pidfd < 0)
        return -errno;
    r->host_pid = find_host_pid(r);
    if (fcntl(r->socket, F_SETFL, O_NONBLOCK) || !watch(r, r->pidfd) || !watch(r, r->socket) ||
        (r->asks >= 0 && !watch(r, r->asks)))
        return -errno;
    return 0;
}

struct render *render_create(const struct render_params *params, const struct render_events *events,
                             void *user)
{
    struct render *r = calloc(1, sizeof(*r));
    if (!r) {
        backend_log(VENUS_LOG_ERROR, "no render process: out of memory");
        return NULL;
    }
    r->params = *params;
    r->params.name = r->name;
    backend_copy_printable(r->name, sizeof(r->name), params->name);
    r->events = *events;
    r->user = user;
    r->pid = r->pidfd = r->socket = r->asks = -1;
    r->deadline = r->drain_at = r->warn_at = INT64_MAX;
    r->in.size = sizeof(r->in.answer);
    render_state_init(&r->state);
    render_dma_bufs_init(&r->dma_bufs, params->transport, params->per_blob);
    const int error = start(r);
    if (error) {
        backend_log(VENUS_LOG_ERROR, "no render process for context %u (%s): %s",
                    params->context_id, r->name, strerror(-error));
        render_destroy(r);
        return NULL;
    }
    backend_log(VENUS_LOG_DEBUG, "render process %d for context %u (%s)", r->host_pid,
                params->context_id, r->name);
    return r;
}

/* Kill the process and give it a moment to go. */
static void reap(struct render *r)
{
    struct pollfd fd = {.fd = r->pidfd, .events = POLLIN};
    kill(r->pid, SIGKILL);
    if (r->pidfd >= 0)
        while (poll(&fd, 1, RENDER_KILL_MS) < 0 && errno == EINTR)
            ;
    if (waitpid(r->pid, NULL, WNOHANG) != r->pid)
        backend_log(VENUS_LOG_ERROR, "render process %d (%s) does not die", r->host_pid, r->name);
}

void render_destroy(struct render *r)
{
    if (!r)
        return;
    close_socket(r);
    if (r->pid > 0 && !r->ended)
        reap(r);
    if (r->pidfd >= 0) {
        epoll_ctl(r->params.epoll_fd, EPOLL_CTL_DEL, r->pidfd, NULL);
        close(r->pidfd);
    }
    render_dma_bufs_finish(&r->dma_bufs);
    render_state_finish(&r->state);
    free(r->in.refs);
    queue_resize(r, 0);
    free(r);
}

void render_end(struct render *r)
{
    if (r->ending || r->ended)
        return;
    r->ending = r->expected = r->failed = true;
    r->deadline = backend_now_ms() + RENDER_END_MS;
    queue_empty(r);
    if (r->socket >= 0)
        shutdown(r->socket, SHUT_WR);
}

static void kill_process(struct render *r)
{
    r->failed = true;
    r->deadline = INT64_MAX;
    if (r->ended || r->killed)
        return;
    r->killed = true;
    kill(r->pid, SIGKILL);
}

void render_kill(struct render *r)
{
    r->expected = true;
    kill_process(r);
}

/* The process has done what it must not do. */
__attribute__((format(printf, 2, 3))) static void misbehaves(struct render *r, const char *format,
                                                             ...)
{
    char reason[160];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    backend_log(VENUS_LOG_ERROR, "render process %d (%s) is killed: %s", r->host_pid, r->name,
                reason);
    close_socket(r);
    render_kill(r);
}

bool render_is_gone(const struct render *r)
{
    return r->ended;
}

int64_t render_next_time(const struct render *r)
{
    return r->drain_at < r->deadline ? r->drain_at : r->deadline;
}

int render_pid(const struct render *r)
{
    return r->pid;
}

/* ---- requests ---- */

/* Send what can be sent now. */
static void flush(struct render *r)
{
    while (r->socket >= 0 && r->out.begin != r->out.end) {
        const ssize_t n = send(r->socket, r->out.bytes + r->out.begin, r->out.end - r->out.begin,
                               MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) { /* it is about to be gone */
            r->out.begin = r->out.end = 0;
            break;
        }
        r->out.begin += n;
    }
    if (r->out.begin == r->out.end)
        queue_empty(r);
    const bool wanted = r->out.end != 0;
    if (r->socket < 0 || wanted == r->epoll_out)
        return;
    struct epoll_event event = {
        .events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN,
        .data.ptr = r->params.epoll_data,
    };
    epoll_ctl(r->params.epoll_fd, EPOLL_CTL_MOD, r->socket, &event);
    r->epoll_out = wanted;
}

/* Send a request, with the bytes behind it, when there is room. */
static int request(struct render *r, const struct render_request *request, const void *behind,
                   size_t size)
{
    const size_t total = sizeof(*request) + size;
    if (r->ended || r->socket < 0)
        return -EIO;
    if (!queue_reserve(r, total))
        return -ENOMEM;
    memcpy(r->out.bytes + r->out.end, request, sizeof(*request));
    if (size)
        memcpy(r->out.bytes + r->out.end + sizeof(*request), behind, size);
    r->out.end += total;
    flush(r);
    return 0;
}

int render_submit(struct render *r, const void *commands, size_t size)
{
    const struct render_request submit = {.type = RENDER_SUBMIT, .size = size};
    const size_t waiting = r->out.end - r->out.begin;
    if (r->failed)
        return -EIO;
    if (size > VENUS_MAX_STREAM_SIZE)
        return -ENOMEM;
    /* Only while something waits is there a later time at which it goes on. */
    if (waiting && (waiting + size > RENDER_QUEUE_SIZE || all_queues + size > RENDER_ALL_QUEUES))
        return -EAGAIN;
    return request(r, &submit, commands, size);
}

/* Ask for memory of a resource. */
static int request_resource(struct render *r, const struct render_request *wanted, bool slice)
{
    if (r->failed)
        return -EIO;
    if (render_state_find(&r->state, wanted->id))
        return -EEXIST;
    struct render_resource *resource = render_state_add(&r->state, wanted->id);
    if (!resource)
        return -ENOMEM;
    resource->slice = slice;
    resource->offset = slice ? wanted->object : 0;
    resource->size = slice ? wanted->size : page_round(wanted->size);
    const int error = request(r, wanted, NULL, 0);
    if (error)
        render_state_remove(&r->state, wanted->id);
    return error;
}

int render_attach_slice(struct render *r, uint32_t res_id, uint64_t offset, uint64_t size,
                        bool clear)
{
    const struct render_request attach = {
        .type = RENDER_ATTACH_SLICE,
        .id = res_id,
        .flags = clear ? RENDER_CLEAR : 0,
        .object = offset,
        .size = size,
    };
    if (!venus_shm_contains(&r->params.transport->window, offset, size) || offset % PAGE_SIZE)
        return -EINVAL;
    return request_resource(r, &attach, true);
}

int render_create_blob(struct render *r, uint32_t res_id, uint64_t blob_id, uint64_t size,
                       uint32_t flags)
{
    const struct render_request create = {
        .type = RENDER_CREATE_BLOB,
        .id = res_id,
        .flags = flags,
        .object = blob_id,
        .size = size,
    };
    if (size > (uint64_t)RENDER_MAX_BLOB_PAGES * PAGE_SIZE)
        return -EINVAL;
    return request_resource(r, &create, false);
}

int render_unref(struct render *r, uint32_t res_id)
{
    const struct render_request unref = {.type = RENDER_UNREF, .id = res_id};
    struct render_resource *resource = render_state_find(&r->state, res_id);
    if (!resource || resource->dropped)
        return -ENOENT;
    const int error = request(r, &unref, NULL, 0);
    resource->dropped = !error;
    return error;
}

int render_create_fence(struct render *r, uint32_t ring_idx, uint64_t fence_id)
{
    const struct render_request fence = {
        .type = RENDER_CREATE_FENCE,
        .id = ring_idx,
        .object = fence_id,
    };
    if (r->failed)
        return -EIO;
    if (!render_state_add_fence(&r->state, ring_idx, fence_id))
        return -ENOMEM;
    const int error = request(r, &fence, NULL, 0);
    if (error)
        render_state_remove_fence(&r->state, ring_idx, fence_id);
    return error;
}

/* ---- answers ---- */

static void on_ready(struct render *r)
{
    const struct render_answer *answer = &r->in.answer;
    struct render_resource *resource = render_state_find(&r->state, answer->id);
    if (!resource || resource->ready) {
        misbehaves(r, "resource %u was not asked for", answer->id);
        return;
    }
    if (answer->error > 0 || answer->error < -MAX_ERRNO) {
        misbehaves(r, "%d is no error", answer->error);
        return;
    }
    const struct render_blob blob = {
        .size = answer->size,
        .cache = answer->cache,
        .refs = r->in.refs,
    };
    const bool has_blob = !resource->slice && !answer->error;
    if (has_blob && (!r->in.refs || answer->size != resource->size)) {
        misbehaves(r, "a blob of the wrong size");
        return;
    }
    resource->ready = true;
    if (answer->error)
        render_dma_bufs_revoke(&r->dma_bufs, answer->id);
    if (answer->error && !resource->dropped)
        render_state_remove(&r->state, answer->id);
    r->events.resource_ready(r->user, r, answer->id, answer->error, has_blob ? &blob : NULL);
}

/* Look after `ms` milliseconds whether drivers let go of dma-bufs. */
static void watch_draining(struct render *r, int ms)
{
    const int64_t now = backend_now_ms();
    r->drain_ms = ms < RENDER_DRAIN_POLL_MAX_MS ? ms : RENDER_DRAIN_POLL_MAX_MS;
    r->drain_at = now + r->drain_ms;
    if (r->warn_at == INT64_MAX)
        r->warn_at = now + RENDER_DRAIN_WARN_MS;
}

static void release(struct render *r, uint32_t id)
{
    render_dma_bufs_revoke(&r->dma_bufs, id);
    render_state_remove(&r->state, id);
    r->events.resource_released(r->user, r, id);
}

static void on_released(struct render *r)
{
    const uint32_t id = r->in.answer.id;
    struct render_resource *resource = render_state_find(&r->state, id);
    if (resource && !resource->dropped && r->ending)
        return; /* it frees everything */
    if (!resource || !resource->dropped || resource->draining) {
        misbehaves(r, "resource %u was not to be released", id);
        return;
    }
    if (render_dma_bufs_drain(&r->dma_bufs, id)) {
        release(r, id);
        return;
    }
    resource->draining = true;
    watch_draining(r, RENDER_DRAIN_POLL_MS);
}

static void on_retired(struct render *r)
{
    const struct render_answer *answer = &r->in.answer;
    if (!render_state_remove_fence(&r->state, answer->id, answer->object)) {
        misbehaves(r, "fence %llu of timeline %u was not asked for",
                   (unsigned long long)answer->object, answer->id);
        return;
    }
    r->events.fence_retired(r->user, r, answer->id, answer->object);
}

static void on_failed(struct render *r)
{
    const bool known = r->failed;
    r->failed = true;
    if (!known)
        r->events.failed(r->user, r);
}

static void handle(struct render *r)
{
    const struct render_answer *answer = &r->in.answer;
    switch (answer->type) {
    case RENDER_READY:
        on_ready(r);
        break;
    case RENDER_RELEASED:
        on_released(r);
        break;
    case RENDER_RETIRED:
        on_retired(r);
        break;
    case RENDER_FAILED:
        on_failed(r);
        break;
    case RENDER_RING:
        /* Rings of blobs of its own are out of our reach. */
        if (!r->params.per_blob && !render_state_add_ring(&r->state, answer->id, answer->object))
            misbehaves(r, "a ring outside of resource %u", answer->id);
        break;
    default:
        misbehaves(r, "unknown answer %u", answer->type);
    }
}

/* After the fixed part of an answer: make room for what is behind it. */
static bool expect_refs(struct render *r)
{
    const struct render_answer *answer = &r->in.answer;
    const struct render_resource *resource = render_state_find(&r->state, answer->id);
    if (answer->type != RENDER_READY || answer->error || !resource || resource->slice)
        return true;
    if (answer->size != resource->size) {
        misbehaves(r, "a blob of %llu bytes", (unsigned long long)answer->size);
        return false;
    }
    const uint32_t *granted = render_dma_bufs_refs(&r->dma_bufs, answer->id);
    if (answer->object == RENDER_GRANTED && !granted) {
        misbehaves(r, "resource %u was not granted", answer->id);
        return false;
    }
    const size_t size = answer->size / PAGE_SIZE * sizeof(*r->in.refs);
    r->in.refs = malloc(size);
    if (!r->in.refs) {
        misbehaves(r, "no memory for its blob");
        return false;
    }
    if (answer->object == RENDER_GRANTED)
        memcpy(r->in.refs, granted, size);
    else
        r->in.size += size;
    return true;
}

/* Answer questions, but only some at a time. */
static void serve_asks(struct render *r)
{
    int result = 1;
    for (int i = 0; i < RENDER_ASKS_AT_ONCE && r->asks >= 0 && result > 0; i++)
        result = render_dma_bufs_serve(&r->dma_bufs, &r->state, r->asks);
    if (result == -EPIPE)
        close_asks(r); /* its end is closed: the process goes */
    else if (result < 0)
        misbehaves(r, "a question that cannot be answered: %s", strerror(-result));
}

/* Read some bytes of an answer. False when nothing is there, or nothing more comes. */
static bool receive(struct render *r)
{
    const size_t fixed = sizeof(r->in.answer);
    uint8_t *to = r->in.done < fixed ? (uint8_t *)&r->in.answer + r->in.done
                                     : (uint8_t *)r->in.refs + (r->in.done - fixed);
    const ssize_t n = recv(r->socket, to, r->in.size - r->in.done, MSG_DONTWAIT);
    if (n > 0) {
        r->in.done += n;
        r->in.all += n;
        return true;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return errno == EINTR;
    close_socket(r); /* its other end is closed: the process is on its way out, or must be */
    kill_process(r);
    return false;
}

/* Handle the answers that have come, but only some at a time. False when no more are there. */
static bool handle_answers(struct render *r)
{
    for (int i = 0; i < RENDER_ANSWERS_AT_ONCE; i++) {
        while (r->in.done < r->in.size) {
            if (r->socket < 0 || !receive(r))
                return false;
            if (r->in.done == sizeof(r->in.answer) && !expect_refs(r))
                return false;
        }
        handle(r);
        free(r->in.refs);
        r->in.refs = NULL;
        r->in.size = sizeof(r->in.answer);
        r->in.done = 0;
    }
    return true;
}

/* ---- the end ---- */

/* Tell the guest, whose threads may be polling these words. */
static void set_fatal(struct render *r)
{
    struct vgpu_transport *transport = r->params.transport;
    for (uint32_t i = 0; i < r->state.ring_count; i++)
        transport->ops->set_window_bits(transport, r->state.rings[i].status, RING_STATUS_FATAL);
}

static void log_end(const struct render *r, int status)
{
    const enum venus_log_level level = r->expected ? VENUS_LOG_INFO : VENUS_LOG_ERROR;
    if (WIFSIGNALED(status))
        backend_log(level, "render process %d (%s) died: signal %d (%s)", r->host_pid, r->name,
                    WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) || !r->ending)
        backend_log(level, "render process %d (%s) ended with status %d", r->host_pid, r->name,
                    WEXITSTATUS(status));
    else
        backend_log(VENUS_LOG_DEBUG, "render process %d (%s) has ended", r->host_pid, r->name);
}

/* Whether the process is gone; reaps it. */
static bool is_gone(struct render *r)
{
    int status;
    if (waitpid(r->pid, &status, WNOHANG) != r->pid)
        return false;
    r->ended = r->failed = true;
    r->deadline = INT64_MAX;
    log_end(r, status);
    return true;
}

/*
 * Handle what a process that is gone said in its last moments.  If it has handed its end of the
 * socket on, to a child for instance, there may be no end of what comes after that.
 */
static void handle_last_answers(struct render *r)
{
    int queued;
    if (r->socket < 0 || ioctl(r->socket, SIOCINQ, &queued) || queued < 0)
        return;
    const uint64_t end = r->in.all + (uint64_t)queued;
    while (r->socket >= 0 && r->in.all < end && handle_answers(r))
        ;
}

/* ---- drivers that have not let go yet ---- */

static void warn_draining(struct render *r)
{
    if (backend_now_ms() < r->warn_at)
        return;
    r->warn_at = INT64_MAX - 1; /* once */
    backend_log(
        VENUS_LOG_WARNING,
        "render process %d (%s) %s, but the GPU's driver still uses dma-bufs of the guest's "
        "memory that were made for it",
        r->host_pid, r->name, r->ended ? "has ended" : "has freed memory");
}

/* Look whether slices that the process has released have become free. */
static void handle_drained(struct render *r)
{
    int next_ms = 2 * r->drain_ms;
    uint32_t id;
    if (backend_now_ms() < r->drain_at)
        return;
    render_dma_bufs_look(&r->dma_bufs);
    while (render_dma_bufs_drained(&r->dma_bufs, &id)) {
        next_ms = RENDER_DRAIN_POLL_MS;
        const struct render_resource *resource = render_state_find(&r->state, id);
        if (resource && resource->draining)
            release(r, id);
    }
    if (render_dma_bufs_draining(&r->dma_bufs)) {
        watch_draining(r, next_ms);
        warn_draining(r);
    } else {
        r->drain_at = r->warn_at = INT64_MAX;
    }
}

/* The process is gone: the rest when drivers are done, too. */
static void finish_ended(struct render *r)
{
    const int next_ms = r->draining ? 2 * r->drain_ms : RENDER_DRAIN_POLL_MS;
    r->draining = !render_dma_bufs_drain_all(&r->dma_bufs);
    if (r->draining) {
        watch_draining(r, next_ms);
        warn_draining(r);
        return;
    }
    r->drain_at = INT64_MAX;
    r->events.ended(r->user, r);
}

static void dispatch_alive(struct render *r)
{
    const bool gone = is_gone(r);
    flush(r);
    if (!gone)
        serve_asks(r);
    if (r->socket >= 0)
        handle_answers(r);
    if (gone) {
        handle_last_answers(r);
        close_socket(r);
        epoll_ctl(r->params.epoll_fd, EPOLL_CTL_DEL, r->pidfd, NULL);
        set_fatal(r);
        finish_ended(r);
        return;
    }
    handle_drained(r);
    if (backend_now_ms() >= r->deadline) {
        backend_log(VENUS_LOG_WARNING, "render process %d (%s) does not end: it is killed",
                    r->host_pid, r->name);
        render_kill(r);
    }
}

void render_dispatch(struct render *r)
{
    if (r->draining && backend_now_ms() >= r->drain_at)
        finish_ended(r);
    else if (r->ended)
        return;
    else
        dispatch_alive(r);
}
