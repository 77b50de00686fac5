#!/bin/sh
# SPDX-License-Identifier: MIT
# Compiles the shipped modules as Embedded Swift against musl and, for x86_64, links them into the static program
# build/kexec (stripped), with build/kexec.unstripped and build/kexec.map beside it.
# usage: build-embedded.sh x86_64|aarch64|i686|riscv64 [--compile-only]
. "$(dirname "$0")/common.sh"
find_toolchain

arch=${1:-}
mode=${2:-link}
case $arch in
x86_64) triple=x86_64-unknown-linux-gnu debian=x86_64-linux-gnu flags= ;;
aarch64) triple=aarch64-none-none-elf debian=aarch64-linux-gnu flags= ;;
i686) triple=i686-unknown-none-elf debian=i386-linux-gnu flags= ;;
riscv64) triple=riscv64-none-none-eabi debian=riscv64-linux-gnu flags="-march=rv64gc -mabi=lp64d" ;;
*) die "usage: build-embedded.sh x86_64|aarch64|i686|riscv64 [--compile-only]" ;;
esac
musl=${debian%-gnu}-musl
out=$root/build/embedded/$arch
mkdir -p "$out"

# In dependency order; the same graph as in Package.swift.
modules="PhysicalMemory BootFormats Handoff PayloadImages Kexec KexecCommand kexec"

# The headers: musl's own, the kernel's and the codecs', by folders that hold nothing else. glibc's headers, which
# lie beside the last two, would be found first otherwise, and differ in FILE, ioctl and some structs.
if [ "$arch" = x86_64 ]; then
    system=/usr
else
    system=$("$root/scripts/fetch-musl-headers.sh" "$arch")/usr
fi
[ -e "$system/include/$musl/stdio.h" ] || die "no '$system/include/$musl/stdio.h': install the package musl-dev"
[ -e "$system/include/linux/kexec.h" ] || die "no '$system/include/linux/kexec.h': install the package linux-libc-dev"
headers=$out/headers
rm -rf "$headers"
mkdir -p "$headers/kernel" "$headers/codecs"
ln -s "$system/include/linux" "$system/include/asm-generic" "$system/include/$debian/asm" "$headers/kernel/"
for header in zlib.h:zlib1g-dev zconf.h:zlib1g-dev lzma.h:liblzma-dev lzma:liblzma-dev zstd.h:libzstd-dev \
    lz4.h:liblz4-dev bzlib.h:libbz2-dev; do
    [ -e "/usr/include/${header%:*}" ] || die "no '/usr/include/${header%:*}': install the package ${header#*:}"
    ln -s "/usr/include/${header%:*}" "$headers/codecs/"
done

set -- -swift-version 6 -Osize -wmo -parse-as-library -target "$triple" -package-name swift-kexec \
    -enable-experimental-feature Embedded -enable-experimental-feature Lifetimes \
    -enable-upcoming-feature ExistentialAny -enable-upcoming-feature MemberImportVisibility \
    -enable-upcoming-feature InternalImportsByDefault -strict-memory-safety \
    -DCODEC_ZLIB -DCODEC_LZMA -DCODEC_ZSTD -DCODEC_LZ4 -DCODEC_BZIP2 \
    -Xfrontend -function-sections -Xfrontend -disable-stack-protector \
    -module-cache-path "$out/module-cache" -file-prefix-map "$root=." -I "$out" \
    -Xcc -nostdinc -Xcc -isystem -Xcc "$system/include/$musl" \
    -Xcc -isystem -Xcc "$headers/kernel" -Xcc -isystem -Xcc "$headers/codecs" -Xcc -D__linux__
for flag in $flags; do set -- "$@" -Xcc "$flag"; done
for library in CLinux CZlib CLZMA CZstd CLZ4 CBzip2; do set -- "$@" -I "$root/Sources/$library"; done

"$root/scripts/build-payloads.sh"
changed=
objects=
# Purgatory's unit for the SHA extensions serves user space as well, after a look at CPUID. It is compiled by itself,
# since nothing else may need such a processor.
if [ "$arch" = x86_64 ]; then
    objects=$out/SHAExtensions.o
    if outdated "$objects" Payloads/Support/SHAExtensions.swift scripts/build-embedded.sh; then
        # Freestanding, as in purgatory: it calls nothing, and musl's headers hide the compiler's intrinsics.
        swiftc -swift-version 6 -Osize -wmo -parse-as-library -target x86_64-unknown-none-elf \
            -enable-experimental-feature Embedded -no-allocations -strict-memory-safety -warnings-as-errors \
            -Xfrontend -function-sections -Xfrontend -disable-stack-protector -Xcc -ffreestanding \
            -Xcc -msha -Xcc -msse4.1 -module-cache-path "$out/module-cache" -file-prefix-map "$root=." \
            -module-name SHAExtensions -c Payloads/Support/SHAExtensions.swift -o "$objects"
    fi
    set -- "$@" -DSHA_EXTENSIONS
