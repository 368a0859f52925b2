/* SPDX-License-Identifier: MIT */
/*
 * connect SOCKET N: N clients that make their contexts and as many rings as Mesa uses, a monitored
 * one among them, and then do nothing: no driver is loaded for them. Prints "ready" and stays until
 * its standard input ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire.h"

#define RINGS     4
#define RING_SIZE 131072 /* bytes of the buffer, as Mesa's first ring has */
#define BLOB_SIZE (192 + RING_SIZE + 4)

/* vkCreateRingMESA: head at 0, tail at 64, status at 128, the buffer at 192. */
static uint32_t encode_create_ring(uint32_t *words, uint32_t id, uint32_t blob, bool monitored)
{
    uint32_t n = 0;
    const uint32_t body[] = {0,   blob, 0,   0, BLOB_SIZE, 0, 1000000,         0, 0, 0, 64, 0,
                             128, 0,    192, 0, RING_SIZE, 0, 192 + RING_SIZE, 0, 4, 0};
    words[n++] = 188, words[n++] = 0;       /* command, flags */
    words[n++] = id, words[n++] = 0;        /* ring */
    words[n++] = 1, words[n++] = 0;         /* pCreateInfo */
    words[n++] = 1000384000;                /* RingCreateInfo */
    words[n++] = monitored, words[n++] = 0; /* pNext */
    if (monitored) {
        words[n++] = 1000384006;        /* RingMonitorInfo */
        words[n++] = 0, words[n++] = 0; /* pNext */
        words[n++] = 3000000;           /* microseconds */
    }
    memcpy(words + n, body, sizeof(body));
    return n + sizeof(body) / 4;
}

static bool connect_client(const char *path)
{
    const int fd = wire_connect(path);
    if (fd < 0 || !wire_context(fd, "connect", 3))
        return false;
    for (uint32_t i = 0; i < RINGS; i++) {
        uint32_t commands[64];
        int blob_fd;
        const uint32_t blob = wire_blob(fd, 1, BLOB_SIZE, 0, &blob_fd);
        if (!blob)
            return false;
        close(blob_fd);
        const uint32_t words = encode_create_ring(commands, i + 1, blob, !i);
        if (!wire_submit(fd, 3, 0, commands, words, NULL, 0))
            return false;
    }
    return wire_sync_create(fd, 0); /* the server is still there, and done with the rings */
}

int main(int argc, char **argv)
{
    const int count = argc == 3 ? atoi(argv[2]) : 0;
    char byte;

    if (count < 1) {
        fprintf(stderr, "usage: connect SOCKET N\n");
        return 2;
    }
    for (int i = 0; i < count; i++) {
        if (!connect_client(argv[1])) {
            fprintf(stderr, "client %d is not served\n", i);
            return 1;
        }
    }
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    return 0;
}
