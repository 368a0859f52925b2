/* SPDX-License-Identifier: MIT */
#include "daemon.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

#define TRIES 1000 /* of 10 ms */

void sleep_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

void daemon_init(struct daemon *d)
{
    *d = (struct daemon){.folder = "/tmp/xen-venus-test-XXXXXX"};
    if (!mkdtemp(d->folder)) {
        perror("mkdtemp");
        exit(1);
    }
    snprintf(d->socket, sizeof(d->socket), "%s/socket", d->folder);
    snprintf(d->log, sizeof(d->log), "%s/log", d->folder);
}

void daemon_spawn(struct daemon *d, const char *const *arguments)
{
    const char *build = getenv("top_builddir");
    char path[256];
    char *argv[16] = {path};
    snprintf(path, sizeof(path), "%s/tests/vtest/fake-venusd", build ? build : ".");
    for (int i = 0; i < 14 && arguments[i]; i++)
        argv[i + 1] = (char *)arguments[i];
    unlink(d->log); /* of an earlier one */
    d->pid = fork();
    if (!d->pid) {
        const int log = open(d->log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
        execv(path, argv);
        perror(path);
        _exit(127);
    }
}

bool daemon_serve(struct daemon *d, const char *option1, const char *option2)
{
    char vtest[128];
    snprintf(vtest, sizeof(vtest), "--vtest=%s", d->socket);
    daemon_spawn(d, (const char *const[]){vtest, "--log-level=debug", option1, option2, NULL});
    return daemon_logged(d, "listening on");
}

int daemon_wait(struct daemon *d)
{
    int status;
    for (int i = 0; i < 2 * TRIES; i++) {
        if (waitpid(d->pid, &status, WNOHANG) == d->pid) {
            d->pid = 0;
            return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        }
        sleep_ms(10);
    }
    kill(d->pid, SIGKILL);
    waitpid(d->pid, &status, 0);
    d->pid = 0;
    return -1000;
}

int daemon_stop(struct daemon *d)
{
    kill(d->pid, SIGTERM);
    return daemon_wait(d);
}

static bool file_contains(const char *path, const char *text)
{
    static char buffer[1 << 20];
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const ssize_t n = read(fd, buffer, sizeof(buffer) - 1);
    close(fd);
    buffer[n > 0 ? n : 0] = '\0';
    return strstr(buffer, text);
}

bool daemon_logged(struct daemon *d, const char *text)
{
    for (int i = 0; i < TRIES; i++) {
        const bool ended = d->pid && waitpid(d->pid, NULL, WNOHANG | WNOWAIT) > 0;
        if (file_contains(d->log, text))
            return true;
        if (ended || !d->pid)
            break;
        sleep_ms(10);
    }
    fprintf(stderr, "not in the log: %s\n", text);
    char command[128];
    snprintf(command, sizeof(command), "cat %s >&2", d->log);
    return system(command) < 0;
}

int daemon_children(struct daemon *d, pid_t *first)
{
    char path[64];
    int count = 0, pid;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)d->pid, (int)d->pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    while (fscanf(file, "%d", &pid) == 1) {
        if (!count++ && first)
            *first = pid;
    }
    fclose(file);
    return count;
}

bool daemon_wait_children(struct daemon *d, int count)
{
    for (int i = 0; i < TRIES; i++) {
        if (daemon_children(d, NULL) == count)
            return true;
        sleep_ms(10);
    }
    return false;
}

int process_files(pid_t pid)
{
    char path[64];
    int count = 0;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    if (!dir)
        return -1;
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 2;
}

static bool process_gone(pid_t pid)
{
    char path[64], state;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return true;
    const bool read = fscanf(file, "%*d (%*[^)]) %c", &state) == 1;
    fclose(file);
    return !read || state == 'Z' || state == 'X';
}

bool process_wait_gone(pid_t pid)
{
    for (int i = 0; i < TRIES; i++) {
        if (process_gone(pid))
            return true;
        sleep_ms(10);
    }
    return false;
}

void daemon_finish(struct daemon *d)
{
    if (d->pid) {
        kill(d->pid, SIGKILL);
        daemon_wait(d);
    }
    unlink(d->socket);
    unlink(d->log);
    rmdir(d->folder);
}
