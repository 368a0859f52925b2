/* SPDX-License-Identifier: MIT */
#include "xen_process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cap-ng.h>

#include "confine.h"
#include "exit_codes.h"
#include "log.h"

#define MAX_MESSAGE     (64 << 10)
#define GROUP_POLL_MS   50   /* between looks at whether a group has gone */
#define GROUP_WARN_MS   5000 /* after which a group that does not go is worth a warning */
#define LEFT_OVER_TRIES 1000 /* of 20 ms; a large window takes some seconds to unmap */
#define LAST_WORDS      16   /* messages of a dead process that are read */

struct xen_processes {
    struct loop *loop;
    struct xen_process *first;
    int own_pids; /* our PID namespace, or -1: there are none of their own for device processes */
    char message[MAX_MESSAGE + 1];
};

struct xen_process {
    struct xen_processes *all;
    struct xen_process *next;
    struct loop_source control;
    pid_t pid; /* and process group */
    char name[48];
    const struct xen_process_events *events;
    void *user;
    bool ready, reaped;
    bool gone; /* the group, too */
    struct reason why;
    int64_t ready_until;
    int64_t stats_until; /* LOOP_NEVER: not asked */
    int64_t poll_at;     /* once reaped: when to look at the group again */
    int64_t warn_at;
};

/* Without the privilege, as in tests, processes stay in our namespace. */
static bool open_own_pids(struct xen_processes *processes)
{
    processes->own_pids = -1;
    if (capng_get_caps_process() || !capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN)) {
        backend_log(VENUS_LOG_WARNING, "no CAP_SYS_ADMIN, so no PID namespaces for guests' "
                                       "processes: they can hide from being killed");
        return true;
    }
    processes->own_pids = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
    if (processes->own_pids < 0)
        backend_log(VENUS_LOG_ERROR, "/proc/self/ns/pid: %s", strerror(errno));
    return processes->own_pids >= 0;
}

struct xen_processes *xen_processes_create(struct loop *loop)
{
    struct xen_processes *processes = calloc(1, sizeof(*processes));
    if (!processes) {
        backend_log(VENUS_LOG_ERROR, "out of memory");
        return NULL;
    }
    processes->loop = loop;
    if (!open_own_pids(processes)) {
        free(processes);
        return NULL;
    }
    /* Render processes whose parent has died come to us, so that we hear of their end. */
    if (prctl(PR_SET_CHILD_SUBREAPER, 1)) {
        backend_log(VENUS_LOG_ERROR, "PR_SET_CHILD_SUBREAPER: %s", strerror(errno));
        xen_processes_destroy(processes);
        return NULL;
    }
    return processes;
}

void xen_processes_destroy(struct xen_processes *processes)
{
    if (processes && processes->own_pids >= 0)
        close(processes->own_pids);
    free(processes);
}

/* ---- in the new process ---- */

/* Close what belongs to the daemon, all but this one and the standard ones. */
static void close_others(int fd)
{
    if (fd > 3)
        close_range(3, fd - 1, 0);
    close_range(fd + 1, ~0u, 0);
}

__attribute__((noreturn)) static void run_child(const struct device_process_params *params,
                                                const char *name)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    sigset_t none;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close_others(params->control);
    if (!confine_peer_lives(params->control))
        _exit(BACKEND_EXIT_ERROR); /* the daemon has died before we asked to be told */
    for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        signal(signals[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_NAME, "venus-device");
    backend_log_set_client(name);
    exit(device_process_run(params));
}

/* ---- what a process says ---- */

static void stop_listening(struct xen_process *p)
{
    if (p->control.fd < 0)
        return;
    loop_remove(p->all->loop, &p->control);
    close(p->control.fd);
    p->control.fd = -1;
}

static void kill_group(struct xen_process *p)
{
    /* Also reaches stopped ones. Its number cannot be anybody else's before it has been reaped, or
     * while it has members. */
    if (!p->gone)
        kill(-p->pid, SIGKILL);
    if (!p->reaped)
        kill(p->pid, SIGKILL); /* it may have left the group */
    if (p->warn_at == LOOP_NEVER && !p->gone)
        p->warn_at = backend_now_ms() + GROUP_WARN_MS;
}

/* The process itself is at fault. */
static void blame(struct xen_process *p, const char *why)
{
    if (!*p->why.text)
        reason_set(&p->why, "%s", why);
    kill_group(p);
}

static void answer_stats(struct xen_process *p, const char *json)
{
    p->stats_until = LOOP_NEVER;
    p->events->stats(p->user, json);
}

static void handle_message(struct xen_process *p, char *message)
{
    if (!p->ready && !strcmp(message, "ready")) {
        p->ready = true;
        p->ready_until = LOOP_NEVER;
        p->events->ready(p->user);
    } else if (!strncmp(message, "error: ", 7)) {
        blame(p, message + 7);
    } else if (p->stats_until != LOOP_NEVER && *message == '{') {
        answer_stats(p, message);
    } else {
        blame(p, "the device process breaks the protocol with the daemon");
    }
}

