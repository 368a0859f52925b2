/* SPDX-License-Identifier: MIT */
#include "confine.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cap-ng.h>

#include "log.h"

static bool failed(const char *what)
{
    backend_log(VENUS_LOG_ERROR, "this process cannot be confined: %s: %s", what, strerror(errno));
    return false;
}

/* The device process has its own ideas about signals. */
static void reset_signals(void)
{
    sigset_t none;
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL);   /* fails for a few that cannot be changed */
    signal(SIGPIPE, SIG_IGN); /* whoever reads the log may end */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

bool confine_early(pid_t parent)
{
    static const struct rlimit no_core;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL))
        return failed("PR_SET_PDEATHSIG");
    if (getppid() != parent) /* it died before */
        return false;
    reset_signals();
    if (prctl(PR_SET_DUMPABLE, 0))
        return failed("PR_SET_DUMPABLE");
    if (setrlimit(RLIMIT_CORE, &no_core))
        return failed("RLIMIT_CORE");
    return true;
}

bool confine_peer_lives(int socket)
{
    struct pollfd fd = {.fd = socket};
    return poll(&fd, 1, 0) == 0; /* POLLHUP is always asked for */
}

/* The lowest of the descriptors from `next` on, or -1. */
static int lowest(const int *kept, unsigned int count, int next)
{
    int found = -1;
    for (unsigned int i = 0; i < count; i++) {
        if (kept[i] >= next && (found < 0 || kept[i] < found))
            found = kept[i];
    }
    return found;
}

bool confine_files(unsigned int most)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return failed("RLIMIT_NOFILE");
    limit.rlim_max = limit.rlim_max / 2 < most ? limit.rlim_max / 2 : most;
    if (limit.rlim_cur > limit.rlim_max)
        limit.rlim_cur = limit.rlim_max;
    return !setrlimit(RLIMIT_NOFILE, &limit) || failed("RLIMIT_NOFILE");
}

bool confine_descriptors(const int *kept, unsigned int count)
{
    int next = STDERR_FILENO + 1, fd;
    while ((fd = lowest(kept, count, next)) >= 0) {
        if (fd > next && close_range(next, fd - 1, 0))
            return failed("close_range");
        next = fd + 1;
    }
    return !close_range(next, ~0u, 0) || failed("close_range");
}

void confine_namespaces(void)
{
    if (unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS))
        backend_log(VENUS_LOG_WARNING, "no namespaces of its own: %s", strerror(errno));
}

static bool change_user(const char *user, int peer)
{
    const struct passwd *entry = getpwnam(user);
    if (!entry) {
        backend_log(VENUS_LOG_ERROR, "there is no user %s", user);
        return false;
    }
    if (initgroups(user, entry->pw_gid) || setgid(entry->pw_gid) || setuid(entry->pw_uid))
        return failed("another user");
    /* All that goes with the old user. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_DUMPABLE, 0))
        return failed("prctl");
    return confine_peer_lives(peer); /* it may have died when nothing told us */
}

/* The bounding set goes only with a capability that goes with the rest. */
static bool drop_capabilities(void)
{
    if (capng_get_caps_process())
        return false;
    const bool bounds = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
    capng_clear(CAPNG_SELECT_ALL);
    return !capng_apply(bounds ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS);
}

bool confine_privileges(const char *user, int peer)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return failed("PR_SET_NO_NEW_PRIVS");
    if (user && !change_user(user, peer))
        return false;
    errno = 0;
    return drop_capabilities() || failed("capabilities");
}
