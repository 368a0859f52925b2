/* SPDX-License-Identifier: MIT */
#include "render_confine.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cap-ng.h>

#include "log.h"

static bool failed(const char *what)
{
    backend_log(VENUS_LOG_ERROR, "a render process cannot be confined: %s: %s", what,
                strerror(errno));
    return false;
}

/* The device process has its own ideas about signals. */
static void reset_signals(void)
{
    sigset_t none;
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL); /* fails for a few that cannot be changed */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

bool render_confine_early(pid_t parent)
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

static bool close_others(int first, int second)
{
    const unsigned int low = first < second ? first : second,
                       high = first < second ? second : first;
    unsigned int next = STDERR_FILENO + 1;
    const unsigned int kept[] = {low, high};
    for (int i = 0; i < 2; i++) {
        if ((int)kept[i] < (int)next)
            continue;
        if (kept[i] > next && close_range(next, kept[i] - 1, 0))
            return false;
        next = kept[i] + 1;
    }
    return !close_range(next, ~0u, 0);
}

static bool drop_capabilities(void)
{
    if (capng_get_caps_process())
        return false;
    const bool bounds = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
    capng_clear(CAPNG_SELECT_ALL);
    return !capng_apply(bounds ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS);
}

bool render_confine(int socket, int other_fd)
{
    if (!close_others(socket, other_fd))
        return failed("close_range");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return failed("PR_SET_NO_NEW_PRIVS");
    if (!drop_capabilities())
        return failed("capabilities");
    return true;
}
