/* SPDX-License-Identifier: MIT */
#include "fake_xen.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct fake_domain fake_domains[FAKE_DOMAINS];
int fake_domain_set_result;
int fake_domains_error;
struct fake_device *fake_device;

/* ---- domains ---- */

struct xen_domains {
    int unused;
};

static struct xen_domains the_domains;

struct xen_domains *xen_domains_open(void)
{
    if (fake_domains_error) {
        errno = fake_domains_error;
        return NULL;
    }
    return &the_domains;
}

void xen_domains_close(struct xen_domains *domains)
{
    (void)domains;
}

struct fake_domain *fake_domain_find(uint32_t domid)
{
    for (int i = 0; i < FAKE_DOMAINS; i++) {
        if (fake_domains[i].domid == domid)
            return &fake_domains[i];
    }
    return NULL;
}

struct fake_domain *fake_domain_add(uint32_t domid)
{
    static uint8_t serial;
    struct fake_domain *domain = fake_domain_find(0);
    if (!domain)
        abort();
    *domain = (struct fake_domain){.domid = domid, .max_memory = 1 << 20, .max_grant_frames = 64};
    memset(domain->uuid, ++serial, sizeof(domain->uuid));
    return domain;
}

int xen_domain_info(struct xen_domains *domains, uint32_t domid, struct xen_domain_info *info)
{
    const struct fake_domain *domain = fake_domain_find(domid);
    (void)domains;
    if (!domain)
        return -ESRCH;
    *info = (struct xen_domain_info){.dying = domain->dying, .max_memory = domain->max_memory};
    memcpy(info->uuid, domain->uuid, sizeof(info->uuid));
    return 0;
}

int xen_domain_set_max_memory(struct xen_domains *domains, uint32_t domid, uint64_t max_memory)
{
    struct fake_domain *domain = fake_domain_find(domid);
    (void)domains;
    if (!domain)
        return -ESRCH;
    if (!fake_domain_set_result)
        domain->max_memory = max_memory;
    return fake_domain_set_result;
}

int xen_domain_max_grant_frames(struct xen_domains *domains, uint32_t domid, uint32_t *frames)
{
    const struct fake_domain *domain = fake_domain_find(domid);
    (void)domains;
    if (!domain)
        return -ESRCH;
    *frames = domain->max_grant_frames;
    return 0;
}

/* ---- device processes ---- */

static int count_files(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return count - 3; /* ".", ".." and the folder itself */
}

static void say(int control, const char *message)
{
    send(control, message, strlen(message), MSG_NOSIGNAL);
}

/* Our id where /proc was mounted, which is not in this PID namespace. */
static int outer_pid(void)
{
    char text[16];
    const ssize_t n = readlink("/proc/self", text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    return atoi(text);
}

/* Makes a process that only a signal ends. */
static void fork_child(enum fake_device_mode mode)
{
    fake_device->child_pid = 0;
    if (!fork()) {
        prctl(PR_SET_PDEATHSIG, 0);
        if (mode == FAKE_DEVICE_ESCAPED && (setsid() < 0 || fork()))
            _exit(0);
        fake_device->child_pid = outer_pid();
        if (mode != FAKE_DEVICE_ORPHAN)
            raise(SIGSTOP);
        for (;;)
            pause();
    }
    while (!fake_device->child_pid)
        sched_yield();
}

/* abort() would be ignored in the first process of a PID namespace, and a sanitizer would explain
 * it. */
__attribute__((noreturn)) static void crash(void)
{
    volatile char *page = mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    signal(SIGSEGV, SIG_DFL);
    *page = 0;
    _exit(0);
}

static int serve(int control, const char *answer)
{
    char message[16];
    while (recv(control, message, sizeof(message), 0) > 0) {
        if (answer)
            say(control, answer);
    }
    return 0;
}

int device_process_run(const struct device_process_params *params)
{
    struct fake_device *f = fake_device;
    static char zeroes[70000];
    f->open_files = count_files();
    f->params = *params;
    f->group_leader = getpgrp() == getpid();
    f->has_gpu = params->gpu_uuid;
    snprintf(f->domain_name, sizeof(f->domain_name), "%s", params->domain_name);
    if (params->gpu_uuid)
        memcpy(f->gpu_uuid, params->gpu_uuid, sizeof(f->gpu_uuid));
    f->first = getpid() == 1;
    f->pid = outer_pid();
    f->starts++;
    switch (f->mode) {
    case FAKE_DEVICE_ERROR:
        say(params->control, "error: no memory for the window");
        return 1;
    case FAKE_DEVICE_EXIT:
        return 3;
    case FAKE_DEVICE_CRASH:
        crash();
    case FAKE_DEVICE_SILENT:
        return serve(params->control, NULL);
    case FAKE_DEVICE_LONG:
        memset(zeroes, 'x', sizeof(zeroes));
        send(params->control, zeroes, sizeof(zeroes), MSG_NOSIGNAL);
        return serve(params->control, NULL);
    case FAKE_DEVICE_STOPPED:
    case FAKE_DEVICE_ESCAPED:
    case FAKE_DEVICE_ORPHAN:
        fork_child(f->mode);
        break;
    default:
        break;
    }
    say(params->control, "ready");
    if (f->mode == FAKE_DEVICE_NONSENSE)
        say(params->control, "{\"contexts\": []}");
    if (f->mode == FAKE_DEVICE_MUTE)
        return serve(params->control, NULL);
    if (f->mode == FAKE_DEVICE_BAD_STATS)
        return serve(params->control, "{nonsense");
    if (f->mode == FAKE_DEVICE_ESCAPES)
        return serve(params->control, "{\"name\": \"a\\u001b[31mb\\u009bc\xc2\x9b\\n\"}");
    return serve(params->control, "{\"contexts\": 2}");
}

void fake_xen_reset(void)
{
    if (!fake_device)
        fake_device = mmap(NULL, sizeof(*fake_device), PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (fake_device == MAP_FAILED)
        abort();
    memset(fake_device, 0, sizeof(*fake_device));
    memset(fake_domains, 0, sizeof(fake_domains));
    fake_domain_set_result = 0;
    fake_domains_error = 0;
}

bool process_lives(int pid)
{
    char path[64], state = 'X';
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = 'X';
    fclose(file);
    return state != 'Z' && state != 'X';
}

bool process_goes(int pid)
{
    for (int i = 0; i < 500; i++) {
        if (!process_lives(pid))
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    }
    return false;
}
