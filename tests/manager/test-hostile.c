/* SPDX-License-Identifier: MIT */
/* Guests that write what they should not: each loses its own device, and nobody else anything. */
#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

/* A node, what is wrong with it (NULL: it is missing), and what the error says. */
static const struct {
    const char *name, *value, *error;
} wrong[] = {
    {"version", NULL, "the frontend's node version is missing"},
    {"version", "2", "the frontend's node version is not a number from 1 to 1"},
    {"version", "1 ", "the frontend's node version is not a number from 1 to 1"},
    {"version", "", "the frontend's node version is not a number from 1 to 1"},
    {"control-ref", NULL, "the frontend's node control-ref is missing"},
    {"control-ref", "-1", "the frontend's node control-ref is not a number from 0 to 4294967295"},
    {"control-ref", "4294967296",
     "the frontend's node control-ref is not a number from 0 to 4294967295"},
    {"control-ref", "18446744073709551616",
     "the frontend's node control-ref is not a number from 0 to 4294967295"},
    {"control-ref", "0x8", "the frontend's node control-ref is not a number from 0 to 4294967295"},
    {"event-channel", NULL, "the frontend's node event-channel is missing"},
    {"event-channel", "0",
     "the frontend's node event-channel is not a number from 1 to 4294967295"},
    {"pool-ref", NULL, "the frontend's node pool-ref is missing"},
    {"pool-ref", "4294967295", "the frontend's node pool-ref is not a number from 0 to 4294967231"},
    {"pool-pages", NULL, "the frontend's node pool-pages is missing"},
    {"pool-pages", "0", "the frontend's node pool-pages is not a number from 1 to 1024"},
    {"pool-pages", "1025", "the frontend's node pool-pages is not a number from 1 to 1024"},
    {"window-base", NULL, "the frontend's node window-base is missing"},
    {"window-base", "1099226415105", "the frontend's window-base is not a multiple of 2 MiB"},
    {"window-base", "4503599627370496",
     "the frontend's node window-base is not a number from 0 to 4503599625273344"},
    {"window-refs", NULL, "the frontend's node window-refs is missing"},
    {"window-refs", "", "run 0 of the frontend's node window-refs is malformed"},
    {"window-refs", "1000", "run 0 of the frontend's node window-refs is malformed"},
    {"window-refs", "1000+512 ", "run 1 of the frontend's node window-refs is malformed"},
    {"window-refs", "1000+256  2000+256", "run 1 of the frontend's node window-refs is malformed"},
    {"window-refs", "1000+0 1000+512", "run 0 of the frontend's node window-refs is malformed"},
    {"window-refs", "1000+-512", "run 0 of the frontend's node window-refs is malformed"},
    {"window-refs", "1000+512+1", "run 0 of the frontend's node window-refs is malformed"},
    {"window-refs", "4294967295+2", "run 0 of the frontend's node window-refs is malformed"},
    {"window-refs", "1000+511", "the frontend's window-refs have 511 pages, the window 512"},
    {"window-refs", "1000+513", "the frontend's window-refs have 513 pages, the window 512"},
    {"window-refs", "0+4294967295 0+4294967295 0+514",
     "the frontend's window-refs have 8589935104 pages, the window 512"},
};

static void test_wrong_nodes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        offered_guest("'hostmem=2M,window=grant'");
        frontend_prepares(0);
        if (wrong[i].value)
            node_set(fe(0, wrong[i].name), wrong[i].value);
        else
            node_remove(fe(0, wrong[i].name));
        node_set(fe(0, "state"), "3");
        RUN_UNTIL(is(be(0, "state"), "6"));
        expect(be(0, "error"), wrong[i].error);
        assert_logged(wrong[i].error);
        assert_int_equal(fake_device->starts, 0);
        run_for(15);
        expect(be(0, "state"), "6"); /* and it stays so */
        /* The frontend tries again. */
        node_set(fe(0, "state"), "1");
        RUN_UNTIL(is(be(0, "state"), "2"));
        expect(be(0, "error"), NULL);
        frontend_connects(0);
        RUN_UNTIL(is(be(0, "state"), "4"));
        world_teardown(NULL);
        world_setup(NULL);
    }
}

static void test_blob_refs(void **state)
{
    (void)state;
    offered_guest("'hostmem=2M,mapping=per-blob'");
    frontend_connects(0);
    RUN_UNTIL(is(be(0, "state"), "6"));
    expect(be(0, "error"), "the frontend's node blob-refs-ref is missing");
}

static void test_too_many_runs(void **state)
{
    (void)state;
    char value[2100] = "";
    for (int i = 0; i <= VGPU_MAX_WINDOW_RUNS; i++)
        strcat(value, i ? " 1+1" : "1+1");
    offered_guest("'hostmem=2M,window=grant'");
    frontend_prepares(0);
    node_set(fe(0, "window-refs"), value);
    node_set(fe(0, "state"), "3");
    RUN_UNTIL(is(be(0, "state"), "6"));
    assert_non_null(strstr(node_get(be(0, "error")), "window-refs has more than "));
}

