# SPDX-License-Identifier: GPL-2.0-or-later
# eBPF programs: $(O)/NAME.skel.h is made of NAME.bpf.c, as the skeleton NAME_bpf. The program
# is compiled against the types of the kernel that the module is built for; vmlinux.h
# comes from its BTF and is not kept. Included after build.mk.

CLANG ?= clang
BPFTOOL ?= bpftool
KDIR ?= /lib/modules/$(shell uname -r)/build
# a kernel without BTF can't run it, but can be built for
BTF ?= $(firstword $(wildcard $(KDIR)/vmlinux /usr/src/linux-headers-*/vmlinux) /sys/kernel/btf/vmlinux)
FLAGS += -iquote $(O)
# what "make clean" removes
BPF_MADE = $(O)/*.skel.h $(O)/vmlinux.h $(O)/.btf

# the kernel may be another one the next time; its structures have members without names
$(O)/vmlinux.h: FORCE
	@mkdir -p $(O)
	@echo '$(BTF) $(shell stat -Lc "%Y %s" $(BTF) 2>/dev/null)' | cmp -s - $(O)/.btf || \
		{ $(BPFTOOL) btf dump file $(BTF) format c > $@ && \
		  echo '$(BTF) $(shell stat -Lc "%Y %s" $(BTF) 2>/dev/null)' > $(O)/.btf; }

$(O)/%.bpf.o: %.bpf.c $(filter-out %.skel.h vmlinux.h,$(wildcard *.h)) $(O)/vmlinux.h
	$(CLANG) -std=gnu11 -g -O2 -Wall -Wextra -Werror -Wno-unused-parameter \
		-fms-extensions -Wno-microsoft-anon-tag -target bpf -D__TARGET_ARCH_x86 -I$(O) -c -o $@ $<

$(O)/%.skel.h: $(O)/%.bpf.o
	$(BPFTOOL) gen skeleton $< name $(subst -,_,$*)_bpf > $@

.PRECIOUS: $(O)/%.bpf.o
