/* SPDX-License-Identifier: MIT */
/* The process of a virtual GPU as xen-venusd and the guest see it: its first words, its answers,
 * and its end.  Xen itself is fake-parts.c. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <json-c/json.h>

#include "check.h"
#include "clock.h"
#include "device_process.h"
#include "exit_codes.h"
#include "fake-parts.h"
#include "gpu_internal.h"
#include "log.h"

#define CONTROL     1u
#define PATIENCE_MS 20000

static struct device_process_params params;
static int control; /* our end */
static pid_t process;

static int setup(void **state)
{
    (void)state;
    clear_folder();
    fake_parts_reset();
    snprintf(fake_parts->fifo, sizeof(fake_parts->fifo), "%s", file_path("events"));
    assert_int_equal(mkfifo(fake_parts->fifo, 0600), 0);
    backend_log_init(VENUS_LOG_DEBUG);
    log_capture();
    params = (struct device_process_params){
        .domid = FAKE_DOMID,
        .domain_name = "guest",
        .hostmem = FAKE_WINDOW_PAGES * VGPU_PAGE_SIZE,
        .window = VGPU_WINDOW_FOREIGN,
        .venus = true,
        .max_contexts = 4,
        .connection =
            {
                .control_ref = CONTROL,
                .event_channel = 21,
                .pool_ref = 2,
                .pool_pages = 32,
                .window_base = 0x140000000,
                .blob_refs_ref = 40,
            },
    };
    return 0;
}

static void start(void)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    process = fork();
    if (!process) {
        close(ends[0]);
        params.control = ends[1];
        _exit(device_process_run(&params));
    }
    assert_true(process > 0);
    close(ends[1]);
    control = ends[0];
}

/* The next message; empty when the process has closed its end. */
static const char *next_message(void)
{
    static char message[4096];
    struct pollfd fd = {.fd = control, .events = POLLIN};
    assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
    const ssize_t n = recv(control, message, sizeof(message) - 1, 0);
    message[n > 0 ? n : 0] = '\0';
    return message;
}

static void ask(const char *question)
{
    assert_int_equal(send(control, question, strlen(question), 0), strlen(question));
}

static int wait_end(void)
{
    int status;
    close(control);
    assert_int_equal(waitpid(process, &status, 0), process);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void send_event(void)
{
    const int fd = open(fake_parts->fifo, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fd, "", 1), 1);
    close(fd);
}

static struct json_object *ask_stats(void)
{
    ask("stats");
    struct json_object *stats = json_tokener_parse(next_message());
    assert_non_null(stats);
    return stats;
}

static int64_t number(struct json_object *object, const char *key)
{
    struct json_object *value;
    if (!json_object_object_get_ex(object, key, &value))
        fail_msg("no %s", key);
    return json_object_get_int64(value);
}

static struct vgpu_control *guest_control(void)
{
    return (void *)(fake_parts->guest + CONTROL * VGPU_PAGE_SIZE);
}

/* The guest asks for something on the control page. */
static uint32_t request(uint32_t op)
{
    struct vgpu_control *page = guest_control();
    const int64_t end = backend_now_ms() + PATIENCE_MS;
    const uint32_t sequence = page->request.sequence + 1;
    page->request.op = op;
    atomic_thread_fence(memory_order_seq_cst);
    page->request.sequence = sequence;
    send_event();
    volatile uint32_t *const answered = &page->response.sequence;
    while (*answered != sequence) {
        assert_true(backend_now_ms() < end);
        usleep(1000);
    }
    return page->response.status;
}

