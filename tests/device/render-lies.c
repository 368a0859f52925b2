/* SPDX-License-Identifier: MIT */
/*
 * Render processes that are not what they should be: code of the test runs in them, in the place of
 * what loads the driver, and speaks to the device process as it likes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cap-ng.h>
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

static const struct vgpu_transport_ops ops = {
    .enter_render_process = render_fixture_enter,
    .set_window_bits = render_fixture_set_window_bits,
};

static int exports, grants; /* alive */
static int keys;            /* so many exports were made */
static int looks;           /* whether one is released */
static int released;        /* the first one is when there are so many; 0: never */

static int export_slice(struct vgpu_transport *transport, uint64_t offset, uint64_t size, int *fd,
                        int *key)
{
    assert_true(venus_shm_contains(&transport->window, offset, size));
    exports++;
    *key = keys++;
    *fd = dup(STDERR_FILENO);
    return 0;
}

static bool released_slice(struct vgpu_transport *transport, int key)
{
    (void)transport;
    looks++;
    if (key || !released || keys < released)
        return false;
    exports--;
    return true;
}

static void forget_slice(struct vgpu_transport *transport, int key)
{
    (void)transport;
    (void)key;
    exports--;
}

static int grant_dma_buf(struct vgpu_transport *transport, int fd, uint32_t count, uint32_t *refs)
{
    (void)transport;
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0); /* who else has it could make that block */
    assert_int_equal(lseek(fd, 0, SEEK_END), (off_t)count * PAGE);
    memset(refs, 0, count * sizeof(*refs));
    grants++;
    return 0;
}

static void revoke_dma_buf(struct vgpu_transport *transport, int fd)
{
    (void)transport;
    assert_true(fcntl(fd, F_GETFD) >= 0);
    grants--;
}

static const struct vgpu_transport_ops dma_buf_ops = {
    .enter_render_process = render_fixture_enter,
    .set_window_bits = render_fixture_set_window_bits,
    .export_slice = export_slice,
    .released_slice = released_slice,
    .forget_slice = forget_slice,
    .grant_dma_buf = grant_dma_buf,
    .revoke_dma_buf = revoke_dma_buf,
};

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

static void start_with(struct test *t, bool per_blob, PFN_vkGetInstanceProcAddr (*run)(void))
{
    const struct render_params params = {
        .transport = &t->transport,
        .load_vulkan = run,
        .per_blob = per_blob,
        .name = "liar",
        .context_id = 1,
        .epoll_fd = t->epoll_fd,
        .epoll_data = t,
    };
    t->render = render_create(&params, &events, t);
    assert_non_null(t->render);
}

static void start(struct test *t, PFN_vkGetInstanceProcAddr (*run)(void))
{
    start_with(t, false, run);
}

/* Dispatch until there is an answer, or the process has ended. */
static void run_until_answer(struct test *t)
{
    const uint64_t end = venus_now_ns() + PATIENCE * 1000000ull;
    while (!t->answers && !t->ended && venus_now_ns() < end) {
        struct epoll_event event;
        epoll_wait(t->epoll_fd, &event, 1, 10);
        render_dispatch(t->render);
    }
}

static void wait_for_end(struct test *t)
{
    run_until_answer(t);
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

/* Its socket for questions. */
static int find_asks(void)
{
    int type = 0, fd = find_socket();
    socklen_t size = sizeof(type);
    while (++fd < 1024 &&
           (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) || type != SOCK_SEQPACKET))
        ;
    return fd;
}

static struct {
    struct render_ask ask;
    size_t size;  /* bytes of it to send; 0: all */
    off_t file;   /* bytes of the file that goes with it; 0: none, -1: a pipe */
    int files;    /* that go with it, beside the first */
    int times;    /* beside the first */
    int expected; /* error, or 1: to be killed */
} question;

static int make_file(void)
{
    int ends[2] = {-1, -1};
    if (question.file < 0)
        return pipe(ends) ? -1 : ends[0];
    const int fd = memfd_create("file", 0);
    return ftruncate(fd, question.file) ? -1 : fd;
}

static void send_question(int socket)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(3 * sizeof(int))];
    } control = {0};
    struct iovec data = {
        .iov_base = &question.ask,
        .iov_len = question.size ? question.size : sizeof(question.ask),
    };
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    if (question.file) {
        const int fd = make_file(), fds[3] = {fd, fd, fd}, count = 1 + question.files;
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(fd));
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(count * sizeof(fd));
        memcpy(CMSG_DATA(&control.header), fds, count * sizeof(fd));
    }
    if (sendmsg(socket, &message, MSG_NOSIGNAL) < 0)
        _exit(1);
}

