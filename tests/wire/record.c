/* SPDX-License-Identifier: MIT */
/*
 * Linked into a daemon for tests with -Wl,--wrap: writes every stream that is decoded, and every
 * reply, to the file $VENUS_RECORD.PID.  recorded.py reads it.
 *
 * A record is: u32 kind (0 stream, 1 reply), u32 size in bytes, u64 decoder, the bytes.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

bool __real_venus_decoder_run(struct venus_decoder *d, const void *bytes, size_t size,
                              void (*after)(struct venus_decoder *d, size_t consumed));
bool __wrap_venus_decoder_run(struct venus_decoder *d, const void *bytes, size_t size,
                              void (*after)(struct venus_decoder *d, size_t consumed));
void __real_venus_reply_finish(struct venus_decoder *d);
void __wrap_venus_reply_finish(struct venus_decoder *d);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FILE *file;

static void record(uint32_t kind, const struct venus_decoder *d, const void *bytes, size_t size)
{
    const char *path = getenv("VENUS_RECORD");
    char name[4096];
    if (!path)
        return;
    pthread_mutex_lock(&lock);
    if (!file) {
        snprintf(name, sizeof(name), "%s.%d", path, (int)getpid());
        file = fopen(name, "wb");
    }
    if (file) {
        const uint32_t head[2] = {kind, (uint32_t)size};
        const uint64_t decoder = (uintptr_t)d;
        fwrite(head, sizeof(head), 1, file);
        fwrite(&decoder, sizeof(decoder), 1, file);
        fwrite(bytes, size, 1, file);
        fflush(file); /* the process may end without exit() */
    }
    pthread_mutex_unlock(&lock);
}

bool __wrap_venus_decoder_run(struct venus_decoder *d, const void *bytes, size_t size,
                              void (*after)(struct venus_decoder *d, size_t consumed))
{
    record(0, d, bytes, size);
    return __real_venus_decoder_run(d, bytes, size, after);
}

void __wrap_venus_reply_finish(struct venus_decoder *d)
{
    if (!d->fatal)
        record(1, d, d->reply, d->reply_size);
    __real_venus_reply_finish(d);
}
