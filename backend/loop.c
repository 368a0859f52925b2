/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "log.h"

struct loop {
    int epoll_fd;
};

struct loop *loop_create(void)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    if (loop)
        loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop && loop->epoll_fd >= 0)
        return loop;
    backend_log(VENUS_LOG_ERROR, "cannot wait for events: %s", strerror(errno));
    free(loop);
    return NULL;
}

void loop_destroy(struct loop *loop)
{
    if (!loop)
        return;
    close(loop->epoll_fd);
    free(loop);
}

bool loop_add(struct loop *loop, struct loop_source *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    if (!epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event))
        return true;
    backend_log(VENUS_LOG_ERROR, "epoll: %s", strerror(errno));
    return false;
}

void loop_change(struct loop *loop, struct loop_source *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event);
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
}

void loop_wait(struct loop *loop, int64_t until)
{
    /* One event at a time: handling one may free what another one refers to. */
    struct epoll_event event;
    int timeout = -1;
    if (until != LOOP_NEVER) {
        const int64_t left = until - backend_now_ms();
        timeout = left <= 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
    }
    if (epoll_wait(loop->epoll_fd, &event, 1, timeout) == 1) {
        struct loop_source *source = event.data.ptr;
        source->ready(source, event.events);
    }
}
