#!/bin/sh
# SPDX-License-Identifier: MIT
# Fails unless the ELF program FILE is static: no interpreter, no dynamic section, no executable stack.
# usage: check-static.sh FILE
. "$(dirname "$0")/common.sh"
find_toolchain
headers=$(llvm-objdump --private-headers "$1")
for header in INTERP DYNAMIC; do
    ! printf '%s\n' "$headers" | grep -q "^ *$header " || die "$1 has a program header $header"
done
printf '%s\n' "$headers" | grep -A 1 '^ *STACK ' | grep -q 'flags rw-' || die "$1 does not ask for a stack without execution"
