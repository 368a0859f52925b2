/* SPDX-License-Identifier: MIT */
/* The daemon's options, its choice of a GPU and its socket: messages and exit codes. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon.h"
#include "exit_codes.h"
#include "vtest_limits.h"
#include "wire.h"

static struct daemon daemon_;

static int setup(void **state)
{
    (void)state;
    unsetenv("FAKE_GPUS");
    daemon_init(&daemon_);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    daemon_finish(&daemon_);
    return 0;
}

/* Run with up to three arguments until it ends by itself; it must print `text`. */
static void check_run(int status, const char *text, const char *a, const char *b, const char *c)
{
    daemon_spawn(&daemon_, (const char *const[]){a, b, c, NULL});
    const bool printed = daemon_logged(&daemon_, text);
    const int result = daemon_wait(&daemon_);
    if (!printed || result != status)
        fail_msg("%s %s %s: status %d", a ? a : "", b ? b : "", c ? c : "", result);
}

static void test_usage(void **state)
{
    (void)state;
    char long_path[200] = "--vtest=/";
    memset(long_path + 9, 'x', 120);
    check_run(2, "give one of --vtest, --xen and --list-gpus", NULL, NULL, NULL);
    check_run(2, "give only one of", "--xen", "--vtest", NULL);
    check_run(2, "give only one of", "--list-gpus", "--xen", NULL);
    check_run(2, "--config-dir goes with --xen only", "--vtest", "--config-dir=/etc", NULL);
    check_run(2, "--control goes with --xen only", "--vtest", "--control=/tmp/x", NULL);
    check_run(2, "--user goes with --xen only", "--list-gpus", "--user=nobody", NULL);
    check_run(2, "--config-dir=: the path is empty", "--xen", "--config-dir=", NULL);
    check_run(2, "--control=: the path is empty", "--xen", "--control=", NULL);
    check_run(2, "--user=: the name is empty", "--xen", "--user=", NULL);
#ifdef HAVE_XEN
    check_run(6,
              "config-dir /etc/xen, config-dir /etc/xen/auto, control /run/xen-venusd/control, "
              "user -, gpu -, validate 0",
              "--xen", NULL, NULL);
    check_run(6, "config-dir /a, config-dir /b, control /run/", "--xen", "--config-dir=/a",
              "--config-dir=/b");
    check_run(6, "control /c, user u, gpu -", "--xen", "--control=/c", "--user=u");
    check_run(6, "user -, gpu 1, validate 1", "--xen", "--gpu=1", "--validate");
#else
    check_run(2, "--xen is not built in: this xen-venusd was configured without Xen's libraries",
              "--xen", NULL, NULL);
#endif
    check_run(2, "give only one of", "--vtest", "--list-gpus", NULL);
    check_run(2, "unrecognized option '--nonsense'", "--nonsense", NULL, NULL);
    check_run(2, "unexpected argument 'x'", "--vtest", "x", NULL);
    check_run(2, "the path is empty", "--vtest=", NULL, NULL);
    check_run(2, "the path has 121 bytes; a socket's may have 107", long_path, NULL, NULL);
    check_run(2, "the selector is empty", "--vtest", "--gpu=", NULL);
    check_run(2, "requires an argument", "--vtest", "--gpu", NULL);
    check_run(2, "not one of error, warning, info, debug", "--vtest", "--log-level=loud", NULL);
    static const char *const numbers[] = {"0", "-1", "4097", "ten",
                                          "",  " 3", "5x",   "99999999999999999999"};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        char option[64];
        snprintf(option, sizeof(option), "--max-clients=%s", numbers[i]);
        check_run(2, "not a number from 1 to 4096", "--vtest", option, NULL);
    }
    check_run(0, "Usage: xen-venusd", "--help", NULL, NULL);
    check_run(0, "xen-venusd 0", "--version", NULL, NULL);
}

