/* SPDX-License-Identifier: MIT */
#include "render_ask.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd_message.h"
#include "render_protocol.h"

void render_asker_init(struct render_asker *asker, int socket)
{
    asker->socket = socket;
    pthread_mutex_init(&asker->lock, NULL);
}

/* Returns the error of the reply, or that of receiving it; *fd is -1 if none came. */
static int receive_reply(int socket, int *fd)
{
    struct render_reply reply;
    const int result = fd_message_receive(socket, &reply, sizeof(reply), fd, 0);
    if (result == 0)
        return -EIO; /* the device process has no use for us any more */
    return result < 0 ? result : reply.error;
}

static int ask_about(struct render_asker *asker, const struct render_ask *ask, int sent,
                     int *received)
{
    *received = -1;
    if (asker->socket < 0)
        return -ENOTSUP;
    pthread_mutex_lock(&asker->lock);
    int error = fd_message_send(asker->socket, ask, sizeof(*ask), sent, 0);
    if (!error)
        error = receive_reply(asker->socket, received);
    pthread_mutex_unlock(&asker->lock);
    return error;
}

int render_ask_export(struct render_asker *asker, uint32_t id, uint64_t offset, uint64_t size)
{
    const struct render_ask ask = {
        .type = RENDER_ASK_EXPORT,
        .id = id,
        .offset = offset,
        .size = size,
    };
    int fd;
    const int error = ask_about(asker, &ask, -1, &fd);
    if (!error)
        return fd >= 0 ? fd : -EPROTO;
    if (fd >= 0)
        close(fd);
    return error;
}

int render_ask_grant(struct render_asker *asker, uint32_t id, int fd)
{
    const struct render_ask ask = {.type = RENDER_ASK_GRANT, .id = id};
    int none;
    const int error = ask_about(asker, &ask, fd, &none);
    if (none >= 0)
        close(none);
    return error;
}
