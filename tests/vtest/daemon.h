/* SPDX-License-Identifier: MIT */
/* Starting the daemon with the fake renderer, for tests of the vtest server. */
#ifndef TESTS_VTEST_DAEMON_H
#define TESTS_VTEST_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct daemon {
    pid_t pid;
    char folder[64]; /* temporary */
    char socket[96]; /* in it */
    char log[96];    /* standard output and error */
};

/* Make the temporary folder and names. */
void daemon_init(struct daemon *d);
/* Start with these arguments (NULL-terminated). */
void daemon_spawn(struct daemon *d, const char *const *arguments);
/* Start `--vtest` on the socket, with up to two more options, and wait until it listens. */
bool daemon_serve(struct daemon *d, const char *option1, const char *option2);
/* Wait until it ends: the exit code, or minus the signal, or -1000 after 20 s (it is then killed).
 */
int daemon_wait(struct daemon *d);
/* SIGTERM and daemon_wait(). */
int daemon_stop(struct daemon *d);
/* Whether its log contains a text, now or within 10 s. */
bool daemon_logged(struct daemon *d, const char *text);
/* Number of processes that the daemon has started and that are still there; the first one's id. */
int daemon_children(struct daemon *d, pid_t *first);
/* Wait until it has `count` children; false after 10 s. */
bool daemon_wait_children(struct daemon *d, int count);
/* Number of open files of a process. */
int process_files(pid_t pid);
/* Wait until a process is gone or only waits to be reaped; false after 10 s. */
bool process_wait_gone(pid_t pid);
/* Remove the temporary folder; a daemon that still runs is killed. */
void daemon_finish(struct daemon *d);

void sleep_ms(int ms);

#endif
