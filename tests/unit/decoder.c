/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include "venus_structs.h"

/* ---- reading ---- */

static void test_scalars(void **state)
{
    struct unit *u = *state;
    put32(&u->stream, 0x01020304);
    put64(&u->stream, 0x1122334455667788); /* not 8-byte aligned */
    put32(&u->stream, 0xffffffff);
    unit_start(u);
    assert_int_equal(venus_decode_u32(u->d), 0x01020304);
    assert_int_equal(venus_decode_u64(u->d), 0x1122334455667788);
    assert_int_equal(venus_decode_u32(u->d), 0xffffffff);
    assert_false(u->d->fatal);
    assert_int_equal(venus_decode_u32(u->d), 0);
    assert_failed(u, "beyond the end");
}

static void test_errors_are_sticky(void **state)
{
    struct unit *u = *state;
    put32(&u->stream, 1);
    put32(&u->stream, 2);
    unit_start(u);
    assert_int_equal(venus_decode_u32(u->d), 1);
    venus_decoder_fail(u->d, "reason %d", 42);
    assert_failed(u, "reason 42");
    assert_int_equal(venus_decode_u32(u->d), 0);
    assert_int_equal(venus_decode_u64(u->d), 0);
    assert_null(venus_take(u->d, 4));
    assert_null(venus_take_array(u->d, 1, 4));
    assert_null(venus_decode_bytes(u->d, 4));
    assert_null(venus_decode_alloc(u->d, 1, 4));
    assert_null(venus_decode_string(u->d));
    assert_null(venus_lookup_first(u->d, VENUS_OBJECT_Device, venus_decode_u64(u->d)));
    assert_null(venus_decode_chain(u->d, venus_decode_u64(u->d), NULL));
    assert_int_equal(venus_decode_array_count(u->d, 3, false), 0);
    assert_false(venus_decoder_add_object(u->d, VENUS_OBJECT_Buffer, 1, 1, NULL, NULL));
    venus_decoder_fail(u->d, "another reason");
    assert_failed(u, "reason 42");
    assert_false(unit_run(u));
}

static void test_message(void **state)
{
    struct unit *u = *state;
    strcpy(u->context.name, "ev\nil\x1b");
    put64(&u->stream, 0);
    unit_start(u);
    venus_decode_u32(u->d);
    u->d->command = 2;
    venus_decoder_fail(u->d, "why\x7f");
    assert_string_equal(unit_message,
                        "client \"ev?il?\": vkUnitTwo at byte 4 of 8, virtqueue: why?");
    unit_renew(u);
    strcpy(u->context.name, "unit");
    u->d->ring = (struct venus_ring *)(void *)u;
    u->d->command = 999;
    venus_decoder_fail(u->d, "why");
    assert_string_equal(unit_message, "client \"unit\": command 999 at byte 0 of 0, ring: why");
}

/* A second decoder of the same context says nothing, but is dead as well. */
static void test_one_message_per_context(void **state)
{
    struct unit *u = *state;
    struct venus_decoder other;
    venus_decoder_init(&other, &u->context, NULL);
    venus_decoder_fail(u->d, "first");
    venus_decoder_fail(&other, "second");
    assert_true(other.fatal);
    assert_int_equal(unit_messages, 1);
    assert_non_null(strstr(unit_message, "first"));
    venus_decoder_finish(&other);
}

static void test_take_array(void **state)
{
    struct unit *u = *state;
    for (uint32_t i = 0; i < 6; i++)
        put32(&u->stream, i);
    unit_start(u);
    const uint8_t *p = venus_take_array(u->d, 2, 8);
    assert_non_null(p);
    assert_int_equal(venus_load32(p + 12), 3);
    assert_int_equal(venus_load64(p), UINT64_C(1) << 32);
    assert_non_null(venus_take_array(u->d, 1, 8));
    assert_non_null(venus_take_array(u->d, 0, 8));

    static const uint64_t bad[] = {7,
                                   UINT64_MAX,
                                   UINT64_MAX / 4,
                                   (UINT64_MAX / 4) + 1,
                                   (UINT64_MAX / 4) + 2,
                                   UINT64_C(1) << 62};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        unit_renew(u);
        put64(&u->stream, 0);
        unit_start(u);
        assert_null(venus_take_array(u->d, bad[i], 4));
        assert_failed(u, "beyond the end");
    }
}

