/* SPDX-License-Identifier: MIT */
/* The device with real render processes, on the null driver: from the virtqueue to the window. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "null.h"
#include "peer.h"
#include "stream.h"

#define OK     VIRTIO_GPU_RESP_OK_NODATA
#define MAPPED VIRTIO_GPU_RESP_OK_MAP_INFO
#define UNSPEC VIRTIO_GPU_RESP_ERR_UNSPEC
#define UNREF  VIRTIO_GPU_CMD_RESOURCE_UNREF
#define NAMED  (VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX)

/* How long to wait for what must happen: machines can be very busy. */
#define PATIENCE_MS 20000

/* ---- the world of render processes ---- */

static int epoll_fd = -1;

static PFN_vkGetInstanceProcAddr load_null(void)
{
    return null_vkGetInstanceProcAddr;
}

void peer_world_start(struct gpu_device_params *params)
{
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    assert_true(epoll_fd >= 0);
    params->epoll_fd = epoll_fd;
    params->load_vulkan = load_null;
}

static bool step(struct peer *peer, int timeout)
{
    struct epoll_event event;
    const int n = epoll_wait(epoll_fd, &event, 1, timeout);
    peer_time_ms = backend_now_ms();
    if (n > 0)
        gpu_device_dispatch(peer->device, event.data.ptr);
    if (gpu_device_next_time(peer->device) <= peer_time_ms)
        gpu_device_handle_times(peer->device);
    return n > 0;
}

bool peer_world_step(struct peer *peer)
{
    return step(peer, 0);
}

