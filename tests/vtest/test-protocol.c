/* SPDX-License-Identifier: MIT */
/*
 * The vtest server with a fake renderer: the protocol, what it refuses, and how clients end.
 *
 * In every way that a client can end, what matters is that it never reads an end of file while it
 * waits for a reply: Mesa would spin for ever.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon.h"
#include "fake-renderer.h"
#include "vtest_limits.h"
#include "vtest_protocol.h"
#include "wire.h"

static struct daemon daemon_;

static int setup(void **state)
{
    (void)state;
    daemon_init(&daemon_);
    return daemon_serve(&daemon_, NULL, NULL) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    if (daemon_.pid)
        assert_int_equal(daemon_stop(&daemon_), 0);
    assert_int_equal(access(daemon_.socket, F_OK), -1);
    daemon_finish(&daemon_);
    return 0;
}

static int client(uint32_t version)
{
    const int fd = wire_connect(daemon_.socket);
    assert_true(fd >= 0);
    assert_true(wire_context(fd, "/usr/bin/a-test", version));
    return fd;
}

static int polled(int fd, int timeout)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, timeout) > 0 ? p.revents : 0;
}

/* A ring whose status word is at 128; *fd maps it. */
static uint32_t make_ring(int client, uint32_t version, int *fd)
{
    const uint32_t id = wire_blob(client, 1, 4096, 0, fd);
    assert_true(id);
    const uint32_t command[] = {FAKE_RING, id, 128};
    assert_true(wire_submit(client, version, 0, command, 3, NULL, 0));
    return id;
}

static uint32_t ring_status(int fd)
{
    uint32_t status;
    assert_int_equal(pread(fd, &status, 4, 128), 4);
    return status;
}

static bool ring_turns_fatal(int fd)
{
    for (int i = 0; i < 1000; i++) {
        if (ring_status(fd) & FAKE_RING_FATAL)
            return true;
        sleep_ms(10);
    }
    return false;
}

/* The client is waiting for a reply with this many words, or with a descriptor: whatever comes, it
 * must not read an end of file, and its next requests must fail. */
static void assert_ended(int fd)
{
    enum wire_result result;
    uint32_t word;
    for (int i = 0; i < 1000; i++) {
        result = wire_read(fd, &word, 4);
        if (result == WIRE_ERROR)
            return;
        assert_int_not_equal(result, WIRE_TIMEOUT);
        if (result == WIRE_EOF) {
            /* Only legal after an answer, when nothing is asked any more. */
            assert_true(i > 0);
            const uint32_t id = 1;
            assert_false(wire_send(fd, VTEST_SYNC_READ, &id, 1));
            return;
        }
    }
    fail_msg("the connection goes on");
}

