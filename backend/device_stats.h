/* SPDX-License-Identifier: MIT */
/* What a device process tells xen-venusd about its virtual GPU. */
#ifndef BACKEND_DEVICE_STATS_H
#define BACKEND_DEVICE_STATS_H

#include "gpu_device.h"

/* The statistics as a JSON object in text, to be freed: the members of struct gpu_device_stats by
 * their names, `requests` as an object of those commands that came.  NULL without memory. */
char *device_stats_json(const struct gpu_device *device);

#endif
