/* SPDX-License-Identifier: MIT */
/* Messages with a descriptor beside them, and what a peer may send instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fd_message.h"

static int ends[2], opened;

static int count_files(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static int setup(void **state)
{
    (void)state;
    opened = count_files();
    return socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends);
}

/* Nothing was left open. */
static int teardown(void **state)
{
    (void)state;
    close(ends[0]);
    close(ends[1]);
    return count_files() != opened;
}

static void test_with_and_without(void **state)
{
    (void)state;
    uint32_t value = 7, got = 0;
    int fd = 0;
    char byte;
    int pipe_ends[2];
    assert_int_equal(fd_message_send(ends[0], &value, sizeof(value), -1, 0), 0);
    assert_int_equal(fd_message_receive(ends[1], &got, sizeof(got), &fd, 0), 1);
    assert_int_equal(got, 7);
    assert_int_equal(fd, -1);

    assert_int_equal(pipe(pipe_ends), 0);
    assert_int_equal(fd_message_send(ends[0], &value, sizeof(value), pipe_ends[1], 0), 0);
    close(pipe_ends[1]);
    assert_int_equal(fd_message_receive(ends[1], &got, sizeof(got), &fd, 0), 1);
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(read(pipe_ends[0], &byte, 1), 1);
    close(fd);
    close(pipe_ends[0]);
}

static void test_nothing(void **state)
{
    (void)state;
    uint32_t got;
    int fd = 0;
    assert_int_equal(fd_message_receive(ends[1], &got, sizeof(got), &fd, MSG_DONTWAIT), -EAGAIN);
    assert_int_equal(fd, -1);
    shutdown(ends[0], SHUT_WR);
    fd = 0;
    assert_int_equal(fd_message_receive(ends[1], &got, sizeof(got), &fd, 0), 0);
    assert_int_equal(fd, -1);
    shutdown(ends[1], SHUT_RD);
    assert_int_equal(fd_message_send(ends[0], &got, sizeof(got), -1, 0), -EPIPE);
}

/* A message of any size, none included, may bring a descriptor: it is not kept. */
static void test_wrong_sizes(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        int result;
    } cases[] = {{0, 0}, {3, -EPROTO}, {5, -EPROTO}};
    for (unsigned int i = 0; i < 3; i++) {
        uint32_t got;
        int fd = 0;
        assert_int_equal(fd_message_send(ends[0], "12345", cases[i].size, ends[0], 0), 0);
        assert_int_equal(fd_message_receive(ends[1], &got, sizeof(got), &fd, 0), cases[i].result);
        assert_int_equal(fd, -1);
    }
}

static void test_several(void **state)
{
    (void)state;
    for (int count = 2; count <= 4; count++) {
        union {
            struct cmsghdr header;
            char bytes[CMSG_SPACE(4 * sizeof(int))];
        } control = {0};
        uint32_t value = 7, got;
        int fd = 0;
        struct iovec data = {.iov_base = &value, .iov_len = sizeof(value)};
        const struct msghdr message = {
            .msg_iov = &data,
            .msg_iovlen = 1,
            .msg_control = &control,
            .msg_controllen = CMSG_SPACE(count * sizeof(int)),
        };
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
        for (int i = 0; i < count; i++)
            memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &ends[0], sizeof(int));
        assert_int_equal(sendmsg(ends[0], &message, 0), sizeof(value));
        assert_int_equal(fd_message_receive(ends[1], &got, sizeof(got), &fd, 0), -EPROTO);
        assert_int_equal(fd, -1);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_with_and_without),
        TEST(test_nothing),
        TEST(test_wrong_sizes),
        TEST(test_several),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
