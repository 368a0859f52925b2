/* SPDX-License-Identifier: MIT */
/*
 * What the unit tests of the renderer share: a context without rings or a driver, a command table
 * of their own, captured log messages, and a writer of command streams.
 *
 * unit.c takes the places of context.c, memory.c and the generated table.
 */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "internal.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* A command stream in the making. */
struct stream {
    uint8_t bytes[65536];
    size_t size;
};

void put32(struct stream *s, uint32_t v);
void put64(struct stream *s, uint64_t v);
/* Bytes and their padding. */
void put_bytes(struct stream *s, const void *bytes, size_t size);
/* A string with its size, NUL included. */
void put_string(struct stream *s, const char *string);
/* The head of a command. */
void put_command(struct stream *s, uint32_t number, uint32_t flags);

/* A context with a decoder that reads `stream`. */
struct unit {
    struct venus_renderer renderer;
    struct venus_context context;
    struct venus_decoder *d; /* of the virtqueue */
    struct stream stream;
    int fatal_calls; /* of venus_context_fail() */
};

/* For cmocka_unit_test_setup_teardown: *state is the struct unit. */
int unit_setup(void **state);
int unit_teardown(void **state);
/* The same without cmocka. NULL without memory. */
struct unit *unit_create(void);
void unit_destroy(struct unit *u);

/* Let the decoder read what the stream has now. */
void unit_start(struct unit *u);
/* Run what the stream has now. */
bool unit_run(struct unit *u);
/* Make the decoder a new one, as if nothing had happened. */
void unit_renew(struct unit *u);

/* How many error messages have come since the start of the test, and the last one. */
extern int unit_messages;
extern char unit_message[1024];

/* Command 0 has no function; these are 1 to 4; the test sets them. */
#define UNIT_COMMANDS 4
extern void (*unit_commands[UNIT_COMMANDS])(struct venus_decoder *d);

/* The only memory object that venus_memory_export() knows, and the size of its blob. */
#define UNIT_MEMORY_ID   0x77
#define UNIT_MEMORY_SIZE 8192
/* References to it that resources hold. */
extern int unit_memory_references;

/* The decoder has failed, told its context once, and said something with `text` in it. */
void assert_failed(struct unit *u, const char *text);

#define UNIT_TEST(f) cmocka_unit_test_setup_teardown(f, unit_setup, unit_teardown)

#endif
