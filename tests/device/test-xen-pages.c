/* SPDX-License-Identifier: MIT */
/* The window and the pages that are granted to a guest, with files in the place of Xen's devices:
 * what the kernel is asked for, and what is left when it refuses. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

#include "xen/shared_pages.h"
#include "xen/window.h"

#define PAGE  4096u
#define CHUNK 65536u /* pages that gntdev maps in one call */
#define DOMID 7

/* ---- the kernel: the linker sends calls of open(), ioctl() and mmap() here ---- */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);

static struct {
    int fd; /* the open device, or -1 */
    char path[32];
    int open_error, restrict_error, map_error, alloc_error, mmap_error;
    unsigned calls;     /* of ioctl() that map */
    unsigned fails_at;  /* this call of them, from 1, fails with map_error; 0: each */
    uint64_t pages[8];  /* the first ones of the last call */
    uint32_t count;     /* of the last call */
    int frame_error;    /* for the last frame of a batch */
    uint32_t allocated; /* pages that are not given back */
    uint64_t next_index;
} kernel;

int __wrap_open(const char *path, int flags, ...)
{
    if (strncmp(path, "/dev/xen/", 9))
        return __real_open(path, flags, 0600);
    assert_int_equal(flags, O_RDWR | O_CLOEXEC);
    strncpy(kernel.path, path, sizeof(kernel.path) - 1);
    if (kernel.open_error) {
        errno = kernel.open_error;
        return -1;
    }
    kernel.fd = memfd_create("device", MFD_CLOEXEC);
    assert_true(kernel.fd >= 0);
    assert_int_equal(ftruncate(kernel.fd, (off_t)(2 * CHUNK) * PAGE), 0);
    return kernel.fd;
}

static int result(int error)
{
    errno = error;
    return error ? -1 : 0;
}

/* As the kernel has it in its own header. */
struct batch {
    unsigned int count;
    domid_t domid;
    uint64_t address;
    const xen_pfn_t *frames;
    int *errors;
};

static int map_result(void)
{
    kernel.calls++;
    return !kernel.fails_at || kernel.calls == kernel.fails_at ? result(kernel.map_error) : 0;
}

static int map_grants(struct ioctl_gntdev_map_grant_ref *map)
{
    kernel.count = map->count;
    for (uint32_t i = 0; i < map->count; i++)
        assert_int_equal(map->refs[i].domid, DOMID);
    for (uint32_t i = 0; i < map->count && i < 8; i++)
        kernel.pages[i] = map->refs[i].ref;
    map->index = (uint64_t)kernel.calls * PAGE;
    return map_result();
}

static int map_batch(const struct batch *batch)
{
    kernel.count = batch->count;
    assert_int_equal(batch->domid, DOMID);
    for (uint32_t i = 0; i < batch->count && i < 8; i++)
        kernel.pages[i] = batch->frames[i];
    *(volatile char *)(uintptr_t)batch->address = 1; /* mapped already */
    batch->errors[batch->count - 1] = kernel.frame_error;
    return map_result();
}

static int allocate(struct ioctl_gntalloc_alloc_gref *alloc)
{
    assert_int_equal(alloc->domid, DOMID);
    assert_int_equal(alloc->flags, GNTALLOC_FLAG_WRITABLE);
    if (kernel.alloc_error)
        return result(kernel.alloc_error);
    for (uint32_t i = 0; i < alloc->count; i++)
        alloc->gref_ids[i] = 500 + i;
    alloc->index = kernel.next_index;
    kernel.next_index += (uint64_t)alloc->count * PAGE;
    kernel.allocated += alloc->count;
    return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    va_start(args, request);
    void *argument = va_arg(args, void *);
    va_end(args);
    assert_int_equal(fd, kernel.fd);
    if (request == IOCTL_GNTDEV_MAP_GRANT_REF)
        return map_grants(argument);
    if (request == IOCTL_GNTALLOC_ALLOC_GREF)
        return allocate(argument);
    if (request == IOCTL_GNTALLOC_DEALLOC_GREF) {
        kernel.allocated -= ((struct ioctl_gntalloc_dealloc_gref *)argument)->count;
        return 0;
    }
    if (_IOC_NR(request) == 6) { /* privcmd's RESTRICT */
        assert_int_equal(*(domid_t *)argument, DOMID);
        return result(kernel.restrict_error);
    }
    assert_int_equal(_IOC_NR(request), 4); /* its MAP_BATCH */
    return map_batch(argument);
}

