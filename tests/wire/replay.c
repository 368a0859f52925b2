/* SPDX-License-Identifier: MIT */
/*
 * Feed command streams to the renderer, with the null driver below it, and print what came out.
 *
 *   replay [--mode=virtqueue|nested|ring] FILE     run every case of a file made by cases.py
 *   replay --bench=N FILE                          run the body of every case N times, print times
 *   replay --footprint FILE                        print what every case needs of memory
 *   replay --extensions                            print the extensions that the renderer offers
 *
 * Every case gets a context of its own.  Its setup makes objects; its body is what is tested: the
 * null driver writes down what it is given, and the reply is printed.
 */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"
#include "null.h"

enum { REPLY_RESOURCE = 1, STREAM_RESOURCE = 2, RING_RESOURCE = 3 };

#define REPLY_SIZE (1u << 20)
#define STREAM_SIZE (1u << 20)
#define RING_BUFFER (1u << 16)
#define RING_SIZE (RING_BUFFER + 4096u)
#define RING_ID 0x7269u
#define UNTOUCHED 0xcc

enum mode { MODE_VIRTQUEUE, MODE_NESTED, MODE_RING };

struct bytes {
    const uint8_t *data;
    uint32_t size;
};

struct test_case {
    char name[128];
    struct bytes setup, body, ids;
    uint32_t reply_size; /* expected, bytes */
};

struct file {
    const uint8_t *cur, *end;
};

static void die(const char *what)
{
    fprintf(stderr, "replay: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* ---- the file ---- */

static uint32_t get_u32(struct file *f)
{
    uint32_t v;
    if (f->end - f->cur < 4)
        die("file ends early");
    memcpy(&v, f->cur, 4);
    f->cur += 4;
    return v;
}

/* Streams must be 4-byte aligned; everything in the file is. */
static struct bytes get_bytes(struct file *f)
{
    struct bytes b;
    b.size = get_u32(f);
    b.data = f->cur;
    const uint32_t padded = (b.size + 3) & ~3u;
    if (f->end - f->cur < (ptrdiff_t)padded)
        die("file ends early");
    f->cur += padded;
    return b;
}

static void get_case(struct file *f, struct test_case *c)
{
    const struct bytes name = get_bytes(f);
    snprintf(c->name, sizeof(c->name), "%.*s", (int)name.size, (const char *)name.data);
    c->setup = get_bytes(f);
    c->body = get_bytes(f);
    c->ids = get_bytes(f);
    c->reply_size = get_u32(f);
}

static uint8_t *load(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0)
        die(path);
    *size = (size_t)ftell(f);
    rewind(f);
    uint8_t *data = malloc(*size + 1);
    if (!data || fread(data, 1, *size, f) != *size)
        die(path);
    fclose(f);
    return data;
}

/* ---- one context ---- */

struct session {
    struct venus_context *context;
    uint8_t *reply, *stream, *ring;
    uint32_t tail; /* of the ring, bytes ever written */
};

static void on_fence(void *user, uint32_t ring_idx, uint64_t fence_id)
{
    (void)user, (void)ring_idx, (void)fence_id;
}

static void on_fatal(void *user)
{
    (void)user;
}

static const struct venus_context_events events = {.fence_retired = on_fence, .fatal = on_fatal};

static void on_log(enum venus_log_level level, const char *message)
{
    if (level <= VENUS_LOG_WARNING)
        printf("log %s\n", message);
}

static uint8_t *make_blob(struct session *s, uint32_t id, uint64_t size)
{
    struct venus_blob blob;
    if (venus_context_create_blob(s->context, id, 0, size, VENUS_BLOB_MAPPABLE, &blob) != 0)
        die("cannot make a blob");
    uint8_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, blob.fd, 0);
    if (p == MAP_FAILED)
        die("mmap");
    close(blob.fd);
    return p;
}

/* Little writer for the few commands that this program sends itself. */
struct stream {
    uint8_t data[256];
    uint32_t size;
};

static void put32(struct stream *s, uint32_t v)
{
    memcpy(s->data + s->size, &v, 4);
    s->size += 4;
}

static void put64(struct stream *s, uint64_t v)
{
    memcpy(s->data + s->size, &v, 8);
    s->size += 8;
}

static bool submit(struct session *s, const struct stream *stream)
{
    return venus_context_submit(s->context, stream->data, stream->size);
}

static void put_reply_window(struct stream *c)
{
    put32(c, 178), put32(c, 0); /* vkSetReplyCommandStreamMESA */
    put64(c, 1), put32(c, REPLY_RESOURCE), put64(c, 0), put64(c, REPLY_SIZE);
}

static bool start_ring(struct session *s)
{
    struct stream c = {.size = 0};
    put32(&c, 188), put32(&c, 0), put64(&c, RING_ID); /* vkCreateRingMESA */
    put64(&c, 1), put32(&c, 1000384000), put64(&c, 0);
    put32(&c, 0), put32(&c, RING_RESOURCE), put64(&c, 0), put64(&c, RING_SIZE);
    put64(&c, 1000000);                         /* idle timeout, ns */
    put64(&c, 0), put64(&c, 64), put64(&c, 128); /* head, tail, status */
    put64(&c, 192), put64(&c, RING_BUFFER);
    put64(&c, 192 + RING_BUFFER), put64(&c, 4); /* extra */
    return submit(s, &c);
}