void peer_world_end(void)
{
    /* No process is left, not even a dead one. */
    assert_true(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
    close(epoll_fd);
}

static uint32_t wait_for(struct peer *peer, struct peer_request *request)
{
    const int64_t end = backend_now_ms() + PATIENCE_MS;
    while (!peer_poll(peer, request) && backend_now_ms() < end)
        step(peer, 10);
    return peer_type(peer, request);
}

/* The process that was started last. */
static pid_t last_child(void)
{
    char path[64], line[4096] = "";
    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    const bool got = fgets(line, sizeof(line), file);
    fclose(file);
    pid_t last = 0;
    for (char *word = got ? strtok(line, " ") : NULL; word; word = strtok(NULL, " "))
        last = atoi(word);
    return last;
}

/* ---- streams ---- */

/* As it lies in a request: the bytes follow at once. */
struct submission {
    struct virtio_gpu_cmd_submit submit;
    struct stream stream;
};

static struct submission submission(uint32_t context)
{
    return (struct submission){
        .submit = {.hdr = {.type = VIRTIO_GPU_CMD_SUBMIT_3D, .ctx_id = context}}};
}

/* Send it with a fence on timeline 0 of its context. */
static struct peer_request fenced(struct peer *peer, struct submission *s)
{
    s->submit.hdr.flags = NAMED;
    s->submit.hdr.fence_id++;
    s->submit.size = s->stream.size;
    return peer_send(peer, s, sizeof(s->submit) + s->stream.size,
                     sizeof(struct virtio_gpu_ctrl_hdr));
}

/* Ask for the version, to be written at the start of the resource. */
static struct submission ask_version(uint32_t context, uint32_t resource)
{
    struct submission s = submission(context);
    put_set_reply(&s.stream, resource, 4096);
    put32(&s.stream, ENUMERATE_INSTANCE_VERSION);
    put32(&s.stream, GENERATE_REPLY);
    put64(&s.stream, 1);
    return s;
}

/* Let replies go elsewhere: the renderer holds the memory that they go to. */
static void move_replies(struct peer *peer, uint32_t context, uint32_t resource)
{
    struct submission s = ask_version(context, resource);
    struct peer_request request = fenced(peer, &s);
    assert_int_equal(wait_for(peer, &request), OK);
}

/* A submission that never ends by itself: it waits for a ring that nobody writes to. */
static struct submission block(uint32_t context, uint32_t resource)
{
    struct submission s = submission(context);
    put_create_ring(&s.stream, 77, resource);
    put_wait_ring(&s.stream, 77);
    return s;
}

/* ---- tests ---- */

static int setup(void **state)
{
    *state = peer_create(&(struct peer_options){.window_used = true});
    return 0;
}

static int teardown(void **state)
{
    peer_destroy(*state);
    return 0;
}

static void create(struct peer *peer, uint32_t context, uint32_t resource, uint64_t offset)
{
    assert_int_equal(peer_create_blob(peer, context, resource, 4096), OK);
    struct peer_request map = peer_send_map(peer, resource, offset);
    assert_int_equal(wait_for(peer, &map), MAPPED);
}

static uint32_t word(const struct peer *peer, uint64_t offset)
{
    uint32_t value;
    memcpy(&value, peer->local->window + offset, sizeof(value));
    return value;
}

/* A reply appears in the guest's memory, and the memory can be used anew. */
static void test_reply(void **state)
{
    struct peer *peer = *state;
    assert_int_equal(peer_ctx_create(peer, 1), OK);
    create(peer, 1, 100, 1 << 20);
    for (uint32_t round = 0; round < 3; round++) {
        memset(peer->local->window + 4096, 0xee, 3 * 4096);
        create(peer, 1, 1 + round, 8192);
        assert_int_equal(word(peer, 8192), 0);
        assert_int_equal(word(peer, 4096), 0xeeeeeeee);
        assert_int_equal(word(peer, 12288), 0xeeeeeeee);
        struct submission s = ask_version(1, 1 + round);
        struct peer_request request = fenced(peer, &s);
        assert_int_equal(wait_for(peer, &request), OK);
        assert_int_equal(word(peer, 8192), ENUMERATE_INSTANCE_VERSION);
        assert_int_equal(word(peer, 8196), 0); /* VK_SUCCESS */
        assert_int_equal(word(peer, 8208) >> 22, 1);
        move_replies(peer, 1, 100);
        struct peer_request unref = peer_send_simple(peer, UNREF, 0, 1 + round);
        assert_int_equal(wait_for(peer, &unref), OK);
    }
    assert_int_equal(peer_stats(peer).window_used, 4096);
    assert_int_equal(peer_stats(peer).context_failures, 0);
    assert_int_equal(peer_ctx_destroy(peer, 1), OK);
}

/* Two contexts see the same slice. */
static void test_shared(void **state)
{
    struct peer *peer = *state;
    assert_int_equal(peer_ctx_create(peer, 1), OK);
    assert_int_equal(peer_ctx_create(peer, 2), OK);
    create(peer, 1, 5, 0);
    create(peer, 2, 6, 4096);
    assert_int_equal(peer_simple(peer, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, 2, 5), OK);
    struct submission s = ask_version(2, 5);
    struct peer_request request = fenced(peer, &s);
    assert_int_equal(wait_for(peer, &request), OK);
    assert_int_equal(word(peer, 0), ENUMERATE_INSTANCE_VERSION);
    move_replies(peer, 2, 6);
    struct peer_request unref = peer_send_simple(peer, UNREF, 0, 5);
    assert_int_equal(wait_for(peer, &unref), OK);
}

/* A process that is killed from outside takes nobody with it, and nobody waits for it. */
static void test_killed(void **state)
{
    struct peer *peer = *state;
    assert_int_equal(peer_ctx_create(peer, 1), OK);
    assert_int_equal(peer_ctx_create(peer, 2), OK);
    create(peer, 2, 1, 0);
    struct submission s = block(2, 1);
    struct peer_request blocked = fenced(peer, &s);
    struct submission after = submission(2);
    struct peer_request next = fenced(peer, &after);
    struct peer_request unref = peer_send_simple(peer, UNREF, 0, 1);
    for (int i = 0; i < 10; i++)
        step(peer, 10);
    assert_int_equal(peer_type(peer, &blocked), 0);
    assert_int_equal(peer_stats(peer).in_flight, 3);

    /* meanwhile the other one works */
    create(peer, 1, 2, 4096);
    s = ask_version(1, 2);
    struct peer_request request = fenced(peer, &s);
    assert_int_equal(wait_for(peer, &request), OK);

    const pid_t pid = last_child();
    assert_true(pid > 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(wait_for(peer, &blocked), UNSPEC);
    assert_int_equal(wait_for(peer, &next), UNSPEC);
    assert_int_equal(wait_for(peer, &unref), OK);
    assert_int_equal(peer_stats(peer).context_failures, 1);
    assert_int_equal(peer_submit(peer, 2, 0), UNSPEC);
    request = fenced(peer, &s);
    assert_int_equal(wait_for(peer, &request), OK);
    assert_int_equal(peer_ctx_destroy(peer, 2), OK);
    assert_int_equal(peer_ctx_create(peer, 2), OK);
}

/* What the renderer refuses ends the context. */
static void test_refused(void **state)
{
    struct peer *peer = *state;
    assert_int_equal(peer_ctx_create(peer, 1), OK);
    struct submission s = submission(1);
    put32(&s.stream, 0xffffffff);
    put32(&s.stream, 0);
    struct peer_request request = fenced(peer, &s);
    assert_int_not_equal(wait_for(peer, &request), 0);
    const int64_t end = backend_now_ms() + PATIENCE_MS;
    while (!peer_stats(peer).context_failures && backend_now_ms() < end)
        step(peer, 10);
    assert_int_equal(peer_submit(peer, 1, 0), UNSPEC);
    while (last_child() && backend_now_ms() < end)
        step(peer, 10);
    assert_int_equal(last_child(), 0);
    assert_int_equal(peer_stats(peer).contexts, 1);
}

/* A reset ends processes that do not end by themselves, and waits for them. */
static void test_reset(void **state)
{
    struct peer *peer = *state;
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t context = 1; context <= 3; context++)
            assert_int_equal(peer_ctx_create(peer, context), OK);
        create(peer, 1, 1, 0);
        struct submission s = block(1, 1);
        fenced(peer, &s);
        peer_op(peer, VGPU_OP_RESET, 0, 0, 0, 0, 0);
        const int64_t end = backend_now_ms() + PATIENCE_MS;
        while (peer_op_status(peer) < 0 && backend_now_ms() < end)
            step(peer, 10);
        assert_int_equal(peer_op_status(peer), VGPU_STATUS_OK);
        assert_true(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
        peer_start(peer, peer->features);
    }
    /* and the end of the device does, too */
    assert_int_equal(peer_ctx_create(peer, 1), OK);
    create(peer, 1, 1, 0);
    struct submission s = block(1, 1);
    fenced(peer, &s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reply),   TEST(test_shared), TEST(test_killed),
        TEST(test_refused), TEST(test_reset),
    };
    return cmocka_run_group_tests_name("processes", tests, NULL, NULL);
}
