/* SPDX-License-Identifier: MIT */
/* What the tests of the manager share. */
#ifndef CHECK_H
#define CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Keep what is written to standard error, which is where the log goes, from now on. */
void log_capture(void);
/* Whether it has `text` in it so far. */
bool log_has(const char *text);
/* Fail, showing the log, unless it has `text` in it. */
void assert_logged(const char *text);
void assert_not_logged(const char *text);

/* Show it on the real standard error. */
void log_show(void);

/* A folder for a test's files, without a slash at its end; made and removed by cmocka's fixtures
 * for groups. */
extern char folder[64];
int folder_setup(void **state);
int folder_teardown(void **state);

/* Write a file in the folder. */
void put_file(const char *name, const char *text);
/* The path of a file in the folder; valid until the fourth next call. */
const char *file_path(const char *name);
/* Remove everything in the folder. */
void clear_folder(void);

#endif
