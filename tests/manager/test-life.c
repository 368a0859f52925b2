/* SPDX-License-Identifier: MIT */
/* Guests come, connect, close, crash and go. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

/* The nodes of vgpuif.h, and who may do what with them. */
static void test_offer(void **state)
{
    (void)state;
    put_config("guest", "'hostmem=4M,contexts=5'");
    struct fake_domain *domain = add_guest(7, "guest");
    start_manager();
    RUN_UNTIL(is(be(0, "state"), "2"));
    expect(be(0, "frontend"), "/local/domain/7/device/vgpu/0");
    expect(be(0, "frontend-id"), "7");
    expect(be(0, "online"), "1");
    expect(be(0, "versions"), "1");
    expect(be(0, "hostmem"), "4194304");
    expect(be(0, "mapping"), "window");
    expect(be(0, "window"), "foreign"); /* there is only a software driver */
    expect(be(0, "max-pool-pages"), "1024");
    expect(be(0, "error"), NULL);
    expect(fe(0, "backend"), "/local/domain/0/backend/vgpu/7/0");
    expect(fe(0, "backend-id"), "0");
    expect(fe(0, "state"), "1");
    assert_int_equal(node_owner(fe(0, "")), 7);
    assert_int_equal(node_reader(fe(0, "")), 0);
    assert_int_equal(node_owner(fe(0, "state")), 7);
    assert_int_equal(node_owner(be(0, "")), 0);
    assert_int_equal(node_reader(be(0, "")), 7);
    assert_int_equal(node_owner(be(0, "state")), 0);
    assert_int_equal(node_reader(be(0, "state")), 7);
    assert_int_equal(node_reader(own(0, "gpu")), 0);
    assert_int_equal(domain->max_memory, (1 << 20) + 4096);
    assert_int_equal(fake_device->starts, 0);
}

static void test_guest_appears(void **state)
{
    (void)state;
    put_config("guest", "'hostmem=2M'");
    put_config("late", "'hostmem=2M'");
    start_manager();
    run_for(20);
    add_guest(7, "guest");
    add_guest(8, "nobody");
    fake_domain_add(9);
    node_set("/local/domain/9/device", "");
    node_fire("@introduceDomain");
    RUN_UNTIL(is(be(0, "state"), "2"));
    assert_null(node_get("/local/domain/0/backend/vgpu/8"));
    assert_null(node_get("/local/domain/0/backend/vgpu/9"));
    /* A migrated domain gets its name last. */
    node_set("/local/domain/9/name", "late--incoming");
    run_for(20);
    assert_null(node_get("/local/domain/0/backend/vgpu/9"));
    node_set("/local/domain/9/name", "late");
    RUN_UNTIL(is("/local/domain/0/backend/vgpu/9/0/state", "2"));
    /* Its own name is none of the guest's GPUs' business. */
    node_set("/local/domain/9/name", "guest");
    run_for(20);
    assert_int_equal(node_count("/local/domain/0/backend/vgpu/9/1"), 0);
}

static void test_connect(void **state)
{
    (void)state;
    offered_guest("'hostmem=2M,window=grant,gpu=0,venus=0,contexts=9'");
    expect(be(0, "window"), "grant");
    frontend_prepares(0);
    node_set(fe(0, "window-zeroed"), "1");
    run_for(20);
    assert_int_equal(fake_device->starts, 0);
    node_set(fe(0, "state"), "3");
    RUN_UNTIL(is(be(0, "state"), "4"));
    const struct device_process_params *p = &fake_device->params;
    assert_int_equal(fake_device->starts, 1);
    assert_int_equal(p->domid, 7);
    assert_int_equal(p->devid, 0);
    assert_string_equal(fake_device->domain_name, "guest");
    assert_int_equal(p->hostmem, 2 << 20);
    assert_false(p->per_blob);
    assert_int_equal(p->window, VGPU_WINDOW_GRANT);
    assert_false(p->venus);
    assert_int_equal(p->max_contexts, 9);
    assert_true(fake_device->has_gpu);
    assert_int_equal(fake_device->gpu_uuid[0], 1);
    const struct vgpu_connection *c = &p->connection;
    assert_int_equal(c->control_ref, 8);
    assert_int_equal(c->event_channel, 21);
    assert_int_equal(c->pool_ref, 100);
    assert_int_equal(c->pool_pages, 64);
    assert_int_equal(c->window_base, 1099226415104);
    assert_true(c->window_zeroed);
    assert_int_equal(c->run_count, 2);
    assert_int_equal(c->runs[0].first, 1000);
    assert_int_equal(c->runs[0].count, 500);
    assert_int_equal(c->runs[1].first, 4294967284);
    assert_int_equal(c->runs[1].count, 12);
    /* A group of its own, and no file of the daemon's. */
    assert_true(fake_device->group_leader);
    assert_int_equal(fake_device->open_files, 4);
    node_set(fe(0, "state"), "4");
    run_for(20);
    expect(be(0, "state"), "4");
    assert_int_equal(fake_device->starts, 1);
}

