# SPDX-License-Identifier: GPL-2.0-or-later
# Flags that all user-space programs of the project are built with, and the
# rule for libmedes.a. The includer sets nothing; TOP is the tree's root.

TOP := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))..
O ?= .
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g

PACKAGES := libnl-3.0 libnl-genl-3.0 jansson
# asked for once, when the includer has added its own, not for each file
PACKAGE_FLAGS = $(eval PACKAGE_FLAGS := $$(shell $$(PKG_CONFIG) --cflags $$(PACKAGES)))$(PACKAGE_FLAGS)
PACKAGE_LIBS = $(eval PACKAGE_LIBS := $$(shell $$(PKG_CONFIG) --libs $$(PACKAGES)))$(PACKAGE_LIBS)
FLAGS = -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE -I$(TOP)/uapi -I$(TOP)/lib $(PACKAGE_FLAGS) $(CFLAGS)
LIBS = $(PACKAGE_LIBS)

prefix ?= /usr/local
sysconfdir ?= $(if $(filter /usr,$(prefix)),/etc,$(prefix)/etc)
sbindir ?= $(prefix)/sbin
mandir ?= $(prefix)/share/man
INSTALL ?= install

# where libmedes is built; the tests have one of their own
LIBO ?= $(TOP)/lib
LIBMEDES = $(LIBO)/libmedes.a

ifndef IN_LIB
# Several makes may run at once; the lock lets one of them build the library.
$(LIBMEDES): FORCE
	@mkdir -p $(LIBO)
	+@flock $(LIBO)/.lock $(MAKE) --no-print-directory -C $(TOP)/lib O=$(LIBO)
endif

FORCE:

.PHONY: FORCE
.DEFAULT_GOAL := all
