# SPDX-License-Identifier: MIT
#
# Compiles the small Vulkan programs alone, without configure:
#
#   make -f tests/programs/standalone.mk                    all, into ./programs
#   make -f tests/programs/standalone.mk O=/some/folder triangle
#
# Needs a C compiler, the Vulkan headers and loader, and glslangValidator.

SRC := $(dir $(lastword $(MAKEFILE_LIST)))
O ?= programs
CC ?= cc
GLSLANG ?= glslangValidator
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra
VULKAN_CFLAGS ?= $(shell pkg-config --cflags vulkan)
VULKAN_LIBS ?= $(shell pkg-config --libs vulkan)

LIBRARY := common resources draw
PROGRAMS := $(filter-out $(LIBRARY),$(basename $(notdir $(wildcard $(SRC)*.c))))
SHADERS := $(wildcard $(SRC)shaders/*)
HEADERS := $(SHADERS:$(SRC)shaders/%=$(O)/shaders/%.h)

all: $(PROGRAMS:%=$(O)/%)
$(PROGRAMS): %: $(O)/%
.PHONY: all $(PROGRAMS)

$(O)/shaders/%.h: $(SRC)shaders/%
	@mkdir -p $(@D)
	$(GLSLANG) -V --quiet --target-env vulkan1.1 --vn $(subst .,_,$*) -o $@ $<

$(O)/%.o: $(SRC)%.c $(SRC)common.h $(SRC)draw.h $(HEADERS)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(WARNINGS) $(VULKAN_CFLAGS) -I$(O) $(CFLAGS) -c -o $@ $<

$(O)/%: $(O)/%.o $(LIBRARY:%=$(O)/%.o)
	$(CC) $(LDFLAGS) -o $@ $^ $(VULKAN_LIBS) -lpthread

.SECONDARY:
