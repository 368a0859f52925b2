/* SPDX-License-Identifier: MIT */
/*
 * Render processes with the null driver: what they answer, that they can be killed in every state,
 * and what the guest sees of their end.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"
#include "null.h"
#include "render-fixture.h"
#include "render.h"
#include "render_limits.h"
#include "render_protocol.h"
#include "stream.h"
#include "thread.h"

#define PAGE        4096u
#define WINDOW_SIZE (64 * PAGE)

/* How long to wait for what must happen, in milliseconds: machines can be very busy. */
#define PATIENCE 20000

#define FATAL 2u /* in a ring's status */

struct test {
    struct vgpu_transport transport;
    int epoll_fd;
    struct render *render;
    int ready, released, retired, failed, ended;
    uint32_t last_id;
    int last_error;
    uint64_t last_fence;
    uint64_t blob_size;
    uint32_t blob_refs[4];
    bool destroy_on_end;
};

/* ---- the transport: memory that is shared with the child ---- */

static int fail_to_enter(struct vgpu_transport *transport)
{
    (void)transport;
    return -EPERM;
}

static int alloc_no_pages(struct vgpu_transport *transport, uint32_t count, void **pages,
                          uint32_t *refs)
{
    (void)transport;
    (void)count;
    (void)pages;
    (void)refs;
    return -ENOSPC;
}

static const struct vgpu_transport_ops ops = {
    .enter_render_process = render_fixture_enter,
    .set_window_bits = render_fixture_set_window_bits,
    .alloc_pages = render_fixture_alloc,
    .free_pages = render_fixture_free,
};
static const struct vgpu_transport_ops poor_ops = {
    .enter_render_process = render_fixture_enter,
    .set_window_bits = render_fixture_set_window_bits,
    .alloc_pages = alloc_no_pages,
};
static const struct vgpu_transport_ops broken_ops = {.enter_render_process = fail_to_enter};

/* ---- events ---- */

static void on_ready(void *user, struct render *render, uint32_t res_id, int error,
                     const struct render_blob *blob)
{
    struct test *t = user;
    assert_ptr_equal(render, t->render);
    t->ready++;
    t->last_id = res_id;
    t->last_error = error;
    if (blob) {
        t->blob_size = blob->size;
        for (uint32_t i = 0; i < 4 && i < blob->size / PAGE; i++)
            t->blob_refs[i] = blob->refs[i];
    }
}

static void on_released(void *user, struct render *render, uint32_t res_id)
{
    struct test *t = user;
    (void)render;
    t->released++;
    t->last_id = res_id;
}

static void on_retired(void *user, struct render *render, uint32_t ring_idx, uint64_t fence_id)
{
    struct test *t = user;
    (void)render;
    (void)ring_idx;
    t->retired++;
    t->last_fence = fence_id;
}

static void on_failed(void *user, struct render *render)
{
    (void)render;
    ((struct test *)user)->failed++;
}

static void on_ended(void *user, struct render *render)
{
    struct test *t = user;
    t->ended++;
    if (t->destroy_on_end) {
        render_destroy(render);
        t->render = NULL;
    }
}

static const struct render_events events = {
    .resource_ready = on_ready,
    .resource_released = on_released,
    .fence_retired = on_retired,
    .failed = on_failed,
    .ended = on_ended,
};

/* Dispatch until *count is `wanted`, or nothing happens for long. */
static void wait_for(struct test *t, const int *count, int wanted)
{
    const uint64_t end = venus_now_ns() + PATIENCE * 1000000ull;
    while (*count < wanted && venus_now_ns() < end) {
        struct epoll_event event;
        epoll_wait(t->epoll_fd, &event, 1, 10);
        if (t->render)
            render_dispatch(t->render);
    }
    assert_int_equal(*count, wanted);
}

/* ---- set-up ---- */

static PFN_vkGetInstanceProcAddr load_null(void)
{
    return null_vkGetInstanceProcAddr;
}

static PFN_vkGetInstanceProcAddr load_nothing(void)
{
    return NULL;
}