static void test_per_blob(void **state)
{
    (void)state;
    put_config("guest", "'hostmem=2M,mapping=per-blob'");
    struct fake_domain *domain = add_guest(7, "guest");
    start_manager();
    RUN_UNTIL(is(be(0, "state"), "2"));
    expect(be(0, "mapping"), "per-blob");
    expect(be(0, "window"), NULL);
    assert_int_equal(domain->max_memory, 1 << 20);
    frontend_prepares(0);
    node_set(fe(0, "blob-refs-ref"), "77");
    node_set(fe(0, "state"), "3");
    RUN_UNTIL(is(be(0, "state"), "4"));
    assert_true(fake_device->params.per_blob);
    assert_int_equal(fake_device->params.connection.blob_refs_ref, 77);
    assert_int_equal(fake_device->params.connection.run_count, 0);
    assert_false(fake_device->has_gpu);
}

/* The guest's module is unloaded, and loaded again. */
static void test_guest_closes(void **state)
{
    (void)state;
    connected_guest("'hostmem=2M'");
    node_set(fe(0, "state"), "4");
    const int pid = fake_device->pid;
    assert_true(process_lives(pid));
    node_set(fe(0, "state"), "5");
    RUN_UNTIL(is(be(0, "state"), "6"));
    assert_false(process_lives(pid)); /* before it says Closed */
    expect(be(0, "error"), NULL);
    node_set(fe(0, "state"), "6");
    run_for(20);
    expect(be(0, "state"), "6");
    node_set(fe(0, "state"), "1");
    RUN_UNTIL(is(be(0, "state"), "2"));
    frontend_connects(0);
    RUN_UNTIL(is(be(0, "state"), "4"));
    assert_int_equal(fake_device->starts, 2);
    assert_int_not_equal(fake_device->pid, pid);
}

static void test_guest_closes_before_connecting(void **state)
{
    (void)state;
    offered_guest("'hostmem=2M'");
    node_set(fe(0, "state"), "5");
    RUN_UNTIL(is(be(0, "state"), "6"));
    node_set(fe(0, "state"), "6");
    run_for(20);
    node_set(fe(0, "state"), "1");
    RUN_UNTIL(is(be(0, "state"), "2"));
    assert_int_equal(fake_device->starts, 0);
}

/* A guest's kernel that has crashed says nothing when it comes back. */
static void test_guest_starts_anew(void **state)
{
    (void)state;
    connected_guest("'hostmem=2M'");
    const int pid = fake_device->pid;
    node_set(fe(0, "state"), "1");
    RUN_UNTIL(is(be(0, "state"), "2"));
    assert_false(process_lives(pid));
    frontend_connects(0);
    RUN_UNTIL(is(be(0, "state"), "4"));
}

/* What a frontend sees when a device process dies: Closed and why, then a new offer. */
static void device_dies(enum fake_device_mode mode, const char *why)
{
    offered_guest("'hostmem=2M'");
    fake_device->mode = mode;
    frontend_connects(0);
    RUN_UNTIL(node_get(be(0, "error")));
    if (!strstr(node_get(be(0, "error")), why))
        fail_msg("the error is \"%s\", not \"%s\"", node_get(be(0, "error")), why);
    assert_logged(why);
    fake_device->mode = FAKE_DEVICE_READY;
    node_set(fe(0, "state"), "6"); /* its answer to Closed */
    RUN_UNTIL(is(be(0, "state"), "2"));
    expect(be(0, "error"), NULL);
    run_for(20);
    expect(be(0, "state"), "2");
    node_set(fe(0, "state"), "1");
    frontend_connects(0);
    RUN_UNTIL(is(be(0, "state"), "4"));
}

