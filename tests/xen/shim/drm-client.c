/* SPDX-License-Identifier: MIT */
/*
 * drm-client ACTION...: uses a virtio-gpu device directly, with fake-backend at its other end.
 *
 *   blobs BYTES COUNT   create, map, check, fill and free so many blobs of host memory
 *   exec BYTES COUNT    submit so many command streams and wait for each
 *   burst BYTES COUNT   submit so many without waiting, and wait for all
 *   guest BYTES         create, map, check and free a blob of the guest's memory
 *   keep FIFO           keep blobs of both kinds and the device open until FIFO is written to
 *
 * Prints what happened to each action: "ACTION: ok", "ACTION: ERROR" or the like.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drm/virtgpu_drm.h>

#define VENUS_CAPSET  4
#define FENCE_SECONDS 60
#define MAX_FENCES    4096

struct blob {
    uint32_t handle;
    uint32_t *memory;
    size_t size;
};

static int device = -1;

/* 0 or a negative errno. */
static int command(unsigned long request, void *data)
{
    return ioctl(device, request, data) ? -errno : 0;
}

static int open_device(void)
{
    struct drm_virtgpu_context_set_param param = {
        .param = VIRTGPU_CONTEXT_PARAM_CAPSET_ID,
        .value = VENUS_CAPSET,
    };
    struct drm_virtgpu_context_init init = {
        .num_params = 1,
        .ctx_set_params = (uintptr_t)&param,
    };
    char path[32];
    for (int i = 128; i < 136 && device < 0; i++) {
        snprintf(path, sizeof(path), "/dev/dri/renderD%d", i);
        device = open(path, O_RDWR | O_CLOEXEC);
    }
    return device < 0 ? -errno : command(DRM_IOCTL_VIRTGPU_CONTEXT_INIT, &init);
}

static int create_blob(struct blob *blob, uint32_t kind, size_t size)
{
    struct drm_virtgpu_resource_create_blob create = {
        .blob_mem = kind,
        .blob_flags = VIRTGPU_BLOB_FLAG_USE_MAPPABLE,
        .size = size,
    };
    struct drm_virtgpu_map map = {0};
    int error = command(DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, &create);
    if (error)
        return error;
    blob->handle = create.bo_handle;
    blob->size = size;
    map.handle = create.bo_handle;
    error = command(DRM_IOCTL_VIRTGPU_MAP, &map);
    if (error)
        return error;
    blob->memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, device, (off_t)map.offset);
    return blob->memory == MAP_FAILED ? -errno : 0;
}

static int destroy_blob(struct blob *blob)
{
    struct drm_gem_close close = {.handle = blob->handle};
    munmap(blob->memory, blob->size);
    return command(DRM_IOCTL_GEM_CLOSE, &close);
}

/* As the device has filled it; then as the device will check it. */
static int use_blob(struct blob *blob)
{
    volatile uint32_t *memory = blob->memory;
    for (uint32_t i = 0; i < blob->size / 4; i++)
        if (memory[i] != i)
            return -EILSEQ;
    for (uint32_t i = 0; i < blob->size / 4; i++)
        memory[i] = ~i;
    return 0;
}

static int blobs(size_t size, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct blob blob;
        int error = create_blob(&blob, VIRTGPU_BLOB_MEM_HOST3D, size);
        if (!error)
            error = use_blob(&blob);
        if (!error)
            error = destroy_blob(&blob);
        if (error)
            return error;
    }
    return 0;
}

static int submit(size_t size, int *fence)
{
    uint32_t *words = malloc(size);
    for (uint32_t i = 0; words && i < size / 4; i++)
        words[i] = i;
    struct drm_virtgpu_execbuffer exec = {
        .flags = VIRTGPU_EXECBUF_FENCE_FD_OUT,
        .size = (uint32_t)size,
        .command = (uintptr_t)words,
        .fence_fd = -1,
    };
    const int error = words ? command(DRM_IOCTL_VIRTGPU_EXECBUFFER, &exec) : -ENOMEM;
    *fence = exec.fence_fd;
    free(words);
    return error;
}

static int wait_for(int fence)
{
    struct pollfd fd = {.fd = fence, .events = POLLIN};
    const int ready = poll(&fd, 1, FENCE_SECONDS * 1000);
    close(fence);
    return ready == 1 ? 0 : -ETIMEDOUT;
}

static int exec(size_t size, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        int fence;
        int error = submit(size, &fence);
        if (!error)
            error = wait_for(fence);
        if (error)
            return error;
    }
    return 0;
}

/* Its pages are granted; the device has written to them once a later request is answered. */
static int guest(size_t size)
{
    struct blob blob;
    int error = create_blob(&blob, VIRTGPU_BLOB_MEM_GUEST, size);
    if (!error)
        error = exec(64, 1);
    if (!error)
        error = use_blob(&blob);
    return error ? error : destroy_blob(&blob);
}

static int burst(size_t size, unsigned count)
{
    static int fences[MAX_FENCES];
    unsigned submitted = 0;
    int error = 0;
    while (!error && submitted < count && submitted < MAX_FENCES)
        error = submit(size, &fences[submitted++]);
    if (error)
        submitted--;
    for (unsigned i = 0; i < submitted; i++) {
        const int late = wait_for(fences[i]);
        error = late ? late : error;
    }
    return error;
}

static int keep(const char *path)
{
    struct blob blob, granted;
    char byte;
    int error = create_blob(&blob, VIRTGPU_BLOB_MEM_HOST3D, 1 << 20);
    if (!error)
        error = create_blob(&granted, VIRTGPU_BLOB_MEM_GUEST, 1 << 20);
    if (!error)
        error = use_blob(&blob);
    if (error)
        return error;
    puts("keep: mapped");
    fflush(stdout);
    const int fifo = open(path, O_RDONLY | O_CLOEXEC);
    if (fifo < 0 || read(fifo, &byte, 1) < 0)
        return -errno;
    error = exec(64, 1);
    printf("keep: %s\n", error ? strerror(-error) : "still there");
    return 0;
}

static int act(char **words, int *used)
{
    const char *word = words[0];
    const size_t size = words[1] ? strtoull(words[1], NULL, 0) : 0;
    *used = 2;
    if (words[1] && strcmp(word, "guest") == 0)
        return guest(size);
    if (words[1] && strcmp(word, "keep") == 0)
        return keep(words[1]);
    *used = 3;
    const unsigned count = words[1] && words[2] ? (unsigned)strtoul(words[2], NULL, 0) : 0;
    if (count && strcmp(word, "blobs") == 0)
        return blobs(size, count);
    if (count && strcmp(word, "exec") == 0)
        return exec(size, count);
    if (count && strcmp(word, "burst") == 0)
        return burst(size, count);
    fprintf(stderr, "unknown action %s\n", word);
    exit(2);
}

int main(int argc, char **argv)
{
    int status = 0;
    int error = open_device();
    if (error) {
        printf("open: %s\n", strerror(-error));
        return 1;
    }
    for (int i = 1, used; i < argc; i += used) {
        error = act(argv + i, &used);
        printf("%s: %s\n", argv[i], error ? strerror(-error) : "ok");
        fflush(stdout);
        status |= error != 0;
    }
    return status;
}
