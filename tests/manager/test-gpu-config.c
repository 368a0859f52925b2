/* SPDX-License-Identifier: MIT */
/* Entries of the gpu list: what is taken, and what is said about the rest. */
#include "check.h"

#include "gpu_config.h"

static void accept_entry(const char *text, struct gpu_config *config)
{
    struct reason reason = {0};
    if (!gpu_config_parse(config, text, &reason))
        fail_msg("\"%s\" refused: %s", text, reason.text);
}

static void refuse_entry(const char *text, const char *why)
{
    struct gpu_config config;
    struct reason reason = {0};
    if (gpu_config_parse(&config, text, &reason))
        fail_msg("\"%s\" taken", text);
    if (strcmp(reason.text, why))
        fail_msg("\"%s\" refused with \"%s\", not with \"%s\"", text, reason.text, why);
}

static void test_defaults(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "  ", "\t"};
    for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
        struct gpu_config c;
        accept_entry(texts[i], &c);
        assert_int_equal(c.hostmem, 512ull << 20);
        assert_string_equal(c.selector, "");
        assert_true(c.venus);
        assert_int_equal(c.window, GPU_WINDOW_AUTO);
        assert_false(c.per_blob);
        assert_int_equal(c.contexts, 64);
    }
}

static void test_every_key(void **state)
{
    (void)state;
    struct gpu_config c;
    accept_entry("hostmem=1G,gpu=0000:01:00.0,venus=0,window=grant,mapping=window,contexts=7", &c);
    assert_int_equal(c.hostmem, 1ull << 30);
    assert_string_equal(c.selector, "0000:01:00.0");
    assert_false(c.venus);
    assert_int_equal(c.window, GPU_WINDOW_GRANT);
    assert_false(c.per_blob);
    assert_int_equal(c.contexts, 7);
    accept_entry(" hostmem = 2048k , mapping=per-blob,gpu = Radeon RX 7600 ,contexts=1024", &c);
    assert_int_equal(c.hostmem, 2ull << 20);
    assert_true(c.per_blob);
    assert_string_equal(c.selector, "Radeon RX 7600");
    assert_int_equal(c.contexts, 1024);
    accept_entry("window=foreign,venus=1,hostmem=64G", &c);
    assert_int_equal(c.window, GPU_WINDOW_FOREIGN);
    assert_int_equal(c.hostmem, 64ull << 30);
    accept_entry("window=auto,mapping=per-blob", &c);
    assert_true(c.per_blob);
}

static void test_sizes(void **state)
{
    (void)state;
    refuse_entry("hostmem=", "hostmem=: not a size; a size is like 512M");
    refuse_entry("hostmem=big", "hostmem=big: not a size; a size is like 512M");
    refuse_entry("hostmem=-2M", "hostmem=-2M: not a size; a size is like 512M");
    refuse_entry("hostmem=0x20M", "hostmem=0x20M: the unit must be K, M or G (hostmem=512M)");
    refuse_entry("hostmem=512", "hostmem=512: the unit must be K, M or G (hostmem=512M)");
    refuse_entry("hostmem=512MB", "hostmem=512MB: the unit must be K, M or G (hostmem=512M)");
    refuse_entry("hostmem=1T", "hostmem=1T: the unit must be K, M or G (hostmem=512M)");
    refuse_entry("hostmem=1.5G", "hostmem=1.5G: the unit must be K, M or G (hostmem=512M)");
    refuse_entry("hostmem=0M", "hostmem=0M: not a multiple of 2M");
    refuse_entry("hostmem=3M", "hostmem=3M: not a multiple of 2M");
    refuse_entry("hostmem=2047K", "hostmem=2047K: not a multiple of 2M");
    refuse_entry("hostmem=65G", "hostmem=65G: more than the largest window, 64G");
    /* 2^64 bytes, and more digits than 64 bits hold. */
    refuse_entry("hostmem=17179869184G", "hostmem=17179869184G: more than the largest window, 64G");
    refuse_entry("hostmem=99999999999999999999M",
                 "hostmem=99999999999999999999M: not a size; a size is like 512M");
}

