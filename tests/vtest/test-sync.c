/* SPDX-License-Identifier: MIT */
/* Sync objects, waits and fences of the vtest server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vtest_limits.h"
#include "vtest_protocol.h"
#include "vtest_sync.h"

static struct vtest_syncs syncs;

static int setup(void **state)
{
    (void)state;
    vtest_syncs_init(&syncs);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    vtest_syncs_finish(&syncs);
    return 0;
}

static uint32_t create(uint64_t value)
{
    uint32_t id;
    assert_int_equal(vtest_sync_create(&syncs, value, &id), 0);
    assert_true(id);
    return id;
}

static int poll_fd(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) ? p.revents : 0;
}

static int wait_for(bool any, const uint32_t *points, uint32_t count, bool *owned)
{
    int fd;
    assert_int_equal(vtest_sync_wait(&syncs, any, UINT32_MAX, points, count, &fd, owned), 0);
    return fd;
}

static void test_values(void **state)
{
    (void)state;
    uint64_t value = 0;
    const uint32_t a = create(1ull << 40), b = create(3);
    assert_int_not_equal(a, b);
    assert_int_equal(vtest_sync_read(&syncs, a, &value), 0);
    assert_true(value == 1ull << 40);
    assert_int_equal(vtest_sync_write(&syncs, b, 0), 0); /* back is allowed: a reset */
    assert_int_equal(vtest_sync_read(&syncs, b, &value), 0);
    assert_true(value == 0);
    assert_int_equal(vtest_sync_unref(&syncs, a), 0);
    assert_int_equal(vtest_sync_unref(&syncs, a), -ENOENT);
    assert_int_equal(vtest_sync_read(&syncs, a, &value), -ENOENT);
    assert_int_equal(vtest_sync_write(&syncs, 0, 1), -ENOENT);
    assert_int_equal(vtest_sync_read(&syncs, UINT32_MAX, &value), -ENOENT);
    assert_int_equal(create(9), a);
}

static void test_satisfied_waits_share(void **state)
{
    (void)state;
    bool owned;
    const uint32_t id = create(5);
    const uint32_t equal[] = {id, 5, 0}, less[] = {id, 4, 0};
    const int fd = wait_for(false, equal, 1, &owned);
    assert_false(owned);
    assert_int_equal(poll_fd(fd), POLLIN);
    assert_int_equal(wait_for(false, less, 1, &owned), fd);
    assert_int_equal(wait_for(false, NULL, 0, &owned), fd);
    assert_int_equal(syncs.wait_count, 0);
    assert_int_equal(syncs.point_count, 0);
}

static void test_poll_only(void **state)
{
    (void)state;
    bool owned;
    int fd;
    const uint32_t point[] = {create(0), 1, 0};
    assert_int_equal(vtest_sync_wait(&syncs, false, 0, point, 1, &fd, &owned), 0);
    assert_false(owned);
    assert_int_equal(poll_fd(fd), 0);
    assert_int_equal(syncs.wait_count, 0);
}

static void test_wait_all(void **state)
{
    (void)state;
    bool owned;
    const uint32_t a = create(0), b = create(0);
    const uint32_t points[] = {a, 2, 0, b, 0, 1, a, 1, 0};
    const int fd = wait_for(false, points, 3, &owned);
    assert_true(owned);
    assert_int_equal(poll_fd(fd), 0);
    vtest_sync_write(&syncs, a, 1);
    vtest_sync_write(&syncs, b, 0xffffffff); /* the high word counts */
    assert_int_equal(poll_fd(fd), 0);
    vtest_sync_write(&syncs, a, 2);
    vtest_sync_write(&syncs, a, 0); /* was reached all the same */
    assert_int_equal(poll_fd(fd), 0);
    vtest_sync_write(&syncs, b, 1ull << 32);
    assert_int_equal(poll_fd(fd), POLLIN); /* and no hang-up */
    assert_int_equal(syncs.point_count, 0);
    close(fd);
}

static void test_wait_any(void **state)
{
    (void)state;
    bool owned;
    const uint32_t a = create(0), b = create(0), c = create(7);
    const uint32_t points[] = {a, 1, 0, b, 1, 0, a, 1, 0}, done[] = {a, 1, 0, c, 7, 0};
    const int fd = wait_for(true, points, 3, &owned);
    assert_int_equal(poll_fd(fd), 0);
    vtest_sync_write(&syncs, a, 1);
    assert_int_equal(poll_fd(fd), POLLIN);
    vtest_sync_write(&syncs, b, 1);
    close(fd);
    vtest_sync_write(&syncs, a, 0);
    assert_int_equal(poll_fd(wait_for(true, done, 2, &owned)), POLLIN);
    assert_false(owned);
}

