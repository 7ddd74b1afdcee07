# SPDX-License-Identifier: GPL-2.0-or-later
# Medes: module, daemon, tools, tests. "make help" says what there is.

KDIR ?= /lib/modules/$(shell uname -r)/build
prefix ?= /usr/local
DESTDIR ?=

# a directory with a Makefile of its own builds and installs itself
DAEMON := $(wildcard daemon/Makefile)
TOOLS := $(wildcard tools/*/Makefile)
TESTS := $(filter-out selftests/unit/Makefile,$(wildcard selftests/Makefile selftests/*/Makefile))
DEMO := $(wildcard tools/demo/Makefile tools/bench/Makefile tools/sim/Makefile tools/bench-e2e/Makefile tools/demo-cluster/Makefile)
PROGRAMS := $(patsubst %/Makefile,%,$(DAEMON) $(filter-out $(DEMO),$(TOOLS)))
TEST_DIRS := $(patsubst %/Makefile,%,$(filter selftests/Makefile,$(TESTS)) $(DEMO))
MODULE := $(wildcard kmod/Kbuild)

KBUILD = $(MAKE) -C $(KDIR) M=$(CURDIR)/kmod

all: module daemon tools

module:
	$(if $(MODULE),+$(KBUILD) modules)

daemon:
	+$(foreach d,$(patsubst %/Makefile,%,$(DAEMON)),$(MAKE) -C $(d) &&) true

# after the daemon: they share libmedes
tools: daemon
	+$(foreach d,$(patsubst %/Makefile,%,$(filter-out $(DEMO),$(TOOLS))),$(MAKE) -C $(d) &&) true

install: module daemon tools
	$(if $(MODULE),+$(KBUILD) modules_install INSTALL_MOD_DIR=updates INSTALL_MOD_PATH=$(DESTDIR))
	+$(foreach d,$(PROGRAMS),$(MAKE) -C $(d) install DESTDIR=$(DESTDIR) prefix=$(prefix) &&) true

# the guest suites, the demo, the benchmark
install-tests: module daemon tools
	+$(foreach d,$(TEST_DIRS),$(MAKE) -C $(d) && $(MAKE) -C $(d) install DESTDIR=$(DESTDIR) prefix=$(prefix) &&) true

check-config:
	tools/check-config $(KDIR)

check:
	tools/vm/check $(if $(FRESH),--fresh)

# what nodes do to each other; KERNEL=debug: on the debug kernel
check-cluster:
	tools/vm/check --kernel $(or $(KERNEL),stock) --jobs 1 controllers cluster failures

# the registry on real Valkey servers that fail, natively and under two nodes
check-registry:
	tools/vm/check --kernel $(or $(KERNEL),stock) --jobs 1 registries registry

check-debug:
	tools/vm/check --kernel debug

check-unit:
	tools/vm/check unit

# what check-unit runs, in the root
unit: $(patsubst selftests/%/Makefile,unit-in-%,$(wildcard selftests/*/Makefile))
unit-in-%:
	+@$(MAKE) --no-print-directory -C selftests/$* check

bench:
	tools/bench/in-guest

bench-e2e:
	tools/bench-e2e/in-guest

bench-registry:
	@tools/vm/inroot make --no-print-directory -s -C selftests/daemon bench-registries

bench-cluster:
	tools/vm/run --nodes 2 --smp 1 --mem 1024 --timeout 1200 -- python3 /usr/lib/medes/selftests/cluster/bench.py $(ROUNDS)

report:
	$(if $(wildcard build-bench/codec.json),tools/vm/inroot tools/bench/report --kinds build-bench/codec.json Documentation)
	tools/vm/inroot tools/bench/report build-bench/samples.json build-bench/machine.json Documentation

demo:
	@. ./tools/demo/guest.conf && tools/vm/run --mem $$mem --timeout $$timeout -- /usr/lib/medes/demo/run

demo-cluster:
	@. ./tools/demo-cluster/guest.conf && tools/vm/run --nodes 3 --smp 1 --mem $$mem --timeout $$timeout -- /usr/lib/medes/demo-cluster/run

fuzz:
	tools/vm/inroot make --no-print-directory -C tools/fuzz run SECONDS=$(or $(SECONDS),60)
	tools/vm/inroot make --no-print-directory -C selftests/daemon fuzz FUZZ_SECONDS=$(or $(SECONDS),60)

uapi:
	tools/ynl-regen

clean:
	$(if $(MODULE),+-$(KBUILD) clean)
	+$(foreach d,$(PROGRAMS) $(TEST_DIRS),$(MAKE) -C $(d) clean &&) true

help:
	@sed -n 's/^#H //p' Makefile

#H make                 module (for KDIR, default the running kernel), daemon, tools
#H make install         the same, installed (DESTDIR=, prefix=/usr/local)
#H make install-tests   guest suites, demo, benchmark, under $prefix/lib/medes
#H make check-config    can the kernel of KDIR host the module? names what is missing
#H make demo            on any Debian 12 or 13, as root: the demo in a guest
#H make demo-cluster    three guests share bases by RDMA; one of them loses its power
#H make bench           what it costs beside zram and KSM, in a guest; writes build-bench/
#H make bench-e2e       the same arrivals under keep-alive policies and Medes; writes build-bench-e2e/
#H make bench-registry  look-ups in this process and on Valkey servers, on this machine
#H make bench-cluster   faults and restores from another node beside raw RDMA, in two guests
#H make report          Documentation/performance.rst and its charts, of what make bench wrote
#H make check           all tests, natively and in guests of the reference kernel (FRESH=1: also what has passed before)
#H make check-unit      only the tests that need no guest
#H make check-cluster   what nodes do to each other, natively and in two and three guests (KERNEL=debug: on the debug kernel)
#H make check-registry  the registry while Valkey servers fail, natively and in two guests
#H make check-debug     the guest suites on a kernel with KASAN and lockdep
#H make fuzz SECONDS=60 libFuzzer on the codec and on requests to medesd, each target for that long
#H make uapi            the files generated from uapi/medes.yaml
#H make clean

.PHONY: all unit module daemon tools install install-tests check-config check check-cluster check-registry check-debug check-unit bench bench-e2e bench-cluster bench-registry report demo demo-cluster fuzz uapi clean help
