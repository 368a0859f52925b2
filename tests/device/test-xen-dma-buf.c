/* SPDX-License-Identifier: MIT */
/* Dma-bufs of a guest's pages and grants of dma-bufs, with a library of our own in the place of
 * Xen's that plays the kernel: it knows dma-bufs by the descriptors that they had first. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <xengnttab.h>

#include "xen/dma_buf.h"

static char handle;
static bool lacking; /* CONFIG_XEN_GNTDEV_DMABUF */
static bool busy;    /* dma-bufs are in use */
static int exported = -1, granted = -1;
static ino_t file; /* what was exported */

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned int flags)
{
    assert_non_null(logger); /* a quiet one */
    assert_int_equal(flags, 0);
    return (xengnttab_handle *)&handle;
}

int xengnttab_close(xengnttab_handle *closed)
{
    assert_ptr_equal(closed, &handle);
    return 0;
}

static int fail_with(int error)
{
    errno = error;
    return -1;
}

static ino_t file_of(int fd)
{
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    return status.st_ino;
}

int xengnttab_dmabuf_exp_from_refs(xengnttab_handle *used, uint32_t domid, uint32_t flags,
                                   uint32_t count, const uint32_t *refs, uint32_t *fd)
{
    assert_ptr_equal(used, &handle);
    assert_int_equal(domid, 7);
    assert_int_equal(flags, 0);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(refs[i], 100 + 3 * i);
    if (lacking)
        return fail_with(ENOTTY);
    exported = memfd_create("dma-buf", MFD_CLOEXEC);
    file = file_of(exported);
    *fd = (uint32_t)exported;
    return 0;
}

int xengnttab_dmabuf_exp_wait_released(xengnttab_handle *used, uint32_t fd, uint32_t wait_to_ms)
{
    assert_ptr_equal(used, &handle);
    assert_int_equal(wait_to_ms, 0); /* nobody blocks */
    assert_int_equal(fd, exported);
    return busy ? fail_with(ETIMEDOUT) : fail_with(ENOENT);
}

int xengnttab_dmabuf_imp_to_refs(xengnttab_handle *used, uint32_t domid, uint32_t fd,
                                 uint32_t count, uint32_t *refs)
{
    assert_ptr_equal(used, &handle);
    assert_int_equal(domid, 7);
    if (lacking)
        return fail_with(ENOTTY);
    for (uint32_t i = 0; i < count; i++)
        refs[i] = 500 + i;
    granted = (int)fd;
    return 0;
}

int xengnttab_dmabuf_imp_release(xengnttab_handle *used, uint32_t fd)
{
    assert_ptr_equal(used, &handle);
    assert_int_equal(fd, granted);
    granted = -1;
    return 0;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static const uint32_t refs[] = {100, 103, 106};

/* The number that the kernel knows the dma-buf by is nobody else's as long as it is in use, and
 * does not keep it so. */
static void test_export(void **state)
{
    (void)state;
    struct xen_dma_bufs *bufs = xen_dma_bufs_open(7);
    int fd, key;
    assert_non_null(bufs);
    assert_int_equal(xen_dma_bufs_export(bufs, refs, 3, &fd, &key), 0);
    assert_int_equal(key, exported);
    assert_int_not_equal(fd, key);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(key, F_GETFD) & FD_CLOEXEC);
    assert_true(file_of(fd) == file);
    assert_true(file_of(key) != file);
    close(fd);

    busy = true;
    assert_false(xen_dma_bufs_released(bufs, key));
    assert_true(is_open(key));
    busy = false;
    assert_true(xen_dma_bufs_released(bufs, key));
    assert_false(is_open(key));

    assert_int_equal(xen_dma_bufs_export(bufs, refs, 3, &fd, &key), 0);
    close(fd);
    xen_dma_bufs_forget(key);
    assert_false(is_open(key));
    xen_dma_bufs_close(bufs);
}

static void test_grant(void **state)
{
    (void)state;
    struct xen_dma_bufs *bufs = xen_dma_bufs_open(7);
    uint32_t given[2] = {0};
    assert_int_equal(xen_dma_bufs_grant(bufs, 33, 2, given), 0);
    assert_int_equal(granted, 33);
    assert_int_equal(given[0], 500);
    assert_int_equal(given[1], 501);
    xen_dma_bufs_revoke(bufs, 33);
    assert_int_equal(granted, -1);
    xen_dma_bufs_close(bufs);
}

static void test_errors(void **state)
{
    (void)state;
    struct xen_dma_bufs *bufs = xen_dma_bufs_open(7);
    uint32_t given[1];
    int fd, key;
    assert_int_equal(xen_dma_bufs_export(bufs, refs, 0, &fd, &key), -EINVAL);
    assert_int_equal(xen_dma_bufs_grant(bufs, 33, 0, given), -EINVAL);
    lacking = true;
    assert_int_equal(xen_dma_bufs_export(bufs, refs, 3, &fd, &key), -ENOTTY);
    assert_int_equal(xen_dma_bufs_grant(bufs, 33, 1, given), -ENOTTY);
    lacking = false;
    xen_dma_bufs_close(bufs);
    xen_dma_bufs_close(NULL);
}

/* No number is left for a second descriptor: nothing stays behind. */
static void test_no_descriptors(void **state)
{
    (void)state;
    struct xen_dma_bufs *bufs = xen_dma_bufs_open(7);
    int fd, key, taken[128], count = 0;
    struct rlimit limit, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    few = limit;
    few.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    while (count < 128 && (taken[count] = dup(0)) >= 0)
        count++;
    assert_true(count > 0 && count < 128);
    close(taken[--count]);
    assert_int_equal(xen_dma_bufs_export(bufs, refs, 3, &fd, &key), -EMFILE);
    assert_false(is_open(exported));
    while (count)
        close(taken[--count]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    xen_dma_bufs_close(bufs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_export),
        cmocka_unit_test(test_grant),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_no_descriptors),
    };
    return cmocka_run_group_tests_name("xen-dma-buf", tests, NULL, NULL);
}
