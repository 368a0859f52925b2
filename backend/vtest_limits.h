/* SPDX-License-Identifier: MIT */
/*
 * Every limit that the vtest server puts on a client, in one place.  What the renderer itself
 * limits is in venus/limits.h.
 *
 * A client that exceeds one of them loses its connection, with a message that names the limit; the
 * figures are far above what Mesa was seen to use.
 */
#ifndef VTEST_LIMITS_H
#define VTEST_LIMITS_H

/* Clients at a time: the default of --max-clients and the most it may be set to. Further clients
 * are told that the server is too old, which Mesa takes as "no Venus device here". */
#define VTEST_DEFAULT_CLIENTS 256u
#define VTEST_MAX_CLIENTS     4096u

/* Refused clients that have not yet gone away, and how long they may take, in milliseconds. */
#define VTEST_MAX_REFUSED     16u
#define VTEST_REFUSED_WAIT_MS 5000

/* Time from the connection to VCMD_CONTEXT_INIT, in seconds; Mesa does it at once. */
#define VTEST_HANDSHAKE_S 10

/* Payload of one message in bytes. Mesa sends less than 1 KiB; large data goes through rings. */
#define VTEST_MAX_MESSAGE (4u << 20)

/* The client's name for itself (VCMD_CREATE_RENDERER) in bytes, with NUL. */
#define VTEST_MAX_NAME 4096u

/* First size of the receive buffer in bytes; it grows for a larger message and shrinks after it. */
#define VTEST_BUFFER_SIZE (16u << 10)

/* Live sync objects of one client. */
#define VTEST_MAX_SYNCS (64u << 10)

/* SYNC_WAITs of one client that it has not closed yet; each holds a file descriptor of ours. Closed
 * ones are looked for when this many are there, and before. */
#define VTEST_MAX_WAITS 4096u

/* Sync points that unsatisfied waits and unfinished submissions of one client refer to. */
#define VTEST_MAX_POINTS (256u << 10)

/* Blobs that could not be made before the client is dropped. Mesa gives up after the first. */
#define VTEST_MAX_FAILED_BLOBS 16u

/* Rings of a client that the daemon remembers, to mark them should the client's process die. */
#define VTEST_MAX_WATCHED_RINGS 64u

/* Time for clients' processes to end after the daemon's SIGTERM before they are killed, in
 * milliseconds. */
#define VTEST_SHUTDOWN_MS 3000

/* Time for a process to end when its client has gone or was dropped, in milliseconds. Work that the
 * client left on the GPU may never end: it can wait for an event that nobody will set. */
#define VTEST_FINISH_MS 5000

#endif
