/* SPDX-License-Identifier: MIT */
/* The virtio-gpu device of fake-backend. */
#ifndef TESTS_XEN_SHIM_DEVICE_H
#define TESTS_XEN_SHIM_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_ring.h>

#include "vgpuif.h"

#define MAX_RESOURCES 1024
#define MAX_HELD      1024
#define QUEUE_SIZE    64

struct device_options {
    uint64_t hostmem; /* bytes */
    bool per_blob;
    bool foreign;
};

/* What the frontend wrote. */
struct device_nodes {
    uint32_t domid;
    uint32_t control_ref;
    uint32_t port;
    uint32_t pool_ref;
    uint32_t pool_pages;
    uint32_t blob_refs_ref;
    uint64_t window_base;
    uint64_t *window_pages; /* references or frames; not with per_blob */
    bool zeroed;
};

struct queue {
    bool ready;
    uint16_t size;
    uint16_t seen; /* of the available ring */
    struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;
};

struct resource {
    uint64_t size; /* 0: none */
    uint64_t offset;
    bool mapped;
    void *pages; /* only with per_blob */
};

struct held {
    struct queue *queue;
    uint16_t head;
};

struct device {
    struct device_options options;
    struct device_nodes nodes;
    struct xen_grants *grants;
    struct xen_events *events;
    struct xen_window *window;
    struct xen_shared_pages *shared;
    volatile struct vgpu_control *control;
    uint8_t *pool;
    uint32_t *blob_refs;
    uint8_t *memory; /* of the window */
    uint32_t request_seen;
    uint64_t features;
    bool started;
    bool deaf;
    bool broken; /* asked for a reset */
    bool holding;
    struct queue queues[VGPU_NUM_QUEUES];
    struct held held[MAX_HELD];
    unsigned num_held;
    struct resource resources[MAX_RESOURCES];
};

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* 0 or a negative errno. */
int device_connect(struct device *device, const struct device_options *options,
                   const struct device_nodes *nodes);
void device_disconnect(struct device *device);
int device_fd(const struct device *device);
/* There is an event: look at everything. */
void device_event(struct device *device);
void device_hold(struct device *device, bool hold);
void device_ask_for_reset(struct device *device);
void device_change_config(struct device *device);

#endif
