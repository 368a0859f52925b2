/* SPDX-License-Identifier: MIT */
/* By itself, so that tests can stop the time. */
#include <time.h>

#include "gpu_internal.h"

int64_t gpu_now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * (int64_t)1000 + ts.tv_nsec / 1000000;
}
