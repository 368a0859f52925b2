/* SPDX-License-Identifier: MIT */
#include "vtest_client.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "limits.h"
#include "log.h"
#include "vtest_ids.h"
#include "vtest_limits.h"
#include "vtest_message.h"
#include "vtest_socket.h"
#include "vtest_sync.h"

/* Why the main thread stops. Ordered: a later value never replaces an earlier one. */
enum vtest_end {
    END_NONE,
    END_LEFT,    /* the client has gone */
    END_SIGNAL,  /* SIGTERM */
    END_FATAL,   /* the context failed; the renderer has logged why */
    END_DROPPED, /* a protocol error; logged */
};

struct vtest_client {
    const struct vtest_client_params *params;
    int socket;
    struct vtest_input in;
    enum vtest_phase phase;
    uint32_t version;
    char label[VTEST_REPORT_NAME_SIZE]; /* name and process id */
    atomic_int end;                     /* enum vtest_end */

    struct venus_renderer *renderer;
    pthread_mutex_t lock;          /* context, between the main and the watch thread */
    struct venus_context *context; /* NULL before CONTEXT_INIT and while it is destroyed */
    struct vtest_ids resources;
    struct vtest_syncs syncs;
    uint32_t failed_blobs;

    pthread_t watch;
    bool watching;
    int signal_fd;
    int handshake_fd; /* timerfd: runs until CONTEXT_INIT */
    int finished_fd; /* eventfd: the main thread is done, the watch thread shall end */
};

/* ---- ending ---- */

/* Let the main thread end: the first reason counts. */
static void client_end(struct vtest_client *c, enum vtest_end why)
{
    int none = END_NONE;
    if (atomic_compare_exchange_strong(&c->end, &none, why))
        shutdown(c->socket, SHUT_RD); /* ends recv() here, and writing over there */
}

static bool client_ending(const struct vtest_client *c)
{
    return atomic_load_explicit(&c->end, memory_order_relaxed) != END_NONE;
}

/* Log a protocol error and end. Returns false for the convenience of callers. */
__attribute__((format(printf, 3, 4), cold)) static bool
client_refuse(struct vtest_client *c, uint32_t command, const char *format, ...)
{
    char reason[256];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    if (!client_ending(c))
        backend_log(VENUS_LOG_ERROR, "client dropped: %s (%u): %s", vtest_command_name(command),
                    command, reason);
    client_end(c, END_DROPPED);
    return false;
}

/* The same for an error of one of the vtest_sync functions. */
static bool client_refuse_sync(struct vtest_client *c, uint32_t command, int error)
{
    if (error == -ENOENT)
        return client_refuse(c, command, "unknown sync id");
    if (error == -E2BIG)
        return client_refuse(c, command, "too many syncs, sync points or waits");
    return client_refuse(c, command, "%s", strerror(-error));
}

static void client_late(struct vtest_client *c)
{
    backend_log(VENUS_LOG_ERROR, "client dropped: no CONTEXT_INIT within %d s", VTEST_HANDSHAKE_S);
    client_end(c, END_DROPPED);
}

static void context_fail(struct vtest_client *c)
{
    pthread_mutex_lock(&c->lock);
    if (c->context)
        venus_context_fail(c->context);
    pthread_mutex_unlock(&c->lock);
}

/* Wait for SIGTERM, the client's end, or ours, or too long for the client to introduce itself. */
static void *watch_thread(void *arg)
{
    struct vtest_client *c = arg;
    prctl(PR_SET_NAME, "venus-watch");
    struct pollfd fds[] = {
        {.fd = c->finished_fd, .events = POLLIN},
        {.fd = c->signal_fd, .events = POLLIN},
        {.fd = c->socket, .events = POLLRDHUP},
        {.fd = c->handshake_fd, .events = POLLIN},
    };
    while (poll(fds, 4, -1) < 0)
        ;
    if (fds[0].revents)
        return NULL;
    if (fds[1].revents)
        client_end(c, END_SIGNAL);
    else if (fds[2].revents)
        client_end(c, END_LEFT);
    else
        client_late(c);
    context_fail(c);

    while (poll(fds, 1, VTEST_FINISH_MS) < 0)
        ;
    if (!fds[0].revents) {
        backend_log(VENUS_LOG_WARNING, "the client's work on the GPU does not end: giving it up");
        _exit(VTEST_CLIENT_STUCK);
    }
    return NULL;
}

