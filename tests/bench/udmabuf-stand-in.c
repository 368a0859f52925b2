/* SPDX-License-Identifier: MIT */
/*
 * Preload object that gives a process a working /dev/udmabuf where the kernel has none.
 *
 * virglrenderer's vtest server can only hand out host-visible memory as dma-bufs. With a software
 * driver the only source of these is /dev/udmabuf, which many kernels and every container lack. To
 * compare with that server anyway, this object, preloaded into the server alone, answers
 *
 *   open("/dev/udmabuf")      with a memfd that has a name of its own, and
 *   ioctl(UDMABUF_CREATE)     on such a memfd with a duplicate of the caller's memfd.
 *
 * A software driver only seeks and maps what it takes for a dma-buf, and a memfd can do both. It is
 * no substitute for anything else: a driver of real hardware refuses it.
 *
 * Nothing is remembered between calls: a "device" is recognised by the name of its memfd, so
 * dup(), fork() and fd passing just work.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#define DEVICE_PATH "/dev/udmabuf"
#define DEVICE_NAME "udmabuf-stand-in"

/* The next definition of a libc function; every one that is asked for here exists in libc. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Is this the path that we answer for? */
static int is_device_path(const char *path)
{
    return path && strcmp(path, DEVICE_PATH) == 0;
}

/* A new "device"; -1 and errno if the machine is out of memory or of descriptors. */
static int open_device(int flags)
{
    return memfd_create(DEVICE_NAME, flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
}

/* Did open_device() make this descriptor, here or in a parent? */
static int is_device_fd(int fd)
{
    static const char expected[] = "/memfd:" DEVICE_NAME;
    char link[64], target[128];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, target, sizeof(target));
    return length >= (ssize_t)sizeof(expected) - 1 &&
           memcmp(target, expected, sizeof(expected) - 1) == 0;
}

/* UDMABUF_CREATE, with the checks that the kernel makes; only whole files from offset 0. */
static int create_buffer(const struct udmabuf_create *create)
{
    off_t size = lseek((int)create->memfd, 0, SEEK_END);
    int seals = fcntl((int)create->memfd, F_GET_SEALS);

    if (size < 0 || seals < 0)
        return -1;
    if (create->offset != 0 || create->size == 0 || create->size > (__u64)size ||
        create->size % (__u64)getpagesize() != 0 || !(seals & F_SEAL_SHRINK) ||
        (seals & F_SEAL_WRITE)) {
        errno = EINVAL;
        return -1;
    }
    int duplicate = create->flags & UDMABUF_FLAGS_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD;
    return fcntl((int)create->memfd, duplicate, 3);
}

/* The mode argument of open() and its kin, which is only there with O_CREAT or O_TMPFILE. */
#define MODE_ARGUMENT(last, flags)                          \
    ({                                                      \
        mode_t mode_ = 0;                                   \
        if ((flags) & (O_CREAT | __O_TMPFILE)) {            \
            va_list ap_;                                    \
            va_start(ap_, last);                            \
            mode_ = va_arg(ap_, mode_t);                    \
            va_end(ap_);                                    \
        }                                                   \
        mode_;                                              \
    })

int open(const char *path, int flags, ...)
{
    mode_t mode = MODE_ARGUMENT(flags, flags);
    return is_device_path(path) ? open_device(flags) : NEXT(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    mode_t mode = MODE_ARGUMENT(flags, flags);
    return is_device_path(path) ? open_device(flags) : NEXT(open64)(path, flags, mode);
}

/* What open() with constant flags becomes with _FORTIFY_SOURCE. */
int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags)
{
    return open(path, flags);
}

int __open64_2(const char *path, int flags);
int __open64_2(const char *path, int flags)
{
    return open64(path, flags);
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list ap;
    va_start(ap, request);
    void *argument = va_arg(ap, void *);
    va_end(ap);

    if (request == UDMABUF_CREATE && is_device_fd(fd))
        return create_buffer(argument);
    return NEXT(ioctl)(fd, request, argument);
}
