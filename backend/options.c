/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "options.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "vtest_limits.h"

#define DEFAULT_CONTROL "/run/xen-venusd/control"
#define DEFAULT_SOCKET  "/tmp/.virgl_test" /* where Mesa looks when not told otherwise */

enum {
    OPT_VTEST = 256,
    OPT_XEN,
    OPT_LIST_GPUS,
    OPT_GPU,
    OPT_LOG_LEVEL,
    OPT_VALIDATE,
    OPT_MAX_CLIENTS,
    OPT_CONFIG_DIR,
    OPT_CONTROL,
    OPT_USER,
};

static const struct option long_options[] = {
    {"vtest", optional_argument, NULL, OPT_VTEST},
    {"xen", no_argument, NULL, OPT_XEN},
    {"list-gpus", no_argument, NULL, OPT_LIST_GPUS},
    {"gpu", required_argument, NULL, OPT_GPU},
    {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
    {"validate", no_argument, NULL, OPT_VALIDATE},
    {"max-clients", required_argument, NULL, OPT_MAX_CLIENTS},
    {"config-dir", required_argument, NULL, OPT_CONFIG_DIR},
    {"control", required_argument, NULL, OPT_CONTROL},
    {"user", required_argument, NULL, OPT_USER},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {0},
};

void options_print_help(void)
{
    printf(
        "Usage: xen-venusd --vtest[=PATH] [OPTION...]\n"
        "       xen-venusd --xen [OPTION...]\n"
        "       xen-venusd --list-gpus\n"
        "\n"
        "Run the Vulkan work of Mesa's Venus clients on this machine's GPU.\n"
        "\n"
        "  --vtest[=PATH]      serve clients on a UNIX socket, in the foreground\n"
        "                      (default " DEFAULT_SOCKET ")\n"
        "  --xen               serve Xen guests, in the foreground\n"
        "  --list-gpus         show the GPUs that Vulkan offers here, and end\n"
        "  --gpu=SELECTOR      offer only this GPU: its index in --list-gpus, name or part\n"
        "                      of the name, UUID, or PCI address (default: all)\n"
        "  --config-dir=DIR    with --xen: where the guests' xl configurations are; may be given\n"
        "                      several times (default /etc/xen and /etc/xen/auto)\n"
        "  --control=PATH      with --xen: socket for xen-venus(1)\n"
        "                      (default " DEFAULT_CONTROL ")\n"
        "  --user=NAME         with --xen: user that guests' processes run as (default\n"
        "                      xen-venus)\n"
        "  --max-clients=N     with --vtest: at most N clients at a time (default %u)\n"
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

/* A socket's path, for the option. */
static bool check_path(const char *option, const char *path)
{
    const size_t room = sizeof(((struct sockaddr_un *)NULL)->sun_path);
    if (!*path) {
        fprintf(stderr, "xen-venusd: --%s=: the path is empty\n", option);
        return false;
    }
    if (strlen(path) >= room) {
        fprintf(stderr, "xen-venusd: --%s=%s: the path has %zu bytes; a socket's may have %zu\n",
                option, path, strlen(path), room - 1);
        return false;
    }
    return true;
}

static bool add_config_dir(struct options *o, const char *dir)
{
    if (!*dir) {
        fprintf(stderr, "xen-venusd: --config-dir=: the path is empty\n");
        return false;
    }
    if (o->config_dir_count == OPTIONS_MAX_CONFIG_DIRS) {
        fprintf(stderr, "xen-venusd: --config-dir=%s: at most %d folders are allowed\n", dir,
                OPTIONS_MAX_CONFIG_DIRS);
        return false;
    }
    o->config_dirs[o->config_dir_count++] = dir;
    return true;
}

static bool not_empty(const char *option, const char *value, const char *what)
{
    if (!*value)
        fprintf(stderr, "xen-venusd: --%s=: the %s is empty\n", option, what);
    return *value;
}

/* What was said about what to do. */
struct modes {
    int given;            /* of --vtest, --xen and --list-gpus */
    const char *xen_only; /* an option that needs --xen, or NULL */
};

static bool parse_xen_option(struct options *o, int option, struct modes *modes)
{
    switch (option) {
    case OPT_CONFIG_DIR:
        modes->xen_only = "config-dir";
        return add_config_dir(o, optarg);
    case OPT_CONTROL:
        modes->xen_only = "control";
        o->control_path = optarg;
        return check_path("control", optarg);
    case OPT_USER:
        modes->xen_only = "user";
        o->user = optarg;
        return not_empty("user", optarg, "name");
    default:
        return false; /* getopt has said why */
    }
}

static bool parse_one(struct options *o, int option, struct modes *modes)
{
    switch (option) {
    case OPT_VTEST:
        modes->given += o->mode != OPTIONS_VTEST || !o->vtest_path;
        o->mode = OPTIONS_VTEST;
        o->vtest_path = optarg ? optarg : DEFAULT_SOCKET;
        return check_path("vtest", o->vtest_path);
    case OPT_XEN:
        modes->given += o->mode != OPTIONS_XEN;
        o->mode = OPTIONS_XEN;
        break;
    case OPT_LIST_GPUS:
        modes->given += o->mode != OPTIONS_LIST_GPUS;
        o->mode = OPTIONS_LIST_GPUS;
        break;
    case OPT_GPU:
        o->gpu = optarg;
        return not_empty("gpu", optarg, "selector");
    case OPT_LOG_LEVEL:
        return parse_log_level(optarg, &o->log_level);
    case OPT_VALIDATE:
        o->validate = true;
        break;
    case OPT_MAX_CLIENTS:
        return parse_max_clients(optarg, &o->max_clients);
    default:
        return parse_xen_option(o, option, modes);
    }
    return true;
}

/* Whether what was given goes together. */
static bool check_modes(struct options *o, const struct modes *modes)
{
    if (modes->given != 1) {
        fprintf(stderr, "xen-venusd: give %s of --vtest, --xen and --list-gpus\n",
                modes->given ? "only one" : "one");
        return false;
    }
    if (modes->xen_only && o->mode != OPTIONS_XEN) {
        fprintf(stderr, "xen-venusd: --%s goes with --xen only\n", modes->xen_only);
        return false;
    }
#ifndef HAVE_XEN
    if (o->mode == OPTIONS_XEN) {
        fprintf(stderr, "xen-venusd: --xen is not built in: this xen-venusd was configured without "
                        "Xen's libraries\n");
        return false;
    }
#endif
    if (o->mode == OPTIONS_XEN && !o->config_dir_count) {
        add_config_dir(o, "/etc/xen");
        add_config_dir(o, "/etc/xen/auto");
    }
    return true;
}

bool options_parse(struct options *options, int argc, char **argv)
{
    struct modes modes = {0};
    int option;
    *options = (struct options){
        .mode = OPTIONS_VTEST,
        .log_level = VENUS_LOG_INFO,
        .max_clients = VTEST_DEFAULT_CLIENTS,
        .control_path = DEFAULT_CONTROL,
    };
    static char name[] = "xen-venusd"; /* what getopt's messages begin with */
    argv[0] = name;
    while ((option = getopt_long(argc, argv, "hV", long_options, NULL)) != -1) {
        if (option == 'h' || option == 'V') {
            options->mode = option == 'h' ? OPTIONS_HELP : OPTIONS_VERSION;
            return true;
        }
        if (!parse_one(options, option, &modes)) {
            fprintf(stderr, "Try 'xen-venusd --help'.\n");
            return false;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "xen-venusd: unexpected argument '%s'\nTry 'xen-venusd --help'.\n",
                argv[optind]);
        return false;
    }
    if (check_modes(options, &modes))
        return true;
    fprintf(stderr, "Try 'xen-venusd --help'.\n");
    return false;
}
