# SPDX-License-Identifier: MIT
# The fuzz targets, and plain programs that run them on recorded inputs.
EXTRA_DIST += tests/fuzz/device_seeds.py tests/fuzz/run tests/fuzz/seeds.py

FUZZ_CPPFLAGS = $(NULL_CPPFLAGS) -I$(top_builddir)/tests/fuzz
FUZZ_LIBS = tests/wire/libnull.a $(VENUS_LIBS)

tests/fuzz/fuzz_prologue.h: tests/fuzz/seeds.py $(WIRE_ORACLE) venus/protocol/commands.txt \
		$(VK_REGISTRY)
	$(AM_V_GEN)$(MKDIR_P) tests/fuzz && PYTHONDONTWRITEBYTECODE=1 \
		$(PYTHON) $(srcdir)/tests/fuzz/seeds.py --registry $(VK_REGISTRY) \
		--commands $(srcdir)/venus/protocol/commands.txt --header $@
BUILT_SOURCES += tests/fuzz/fuzz_prologue.h
CLEANFILES += tests/fuzz/fuzz_prologue.h

tests/fuzz/corpus-fuzz_decoder.$(OBJEXT): tests/fuzz/fuzz_prologue.h \
	tests/wire/null_walk.h

check_PROGRAMS += tests/fuzz/corpus
tests_fuzz_corpus_SOURCES = tests/fuzz/corpus.c tests/fuzz/fuzz_decoder.c
nodist_tests_fuzz_corpus_SOURCES = tests/fuzz/fuzz_prologue.h
tests_fuzz_corpus_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_corpus_LDADD = $(FUZZ_LIBS)

# What the target defines of backend/render.h is then not taken from the library.
DEVICE_FUZZ_CPPFLAGS = $(VENUS_CPPFLAGS) -I$(srcdir)/backend
DEVICE_FUZZ_LIBS = backend/libbackend.a $(VENUS_LIBS)

if DEVICE
check_PROGRAMS += tests/fuzz/corpus-device
endif
tests_fuzz_corpus_device_SOURCES = tests/fuzz/corpus.c tests/fuzz/fuzz_device.c
tests_fuzz_corpus_device_CPPFLAGS = $(DEVICE_FUZZ_CPPFLAGS)
tests_fuzz_corpus_device_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=backend_log
tests_fuzz_corpus_device_LDADD = $(DEVICE_FUZZ_LIBS)

dist_check_SCRIPTS += tests/fuzz/corpus.sh
TESTS += tests/fuzz/corpus.sh

if FUZZER
tests/fuzz/fuzz_decoder-fuzz_decoder.$(OBJEXT): tests/fuzz/fuzz_prologue.h \
	tests/wire/null_walk.h

check_PROGRAMS += tests/fuzz/fuzz_decoder
tests_fuzz_fuzz_decoder_SOURCES = tests/fuzz/fuzz_decoder.c
nodist_tests_fuzz_fuzz_decoder_SOURCES = tests/fuzz/fuzz_prologue.h
tests_fuzz_fuzz_decoder_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_decoder_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_decoder_LDADD = $(FUZZ_LIBS)
if DEVICE
check_PROGRAMS += tests/fuzz/fuzz_device
endif
tests_fuzz_fuzz_device_SOURCES = tests/fuzz/fuzz_device.c
tests_fuzz_fuzz_device_CPPFLAGS = $(DEVICE_FUZZ_CPPFLAGS)
tests_fuzz_fuzz_device_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer -Wl,--wrap=backend_log
tests_fuzz_fuzz_device_LDADD = $(DEVICE_FUZZ_LIBS)
endif
