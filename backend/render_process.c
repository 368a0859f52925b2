/* SPDX-License-Identifier: MIT */
/*
 * A render process: one context of a guest on the host's driver.
 *
 * The main thread handles requests in order.  A command stream may block for long (the protocol has
 * commands that wait for rings), so a second thread waits for the device process to shut its side
 * of the socket, and then fails the context, which ends all waits.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "limits.h"
#include "log.h"
#include "render.h"
#include "render_ask.h"
#include "render_blobs.h"
#include "render_limits.h"
#include "confine.h"
#include "render_protocol.h"
#include "venus.h"
#include "vulkan_loader.h"

#define PAGE_SIZE 4096u

struct process {
    const struct render_params *params;
    int socket;
    pthread_mutex_t send_lock;
    struct render_asker asker;
    struct venus_memory_provider slices;
    struct render_blobs blobs;
    struct venus_renderer *renderer;
    struct venus_context *context;
    void *commands;  /* of a submission */
    size_t capacity; /* for them, bytes */

    pthread_t watch;
    bool watching;
    int finished_fd; /* eventfd: the watch thread shall end */
};

/* ---- answers, from any thread ---- */

static bool send_all(int socket, const void *data, size_t size)
{
    while (size) {
        const ssize_t n = send(socket, data, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) /* the device process has gone, and SIGKILL is on its way */
            return false;
        data = (const char *)data + n;
        size -= n;
    }
    return true;
}

static void answer_with(struct process *p, const struct render_answer *answer, const uint32_t *refs,
                        size_t count)
{
    pthread_mutex_lock(&p->send_lock);
    if (send_all(p->socket, answer, sizeof(*answer)))
        send_all(p->socket, refs, count * sizeof(*refs));
    pthread_mutex_unlock(&p->send_lock);
}

static void answer(struct process *p, const struct render_answer *answer)
{
    answer_with(p, answer, NULL, 0);
}

static void answer_ready(struct process *p, uint32_t res_id, int error)
{
    answer(p, &(struct render_answer){.type = RENDER_READY, .id = res_id, .error = error});
}

static void answer_released(struct process *p, uint32_t res_id)
{
    answer(p, &(struct render_answer){.type = RENDER_RELEASED, .id = res_id});
}

static void on_fence_retired(void *user, uint32_t ring_idx, uint64_t fence_id)
{
    answer(user,
           &(struct render_answer){.type = RENDER_RETIRED, .id = ring_idx, .object = fence_id});
}

static void on_fatal(void *user)
{
    answer(user, &(struct render_answer){.type = RENDER_FAILED});
}

/* The resource is what a slice's pages carry as `private`. */
static void on_ring_created(void *user, const struct venus_pages *pages, size_t status_offset)
{
    struct process *p = user;
    if (p->params->per_blob)
        return;
    answer(p, &(struct render_answer){
                  .type = RENDER_RING,
                  .id = (uint32_t)(uintptr_t)pages->private,
                  .object = status_offset,
              });
}

static const struct venus_context_events context_events = {
    .fence_retired = on_fence_retired,
    .fatal = on_fatal,
    .ring_created = on_ring_created,
};

/* ---- slices of the window ---- */

/* Nothing uses the slice any more. */
static void slice_free(void *user, struct venus_pages *pages)
{
    answer_released(user, (uint32_t)(uintptr_t)pages->private);
}

/* With slices clients bring the memory for everything that they map. */
static int slice_alloc(void *user, uint64_t size, struct venus_pages *pages)
{
    (void)user;
    (void)pages;
    backend_log(VENUS_LOG_WARNING,
                "%llu bytes of memory to map were asked for without a slice of the window: the "
                "guest's Mesa ignores use_guest_vram",
                (unsigned long long)size);
    return -ENOTSUP;
}

/* For a driver that does not import host memory. */
static int slice_export(void *user, const struct venus_pages *pages, uint64_t size)
{
    struct process *p = user;
    const struct venus_shm *window = &p->params->transport->window;
    const uint64_t offset = (uint64_t)((const char *)pages->ptr - (const char *)window->base);
    return render_ask_export(&p->asker, (uint32_t)(uintptr_t)pages->private, offset, size);
}