static void test_no_gpu(void **state)
{
    (void)state;
    char vtest[128];
    snprintf(vtest, sizeof(vtest), "--vtest=%s", daemon_.socket);
    setenv("FAKE_GPUS", "no-driver", 1);
    check_run(BACKEND_EXIT_VULKAN, "no Vulkan driver is installed", vtest, NULL, NULL);
    check_run(BACKEND_EXIT_VULKAN, "no Vulkan driver is installed", "--list-gpus", NULL, NULL);
    setenv("FAKE_GPUS", "crash", 1);
    check_run(BACKEND_EXIT_VULKAN, "the Vulkan driver crashed when it was started: signal 6", vtest,
              NULL, NULL);
    setenv("FAKE_GPUS", "hang", 1);
    check_run(BACKEND_EXIT_VULKAN, "the Vulkan driver did not start within 120 s", vtest, NULL,
              NULL);
    setenv("FAKE_GPUS", "lost", 1);
    check_run(BACKEND_EXIT_VULKAN, "Vulkan does not start: VkResult -4", vtest, NULL, NULL);
    setenv("FAKE_GPUS", "none", 1);
    check_run(BACKEND_EXIT_GPU, "finds no GPU", vtest, NULL, NULL);
    check_run(BACKEND_EXIT_GPU, "finds no GPU", "--list-gpus", NULL, NULL);
    setenv("FAKE_GPUS", "unusable", 1);
    check_run(BACKEND_EXIT_GPU, "Fake Beta: unusable: it takes in nothing", vtest, NULL, NULL);
    assert_int_equal(access(daemon_.socket, F_OK), -1);
}

static void test_list(void **state)
{
    (void)state;
    check_run(0,
              "0: Fake Alpha 100\n    type    discrete, Vulkan 1.3.7\n    driver  fake 1.0\n"
              "    uuid    a1000000-0000-0000-0000-000000000001\n    pci     0000:01:00.0\n"
              "    memory  host-import\n1: Fake Alpha 200\n",
              "--list-gpus", NULL, NULL);
    check_run(0, "    memory  unusable: it takes in nothing", "--list-gpus", NULL, NULL);
}

/* Start with a selector; `chosen` is the GPU that must be offered, NULL for an error `text`. */
static void check_select(const char *selector, const char *chosen, const char *text)
{
    char option[128], vtest[128];
    snprintf(option, sizeof(option), "--gpu=%s", selector);
    snprintf(vtest, sizeof(vtest), "--vtest=%s", daemon_.socket);
    if (!chosen) {
        check_run(BACKEND_EXIT_GPU, text, vtest, option, NULL);
        return;
    }
    assert_true(daemon_serve(&daemon_, option, NULL));
    assert_true(daemon_logged(&daemon_, chosen));
    assert_int_equal(daemon_stop(&daemon_), 0);
}

static void test_select(void **state)
{
    (void)state;
    check_select("0", "GPU 0: Fake Alpha 100", NULL);
    check_select("1", "GPU 1: Fake Alpha 200", NULL);
    check_select("fake alpha 200", "GPU 1: Fake Alpha 200", NULL);
    check_select("a 1", "GPU 0: Fake Alpha 100", NULL);
    check_select("0000:02:00.0", "GPU 1: Fake Alpha 200", NULL);
    check_select("01:00.0", "GPU 0: Fake Alpha 100", NULL);
    check_select("A2000000-0000-0000-0000-000000000002", "GPU 1: Fake Alpha 200", NULL);
    check_select("a1000000000000000000000000000001", "GPU 0: Fake Alpha 100", NULL);
    check_select("3", NULL, "there are only 3 GPUs");
    check_select("alpha", NULL, "--gpu=alpha: 2 GPUs match; choose one by");
    check_select("gamma", NULL, "no GPU matches");
    check_select("0000:09:00.0", NULL, "no GPU matches");
    check_select("a1000000000000000000000000000009", NULL, "no GPU matches");
    check_select("beta", NULL, "Fake Beta: unusable");
    check_select("2", NULL, "no GPU can be offered");
}

