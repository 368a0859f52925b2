/* SPDX-License-Identifier: MIT */
/*
 * Render processes that are not what they should be: code of the test runs in them, in the place of
 * what loads the driver, and speaks to the device process as it likes.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "confine.h"
#include "log.h"
#include "render-fixture.h"
#include "render.h"
#include "render_limits.h"
#include "render_protocol.h"
#include "thread.h"

#define PAGE        4096u
#define WINDOW_SIZE (16 * PAGE)

/* How long to wait for what must happen, in milliseconds: machines can be very busy. */
#define PATIENCE 20000

struct test {
    struct vgpu_transport transport;
    int epoll_fd;
    struct render *render;
    int answers, ended;
    int last_error;
};

static const struct vgpu_transport_ops ops = {.enter_render_process = render_fixture_enter};

/* ---- events ---- */

static void on_ready(void *user, struct render *render, uint32_t res_id, int error,
                     const struct render_blob *blob)
{
    (void)render;
    (void)res_id;
    (void)blob;
    ((struct test *)user)->answers++;
    ((struct test *)user)->last_error = error;
}

static void on_released(void *user, struct render *render, uint32_t res_id)
{
    (void)render;
    (void)res_id;
    ((struct test *)user)->answers++;
}

static void on_retired(void *user, struct render *render, uint32_t ring_idx, uint64_t fence_id)
{
    (void)render;
    (void)ring_idx;
    (void)fence_id;
    ((struct test *)user)->answers++;
}

static void on_failed(void *user, struct render *render)
{
    (void)user;
    (void)render;
}

static void on_ended(void *user, struct render *render)
{
    (void)render;
    ((struct test *)user)->ended++;
}

static const struct render_events events = {
    .resource_ready = on_ready,
    .resource_released = on_released,
    .fence_retired = on_retired,
    .failed = on_failed,
    .ended = on_ended,
};

/* ---- set-up ---- */

static int set_up(void **state)
{
    struct test *t = calloc(1, sizeof(*t));
    assert_non_null(t);
    t->epoll_fd = render_fixture_open(&t->transport, &ops, WINDOW_SIZE);
    backend_log_init(getenv("VERBOSE") ? VENUS_LOG_DEBUG : -1);
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct test *t = *state;
    const bool clean = render_fixture_close(&t->transport, t->epoll_fd, t->render);
    free(t);
    return clean ? 0 : -1;
}

static void start(struct test *t, PFN_vkGetInstanceProcAddr (*run)(void))
{
    const struct render_params params = {
        .transport = &t->transport,
        .load_vulkan = run,
        .name = "liar",
        .context_id = 1,
        .epoll_fd = t->epoll_fd,
        .epoll_data = t,
    };
    t->render = render_create(&params, &events, t);
    assert_non_null(t->render);
}

static void wait_for_end(struct test *t)
{
    const uint64_t end = venus_now_ns() + PATIENCE * 1000000ull;
    while (!t->ended && venus_now_ns() < end) {
        struct epoll_event event;
        epoll_wait(t->epoll_fd, &event, 1, 10);
        render_dispatch(t->render);
    }
    assert_int_equal(t->ended, 1);
}

/* ---- in the process ---- */

/* Its socket: the one that its parent has made. */
static int find_socket(void)
{
    struct ucred peer = {0};
    socklen_t size = sizeof(peer);
    int fd = STDERR_FILENO + 1;
    while (fd < 1024 &&
           (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) || peer.pid != getppid()))
        fd++;
    return fd;
}

static struct render_answer lie;

/* Answer the first request with what is no answer. */
static PFN_vkGetInstanceProcAddr tell_a_lie(void)
{
    struct render_request request;
    const int socket = find_socket();
    if (recv(socket, &request, sizeof(request), MSG_WAITALL) == sizeof(request) &&
        send(socket, &lie, sizeof(lie), MSG_NOSIGNAL) == sizeof(lie))
        pause();
    return NULL;
}

/* Say the same for ever, in more bytes at a time than are read, and tell when it has begun. */
static void speak(int socket, int begun)
{
    static struct render_answer failed[1024];
    for (size_t i = 0; i < sizeof(failed) / sizeof(*failed); i++)
        failed[i].type = RENDER_FAILED;
    while (send(socket, failed, sizeof(failed), MSG_NOSIGNAL) == sizeof(failed)) {
        if (begun >= 0 && write(begun, "", 1) != 1)
            break;
        begun = -1;
    }
    _exit(0);
}

/* Leave children behind that never stop to speak. */
static int enter_and_fork(struct vgpu_transport *transport)
{
    const int socket = find_socket();
    int begun[2];
    char byte;
    if (pipe(begun))
        return -errno;
    for (int i = 0; i < 4; i++) {
        if (!fork())
            speak(socket, begun[1]);
    }
    return read(begun[0], &byte, 1) == 1 ? render_fixture_enter(transport) : -EIO;
}

