/* SPDX-License-Identifier: MIT */
/* A new daemon finds what an earlier one has left; and limits of guests' memory and grants. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

static void test_offered_again(void **state)
{
    (void)state;
    connected_guest("'hostmem=2M,contexts=3', 'hostmem=4M'");
    node_set(fe(0, "state"), "4");
    crash_manager();
    expect(be(0, "state"), "4");
    start_manager();
    RUN_UNTIL(is(be(0, "state"), "2") && is(be(1, "state"), "2"));
    expect(be(1, "hostmem"), "4194304");
    /* Once per device, not once per daemon. */
    assert_int_equal(fake_domain_find(7)->max_memory, (1 << 20) + 6144);
    run_for(30);
    assert_int_equal(fake_device->starts, 1); /* the old connection is none */
    frontend_connects(0);
    RUN_UNTIL(is(be(0, "state"), "4"));
    assert_int_equal(fake_device->params.max_contexts, 3);
}

/* The daemon died while the device process was starting: the offer is taken by the next. */
static void test_frontend_waits(void **state)
{
    (void)state;
    fake_device->mode = FAKE_DEVICE_SILENT;
    offered_guest("'hostmem=2M'");
    frontend_connects(0);
    RUN_UNTIL(fake_device->starts == 1);
    crash_manager();
    fake_device->mode = FAKE_DEVICE_READY;
    start_manager();
    RUN_UNTIL(is(be(0, "state"), "4"));
    expect(fe(0, "state"), "3");
}

/* After an orderly end, too. */
static void test_offered_after_stop(void **state)
{
    (void)state;
    connected_guest("'hostmem=2M'");
    xen_manager_stop(manager);
    while (xen_manager_step(manager, backend_now_ms() + 10))
        ;
    crash_manager();
    expect(be(0, "state"), "6");
    start_manager();
    RUN_UNTIL(is(be(0, "state"), "2"));
    assert_int_equal(fake_domain_find(7)->max_memory, (1 << 20) + 2048);
}

/* What was detached by hand stays so, what was attached, too; the file is not looked at again. */
static void test_configuration_kept(void **state)
{
    (void)state;
    connected_guest("'hostmem=2M', 'hostmem=4M'");
    node_set(fe(1, "unplug"), "1");
    RUN_UNTIL(!node_get(be(1, "")));
    crash_manager();
    start_manager();
    RUN_UNTIL(is(be(0, "state"), "2"));
    run_for(30);
    assert_null(node_get(be(1, "")));
}

static void test_guest_came_meanwhile(void **state)
{
    (void)state;
    put_config("guest", "'hostmem=2M'");
    start_manager();
    run_for(20);
    crash_manager();
    add_guest(7, "guest");
    start_manager();
    RUN_UNTIL(is(be(0, "state"), "2"));
}

static void test_guest_went_meanwhile(void **state)
{
    (void)state;
    connected_guest("'hostmem=2M'");
    crash_manager();
    destroy_guest(7);
    assert_non_null(node_get(be(0, "state")));
    start_manager();
    assert_null(node_get("/local/domain/0/backend/vgpu/7"));
    assert_null(node_get("/local/domain/0/xen-venus/7"));
    assert_null(node_get("/local/domain/0/backend/none/7"));
}

/* Another domain has the id by now, and no GPU. */
static void test_guest_replaced_meanwhile(void **state)
{
    (void)state;
    connected_guest("'hostmem=2M'");
    crash_manager();
    destroy_guest(7);
    add_guest(7, "other");
    start_manager();
    run_for(30);
    assert_null(node_get("/local/domain/0/backend/vgpu/7"));
    assert_null(node_get("/local/domain/0/xen-venus/7"));
    assert_null(node_get("/local/domain/0/backend/none/7"));
    assert_int_equal(fake_domain_find(7)->max_memory, 1 << 20);
}

static void test_unknown_nodes(void **state)
{
    (void)state;
    node_set("/local/domain/0/backend/vgpu/7/0/state", "4");
    start_manager();
    assert_null(node_get("/local/domain/0/backend/vgpu/7"));
    assert_logged("domain 7: removing nodes of an unknown backend");
}

/* Nodes of our own that make no sense any more. */
static void test_unusable_configuration(void **state)
{
    (void)state;
    connected_guest("'hostmem=2M', 'hostmem=4M'");
    crash_manager();
    node_set(own(0, "gpu"), "hostmem=3M");
    start_manager();
    assert_logged("gpu 0 is not taken over: hostmem=3M: not a multiple of 2M");
    assert_null(node_get(be(0, "")));
    assert_null(node_get(fe(0, "")));
    RUN_UNTIL(is(be(1, "state"), "2"));
    assert_int_equal(fake_domain_find(7)->max_memory, (1 << 20) + 4096);
}

