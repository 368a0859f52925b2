/* SPDX-License-Identifier: MIT */
#include "render_dma_buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd_message.h"
#include "log.h"
#include "render_limits.h"

#define PAGE_SIZE 4096u

struct render_dma_buf {
    struct render_dma_buf *next;
    uint32_t res_id; /* 0: a sample */
    uint32_t pages;
    int fd;         /* a dma-buf of the process, or the key of an export */
    uint32_t *refs; /* of a grant; NULL: an export */
    bool draining;
    bool released; /* of an export: its key is gone */
};

/* All dma-bufs, both kinds, and their pages: this process is that of one device.  Pages count
 * against limits of Xen that all guests share, so there are never more than the window has, but for
 * samples. */
static unsigned int all_bufs;
static uint64_t all_pages;

void render_dma_bufs_init(struct render_dma_bufs *bufs, struct vgpu_transport *transport,
                          bool per_blob)
{
    *bufs = (struct render_dma_bufs){.transport = transport, .per_blob = per_blob};
}

bool render_dma_bufs_offered(const struct render_dma_bufs *bufs)
{
    const struct vgpu_transport_ops *ops = bufs->transport->ops;
    return bufs->per_blob ? ops->grant_dma_buf != NULL : ops->export_slice != NULL;
}

/* ---- the list ---- */

/* Whether one more is too much, after logging why.  A new process can try its driver also when
 * others use the whole window. */
static bool exceeds_limits(const struct render_dma_bufs *bufs, uint32_t res_id, uint64_t pages)
{
    const bool sample = !res_id && pages <= RENDER_MAX_SAMPLE / PAGE_SIZE;
    if (all_bufs >= RENDER_MAX_DMA_BUFS) {
        backend_log(VENUS_LOG_ERROR, "no more dma-bufs: there are %u already", all_bufs);
        return true;
    }
    if (sample || all_pages + pages <= bufs->transport->window_size / PAGE_SIZE)
        return false;
    backend_log(VENUS_LOG_ERROR,
                "no dma-buf of %llu more pages: there are %llu already, and the "
                "window is not larger",
                (unsigned long long)pages, (unsigned long long)all_pages);
    return true;
}

/* A new entry, not in the list; *error when NULL. */
static struct render_dma_buf *create(const struct render_dma_bufs *bufs, uint32_t res_id,
                                     uint64_t pages, int *error)
{
    if (exceeds_limits(bufs, res_id, pages)) {
        *error = -ENOSPC;
        return NULL;
    }
    struct render_dma_buf *buf = calloc(1, sizeof(*buf));
    if (!buf) {
        *error = -ENOMEM;
        return NULL;
    }
    buf->res_id = res_id;
    buf->pages = (uint32_t)pages;
    return buf;
}

static void add(struct render_dma_bufs *bufs, struct render_dma_buf *buf)
{
    buf->next = bufs->first;
    bufs->first = buf;
    all_bufs++;
    all_pages += buf->pages;
}

/* Take *link out of the list. */
static void remove_at(struct render_dma_buf **link)
{
    struct render_dma_buf *buf = *link;
    *link = buf->next;
    all_bufs--;
    all_pages -= buf->pages;
    free(buf->refs);
    free(buf);
}

static void end_grant(const struct render_dma_bufs *bufs, const struct render_dma_buf *buf)
{
    bufs->transport->ops->revoke_dma_buf(bufs->transport, buf->fd);
    close(buf->fd);
}

void render_dma_bufs_finish(struct render_dma_bufs *bufs)
{
    while (bufs->first) {
        if (bufs->first->refs)
            end_grant(bufs, bufs->first);
        else if (!bufs->first->released)
            bufs->transport->ops->forget_slice(bufs->transport, bufs->first->fd);
        remove_at(&bufs->first);
    }
}

/* ---- exports ---- */

/* Whether a process may ask for this part of the window. */
static bool may_export(const struct render_state *state, const struct render_ask *ask)
{
    uint64_t start = 0, size = RENDER_MAX_SAMPLE;
    if (ask->id) {
        const struct render_resource *resource = render_state_find_const(state, ask->id);
        if (!resource || !resource->slice || resource->draining)
            return false;
        start = resource->offset;
        size = resource->size;
    }
    return ask->size && ask->offset % PAGE_SIZE == 0 && ask->size % PAGE_SIZE == 0 &&
           ask->offset >= start && ask->offset - start <= size &&
           ask->size <= size - (ask->offset - start);
}

