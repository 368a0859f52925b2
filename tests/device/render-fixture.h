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

#define RENDER_FIXTURE_PAGE 4096u

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

static inline void render_fixture_set_window_bits(struct vgpu_transport *transport, uint64_t offset,
                                                  uint32_t bits)
{
    atomic_fetch_or(venus_shm_word(&transport->window, offset), bits);
}

/* For vgpu_transport_ops.alloc_pages and free_pages: memory as from gntalloc, and references that
 * count up from 1000. */
static inline int render_fixture_alloc(struct vgpu_transport *transport, uint32_t count,
                                       void **pages, uint32_t *refs)
{
    (void)transport;
    void *at = mmap(NULL, (size_t)count * RENDER_FIXTURE_PAGE, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return -ENOMEM;
    *pages = at;
    for (uint32_t i = 0; i < count; i++)
        refs[i] = 1000 + i;
    return 0;
}

static inline void render_fixture_free(struct vgpu_transport *transport, void *pages,
                                       uint32_t count)
{
    (void)transport;
    munmap(pages, (size_t)count * RENDER_FIXTURE_PAGE);
}

#endif
