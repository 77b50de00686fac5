#!/bin/sh
# SPDX-License-Identifier: MIT
# Compiles the shipped sources as Embedded Swift against musl and, for x86_64, links them into the static program
# build/PROGRAM (stripped), with build/PROGRAM.unstripped and build/PROGRAM.map beside it. --compile-only takes both
# programs at once.
#
# All modules are compiled in one call, as one module. Measured with the planner, reports and options (x86_64, Swift
# 6.3.1, without codecs): an object for each module 372,416 bytes and 85 s of compiler time, one module 364,000 bytes
# and 33 s, since Embedded Swift compiles what a module imports again in every client. One optimisation at the link
# (-lto) brings 352,984, the machine outliner in it 335,128, and Unicode's tables left out 300,168.
# What each module may see of another is checked by the ordinary build; here their names are those of empty modules.
# So in the shipped modules a name is not qualified by its module, and neither file names nor names that are not
# private come twice.
# loops is the bench's: the loops of kexec, compiled as in kexec, for a stopwatch.
# usage: build-embedded.sh x86_64|aarch64|i686|riscv64 [--compile-only | kexec | mkelfimage | loops]
. "$(dirname "$0")/common.sh"
find_toolchain

arch=${1:-}
mode=link program=kexec
case ${2:-kexec} in
--compile-only) mode=--compile-only program=all ;;
kexec | mkelfimage | loops) program=${2:-kexec} ;;
*) die "usage: build-embedded.sh ARCHITECTURE [--compile-only | kexec | mkelfimage | loops]" ;;
esac
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

# What makes images is no part of kexec, and what it alone needs costs kexec nothing.
modules="PhysicalMemory BootFormats Handoff PayloadImages Kexec"
left_out=nothing
case $program in
kexec) modules="$modules KexecCommand kexec" left_out=Sources/KexecCommand/ImageMaking ;;
mkelfimage) modules="$modules BootableELF KexecCommand mkelfimage kexec" left_out=Sources/kexec/Entry.swift ;;
loops) modules="$modules loops kexec" left_out=Sources/kexec/Entry.swift ;;
all) modules="$modules BootableELF KexecCommand mkelfimage kexec" ;;
esac

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
    bzlib.h:libbz2-dev; do
    [ -e "/usr/include/${header%:*}" ] || die "no '/usr/include/${header%:*}': install the package ${header#*:}"
    ln -s "/usr/include/${header%:*}" "$headers/codecs/"
done

# Nothing but the program itself is optimised: for the other architectures the compile is the check. Without vectors made
# of scalars: two lanes of the fast hash in one halve its speed, for each product is taken out of them and put back.
scalars=-vectorize-slp=false
if [ "$mode" = link ]; then
    optimisation="-Osize -lto=llvm-full -Xfrontend -mergeable-traps -Xllvm $scalars"
else
    optimisation=-Onone
fi
# shellcheck disable=SC2086
set -- -swift-version 6 $optimisation -wmo -parse-as-library -target "$triple" -package-name swift-kexec \
    -enable-experimental-feature Embedded -enable-experimental-feature Lifetimes \
    -enable-upcoming-feature ExistentialAny -enable-upcoming-feature MemberImportVisibility \
    -enable-upcoming-feature InternalImportsByDefault -suppress-warnings \
    -DPACKED_PAYLOADS -DCODEC_ZLIB -DCODEC_LZMA -DCODEC_ZSTD -DCODEC_BZIP2 \
    -Xfrontend -function-sections -Xfrontend -disable-stack-protector \
    -module-cache-path "$out/module-cache" -file-prefix-map "$root=." -I "$out" \
    -Xcc -nostdinc -Xcc -isystem -Xcc "$system/include/$musl" \
    -Xcc -isystem -Xcc "$headers/kernel" -Xcc -isystem -Xcc "$headers/codecs" -Xcc -D__linux__
for flag in $flags; do set -- "$@" -Xcc "$flag"; done
[ "$arch" != x86_64 ] || set -- "$@" -DSHA_EXTENSIONS -Xcc -DSHA_EXTENSIONS
for library in CLinux CPayloads CZlib CLZMA CZstd CBzip2; do set -- "$@" -I "$root/Sources/$library"; done

"$root/scripts/build-payloads.sh"
folders=
for module in $modules; do
    folders="$folders Sources/$module"
    case $module in kexec | mkelfimage | loops) continue ;; esac
    if outdated "$out/$module.swiftmodule" scripts/build-embedded.sh; then
        : >"$out/empty.swift"
        swiftc "$@" -module-name "$module" -emit-module -emit-module-path "$out/$module.swiftmodule" "$out/empty.swift"
    fi
done
objects=$out/$program-$mode.o
# shellcheck disable=SC2086
if outdated "$objects" $folders Sources/C[A-Z]* scripts/build-embedded.sh; then
    rm -f "$objects"
    swiftc "$@" -module-name kexec -o "$objects" \
        -c $(find $folders -name '*.swift' ! -path "$left_out*" | LC_ALL=C sort) ||
        die "the shipped modules do not compile as Embedded Swift for $arch"
fi
[ "$mode" = link ] || exit 0
[ "$arch" = x86_64 ] || die "only x86_64 is linked: the other architectures have no purgatory yet"

