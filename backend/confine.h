/* SPDX-License-Identifier: MIT */
/* What device and render processes give up before they look at anything that comes from a guest. */
#ifndef BACKEND_CONFINE_H
#define BACKEND_CONFINE_H

#include <stdbool.h>
#include <sys/types.h>

/* Die with `parent`, take signals as usual, and leave no memory of the guest in core files. False
 * after logging why. */
bool confine_early(pid_t parent);

/* Close every descriptor but 0 to 2, `first` and `second` (-1: none). False after logging why. */
bool confine_descriptors(int first, int second);

/* See no network, and nothing of other processes' System V objects.  Without the privilege, as in
 * tests, everything stays as it is. */
void confine_namespaces(void);

/*
 * Become the user `user` with its groups (NULL: stay who we are) and give up all capabilities and ways
 * to new privileges.  False after logging why.
 */
bool confine_privileges(const char *user);

#endif
