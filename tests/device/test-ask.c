/* SPDX-License-Identifier: MIT */
/* Questions about dma-bufs, and the answers of a device process, also of one that errs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd_message.h"
#include "render_ask.h"
#include "render_protocol.h"

static struct {
    struct render_asker asker;
    int device; /* the other end */
    int lowest; /* free descriptor */
} t;

static int lowest_fd(void)
{
    const int fd = dup(STDERR_FILENO);
    close(fd);
    return fd;
}

static int set_up(void **state)
{
    int ends[2];
    (void)state;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return -1;
    render_asker_init(&t.asker, ends[0]);
    t.device = ends[1];
    t.lowest = lowest_fd();
    return 0;
}

/* No descriptor was lost. */
static int tear_down(void **state)
{
    (void)state;
    const int lowest = lowest_fd();
    close(t.asker.socket);
    close(t.device);
    pthread_mutex_destroy(&t.asker.lock);
    return lowest == t.lowest ? 0 : -1;
}

/* The answer to the next question, with a descriptor or -1. */
static void answer(int error, int fd)
{
    const struct render_reply reply = {.error = error};
    assert_int_equal(fd_message_send(t.device, &reply, sizeof(reply), fd, 0), 0);
}

/* What was asked; returns the descriptor that came with it, or -1. */
static int asked(uint32_t type, uint32_t id, uint64_t offset, uint64_t size)
{
    struct render_ask ask;
    int fd;
    assert_int_equal(fd_message_receive(t.device, &ask, sizeof(ask), &fd, 0), 1);
    assert_int_equal(ask.type, type);
    assert_int_equal(ask.id, id);
    assert_int_equal(ask.offset, offset);
    assert_int_equal(ask.size, size);
    return fd;
}

static void test_export(void **state)
{
    (void)state;
    answer(0, STDERR_FILENO);
    const int fd = render_ask_export(&t.asker, 7, 4096, 8192);
    assert_int_equal(fd, t.lowest);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    assert_int_equal(asked(RENDER_ASK_EXPORT, 7, 4096, 8192), -1);
    answer(-ENOSPC, -1);
    assert_int_equal(render_ask_export(&t.asker, 7, 4096, 8192), -ENOSPC);
}

/* A descriptor that should not be there, or that is missing. */
static void test_export_answered_wrongly(void **state)
{
    (void)state;
    answer(0, -1);
    assert_int_equal(render_ask_export(&t.asker, 7, 0, 4096), -EPROTO);
    answer(-EINVAL, STDERR_FILENO);
    assert_int_equal(render_ask_export(&t.asker, 7, 0, 4096), -EINVAL);
}

static void test_grant(void **state)
{
    (void)state;
    answer(0, -1);
    assert_int_equal(render_ask_grant(&t.asker, 9, STDERR_FILENO), 0);
    const int fd = asked(RENDER_ASK_GRANT, 9, 0, 0);
    assert_true(fd >= 0);
    close(fd);
    answer(-ENOTTY, STDERR_FILENO);
    assert_int_equal(render_ask_grant(&t.asker, 9, STDERR_FILENO), -ENOTTY);
    close(asked(RENDER_ASK_GRANT, 9, 0, 0));
}

static void test_nobody_answers(void **state)
{
    (void)state;
    shutdown(t.device, SHUT_WR);
    assert_int_equal(render_ask_export(&t.asker, 7, 0, 4096), -EIO);
}

static void test_nobody_to_ask(void **state)
{
    struct render_asker nobody;
    (void)state;
    render_asker_init(&nobody, -1);
    assert_int_equal(render_ask_export(&nobody, 7, 0, 4096), -ENOTSUP);
    assert_int_equal(render_ask_grant(&nobody, 7, 0), -ENOTSUP);
    pthread_mutex_destroy(&nobody.lock);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_export),         TEST(test_export_answered_wrongly), TEST(test_grant),
        TEST(test_nobody_answers), TEST(test_nobody_to_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
