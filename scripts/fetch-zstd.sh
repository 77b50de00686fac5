#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints the folder with zstd's library sources, from Debian's source package, which is fetched once into build/cache; its
# signature is apt's to check. Prints nothing where it cannot be fetched.
# usage: fetch-zstd.sh
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/private-apt.sh"

tree=$root/build/cache/zstd
if [ ! -e "$tree/lib/decompress/zstd_decompress.c" ]; then
    command -v apt-get >/dev/null && command -v xz >/dev/null || exit 0
    private_apt "$tree.apt" "$(dpkg --print-architecture)"
    private_apt_fetch deb-src trixie source --download-only libzstd || exit 0
    rm -rf "$tree.new" "$tree"
    mkdir -p "$tree.new"
    tar -C "$tree.new" --strip-components=1 -xJf "$tree.apt"/libzstd_*.orig.tar.xz || exit 0
    mv "$tree.new" "$tree"
    rm -rf "$tree.apt"
fi
echo "$tree/lib"
