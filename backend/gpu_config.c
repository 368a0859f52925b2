/* SPDX-License-Identifier: MIT */
#include "gpu_config.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define KEYS "hostmem, gpu, venus, window, mapping, contexts"

static const char *const window_names[] = {
    [GPU_WINDOW_AUTO] = "auto",
    [GPU_WINDOW_GRANT] = "grant",
    [GPU_WINDOW_FOREIGN] = "foreign",
};

const char *gpu_window_name(enum gpu_window window)
{
    return window_names[window];
}

/* Decimal digits up to *end. False for none and for more than 64 bits. */
static bool parse_number(const char *s, uint64_t *number, const char **end)
{
    *number = 0;
    if (!isdigit((unsigned char)*s))
        return false;
    for (; isdigit((unsigned char)*s); s++) {
        if (__builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, (uint64_t)(*s - '0'), number))
            return false;
    }
    *end = s;
    return true;
}

static bool parse_hostmem(struct gpu_config *c, const char *value, struct reason *reason)
{
    static const char units[] = "KMG";
    const char *end;
    uint64_t number;
    if (!parse_number(value, &number, &end))
        return reason_set(reason, "hostmem=%s: not a size; a size is like 512M", value);
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    if (!unit || end[1])
        return reason_set(reason, "hostmem=%s: the unit must be K, M or G (hostmem=512M)", value);
    if (__builtin_mul_overflow(number, 1024ull << 10 * (unit - units), &number) ||
        number > GPU_CONFIG_MAX_HOSTMEM)
        return reason_set(reason, "hostmem=%s: more than the largest window, %lluG", value,
                          GPU_CONFIG_MAX_HOSTMEM >> 30);
    if (!number || number % GPU_CONFIG_HOSTMEM_UNIT)
        return reason_set(reason, "hostmem=%s: not a multiple of 2M", value);
    c->hostmem = number;
    return true;
}

static bool parse_selector(struct gpu_config *c, const char *value, struct reason *reason)
{
    if (!*value)
        return reason_set(reason, "gpu=: the selector is empty (see xen-venusd --list-gpus)");
    if (strlen(value) > GPU_CONFIG_MAX_SELECTOR)
        return reason_set(reason, "gpu=%s: longer than %d bytes", value, GPU_CONFIG_MAX_SELECTOR);
    strcpy(c->selector, value);
    return true;
}

static bool parse_venus(struct gpu_config *c, const char *value, struct reason *reason)
{
    if (strcmp(value, "0") && strcmp(value, "1"))
        return reason_set(reason, "venus=%s: must be 0 or 1", value);
    c->venus = *value == '1';
    return true;
}

static bool parse_window(struct gpu_config *c, const char *value, struct reason *reason)
{
    for (unsigned i = 0; i < sizeof(window_names) / sizeof(window_names[0]); i++) {
        if (!strcmp(value, window_names[i])) {
            c->window = i;
            return true;
        }
    }
    return reason_set(reason, "window=%s: must be grant, foreign or auto", value);
}

static bool parse_mapping(struct gpu_config *c, const char *value, struct reason *reason)
{
    if (strcmp(value, "window") && strcmp(value, "per-blob"))
        return reason_set(reason, "mapping=%s: must be window or per-blob", value);
    c->per_blob = *value == 'p';
    return true;
}

static bool parse_contexts(struct gpu_config *c, const char *value, struct reason *reason)
{
    const char *end;
    uint64_t number;
    if (!parse_number(value, &number, &end) || *end || !number || number > GPU_CONFIG_MAX_CONTEXTS)
        return reason_set(reason, "contexts=%s: must be a number from 1 to %d", value,
                          GPU_CONFIG_MAX_CONTEXTS);
    c->contexts = number;
    return true;
}

static const struct {
    const char *name;
    bool (*parse)(struct gpu_config *config, const char *value, struct reason *reason);
} keys[] = {
    {"hostmem", parse_hostmem}, {"gpu", parse_selector},    {"venus", parse_venus},
    {"window", parse_window},   {"mapping", parse_mapping}, {"contexts", parse_contexts},
};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

/* Cut blanks off both ends, in place. */
static char *trim(char *s)
{
    s += strspn(s, " \t");
    size_t size = strlen(s);
    while (size && (s[size - 1] == ' ' || s[size - 1] == '\t'))
        s[--size] = '\0';
    return s;
}

static bool parse_pair(struct gpu_config *c, char *pair, unsigned *seen, struct reason *reason)
{
    char *value = strchr(pair, '=');
    if (!*trim(pair))
        return reason_set(reason, "nothing between two commas; expected KEY=VALUE of " KEYS);
    if (!value)
        return reason_set(reason, "\"%s\": no value; expected KEY=VALUE of " KEYS, trim(pair));
    *value = '\0';
    pair = trim(pair);
    value = trim(value + 1);
    for (unsigned i = 0; i < KEY_COUNT; i++) {
        if (strcmp(pair, keys[i].name))
            continue;
        if (*seen & 1u << i)
            return reason_set(reason, "%s=%s: %s is given twice", pair, value, pair);
        *seen |= 1u << i;
        return keys[i].parse(c, value, reason);
    }
    return reason_set(reason, "%s=%s: no such key; there are " KEYS, pair, value);
}

bool gpu_config_parse(struct gpu_config *config, const char *text, struct reason *reason)
{
    char copy[GPU_CONFIG_MAX_TEXT];
    unsigned seen = 0;
    *config = (struct gpu_config){
        .hostmem = GPU_CONFIG_DEFAULT_HOSTMEM,
        .venus = true,
        .contexts = GPU_CONFIG_DEFAULT_CONTEXTS,
    };
    if (strlen(text) >= sizeof(copy))
        return reason_set(reason, "longer than %zu bytes", sizeof(copy) - 1);
    char *rest = strcpy(copy, text);
    if (!text[strspn(text, " \t")])
        return true; /* all defaults */
    while (rest) {
        if (!parse_pair(config, strsep(&rest, ","), &seen, reason))
            return false;
    }
    if (config->per_blob && config->window != GPU_WINDOW_AUTO)
        return reason_set(reason, "window=%s: has no meaning with mapping=per-blob",
                          window_names[config->window]);
    return true;
}

void gpu_config_format(const struct gpu_config *config, char text[GPU_CONFIG_MAX_TEXT])
{
    snprintf(text, GPU_CONFIG_MAX_TEXT, "hostmem=%" PRIu64 "M,venus=%d,mapping=%s,contexts=%u",
             config->hostmem >> 20, config->venus, config->per_blob ? "per-blob" : "window",
             config->contexts);
    size_t size = strlen(text);
    if (!config->per_blob)
        snprintf(text + size, GPU_CONFIG_MAX_TEXT - size, ",window=%s",
                 window_names[config->window]);
    size = strlen(text);
    if (*config->selector)
        snprintf(text + size, GPU_CONFIG_MAX_TEXT - size, ",gpu=%s", config->selector);
}
