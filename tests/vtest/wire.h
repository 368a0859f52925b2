/* SPDX-License-Identifier: MIT */
/* A vtest client for tests: speaks the protocol as Mesa does, and also as Mesa never would. */
#ifndef TESTS_VTEST_WIRE_H
#define TESTS_VTEST_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A connected socket, or -1. */
int wire_connect(const char *path);
/* Send a header and payload words. False when the server has gone. */
bool wire_send(int fd, uint32_t command, const uint32_t *words, uint32_t count);
/* The same with a header of one's own and a payload in bytes. */
bool wire_send_raw(int fd, uint32_t length, uint32_t command, const void *payload, size_t size);

/* What reading gave, which decides what Mesa does. */
enum wire_result {
    WIRE_OK,
    WIRE_EOF,     /* read() == 0: Mesa spins for ever */
    WIRE_ERROR,   /* read() < 0: Mesa aborts */
    WIRE_TIMEOUT, /* nothing within 10 s */
};

/* Read exactly `size` bytes. */
enum wire_result wire_read(int fd, void *data, size_t size);
/* Read a reply's header, check it, and read its payload. */
enum wire_result wire_reply(int fd, uint32_t command, uint32_t *words, uint32_t count);
/* Read the extra byte; *received is its descriptor or -1 (Mesa aborts). */
enum wire_result wire_read_fd(int fd, int *received);

/* CREATE_RENDERER up to PROTOCOL_VERSION as Mesa does it; returns the version agreed on, or 0. */
uint32_t wire_hello(int fd, const char *name, uint32_t version);
/* And on to CONTEXT_INIT. */
bool wire_context(int fd, const char *name, uint32_t version);
/* A blob; returns its resource id and descriptor, 0 when that failed. */
uint32_t wire_blob(int fd, uint32_t flags, uint64_t size, uint64_t blob_id, int *blob_fd);
/* SUBMIT_CMD2 with one batch, syncs as triples of id and value. */
bool wire_submit(int fd, uint32_t version, uint32_t ring_idx, const uint32_t *commands,
                 uint32_t command_words, const uint32_t *syncs, uint32_t sync_count);
uint32_t wire_sync_create(int fd, uint64_t value);
/* Returns the descriptor to poll, -1 without one. */
int wire_sync_wait(int fd, uint32_t flags, uint32_t timeout, const uint32_t *syncs,
                   uint32_t sync_count);

#endif
