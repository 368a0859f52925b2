/* SPDX-License-Identifier: MIT */
/* What the manager cannot do without, and its end when others do not want to end. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cap-ng.h>

#include "exit_codes.h"
#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

static int count_files(void)
{
    int count = 0;
    for (int fd = 0; fd < 1000; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* Let no more than `more` files be opened; returns what to set again afterwards. */
static struct rlimit limit_files(int more)
{
    struct rlimit before;
    const int next = dup(STDIN_FILENO);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit limit = {.rlim_cur = (rlim_t)(next + more), .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return before;
}

static void check_refused(int status, const char *why)
{
    const int files = count_files();
    log_capture();
    assert_int_equal(xen_manager_create(&manager_params, &manager), status);
    assert_null(manager);
    assert_logged(why);
    assert_int_equal(count_files(), files);
}

static void test_no_xen(void **state)
{
    (void)state;
    fake_store_broken = true;
    check_refused(BACKEND_EXIT_XEN, "cannot connect to xenstore: No such file or directory");
    fake_store_broken = false;
    fake_domains_error = EACCES;
    check_refused(BACKEND_EXIT_XEN, "cannot talk to Xen: Permission denied");
    fake_domains_error = 0;
    node_remove("/local/domain/0/domid");
    check_refused(BACKEND_EXIT_XEN, "xenstore does not say which domain this is");
    node_set("/local/domain/0/domid", "4294967296");
    check_refused(BACKEND_EXIT_XEN, "xenstore does not say which domain this is");
    node_set("/local/domain/0/domid", "0");
    put_file("control", "");
    manager_params.control_path = file_path("control");
    check_refused(BACKEND_EXIT_SOCKET, "control exists and is not a socket");
}

/* Open as few files as this before the call fails. */
static void test_no_descriptors(void **state)
{
    (void)state;
    const int files = count_files();
    int refused = 0;
    for (int more = 0; !manager; more++) {
        log_capture();
        const struct rlimit before = limit_files(more);
        const int result = xen_manager_create(&manager_params, &manager);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        if (result == BACKEND_EXIT_OK)
            break;
        refused++;
        assert_null(manager);
        assert_logged("Too many open files");
        assert_int_equal(count_files(), files);
        assert_true(more < 20);
    }
    assert_true(refused >= 3);
}

static void test_stop_twice(void **state)
{
    (void)state;
    fake_device->mode = FAKE_DEVICE_STOPPED;
    connected_guest("'hostmem=2M'");
    raise(SIGTERM);
    raise(SIGINT);
    const int64_t end = backend_now_ms() + 5000;
    while (xen_manager_step(manager, backend_now_ms() + 10))
        assert_true(backend_now_ms() < end);
    assert_logged("Terminated: ending");
    assert_logged("Interrupt: ending");
}

/* A device process cannot be started: the guest is told, and it is tried again later. */
static void test_no_process(void **state)
{
    (void)state;
    offered_guest("'hostmem=2M'");
    const struct rlimit before = limit_files(0);
    frontend_connects(0);
    RUN_UNTIL(is(be(0, "error"), "socketpair: Too many open files"));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(fake_device->starts, 0);
}

/* ---- without CAP_SYS_ADMIN there are no PID namespaces ---- */

static int drop_privilege(void **state)
{
    capng_get_caps_process();
    capng_update(CAPNG_DROP, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_SYS_ADMIN);
    return capng_apply(CAPNG_SELECT_CAPS) ? -1 : folder_setup(state);
}

static void test_no_namespace(void **state)
{
    (void)state;
    fake_device->mode = FAKE_DEVICE_ORPHAN;
    connected_guest("'hostmem=2M'");
    assert_logged("no CAP_SYS_ADMIN, so no PID namespaces for guests' processes");
    assert_false(fake_device->first);
    assert_true(fake_device->group_leader);
    /* The group goes with its first process. */
    const int child = fake_device->child_pid;
    assert_true(process_lives(child));
    kill(fake_device->pid, SIGKILL);
    RUN_UNTIL(is(be(0, "state"), "6") || is(be(0, "state"), "2"));
    assert_false(process_lives(child));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_no_xen),
        TEST(test_no_descriptors),
        TEST(test_stop_twice),
        TEST(test_no_process),
    };
    const struct CMUnitTest unprivileged[] = {
        TEST(test_no_namespace),
    };
    const int failed = cmocka_run_group_tests_name("manager", tests, folder_setup, folder_teardown);
    return failed + cmocka_run_group_tests_name("unprivileged", unprivileged, drop_privilege,
                                                folder_teardown);
}
