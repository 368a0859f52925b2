#!/bin/sh
# SPDX-License-Identifier: MIT
# The fuzz targets must survive their own seeds, in every kind of build.
: "${top_srcdir:=.}" "${top_builddir:=.}" "${PYTHON:=python3}"
: "${VK_REGISTRY:=/usr/share/vulkan/registry/vk.xml}"
export PYTHONDONTWRITEBYTECODE=1
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
"$PYTHON" "$top_srcdir/tests/fuzz/seeds.py" --registry "$VK_REGISTRY" \
    --commands "$top_srcdir/venus/protocol/commands.txt" --corpus "$dir/decoder" || exit 99
"$top_builddir/tests/fuzz/corpus" "$dir/decoder" || exit
# A build without the device process has no such target.
[ -x "$top_builddir/tests/fuzz/corpus-device" ] || exit 0
"$PYTHON" "$top_srcdir/tests/fuzz/device_seeds.py" "$dir/device" || exit 99
"$top_builddir/tests/fuzz/corpus-device" "$dir/device"
