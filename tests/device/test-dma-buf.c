/* SPDX-License-Identifier: MIT */
/*
 * Memory that reaches the guest through dma-bufs, for drivers without VK_EXT_external_memory_host:
 * a real driver of the host from which that extension is hidden, in real render processes.
 *
 * Xen and its dma-bufs are played by memfds, which software drivers take for dma-bufs.  The window
 * is made of several, so that each slice here begins where one does.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../vtest/hide-extension.h"
#include "dma-buf-streams.h" /* generated */
#include "log.h"
#include "render-fixture.h"
#include "render.h"
#include "stream.h"
#include "thread.h"
#include "vulkan_loader.h"

#define PAGE        4096u
#define CHUNK       (16 * PAGE) /* of the window, a file each */
#define CHUNKS      6u
#define WINDOW_SIZE (CHUNKS * CHUNK)

/* How long to wait for what must happen, in milliseconds: machines can be very busy. */
#define PATIENCE 60000

enum { SOURCE = 10, TARGET = 11, REPLIES = 12 }; /* resources */
enum { SOURCE_MEMORY = 20, TARGET_MEMORY = 21 };

struct grant {
    int fd;
    uint8_t *memory; /* as the guest sees it */
    size_t size;
};

static struct test {
    struct vgpu_transport transport;
    int epoll_fd;
    struct render *render;
    int ready, released, retired, failed, ended;
    int last_error;
    uint32_t last_released, refs[SIZE / PAGE];
    uint64_t blob_size;

    int files[CHUNKS];
    int export_error, grant_error; /* for the next ones */
    int exports, keys;             /* so many were made, and are not released yet */
    bool in_use;                   /* by a driver that does not let go */
    int looks;                     /* that found it so */
    struct grant grants[4];
    int granted, revoked;
} t;

/* ---- what Xen does ---- */

static int export_slice(struct vgpu_transport *transport, uint64_t offset, uint64_t size, int *fd,
                        int *key)
{
    assert_ptr_equal(transport, &t.transport);
    assert_true(size && size % PAGE == 0 && offset % CHUNK == 0 && size <= CHUNK);
    assert_true(offset + size <= WINDOW_SIZE);
    if (t.export_error)
        return t.export_error;
    *fd = fcntl(t.files[offset / CHUNK], F_DUPFD_CLOEXEC, 0);
    *key = 1000 + t.exports++;
    t.keys++;
    return *fd < 0 ? -errno : 0;
}

static bool released_slice(struct vgpu_transport *transport, int key)
{
    assert_ptr_equal(transport, &t.transport);
    assert_true(key >= 1000 && key < 1000 + t.exports);
    if (t.in_use) {
        t.looks++;
        return false;
    }
    t.keys--;
    return true;
}

static void forget_slice(struct vgpu_transport *transport, int key)
{
    assert_ptr_equal(transport, &t.transport);
    assert_true(key >= 1000);
    t.keys--;
}

