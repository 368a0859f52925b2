# SPDX-License-Identifier: MIT
#
# Compiles the programs of the guest module's tests alone, without configure:
#
#   make -f tests/xen/shim/standalone.mk O=/some/folder CC=aarch64-linux-gnu-gcc
#
# Needs a C compiler, the kernel's headers for user space, and Xen's libraries.
SRC := $(dir $(lastword $(MAKEFILE_LIST)))
XEN := $(SRC)../../../xen/
O ?= programs
CC ?= cc
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Werror
XEN_PACKAGES := xencontrol xenstore xengnttab xenevtchn xenforeignmemory
XEN_CFLAGS ?= $(shell pkg-config --cflags $(XEN_PACKAGES))
XEN_LIBS ?= $(shell pkg-config --libs $(XEN_PACKAGES))
MODULES := domain events grant shared_pages store store_values window

all: $(O)/fake-backend $(O)/drm-client
.PHONY: all

$(O)/fake-backend: $(SRC)fake-backend.c $(SRC)device.c $(SRC)device.h $(MODULES:%=$(XEN)%.c) \
	$(wildcard $(XEN)*.h)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -I$(XEN) -I$(XEN)../venus $(XEN_CFLAGS) \
		$(LDFLAGS) -o $@ $(filter %.c,$^) $(XEN_LIBS) -lpthread

$(O)/drm-client: $(SRC)drm-client.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) $(LDFLAGS) -o $@ $<
