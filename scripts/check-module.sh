#!/bin/sh
# SPDX-License-Identifier: MIT
# Fails when the kernel module's Swift object has something that has no place in a kernel, or lacks what the kernel's
# configuration wants of all code. The configuration is read from the kernel's own auto.conf, never from the object: a
# check that a return thunk's presence switches on would pass where it is missing.
# usage: scripts/check-module.sh OBJECT [AUTO.CONF]
. "$(dirname "$0")/common.sh"
[ $# = 1 ] || [ $# = 2 ] || die "usage: scripts/check-module.sh OBJECT [AUTO.CONF]"
# Debian's LLVM does as well, where there is no Swift.
command -v llvm-objdump >/dev/null && command -v llvm-readelf >/dev/null || find_toolchain
object=$1
configuration=${2:-/dev/null}
failures=0

# none NAME LINES: fails where there are any.
none() {
    [ -z "$2" ] && return
    printf '%s: %s\n%s\n' "$object" "$1" "$2" | head -n 6 >&2
    failures=$((failures + 1))
}

configured() { grep -qE "^CONFIG_(MITIGATION_)?$1=y" "$configuration"; }

code=$(llvm-objdump --disassemble --no-show-raw-insn --no-leading-addr "$object" | sed 's/#.*//')
relocations=$(llvm-readelf --relocations --wide "$object")
find() { printf '%s\n' "$code" | grep -E "$1" || true; }

case $(llvm-readelf --file-header "$object" | sed -n 's/.*Machine: *//p') in
*X86-64)
    none "vector or x87 registers" "$(find '%[xyz]mm|%st\b')"
    none "memory below the stack pointer" "$(find '[[:space:]]-0x[0-9a-f]+\(%rsp\)')"
    none "indirect calls or jumps" "$(find '(call|jmp)q?[[:space:]]+\*')"
    none "frames of 2 KiB and more" "$(find 'sub.*\$0x([89a-f][0-9a-f]{2}|[0-9a-f]{4,}), %rsp')"
    if configured RETHUNK; then none "returns without a thunk" "$(find '[[:space:]]retq?[[:space:]]*$')"; fi
    if configured SLS && ! configured RETHUNK; then
        none "returns without a trap behind them" \
            "$(printf '%s\n' "$code" | awk '/[[:space:]]retq?[[:space:]]*$/ { getline next_line; if (next_line !~ /int3/) print }')"
    fi
    for entry in core_ioctl core_close core_depart core_take_ram; do
        first=$(printf '%s\n' "$code" | awk -v name="<$entry>:" '$1 == name { getline; print }')
        case $first in *endbr64*) ;; *) none "$entry does not begin with endbr64" "${first:-not there}" ;; esac
    done
    runtime='memset|memcpy|memmove|__x86_return_thunk'
    ;;
*AArch64)
    none "vector or floating point registers" "$(find '[[:space:],{][vqdsh][0-9]+[.,}[:space:]]')"
    none "indirect calls or jumps" "$(find '[[:space:]](blr|br)[[:space:]]')"
    runtime='memset|memcpy|memmove'
    ;;
*) die "'$object' is for no processor that the module is made for" ;;
esac
none "names that BTF does not take" "$(llvm-nm --format=just-symbols "$object" | grep -vE '^[A-Za-z_.][A-Za-z0-9_.]*$' || true)"
none "relocations by a table that modules do not have" "$(printf '%s\n' "$relocations" | grep GOT || true)"
none "reference counting" "$(printf '%s\n' "$relocations" | grep -E 'swift_(retain|release|alloc|bridge|isUnique|once)' || true)"
none "undefined symbols that are not Linux's" \
    "$(llvm-nm --undefined-only --format=just-symbols "$object" | grep -vE "^(glue_[a-z_]+|$runtime)\$" || true)"
[ $failures = 0 ] || die "$failures checks failed"
echo "$(llvm-size "$object" | awk 'NR == 2 { print $1 }') bytes of code and constants"
