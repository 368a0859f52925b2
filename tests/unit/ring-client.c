/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring-client.h"

/* ---- streams ---- */

static void put(struct stream *s, const void *bytes, uint32_t size)
{
    assert_true(s->size + size <= sizeof(s->bytes));
    memcpy(s->bytes + s->size, bytes, size);
    s->size += size;
}

void put32(struct stream *s, uint32_t v)
{
    put(s, &v, 4);
}

void put64(struct stream *s, uint64_t v)
{
    put(s, &v, 8);
}

void put_command(struct stream *s, uint32_t number)
{
    put32(s, number);
    put32(s, 0);
}

void put_set_reply(struct stream *s)
{
    put_command(s, SET_REPLY);
    put64(s, 1);
    put32(s, DATA_RESOURCE);
    put64(s, 0);
    put64(s, 64);
}

void put_numbers(struct stream *s, uint32_t command, uint64_t a, uint64_t b)
{
    put_command(s, command);
    put64(s, a);
    put64(s, b);
}

void put_create_ring(struct stream *s, uint64_t id, const struct ring_info *info)
{
    put_command(s, CREATE_RING);
    put64(s, id);
    put64(s, 1);
    put32(s, RING_CREATE_INFO);
    if (info->monitor_us) {
        put64(s, 1);
        put32(s, RING_MONITOR_INFO);
        put64(s, 1);
        put32(s, RING_PRIORITY_INFO);
        put64(s, 0);
        put32(s, 5);
        put32(s, info->monitor_us);
    } else {
        put64(s, 0);
    }
    put32(s, 0);
    put32(s, info->resource);
    put64(s, 0);
    put64(s, RING_SIZE);
    put64(s, info->idle_ns);
    put64(s, HEAD);
    put64(s, info->tail_offset);
    put64(s, STATUS);
    put64(s, BUFFER);
    put64(s, BUFFER_SIZE);
    put64(s, EXTRA);
    put64(s, 8);
}

/* ---- the client's side of a ring ---- */

_Atomic uint32_t *word(struct test *t, size_t offset)
{
    return (_Atomic uint32_t *)(void *)(t->memory + offset);
}

uint32_t status(struct test *t)
{
    return atomic_load(word(t, STATUS));
}

bool submit(struct test *t, const struct stream *s)
{
    return venus_context_submit(t->context, s->bytes, s->size);
}

void append(struct test *t, const struct stream *s)
{
    for (uint32_t i = 0; i < s->size; i++)
        t->memory[BUFFER + (t->tail + i) % BUFFER_SIZE] = s->bytes[i];
    t->tail += s->size;
    atomic_store_explicit(word(t, TAIL), t->tail, memory_order_seq_cst);
}

void notify(struct test *t)
{
    struct stream s = {.size = 0};
    put_command(&s, NOTIFY_RING);
    put64(&s, RING_ID);
    put32(&s, t->tail);
    put32(&s, 0);
    submit(t, &s);
}

void send_to_ring(struct test *t, const struct stream *s)
{
    append(t, s);
    if (status(t) & VENUS_RING_IDLE)
        notify(t);
}

bool wait_until(bool (*is)(struct test *t), struct test *t, uint64_t ms)
{
    const uint64_t end = venus_now_ns() + ms * MS;
    while (!is(t)) {
        if (venus_now_ns() > end)
            return false;
        usleep(50);
    }
    return true;
}

bool all_done(struct test *t)
{
    return atomic_load_explicit(word(t, HEAD), memory_order_acquire) == t->tail;
}

bool is_idle(struct test *t)
{
    return status(t) & VENUS_RING_IDLE;
}

bool is_fatal(struct test *t)
{
    return (status(t) & VENUS_RING_FATAL) && atomic_load(&t->fatal);
}

bool is_alive(struct test *t)
{
    return status(t) & VENUS_RING_ALIVE;
}

unsigned long count_sleeps(void)
{
    unsigned long total = 0;
    DIR *dir = opendir("/proc/self/task");
    assert_non_null(dir);
    struct dirent *entry;
    while ((entry = readdir(dir))) {
        char path[512], line[256];
        snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
        FILE *file = fopen(path, "r");
        if (!file)
            continue;
        bool ours = false;
        unsigned long n;
        while (fgets(line, sizeof(line), file)) {
            if (!strncmp(line, "Name:\tvenus-", 12))
                ours = true;
            else if (ours && sscanf(line, "voluntary_ctxt_switches: %lu", &n) == 1)
                total += n;
        }
        fclose(file);
    }
    closedir(dir);
    return total;
}

bool stay_asleep(unsigned int ms)
{
    for (int i = 0; i < 10; i++) { /* a busy machine takes its time */
        const unsigned long before = count_sleeps();
        assert_true(before > 0);
        usleep(ms * 1000);
        if (count_sleeps() == before)
            return true;
    }
    return false;
}

/* ---- set-up ---- */

static void on_fence(void *user, uint32_t ring_idx, uint64_t id)
{
    struct test *t = user;
    assert_int_equal(ring_idx, 0);
    t->retired_id = id;
    t->retired++;
}

static void on_fatal(void *user)
{
    struct test *t = user;
    t->fatal++;
}

static void on_ring(void *user, const struct venus_pages *pages, size_t status_offset)
{
    struct test *t = user;
    t->ring_fd = pages->fd;
    t->status_offset = status_offset;
}

uint8_t *create_blob(struct test *t, uint32_t id, size_t size)
{
    struct venus_blob blob;
    assert_int_equal(venus_context_create_blob(t->context, id, 0, size, VENUS_BLOB_MAPPABLE, &blob),
                     0);
    uint8_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, blob.fd, 0);
    assert_ptr_not_equal(p, MAP_FAILED);
    close(blob.fd);
    return p;
}

static void on_log(enum venus_log_level level, const char *message)
{
    if (getenv("VERBOSE"))
        fprintf(stderr, "%d: %s\n", (int)level, message);
}

int set_up(void **state)
{
    static const struct venus_context_events events = {
        .fence_retired = on_fence, .fatal = on_fatal, .ring_created = on_ring};
    const struct venus_renderer_params params = {
        .get_instance_proc_addr = vkGetInstanceProcAddr,
    };
    struct test *t = calloc(1, sizeof(*t));
    venus_log_set(on_log, VENUS_LOG_ERROR);
    t->renderer = venus_renderer_create(&params);
    t->context = venus_context_create(t->renderer, "test", &events, t);
    t->memory = create_blob(t, RING_RESOURCE, RING_SIZE);
    t->data = create_blob(t, DATA_RESOURCE, DATA_SIZE);
    *state = t;
    return 0;
}

int tear_down(void **state)
{
    struct test *t = *state;
    venus_context_destroy(t->context);
    venus_renderer_destroy(t->renderer);
    munmap(t->memory, RING_SIZE);
    munmap(t->data, DATA_SIZE);
    free(t);
    return 0;
}

const struct ring_info plain = {RING_RESOURCE, 0, MS, TAIL};

bool create_ring(struct test *t, const struct ring_info *info)
{
    struct stream s = {.size = 0};
    put_create_ring(&s, RING_ID, info);
    return submit(t, &s);
}