/* One value satisfies many waits, of which some hold several points on it. */
static void test_many_waits_on_one(void **state)
{
    (void)state;
    int fds[50];
    bool owned;
    const uint32_t a = create(0), b = create(0);
    for (uint32_t i = 0; i < 50; i++) {
        const uint32_t points[] = {a, i + 1, 0, a, 1, 0, b, 100, 0};
        fds[i] = wait_for(i % 2, points, 3, &owned);
    }
    vtest_sync_write(&syncs, a, 25); /* every ANY is done, by its second point */
    for (uint32_t i = 0; i < 50; i++)
        assert_int_equal(poll_fd(fds[i]), i % 2 ? POLLIN : 0);
    vtest_sync_write(&syncs, b, 100);
    for (uint32_t i = 0; i < 50; i += 2)
        assert_int_equal(poll_fd(fds[i]), i + 1 <= 25 ? POLLIN : 0);
    vtest_sync_write(&syncs, a, 50);
    for (uint32_t i = 0; i < 50; i++) {
        assert_int_equal(poll_fd(fds[i]), POLLIN);
        close(fds[i]);
    }
    assert_int_equal(syncs.point_count, 0);
}

/* A sync outlives its id while something waits for it; then nobody can set it any more. */
static void test_unref_with_wait(void **state)
{
    (void)state;
    bool owned;
    struct vtest_fence *fence;
    const uint32_t a = create(0), point[] = {a, 1, 0};
    const int fd = wait_for(false, point, 1, &owned);
    assert_int_equal(vtest_fence_create(&syncs, point, 1, &fence), 0);
    assert_int_equal(vtest_sync_unref(&syncs, a), 0);
    assert_int_equal(create(0), a); /* another one with the same id */
    vtest_sync_write(&syncs, a, 1);
    assert_int_equal(poll_fd(fd), 0);
    vtest_fence_retire(&syncs, fence);
    assert_int_equal(poll_fd(fd), POLLIN);
    close(fd);
}

/* Dropped waits show a hang-up without being readable. */
static void test_finish_with_waits(void **state)
{
    (void)state;
    bool owned;
    struct vtest_fence *fence;
    const uint32_t a = create(0), point[] = {a, 1, 0, a, 2, 0};
    const int fd = wait_for(false, point, 2, &owned);
    assert_int_equal(vtest_fence_create(&syncs, point, 2, &fence), 0);
    vtest_syncs_finish(&syncs);
    assert_int_equal(poll_fd(fd), POLLHUP);
    close(fd);
    vtest_syncs_init(&syncs);
}

static void test_unknown(void **state)
{
    (void)state;
    bool owned;
    int fd;
    uint64_t value;
    struct vtest_fence *fence;
    const uint32_t a = create(0), points[] = {a, 1, 0, a + 1, 1, 0};
    assert_int_equal(vtest_sync_wait(&syncs, false, 1, points, 2, &fd, &owned), -ENOENT);
    assert_int_equal(vtest_fence_create(&syncs, points, 2, &fence), -ENOENT);
    assert_int_equal(vtest_syncs_set(&syncs, points, 2), -ENOENT);
    vtest_sync_read(&syncs, a, &value);
    assert_true(value == 0); /* nothing was set */
    assert_int_equal(syncs.point_count, 0);
    assert_int_equal(vtest_syncs_set(&syncs, points, 1), 0);
    vtest_sync_read(&syncs, a, &value);
    assert_true(value == 1);
}

static void test_sync_limit(void **state)
{
    (void)state;
    uint32_t id;
    for (uint32_t i = 0; i < VTEST_MAX_SYNCS; i++)
        assert_int_equal(vtest_sync_create(&syncs, i, &id), 0);
    assert_int_equal(vtest_sync_create(&syncs, 0, &id), -E2BIG);
    assert_int_equal(vtest_sync_unref(&syncs, 77), 0);
    assert_int_equal(vtest_sync_create(&syncs, 0, &id), 0);
    assert_int_equal(id, 77);
}

static void test_point_limit(void **state)
{
    (void)state;
    const uint32_t a = create(0);
    uint32_t *points = calloc(VTEST_MAX_POINTS, 12);
    struct vtest_fence *fence, *second;
    assert_non_null(points);
    for (uint32_t i = 0; i < VTEST_MAX_POINTS; i++)
        points[3 * i] = a;
    assert_int_equal(vtest_fence_create(&syncs, points, VTEST_MAX_POINTS, &fence), 0);
    assert_int_equal(vtest_fence_create(&syncs, points, 1, &second), -E2BIG);
    vtest_fence_retire(&syncs, fence);
    assert_int_equal(vtest_fence_create(&syncs, points, 1, &second), 0);
    vtest_fence_cancel(&syncs, second);
    assert_int_equal(syncs.point_count, 0);
    free(points);
}