/* A frontend that missed it, and is still Initialised, is taken at its word. */
static void test_frontend_missed_it(void **state)
{
    (void)state;
    fake_device->mode = FAKE_DEVICE_EXIT;
    offered_guest("'hostmem=2M'");
    frontend_connects(0);
    RUN_UNTIL(node_get(be(0, "error")));
    fake_device->mode = FAKE_DEVICE_READY;
    RUN_UNTIL(is(be(0, "state"), "4"));
    assert_int_equal(fake_device->starts, 2);
}

static void test_device_reports_error(void **state)
{
    (void)state;
    device_dies(FAKE_DEVICE_ERROR, "no memory for the window");
}

static void test_device_exits(void **state)
{
    (void)state;
    device_dies(FAKE_DEVICE_EXIT, "the device process ended with status 3 before it was ready");
}

static void test_device_crashes(void **state)
{
    (void)state;
    device_dies(FAKE_DEVICE_CRASH, "the device process died of signal 11 (Segmentation fault)");
}

/* A device process that a guest has taken over. */
static void test_device_talks_nonsense(void **state)
{
    (void)state;
    device_dies(FAKE_DEVICE_NONSENSE, "the device process breaks the protocol");
}

static void test_device_talks_too_much(void **state)
{
    (void)state;
    device_dies(FAKE_DEVICE_LONG, "the device process sends too long a message");
}

static void test_device_killed(void **state)
{
    (void)state;
    connected_guest("'hostmem=2M'");
    /* The frontend's state is still Connected when the device is offered again. */
    node_set(fe(0, "state"), "4");
    kill(fake_device->pid, SIGKILL);
    RUN_UNTIL(is(be(0, "state"), "2"));
    assert_logged("the device process died of signal 9 (Killed)");
    run_for(30);
    expect(be(0, "state"), "2");
    assert_int_equal(fake_device->starts, 1);
    /* Late news of the old connection is no new one. */
    node_set(fe(0, "state"), "4");
    run_for(30);
    assert_int_equal(fake_device->starts, 1);
    frontend_connects(0);
    RUN_UNTIL(is(be(0, "state"), "4"));
}

/* Closed must mean that nobody holds the guest's memory any more. */
static void test_orphans_end_first(void **state)
{
    (void)state;
    fake_device->mode = FAKE_DEVICE_ORPHAN;
    connected_guest("'hostmem=2M'");
    const int child = fake_device->child_pid;
    assert_true(process_lives(child));
    kill(fake_device->pid, SIGKILL);
    RUN_UNTIL(is(be(0, "state"), "6") || is(be(0, "state"), "2"));
    assert_false(process_lives(child));
}

/* ... not even one that has left the group and its parent: for that there are PID namespaces. */
static void test_no_escape(void **state)
{
    (void)state;
    fake_device->mode = FAKE_DEVICE_ESCAPED;
    put_config("guest", "'hostmem=2M'");
    add_guest(7, "guest");
    start_manager();
    if (log_has("no PID namespaces"))
        skip(); /* they need privileges */
    RUN_UNTIL(is(be(0, "state"), "2"));
    frontend_connects(0);
    RUN_UNTIL(is(be(0, "state"), "4"));
    const int pid = fake_device->pid, child = fake_device->child_pid;
    assert_true(fake_device->first);
    assert_true(process_lives(child));
    kill(pid, SIGSTOP);
    node_set(fe(0, "state"), "5");
    RUN_UNTIL(is(be(0, "state"), "6"));
    assert_false(process_lives(pid));
    assert_false(process_lives(child));
    /* Nor when the process dies by itself. */
    node_set(fe(0, "state"), "1");
    RUN_UNTIL(is(be(0, "state"), "2"));
    frontend_connects(0);
    RUN_UNTIL(is(be(0, "state"), "4"));
    assert_int_not_equal(fake_device->child_pid, child);
    kill(fake_device->pid, SIGKILL);
    RUN_UNTIL(is(be(0, "state"), "6") || is(be(0, "state"), "2"));
    assert_false(process_lives(fake_device->child_pid));
}