static void test_life(void **state)
{
    (void)state;
    start();
    assert_string_equal(next_message(), "ready");
    assert_int_equal(guest_control()->device.magic, VGPU_MAGIC);
    assert_int_equal(fake_parts->port, 21);
    assert_int_equal(fake_parts->window_count, FAKE_WINDOW_PAGES);
    assert_int_equal(request(VGPU_OP_RESET), VGPU_STATUS_OK);
    assert_int_equal(request(VGPU_OP_START), VGPU_STATUS_STATE);

    struct json_object *stats = ask_stats(), *value;
    assert_int_equal(number(stats, "events"), 2);
    assert_true(number(stats, "notifications") >= 2);
    assert_true(fake_parts->notified >= 2);
    assert_int_equal(number(stats, "resets"), 1);
    assert_int_equal(number(stats, "contexts"), 0);
    assert_int_equal(number(stats, "window_used"), 0);
    assert_int_equal(number(stats, "started"), 0);
    assert_int_equal(number(stats, "needs_reset"), 0);
    assert_true(json_object_object_get_ex(stats, "requests", &value));
    assert_int_equal(json_object_object_length(value), 0);
    json_object_put(stats);

    ask("coffee");
    json_object_put(ask_stats()); /* it takes no harm */
    assert_logged("xen-venusd asks for \"coffee\", which cannot be had");
    assert_int_equal(wait_end(), BACKEND_EXIT_OK);
}

/* The guest's end of the channel may be gone at any time. */
static void test_broken_events(void **state)
{
    (void)state;
    start();
    assert_string_equal(next_message(), "ready");
    fake_parts_fail("events_take", EIO);
    send_event();
    const int64_t end = backend_now_ms() + PATIENCE_MS;
    while (!log_has("the guest's event cannot be taken: Input/output error")) {
        assert_true(backend_now_ms() < end);
        usleep(1000);
    }
    struct json_object *stats = ask_stats();
    assert_int_equal(number(stats, "events"), 0);
    json_object_put(stats);
    assert_int_equal(wait_end(), BACKEND_EXIT_OK);
}

/* It does not become ready, and says why. */
static void check_fails(const char *why)
{
    start();
    const char *message = next_message();
    if (!strstr(message, why))
        fail_msg("\"%s\" is not in \"%s\"", why, message);
    assert_int_equal(strncmp(message, "error: ", 7), 0);
    assert_string_equal(next_message(), "");
    assert_int_equal(wait_end(), BACKEND_EXIT_ERROR);
    assert_logged(message + 7);
}

static void test_failures(void **state)
{
    (void)state;
    fake_parts_fail("grants_open", EACCES);
    check_fails("error: /dev/xen/gntdev: Permission denied");
    fake_parts_fail("grants_map", EINVAL);
    check_fails("error: the control page, 1 pages from reference 1, cannot be mapped");
    fake_parts_fail("nothing", 0);
    params.user = "there is no such user";
    check_fails("error: the device process cannot give up its privileges");
    assert_logged("there is no user there is no such user");
    params.user = NULL;
    /* No device can be offered in memory like this. */
    params.connection.pool_pages = FAKE_PAGES;
    check_fails("error: the pool, 64 pages from reference 2, cannot be mapped");
    unlink(fake_parts->fifo); /* nothing to wait with */
    params.connection.pool_pages = 32;
    check_fails("error: epoll: Bad file descriptor");
}

static void test_per_blob(void **state)
{
    (void)state;
    params.per_blob = true;
    if (!access("/dev/xen/gntalloc", R_OK | W_OK))
        skip(); /* here it would get through */
    check_fails("error: mapping \"per-blob\": /dev/xen/gntalloc: ");
}

/* The loop compares what the device says with its own clock. */
static void test_clock(void **state)
{
    (void)state;
    const int64_t before = backend_now_ms(), now = gpu_now_ms(), after = backend_now_ms();
    assert_true(before <= now && now <= after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_life, setup),
        cmocka_unit_test_setup(test_broken_events, setup),
        cmocka_unit_test_setup(test_failures, setup),
        cmocka_unit_test_setup(test_per_blob, setup),
        cmocka_unit_test(test_clock),
    };
    return cmocka_run_group_tests_name("device-process", tests, folder_setup, folder_teardown);
}