void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (fd >= 0 && kernel.mmap_error) {
        errno = kernel.mmap_error;
        return MAP_FAILED;
    }
    return __real_mmap(at, size, protection, flags, fd, offset);
}

/* ---- what the tests share ---- */

static int first_free; /* descriptor */

static int setup(void **state)
{
    (void)state;
    memset(&kernel, 0, sizeof(kernel));
    kernel.fd = -1;
    first_free = dup(STDERR_FILENO);
    close(first_free);
    return 0;
}

/* Everything is closed. */
static int teardown(void **state)
{
    (void)state;
    const int now = dup(STDERR_FILENO);
    close(now);
    return now != first_free || kernel.allocated ? -1 : 0;
}

static bool is_mapped(void *memory)
{
    unsigned char resident;
    return !mincore(memory, PAGE, &resident);
}

/* Any of it, anywhere. */
static bool device_is_mapped(void)
{
    char line[256];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps))
        found |= strstr(line, "/memfd:device") != NULL;
    fclose(maps);
    return found;
}

/* ---- the window ---- */

static void test_grants(void **state)
{
    (void)state;
    const uint64_t refs[] = {9, 4, UINT32_MAX};
    struct xen_window *window = xen_window_open(XEN_WINDOW_GRANT, DOMID);
    assert_non_null(window);
    assert_string_equal(kernel.path, "/dev/xen/gntdev");
    assert_null(xen_window_memory(window));
    assert_int_equal(xen_window_enter_child(window), -EINVAL);
    assert_int_equal(xen_window_map(window, refs, 0), -EINVAL);
    assert_int_equal(xen_window_map(window, refs, SIZE_MAX / PAGE), -EINVAL);
    assert_int_equal(xen_window_map(window, refs, 3), 0);
    assert_int_equal(kernel.count, 3);
    assert_memory_equal(kernel.pages, refs, sizeof(refs));
    assert_int_equal(kernel.calls, 1);
    char *memory = xen_window_memory(window);
    assert_int_equal((uintptr_t)memory % (2 << 20), 0);
    memset(memory, 1, 3 * PAGE);
    assert_int_equal(xen_window_map(window, refs, 3), -EINVAL); /* once */
    assert_int_equal(xen_window_set_bits(window, 3 * PAGE - 4, 6), 0);
    assert_int_equal(memory[3 * PAGE - 4], 7);
    assert_int_equal(xen_window_set_bits(window, 3 * PAGE - 2, 1), -EINVAL);
    assert_int_equal(xen_window_set_bits(window, 3 * PAGE, 1), -EINVAL);
    assert_int_equal(xen_window_set_bits(window, UINT64_MAX - 3, 1), -EINVAL);
    assert_int_equal(kernel.calls, 1);
    uint32_t some[2];
    assert_int_equal(xen_window_refs(window, 1, 2, some), 0);
    assert_int_equal(some[0], 4);
    assert_int_equal(some[1], UINT32_MAX);
    assert_int_equal(xen_window_refs(window, 2, 2, some), -EINVAL);
    assert_int_equal(xen_window_refs(window, SIZE_MAX, 2, some), -EINVAL);
    xen_window_close(window);
    assert_false(is_mapped(memory));
    xen_window_close(NULL);
}

