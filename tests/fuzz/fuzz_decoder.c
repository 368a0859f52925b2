/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: everything that a client can send to the renderer, with the null driver below.
 *
 * An input is a sequence of chunks, each a 32-bit word (kind in bits 0..7, number of data words in
 * bits 8..31) and its data:
 *   0  a virtqueue submission             4  create a blob: resource id, blob id, size, flags
 *   1  a stream run through                5  drop a resource: id
 *      vkExecuteCommandStreamsMESA        6  ask for a fence: timeline
 *   2  bytes for the ring                 7  write into the ring's memory: pairs of offset, value
 *   3  words for the stream blob          8  let a call of the driver fail: the how many-th
 * Bit 7 of the first byte chooses a driver that shares memory as dma-bufs, bit 6 one that has only
 * one type of memory.
 * A prologue has made one object of every type (seeds.py).  The null driver reads all that it is
 * given and, while only one thread runs, checks that every handle is alive.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fuzz_prologue.h"
#include "internal.h"
#include "null.h"

enum { REPLY_RESOURCE = 1, STREAM_RESOURCE = 2, RING_RESOURCE = 3 };
enum chunk_kind { VIRTQUEUE, NESTED, RING, STREAM, BLOB, UNREF, FENCE, POKE, FAIL, KINDS };

#define DMA_BUF 0x80u
#define UNIFIED 0x40u
#define KIND 0x3fu
#define BLOB_SIZE 65536u
#define RING_BUFFER 16384u
#define RING_ID 0x7269u
#define COMMAND_MEMORY (4u << 20)  /* smaller than VENUS_MAX_COMMAND_MEMORY, to stay fast */
#define PROVIDER_LIMIT (16u << 20) /* bytes that one allocation may have */
#define STUCK_MS 50u               /* a client may block itself for ever; we may not */

/* ---- a provider of memory that refuses large amounts ---- */

static int provider_alloc(void *user, uint64_t size, struct venus_pages *pages)
{
    (void)user;
    if (size > PROVIDER_LIMIT)
        return -ENOMEM;
    return venus_memfd_provider.alloc(venus_memfd_provider.user, size, pages);
}

static void provider_free(void *user, struct venus_pages *pages)
{
    (void)user;
    venus_memfd_provider.free(venus_memfd_provider.user, pages);
}

static const struct venus_memory_provider provider = {
    .alloc = provider_alloc,
    .free = provider_free,
    .reuse = true,
};

/* ---- a thread that ends contexts which wait for what never comes ---- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct venus_context *context; /* being run, or NULL */
    struct timespec until;
} watchdog = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void *watch(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&watchdog.lock);
    for (;;) {
        if (!watchdog.context)
            pthread_cond_wait(&watchdog.changed, &watchdog.lock);
        else if (pthread_cond_timedwait(&watchdog.changed, &watchdog.lock, &watchdog.until) ==
                     ETIMEDOUT &&
                 watchdog.context) {
            venus_context_fail(watchdog.context);
            watchdog.context = NULL;
        }
    }
    return NULL;
}

static void guard(struct venus_context *context)
{
    pthread_mutex_lock(&watchdog.lock);
    clock_gettime(CLOCK_REALTIME, &watchdog.until);
    watchdog.until.tv_nsec += STUCK_MS * 1000000;
    watchdog.until.tv_sec += watchdog.until.tv_nsec / 1000000000;
    watchdog.until.tv_nsec %= 1000000000;
    watchdog.context = context;
    pthread_cond_signal(&watchdog.changed);
    pthread_mutex_unlock(&watchdog.lock);
}

/* ---- the context under test ---- */

struct session {
    struct venus_context *context;
    uint8_t *stream, *ring; /* NULL until made */
    uint32_t tail;
};

static void ignore_fence(void *user, uint32_t ring_idx, uint64_t fence_id)
{
    (void)user, (void)ring_idx, (void)fence_id;
}

static void ignore_fatal(void *user)
{
    (void)user;
}

static void ignore_log(enum venus_log_level level, const char *message)
{
    (void)level, (void)message;
}

static const struct venus_context_events events = {.fence_retired = ignore_fence,
                                                   .fatal = ignore_fatal};

static void must(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "fuzz_decoder: %s\n", what);
        abort();
    }
}

