/* SPDX-License-Identifier: MIT */
/* xen-venus: shows and changes the virtual GPUs of Xen guests, by asking xen-venusd. */
#include "config.h"

#include <ctype.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool_client.h"
#include "tool_print.h"

#define DEFAULT_CONTROL "/run/xen-venusd/control"

struct tool {
    const char *control;
    bool json;
};

static void print_help(void)
{
    printf("Usage: xen-venus [OPTION...] list\n"
           "       xen-venus [OPTION...] info DOMAIN\n"
           "       xen-venus [OPTION...] attach DOMAIN 'KEY=VALUE,...'\n"
           "       xen-venus [OPTION...] detach DOMAIN [ID]\n"
           "\n"
           "Show and change the virtual GPUs of Xen guests. DOMAIN is a name or an id.\n"
           "\n"
           "  list       all GPUs of all guests\n"
           "  info       all about a guest's GPUs\n"
           "  attach     give a running guest a GPU; xen-venus.cfg(5) has the keys\n"
           "  detach     take a GPU away; ID is needed when the guest has several\n"
           "\n"
           "  --json           print the daemon's answer as JSON\n"
           "  --control=PATH   the daemon's socket (default " DEFAULT_CONTROL ")\n"
           "  -h, --help       show this text\n"
           "  -V, --version    show the version\n");
}

static struct json_object *new_request(const char *command, const char *domain)
{
    struct json_object *request = json_object_new_object();
    json_object_object_add(request, "command", json_object_new_string(command));
    if (domain)
        json_object_object_add(request, "domain", json_object_new_string(domain));
    return request;
}

/* Print text for people. Some of it comes from processes that a guest may have taken over, and must
 * not drive a terminal. */
static void put_printable(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        putchar((text[i] >= ' ' && text[i] <= '~') || text[i] == '\n' ? text[i] : '?');
}

static bool show(struct json_object *answer, void (*print)(FILE *file, struct json_object *answer))
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return false;
    print(file, answer);
    const bool done = !fclose(file);
    if (done)
        put_printable(text, size);
    free(text);
    return done;
}

/* Ask, and show the answer: as JSON, or by `print`. */
static int ask(const struct tool *tool, struct json_object *request,
               void (*print)(FILE *file, struct json_object *answer))
{
    struct json_object *answer;
    bool shown = true;
    const int result = tool_request(tool->control, request, &answer);
    if (result != TOOL_EXIT_OK)
        return result;
    if (tool->json)
        puts(json_object_to_json_string_ext(answer, JSON_C_TO_STRING_PRETTY |
                                                        JSON_C_TO_STRING_NOSLASHESCAPE));
    else
        shown = show(answer, print);
    json_object_put(answer);
    if (!shown) {
        fprintf(stderr, "xen-venus: the answer cannot be shown: out of memory\n");
        return TOOL_EXIT_REFUSED;
    }
    /* Whoever reads the text should not take half of it for all. */
    return fflush(stdout) ? TOOL_EXIT_REFUSED : TOOL_EXIT_OK;
}

static void print_id(FILE *file, struct json_object *answer)
{
    struct json_object *id;
    if (json_object_object_get_ex(answer, "id", &id))
        fprintf(file, "GPU %s\n", json_object_get_string(id));
}

/* ---- commands: arguments follow the name ---- */

static int run_list(const struct tool *tool, char **arguments)
{
    (void)arguments;
    return ask(tool, new_request("list", NULL), tool_print_list);
}

static int run_info(const struct tool *tool, char **arguments)
{
    return ask(tool, new_request("info", arguments[0]), tool_print_info);
}

static int run_attach(const struct tool *tool, char **arguments)
{
    struct json_object *request = new_request("attach", arguments[0]);
    json_object_object_add(request, "gpu", json_object_new_string(arguments[1]));
    return ask(tool, request, print_id);
}

static int run_detach(const struct tool *tool, char **arguments)
{
    struct json_object *request = new_request("detach", arguments[0]);
    if (arguments[1]) {
        char *end;
        const unsigned long id = strtoul(arguments[1], &end, 10);
        if (!isdigit((unsigned char)*arguments[1]) || *end || id > UINT32_MAX) {
            fprintf(stderr,
                    "xen-venus: detach: \"%s\" is not the id of a GPU (see xen-venus list)\n",
                    arguments[1]);
            json_object_put(request);
            return TOOL_EXIT_USAGE;
        }
        json_object_object_add(request, "id", json_object_new_int64((int64_t)id));
    }
    return ask(tool, request, print_id);
}

static const struct {
    const char *name, *arguments;
    int min, max;
    int (*run)(const struct tool *tool, char **arguments);
} commands[] = {
    {"list", "", 0, 0, run_list},
    {"info", " DOMAIN", 1, 1, run_info},
    {"attach", " DOMAIN 'KEY=VALUE,...'", 2, 2, run_attach},
    {"detach", " DOMAIN [ID]", 1, 2, run_detach},
};

static int run_command(const struct tool *tool, int count, char **arguments)
{
    if (!count) {
        fprintf(stderr, "xen-venus: no command; there are list, info, attach, detach\n");
        return TOOL_EXIT_USAGE;
    }
    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(arguments[0], commands[i].name))
            continue;
        if (count - 1 >= commands[i].min && count - 1 <= commands[i].max)
            return commands[i].run(tool, arguments + 1);
        fprintf(stderr, "xen-venus: wrong number of arguments; usage: xen-venus %s%s\n",
                commands[i].name, commands[i].arguments);
        return TOOL_EXIT_USAGE;
    }
    fprintf(stderr, "xen-venus: no command \"%s\"; there are list, info, attach, detach\n",
            arguments[0]);
    return TOOL_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    enum { OPT_CONTROL = 256, OPT_JSON };
    static const struct option long_options[] = {
        {"control", required_argument, NULL, OPT_CONTROL},
        {"json", no_argument, NULL, OPT_JSON},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {0},
    };
    struct tool tool = {.control = DEFAULT_CONTROL};
    static char name[] = "xen-venus"; /* what getopt's messages begin with */
    int option;
    argv[0] = name;
    while ((option = getopt_long(argc, argv, "hV", long_options, NULL)) != -1) {
        switch (option) {
        case OPT_CONTROL:
            tool.control = optarg;
            break;
        case OPT_JSON:
            tool.json = true;
            break;
        case 'h':
            print_help();
            return fflush(stdout) ? TOOL_EXIT_REFUSED : TOOL_EXIT_OK;
        case 'V':
            puts("xen-venus " PACKAGE_VERSION);
            return fflush(stdout) ? TOOL_EXIT_REFUSED : TOOL_EXIT_OK;
        default:
            fprintf(stderr, "Try 'xen-venus --help'.\n");
            return TOOL_EXIT_USAGE;
        }
    }
    return run_command(&tool, argc - optind, argv + optind);
}