static int grant_dma_buf(struct vgpu_transport *transport, int fd, uint32_t count, uint32_t *refs)
{
    struct grant *grant = t.grants;
    assert_ptr_equal(transport, &t.transport);
    assert_int_equal(lseek(fd, 0, SEEK_END), (off_t)count * PAGE); /* as the kernel wants it */
    if (t.grant_error)
        return t.grant_error;
    while (grant->memory)
        grant++;
    assert_true(grant < t.grants + 4);
    *grant = (struct grant){.fd = fd, .size = (size_t)count * PAGE};
    grant->memory = mmap(NULL, grant->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(grant->memory, MAP_FAILED);
    for (uint32_t i = 0; i < count; i++)
        refs[i] = (uint32_t)(grant - t.grants) * 10000 + i;
    t.granted++;
    return 0;
}

static void revoke_dma_buf(struct vgpu_transport *transport, int fd)
{
    struct grant *grant = t.grants;
    assert_ptr_equal(transport, &t.transport);
    assert_true(fcntl(fd, F_GETFD) >= 0); /* its number is still that of the grants */
    while (grant < t.grants + 4 && (!grant->memory || grant->fd != fd))
        grant++;
    assert_true(grant < t.grants + 4);
    munmap(grant->memory, grant->size);
    *grant = (struct grant){0};
    t.revoked++;
}

static const struct vgpu_transport_ops ops = {
    .enter_render_process = render_fixture_enter,
    .set_window_bits = render_fixture_set_window_bits,
    .alloc_pages = render_fixture_alloc,
    .free_pages = render_fixture_free,
    .export_slice = export_slice,
    .released_slice = released_slice,
    .forget_slice = forget_slice,
    .grant_dma_buf = grant_dma_buf,
    .revoke_dma_buf = revoke_dma_buf,
};
static const struct vgpu_transport_ops without_dma_bufs = {
    .enter_render_process = render_fixture_enter,
    .set_window_bits = render_fixture_set_window_bits,
    .alloc_pages = render_fixture_alloc,
    .free_pages = render_fixture_free,
};

/* ---- the driver ---- */

static PFN_vkGetInstanceProcAddr real_get;
static PFN_vkEnumerateDeviceExtensionProperties real_enumerate;

static VKAPI_ATTR VkResult VKAPI_CALL enumerate(VkPhysicalDevice gpu, const char *layer,
                                                uint32_t *count, VkExtensionProperties *properties)
{
    static VkExtensionProperties all[1024];
    uint32_t total = 1024;
    const VkResult result = real_enumerate(gpu, layer, &total, all);
    return result == VK_SUCCESS ? hide_host_import(all, total, count, properties) : result;
}

static bool uncached; /* is all memory, as on a GPU that does not see what is in caches */
static PFN_vkGetPhysicalDeviceMemoryProperties real_memory;

static VKAPI_ATTR void VKAPI_CALL memory(VkPhysicalDevice gpu,
                                         VkPhysicalDeviceMemoryProperties *properties)
{
    real_memory(gpu, properties);
    for (uint32_t i = 0; uncached && i < properties->memoryTypeCount; i++)
        properties->memoryTypes[i].propertyFlags &= ~(VkFlags)VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get(VkInstance instance, const char *name)
{
    const PFN_vkVoidFunction function = real_get(instance, name);
    if (function && !strcmp(name, "vkGetPhysicalDeviceMemoryProperties")) {
        real_memory = (PFN_vkGetPhysicalDeviceMemoryProperties)function;
        return (PFN_vkVoidFunction)memory;
    }
    if (!function || strcmp(name, "vkEnumerateDeviceExtensionProperties"))
        return function;
    real_enumerate = (PFN_vkEnumerateDeviceExtensionProperties)function;
    return (PFN_vkVoidFunction)enumerate;
}

static PFN_vkGetInstanceProcAddr load(void)
{
    real_get = backend_vulkan_load();
    return real_get ? get : NULL;
}

static bool has_extension(VkPhysicalDevice gpu, const char *name)
{
    VkExtensionProperties all[1024];
    uint32_t count = 1024;
    bool found = false;
    if (vkEnumerateDeviceExtensionProperties(gpu, NULL, &count, all))
        return false;
    for (uint32_t i = 0; i < count; i++)
        found |= !strcmp(all[i].extensionName, name);
    return found;
}

/* Whether there is one GPU, a software driver with dma-bufs: any other would know better. */
static bool has_driver(void)
{
    const VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
    VkInstance instance;
    VkPhysicalDevice gpu;
    VkPhysicalDeviceProperties properties;
    uint32_t count = 1;
    if (vkCreateInstance(&info, NULL, &instance) != VK_SUCCESS ||
        vkEnumeratePhysicalDevices(instance, &count, &gpu) != VK_SUCCESS || count != 1)
        return false;
    vkGetPhysicalDeviceProperties(gpu, &properties);
    return properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU &&
           has_extension(gpu, VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME);
}

static void need_driver(void)
{
    const pid_t pid = fork();
    if (!pid)
        _exit(!has_driver());
    int status;
    waitpid(pid, &status, 0);
    if (status)
        skip();
}

/* ---- events ---- */

static void on_ready(void *user, struct render *render, uint32_t res_id, int error,
                     const struct render_blob *blob)
{
    (void)user, (void)render, (void)res_id;
    t.ready++;
    t.last_error = error;
    t.blob_size = blob ? blob->size : 0;
    if (blob && blob->size <= SIZE)
        memcpy(t.refs, blob->refs, blob->size / PAGE * sizeof(t.refs[0]));
}

static void on_released(void *user, struct render *render, uint32_t res_id)
{
    (void)user, (void)render;
    t.released++;
    t.last_released = res_id;
}

static void on_retired(void *user, struct render *render, uint32_t ring_idx, uint64_t fence_id)
{
    (void)user, (void)render, (void)ring_idx, (void)fence_id;
    t.retired++;
}

static void on_failed(void *user, struct render *render)
{
    (void)user, (void)render;
    t.failed++;
}

static void on_ended(void *user, struct render *render)
{
    (void)user, (void)render;
    t.ended++;
}

static const struct render_events events = {
    .resource_ready = on_ready,
    .resource_released = on_released,
    .fence_retired = on_retired,
    .failed = on_failed,
    .ended = on_ended,
};

/* Dispatch, as a device process does, until *count is `wanted` or so many milliseconds are over. */
static void run(const int *count, int wanted, uint64_t ms)
{
    const uint64_t end = venus_now_ns() + ms * 1000000ull;
    while (*count < wanted && venus_now_ns() < end) {
        struct epoll_event event;
        epoll_wait(t.epoll_fd, &event, 1, 5);
        render_dispatch(t.render);
    }
}

static void wait_for(const int *count, int wanted)
{
    run(count, wanted, PATIENCE);
    assert_int_equal(*count, wanted);
}

/* ---- set-up ---- */

static int set_up(void **state)
{
    (void)state;
    memset(&t, 0, sizeof(t));
    uncached = false;
    t.epoll_fd = render_fixture_open(&t.transport, &ops, WINDOW_SIZE);
    for (uint32_t i = 0; i < CHUNKS; i++) {
        t.files[i] = memfd_create("window", MFD_CLOEXEC);
        if (ftruncate(t.files[i], CHUNK) ||
            mmap((char *)t.transport.window.base + i * CHUNK, CHUNK, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_FIXED, t.files[i], 0) == MAP_FAILED)
            return -1;
    }
    backend_log_init(getenv("VERBOSE") ? VENUS_LOG_DEBUG : VENUS_LOG_ERROR);
    return 0;
}

/* Nothing is left: no process, no dma-buf, no grant. */
static int tear_down(void **state)
{
    (void)state;
    const bool clean = render_fixture_close(&t.transport, t.epoll_fd, t.render);
    for (uint32_t i = 0; i < CHUNKS; i++)
        close(t.files[i]);
    return clean && !t.keys && t.granted == t.revoked ? 0 : -1;
}

static void start(bool per_blob)
{
    const struct render_params params = {
        .transport = &t.transport,
        .load_vulkan = load,
        .per_blob = per_blob,
        .name = "test",
        .context_id = 1,
        .epoll_fd = t.epoll_fd,
        .epoll_data = &t,
    };
    t.render = render_create(&params, &events, NULL);
    assert_non_null(t.render);
}

static uint8_t *slice(uint32_t chunk)
{
    return (uint8_t *)t.transport.window.base + chunk * CHUNK;
}

static void attach(uint32_t id, uint32_t chunk)
{
    const int before = t.ready;
    assert_int_equal(render_attach_slice(t.render, id, chunk * CHUNK, SIZE, true), 0);
    wait_for(&t.ready, before + 1);
    assert_int_equal(t.last_error, 0);
}

/* Run a stream, and wait until its commands, or with `ring` 1 their work, are done. */
static void submit(const uint8_t *stream, size_t size, uint32_t ring)
{
    static uint64_t fence;
    const int before = t.retired;
    assert_int_equal(render_submit(t.render, stream, size), 0);
    assert_int_equal(render_create_fence(t.render, ring, ++fence), 0);
    wait_for(&t.retired, before + 1);
    assert_int_equal(t.failed, 0);
}

#define SUBMIT(name, ring) submit(stream_##name, sizeof(stream_##name), ring)

/* Bytes that are no others'. */
static void fill(uint8_t *to, uint32_t seed)
{
    for (uint32_t i = 0; i < SIZE; i++) {
        seed = seed * 1664525 + 1013904223;
        to[i] = (uint8_t)(seed >> 24);
    }
}

static bool all_are(const uint8_t *bytes, size_t size, uint8_t value)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

/* What the guest writes is what the driver copies, and the guest sees all of the copy. */
static void check_copies(uint8_t *source, const uint8_t *target)
{
    for (uint32_t round = 1; round <= 3; round++) {
        fill(source, round);
        assert_memory_not_equal(source, target, SIZE);
        SUBMIT(submit, 1);
        assert_memory_equal(source, target, SIZE);
    }
}

static void start_with_slices(void)
{
    start(false);
    attach(SOURCE, 2);
    attach(TARGET, 4);
    SUBMIT(setup, 0);
    SUBMIT(import, 0);
}

/* How many GPUs the process offers, whose ids are 1 and 2 for the instance and the first GPU. */
static uint32_t count_gpus(void)
{
    struct stream s = {.size = 0};
    assert_int_equal(render_attach_slice(t.render, REPLIES, CHUNK, PAGE, true), 0);
    wait_for(&t.ready, 1);
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
    put_set_reply(&s, REPLIES, 64);
    put32(&s, ENUMERATE_PHYSICAL_DEVICES);
    put32(&s, GENERATE_REPLY);
    put64(&s, 42);
    put64(&s, 1); /* pPhysicalDeviceCount */
    put32(&s, 0);
    put64(&s, 0);
    submit(s.bytes, s.size, 0);
    uint32_t reply[5];
    memcpy(reply, slice(1), sizeof(reply));
    assert_int_equal(reply[0], ENUMERATE_PHYSICAL_DEVICES);
    assert_int_equal(reply[1], VK_SUCCESS);
    return reply[4];
}

/* ---- the window ---- */

static void test_window(void **state)
{
    (void)state;
    need_driver();
    memset(slice(0), 0xaa, WINDOW_SIZE);
    start_with_slices();
    assert_int_equal(t.exports, 3); /* to try the driver with, and two */
    SUBMIT(copy, 0);
    check_copies(slice(2), slice(4));
    /* And nothing around it. */
    assert_true(all_are(slice(0), 2 * CHUNK, 0xaa));
    assert_true(all_are(slice(2) + SIZE, CHUNK - SIZE, 0xaa));
    assert_true(all_are(slice(4) + SIZE, CHUNK - SIZE, 0xaa));

    SUBMIT(release, 0);
    assert_int_equal(render_unref(t.render, SOURCE), 0);
    assert_int_equal(render_unref(t.render, TARGET), 0);
    wait_for(&t.released, 2);
    assert_int_equal(t.keys, 0);
}

/* The guest does not get a slice back before the driver has let go of its dma-buf. */
static void test_slow_driver(void **state)
{
    (void)state;
    need_driver();
    start_with_slices();
    SUBMIT(copy, 0);
    SUBMIT(release, 0);
    t.in_use = true;
    assert_int_equal(render_unref(t.render, SOURCE), 0);
    t.looks = 0;
    run(&t.looks, 2, PATIENCE);
    assert_true(t.looks >= 2);
    t.looks = 0;
    run(&t.released, 1, 300);
    assert_int_equal(t.released, 0);
    assert_true(t.looks <= 10); /* less and less often */
    assert_true(render_next_time(t.render) < INT64_MAX);
    assert_int_equal(render_attach_slice(t.render, SOURCE, 0, PAGE, false), -EEXIST);
    t.in_use = false;
    wait_for(&t.released, 1);
    assert_int_equal(t.last_released, SOURCE);
    assert_int_equal(render_next_time(t.render), INT64_MAX);
    attach(SOURCE, 3);
}

/* A guest's program may import the same slice several times: all must be let go of. */
static void test_imported_twice(void **state)
{
    (void)state;
    need_driver();
    start_with_slices();
    t.in_use = true;
    SUBMIT(release_memory, 0);
    SUBMIT(import, 0);
    assert_int_equal(t.exports, 5);
    assert_int_equal(t.keys, 4); /* the sample is not in use any more */
    t.in_use = false;
    SUBMIT(release_memory, 0);
    SUBMIT(import, 0);
    assert_int_equal(t.keys, 2); /* those before are of no interest any more */
    t.in_use = true;
    SUBMIT(release_memory, 0);
    SUBMIT(import, 0);
    SUBMIT(release_memory, 0);
    assert_int_equal(t.keys, 4);
    assert_int_equal(render_unref(t.render, SOURCE), 0);
    assert_int_equal(render_unref(t.render, TARGET), 0);
    run(&t.released, 1, 100);
    assert_int_equal(t.released, 0);
    t.in_use = false;
    wait_for(&t.released, 2);
    assert_int_equal(t.keys, 0);
}

/* Nor is a context over as long as the driver of a process that is gone has some. */
static void test_slow_driver_of_a_dead_process(void **state)
{
    (void)state;
    need_driver();
    start_with_slices();
    t.in_use = true;
    kill(render_pid(t.render), SIGKILL);
    run(&t.looks, 3, PATIENCE);
    assert_true(t.looks >= 3);
    t.looks = 0;
    run(&t.ended, 1, 300);
    assert_int_equal(t.ended, 0);
    assert_true(t.looks <= 3 * 10); /* at three, less and less often */
    assert_true(render_next_time(t.render) < INT64_MAX);
    t.in_use = false;
    wait_for(&t.ended, 1);
    assert_int_equal(render_next_time(t.render), INT64_MAX);
}

static void test_destroyed_while_in_use(void **state)
{
    (void)state;
    need_driver();
    start_with_slices();
    t.in_use = true;
    render_destroy(t.render);
    t.render = NULL;
    assert_int_equal(t.keys, 0);
}

/* Importing fails as Vulkan says, and nothing else. */
static void test_no_more_exports(void **state)
{
    (void)state;
    need_driver();
    start(false);
    attach(SOURCE, 2);
    attach(TARGET, 4);
    SUBMIT(setup, 0);
    t.export_error = -EMFILE;
    SUBMIT(import, 0);
    t.export_error = 0;
    assert_int_equal(t.exports, 1);
    SUBMIT(import, 0);
    SUBMIT(copy, 0);
    check_copies(slice(2), slice(4));
}

/* Where the kernel has no such dma-bufs the GPU is not offered at all. */
static void test_no_kernel_support(void **state)
{
    (void)state;
    need_driver();
    t.export_error = -ENOTTY;
    start(false);
    assert_int_equal(count_gpus(), 0);
}

static void test_no_transport_support(void **state)
{
    (void)state;
    need_driver();
    t.transport.ops = &without_dma_bufs;
    start(false);
    assert_int_equal(count_gpus(), 0);
}

static void test_offered(void **state)
{
    (void)state;
    need_driver();
    start(false);
    assert_int_equal(count_gpus(), 1);
    render_end(t.render);
    wait_for(&t.ended, 1);
}

/* The guest maps the window cached: memory of which the driver says that it must not be is none. */
static void test_uncached(void **state)
{
    (void)state;
    need_driver();
    uncached = true;
    start(false);
    assert_int_equal(count_gpus(), 0);
    assert_int_equal(t.exports, 0);
}

/* ---- blobs of the driver's own memory ---- */

static void create_blob(uint32_t id, uint64_t memory)
{
    const int before = t.ready;
    assert_int_equal(render_create_blob(t.render, id, memory, SIZE, 1), 0);
    wait_for(&t.ready, before + 1);
}

static void start_with_memory(void)
{
    start(true);
    SUBMIT(setup, 0);
    assert_true(t.granted > 0);             /* it was tried, */
    assert_int_equal(t.granted, t.revoked); /* and no more */
    SUBMIT(allocate, 0);
}

static void test_blobs(void **state)
{
    (void)state;
    need_driver();
    start_with_memory();
    const int tried = t.granted;
    create_blob(SOURCE, SOURCE_MEMORY);
    assert_int_equal(t.last_error, 0);
    assert_int_equal(t.blob_size, SIZE);
    for (uint32_t i = 0; i < SIZE / PAGE; i++)
        assert_int_equal(t.refs[i], i);
    create_blob(TARGET, TARGET_MEMORY);
    assert_int_equal(t.last_error, 0);
    for (uint32_t i = 0; i < SIZE / PAGE; i++)
        assert_int_equal(t.refs[i], 10000 + i);
    assert_int_equal(t.granted, tried + 2);
    SUBMIT(copy, 0);
    check_copies(t.grants[0].memory, t.grants[1].memory);

    assert_int_equal(render_unref(t.render, SOURCE), 0);
    wait_for(&t.released, 1);
    assert_int_equal(t.revoked, tried + 1);
    kill(render_pid(t.render), SIGKILL);
    wait_for(&t.ended, 1);
    assert_int_equal(t.revoked, t.granted);
}

static void test_blobs_that_cannot_be_granted(void **state)
{
    (void)state;
    need_driver();
    start_with_memory();
    t.grant_error = -ENOSPC;
    create_blob(SOURCE, SOURCE_MEMORY);
    assert_int_equal(t.last_error, -ENOTSUP);
    t.grant_error = 0;
    create_blob(TARGET, TARGET_MEMORY);
    assert_int_equal(t.last_error, 0);
    assert_int_equal(t.failed, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_window),
        TEST(test_slow_driver),
        TEST(test_imported_twice),
        TEST(test_slow_driver_of_a_dead_process),
        TEST(test_destroyed_while_in_use),
        TEST(test_no_more_exports),
        TEST(test_no_kernel_support),
        TEST(test_no_transport_support),
        TEST(test_offered),
        TEST(test_uncached),
        TEST(test_blobs),
        TEST(test_blobs_that_cannot_be_granted),
    };
    return cmocka_run_group_tests_name("dma-buf", tests, NULL, NULL);
}
