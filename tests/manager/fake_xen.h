/* SPDX-License-Identifier: MIT */
/* Domains and device processes for tests: xen/domain.h without Xen, device_process.h without a
 * device. */
#ifndef FAKE_XEN_H
#define FAKE_XEN_H

#include <stdatomic.h>

#include "device_process.h"
#include "xen/domain.h"

/* ---- domains ---- */

struct fake_domain {
    uint32_t domid; /* 0: none */
    bool dying;
    uint64_t max_memory; /* KiB */
    uint32_t max_grant_frames;
    uint8_t uuid[16];
};

#define FAKE_DOMAINS 8
extern struct fake_domain fake_domains[FAKE_DOMAINS];
/* What xen_domain_set_max_memory() returns. */
extern int fake_domain_set_result;
/* xen_domains_open() fails with this errno, unless it is 0. */
extern int fake_domains_error;

/* A new domain with 1 GiB and 64 grant frames. */
struct fake_domain *fake_domain_add(uint32_t domid);
struct fake_domain *fake_domain_find(uint32_t domid);

/* ---- device processes ---- */

enum fake_device_mode {
    FAKE_DEVICE_READY,     /* says so, then answers questions */
    FAKE_DEVICE_MUTE,      /* says so, then never anything */
    FAKE_DEVICE_SILENT,    /* says nothing */
    FAKE_DEVICE_ERROR,     /* "error: no memory for the window" */
    FAKE_DEVICE_EXIT,      /* ends with status 3 */
    FAKE_DEVICE_CRASH,     /* dies of SIGSEGV */
    FAKE_DEVICE_STOPPED,   /* as READY, with a child that is stopped */
    FAKE_DEVICE_ESCAPED,   /* ... which is in a session of its own, and whose parent has gone */
    FAKE_DEVICE_ORPHAN,    /* as READY, with a child that outlives it */
    FAKE_DEVICE_NONSENSE,  /* "ready", then something that nobody asked for */
    FAKE_DEVICE_LONG,      /* too long a message */
    FAKE_DEVICE_ESCAPES,   /* answers questions with what drives a terminal */
    FAKE_DEVICE_BAD_STATS, /* answers questions with what is not JSON */
};

/* In memory that is shared with device processes. */
struct fake_device {
    enum fake_device_mode mode;
    atomic_int starts;
    atomic_int pid, child_pid; /* of the last one, as the test sees them */
    atomic_int open_files;     /* of the last one when it started */
    bool group_leader;
    bool first;                          /* of a PID namespace */
    struct device_process_params params; /* of the last one; pointers are not valid */
    char domain_name[64];
    bool has_gpu;
    uint8_t gpu_uuid[16];
};
extern struct fake_device *fake_device;

/* No domains; device processes that become ready. */
void fake_xen_reset(void);

/* Whether a process is there and no zombie; waits a while for it to go. */
bool process_lives(int pid);
bool process_goes(int pid);

#endif