/* Waits that their client gave up do not pile up. */
static void test_abandoned_waits(void **state)
{
    (void)state;
    bool owned;
    const uint32_t point[] = {create(0), 1, 0};
    const int kept = wait_for(false, point, 1, &owned);
    for (uint32_t i = 0; i < 2 * VTEST_MAX_WAITS; i++)
        close(wait_for(false, point, 1, &owned));
    assert_true(syncs.wait_count <= 16);
    assert_int_equal(poll_fd(kept), 0);
    vtest_sync_write(&syncs, point[0], 1); /* writes to the closed ones too */
    assert_int_equal(poll_fd(kept), POLLIN);
    close(kept);
}

/* Those that are open count against the limit, and nothing else, in whatever order they come. */
static void test_wait_limit(void **state)
{
    (void)state;
    static int fds[VTEST_MAX_WAITS];
    bool owned;
    int fd;
    const uint32_t point[] = {create(0), 1, 0};
    /* One less than a power of two before they are first looked through. */
    for (uint32_t i = 0; i < 8; i++)
        fds[i] = wait_for(false, point, 1, &owned);
    close(fds[7]);
    for (uint32_t i = 7; i < VTEST_MAX_WAITS; i++)
        fds[i] = wait_for(false, point, 1, &owned);
    assert_int_equal(vtest_sync_wait(&syncs, false, UINT32_MAX, point, 1, &fd, &owned), -E2BIG);
    for (uint32_t i = 0; i < VTEST_MAX_WAITS; i++)
        close(fds[i]);
    close(wait_for(false, point, 1, &owned));
    assert_int_equal(syncs.wait_count, 1);
}

/* More than the limit, of which half were ever open at a time. */
static void test_closed_waits(void **state)
{
    (void)state;
    enum { OPEN = VTEST_MAX_WAITS / 2 + 2 };
    static int fds[OPEN];
    bool owned;
    const uint32_t point[] = {create(0), 1, 0};
    for (uint32_t round = 0; round < 4; round++) {
        for (uint32_t i = 0; i < OPEN; i++)
            fds[i] = wait_for(false, point, 1, &owned);
        for (uint32_t i = 0; i < OPEN; i++)
            close(fds[i]);
    }
}

/* Nor do those that are over, unless the client keeps its ends open. */
static void test_satisfied_waits(void **state)
{
    (void)state;
    enum { HELD = 300 };
    int fds[HELD];
    const uint32_t id = create(0), point[] = {id, 1, 0};
    bool owned;
    for (uint32_t i = 0; i < 2 * VTEST_MAX_WAITS; i++) {
        const int fd = wait_for(false, point, 1, &owned);
        vtest_sync_write(&syncs, id, 1);
        assert_int_equal(poll_fd(fd), POLLIN);
        close(fd);
        vtest_sync_write(&syncs, id, 0);
        assert_true(syncs.wait_count <= 16);
    }
    for (uint32_t i = 0; i < HELD; i++) {
        fds[i] = wait_for(false, point, 1, &owned);
        vtest_sync_write(&syncs, id, 1);
        vtest_sync_write(&syncs, id, 0);
    }
    for (uint32_t i = 0; i < HELD; i++) {
        assert_int_equal(poll_fd(fds[i]), POLLIN);
        close(fds[i]);
    }
}

static void *retire(void *fence)
{
    vtest_fence_retire(&syncs, fence);
    return NULL;
}

/* Fences are retired by other threads while this one works on the same syncs. */
static void test_threads(void **state)
{
    (void)state;
    enum { THREADS = 8, ROUNDS = 50 };
    const uint32_t id = create(0);
    uint64_t value;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[THREADS];
        const uint32_t point[] = {id, 1, 0};
        bool owned;
        vtest_sync_write(&syncs, id, 0);
        const int fd = wait_for(false, point, 1, &owned);
        for (int i = 0; i < THREADS; i++) {
            struct vtest_fence *fence;
            assert_int_equal(vtest_fence_create(&syncs, point, 1, &fence), 0);
            assert_int_equal(pthread_create(&threads[i], NULL, retire, fence), 0);
        }
        vtest_sync_read(&syncs, id, &value);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        assert_int_equal(poll_fd(fd), POLLIN);
        close(fd);
    }
    assert_int_equal(syncs.point_count, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_values),          TEST(test_satisfied_waits_share),
        TEST(test_poll_only),       TEST(test_wait_all),
        TEST(test_wait_any),        TEST(test_many_waits_on_one),
        TEST(test_unref_with_wait), TEST(test_finish_with_waits),
        TEST(test_unknown),         TEST(test_sync_limit),
        TEST(test_point_limit),     TEST(test_abandoned_waits),
        TEST(test_wait_limit),      TEST(test_closed_waits),
        TEST(test_satisfied_waits), TEST(test_threads),
    };
    struct rlimit limit;
    signal(SIGPIPE, SIG_IGN); /* as the server does */
    getrlimit(RLIMIT_NOFILE, &limit); /* and this */
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
