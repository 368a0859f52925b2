/* SPDX-License-Identifier: MIT */
/*
 * A stand-in for the renderer library, to test the vtest server alone.  It needs no driver, and its
 * "commands" make it do at will what a renderer does by accident; see fake-renderer.h.
 */
#include "fake-renderer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "venus.h"

#define MAX_BLOBS 64

struct fake_fence {
    struct fake_fence *next;
    uint32_t ring_idx;
    uint64_t id;
};

struct venus_renderer {
    struct venus_renderer_params params;
};

struct venus_context {
    const struct venus_context_events *events;
    void *user;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool fatal, stopping;
    int blobs[MAX_BLOBS]; /* by resource id; 0: none */
    int ring_fd;          /* of the last ring, 0: none */
    uint64_t ring_status;
    struct fake_fence *fences;
    pthread_t thread; /* retires the fences of timeline 1 */
};

void venus_log_set(venus_log_fn fn, enum venus_log_level max_level)
{
    (void)fn;
    (void)max_level;
}

struct venus_renderer *venus_renderer_create(const struct venus_renderer_params *params)
{
    struct venus_renderer *renderer = malloc(sizeof(*renderer));
    if (renderer)
        renderer->params = *params;
    return renderer;
}

void venus_renderer_destroy(struct venus_renderer *renderer)
{
    free(renderer);
}

int venus_renderer_list_gpus(struct venus_renderer *renderer, struct venus_gpu *gpus, int max)
{
    static const struct venus_gpu all[] = {
        {.index = 0,
         .name = "Fake Alpha 100",
         .driver = "fake 1.0",
         .uuid = {0xa1, [15] = 0x01},
         .pci = "0000:01:00.0",
         .type = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU,
         .api_version = VK_MAKE_API_VERSION(0, 1, 3, 7),
         .memory_path = "host-import"},
        {.index = 1,
         .name = "Fake Alpha 200",
         .driver = "fake 1.0",
         .uuid = {0xa2, [15] = 0x02},
         .pci = "0000:02:00.0",
         .type = VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU,
         .api_version = VK_MAKE_API_VERSION(0, 1, 2, 0),
         .memory_path = "dma-buf"},
        {.index = 2,
         .name = "Fake Beta",
         .driver = "fake 1.0",
         .uuid = {0xb1, [15] = 0x03},
         .type = VK_PHYSICAL_DEVICE_TYPE_CPU,
         .api_version = VK_MAKE_API_VERSION(0, 1, 1, 0),
         .unusable = "it takes in nothing and gives out nothing"},
    };
    const char *mode = getenv("FAKE_GPUS");
    (void)renderer;
    if (mode && !strcmp(mode, "crash"))
        abort();
    if (mode && !strcmp(mode, "hang"))
        raise(SIGALRM); /* as after a time that no test waits for */
    if (mode && !strcmp(mode, "lost"))
        return VK_ERROR_DEVICE_LOST;
    if (mode && !strcmp(mode, "no-driver"))
        return VK_ERROR_INCOMPATIBLE_DRIVER;
    if (mode && !strcmp(mode, "none"))
        return 0;
    const int first = mode && !strcmp(mode, "unusable") ? 2 : 0, count = 3 - first;
    memcpy(gpus, all + first, (count < max ? count : max) * sizeof(*gpus));
    return count;
}

void venus_capset_fill(uint8_t capset[VENUS_CAPSET_SIZE], bool guest_vram)
{
    (void)guest_vram;
    for (int i = 0; i < VENUS_CAPSET_SIZE; i++)
        capset[i] = i;
}

