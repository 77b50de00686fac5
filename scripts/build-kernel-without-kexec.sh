#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds a Linux 6.1 without kexec from Debian's linux-source-6.1, as a place where the kernel module has to do the work:
# OUTDIR/kernel/arch/x86/boot/bzImage, and OUTDIR/kernel as KDIR for modules. The configuration is
# kernel-without-kexec.config. It takes minutes and 1.8 GB, of which 400 MB stay.
# ENVIRONMENT is a build environment (in-environment.sh) in which OUTDIR lies; without one this system's compiler is used.
# usage: build-kernel-without-kexec.sh OUTDIR [ENVIRONMENT]
. "$(dirname "$0")/common.sh"
. scripts/private-apt.sh

case ${1:-} in /*) ;; *) die "usage: build-kernel-without-kexec.sh OUTDIR [ENVIRONMENT], with absolute paths" ;; esac
out=$1
environment=${2:-}
jobs=$(nproc)

inside() {
    if [ -n "$environment" ]; then "$root/scripts/in-environment.sh" "$environment" "$@"; else "$@"; fi
}

# kernel TARGET...: kbuild in OUTDIR/kernel
kernel() {
    inside make -s -C "$out/source" "O=$out/kernel" "-j$jobs" CC=gcc HOSTCC=gcc KBUILD_BUILD_USER=lab \
        KBUILD_BUILD_HOST=lab "$@" >"$out/log" 2>&1 </dev/null || {
        tail -n 20 "$out/log" >&2
        die "cannot make $*; the whole log: $out/log"
    }
}

# Everything at once, before 140 MB are fetched.
check_tools() {
    missing=
    for tool in gcc:gcc make:make flex:flex bison:bison bc:bc perl:perl ld:binutils openssl:openssl; do
        command -v "${tool%%:*}" >/dev/null || missing="$missing ${tool##*:}"
    done
    for header in gelf.h:libelf-dev openssl/opensslv.h:libssl-dev stdio.h:libc6-dev; do
        [ -e "/usr/include/${header%%:*}" ] || missing="$missing ${header##*:}"
    done
    [ -z "$missing" ] || die "missing Debian packages; as root: apt-get install --no-install-recommends$missing"
}

fetch_source() {
    private_apt "$out/apt" amd64
    private_apt_fetch deb bookworm download linux-source-6.1 || {
        tail -n 5 "$out/apt/log" >&2
        die "cannot fetch linux-source-6.1"
    }
    dpkg-deb --fsys-tarfile "$out"/apt/linux-source-6.1_*.deb | tar -xO ./usr/src/linux-source-6.1.tar.xz |
        xz -dc | tar -x -C "$out"
    mv "$out/linux-source-6.1" "$out/source"
    rm -rf "$out/apt"
}

# A line of the fragment that the configuration does not take makes another kernel than the one that is wanted.
check_configuration() {
    grep '^CONFIG_' scripts/kernel-without-kexec.config | while read -r line; do
        name=${line%%=*}
        found=$(grep "^$name=" "$out/kernel/.config") || found=$name=n
        [ "$found" = "$line" ] || die "asked for $line, got $found"
    done
}

# Modules are built from headers, scripts and makefiles alone.
prune_source() {
    for folder in Documentation block crypto drivers fs io_uring ipc kernel lib mm net samples security sound tools virt; do
        rm -rf "$out/source/$folder"
    done
    find "$out/source/arch" -mindepth 1 -maxdepth 1 ! -name x86 -exec rm -rf {} +
    find "$out/kernel" -name '*.o' ! -path '*/scripts/*' ! -path '*/tools/*' -delete
}

[ -n "$environment" ] || check_tools
rm -rf "$out/kernel" "$out/source" "$out/apt"
mkdir -p "$out/kernel"
fetch_source
kernel tinyconfig
cp scripts/kernel-without-kexec.config "$out/fragment"
inside sh -c 'cd "$1" && ../source/scripts/kconfig/merge_config.sh -m .config ../fragment' - "$out/kernel" \
    >"$out/log" 2>&1
kernel olddefconfig
check_configuration
kernel bzImage
kernel modules_prepare
# Only a build of all modules would make it; without it modpost knows no symbol of the kernel.
cp "$out/kernel/vmlinux.symvers" "$out/kernel/Module.symvers"
prune_source
