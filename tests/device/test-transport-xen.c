/* SPDX-License-Identifier: MIT */
/* The way to a Xen guest: what is opened and mapped, what is said when that fails, and that nothing
 * stays open. */
#include <errno.h>
#include <string.h>

#include "check.h"
#include "fake-parts.h"
#include "log.h"
#include "transport_xen.h"

#define CONTROL  1u
#define POOL     2u
#define REFS     20u
#define WINDOW_A 100u

static struct device_process_params params;
static struct reason reason;

static int setup(void **state)
{
    (void)state;
    fake_parts_reset();
    backend_log_init(VENUS_LOG_DEBUG);
    log_capture();
    reason.text[0] = '\0';
    params = (struct device_process_params){
        .domid = FAKE_DOMID,
        .hostmem = 5 * VGPU_PAGE_SIZE,
        .window = VGPU_WINDOW_GRANT,
        .connection =
            {
                .control_ref = CONTROL,
                .event_channel = 21,
                .pool_ref = POOL,
                .pool_pages = 16,
                .window_base = 0x140000000,
                .window_zeroed = true,
                .runs = {{WINDOW_A, 3}, {UINT32_MAX - 1, 4}},
                .run_count = 2,
                .blob_refs_ref = REFS,
            },
    };
    return 0;
}

static struct vgpu_transport *connected(void)
{
    struct vgpu_transport *transport = transport_xen_open(&params, &reason);
    assert_non_null(transport);
    if (!transport_xen_connect(transport, &params, &reason))
        fail_msg("not connected: %s", reason.text);
    return transport;
}

static void close_all(struct vgpu_transport *transport)
{
    transport_xen_close(transport);
    assert_int_equal(fake_parts->parts, 0);
    assert_int_equal(fake_parts->maps, 0);
}

static void test_window_of_grants(void **state)
{
    (void)state;
    struct vgpu_transport *transport = connected();
    assert_int_equal(fake_parts->window_kind, 0);
    /* References wrap nowhere, and those that are too many are not used. */
    static const uint64_t refs[] = {WINDOW_A, WINDOW_A + 1, WINDOW_A + 2, UINT32_MAX - 1,
                                    UINT32_MAX};
    assert_int_equal(fake_parts->window_count, 5);
    assert_memory_equal(fake_parts->window_pages, refs, sizeof(refs));
    assert_int_equal(transport->window.size, 5 * VGPU_PAGE_SIZE);
    assert_int_equal(transport->window_size, 5 * VGPU_PAGE_SIZE);
    assert_true(transport->window_zeroed);
    assert_int_equal(transport->pool_ref, POOL);
    assert_int_equal(transport->pool.size, 16 * VGPU_PAGE_SIZE);
    assert_ptr_equal(transport->control.base, fake_parts->guest + CONTROL * VGPU_PAGE_SIZE);
    assert_null(transport->blob_refs.base);
    assert_int_equal(transport->render_fd, -1);
    assert_int_equal(fake_parts->port, 21);
    close_all(transport);
}

