/* SPDX-License-Identifier: MIT */
#include "fd_message.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

void fd_message_attach(struct msghdr *message, union fd_room *room, int fd)
{
    memset(room, 0, sizeof(*room));
    message->msg_control = room->bytes;
    message->msg_controllen = sizeof(room->bytes);
    struct cmsghdr *c = CMSG_FIRSTHDR(message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof(int));
}

int fd_message_send(int socket, const void *data, size_t size, int fd, int flags)
{
    union fd_room room;
    struct iovec bytes = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
    if (fd >= 0)
        fd_message_attach(&message, &room, fd);
    ssize_t n;
    do {
        n = sendmsg(socket, &message, MSG_NOSIGNAL | flags);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    return (size_t)n == size ? 0 : -EIO;
}

int fd_message_receive(int socket, void *data, size_t size, int *fd, int flags)
{
    union fd_room room;
    struct iovec bytes = {.iov_base = data, .iov_len = size};
    struct msghdr message = {
        .msg_iov = &bytes,
        .msg_iovlen = 1,
        .msg_control = &room,
        /* Not all of the room, in whose padding a second one would stay unnoticed. */
        .msg_controllen = CMSG_LEN(sizeof(*fd)),
    };
    ssize_t n;
    *fd = -1;
    do {
        n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    const struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
        c->cmsg_len == CMSG_LEN(sizeof(*fd)))
        memcpy(fd, CMSG_DATA(c), sizeof(*fd));
    if ((size_t)n == size && !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
        return 1;
    if ((size_t)n == size && *fd < 0 && message.msg_flags & MSG_CTRUNC)
        return -EMFILE;
    /* One may come even without any bytes. */
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return n ? -EPROTO : 0;
}