static void test_alloc(void **state)
{
    struct unit *u = *state;
    assert_null(venus_decode_alloc(u->d, 0, 8));
    assert_false(u->d->fatal);
    assert_non_null(venus_decode_alloc(u->d, 1000, 8));

    static const struct {
        uint64_t count;
        size_t size;
    } bad[] = {
        {VENUS_MAX_COMMAND_MEMORY / 8 + 1, 8},
        {UINT64_MAX, 1},
        {UINT64_MAX, 16},
        {UINT64_MAX / 8 + 1, 8}, /* the product is 0 */
        {UINT64_MAX / 8 + 2, 8}, /* and 8 */
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        unit_renew(u);
        assert_null(venus_decode_alloc(u->d, bad[i].count, bad[i].size));
        assert_failed(u, "no memory");
    }
}

static void alloc_and_run_nested(struct venus_decoder *d)
{
    static const uint32_t nested[] = {2, 0};
    venus_decode_alloc(d, 1 << 20, 1);
    venus_decoder_run(d, nested, sizeof(nested), NULL);
}

static void alloc_more(struct venus_decoder *d)
{
    venus_decode_alloc(d, 1 << 20, 1);
}

/* A command, the one in its stream, and what other decoders have are counted together. */
static void test_context_limit(void **state)
{
    struct unit *u = *state;
    atomic_size_t *used = &u->context.command_memory;
    unit_commands[0] = alloc_and_run_nested;
    unit_commands[1] = alloc_more;
    for (uint32_t short_of = 0; short_of < 2; short_of++) {
        unit_renew(u);
        put_command(&u->stream, 1, 0);
        const size_t elsewhere = VENUS_MAX_CONTEXT_MEMORY - (2 << 20) + short_of;
        assert_true(venus_context_memory_take(used, elsewhere));
        assert_int_equal(unit_run(u), !short_of);
        if (short_of)
            assert_failed(u, "a context 1073741824");
        /* what the nested run took has been given back */
        assert_int_equal(atomic_load(used), elsewhere + u->d->arena.used);
        venus_context_memory_give_back(used, elsewhere);
    }
}

static void test_array_count(void **state)
{
    struct unit *u = *state;
    static const struct {
        uint64_t count, expected;
        bool optional, ok;
    } cases[] = {
        {3, 3, false, true},          {3, 3, true, true},   {0, 0, false, true},
        {0, 0, true, true},           {0, 3, true, true},   {0, 3, false, false},
        {2, 3, true, false},          {2, 3, false, false}, {4, 3, true, false},
        {UINT64_MAX, 3, true, false}, {1, 0, true, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        unit_renew(u);
        put64(&u->stream, cases[i].count);
        unit_start(u);
        const uint64_t n = venus_decode_array_count(u->d, cases[i].expected, cases[i].optional);
        assert_int_equal(n, cases[i].ok ? cases[i].count : 0);
        if (cases[i].ok)
            assert_false(u->d->fatal);
        else
            assert_failed(u, "are declared");
    }
}

static void test_present(void **state)
{
    struct unit *u = *state;
    put64(&u->stream, 0);
    put64(&u->stream, 1);
    put64(&u->stream, 2);
    unit_start(u);
    assert_false(venus_decode_present(u->d));
    assert_true(venus_decode_present(u->d));
    assert_false(u->d->fatal);
    assert_false(venus_decode_present(u->d));
    assert_failed(u, "pointer marker 2");
}

static void test_no_allocator(void **state)
{
    struct unit *u = *state;
    put64(&u->stream, 0);
    put64(&u->stream, 1);
    unit_start(u);
    venus_decode_no_allocator(u->d);
    assert_false(u->d->fatal);
    venus_decode_no_allocator(u->d);
    assert_failed(u, "VkAllocationCallbacks");
}

static void test_bytes(void **state)
{
    struct unit *u = *state;
    put_bytes(&u->stream, "abcde", 5);
    put_bytes(&u->stream, "fghi", 4);
    unit_start(u);
    assert_memory_equal(venus_decode_bytes(u->d, 5), "abcde\0\0", 8);
    assert_null(venus_decode_bytes(u->d, 0));
    assert_memory_equal(venus_decode_bytes(u->d, 4), "fghi", 4);
    assert_false(u->d->fatal);

    static const uint64_t bad[] = {9,
                                   UINT64_MAX,
                                   UINT64_MAX - 1,
                                   UINT64_MAX - 2,
                                   UINT64_MAX - 3,
                                   UINT64_C(1) << 63,
                                   UINT64_C(1) << 32};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        unit_renew(u);
        put64(&u->stream, 0);
        unit_start(u);
        assert_null(venus_decode_bytes(u->d, bad[i]));
        assert_failed(u, "beyond the end");
    }
}

