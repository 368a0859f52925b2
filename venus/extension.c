/* SPDX-License-Identifier: MIT */
/* Looking up extensions in the generated table. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static int compare_name(const void *name, const void *extension)
{
    return strcmp(name, ((const struct venus_extension *)extension)->name);
}

const struct venus_extension *venus_extension_find(const char *name)
{
    return bsearch(name, venus_extensions, venus_extension_count, sizeof(venus_extensions[0]),
                   compare_name);
}
