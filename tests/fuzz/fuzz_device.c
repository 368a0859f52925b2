/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: everything that a guest and render processes can do to the virtio-gpu device.
 *
 * The first byte of an input chooses the device: bit 0 mapping "per-blob", bit 1 no event indexes,
 * bit 2 no indirect descriptors, bit 3 a used window, bit 4 a device that nobody has started.  Then
 * come steps: a byte for what (enum step, below), a byte with the number of bytes of data, the
 * data. Missing data is zeroes.
 *
 * Render processes are made up here.  They answer truthfully (ANSWER), or what the input says
 * (SAY). What must be true whatever happens is checked after each step: above all that no two
 * resources share memory that a process may still use.
 */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_gpu.h>
#include <linux/virtio_ring.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu_device.h"
#include "gpu_limits.h"
#include "log.h"
#include "render.h"
#include "transport_local.h"
#include "xen/vgpuif.h"

#define POOL_PAGES    64u
#define OTHER_PAGES   8u
#define WINDOW        (2u << 20)
#define CONTEXTS      3u
#define QUEUE_SIZE    16u
#define TABLE         0x8000u /* in the pool: an indirect table that steps write to */
#define FREE          0x9000u /* from here on: buffers of commands */
#define MAX_CALLS     64u     /* of a process that are not answered yet */
#define MAX_PROCESSES 16u

enum step {
    COMMAND, /* queue, type index, context, flags, timeline, room for the response; the rest */
    CONTROL, /* op, queue, size, three addresses or values as ADDRESS below */
    EVENT,
    ANSWER,     /* process, how many calls */
    SAY,        /* process, kind, id, error, fence */
    END,        /* process */
    TIME,       /* in units of 100 ms */
    BLOB,       /* status */
    GRANT,      /* page, whether */
    SETTINGS,   /* bits, result of render_submit, of others */
    DESCRIPTOR, /* table, index, flags, next, length (4), address (3 or more) */
    AVAILABLE,  /* queue, head (2) */
    RING,       /* queue, part, offset, bytes */
    PAGE,       /* offset / 4 in the control page, bytes */
    RESTART,
    STEPS,
};

enum { REFUSE = 1, NO_REFS = 2, SMALL = 4, SLOW_END = 8 };

/* ---- render processes ---- */

struct call {
    enum { READY_SLICE, READY_BLOB, RELEASED, RETIRED, FAILED, ENDED } kind;
    uint32_t id;
    uint64_t fence, size;
    int error;
};

struct slice {
    struct slice *next;
    uint32_t id;
    uint64_t offset, size;
};

struct render {
    struct render *next;
    struct render_params params;
    const struct render_events *events;
    void *user;
    struct call calls[MAX_CALLS], said[MAX_CALLS];
    uint32_t call_count, said_count;
    struct slice *slices; /* what it may use */
    bool stopping, ended;
};

static struct {
    struct render *renders;
    uint32_t render_count;
    uint8_t settings;
    int submit_result, other_result;
    int64_t now;
    uint64_t fences;
    uint64_t sum; /* of what was read */
} world;

int64_t gpu_now_ms(void);
int64_t gpu_now_ms(void) /* in the place of gpu_time.c */
{
    return world.now;
}

/* Messages are made, but not shown. */
void __wrap_backend_log(enum venus_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void __wrap_backend_log(enum venus_log_level level, const char *format, ...)
{
    char message[1024];
    va_list args;
    (void)level;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
}

static void must(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

struct render *render_create(const struct render_params *params, const struct render_events *events,
                             void *user)
{
    if (world.settings & REFUSE || world.render_count >= MAX_PROCESSES)
        return NULL;
    struct render *render = calloc(1, sizeof(*render));
    if (!render)
        return NULL;
    must(strlen(params->name) <= 64, "a context's name is short");
    render->params = *params;
    render->events = events;
    render->user = user;
    render->next = world.renders;
    world.renders = render;
    world.render_count++;
    return render;
}

static void forget_slices(struct render *render)
{
    while (render->slices) {
        struct slice *slice = render->slices;
        render->slices = slice->next;
        free(slice);
    }
}

void render_destroy(struct render *render)
{
    struct render **link = &world.renders;
    if (!render)
        return;
    while (*link != render)
        link = &(*link)->next;
    *link = render->next;
    world.render_count--;
    forget_slices(render);
    free(render);
}

static void say(struct render *render, struct call call)
{
    if (render->said_count < MAX_CALLS)
        render->said[render->said_count++] = call;
}

/* 0, or why a call is not taken. */
static int take_call(struct render *render, struct call call)
{
    must(!render->ended, "nothing is asked of a process that has ended");
    if (world.other_result)
        return world.other_result;
    if (render->stopping)
        return -EIO;
    if (render->call_count == MAX_CALLS)
        return -ENOMEM;
    render->calls[render->call_count++] = call;
    return 0;
}

static void stop(struct render *render)
{
    must(!render->ended, "nothing is asked of a process that has ended");
    if (!render->stopping && !(world.settings & SLOW_END))
        say(render, (struct call){.kind = ENDED});
    render->stopping = true;
}

void render_end(struct render *render)
{
    stop(render);
}

void render_kill(struct render *render)
{
    stop(render);
}

int64_t render_next_time(const struct render *render)
{
    (void)render;
    return INT64_MAX;
}

int render_pid(const struct render *render)
{
    return (int)render->params.context_id;
}

int render_submit(struct render *render, const void *commands, size_t size)
{
    must(!render->ended, "nothing is asked of a process that has ended");
    must(((uintptr_t)commands & 3) == 0 && size % 4 == 0, "streams are aligned");
    for (size_t i = 0; i < size; i++)
        world.sum += ((const uint8_t *)commands)[i];
    return world.submit_result;
}

static void drop_slice(struct render *render, uint32_t id)
{
    struct slice **link = &render->slices;
    while (*link && (*link)->id != id)
        link = &(*link)->next;
    struct slice *slice = *link;
    if (slice)
        *link = slice->next;
    free(slice);
}

int render_attach_slice(struct render *render, uint32_t res_id, uint64_t offset, uint64_t size,
                        bool clear)
{
    (void)clear;
    must(offset % VGPU_PAGE_SIZE == 0 && size % VGPU_PAGE_SIZE == 0 && size, "slices are pages");
    must(offset < WINDOW && size <= WINDOW - offset, "slices are inside of the window");
    for (struct render *other = world.renders; other; other = other->next) {
        for (const struct slice *s = other->slices; s; s = s->next)
            must(offset + size <= s->offset || s->offset + s->size <= offset ||
                     (s->id == res_id && other != render),
                 "nobody else uses a slice");
    }
    struct slice *slice = calloc(1, sizeof(*slice));
    if (!slice)
        return -ENOMEM;
    const int error = take_call(render, (struct call){.kind = READY_SLICE, .id = res_id});
    if (error) {
        free(slice);
        return error;
    }
    *slice = (struct slice){.next = render->slices, .id = res_id, .offset = offset, .size = size};
    render->slices = slice;
    return 0;
}

int render_create_blob(struct render *render, uint32_t res_id, uint64_t blob_id, uint64_t size,
                       uint32_t flags)
{
    (void)blob_id, (void)flags;
    return take_call(render, (struct call){.kind = READY_BLOB, .id = res_id, .size = size});
}

int render_unref(struct render *render, uint32_t res_id)
{
    const int error = take_call(render, (struct call){.kind = RELEASED, .id = res_id});
    if (error == -ENOENT)
        drop_slice(render, res_id); /* or it would be a lie */
    return error;
}

int render_create_fence(struct render *render, uint32_t ring_idx, uint64_t fence_id)
{
    must(ring_idx < GPU_MAX_TIMELINES, "timelines are what there is");
    return take_call(render, (struct call){.kind = RETIRED, .id = ring_idx, .fence = fence_id});
}

static void deliver_blob(struct render *render, const struct call *call)
{
    static uint32_t refs[WINDOW / VGPU_PAGE_SIZE + 1];
    uint64_t size = (call->size + VGPU_PAGE_SIZE - 1) & ~(uint64_t)(VGPU_PAGE_SIZE - 1);
    if (world.settings & SMALL)
        size -= VGPU_PAGE_SIZE;
    /* Blobs that cannot be mapped may be of any size, and have no references. */
    const bool listed = !(world.settings & NO_REFS) && size <= WINDOW;
    if (call->error)
        drop_slice(render, call->id);
    const struct render_blob blob = {
        .size = size, .cache = (uint32_t)call->fence, .refs = listed ? refs : NULL};
    render->events->resource_ready(render->user, render, call->id, call->error,
                                   call->error ? NULL : &blob);
}

static void deliver(struct render *render, const struct call *call)
{
    switch (call->kind) {
    case READY_SLICE:
        if (call->error)
            drop_slice(render, call->id);
        render->events->resource_ready(render->user, render, call->id, call->error, NULL);
        break;
    case READY_BLOB:
        deliver_blob(render, call);
        break;
    case RELEASED:
        drop_slice(render, call->id);
        render->events->resource_released(render->user, render, call->id);
        break;
    case RETIRED:
        render->events->fence_retired(render->user, render, call->id, call->fence);
        break;
    case FAILED:
        render->events->failed(render->user, render);
        break;
    case ENDED:
        forget_slices(render);
        render->ended = true;
        render->events->ended(render->user, render);
        break;
    }
}

bool render_is_gone(const struct render *render)
{
    return render->ended;
}

void render_dispatch(struct render *render)
{
    struct call said[MAX_CALLS];
    const uint32_t count = render->said_count;
    memcpy(said, render->said, sizeof(said));
    render->said_count = 0;
    for (uint32_t i = 0; i < count && !render->ended; i++)
        deliver(render, &said[i]);
}

/* ---- the input ---- */

struct input {
    const uint8_t *at, *end;
};

static uint64_t get(struct input *in, unsigned int bytes)
{
    uint64_t value = 0;
    for (unsigned int i = 0; i < bytes && in->at < in->end; i++)
        value |= (uint64_t)*in->at++ << 8 * i;
    return value;
}

/* ADDRESS: a byte 0 and an offset in the pool (2), or 1 and a page and an offset (1, 2), or
 * anything else and a number (8). */
static uint64_t get_address(struct input *in, uint32_t pool_ref)
{
    switch (get(in, 1)) {
    case 0:
        return VGPU_ADDRESS(pool_ref, 0) + get(in, 2);
    case 1: {
        const uint64_t page = get(in, 1);
        return VGPU_ADDRESS(page, 0) + get(in, 2);
    }
    default:
        return get(in, 8);
    }
}

/* ---- the guest ---- */

struct guest {
    struct transport_local *local;
    struct gpu_device *device;
    struct vgpu_control *control;
    uint8_t *pool;
    uint64_t features;
    uint16_t available[VGPU_NUM_QUEUES]; /* our index */
    uint16_t head[VGPU_NUM_QUEUES];      /* to use next */
    uint32_t free;                       /* in the pool */
    uint32_t sequence;
};

static const uint32_t types[] = {
    VIRTIO_GPU_CMD_CTX_CREATE,
    VIRTIO_GPU_CMD_CTX_DESTROY,
    VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
    VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB,
    VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB,
    VIRTIO_GPU_CMD_RESOURCE_UNREF,
    VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE,
    VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE,
    VIRTIO_GPU_CMD_SUBMIT_3D,
    VIRTIO_GPU_CMD_GET_DISPLAY_INFO,
    VIRTIO_GPU_CMD_GET_CAPSET_INFO,
    VIRTIO_GPU_CMD_GET_CAPSET,
    VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID,
    VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
    VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING,
    VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
    VIRTIO_GPU_CMD_RESOURCE_FLUSH,
    VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,
    VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D,
    VIRTIO_GPU_CMD_SET_SCANOUT,
    VIRTIO_GPU_CMD_UPDATE_CURSOR,
    0,
};

/* Where the parts of a queue are in the pool. */
static uint32_t ring_at(uint32_t queue, uint32_t part)
{
    return 0x1000 + queue * 0x3000 + part * 0x1000;
}

static uint64_t pool_address(const struct guest *guest, uint32_t offset)
{
    return VGPU_ADDRESS(guest->local->transport.pool_ref, 0) + offset;
}

static void *allocate(struct guest *guest, uint32_t size, uint64_t *address)
{
    if (guest->free + size > POOL_PAGES * VGPU_PAGE_SIZE)
        guest->free = FREE;
    const uint32_t at = guest->free;
    guest->free += (size + 15) & ~15u;
    *address = pool_address(guest, at);
    memset(guest->pool + at, 0, size);
    return guest->pool + at;
}

static void make_available(struct guest *guest, uint32_t queue, uint16_t head)
{
    uint16_t *ring = (void *)(guest->pool + ring_at(queue, 1));
    ring[2 + guest->available[queue] % QUEUE_SIZE] = head;
    ring[1] = ++guest->available[queue];
}

/* A command as Linux puts it, but with any content. */
static void put_command(struct guest *guest, struct input *in)
{
    const uint32_t queue = get(in, 1) & 1;
    struct virtio_gpu_ctrl_hdr hdr = {.type = types[get(in, 1) % (sizeof(types) / 4)]};
    hdr.ctx_id = (uint32_t)get(in, 1);
    hdr.flags = (uint32_t)get(in, 1);
    hdr.ring_idx = (uint8_t)get(in, 1);
    hdr.fence_id = ++world.fences;
    const uint32_t room = (uint32_t)get(in, 1) * 2, rest = (uint32_t)(in->end - in->at);
    struct vring_desc segments[3] = {0};
    uint64_t address;
    memcpy(allocate(guest, sizeof(hdr), &address), &hdr, sizeof(hdr));
    segments[0] = (struct vring_desc){.addr = address, .len = sizeof(hdr)};
    uint32_t count = 1;
    if (rest) {
        memcpy(allocate(guest, rest, &address), in->at, rest);
        segments[count++] = (struct vring_desc){.addr = address, .len = rest};
    }
    if (room) {
        allocate(guest, room, &address);
        segments[count++] =
            (struct vring_desc){.addr = address, .len = room, .flags = VRING_DESC_F_WRITE};
    }
    const bool indirect = guest->features & 1ull << VIRTIO_RING_F_INDIRECT_DESC;
    struct vring_desc *ring = (void *)(guest->pool + ring_at(queue, 0)), *table = ring;
    const uint16_t head = guest->head[queue], first = indirect ? 0 : head;
    const uint16_t size = indirect ? 4 : QUEUE_SIZE;
    if (indirect) {
        table = allocate(guest, count * sizeof(*table), &address);
        ring[head] = (struct vring_desc){.addr = address,
                                         .len = count * (uint32_t)sizeof(*table),
                                         .flags = VRING_DESC_F_INDIRECT};
    }
    for (uint32_t i = 0; i < count; i++) {
        segments[i].next = (uint16_t)((first + i + 1) % size);
        segments[i].flags |= i + 1 < count ? VRING_DESC_F_NEXT : 0;
        table[(first + i) % size] = segments[i];
    }
    guest->head[queue] = (uint16_t)((head + (indirect ? 1 : count)) % QUEUE_SIZE);
    make_available(guest, queue, head);
}

static void control(struct guest *guest, uint32_t op, uint32_t queue, uint32_t size,
                    const uint64_t arg[3])
{
    struct vgpu_request *request = &guest->control->request;
    request->op = op;
    request->queue = queue;
    request->size = size;
    memcpy(request->arg, arg, sizeof(request->arg));
    request->sequence = ++guest->sequence;
    gpu_device_handle_event(guest->device);
}

static void start(struct guest *guest)
{
    const uint64_t features[3] = {guest->features};
    control(guest, VGPU_OP_SET_FEATURES, 0, 0, features);
    for (uint32_t i = 0; i < VGPU_NUM_QUEUES; i++) {
        uint64_t address[3];
        for (uint32_t part = 0; part < 3; part++) {
            address[part] = pool_address(guest, ring_at(i, part));
            memset(guest->pool + ring_at(i, part), 0, VGPU_PAGE_SIZE);
        }
        guest->available[i] = guest->head[i] = 0;
        control(guest, VGPU_OP_SETUP_QUEUE, i, QUEUE_SIZE, address);
    }
    control(guest, VGPU_OP_START, 0, 0, features);
}

/* ---- steps ---- */

static struct render *pick(struct input *in)
{
    uint64_t n = get(in, 1);
    struct render *render = world.renders;
    while (render && n--)
        render = render->next;
    return render;
}

static void dispatch(struct guest *guest, struct render *render)
{
    if (render)
        gpu_device_dispatch(guest->device, render->params.epoll_data);
}

/* Let a process answer what it was asked, in order. */
static void step_answer(struct guest *guest, struct input *in)
{
    struct render *render = pick(in);
    uint64_t n = get(in, 1);
    if (!render)
        return;
    if (n > render->call_count)
        n = render->call_count;
    for (uint64_t i = 0; i < n; i++)
        say(render, render->calls[i]);
    render->call_count -= (uint32_t)n;
    memmove(render->calls, render->calls + n, render->call_count * sizeof(*render->calls));
    dispatch(guest, render);
}

static void step_say(struct guest *guest, struct input *in)
{
    struct render *render = pick(in);
    struct call call = {.kind = (unsigned int)get(in, 1) % ENDED};
    call.id = (uint32_t)get(in, 1);
    call.error = -(int)get(in, 1);
    call.fence = get(in, 1);
    call.size = get(in, 3);
    if (!render)
        return;
    say(render, call);
    dispatch(guest, render);
}

static void step_descriptor(struct guest *guest, struct input *in)
{
    const uint32_t at[3] = {ring_at(0, 0), ring_at(1, 0), TABLE};
    struct vring_desc *table = (void *)(guest->pool + at[get(in, 1) % 3]);
    struct vring_desc *descriptor = &table[get(in, 1) % QUEUE_SIZE];
    descriptor->flags = (uint16_t)get(in, 1);
    descriptor->next = (uint16_t)get(in, 1);
    descriptor->len = (uint32_t)get(in, 4);
    descriptor->addr = get_address(in, guest->local->transport.pool_ref);
}

static void step_control(struct guest *guest, struct input *in)
{
    const uint32_t op = (uint32_t)get(in, 1), queue = (uint32_t)get(in, 1);
    const uint32_t size = (uint32_t)get(in, 1);
    uint64_t arg[3];
    for (int i = 0; i < 3; i++)
        arg[i] = get_address(in, guest->local->transport.pool_ref);
    control(guest, op, queue, size, arg);
}

static void copy_bytes(uint8_t *to, size_t room, struct input *in)
{
    const size_t n = (size_t)(in->end - in->at);
    memcpy(to, in->at, n < room ? n : room);
}

static void step_settings(struct input *in)
{
    world.settings = (uint8_t)get(in, 1);
    world.submit_result = -(int)get(in, 1);
    world.other_result = -(int)get(in, 1);
}

static void step_other(struct guest *guest, enum step step, struct input *in)
{
    uint32_t queue, offset;
    struct render *render;
    switch (step) {
    case END:
        render = pick(in);
        if (render)
            say(render, (struct call){.kind = ENDED});
        dispatch(guest, render);
        break;
    case TIME:
        world.now += (int64_t)get(in, 1) * 100;
        gpu_device_handle_times(guest->device);
        break;
    case BLOB:
        guest->control->blob_response.status = (uint32_t)get(in, 1);
        guest->control->blob_response.sequence = guest->control->blob_request.sequence;
        gpu_device_handle_event(guest->device);
        break;
    case GRANT:
        offset = (uint32_t)get(in, 1) % guest->local->pages;
        guest->local->granted[offset] = get(in, 1) & 1;
        break;
    case AVAILABLE:
        queue = get(in, 1) & 1;
        make_available(guest, queue, (uint16_t)get(in, 2));
        break;
    case RING:
        queue = get(in, 1) & 1;
        offset = ring_at(queue, get(in, 1) % 3) + ((uint32_t)get(in, 1) & 0xfe);
        copy_bytes(guest->pool + offset, VGPU_PAGE_SIZE - 256, in);
        break;
    case PAGE:
        offset = (uint32_t)get(in, 1) * 4;
        copy_bytes((uint8_t *)guest->control + offset, VGPU_PAGE_SIZE - offset, in);
        guest->sequence = guest->control->request.sequence;
        break;
    default:
        gpu_device_handle_event(guest->device);
        break;
    }
}

/* ---- what must be true ---- */

static void check(const struct guest *guest)
{
    struct gpu_device_stats stats;
    gpu_device_get_stats(guest->device, &stats);
    must(stats.contexts <= CONTEXTS, "there are no more contexts than there may be");
    must(stats.ending_contexts <= 2 * CONTEXTS, "nor processes that end");
    must(world.render_count <= stats.contexts + stats.ending_contexts, "processes have contexts");
    must(stats.window_used <= WINDOW && stats.window_used <= stats.window_peak,
         "slices are inside of the window");
    must(stats.in_flight <= 2 * GPU_QUEUE_SIZE, "requests in flight are in the queues");
    must(!stats.needs_reset || !(stats.in_flight | stats.resources | stats.contexts),
         "nothing is left of a device that was stopped");
}

static void run_step(struct guest *guest, struct input *in)
{
    const enum step step = (unsigned int)get(in, 1) % STEPS;
    size_t size = get(in, 1);
    if (size > (size_t)(in->end - in->at))
        size = (size_t)(in->end - in->at);
    struct input data = {in->at, in->at + size};
    static const uint64_t none[3];
    in->at += size;
    switch (step) {
    case COMMAND:
        put_command(guest, &data);
        gpu_device_handle_event(guest->device);
        break;
    case CONTROL:
        step_control(guest, &data);
        break;
    case ANSWER:
        step_answer(guest, &data);
        break;
    case SAY:
        step_say(guest, &data);
        break;
    case SETTINGS:
        step_settings(&data);
        break;
    case DESCRIPTOR:
        step_descriptor(guest, &data);
        break;
    case RESTART:
        control(guest, VGPU_OP_RESET, 0, 0, none);
        start(guest);
        break;
    default:
        step_other(guest, step, &data);
        break;
    }
    if (gpu_device_next_time(guest->device) <= world.now)
        gpu_device_handle_times(guest->device);
    check(guest);
}

/* Processes end in the end, and then so does a reset: nothing can hang. */
static void finish(struct guest *guest)
{
    static const uint64_t none[3];
    world.settings = 0;
    control(guest, VGPU_OP_RESET, 0, 0, none);
    while (world.renders) {
        say(world.renders, (struct call){.kind = ENDED});
        dispatch(guest, world.renders);
    }
    /* one that was under way may have come first, or one with the same number */
    control(guest, VGPU_OP_RESET, 0, 0, none);
    control(guest, VGPU_OP_RESET, 0, 0, none);
    must(guest->control->response.sequence == guest->sequence, "a reset is answered");
    must(guest->local->maps == 0, "after it nothing of the guest is mapped");
    struct gpu_device_stats stats;
    gpu_device_get_stats(guest->device, &stats);
    must(!stats.contexts && !stats.ending_contexts && !stats.resources && !stats.window_used &&
             !stats.releasing && !stats.needs_reset,
         "nor is anything left of its work");
    gpu_device_destroy(guest->device);
    must(!world.renders && guest->local->maps == 0, "and then of the device");
}

/* ---- entry ---- */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct transport_local *transports[2];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    for (int per_blob = 0; per_blob < 2; per_blob++) {
        const struct transport_local_params params = {
            .pages = POOL_PAGES + OTHER_PAGES + 6,
            .pool_pages = POOL_PAGES,
            .window_size = WINDOW,
            .per_blob = per_blob,
        };
        transports[per_blob] = transport_local_create(&params);
        must(transports[per_blob], "there is memory for the guest");
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, data + size};
    const uint8_t options = (uint8_t)get(&in, 1);
    struct transport_local *local = transports[options & 1];
    memset(local->guest, 0, (size_t)local->pages * VGPU_PAGE_SIZE);
    memset(local->granted + 1, true, local->pages - 1);
    local->transport.window_zeroed = !(options & 8);
    memset(&world, 0, sizeof(world));
    world.now = 1000;
    const struct gpu_device_params params = {
        .transport = &local->transport,
        .venus = true,
        .per_blob = options & 1,
        .max_contexts = CONTEXTS,
        .epoll_fd = -1,
    };
    struct guest guest = {
        .local = local,
        .device = gpu_device_create(&params),
        .control = (void *)(local->guest + VGPU_PAGE_SIZE),
        .pool = local->guest + (size_t)local->transport.pool_ref * VGPU_PAGE_SIZE,
        .free = FREE,
    };
    must(guest.device, "a device can be made");
    guest.features = guest.control->device.features;
    if (options & 2)
        guest.features &= ~(1ull << VIRTIO_RING_F_EVENT_IDX);
    if (options & 4)
        guest.features &= ~(1ull << VIRTIO_RING_F_INDIRECT_DESC);
    if (!(options & 16))
        start(&guest);
    while (in.at < in.end)
        run_step(&guest, &in);
    finish(&guest);
    return 0;
}
