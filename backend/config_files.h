/* SPDX-License-Identifier: MIT */
/*
 * Finds the xl configuration of a domain by its name: xl accepts the key `gpu` but hands it on to
 * nobody.
 */
#ifndef BACKEND_CONFIG_FILES_H
#define BACKEND_CONFIG_FILES_H

#include "reason.h"

#define CONFIG_FILES_MAX_GPUS 8 /* entries of one gpu list */

/* A domain's configuration file and the entries of its gpu list. */
struct domain_config {
    char *path;
    char **gpus;
    int gpu_count;
};

enum config_files_result {
    CONFIG_FILES_FOUND, /* *config is filled in, with no entries if the file has no gpu list */
    CONFIG_FILES_NONE,  /* no file is for this domain */
    CONFIG_FILES_ERROR, /* *reason says why */
};

/*
 * Look for the file with name = "<domain>" in the folders (not in those below them).  A file that
 * is found twice through links counts once; two files for the same domain of which one has a gpu
 * list are an error, and so is a gpu that is no list of strings.  Files that cannot be read or
 * parsed are logged and passed over.  *config is to be freed with domain_config_finish() when
 * found.
 */
enum config_files_result config_files_find(const char *const *folders, int folder_count,
                                           const char *domain, struct domain_config *config,
                                           struct reason *reason);

/* Accepts zeroed memory. */
void domain_config_finish(struct domain_config *config);

#endif