static void test_foreign(void **state)
{
    (void)state;
    const uint64_t frames[] = {0x140000, 0x140001};
    struct xen_window *window = xen_window_open(XEN_WINDOW_FOREIGN, DOMID);
    assert_non_null(window);
    assert_string_equal(kernel.path, "/dev/xen/privcmd");
    kernel.frame_error = -ENOENT; /* of one page among many */
    assert_int_equal(xen_window_map(window, frames, 2), -ENOENT);
    assert_null(xen_window_memory(window));
    kernel.frame_error = 0;
    kernel.map_error = EPERM;
    assert_int_equal(xen_window_map(window, frames, 2), -EPERM);
    kernel.map_error = 0;
    kernel.mmap_error = ENODEV;
    assert_int_equal(xen_window_map(window, frames, 2), -ENODEV);
    kernel.mmap_error = 0;
    assert_int_equal(xen_window_set_bits(window, 0, 1), -EINVAL);
    assert_int_equal(xen_window_map(window, frames, 2), 0);
    assert_int_equal(xen_window_map(window, frames, 2), -EINVAL); /* once */
    /* Only one page has been looked at, and it is not mapped any more. */
    assert_int_equal(kernel.count, 1);
    assert_int_equal(kernel.pages[0], frames[1]);
    assert_null(xen_window_memory(window));
    assert_false(device_is_mapped());
    assert_int_equal(xen_window_set_bits(window, PAGE - 4, 6), 0);
    assert_int_equal(kernel.pages[0], frames[0]);
    assert_false(device_is_mapped());
    uint32_t word;
    assert_int_equal(pread(kernel.fd, &word, sizeof(word), PAGE - 4), sizeof(word));
    assert_int_equal(word, 6);
    kernel.map_error = ESRCH;
    assert_int_equal(xen_window_set_bits(window, PAGE, 6), -ESRCH);
    kernel.map_error = 0;
    assert_int_equal(xen_window_set_bits(window, 2 * PAGE, 6), -EINVAL);
    uint32_t none;
    assert_int_equal(xen_window_refs(window, 0, 1, &none), -EINVAL);
    xen_window_close(window);
}

/* More than one call takes: one after the other, and all or nothing. */
static void test_chunks(void **state)
{
    (void)state;
    const size_t count = CHUNK + 10;
    uint64_t *refs = calloc(count, sizeof(*refs));
    assert_non_null(refs);
    refs[CHUNK] = 77;
    struct xen_window *window = xen_window_open(XEN_WINDOW_GRANT, DOMID);
    assert_non_null(window);
    kernel.fails_at = 2;
    kernel.map_error = EINVAL;
    assert_int_equal(xen_window_map(window, refs, count), -EINVAL);
    assert_int_equal(kernel.calls, 2);
    assert_null(xen_window_memory(window));
    assert_int_equal(xen_window_map(window, refs, count), 0);
    assert_int_equal(kernel.calls, 4);
    assert_int_equal(kernel.count, 10);
    assert_int_equal(kernel.pages[0], 77);
    assert_true(is_mapped((char *)xen_window_memory(window) + (count - 1) * PAGE));
    xen_window_close(window);
    free(refs);
}

static void test_no_device(void **state)
{
    (void)state;
    kernel.open_error = EACCES;
    assert_null(xen_window_open(XEN_WINDOW_GRANT, DOMID));
    assert_int_equal(errno, EACCES);
    assert_null(xen_shared_pages_open(DOMID));
    assert_int_equal(errno, EACCES);
    assert_string_equal(kernel.path, "/dev/xen/gntalloc");
    /* A descriptor that would reach every domain is none. */
    kernel.open_error = 0;
    kernel.restrict_error = EPERM;
    assert_null(xen_window_open(XEN_WINDOW_FOREIGN, DOMID));
    assert_int_equal(errno, EPERM);
}

/* In a process whose fork has left the map out it is made again, for grants by a device of its own;
 * foreign pages are mapped there only. */