/* Ask, and answer the first request with the last error that came. */
static PFN_vkGetInstanceProcAddr ask_questions(void)
{
    const int asks = find_asks(), socket = find_socket();
    struct render_request request;
    struct render_reply reply;
    if (recv(socket, &request, sizeof(request), MSG_WAITALL) != sizeof(request))
        return NULL;
    for (int i = 0; i <= question.times; i++) {
        send_question(asks);
        if (recv(asks, &reply, sizeof(reply), 0) != sizeof(reply))
            pause();
    }
    /* 0 is no answer to a request that makes something */
    const struct render_answer ready = {
        .type = RENDER_READY, .id = 1, .error = reply.error ? reply.error : -ECANCELED};
    if (send(socket, &ready, sizeof(ready), MSG_NOSIGNAL) == sizeof(ready))
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
    static const struct vgpu_transport_ops forking = {
        .enter_render_process = enter_and_fork,
        .set_window_bits = render_fixture_set_window_bits,
    };
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

#define EXPORT(res_id, from, bytes)                                                                \
    .ask = {.type = RENDER_ASK_EXPORT, .id = res_id, .offset = from, .size = bytes}
#define GRANT(res_id) .ask = {.type = RENDER_ASK_GRANT, .id = res_id}

static int open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* Run the question in a process whose resource 1 is being made: pages 2 and 3 of the window, or a
 * blob of two pages. */
static void check_question(struct test *t, bool per_blob)
{
    const int before = open_files();
    t->answers = t->ended = keys = looks = 0;
    start_with(t, per_blob, ask_questions);
    assert_int_equal(per_blob ? render_create_blob(t->render, 1, 0, 2 * PAGE, 1)
                              : render_attach_slice(t->render, 1, 2 * PAGE, 2 * PAGE, false),
                     0);
    if (question.expected == 1) {
        wait_for_end(t);
    } else {
        run_until_answer(t);
        assert_int_equal(t->answers, 1);
        assert_int_equal(t->last_error, question.expected);
    }
    const int alive = exports + grants;
    render_destroy(t->render);
    t->render = NULL;
    assert_int_equal(open_files(), before);
    /* Not all of them for each question. */
    assert_true(looks <= (question.times + 1) * RENDER_LOOKS_AT_ONCE);
    /* What was granted for a blob goes with it. */
    assert_int_equal(alive != 0, !per_blob && (question.expected == -ECANCELED || question.times));
    assert_int_equal(exports + grants, 0);
}

/* Only what is in the process's own slices, or a sample, and not more than the window has. */
static void test_export_questions(void **state)
{
    struct test *t = *state;
    const __typeof__(question) questions[] = {
        {EXPORT(1, 2 * PAGE, 2 * PAGE), .expected = -ECANCELED},
        {EXPORT(1, 3 * PAGE, PAGE), .expected = -ECANCELED},
        {EXPORT(0, 0, PAGE), .expected = -ECANCELED},
        {EXPORT(2, 2 * PAGE, PAGE), .expected = -EINVAL},
        {EXPORT(1, PAGE, PAGE), .expected = -EINVAL},
        {EXPORT(1, 3 * PAGE, 2 * PAGE), .expected = -EINVAL},
        {EXPORT(1, 4 * PAGE, PAGE), .expected = -EINVAL},
        {EXPORT(1, 2 * PAGE, 0), .expected = -EINVAL},
        {EXPORT(1, 2 * PAGE, 100), .expected = -EINVAL},
        {EXPORT(1, 2 * PAGE + 1, PAGE), .expected = -EINVAL},
        {EXPORT(1, 3 * PAGE, UINT64_MAX - PAGE + 1), .expected = -EINVAL},
        {EXPORT(0, UINT64_MAX - PAGE + 1, 2 * PAGE), .expected = -EINVAL},
        {EXPORT(0, WINDOW_SIZE - PAGE, 2 * PAGE), .expected = -EINVAL},
        {EXPORT(1, 2 * PAGE, 2 * PAGE), .times = 7, .expected = -ECANCELED},
        {EXPORT(1, 2 * PAGE, 2 * PAGE), .times = 8, .expected = -ENOSPC},
        {EXPORT(0, 0, PAGE), .times = RENDER_MAX_DMA_BUFS - 1, .expected = -ECANCELED},
        {EXPORT(0, 0, PAGE), .times = RENDER_MAX_DMA_BUFS, .expected = -ENOSPC},
        {GRANT(1), .file = 2 * PAGE, .expected = -EINVAL},
        {GRANT(1), .expected = -EINVAL},
        {.ask = {.type = 0}, .expected = 1},
        {.ask = {.type = 3}, .file = PAGE, .expected = 1},
        {EXPORT(1, 2 * PAGE, PAGE), .file = PAGE, .expected = -ECANCELED},
        {EXPORT(1, 2 * PAGE, PAGE), .file = PAGE, .files = 1, .expected = 1},
        {EXPORT(1, 2 * PAGE, PAGE), .size = 8, .expected = 1},
    };
    t->transport.ops = &dma_buf_ops;
    for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
        memcpy(&question, &questions[i], sizeof(question));
        check_question(t, false);
    }
}

/* Only for a blob that is being made, with a file of whole pages that can hold it; but a try leaves
 * nothing. */
