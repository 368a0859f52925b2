/* SPDX-License-Identifier: MIT */
/* The vtest server's message parsing: headers, the receive buffer, submissions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "vtest_limits.h"
#include "vtest_message.h"

static void test_headers(void **state)
{
    (void)state;
    uint32_t size;
    assert_null(vtest_header_check(5, VTEST_CREATE_RENDERER, VTEST_PHASE_NEW, &size));
    assert_int_equal(size, 5); /* bytes */
    assert_null(vtest_header_check(6, VTEST_RESOURCE_CREATE_BLOB, VTEST_PHASE_READY, &size));
    assert_int_equal(size, 24);
    assert_null(
        vtest_header_check(VTEST_MAX_MESSAGE / 4, VTEST_SUBMIT_CMD2, VTEST_PHASE_READY, &size));
    assert_int_equal(size, VTEST_MAX_MESSAGE);
    /* Lengths whose byte count overflows. */
    assert_string_equal(vtest_header_check(0x40000001, VTEST_SUBMIT_CMD2, VTEST_PHASE_READY, &size),
                        "message is too long");
    assert_string_equal(vtest_header_check(0x40000000, VTEST_SYNC_WAIT, VTEST_PHASE_READY, &size),
                        "message is too long");
    assert_string_equal(vtest_header_check(0, VTEST_CREATE_RENDERER, VTEST_PHASE_NEW, &size),
                        "message is too short");
    assert_string_equal(
        vtest_header_check(VTEST_MAX_NAME + 1, VTEST_CREATE_RENDERER, VTEST_PHASE_NEW, &size),
        "message is too long");
}

/* Every number in every phase: refused, or a known command. */
static void test_phases(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {
        [VTEST_RESOURCE_UNREF] = 1,       [VTEST_RESOURCE_BUSY_WAIT] = 2,
        [VTEST_CREATE_RENDERER] = 2,      [VTEST_PING_PROTOCOL_VERSION] = 0,
        [VTEST_PROTOCOL_VERSION] = 1,     [VTEST_GET_PARAM] = 1,
        [VTEST_GET_CAPSET] = 2,           [VTEST_CONTEXT_INIT] = 1,
        [VTEST_RESOURCE_CREATE_BLOB] = 6, [VTEST_SYNC_CREATE] = 2,
        [VTEST_SYNC_UNREF] = 1,           [VTEST_SYNC_READ] = 1,
        [VTEST_SYNC_WRITE] = 3,           [VTEST_SYNC_WAIT] = 2,
        [VTEST_SUBMIT_CMD2] = 1,
    };
    static const uint32_t allowed[] = {
        [VTEST_PHASE_NEW] = 1u << VTEST_CREATE_RENDERER,
        [VTEST_PHASE_NAMED] = 1u << VTEST_PING_PROTOCOL_VERSION | 1u << VTEST_RESOURCE_BUSY_WAIT |
                              1u << VTEST_PROTOCOL_VERSION,
        [VTEST_PHASE_VERSIONED] = 1u << VTEST_PING_PROTOCOL_VERSION |
                                  1u << VTEST_RESOURCE_BUSY_WAIT | 1u << VTEST_GET_PARAM |
                                  1u << VTEST_GET_CAPSET | 1u << VTEST_CONTEXT_INIT,
        [VTEST_PHASE_READY] = 1u << VTEST_PING_PROTOCOL_VERSION | 1u << VTEST_RESOURCE_BUSY_WAIT |
                              1u << VTEST_GET_PARAM | 1u << VTEST_GET_CAPSET | 0x1fc0008,
    };
    for (int phase = VTEST_PHASE_NEW; phase <= VTEST_PHASE_READY; phase++) {
        for (uint32_t command = 0; command < 40; command++) {
            uint32_t size;
            const uint32_t length = command <= VTEST_SUBMIT_CMD2 ? lengths[command] : 0;
            const char *error = vtest_header_check(length, command, phase, &size);
            const bool expected = command < 32 && allowed[phase] >> command & 1;
            if (expected != !error)
                fail_msg("command %u in phase %d: %s", command, phase, error ? error : "allowed");
        }
    }
    assert_string_equal(vtest_command_name(VTEST_SYNC_WAIT), "SYNC_WAIT");
    assert_string_equal(vtest_command_name(1), "unknown command");
    assert_string_equal(vtest_command_name(UINT32_MAX), "unknown command");
}

static void put(struct vtest_input *in, const void *data, size_t size)
{
    while (size) {
        size_t room;
        void *space = vtest_input_space(in, &room);
        assert_non_null(space);
        assert_true(room > 0);
        const size_t n = room < size ? room : size;
        memcpy(space, data, n);
        vtest_input_added(in, n);
        data = (const char *)data + n;
        size -= n;
    }
}

