/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "unit.h"

static const struct venus_memory_provider *const memfd = &venus_memfd_provider;

static void test_pages(void **state)
{
    (void)state;
    struct venus_pages pages;
    assert_int_equal(memfd->alloc(memfd->user, 1, &pages), 0);
    assert_int_equal(pages.size, sysconf(_SC_PAGESIZE));
    assert_int_equal((uintptr_t)pages.ptr % (uintptr_t)sysconf(_SC_PAGESIZE), 0);
    assert_int_equal(lseek(pages.fd, 0, SEEK_END), pages.size);
    assert_true(fcntl(pages.fd, F_GETFD) & FD_CLOEXEC);
    for (size_t i = 0; i < pages.size; i++)
        assert_int_equal(((uint8_t *)pages.ptr)[i], 0);

    memcpy(pages.ptr, "shared", 7);
    char bytes[7];
    assert_int_equal(pread(pages.fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    assert_string_equal(bytes, "shared");
    memfd->free(memfd->user, &pages);
    assert_null(pages.ptr);
    memfd->free(memfd->user, &pages); /* accepts a zeroed struct, and leaves fd 0 alone */
    assert_true(fcntl(0, F_GETFD) >= 0 || errno == EBADF);
}

/* The client has the file, too. It must not be able to pull the pages away under us. */
static void test_seals(void **state)
{
    (void)state;
    struct venus_pages pages;
    assert_int_equal(memfd->alloc(memfd->user, 3 * 4096, &pages), 0);
    const int client = dup(pages.fd);
    const int seals = fcntl(client, F_GET_SEALS);
    assert_int_equal(seals & (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL | F_SEAL_WRITE),
                     F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    assert_int_equal(ftruncate(client, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(client, 1 << 20), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(fcntl(client, F_ADD_SEALS, F_SEAL_WRITE), -1);
    /* Holes are fine: they read as zeros. */
    memset(pages.ptr, 0xff, pages.size);
    assert_int_equal(fallocate(client, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), 0);
    assert_int_equal(((uint8_t *)pages.ptr)[0], 0);
    close(client);
    memfd->free(memfd->user, &pages);
}

static void test_bad_sizes(void **state)
{
    (void)state;
    struct venus_pages pages;
    assert_int_equal(memfd->alloc(memfd->user, 0, &pages), -EINVAL);
    assert_int_equal(memfd->alloc(memfd->user, UINT64_MAX, &pages), -ENOMEM);
    assert_int_equal(memfd->alloc(memfd->user, UINT64_MAX - 4095, &pages), -ENOMEM);
    assert_int_equal(memfd->alloc(memfd->user, INT64_MAX, &pages), -ENOMEM);
    /* A legal size for a file, but more than an address space. */
    const int fd_before = dup(0);
    close(fd_before);
    assert_true(memfd->alloc(memfd->user, UINT64_C(1) << 60, &pages) < 0);
    const int fd_after = dup(0);
    close(fd_after);
    assert_int_equal(fd_before, fd_after); /* nothing left open */
}

/* The result of an allocation while the process may have only so much of something. */
static int alloc_limited(int resource, rlim_t most, uint64_t size)
{
    struct venus_pages pages;
    struct rlimit before, limit;
    assert_int_equal(getrlimit(resource, &before), 0);
    limit = (struct rlimit){.rlim_cur = most, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(resource, &limit), 0);
    const int result = memfd->alloc(memfd->user, size, &pages);
    assert_int_equal(setrlimit(resource, &before), 0);
    return result;
}

/* What is missing is said, and nothing stays open. */
static void test_no_resources(void **state)
{
    (void)state;
    assert_int_equal(alloc_limited(RLIMIT_NOFILE, 0, 4096), -EMFILE);

    const int fd_before = dup(0);
    close(fd_before);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(alloc_limited(RLIMIT_FSIZE, 4096, 8192), -EFBIG);
    const int fd_after = dup(0);
    close(fd_after);
    assert_int_equal(fd_before, fd_after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_seals),
        cmocka_unit_test(test_bad_sizes),
        cmocka_unit_test(test_no_resources),
    };
    return cmocka_run_group_tests_name("memfd", tests, NULL, NULL);
}