static _Atomic uint32_t *ring_word(struct session *s, size_t offset)
{
    return (_Atomic uint32_t *)(void *)(s->ring + offset);
}

/* Write to the ring as a client does, wait until all is consumed or the ring is dead. */
static bool feed_ring(struct session *s, const uint8_t *data, uint32_t size)
{
    while (size) {
        const uint32_t head = atomic_load(ring_word(s, 0));
        uint32_t n = RING_BUFFER - (s->tail - head);
        n = n < size ? n : size;
        for (uint32_t i = 0; i < n; i++)
            s->ring[192 + (s->tail + i) % RING_BUFFER] = data[i];
        s->tail += n, data += n, size -= n;
        atomic_store(ring_word(s, 64), s->tail);
        while (atomic_load(ring_word(s, 0)) != s->tail) {
            const uint32_t status = atomic_load(ring_word(s, 128));
            if (status & 2 || venus_context_is_fatal(s->context))
                return false;
            if (status & 1) {
                struct stream c = {.size = 0};
                put32(&c, 190), put32(&c, 0), put64(&c, RING_ID); /* vkNotifyRingMESA */
                put32(&c, s->tail), put32(&c, 0);
                if (!submit(s, &c))
                    return false;
            }
            usleep(20);
        }
    }
    return !venus_context_is_fatal(s->context);
}

static bool feed_nested(struct session *s, const uint8_t *data, uint32_t size)
{
    struct stream c = {.size = 0};
    if (size > STREAM_SIZE)
        die("stream too large for its blob");
    memcpy(s->stream, data, size);
    put32(&c, 180), put32(&c, 0), put32(&c, 1); /* vkExecuteCommandStreamsMESA */
    put64(&c, 1), put32(&c, STREAM_RESOURCE), put64(&c, 0), put64(&c, size);
    put64(&c, 0), put32(&c, 0), put64(&c, 0), put32(&c, 0);
    return submit(s, &c);
}

static bool feed(struct session *s, enum mode mode, const uint8_t *data, uint32_t size)
{
    if (mode == MODE_NESTED)
        return feed_nested(s, data, size);
    if (mode == MODE_RING)
        return feed_ring(s, data, size);
    return venus_context_submit(s->context, data, size);
}

static bool open_session(struct venus_renderer *renderer, struct session *s, enum mode mode)
{
    memset(s, 0, sizeof(*s));
    s->context = venus_context_create(renderer, "replay", &events, NULL);
    if (!s->context)
        die("no context");
    s->reply = make_blob(s, REPLY_RESOURCE, REPLY_SIZE);
    memset(s->reply, UNTOUCHED, REPLY_SIZE);
    if (mode == MODE_NESTED)
        s->stream = make_blob(s, STREAM_RESOURCE, STREAM_SIZE);
    if (mode == MODE_RING) {
        s->ring = make_blob(s, RING_RESOURCE, RING_SIZE);
        if (!start_ring(s))
            return false;
    }
    struct stream c = {.size = 0};
    put_reply_window(&c);
    return feed(s, mode, c.data, c.size);
}

static void close_session(struct session *s)
{
    venus_context_destroy(s->context);
    munmap(s->reply, REPLY_SIZE);
    if (s->stream)
        munmap(s->stream, STREAM_SIZE);
    if (s->ring)
        munmap(s->ring, RING_SIZE);
}

/* ---- running cases ---- */

/* A setup is a sequence of streams, each with its size, so that a message names the one at fault;
 * replies to it are not looked at. */
static bool run_setup(struct session *s, enum mode mode, struct bytes setup)
{
    struct file f = {setup.data, setup.data + setup.size};
    while (f.cur < f.end) {
        const struct bytes stream = get_bytes(&f);
        if (!feed(s, mode, stream.data, stream.size))
            return false;
    }
    struct stream c = {.size = 0};
    put_reply_window(&c);
    return feed(s, mode, c.data, c.size);
}

static void print_reply(const struct session *s, uint32_t size)
{
    printf("reply ");
    for (uint32_t i = 0; i < size && i < REPLY_SIZE; i++)
        printf("%02x", s->reply[i]);
    putchar('\n');
    for (uint32_t i = size; i < REPLY_SIZE; i++) {
        if (s->reply[i] != UNTOUCHED) {
            printf("overrun %u\n", i);
            break;
        }
    }
}

static void print_ids(const struct session *s, struct bytes ids)
{
    for (uint32_t i = 0; i + 8 <= ids.size; i += 8) {
        uint64_t id;
        memcpy(&id, ids.data + i, 8);
        const struct venus_object *o = venus_object_find(&s->context->objects, id);
        if (o)
            printf("id %" PRIx64 " %" PRIx64 "\n", id, o->handle);
    }
}

