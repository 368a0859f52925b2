/* SPDX-License-Identifier: MIT */
#include "file_limit.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "log.h"

void backend_raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit))
        backend_log(VENUS_LOG_WARNING, "cannot raise the limit of open files: %s", strerror(errno));
}
