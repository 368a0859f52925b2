/* SPDX-License-Identifier: MIT */
#include "fake-parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xen/dma_buf.h"
#include "xen/events.h"
#include "xen/grant.h"
#include "xen/shared_pages.h"
#include "xen/window.h"

struct fake_parts *fake_parts;
char fake_window_in_child[VGPU_PAGE_SIZE];

static char window_memory[VGPU_PAGE_SIZE];

void fake_parts_reset(void)
{
    if (!fake_parts)
        fake_parts = mmap(NULL, sizeof(*fake_parts), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (fake_parts == MAP_FAILED)
        abort();
    memset(fake_parts, 0, sizeof(*fake_parts));
}

void fake_parts_fail(const char *call, int error)
{
    snprintf(fake_parts->fails, sizeof(fake_parts->fails), "%s", call);
    fake_parts->error = error;
}

/* 0, or the negative errno that the call is to fail with; errno is set, too. */
static int check(const char *call)
{
    if (strcmp(fake_parts->fails, call))
        return 0;
    errno = fake_parts->error;
    return -fake_parts->error;
}

/* A part that is nothing but open. */
static void *open_part(const char *call, uint32_t domid)
{
    static char part;
    if (domid != FAKE_DOMID)
        abort();
    if (check(call))
        return NULL;
    fake_parts->parts++;
    return &part;
}

static void close_part(const void *part)
{
    if (part)
        fake_parts->parts--;
}

/* ---- grants ---- */

struct xen_grants *xen_grants_open(uint32_t domid)
{
    return open_part("grants_open", domid);
}

void xen_grants_close(struct xen_grants *grants)
{
    close_part(grants);
}

int xen_grants_map(struct xen_grants *grants, uint32_t first, uint32_t count, bool writable,
                   void **memory)
{
    (void)grants;
    (void)writable;
    if (!fake_parts->fails_ref || first == fake_parts->fails_ref) {
        const int error = check("grants_map");
        if (error)
            return error;
    }
    if (first >= FAKE_PAGES || count > FAKE_PAGES - first)
        return -EINVAL;
    *memory = fake_parts->guest + (size_t)first * VGPU_PAGE_SIZE;
    fake_parts->maps += (int)count;
    return 0;
}

void xen_grants_unmap(struct xen_grants *grants, void *memory, uint32_t count)
{
    (void)grants;
    (void)memory;
    fake_parts->maps -= (int)count;
}

static int copy(const char *call, uint32_t ref, uint32_t offset, size_t size)
{
    if (ref >= FAKE_PAGES)
        return -EFAULT;
    if (offset > VGPU_PAGE_SIZE || size > VGPU_PAGE_SIZE - offset)
        return -EINVAL;
    return check(call);
}

int xen_grants_copy_from(struct xen_grants *grants, uint32_t ref, uint32_t offset, void *data,
                         size_t size)
{
    (void)grants;
    const int error = copy("grants_copy_from", ref, offset, size);
    if (!error)
        memcpy(data, fake_parts->guest + (size_t)ref * VGPU_PAGE_SIZE + offset, size);
    return error;
}

int xen_grants_copy_to(struct xen_grants *grants, uint32_t ref, uint32_t offset, const void *data,
                       size_t size)
{
    (void)grants;
    const int error = copy("grants_copy_to", ref, offset, size);
    if (!error)
        memcpy(fake_parts->guest + (size_t)ref * VGPU_PAGE_SIZE + offset, data, size);
    return error;
}

/* ---- events ---- */

static int event_fd = -1;

struct xen_events *xen_events_open(uint32_t domid)
{
    struct xen_events *events = open_part("events_open", domid);
    if (events && *fake_parts->fifo)
        event_fd = open(fake_parts->fifo, O_RDWR | O_CLOEXEC);
    return events;
}

void xen_events_close(struct xen_events *events)
{
    close_part(events);
    if (event_fd >= 0)
        close(event_fd);
    event_fd = -1;
}

int xen_events_bind(struct xen_events *events, uint32_t domid, uint32_t remote_port)
{
    (void)events;
    if (domid != FAKE_DOMID)
        abort();
    const int error = check("events_bind");
    if (!error)
        fake_parts->port = remote_port;
    return error;
}

int xen_events_fd(const struct xen_events *events)
{
    (void)events;
    return event_fd;
}

int xen_events_take(struct xen_events *events)
{
    char byte;
    (void)events;
    if (read(event_fd, &byte, 1) != 1)
        return -errno;
    return check("events_take");
}

int xen_events_notify(struct xen_events *events)
{
    (void)events;
    fake_parts->notified++;
    return 0;
}

/* ---- the window ---- */

struct xen_window *xen_window_open(enum xen_window_kind kind, uint32_t domid)
{
    fake_parts->window_kind = (int)kind;
    return open_part("window_open", domid);
}

void xen_window_close(struct xen_window *window)
{
    close_part(window);
}

int xen_window_map(struct xen_window *window, const uint64_t *pages, size_t count)
{
    (void)window;
    if (count > FAKE_WINDOW_PAGES)
        abort();
    fake_parts->window_count = count;
    memcpy(fake_parts->window_pages, pages, count * sizeof(*pages));
    return check("window_map");
}

int xen_window_refs(const struct xen_window *window, size_t first, size_t count, uint32_t *refs)
{
    (void)window;
    if (count > fake_parts->window_count || first > fake_parts->window_count - count)
        return -EINVAL;
    for (size_t i = 0; i < count; i++)
        refs[i] = (uint32_t)fake_parts->window_pages[first + i];
    return 0;
}

int xen_window_set_bits(const struct xen_window *window, uint64_t offset, uint32_t bits)
{
    (void)window;
    fake_parts->window_word = offset;
    fake_parts->window_bits |= bits;
    return check("window_set_bits");
}

static bool in_child;

void *xen_window_memory(const struct xen_window *window)
{
    (void)window;
    return in_child ? fake_window_in_child : window_memory;
}

int xen_window_enter_child(struct xen_window *window)
{
    (void)window;
    const int error = check("window_enter_child");
    in_child = !error;
    return error;
}

/* ---- pages of this domain ---- */

struct xen_shared_pages *xen_shared_pages_open(uint32_t domid)
{
    return open_part("shared_pages_open", domid);
}

void xen_shared_pages_close(struct xen_shared_pages *pages)
{
    close_part(pages);
}

int xen_shared_pages_fd(const struct xen_shared_pages *pages)
{
    (void)pages;
    return 42;
}

int xen_shared_pages_alloc(struct xen_shared_pages *pages, uint32_t count, void **memory,
                           uint32_t *refs)
{
    (void)pages;
    const int error = check("shared_pages_alloc");
    if (error)
        return error;
    *memory = calloc(count, VGPU_PAGE_SIZE);
    if (!*memory)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        refs[i] = 900 + i;
    return 0;
}

void xen_shared_pages_free(struct xen_shared_pages *pages, void *memory)
{
    (void)pages;
    free(memory);
}

uint32_t xen_shared_pages_limit(void)
{
    return 1024;
}

/* ---- dma-bufs ---- */

struct xen_dma_bufs *xen_dma_bufs_open(uint32_t domid)
{
    return open_part("dma_bufs_open", domid);
}

void xen_dma_bufs_close(struct xen_dma_bufs *bufs)
{
    close_part(bufs);
}

int xen_dma_bufs_export(struct xen_dma_bufs *bufs, const uint32_t *refs, uint32_t count, int *fd,
                        int *key)
{
    (void)bufs;
    if (count > 8)
        abort();
    memcpy(fake_parts->exported_refs, refs, count * sizeof(*refs));
    fake_parts->exported = count;
    *fd = 61;
    *key = 62;
    return check("dma_bufs_export");
}

bool xen_dma_bufs_released(struct xen_dma_bufs *bufs, int key)
{
    (void)bufs;
    return key == 62 && !fake_parts->in_use;
}

void xen_dma_bufs_forget(int key)
{
    fake_parts->forgotten = key;
}

int xen_dma_bufs_grant(struct xen_dma_bufs *bufs, int fd, uint32_t count, uint32_t *refs)
{
    (void)bufs;
    fake_parts->granted_fd = fd;
    for (uint32_t i = 0; i < count; i++)
        refs[i] = 700 + i;
    return check("dma_bufs_grant");
}

void xen_dma_bufs_revoke(struct xen_dma_bufs *bufs, int fd)
{
    (void)bufs;
    fake_parts->revoked_fd = fd;
}
