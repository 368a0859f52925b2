# SPDX-License-Identifier: MIT
# The fuzz target, and a plain program that runs it on recorded inputs.
EXTRA_DIST += tests/fuzz/seeds.py tests/fuzz/run

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
endif
