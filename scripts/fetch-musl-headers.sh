#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints the folder that holds the musl and kernel headers of another architecture, from Debian's packages musl-dev and
# linux-libc-dev, which are fetched once into build/cache and unpacked there: nothing is installed. The apt state is
# a private one, so that the system's needs no foreign architecture.
# usage: fetch-musl-headers.sh aarch64|i686|riscv64
. "$(dirname "$0")/common.sh"

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
mkdir -p "$state/etc/apt.conf.d" "$state/etc/preferences.d" "$state/etc/trusted.gpg.d" "$state/lists/partial" \
    "$state/cache/archives/partial"
: >"$state/status"
: >"$state/log"
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || failed "no apt-get and dpkg-deb" "$1"
archive=$(env -u APT_CONFIG apt-get indextargets --format '$(SITE)' 2>/dev/null | grep -m 1 '/debian$') || archive=
cat >"$state/apt.conf" <<EOF
Dir::Etc "$state/etc";
Dir::Etc::Parts "/etc/apt/apt.conf.d";
Dir::Etc::SourceList "$state/sources.list";
Dir::State "$state";
Dir::State::status "$state/status";
Dir::Cache "$state/cache";
APT::Architecture "$debian";
APT::Architectures { "$debian"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
EOF
export APT_CONFIG="$state/apt.conf"
fetch_from() {
    rm -rf "$state"/lists/* "$state"/*.deb
    mkdir -p "$state/lists/partial"
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    echo "deb [arch=$debian signed-by=$keyring] ${archive:-http://deb.debian.org/debian} $1 main" >"$state/sources.list"
    apt-get update </dev/null >"$state/log" 2>&1 &&
        (cd "$state" && apt-get download musl-dev linux-libc-dev </dev/null >"$state/log" 2>&1)
}
found=
for suite in $suites; do
    if fetch_from "$suite"; then
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
