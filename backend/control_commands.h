/* SPDX-License-Identifier: MIT */
/*
 * What the control socket understands.  A request is {"command": NAME, ...}, an answer
 * {"ok": true, ...} or {"ok": false, "error": TEXT}.
 *
 *   list                                  "guests": those with GPUs, or with an error
 *   info    "domain"                      "guest": the same for one, with statistics
 *   attach  "domain", "gpu": "KEY=VALUE,..."    "domid", "id" of the new GPU
 *   detach  "domain", "id" (if several)   "domid", "id"; answered when the GPU has gone
 *
 * "domain" is a name or an id, as text.
 */
#ifndef BACKEND_CONTROL_COMMANDS_H
#define BACKEND_CONTROL_COMMANDS_H

#include <json-c/json_object.h>

#include "xen_guests.h"

/* A request that is not answered yet. */
struct control_pending {
    enum { CONTROL_NOTHING, CONTROL_INFO, CONTROL_DETACH } what;
    uint32_t domid, devid;
};

/* Handle a request: its answer, which the caller puts, or NULL when *pending says what for. */
struct json_object *control_handle(struct xen_guests *guests, struct json_object *request,
                                   struct control_pending *pending);

/* The answer to a pending request, or NULL when it is still to come. */
struct json_object *control_finish(const struct xen_guests *guests,
                                   const struct control_pending *pending);

/* {"ok": false, "error": text} */
struct json_object *control_error(const char *text);

#endif
