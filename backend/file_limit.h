/* SPDX-License-Identifier: MIT */
#ifndef BACKEND_FILE_LIMIT_H
#define BACKEND_FILE_LIMIT_H

/* Let this process have as many open files as it may at most; a warning says when it cannot. */
void backend_raise_file_limit(void);

#endif
