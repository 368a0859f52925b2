/* SPDX-License-Identifier: MIT */
/* Exit statuses of xen-venusd; documented in xen-venusd(8). */
#ifndef BACKEND_EXIT_CODES_H
#define BACKEND_EXIT_CODES_H

#define BACKEND_EXIT_OK     0
#define BACKEND_EXIT_ERROR  1 /* a system call failed */
#define BACKEND_EXIT_USAGE  2 /* wrong options */
#define BACKEND_EXIT_VULKAN 3 /* no Vulkan loader, driver or validation layer */
#define BACKEND_EXIT_GPU    4 /* no usable GPU, or --gpu does not name exactly one */
#define BACKEND_EXIT_SOCKET 5 /* the socket cannot be made, or another server has it */
#define BACKEND_EXIT_XEN    6 /* no xenstore, or no privilege */

#endif
