/* SPDX-License-Identifier: MIT */
#include "window.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/gntdev.h>

#define PAGE_SIZE 4096u
#define ALIGNMENT (2u << 20)

/* Pages in one call: what gntdev takes at most unless its parameter `limit` was changed. */
#define CHUNK 65536u

/* Of /dev/xen/privcmd; the kernel's header cannot be used outside of it. */
struct map_batch {
    unsigned int count;
    domid_t domid;
    uint64_t address;
    const xen_pfn_t *frames;
    int *errors; /* one for each frame */
};
#define PRIVCMD_MAP_BATCH _IOC(_IOC_NONE, 'P', 4, sizeof(struct map_batch))
#define PRIVCMD_RESTRICT  _IOC(_IOC_NONE, 'P', 6, sizeof(domid_t))

struct xen_window {
    enum xen_window_kind kind;
    domid_t domid;
    int fd;
    uint64_t *pages;
    size_t count;
    char *memory;
};

static int open_device(const struct xen_window *window)
{
    const bool grant = window->kind == XEN_WINDOW_GRANT;
    const int fd = open(grant ? "/dev/xen/gntdev" : "/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
    if (fd >= 0 && !grant && ioctl(fd, PRIVCMD_RESTRICT, &window->domid)) {
        const int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

struct xen_window *xen_window_open(enum xen_window_kind kind, uint32_t domid)
{
    struct xen_window *window = calloc(1, sizeof(*window));
    if (!window)
        return NULL;
    window->kind = kind;
    window->domid = (domid_t)domid;
    window->fd = open_device(window);
    if (window->fd < 0) {
        const int error = errno;
        free(window);
        errno = error;
        return NULL;
    }
    return window;
}

static void unmap(struct xen_window *window)
{
    if (window->memory)
        munmap(window->memory, window->count * PAGE_SIZE);
    window->memory = NULL;
}

void xen_window_close(struct xen_window *window)
{
    if (!window)
        return;
    unmap(window);
    close(window->fd);
    free(window->pages);
    free(window);
}

/* ---- one chunk ---- */

static int map_granted(const struct xen_window *window, char *at, const uint64_t *pages,
                       uint32_t count)
{
    struct ioctl_gntdev_map_grant_ref *map =
        calloc(1, sizeof(*map) + (count - 1) * sizeof(map->refs[0]));
    if (!map)
        return -ENOMEM;
    map->count = count;
    for (uint32_t i = 0; i < count; i++) {
        map->refs[i].domid = window->domid;
        map->refs[i].ref = (uint32_t)pages[i];
    }
    int error = 0;
    if (ioctl(window->fd, IOCTL_GNTDEV_MAP_GRANT_REF, map) ||
        mmap(at, (size_t)count * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
             window->fd, (off_t)map->index) == MAP_FAILED)
        error = -errno;
    free(map);
    return error;
}

static int map_frames(const struct xen_window *window, char *at, const xen_pfn_t *frames,
                      int *errors, uint32_t count)
{
    const struct map_batch batch = {
        .count = count,
        .domid = window->domid,
        .address = (uintptr_t)at,
        .frames = frames,
        .errors = errors,
    };
    if (mmap(at, (size_t)count * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
             window->fd, 0) == MAP_FAILED ||
        ioctl(window->fd, PRIVCMD_MAP_BATCH, &batch))
        return -errno;
    for (uint32_t i = 0; i < count; i++)
        if (errors[i])
            return errors[i];
    return 0;
}

static int map_foreign(const struct xen_window *window, char *at, const uint64_t *pages,
                       uint32_t count)
{
    xen_pfn_t *frames = malloc(count * sizeof(*frames));
    int *errors = calloc(count, sizeof(*errors));
    int error = -ENOMEM;
    if (frames && errors) {
        for (uint32_t i = 0; i < count; i++)
            frames[i] = (xen_pfn_t)pages[i];
        error = map_frames(window, at, frames, errors, count);
    }
    free(errors);
    free(frames);
    return error;
}

/* ---- all ---- */

/* An aligned range of addresses with nothing in it. */
static char *reserve(size_t size)
{
    char *start =
        mmap(NULL, size + ALIGNMENT, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED)
        return NULL;
    const size_t before = -(uintptr_t)start & (ALIGNMENT - 1);
    if (before)
        munmap(start, before);
    munmap(start + before + size, ALIGNMENT - before);
    return start + before;
}

static int map_all(struct xen_window *window)
{
    window->memory = reserve(window->count * PAGE_SIZE);
    if (!window->memory)
        return -ENOMEM;
    for (size_t done = 0; done < window->count; done += CHUNK) {
        const size_t left = window->count - done;
        const uint32_t count = left < CHUNK ? (uint32_t)left : CHUNK;
        char *at = window->memory + done * PAGE_SIZE;
        const int error = window->kind == XEN_WINDOW_GRANT
                              ? map_granted(window, at, window->pages + done, count)
                              : map_foreign(window, at, window->pages + done, count);
        if (error) {
            unmap(window);
            return error;
        }
    }
    return 0;
}

/* Map one page of a foreign window for a moment, and set `bits` in its word at `offset`. */
static int visit(const struct xen_window *window, size_t page, size_t offset, uint32_t bits)
{
    char *at = mmap(NULL, PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return -errno;
    const xen_pfn_t frame = window->pages[page];
    int page_error = 0;
    const int error = map_frames(window, at, &frame, &page_error, 1);
    if (!error)
        atomic_fetch_or((_Atomic uint32_t *)(void *)(at + offset), bits);
    munmap(at, PAGE_SIZE);
    return error;
}

int xen_window_map(struct xen_window *window, const uint64_t *pages, size_t count)
{
    if (window->pages || !count || count > SIZE_MAX / PAGE_SIZE / 2)
        return -EINVAL;
    window->pages = malloc(count * sizeof(*pages));
    if (!window->pages)
        return -ENOMEM;
    memcpy(window->pages, pages, count * sizeof(*pages));
    window->count = count;
    /* Foreign pages are mapped in the processes that use them, but that it works is seen here. */
    const int error =
        window->kind == XEN_WINDOW_GRANT ? map_all(window) : visit(window, count - 1, 0, 0);
    if (error) {
        free(window->pages);
        window->pages = NULL;
    }
    return error;
}

void *xen_window_memory(const struct xen_window *window)
{
    return window->memory;
}

int xen_window_refs(const struct xen_window *window, size_t first, size_t count, uint32_t *refs)
{
    if (window->kind != XEN_WINDOW_GRANT || !window->pages || first > window->count ||
        count > window->count - first)
        return -EINVAL;
    for (size_t i = 0; i < count; i++)
        refs[i] = (uint32_t)window->pages[first + i];
    return 0;
}

int xen_window_set_bits(const struct xen_window *window, uint64_t offset, uint32_t bits)
{
    const uint64_t page = offset / PAGE_SIZE;
    if (!window->pages || offset % sizeof(bits) || page >= window->count)
        return -EINVAL;
    if (!window->memory)
        return visit(window, page, offset % PAGE_SIZE, bits);
    atomic_fetch_or((_Atomic uint32_t *)(void *)(window->memory + offset), bits);
    return 0;
}

int xen_window_enter_child(struct xen_window *window)
{
    unsigned char resident;
    if (!window->pages)
        return -EINVAL;
    /* Fails for a map that the fork has left out. */
    if (window->memory && !mincore(window->memory, PAGE_SIZE, &resident))
        return 0;
    window->memory = NULL;
    if (window->kind == XEN_WINDOW_GRANT) {
        close(window->fd); /* bound to the memory of the process that opened it */
        window->fd = open_device(window);
        if (window->fd < 0)
            return -errno;
    }
    return map_all(window);
}
