# SPDX-License-Identifier: MIT
# The decoder against an independent oracle, with a null Vulkan driver below it.

WIRE_ORACLE = \
	tests/wire/cases.py \
	tests/wire/negative.py \
	tests/wire/null_driver.py \
	tests/wire/recorded.py \
	tests/wire/synth.py \
	tests/wire/vkxml.py \
	tests/wire/wire.py
EXTRA_DIST += $(WIRE_ORACLE) tests/wire/recorded.sh

NULL_CPPFLAGS = $(VENUS_CPPFLAGS) -I$(top_srcdir)/tests/wire -I$(top_builddir)/tests/wire

check_LIBRARIES += tests/wire/libnull.a
tests_wire_libnull_a_SOURCES = tests/wire/null.c tests/wire/null.h
nodist_tests_wire_libnull_a_SOURCES = tests/wire/null_driver.c tests/wire/null_walk.h
tests_wire_libnull_a_CPPFLAGS = $(NULL_CPPFLAGS)

tests/wire/null_driver.c: tests/wire/null_driver.py tests/wire/vkxml.py tests/wire/wire.py \
		venus/protocol/commands.txt $(VK_REGISTRY)
	$(AM_V_GEN)$(MKDIR_P) tests/wire && PYTHONDONTWRITEBYTECODE=1 \
		$(PYTHON) $(srcdir)/tests/wire/null_driver.py --registry $(VK_REGISTRY) \
		--commands $(srcdir)/venus/protocol/commands.txt --out $@ --header tests/wire/null_walk.h
tests/wire/null_walk.h: tests/wire/null_driver.c
	@test -f $@ || { rm -f $< && $(MAKE) $(AM_MAKEFLAGS) $<; }

tests/wire/libnull_a-null.$(OBJEXT) tests/wire/libnull_a-null_driver.$(OBJEXT) \
		tests/wire/replay-replay.$(OBJEXT): tests/wire/null_walk.h

BUILT_SOURCES += tests/wire/null_walk.h
CLEANFILES += tests/wire/null_driver.c tests/wire/null_walk.h

check_PROGRAMS += tests/wire/replay
tests_wire_replay_SOURCES = tests/wire/replay.c
tests_wire_replay_CPPFLAGS = $(NULL_CPPFLAGS)
tests_wire_replay_LDADD = tests/wire/libnull.a $(VENUS_LIBS)

dist_check_SCRIPTS += tests/wire/decoder.sh
TESTS += tests/wire/decoder.sh

# A daemon that records what clients send.
check_PROGRAMS += tests/wire/recording-venusd
tests_wire_recording_venusd_SOURCES = backend/main.c tests/wire/record.c
tests_wire_recording_venusd_CPPFLAGS = $(VENUS_CPPFLAGS) -I$(srcdir)/backend
tests_wire_recording_venusd_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=venus_decoder_run,--wrap=venus_reply_finish
tests_wire_recording_venusd_LDADD = $(BACKEND_LIBS)