/* ---- events of the context, from any thread ---- */

static void on_fence_retired(void *user, uint32_t ring_idx, uint64_t fence_id)
{
    struct vtest_client *c = user;
    (void)ring_idx;
    vtest_fence_retire(&c->syncs, (struct vtest_fence *)(uintptr_t)fence_id);
}

static void on_fatal(void *user)
{
    client_end(user, END_FATAL);
}

static void on_ring_created(void *user, const struct venus_pages *pages, size_t status_offset)
{
    struct vtest_client *c = user;
    const struct vtest_report report = {.type = VTEST_REPORT_RING, .status_offset = status_offset};
    if (c->params->control >= 0)
        vtest_report_send(c->params->control, &report, pages->fd);
}

/* Tell the daemon that it need not look after the client any more. */
static void take_leave(const struct vtest_client *c)
{
    const struct vtest_report report = {.type = VTEST_REPORT_END};
    if (c->params->control >= 0)
        vtest_report_send(c->params->control, &report, -1);
}

static const struct venus_context_events context_events = {
    .fence_retired = on_fence_retired,
    .fatal = on_fatal,
    .ring_created = on_ring_created,
};

/* ---- messages; each handler returns false when the client has to go ---- */

/* Answer with one word. */
static bool reply_word(struct vtest_client *c, const struct vtest_message *m, uint32_t word)
{
    const uint32_t reply[] = {1, m->command, word};
    return vtest_send(c->socket, reply, sizeof(reply));
}

static bool handle_create_renderer(struct vtest_client *c, const struct vtest_message *m)
{
    char name[32];
    const char *raw = (const char *)m->payload;
    if (raw[m->size - 1])
        return client_refuse(c, m->command, "the name has no NUL at its end");
    const char *slash = strrchr(raw, '/');
    backend_copy_printable(name, sizeof(name), slash ? slash + 1 : raw);
    snprintf(c->label, sizeof(c->label), "%s[%d]", name, (int)c->params->peer);

    char thread[32];
    snprintf(thread, sizeof(thread), "venus-%.9s", name);
    prctl(PR_SET_NAME, thread);
    backend_log_set_client(c->label);
    struct vtest_report report = {.type = VTEST_REPORT_NAME};
    memcpy(report.name, c->label, sizeof(report.name));
    if (c->params->control >= 0)
        vtest_report_send(c->params->control, &report, -1);
    backend_log(VENUS_LOG_INFO, "client connected");
    c->phase = VTEST_PHASE_NAMED;
    return true;
}

static bool handle_ping(struct vtest_client *c, const struct vtest_message *m)
{
    const uint32_t reply[] = {0, m->command};
    return vtest_send(c->socket, reply, sizeof(reply));
}

static bool renderer_create(struct vtest_client *c)
{
    const struct venus_renderer_params params = {
        .get_instance_proc_addr = c->params->load_vulkan(),
        .gpu_uuid = c->params->gpu_uuid,
        .gpus = c->params->gpus,
        .gpu_count = c->params->gpu_count,
        .validate = c->params->validate,
    };
    if (params.get_instance_proc_addr)
        c->renderer = venus_renderer_create(&params);
    return c->renderer;
}