static uint8_t *make_blob(struct session *s, uint32_t id)
{
    struct venus_blob blob;
    if (venus_context_create_blob(s->context, id, 0, BLOB_SIZE, VENUS_BLOB_MAPPABLE, &blob) != 0)
        return NULL; /* the input has used the id, or the context is dead */
    uint8_t *p = mmap(NULL, BLOB_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, blob.fd, 0);
    must(p != MAP_FAILED, "no mapping");
    close(blob.fd);
    return p;
}

static void submit(struct session *s, const uint32_t *words, size_t count)
{
    guard(s->context);
    venus_context_submit(s->context, words, count * 4);
    guard(NULL);
}

static void run_nested(struct session *s, const uint32_t *words, uint32_t count)
{
    if (count > BLOB_SIZE / 4)
        count = BLOB_SIZE / 4;
    memcpy(s->stream, words, count * 4);
    const uint32_t command[] = {
        180, 0, 1, 1, 0, STREAM_RESOURCE, 0, 0, count * 4, 0, 0, 0, 0, 0, 0, 0,
    };
    submit(s, command, sizeof(command) / 4);
}

static _Atomic uint32_t *ring_word(struct session *s, size_t offset)
{
    return (_Atomic uint32_t *)(void *)(s->ring + offset);
}

static void start_ring(struct session *s)
{
    s->ring = make_blob(s, RING_RESOURCE);
    if (!s->ring)
        return;
    const uint32_t command[] = {
        188, 0, RING_ID, 0, 1, 0, 1000384000, 0, 0, 0, RING_RESOURCE, 0, 0, BLOB_SIZE, 0,
        1000, 0,                           /* idle timeout, ns */
        0, 0, 64, 0, 128, 0,               /* head, tail, status */
        192, 0, RING_BUFFER, 0,            /* buffer */
        192 + RING_BUFFER, 0, 4, 0,        /* extra */
    };
    submit(s, command, sizeof(command) / 4);
}

static void kick(struct session *s)
{
    const uint32_t command[] = {190, 0, RING_ID, 0, s->tail, 0};
    submit(s, command, sizeof(command) / 4);
}

/* Wait a little for the ring to follow: it may rightly be blocked. */
static void follow(struct session *s)
{
    kick(s);
    for (int i = 0; i < 200; i++) {
        if (atomic_load(ring_word(s, 0)) == s->tail || atomic_load(ring_word(s, 128)) & 2)
            break;
        usleep(10);
    }
}

static void feed_ring(struct session *s, const uint32_t *words, uint32_t count)
{
    if (!s->ring)
        start_ring(s);
    if (!s->ring)
        return;
    if (count > RING_BUFFER / 4)
        count = RING_BUFFER / 4;
    for (uint32_t i = 0; i < count; i++)
        memcpy(s->ring + 192 + (s->tail + i * 4) % RING_BUFFER, words + i, 4);
    s->tail += count * 4;
    atomic_store(ring_word(s, 64), s->tail);
    follow(s);
}

static void poke(struct session *s, const uint32_t *words, uint32_t count)
{
    if (!s->ring)
        start_ring(s);
    if (!s->ring)
        return;
    for (uint32_t i = 0; i + 2 <= count; i += 2)
        atomic_store(ring_word(s, words[i] % (BLOB_SIZE / 4) * 4), words[i + 1]);
    s->tail = atomic_load(ring_word(s, 64));
    follow(s);
}

static void run_chunk(struct session *s, enum chunk_kind kind, const uint32_t *words,
                      uint32_t count)
{
    struct venus_blob blob;
    switch (kind) {
    case VIRTQUEUE:
        submit(s, words, count);
        break;
    case NESTED:
        run_nested(s, words, count);
        break;
    case RING:
        feed_ring(s, words, count);
        break;
    case STREAM:
        memcpy(s->stream, words, count < BLOB_SIZE / 4 ? count * 4 : BLOB_SIZE);
        break;
    case BLOB:
        if (count >= 4 && venus_context_create_blob(s->context, words[0], words[1], words[2],
                                                    words[3], &blob) == 0)
            close(blob.fd);
        break;
    case UNREF:
        if (count >= 1)
            venus_context_unref_resource(s->context, words[0]);
        break;
    case FENCE:
        if (count >= 1)
            venus_context_create_fence(s->context, words[0], 1);
        venus_context_poll_fences(s->context);
        break;
    case POKE:
        poke(s, words, count);
        break;
    default:
        null_lock();
        null.fail_in = count ? words[0] % 64 : 1;
        null_unlock();
    }
}

