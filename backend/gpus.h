/* SPDX-License-Identifier: MIT */
/*
 * The host's GPUs: looked at in a child process, because some drivers start threads when they are
 * loaded and the daemon forks for every client.
 */
#ifndef BACKEND_GPUS_H
#define BACKEND_GPUS_H

#include <stdbool.h>
#include <stdio.h>

#include "reason.h"
#include "venus.h"

#define BACKEND_MAX_GPUS 64

/* A struct venus_gpu whose strings are its own. */
struct backend_gpu {
    struct venus_gpu gpu; /* memory_path and unusable are not set */
    char memory_path[32]; /* empty: none */
    char unusable[200];   /* why, when memory_path is empty */
};

/*
 * Ask Vulkan for all GPUs.  *gpus is to be freed by the caller.  With `validate` the Khronos
 * validation layer must exist.  Returns BACKEND_EXIT_OK, or another exit code after logging why.
 */
int backend_gpus_probe(bool validate, struct backend_gpu **gpus, int *count);

/*
 * The GPU that a selector names: an index, a PCI address (with or without domain), a device UUID
 * (with or without dashes), a name, or a part of a name; case does not matter.  Returns NULL, with
 * a reason, when it names none or several.
 */
const struct backend_gpu *backend_gpu_find(const struct backend_gpu *gpus, int count,
                                           const char *selector, struct reason *reason);

/* The same for --gpu: logs why it returns NULL. */
const struct backend_gpu *backend_gpu_select(const struct backend_gpu *gpus, int count,
                                             const char *selector);

/* Print the GPUs as --list-gpus does. */
void backend_gpus_print(FILE *file, const struct backend_gpu *gpus, int count);

#endif
