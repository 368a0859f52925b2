/* SPDX-License-Identifier: MIT */
/* A host with guests for the manager: what the tests of its life cycle share. */
#ifndef WORLD_H
#define WORLD_H

#include "check.h"
#include "fake_store.h"
#include "fake_xen.h"
#include "log.h"
#include "loop.h"
#include "xen_manager.h"

extern struct xen_manager *manager;
/* For fields that a test wants different; used by start_manager(). */
extern struct xen_manager_params manager_params;

/* GPU 0 is a software driver, GPU 1 hardware, GPU 2 unusable hardware. */
#define WORLD_GPUS 4

/* Fixtures for each test: an empty host with a control socket, whose configuration folder is the
 * test's folder. */
int world_setup(void **state);
int world_teardown(void **state);
/* Start the manager; the daemon's end without warning. */
void start_manager(void);
void crash_manager(void);

/* Let the manager work until the condition holds; fails when it does not within 5 s. */
#define RUN_UNTIL(condition)                                                                       \
    do {                                                                                           \
        const int64_t run_end = backend_now_ms() + 5000;                                                 \
        while (!(condition)) {                                                                     \
            if (backend_now_ms() > run_end)                                                              \
                fail_after_log("not so after 5 s: " #condition);                                   \
            assert_true(xen_manager_step(manager, backend_now_ms() + 10));                               \
        }                                                                                          \
    } while (0)
/* Let it work for a time. */
void run_for(int ms);
/* Fail, showing the log. */
void fail_after_log(const char *what);

/* A configuration file "<name>.cfg" with a gpu list: "'hostmem=2M', ''". */
void put_config(const char *name, const char *gpus);
/* A domain as xl makes it. */
struct fake_domain *add_guest(uint32_t domid, const char *name);
/* As libxl does before it destroys a domain. */
void remove_home(uint32_t domid);
/* ... and when it is destroyed. */
void destroy_guest(uint32_t domid);

/* Paths of nodes of domain 7's devices; valid until the eighth next call. */
const char *fe(uint32_t devid, const char *name);
const char *be(uint32_t devid, const char *name);
const char *own(uint32_t devid, const char *name);
const char *hold(uint32_t devid, const char *name); /* what libxl waits for */
/* Whether a node has this value. */
bool is(const char *path, const char *value);
/* Fail, saying what it has, unless a node has this value. */
void expect(const char *path, const char *value);

/* What a frontend writes before Initialised for a window of 2 MiB; the same with Initialised. */
void frontend_prepares(uint32_t devid);
void frontend_connects(uint32_t devid);
/* A guest called "guest" with id 7 and the gpu line, and a manager that has offered device 0. */
void offered_guest(const char *gpus);
/* The same, and device 0 has become Connected. */
void connected_guest(const char *gpus);

#endif