static void test_foreign_window(void **state)
{
    (void)state;
    params.window = VGPU_WINDOW_FOREIGN;
    params.connection.run_count = 0;
    params.connection.window_zeroed = false;
    struct vgpu_transport *transport = connected();
    assert_int_equal(fake_parts->window_kind, 1);
    assert_int_equal(fake_parts->window_count, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(fake_parts->window_pages[i], 0x140000 + i);
    assert_false(transport->window_zeroed);
    close_all(transport);
}

static void test_per_blob(void **state)
{
    (void)state;
    params.per_blob = true;
    struct vgpu_transport *transport = connected();
    assert_int_equal(fake_parts->window_count, 0);
    assert_null(transport->window.base);
    assert_int_equal(transport->window_size, params.hostmem); /* address space only */
    assert_false(transport->window_zeroed);
    assert_ptr_equal(transport->blob_refs.base, fake_parts->guest + REFS * VGPU_PAGE_SIZE);
    assert_int_equal(transport->blob_refs.size, VGPU_BLOB_REFS_PAGES * VGPU_PAGE_SIZE);
    close_all(transport);
}

static void check_open_fails(const char *call, int error, const char *why)
{
    fake_parts_fail(call, error);
    assert_null(transport_xen_open(&params, &reason));
    assert_string_equal(reason.text, why);
    assert_int_equal(fake_parts->parts, 0);
}

static void test_open_fails(void **state)
{
    (void)state;
    check_open_fails("grants_open", EACCES, "/dev/xen/gntdev: Permission denied");
    check_open_fails("events_open", ENOENT, "/dev/xen/evtchn: No such file or directory");
    check_open_fails("window_open", EMFILE, "/dev/xen/gntdev: Too many open files");
    check_open_fails("dma_bufs_open", EMFILE, "/dev/xen/gntdev: Too many open files");
    params.window = VGPU_WINDOW_FOREIGN;
    check_open_fails("window_open", EPERM, "/dev/xen/privcmd: Operation not permitted");
    transport_xen_close(NULL);
}

static void check_connect_fails(const char *call, uint32_t ref, int error, const char *why)
{
    fake_parts_fail(call, error);
    fake_parts->fails_ref = ref;
    struct vgpu_transport *transport = transport_xen_open(&params, &reason);
    assert_non_null(transport);
    assert_false(transport_xen_connect(transport, &params, &reason));
    assert_string_equal(reason.text, why);
    close_all(transport);
}

static void test_connect_fails(void **state)
{
    (void)state;
    check_connect_fails("grants_map", CONTROL, EINVAL,
                        "the control page, 1 pages from reference 1, cannot be mapped: "
                        "Invalid argument");
    check_connect_fails("grants_map", POOL, ENOSPC,
                        "the pool, 16 pages from reference 2, cannot be mapped: "
                        "No space left on device");
    check_connect_fails("window_map", 0, EINVAL,
                        "the window of 5 pages cannot be mapped: Invalid argument (a wrong "
                        "reference, or too many pages for gnttab_max_maptrack_frames of Xen's "
                        "command line)");
    check_connect_fails("events_bind", 0, ESRCH,
                        "event channel 21 cannot be bound: No such process");
    params.connection.run_count = 1;
    check_connect_fails("nothing", 0, 0, "the frontend grants 3 pages of the window, which has 5");
    params.per_blob = true;
    check_connect_fails("grants_map", REFS, EINVAL,
                        "the list of blobs' references, 4 pages from reference 20, cannot be "
                        "mapped: Invalid argument");
}

static void test_operations(void **state)
{
    (void)state;
    struct vgpu_transport *transport = connected();
    const struct vgpu_transport_ops *ops = transport->ops;
    char bytes[8] = "";
    assert_int_equal(ops->copy_to(transport, 30, 100, "guest", 6), 0);
    assert_memory_equal(fake_parts->guest + 30 * VGPU_PAGE_SIZE + 100, "guest", 6);
    assert_int_equal(ops->copy_from(transport, 30, 101, bytes, 5), 0);
    assert_string_equal(bytes, "uest");
    assert_int_equal(ops->copy_from(transport, FAKE_PAGES, 0, bytes, 5), -EFAULT);
    assert_int_equal(ops->copy_to(transport, 30, VGPU_PAGE_SIZE - 4, bytes, 5), -EINVAL);

    struct venus_shm memory = {0};
    const int before = fake_parts->maps;
    ops->unmap(transport, &memory); /* nothing mapped */
    assert_int_equal(ops->map(transport, 30, 3, true, &memory), 0);
    assert_int_equal(memory.size, 3 * VGPU_PAGE_SIZE);
    assert_int_equal(fake_parts->maps, before + 3);
    ops->unmap(transport, &memory);
    assert_null(memory.base);
    assert_int_equal(fake_parts->maps, before);
    assert_int_equal(ops->map(transport, FAKE_PAGES - 1, 2, true, &memory), -EINVAL);
    assert_null(memory.base);

    ops->notify(transport);
    assert_int_equal(fake_parts->notified, 1);

    ops->set_window_bits(transport, 8, 6);
    assert_int_equal(fake_parts->window_word, 8);
    assert_int_equal(fake_parts->window_bits, 6);
    fake_parts_fail("window_set_bits", ESRCH);
    ops->set_window_bits(transport, 12, 1);
    assert_logged("the guest is not told: a page of the window cannot be mapped: No such process");
    close_all(transport);
}

/* A render process gets the window and nothing else. */
static void test_render_process(void **state)
{
    (void)state;
    struct vgpu_transport *transport = connected();
    fake_parts_fail("window_enter_child", ENOMEM);
    struct vgpu_transport other = *transport;
    assert_int_equal(transport->ops->enter_render_process(transport), -ENOMEM);
    assert_logged("the window cannot be mapped in a render process: Cannot allocate memory");
    *transport = other;
    fake_parts_fail("nothing", 0);
    assert_int_equal(transport->ops->enter_render_process(transport), 0);
    assert_ptr_equal(transport->window.base, fake_window_in_child);
    assert_null(transport->control.base);
    assert_null(transport->pool.base);
    *transport = other;
    close_all(transport);
}

static void test_render_process_with_blobs(void **state)
{
    (void)state;
    params.per_blob = true;
    struct vgpu_transport *transport = connected();
    const struct vgpu_transport_ops *ops = transport->ops;
    const struct vgpu_transport other = *transport;
    fake_parts_fail("shared_pages_open", EACCES);
    assert_int_equal(ops->enter_render_process(transport), -EACCES);
    assert_logged("/dev/xen/gntalloc: Permission denied");
    fake_parts_fail("nothing", 0);
    assert_int_equal(ops->enter_render_process(transport), 0);
    assert_int_equal(transport->render_fd, 42);
    assert_null(transport->blob_refs.base);

    void *pages;
    uint32_t refs[3];
    assert_int_equal(ops->alloc_pages(transport, 3, &pages, refs), 0);
    assert_int_equal(refs[2], 902);
    ops->free_pages(transport, pages, 3);
    fake_parts_fail("shared_pages_alloc", ENOSPC);
    assert_int_equal(ops->alloc_pages(transport, 3, &pages, refs), -ENOSPC);
    assert_logged("no 3 pages to grant: all guests together may have the 1024 of gntalloc's");
    fake_parts_fail("shared_pages_alloc", ENOMEM);
    assert_int_equal(ops->alloc_pages(transport, 3, &pages, refs), -ENOMEM);
    assert_logged("no 3 pages to grant: Cannot allocate memory");
    *transport = other;
    fake_parts->parts--; /* of what a render process opens, which ends with it */
    close_all(transport);
}

static void check_export_fails(struct vgpu_transport *transport, int error, const char *why)
{
    int fd, key;
    fake_parts_fail("dma_bufs_export", error);
    assert_int_equal(transport->ops->export_slice(transport, 0, 2 * VGPU_PAGE_SIZE, &fd, &key),
                     -error);
    assert_logged(why);
    fake_parts_fail("nothing", 0);
}

static void test_dma_bufs_of_the_window(void **state)
{
    (void)state;
    static const uint32_t refs[] = {WINDOW_A + 2, UINT32_MAX - 1, UINT32_MAX};
    struct vgpu_transport *transport = connected();
    const struct vgpu_transport_ops *ops = transport->ops;
    int fd, key;
    assert_int_equal(
        ops->export_slice(transport, 2 * VGPU_PAGE_SIZE, 3 * VGPU_PAGE_SIZE, &fd, &key), 0);
    assert_int_equal(fake_parts->exported, 3);
    assert_memory_equal(fake_parts->exported_refs, refs, sizeof(refs));
    assert_int_equal(fd, 61);
    fake_parts->in_use = true;
    assert_false(ops->released_slice(transport, key));
    fake_parts->in_use = false;
    assert_true(ops->released_slice(transport, key));
    ops->forget_slice(transport, 63);
    assert_int_equal(fake_parts->forgotten, 63);

    check_export_fails(transport, ENOTTY,
                       "the GPU's driver does not import host memory "
                       "(VK_EXT_external_memory_host), and no dma-buf can be made of the window: "
                       "Dom0's kernel was built without CONFIG_XEN_GNTDEV_DMABUF");
    check_export_fails(transport, EINVAL,
                       "no dma-buf of 2 pages of the window: Invalid argument (too many for "
                       "gntdev's parameter `limit` or gnttab_max_maptrack_frames of Xen's command "
                       "line, or Dom0 is a PV domain)");
    check_export_fails(transport, EMFILE,
                       "no dma-buf of 2 pages of the window: Too many open files");
    /* Beyond the window: never asked for. */
    assert_int_equal(
        ops->export_slice(transport, 4 * VGPU_PAGE_SIZE, 2 * VGPU_PAGE_SIZE, &fd, &key), -EINVAL);
    close_all(transport);
}

static void test_no_dma_bufs_of_a_foreign_window(void **state)
{
    (void)state;
    params.window = VGPU_WINDOW_FOREIGN;
    struct vgpu_transport *transport = connected();
    int fd, key;
    assert_int_equal(transport->ops->export_slice(transport, 0, VGPU_PAGE_SIZE, &fd, &key),
                     -ENOTSUP);
    assert_int_equal(fake_parts->exported, 0);
    assert_logged("dma-bufs can be made of a granted window only: use window=grant");
    close_all(transport);
}

static void test_grants_of_dma_bufs(void **state)
{
    (void)state;
    params.per_blob = true;
    struct vgpu_transport *transport = connected();
    const struct vgpu_transport_ops *ops = transport->ops;
    uint32_t refs[2];
    assert_int_equal(ops->grant_dma_buf(transport, 33, 2, refs), 0);
    assert_int_equal(fake_parts->granted_fd, 33);
    assert_int_equal(refs[1], 701);
    ops->revoke_dma_buf(transport, 33);
    assert_int_equal(fake_parts->revoked_fd, 33);
    fake_parts_fail("dma_bufs_grant", ENOTTY);
    assert_int_equal(ops->grant_dma_buf(transport, 33, 2, refs), -ENOTTY);
    assert_logged("memory of the GPU's driver cannot be granted to the guest: Dom0's kernel was "
                  "built without CONFIG_XEN_GNTDEV_DMABUF");
    fake_parts_fail("dma_bufs_grant", ENOSPC);
    assert_int_equal(ops->grant_dma_buf(transport, 33, 2, refs), -ENOSPC);
    assert_logged("2 pages of the GPU's driver cannot be granted to the guest: No space left on "
                  "device (this domain's grant table is full: gnttab_max_frames of Xen's command "
                  "line)");
    close_all(transport);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_window_of_grants, setup),
        cmocka_unit_test_setup(test_foreign_window, setup),
        cmocka_unit_test_setup(test_per_blob, setup),
        cmocka_unit_test_setup(test_open_fails, setup),
        cmocka_unit_test_setup(test_connect_fails, setup),
        cmocka_unit_test_setup(test_operations, setup),
        cmocka_unit_test_setup(test_render_process, setup),
        cmocka_unit_test_setup(test_render_process_with_blobs, setup),
        cmocka_unit_test_setup(test_dma_bufs_of_the_window, setup),
        cmocka_unit_test_setup(test_no_dma_bufs_of_a_foreign_window, setup),
        cmocka_unit_test_setup(test_grants_of_dma_bufs, setup),
    };
    return cmocka_run_group_tests_name("transport-xen", tests, NULL, NULL);
}