static void test_grant_questions(void **state)
{
    struct test *t = *state;
    const __typeof__(question) questions[] = {
        {GRANT(1), .file = 2 * PAGE, .expected = -ECANCELED},
        {GRANT(1), .file = 4 * PAGE, .expected = -ECANCELED},
        {GRANT(1), .file = PAGE, .expected = -EINVAL},
        {GRANT(1), .file = 2 * PAGE + 1, .expected = -EINVAL},
        {GRANT(1), .file = -1, .expected = -EINVAL},
        {GRANT(1), .expected = -EINVAL},
        {GRANT(2), .file = 2 * PAGE, .expected = -EINVAL},
        {GRANT(1), .file = 2 * WINDOW_SIZE, .expected = -ENOSPC},
        {GRANT(1), .file = 2 * PAGE, .times = 1, .expected = -EINVAL},
        {GRANT(1), .file = 2 * PAGE, .files = 1, .expected = 1},
        {GRANT(1), .file = 2 * PAGE, .files = 2, .expected = 1},
        {GRANT(0), .file = 32 * PAGE, .expected = -ENOSPC},
        {GRANT(0), .file = PAGE, .expected = -ECANCELED},
        {EXPORT(1, 2 * PAGE, PAGE), .expected = -EINVAL},
        {EXPORT(0, 0, PAGE), .expected = -EINVAL},
    };
    t->transport.ops = &dma_buf_ops;
    t->transport.window_size = WINDOW_SIZE;
    for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
        memcpy(&question, &questions[i], sizeof(question));
        check_question(t, true);
    }
}

/* One that is not in use any more is found although there are many that are. */
static void test_unused_export(void **state)
{
    struct test *t = *state;
    t->transport.ops = &dma_buf_ops;
    const __typeof__(question) many = {EXPORT(0, 0, PAGE), .times = 99};
    memcpy(&question, &many, sizeof(question));
    keys = 0;
    released = 50;
    start_with(t, false, ask_questions);
    assert_int_equal(render_attach_slice(t->render, 1, 2 * PAGE, 2 * PAGE, false), 0);
    run_until_answer(t);
    assert_int_equal(t->last_error, -ECANCELED);
    assert_int_equal(keys, 100);
    assert_int_equal(exports, 99);
    released = 0;
    render_destroy(t->render);
    t->render = NULL;
    assert_int_equal(exports, 0);
}

/* So many descriptors of this user on their way that no more can be sent, without privileges. */
static bool exhaust_descriptors(const int *ends, const struct rlimit *limit)
{
    enum { COUNT = 200 };
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(COUNT * sizeof(int))];
    } control = {0};
    struct iovec data = {.iov_base = "", .iov_len = 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control};
    message.msg_controllen = sizeof(control);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(COUNT * sizeof(int)); /* all are standard input */
    capng_get_caps_process();
    capng_updatev(CAPNG_DROP, CAPNG_EFFECTIVE, CAP_SYS_ADMIN, CAP_SYS_RESOURCE, -1);
    return !capng_apply(CAPNG_SELECT_CAPS) && sendmsg(ends[0], &message, MSG_DONTWAIT) == 1 &&
           !setrlimit(RLIMIT_NOFILE, limit) && sendmsg(ends[0], &message, MSG_DONTWAIT) < 0 &&
           errno == ETOOMANYREFS;
}

/* That is nothing that the process which asks can help. */
static void test_descriptors_on_their_way(void **state)
{
    struct test *t = *state;
    struct rlimit before, few;
    int ends[2];
    t->transport.ops = &dma_buf_ops;
    const __typeof__(question) one = {EXPORT(1, 2 * PAGE, PAGE)};
    memcpy(&question, &one, sizeof(question));
    start_with(t, false, ask_questions);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 100;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    const bool exhausted = exhaust_descriptors(ends, &few);
    if (exhausted) {
        assert_int_equal(render_attach_slice(t->render, 1, 2 * PAGE, 2 * PAGE, false), 0);
        run_until_answer(t);
    }
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    if (!exhausted)
        skip(); /* not with this kernel */
    assert_int_equal(t->answers, 1);
    assert_int_equal(t->last_error, -EMFILE);
}

/* A blob that was never granted. */
static void test_no_grant(void **state)
{
    struct test *t = *state;
    t->transport.ops = &dma_buf_ops;
    lie = (struct render_answer){
        .type = RENDER_READY, .id = 1, .object = RENDER_GRANTED, .size = PAGE};
    start_with(t, true, tell_a_lie);
    assert_int_equal(render_create_blob(t->render, 1, 0, PAGE, 1), 0);
    wait_for_end(t);
    assert_int_equal(t->answers, 0);
}

/* A process that stays behind would use memory that somebody else has by then. */
static void test_no_children(void **state)
{
    struct test *t = *state;
    int status;
    const pid_t pid = fork();
    if (!pid)
        _exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || !confine_syscalls());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status)
        skip(); /* not with this kernel or architecture */
    start(t, try_to_fork);
    assert_int_equal(render_attach_slice(t->render, 1, 0, PAGE, false), 0);
    run_until_answer(t);
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
        TEST(test_export_questions),
        TEST(test_grant_questions),
        TEST(test_unused_export),
        TEST(test_no_grant),
        TEST(test_no_children),
        TEST(test_endless_answers),
        TEST(test_queues),
        TEST(test_descriptors_on_their_way), /* takes privileges away */
    };
    return cmocka_run_group_tests_name("render-lies", tests, NULL, NULL);
}