static void start_with(struct test *t, bool per_blob, PFN_vkGetInstanceProcAddr (*load)(void))
{
    const struct render_params params = {
        .transport = &t->transport,
        .load_vulkan = load,
        .per_blob = per_blob,
        .name = "test\n",
        .context_id = 1,
        .epoll_fd = t->epoll_fd,
        .epoll_data = t,
    };
    t->render = render_create(&params, &events, t);
    assert_non_null(t->render);
}

static void start(struct test *t, bool per_blob)
{
    start_with(t, per_blob, load_null);
}

static int set_up(void **state)
{
    struct test *t = calloc(1, sizeof(*t));
    t->epoll_fd = render_fixture_open(&t->transport, &ops, WINDOW_SIZE);
    backend_log_init(getenv("VERBOSE") ? VENUS_LOG_DEBUG : VENUS_LOG_ERROR);
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

static uint8_t *window(struct test *t)
{
    return (uint8_t *)t->transport.window.base;
}

static _Atomic uint32_t *word(struct test *t, size_t offset)
{
    return venus_shm_word(&t->transport.window, offset);
}

static void attach(struct test *t, uint32_t id, uint64_t offset, uint64_t size, bool clear)
{
    const int before = t->ready;
    assert_int_equal(render_attach_slice(t->render, id, offset, size, clear), 0);
    wait_for(t, &t->ready, before + 1);
    assert_int_equal(t->last_id, id);
    assert_int_equal(t->last_error, 0);
}

/* ---- streams ---- */

static void create_ring(struct test *t, uint64_t id, uint32_t resource)
{
    struct stream s = {.size = 0};
    put_create_ring(&s, id, resource);
    assert_int_equal(render_submit(t->render, s.bytes, s.size), 0);
}

/* A submission that never ends by itself. */
static void block(struct test *t, uint64_t ring)
{
    struct stream s = {.size = 0};
    put_wait_ring(&s, ring);
    assert_int_equal(render_submit(t->render, s.bytes, s.size), 0);
}

/* A process with a ring in a slice at page 8, whose report has come. */
static void start_ring(struct test *t)
{
    start(t, false);
    attach(t, 5, 8 * PAGE, 2 * PAGE, true);
    create_ring(t, 77, 5);
    assert_int_equal(render_create_fence(t->render, 0, 1), 0);
    wait_for(t, &t->retired, 1);
    assert_int_equal(atomic_load(word(t, 8 * PAGE + STATUS)) & FATAL, 0);
}

static bool ring_is_fatal(struct test *t)
{
    return atomic_load(word(t, 8 * PAGE + STATUS)) & FATAL;
}

/* ---- tests ---- */

/* It goes when it is told to, whatever it still has. */
static void end(struct test *t)
{
    render_end(t->render);
    wait_for(t, &t->ended, 1);
    assert_int_equal(t->failed, 0);
}

static void test_ends_when_told(void **state)
{
    struct test *t = *state;
    start(t, false);
    const pid_t pid = render_pid(t->render);
    assert_int_equal(kill(pid, 0), 0);
    assert_int_equal(render_next_time(t->render), INT64_MAX);
    render_end(t->render);
    assert_true(render_next_time(t->render) < INT64_MAX);
    wait_for(t, &t->ended, 1);
    assert_int_equal(render_next_time(t->render), INT64_MAX);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(render_submit(t->render, "", 0), -EIO);
    assert_int_equal(render_attach_slice(t->render, 1, 0, PAGE, false), -EIO);
    render_dispatch(t->render);
    assert_int_equal(t->ended, 1);
}

static void test_slices(void **state)
{
    struct test *t = *state;
    memset(window(t), 0xaa, WINDOW_SIZE);
    start(t, false);
    attach(t, 1, PAGE, 2 * PAGE, true);
    for (uint32_t i = 0; i < 2 * PAGE; i++)
        assert_int_equal(window(t)[PAGE + i], 0);
    assert_int_equal(window(t)[PAGE - 1], 0xaa); /* and nothing around it */
    assert_int_equal(window(t)[3 * PAGE], 0xaa);
    attach(t, 2, 4 * PAGE, PAGE, false);
    assert_int_equal(window(t)[4 * PAGE], 0xaa);

    assert_int_equal(render_attach_slice(t->render, 1, 0, PAGE, false), -EEXIST);
    assert_int_equal(render_attach_slice(t->render, 3, WINDOW_SIZE, PAGE, false), -EINVAL);
    assert_int_equal(render_attach_slice(t->render, 3, 0, UINT64_MAX, false), -EINVAL);
    assert_int_equal(render_attach_slice(t->render, 3, 1, PAGE, false), -EINVAL);
    assert_int_equal(render_unref(t->render, 3), -ENOENT);

    assert_int_equal(render_unref(t->render, 1), 0);
    assert_int_equal(render_unref(t->render, 1), -ENOENT);
    assert_int_equal(render_attach_slice(t->render, 1, 0, PAGE, false), -EEXIST);
    wait_for(t, &t->released, 1);
    assert_int_equal(t->last_id, 1);
    attach(t, 1, 0, PAGE, false);

    /* What the renderer refuses is said, and can be dropped. */
    assert_int_equal(render_attach_slice(t->render, 9, 0, 0, false), 0);
    wait_for(t, &t->ready, 4);
    assert_int_equal(t->last_error, -EINVAL);
    assert_int_equal(render_unref(t->render, 9), -ENOENT);

    /* Dropped before the answer. */
    assert_int_equal(render_attach_slice(t->render, 9, 0, 0, false), 0);
    assert_int_equal(render_unref(t->render, 9), 0);
    wait_for(t, &t->released, 2);
    assert_int_equal(t->ready, 5);
    end(t);
}

/* A ring keeps its slice in use until it is gone; dropping the slice is the client's mistake. */
static void test_slice_of_a_ring(void **state)
{
    struct test *t = *state;
    start_ring(t);
    assert_int_equal(render_unref(t->render, 5), 0);
    wait_for(t, &t->failed, 1);
    assert_int_equal(t->released, 0);
    assert_true(ring_is_fatal(t));
    assert_int_equal(render_submit(t->render, "", 0), -EIO);
    render_end(t->render);
    wait_for(t, &t->ended, 1);
    assert_int_equal(t->released, 1); /* before the end */
}

static void test_fences(void **state)
{
    struct test *t = *state;
    start(t, false);
    for (uint64_t i = 1; i <= 100; i++)
        assert_int_equal(render_create_fence(t->render, 0, i), 0);
    wait_for(t, &t->retired, 100);
    assert_int_equal(t->last_fence, 100);
    /* Nobody waits for a timeline that there is not. */
    assert_int_equal(render_create_fence(t->render, 5, 7), 0);
    wait_for(t, &t->retired, 101);
    assert_int_equal(t->last_fence, 7);
    end(t);
}

static void test_failure(void **state)
{
    struct test *t = *state;
    start(t, false);
    assert_int_equal(render_submit(t->render, "junkjunk", 8), 0);
    wait_for(t, &t->failed, 1);
    assert_int_equal(t->ended, 0);
    assert_int_equal(render_submit(t->render, "junkjunk", 8), -EIO);
    render_end(t->render);
    wait_for(t, &t->ended, 1);
    assert_int_equal(t->failed, 1);
}

static void test_blocked_submission_ends(void **state)
{
    struct test *t = *state;
    start_ring(t);
    block(t, 77);
    assert_int_equal(render_create_fence(t->render, 0, 2), 0);
    usleep(50000);
    render_dispatch(t->render);
    assert_int_equal(t->retired, 1); /* behind the submission */
    render_end(t->render);
    wait_for(t, &t->ended, 1);
    assert_true(ring_is_fatal(t));
}

static void test_killed(void **state)
{
    struct test *t = *state;
    start_ring(t);
    kill(render_pid(t->render), SIGKILL);
    wait_for(t, &t->ended, 1);
    assert_true(ring_is_fatal(t));
    assert_int_equal(t->failed, 0);
}

static void test_crashed(void **state)
{
    struct test *t = *state;
    start_ring(t);
    kill(render_pid(t->render), SIGSEGV);
    wait_for(t, &t->ended, 1);
    assert_true(ring_is_fatal(t));
}

/* A process that is stopped can be killed, and told to end without being waited for for long. */
static void test_stopped(void **state)
{
    struct test *t = *state;
    start_ring(t);
    kill(render_pid(t->render), SIGSTOP);
    render_end(t->render);
    render_dispatch(t->render);
    assert_int_equal(t->ended, 0);
    render_kill(t->render);
    wait_for(t, &t->ended, 1);
    assert_true(ring_is_fatal(t));
}

static void test_stopped_in_time(void **state)
{
    struct test *t = *state;
    start_ring(t);
    kill(render_pid(t->render), SIGSTOP);
    render_end(t->render);
    const uint64_t before = venus_now_ns();
    wait_for(t, &t->ended, 1);
    assert_true(venus_now_ns() - before >= (RENDER_END_MS - 100) * 1000000ull);
}

static void test_destroyed_while_stopped(void **state)
{
    struct test *t = *state;
    start_ring(t);
    kill(render_pid(t->render), SIGSTOP);
    render_destroy(t->render);
    t->render = NULL;
    assert_int_equal(t->ended, 0);
}

static void test_destroyed_at_its_end(void **state)
{
    struct test *t = *state;
    start(t, false);
    t->destroy_on_end = true;
    render_kill(t->render);
    wait_for(t, &t->ended, 1);
    assert_null(t->render);
}

/* The status word is forgotten with the slice: somebody else may use it then. */
static void test_released_rings_are_forgotten(void **state)
{
    struct test *t = *state;
    struct stream s = {.size = 0};
    start_ring(t);
    put32(&s, DESTROY_RING);
    put32(&s, 0);
    put64(&s, 77);
    assert_int_equal(render_submit(t->render, s.bytes, s.size), 0);
    assert_int_equal(render_unref(t->render, 5), 0);
    wait_for(t, &t->released, 1);
    render_kill(t->render);
    wait_for(t, &t->ended, 1);
    assert_false(ring_is_fatal(t));
}

/* What does not fit into the socket waits, up to a limit, and in order. */
static void test_queue(void **state)
{
    struct test *t = *state;
    const size_t size = RENDER_QUEUE_SIZE / 16;
    char *nothing = calloc(1, size);
    assert_non_null(nothing);
    start_ring(t);
    block(t, 77);
    int error = 0, taken = 0;
    while (!error && taken < 100) {
        error = render_submit(t->render, nothing, size);
        taken += !error;
    }
    free(nothing);
    assert_int_equal(error, -EAGAIN);
    assert_true((uint64_t)taken * size >= RENDER_QUEUE_SIZE - size);
    assert_true((uint64_t)taken * size <= RENDER_QUEUE_SIZE + (1 << 20)); /* the socket's */
    /* Small requests are taken none the less, and the end is not held up. */
    assert_int_equal(render_attach_slice(t->render, 6, 0, PAGE, false), 0);
    assert_int_equal(render_create_fence(t->render, 0, 9), 0);
    render_end(t->render);
    wait_for(t, &t->ended, 1);
}

/* One submission may be larger than the queue. */
static void test_large_submission(void **state)
{
    struct test *t = *state;
    const uint32_t size = RENDER_QUEUE_SIZE + (4 << 20);
    uint8_t *stream = malloc(size);
    assert_non_null(stream);
    start_ring(t);
    struct stream notify = {.size = 0};
    put32(&notify, NOTIFY_RING); /* does nothing that lasts */
    put32(&notify, 0);
    put64(&notify, 77);
    put64(&notify, 0);
    const uint32_t count = size / notify.size;
    for (uint32_t i = 0; i < count; i++)
        memcpy(stream + i * notify.size, notify.bytes, notify.size);
    assert_int_equal(render_submit(t->render, stream, count * notify.size), 0);
    free(stream);
    assert_int_equal(render_create_fence(t->render, 0, 2), 0);
    wait_for(t, &t->retired, 2);
    assert_int_equal(t->failed, 0);
}

static void test_blobs(void **state)
{
    struct test *t = *state;
    start(t, true);
    assert_int_equal(render_create_blob(t->render, 3, 0, 2 * PAGE + 1, 1), 0);
    wait_for(t, &t->ready, 1);
    assert_int_equal(t->last_error, 0);
    assert_int_equal(t->blob_size, 3 * PAGE);
    assert_int_equal(t->blob_refs[0], 1000);
    assert_int_equal(t->blob_refs[2], 1002);
    assert_int_equal(render_unref(t->render, 3), 0);
    wait_for(t, &t->released, 1);

    /* Of memory that does not exist, and too large. */
    assert_int_equal(render_create_blob(t->render, 3, 99, PAGE, 1), 0);
    wait_for(t, &t->ready, 2);
    assert_true(t->last_error < 0);
    assert_int_equal(render_create_blob(t->render, 4, 0, UINT64_MAX, 1), -EINVAL);
    assert_int_equal(t->failed, 0);

    /* One that is left goes with the process. */
    assert_int_equal(render_create_blob(t->render, 5, 0, PAGE, 1), 0);
    wait_for(t, &t->ready, 3);
    assert_int_equal(t->last_error, 0);
    end(t);
}

/* No pages to grant is the guest's trouble, and not the end of its context. */
static void test_no_blobs(void **state)
{
    struct test *t = *state;
    t->transport.ops = &poor_ops;
    start(t, true);
    assert_int_equal(render_create_blob(t->render, 3, 0, PAGE, 1), 0);
    wait_for(t, &t->ready, 1);
    assert_int_equal(t->last_error, -ENOSPC);
    assert_int_equal(render_unref(t->render, 3), -ENOENT);
    end(t);
}

static void test_blobs_without_mapping(void **state)
{
    struct test *t = *state;
    start(t, false);
    assert_int_equal(render_create_blob(t->render, 3, 0, PAGE, 1), 0);
    wait_for(t, &t->ready, 1);
    assert_int_equal(t->last_error, -ENOTSUP);
    end(t);
}

/* Whatever keeps the process from starting shows as its end. */
static void test_no_start(void **state)
{
    struct test *t = *state;
    t->transport.ops = &broken_ops;
    start(t, false);
    wait_for(t, &t->ended, 1);
    render_destroy(t->render);

    const struct render_params params = {
        .transport = &t->transport,
        .load_vulkan = load_nothing,
        .name = "test",
        .epoll_fd = t->epoll_fd,
    };
    t->transport.ops = &ops;
    t->render = render_create(&params, &events, t);
    wait_for(t, &t->ended, 2);
}

static bool has_driver(void)
{
    const VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
    VkInstance instance;
    if (vkCreateInstance(&info, NULL, &instance) != VK_SUCCESS)
        return false;
    vkDestroyInstance(instance, NULL);
    return true;
}

/* The host's own Vulkan starts in a process that has given up so much. */
static void test_driver_of_the_host(void **state)
{
    struct test *t = *state;
    struct stream s = {.size = 0};
    const pid_t pid = fork();
    if (!pid)
        _exit(!has_driver());
    int status;
    waitpid(pid, &status, 0);
    if (status)
        skip();
    start_with(t, false, NULL);
    attach(t, 3, PAGE, PAGE, true);
    put32(&s, CREATE_INSTANCE);
    put32(&s, 0);
    put64(&s, 1); /* pCreateInfo */
    put32(&s, VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO);
    for (int i = 0; i < 10; i++)
        put32(&s, 0); /* nothing in it */
    put32(&s, 0);
    put64(&s, 0); /* pAllocator */
    put64(&s, 1); /* pInstance */
    put64(&s, 42);
    put_set_reply(&s, 3, 64);
    put32(&s, ENUMERATE_PHYSICAL_DEVICES);
    put32(&s, GENERATE_REPLY);
    put64(&s, 42);
    put64(&s, 1); /* pPhysicalDeviceCount */
    put32(&s, 0);
    put64(&s, 0);
    assert_int_equal(render_submit(t->render, s.bytes, s.size), 0);
    assert_int_equal(render_create_fence(t->render, 0, 1), 0);
    wait_for(t, &t->retired, 1);
    assert_int_equal(t->failed, 0);
    /* The command, VkResult, a pointer that is not NULL, and how many GPUs it can offer. */
    assert_int_equal(atomic_load(word(t, PAGE)), ENUMERATE_PHYSICAL_DEVICES);
    assert_int_equal(atomic_load(word(t, PAGE + 4)), VK_SUCCESS);
    assert_true(atomic_load(word(t, PAGE + 16)) > 0);
    render_end(t->render);
    wait_for(t, &t->ended, 1);
}

/* The value of a line of /proc/PID/status, as a number in this base. */
static unsigned long long status_of(pid_t pid, const char *key, int base)
{
    char path[64], line[256];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    const char *value = NULL;
    while (!value && fgets(line, sizeof(line), file))
        if (!strncmp(line, key, strlen(key)))
            value = line + strlen(key);
    fclose(file);
    assert_non_null(value);
    return strtoull(value, NULL, base);
}

/* The state letter of a process; it may have gone: then 'Z', too. */
static char state_of(pid_t pid)
{
    char path[64], name[64], letter = 'Z';
    int number;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return 'Z';
    if (fscanf(file, "%d (%63[^)]) %c", &number, name, &letter) != 3)
        letter = 'Z';
    fclose(file);
    return letter;
}

static void check_descriptors(pid_t pid, int secret)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, secret);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(errno, ENOENT);
    snprintf(path, sizeof(path), "/proc/%d/fd/2", (int)pid);
    assert_int_equal(faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW), 0);
}

