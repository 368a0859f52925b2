/* SPDX-License-Identifier: MIT */
/* Messages on UNIX sockets with a file descriptor beside them. */
#ifndef BACKEND_FD_MESSAGE_H
#define BACKEND_FD_MESSAGE_H

#include <stddef.h>
#include <sys/socket.h>

/* Room for one descriptor. */
union fd_room {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
};

/* Have `fd` go with the message; `room` must live until it is sent. */
void fd_message_attach(struct msghdr *message, union fd_room *room, int fd);

/* Send `size` bytes as one message, with `fd` unless it is -1. `flags` are sendmsg()'s,
 * without a signal. Returns 0 or a negative errno; -EIO when it was cut. */
int fd_message_send(int socket, const void *data, size_t size, int fd, int flags);

/*
 * Receive a message of `size` bytes; `flags` are recvmsg()'s.  Returns 1, and in *fd the descriptor
 * that came with it, which is the caller's, or -1; or, with no descriptor, 0 at the end of what the
 * peer sends, -EPROTO for a message of another size or with several descriptors, -EMFILE when there
 * was no room for one in this process, or another negative errno.
 */
int fd_message_receive(int socket, void *data, size_t size, int *fd, int flags);

#endif