static void test_strings(void **state)
{
    struct unit *u = *state;
    put_string(&u->stream, "");
    put_string(&u->stream, "abc");
    put_string(&u->stream, "abcd");
    put64(&u->stream, 0);
    unit_start(u);
    assert_string_equal(venus_decode_string(u->d), "");
    assert_string_equal(venus_decode_string(u->d), "abc");
    assert_string_equal(venus_decode_string(u->d), "abcd");
    assert_null(venus_decode_string(u->d));
    assert_false(u->d->fatal);

    unit_renew(u);
    put64(&u->stream, 3);
    put_bytes(&u->stream, "abc", 3); /* its NUL is only padding */
    unit_start(u);
    assert_null(venus_decode_string(u->d));
    assert_failed(u, "without the final NUL");
}

static void test_string_arrays(void **state)
{
    struct unit *u = *state;
    put_string(&u->stream, "one");
    put_string(&u->stream, "three");
    unit_start(u);
    const char *const *strings = venus_decode_string_array(u->d, 2);
    assert_non_null(strings);
    assert_string_equal(strings[0], "one");
    assert_string_equal(strings[1], "three");
    assert_null(venus_decode_string_array(u->d, 0));
    assert_false(u->d->fatal);

    unit_renew(u);
    put_string(&u->stream, "one");
    put64(&u->stream, 0);
    unit_start(u);
    assert_null(venus_decode_string_array(u->d, 2));
    assert_failed(u, "string 1 of an array is absent");

    unit_renew(u);
    unit_start(u);
    assert_null(venus_decode_string_array(u->d, UINT64_MAX));
    assert_failed(u, "no memory");
}

/* ---- objects ---- */

static char device_a, device_b;
#define DEVICE_A ((struct venus_device *)(void *)&device_a)
#define DEVICE_B ((struct venus_device *)(void *)&device_b)

static void add_devices(struct unit *u)
{
    struct venus_object_table *t = &u->context.objects;
    assert_int_equal(venus_object_add(t, VENUS_OBJECT_Device, 1, 10, DEVICE_A, NULL, NULL, NULL),
                     0);
    assert_int_equal(venus_object_add(t, VENUS_OBJECT_Device, 2, 20, DEVICE_B, NULL, NULL, NULL),
                     0);
    assert_int_equal(venus_object_add(t, VENUS_OBJECT_Buffer, 3, 30, DEVICE_A, NULL, NULL, NULL),
                     0);
    assert_int_equal(venus_object_add(t, VENUS_OBJECT_Buffer, 4, 40, DEVICE_B, NULL, NULL, NULL),
                     0);
}

