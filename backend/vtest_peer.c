/* SPDX-License-Identifier: MIT */
#include "vtest_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "vtest_protocol.h"

#define RING_STATUS_FATAL 2u /* of the ring's status word */

/* Reports taken in at a time, so that a process gone wild does not keep the daemon from others. */
#define REPORTS_AT_ONCE 16

struct vtest_peer *vtest_peer_create(pid_t pid, int socket, int control, const char *name)
{
    struct vtest_peer *peer = calloc(1, sizeof(*peer));
    if (!peer)
        return NULL;
    peer->pid = pid;
    peer->socket = socket;
    peer->control = control;
    peer->oldest = 1;
    backend_copy_printable(peer->name, sizeof(peer->name), name);
    return peer;
}

void vtest_peer_destroy(struct vtest_peer *peer)
{
    if (!peer)
        return;
    for (uint32_t i = 0; i < peer->ring_count; i++)
        close(peer->rings[i].fd);
    if (peer->control >= 0)
        close(peer->control);
    close(peer->socket);
    free(peer);
}

/*
 * Remember a ring.  The process may be in its client's power, so only memory files are taken:
 * writing to one cannot block.  Rings that are gone are not reported; when there are too many, the
 * oldest goes, but never the first, which is the one that every wait in Mesa looks at.
 */
static void add_ring(struct vtest_peer *peer, int fd, uint64_t status_offset)
{
    struct vtest_peer_ring *ring;
    if (fcntl(fd, F_GET_SEALS) < 0 || status_offset > INT64_MAX) {
        backend_log(VENUS_LOG_WARNING, "%s: report of a ring that is not in memory", peer->name);
        close(fd);
        return;
    }
    if (peer->ring_count < VTEST_MAX_WATCHED_RINGS) {
        ring = &peer->rings[peer->ring_count++];
    } else {
        ring = &peer->rings[peer->oldest];
        close(ring->fd);
        peer->oldest = peer->oldest % (VTEST_MAX_WATCHED_RINGS - 1) + 1;
    }
    *ring = (struct vtest_peer_ring){.fd = fd, .status_offset = status_offset};
}

void vtest_peer_read_reports(struct vtest_peer *peer)
{
    struct vtest_report report;
    int fd;
    for (int i = 0; i < REPORTS_AT_ONCE; i++) {
        if (!vtest_report_receive(peer->control, &report, &fd))
            return;
        if (report.type == VTEST_REPORT_RING && fd >= 0) {
            add_ring(peer, fd, report.status_offset);
            continue;
        }
        if (fd >= 0)
            close(fd);
        if (report.type == VTEST_REPORT_END)
            peer->ended = true;
        else if (report.type == VTEST_REPORT_NAME)
            backend_copy_printable(peer->name, sizeof(peer->name), report.name);
        else
            backend_log(VENUS_LOG_WARNING, "%s: malformed report", peer->name);
    }
}

void vtest_peer_rescue(struct vtest_peer *peer)
{
    const uint32_t fatal = RING_STATUS_FATAL;
    /* Reports that are still on the way; no more can come. */
    for (uint32_t i = 0; i < VTEST_MAX_WATCHED_RINGS; i++)
        vtest_peer_read_reports(peer);
    if (peer->ended)
        return;
    for (uint32_t i = 0; i < peer->ring_count; i++) {
        const struct vtest_peer_ring *ring = &peer->rings[i];
        /* Not mapped: the file could be too short for that. Nobody else writes the word any more,
         * but for the client, which only clears other bits. */
        if (pwrite(ring->fd, &fatal, sizeof(fatal), ring->status_offset) != sizeof(fatal))
            backend_log(VENUS_LOG_WARNING, "%s: cannot mark ring %u as dead", peer->name, i);
    }
    /* Which reply the client waits for, if any, and how much of it was sent, is not known. */
    vtest_send_zeros(peer->socket);
}

void vtest_peer_refuse(int socket)
{
    /* What Mesa asks first, answered in advance: version 0 means that there is no Venus here. */
    static const uint32_t replies[] = {
        0, VTEST_PING_PROTOCOL_VERSION, 1, VTEST_RESOURCE_BUSY_WAIT, 0,
        1, VTEST_PROTOCOL_VERSION,      0,
    };
    if (send(socket, replies, sizeof(replies), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        backend_log(VENUS_LOG_DEBUG, "refused client: %s", strerror(errno));
}