static void control_ready(struct loop_source *source, uint32_t events)
{
    struct xen_process *p = source->user;
    char *message = p->all->message;
    const ssize_t n = recv(source->fd, message, MAX_MESSAGE + 1, MSG_DONTWAIT | MSG_TRUNC);
    if (n > MAX_MESSAGE) {
        blame(p, "the device process sends too long a message");
    } else if (n > 0) {
        message[n] = '\0';
        handle_message(p, message);
    } else if (!n || (errno != EAGAIN && errno != EINTR) || events & EPOLLHUP) {
        /* It has ended, or is of no use any more; reaping says the rest. */
        stop_listening(p);
        kill_group(p);
    }
}

/* ---- life and death ---- */

/*
 * fork(), as the first process of a new PID namespace: when that ends the kernel kills all others
 * in there, whatever they have done to hide, and only then lets us reap it.
 */
static pid_t fork_first(const struct xen_processes *processes)
{
    if (processes->own_pids < 0)
        return fork();
    if (unshare(CLONE_NEWPID)) /* that of our next children */
        return -1;
    const pid_t pid = fork();
    const int error = errno;
    if (pid && setns(processes->own_pids, CLONE_NEWPID)) {
        /* Not to be expected. unshare() will refuse from now on, so nothing goes wrong unseen. */
        backend_log(VENUS_LOG_ERROR, "cannot return to our PID namespace: %s", strerror(errno));
    }
    errno = error;
    return pid;
}

struct xen_process *xen_process_start(struct xen_processes *processes,
                                      const struct device_process_params *params,
                                      const struct xen_process_events *events, void *user,
                                      struct reason *reason)
{
    int control[2];
    struct device_process_params child_params = *params;
    struct xen_process *p = calloc(1, sizeof(*p));
    if (!p) {
        reason_set(reason, "out of memory");
        return NULL;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control)) {
        reason_set(reason, "socketpair: %s", strerror(errno));
        free(p);
        return NULL;
    }
    p->all = processes;
    p->events = events;
    p->user = user;
    p->control = (struct loop_source){.fd = control[0], .ready = control_ready, .user = p};
    p->ready_until = backend_now_ms() + XEN_PROCESS_START_MS;
    p->stats_until = p->poll_at = p->warn_at = LOOP_NEVER;
    snprintf(p->name, sizeof(p->name), "%.30s gpu %u", params->domain_name, params->devid);
    child_params.control = control[1];
    if (!loop_add(processes->loop, &p->control, EPOLLIN)) {
        reason_set(reason, "cannot listen to a device process");
        goto error;
    }
    p->pid = fork_first(processes);
    if (!p->pid)
        run_child(&child_params, p->name);
    if (p->pid < 0) {
        reason_set(reason, "no process (fork, in a new PID namespace): %s", strerror(errno));
        loop_remove(processes->loop, &p->control);
        goto error;
    }
    /* The child does it, too: whoever comes first. */
    setpgid(p->pid, p->pid);
    close(control[1]);
    p->next = processes->first;
    processes->first = p;
    return p;

error:
    close(control[0]);
    close(control[1]);
    free(p);
    return NULL;
}

void xen_process_kill(struct xen_process *process)
{
    if (process)
        kill_group(process);
}

void xen_process_destroy(struct xen_process *process)
{
    if (!process)
        return;
    kill_group(process);
    stop_listening(process);
    struct xen_process **link = &process->all->first;
    while (*link != process)
        link = &(*link)->next;
    *link = process->next;
    free(process);
}

void xen_process_ask_stats(struct xen_process *process)
{
    if (process->stats_until != LOOP_NEVER)
        return; /* the answer is on its way */
    process->stats_until = backend_now_ms() + XEN_PROCESS_STATS_MS;
    if (process->control.fd < 0 ||
        send(process->control.fd, "stats", 5, MSG_DONTWAIT | MSG_NOSIGNAL) != 5)
        process->stats_until = 0; /* answered at the next tick */
}

int xen_process_id(const struct xen_process *process)
{
    return process->pid;
}

/* ---- reaping ---- */

/* How a process ended, if nothing else was said about it. */
static void note_status(struct xen_process *p, const siginfo_t *info)
{
    if (*p->why.text)
        return;
    if (info->si_code == CLD_EXITED)
        reason_set(&p->why, "the device process ended with status %d%s", info->si_status,
                   p->ready ? "" : " before it was ready");
    else
        reason_set(&p->why, "the device process died of signal %d (%s)", info->si_status,
                   strsignal(info->si_status));
}

static struct xen_process *find(struct xen_processes *processes, pid_t pid)
{
    struct xen_process *p = processes->first;
    while (p && p->pid != pid)
        p = p->next;
    return p;
}

/* Whether a reaped process' group has gone, and tell if so. */
static void check_group(struct xen_process *p, int64_t now)
{
    /* Nobody is left in a PID namespace whose first process could be reaped. */
    if (p->all->own_pids < 0 && (!kill(-p->pid, 0) || errno == EPERM)) {
        kill(-p->pid, SIGKILL);
        p->poll_at = now + GROUP_POLL_MS;
        return;
    }
    p->gone = true;
    p->poll_at = p->warn_at = p->ready_until = LOOP_NEVER;
    if (p->stats_until != LOOP_NEVER)
        answer_stats(p, NULL);
    p->events->ended(p->user, &p->why);
}