static void test_wrong_values(void **state)
{
    (void)state;
    refuse_entry("venus=yes", "venus=yes: must be 0 or 1");
    refuse_entry("venus=", "venus=: must be 0 or 1");
    refuse_entry("window=map", "window=map: must be grant, foreign or auto");
    refuse_entry("mapping=blob", "mapping=blob: must be window or per-blob");
    refuse_entry("contexts=0", "contexts=0: must be a number from 1 to 1024");
    refuse_entry("contexts=1025", "contexts=1025: must be a number from 1 to 1024");
    refuse_entry("contexts=1x", "contexts=1x: must be a number from 1 to 1024");
    refuse_entry("contexts=", "contexts=: must be a number from 1 to 1024");
    refuse_entry("gpu=", "gpu=: the selector is empty (see xen-venusd --list-gpus)");
    refuse_entry("mapping=per-blob,window=grant",
                 "window=grant: has no meaning with mapping=per-blob");
    char text[GPU_CONFIG_MAX_TEXT + 1] = "gpu=";
    memset(text + 4, 'x', GPU_CONFIG_MAX_SELECTOR + 1);
    struct gpu_config c;
    struct reason reason = {0};
    assert_false(gpu_config_parse(&c, text, &reason));
    assert_non_null(strstr(reason.text, "longer than 127 bytes"));
    text[4 + GPU_CONFIG_MAX_SELECTOR] = '\0';
    accept_entry(text, &c);
}

static void test_wrong_keys(void **state)
{
    (void)state;
#define KEYS "hostmem, gpu, venus, window, mapping, contexts"
    refuse_entry("hostmen=512M", "hostmen=512M: no such key; there are " KEYS);
    refuse_entry("Venus=1", "Venus=1: no such key; there are " KEYS);
    refuse_entry("=1", "=1: no such key; there are " KEYS);
    refuse_entry("venus", "\"venus\": no value; expected KEY=VALUE of " KEYS);
    refuse_entry("venus=1,", "nothing between two commas; expected KEY=VALUE of " KEYS);
    refuse_entry(",venus=1", "nothing between two commas; expected KEY=VALUE of " KEYS);
    refuse_entry("venus=1, ,contexts=3", "nothing between two commas; expected KEY=VALUE of " KEYS);
    refuse_entry("venus=1,venus=0", "venus=0: venus is given twice");
    refuse_entry("hostmem=2M,gpu=0,hostmem=4M", "hostmem=4M: hostmem is given twice");
}

/* An entry may come over the control socket: no length and no byte is taken for granted. */
static void test_hostile_text(void **state)
{
    (void)state;
    struct gpu_config c;
    struct reason reason = {0};
    char text[4000];
    memset(text, ',', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_false(gpu_config_parse(&c, text, &reason));
    assert_string_equal(reason.text, "longer than 511 bytes");
    text[511] = '\0';
    assert_false(gpu_config_parse(&c, text, &reason));
    memset(text, 'k', 511);
    assert_false(gpu_config_parse(&c, text, &reason));
    assert_true(strlen(reason.text) < sizeof(reason.text));
    refuse_entry("venus=\x1b[31m\n", "venus=?[31m?: must be 0 or 1");
}

static void test_format(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "hostmem=512M,venus=1,mapping=window,contexts=64,window=auto",
        "hostmem=2M,venus=0,mapping=window,contexts=1,window=grant,gpu=llvmpipe",
        "hostmem=1024M,venus=1,mapping=per-blob,contexts=1024,gpu=a b",
        "hostmem=65536M,venus=1,mapping=window,contexts=64,window=foreign",
    };
    for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
        struct gpu_config c;
        char text[GPU_CONFIG_MAX_TEXT];
        accept_entry(texts[i], &c);
        gpu_config_format(&c, text);
        assert_string_equal(text, texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),   cmocka_unit_test(test_every_key),
        cmocka_unit_test(test_sizes),      cmocka_unit_test(test_wrong_values),
        cmocka_unit_test(test_wrong_keys), cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_format),
    };
    return cmocka_run_group_tests_name("gpu-config", tests, NULL, NULL);
}
