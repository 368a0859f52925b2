/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <unistd.h>

#include "unit.h"

static int calls;
static enum venus_log_level last_level;
static char last[4096];

static void on_log(enum venus_log_level level, const char *message)
{
    calls++;
    last_level = level;
    strncpy(last, message, sizeof(last) - 1);
}

static void test_levels(void **state)
{
    (void)state;
    venus_log_set(on_log, VENUS_LOG_WARNING);
    calls = 0;
    assert_true(venus_log_enabled(VENUS_LOG_ERROR));
    assert_true(venus_log_enabled(VENUS_LOG_WARNING));
    assert_false(venus_log_enabled(VENUS_LOG_INFO));
    venus_log(VENUS_LOG_WARNING, "%s %d", "answer", 42);
    assert_int_equal(calls, 1);
    assert_int_equal(last_level, VENUS_LOG_WARNING);
    assert_string_equal(last, "answer 42");
    venus_log(VENUS_LOG_INFO, "nothing");
    venus_log(VENUS_LOG_DEBUG, "nothing");
    assert_int_equal(calls, 1);
}

/* What a client sends must not drive a terminal, fake another line, or overrun a buffer. */
static void test_hostile_text(void **state)
{
    (void)state;
    venus_log_set(on_log, VENUS_LOG_ERROR);
    venus_log(VENUS_LOG_ERROR, "a\nb\x1b[31mc\x7f\x80\xff\td");
    assert_string_equal(last, "a?b?[31mc????d");
    char text[3000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    venus_log(VENUS_LOG_ERROR, "%s", text);
    assert_true(strlen(last) > 500);
    assert_true(strlen(last) < sizeof(text) - 1);
}

static void test_default_goes_to_stderr(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stderr);
    const int saved = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    venus_log_set(NULL, VENUS_LOG_ERROR);
    venus_log(VENUS_LOG_ERROR, "message");
    venus_log(VENUS_LOG_INFO, "nothing");
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    char text[100] = "";
    rewind(file);
    assert_non_null(fgets(text, sizeof(text), file));
    assert_string_equal(text, "venus: error: message\n");
    assert_null(fgets(text, sizeof(text), file));
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_default_goes_to_stderr),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
