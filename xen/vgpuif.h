/* SPDX-License-Identifier: MIT */
/*
 * vgpuif.h - a virtio-gpu device for Xen guests over a PV transport.
 *
 * The frontend (a guest's kernel) and the backend (a process in Dom0) share a control page, an event
 * channel, a pool of pages for virtqueues and their buffers, and a window of guest-physical memory
 * that holds what applications map.  On top of that they speak the virtio-gpu device of the
 * virtio 1.3 specification (section 5.7) with split virtqueues (section 2.7).
 *
 * docs/protocol.md explains the whole; this file is the binding definition.  It can be included by
 * a kernel and by user space: define VGPU_U8, VGPU_U16, VGPU_U32 and VGPU_U64 first where <stdint.h>
 * does not exist.
 *
 * Everything shared is little endian.  A page is 4 KiB, whatever the guest's own page size.
 *
 *
 * XenStore
 * ========
 *
 * Numbers are decimal.  Backend: /local/domain/<B>/backend/vgpu/<frontend-id>/<devid>
 *
 *   frontend, frontend-id, online, state     as for every PV device
 *   versions        versions of this protocol that the backend speaks, separated by spaces ("1")
 *   hostmem         size of the window in bytes, a multiple of 2 MiB
 *   mapping         "window":   the window is memory of the guest, populated by the frontend and
 *                               shared with the backend once
 *                   "per-blob": the window is address space only; blobs are memory of the backend's
 *                               domain, which the frontend maps there one by one
 *   window          only with mapping "window": "grant" (the frontend grants it) or "foreign" (the
 *                   backend maps it by its privilege)
 *   max-pool-pages  the largest pool-pages that the backend accepts
 *   error           why the backend gave up (text); absent otherwise
 *
 * Frontend: /local/domain/<F>/device/vgpu/<devid>
 *
 *   backend, backend-id, state               as for every PV device
 *   version         the version chosen, one of the backend's
 *   control-ref     grant reference of the control page
 *   event-channel   port, bound by the backend
 *   pool-ref        first of consecutive grant references of the pool, writable
 *   pool-pages      their number, at least 1
 *   window-base     guest-physical address of the window, a multiple of 2 MiB
 *   window-refs     only with window "grant": runs of consecutive references, writable, in the order
 *                   of the window's pages: "<first>+<count> <first>+<count> ...", hostmem / 4096 in
 *                   all, at most VGPU_MAX_WINDOW_RUNS runs
 *   window-zeroed   only with mapping "window": "1" when nobody has written to the window since it
 *                   was last filled with zeroes; the backend takes anything else, and no node, as no
 *   blob-refs-ref   only with mapping "per-blob": first of VGPU_BLOB_REFS_PAGES consecutive grant
 *                   references, writable, of the frontend's pages into which the backend writes the
 *                   references of its own pages (32 bits each)
 *   unplug          written by the frontend's administrator: "1" asks for removal (optional)
 *
 * States
 * ------
 *
 *   backend                                  frontend
 *   InitWait: the nodes above are there      Initialising
 *                                            claims the window, populates it, grants;
 *                                            writes its nodes; Initialised
 *   maps all of it, fills the control
 *   page's device part; Connected
 *                                            reads the device part once, adds the virtio device;
 *                                            Connected
 *
 * Removal, by the administrator or because of `unplug`, is all that makes the backend Closing:
 *
 *   Closing                                  removes the virtio device; Closed
 *   lets go of everything; Closed;
 *   removes both directories
 *
 * It waits only for a frontend that is Initialised, Connected or Closing, and not for ever.
 *
 * The frontend may close at any time: it goes to Closing, the backend lets go of everything and goes
 * to Closed, then the frontend may end its grants.  The backend stays Closed until it sees the
 * frontend Initialising (its driver was loaded again), which asks for a new connection; then it goes
 * to InitWait.
 *
 * A backend that gives up a connection, or the nodes that it was offered, lets go of everything and
 * goes straight to Closed.  What comes next depends on the reason:
 *
 *   the frontend's nodes are wrong or        stays Closed until it sees the frontend Initialising,
 *   have gone                                then InitWait
 *   any other: its process has died, or      InitWait by itself, after a pause or when it runs
 *   could not map what was granted; it       again
 *   was stopped; the frontend is back in
 *   another state than Closing or Closed
 *
 * The frontend cannot tell which, and need not.  When a backend that was Connected appears in any
 * other state, or the remote end of the event channel has gone, the frontend completes every request
 * that is left with an error and removes the virtio device.  Then, and also when it was not
 * connected yet, it does what the backend's state says:
 *
 *   Closed      goes to Closed or to Initialising, and waits there for InitWait; not by Closing: the
 *               backend may be in InitWait by then, would take that for the end of the next
 *               connection, and go to Closed until it sees the frontend Initialising
 *   InitWait    goes to Initialising, and only then makes its offer; but if it is Initialised, with
 *               nodes that hold for this backend as well, it stays so: they are taken as they are
 *   Connected   (but its end of the event channel has gone: the daemon has died, too) waits for one
 *               of the others
 *
 * A frontend that stays Initialised or Connected while the backend is Closed may wait for ever, and
 * so may one that is Closed, if the fault was its own: then only loading its driver again helps, or
 * going to Initialising for another attempt.  Window and pool are kept and offered again.
 *
 *
 * Addresses
 * =========
 *
 * In virtqueues and in virtio-gpu requests (memory entries) the frontend writes
 *
 *   bit 63        1
 *   bits 62..44   0
 *   bits 43..12   grant reference
 *   bits 11..0    offset in the page
 *
 * as Linux' grant-dma-ops does.  A range that goes beyond a page goes on with the next reference.
 * Descriptors, their buffers and indirect tables normally lie in the pool, which the backend has
 * mapped; other references are copied from and to by grant copies.
 *
 * Offsets in RESOURCE_MAP_BLOB are relative to the window's base (virtio shared memory region 1).
 */
