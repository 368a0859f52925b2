/* SPDX-License-Identifier: MIT */
#include "xen_service.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "exit_codes.h"
#include "gpus.h"
#include "log.h"
#include "xen_manager.h"

void xen_service_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || !*path || strlen(path) >= sizeof(address.sun_path))
        return;
    strcpy(address.sun_path, path);
    if (*path == '@')
        address.sun_path[0] = '\0'; /* an abstract one */
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const socklen_t size = offsetof(struct sockaddr_un, sun_path) + strlen(path);
    if (fd < 0 ||
        sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, size) < 0)
        backend_log(VENUS_LOG_WARNING, "cannot tell systemd \"%s\": %s", state, strerror(errno));
    if (fd >= 0)
        close(fd);
}

bool xen_service_lock(const char *path)
{
    char text[16] = "";
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) {
        backend_log(VENUS_LOG_ERROR, "%s: %s", path, strerror(errno));
        return false;
    }
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        const ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
        text[n > 0 ? strcspn(text, "\n") : 0] = '\0';
        backend_log(VENUS_LOG_ERROR, "another xen-venusd is running (process %s, %s)",
                    *text ? text : "unknown", path);
        close(fd);
        return false;
    }
    snprintf(text, sizeof(text), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) || pwrite(fd, text, strlen(text), 0) < 0)
        backend_log(VENUS_LOG_WARNING, "%s: %s", path, strerror(errno));
    return true; /* the descriptor stays open, and with it the lock */
}

bool xen_service_choose_user(const char *wanted, const char **user)
{
    const char *name = wanted ? wanted : XEN_SERVICE_DEFAULT_USER;
    const struct passwd *entry = getpwnam(name);
    *user = NULL;
    if (entry) {
        *user = name;
        if (!entry->pw_uid)
            backend_log(VENUS_LOG_WARNING,
                        "--user=%s: guests' processes stay root: whoever takes one over has this "
                        "host",
                        name);
        return true;
    }
    if (wanted) {
        backend_log(VENUS_LOG_ERROR, "--user=%s: there is no such user", wanted);
        return false;
    }
    if (geteuid())
        return true; /* they are nobody special already */
    backend_log(VENUS_LOG_ERROR,
                "there is no user " XEN_SERVICE_DEFAULT_USER
                " for guests' processes to run as (adduser --system " XEN_SERVICE_DEFAULT_USER
                ", or name another with --user)");
    return false;
}

static int look_at_gpus(const struct xen_service_params *params, struct backend_gpu **gpus,
                        int *count)
{
    int usable = 0;
    const int result = backend_gpus_probe(params->validate, gpus, count);
    if (result != BACKEND_EXIT_OK)
        return result;
    for (int i = 0; i < *count; i++) {
        const struct backend_gpu *gpu = &(*gpus)[i];
        usable += !!*gpu->memory_path;
        if (*gpu->memory_path)
            backend_log(VENUS_LOG_INFO, "GPU %d: %s", i, gpu->gpu.name);
        else
            backend_log(VENUS_LOG_WARNING, "GPU %d: %s: unusable: %s", i, gpu->gpu.name,
                        gpu->unusable);
    }
    if (params->gpu && !backend_gpu_select(*gpus, *count, params->gpu))
        return BACKEND_EXIT_GPU;
    if (usable)
        return BACKEND_EXIT_OK;
    backend_log(VENUS_LOG_ERROR, "no GPU can be offered to guests");
    return BACKEND_EXIT_GPU;
}

static int serve(const struct xen_manager_params *params)
{
    struct xen_manager *manager;
    int result = xen_manager_create(params, &manager);
    if (result != BACKEND_EXIT_OK)
        return result;
    backend_log(VENUS_LOG_INFO, "serving Xen guests; control socket %s", params->control_path);
    xen_service_notify("READY=1");
    result = xen_manager_run(manager);
    xen_service_notify("STOPPING=1");
    xen_manager_destroy(manager);
    return result;
}

int xen_service_run(const struct xen_service_params *params)
{
    struct backend_gpu *gpus = NULL;
    struct xen_manager_params manager_params = {
        .config_dirs = params->config_dirs,
        .config_dir_count = params->config_dir_count,
        .control_path = params->control_path,
        .gpu = params->gpu,
        .validate = params->validate,
    };
    char lock[4096]; /* the longest path */
    if (mkdir(params->folder, 0755) && errno != EEXIST) {
        backend_log(VENUS_LOG_ERROR, "%s: %s", params->folder, strerror(errno));
        return BACKEND_EXIT_XEN;
    }
    snprintf(lock, sizeof(lock), "%s/lock", params->folder);
    if (!xen_service_lock(lock))
        return BACKEND_EXIT_XEN;
    if (!xen_service_choose_user(params->user, &manager_params.user))
        return BACKEND_EXIT_USAGE;
    int result = look_at_gpus(params, &gpus, &manager_params.gpu_count);
    manager_params.gpus = gpus;
    if (result == BACKEND_EXIT_OK)
        result = serve(&manager_params);
    free(gpus);
    return result;
}
