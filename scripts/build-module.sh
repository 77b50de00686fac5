#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the kernel module for the kernel whose build tree is KDIR: OUTPUT (build/kexec_mod.ko).
# The work is done in a folder of copies, WORK (build/module), so that sources stay clean and read-only ones serve.
# CORE names the Swift core's assembly where it is there already: then no Swift toolchain is needed.
# MODULE_MAKE is called in the place of make, with the arguments of Linux's build of a module: for another system's tools.
# usage: KDIR=/lib/modules/$(uname -r)/build [OUTPUT=] [WORK=] [CORE=] [MODULE_MAKE=] scripts/build-module.sh
. "$(dirname "$0")/common.sh"
kdir=${KDIR:-/lib/modules/$(uname -r)/build}
output=${OUTPUT:-build/kexec_mod.ko}
work=${WORK:-build/module}
make=${MODULE_MAKE:-make}
configuration=$kdir/include/config/auto.conf
[ -r "$configuration" ] || die "no build tree of a kernel at '$kdir' (no include/config/auto.conf): name one with KDIR=, or install linux-headers-$(uname -r)"
grep -q '^CONFIG_MODULES=y' "$configuration" || die "the kernel of '$kdir' takes no modules (CONFIG_MODULES is not set)"
grep -q '^CONFIG_X86_64=y' "$configuration" || die "the kernel of '$kdir' is not for x86-64"
case $kdir$PWD$work in *[[:space:]]*) die "Linux's build takes no path with a blank in it: '$kdir', '$PWD', '$work'" ;; esac
mkdir -p "$work" "$(dirname "$output")"
# Objects made for another kernel are of no use, whatever their age.
if [ "$(cat "$work/kernel" 2>/dev/null)" != "$kdir" ]; then
    find "$work" -maxdepth 1 \( -name '*.o' -o -name '.*.cmd' \) -exec rm -f {} +
    echo "$kdir" >"$work/kernel"
fi
cp -R KernelModule/Kbuild KernelModule/linux_glue.c KernelModule/relocate_x86_64.S KernelModule/include "$work/"
if [ -n "${CORE:-}" ]; then
    cp "$CORE" "$work/core_x86_64.S"
    echo "$CORE" >"$work/core-given"
elif [ -e "$work/core-given" ] || outdated "$work/core_x86_64.S" KernelModule scripts/compile-module-core.sh $(scripts/compile-module-core.sh --shared); then
    scripts/compile-module-core.sh x86_64 "$work/core_x86_64.S"
    rm -f "$work/core-given"
fi
log=$work/log
# Linux's build wants absolute paths.
absolute=$(cd "$work" && pwd)
status=0
$make -C "$kdir" M="$absolute" modules >"$log" 2>&1 </dev/null || status=$?
# That the kernel was made by a compiler of another version is no matter.
if [ $status != 0 ] || grep -v 'warning: the compiler differs' "$log" | grep -qE 'warning:|WARNING:'; then
    cat "$log" >&2
    die "Linux's build of the module failed or warned"
fi
scripts/check-module.sh "$work/core_x86_64.o" "$configuration"
# Debugging information is nine tenths of it. Type information must go with it: strip moves it to odd addresses, where
# Linux 7.3 refuses it, and the module.
strip --strip-debug --remove-section=.BTF --remove-section=.BTF.base -o "$output" "$work/kexec_mod.ko"
