#!/bin/sh
# SPDX-License-Identifier: MIT
# Make ./configure out of configure.ac, after a clone or a change of it.
set -e
cd "$(dirname "$0")"
for tool in autoconf automake pkg-config; do
    command -v $tool >/dev/null || {
        echo "autogen.sh: $tool is missing (./quickstart installs what is needed)" >&2
        exit 1
    }
done
exec autoreconf --install --force
