/* SPDX-License-Identifier: MIT */
#include "dma_buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <xengnttab.h>
#include <xentoollog.h>

struct xen_dma_bufs {
    xentoollog_logger *logger;
    xengnttab_handle *handle;
    int placeholder; /* any file */
    uint32_t domid;
};

/* The negative errno of a call of the library that has failed. */
static int failed(void)
{
    return errno ? -errno : -EIO;
}

struct xen_dma_bufs *xen_dma_bufs_open(uint32_t domid)
{
    struct xen_dma_bufs *bufs = calloc(1, sizeof(*bufs));
    if (!bufs)
        return NULL;
    bufs->domid = domid;
    /* Errors are for the caller to tell, and some are none. */
    bufs->logger = (xentoollog_logger *)xtl_createlogger_stdiostream(stderr, XTL_CRITICAL, 0);
    bufs->placeholder = eventfd(0, EFD_CLOEXEC);
    if (bufs->logger && bufs->placeholder >= 0)
        bufs->handle = xengnttab_open(bufs->logger, 0);
    if (!bufs->handle) {
        const int error = errno;
        xen_dma_bufs_close(bufs);
        errno = error;
        return NULL;
    }
    return bufs;
}

void xen_dma_bufs_close(struct xen_dma_bufs *bufs)
{
    if (!bufs)
        return;
    if (bufs->handle)
        xengnttab_close(bufs->handle);
    if (bufs->logger)
        xtl_logger_destroy(bufs->logger);
    if (bufs->placeholder >= 0)
        close(bufs->placeholder);
    free(bufs);
}

int xen_dma_bufs_export(struct xen_dma_bufs *bufs, const uint32_t *refs, uint32_t count, int *fd,
                        int *key)
{
    uint32_t made;
    if (!count)
        return -EINVAL;
    errno = 0;
    if (xengnttab_dmabuf_exp_from_refs(bufs->handle, bufs->domid, 0, count, refs, &made))
        return failed();
    /* The kernel knows the dma-buf by the number that it had here first.  Somebody else must not
     * get that number, and we must not keep the dma-buf in use: another file takes its place. */
    *key = (int)made;
    *fd = fcntl(*key, F_DUPFD_CLOEXEC, 0);
    if (*fd >= 0 && dup3(bufs->placeholder, *key, O_CLOEXEC) == *key)
        return 0;
    const int error = failed();
    if (*fd >= 0)
        close(*fd);
    close(*key);
    return error;
}

bool xen_dma_bufs_released(struct xen_dma_bufs *bufs, int key)
{
    if (xengnttab_dmabuf_exp_wait_released(bufs->handle, (uint32_t)key, 0) && errno != ENOENT)
        return false;
    close(key);
    return true;
}

void xen_dma_bufs_forget(int key)
{
    close(key);
}

int xen_dma_bufs_grant(struct xen_dma_bufs *bufs, int fd, uint32_t count, uint32_t *refs)
{
    if (!count)
        return -EINVAL;
    errno = 0;
    return xengnttab_dmabuf_imp_to_refs(bufs->handle, bufs->domid, (uint32_t)fd, count, refs)
               ? failed()
               : 0;
}

void xen_dma_bufs_revoke(struct xen_dma_bufs *bufs, int fd)
{
    xengnttab_dmabuf_imp_release(bufs->handle, (uint32_t)fd);
}