fi
for module in $modules; do
    sources=$(find "Sources/$module" -name '*.swift' | LC_ALL=C sort)
    [ "$module" != PayloadImages ] || sources="$sources build/payloads/Payloads.swift"
    object=$out/$module.o
    objects="$objects $object"
    # A module's clients are compiled again with it: Embedded Swift specialises across modules.
    if [ -n "$changed" ] || outdated "$object" "Sources/$module" $sources Sources/C[A-Z]* \
        scripts/build-embedded.sh; then
        changed=yes
        rm -f "$object"
        status=0
        # shellcheck disable=SC2086
        swiftc "$@" -module-name "$module" -emit-module \
            -emit-module-path "$out/$module.swiftmodule" -c $sources -o "$object" >"$out/$module.log" 2>&1 || status=$?
        # The importer looks for glibc and says so; musl's headers are there.
        sed -i '/warning: libc not found for/d' "$out/$module.log"
        if [ "$status" != 0 ] || grep -q 'warning: ' "$out/$module.log"; then
            cat "$out/$module.log" >&2
            rm -f "$object"
            die "module $module does not compile cleanly as Embedded Swift for $arch"
        fi
    fi
done
[ "$mode" != --compile-only ] || exit 0
[ "$arch" = x86_64 ] || die "only x86_64 is linked: the other architectures have no purgatory yet"

# Only decoders are wanted, and the archives hold whole libraries. Left out by --gc-sections: all that lives in objects
# or sections of its own. Named here: what is not reachable but referred to from an object that is needed. The two
# functions that stand in are in Sources/kexec/EmbeddedRuntime.swift.
libraries=/usr/lib/$debian
link=$out/link
mkdir -p "$link"
for library in z:zlib1g-dev lzma:liblzma-dev zstd:libzstd-dev lz4:liblz4-dev bz2:libbz2-dev; do
    archive=lib${library%:*}.a
    [ -e "$libraries/$archive" ] || die "no '$libraries/$archive': install the package ${library#*:}"
    # Nothing unwinds the stack here: the tables for it would be 30 KB.
    if outdated "$link/$archive" "$libraries/$archive"; then
        llvm-objcopy --remove-section .eh_frame --remove-section .rela.eh_frame "$libraries/$archive" "$link/$archive"
        touch "$link/$archive"
    fi
done
# zstd's decoders of its formats from before 2016, 91 KB that no kernel was ever packed with.
old_formats=$(llvm-nm --undefined-only "$link/libzstd.a" 2>/dev/null | awk '
    /(ZSTD|ZBUFF)v0[1-7]_/ && !seen[$2]++ {
        print "--defsym=" $2 (($2 ~ /findFrameSizeInfo/) ? "=kexec_refuse_frame_size" : "=kexec_refuse_format")
    }')
# bzip2's encoder, 30 KB.
encoder="--defsym=BZ2_compressBlock=kexec_refuse_format --defsym=BZ2_bsInitWrite=kexec_refuse_format"

libc=/usr/lib/$musl
libgcc=$(gcc -print-libgcc-file-name 2>/dev/null) || libgcc=
# shellcheck disable=SC2086
ld.lld -static --no-dynamic-linker --gc-sections --icf=all --build-id=none -z noexecstack \
    --defsym=main=kexec_main $old_formats $encoder -Map="$root/build/kexec.map" -o "$root/build/kexec.unstripped" \
    "$libc/crt1.o" "$libc/crti.o" $objects \
    "$toolchain/lib/swift/embedded/$triple/libswiftUnicodeDataTables.a" \
    "$link/libz.a" "$link/liblzma.a" "$link/libzstd.a" "$link/liblz4.a" "$link/libbz2.a" \
    "$libc/libc.a" $libgcc "$libc/crtn.o"
llvm-objcopy --strip-all --remove-section .comment "$root/build/kexec.unstripped" "$root/build/kexec.new"
# Under its name in one step: a running test never sees half a file.
mv -f "$root/build/kexec.new" "$root/build/kexec"
