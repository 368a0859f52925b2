/* SPDX-License-Identifier: MIT */
/* As many open files as a process may have, and what becomes of one that may not ask for them. */
#include "file_limit.h"

#include <errno.h>
#include <sys/resource.h>

#include "check.h"

/* What the kernel has, and answers next (an error number). */
static struct rlimit kernel;
static int get_error, set_error;
static int sets;

int __wrap_getrlimit(int resource, struct rlimit *limit);
int __wrap_setrlimit(int resource, const struct rlimit *limit);
int __real_getrlimit(int resource, struct rlimit *limit);
int __real_setrlimit(int resource, const struct rlimit *limit);

int __wrap_getrlimit(int resource, struct rlimit *limit)
{
    /* Sanitizers, which are part of the program, ask for others. */
    if (resource != RLIMIT_NOFILE)
        return __real_getrlimit(resource, limit);
    if (get_error) {
        errno = get_error;
        return -1;
    }
    *limit = kernel;
    return 0;
}

int __wrap_setrlimit(int resource, const struct rlimit *limit)
{
    if (resource != RLIMIT_NOFILE)
        return __real_setrlimit(resource, limit);
    sets++;
    if (set_error) {
        errno = set_error;
        return -1;
    }
    kernel = *limit;
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    kernel = (struct rlimit){.rlim_cur = 1024, .rlim_max = 5000};
    get_error = set_error = sets = 0;
    log_capture();
    return 0;
}

static void test_raises(void **state)
{
    (void)state;
    backend_raise_file_limit();
    assert_int_equal(kernel.rlim_cur, 5000);
    assert_int_equal(kernel.rlim_max, 5000);
    assert_not_logged("open files");
}

static void test_must_not(void **state)
{
    (void)state;
    set_error = EPERM;
    backend_raise_file_limit();
    assert_int_equal(kernel.rlim_cur, 1024);
    assert_logged("cannot raise the limit of open files: Operation not permitted");
}

/* Nothing is set that was not read. */
static void test_cannot_ask(void **state)
{
    (void)state;
    get_error = EFAULT;
    backend_raise_file_limit();
    assert_int_equal(sets, 0);
    assert_logged("cannot raise the limit of open files: Bad address");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_raises, set_up),
        cmocka_unit_test_setup(test_must_not, set_up),
        cmocka_unit_test_setup(test_cannot_ask, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
