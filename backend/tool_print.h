/* SPDX-License-Identifier: MIT */
/* How xen-venus shows answers to people. */
#ifndef BACKEND_TOOL_PRINT_H
#define BACKEND_TOOL_PRINT_H

#include <stdio.h>

#include <json-c/json_object.h>

/* The answer to "list": a table with a line per GPU, and errors below it. */
void tool_print_list(FILE *file, struct json_object *answer);

/* The answer to "info": all that is known about a guest's GPUs. */
void tool_print_info(FILE *file, struct json_object *answer);

#endif