/* The daemon ended between writing down that it raises the limit, and having done so. */
static void test_raise_interrupted(void **state)
{
    (void)state;
    connected_guest("'hostmem=2M'");
    crash_manager();
    node_set(own(0, "maxmem"), "raising 1050624");
    start_manager();
    assert_int_equal(fake_domain_find(7)->max_memory, 1050624); /* it had */
    expect(own(0, "maxmem"), "raised 2048");
    crash_manager();
    node_set(own(0, "maxmem"), "raising 1050624");
    fake_domain_find(7)->max_memory = 1 << 20;
    start_manager();
    assert_int_equal(fake_domain_find(7)->max_memory, 1050624); /* it had not */
    expect(own(0, "maxmem"), "raised 2048");
}

static void test_raise_refused(void **state)
{
    (void)state;
    put_config("guest", "'hostmem=2M'");
    add_guest(7, "guest");
    fake_domain_set_result = -EPERM;
    start_manager();
    run_for(30);
    assert_logged("cannot raise the guest's maximum of memory by 2M: Operation not permitted");
    assert_null(node_get(be(0, "")));
    assert_null(node_get(own(0, "")));
}

/* Hardware needs grants, and the guest's table must have room for them all. */
static void test_grants(void **state)
{
    (void)state;
    manager_params.gpu_count = WORLD_GPUS;
    put_config("guest", "'hostmem=64M', 'hostmem=64M', 'hostmem=1G,gpu=llvmpipe'");
    add_guest(7, "guest");
    start_manager();
    RUN_UNTIL(is(be(0, "state"), "2") && is(be(2, "state"), "2"));
    expect(be(0, "window"), "grant");
    expect(be(2, "window"), "foreign");
    assert_null(node_get(be(1, "")));
    /* 128 MiB and two pools: 32768 + 2 * 1029 references, and 8 frames for others. */
    assert_logged("gpu[1]: window=grant: windows of 128M need 77 grant frames, and the guest may "
                  "have 64; write max_grant_frames=77 (or more) into its xl configuration");
}

/* No number of frames would do. */
static void test_grants_too_many(void **state)
{
    (void)state;
    manager_params.gpu_count = WORLD_GPUS;
    put_config("guest", "'hostmem=64M', 'hostmem=16G'");
    add_guest(7, "guest")->max_grant_frames = 4096;
    start_manager();
    RUN_UNTIL(is(be(0, "state"), "2"));
    assert_logged("gpu[1]: window=grant: windows of 16448M need 8237 grant frames, more than a guest "
                  "can have (4096); make hostmem smaller");
}

static void test_grants_enough(void **state)
{
    (void)state;
    manager_params.gpu_count = WORLD_GPUS;
    put_config("guest", "'hostmem=64M', 'hostmem=64M'");
    add_guest(7, "guest")->max_grant_frames = 77;
    start_manager();
    RUN_UNTIL(is(be(0, "state"), "2") && is(be(1, "state"), "2"));
}

/* A process that only a signal ends, in a group of its own; of another program if `foreign`. */
static pid_t fork_group(bool foreign)
{
    const pid_t pid = fork();
    if (!pid) {
        setpgid(0, 0);
        if (foreign)
            execlp("sleep", "sleep", "60", NULL);
        for (;;)
            pause();
    }
    setpgid(pid, pid);
    usleep(200 * 1000); /* for it to be what it will be */
    return pid;
}

/* Device processes die with their daemon; one that has not would keep the guest's memory. */
static void test_left_over_group(void **state)
{
    (void)state;
    char group[16];
    connected_guest("'hostmem=2M'");
    crash_manager();
    const pid_t pid = fork_group(false);
    snprintf(group, sizeof(group), "%d", pid);
    node_set(own(0, "group"), group);
    start_manager();
    assert_false(process_lives(pid));
    assert_logged("that an earlier daemon has left");
    expect(be(0, "state"), "2");
    expect(own(0, "group"), NULL);
}

/* ... but the number may be somebody else's. */
static void test_left_over_number(void **state)
{
    (void)state;
    char group[16];
    connected_guest("'hostmem=2M'");
    crash_manager();
    const pid_t pid = fork_group(true);
    snprintf(group, sizeof(group), "%d", pid);
    node_set(own(0, "group"), group);
    start_manager();
    assert_true(process_lives(pid));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    node_set(own(0, "group"), "1");
    crash_manager();
    start_manager();
    expect(be(0, "state"), "2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_offered_again),
        TEST(test_frontend_waits),
        TEST(test_offered_after_stop),
        TEST(test_configuration_kept),
        TEST(test_guest_came_meanwhile),
        TEST(test_guest_went_meanwhile),
        TEST(test_guest_replaced_meanwhile),
        TEST(test_unknown_nodes),
        TEST(test_unusable_configuration),
        TEST(test_raise_interrupted),
        TEST(test_raise_refused),
        TEST(test_grants),
        TEST(test_grants_too_many),
        TEST(test_grants_enough),
        TEST(test_left_over_group),
        TEST(test_left_over_number),
    };
    return cmocka_run_group_tests_name("restart", tests, folder_setup, folder_teardown);
}
