/* SPDX-License-Identifier: MIT */
#include "file_limit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>

#include "log.h"

void backend_raise_file_limit(void)
{
    struct rlimit limit;
    bool raised = !getrlimit(RLIMIT_NOFILE, &limit);
    if (raised) {
        limit.rlim_cur = limit.rlim_max;
        raised = !setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (!raised)
        backend_log(VENUS_LOG_WARNING, "cannot raise the limit of open files: %s", strerror(errno));
}
