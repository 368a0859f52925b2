/* SPDX-License-Identifier: MIT */
/* xen-venus as its user sees it: text, JSON, errors and exit statuses. */
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

static char output[65536]; /* of the last run: standard output, then standard error */
static pid_t daemon_pid;
static enum fake_device_mode fake_mode; /* of the next daemon's device processes */

/* ---- the daemon, in a process of its own ---- */

/* A daemon with the guest "guest", whose GPU 0 is connected. */
static int start_daemon(void **state)
{
    world_setup(state);
    fake_device->mode = fake_mode;
    manager_params.control_path = strdup(file_path("control"));
    put_config("guest", "'hostmem=2M,gpu=0', 'hostmem=4M', 'hostmem=3M'");
    put_config("other", "'venus=2'");
    add_guest(7, "guest");
    add_guest(12, "other");
    frontend_connects(0);
    daemon_pid = fork();
    if (!daemon_pid) {
        start_manager();
        while (xen_manager_step(manager, LOOP_NEVER))
            ;
        _exit(0);
    }
    for (int i = 0; i < 500 && !fake_device->starts; i++)
        usleep(10 * 1000);
    assert_int_equal(fake_device->starts, 1);
    usleep(100 * 1000); /* to hear that it is ready */
    return 0;
}

static int stop_daemon(void **state)
{
    kill(daemon_pid, SIGKILL);
    waitpid(daemon_pid, NULL, 0);
    free((char *)manager_params.control_path);
    return world_teardown(state);
}

/* ---- the tool ---- */

static size_t read_output(const char *name, size_t size)
{
    const int fd = open(file_path(name), O_RDONLY | O_CLOEXEC);
    const ssize_t n = read(fd, output + size, sizeof(output) - 1 - size);
    assert_true(n >= 0);
    close(fd);
    output[size + n] = '\0';
    return size + n;
}

