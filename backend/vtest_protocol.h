/* SPDX-License-Identifier: MIT */
/*
 * Numbers of the vtest socket protocol, as far as Venus uses it.
 *
 * A message, both ways: u32 length, u32 command, payload.  The length counts 32-bit words of
 * payload, except for CREATE_RENDERER, where it counts bytes.  A reply that carries a file
 * descriptor is followed by one more byte, and the descriptor travels with that byte.
 *
 * What is missing below is unknown here, also the commands that version 4 adds: 25 to 37 for DRM
 * sync objects, and 38 to export a resource.
 */
#ifndef VTEST_PROTOCOL_H
#define VTEST_PROTOCOL_H

#include <stdint.h>

/* Protocol versions: the least that Mesa's Venus accepts, and the newest that we speak. */
#define VTEST_MIN_VERSION 3u
#define VTEST_VERSION     4u

#define VTEST_HEADER_SIZE 8u /* bytes */

enum vtest_command {
    VTEST_RESOURCE_UNREF = 3,
    VTEST_RESOURCE_BUSY_WAIT = 7,
    VTEST_CREATE_RENDERER = 8,
    VTEST_PING_PROTOCOL_VERSION = 10,
    VTEST_PROTOCOL_VERSION = 11,
    VTEST_GET_PARAM = 15,
    VTEST_GET_CAPSET = 16,
    VTEST_CONTEXT_INIT = 17,
    VTEST_RESOURCE_CREATE_BLOB = 18,
    VTEST_SYNC_CREATE = 19,
    VTEST_SYNC_UNREF = 20,
    VTEST_SYNC_READ = 21,
    VTEST_SYNC_WRITE = 22,
    VTEST_SYNC_WAIT = 23,
    VTEST_SUBMIT_CMD2 = 24,
};

enum vtest_param {
    VTEST_PARAM_MAX_TIMELINE_COUNT = 1,
    VTEST_PARAM_HAS_TIMELINE_SYNCOBJ = 2, /* version 4 */
};

/* Memory of a blob: only HOST3D has a meaning for Venus. */
#define VTEST_BLOB_HOST3D 2u

/* SYNC_WAIT: any of the syncs is enough; and the timeout that stands for none. */
#define VTEST_WAIT_ANY        1u
#define VTEST_WAIT_NO_TIMEOUT UINT32_MAX

/* SUBMIT_CMD2: ring_idx of a batch is valid; words of a batch's head by version. */
#define VTEST_BATCH_RING_IDX 1u
#define VTEST_BATCH_WORDS_3  6u
#define VTEST_BATCH_WORDS_4  8u

/* A sync id and the two halves of a value. */
#define VTEST_POINT_WORDS 3u

#endif
