/* SPDX-License-Identifier: MIT */
/* The listening socket of the vtest server. */
#ifndef VTEST_LISTEN_H
#define VTEST_LISTEN_H

#include <sys/types.h>

struct vtest_listener {
    int fd; /* -1: none */
    const char *path;
    dev_t dev; /* of the socket's file, to remove no other */
    ino_t ino;
};

/*
 * Listen on `path` (which must stay valid), only for processes of this user.  A socket left over by
 * a dead server is replaced.  Returns BACKEND_EXIT_OK, or BACKEND_EXIT_SOCKET after logging why.
 */
int vtest_listen(struct vtest_listener *listener, const char *path);

/* Stop listening and remove the file, if it is still ours. */
void vtest_listener_close(struct vtest_listener *listener);

#endif