static void test_hello(void **state)
{
    (void)state;
    static const struct {
        uint32_t asked, expected;
    } cases[] = {{3, 3}, {4, 4}, {5, 4}, {2, 2}, {0, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const int fd = wire_connect(daemon_.socket);
        assert_int_equal(wire_hello(fd, "hello", cases[i].asked), cases[i].expected);
        close(fd);
    }
    assert_true(daemon_logged(&daemon_, "at least 3 is needed"));
}

static void test_params_and_capset(void **state)
{
    (void)state;
    const int fd = wire_connect(daemon_.socket);
    assert_int_equal(wire_hello(fd, "hello", 4), 4);
    uint32_t reply[2], param = VTEST_PARAM_MAX_TIMELINE_COUNT;
    assert_true(wire_send(fd, VTEST_GET_PARAM, &param, 1));
    assert_int_equal(wire_reply(fd, VTEST_GET_PARAM, reply, 2), WIRE_OK);
    assert_int_equal(reply[0], 1);
    assert_int_equal(reply[1], 64);
    param = VTEST_PARAM_HAS_TIMELINE_SYNCOBJ;
    assert_true(wire_send(fd, VTEST_GET_PARAM, &param, 1));
    assert_int_equal(wire_reply(fd, VTEST_GET_PARAM, reply, 2), WIRE_OK);
    assert_int_equal(reply[0], 1);
    assert_int_equal(reply[1], 0);
    param = 77;
    assert_true(wire_send(fd, VTEST_GET_PARAM, &param, 1));
    assert_int_equal(wire_reply(fd, VTEST_GET_PARAM, reply, 2), WIRE_OK);
    assert_int_equal(reply[0], 0);

    uint32_t capset[41], request[] = {4, 0};
    assert_true(wire_send(fd, VTEST_GET_CAPSET, request, 2));
    assert_int_equal(wire_reply(fd, VTEST_GET_CAPSET, capset, 41), WIRE_OK);
    assert_int_equal(capset[0], 1);
    assert_int_equal(capset[1], 0x03020100);
    assert_int_equal(capset[40], 0x9f9e9d9c);
    request[0] = 2;
    assert_true(wire_send(fd, VTEST_GET_CAPSET, request, 2));
    assert_int_equal(wire_reply(fd, VTEST_GET_CAPSET, capset, 1), WIRE_OK);
    assert_int_equal(capset[0], 0);
    close(fd);
}

static void test_process_name(void **state)
{
    (void)state;
    pid_t pid;
    char path[64], name[32] = "";
    const int fd = client(3);
    assert_true(wire_sync_create(fd, 0));
    assert_int_equal(daemon_children(&daemon_, &pid), 1);
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(name, sizeof(name), file));
    fclose(file);
    assert_string_equal(name, "venus-a-test\n");
    close(fd);
    assert_true(daemon_wait_children(&daemon_, 0));
}

static void test_blobs(void **state)
{
    (void)state;
    const int fd = client(3);
    int a, b;
    const uint32_t id = wire_blob(fd, 1, 8192, 0, &a);
    assert_true(id);
    const uint32_t id2 = wire_blob(fd, 7, 4096, 12345, &b);
    assert_true(id2 && id2 != id);
    struct stat st;
    assert_int_equal(fstat(a, &st), 0);
    assert_int_equal(st.st_size, 8192);
    close(a);
    close(b);
    /* Ids are used again, and many blobs one after the other do not exhaust anything. */
    assert_true(wire_send(fd, VTEST_RESOURCE_UNREF, &id, 1));
    for (int i = 0; i < 500; i++) {
        const uint32_t next = wire_blob(fd, 1, 4096, 0, &a);
        assert_int_equal(next, id);
        close(a);
        assert_true(wire_send(fd, VTEST_RESOURCE_UNREF, &next, 1));
    }
    close(fd);
}

static void test_failed_blob(void **state)
{
    (void)state;
    const int fd = client(3);
    int a;
    /* No descriptor: Mesa aborts. The connection itself goes on. */
    assert_int_equal(wire_blob(fd, 1, 4096, FAKE_BAD_BLOB, &a), 0);
    assert_int_equal(a, -1);
    assert_true(wire_blob(fd, 1, 4096, 0, &a));
    close(a);
    for (unsigned i = 1; i < VTEST_MAX_FAILED_BLOBS; i++)
        assert_int_equal(wire_blob(fd, 1, 4096, FAKE_BAD_BLOB, &a), 0);
    assert_int_equal(wire_blob(fd, 1, 4096, FAKE_BAD_BLOB, &a), 0);
    assert_true(daemon_logged(&daemon_, "too many blobs failed"));
    close(fd);
}

