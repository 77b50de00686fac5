#!/bin/sh
# SPDX-License-Identifier: MIT
# What a payload's machine code must be like, read from the ELF file that scripts/build-payloads.sh leaves: no
# relocation, no undefined symbol, a flat file within its budget, and neither vector nor x87 registers outside the one
# function, if any, that is entered with their state switched on.
# usage: check-payload.sh NAME BUDGET-IN-BYTES [VECTOR-FUNCTION]
. "$(dirname "$0")/common.sh"
find_toolchain
image=build/payloads/$1.elf
budget=$2
vector_function=${3:-}
[ -e "$image" ] || die "no '$image': scripts/build-payloads.sh did not leave it"
status=0
complain() {
    echo "$image: $*"
    status=1
}

undefined=$(llvm-nm --undefined-only "$image" 2>/dev/null)
[ -z "$undefined" ] || complain "undefined symbols: $undefined"
relocations=$(llvm-objdump --reloc --dynamic-reloc "$image" | grep -E ' R_(X86_64|386)_') || relocations=
[ -z "$relocations" ] || complain "relocations: $relocations"

# What is compiled lies in .text; 16-bit code, in sections of its own, would be read as what it is not.
code=$(llvm-objdump --disassemble --section=.text --no-show-raw-insn "$image")
[ -z "$vector_function" ] || printf '%s\n' "$code" | grep -q "<$vector_function>:" ||
    complain "no function '$vector_function': is this check out of date?"
vectors=$(printf '%s\n' "$code" | awk -v allowed="<$vector_function>:" '
    /^[0-9a-f]+ <.*>:$/ { function_name = $2 }
    /%(xmm|ymm|zmm|mm|st)[0-9(]|%st\>/ && function_name != allowed && !seen[function_name]++ { print function_name, $0 }')
[ -z "$vectors" ] || complain "vector or x87 registers: $vectors"

# What runs in 32-bit mode may run on a 486.
case $(printf '%s\n' "$code" | sed -n 's/.*file format //p') in
elf32-i386) ! printf '%s\n' "$code" | grep -E '[[:space:]](cmov|cpuid|rdtsc)' || complain "instructions that a 486 lacks" ;;
esac

end=$(llvm-nm "$image" | awk '$3 == "file_end" { print $1 }')
[ -n "$end" ] || complain "no symbol 'file_end'"
bytes=$((0x${end:-0}))
[ "$bytes" -le "$budget" ] || complain "$bytes bytes, the budget is $budget"
echo "$bytes bytes, at most $budget"
exit $status
