/* SPDX-License-Identifier: MIT */
/* Texts that say why something failed; parts of them are what a guest wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "reason.h"

static void test_text(void **state)
{
    (void)state;
    struct reason reason;
    assert_false(reason_set(&reason, "key %s: %d", "hostmem", 7));
    assert_string_equal(reason.text, "key hostmem: 7");
    assert_false(reason_prefix(&reason, "line %d", 3));
    assert_string_equal(reason.text, "line 3: key hostmem: 7");
    assert_false(reason_set(&reason, "%s", ""));
    assert_string_equal(reason.text, "");
}

/* A text may be made of the one before. */
static void test_of_itself(void **state)
{
    (void)state;
    struct reason reason;
    reason_set(&reason, "why");
    reason_set(&reason, "%s, and %s again", reason.text, reason.text);
    assert_string_equal(reason.text, "why, and why again");
    reason_prefix(&reason, "%.3s", reason.text);
    assert_string_equal(reason.text, "why: why, and why again");
}

static void test_not_printable(void **state)
{
    (void)state;
    struct reason reason;
    reason_set(&reason, "a%sb", "\033[2J\n\x7f\t");
    for (const char *c = reason.text; *c; c++)
        assert_in_range(*c, ' ', '~');
    assert_int_equal(reason.text[0], 'a');
    reason_set(&reason, "x");
    reason_prefix(&reason, "\r%s", "\x01");
    for (const char *c = reason.text; *c; c++)
        assert_in_range(*c, ' ', '~');
}

static void test_too_long(void **state)
{
    (void)state;
    struct reason reason;
    char text[2 * sizeof(reason.text)];
    memset(text, 'y', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    reason_set(&reason, "%s", text);
    assert_int_equal(strlen(reason.text), sizeof(reason.text) - 1);
    reason_prefix(&reason, "before");
    assert_memory_equal(reason.text, "before: yyy", 11);
    assert_int_equal(strlen(reason.text), sizeof(reason.text) - 1);
    reason_prefix(&reason, "%s", text);
    assert_int_equal(strlen(reason.text), sizeof(reason.text) - 1);
    assert_null(strchr(reason.text, ':'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_of_itself),
        cmocka_unit_test(test_not_printable),
        cmocka_unit_test(test_too_long),
    };
    return cmocka_run_group_tests_name("reason", tests, NULL, NULL);
}
