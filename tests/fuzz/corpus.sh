#!/bin/sh
# SPDX-License-Identifier: MIT
# The fuzz target must survive its own seeds, in every kind of build.
: "${top_srcdir:=.}" "${top_builddir:=.}" "${PYTHON:=python3}"
: "${VK_REGISTRY:=/usr/share/vulkan/registry/vk.xml}"
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
PYTHONDONTWRITEBYTECODE=1 "$PYTHON" "$top_srcdir/tests/fuzz/seeds.py" --registry "$VK_REGISTRY" \
    --commands "$top_srcdir/venus/protocol/commands.txt" --corpus "$dir" || exit 99
"$top_builddir/tests/fuzz/corpus" "$dir"