/* Run it with up to three arguments besides --control, and return its exit status. */
static int run_tool(const char *a, const char *b, const char *c)
{
    const char *build = getenv("top_builddir");
    char path[256], control[128];
    int status;
    const char *argv[] = {path, control, a, b, c, NULL};
    snprintf(path, sizeof(path), "%s/backend/xen-venus", build ? build : ".");
    snprintf(control, sizeof(control), "--control=%s", file_path("control"));
    const pid_t pid = fork();
    if (!pid) {
        dup2(open(file_path("out"), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
        dup2(open(file_path("err"), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
        execv(path, (char **)argv);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    read_output("err", read_output("out", 0));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void check_tool(int status, const char *text, const char *a, const char *b, const char *c)
{
    const int result = run_tool(a, b, c);
    if (result != status || !strstr(output, text))
        fail_msg("%s %s %s: status %d, not %d; \"%s\" expected in:\n%s", a ? a : "", b ? b : "",
                 c ? c : "", result, status, text, output);
}

static void test_list(void **state)
{
    (void)state;
    char row[200];
    check_tool(0, "Name                        ID GPU  Hostmem Window       PID  State\n", "list",
               NULL, NULL);
    snprintf(row, sizeof(row),
             "guest                        7   0       2M foreign  %7d  connected\n",
             fake_device->pid);
    check_tool(0, row, "list", NULL, NULL);
    check_tool(
        0, "guest                        7   1       4M foreign        -  waiting for the guest\n",
        "list", NULL, NULL);
    check_tool(0, "guest.cfg: gpu[2]: hostmem=3M: not a multiple of 2M\n", "list", NULL, NULL);
    check_tool(0, "other.cfg: gpu[0]: venus=2: must be 0 or 1\n", "list", NULL, NULL);
}

static void test_info(void **state)
{
    (void)state;
    check_tool(0, "name                     guest\ndomid                    7\n", "info", "guest",
               NULL);
    check_tool(0,
               "gpu 0\n    id                   0\n    state                connected\n    "
               "hostmem              2M\n",
               "info", "7", NULL);
    check_tool(0, "    stats\n        contexts             2\n", "info", "guest", NULL);
    check_tool(1, "xen-venus: there is no domain \"nobody\" (see xl list)\n", "info", "nobody",
               NULL);
}

static void test_json(void **state)
{
    (void)state;
    static const char *const commands[] = {"list", "info"};
    for (int i = 0; i < 2; i++) {
        check_tool(0, "", "--json", commands[i], i ? "guest" : NULL);
        struct json_object *answer = json_tokener_parse(output), *ok;
        assert_true(json_object_object_get_ex(answer, "ok", &ok));
        assert_true(json_object_get_boolean(ok));
        json_object_put(answer);
    }
}

/* What a device process says that a guest has taken over. */
static void test_escapes(void **state)
{
    (void)state;
    stop_daemon(NULL);
    fake_mode = FAKE_DEVICE_ESCAPES;
    start_daemon(NULL);
    fake_mode = FAKE_DEVICE_READY;
    check_tool(0, "name                 a?[31mb??c??\n", "info", "guest", NULL);
    check_tool(0, "\"name\":\"a\\u001b[31mb", "--json", "info", "guest");
    assert_null(strchr(output, '\x1b'));
}

static void test_attach_detach(void **state)
{
    (void)state;
    check_tool(0, "GPU 2\n", "attach", "guest", "hostmem=6M,contexts=1");
    check_tool(0, "       6M ", "list", NULL, NULL);
    check_tool(1, "xen-venus: memory=1: no such key; there are hostmem, gpu, ", "attach", "guest",
               "memory=1");
    check_tool(1, "xen-venus: guest has several GPUs: say which one by its id\n", "detach", "guest",
               NULL);
    check_tool(1, "xen-venus: guest has no GPU 5\n", "detach", "guest", "5");
    check_tool(0, "GPU 2\n", "detach", "guest", "2");
    check_tool(0, "GPU 1\n", "detach", "guest", "1");
    check_tool(0, "connected", "list", NULL, NULL);
    assert_null(strstr(output, "       6M "));
}

static void test_usage(void **state)
{
    (void)state;
    check_tool(2, "no command; there are list, info, attach, detach", NULL, NULL, NULL);
    check_tool(2, "no command \"remove\"", "remove", NULL, NULL);
    check_tool(2, "wrong number of arguments; usage: xen-venus info DOMAIN\n", "info", NULL, NULL);
    check_tool(2, "usage: xen-venus attach DOMAIN 'KEY=VALUE,...'\n", "attach", "guest", NULL);
    check_tool(2, "usage: xen-venus list\n", "list", "guest", NULL);
    check_tool(2, "\"-\" is not the id of a GPU", "detach", "guest", "-");
    check_tool(2, "\"1x\" is not the id of a GPU", "detach", "guest", "1x");
    check_tool(2, "unrecognized option '--nonsense'", "--nonsense", NULL, NULL);
    check_tool(0, "Usage: xen-venus", "--help", NULL, NULL);
    check_tool(0, "xen-venus 0", "--version", NULL, NULL);
}

static void test_no_daemon(void **state)
{
    (void)state;
    char text[200];
    snprintf(text, sizeof(text), "xen-venus: xen-venusd is not running: nothing listens on %s\n",
             file_path("control"));
    unlink(file_path("control"));
    check_tool(3, text, "list", NULL, NULL);
    /* A socket that a dead daemon has left over. */
    start_daemon(NULL);
    stop_daemon(NULL);
    check_tool(3, text, "list", NULL, NULL);
    check_tool(3, "the path is too long for a socket",
               "--control=/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
               "list", NULL);
}

/* ---- answers that no daemon of ours gives ---- */

/* Wait for a request, give an answer, and close the connection. */
static pid_t answer_with(const char *answer, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char request[1024];
    unlink(file_path("control"));
    strcpy(address.sun_path, file_path("control"));
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    const pid_t pid = fork();
    if (!pid) {
        const int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        char end = 0;
        while (end != '\n') {
            const ssize_t n = recv(client, request, sizeof(request), 0);
            if (n <= 0)
                _exit(1);
            end = request[n - 1];
        }
        while (size) {
            const ssize_t n = send(client, answer, size, MSG_NOSIGNAL);
            if (n <= 0)
                break; /* it has had enough */
            answer += n;
            size -= (size_t)n;
        }
        _exit(0);
    }
    close(fd);
    return pid;
}

static void check_answer(int status, const char *text, const char *answer, size_t size)
{
    const pid_t pid = answer_with(answer, size);
    int end;
    check_tool(status, text, "--json", "list", NULL);
    assert_int_equal(waitpid(pid, &end, 0), pid);
    assert_int_equal(end, 0);
}

static void test_strange_answers(void **state)
{
    (void)state;
    static char large[5 << 20];
    clear_folder();
    check_answer(3, "xen-venusd does not answer: it has closed the connection\n", NULL, 0);
    check_answer(3, "xen-venusd does not answer: it has closed the connection\n", "{\"ok\":", 6);
    check_answer(1, "xen-venus: xen-venusd refuses and does not say why\n", "{\"ok\":false}\n", 13);
    check_answer(1, "xen-venus: xen-venusd refuses and does not say why\n", "nonsense\n", 9);
    check_answer(1, "xen-venus: it is late\n", "{\"error\":\"it is late\"}\n", 23);
    /* As long as it takes; but not for ever. */
    memset(large, ' ', sizeof(large));
    memcpy(large, "{\"ok\":true,", 11);
    strcpy(large + 100000, "\"last\":1}\n");
    check_answer(0, "\"last\":1", large, 100000 + strlen(large + 100000));
    memset(large, ' ', sizeof(large));
    check_answer(3, "xen-venusd does not answer: Message too long\n", large, sizeof(large));
}

static void test_unreachable(void **state)
{
    (void)state;
    char text[200];
    clear_folder();
    put_file("control", "");
    put_file("file", "");
    check_tool(3, "is not running: nothing listens on ", "list", NULL, NULL); /* no socket */
    snprintf(text, sizeof(text), "--control=%s/file/control", folder);
    check_tool(3, "/file/control: Not a directory\n", text, "list", NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start_daemon, stop_daemon)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_list),
        TEST(test_info),
        TEST(test_json),
        TEST(test_escapes),
        TEST(test_attach_detach),
        TEST(test_usage),
        cmocka_unit_test(test_no_daemon),
        cmocka_unit_test(test_strange_answers),
        cmocka_unit_test(test_unreachable),
    };
    return cmocka_run_group_tests_name("tool", tests, folder_setup, folder_teardown);
}