# Only decoders are wanted: compiled from their sources, or, where those cannot be had, Debian's archives of whole libraries.
# Left out of these by --gc-sections: all that lives in objects or sections of its own. Named here: what is not reachable
# but referred to from an object that is needed. What stands in is in Sources/kexec/EmbeddedRuntime.swift.
libraries=/usr/lib/$debian
link=$out/link
mkdir -p "$link"
sources=$("$root/scripts/fetch-codecs.sh")
unused=
if [ -n "$sources" ]; then
    codecs=$link/libcodecs.a
    if outdated "$codecs" "$sources" scripts/build-codecs.sh; then
        scripts/build-codecs.sh "$sources" "$system/include/$musl" "$codecs"
    fi
else
    echo "build-embedded.sh: no sources of the codecs to be had: build/$program holds Debian's libraries, 135 KB larger" >&2
    codecs=
    for library in z:zlib1g-dev lzma:liblzma-dev zstd:libzstd-dev bz2:libbz2-dev; do
        archive=lib${library%:*}.a
        [ -e "$libraries/$archive" ] || die "no '$libraries/$archive': install the package ${library#*:}"
        # Nothing unwinds the stack here: the tables for it would be 30 KB.
        if outdated "$link/$archive" "$libraries/$archive"; then
            llvm-objcopy --remove-section .eh_frame --remove-section .rela.eh_frame "$libraries/$archive" "$link/$archive"
            touch "$link/$archive"
        fi
        codecs="$codecs $link/$archive"
    done
    # zstd's decoders of the formats from before 2016, 91 KB that no kernel was ever packed with.
    unused=$(llvm-nm --undefined-only "$link/libzstd.a" 2>/dev/null | awk '
        /(ZSTD|ZBUFF)v0[1-7]_/ && !seen[$2]++ {
            print "--defsym=" $2 (($2 ~ /findFrameSizeInfo/) ? "=kexec_refuse_frame_size" : "=kexec_refuse_format")
        }')
    # bzip2's encoder, 30 KB; its functions on files with all of the C library's that they call, 4 KB.
    for name in BZ2_compressBlock BZ2_bsInitWrite \
        fopen64 fdopen fclose ferror fflush fread fwrite fgetc ungetc fputc; do
        unused="$unused --defsym=$name=kexec_refuse_format"
    done
fi
# zlib's checksums: gzip's is XZ's, too, and the one of zlib's own format is not needed.
checksum="--defsym=crc32=kexec_crc32 --defsym=adler32=kexec_refuse_format"

# Unicode's tables for canonical equivalence: EmbeddedRuntime.swift stands in for the functions that read them.
tables=--defsym=_swift_stdlib_nfd_decompositions=0

# SHA-256 by the processor's extensions: purgatory's own object, which is compiled for them and called only after CPUID
# has shown them. From bitcode to machine code here: the linker warns of bitcode that was made for another system.
clang --target=x86_64-unknown-none-elf -Os -c -x ir "$root/build/payloads/work/purgatory/SHAExtensions.o" \
    -o "$link/SHAExtensions.o"
objects="$objects $link/SHAExtensions.o"

# The payloads, packed. PackedPayloads.swift takes them out again. Those of kexec are one stream, in its order: they have
# so much in common that it is a sixth smaller than three.
pack() {
    symbol=packed_$1
    shift
    rm -f "$link/$symbol.bin"
    sizes=
    for name; do
        cat "build/payloads/$name.bin" >>"$link/$symbol.bin"
        sizes="${sizes:+$sizes, }$(stat -c %s "build/payloads/$name.bin")"
    done
    gzip -9nc "$link/$symbol.bin" >"$link/$symbol.gz"
    {
        echo ".section .rodata.$symbol, \"a\""
        echo ".globl $symbol, ${symbol}_end, ${symbol}_sizes"
        echo ".balign 4"
        echo "${symbol}_sizes: .long $sizes"
        echo "$symbol: .incbin \"$link/$symbol.gz\""
        echo "${symbol}_end:"
    } >"$link/$symbol.s"
    clang --target="$triple" -c "$link/$symbol.s" -o "$link/$symbol.o"
    objects="$objects $link/$symbol.o"
}
pack payloads purgatory real-mode bios_boot
pack trampoline trampoline

libc=/usr/lib/$musl
libgcc=$(gcc -print-libgcc-file-name 2>/dev/null) || libgcc=
# shellcheck disable=SC2086
ld.lld -static --no-dynamic-linker --gc-sections --icf=all --build-id=none -z noexecstack \
    -mllvm -enable-machine-outliner=always -mllvm -inline-threshold=-30000 -mllvm $scalars \
    --defsym=main=${program}_main $unused $checksum $tables \
    -Map="$root/build/$program.map" -o "$root/build/$program.unstripped" \
    "$libc/crt1.o" "$libc/crti.o" $objects \
    $codecs "$libc/libc.a" $libgcc "$libc/crtn.o"
llvm-objcopy --strip-all --remove-section .comment "$root/build/$program.unstripped" "$root/build/$program.new"
# Under its name in one step: a running test never sees half a file.
mv -f "$root/build/$program.new" "$root/build/$program"