#ifndef XEN_VGPUIF_H
#define XEN_VGPUIF_H

#ifndef VGPU_U32
#include <stdint.h>
#define VGPU_U8  uint8_t
#define VGPU_U16 uint16_t
#define VGPU_U32 uint32_t
#define VGPU_U64 uint64_t
#endif

#define VGPU_PROTOCOL_VERSION 1

/* Addresses. */
#define VGPU_PAGE_SHIFT         12
#define VGPU_PAGE_SIZE          4096
#define VGPU_ADDRESS_GRANT      (1ULL << 63)
#define VGPU_ADDRESS_RESERVED   (0x7ffffULL << 44)
#define VGPU_ADDRESS_REF(a)     ((VGPU_U32)((a) >> VGPU_PAGE_SHIFT))
#define VGPU_ADDRESS_OFFSET(a)  ((VGPU_U32)((a) & (VGPU_PAGE_SIZE - 1)))
#define VGPU_ADDRESS(ref, offset) \
    (VGPU_ADDRESS_GRANT | ((VGPU_U64)(ref) << VGPU_PAGE_SHIFT) | (offset))

/* Limits. */
#define VGPU_NUM_QUEUES         2     /* controlq 0, cursorq 1 */
#define VGPU_MAX_QUEUE_SIZE     1024
#define VGPU_MAX_WINDOW_RUNS    128   /* a node holds less than 4096 bytes */
#define VGPU_BLOB_REFS_PAGES    4     /* 4096 references: 16 MiB per request */
#define VGPU_MAX_BLOB_REFS      (VGPU_BLOB_REFS_PAGES * (VGPU_PAGE_SIZE / 4))
#define VGPU_CONFIG_SIZE        256

/*
 * The control page.  Each block has one writer, and lies in cache lines of its own.  A writer of a
 * sequence number stores it after the rest of its block (release), a reader loads it first (acquire).
 * Whoever writes then notifies the event channel.  Neither side trusts the other to keep what it has
 * written: read once, into private memory.
 */

#define VGPU_MAGIC 0x55504756u /* "VGPU" */

/* Written by the backend. `magic` to `config_size` are written before Connected and never again. */
struct vgpu_device_info {
    VGPU_U32 magic;
    VGPU_U32 version;
    VGPU_U64 features;     /* virtio feature bits that are offered */
    VGPU_U32 num_queues;
    VGPU_U32 queue_size;   /* largest size of each queue, a power of two */
    VGPU_U32 config_size;  /* bytes of config[] that are valid */
    /* Odd while config[] is changed; a change is announced by a notification. */
    VGPU_U32 config_generation;
    /* VGPU_DEVICE_*; a change is announced by a notification. */
    VGPU_U32 status;
    VGPU_U32 reserved[7];
};

/* The backend found the frontend at fault (the reason is in the backend's log) and has stopped:
 * nothing but VGPU_OP_RESET is processed. */
#define VGPU_DEVICE_NEEDS_RESET 1u

/*
 * The frontend's requests about the device, one at a time: write the block, then increment
 * `sequence` and notify.  Done when the response has the same sequence number.
 */
