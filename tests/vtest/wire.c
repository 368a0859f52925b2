/* SPDX-License-Identifier: MIT */
#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "vtest_protocol.h"

#define TIMEOUT_MS 10000

int wire_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address)))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

bool wire_send_raw(int fd, uint32_t length, uint32_t command, const void *payload, size_t size)
{
    /* At once, so that a server which dislikes the header does not make the rest fail. */
    uint32_t header[] = {length, command};
    struct iovec parts[] = {{header, sizeof(header)}, {(void *)payload, size}};
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t n;
    do {
        n = sendmsg(fd, &message, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)(sizeof(header) + size);
}

bool wire_send(int fd, uint32_t command, const uint32_t *words, uint32_t count)
{
    return wire_send_raw(fd, count, command, words, count * 4);
}

static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int n;
    do {
        n = poll(&p, 1, TIMEOUT_MS);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

enum wire_result wire_read(int fd, void *data, size_t size)
{
    while (size) {
        if (!readable(fd))
            return WIRE_TIMEOUT;
        const ssize_t n = read(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? WIRE_ERROR : WIRE_EOF;
        data = (char *)data + n;
        size -= n;
    }
    return WIRE_OK;
}

enum wire_result wire_reply(int fd, uint32_t command, uint32_t *words, uint32_t count)
{
    uint32_t header[2];
    const enum wire_result result = wire_read(fd, header, sizeof(header));
    if (result != WIRE_OK)
        return result;
    if (header[0] != count || header[1] != command)
        return WIRE_ERROR;
    return wire_read(fd, words, count * 4);
}

enum wire_result wire_read_fd(int fd, int *received)
{
    char byte;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } room;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &data,
        .msg_iovlen = 1,
        .msg_control = room.bytes,
        .msg_controllen = sizeof(room.bytes),
    };
    *received = -1;
    if (!readable(fd))
        return WIRE_TIMEOUT;
    const ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (n <= 0)
        return n < 0 ? WIRE_ERROR : WIRE_EOF;
    const struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        memcpy(received, CMSG_DATA(c), sizeof(int));
    return WIRE_OK;
}

uint32_t wire_hello(int fd, const char *name, uint32_t version)
{
    const uint32_t busy[2] = {0, 0};
    uint32_t word;
    if (!wire_send_raw(fd, strlen(name) + 1, VTEST_CREATE_RENDERER, name, strlen(name) + 1) ||
        !wire_send(fd, VTEST_PING_PROTOCOL_VERSION, NULL, 0) ||
        !wire_send(fd, VTEST_RESOURCE_BUSY_WAIT, busy, 2) ||
        wire_reply(fd, VTEST_PING_PROTOCOL_VERSION, NULL, 0) != WIRE_OK ||
        wire_reply(fd, VTEST_RESOURCE_BUSY_WAIT, &word, 1) != WIRE_OK ||
        !wire_send(fd, VTEST_PROTOCOL_VERSION, &version, 1) ||
        wire_reply(fd, VTEST_PROTOCOL_VERSION, &word, 1) != WIRE_OK)
        return 0;
    return word;
}

bool wire_context(int fd, const char *name, uint32_t version)
{
    const uint32_t capset_id = 4;
    return wire_hello(fd, name, version) == version &&
           wire_send(fd, VTEST_CONTEXT_INIT, &capset_id, 1);
}

uint32_t wire_blob(int fd, uint32_t flags, uint64_t size, uint64_t blob_id, int *blob_fd)
{
    const uint32_t request[] = {
        2, flags, (uint32_t)size, size >> 32, (uint32_t)blob_id, blob_id >> 32};
    uint32_t id = 0;
    *blob_fd = -1;
    if (!wire_send(fd, VTEST_RESOURCE_CREATE_BLOB, request, 6) ||
        wire_reply(fd, VTEST_RESOURCE_CREATE_BLOB, &id, 1) != WIRE_OK ||
        wire_read_fd(fd, blob_fd) != WIRE_OK || *blob_fd < 0)
        return 0;
    return id;
}

bool wire_submit(int fd, uint32_t version, uint32_t ring_idx, const uint32_t *commands,
                 uint32_t command_words, const uint32_t *syncs, uint32_t sync_count)
{
    const uint32_t head = 1 + (version >= 4 ? VTEST_BATCH_WORDS_4 : VTEST_BATCH_WORDS_3);
    uint32_t message[256] = {
        1, VTEST_BATCH_RING_IDX, head, command_words, head + command_words, sync_count, ring_idx,
    };
    const uint32_t words = head + command_words + sync_count * VTEST_POINT_WORDS;
    if (words > sizeof(message) / 4)
        return false;
    if (command_words)
        memcpy(message + head, commands, command_words * 4);
    if (sync_count)
        memcpy(message + head + command_words, syncs, sync_count * VTEST_POINT_WORDS * 4);
    return wire_send(fd, VTEST_SUBMIT_CMD2, message, words);
}

uint32_t wire_sync_create(int fd, uint64_t value)
{
    const uint32_t request[] = {(uint32_t)value, value >> 32};
    uint32_t id;
    if (!wire_send(fd, VTEST_SYNC_CREATE, request, 2) ||
        wire_reply(fd, VTEST_SYNC_CREATE, &id, 1) != WIRE_OK)
        return 0;
    return id;
}

int wire_sync_wait(int fd, uint32_t flags, uint32_t timeout, const uint32_t *syncs,
                   uint32_t sync_count)
{
    uint32_t request[64] = {flags, timeout};
    int received;
    memcpy(request + 2, syncs, sync_count * VTEST_POINT_WORDS * 4);
    if (!wire_send(fd, VTEST_SYNC_WAIT, request, 2 + sync_count * VTEST_POINT_WORDS) ||
        wire_reply(fd, VTEST_SYNC_WAIT, NULL, 0) != WIRE_OK ||
        wire_read_fd(fd, &received) != WIRE_OK)
        return -1;
    return received;
}
