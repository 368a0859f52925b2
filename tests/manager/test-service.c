/* SPDX-License-Identifier: MIT */
/* What the daemon does as a service: one at a time, and readiness for systemd. */
#include <fcntl.h>
#include <pwd.h>
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

/* ---- the user; these two stand for the C library's ---- */

static uid_t our_user;
static const char *known_user; /* or NULL */

uid_t geteuid(void)
{
    return our_user;
}

struct passwd *getpwnam(const char *name)
{
    static struct passwd entry;
    if (!known_user || strcmp(name, known_user))
        return NULL;
    entry = (struct passwd){.pw_uid = strcmp(name, "root") ? 123 : 0};
    return &entry;
}

static void test_user(void **state)
{
    (void)state;
    static const struct {
        uid_t our;
        const char *known, *wanted, *user, *logged; /* NULL: nothing is */
        bool ok;
    } cases[] = {
        {0, "xen-venus", NULL, "xen-venus", NULL, true},
        {0, "games", "games", "games", NULL, true},
        {0, "games", "xen-venus", NULL, "--user=xen-venus: there is no such user", false},
        /* Nobody stays root unasked. */
        {0, NULL, NULL, NULL, "there is no user xen-venus", false},
        {0, "root", NULL, NULL, "there is no user xen-venus", false},
        {0, "root", "root", "root", "--user=root: guests' processes stay root", true},
        {1000, NULL, NULL, NULL, NULL, true},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *user = "unset";
        log_capture();
        our_user = cases[i].our;
        known_user = cases[i].known;
        assert_int_equal(xen_service_choose_user(cases[i].wanted, &user), cases[i].ok);
        if (cases[i].user)
            assert_string_equal(user, cases[i].user);
        else
            assert_null(user);
        if (cases[i].logged)
            assert_logged(cases[i].logged);
        else
            assert_not_logged("user");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lock, setup),
        cmocka_unit_test_setup(test_notify, setup),
        cmocka_unit_test_setup(test_user, setup),
    };
    return cmocka_run_group_tests_name("service", tests, folder_setup, folder_teardown);
}
