/* SPDX-License-Identifier: MIT */
#include "unit.h"

static uint32_t word(const uint8_t *capset, unsigned int i)
{
    return (uint32_t)capset[4 * i] | (uint32_t)capset[4 * i + 1] << 8 |
           (uint32_t)capset[4 * i + 2] << 16 | (uint32_t)capset[4 * i + 3] << 24;
}

static bool bit(const uint8_t *capset, uint32_t number)
{
    return word(capset, 5 + number / 32) >> number % 32 & 1;
}

static void test_layout(void **state)
{
    (void)state;
    uint8_t capset[VENUS_CAPSET_SIZE + 1];
    memset(capset, 0xaa, sizeof(capset));
    venus_capset_fill(capset, false);
    assert_int_equal(capset[VENUS_CAPSET_SIZE], 0xaa);

    assert_int_equal(word(capset, 0), 1); /* wire format: Mesa wants exactly this */
    assert_int_equal(word(capset, 1), venus_registry_version);
    assert_true(word(capset, 1) >= VK_MAKE_API_VERSION(0, 1, 3, 239));
    assert_true(word(capset, 1) < VK_MAKE_API_VERSION(0, 2, 0, 0)); /* no variant bits */
    assert_int_equal(word(capset, 2), 1);
    assert_true(word(capset, 3) >= 2);
    assert_int_equal(word(capset, 4), 1);
    assert_int_equal(word(capset, 37), 1);
    assert_int_equal(word(capset, 38), 1);
    assert_int_equal(word(capset, 39), 0);
}

static void test_guest_vram(void **state)
{
    (void)state;
    uint8_t capset[VENUS_CAPSET_SIZE], plain[VENUS_CAPSET_SIZE];
    venus_capset_fill(plain, false);
    venus_capset_fill(capset, true);
    assert_int_equal(word(capset, 39), 1);
    assert_memory_equal(capset, plain, 4 * 39); /* nothing else differs */
}

static void test_extension_mask(void **state)
{
    (void)state;
    uint8_t capset[VENUS_CAPSET_SIZE];
    venus_capset_fill(capset, false);
    assert_true(bit(capset, 0));   /* the mask is valid */
    assert_true(bit(capset, 384)); /* VK_EXT_command_serialization */
    assert_true(bit(capset, 385)); /* VK_MESA_venus_protocol */
    assert_true(bit(capset, 315)); /* VK_KHR_synchronization2 */
    assert_false(bit(capset, 2));  /* VK_KHR_swapchain: the client's own affair */
    unsigned int bits = 0;
    for (uint32_t i = 1; i < 1024; i++)
        bits += bit(capset, i);
    assert_int_equal(bits, venus_extension_count);
    for (uint32_t i = 0; i < venus_extension_count; i++)
        assert_true(bit(capset, venus_extensions[i].number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_guest_vram),
        cmocka_unit_test(test_extension_mask),
    };
    return cmocka_run_group_tests_name("capset", tests, NULL, NULL);
}
