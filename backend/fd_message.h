/* SPDX-License-Identifier: MIT */
/* Messages on UNIX sockets with a file descriptor beside them. */
#ifndef BACKEND_FD_MESSAGE_H
#define BACKEND_FD_MESSAGE_H

#include <stddef.h>
#include <sys/socket.h>

/* Room for one descriptor.  To receive with it, set msg_controllen to CMSG_LEN(sizeof(int)) where a
 * second one must be an error: the padding has room for it. */
union fd_room {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
};

/* Have `fd` go with the message; `room` must live until it is sent. */
void fd_message_attach(struct msghdr *message, union fd_room *room, int fd);

/* The descriptor that came with a message, now the caller's, or -1; surplus ones are closed. */
int fd_message_detach(struct msghdr *message);

/* Send `size` bytes as one message, with `fd` unless it is -1. `flags` are sendmsg()'s,
 * without a signal. Returns 0 or a negative errno; -EIO when it was cut. */
int fd_message_send(int socket, const void *data, size_t size, int fd, int flags);

#endif