static bool handle_protocol_version(struct vtest_client *c, const struct vtest_message *m)
{
    const uint32_t wanted = m->payload[0];
    c->version = wanted < VTEST_VERSION ? wanted : VTEST_VERSION;
    if (c->version < VTEST_MIN_VERSION)
        backend_log(VENUS_LOG_ERROR, "the client speaks protocol version %u; at least %u is needed",
                    wanted, VTEST_MIN_VERSION);
    else if (!renderer_create(c))
        c->version = 0; /* the client then does without Venus */
    else
        c->phase = VTEST_PHASE_VERSIONED;
    backend_log(VENUS_LOG_DEBUG, "protocol version %u (the client wanted %u)", c->version, wanted);
    return reply_word(c, m, c->version);
}

static bool handle_get_param(struct vtest_client *c, const struct vtest_message *m)
{
    uint32_t reply[] = {2, m->command, 0, 0};
    if (m->payload[0] == VTEST_PARAM_MAX_TIMELINE_COUNT) {
        reply[2] = 1;
        reply[3] = VENUS_MAX_TIMELINES;
    } else if (m->payload[0] == VTEST_PARAM_HAS_TIMELINE_SYNCOBJ && c->version >= 4) {
        reply[2] = 1; /* known, and the answer is no */
    }
    return vtest_send(c->socket, reply, sizeof(reply));
}

static bool handle_get_capset(struct vtest_client *c, const struct vtest_message *m)
{
    struct {
        uint32_t length, command, valid;
        uint8_t capset[VENUS_CAPSET_SIZE];
    } reply = {.length = 1 + VENUS_CAPSET_SIZE / 4, .command = m->command, .valid = 1};
    _Static_assert(sizeof(reply) == 12 + VENUS_CAPSET_SIZE, "the reply has no padding");
    if (m->payload[0] != VENUS_CAPSET_ID)
        return reply_word(c, m, 0);
    venus_capset_fill(reply.capset, false);
    return vtest_send(c->socket, &reply, sizeof(reply));
}

static bool handle_context_init(struct vtest_client *c, const struct vtest_message *m)
{
    if (m->payload[0] != VENUS_CAPSET_ID)
        return client_refuse(c, m->command, "capset %u instead of Venus (%u)", m->payload[0],
                             VENUS_CAPSET_ID);
    struct venus_context *context = venus_context_create(c->renderer, c->label, &context_events, c);
    if (!context)
        return client_refuse(c, m->command, "out of memory");
    pthread_mutex_lock(&c->lock);
    c->context = context;
    pthread_mutex_unlock(&c->lock);
    if (client_ending(c))
        context_fail(c); /* the watch thread had no context to fail */
    c->phase = VTEST_PHASE_READY;
    timerfd_settime(c->handshake_fd, 0, &(struct itimerspec){0}, NULL);
    return true;
}

/* The protocol has no way to say that a blob failed, but Mesa aborts when the descriptor is
 * missing, and that is better than to let it wait for ever. */
static bool blob_failed(struct vtest_client *c, const struct vtest_message *m)
{
    const uint32_t reply[] = {1, m->command, 0};
    if (++c->failed_blobs > VTEST_MAX_FAILED_BLOBS)
        return client_refuse(c, m->command, "too many blobs failed");
    return vtest_send_fd(c->socket, reply, sizeof(reply), -1);
}

static bool handle_create_blob(struct vtest_client *c, const struct vtest_message *m)
{
    const uint32_t flags = m->payload[1];
    const uint64_t size = vtest_u64(m->payload + 2), blob_id = vtest_u64(m->payload + 4);
    if (m->payload[0] != VTEST_BLOB_HOST3D)
        return client_refuse(c, m->command, "blob type %u", m->payload[0]);
    if (flags & ~(VENUS_BLOB_MAPPABLE | VENUS_BLOB_SHAREABLE | VENUS_BLOB_CROSS_DEVICE))
        return client_refuse(c, m->command, "blob flags 0x%x", flags);
    const uint32_t id = vtest_ids_get(&c->resources, VENUS_MAX_RESOURCES);
    if (!id) {
        backend_log(VENUS_LOG_ERROR, "the client has too many blobs");
        return blob_failed(c, m);
    }
    struct venus_blob blob;
    if (venus_context_create_blob(c->context, id, blob_id, size, flags, &blob)) {
        vtest_ids_put(&c->resources, id);
        return blob_failed(c, m);
    }
    const uint32_t reply[] = {1, m->command, id};
    const bool sent = vtest_send_fd(c->socket, reply, sizeof(reply), blob.fd);
    close(blob.fd);
    return sent;
}

