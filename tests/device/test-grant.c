/* SPDX-License-Identifier: MIT */
/* Maps of what a guest grants, with a library of our own in the place of Xen's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <xengnttab.h>

#include "xen/grant.h"

#define PAGE 4096u

static char handle;
static int maps; /* not unmapped */
static bool no_memory;

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned int flags)
{
    (void)logger;
    (void)flags;
    return (xengnttab_handle *)&handle;
}

int xengnttab_close(xengnttab_handle *closed)
{
    assert_ptr_equal(closed, &handle);
    return 0;
}

void *xengnttab_map_domain_grant_refs(xengnttab_handle *used, uint32_t count, uint32_t domid,
                                      uint32_t *refs, int protection)
{
    assert_ptr_equal(used, &handle);
    assert_int_equal(domid, 7);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(refs[i], 100 + i);
    if (no_memory) {
        errno = ENOMEM;
        return NULL;
    }
    void *memory = mmap(NULL, count * PAGE, protection, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    maps++;
    return memory;
}

int xengnttab_unmap(xengnttab_handle *used, void *memory, uint32_t count)
{
    assert_ptr_equal(used, &handle);
    maps--;
    return munmap(memory, count * PAGE);
}

int xengnttab_grant_copy(xengnttab_handle *used, uint32_t count,
                         xengnttab_grant_copy_segment_t *segments)
{
    (void)used;
    (void)count;
    (void)segments;
    return -1;
}

static bool is_mapped(void *memory)
{
    unsigned char resident;
    return !mincore(memory, PAGE, &resident);
}

/* A process that is forked has none of it. */
static void test_not_inherited(void **state)
{
    (void)state;
    struct xen_grants *grants = xen_grants_open(7);
    void *memory;
    assert_non_null(grants);
    assert_int_equal(xen_grants_map(grants, 100, 3, true, &memory), 0);
    *(volatile char *)memory = 1;
    const pid_t pid = fork();
    if (!pid)
        _exit(is_mapped(memory) || is_mapped((char *)memory + 2 * PAGE));
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(is_mapped(memory));
    xen_grants_unmap(grants, memory, 3);
    assert_int_equal(maps, 0);
    xen_grants_close(grants);
}

static void test_errors(void **state)
{
    (void)state;
    struct xen_grants *grants = xen_grants_open(7);
    void *memory;
    assert_non_null(grants);
    assert_int_equal(xen_grants_map(grants, 100, 0, true, &memory), -EINVAL);
    assert_int_equal(xen_grants_map(grants, UINT32_MAX, 2, true, &memory), -EINVAL);
    no_memory = true;
    assert_int_equal(xen_grants_map(grants, 100, 1, false, &memory), -ENOMEM);
    no_memory = false;
    assert_int_equal(maps, 0);
    xen_grants_close(grants);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_inherited),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests_name("grant", tests, NULL, NULL);
}