/* The key of one that is must not be asked for again: another one may have it by then. */
static bool is_released(const struct render_dma_bufs *bufs, struct render_dma_buf *buf)
{
    if (!buf->released)
        buf->released = bufs->transport->ops->released_slice(bufs->transport, buf->fd);
    return buf->released;
}

/* Forget what is not in use of samples, and of what was made of a slice before.  Looks at some
 * only, and at others the next time. */
static void drop_unused(struct render_dma_bufs *bufs, uint32_t res_id)
{
    struct render_dma_buf **link = &bufs->first, *in_use = NULL, **last = &in_use;
    int looks = 0;
    while (*link) {
        struct render_dma_buf *buf = *link;
        if (looks == RENDER_LOOKS_AT_ONCE || buf->refs || buf->draining ||
            (buf->res_id && buf->res_id != res_id)) {
            link = &buf->next;
            continue;
        }
        looks++;
        if (is_released(bufs, buf)) {
            remove_at(link);
            continue;
        }
        *link = buf->next;
        buf->next = NULL;
        *last = buf;
        last = &buf->next;
    }
    *link = in_use;
}

static int export_slice(struct render_dma_bufs *bufs, const struct render_state *state,
                        const struct render_ask *ask, int *fd)
{
    struct vgpu_transport *transport = bufs->transport;
    int error = 0;
    if (bufs->per_blob || !may_export(state, ask) ||
        !venus_shm_contains(&transport->window, ask->offset, ask->size))
        return -EINVAL;
    drop_unused(bufs, ask->id);
    struct render_dma_buf *buf = create(bufs, ask->id, ask->size / PAGE_SIZE, &error);
    if (!buf)
        return error;
    error = transport->ops->export_slice(transport, ask->offset, ask->size, fd, &buf->fd);
    if (error)
        free(buf);
    else
        add(bufs, buf);
    return error;
}

bool render_dma_bufs_drain(struct render_dma_bufs *bufs, uint32_t res_id)
{
    bool done = true;
    struct render_dma_buf **link = &bufs->first;
    while (*link) {
        struct render_dma_buf *buf = *link;
        if (buf->refs || buf->res_id != res_id) {
            link = &buf->next;
        } else if (is_released(bufs, buf)) {
            remove_at(link);
        } else {
            buf->draining = true;
            done = false;
            link = &buf->next;
        }
    }
    return done;
}

bool render_dma_bufs_drain_all(struct render_dma_bufs *bufs)
{
    bool done = true;
    struct render_dma_buf **link = &bufs->first;
    while (*link) {
        struct render_dma_buf *buf = *link;
        if (buf->refs)
            end_grant(bufs, buf);
        if (buf->refs || is_released(bufs, buf)) {
            remove_at(link);
        } else {
            buf->draining = true;
            done = false;
            link = &buf->next;
        }
    }
    return done;
}

static bool slice_is_draining(const struct render_dma_bufs *bufs, uint32_t res_id)
{
    const struct render_dma_buf *buf = bufs->first;
    while (buf && (!buf->draining || buf->res_id != res_id))
        buf = buf->next;
    return buf != NULL;
}

void render_dma_bufs_look(struct render_dma_bufs *bufs)
{
    for (struct render_dma_buf *buf = bufs->first; buf; buf = buf->next)
        if (buf->draining)
            is_released(bufs, buf);
}

bool render_dma_bufs_drained(struct render_dma_bufs *bufs, uint32_t *res_id)
{
    struct render_dma_buf **link = &bufs->first;
    while (*link) {
        if (!(*link)->draining || !(*link)->released) {
            link = &(*link)->next;
            continue;
        }
        *res_id = (*link)->res_id;
        remove_at(link);
        if (!slice_is_draining(bufs, *res_id))
            return true;
    }
    return false;
}

bool render_dma_bufs_draining(const struct render_dma_bufs *bufs)
{
    const struct render_dma_buf *buf = bufs->first;
    while (buf && !buf->draining)
        buf = buf->next;
    return buf != NULL;
}

/* ---- grants ---- */

static struct render_dma_buf **find_grant(struct render_dma_bufs *bufs, uint32_t res_id)
{
    struct render_dma_buf **link = &bufs->first;
    while (*link && (!(*link)->refs || (*link)->res_id != res_id))
        link = &(*link)->next;
    return link;
}