/* Read what a process has said before it died: the reason may be there.  Those that it has left
 * behind may still be talking. */
static void read_last_words(struct xen_process *p)
{
    char *message = p->all->message;
    for (int i = 0; i < LAST_WORDS && p->control.fd >= 0; i++) {
        const ssize_t n = recv(p->control.fd, message, MAX_MESSAGE, MSG_DONTWAIT);
        if (n <= 0)
            break;
        message[n] = '\0';
        if (!strncmp(message, "error: ", 7) && !*p->why.text)
            reason_set(&p->why, "%s", message + 7);
    }
    stop_listening(p);
}

void xen_processes_reap(struct xen_processes *processes)
{
    siginfo_t info = {0};
    while (!waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid) {
        struct xen_process *p = find(processes, info.si_pid);
        if (p) {
            /* Before the number may become somebody else's. */
            kill(-p->pid, SIGKILL);
            read_last_words(p);
            note_status(p, &info);
        }
        waitpid(info.si_pid, NULL, 0);
        if (p) {
            p->reaped = true;
            p->poll_at = 0;
            if (p->warn_at == LOOP_NEVER)
                p->warn_at = backend_now_ms() + GROUP_WARN_MS;
        }
        info = (siginfo_t){0};
    }
    xen_processes_tick(processes, backend_now_ms());
}

/* ---- times ---- */

static int64_t min_time(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t xen_processes_next_time(const struct xen_processes *processes)
{
    int64_t next = LOOP_NEVER;
    for (const struct xen_process *p = processes->first; p; p = p->next) {
        next = min_time(next, min_time(p->ready_until, p->stats_until));
        next = min_time(next, min_time(p->poll_at, p->warn_at));
    }
    return next;
}

static void tick_one(struct xen_process *p, int64_t now)
{
    if (p->warn_at <= now) {
        backend_log(
            VENUS_LOG_WARNING,
            "%s: process %d and its group do not end although they were killed; the guest's "
            "memory is held until they do",
            p->name, (int)p->pid);
        p->warn_at = LOOP_NEVER;
    }
    if (p->ready_until <= now) {
        p->ready_until = LOOP_NEVER;
        blame(p, "the device process was not ready in time");
    }
    if (p->stats_until <= now)
        answer_stats(p, NULL);
    if (p->poll_at <= now)
        check_group(p, now); /* may free it */
}

void xen_processes_tick(struct xen_processes *processes, int64_t now)
{
    struct xen_process *next;
    for (struct xen_process *p = processes->first; p; p = next) {
        next = p->next;
        tick_one(p, now);
    }
}

/* ---- what an earlier daemon has left ---- */

/* The last part of the path of a process' program, "" if it cannot be told. */
static void program_of(const char *process, char name[256])
{
    char link[300], path[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/%.255s/exe", process);
    const ssize_t n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    /* " (deleted)" follows when the package has been upgraded. */
    char *end = strchr(path, ' ');
    if (end)
        *end = '\0';
    const char *slash = strrchr(path, '/');
    snprintf(name, 256, "%.255s", slash ? slash + 1 : path);
}

/* The group of a process that is no kernel thread and has not ended, or 0. */
static int group_of(const char *process)
{
    char path[300], line[512], state;
    int group = 0;
    snprintf(path, sizeof(path), "/proc/%.255s/stat", process);
    FILE *file = fopen(path, "re");
    /* PID (NAME) STATE PARENT GROUP; the name may have any character in it. */
    const char *end = file && fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
    if (!end || sscanf(end, ") %c %*d %d", &state, &group) != 2 || state == 'Z')
        group = 0;
    if (file)
        fclose(file);
    return group;
}

/* Whether a process of the group, or that it was made for, runs our program: the number may be
 * somebody else's by now.  One that is dying has no program, but unmaps the guest's memory still.
 */
static bool group_is_ours(int group)
{
    char ours[256], name[256];
    bool found = false;
    DIR *dir = opendir("/proc");
    const struct dirent *entry;
    program_of("self", ours);
    while (dir && !found && (entry = readdir(dir))) {
        const int group_now =
            *entry->d_name >= '0' && *entry->d_name <= '9' ? group_of(entry->d_name) : 0;
        if (!group_now || (group_now != group && atoi(entry->d_name) != group))
            continue;
        program_of(entry->d_name, name);
        found = !*name || !strcmp(name, ours);
    }
    if (dir)
        closedir(dir);
    return found;
}

bool xen_process_kill_left_over(int group)
{
    if (group <= 1 || !group_is_ours(group))
        return true;
    backend_log(VENUS_LOG_WARNING, "killing process group %d that an earlier daemon has left",
                group);
    kill(-group, SIGKILL);
    kill(group, SIGKILL);
    for (int i = 0; i < LEFT_OVER_TRIES; i++) {
        waitpid(-group, NULL, WNOHANG);
        if (kill(-group, 0) && errno == ESRCH && kill(group, 0) && errno == ESRCH)
            return true;
        usleep(20 * 1000);
    }
    return false;
}
