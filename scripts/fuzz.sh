#!/bin/sh
# SPDX-License-Identifier: MIT
# Fuzzes the parsers; Fuzz/README.md says what is found where.
# usage: fuzz.sh [--fast] [--target NAME] SECONDS | --runs N | --keep
# SECONDS and N are for all targets together; --fast leaves AddressSanitizer out. Status 1 where something was found.
# --keep runs nothing, and puts the fewest inputs that reach what all of them reach into Fuzz/Corpus.
. "$(dirname "$0")/common.sh"
find_toolchain

usage="usage: fuzz.sh [--fast] [--target NAME] SECONDS | --runs N | --keep"
sanitizers=fuzzer,address
only=
seconds=
runs=0
keep=
while [ $# -gt 0 ]; do
    case $1 in
    --fast) sanitizers=fuzzer ;;
    --target) only=$2 && shift ;;
    --runs) runs=$2 && shift ;;
    --keep) keep=yes ;;
    *[!0-9]* | '') die "$usage" ;;
    *) seconds=$1 ;;
    esac
    shift
done
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
for codec in ZLIB:CZlib:z LZMA:CLZMA:lzma ZSTD:CZstd:zstd BZIP2:CBzip2:bz2; do
    IFS=: read -r define module library <<EOF
$codec
EOF
    # The module asks for the machine's library; ours is named at the link.
    flags="$flags -DCODEC_$define -I $root/Sources/$module -Xfrontend -disable-autolink-library -Xfrontend $library"
done
flags="$flags -I $root/Sources/CLinux"

# The shipped modules, with coverage; a fuzz target may reach what is internal in them.
"$root/scripts/build-payloads.sh"
objects=
changed=
for module in PhysicalMemory BootFormats Handoff PayloadImages BootableELF Kexec KexecCommand ImagePromises; do
    folder=Sources/$module
    [ "$module" != ImagePromises ] || folder=Tests/ImagePromises
    sources=$(find "$folder" -name '*.swift' | LC_ALL=C sort)
    [ "$module" != PayloadImages ] || sources="$sources build/payloads/Payloads.swift"
    objects="$objects $out/$module.o"
    if [ -n "$changed" ] || outdated "$out/$module.o" "$folder" $sources Sources/C[A-Z]* scripts/fuzz.sh; then
        changed=yes
        # shellcheck disable=SC2086
        swiftc $flags -enable-testing -module-name "$module" -emit-module -emit-module-path "$out/$module.swiftmodule" \
            -c $sources -o "$out/$module.o" || die "module $module does not compile"
    fi
done

# The codecs as in build/kexec: from the same sources with the same headers and options, and with the same stand-ins for
# what is left out of them. Only the sanitizers are added.
codecs=
codec_sources=$("$root/scripts/fetch-codecs.sh")
if [ -n "$codec_sources" ]; then
    if outdated "$out/libcodecs.a" "$codec_sources" scripts/build-codecs.sh; then
        # Lines are for reports.
        scripts/build-codecs.sh "$codec_sources" /usr/include/x86_64-linux-musl "$out/libcodecs.a" \
            "-fsanitize=$(echo "$sanitizers" | sed 's/fuzzer/fuzzer-no-link/')" -gline-tables-only
    fi
    if [ -n "$changed" ] || outdated "$out/CodecStandIns.o" Sources/kexec/EmbeddedRuntime.swift; then
        # shellcheck disable=SC2086
        swiftc $flags -DCODEC_STAND_INS -module-name CodecStandIns -c Sources/kexec/EmbeddedRuntime.swift \
            -o "$out/CodecStandIns.o"
    fi
    objects="$objects $out/CodecStandIns.o $out/libcodecs.a"
    codecs="-Xlinker --defsym=crc32=kexec_crc32 -Xlinker --defsym=adler32=kexec_refuse_format"
else
    echo "fuzz.sh: no sources of the codecs to be had: whole libraries of Debian, which report no coverage, are fuzzed" >&2
    for library in z lzma zstd bz2; do objects="$objects /usr/lib/x86_64-linux-gnu/lib$library.a"; done
fi

# The functions of the codecs that are in a program, by its map. Cold ones have a prefix, more of them without sanitizers.
kept_codecs() {
    sed -n 's/.*libcodecs\.a(\([^)]*\)):(\.text\.\([^)]*\)).*/\1 \2/p' "$1" | sed 's/ unlikely\./ /' | LC_ALL=C sort -u
}

# Says how the codecs in $1 differ from those in build/kexec.
compare_codecs() {
    if outdated build/kexec.map Sources scripts/build-codecs.sh scripts/build-embedded.sh; then
        scripts/build-embedded.sh x86_64 kexec
    fi
    kept_codecs build/kexec.map >"$out/shipped-codecs"
    kept_codecs "$1" >"$out/fuzzed-codecs"
    [ -s "$out/shipped-codecs" ] || die "no codecs of our own build in 'build/kexec.map'"
    diff "$out/shipped-codecs" "$out/fuzzed-codecs" >&2 || die "the fuzzed codecs are not those of build/kexec (above)"
}

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

# What libFuzzer calls, which calls the target's function: in `swift test` all targets are one module.
entry() {
    echo '@_cdecl("LLVMFuzzerTestOneInput")'
    echo "public func entry(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {"
    echo "    fuzz$1(UnsafeRawBufferPointer(start: start, count: count))"
    echo "    return 0"
    echo "}"
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
        entry "$target" >"$out/Entry$target.swift"
        swiftc $flags -module-name "Fuzz$target" "$out/Entry$target.swift" "Fuzz/Targets/$target.swift" \
            Fuzz/Support.swift $objects $codecs -use-ld=lld -Xlinker --gc-sections -Xlinker "-Map=$out/$target.map" \
            -o "$out/$target" || die "target $target does not compile"
    fi
    [ -z "$codec_sources" ] || compare_codecs "$out/$target.map"
done

# Coverage alone decides what is kept, without the number of times: else it would be twenty times as much.
keep() {
    rm -rf "$out/kept" && mkdir -p "$out/kept" "Fuzz/Corpus/$1"
    "$out/$1" -set_cover_merge=1 -use_counters=0 -max_len=4096 -timeout=10 -rss_limit_mb=1024 "$out/kept" \
        "Fuzz/Corpus/$1" "$corpus/$1" >"$out/$1.log" 2>&1 || die "cannot merge what was found, see '$out/$1.log'"
    rm -rf "Fuzz/Corpus/$1"
    mv "$out/kept" "Fuzz/Corpus/$1"
    echo "$1: $(find "Fuzz/Corpus/$1" -type f | wc -l) inputs, $(cat "Fuzz/Corpus/$1"/* | wc -c) bytes"
}
if [ -n "$keep" ]; then
    for target in $targets; do keep "$target"; done
    exit 0
fi

status=0
all=0
for target in $targets; do
    limit=-max_total_time=$(((${seconds:-0} + number - 1) / number))
    [ "$runs" = 0 ] || limit=-runs=$((runs * $(share "$target") / shares + 1))
    mkdir -p "$corpus/$target" "Fuzz/Corpus/$target"
    result=found
    # What is new goes to the first folder.
    "$out/$target" "$limit" -timeout=10 -rss_limit_mb=1024 -max_len=4096 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="$findings/$target-" "$corpus/$target" "Fuzz/Corpus/$target" >"$out/$target.log" 2>&1 &&
        result=nothing
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
