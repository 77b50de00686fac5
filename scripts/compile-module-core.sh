#!/bin/sh
# SPDX-License-Identifier: MIT
# Compiles the kernel module's Swift core to assembly that Linux's own build takes: build/module/core_ARCH.S.
# One text serves every configuration: it begins each function with endbr64, which does nothing where indirect branches
# are not tracked, has no indirect branch, and leaves its returns to the kernel's RET, a plain one, one with a trap behind
# it, or a jump to the return thunk. (A compiler's option for thunks does not reach Swift functions.)
# usage: scripts/compile-module-core.sh x86_64|aarch64 OUTPUT, or --shared: names the sources that are the loader's, too
. "$(dirname "$0")/common.sh"
# What the core shares with the loader, besides its own sources.
shared="Sources/PhysicalMemory/PageAlignment.swift Sources/PhysicalMemory/PhysicalAddress.swift
    Sources/PhysicalMemory/PhysicalRange.swift Sources/Handoff/ModuleInterface.swift Sources/Handoff/SegmentRules.swift"
if [ "${1:-}" = --shared ]; then
    echo "$shared"
    exit
fi
[ $# = 2 ] || die "usage: scripts/compile-module-core.sh x86_64|aarch64 OUTPUT"
architecture=$1
output=$2
case $architecture in
x86_64)
    target=x86_64-unknown-none-elf
    # An interrupt's frame goes below the stack pointer; vector registers are user space's.
    flags="-mno-red-zone -mno-sse -mno-mmx -mcmodel=kernel -fcf-protection=branch"
    tables=-min-jump-table-entries=1000000
    return='s/^([[:space:]]+)retq?[[:space:]]*$/\1RET/'
    ;;
aarch64)
    target=aarch64-none-none-elf
    flags="-mgeneral-regs-only -mbranch-protection=bti"
    tables=-aarch64-min-jump-table-entries=1000000
    return=
    ;;
*) die "no kernel module for '$architecture'" ;;
esac
find_toolchain
mkdir -p "$(dirname "$output")"
bitcode=$output.bc
# -no-allocations: reference counts do nothing at kernel addresses, whose top bit says "not an object".
# shellcheck disable=SC2046,SC2086
swiftc -swift-version 6 -target $target -enable-experimental-feature Embedded -no-allocations -wmo -parse-as-library \
    -module-name ModuleCore -Osize -strict-memory-safety -warnings-as-errors \
    -enable-upcoming-feature ExistentialAny -enable-upcoming-feature MemberImportVisibility \
    -enable-upcoming-feature InternalImportsByDefault \
    -Xfrontend -disable-stack-protector -Xfrontend -disable-autolinking-runtime-compatibility \
    $(printf -- '-Xcc %s ' $flags -fno-pic -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables) \
    -I KernelModule/include -emit-bc $shared KernelModule/Core/*.swift -o "$bitcode"
# The linker's optimiser knows what Linux calls, and drops the rest. Without jump tables there is no indirect branch.
entries=$(sed -n 's/^[a-z].* \(core_[a-z_]*\)(.*/-u \1/p' KernelModule/include/linux_glue.h)
# shellcheck disable=SC2086
ld.lld --lto-emit-asm -e core_ioctl $entries --unresolved-symbols=ignore-all --no-pie --lto-O2 \
    -mllvm -trap-unreachable -mllvm -enable-shrink-wrap=0 -mllvm $tables \
    "$bitcode" -o "$output.linked"
{
    echo "/* SPDX-License-Identifier: MIT OR GPL-2.0-only */"
    echo "/* Made by scripts/compile-module-core.sh from KernelModule/Core and what it shares with the loader. */"
    echo "#include <linux/linkage.h>"
    # Comments, which the preprocessor takes for its own; a section for each function and variable; names that the
    # kernel's type information (BTF) does not take; sections of Swift's linker.
    sed -E -e '/^[[:space:]]*#/d' -e 's/[[:space:]]+# .*$//' -e 's|[[:space:]]*// .*$||' \
        -e 's/^([[:space:]]+)\.section[[:space:]]+"?\.(text|bss|data)\..*/\1.\2/' \
        -e 's/^([[:space:]]+)\.section[[:space:]]+"?\.rodata\..*"a".*/\1.section\t.rodata,"a"/' \
        -e 's/\$([es][0-9A-Zo])/swift_\1/g' \
        -e "$return" "$output.linked.lto.s" |
        awk '/llvm_linker_options|swift1_autolink|\.addrsig/ { skip = 1; next } /^[[:space:]]+\.(section|text)/ { skip = 0 } !skip'
} >"$output.new"
mv "$output.new" "$output"