const uint32_t *render_dma_bufs_refs(const struct render_dma_bufs *bufs, uint32_t res_id)
{
    const struct render_dma_buf *buf = bufs->first;
    while (buf && (!buf->refs || buf->res_id != res_id))
        buf = buf->next;
    return buf ? buf->refs : NULL;
}

void render_dma_bufs_revoke(struct render_dma_bufs *bufs, uint32_t res_id)
{
    struct render_dma_buf **link = find_grant(bufs, res_id);
    if (!*link)
        return;
    end_grant(bufs, *link);
    remove_at(link);
}

/* Pages of a dma-buf that can hold `size` bytes; 0 for what can be none.  It may be any file of the
 * process, so nothing must wait for it: lseek() would, for who reads it, and a file system for its
 * server. */
static uint64_t pages_of(int fd, uint64_t size)
{
    struct statx info;
    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_SIZE, &info))
        return 0;
    const uint64_t end = info.stx_size;
    if (!end || end % PAGE_SIZE || end < size || end / PAGE_SIZE > RENDER_MAX_BLOB_PAGES)
        return 0;
    return end / PAGE_SIZE;
}

/* Takes the descriptor if there is no error. */
static int grant_pages(struct render_dma_bufs *bufs, uint32_t res_id, int fd, uint64_t size)
{
    struct vgpu_transport *transport = bufs->transport;
    const uint64_t pages = pages_of(fd, size);
    int error = -ENOMEM;
    if (!pages)
        return -EINVAL;
    struct render_dma_buf *buf = create(bufs, res_id, pages, &error);
    if (!buf)
        return error;
    buf->refs = malloc(pages * sizeof(*buf->refs));
    if (buf->refs)
        error = transport->ops->grant_dma_buf(transport, fd, buf->pages, buf->refs);
    if (!buf->refs || error) {
        free(buf->refs);
        free(buf);
        return error;
    }
    buf->fd = fd;
    add(bufs, buf);
    return 0;
}

static int grant(struct render_dma_bufs *bufs, const struct render_state *state,
                 const struct render_ask *ask, int fd)
{
    const struct render_resource *resource = render_state_find_const(state, ask->id);
    int error = -EINVAL;
    if (fd < 0)
        return error;
    if (bufs->per_blob &&
        (!ask->id || (resource && !resource->ready && !*find_grant(bufs, ask->id))))
        error = grant_pages(bufs, ask->id, fd, resource ? resource->size : 0);
    if (error)
        close(fd);
    else if (!ask->id)
        render_dma_bufs_revoke(bufs, 0); /* it was only to be tried */
    return error;
}

/* ---- questions ---- */

/* 1, or as render_dma_bufs_serve(). *fd is -1 if none came. */
static int receive(int socket, struct render_ask *ask, int *fd)
{
    const int result = fd_message_receive(socket, ask, sizeof(*ask), fd, MSG_DONTWAIT);
    if (result == -EAGAIN)
        return 0;
    if (result == -EMFILE) /* it would not be asked again */
        return -EPROTO;
    return result == 1 || result == -EPROTO ? result : -EPIPE;
}

static int send_reply(int socket, int error, int fd)
{
    const struct render_reply reply = {.error = error};
    /* Whoever asks waits for each answer: there is room for it. */
    return fd_message_send(socket, &reply, sizeof(reply), fd, MSG_DONTWAIT);
}

/* False when it cannot be answered. */
static bool answer(int socket, int error, int fd)
{
    const int result = send_reply(socket, error, fd);
    /* Too many descriptors of this user are on their way: somebody else's, from another guest's
     * processes perhaps. */
    if (result == -ETOOMANYREFS)
        return !send_reply(socket, -EMFILE, -1);
    return !result;
}

int render_dma_bufs_serve(struct render_dma_bufs *bufs, const struct render_state *state,
                          int socket)
{
    struct render_ask ask;
    int fd, made = -1, error = -EINVAL;
    const int result = receive(socket, &ask, &fd);
    if (result <= 0)
        return result;
    if (ask.type == RENDER_ASK_GRANT)
        error = grant(bufs, state, &ask, fd);
    else if (fd >= 0)
        close(fd);
    if (ask.type == RENDER_ASK_EXPORT)
        error = export_slice(bufs, state, &ask, &made);
    const bool sent = answer(socket, error, made);
    if (made >= 0)
        close(made);
    if (ask.type != RENDER_ASK_GRANT && ask.type != RENDER_ASK_EXPORT)
        return -EPROTO;
    return sent ? 1 : -EIO;
}
