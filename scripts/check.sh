#!/bin/sh
# SPDX-License-Identifier: MIT
# What must hold beside the tests, one line for each check; what is wrong follows its line. Fails when any check fails.
# Budgets in bytes come from the Makefile: KEXEC_HARD, KEXEC_AIM, PURGATORY_HARD, REAL_MODE_HARD,
# KEXEC_TEST_HARD, BIOS_BOOT_HARD, TRAMPOLINE_HARD, MKELFIMAGE_HARD.
# usage: make check
. "$(dirname "$0")/common.sh"
find_toolchain
work=$root/build/check
rm -rf "$work"
mkdir -p "$work"
failures=0
# The status of a check that could not be made here.
skipped=77

# report NAME STATUS LOG: one line; the log with it where it is one line, and below it where the status is not 0.
report() {
    if [ "$2" = "$skipped" ]; then
        echo "skipped $1: $(tail -n 1 "$3")"
    elif [ "$2" = 0 ]; then
        if [ "$(wc -l <"$3")" = 1 ]; then echo "ok      $1: $(cat "$3")"; else echo "ok      $1"; fi
    else
        echo "FAILED  $1"
        sed 's/^/        /' "$3"
        failures=$((failures + 1))
    fi
}

# check NAME COMMAND...
check() {
    name=$1
    shift
    status=0
    "$@" >"$work/log" 2>&1 </dev/null || status=$?
    report "$name" "$status" "$work/log"
}

# The sources: not from git, which refuses a checkout that is another user's.
sources() {
    find Package.swift Makefile .ci Sources Tests Plugins Payloads KernelModule Fuzz Integration scripts -type f "$@" 2>/dev/null | LC_ALL=C sort
}

formatted() {
    sources -name '*.swift' | tr '\n' '\0' | xargs -0 swift format lint --strict --parallel
}

licensed() {
    sources ! -name '*.bin' ! -name '*.patch' ! -name '*.md' ! -name '*.default' ! -path 'Tests/Fixtures/*' ! -path 'Fuzz/Corpus/*' ! -path 'Integration/debian/*' | {
        bad=0
        while read -r file; do
            head -n 3 "$file" | grep -q 'SPDX-License-Identifier: ' && continue
            echo "$file: no SPDX-License-Identifier in the first three lines"
            bad=1
        done
        return $bad
    }
}

