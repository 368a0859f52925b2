/* SPDX-License-Identifier: MIT */
#include "device_stats.h"

#include <string.h>

#include <json-c/json.h>

static bool add(struct json_object *to, const char *key, struct json_object *value)
{
    return value && !json_object_object_add(to, key, value);
}

static bool add_numbers(struct json_object *to, const struct gpu_device_stats *stats)
{
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {
        {"events", stats->events},
        {"notifications", stats->notifications},
        {"errors", stats->errors},
        {"submitted", stats->submitted},
        {"resets", stats->resets},
        {"context_failures", stats->context_failures},
        {"window_peak", stats->window_peak},
        {"contexts", stats->contexts},
        {"ending_contexts", stats->ending_contexts},
        {"resources", stats->resources},
        {"releasing", stats->releasing},
        {"in_flight", stats->in_flight},
        {"window_used", stats->window_used},
    };
    bool ok = true;
    for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        ok &= add(to, numbers[i].key, json_object_new_uint64(numbers[i].value));
    return ok;
}

static bool add_requests(struct json_object *to, const struct gpu_device_stats *stats)
{
    struct json_object *requests = json_object_new_object();
    bool ok = requests && add(to, "requests", requests);
    for (unsigned int i = 0; ok && i < GPU_REQUEST_KINDS; i++) {
        if (stats->requests[i])
            ok = add(requests, gpu_device_request_name(i),
                     json_object_new_uint64(stats->requests[i]));
    }
    return ok;
}

char *device_stats_json(const struct gpu_device *device)
{
    struct gpu_device_stats stats;
    gpu_device_get_stats(device, &stats);
    struct json_object *all = json_object_new_object();
    char *text = NULL;
    if (all && add_numbers(all, &stats) && add_requests(all, &stats) &&
        add(all, "started", json_object_new_boolean(stats.started)) &&
        add(all, "needs_reset", json_object_new_boolean(stats.needs_reset)))
        text = strdup(json_object_to_json_string_ext(all, JSON_C_TO_STRING_PLAIN));
    json_object_put(all);
    return text;
}
