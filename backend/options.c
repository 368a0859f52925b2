/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "vtest_limits.h"

#define DEFAULT_SOCKET "/tmp/.virgl_test" /* where Mesa looks when not told otherwise */

enum { OPT_VTEST = 256, OPT_LIST_GPUS, OPT_GPU, OPT_LOG_LEVEL, OPT_VALIDATE, OPT_MAX_CLIENTS };

static const struct option long_options[] = {
    {"vtest", optional_argument, NULL, OPT_VTEST},
    {"list-gpus", no_argument, NULL, OPT_LIST_GPUS},
    {"gpu", required_argument, NULL, OPT_GPU},
    {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
    {"validate", no_argument, NULL, OPT_VALIDATE},
    {"max-clients", required_argument, NULL, OPT_MAX_CLIENTS},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {0},
};

void options_print_help(void)
{
    printf("Usage: xen-venusd --vtest[=PATH] [OPTION...]\n"
           "       xen-venusd --list-gpus\n"
           "\n"
           "Run the Vulkan work of Mesa's Venus clients on this machine's GPU.\n"
           "\n"
           "  --vtest[=PATH]      serve clients on a UNIX socket, in the foreground\n"
           "                      (default " DEFAULT_SOCKET ")\n"
           "  --list-gpus         show the GPUs that Vulkan offers here, and end\n"
           "  --gpu=SELECTOR      offer only this GPU: its index in --list-gpus, name or part\n"
           "                      of the name, UUID, or PCI address (default: all)\n"
           "  --max-clients=N     at most N clients at a time (default %u)\n"
           "  --validate          let the Khronos validation layer watch the GPU's driver and\n"
           "                      log what it finds\n"
           "  --log-level=LEVEL   error, warning, info or debug (default info)\n"
           "  -h, --help          show this text\n"
           "  -V, --version       show the version\n"
           "\n"
           "A client: VK_DRIVER_FILES=/usr/share/vulkan/icd.d/virtio_icd.json VN_DEBUG=vtest \\\n"
           "          VTEST_SOCKET_NAME=PATH APPLICATION\n",
           VTEST_DEFAULT_CLIENTS);
}

static bool parse_log_level(const char *s, enum venus_log_level *level)
{
    static const char *const names[] = {
        [VENUS_LOG_ERROR] = "error",
        [VENUS_LOG_WARNING] = "warning",
        [VENUS_LOG_INFO] = "info",
        [VENUS_LOG_DEBUG] = "debug",
    };
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!strcmp(s, names[i])) {
            *level = i;
            return true;
        }
    }
    fprintf(stderr, "xen-venusd: --log-level=%s: not one of error, warning, info, debug\n", s);
    return false;
}

static bool parse_max_clients(const char *s, uint32_t *n)
{
    char *end;
    const unsigned long value = strtoul(s, &end, 10);
    if (!isdigit((unsigned char)*s) || *end || !value || value > VTEST_MAX_CLIENTS) {
        fprintf(stderr, "xen-venusd: --max-clients=%s: not a number from 1 to %u\n", s,
                VTEST_MAX_CLIENTS);
        return false;
    }
    *n = value;
    return true;
}

static bool check_path(const char *path)
{
    const size_t room = sizeof(((struct sockaddr_un *)NULL)->sun_path);
    if (!*path) {
        fprintf(stderr, "xen-venusd: --vtest=: the path is empty\n");
        return false;
    }
    if (strlen(path) >= room) {
        fprintf(stderr, "xen-venusd: --vtest=%s: the path has %zu bytes; a socket's may have %zu\n",
                path, strlen(path), room - 1);
        return false;
    }
    return true;
}

static bool parse_one(struct options *o, int option, bool *mode_given)
{
    switch (option) {
    case OPT_VTEST:
        o->vtest_path = optarg ? optarg : DEFAULT_SOCKET;
        break;
    case OPT_LIST_GPUS:
        o->mode = OPTIONS_LIST_GPUS;
        *mode_given = true;
        break;
    case OPT_GPU:
        o->gpu = optarg;
        if (!*optarg)
            fprintf(stderr, "xen-venusd: --gpu=: the selector is empty\n");
        return *optarg;
    case OPT_LOG_LEVEL:
        return parse_log_level(optarg, &o->log_level);
    case OPT_VALIDATE:
        o->validate = true;
        break;
    case OPT_MAX_CLIENTS:
        return parse_max_clients(optarg, &o->max_clients);
    default:
        return false; /* getopt has said why */
    }
    return true;
}

bool options_parse(struct options *options, int argc, char **argv)
{
    bool mode_given = false;
    int option;
    *options = (struct options){
        .mode = OPTIONS_VTEST,
        .log_level = VENUS_LOG_INFO,
        .max_clients = VTEST_DEFAULT_CLIENTS,
    };
    static char name[] = "xen-venusd"; /* what getopt's messages begin with */
    argv[0] = name;
    while ((option = getopt_long(argc, argv, "hV", long_options, NULL)) != -1) {
        if (option == 'h' || option == 'V') {
            options->mode = option == 'h' ? OPTIONS_HELP : OPTIONS_VERSION;
            return true;
        }
        if (!parse_one(options, option, &mode_given)) {
            fprintf(stderr, "Try 'xen-venusd --help'.\n");
            return false;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "xen-venusd: unexpected argument '%s'\nTry 'xen-venusd --help'.\n",
                argv[optind]);
        return false;
    }
    if (mode_given == !!options->vtest_path) {
        fprintf(stderr,
                "xen-venusd: give %s of --vtest and --list-gpus\n"
                "Try 'xen-venusd --help'.\n",
                mode_given ? "only one" : "one");
        return false;
    }
    return !options->vtest_path || check_path(options->vtest_path);
}
