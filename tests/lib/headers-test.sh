#!/bin/sh
# SPDX-License-Identifier: MIT
# Every header compiles alone, and the renderer's include nothing of the other parts.
status=0
for header in "$top_srcdir"/venus/*.h "$top_srcdir"/backend/*.h "$top_srcdir"/xen/*.h; do
    case $header in *'*'*) continue ;; esac
    # -Wno-unused: an inline function or a constant that nobody uses is what a header is.
    if ! $CC $CPPFLAGS -std=gnu11 -D_GNU_SOURCE= -I. -I"$top_srcdir" -I"$top_srcdir/venus" \
        -I"$top_srcdir/backend" -Ivenus/gen -Wall -Wextra -Wno-unused -Werror -fsyntax-only \
        -x c -include "$header" /dev/null; then
        echo "$header does not compile alone"
        status=1
    fi
done
if grep -n '#include.*\(backend\|xen\)/' "$top_srcdir"/venus/*.[ch]; then
    echo "venus/ must not include from other folders"
    status=1
fi
exit $status