struct vgpu_request {
    VGPU_U32 sequence; /* starts with 1; 0 means none yet */
    VGPU_U32 op;       /* VGPU_OP_* */
    VGPU_U32 queue;    /* SETUP_QUEUE: index */
    VGPU_U32 size;     /* SETUP_QUEUE: entries, a power of two; WRITE_CONFIG: bytes, 1, 2, 4 or 8 */
    VGPU_U64 arg[3];
    VGPU_U32 reserved[6];
};

/* arg[0]: the feature bits that the driver accepts, a subset of those offered. */
#define VGPU_OP_SET_FEATURES 1
/* arg: addresses of the descriptor table, the available ring and the used ring. The memory of each
 * is a run of consecutive references, in the pool or elsewhere, and starts anywhere in its first
 * page as far as virtio's alignment allows. Once per queue between resets, before START. */
#define VGPU_OP_SETUP_QUEUE  2
/* DRIVER_OK: queues that were set up are processed from now on. */
#define VGPU_OP_START        3
/* Ends all work: contexts, resources, queues. Once it is answered the backend uses no memory of
 * the queues and no part of the window, and VGPU_DEVICE_NEEDS_RESET is gone. Valid at any time.
 * With mapping "per-blob", blob requests that are not answered yet are void, and the frontend unmaps
 * by itself what it has mapped. */
#define VGPU_OP_RESET        4
/* Write arg[1] to config[arg[0]]. */
#define VGPU_OP_WRITE_CONFIG 5

struct vgpu_response {
    VGPU_U32 sequence;
    VGPU_U32 status; /* VGPU_STATUS_* */
    VGPU_U32 reserved[14];
};

#define VGPU_STATUS_OK          0
#define VGPU_STATUS_INVALID     1 /* unknown op or wrong arguments */
#define VGPU_STATUS_STATE       2 /* not now: after START, twice, before SET_FEATURES */
#define VGPU_STATUS_NO_MEMORY   3
#define VGPU_STATUS_GRANT       4 /* a reference could not be mapped */

/*
 * Only with mapping "per-blob": the backend's requests to map its pages into the window, one at a
 * time, answered by the frontend.  References are in the list of references (blob-refs-ref), from
 * index 0, readable by the frontend when the request's sequence number is.
 */
struct vgpu_blob_request {
    VGPU_U32 sequence;
    VGPU_U32 op;     /* VGPU_BLOB_* */
    VGPU_U64 offset; /* in the window, bytes, a multiple of 4096 */
    VGPU_U32 pages;  /* at most VGPU_MAX_BLOB_REFS for MAP */
    VGPU_U32 reserved[11];
};

#define VGPU_BLOB_MAP   1
#define VGPU_BLOB_UNMAP 2 /* of pages that were mapped; needs no references */

struct vgpu_blob_response {
    VGPU_U32 sequence;
    VGPU_U32 status; /* VGPU_STATUS_*; after a failed MAP none of its pages is mapped */
    VGPU_U32 reserved[14];
};

struct vgpu_control {
    struct vgpu_device_info device;          /* 0x000, backend */
    struct vgpu_request request;             /* 0x040, frontend */
    struct vgpu_response response;           /* 0x080, backend */
    struct vgpu_blob_request blob_request;   /* 0x0c0, backend */
    struct vgpu_blob_response blob_response; /* 0x100, frontend */
    VGPU_U8 reserved0[0x200 - 0x140];
    VGPU_U8 config[VGPU_CONFIG_SIZE];        /* 0x200, backend: struct virtio_gpu_config */
    VGPU_U8 reserved1[VGPU_PAGE_SIZE - 0x200 - VGPU_CONFIG_SIZE];
};

/*
 * Notifications
 * =============
 *
 * One event channel, both ways.  On an event the backend looks at request, at blob_response and at
 * the available index of both queues; the frontend at response, blob_request, device.status,
 * device.config_generation and at the used index of both queues.  Virtqueue notifications follow
 * the used_event and avail_event rules when VIRTIO_F_EVENT_IDX (29) is accepted.
 *
 * What each side survives
 * =======================
 *
 * The backend checks everything that it reads; a frontend that breaks a rule gets NEEDS_RESET, an
 * error response, or (outside the control page) loses only its own device.  Memory that the frontend
 * revokes or changes at any time costs nobody else anything.
 * The frontend bounds everything that it reads, and never waits for the backend without a time limit
 * or a check that the backend is alive.
 */

#endif
