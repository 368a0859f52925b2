/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <fcntl.h>
#include <ftw.h>
#include <unistd.h>

char folder[64];

/* ---- the log ---- */

static int log_file = -1;
static int real_stderr = -1;

void log_capture(void)
{
    if (log_file < 0) {
        log_file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC | O_APPEND, 0600);
        real_stderr = dup(STDERR_FILENO);
        assert_true(log_file >= 0 && real_stderr >= 0);
        fflush(stderr);
        assert_true(dup2(log_file, STDERR_FILENO) >= 0);
        /* cmocka's own messages are still to be seen. */
        stderr = fdopen(real_stderr, "w");
        setbuf(stderr, NULL);
    }
    assert_int_equal(ftruncate(log_file, 0), 0);
}

static const char *log_text(void)
{
    static char text[1 << 20];
    const ssize_t n = pread(log_file, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

void log_show(void)
{
    dprintf(real_stderr, "the log:\n%s", log_text());
}

bool log_has(const char *text)
{
    return strstr(log_text(), text);
}

void assert_logged(const char *text)
{
    if (!log_has(text)) {
        log_show();
        fail_msg("not in the log: %s", text);
    }
}

void assert_not_logged(const char *text)
{
    if (log_has(text)) {
        log_show();
        fail_msg("in the log: %s", text);
    }
}

/* ---- files ---- */

int folder_setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/xen-venus-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    return ftw->level ? remove(path) : 0;
}

void clear_folder(void)
{
    nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

int folder_teardown(void **state)
{
    (void)state;
    clear_folder();
    return rmdir(folder);
}

const char *file_path(const char *name)
{
    static char paths[4][256];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

void put_file(const char *name, const char *text)
{
    FILE *file = fopen(file_path(name), "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}