/* Repeated failures come at a limited rate. */
static void test_back_off(void **state)
{
    (void)state;
    fake_device->mode = FAKE_DEVICE_CRASH;
    put_config("guest", "'hostmem=2M'");
    add_guest(7, "guest");
    start_manager();
    const int64_t end = backend_now_ms() + 1000;
    while (backend_now_ms() < end) {
        if (is(be(0, "state"), "2") && !is(fe(0, "state"), "3"))
            frontend_connects(0);
        assert_true(xen_manager_step(manager, backend_now_ms() + 10));
    }
    /* After 100, 100, 100, 200, 400, 800 ms. */
    assert_in_range(fake_device->starts, 3, 6);
    assert_logged("offered again in 100 ms");
    assert_logged("offered again in 200 ms");
    /* The error is there to be read meanwhile. */
    RUN_UNTIL(is(be(0, "state"), "6"));
    expect(be(0, "error"), "the device process died of signal 11 (Segmentation fault)");
}

/* Before it does anything else libxl asks devices of kinds that it knows to let go, and waits. */
static void test_libxl_waits(void **state)
{
    (void)state;
    fake_device->mode = FAKE_DEVICE_STOPPED;
    offered_guest("'hostmem=2M'");
    assert_null(node_get(hold(0, "")));
    frontend_connects(0);
    RUN_UNTIL(is(be(0, "state"), "4"));
    expect(hold(0, "state"), "4");
    expect("/libxl/7/device/none/0/backend", hold(0, ""));
    assert_int_equal(node_owner(hold(0, "state")), 0);
    assert_int_equal(node_reader(hold(0, "state")), 0);
    const int pid = fake_device->pid, child = fake_device->child_pid;
    kill(pid, SIGSTOP);
    node_set(hold(0, "online"), "0");
    node_set(hold(0, "state"), "5");
    RUN_UNTIL(is(hold(0, "state"), "6"));
    assert_false(process_lives(pid) || process_lives(child));
    expect(be(0, "state"), "6");
    run_for(20);
    expect(hold(0, "state"), "6"); /* libxl may not have seen it yet */
    node_remove("/libxl/7/device/none");
    destroy_guest(7);
    RUN_UNTIL(!node_get("/local/domain/0/backend/none/7"));
    assert_null(node_get("/libxl/7/device/none"));
    assert_int_equal(watch_count(), 2);
}

/* It waits for nothing that is not mapped, and for nobody in a guest that it has not made. */
static void test_libxl_need_not_wait(void **state)
{
    (void)state;
    connected_guest("'hostmem=2M'");
    node_set(fe(0, "state"), "5");
    RUN_UNTIL(is(be(0, "state"), "6"));
    expect(hold(0, "state"), "6");
    node_set(fe(0, "state"), "6");
    node_set(fe(0, "state"), "1");
    RUN_UNTIL(is(be(0, "state"), "2"));
    expect(hold(0, "state"), "6");
    node_remove("/libxl/7");
    frontend_connects(0);
    RUN_UNTIL(is(be(0, "state"), "4"));
    expect(hold(0, "state"), "6");
    assert_null(node_get("/libxl/7"));
}

/* Somebody has second thoughts: the guest lives on, and comes back. */
static void test_let_go_and_back(void **state)
{
    (void)state;
    connected_guest("'hostmem=2M', 'hostmem=2M'");
    frontend_connects(1);
    RUN_UNTIL(is(be(1, "state"), "4"));
    node_set(hold(0, "online"), "0");
    node_set(hold(0, "state"), "5");
    RUN_UNTIL(is(hold(0, "state"), "6"));
    expect(be(0, "state"), "6");
    expect(hold(1, "state"), "4");
    node_set(fe(0, "state"), "6");
    node_set(fe(0, "state"), "1");
    RUN_UNTIL(is(be(0, "state"), "2"));
    frontend_connects(0);
    RUN_UNTIL(is(be(0, "state"), "4"));
    expect(hold(0, "state"), "4");
    node_set(fe(0, "unplug"), "1");
    RUN_UNTIL(is(be(0, "state"), "5"));
    node_set(fe(0, "state"), "6");
    RUN_UNTIL(!node_get(be(0, "")));
    assert_null(node_get(hold(0, "")));
    assert_null(node_get("/libxl/7/device/none/0"));
    expect(hold(1, "state"), "4");
}