static void test_syncs(void **state)
{
    (void)state;
    const int fd = client(3);
    const uint32_t id = wire_sync_create(fd, 0x123456789abull);
    assert_true(id);
    uint32_t value[2];
    assert_true(wire_send(fd, VTEST_SYNC_READ, &id, 1));
    assert_int_equal(wire_reply(fd, VTEST_SYNC_READ, value, 2), WIRE_OK);
    assert_int_equal(value[0], 0x456789ab);
    assert_int_equal(value[1], 0x123);
    const uint32_t write[] = {id, 7, 1};
    assert_true(wire_send(fd, VTEST_SYNC_WRITE, write, 3));
    assert_true(wire_send(fd, VTEST_SYNC_READ, &id, 1));
    assert_int_equal(wire_reply(fd, VTEST_SYNC_READ, value, 2), WIRE_OK);
    assert_int_equal(value[0], 7);
    assert_int_equal(value[1], 1);
    assert_true(wire_send(fd, VTEST_SYNC_UNREF, &id, 1));
    assert_int_equal(wire_sync_create(fd, 0), id);
    close(fd);
}

static void check_timelines(uint32_t version)
{
    const int fd = client(version);
    const uint32_t id = wire_sync_create(fd, 0);
    const uint32_t point[] = {id, 5, 0};
    const uint32_t nop[] = {FAKE_NOP, 0, 0};
    /* The CPU timeline is done at once; the descriptor is readable before anybody polls it. */
    assert_true(wire_submit(fd, version, 0, nop, 3, point, 1));
    int wait = wire_sync_wait(fd, 0, UINT32_MAX, point, 1);
    assert_int_equal(polled(wait, 0), POLLIN);
    close(wait);

    const uint32_t later[] = {id, 6, 0};
    wait = wire_sync_wait(fd, 0, 0, later, 1);
    assert_int_equal(polled(wait, 0), 0);
    close(wait);
    assert_true(wire_submit(fd, version, 1, nop, 3, later, 1));
    wait = wire_sync_wait(fd, 0, 10000, later, 1);
    assert_int_equal(polled(wait, 10000) & POLLIN, POLLIN);
    close(wait);
    close(fd);
}

static void test_timelines(void **state)
{
    (void)state;
    check_timelines(3);
    check_timelines(4);
}

/* A client that asks is told what the GPU has done by then, not what a thread has heard of. */
static void test_timeline_polled(void **state)
{
    (void)state;
    const int fd = client(3);
    const uint32_t id = wire_sync_create(fd, 0);
    const uint32_t points[2][3] = {{id, 5, 0}, {id, 6, 0}};
    const uint32_t nop[] = {FAKE_NOP, 0, 0};
    uint32_t value[2];
    assert_true(wire_submit(fd, 3, 3, nop, 3, points[0], 1));
    assert_true(wire_send(fd, VTEST_SYNC_READ, &id, 1));
    assert_int_equal(wire_reply(fd, VTEST_SYNC_READ, value, 2), WIRE_OK);
    assert_int_equal(value[0], 5);
    assert_true(wire_submit(fd, 3, 3, nop, 3, points[1], 1));
    const int wait = wire_sync_wait(fd, 0, 0, points[1], 1);
    assert_int_equal(polled(wait, 0), POLLIN);
    close(wait);
    close(fd);
}

/* The socket thread answers while waits are pending, and a later message can satisfy them. */
static void test_wait_does_not_block(void **state)
{
    (void)state;
    const int fd = client(3);
    const uint32_t a = wire_sync_create(fd, 0), b = wire_sync_create(fd, 0);
    const uint32_t points[] = {a, 1, 0, b, 1, 0};
    const int all = wire_sync_wait(fd, 0, UINT32_MAX, points, 2);
    const int any = wire_sync_wait(fd, VTEST_WAIT_ANY, UINT32_MAX, points, 2);
    assert_int_equal(polled(all, 50), 0);
    assert_int_equal(polled(any, 0), 0);
    const uint32_t write_a[] = {a, 1, 0}, write_b[] = {b, 9, 0};
    assert_true(wire_send(fd, VTEST_SYNC_WRITE, write_a, 3));
    assert_int_equal(polled(any, 10000) & POLLIN, POLLIN);
    assert_int_equal(polled(all, 50), 0);
    assert_true(wire_send(fd, VTEST_SYNC_WRITE, write_b, 3));
    assert_int_equal(polled(all, 10000) & POLLIN, POLLIN);
    close(all);
    close(any);
    close(fd);
}

