/* SPDX-License-Identifier: MIT */
/*
 * The control socket: xen-venus and other tools of the host's administrator send a line with a JSON
 * object and get one back, in order (control_commands.h).  For root, or whoever runs the daemon.
 */
#ifndef BACKEND_CONTROL_SERVER_H
#define BACKEND_CONTROL_SERVER_H

#include "loop.h"
#include "xen_guests.h"

#define CONTROL_DEFAULT_PATH "/run/xen-venusd/control"
#define CONTROL_MAX_CLIENTS  16
#define CONTROL_MAX_LINE     4096

struct control_server;

/* Listen. Returns an exit code of the program, after logging why it is not BACKEND_EXIT_OK. */
int control_server_create(struct loop *loop, struct xen_guests *guests, const char *path,
                          struct control_server **server);
/* NULL allowed. */
void control_server_destroy(struct control_server *server);

/* Answer what has been waiting for something; call after anything has happened. */
void control_server_tick(struct control_server *server);

#endif