/* Without libxl's waiting a guest works as well. */
static void test_libxl_cannot_be_told(void **state)
{
    (void)state;
    offered_guest("'hostmem=2M'");
    fake_store_conflicts = 16;
    frontend_connects(0);
    RUN_UNTIL(is(be(0, "state"), "4"));
    assert_logged("libxl cannot be told to wait until the GPU has let go: "
                  "Resource temporarily unavailable");
    assert_null(node_get(hold(0, "")));
    destroy_guest(7);
    RUN_UNTIL(!node_get(be(0, "")));
}

/* The daemon dies, or stops, while libxl waits: the next one answers. */
static void test_libxl_waits_for_the_next(void **state)
{
    (void)state;
    connected_guest("'hostmem=2M'");
    const int pid = fake_device->pid;
    crash_manager();
    expect(hold(0, "state"), "4");
    node_set(hold(0, "online"), "0");
    node_set(hold(0, "state"), "5");
    start_manager();
    RUN_UNTIL(is(hold(0, "state"), "6"));
    assert_false(process_lives(pid));
}

/* libxl removes the guest's nodes, then destroys the domain, which needs us to have let go. */
static void test_home_vanishes(void **state)
{
    (void)state;
    fake_device->mode = FAKE_DEVICE_STOPPED;
    connected_guest("'hostmem=2M'");
    const int pid = fake_device->pid, child = fake_device->child_pid;
    kill(pid, SIGSTOP);
    assert_true(process_lives(pid));
    assert_true(process_lives(child));
    remove_home(7);
    RUN_UNTIL(!process_lives(pid) && !process_lives(child));
    RUN_UNTIL(!node_get(be(0, "")) && !node_get(own(0, "")));
    assert_null(node_get("/local/domain/7"));
    fake_domain_find(7)->domid = 0;
    node_fire("@releaseDomain");
    RUN_UNTIL(!node_get("/local/domain/0/backend/vgpu/7"));
    RUN_UNTIL(!node_get("/local/domain/0/xen-venus/7"));
    assert_int_equal(watch_count(), 2);
}

static void test_domain_dies(void **state)
{
    (void)state;
    fake_device->mode = FAKE_DEVICE_STOPPED;
    connected_guest("'hostmem=2M'");
    const int pid = fake_device->pid, child = fake_device->child_pid;
    kill(pid, SIGSTOP);
    fake_domain_find(7)->dying = true;
    node_fire("@releaseDomain");
    RUN_UNTIL(!process_lives(pid) && !process_lives(child));
    RUN_UNTIL(!node_get("/local/domain/0/backend/vgpu/7"));
    RUN_UNTIL(!node_get("/local/domain/0/xen-venus/7"));
    /* Another domain comes with the same id. */
    destroy_guest(7);
    fake_device->mode = FAKE_DEVICE_READY;
    add_guest(7, "guest");
    RUN_UNTIL(is(be(0, "state"), "2"));
}

/* Both events at once, or the second before the first was seen. */
static void test_domain_replaced(void **state)
{
    (void)state;
    connected_guest("'hostmem=2M'");
    const int pid = fake_device->pid;
    destroy_guest(7);
    add_guest(7, "other");
    RUN_UNTIL(!process_lives(pid));
    RUN_UNTIL(!node_get(be(0, "")));
    run_for(30);
    assert_null(node_get(be(0, "")));
}

static void test_several(void **state)
{
    (void)state;
    put_config("guest", "'hostmem=2M', 'hostmem=4M', 'venus=2', 'hostmem=6M'");
    put_config("other", "'hostmem=2M'");
    struct fake_domain *domain = add_guest(7, "guest");
    add_guest(8, "other");
    start_manager();
    RUN_UNTIL(is(be(3, "state"), "2") && is("/local/domain/0/backend/vgpu/8/0/state", "2"));
    expect(be(0, "hostmem"), "2097152");
    expect(be(1, "hostmem"), "4194304");
    expect(be(2, "hostmem"), NULL);
    expect(be(3, "hostmem"), "6291456");
    assert_logged("guest.cfg: gpu[2]: venus=2: must be 0 or 1");
    assert_int_equal(domain->max_memory, (1 << 20) + 12288);
    frontend_connects(0);
    RUN_UNTIL(is(be(0, "state"), "4"));
    const int pid = fake_device->pid;
    expect(be(1, "state"), "2");
    frontend_prepares(1);
    node_set(fe(1, "window-refs"), "0+1024");
    node_set(fe(1, "state"), "3");
    RUN_UNTIL(is(be(1, "state"), "4"));
    /* One dies, the other does not notice. */
    kill(fake_device->pid, SIGKILL);
    RUN_UNTIL(is(be(1, "state"), "2"));
    expect(be(0, "state"), "4");
    assert_true(process_lives(pid));
    destroy_guest(8);
    RUN_UNTIL(!node_get("/local/domain/0/backend/vgpu/8"));
    assert_true(process_lives(pid));
}

