/* SPDX-License-Identifier: MIT */
/* What device and render processes give up before they look at anything that comes from a guest. */
#ifndef BACKEND_CONFINE_H
#define BACKEND_CONFINE_H

#include <stdbool.h>
#include <sys/types.h>

/* Die with `parent`, take signals as usual, and leave no memory of the guest in core files. False
 * after logging why.  0 is a parent outside of our PID namespace: ask confine_peer_lives(), too. */
bool confine_early(pid_t parent);

/* Whether somebody has the other end of a socket, which here means: whether the parent lives. */
bool confine_peer_lives(int socket);

/* Have less open files than the parent may, and `most` at most.  What is on its way to others
 * counts for all processes of the user against the limit of who sends, so that there is always room
 * for the parent.  False after logging why. */
bool confine_files(unsigned int most);

/* Close every descriptor but 0 to 2 and those of `kept` (-1: none). False after logging why. */
bool confine_descriptors(const int *kept, unsigned int count);

/* See no network, and nothing of other processes' System V objects.  Without the privilege
 * everything stays as it is, and a warning says so. */
void confine_namespaces(void);

/*
 * Become the user `user` with its groups (NULL: stay who we are) and give up all capabilities and
 * ways to new privileges.  False after logging why, and when the parent has died meanwhile, which
 * has the other end of `peer` (only looked at with a user).
 */
bool confine_privileges(const char *user, int peer);

/*
 * Give up, for good, the system calls that no Vulkan driver needs, and ways to new privileges.  Above
 * all, only threads can be made: a process that is left behind would have the guest's memory when that
 * has been given back.  False after a warning where the kernel or the architecture cannot do that, and
 * then everything stays as it is.
 */
bool confine_syscalls(void);

#endif
