/* SPDX-License-Identifier: MIT */
#include "vtest_socket.h"

#include <errno.h>
#include <sys/socket.h>

#include "fd_message.h"

bool vtest_send(int socket, const void *data, size_t size)
{
    while (size) {
        const ssize_t n = send(socket, data, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data = (const char *)data + n;
        size -= n;
    }
    return true;
}

bool vtest_send_fd(int socket, const void *data, size_t size, int fd)
{
    /* Two messages, since the client read()s the words and would lose a descriptor beside them;
     * but one system call. */
    char byte = 0;
    union fd_room room;
    struct iovec words = {.iov_base = (void *)data, .iov_len = size};
    struct iovec extra = {.iov_base = &byte, .iov_len = 1};
    struct mmsghdr messages[2] = {
        {.msg_hdr = {.msg_iov = &words, .msg_iovlen = 1}},
        {.msg_hdr = {.msg_iov = &extra, .msg_iovlen = 1}},
    };
    if (fd >= 0)
        fd_message_attach(&messages[1].msg_hdr, &room, fd);
    int done = 0;
    while (done < 2) {
        const int n = sendmmsg(socket, messages + done, 2 - done, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        done += n; /* a few words are one buffer of the kernel's: sent whole or not at all */
    }
    return true;
}

void vtest_send_zeros(int socket)
{
    static const char zeros[512]; /* more than the largest reply */
    /* A client that does not read is not waiting for a reply either. */
    ssize_t n = send(socket, zeros, sizeof(zeros), MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)n;
}

bool vtest_report_send(int control, const struct vtest_report *report, int fd)
{
    return !fd_message_send(control, report, sizeof(*report), fd, 0);
}

bool vtest_report_receive(int control, struct vtest_report *report, int *fd)
{
    const int result = fd_message_receive(control, report, sizeof(*report), fd, MSG_DONTWAIT);
    const bool bad = result == -EPROTO || result == -EMFILE;
    if (result <= 0 && !bad)
        return false;
    if (bad)
        report->type = UINT32_MAX;
    report->name[sizeof(report->name) - 1] = '\0';
    return true;
}
