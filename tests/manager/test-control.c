/* SPDX-License-Identifier: MIT */
/* The control socket: what xen-venus and others can ask for. */
#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "exit_codes.h"
#include "world.h"

static int client = -1;

static int connect_client(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(address.sun_path, file_path("control"));
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static int control_setup(void **state)
{
    world_setup(state);
    manager_params.control_path = strdup(file_path("control"));
    return 0;
}

static int control_teardown(void **state)
{
    if (client >= 0)
        close(client);
    client = -1;
    world_teardown(state);
    free((char *)manager_params.control_path);
    return 0;
}

static void send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* The next line of an answer, while the manager works. */
static const char *receive_line(int fd)
{
    static char line[65536];
    size_t size = 0;
    const int64_t end = backend_now_ms() + 5000;
    while (!size || line[size - 1] != '\n') {
        assert_true(backend_now_ms() < end);
        assert_true(xen_manager_step(manager, backend_now_ms() + 5));
        const ssize_t n = recv(fd, line + size, sizeof(line) - 1 - size, MSG_DONTWAIT);
        if (!n)
            fail_msg("the connection was closed");
        size += n > 0 ? n : 0;
    }
    line[size - 1] = '\0';
    return line;
}

static const char *ask(const char *request)
{
    if (client < 0)
        client = connect_client();
    send_text(client, request);
    send_text(client, "\n");
    return receive_line(client);
}

static void expect_answer(const char *request, const char *answer)
{
    const char *real = ask(request);
    if (strcmp(real, answer))
        fail_msg("%s: answered with %s, not with %s", request, real, answer);
}

static void expect_error(const char *request, const char *error)
{
    char answer[1000];
    snprintf(answer, sizeof(answer), "{\"ok\":false,\"error\":\"%s\"}", error);
    expect_answer(request, answer);
}

#define INFO "{\"command\": \"info\", \"domain\": \"guest\"}"

static void test_list(void **state)
{
    (void)state;
    start_manager();
    expect_answer("{\"command\": \"list\"}", "{\"ok\":true,\"guests\":[]}");
    put_config("guest", "'hostmem=2M', 'hostmem=3M'");
    add_guest(7, "guest");
    add_guest(8, "without");
    RUN_UNTIL(is(be(0, "state"), "2"));
    char answer[1000];
    snprintf(answer, sizeof(answer),
             "{\"ok\":true,\"guests\":[{\"name\":\"guest\",\"domid\":7,\"error\":\"%s/guest.cfg: "
             "gpu[1]: hostmem=3M: not a multiple of 2M\",\"gpus\":[{\"id\":0,\"state\":\"waiting "
             "for the guest\",\"hostmem\":2097152,\"mapping\":\"window\",\"window\":\"foreign\","
             "\"venus\":true,\"contexts\":64}]}]}",
             folder);
    /* json-c escapes slashes. */
    struct json_object *real = json_tokener_parse(ask("{\"command\": \"list\"}"));
    assert_string_equal(json_object_to_json_string_ext(real, JSON_C_TO_STRING_PLAIN |
                                                                 JSON_C_TO_STRING_NOSLASHESCAPE),
                        answer);
    json_object_put(real);
}

static void test_info_connected(void **state)
{
    (void)state;
    char answer[1000];
    connected_guest("'hostmem=2M,gpu=0,contexts=3'");
    snprintf(answer, sizeof(answer),
             "{\"ok\":true,\"guest\":{\"name\":\"guest\",\"domid\":7,\"gpus\":[{\"id\":0,\"state\":"
             "\"connected\",\"hostmem\":2097152,\"mapping\":\"window\",\"window\":\"foreign\","
             "\"venus\":true,\"contexts\":3,\"gpu\":\"llvmpipe (LLVM 15)\",\"pid\":%d,\"stats\":"
             "{\"contexts\":2}}]}}",
             fake_device->pid);
    expect_answer(INFO, answer);
    expect_answer("{\"command\": \"info\", \"domain\": \"7\"}", answer);
    expect_error("{\"command\": \"info\", \"domain\": \"8\"}",
                 "there is no domain \\\"8\\\" (see xl list)");
    expect_error("{\"command\": \"info\"}", "the request has no string \\\"domain\\\"");
}

/* A device process that does not answer, or nonsense, holds nobody up for long. */
static void test_info_without_answer(void **state)
{
    (void)state;
    fake_device->mode = FAKE_DEVICE_MUTE;
    connected_guest("'hostmem=2M'");
    const int64_t start = backend_now_ms();
    assert_non_null(strstr(ask(INFO), "\"stats_error\":\"the device process does not answer\""));
    assert_in_range(backend_now_ms() - start, 1500, 4000);
    /* It is asked again. */
    send_text(client, INFO "\n");
    run_for(50);
    kill(fake_device->pid, SIGKILL);
    assert_non_null(strstr(receive_line(client), "\"error\":\"the device process died"));
}

static void test_info_nonsense(void **state)
{
    (void)state;
    fake_device->mode = FAKE_DEVICE_BAD_STATS;
    connected_guest("'hostmem=2M'");
    assert_non_null(strstr(ask(INFO), "\"stats_error\""));
}

static void test_attach(void **state)
{
    (void)state;
    add_guest(7, "guest");
    start_manager();
    expect_answer("{\"command\": \"attach\", \"domain\": \"guest\", \"gpu\": \"hostmem=4M\"}",
                  "{\"ok\":true,\"domid\":7,\"id\":0}");
    expect(be(0, "hostmem"), "4194304");
    expect_answer("{\"command\": \"attach\", \"domain\": \"7\", \"gpu\": \"\"}",
                  "{\"ok\":true,\"domid\":7,\"id\":1}");
    expect(be(1, "state"), "2");
    expect_error("{\"command\": \"attach\", \"domain\": \"7\", \"gpu\": \"hostmem=1M\"}",
                 "hostmem=1M: not a multiple of 2M");
    expect_error("{\"command\": \"attach\", \"domain\": \"7\", \"gpu\": \"gpu=4\"}",
                 "gpu=4: there are only 1 GPUs (see --list-gpus)");
    expect_error("{\"command\": \"attach\", \"domain\": \"7\"}",
                 "the request has no string \\\"gpu\\\"");
    expect_error("{\"command\": \"attach\", \"domain\": 7, \"gpu\": \"\"}",
                 "the request has no string \\\"domain\\\"");
    for (int i = 2; i < 8; i++)
        ask("{\"command\": \"attach\", \"domain\": \"7\", \"gpu\": \"\"}");
    expect_error("{\"command\": \"attach\", \"domain\": \"7\", \"gpu\": \"\"}",
                 "guest has 8 GPUs already");
}

static void test_selectors(void **state)
{
    (void)state;
    manager_params.gpu_count = WORLD_GPUS;
    manager_params.gpu = "llvmpipe";
    add_guest(7, "guest");
    start_manager();
    expect_answer("{\"command\": \"attach\", \"domain\": \"guest\", \"gpu\": \"hostmem=2M\"}",
                  "{\"ok\":true,\"domid\":7,\"id\":0}");
    expect(be(0, "window"), "foreign");
    expect_answer("{\"command\": \"attach\", \"domain\": \"guest\", \"gpu\": "
                  "\"hostmem=2M,gpu=03:00.0\"}",
                  "{\"ok\":true,\"domid\":7,\"id\":1}");
    expect(be(1, "window"), "grant");
    expect_error("{\"command\": \"attach\", \"domain\": \"guest\", \"gpu\": \"gpu=3\"}",
                 "gpu=3: Broken is unusable: no memory to share");
    expect_error("{\"command\": \"attach\", \"domain\": \"guest\", \"gpu\": \"gpu=r\"}",
                 "gpu=r: 2 GPUs match; choose one by index, UUID or PCI address (see --list-gpus)");
    expect_answer("{\"command\": \"attach\", \"domain\": \"guest\", \"gpu\": "
                  "\"hostmem=2M,gpu=radeon,window=foreign\"}",
                  "{\"ok\":true,\"domid\":7,\"id\":2}");
    expect(be(2, "window"), "foreign");
    assert_logged("window=foreign: only software drivers are known to work with it");
    assert_logged("window=foreign: drivers without VK_EXT_external_memory_host can use a granted "
                  "window only (window=grant)");
    /* A software driver, but without host import. */
    expect_answer("{\"command\": \"attach\", \"domain\": \"guest\", \"gpu\": "
                  "\"hostmem=2M,gpu=slow\"}",
                  "{\"ok\":true,\"domid\":7,\"id\":3}");
    expect(be(3, "window"), "grant");
}

#define DETACH "{\"command\": \"detach\", \"domain\": \"guest\"}"

static void test_detach(void **state)
{
    (void)state;
    connected_guest("'hostmem=2M', 'hostmem=2M'");
    expect_error(DETACH, "guest has several GPUs: say which one by its id");
    expect_error("{\"command\": \"detach\", \"domain\": \"guest\", \"id\": 2}",
                 "guest has no GPU 2");
    expect_error("{\"command\": \"detach\", \"domain\": \"guest\", \"id\": -1}",
                 "guest has no GPU -1");
    expect_error("{\"command\": \"detach\", \"domain\": \"guest\", \"id\": \"0\"}",
                 "guest has no GPU \\\"0\\\"");
    /* Nobody uses it: at once. */
    expect_answer("{\"command\": \"detach\", \"domain\": \"guest\", \"id\": 1}",
                  "{\"ok\":true,\"domid\":7,\"id\":1}");
    assert_null(node_get(be(1, "")));
    assert_null(node_get(fe(1, "")));
    /* The other one the guest has to close first; others are answered meanwhile. */
    send_text(client, DETACH "\n");
    RUN_UNTIL(is(be(0, "state"), "5"));
    const int first = client;
    client = -1;
    assert_non_null(strstr(ask("{\"command\": \"list\"}"), "\"state\":\"closing\""));
    node_set(fe(0, "state"), "6");
    assert_string_equal(receive_line(first), "{\"ok\":true,\"domid\":7,\"id\":0}");
    close(first);
    assert_null(node_get(be(0, "")));
    assert_int_equal(fake_domain_find(7)->max_memory, 1 << 20);
    expect_error(DETACH, "guest has no GPU");
}

/* A domain that dies answers the question, too. */
static void test_detach_dying(void **state)
{
    (void)state;
    connected_guest("'hostmem=2M'");
    client = connect_client();
    send_text(client, DETACH "\n");
    RUN_UNTIL(is(be(0, "state"), "5"));
    destroy_guest(7);
    assert_string_equal(receive_line(client), "{\"ok\":true,\"domid\":7,\"id\":0}");
}

static void test_bad_requests(void **state)
{
    (void)state;
    start_manager();
    expect_error("", "the request is not a JSON object");
    expect_error("[1]", "the request is not a JSON object");
    expect_error("{", "the request is not a JSON object");
    expect_error("\"list\"", "the request is not a JSON object");
    expect_error("{}", "the request has no string \\\"command\\\"");
    expect_error("{\"command\": 1}", "the request has no string \\\"command\\\"");
    expect_error("{\"command\": \"stop\"}",
                 "no such command; there are list, info, attach, detach");
    /* Several at a time are answered in order. */
    send_text(client, "{}\n{\"command\": \"list\"}\n");
    char both[300] = "";
    while (!strstr(both, "guests")) {
        strcat(both, receive_line(client));
        assert_true(strlen(both) < 200);
    }
    assert_non_null(strstr(both, "no string"));
}

static void test_too_long(void **state)
{
    (void)state;
    char line[5000];
    start_manager();
    client = connect_client();
    memset(line, 'x', sizeof(line));
    assert_int_equal(send(client, line, 4096, MSG_NOSIGNAL), 4096);
    assert_non_null(strstr(receive_line(client), "the request is too long"));
    const int64_t end = backend_now_ms() + 5000;
    while (recv(client, line, sizeof(line), MSG_DONTWAIT) != 0) {
        assert_true(backend_now_ms() < end);
        assert_true(xen_manager_step(manager, backend_now_ms() + 5));
    }
}

/* Clients that only connect, or go away in the middle, are nobody's trouble. */
static void test_many_clients(void **state)
{
    (void)state;
    int fds[20];
    connected_guest("'hostmem=2M'");
    fake_device->mode = FAKE_DEVICE_MUTE;
    for (int i = 0; i < 20; i++) {
        fds[i] = connect_client();
        run_for(5);
    }
    assert_logged("a connection to the control socket is refused");
    for (int i = 0; i < 20; i++) {
        send(fds[i], INFO "\n", strlen(INFO "\n"), MSG_NOSIGNAL);
        close(fds[i]);
    }
    run_for(20);
    assert_non_null(strstr(ask("{\"command\": \"list\"}"), "\"ok\":true"));
}

static void test_socket(void **state)
{
    (void)state;
    struct stat st;
    start_manager();
    assert_int_equal(stat(file_path("control"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    struct xen_manager *second;
    assert_int_equal(xen_manager_create(&manager_params, &second), BACKEND_EXIT_SOCKET);
    assert_logged("another server is listening there");
    crash_manager();
    assert_int_equal(stat(file_path("control"), &st), -1);
    assert_int_equal(errno, ENOENT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, control_setup, control_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_list),          TEST(test_info_connected), TEST(test_info_without_answer),
        TEST(test_info_nonsense), TEST(test_attach),         TEST(test_selectors),
        TEST(test_detach),        TEST(test_detach_dying),   TEST(test_bad_requests),
        TEST(test_too_long),      TEST(test_many_clients),   TEST(test_socket),
    };
    return cmocka_run_group_tests_name("control", tests, folder_setup, folder_teardown);
}