static void *retire_thread(void *arg)
{
    struct venus_context *c = arg;
    pthread_mutex_lock(&c->lock);
    while (!c->stopping) {
        struct fake_fence **link = &c->fences, *fence;
        while ((fence = *link) && fence->ring_idx != 1)
            link = &fence->next;
        if (!fence) {
            pthread_cond_wait(&c->changed, &c->lock);
            continue;
        }
        *link = fence->next;
        pthread_mutex_unlock(&c->lock);
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
        c->events->fence_retired(c->user, fence->ring_idx, fence->id);
        free(fence);
        pthread_mutex_lock(&c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

struct venus_context *venus_context_create(struct venus_renderer *renderer, const char *name,
                                           const struct venus_context_events *events, void *user)
{
    (void)renderer;
    (void)name;
    struct venus_context *c = calloc(1, sizeof(*c));
    c->events = events;
    c->user = user;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    pthread_create(&c->thread, NULL, retire_thread, c);
    return c;
}

void venus_context_fail(struct venus_context *c)
{
    pthread_mutex_lock(&c->lock);
    const bool first = !c->fatal;
    c->fatal = true;
    if (first && c->ring_fd) {
        const uint32_t fatal = FAKE_RING_FATAL;
        if (pwrite(c->ring_fd, &fatal, 4, c->ring_status) != 4)
            abort();
    }
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    if (first)
        c->events->fatal(c->user);
}

void venus_context_destroy(struct venus_context *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    while (c->fences) {
        struct fake_fence *fence = c->fences;
        c->fences = fence->next;
        free(fence);
    }
    for (int i = 0; i < MAX_BLOBS; i++) {
        if (c->blobs[i])
            close(c->blobs[i]);
    }
    if (c->ring_fd)
        close(c->ring_fd);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static bool run_command(struct venus_context *c, const uint32_t *words)
{
    switch (words[0]) {
    case FAKE_NOP:
        return true;
    case FAKE_CRASH:
        raise(SIGSEGV);
        return false;
    case FAKE_FATAL:
        venus_context_fail(c);
        return false;
    case FAKE_RING:
        c->ring_fd = dup(c->blobs[words[1]]);
        c->ring_status = words[2];
        c->events->ring_created(c->user, &(const struct venus_pages){.fd = c->ring_fd},
                                c->ring_status);
        return true;
    case FAKE_BLOCK:
        pthread_mutex_lock(&c->lock);
        while (!c->fatal)
            pthread_cond_wait(&c->changed, &c->lock);
        pthread_mutex_unlock(&c->lock);
        return false;
    case FAKE_HANG:
        for (;;)
            pause();
    default:
        venus_context_fail(c);
        return false;
    }
}

bool venus_context_submit(struct venus_context *c, const void *commands, size_t size)
{
    const uint32_t *words = commands;
    if (((uintptr_t)commands | size) % 4)
        abort();
    for (size_t i = 0; i < size / 4; i += FAKE_COMMAND_WORDS) {
        if (c->fatal || !run_command(c, words + i))
            return false;
    }
    return true;
}

int venus_context_create_blob(struct venus_context *c, uint32_t res_id, uint64_t blob_id,
                              uint64_t size, uint32_t flags, struct venus_blob *blob)
{
    (void)flags;
    if (!res_id || res_id >= MAX_BLOBS || c->blobs[res_id])
        abort(); /* the server broke its promise */
    if (blob_id == FAKE_BAD_BLOB)
        return -EINVAL;
    c->blobs[res_id] = memfd_create("fake", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (ftruncate(c->blobs[res_id], size))
        return -ENOMEM;
    blob->fd = dup(c->blobs[res_id]);
    blob->size = size;
    blob->cache = VENUS_MAP_CACHED;
    return 0;
}

int venus_context_unref_resource(struct venus_context *c, uint32_t res_id)
{
    if (res_id >= MAX_BLOBS || !c->blobs[res_id])
        return -ENOENT;
    close(c->blobs[res_id]);
    c->blobs[res_id] = 0;
    return 0;
}

int venus_context_create_fence(struct venus_context *c, uint32_t ring_idx, uint64_t fence_id)
{
    if (ring_idx > 3)
        return -EINVAL;
    if (!ring_idx) {
        c->events->fence_retired(c->user, ring_idx, fence_id);
        return 0;
    }
    struct fake_fence *fence = malloc(sizeof(*fence));
    *fence = (struct fake_fence){.ring_idx = ring_idx, .id = fence_id};
    pthread_mutex_lock(&c->lock);
    fence->next = c->fences;
    c->fences = fence;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    return 0;
}

/* Retires those of timeline 3, which nobody else does. */
void venus_context_poll_fences(struct venus_context *c)
{
    struct fake_fence **link = &c->fences, *fence;
    pthread_mutex_lock(&c->lock);
    while ((fence = *link)) {
        if (fence->ring_idx != 3) {
            link = &fence->next;
            continue;
        }
        *link = fence->next;
        c->events->fence_retired(c->user, fence->ring_idx, fence->id);
        free(fence);
    }
    pthread_mutex_unlock(&c->lock);
}

bool venus_context_is_fatal(struct venus_context *c)
{
    return c->fatal;
}
