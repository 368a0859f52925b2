/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "venus.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

/*
 * The client gets this file, too.  Were it not sealed, the client could shrink it while we have it
 * mapped, and our next access would raise SIGBUS.
 */
static int create_file(uint64_t size)
{
    int fd = memfd_create("venus", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL) /* an older kernel */
        fd = memfd_create("venus", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)size) ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
        const int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

static int memfd_alloc(void *user, uint64_t size, struct venus_pages *pages)
{
    (void)user;
    const uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    if (!size)
        return -EINVAL;
    if (size > (uint64_t)INT64_MAX - page_size || size > SIZE_MAX - page_size)
        return -ENOMEM;
    size = (size + page_size - 1) & ~(page_size - 1);

    const int fd = create_file(size);
    if (fd < 0)
        return fd;
    void *ptr = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (ptr == MAP_FAILED) {
        const int error = -errno;
        close(fd);
        return error;
    }
    *pages = (struct venus_pages){.ptr = ptr, .size = (size_t)size, .fd = fd};
    return 0;
}

static void memfd_free(void *user, struct venus_pages *pages)
{
    (void)user;
    if (!pages->ptr)
        return;
    munmap(pages->ptr, pages->size);
    close(pages->fd);
    memset(pages, 0, sizeof(*pages));
}

const struct venus_memory_provider venus_memfd_provider = {
    .alloc = memfd_alloc,
    .free = memfd_free,
    .reuse = true,
};