/* As much as xenstore can hold, and bytes of every kind. */
static void test_huge_values(void **state)
{
    (void)state;
    static const char *const names[] = {"version",  "control-ref", "event-channel",
                                        "pool-ref", "window-refs", "window-base"};
    char value[XEN_STORE_MAX_VALUE + 1];
    for (size_t i = 0; i < sizeof(value) - 1; i++)
        value[i] = (char)(1 + i % 255);
    value[sizeof(value) - 1] = '\0';
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        offered_guest("'hostmem=2M,window=grant'");
        frontend_prepares(0);
        node_set(fe(0, names[i]), value);
        node_set(fe(0, "state"), "3");
        RUN_UNTIL(is(be(0, "state"), "6"));
        if (!strstr(node_get(be(0, "error")), names[i]))
            fail_msg("%s is not in \"%s\"", names[i], node_get(be(0, "error")));
        world_teardown(NULL);
        world_setup(NULL);
    }
}

static void test_wrong_states(void **state)
{
    (void)state;
    static const char *const states[] = {"9", "-1", "connected", "", "99999999999999999999999"};
    for (unsigned i = 0; i < ARRAY_SIZE(states); i++) {
        connected_guest("'hostmem=2M'");
        const int pid = fake_device->pid;
        node_set(fe(0, "state"), states[i]);
        RUN_UNTIL(is(be(0, "state"), "6"));
        expect(be(0, "error"), "the frontend's state is not a number from 0 to 8");
        assert_false(process_lives(pid));
        world_teardown(NULL);
        world_setup(NULL);
    }
}

/* The guest owns its folder and may remove it; its domain lives on. */
static void test_own_nodes_removed(void **state)
{
    (void)state;
    connected_guest("'hostmem=2M'");
    const int pid = fake_device->pid;
    node_remove(fe(0, ""));
    RUN_UNTIL(is(be(0, "state"), "6"));
    expect(be(0, "error"), "the guest has removed the frontend's nodes");
    assert_false(process_lives(pid));
    node_set(fe(0, "state"), "1");
    RUN_UNTIL(is(be(0, "state"), "2"));
    expect(fe(0, "backend"), "/local/domain/0/backend/vgpu/7/0");
    node_remove(fe(0, "state"));
    RUN_UNTIL(is(be(0, "state"), "6"));
}

/* A guest that goes round and round costs a few processes a minute, and others nothing. */
static void test_flood(void **state)
{
    (void)state;
    put_config("guest", "'hostmem=2M'");
    put_config("other", "'hostmem=2M'");
    add_guest(7, "guest");
    start_manager();
    RUN_UNTIL(is(be(0, "state"), "2"));
    const int64_t end = backend_now_ms() + 1500;
    unsigned round = 0;
    while (backend_now_ms() < end) {
        static const char *const states[] = {"1", "3", "5", "6"};
        frontend_prepares(0);
        for (int i = 0; i < 50; i++)
            node_set(fe(0, "state"), states[rand() % 4]);
        round++;
        if (round == 20)
            add_guest(8, "other");
        assert_true(xen_manager_step(manager, backend_now_ms() + 1));
    }
    assert_true(round > 100);
    /* One that is killed at once may not have come to count itself. */
    assert_in_range(fake_device->starts, 0, 8);
    expect("/local/domain/0/backend/vgpu/8/0/state", "2");
}

/* Changes in the middle of our transactions: some are put up with, not all. */
static void test_conflicts(void **state)
{
    (void)state;
    fake_store_conflicts = 5;
    offered_guest("'hostmem=2M'");
    assert_int_equal(fake_store_conflicts, 0);
    node_set(fe(0, "state"), "5");
    RUN_UNTIL(is(be(0, "state"), "6"));
    fake_store_conflicts = 40;
    node_set(fe(0, "state"), "1");
    RUN_UNTIL(is(be(0, "state"), "2"));
    assert_logged("cannot be offered: Resource temporarily unavailable");
    assert_int_equal(fake_store_conflicts, 0);
}

/* A domain that goes while we make its nodes must not get them after its end. */
static void test_gone_in_the_middle(void **state)
{
    (void)state;
    connected_guest("'hostmem=2M'");
    node_set(fe(0, "state"), "5");
    RUN_UNTIL(is(be(0, "state"), "6"));
    node_set(fe(0, "state"), "1");
    remove_home(7);
    run_for(100);
    assert_null(node_get("/local/domain/7"));
    RUN_UNTIL(!node_get(be(0, "")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_wrong_nodes), TEST(test_blob_refs),    TEST(test_too_many_runs),
        TEST(test_huge_values), TEST(test_wrong_states), TEST(test_own_nodes_removed),
        TEST(test_flood),       TEST(test_conflicts),    TEST(test_gone_in_the_middle),
    };
    return cmocka_run_group_tests_name("hostile", tests, folder_setup, folder_teardown);
}