static void run_case(struct venus_renderer *renderer, const struct test_case *c, enum mode mode)
{
    struct session s;
    printf("case %s\n", c->name);
    fflush(stdout); /* so that it is known which one ended the program */
    const bool ready = open_session(renderer, &s, mode) && run_setup(&s, mode, c->setup);
    printf("setup %s\n", ready ? "ok" : "fatal");
    if (ready) {
        print_ids(&s, c->ids);
        memset(s.reply, UNTOUCHED, REPLY_SIZE);
        null_lock();
        null.leaf = 0, null.walk = true, null.fill = true, null.out = stdout;
        null_unlock();
        const bool ok = feed(&s, mode, c->body.data, c->body.size);
        null_lock();
        null.walk = false, null.fill = false, null.out = NULL;
        null_unlock();
        printf("result %s\n", ok ? "ok" : "fatal");
        print_ids(&s, c->ids);
        print_reply(&s, c->reply_size);
    }
    close_session(&s);
    printf("left %zu\n", null.objects);
    fflush(stdout);
}

/* What a profiler should count: nothing but the work on one stream. */
__attribute__((noinline)) static bool bench_body(struct venus_context *context,
                                                 const struct bytes *body)
{
    return venus_context_submit(context, body->data, body->size);
}

static void bench_case(struct venus_renderer *renderer, const struct test_case *c, unsigned n)
{
    struct session s;
    struct stream window = {.size = 0};
    put_reply_window(&window);
    if (!open_session(renderer, &s, MODE_VIRTQUEUE) || !run_setup(&s, MODE_VIRTQUEUE, c->setup))
        die(c->name);
    struct timespec a, b;
    const unsigned long calls = null.calls;
    uint64_t ns = 0;
    for (unsigned i = 0; i < n; i++) {
        if (c->reply_size && !submit(&s, &window))
            die(c->name);
        clock_gettime(CLOCK_MONOTONIC, &a);
        if (!bench_body(s.context, &c->body))
            die(c->name);
        clock_gettime(CLOCK_MONOTONIC, &b);
        ns += (uint64_t)((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec);
    }
    printf("%-50s %5u bytes %8.1f ns %lu calls\n", c->name, c->body.size,
           (double)ns / (n ? n : 1), null.calls - calls);
    close_session(&s);
}

/* What malloc() has given to the renderer. */
static size_t live(void)
{
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd - null.bytes;
}

/* Bytes of a context, of a ring, of the setup's objects and of the body's. */
static void weigh_case(struct venus_renderer *renderer, const struct test_case *c)
{
    struct session s;
    const size_t before = live();
    if (!open_session(renderer, &s, MODE_VIRTQUEUE))
        die(c->name);
    const size_t context = live();
    s.ring = make_blob(&s, RING_RESOURCE, RING_SIZE);
    const size_t blob = live();
    if (!start_ring(&s))
        die(c->name);
    const size_t ring = live();
    if (!run_setup(&s, MODE_VIRTQUEUE, c->setup))
        die(c->name);
    const size_t setup = live();
    if (!feed(&s, MODE_VIRTQUEUE, c->body.data, c->body.size))
        die(c->name);
    printf("%s\t%zu\t%zu\t%zu\t%zu\n", c->name, context - before, ring - blob, setup - ring,
           live() - setup);
    close_session(&s);
}

int main(int argc, char **argv)
{
    static const char *const modes[] = {"virtqueue", "nested", "ring"};
    enum mode mode = MODE_VIRTQUEUE;
    unsigned long bench = 0;
    bool footprint = false;
    const char *path = NULL;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--bench=", 8) == 0) {
            bench = strtoul(argv[i] + 8, NULL, 10);
        } else if (strncmp(argv[i], "--mode=", 7) == 0) {
            int m = 2;
            while (m >= 0 && strcmp(argv[i] + 7, modes[m]) != 0)
                m--;
            if (m < 0)
                die("unknown mode");
            mode = (enum mode)m;
        } else if (strcmp(argv[i], "--footprint") == 0) {
            footprint = true;
        } else if (strcmp(argv[i], "--extensions") == 0) {
            for (uint32_t e = 0; e < venus_extension_count; e++)
                puts(venus_extensions[e].name);
            return 0;
        } else {
            path = argv[i];
        }
    }
    if (!path) {
        fprintf(stderr, "usage: replay [--mode=virtqueue|nested|ring] [--bench=N | --footprint] FILE\n");
        return 2;
    }
    venus_log_set(on_log, VENUS_LOG_WARNING);
    const struct venus_renderer_params params = {
        .get_instance_proc_addr = null_vkGetInstanceProcAddr};
    struct venus_renderer *renderer = venus_renderer_create(&params);
    if (!renderer)
        die("no renderer");
    size_t size;
    uint8_t *data = load(path, &size);
    struct file f = {data, data + size};
    const uint32_t count = get_u32(&f);
    null.check = !bench && !footprint;
    for (uint32_t i = 0; i < count; i++) {
        struct test_case c;
        get_case(&f, &c);
        if (footprint)
            weigh_case(renderer, &c);
        else if (bench)
            bench_case(renderer, &c, (unsigned)bench);
        else
            run_case(renderer, &c, mode);
    }
    venus_renderer_destroy(renderer);
    free(data);
    return 0;
}
