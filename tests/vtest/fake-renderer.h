/* SPDX-License-Identifier: MIT */
/* Commands of the fake renderer: FAKE_COMMAND_WORDS words each, unused ones are 0. */
#ifndef TESTS_VTEST_FAKE_RENDERER_H
#define TESTS_VTEST_FAKE_RENDERER_H

#define FAKE_COMMAND_WORDS 3

enum fake_command {
    FAKE_NOP = 1,
    FAKE_CRASH, /* as a driver may */
    FAKE_FATAL, /* the context fails */
    FAKE_RING,  /* resource id, offset of the status word */
    FAKE_BLOCK, /* until the context fails */
    FAKE_HANG,  /* for good */
};

#define FAKE_RING_FATAL 2u   /* in the status word */
#define FAKE_BAD_BLOB   666u /* a blob id that cannot be had */

/*
 * Timelines: fences on 1 are retired after 20 ms by another thread, those on 2 never; there are no
 * more.  The environment variable FAKE_GPUS chooses what there is: by default an Alpha 100, an
 * Alpha 200 and an unusable Beta; or "none", "unusable", "no-driver", "crash".
 */

#endif
