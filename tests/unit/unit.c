/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

/* ---- streams ---- */

void put_bytes(struct stream *s, const void *bytes, size_t size)
{
    const size_t padded = (size + 3) & ~(size_t)3;
    assert_true(padded <= sizeof(s->bytes) - s->size);
    memset(s->bytes + s->size, 0, padded);
    memcpy(s->bytes + s->size, bytes, size);
    s->size += padded;
}

void put32(struct stream *s, uint32_t v)
{
    put_bytes(s, &v, sizeof(v));
}

void put64(struct stream *s, uint64_t v)
{
    put_bytes(s, &v, sizeof(v));
}

void put_string(struct stream *s, const char *string)
{
    put64(s, strlen(string) + 1);
    put_bytes(s, string, strlen(string) + 1);
}

void put_command(struct stream *s, uint32_t number, uint32_t flags)
{
    put32(s, number);
    put32(s, flags);
}

/* ---- what the library calls ---- */

int unit_messages;
char unit_message[1024];
int unit_memory_references;
void (*unit_commands[UNIT_COMMANDS])(struct venus_decoder *d);

static void on_log(enum venus_log_level level, const char *message)
{
    if (level != VENUS_LOG_ERROR)
        return;
    unit_messages++;
    strncpy(unit_message, message, sizeof(unit_message) - 1);
}

void venus_context_fail(struct venus_context *context)
{
    struct unit *u = context->events_user;
    atomic_store(&context->fatal, true);
    u->fatal_calls++;
}

int venus_memory_export(struct venus_context *context, uint64_t memory_id, uint64_t size,
                        uint32_t flags, struct venus_blob *blob, struct venus_resource *resource)
{
    (void)context;
    (void)flags;
    if (memory_id != UNIT_MEMORY_ID)
        return -ENOENT;
    const int fd = memfd_create("memory", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, UNIT_MEMORY_SIZE), 0);
    if (size > UNIT_MEMORY_SIZE) {
        close(fd);
        return -EINVAL;
    }
    resource->fd = fd;
    resource->memory = (struct venus_memory_pages *)(void *)&unit_memory_references;
    unit_memory_references++;
    *blob = (struct venus_blob){
        .fd = dup(fd),
        .size = UNIT_MEMORY_SIZE,
        .cache = VENUS_MAP_WC,
    };
    return 0;
}

void venus_memory_pages_put(struct venus_memory_pages *pages)
{
    if (!pages)
        return;
    assert_ptr_equal(pages, &unit_memory_references);
    unit_memory_references--;
}

#define RUN(n)                                                                                     \
    static void run_##n(struct venus_decoder *d)                                                   \
    {                                                                                              \
        unit_commands[(n)-1](d);                                                                   \
    }
RUN(1)
RUN(2)
RUN(3)
RUN(4)

const struct venus_command venus_commands[] = {
    {NULL, "vkRefused"},    {run_1, "vkUnitOne"},  {run_2, "vkUnitTwo"},
    {run_3, "vkUnitThree"}, {run_4, "vkUnitFour"},
};
const uint32_t venus_command_count = ARRAY_SIZE(venus_commands);

/* ---- contexts ---- */

struct unit *unit_create(void)
{
    struct unit *u = calloc(1, sizeof(*u));
    if (!u)
        return NULL;
    unit_messages = unit_memory_references = 0;
    unit_message[0] = '\0';
    memset(unit_commands, 0, sizeof(unit_commands));
    venus_log_set(on_log, VENUS_LOG_ERROR);
    u->renderer.memory = &venus_memfd_provider;
    u->context.renderer = &u->renderer;
    u->context.events_user = u;
    strcpy(u->context.name, "unit");
    pthread_mutex_init(&u->context.lock, NULL);
    u->d = &u->context.virtqueue;
    if (venus_object_table_init(&u->context.objects)) {
        unit_destroy(u);
        return NULL;
    }
    venus_decoder_init(u->d, &u->context, NULL);
    return u;
}

void unit_destroy(struct unit *u)
{
    if (!u)
        return;
    venus_decoder_finish(u->d);
    assert_int_equal(atomic_load(&u->context.command_memory), 0);
    venus_resource_put_all(&u->context);
    venus_object_table_finish(&u->context.objects);
    pthread_mutex_destroy(&u->context.lock);
    free(u);
}

int unit_setup(void **state)
{
    *state = unit_create();
    return *state ? 0 : -1;
}

int unit_teardown(void **state)
{
    unit_destroy(*state);
    return 0;
}

void unit_start(struct unit *u)
{
    u->d->start = u->d->cur = u->stream.bytes;
    u->d->end = u->stream.bytes + u->stream.size;
}

bool unit_run(struct unit *u)
{
    return venus_decoder_run(u->d, u->stream.bytes, u->stream.size, NULL);
}

void unit_renew(struct unit *u)
{
    venus_decoder_finish(u->d);
    venus_decoder_init(u->d, &u->context, NULL);
    atomic_store(&u->context.fatal, false);
    atomic_store(&u->context.reported, false);
    u->fatal_calls = 0;
    u->stream.size = 0;
    unit_messages = 0;
    unit_message[0] = '\0';
}

void assert_failed(struct unit *u, const char *text)
{
    assert_true(u->d->fatal);
    assert_true(atomic_load(&u->context.fatal));
    assert_int_equal(u->fatal_calls, 1);
    assert_int_equal(unit_messages, 1);
    if (!strstr(unit_message, text))
        fail_msg("\"%s\" is not in \"%s\"", text, unit_message);
}
