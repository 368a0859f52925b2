/* SPDX-License-Identifier: MIT */
/* xen-venus' connection to xen-venusd (control_commands.h). */
#ifndef BACKEND_TOOL_CLIENT_H
#define BACKEND_TOOL_CLIENT_H

#include <json-c/json_object.h>

/* Exit statuses of xen-venus; documented in xen-venus(1). */
#define TOOL_EXIT_OK      0
#define TOOL_EXIT_REFUSED 1 /* the daemon says no, or the answer cannot be shown */
#define TOOL_EXIT_USAGE   2 /* wrong arguments */
#define TOOL_EXIT_DAEMON  3 /* the daemon is not there, or does not answer */

/*
 * Send a request and wait for its answer, which is to be put.  Puts the request.  Returns an exit
 * status; for any but TOOL_EXIT_OK it has printed why, and there is no answer.
 */
int tool_request(const char *path, struct json_object *request, struct json_object **answer);

#endif
