/* SPDX-License-Identifier: MIT */
#include "shared_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/gntalloc.h>

#define PAGE_SIZE 4096u

/* What one call got. */
struct run {
    struct run *next;
    void *memory;
    uint64_t index; /* the kernel's name for it */
    uint32_t count;
};

struct xen_shared_pages {
    int fd;
    uint16_t domid;
    pthread_mutex_t lock;
    struct run *runs;
};

struct xen_shared_pages *xen_shared_pages_open(uint32_t domid)
{
    struct xen_shared_pages *pages = calloc(1, sizeof(*pages));
    if (!pages)
        return NULL;
    pages->domid = (uint16_t)domid;
    pages->fd = open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC);
    if (pages->fd < 0) {
        const int error = errno;
        free(pages);
        errno = error;
        return NULL;
    }
    pthread_mutex_init(&pages->lock, NULL);
    return pages;
}

static void deallocate(struct xen_shared_pages *pages, uint64_t index, uint32_t count)
{
    struct ioctl_gntalloc_dealloc_gref dealloc = {.index = index, .count = count};
    ioctl(pages->fd, IOCTL_GNTALLOC_DEALLOC_GREF, &dealloc);
}

static void free_run(struct xen_shared_pages *pages, struct run *run)
{
    munmap(run->memory, (size_t)run->count * PAGE_SIZE);
    deallocate(pages, run->index, run->count);
    free(run);
}

void xen_shared_pages_close(struct xen_shared_pages *pages)
{
    if (!pages)
        return;
    while (pages->runs) {
        struct run *run = pages->runs;
        pages->runs = run->next;
        free_run(pages, run);
    }
    pthread_mutex_destroy(&pages->lock);
    close(pages->fd);
    free(pages);
}

int xen_shared_pages_fd(const struct xen_shared_pages *pages)
{
    return pages->fd;
}

/* Allocate and map. */
static int fill_run(struct xen_shared_pages *pages, struct run *run, uint32_t *refs)
{
    struct ioctl_gntalloc_alloc_gref *alloc =
        calloc(1, sizeof(*alloc) + (run->count - 1) * sizeof(alloc->gref_ids[0]));
    if (!alloc)
        return -ENOMEM;
    alloc->domid = pages->domid;
    alloc->flags = GNTALLOC_FLAG_WRITABLE;
    alloc->count = run->count;
    int error = 0;
    if (ioctl(pages->fd, IOCTL_GNTALLOC_ALLOC_GREF, alloc)) {
        error = -errno;
    } else {
        run->index = alloc->index;
        memcpy(refs, alloc->gref_ids, run->count * sizeof(*refs));
        run->memory = mmap(NULL, (size_t)run->count * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
                           pages->fd, (off_t)run->index);
        if (run->memory == MAP_FAILED) {
            error = -errno;
            deallocate(pages, run->index, run->count);
        }
    }
    free(alloc);
    return error;
}

int xen_shared_pages_alloc(struct xen_shared_pages *pages, uint32_t count, void **memory,
                           uint32_t *refs)
{
    if (!count)
        return -EINVAL;
    struct run *run = calloc(1, sizeof(*run));
    if (!run)
        return -ENOMEM;
    run->count = count;
    const int error = fill_run(pages, run, refs);
    if (error) {
        free(run);
        return error;
    }
    *memory = run->memory;
    pthread_mutex_lock(&pages->lock);
    run->next = pages->runs;
    pages->runs = run;
    pthread_mutex_unlock(&pages->lock);
    return 0;
}

void xen_shared_pages_free(struct xen_shared_pages *pages, void *memory)
{
    pthread_mutex_lock(&pages->lock);
    struct run **link = &pages->runs;
    while (*link && (*link)->memory != memory)
        link = &(*link)->next;
    struct run *run = *link;
    if (run)
        *link = run->next;
    pthread_mutex_unlock(&pages->lock);
    if (run)
        free_run(pages, run);
}

uint32_t xen_shared_pages_limit(void)
{
    unsigned int limit = 0;
    FILE *file = fopen("/sys/module/xen_gntalloc/parameters/limit", "re");
    if (!file)
        return 0;
    if (fscanf(file, "%u", &limit) != 1)
        limit = 0;
    fclose(file);
    return limit;
}