static bool handle_resource_unref(struct vtest_client *c, const struct vtest_message *m)
{
    if (venus_context_unref_resource(c->context, m->payload[0]))
        return client_refuse(c, m->command, "unknown resource %u", m->payload[0]);
    vtest_ids_put(&c->resources, m->payload[0]);
    return true;
}

static bool handle_sync_create(struct vtest_client *c, const struct vtest_message *m)
{
    uint32_t id;
    const int error = vtest_sync_create(&c->syncs, vtest_u64(m->payload), &id);
    return error ? client_refuse_sync(c, m->command, error) : reply_word(c, m, id);
}

static bool handle_sync_unref(struct vtest_client *c, const struct vtest_message *m)
{
    const int error = vtest_sync_unref(&c->syncs, m->payload[0]);
    return error ? client_refuse_sync(c, m->command, error) : true;
}

static bool handle_sync_read(struct vtest_client *c, const struct vtest_message *m)
{
    uint64_t value;
    venus_context_poll_fences(c->context);
    const int error = vtest_sync_read(&c->syncs, m->payload[0], &value);
    if (error)
        return client_refuse_sync(c, m->command, error);
    const uint32_t reply[] = {2, m->command, (uint32_t)value, value >> 32};
    return vtest_send(c->socket, reply, sizeof(reply));
}

static bool handle_sync_write(struct vtest_client *c, const struct vtest_message *m)
{
    const int error = vtest_sync_write(&c->syncs, m->payload[0], vtest_u64(m->payload + 1));
    return error ? client_refuse_sync(c, m->command, error) : true;
}

static bool handle_sync_wait(struct vtest_client *c, const struct vtest_message *m)
{
    const uint32_t words = m->size / 4 - 2, flags = m->payload[0];
    int fd;
    bool owned;
    if (words % VTEST_POINT_WORDS)
        return client_refuse(c, m->command, "length is not a whole number of syncs");
    if (flags & ~VTEST_WAIT_ANY)
        return client_refuse(c, m->command, "unknown flags 0x%x", flags);
    venus_context_poll_fences(c->context);
    const int error = vtest_sync_wait(&c->syncs, flags & VTEST_WAIT_ANY, m->payload[1],
                                      m->payload + 2, words / VTEST_POINT_WORDS, &fd, &owned);
    if (error)
        return client_refuse_sync(c, m->command, error);
    const uint32_t reply[] = {0, m->command};
    const bool sent = vtest_send_fd(c->socket, reply, sizeof(reply), fd);
    if (owned)
        close(fd);
    return sent;
}

/* Set syncs when the work so far on a queue's timeline is done. */
static bool submit_fence(struct vtest_client *c, uint32_t command, const struct vtest_batch *batch)
{
    struct vtest_fence *fence;
    int error = vtest_fence_create(&c->syncs, batch->points, batch->point_count, &fence);
    if (error)
        return client_refuse_sync(c, command, error);
    error = venus_context_create_fence(c->context, batch->ring_idx, (uint64_t)(uintptr_t)fence);
    if (!error)
        return true;
    vtest_fence_cancel(&c->syncs, fence);
    return client_refuse(c, command, "no fence on timeline %u: %s", batch->ring_idx,
                         strerror(-error));
}

static bool submit_batch(struct vtest_client *c, uint32_t command, const struct vtest_batch *batch)
{
    if (batch->command_size &&
        !venus_context_submit(c->context, batch->commands, batch->command_size)) {
        client_end(c, END_FATAL); /* if the context has not said so itself */
        return false;
    }
    if (!batch->point_count)
        return true;
    if (batch->ring_idx)
        return submit_fence(c, command, batch);
    /* The CPU timeline: its work is done when the commands are decoded. */
    const int error = vtest_syncs_set(&c->syncs, batch->points, batch->point_count);
    return error ? client_refuse_sync(c, command, error) : true;
}