static void check_left_out(enum xen_window_kind kind, int error)
{
    /* More than a thread's stack, which sanitizers put in their place when a process is forked. */
    static const uint64_t pages[4096] = {5};
    struct xen_window *window = xen_window_open(kind, DOMID);
    assert_non_null(window);
    assert_int_equal(xen_window_map(window, pages, 4096), 0);
    assert_int_equal(device_is_mapped(), kind == XEN_WINDOW_GRANT);
    if (kind == XEN_WINDOW_GRANT)
        assert_int_equal(madvise(xen_window_memory(window), 4096 * PAGE, MADV_DONTFORK), 0);
    const pid_t pid = fork();
    if (!pid) {
        const int before = kernel.fd;
        kernel.map_error = error;
        if (xen_window_enter_child(window) != -error)
            _exit(1);
        if (error)
            _exit(xen_window_memory(window) ? 2 : 0);
        *(volatile char *)xen_window_memory(window) = 1;
        if (kernel.pages[0] != 5 || kernel.calls != 2)
            _exit(3);
        _exit(kind == XEN_WINDOW_GRANT || kernel.fd == before ? 0 : 4);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    xen_window_close(window);
    kernel.calls = 0;
}

static void test_child(void **state)
{
    (void)state;
    const uint64_t page = 5;
    check_left_out(XEN_WINDOW_GRANT, 0);
    check_left_out(XEN_WINDOW_FOREIGN, 0);
    check_left_out(XEN_WINDOW_GRANT, EINVAL);
    /* One that it has inherited stays. */
    struct xen_window *window = xen_window_open(XEN_WINDOW_GRANT, DOMID);
    assert_int_equal(xen_window_map(window, &page, 1), 0);
    void *const memory = xen_window_memory(window);
    assert_int_equal(xen_window_enter_child(window), 0);
    assert_ptr_equal(xen_window_memory(window), memory);
    assert_int_equal(kernel.calls, 1);
    xen_window_close(window);
}

/* ---- granted pages ---- */

static void test_shared_pages(void **state)
{
    (void)state;
    struct xen_shared_pages *pages = xen_shared_pages_open(DOMID);
    void *memory[3];
    uint32_t refs[4];
    assert_non_null(pages);
    assert_int_equal(xen_shared_pages_fd(pages), kernel.fd);
    assert_int_equal(xen_shared_pages_alloc(pages, 0, &memory[0], refs), -EINVAL);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(xen_shared_pages_alloc(pages, 2 + i, &memory[i], refs), 0);
        assert_int_equal(refs[1 + i], 501 + i);
        memset(memory[i], (int)i + 1, (2 + i) * PAGE);
    }
    assert_int_equal(*(char *)memory[0], 1); /* its own pages */
    assert_int_equal(kernel.allocated, 9);
    xen_shared_pages_free(pages, memory[1]);
    assert_false(is_mapped(memory[1]));
    assert_int_equal(kernel.allocated, 6);
    xen_shared_pages_free(pages, memory[1]); /* not there any more */
    assert_int_equal(kernel.allocated, 6);
    assert_int_equal(*(char *)memory[2], 3);
    xen_shared_pages_close(pages);
    assert_int_equal(kernel.allocated, 0);
    assert_false(is_mapped(memory[0]));
    xen_shared_pages_close(NULL);
}

static void test_no_pages(void **state)
{
    (void)state;
    struct xen_shared_pages *pages = xen_shared_pages_open(DOMID);
    void *memory;
    uint32_t refs[2];
    assert_non_null(pages);
    kernel.alloc_error = ENOSPC;
    assert_int_equal(xen_shared_pages_alloc(pages, 2, &memory, refs), -ENOSPC);
    kernel.alloc_error = 0;
    kernel.mmap_error = ENOMEM;
    assert_int_equal(xen_shared_pages_alloc(pages, 2, &memory, refs), -ENOMEM);
    assert_int_equal(kernel.allocated, 0);
    xen_shared_pages_close(pages);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_grants), TEST(test_foreign),      TEST(test_chunks),   TEST(test_no_device),
        TEST(test_child),  TEST(test_shared_pages), TEST(test_no_pages),
    };
    return cmocka_run_group_tests_name("xen-pages", tests, NULL, NULL);
}