static void test_first(void **state)
{
    struct unit *u = *state;
    add_devices(u);
    put64(&u->stream, 2);
    unit_start(u);
    struct venus_object *o = venus_lookup_first(u->d, VENUS_OBJECT_Device, venus_decode_u64(u->d));
    assert_non_null(o);
    assert_int_equal(o->handle, 20);
    assert_ptr_equal(u->d->device, DEVICE_B);

    static const struct {
        uint64_t id;
        const char *text;
    } bad[] = {
        {0, "VkDevice 0x0 does not exist"},
        {5, "VkDevice 0x5 does not exist"},
        {3, "0x3 is a VkBuffer, not a VkDevice"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        unit_renew(u);
        put64(&u->stream, bad[i].id);
        unit_start(u);
        assert_null(venus_lookup_first(u->d, VENUS_OBJECT_Device, venus_decode_u64(u->d)));
        assert_failed(u, bad[i].text);
    }
}

/* What the decoder remembers of an earlier command must not outlive the object. */
static void test_first_again(void **state)
{
    struct unit *u = *state;
    add_devices(u);
    assert_int_equal(venus_lookup_first(u->d, VENUS_OBJECT_Device, 1)->handle, 10);
    assert_int_equal(venus_lookup_first(u->d, VENUS_OBJECT_Device, 2)->handle, 20);
    u->d->device = NULL;
    assert_int_equal(venus_lookup_first(u->d, VENUS_OBJECT_Device, 2)->handle, 20);
    assert_ptr_equal(u->d->device, DEVICE_B);

    /* another object takes its memory, under another id and then under the same */
    struct venus_object_table *t = u->d->objects;
    const uint64_t ids[] = {6, 2};
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        const uint64_t old = u->d->recent[VENUS_OBJECT_Device]->id;
        assert_true(venus_object_remove(t, VENUS_OBJECT_Device, old, NULL, NULL));
        assert_int_equal(
            venus_object_add(t, VENUS_OBJECT_Device, ids[i], 60 + i, DEVICE_A, NULL, NULL, NULL),
            0);
        assert_int_equal(venus_lookup_first(u->d, VENUS_OBJECT_Device, ids[i])->handle, 60 + i);
        assert_ptr_equal(u->d->device, DEVICE_A);
    }

    /* it has id 0 now */
    assert_true(venus_object_remove(t, VENUS_OBJECT_Device, 2, NULL, NULL));
    assert_null(venus_lookup_first(u->d, VENUS_OBJECT_Device, 0));
    assert_failed(u, "VkDevice 0x0 does not exist");
}

