/* SPDX-License-Identifier: MIT */
/* The budget of messages that processes of one device have together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"

#define HOUR 3600000u /* milliseconds: nothing is added in the time of the test */

struct capture {
    FILE *file;
    int saved;
};

static struct capture capture_begin(void)
{
    struct capture capture = {.file = tmpfile(), .saved = dup(STDERR_FILENO)};
    assert_non_null(capture.file);
    dup2(fileno(capture.file), STDERR_FILENO);
    return capture;
}

/* How many lines there were, and the last of them and the one before. */
static int capture_end(struct capture *capture, char last[2][256])
{
    int count = 0;
    dup2(capture->saved, STDERR_FILENO);
    close(capture->saved);
    rewind(capture->file);
    last[0][0] = last[1][0] = '\0';
    char line[256];
    while (fgets(line, sizeof(line), capture->file)) {
        memcpy(last[1], last[0], sizeof(line));
        memcpy(last[0], line, sizeof(line));
        count++;
    }
    fclose(capture->file);
    return count;
}

static void log_many(enum venus_log_level level, int count)
{
    for (int i = 0; i < count; i++)
        backend_log(level, "message %d", i);
}

static void test_shared(void **state)
{
    char last[2][256];
    (void)state;
    backend_log_init(VENUS_LOG_INFO);
    assert_true(backend_log_limit(10, HOUR));
    struct capture capture = capture_begin();
    log_many(VENUS_LOG_ERROR, 4);
    const pid_t pid = fork();
    if (!pid) {
        log_many(VENUS_LOG_INFO, 3);
        log_many(VENUS_LOG_DEBUG, 100); /* not shown */
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    log_many(VENUS_LOG_WARNING, 100);
    log_many(VENUS_LOG_ERROR, 100);
    assert_int_equal(capture_end(&capture, last), 10);
    assert_string_equal(last[0], "xen-venusd: warning: message 2\n");
}

/* With time there may be more, which tell what is missing. */
static void test_refill(void **state)
{
    char last[2][256];
    (void)state;
    assert_true(backend_log_limit(1, 1000));
    struct capture capture = capture_begin();
    log_many(VENUS_LOG_ERROR, 1);
    log_many(VENUS_LOG_ERROR, 6); /* within a second, unless the machine is very busy */
    usleep(1100000);
    log_many(VENUS_LOG_ERROR, 1);
    const int lines = capture_end(&capture, last);
    assert_in_range(lines, 3, 9);
    assert_string_equal(last[0], "xen-venusd: error: message 0\n");
    if (lines == 3)
        assert_string_equal(last[1],
                            "xen-venusd: warning: 6 messages were too many and are left out\n");
}

static void test_debug(void **state)
{
    char last[2][256];
    (void)state;
    backend_log_init(VENUS_LOG_DEBUG);
    assert_true(backend_log_limit(2, HOUR));
    struct capture capture = capture_begin();
    log_many(VENUS_LOG_DEBUG, 20);
    log_many(VENUS_LOG_ERROR, 20);
    log_many(VENUS_LOG_DEBUG, 20);
    assert_int_equal(capture_end(&capture, last), 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_refill),
        cmocka_unit_test(test_debug),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