static bool handle_submit(struct vtest_client *c, const struct vtest_message *m)
{
    uint32_t count;
    const char *error = vtest_submit_check(m->payload, m->size / 4, c->version, &count);
    if (error)
        return client_refuse(c, m->command, "%s", error);
    for (uint32_t i = 0; i < count; i++) {
        struct vtest_batch batch;
        vtest_submit_batch(m->payload, c->version, i, &batch);
        if (!submit_batch(c, m->command, &batch))
            return false;
    }
    return true;
}

static bool handle(struct vtest_client *c, const struct vtest_message *m)
{
    switch (m->command) {
    case VTEST_CREATE_RENDERER:
        return handle_create_renderer(c, m);
    case VTEST_PING_PROTOCOL_VERSION:
        return handle_ping(c, m);
    case VTEST_RESOURCE_BUSY_WAIT:
        return reply_word(c, m, 0); /* never busy: rings do their own synchronisation */
    case VTEST_PROTOCOL_VERSION:
        return handle_protocol_version(c, m);
    case VTEST_GET_PARAM:
        return handle_get_param(c, m);
    case VTEST_GET_CAPSET:
        return handle_get_capset(c, m);
    case VTEST_CONTEXT_INIT:
        return handle_context_init(c, m);
    case VTEST_RESOURCE_CREATE_BLOB:
        return handle_create_blob(c, m);
    case VTEST_RESOURCE_UNREF:
        return handle_resource_unref(c, m);
    case VTEST_SYNC_CREATE:
        return handle_sync_create(c, m);
    case VTEST_SYNC_UNREF:
        return handle_sync_unref(c, m);
    case VTEST_SYNC_READ:
        return handle_sync_read(c, m);
    case VTEST_SYNC_WRITE:
        return handle_sync_write(c, m);
    case VTEST_SYNC_WAIT:
        return handle_sync_wait(c, m);
    case VTEST_SUBMIT_CMD2:
        return handle_submit(c, m);
    default:
        return client_refuse(c, m->command, "not handled");
    }
}

/* ---- the loop ---- */

/* Run the complete messages in the buffer. False when the client has to go; the message in question
 * is then still in the buffer. */
static bool handle_buffered(struct vtest_client *c)
{
    struct vtest_message message;
    const char *error;
    while (!client_ending(c)) {
        switch (vtest_input_peek(&c->in, c->phase, &message, &error)) {
        case VTEST_INPUT_INCOMPLETE:
            return true;
        case VTEST_INPUT_BAD:
            return client_refuse(c, message.command, "%s", error);
        case VTEST_INPUT_MESSAGE:
            if (!handle(c, &message))
                return false;
            vtest_input_take(&c->in, &message);
        }
    }
    return false;
}

/* Looks for the next message before sleeping, each followed by sched_yield(): a frame has several,
 * only moments apart. */
#define RECEIVE_LOOKS 10

/* Like recv(), but see above. */
static ssize_t receive_soon(int socket, void *space, size_t size)
{
    for (int i = 0; i < RECEIVE_LOOKS; i++) {
        const ssize_t n = recv(socket, space, size, MSG_DONTWAIT);
        if (n >= 0 || errno != EAGAIN)
            return n;
        sched_yield();
    }
    return recv(socket, space, size, 0);
}

/* Block until something arrives. False when the client has gone. */
static bool receive(struct vtest_client *c)
{
    size_t size;
    void *space = vtest_input_space(&c->in, &size);
    if (!space) {
        backend_log(VENUS_LOG_ERROR, "client dropped: out of memory");
        client_end(c, END_DROPPED);
        return false;
    }
    ssize_t n;
    do {
        n = receive_soon(c->socket, space, size);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        client_end(c, END_LEFT);
        return false;
    }
    vtest_input_added(&c->in, n);
    return true;
}

