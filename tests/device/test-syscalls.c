/* SPDX-License-Identifier: MIT */
/* What a process can still do after confine_syscalls(). */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "confine.h"

#define NO_FILTER 99 /* exit status */

/* Run `check` in a confined process; it must return 0. */
static void run(int (*check)(void))
{
    const pid_t pid = fork();
    if (!pid) {
        if (!confine_syscalls())
            _exit(NO_FILTER);
        _exit(check());
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_FILTER)
        skip(); /* not with this kernel or architecture */
    assert_int_equal(status, 0);
}

static bool fails(long result, int error)
{
    return result < 0 && errno == error;
}

static int no_processes(void)
{
    char *const arguments[] = {"true", NULL};
    pid_t pid;
    if (!fails(fork(), EPERM))
        return 1;
    if (!fails(execv("/bin/true", arguments), EPERM))
        return 2;
    if (!posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, NULL))
        return 3;
    /* A process that shares memory, but is no thread. */
    if (!fails(syscall(SYS_clone, CLONE_VM | SIGCHLD, 0, 0, 0, 0), EPERM))
        return 4;
    return fails(syscall(SYS_clone3, NULL, 0), ENOSYS) ? 0 : 5;
}

static int no_others(void)
{
    if (!fails(ptrace(PTRACE_TRACEME, 0, 0, 0), EPERM))
        return 1;
    if (!fails(syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0), EPERM))
        return 2;
    if (!fails(unshare(CLONE_NEWUSER), EPERM))
        return 3;
    if (!fails(syscall(SYS_io_uring_setup, 1, NULL), EPERM))
        return 4;
    if (!fails(syscall(SYS_bpf, 0, NULL, 0), EPERM))
        return 5;
    return fails(ioctl(0, TIOCSTI, "x"), EPERM) ? 0 : 6;
}

static int no_network(void)
{
    if (!fails(socket(AF_INET, SOCK_STREAM, 0), EAFNOSUPPORT))
        return 1;
    if (!fails(socket(AF_NETLINK, SOCK_RAW, 0), EAFNOSUPPORT))
        return 2;
    return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? 0 : 3;
}

static void *set(void *flag)
{
    *(bool *)flag = true;
    return NULL;
}

/* What drivers do. */
static int the_rest(void)
{
    pthread_t thread;
    bool ran = false;
    if (pthread_create(&thread, NULL, set, &ran) || pthread_join(thread, NULL) || !ran)
        return 1;
    void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code == MAP_FAILED || mprotect(code, 4096, PROT_READ | PROT_EXEC))
        return 2;
    const int fd = open("/dev/null", O_RDWR);
    if (fd < 0 || write(fd, "x", 1) != 1 || !fails(ioctl(fd, TIOCGWINSZ, NULL), ENOTTY))
        return 3;
    return memfd_create("x", 0) >= 0 ? 0 : 4;
}

static void test_no_processes(void **state)
{
    (void)state;
    run(no_processes);
}

static void test_no_others(void **state)
{
    (void)state;
    run(no_others);
}

static void test_no_network(void **state)
{
    (void)state;
    run(no_network);
}

static void test_the_rest(void **state)
{
    (void)state;
    run(the_rest);
}

/* A process that could not be confined knows. */
static int filter_until_refused(void)
{
    for (int i = 0; i < 10000; i++) {
        if (!confine_syscalls())
            return i ? 0 : 1;
    }
    return 2;
}

static void test_refused(void **state)
{
    (void)state;
    run(filter_until_refused); /* the kernel limits the length of all filters together */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_processes),
        cmocka_unit_test(test_no_others),
        cmocka_unit_test(test_no_network),
        cmocka_unit_test(test_the_rest),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("syscalls", tests, NULL, NULL);
}