/* Try all ways to a process that could stay behind, and answer how many there are. */
static PFN_vkGetInstanceProcAddr try_to_fork(void)
{
    const long clone_flags = SIGCHLD;
    int made = 0;
    for (int way = 0; way < 3; way++) {
        const long pid = way == 0   ? fork()
                         : way == 1 ? syscall(SYS_clone, clone_flags, 0, 0, 0, 0)
                                    : syscall(SYS_clone3, NULL, 0);
        if (!pid)
            _exit(0);
        made += pid > 0 || (way == 2 && errno != ENOSYS);
    }
    const struct render_answer ready = {.type = RENDER_READY, .id = 1, .error = -made - 1};
    struct render_request request;
    const int socket = find_socket();
    if (recv(socket, &request, sizeof(request), MSG_WAITALL) == sizeof(request) &&
        send(socket, &ready, sizeof(ready), MSG_NOSIGNAL) == sizeof(ready))
        pause();
    return NULL;
}

static PFN_vkGetInstanceProcAddr load_nothing(void)
{
    return NULL;
}

/* Read nothing. */
static PFN_vkGetInstanceProcAddr sleep_for_ever(void)
{
    while (pause())
        ;
    return NULL;
}

/* ---- tests ---- */

/* Each is the end of the process, which does not end by itself, and is told to nobody. */
static void test_lies(void **state)
{
    struct test *t = *state;
    const struct render_answer lies[] = {
        {.type = RENDER_READY, .id = 1, .error = INT32_MIN},
        {.type = RENDER_READY, .id = 1, .error = -4096},
        {.type = RENDER_READY, .id = 1, .error = 1},
        {.type = RENDER_READY, .id = 2},
        {.type = RENDER_RELEASED, .id = 1},
        {.type = RENDER_RETIRED},
        {.type = RENDER_RING, .id = 1, .object = UINT64_MAX - 3},
        {.type = 0},
    };
    for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
        lie = lies[i];
        t->ended = 0;
        start(t, tell_a_lie);
        assert_int_equal(render_attach_slice(t->render, 1, 0, PAGE, false), 0);
        wait_for_end(t);
        assert_int_equal(t->answers, 0);
        render_destroy(t->render);
        t->render = NULL;
    }
}

/* What a child of the process says does not keep the device process from its work. */
static void test_endless_answers(void **state)
{
    static const struct vgpu_transport_ops forking = {.enter_render_process = enter_and_fork};
    struct test *t = *state;
    t->transport.ops = &forking;
    alarm(PATIENCE / 1000);
    for (int i = 0; i < 10; i++) {
        t->ended = 0;
        start(t, load_nothing);
        wait_for_end(t);
        render_destroy(t->render);
        t->render = NULL;
    }
    alarm(0);
}

/* A process that stays behind would use memory that somebody else has by then. */
static void test_no_children(void **state)
{
    struct test *t = *state;
    const uint64_t end = venus_now_ns() + PATIENCE * 1000000ull;
    int status;
    const pid_t pid = fork();
    if (!pid)
        _exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || !confine_syscalls());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status)
        skip(); /* not with this kernel or architecture */
    start(t, try_to_fork);
    assert_int_equal(render_attach_slice(t->render, 1, 0, PAGE, false), 0);
    while (!t->answers && !t->ended && venus_now_ns() < end) {
        struct epoll_event event;
        epoll_wait(t->epoll_fd, &event, 1, 10);
        render_dispatch(t->render);
    }
    assert_int_equal(t->answers, 1);
    assert_int_equal(t->last_error, -1);
}

/* Submit until no more is taken. Returns how many bytes were. */
static size_t fill(struct render *render, const void *stream, size_t size)
{
    size_t taken = 0;
    int error = 0;
    while (!error && taken < 2 * RENDER_ALL_QUEUES) {
        error = render_submit(render, stream, size);
        taken += error ? 0 : size;
    }
    assert_int_equal(error, -EAGAIN);
    return taken;
}

/* Processes that do not take what they are sent: what waits for them is limited, for all of them.
 */
static void test_queues(void **state)
{
    struct test *t = *state;
    enum { COUNT = 32 };
    struct render *sleepers[COUNT];
    const size_t size = RENDER_QUEUE_SIZE / 8, socket = 256 << 10; /* in the kernel, at most */
    size_t all = 0;
    char *stream = calloc(1, size);
    assert_non_null(stream);
    for (int i = 0; i < COUNT; i++) {
        start(t, sleep_for_ever);
        sleepers[i] = t->render;
        t->render = NULL;
        const size_t taken = fill(sleepers[i], stream, size);
        assert_true(taken >= size); /* none is kept from its work by the others */
        assert_true(taken <= RENDER_QUEUE_SIZE + socket);
        all += taken;
    }
    assert_true(all >= RENDER_ALL_QUEUES / 2);
    assert_true(all <= RENDER_ALL_QUEUES + COUNT * (size + socket));
    /* what one held is the others' when it goes */
    for (int i = 0; i < COUNT; i++)
        render_destroy(sleepers[i]);
    start(t, sleep_for_ever);
    assert_true(fill(t->render, stream, size) >= RENDER_QUEUE_SIZE);
    free(stream);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lies),
        TEST(test_no_children),
        TEST(test_endless_answers),
        TEST(test_queues),
    };
    return cmocka_run_group_tests_name("render-lies", tests, NULL, NULL);
}
