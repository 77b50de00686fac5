# SPDX-License-Identifier: MIT
# `make help` lists what there is. The work is done by scripts/, SwiftPM and the VM lab; this file gives it names.

# Budgets in bytes: "hard" fails `make check`, "aim" only warns.
KEXEC_HARD := 697000
KEXEC_AIM := 550000
PURGATORY_HARD := 9216
REAL_MODE_HARD := 9216
KEXEC_TEST_HARD := 32768
BIOS_BOOT_HARD := 28672
TRAMPOLINE_HARD := 4096
MKELFIMAGE_HARD := 440000

FILTER ?=
SECONDS ?= 60
PREFIX ?= /usr/local
# Where payloads go as files, in kexec-tools/: Debian's is /usr/lib/x86_64-linux-gnu.
LIBDIR ?= $(PREFIX)/lib
# Where zsh looks for completions: Debian's packages have share/zsh/vendor-completions.
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
DESTDIR ?=

# The manifest looks for the codec libraries; a manifest cached from before they were installed would miss them.
SWIFT_FLAGS := --manifest-cache none
LAB = $$(swift build $(SWIFT_FLAGS) --show-bin-path)/kexec-lab

.PHONY: all module dkms packages lab test vm-test system-test lab-status broken demo bench doc completions check fuzz mutants disasm install install-files install-hooks install-hook-files deb lint-deb clean distclean help

all: packages ## build/kexec and build/mkelfimage: static programs (Embedded Swift, musl, all codecs)
	@scripts/build-embedded.sh x86_64 kexec
	@scripts/build-embedded.sh x86_64 mkelfimage
	@build/mkelfimage build/payloads/kexec_test build/payloads/kexec_test.static
	@ls -l build/kexec build/mkelfimage | awk '{ print $$NF ": " $$5 " bytes" }'

packages:
	@scripts/install-packages.sh

lab: packages
	swift build $(SWIFT_FLAGS) --product kexec-lab

# Some unit tests run the program as it is shipped.
test: all ## unit tests, build/kexec, and the quick part of the VM cases
	swift test $(SWIFT_FLAGS)
	@Tests/system-scripts/run.sh
	@Tests/completions/run.sh
	@$(MAKE) --no-print-directory lab
	@Tests/filtered/run.sh
	$(LAB) run --quick

# Of both kinds of cases: which are run, and how often, by what the laboratory remembers.
MEMORY = $(if $(STALE),--stale) $(if $(SUSPECTS),--suspects) $(if $(REPEAT),--repeat $(REPEAT))

vm-test: all lab ## all VM cases, or those that match FILTER=; STALE=1: not yet passed on this; REPEAT=N; SUSPECTS=1
	$(LAB) run $(if $(FILTER),--filter '$(FILTER)') $(MEMORY)

system-test: deb lab ## cases in whole Debian systems with the package installed; the same variables
	$(LAB) system $(if $(FILTER),--filter '$(FILTER)') $(MEMORY)

lab-status: all deb lab ## what passed, failed or is stale of all cases; IMPORT=, EXPORT= and JSON= name files
	@$(LAB) status $(if $(IMPORT),--import '$(IMPORT)') $(if $(EXPORT),--export '$(EXPORT)') $(if $(JSON),--json '$(JSON)')

broken: all ## breaks the product by each patch of Tests/Broken, or those that match FILTER=: a test has to fail
	@scripts/broken.sh $(if $(FILTER),'$(FILTER)')

demo: all lab ## one kexec in a VM: the second kernel's own lines, and how long the jump took
	$(LAB) demo

# The picture is of the whole run.
bench: all lab ## instructions of load and downtime beside kexec-tools' and a direct boot's, and native loops; QUICK=1: a few
	$(LAB) bench $(if $(QUICK),--quick,--picture bench/downtime.svg)

# Where the kernel's build tree is: linux-headers' link, or a kernel's own.
KDIR ?= /lib/modules/$(shell uname -r)/build

module: ## build/kexec_mod.ko for the kernel of KDIR= (the running one's headers): kexec where the kernel has none
	@KDIR='$(KDIR)' scripts/build-module.sh
	@ls -l build/kexec_mod.ko | awk '{ print $$NF ": " $$5 " bytes" }'

