/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the virtio-gpu device share.
 *
 *   gpu_device.c    create, destroy, events, times, statistics
 *   gpu_control.c   the control page: the frontend's requests about the device, config[],
 * NEEDS_RESET gpu_request.c   a request's way from the virtqueue to its answer; fences and their
 * order gpu_commands.c  the table of commands, and those that need no file of their own
 *   gpu_context.c   contexts and their render processes
 *   gpu_resource.c  resources and what contexts they are attached to
 *   gpu_window.c    resources in the window, when it is guest memory
 *   gpu_blob.c      blobs of render processes that the guest maps (mapping "per-blob")
 *   gpu_stuck.c     contexts that hinder others
 */
#ifndef GPU_INTERNAL_H
#define GPU_INTERNAL_H

#include <linux/virtio_gpu.h>

#include "gpu_device.h"
#include "gpu_limits.h"
#include "page_set.h"
#include "render.h"
#include "virtqueue.h"
#include "xen/vgpuif.h"

#define GPU_NEVER INT64_MAX

struct gpu_context;
struct gpu_request;
struct gpu_resource;

/* ---- requests (gpu_request.c) ---- */

/* Fenced requests are answered in the order of their arrival, each timeline for itself. */
struct gpu_timeline {
    struct gpu_request *first, **last;
};

/* An operation that a context's render process has not taken yet. */
enum gpu_operation_kind {
    GPU_OPERATION_SUBMIT, /* a request */
    GPU_OPERATION_ATTACH, /* the others: an attachment */
    GPU_OPERATION_CREATE,
    GPU_OPERATION_UNREF,
};

struct gpu_operation {
    struct gpu_operation *next;
    enum gpu_operation_kind kind;
    union {
        struct gpu_request *request;
        struct gpu_attachment *attachment;
    };
};

union gpu_response {
    struct virtio_gpu_ctrl_hdr hdr;
    struct virtio_gpu_resp_display_info display_info;
    struct virtio_gpu_resp_capset_info capset_info;
    struct virtio_gpu_resp_resource_uuid uuid;
    struct virtio_gpu_resp_map_info map_info;
    uint8_t bytes[512];
};

struct gpu_request {
    struct gpu_request *next, **link; /* in device->requests: all that are not answered */
    struct gpu_device *device;
    struct virtqueue *queue;
    struct virtqueue_chain chain;
    unsigned int kind; /* index of the table of commands */
    struct virtio_gpu_ctrl_hdr hdr;

    struct gpu_timeline *timeline; /* NULL when the answer need not wait for others */
    struct gpu_request *timeline_next;
    struct gpu_context *fence_context; /* whose work the answer waits for, or NULL */
    uint64_t fence;                    /* our own name for that fence */
    bool done;                         /* the response is complete */
    struct gpu_context *holder;        /* whose process keeps it from being answered, or NULL */
    int64_t held_at;                   /* since when */

    struct gpu_operation operation;
    union gpu_response response;
    uint32_t response_size;
};

/* Take and handle requests of both queues, as many as one turn may have. */
void gpu_requests_take(struct gpu_device *device);
/* Free all requests that are in flight without answering them. */
void gpu_requests_drop(struct gpu_device *device);

/* Complete a request: with a response without data, or with what is in request->response. */
void gpu_request_answer(struct gpu_request *request, uint32_t type);
void gpu_request_answer_data(struct gpu_request *request, uint32_t type, size_t size);
/* The same with an error, which is logged when it is the first of its kind. */
void gpu_request_fail(struct gpu_request *request, uint32_t type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY or _UNSPEC, by a negative errno. */
void gpu_request_fail_errno(struct gpu_request *request, int error, const char *what);

/* The request's command, of which the table says that it is there. */
const void *gpu_request_command(const struct gpu_request *request);
/* What follows the command of `size` bytes, and how many bytes. */
const void *gpu_request_rest(const struct gpu_request *request, size_t size, size_t *rest);

/* Bytes that it takes. */
size_t gpu_request_memory(const struct gpu_request *request);
/* The command is not needed any more; the request, which may wait long, takes less memory then. */
void gpu_request_drop_command(struct gpu_request *request);

void gpu_timeline_init(struct gpu_timeline *timeline);
/* A fence of the context has been reached. False if there is none of this name. */
bool gpu_fence_retired(struct gpu_context *context, uint32_t ring_idx, uint64_t fence);
/* The context's process is gone: nothing waits for its fences any more, nor for its timelines. */
void gpu_fences_end(struct gpu_context *context);

/* ---- commands (gpu_commands.c) ---- */

#define GPU_REQUEST_UNKNOWN (GPU_REQUEST_KINDS - 1)

struct gpu_command {
    uint32_t type; /* VIRTIO_GPU_CMD_* */
    const char *name;
    size_t size;      /* bytes, the header included */
    uint64_t feature; /* that must have been negotiated, or 0 */
    void (*run)(struct gpu_request *request);
    uint32_t error; /* without `run`: the answer */
    const char *why;
};

extern const struct gpu_command gpu_commands[GPU_REQUEST_KINDS];
/* The index of a command in the table. */
unsigned int gpu_command_find(uint32_t type);

/* ---- contexts (gpu_context.c) ---- */

struct gpu_context {
    struct gpu_context *next, **link; /* in device->contexts */
    struct gpu_device *device;
    uint32_t id;
    char name[80];
    struct render *render; /* NULL once its process is gone */
    bool destroyed;        /* by the guest, or by a reset; no command can name it any more */
    bool failed;           /* takes no more work */
    bool counted;          /* as a failure */
    bool ending;           /* its process was asked to end */
    bool killed;           /* the same, without a choice */
    bool ended;            /* its process is gone, seen in its events */
    struct gpu_operation *operations, **last_operation; /* waiting */
    uint32_t waiting;
    struct gpu_attachment *attachments;
    uint32_t releasing; /* attachments */
    uint32_t held;      /* requests, and bytes of them */
    size_t held_bytes;
    int64_t stuck_at; /* when it is killed for hindering others, or GPU_NEVER */
    struct gpu_timeline timelines[GPU_MAX_TIMELINES];
};

void gpu_context_create(struct gpu_request *request);
void gpu_context_destroy(struct gpu_request *request);
void gpu_context_submit(struct gpu_request *request);

/* The render process has something to say, or it is time. May free the context. */
void gpu_context_dispatch(struct gpu_context *context);

/* The context of a request, or NULL after having failed it. */
struct gpu_context *gpu_request_context(struct gpu_request *request);
struct gpu_context *gpu_context_find(struct gpu_device *device, uint32_t id);
/* Hand an operation to the render process, after those that wait. */
void gpu_context_operate(struct gpu_context *context, struct gpu_operation *operation);
/* One more or one less of context->releasing. */
void gpu_context_count_releasing(struct gpu_context *context, int change);
void gpu_context_kill(struct gpu_context *context, const char *why);
/* Kill all and forget what they still had to do, for a reset or a halt. */
void gpu_contexts_kill(struct gpu_device *device);
/* Destroy all at once. */
void gpu_contexts_finish(struct gpu_device *device);
int64_t gpu_contexts_next_time(const struct gpu_device *device);
void gpu_contexts_handle_times(struct gpu_device *device);

/* ---- contexts that hinder others (gpu_stuck.c) ---- */

/* From now on the request waits for the context's process, or for none (NULL). */
void gpu_request_hold(struct gpu_request *request, struct gpu_context *context);
/* The context goes. */
void gpu_context_hold_nothing(struct gpu_context *context);
/* At the end of a turn: look who hinders others, and set their stuck_at. */
void gpu_contexts_watch(struct gpu_device *device);
/* Kill the context if its time has come and it still hinders others. */
void gpu_context_check_stuck(struct gpu_context *context);

/* ---- resources (gpu_resource.c) ---- */

/* A resource in a context, and what the render process knows of it. */
struct gpu_attachment {
    struct gpu_resource *resource;
    struct gpu_context *context;
    struct gpu_attachment *resource_next, **resource_link; /* in resource->attachments */
    struct gpu_attachment *context_next, **context_link;   /* in context->attachments */
    bool told;      /* the process has it, or is to make it */
    bool waiting;   /* for resource_ready */
    bool releasing; /* to drop it */
    bool asked;     /* to do so */
    bool clear;     /* fill the slice with zeroes */
    struct gpu_operation make, drop;
};

enum gpu_map_state {
    GPU_UNMAPPED,
    GPU_MAPPING, /* map_request is answered at the end */
    GPU_MAPPED,
    GPU_UNMAPPING, /* mapping "per-blob" only */
    GPU_MAP_FAILED,
};

struct gpu_resource {
    struct gpu_resource *next; /* in its bucket */
    struct gpu_device *device;
    uint32_t id;
    uint32_t blob_mem, blob_flags;
    uint64_t blob_id;
    uint64_t size;  /* bytes, as the guest wants it */
    uint64_t pages; /* of 4 KiB, that hold it */
    bool has_backing, has_uuid;
    uint8_t uuid[16];
    bool dying;     /* the guest has dropped it; unref_request is answered when nothing uses it */
    bool releasing; /* in the middle of asking for that */
    struct gpu_attachment *attachments;
    struct gpu_attachment *creator; /* among them, or NULL: gone, or memory of the guest */

    /* The place in the window; taken until the resource is gone. */
    bool has_slice;
    bool clean;      /* its creator has it, and has cleared it if need be: others may have it too */
    uint64_t offset; /* bytes */
    enum gpu_map_state map_state;
    struct gpu_request *create_request, *map_request, *unmap_request, *unref_request;

    /* Mapping "per-blob". */
    uint32_t *refs;  /* of all pages, once the blob exists */
    uint32_t cache;  /* VIRTIO_GPU_MAP_CACHE_* */
    uint64_t mapped; /* pages that the frontend has mapped */
    uint64_t lost;   /* pages that it has not unmapped when it was to */
    bool queued;     /* in device->blob_queue */
    bool refused;    /* by the frontend, which has then mapped nothing of the request */
    struct gpu_resource *blob_next;
};

#define GPU_RESOURCE_BUCKETS 4096u

void gpu_resource_create_blob(struct gpu_request *request);
void gpu_resource_unref(struct gpu_request *request);
void gpu_resource_attach_backing(struct gpu_request *request);
void gpu_resource_detach_backing(struct gpu_request *request);
void gpu_resource_assign_uuid(struct gpu_request *request);
void gpu_resource_attach(struct gpu_request *request);
void gpu_resource_detach(struct gpu_request *request);
void gpu_resource_map(struct gpu_request *request);
void gpu_resource_unmap(struct gpu_request *request);
/* A command that only resources which we do not make can have. */
void gpu_resource_refuse(struct gpu_request *request);

struct gpu_attachment *gpu_attachment_find(struct gpu_context *context, uint32_t resource_id);
/* The render process has answered: it has the resource, or not (`error`). */
void gpu_attachment_ready(struct gpu_attachment *attachment, int error,
                          const struct render_blob *blob);
/* The render process does not have the resource any more. */
void gpu_attachment_gone(struct gpu_attachment *attachment);
/* Let the render process have the resource. */
void gpu_attachment_make(struct gpu_attachment *attachment);

/* Go on with what waits for something that may have happened. Frees the resource when it is dying
 * and nothing is left that uses it. */
void gpu_resource_progress(struct gpu_resource *resource);
/* Take [offset, offset + resource->pages) of the window. NULL, or why not. */
const char *gpu_resource_take_slice(struct gpu_resource *resource, uint64_t offset);
void gpu_resource_mapped(struct gpu_resource *resource);
void gpu_resource_unmapped(struct gpu_resource *resource);
void gpu_resource_map_failed(struct gpu_resource *resource, const char *why);
/* Free all, with their attachments; nothing is answered. */
void gpu_resources_drop(struct gpu_device *device);

/* gpu_window.c: the parts of map that differ. The slice is taken, map_request is set. Only the
 * creator gets it at first; the others when it has cleared it. */
void gpu_window_map(struct gpu_resource *resource);
void gpu_window_ready(struct gpu_attachment *attachment, int error);

/* gpu_blob.c: the same. */
void gpu_blob_ready(struct gpu_resource *resource, int error, const struct render_blob *blob);
void gpu_blob_map(struct gpu_resource *resource);
void gpu_blob_unmap(struct gpu_resource *resource);
/* The frontend has answered the request in the control page. */
void gpu_blob_response(struct gpu_device *device);
/* Forget the requests that wait, and the one in the control page. */
void gpu_blobs_drop(struct gpu_device *device);

/* ---- the device ---- */

enum gpu_state {
    GPU_STATE_RESET,    /* waits for SET_FEATURES */
    GPU_STATE_FEATURES, /* waits for SETUP_QUEUE or START */
    GPU_STATE_STARTED,
    GPU_STATE_HALTED,    /* the guest has broken a rule; waits for RESET */
    GPU_STATE_RESETTING, /* waits for the last render process to end */
};

struct gpu_device {
    struct gpu_device_params params;
    struct vgpu_transport *transport;
    enum gpu_state state;
    uint64_t offered, features;
    struct virtqueue queues[VGPU_NUM_QUEUES];
    struct virtio_gpu_config config;
    uint32_t request_sequence; /* of the frontend's last request that was looked at */
    bool notify;               /* the guest, at the end of the turn */
    bool more;                 /* requests may be left in the queues */
    int64_t retry_at;          /* when memory was short: the time to try again */

    struct gpu_request *requests;
    size_t pending; /* bytes of requests in flight */
    uint64_t last_fence;
    struct gpu_timeline timeline; /* of fences without a context's timeline */

    struct gpu_context *contexts;
    uint32_t context_count; /* all of them */
    uint32_t ending_count;  /* destroyed by the guest */

    struct gpu_resource *resources[GPU_RESOURCE_BUCKETS];
    uint32_t resource_count, attachment_count, releasing_count;
    uint64_t host_pages;   /* of all blobs that are not memory of the guest, and lost ones */
    struct page_set taken; /* pages of the window that resources have */
    struct page_set dirty; /* pages that may hold something else than zeroes */

    struct gpu_resource *blob_queue, **last_blob;
    uint32_t blob_sequence;
    uint32_t blob_pages; /* of the request in the control page; 0: there is none */
    bool blob_mapping;   /* it is a MAP */

    /* Messages about the guest's mistakes: one of each kind. */
    uint32_t logged_errors[GPU_REQUEST_KINDS]; /* bits: response type & 0x1f */
    uint32_t complaints;                       /* of other messages */
    struct gpu_device_stats stats;
};

/* CLOCK_MONOTONIC milliseconds (gpu_time.c). */
int64_t gpu_now_ms(void);
/* Log an error, unless there have been GPU_MAX_COMPLAINTS. */
void gpu_device_complain(struct gpu_device *device, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Stop: the guest has broken a rule of the virtqueues. */
void gpu_device_halt(struct gpu_device *device, const char *why);
void gpu_device_notify(struct gpu_device *device);
/* Notify the guest if the driver wants to know of what was answered. */
void gpu_device_flush(struct gpu_device *device);
/* End all of the guest's work at once, without answers. Render processes may need a while. */
void gpu_device_drop_all(struct gpu_device *device);

/* gpu_control.c */
void gpu_control_init(struct gpu_device *device);
void gpu_control_handle(struct gpu_device *device);
/* A render process has ended: the last one may have been what a reset waits for. */
void gpu_control_process_ended(struct gpu_device *device);
void gpu_control_set_status(struct gpu_device *device, uint32_t status);

#endif