static int attach_slice(struct process *p, const struct render_request *request)
{
    const struct venus_shm *window = &p->params->transport->window;
    if (!venus_shm_contains(window, request->object, request->size) ||
        request->object % PAGE_SIZE || request->size % PAGE_SIZE)
        return -EINVAL;
    if (request->flags & RENDER_CLEAR)
        venus_shm_clear(window, request->object, request->size);
    const struct venus_pages pages = {
        .ptr = (char *)window->base + request->object,
        .size = request->size,
        .fd = -1,
        .private = (void *)(uintptr_t)request->id,
    };
    return venus_context_attach_pages(p->context, request->id, &pages, &p->slices);
}

/* ---- requests; false when the process must end ---- */

/* Read exactly `size` bytes. False when the device process has nothing more to say. */
static bool receive(struct process *p, void *data, size_t size)
{
    while (size) {
        const ssize_t n = recv(p->socket, data, size, MSG_WAITALL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data = (char *)data + n;
        size -= n;
    }
    return true;
}

static bool handle_submit(struct process *p, const struct render_request *request)
{
    if (request->size > p->capacity) {
        free(p->commands);
        p->commands = request->size <= VENUS_MAX_STREAM_SIZE ? malloc(request->size) : NULL;
        p->capacity = p->commands ? request->size : 0;
        if (!p->commands) {
            backend_log(VENUS_LOG_ERROR, "no memory for %llu bytes of commands",
                        (unsigned long long)request->size);
            return false;
        }
    }
    if (!receive(p, p->commands, request->size))
        return false;
    venus_context_submit(p->context, p->commands, request->size); /* failure is an event */
    return true;
}

static void handle_create_blob(struct process *p, const struct render_request *request)
{
    struct render_answer ready = {.type = RENDER_READY, .id = request->id};
    const uint32_t *refs = NULL;
    struct venus_blob blob;
    bool granted = false;
    ready.error = venus_context_create_blob(p->context, request->id, request->object, request->size,
                                            request->flags, &blob);
    if (!ready.error) {
        refs = render_blobs_refs(blob.pages_private);
        granted = !refs && blob.fd >= 0 && !render_ask_grant(&p->asker, request->id, blob.fd);
        if (blob.fd >= 0)
            close(blob.fd);
    }
    if (!ready.error && !refs && !granted) {
        backend_log(VENUS_LOG_ERROR,
                    "resource %u is memory of the driver's own, which cannot be "
                    "granted to the guest",
                    request->id);
        venus_context_unref_resource(p->context, request->id);
        ready.error = -ENOTSUP;
    }
    if (!ready.error) {
        ready.cache = blob.cache;
        ready.size = blob.size;
        ready.object = granted ? RENDER_GRANTED : 0;
    }
    answer_with(p, &ready, refs, refs && !ready.error ? blob.size / PAGE_SIZE : 0);
}

static void handle_unref(struct process *p, const struct render_request *request)
{
    const int error = venus_context_unref_resource(p->context, request->id);
    /* A slice says itself when it is not used any more.  Blobs are not taken back by anyone. */
    if (p->params->per_blob || error)
        answer_released(p, request->id);
}

static void handle_create_fence(struct process *p, const struct render_request *request)
{
    const int error = venus_context_create_fence(p->context, request->id, request->object);
    if (!error)
        return;
    backend_log(VENUS_LOG_WARNING, "no fence on timeline %u: %s", request->id, strerror(-error));
    on_fence_retired(p, request->id, request->object); /* nobody shall wait for it */
}

static bool handle(struct process *p, const struct render_request *request)
{
    switch (request->type) {
    case RENDER_SUBMIT:
        return handle_submit(p, request);
    case RENDER_ATTACH_SLICE:
        answer_ready(p, request->id, attach_slice(p, request));
        return true;
    case RENDER_CREATE_BLOB:
        if (p->params->per_blob)
            handle_create_blob(p, request);
        else
            answer_ready(p, request->id, -ENOTSUP);
        return true;
    case RENDER_UNREF:
        handle_unref(p, request);
        return true;
    case RENDER_CREATE_FENCE:
        handle_create_fence(p, request);
        return true;
    default:
        backend_log(VENUS_LOG_ERROR, "unknown request %u of the device process", request->type);
        return false;
    }
}

/* ---- start and end ---- */

static void *watch_thread(void *arg)
{
    struct process *p = arg;
    prctl(PR_SET_NAME, "venus-watch");
    struct pollfd fds[] = {
        {.fd = p->finished_fd, .events = POLLIN},
        {.fd = p->socket, .events = POLLRDHUP},
    };
    while (poll(fds, 2, -1) < 0)
        ;
    if (!fds[0].revents)
        venus_context_fail(p->context);
    return NULL;
}

static int start_watching(struct process *p)
{
    p->finished_fd = eventfd(0, EFD_CLOEXEC);
    if (p->finished_fd < 0)
        return -errno;
    const int error = pthread_create(&p->watch, NULL, watch_thread, p);
    p->watching = !error;
    return -error;
}

static void stop_watching(struct process *p)
{
    if (p->watching) {
        eventfd_write(p->finished_fd, 1);
        pthread_join(p->watch, NULL);
    }
    if (p->finished_fd >= 0)
        close(p->finished_fd);
}

static bool create_context(struct process *p)
{
    const struct render_params *params = p->params;
    const struct venus_pages window = {
        .ptr = params->transport->window.base,
        .size = params->transport->window.size,
        .fd = -1,
    };
    const struct venus_renderer_params renderer = {
        .get_instance_proc_addr =
            params->load_vulkan ? params->load_vulkan() : backend_vulkan_load(),
        .memory = params->per_blob ? &p->blobs.provider : &p->slices,
        .sample = params->per_blob ? NULL : &window,
        .gpu_uuid = params->gpu_uuid,
        .validate = params->validate,
    };
    if (!renderer.get_instance_proc_addr)
        return false;
    p->renderer = venus_renderer_create(&renderer);
    if (p->renderer)
        p->context = venus_context_create(p->renderer, params->name, &context_events, p);
    if (!p->context)
        backend_log(VENUS_LOG_ERROR, "no context: out of memory");
    return p->context;
}

static int run(struct process *p)
{
    struct render_request request;
    if (!create_context(p))
        return RENDER_EXIT_ERROR;
    const int error = start_watching(p);
    if (error) {
        backend_log(VENUS_LOG_ERROR, "no context: %s", strerror(-error));
        return RENDER_EXIT_ERROR;
    }
    while (receive(p, &request, sizeof(request)) && handle(p, &request))
        ;
    return RENDER_EXIT_OK;
}

/* A name for messages, and for tools that list threads. */
static void set_names(const struct render_params *params)
{
    char name[16], label[48];
    snprintf(name, sizeof(name), "venus-%.9s", params->name);
    prctl(PR_SET_NAME, name);
    snprintf(label, sizeof(label), "%.30s[%u]", params->name, params->context_id);
    backend_log_add_client(label);
}

int render_process_run(const struct render_params *params, int socket, int asks, pid_t parent)
{
    struct process p = {.params = params, .socket = socket, .finished_fd = -1};
    struct vgpu_transport *transport = params->transport;

    set_names(params);
    if (!confine_early(parent) || transport->ops->enter_render_process(transport) ||
        !confine_descriptors((const int[]){socket, asks, transport->render_fd}, 3) ||
        !confine_files(RENDER_MAX_FILES) || !confine_privileges(NULL, -1))
        return RENDER_EXIT_ERROR;
    confine_syscalls();
    pthread_mutex_init(&p.send_lock, NULL);
    render_asker_init(&p.asker, asks);
    p.slices = (struct venus_memory_provider){
        .alloc = slice_alloc,
        .free = slice_free,
        .export_dma_buf = asks >= 0 ? slice_export : NULL,
        .user = &p,
    };
    render_blobs_init(&p.blobs, transport, &p.asker);

    const int status = run(&p);
    /* The watch thread uses the context: it goes first, but only when nothing can block any more.
     */
    if (p.context)
        venus_context_fail(p.context);
    stop_watching(&p);
    venus_context_destroy(p.context);
    venus_renderer_destroy(p.renderer);
    free(p.commands);
    return status;
}