static void test_confined(void **state)
{
    struct test *t = *state;
    const int secret = fcntl(t->epoll_fd, F_DUPFD, 200); /* a number that it does not get to */
    start(t, false);
    attach(t, 1, 0, PAGE, false); /* it is past its start */
    const pid_t pid = render_pid(t->render);
    assert_int_equal(status_of(pid, "CapEff:", 16), 0);
    assert_int_equal(status_of(pid, "CapPrm:", 16), 0);
    assert_int_equal(status_of(pid, "CapInh:", 16), 0);
    assert_int_equal(status_of(pid, "NoNewPrivs:", 10), 1);
    assert_int_equal(status_of(pid, "Seccomp:", 10), 2);
    if (!geteuid()) { /* nobody else may look */
        assert_int_equal(status_of(pid, "CapBnd:", 16), 0);
        check_descriptors(pid, secret);
    }
    struct rlimit limit;
    assert_int_equal(prlimit(pid, RLIMIT_CORE, NULL, &limit), 0);
    assert_int_equal(limit.rlim_max, 0);
    struct rlimit own;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &own), 0);
    assert_int_equal(prlimit(pid, RLIMIT_NOFILE, NULL, &limit), 0);
    assert_true(limit.rlim_max < own.rlim_max && limit.rlim_max <= RENDER_MAX_FILES);
    assert_true(limit.rlim_cur <= limit.rlim_max);
    close(secret);
}