static void test_socket_in_use(void **state)
{
    (void)state;
    struct daemon second;
    char vtest[128];
    assert_true(daemon_serve(&daemon_, NULL, NULL));
    struct stat st;
    assert_int_equal(stat(daemon_.socket, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    daemon_init(&second);
    snprintf(vtest, sizeof(vtest), "--vtest=%s", daemon_.socket);
    daemon_spawn(&second, (const char *const[]){vtest, NULL});
    assert_true(daemon_logged(&second, "another server is listening there"));
    assert_int_equal(daemon_wait(&second), BACKEND_EXIT_SOCKET);
    daemon_finish(&second);
    /* The first one is none the worse. */
    const int fd = wire_connect(daemon_.socket);
    assert_true(wire_context(fd, "x", 3));
    close(fd);
    assert_int_equal(daemon_stop(&daemon_), 0);
    assert_int_equal(access(daemon_.socket, F_OK), -1);
}

static void test_stale_socket(void **state)
{
    (void)state;
    assert_true(daemon_serve(&daemon_, NULL, NULL));
    kill(daemon_.pid, SIGKILL);
    daemon_wait(&daemon_);
    assert_int_equal(access(daemon_.socket, F_OK), 0);
    assert_true(daemon_serve(&daemon_, NULL, NULL));
    assert_true(daemon_logged(&daemon_, "removed the socket of a server that is gone"));
    const int fd = wire_connect(daemon_.socket);
    assert_true(wire_context(fd, "x", 3));
    close(fd);
    assert_int_equal(daemon_stop(&daemon_), 0);
}

static void test_bad_places(void **state)
{
    (void)state;
    char vtest[128];
    snprintf(vtest, sizeof(vtest), "--vtest=%s", daemon_.socket);
    close(open(daemon_.socket, O_CREAT | O_WRONLY, 0600));
    check_run(BACKEND_EXIT_SOCKET, "exists and is not a socket", vtest, NULL, NULL);
    assert_int_equal(access(daemon_.socket, F_OK), 0);
    check_run(BACKEND_EXIT_SOCKET, "No such file or directory", "--vtest=/nonexistent/socket", NULL,
              NULL);
    check_run(BACKEND_EXIT_SOCKET, "exists and is not a socket", "--vtest=/", NULL, NULL);
}

/* Somebody else is about to listen in the same folder; that may take a moment, but not long. */
static void test_locked_folder(void **state)
{
    (void)state;
    char vtest[128];
    snprintf(vtest, sizeof(vtest), "--vtest=%s", daemon_.socket);
    const int fd = open(daemon_.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    check_run(BACKEND_EXIT_SOCKET, "cannot lock its folder: Resource temporarily unavailable",
              vtest, NULL, NULL);
    assert_int_equal(access(daemon_.socket, F_OK), -1);
    daemon_spawn(&daemon_, (const char *const[]){vtest, "--log-level=debug", NULL});
    assert_true(daemon_logged(&daemon_, "GPU 0: Fake Alpha 100"));
    close(fd);
    assert_true(daemon_logged(&daemon_, "listening on"));
    assert_int_equal(daemon_stop(&daemon_), 0);
}

/* Something that cannot be asked whether it listens is not removed. */
static void test_other_socket(void **state)
{
    (void)state;
    char vtest[128];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(vtest, sizeof(vtest), "--vtest=%s", daemon_.socket);
    strcpy(address.sun_path, daemon_.socket);
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    check_run(BACKEND_EXIT_SOCKET, "cannot tell whether a server is there", vtest, NULL, NULL);
    assert_int_equal(access(daemon_.socket, F_OK), 0);
    close(fd);
}

/* ---- the system's Vulkan loader ---- */

/* In a folder where libvulkan.so.1 is looked for first, a link to `target`. */
static void put_loader(const char *target)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/libvulkan.so.1", daemon_.folder);
    unlink(path);
    assert_int_equal(symlink(target, path), 0);
    setenv("LD_LIBRARY_PATH", daemon_.folder, 1);
}

static void remove_loader(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/libvulkan.so.1", daemon_.folder);
    unlink(path);
    unsetenv("LD_LIBRARY_PATH");
}

static void test_loader(void **state)
{
    (void)state;
    Dl_info library;
    /* A library, but not of Vulkan. */
    assert_int_not_equal(dladdr((void *)(uintptr_t)gnu_get_libc_version, &library), 0);
    put_loader("/dev/null");
    check_run(BACKEND_EXIT_VULKAN, "no Vulkan loader: ", "--list-gpus", NULL, NULL);
    put_loader(library.dli_fname);
    check_run(BACKEND_EXIT_VULKAN, "the Vulkan loader is broken: ", "--list-gpus", NULL, NULL);
    remove_loader();
    check_run(0, "Fake Alpha 100", "--list-gpus", NULL, NULL);
}

static void test_no_layer(void **state)
{
    (void)state;
    setenv("VK_LAYER_PATH", "/nonexistent", 1);
    check_run(BACKEND_EXIT_VULKAN,
              "--validate: the layer VK_LAYER_KHRONOS_validation is not installed", "--list-gpus",
              "--validate", NULL);
    unsetenv("VK_LAYER_PATH");
}

/* A socket that somebody put in the place of ours is not ours to remove. */
static void test_replaced_socket(void **state)
{
    (void)state;
    assert_true(daemon_serve(&daemon_, NULL, NULL));
    unlink(daemon_.socket);
    close(open(daemon_.socket, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(daemon_stop(&daemon_), 0);
    assert_int_equal(access(daemon_.socket, F_OK), 0);
}

static void test_signals(void **state)
{
    (void)state;
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < 3; i++) {
        assert_true(daemon_serve(&daemon_, NULL, NULL));
        const int fd = wire_connect(daemon_.socket);
        assert_true(wire_context(fd, "x", 3));
        assert_true(wire_sync_create(fd, 0));
        kill(daemon_.pid, signals[i]);
        assert_int_equal(daemon_wait(&daemon_), 0);
        uint32_t word;
        assert_int_not_equal(wire_read(fd, &word, 4), WIRE_TIMEOUT);
        close(fd);
    }
}

/* Who never says what it wants holds no place for ever. */
static void test_silent_client(void **state)
{
    (void)state;
    assert_true(daemon_serve(&daemon_, NULL, NULL));
    const int silent = wire_connect(daemon_.socket);
    const int half = wire_connect(daemon_.socket);
    assert_int_not_equal(wire_hello(half, "half", 3), 0);
    const int good = wire_connect(daemon_.socket);
    assert_true(wire_context(good, "good", 3));
    assert_int_equal(daemon_children(&daemon_, NULL), 3);
    sleep_ms(VTEST_HANDSHAKE_S * 1000);
    assert_true(daemon_wait_children(&daemon_, 1));
    assert_true(daemon_logged(&daemon_, "client dropped: no CONTEXT_INIT within 10 s"));
    uint32_t word;
    assert_int_not_equal(wire_read(silent, &word, 4), WIRE_TIMEOUT);
    assert_int_not_equal(wire_read(half, &word, 4), WIRE_TIMEOUT);
    assert_true(wire_sync_create(good, 0));
    close(silent);
    close(half);
    close(good);
    assert_int_equal(daemon_stop(&daemon_), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_usage),         TEST(test_no_gpu),          TEST(test_list),
        TEST(test_select),        TEST(test_socket_in_use),   TEST(test_stale_socket),
        TEST(test_bad_places),    TEST(test_replaced_socket), TEST(test_signals),
        TEST(test_silent_client), TEST(test_locked_folder),   TEST(test_other_socket),
        TEST(test_loader),        TEST(test_no_layer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