/* Answer what the client may be waiting for, so that it notices its end; see vtest_client.h. */
static void answer_rest(struct vtest_client *c)
{
    struct vtest_message m;
    const char *error;
    bool sent = true;
    while (sent && vtest_input_peek(&c->in, c->phase, &m, &error) == VTEST_INPUT_MESSAGE) {
        uint32_t reply[2 + VTEST_FAILURE_WORDS] = {0, m.command};
        bool with_fd;
        if (vtest_failure_reply(m.command, &reply[0], &with_fd)) {
            const size_t size = VTEST_HEADER_SIZE + reply[0] * 4;
            sent = with_fd ? vtest_send_fd(c->socket, reply, size, -1)
                           : vtest_send(c->socket, reply, size);
        }
        vtest_input_take(&c->in, &m);
    }
    if (sent && c->in.begin != c->in.end)
        vtest_send_zeros(c->socket); /* a message that makes no sense, and what is behind it */
}

static bool start_watching(struct vtest_client *c)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    c->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
    c->finished_fd = eventfd(0, EFD_CLOEXEC);
    c->handshake_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (c->signal_fd < 0 || c->finished_fd < 0 || c->handshake_fd < 0)
        return false;
    const struct itimerspec limit = {.it_value.tv_sec = VTEST_HANDSHAKE_S};
    if (timerfd_settime(c->handshake_fd, 0, &limit, NULL))
        return false;
    /* It calls little, but it may be the one that runs the renderer's logging. */
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 << 10);
    errno = pthread_create(&c->watch, &attributes, watch_thread, c);
    pthread_attr_destroy(&attributes);
    c->watching = !errno;
    return c->watching;
}

static void stop_watching(struct vtest_client *c)
{
    if (c->watching) {
        eventfd_write(c->finished_fd, 1);
        pthread_join(c->watch, NULL);
    }
    if (c->signal_fd >= 0)
        close(c->signal_fd);
    if (c->handshake_fd >= 0)
        close(c->handshake_fd);
    if (c->finished_fd >= 0)
        close(c->finished_fd);
}

/* Take everything down, with the watch thread still there to limit the time. */
static void client_finish(struct vtest_client *c)
{
    pthread_mutex_lock(&c->lock);
    struct venus_context *context = c->context;
    c->context = NULL;
    pthread_mutex_unlock(&c->lock);
    venus_context_destroy(context);
    venus_renderer_destroy(c->renderer);
    vtest_syncs_finish(&c->syncs);
    vtest_ids_finish(&c->resources);
    vtest_input_finish(&c->in);
}

int vtest_client_run(const struct vtest_client_params *params)
{
    struct vtest_client c = {
        .params = params,
        .socket = params->socket,
        .signal_fd = -1,
        .handshake_fd = -1,
        .finished_fd = -1,
    };
    snprintf(c.label, sizeof(c.label), "[%d]", (int)params->peer);
    backend_log_set_client(c.label);
    pthread_mutex_init(&c.lock, NULL);
    vtest_syncs_init(&c.syncs);

    if (start_watching(&c)) {
        while (handle_buffered(&c) && receive(&c))
            ;
    } else {
        backend_log(VENUS_LOG_ERROR, "client dropped: %s", strerror(errno));
        client_end(&c, END_DROPPED);
    }
    client_end(&c, END_LEFT); /* a failed send: the client has gone */
    const enum vtest_end end = atomic_load(&c.end);
    if (end != END_LEFT) {
        context_fail(&c);
        answer_rest(&c);
    }
    take_leave(&c);
    client_finish(&c);
    stop_watching(&c);
    pthread_mutex_destroy(&c.lock);
    backend_log(VENUS_LOG_INFO, end == END_LEFT     ? "client left"
                                : end == END_SIGNAL ? "client dropped: the server ends"
                                                    : "client's process ends");
    return end == END_LEFT || end == END_SIGNAL ? VTEST_CLIENT_LEFT : VTEST_CLIENT_DROPPED;
}
