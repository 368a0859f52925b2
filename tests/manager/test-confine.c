/* SPDX-License-Identifier: MIT */
/* What processes of a guest give up. */
#include "confine.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* Run a function with a socket in a process of its own: whether it says true there. */
static bool in_child(bool (*run)(const int fds[2]))
{
    int status;
    const pid_t self = getpid(), pid = fork();
    if (!pid) {
        int fds[2];
        _exit(confine_early(self) && !socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) && run(fds) ? 0
                                                                                              : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && !WEXITSTATUS(status);
}

/* The log's reader goes away, and somebody logs. */
static bool writes_to_nobody(const int fds[2])
{
    (void)fds;
    int log[2];
    if (pipe(log))
        return false;
    close(log[0]);
    return write(log[1], "x", 1) < 0 && errno == EPIPE;
}

static void test_broken_pipe(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_true(in_child(writes_to_nobody));
    signal(SIGPIPE, SIG_DFL); /* whatever it was before */
    assert_true(in_child(writes_to_nobody));
}

static bool takes_signals(const int fds[2])
{
    struct sigaction action;
    (void)fds;
    return !sigaction(SIGTERM, NULL, &action) && action.sa_handler == SIG_DFL;
}

static void test_signals(void **state)
{
    (void)state;
    signal(SIGTERM, SIG_IGN);
    assert_true(in_child(takes_signals));
    signal(SIGTERM, SIG_DFL);
}

static bool changes_user(const int fds[2])
{
    return confine_privileges("root", fds[1]);
}

static bool changes_user_too_late(const int fds[2])
{
    close(fds[0]);
    return confine_privileges("root", fds[1]);
}

/* A change of the user forgets who was to tell of the parent's death. */
static void test_parent_dies_meanwhile(void **state)
{
    (void)state;
    if (geteuid())
        skip(); /* only root may change it */
    assert_true(in_child(changes_user));
    assert_false(in_child(changes_user_too_late));
}

static bool has_other_parent(const int fds[2])
{
    (void)fds;
    return confine_early(getpid());
}

#ifndef __SANITIZE_THREAD__
static bool has_no_privilege(const int fds[2])
{
    return confine_privileges(NULL, -1) && !confine_privileges("root", fds[1]);
}
#endif

static bool has_no_namespaces(const int fds[2])
{
    (void)fds;
    if (!confine_privileges(NULL, -1))
        return false;
    confine_namespaces();
    return true;
}

/* What cannot be given up is said, and for most of it the process must not go on. */
static void test_refused(void **state)
{
    (void)state;
    log_capture();
    assert_false(in_child(has_other_parent));
#ifndef __SANITIZE_THREAD__ /* its thread keeps the privilege, at which the C library gives up */
    assert_true(in_child(has_no_privilege));
    assert_logged("this process cannot be confined: another user: Operation not permitted");
#endif
    assert_true(in_child(has_no_namespaces));
    assert_logged("no namespaces of its own: Operation not permitted");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broken_pipe),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_parent_dies_meanwhile),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("confine", tests, NULL, NULL);
}
