/* SPDX-License-Identifier: MIT */
/* What the daemon does as a service: one at a time, and readiness for systemd. */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "log.h"
#include "xen_service.h"

static int setup(void **state)
{
    (void)state;
    clear_folder();
    backend_log_init(VENUS_LOG_DEBUG);
    log_capture();
    return 0;
}

static void test_lock(void **state)
{
    (void)state;
    char text[100];
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    const pid_t first = fork();
    if (!first) {
        if (xen_service_lock(file_path("lock")))
            (void)!write(ready[1], "x", 1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ready[0], text, 1), 1);
    assert_false(xen_service_lock(file_path("lock")));
    snprintf(text, sizeof(text), "another xen-venusd is running (process %d, ", first);
    assert_logged(text);
    /* It ends with the process, however that ends. */
    kill(first, SIGKILL);
    waitpid(first, NULL, 0);
    assert_true(xen_service_lock(file_path("lock")));
    assert_false(xen_service_lock(file_path("missing/lock")));
    assert_logged("missing/lock: No such file or directory");
    close(ready[0]);
    close(ready[1]);
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const socklen_t size = sizeof(sa_family_t) + strlen(path);
    strcpy(address.sun_path, path);
    if (*path == '@')
        address.sun_path[0] = '\0';
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    return fd;
}

static void test_notify(void **state)
{
    (void)state;
    char abstract[64], text[32];
    snprintf(abstract, sizeof(abstract), "@xen-venus-test-%d", (int)getpid());
    const char *const paths[] = {file_path("notify"), abstract};
    for (int i = 0; i < 2; i++) {
        const int fd = listen_at(paths[i]);
        setenv("NOTIFY_SOCKET", paths[i], 1);
        xen_service_notify("READY=1");
        const ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
        assert_true(n > 0);
        text[n] = '\0';
        assert_string_equal(text, "READY=1");
        close(fd);
    }
    /* Nobody there is no reason not to serve. */
    xen_service_notify("READY=1");
    assert_logged("cannot tell systemd \"READY=1\"");
    log_capture();
    unsetenv("NOTIFY_SOCKET");
    xen_service_notify("READY=1");
    assert_not_logged("systemd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lock, setup),
        cmocka_unit_test_setup(test_notify, setup),
    };
    return cmocka_run_group_tests_name("service", tests, folder_setup, folder_teardown);
}
