# SPDX-License-Identifier: MIT
include tests/vtest/protocol.mk

# The tests with real applications: run by tests/suite.sh, once per pairing of client and host.
EXTRA_DIST += \
	tests/vtest/common.sh \
	tests/vtest/extensions/sid-on-sid.txt \
	tests/vtest/extensions/sid-on-trixie.txt \
	tests/vtest/extensions/trixie-on-sid.txt \
	tests/vtest/extensions/trixie-on-trixie.txt \
	tests/vtest/ffmpeg.sh \
	tests/vtest/ggml.sh \
	tests/vtest/hide-extension.h \
	tests/vtest/hide-host-import.c \
	tests/vtest/peer-extensions.sh \
	tests/vtest/programs.sh \
	tests/vtest/validate-known.txt \
	tests/vtest/validate.sh \
	tests/vtest/vkmark.sh \
	tests/vtest/vulkaninfo-compare.py \
	tests/vtest/vulkaninfo-differences.txt \
	tests/vtest/vulkaninfo.sh

dist_check_SCRIPTS += tests/vtest/compare-test
TESTS += tests/vtest/compare-test
