#!/bin/sh
# SPDX-License-Identifier: MIT
# Code that reads client-writable memory in place does not compile, and the compiler makes none of
# code that reads a copy.
status=0

# The same function with and without the crime, so that it fails for the right reason.
compiles() {
    printf '#include "shm.h"\nint f(struct venus_shm *shm)\n{\n%s\n}\n' "$1" |
        $CC $CPPFLAGS -std=gnu11 -D_GNU_SOURCE= -I"$top_srcdir/venus" -fsyntax-only -x c - 2>/dev/null
}

if ! compiles 'return venus_shm_contains(shm, 0, 1);'; then
    echo "proper access does not compile"
    status=1
fi
for crime in 'return *shm->base;' 'return shm->base[1];' 'return *(shm->base + 4);' \
    'uint32_t v = *shm->base; return v;'; do
    if compiles "$crime"; then
        echo "this compiles but must not: $crime"
        status=1
    fi
done

# What a function becomes, when it is optimised.
becomes() {
    printf '#include "shm.h"\nint f(const struct venus_shm *shm)\n{\n%s\n}\n' "$1" |
        $CC $CPPFLAGS -std=gnu11 -D_GNU_SOURCE= -I"$top_srcdir/venus" -O2 -S -o - -x c -
}

# A copy that nobody looks at is the first one to be left out.
copies=$(becomes 'uint32_t v[4]; return venus_shm_read(shm, 0, v, sizeof(v));') || exit 1
none=$(becomes 'return venus_shm_contains(shm, 0, 16);') || exit 1
if [ "$copies" = "$none" ]; then
    echo "the compiler leaves out copies of client-writable memory"
    status=1
fi
exit $status