shell_scripts() {
    bad=0
    for script in scripts/*.sh .ci/run Tests/system-scripts/*.sh Tests/completions/*.sh Tests/filtered/*.sh \
        $(find Integration -type f -exec awk 'FNR == 1 && /^#!\/bin\/sh/ { print FILENAME }' {} +); do
        sh -n "$script" || bad=1
    done
    return $bad
}

# Where mandoc and the shells cannot be fetched, that is told; nothing of this project is wrong then.
manuals() {
    scripts/fetch-shells.sh 2>&1 || return $skipped
    mkdir -p build/cache/shells/work
    cp Documentation/man/*.8 build/cache/shells/work/
    scripts/in-environment.sh build/cache/shells /bin/sh -c 'cd /work && {
        mandoc -T lint -W warning *.8
        for page in *.8; do groff -ww -b -mdoc -T utf8 -z "$page"; done
    } 2>&1; echo checked' >"$work/remarks" 2>&1
    grep -qx checked "$work/remarks" || { cat "$work/remarks"; return $skipped; }
    grep -vx checked "$work/remarks" && return 1
    return 0
}

documentation() {
    command -v docc >/dev/null || {
        echo "no docc beside swiftc"
        return $skipped
    }
    scripts/build-documentation.sh
}

# within FILE HARD AIM
within() {
    bytes=$(stat -c %s "$1") || return 1
    note=
    [ "$bytes" -le "$3" ] || note=" (warning: above the aim of $3)"
    echo "$bytes bytes, at most $2$note"
    [ "$bytes" -le "$2" ]
}

# Strings compared as characters bring 10 KB of Unicode's tables and rules.
no_characters() { ! llvm-nm build/kexec.unstripped | grep stringCompare; }

# A build that lost its object for them would still work, five times as slowly.
sha_extensions() { llvm-objdump --disassemble build/kexec.unstripped | grep -q sha256rnds2; }

# module_core ARCH TARGET: outside Linux's build, whose headers define RET.
module_core() {
    scripts/compile-module-core.sh "$1" "$work/core_$1.S" || return 1
    sed '/^#include/d' "$work/core_$1.S" |
        clang -target "$2" -x assembler-with-cpp -DRET=ret -c -o "$work/core_$1.o" - || return 1
    scripts/check-module.sh "$work/core_$1.o"
}

check "format: swift format lint --strict" formatted
check "licence: an SPDX line in every source" licensed
check "scripts: sh -n" shell_scripts
check "manuals: mandoc -T lint, groff -ww" manuals
check "completions: bash, zsh, fish" Tests/completions/run.sh
check "broken: every patch of Tests/Broken applies" scripts/broken.sh --check
check "documentation: DocC without a warning" documentation

if scripts/build-payloads.sh >"$work/log" 2>&1 </dev/null; then
    # Four compilers at once: on few cores they take turns, and nothing waits for the slowest alone.
    for arch in x86_64 aarch64 i686 riscv64; do
        (
            status=0
            if [ $arch = x86_64 ]; then
                for program in kexec mkelfimage loops; do
                    scripts/build-embedded.sh $arch $program || { status=$?; break; }
                done
            else
                scripts/build-embedded.sh $arch --compile-only || status=$?
            fi >"$work/$arch.log" 2>&1 </dev/null
            echo $status >"$work/$arch.status"
        ) &
    done
    wait
    for arch in x86_64 aarch64 i686 riscv64; do
        # What fails everywhere for one reason is told once.
        sed "s/$arch/x86_64/g" "$work/$arch.log" >"$work/log"
        if [ $arch != x86_64 ] && [ -s "$work/log" ] && cmp -s "$work/log" "$work/x86_64.log"; then
            echo "as for x86_64" >"$work/$arch.log"
        fi
        report "Embedded Swift, musl: $arch" "$(cat "$work/$arch.status")" "$work/$arch.log"
    done

    if [ "$(cat "$work/x86_64.status")" = 0 ]; then
        check "size of build/kexec" within build/kexec "$KEXEC_HARD" "$KEXEC_AIM"
        check "static: build/kexec asks for no interpreter and no library" scripts/check-static.sh build/kexec
        check "size of build/mkelfimage" within build/mkelfimage "$MKELFIMAGE_HARD" "$MKELFIMAGE_HARD"
        check "static: build/mkelfimage asks for no interpreter and no library" \
            scripts/check-static.sh build/mkelfimage
        check "SHA extensions: build/kexec can use them" sha_extensions
        check "strings: build/kexec compares none as characters" no_characters
    fi
    check "purgatory: machine code, relocations, symbols, size" \
        scripts/check-payload.sh purgatory "$PURGATORY_HARD" sha256_absorb_with_extensions
    check "real mode: machine code, relocations, symbols, size" scripts/check-payload.sh real-mode "$REAL_MODE_HARD"
    check "kexec_test: machine code, relocations, symbols, size" scripts/check-payload.sh kexec_test "$KEXEC_TEST_HARD"
    check "bios_boot: machine code, relocations, symbols, size" scripts/check-payload.sh bios_boot "$BIOS_BOOT_HARD"
    check "trampoline: machine code, relocations, symbols, size" scripts/check-payload.sh trampoline "$TRAMPOLINE_HARD"
else
    report "payloads" 1 "$work/log"
fi

check "kernel module, x86_64: machine code, relocations, symbols" module_core x86_64 x86_64-unknown-none-elf
check "kernel module, aarch64: machine code, relocations, symbols" module_core aarch64 aarch64-none-none-elf

[ "$failures" = 0 ] || die "$failures checks failed"
