#!/bin/sh
# SPDX-License-Identifier: MIT
# Fuzzes the parsers; Fuzz/README.md says what is found where.
# usage: fuzz.sh [--fast] [--target NAME] SECONDS | --runs N
# SECONDS and N are for all targets together; --fast leaves AddressSanitizer out. Status 1 where something was found.
. "$(dirname "$0")/common.sh"
find_toolchain

usage="usage: fuzz.sh [--fast] [--target NAME] SECONDS | --runs N"
sanitizers=fuzzer,address
only=
seconds=
runs=
while [ $# -gt 0 ]; do
    case $1 in
    --fast) sanitizers=fuzzer ;;
    --target) only=$2 && shift ;;
    --runs) runs=$2 && shift ;;
    *[!0-9]* | '') die "$usage" ;;
    *) seconds=$1 ;;
    esac
    shift
done
[ -n "$runs" ] || runs=0
[ -n "$seconds" ] || [ "$runs" != 0 ] || seconds=60

out=$root/build/fuzz
[ "$sanitizers" != fuzzer ] || out=$out/fast
findings=$root/build/fuzz/findings
corpus=$root/build/fuzz/corpus
mkdir -p "$out" "$findings"
flags="-swift-version 6 -O -wmo -parse-as-library -package-name swift-kexec -module-cache-path $out/module-cache
    -enable-experimental-feature Lifetimes -I $out -sanitize=$sanitizers"
for feature in ExistentialAny MemberImportVisibility InternalImportsByDefault; do
    flags="$flags -enable-upcoming-feature $feature"
done
libraries=
for codec in ZLIB:CZlib:zlib.h:z LZMA:CLZMA:lzma.h:lzma ZSTD:CZstd:zstd.h:zstd BZIP2:CBzip2:bzlib.h:bz2; do
    IFS=: read -r define module header library <<EOF
$codec
EOF
    [ -e "/usr/include/$header" ] || continue
    flags="$flags -DCODEC_$define -I $root/Sources/$module"
    libraries="$libraries -l$library"
done
flags="$flags -I $root/Sources/CLinux"

# The shipped modules, with coverage; a fuzz target may reach what is internal in them.
"$root/scripts/build-payloads.sh"
objects=
changed=
for module in PhysicalMemory BootFormats Handoff PayloadImages BootableELF Kexec KexecCommand; do
    sources=$(find "Sources/$module" -name '*.swift' | LC_ALL=C sort)
    [ "$module" != PayloadImages ] || sources="$sources build/payloads/Payloads.swift"
    objects="$objects $out/$module.o"
    if [ -n "$changed" ] || outdated "$out/$module.o" "Sources/$module" $sources Sources/C[A-Z]* scripts/fuzz.sh; then
        changed=yes
        # shellcheck disable=SC2086
        swiftc $flags -enable-testing -module-name "$module" -emit-module -emit-module-path "$out/$module.swiftmodule" \
            -c $sources -o "$out/$module.o" || die "module $module does not compile"
    fi
done

if outdated "$out/write-seeds" "$out/BootFormats.o" "$out/Handoff.o" Fuzz/WriteSeeds.swift Tests; then
    plain=$(echo "$flags" | sed 's/-sanitize=[a-z,]*//')
    # Objects with coverage want libFuzzer's symbols, so these modules are compiled once more, into the program.
    rm -rf "$out/plain" && mkdir -p "$out/plain"
    for module in PhysicalMemory BootFormats Handoff; do
        # shellcheck disable=SC2046,SC2086
        swiftc $(echo "$plain" | sed "s|-I $out |-I $out/plain |") -module-name "$module" -emit-module \
            -emit-module-path "$out/plain/$module.swiftmodule" -c $(find "Sources/$module" -name '*.swift') \
            -o "$out/plain/$module.o"
    done
    # shellcheck disable=SC2046,SC2086
    swiftc $(echo "$plain" | sed "s|-I $out |-I $out/plain |") -module-name WriteSeeds Fuzz/WriteSeeds.swift \
        Tests/BootFormatsTests/BzImageBuilder.swift Tests/BootFormatsTests/ELFBuilder.swift \
        Tests/BootFormatsTests/VmlinuxBuilder.swift \
        Tests/BootFormatsTests/MultibootBuilder.swift Tests/BootFormatsTests/NBIBuilder.swift \
        Tests/HandoffTests/FirmwareStateBuilder.swift Tests/KexecTests/FilesCompressedSamples.swift \
        Tests/KexecTests/InitrdBuilder.swift Tests/KexecTests/PackedArchives.swift \
        "$out/plain/PhysicalMemory.o" "$out/plain/BootFormats.o" "$out/plain/Handoff.o" \
        -o "$out/write-seeds"
fi
"$out/write-seeds" "$corpus"

# A target's share of --runs.
share() {
    number=$(sed -n 's|^// runs: ||p' "Fuzz/Targets/$1.swift")
    echo "${number:-1}"
}

targets=$only
[ -n "$targets" ] || targets=$(cd Fuzz/Targets && ls -- *.swift | sed 's/\.swift$//')
number=0
shares=0
for target in $targets; do
    [ -e "Fuzz/Targets/$target.swift" ] || die "no 'Fuzz/Targets/$target.swift'"
    number=$((number + 1))
    shares=$((shares + $(share "$target")))
    # shellcheck disable=SC2086
    if outdated "$out/$target" $objects "Fuzz/Targets/$target.swift" Fuzz/Support.swift; then
        swiftc $flags -module-name "Fuzz$target" "Fuzz/Targets/$target.swift" Fuzz/Support.swift $objects $libraries \
            -o "$out/$target" || die "target $target does not compile"
    fi
done

status=0
all=0
for target in $targets; do
    limit=-max_total_time=$(((${seconds:-0} + number - 1) / number))
    [ "$runs" = 0 ] || limit=-runs=$((runs * $(share "$target") / shares + 1))
    mkdir -p "$corpus/$target"
    result=found
    "$out/$target" "$limit" -timeout=10 -rss_limit_mb=1024 -max_len=4096 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="$findings/$target-" "$corpus/$target" >"$out/$target.log" 2>&1 && result=nothing
    executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$target.log")
    speed=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$out/$target.log")
    all=$((all + ${executed:-0}))
    if [ "$result" = nothing ]; then
        echo "$target: ${executed:-0} executions, ${speed:-0} each second, nothing found"
    else
        status=1
        echo "$target: FOUND something after ${executed:-0} executions, see '${out#"$root"/}/$target.log':"
        grep -E 'ERROR|SUMMARY|Fatal error|Test unit written' "$out/$target.log" | head -5
    fi
done
echo "$all executions, $([ "$status" = 0 ] && echo "nothing found" || echo "findings in 'build/fuzz/findings'")"
exit "$status"