/* Whoever gives up on a wait and closes it harms nobody. */
static void test_closed_wait(void **state)
{
    (void)state;
    const int fd = client(3);
    const uint32_t id = wire_sync_create(fd, 0), point[] = {id, 1, 0};
    close(wire_sync_wait(fd, 0, 1, point, 1));
    assert_true(wire_send(fd, VTEST_SYNC_WRITE, point, 3));
    assert_true(wire_sync_create(fd, 0));
    close(fd);
}

/* Bytes may come in any portions, names may have any length. */
static void test_portions(void **state)
{
    (void)state;
    for (int length = 1; length < 9; length++) {
        char name[16] = "nnnnnnnnnnnnnn";
        name[length - 1] = '\0';
        uint32_t stream[64], n = 0, reply[2];
        uint8_t bytes[256];
        stream[n++] = 0, stream[n++] = VTEST_PING_PROTOCOL_VERSION;
        stream[n++] = 1, stream[n++] = VTEST_PROTOCOL_VERSION, stream[n++] = 3;
        stream[n++] = 1, stream[n++] = VTEST_CONTEXT_INIT, stream[n++] = 4;
        stream[n++] = 10, stream[n++] = VTEST_SUBMIT_CMD2;
        const uint32_t submit[] = {1, 0, 7, 3, 10, 0, 0, FAKE_NOP, 0, 0};
        memcpy(stream + n, submit, sizeof(submit));
        n += 10;
        const uint32_t header[] = {length, VTEST_CREATE_RENDERER};
        memcpy(bytes, header, 8);
        memcpy(bytes + 8, name, length);
        memcpy(bytes + 8 + length, stream, n * 4);
        const int fd = wire_connect(daemon_.socket);
        for (size_t i = 0; i < 8 + length + n * 4; i++)
            assert_int_equal(send(fd, bytes + i, 1, MSG_NOSIGNAL), 1);
        assert_int_equal(wire_reply(fd, VTEST_PING_PROTOCOL_VERSION, NULL, 0), WIRE_OK);
        assert_int_equal(wire_reply(fd, VTEST_PROTOCOL_VERSION, reply, 1), WIRE_OK);
        assert_true(wire_sync_create(fd, 0));
        close(fd);
    }
}

/* ---- what is refused ---- */

struct bad {
    const char *log;
    uint32_t length, command, words[16], word_count;
};

static void check_bad(const struct bad *bad)
{
    int ring;
    const int fd = client(3);
    make_ring(fd, 3, &ring);
    assert_true(wire_send_raw(fd, bad->length, bad->command, bad->words, bad->word_count * 4));
    assert_true(ring_turns_fatal(ring));
    /* A request that it may or may not have got in before the end. */
    const uint32_t value[2] = {0, 0};
    if (wire_send(fd, VTEST_SYNC_CREATE, value, 2))
        assert_ended(fd);
    assert_true(daemon_logged(&daemon_, bad->log));
    close(ring);
    close(fd);
}

