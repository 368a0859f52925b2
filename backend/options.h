/* SPDX-License-Identifier: MIT */
/* The command line of xen-venusd. */
#ifndef BACKEND_OPTIONS_H
#define BACKEND_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "venus.h"

enum options_mode {
    OPTIONS_VTEST,
    OPTIONS_XEN,
    OPTIONS_LIST_GPUS,
    OPTIONS_HELP,
    OPTIONS_VERSION,
};

#define OPTIONS_MAX_CONFIG_DIRS 16

struct options {
    enum options_mode mode;
    const char *vtest_path;
    const char *gpu; /* selector, or NULL */
    enum venus_log_level log_level;
    bool validate;
    uint32_t max_clients;
    /* for OPTIONS_XEN */
    const char *config_dirs[OPTIONS_MAX_CONFIG_DIRS];
    int config_dir_count;
    const char *control_path;
    const char *user; /* NULL: the default, if there is such a user */
};

/* Fill in *options from the command line; its strings stay where they are. False, after printing
 * what is wrong to standard error, for anything that is not understood. */
bool options_parse(struct options *options, int argc, char **argv);

/* Print the text of --help to standard output. */
void options_print_help(void);

#endif