/* Whether the input stays on one thread, so that a dead handle would be our fault. */
static bool single_threaded(const uint32_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (words[i] == 188 || (words[i] & KIND) == RING || (words[i] & KIND) == POKE)
            return false;
    return true;
}

static struct venus_renderer *renderer;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    pthread_t thread;
    venus_log_set(ignore_log, VENUS_LOG_DEBUG); /* also formatting is under test */
    const struct venus_renderer_params params = {
        .get_instance_proc_addr = null_vkGetInstanceProcAddr, .memory = &provider};
    renderer = venus_renderer_create(&params);
    must(renderer != NULL, "no renderer");
    must(pthread_create(&thread, NULL, watch, NULL) == 0, "no thread");
    pthread_detach(thread);
    null.walk = true;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t count = size / 4;
    uint32_t *words = malloc(count * 4 + 1); /* aligned, and exactly as long */
    must(words, "no memory");
    memcpy(words, data, count * 4);

    struct session s = {.context = venus_context_create(renderer, "fuzz", &events, NULL)};
    must(s.context, "no context");
    s.context->virtqueue.arena.limit = COMMAND_MEMORY;
    null.check = single_threaded(words, count);
    null.dma_buf = count && words[0] & DMA_BUF;
    null.unified = count && words[0] & UNIFIED;
    null.fail_in = 0;
    uint8_t *reply = make_blob(&s, REPLY_RESOURCE);
    s.stream = make_blob(&s, STREAM_RESOURCE);
    must(reply && s.stream, "no blobs");
    const uint32_t window[] = {178, 0, 1, 0, REPLY_RESOURCE, 0, 0, BLOB_SIZE, 0};
    must(venus_context_submit(s.context, fuzz_prologue, sizeof(fuzz_prologue)) &&
             venus_context_submit(s.context, window, sizeof(window)),
         "the prologue failed");

    for (size_t at = 0; at < count;) {
        const uint32_t head = words[at++];
        uint32_t n = head >> 8;
        if (n > count - at)
            n = (uint32_t)(count - at);
        run_chunk(&s, (head & KIND) % KINDS, words + at, n);
        at += n;
    }

    venus_context_destroy(s.context);
    munmap(reply, BLOB_SIZE);
    munmap(s.stream, BLOB_SIZE);
    if (s.ring)
        munmap(s.ring, BLOB_SIZE);
    free(words);
    must(null.objects == 0, "Vulkan objects are left");
    return 0;
}

/* ---- mutations that know what words mean ---- */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

#define PICK(array) array[next(&state) % (sizeof(array) / sizeof(array[0]))]

static uint32_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    uint64_t state = seed;
    const uint32_t count = (uint32_t)(size / 4);
    if (count < 4 || next(&state) % 3 == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    const uint32_t at = next(&state) % (count - 1);
    uint8_t *p = data + at * 4;
    uint64_t v = next(&state) % 5;
    uint32_t w;
    switch (next(&state) % 8) {
    case 0:
        v = PICK(fuzz_ids);
        memcpy(p, &v, 8);
        return size;
    case 1:
        memcpy(p, &v, 8); /* a count or a marker */
        return size;
    case 2:
        w = PICK(fuzz_stypes);
        memcpy(p, &w, 4);
        return size;
    case 3:
        w = PICK(fuzz_commands);
        memcpy(p, &w, 4);
        return size;
    case 4: /* another kind of chunk */
        data[0] = (uint8_t)(next(&state) % KINDS | (next(&state) & (DMA_BUF | UNIFIED)));
        return size;
    case 5: /* the chunk as long as the input */
        w = data[0] | (count - 1) << 8;
        memcpy(data, &w, 4);
        return size;
    case 6: /* take words out */
        memmove(p, p + 4, size - at * 4 - 4);
        return size - 4;
    default: /* put words in */
        if (size + 8 > max_size)
            return size;
        memmove(p + 8, p, size - at * 4);
        memcpy(p, &v, 8);
        return size + 8;
    }
}