static void test_unplug(void **state)
{
    (void)state;
    connected_guest("'hostmem=2M'");
    node_set(fe(0, "unplug"), "1");
    RUN_UNTIL(is(be(0, "state"), "5"));
    expect(be(0, "online"), "0");
    assert_true(process_lives(fake_device->pid)); /* the guest may still be using it */
    node_set(fe(0, "state"), "6");
    RUN_UNTIL(!node_get(be(0, "")));
    assert_null(node_get(fe(0, "")));
    assert_false(process_lives(fake_device->pid));
    assert_int_equal(fake_domain_find(7)->max_memory, 1 << 20);
}

/* The daemon ends: guests are told, nodes stay for the next one. */
static void test_stop(void **state)
{
    (void)state;
    connected_guest("'hostmem=2M', 'hostmem=2M'");
    const int pid = fake_device->pid;
    raise(SIGTERM);
    const int64_t end = backend_now_ms() + 5000;
    while (xen_manager_step(manager, backend_now_ms() + 10))
        assert_true(backend_now_ms() < end);
    assert_false(process_lives(pid));
    expect(be(0, "state"), "6");
    expect(be(1, "state"), "6");
    expect(hold(0, "state"), "6");
    expect(own(0, "gpu"), "hostmem=2M,venus=1,mapping=window,contexts=64,window=auto");
}

/* Nobody is left to unmap the guest's memory when the daemon is killed. */
static void test_daemon_killed(void **state)
{
    (void)state;
    put_config("guest", "'hostmem=2M'");
    add_guest(7, "guest");
    const pid_t daemon = fork();
    if (!daemon) {
        start_manager();
        RUN_UNTIL(is(be(0, "state"), "2"));
        frontend_connects(0);
        for (;;)
            xen_manager_step(manager, backend_now_ms() + 1000);
    }
    for (int i = 0; i < 500 && !fake_device->starts; i++)
        usleep(10000);
    assert_int_equal(fake_device->starts, 1);
    assert_true(process_lives(fake_device->pid));
    kill(daemon, SIGKILL);
    waitpid(daemon, NULL, 0);
    assert_true(process_goes(fake_device->pid));
}

static void test_xenstore_dies(void **state)
{
    (void)state;
    connected_guest("'hostmem=2M'");
    fake_store_broken = true;
    node_set(fe(0, "state"), "4");
    const int64_t end = backend_now_ms() + 5000;
    while (xen_manager_step(manager, backend_now_ms() + 10))
        assert_true(backend_now_ms() < end);
    assert_logged("the connection to xenstore is lost");
    fake_store_broken = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_offer),
        TEST(test_guest_appears),
        TEST(test_connect),
        TEST(test_per_blob),
        TEST(test_guest_closes),
        TEST(test_guest_closes_before_connecting),
        TEST(test_guest_starts_anew),
        TEST(test_device_reports_error),
        TEST(test_device_exits),
        TEST(test_frontend_missed_it),
        TEST(test_device_crashes),
        TEST(test_device_talks_nonsense),
        TEST(test_device_talks_too_much),
        TEST(test_device_killed),
        TEST(test_orphans_end_first),
        TEST(test_no_escape),
        TEST(test_back_off),
        TEST(test_libxl_waits),
        TEST(test_libxl_need_not_wait),
        TEST(test_let_go_and_back),
        TEST(test_libxl_cannot_be_told),
        TEST(test_libxl_waits_for_the_next),
        TEST(test_home_vanishes),
        TEST(test_domain_dies),
        TEST(test_domain_replaced),
        TEST(test_several),
        TEST(test_unplug),
        TEST(test_stop),
        TEST(test_daemon_killed),
        TEST(test_xenstore_dies),
    };
    return cmocka_run_group_tests_name("life", tests, folder_setup, folder_teardown);
}
