/* SPDX-License-Identifier: MIT */
/* What a render process gives up before it looks at anything that comes from the guest. */
#ifndef BACKEND_RENDER_CONFINE_H
#define BACKEND_RENDER_CONFINE_H

#include <stdbool.h>
#include <sys/types.h>

/* Die with the device process `parent`, take signals as usual, and leave no memory of the guest in core files.
 * False after logging why. */
bool render_confine_early(pid_t parent);

/* Close every descriptor but 0 to 2, `socket` and `other_fd` (-1: none), and give up all capabilities
 * and ways to new privileges. False after logging why. */
bool render_confine(int socket, int other_fd);

#endif
