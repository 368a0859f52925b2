# SPDX-License-Identifier: MIT
include tests/unit/local.mk
include tests/programs/local.mk
include tests/device/render.mk
include tests/vtest/local.mk
include tests/device/local.mk
include tests/fuzz/local.mk
include tests/wire/local.mk
include tests/bench/local.mk
include tests/manager/local.mk
include tests/xen/local.mk

dist_check_SCRIPTS += tests/lib/headers-test.sh tests/lib/runner-test.sh
TESTS += tests/lib/headers-test.sh tests/lib/runner-test.sh

EXTRA_DIST += \
	tests/suite.sh \
	tests/coverage.sh \
	tests/lib/build \
	tests/lib/coverage-report \
	tests/lib/coverage.h \
	tests/lib/dist-complete \
	tests/lib/enter-root \
	tests/lib/make-check \
	tests/lib/make-root \
	tests/lib/packages.sh \
	tests/lib/ppm-to-png \
	tests/lib/roots.sh \
	tests/lib/runner.sh

# Headers first, also when only one test is made: see venus/local.mk.
$(foreach test,$(check_PROGRAMS) $(check_LIBRARIES),\
    $($(subst .,_,$(subst -,_,$(subst /,_,$(test))))_OBJECTS)): | $(VENUS_GEN_H)

# Everything that the tests outside `make check` need.
.PHONY: check-programs
check-programs: $(BUILT_SOURCES)
	$(MAKE) $(AM_MAKEFLAGS) $(check_PROGRAMS)