static void test_input(void **state)
{
    (void)state;
    struct vtest_input in = {0};
    struct vtest_message m;
    const char *error;
    const uint32_t name_header[] = {3, VTEST_CREATE_RENDERER};
    const uint32_t read[] = {1, VTEST_SYNC_READ, 0x11223344};
    put(&in, name_header, 8);
    put(&in, "ab", 3);
    put(&in, read, 6);
    assert_int_equal(vtest_input_peek(&in, VTEST_PHASE_NEW, &m, &error), VTEST_INPUT_MESSAGE);
    assert_int_equal(m.size, 3);
    assert_string_equal((const char *)m.payload, "ab");
    vtest_input_take(&in, &m);
    assert_int_equal(vtest_input_peek(&in, VTEST_PHASE_READY, &m, &error), VTEST_INPUT_INCOMPLETE);
    put(&in, (const char *)read + 6, 5);
    assert_int_equal(vtest_input_peek(&in, VTEST_PHASE_READY, &m, &error), VTEST_INPUT_INCOMPLETE);
    put(&in, (const char *)read + 11, 1);
    assert_int_equal(vtest_input_peek(&in, VTEST_PHASE_READY, &m, &error), VTEST_INPUT_MESSAGE);
    assert_int_equal((uintptr_t)m.payload % 4, 0); /* although the name was 3 bytes */
    assert_int_equal(m.payload[0], 0x11223344);
    /* Peeking changes nothing. */
    assert_int_equal(vtest_input_peek(&in, VTEST_PHASE_NEW, &m, &error), VTEST_INPUT_BAD);
    assert_string_equal(error, "before CREATE_RENDERER");
    assert_int_equal(vtest_input_peek(&in, VTEST_PHASE_READY, &m, &error), VTEST_INPUT_MESSAGE);
    vtest_input_take(&in, &m);
    assert_int_equal(vtest_input_peek(&in, VTEST_PHASE_READY, &m, &error), VTEST_INPUT_INCOMPLETE);
    vtest_input_finish(&in);
    vtest_input_finish(&in);
}

/* A long run of messages of all sizes, in odd portions, comes out as it went in. */
static void test_input_stream(void **state)
{
    (void)state;
    struct vtest_input in = {0};
    struct vtest_message m;
    const char *error;
    const size_t total = 3u << 20;
    uint8_t *stream = malloc(total);
    size_t made = 0, fed = 0;
    uint32_t words = 2, seen = 0, written = 0;
    assert_non_null(stream);
    while (made + 8 + words * 4 <= total) {
        const uint32_t header[] = {words, VTEST_SYNC_WAIT};
        memcpy(stream + made, header, 8);
        memset(stream + made + 8, written & 0xff, words * 4);
        made += 8 + words * 4;
        written++;
        words = words * 5 / 4 + 3 > 200000 ? 2 : words * 5 / 4 + 3;
    }
    while (fed < made) {
        const size_t portion = 1 + fed % 7919;
        const size_t n = portion < made - fed ? portion : made - fed;
        put(&in, stream + fed, n);
        fed += n;
        while (vtest_input_peek(&in, VTEST_PHASE_READY, &m, &error) == VTEST_INPUT_MESSAGE) {
            const uint8_t *bytes = (const uint8_t *)m.payload;
            assert_int_equal(bytes[0], seen & 0xff);
            assert_int_equal(bytes[m.size - 1], seen & 0xff);
            seen++;
            vtest_input_take(&in, &m);
        }
    }
    assert_int_equal(seen, written);
    assert_true(in.capacity <= VTEST_BUFFER_SIZE);
    free(stream);
    vtest_input_finish(&in);
}

static void test_submit(void **state)
{
    (void)state;
    uint32_t count;
    struct vtest_batch batch;
    /* Two batches of version 3: commands {100, 101} and {102}, one sync each. */
    const uint32_t v3[] = {2, 0, 13,  2,   16,  1, 5, 1, 15, 1, 19,
                           1, 7, 100, 101, 102, 1, 2, 0, 3,  4, 5};
    assert_null(vtest_submit_check(v3, 22, 3, &count));
    assert_int_equal(count, 2);
    vtest_submit_batch(v3, 3, 0, &batch);
    assert_int_equal(batch.command_size, 8);
    assert_int_equal(batch.commands[1], 101);
    assert_int_equal(batch.ring_idx, 0); /* not marked as valid */
    assert_int_equal(batch.point_count, 1);
    assert_int_equal(batch.points[0], 1);
    vtest_submit_batch(v3, 3, 1, &batch);
    assert_int_equal(batch.commands[0], 102);
    assert_int_equal(batch.ring_idx, 7);
    assert_true(vtest_u64(batch.points + 1) == 0x500000004);
    /* One word less, and the last sync does not fit. */
    assert_non_null(vtest_submit_check(v3, 21, 3, &count));
    /* Version 4 has larger heads. */
    const uint32_t v4[] = {1, 1, 9, 1, 10, 0, 3, 0, 0, 100};
    assert_null(vtest_submit_check(v4, 10, 4, &count));
    vtest_submit_batch(v4, 4, 0, &batch);
    assert_int_equal(batch.commands[0], 100);
    assert_int_equal(batch.ring_idx, 3);
    assert_string_equal(vtest_submit_check(v4, 8, 4, &count),
                        "more batches than the message has room for");
    assert_null(vtest_submit_check((const uint32_t[]){0}, 1, 3, &count));
    assert_int_equal(count, 0);
}

static void test_failure_replies(void **state)
{
    (void)state;
    static const int expected[40] = {
        [VTEST_RESOURCE_BUSY_WAIT] = 2, [VTEST_PING_PROTOCOL_VERSION] = 1,
        [VTEST_PROTOCOL_VERSION] = 2,   [VTEST_GET_PARAM] = 3,
        [VTEST_GET_CAPSET] = 2,         [VTEST_RESOURCE_CREATE_BLOB] = 12,
        [VTEST_SYNC_CREATE] = 2,        [VTEST_SYNC_READ] = 3,
        [VTEST_SYNC_WAIT] = 11,
    }; /* 1 + words, 10 more with a descriptor */
    for (uint32_t command = 0; command < 40; command++) {
        uint32_t words = 0;
        bool with_fd = false;
        const bool reply = vtest_failure_reply(command, &words, &with_fd);
        assert_int_equal(reply ? 1 + words + 10 * with_fd : 0, expected[command]);
        assert_true(words <= VTEST_FAILURE_WORDS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers), cmocka_unit_test(test_phases),
        cmocka_unit_test(test_input),   cmocka_unit_test(test_input_stream),
        cmocka_unit_test(test_submit),  cmocka_unit_test(test_failure_replies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
