/* SPDX-License-Identifier: MIT */
#include "vtest_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "exit_codes.h"
#include "log.h"

#define BACKLOG    128
#define LOCK_TRIES 100 /* of 20 ms */

static void socket_address(struct sockaddr_un *address, const char *path)
{
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    strncpy(address->sun_path, path, sizeof(address->sun_path) - 1);
}

/*
 * Two servers that find the same stale socket must not remove each other's new one, so the folder
 * is locked meanwhile.  Returns a descriptor that holds the lock, or -1 after logging why.
 */
static int lock_folder(const char *path)
{
    char *copy = strdup(path);
    const char *folder = copy ? dirname(copy) : ".";
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int tries = 0;
    if (fd < 0) {
        backend_log(VENUS_LOG_ERROR, "%s: folder %s: %s", path, folder, strerror(errno));
        free(copy);
        return -1;
    }
    free(copy);
    while (flock(fd, LOCK_EX | LOCK_NB)) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK || ++tries == LOCK_TRIES) {
            backend_log(VENUS_LOG_ERROR, "%s: cannot lock its folder: %s", path, strerror(errno));
            close(fd);
            return -1;
        }
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    }
    return fd;
}

/* Remove what is in the way if it is a socket that nobody listens on. False after logging why not.
 */
static bool remove_stale(const char *path, const struct sockaddr_un *address)
{
    struct stat st;
    if (lstat(path, &st)) {
        backend_log(VENUS_LOG_ERROR, "%s: %s", path, strerror(errno));
        return false;
    }
    if (!S_ISSOCK(st.st_mode)) {
        backend_log(VENUS_LOG_ERROR, "%s exists and is not a socket", path);
        return false;
    }
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int error =
        fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) ? errno : 0;
    if (fd >= 0)
        close(fd);
    if (!error || error == EAGAIN) {
        backend_log(VENUS_LOG_ERROR, "%s: another server is listening there", path);
        return false;
    }
    if (error != ECONNREFUSED || unlink(path)) {
        backend_log(VENUS_LOG_ERROR, "%s: cannot tell whether a server is there, or remove it: %s",
                    path, strerror(error == ECONNREFUSED ? errno : error));
        return false;
    }
    backend_log(VENUS_LOG_INFO, "%s: removed the socket of a server that is gone", path);
    return true;
}

static bool bind_and_listen(struct vtest_listener *l)
{
    struct sockaddr_un address;
    struct stat st;
    socket_address(&address, l->path);
    /* What it may do is this user's GPU work, so it is for this user only. */
    const mode_t mask = umask(0177);
    int result = bind(l->fd, (struct sockaddr *)&address, sizeof(address));
    const bool in_use = result && errno == EADDRINUSE;
    if (in_use && remove_stale(l->path, &address))
        result = bind(l->fd, (struct sockaddr *)&address, sizeof(address));
    else if (in_use)
        result = -2; /* logged */
    umask(mask);
    if (!result)
        result = lstat(l->path, &st) || listen(l->fd, BACKLOG) ? -1 : 0;
    if (result == -1)
        backend_log(VENUS_LOG_ERROR, "%s: cannot listen: %s", l->path, strerror(errno));
    if (result)
        return false;
    l->dev = st.st_dev;
    l->ino = st.st_ino;
    return true;
}

int vtest_listen(struct vtest_listener *listener, const char *path)
{
    *listener = (struct vtest_listener){.fd = -1, .path = path};
    const int lock = lock_folder(path);
    if (lock < 0)
        return BACKEND_EXIT_SOCKET;
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0)
        backend_log(VENUS_LOG_ERROR, "socket: %s", strerror(errno));
    const bool done = listener->fd >= 0 && bind_and_listen(listener);
    if (!done && listener->fd >= 0) {
        close(listener->fd);
        listener->fd = -1;
    }
    close(lock);
    return done ? BACKEND_EXIT_OK : BACKEND_EXIT_SOCKET;
}

void vtest_listener_close(struct vtest_listener *listener)
{
    struct stat st;
    if (listener->fd < 0)
        return;
    if (!lstat(listener->path, &st) && st.st_dev == listener->dev && st.st_ino == listener->ino)
        unlink(listener->path);
    close(listener->fd);
    listener->fd = -1;
}
