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

int fd_message_detach(struct msghdr *message)
{
    int first = -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= c->cmsg_len; at += sizeof(int)) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + at, sizeof(fd));
            if (first < 0)
                first = fd;
            else
                close(fd);
        }
    }
    return first;
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