/* It does not outlive its parent. */
static void test_orphan(void **state)
{
    struct test *t = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t parent = fork();
    if (!parent) {
        start(t, false);
        const pid_t child = render_pid(t->render);
        _exit(write(ends[1], &child, sizeof(child)) != sizeof(child));
    }
    pid_t child;
    assert_int_equal(read(ends[0], &child, sizeof(child)), sizeof(child));
    close(ends[0]);
    close(ends[1]);
    int status;
    assert_int_equal(waitpid(parent, &status, 0), parent);
    assert_int_equal(status, 0);
    const uint64_t end = venus_now_ns() + PATIENCE * 1000000ull;
    while (state_of(child) != 'Z' && venus_now_ns() < end)
        usleep(1000);
    assert_int_equal(state_of(child), 'Z');
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ends_when_told),
        TEST(test_slices),
        TEST(test_slice_of_a_ring),
        TEST(test_fences),
        TEST(test_failure),
        TEST(test_blocked_submission_ends),
        TEST(test_killed),
        TEST(test_crashed),
        TEST(test_stopped),
        TEST(test_stopped_in_time),
        TEST(test_destroyed_while_stopped),
        TEST(test_destroyed_at_its_end),
        TEST(test_released_rings_are_forgotten),
        TEST(test_queue),
        TEST(test_large_submission),
        TEST(test_blobs),
        TEST(test_no_blobs),
        TEST(test_blobs_without_mapping),
        TEST(test_no_start),
        TEST(test_driver_of_the_host),
        TEST(test_confined),
        TEST(test_orphan),
    };
    return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}
