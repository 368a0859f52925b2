/* SPDX-License-Identifier: MIT */
/* Sending on the sockets of the vtest server: to the client, and from a client's process to the
 * daemon. */
#ifndef VTEST_SOCKET_H
#define VTEST_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Send all bytes to the client. False when it has gone. */
bool vtest_send(int socket, const void *data, size_t size);

/* Send bytes and one more, to which a copy of `fd` is attached; -1 attaches nothing, which Mesa
 * takes as a failure.  False when the client has gone, or the descriptor cannot be sent. */
bool vtest_send_fd(int socket, const void *data, size_t size, int fd);

/*
 * The last thing to send to a client when it is not known what it waits for.  Zeros complete every
 * reply: a descriptor is found missing, which makes Mesa abort, and after any other reply the
 * client's next request fails, since the socket is closed by then.  Does not wait.
 */
void vtest_send_zeros(int socket);

/* What a client's process tells the daemon. */
enum vtest_report_type {
    VTEST_REPORT_NAME, /* the client has named itself */
    VTEST_REPORT_RING, /* a ring was made; a descriptor of its memory is attached */
    VTEST_REPORT_END,  /* the client needs no more; it has gone, or knows that we have */
};

#define VTEST_REPORT_NAME_SIZE 48

struct vtest_report {
    uint32_t type;
    char name[VTEST_REPORT_NAME_SIZE]; /* printable */
    uint64_t status_offset;            /* of the ring's status word in its file, bytes */
};

/* Send a report; `fd` may be -1. False when the daemon has gone. */
bool vtest_report_send(int control, const struct vtest_report *report, int fd);

/* Receive a report without waiting. *fd is -1 or a descriptor that is now the caller's.  False when
 * there is none; malformed ones are taken away and give type UINT32_MAX. */
bool vtest_report_receive(int control, struct vtest_report *report, int *fd);

#endif
