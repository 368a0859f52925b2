/* SPDX-License-Identifier: MIT */
/* By itself, so that tests can stop the time. */
#include "clock.h"
#include "gpu_internal.h"

int64_t gpu_now_ms(void)
{
    return backend_now_ms();
}
