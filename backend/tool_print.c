/* SPDX-License-Identifier: MIT */
#include "tool_print.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

/* A member's text, or "-". */
static const char *text_of(struct json_object *object, const char *key)
{
    struct json_object *value;
    return json_object_object_get_ex(object, key, &value) ? json_object_get_string(value) : "-";
}

static int64_t number_of(struct json_object *object, const char *key)
{
    struct json_object *value;
    return json_object_object_get_ex(object, key, &value) ? json_object_get_int64(value) : 0;
}

static struct json_object *member(struct json_object *object, const char *key)
{
    struct json_object *value;
    return json_object_object_get_ex(object, key, &value) ? value : NULL;
}

/* How the window reaches Dom0, in one word. */
static const char *window_of(struct json_object *gpu)
{
    return member(gpu, "window") ? text_of(gpu, "window") : text_of(gpu, "mapping");
}

/* ---- list ---- */

static void print_row(FILE *file, struct json_object *guest, struct json_object *gpu)
{
    char hostmem[24];
    snprintf(hostmem, sizeof(hostmem), "%" PRId64 "M", number_of(gpu, "hostmem") >> 20);
    fprintf(file, "%-24s %5s %3s %8s %-8s %7s  %s\n", text_of(guest, "name"),
            text_of(guest, "domid"), text_of(gpu, "id"), hostmem, window_of(gpu),
            text_of(gpu, "pid"), text_of(gpu, "state"));
}

static void print_errors(FILE *file, struct json_object *guest)
{
    struct json_object *gpus = member(guest, "gpus");
    if (member(guest, "error"))
        fprintf(file, "%s: %s\n", text_of(guest, "name"), text_of(guest, "error"));
    for (size_t i = 0; gpus && i < json_object_array_length(gpus); i++) {
        struct json_object *gpu = json_object_array_get_idx(gpus, i);
        if (member(gpu, "error"))
            fprintf(file, "%s GPU %s: %s\n", text_of(guest, "name"), text_of(gpu, "id"),
                    text_of(gpu, "error"));
    }
}

void tool_print_list(FILE *file, struct json_object *answer)
{
    struct json_object *guests = member(answer, "guests");
    const size_t count = guests ? json_object_array_length(guests) : 0;
    fprintf(file, "%-24s %5s %3s %8s %-8s %7s  %s\n", "Name", "ID", "GPU", "Hostmem", "Window",
            "PID", "State");
    for (size_t i = 0; i < count; i++) {
        struct json_object *guest = json_object_array_get_idx(guests, i);
        struct json_object *gpus = member(guest, "gpus");
        for (size_t j = 0; gpus && j < json_object_array_length(gpus); j++)
            print_row(file, guest, json_object_array_get_idx(gpus, j));
    }
    for (size_t i = 0; i < count; i++)
        print_errors(file, json_object_array_get_idx(guests, i));
}

/* ---- info ---- */

static void print_members(FILE *file, struct json_object *object, int indent);

static void print_value(FILE *file, const char *key, struct json_object *value, int indent)
{
    if (json_object_is_type(value, json_type_object)) {
        fprintf(file, "%*s%s\n", indent, "", key);
        print_members(file, value, indent + 4);
    } else if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++)
            print_value(file, key, json_object_array_get_idx(value, i), indent);
    } else if (!strcmp(key, "hostmem")) {
        fprintf(file, "%*s%-20s %" PRId64 "M\n", indent, "", key,
                json_object_get_int64(value) >> 20);
    } else {
        fprintf(file, "%*s%-20s %s\n", indent, "", key, json_object_get_string(value));
    }
}

static void print_members(FILE *file, struct json_object *object, int indent)
{
    json_object_object_foreach(object, key, value) print_value(file, key, value, indent);
}

void tool_print_info(FILE *file, struct json_object *answer)
{
    struct json_object *guest = member(answer, "guest"), *gpus = member(guest, "gpus");
    fprintf(file, "%-24s %s\n", "name", text_of(guest, "name"));
    fprintf(file, "%-24s %s\n", "domid", text_of(guest, "domid"));
    if (member(guest, "error"))
        fprintf(file, "%-24s %s\n", "error", text_of(guest, "error"));
    for (size_t i = 0; gpus && i < json_object_array_length(gpus); i++) {
        struct json_object *gpu = json_object_array_get_idx(gpus, i);
        fprintf(file, "gpu %s\n", text_of(gpu, "id"));
        print_members(file, gpu, 4);
    }
}