static void test_bad_messages(void **state)
{
    (void)state;
    static const struct bad all[] = {
        {"unknown command (99)", 0, 99, {0}, 0},
        {"unknown command (4294967295)", 0, UINT32_MAX, {0}, 0},
        {"RESOURCE_CREATE_BLOB (18): message is too short", 5, VTEST_RESOURCE_CREATE_BLOB, {0}, 5},
        {"SYNC_READ (21): message is too long", 2, VTEST_SYNC_READ, {0}, 2},
        {"SUBMIT_CMD2 (24): message is too long", (4 << 20) / 4 + 1, VTEST_SUBMIT_CMD2, {0}, 4},
        {"SYNC_WAIT (23): message is too long", UINT32_MAX, VTEST_SYNC_WAIT, {0}, 4},
        {"CREATE_RENDERER (8): for the second time", 4, VTEST_CREATE_RENDERER, {0}, 1},
        {"PROTOCOL_VERSION (11): for the second time", 1, VTEST_PROTOCOL_VERSION, {3}, 1},
        {"CONTEXT_INIT (17): for the second time", 1, VTEST_CONTEXT_INIT, {4}, 1},
        {"blob type 1", 6, VTEST_RESOURCE_CREATE_BLOB, {1, 1, 4096}, 6},
        {"blob flags 0x8", 6, VTEST_RESOURCE_CREATE_BLOB, {2, 8, 4096}, 6},
        {"unknown resource 50", 1, VTEST_RESOURCE_UNREF, {50}, 1},
        {"unknown resource 4294967295", 1, VTEST_RESOURCE_UNREF, {UINT32_MAX}, 1},
        {"SYNC_READ (21): unknown sync id", 1, VTEST_SYNC_READ, {1}, 1},
        {"SYNC_WRITE (22): unknown sync id", 3, VTEST_SYNC_WRITE, {UINT32_MAX, 0, 0}, 3},
        {"SYNC_UNREF (20): unknown sync id", 1, VTEST_SYNC_UNREF, {0}, 1},
        {"SYNC_WAIT (23): unknown sync id", 5, VTEST_SYNC_WAIT, {0, 0, 9, 0, 0}, 5},
        {"not a whole number of syncs", 4, VTEST_SYNC_WAIT, {0}, 4},
        {"unknown flags 0x2", 2, VTEST_SYNC_WAIT, {2, 0}, 2},
        {"more batches", 7, VTEST_SUBMIT_CMD2, {2, 0, 7, 0, 7, 0, 0}, 7},
        {"more batches", 1, VTEST_SUBMIT_CMD2, {UINT32_MAX}, 1},
        {"unknown batch flags", 7, VTEST_SUBMIT_CMD2, {1, 2, 7, 0, 7, 0, 0}, 7},
        {"commands of a batch", 7, VTEST_SUBMIT_CMD2, {1, 0, 7, 1, 7, 0, 0}, 7},
        {"commands of a batch", 7, VTEST_SUBMIT_CMD2, {1, 0, UINT32_MAX, 9, 7, 0, 0}, 7},
        {"syncs of a batch", 9, VTEST_SUBMIT_CMD2, {1, 0, 7, 0, 7, 1, 0}, 9},
        {"syncs of a batch", 9, VTEST_SUBMIT_CMD2, {1, 0, 7, 0, 7, 0x80000000, 0}, 9},
        {"ring_idx is out of range", 7, VTEST_SUBMIT_CMD2, {1, 1, 7, 0, 7, 0, 64}, 7},
        {"SUBMIT_CMD2 (24): unknown sync id",
         10,
         VTEST_SUBMIT_CMD2,
         {1, 1, 7, 0, 7, 1, 0, 3, 0, 0},
         10},
        {"SUBMIT_CMD2 (24): unknown sync id",
         10,
         VTEST_SUBMIT_CMD2,
         {1, 1, 7, 0, 7, 1, 1, 3, 0, 0},
         10},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        check_bad(&all[i]);
    assert_true(daemon_wait_children(&daemon_, 0));
}

static void test_fence_without_queue(void **state)
{
    (void)state;
    int ring;
    const int fd = client(3);
    make_ring(fd, 3, &ring);
    const uint32_t point[] = {wire_sync_create(fd, 0), 1, 0};
    assert_true(wire_submit(fd, 3, 9, NULL, 0, point, 1));
    assert_true(ring_turns_fatal(ring));
    assert_true(daemon_logged(&daemon_, "no fence on timeline 9"));
    close(ring);
    close(fd);
}

static void test_syncobjs_refused(void **state)
{
    (void)state;
    const int fd = client(4);
    const uint32_t submit[] = {1, 1, 9, 0, 9, 0, 0, 1, 0};
    assert_true(wire_send(fd, VTEST_SUBMIT_CMD2, submit, 9));
    assert_true(daemon_logged(&daemon_, "syncobjs are not supported"));
    close(fd);
}

static void test_order(void **state)
{
    (void)state;
    static const struct {
        uint32_t command, count;
        const char *log;
    } first[] = {
        {VTEST_PING_PROTOCOL_VERSION, 0, "PING_PROTOCOL_VERSION (10): before CREATE_RENDERER"},
        {VTEST_SYNC_CREATE, 2, "SYNC_CREATE (19): before CREATE_RENDERER"},
    };
    const uint32_t words[8] = {0};
    for (size_t i = 0; i < 2; i++) {
        const int fd = wire_connect(daemon_.socket);
        assert_true(wire_send(fd, first[i].command, words, first[i].count));
        assert_true(daemon_logged(&daemon_, first[i].log));
        close(fd);
    }
    int fd = wire_connect(daemon_.socket);
    assert_true(wire_send_raw(fd, 2, VTEST_CREATE_RENDERER, "a", 2));
    assert_true(wire_send(fd, VTEST_GET_PARAM, words, 1));
    assert_true(daemon_logged(&daemon_, "GET_PARAM (15): before PROTOCOL_VERSION"));
    assert_ended(fd);
    close(fd);
    fd = wire_connect(daemon_.socket);
    assert_int_equal(wire_hello(fd, "b", 3), 3);
    assert_true(wire_send(fd, VTEST_RESOURCE_CREATE_BLOB, words, 6));
    assert_true(daemon_logged(&daemon_, "RESOURCE_CREATE_BLOB (18): before CONTEXT_INIT"));
    assert_ended(fd);
    close(fd);
    fd = wire_connect(daemon_.socket);
    assert_int_equal(wire_hello(fd, "c", 3), 3);
    assert_true(wire_send(fd, VTEST_CONTEXT_INIT, words, 1));
    assert_true(daemon_logged(&daemon_, "capset 0 instead of Venus"));
    assert_int_not_equal(wire_sync_create(fd, 0), 1);
    close(fd);
    fd = wire_connect(daemon_.socket);
    assert_true(wire_send_raw(fd, 3, VTEST_CREATE_RENDERER, "abc", 3));
    assert_true(daemon_logged(&daemon_, "the name has no NUL"));
    close(fd);
}

/* ---- how clients end ---- */

/* Send something that ends the connection and, behind it, a request that expects an answer. */
static void check_end(const uint32_t command[3], uint32_t request, bool with_fd)
{
    int ring;
    const int fd = client(3);
    make_ring(fd, 3, &ring);
    const uint32_t id = wire_sync_create(fd, 0);
    const uint32_t wait[] = {0, UINT32_MAX, id, 1, 0}, blob[] = {2, 1, 4096, 0, 0, 0};
    const int pending = wire_sync_wait(fd, 0, UINT32_MAX, wait + 2, 1);
    assert_true(pending >= 0);
    assert_true(wire_submit(fd, 3, 0, command, 3, NULL, 0));
    const bool sent = request == VTEST_SYNC_WAIT   ? wire_send(fd, request, wait, 5)
                      : request == VTEST_SYNC_READ ? wire_send(fd, request, &id, 1)
                                                   : wire_send(fd, request, blob, 6);
    if (command[0] == FAKE_BLOCK) {
        sleep_ms(50);
        kill(daemon_.pid, SIGTERM);
    }
    assert_true(ring_turns_fatal(ring));
    /* Whoever polls a wait sees a hang-up, without POLLIN: a lost device. */
    assert_int_equal(polled(pending, 10000), POLLHUP);
    if (sent && with_fd) {
        uint32_t header[2], word;
        int received;
        if (wire_read(fd, header, 8) == WIRE_OK) {
            if (request == VTEST_RESOURCE_CREATE_BLOB)
                assert_int_equal(wire_read(fd, &word, 4), WIRE_OK);
            assert_int_equal(wire_read_fd(fd, &received), WIRE_OK);
            assert_int_equal(received, -1); /* Mesa aborts here */
        }
    } else if (sent) {
        assert_ended(fd);
    }
    close(pending);
    close(ring);
    close(fd);
}

static const uint32_t requests[] = {VTEST_RESOURCE_CREATE_BLOB, VTEST_SYNC_WAIT, VTEST_SYNC_READ};

static void test_fatal(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        check_end((const uint32_t[]){FAKE_FATAL, 0, 0}, requests[i], i < 2);
    assert_true(daemon_wait_children(&daemon_, 0));
}

static void test_crash(void **state)
{
    (void)state;
    const int files = process_files(daemon_.pid);
    for (int i = 0; i < 3; i++)
        check_end((const uint32_t[]){FAKE_CRASH, 0, 0}, requests[i], i < 2);
    assert_true(daemon_wait_children(&daemon_, 0));
    assert_int_equal(process_files(daemon_.pid), files);
    assert_true(daemon_logged(&daemon_, "its process"));
}

static void test_sigterm(void **state)
{
    (void)state;
    check_end((const uint32_t[]){FAKE_BLOCK, 0, 0}, VTEST_SYNC_WAIT, true);
    assert_int_equal(daemon_wait(&daemon_), 0);
}

/* A client's process that does not end gets killed, and its client told by the daemon. */
static void test_sigterm_hanging(void **state)
{
    (void)state;
    int ring;
    const int fd = client(3);
    make_ring(fd, 3, &ring);
    const uint32_t hang[] = {FAKE_HANG, 0, 0}, blob[] = {2, 1, 4096, 0, 0, 0};
    assert_true(wire_sync_create(fd, 0));
    assert_true(wire_submit(fd, 3, 0, hang, 3, NULL, 0));
    assert_true(wire_send(fd, VTEST_RESOURCE_CREATE_BLOB, blob, 6));
    sleep_ms(50); /* until it is taken off the socket */
    assert_int_equal(daemon_stop(&daemon_), 0);
    assert_true(ring_status(ring) & FAKE_RING_FATAL);
    assert_ended(fd);
    close(ring);
    close(fd);
}

static void test_daemon_killed(void **state)
{
    (void)state;
    int ring, blocked_ring;
    pid_t pid;
    const int fd = client(3), blocked = client(4);
    make_ring(fd, 3, &ring);
    make_ring(blocked, 4, &blocked_ring);
    assert_true(wire_sync_create(blocked, 0));
    const uint32_t block[] = {FAKE_BLOCK, 0, 0}, blob[] = {2, 1, 4096, 0, 0, 0};
    assert_true(wire_submit(blocked, 4, 0, block, 3, NULL, 0));
    assert_true(wire_send(blocked, VTEST_RESOURCE_CREATE_BLOB, blob, 6));
    assert_true(wire_sync_create(fd, 0));
    assert_int_equal(daemon_children(&daemon_, &pid), 2);
    kill(daemon_.pid, SIGKILL);
    assert_int_equal(daemon_wait(&daemon_), -SIGKILL);
    assert_true(ring_turns_fatal(ring));
    assert_true(ring_turns_fatal(blocked_ring));
    assert_ended(blocked);
    const uint32_t id = 1;
    assert_true(process_wait_gone(pid));
    uint32_t word;
    assert_int_equal(wire_read(fd, &word, 4), WIRE_EOF); /* nothing was asked */
    assert_false(wire_send(fd, VTEST_SYNC_READ, &id, 1));
    close(ring);
    close(blocked_ring);
    close(fd);
    close(blocked);
    unlink(daemon_.socket);
}

/* A process of a client that is gone does not stay, even if it was waiting for something. */
static void test_client_gone_while_blocked(void **state)
{
    (void)state;
    const int files = process_files(daemon_.pid);
    for (int i = 0; i < 20; i++) {
        int ring;
        const int fd = client(3);
        make_ring(fd, 3, &ring);
        const uint32_t block[] = {FAKE_BLOCK, 0, 0};
        assert_true(wire_submit(fd, 3, 0, block, 3, NULL, 0));
        close(ring);
        close(fd);
    }
    assert_true(daemon_wait_children(&daemon_, 0));
    /* What it had for the last ones goes as soon as it hears of their end. */
    for (int i = 0; i < 500 && process_files(daemon_.pid) != files; i++)
        sleep_ms(10);
    assert_int_equal(process_files(daemon_.pid), files);
}

/* Nor does one whose driver never comes back. */
static void test_client_gone_while_hanging(void **state)
{
    (void)state;
    pid_t pid;
    const int fd = client(3);
    const uint32_t hang[] = {FAKE_HANG, 0, 0};
    assert_true(wire_sync_create(fd, 0));
    assert_int_equal(daemon_children(&daemon_, &pid), 1);
    assert_true(wire_submit(fd, 3, 0, hang, 3, NULL, 0));
    sleep_ms(100);
    close(fd);
    assert_true(process_wait_gone(pid));
    assert_true(daemon_logged(&daemon_, "does not end: giving it up"));
    /* The daemon is as it was. */
    const int next = client(4);
    assert_true(wire_sync_create(next, 0));
    close(next);
}

/* More rings than are remembered: the first and the last ones get FATAL. */
static void test_many_rings(void **state)
{
    (void)state;
    const int fd = client(3);
    int first, ring = -1;
    pid_t pid;
    make_ring(fd, 3, &first);
    for (int i = 0; i < 2 * (int)VTEST_MAX_WATCHED_RINGS; i++) {
        const uint32_t id = make_ring(fd, 3, &ring);
        if (i + 1 < 2 * (int)VTEST_MAX_WATCHED_RINGS) {
            assert_true(wire_send(fd, VTEST_RESOURCE_UNREF, &id, 1));
            close(ring);
        }
    }
    assert_true(wire_sync_create(fd, 0));
    assert_int_equal(daemon_children(&daemon_, &pid), 1);
    kill(pid, SIGKILL);
    assert_true(ring_turns_fatal(first));
    assert_true(ring_turns_fatal(ring));
    close(first);
    close(ring);
    close(fd);
}

static int setup_limited(void **state)
{
    (void)state;
    daemon_init(&daemon_);
    return daemon_serve(&daemon_, "--max-clients=2", NULL) ? 0 : -1;
}

static void test_max_clients(void **state)
{
    (void)state;
    const int a = client(3), b = client(3);
    /* Too many: told that there is nothing, and not left hanging. */
    int refused[20];
    for (int i = 0; i < 20; i++) {
        refused[i] = wire_connect(daemon_.socket);
        assert_int_equal(wire_hello(refused[i], "late", 3), 0);
    }
    assert_true(wire_sync_create(a, 0));
    assert_int_equal(daemon_children(&daemon_, NULL), 2);
    assert_true(daemon_logged(&daemon_, "refused: there are 2 already"));
    for (int i = 0; i < 20; i++)
        close(refused[i]);
    close(a);
    assert_true(daemon_wait_children(&daemon_, 1));
    const int c = client(3);
    assert_true(wire_sync_create(c, 0));
    close(b);
    close(c);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_hello),
        TEST(test_params_and_capset),
        TEST(test_process_name),
        TEST(test_blobs),
        TEST(test_failed_blob),
        TEST(test_syncs),
        TEST(test_timelines),
        TEST(test_timeline_polled),
        TEST(test_wait_does_not_block),
        TEST(test_closed_wait),
        TEST(test_portions),
        TEST(test_bad_messages),
        TEST(test_fence_without_queue),
        TEST(test_syncobjs_refused),
        TEST(test_order),
        TEST(test_fatal),
        TEST(test_crash),
        TEST(test_sigterm),
        TEST(test_sigterm_hanging),
        TEST(test_daemon_killed),
        TEST(test_client_gone_while_blocked),
        TEST(test_client_gone_while_hanging),
        TEST(test_many_rings),
        cmocka_unit_test_setup_teardown(test_max_clients, setup_limited, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
