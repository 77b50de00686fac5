#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes symbols and disassembly of each payload beside it: build/payloads/NAME.disassembly.
# usage: disassemble-payloads.sh
. "$(dirname "$0")/common.sh"
find_toolchain
scripts/build-payloads.sh
for image in build/payloads/*.elf; do
    [ -e "$image" ] || die "no payload in build/payloads"
    listing=${image%.elf}.disassembly
    llvm-objdump --syms --section-headers --disassemble --demangle "$image" >"$listing"
    echo "$listing"
done
