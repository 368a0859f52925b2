# SPDX-License-Identifier: MIT
include tests/unit/local.mk
include tests/programs/local.mk
include tests/vtest/local.mk
include tests/fuzz/local.mk
include tests/wire/local.mk
include tests/bench/local.mk

EXTRA_DIST += \
	tests/lib/enter-root \
	tests/lib/roots.sh