dkms: ## build/dkms/swift-kexec-VERSION: the module's source for DKMS, which needs no Swift
	@scripts/make-dkms-source.sh

doc: packages ## build/documentation: the library's, by DocC
	@scripts/build-documentation.sh

completions: ## Integration/completions anew from the option tables, after a change of them
	KEXEC_WRITE_COMPLETIONS=1 swift test $(SWIFT_FLAGS) --filter CompletionTests

check: packages ## format, licence lines, manuals, completions, documentation, Embedded compile for four architectures, sizes, the payloads' machine code
	@KEXEC_HARD=$(KEXEC_HARD) KEXEC_AIM=$(KEXEC_AIM) PURGATORY_HARD=$(PURGATORY_HARD) \
		REAL_MODE_HARD=$(REAL_MODE_HARD) KEXEC_TEST_HARD=$(KEXEC_TEST_HARD) BIOS_BOOT_HARD=$(BIOS_BOOT_HARD) \
		TRAMPOLINE_HARD=$(TRAMPOLINE_HARD) MKELFIMAGE_HARD=$(MKELFIMAGE_HARD) scripts/check.sh

fuzz: packages ## fuzzes every parser for SECONDS= (60) in all
	@scripts/fuzz.sh $(SECONDS)

mutants: all lab ## changes one token of the shipped sources, COUNT= (20) times by SEED= (1), and counts what the tests notice
	swift build $(SWIFT_FLAGS) --build-tests
	$(LAB) mutants --count $(or $(COUNT),20) --seed $(or $(SEED),1)

disasm: ## build/payloads/*.disassembly
	@scripts/disassemble-payloads.sh

install: all ## to DESTDIR=, PREFIX= (/usr/local) and LIBDIR=: sbin/kexec, sbin/mkelfimage, payloads as files, man pages, completions
	@$(MAKE) --no-print-directory install-files

install-files:
	install -D -m 755 -t '$(DESTDIR)$(PREFIX)/sbin' build/kexec build/mkelfimage
	install -D -m 644 -t '$(DESTDIR)$(LIBDIR)/kexec-tools' build/payloads/kexec_test build/payloads/kexec_test.static build/payloads/bios_boot
	install -D -m 644 -t '$(DESTDIR)$(PREFIX)/share/man/man8' Documentation/man/kexec.8 Documentation/man/kexec_test.8 \
		Documentation/man/mkelfimage.8
	cd Integration/completions && \
		install -D -m 644 -t '$(DESTDIR)$(PREFIX)/share/bash-completion/completions' bash/kexec bash/mkelfimage && \
		install -D -m 644 -t '$(DESTDIR)$(ZSHDIR)' zsh/_kexec zsh/_mkelfimage && \
		install -D -m 644 -t '$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d' fish/kexec.fish fish/mkelfimage.fish

install-hooks: install ## below DESTDIR=: recording of firmware's state by initramfs-tools and dracut
	@$(MAKE) --no-print-directory install-hook-files
	@echo "now make the initramfs anew: update-initramfs -u, or dracut -f"

install-hook-files:
	install -D -m 755 -t '$(DESTDIR)/usr/share/initramfs-tools/hooks' Integration/initramfs-tools/hooks/swift-kexec
	install -D -m 755 -t '$(DESTDIR)/usr/share/initramfs-tools/scripts/init-top' \
		Integration/initramfs-tools/scripts/init-top/00-swift-kexec
	install -D -m 755 -t '$(DESTDIR)/usr/lib/dracut/modules.d/90swift-kexec' Integration/dracut/90swift-kexec/*.sh

deb: all ## build/swift-kexec_VERSION_amd64.deb and build/swift-kexec-dkms_VERSION_all.deb
	@scripts/make-deb.sh

lint-deb: ## lintian over build/*.deb and shellcheck over the scripts, in a small Debian 13 in the cache
	@scripts/lint-deb.sh

clean: ## removes what was built; keeps the fetched packages in build/cache
	rm -rf .build
	find build -mindepth 1 -maxdepth 1 ! -name cache -exec rm -rf {} +

distclean: clean ## removes the fetched packages, too
	rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile
