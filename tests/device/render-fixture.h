/* SPDX-License-Identifier: MIT */
/* What tests of render.c start from and end with: a window of memory that is shared with the
 * processes, an epoll set, and no process left. */
#ifndef TESTS_DEVICE_RENDER_FIXTURE_H
#define TESTS_DEVICE_RENDER_FIXTURE_H

#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "render.h"

/* Give `transport` its operations and a window of `size` bytes. Returns a new epoll set. */
static inline int render_fixture_open(struct vgpu_transport *transport,
                                      const struct vgpu_transport_ops *ops, size_t size)
{
    transport->ops = ops;
    transport->window = (struct venus_shm){
        .base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
        .size = size,
    };
    transport->window_size = size;
    return epoll_create1(EPOLL_CLOEXEC);
}

/* Whether no process was left, not even a dead one. */
static inline bool render_fixture_close(struct vgpu_transport *transport, int epoll_fd,
                                        struct render *render)
{
    render_destroy(render);
    const bool clean = waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
    munmap(transport->window.base, transport->window.size);
    close(epoll_fd);
    return clean;
}

/* For vgpu_transport_ops.enter_render_process: nothing has to be given up. */
static inline int render_fixture_enter(struct vgpu_transport *transport)
{
    transport->render_fd = -1;
    return 0;
}

#endif