static void test_lookup(void **state)
{
    struct unit *u = *state;
    add_devices(u);
    u->d->device = DEVICE_A;
    assert_int_equal(venus_lookup_handle(u->d, VENUS_OBJECT_Buffer, 3), 30);
    assert_null(venus_lookup(u->d, VENUS_OBJECT_Buffer, 0));
    assert_int_equal(venus_lookup_handle(u->d, VENUS_OBJECT_Buffer, 0), 0);
    assert_false(u->d->fatal);

    static const struct {
        uint64_t id;
        enum venus_object_type type;
        const char *text;
    } bad[] = {
        {3, VENUS_OBJECT_Image, "0x3 is a VkBuffer, not a VkImage"},
        {4, VENUS_OBJECT_Buffer, "VkBuffer 0x4 belongs to another device"},
        {UINT64_MAX, VENUS_OBJECT_Buffer, "VkBuffer 0xffffffffffffffff does not exist"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        unit_renew(u);
        u->d->device = DEVICE_A;
        assert_int_equal(venus_lookup_handle(u->d, bad[i].type, bad[i].id), 0);
        assert_failed(u, bad[i].text);
    }
}

static void test_add_object(void **state)
{
    struct unit *u = *state;
    add_devices(u);
    u->d->device = DEVICE_B;
    assert_true(venus_decoder_add_object(u->d, VENUS_OBJECT_Image, 5, 50, NULL, NULL));
    assert_ptr_equal(venus_object_find(u->d->objects, 5)->device, DEVICE_B);
    assert_false(venus_decoder_add_object(u->d, VENUS_OBJECT_Image, 5, 51, NULL, NULL));
    assert_failed(u, "new VkImage 0x5: in use already");
    unit_renew(u);
    assert_false(venus_decoder_add_object(u->d, VENUS_OBJECT_Image, 0, 51, NULL, NULL));
    assert_failed(u, "new VkImage 0x0: not usable as an id");
}

/* ---- the command loop ---- */

static int calls;
static uint32_t values[8];

static void take_one(struct venus_decoder *d)
{
    assert_int_equal(d->depth, 0);
    assert_null(d->device);
    assert_null(d->pool);
    d->depth = 3; /* whatever a command leaves behind must not be seen by the next one */
    d->device = DEVICE_A;
    d->pool = (void *)&device_b;
    values[calls++] = venus_decode_u32(d);
}

static size_t consumed[8];
static int consumed_count;

static void note_consumed(struct venus_decoder *d, size_t size)
{
    (void)d;
    consumed[consumed_count++] = size;
}

static void test_run(void **state)
{
    struct unit *u = *state;
    calls = consumed_count = 0;
    unit_commands[0] = take_one;
    for (uint32_t i = 0; i < 3; i++) {
        put_command(&u->stream, 1, i & 1);
        put32(&u->stream, 100 + i);
    }
    assert_true(venus_decoder_run(u->d, u->stream.bytes, u->stream.size, note_consumed));
    assert_int_equal(calls, 3);
    assert_int_equal(consumed_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(values[i], 100 + i);
        assert_int_equal(consumed[i], 12 * (i + 1));
    }
    assert_int_equal(u->d->nesting, 0);
    assert_true(venus_decoder_run(u->d, NULL, 0, NULL)); /* nothing to do */
}

static void test_run_bad_commands(void **state)
{
    struct unit *u = *state;
    static const struct {
        uint32_t number, flags;
        const char *text;
    } bad[] = {
        {0, 0, "vkRefused at byte 8 of 12, virtqueue: this command is not known"},
        {UNIT_COMMANDS + 1, 0, "command 5 at byte 8 of 12, virtqueue: this command is not known"},
        {UINT32_MAX, 0, "command 4294967295 at"},
        {1, 2, "unknown command flags 0x2"},
        {1, 0x80000001, "unknown command flags 0x80000001"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        unit_renew(u);
        put_command(&u->stream, bad[i].number, bad[i].flags);
        put32(&u->stream, 0);
        assert_false(unit_run(u));
        assert_failed(u, bad[i].text);
    }
}

static void test_run_truncated(void **state)
{
    struct unit *u = *state;
    unit_commands[0] = take_one;
    put_command(&u->stream, 1, 0);
    put32(&u->stream, 5);
    put_command(&u->stream, 1, 0);
    put32(&u->stream, 6);
    const size_t size = u->stream.size;
    for (size_t cut = 1; cut < size; cut++) {
        unit_renew(u);
        calls = consumed_count = 0;
        if (cut == size / 2)
            continue; /* whole commands */
        assert_false(venus_decoder_run(u->d, u->stream.bytes, cut, note_consumed));
        assert_failed(u, "beyond the end");
        assert_int_equal(consumed_count, cut > size / 2);
    }
}

static void fail_context(struct venus_decoder *d)
{
    calls++;
    atomic_store(&d->context->fatal, true); /* as another thread would */
}

static void test_run_stops_with_its_context(void **state)
{
    struct unit *u = *state;
    calls = 0;
    unit_commands[0] = fail_context;
    put_command(&u->stream, 1, 0);
    put_command(&u->stream, 1, 0);
    assert_false(unit_run(u));
    assert_int_equal(calls, 1);
    assert_false(unit_run(u));
    assert_int_equal(calls, 1);
}

/* ---- nested runs ---- */

static struct stream inner;
static bool inner_ok;

static void alloc_and_scribble(struct venus_decoder *d)
{
    uint8_t *p = venus_decode_alloc(d, 1, 5000);
    assert_non_null(p);
    memset(p, 0xee, 5000);
    assert_int_equal(d->nesting, 2);
    d->device = DEVICE_B;
    d->pool = (void *)&device_a;
    calls++;
}

/* Like vkExecuteCommandStreamsMESA: its arguments are used between the nested runs. */
static void execute(struct venus_decoder *d)
{
    const uint32_t count = venus_decode_u32(d);
    uint32_t *args = venus_decode_alloc(d, 100, sizeof(*args));
    for (uint32_t i = 0; i < 100; i++)
        args[i] = i;
    d->device = DEVICE_A;
    const uint8_t *const cur = d->cur;
    const uint8_t nesting = d->nesting;
    for (uint32_t i = 0; i < count; i++) {
        inner_ok = venus_decoder_run(d, inner.bytes, inner.size, note_consumed);
        for (uint32_t k = 0; k < 100; k++)
            assert_int_equal(args[k], k);
        assert_int_equal(d->command, 2);
        assert_int_equal(d->command_flags, 1);
        assert_int_equal(d->nesting, nesting);
        assert_ptr_equal(d->device, DEVICE_A);
        assert_null(d->pool);
        assert_ptr_equal(d->cur, cur);
    }
}

static void prepare_nested(struct unit *u)
{
    calls = consumed_count = 0;
    inner.size = 0;
    unit_commands[0] = alloc_and_scribble;
    unit_commands[1] = execute;
    put_command(&u->stream, 2, 1);
    put32(&u->stream, 2);
}

static void test_nested(void **state)
{
    struct unit *u = *state;
    prepare_nested(u);
    put_command(&inner, 1, 0);
    put_command(&inner, 1, 0);
    unit_commands[2] = take_one;
    put_command(&u->stream, 3, 0);
    put32(&u->stream, 77);
    assert_true(unit_run(u));
    assert_true(inner_ok);
    assert_int_equal(consumed_count, 4);
    assert_int_equal(consumed[0], 8);
    assert_int_equal(consumed[3], 16);
    assert_int_equal(calls, 5);
    assert_int_equal(values[4], 77);
}

static void test_nested_error(void **state)
{
    struct unit *u = *state;
    prepare_nested(u);
    put_command(&inner, 1, 0);
    put_command(&inner, 0, 0);
    put_command(&u->stream, 1, 0);
    assert_false(unit_run(u));
    assert_false(inner_ok);
    assert_failed(u, "vkRefused at byte 16 of 16, nested stream: this command is not known");
    assert_int_equal(calls, 1);
    assert_int_equal(venus_decode_u32(u->d), 0);
}

static void test_no_deeper_nesting(void **state)
{
    struct unit *u = *state;
    prepare_nested(u);
    put_command(&inner, 2, 1);
    put32(&inner, 1);
    assert_false(unit_run(u));
    assert_failed(u, "a command stream inside a nested command stream");
}

/* ---- shader code ---- */

/* Drivers read SPIR-V as 32-bit words, wherever it comes from. */
static void test_spirv(void **state)
{
    struct unit *u = *state;
    static const uint32_t code[2] = {1, 2};
    for (uint64_t size = 4; size <= 8; size++) {
        unit_renew(u);
        put32(&u->stream, VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO);
        put64(&u->stream, 0); /* pNext */
        put32(&u->stream, 0); /* flags */
        put64(&u->stream, size);
        put64(&u->stream, size / 4);
        put_bytes(&u->stream, code, size / 4 * 4);
        unit_start(u);
        VkShaderModuleCreateInfo info;
        venus_decode_VkShaderModuleCreateInfo(u->d, &info);
        if (size % 4) {
            assert_failed(u, "not a multiple of 4");
        } else {
            assert_false(u->d->fatal);
            assert_memory_equal(info.pCode, code, size);
        }
    }
}

static void test_finish_zeroed(void **state)
{
    (void)state;
    struct venus_decoder d = {0};
    venus_decoder_finish(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(test_scalars),
        UNIT_TEST(test_errors_are_sticky),
        UNIT_TEST(test_message),
        UNIT_TEST(test_one_message_per_context),
        UNIT_TEST(test_take_array),
        UNIT_TEST(test_alloc),
        UNIT_TEST(test_context_limit),
        UNIT_TEST(test_array_count),
        UNIT_TEST(test_present),
        UNIT_TEST(test_no_allocator),
        UNIT_TEST(test_bytes),
        UNIT_TEST(test_strings),
        UNIT_TEST(test_string_arrays),
        UNIT_TEST(test_first),
        UNIT_TEST(test_first_again),
        UNIT_TEST(test_lookup),
        UNIT_TEST(test_add_object),
        UNIT_TEST(test_run),
        UNIT_TEST(test_run_bad_commands),
        UNIT_TEST(test_run_truncated),
        UNIT_TEST(test_run_stops_with_its_context),
        UNIT_TEST(test_nested),
        UNIT_TEST(test_nested_error),
        UNIT_TEST(test_no_deeper_nesting),
        UNIT_TEST(test_spirv),
        cmocka_unit_test(test_finish_zeroed),
    };
    return cmocka_run_group_tests_name("decoder", tests, NULL, NULL);
}
