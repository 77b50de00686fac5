#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints the folder that holds the musl and kernel headers of another architecture, from Debian's packages musl-dev and
# linux-libc-dev, which are fetched once into build/cache and unpacked there: nothing is installed. The apt state is
# a private one, so that the system's needs no foreign architecture.
# usage: fetch-musl-headers.sh aarch64|i686|riscv64
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/private-apt.sh"

case ${1:-} in
aarch64) debian=arm64 musl=aarch64-linux-musl kernel=aarch64-linux-gnu ;;
i686) debian=i386 musl=i386-linux-musl kernel=i386-linux-gnu ;;
riscv64) debian=riscv64 musl=riscv64-linux-musl kernel=riscv64-linux-gnu ;;
*) die "usage: fetch-musl-headers.sh aarch64|i686|riscv64" ;;
esac
# The first release with all of the architectures, and later ones: a mirror may be out of step with itself in one.
suites="trixie forky sid"
tree=$root/build/cache/musl-headers/$1
if [ -e "$tree/usr/include/$musl/stdio.h" ] && [ -e "$tree/usr/include/$kernel/asm/unistd.h" ]; then
    echo "$tree"
    exit 0
fi

failed() {
    [ ! -s "$state/log" ] || tail -n 5 "$state/log" >&2
    die "$1: the Embedded compile for ${2:-another architecture} needs Debian's musl-dev:$debian and" \
        "linux-libc-dev of trixie or later, unpacked in '$tree'"
}
state=$root/build/cache/musl-headers/apt-$1
mkdir -p "$state" && : >"$state/log"
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || failed "no apt-get and dpkg-deb" "$1"
private_apt "$state" "$debian"
found=
for suite in $suites; do
    if private_apt_fetch deb "$suite" download musl-dev linux-libc-dev; then
        found=$suite
        break
    fi
done
[ -n "$found" ] || failed "cannot fetch packages of $suites from '${archive:-deb.debian.org}'" "$1"
rm -rf "$tree.new" "$tree"
for package in "$state"/*.deb; do dpkg-deb -x "$package" "$tree.new" || failed "cannot unpack '$package'" "$1"; done
mv "$tree.new" "$tree"
rm -rf "$state"
[ -e "$tree/usr/include/$musl/stdio.h" ] && [ -e "$tree/usr/include/$kernel/asm/unistd.h" ] || {
    mkdir -p "$state" && : >"$state/log"
    failed "the packages do not hold the headers" "$1"
}
echo "$tree"
