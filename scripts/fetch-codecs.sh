#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints the folder with the sources of zstd, xz, zlib and bzip2, from Debian's source packages, which are fetched once into
# build/cache; their signatures are apt's to check. Prints nothing where they cannot be fetched: it is all of them or none.
# usage: fetch-codecs.sh
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/private-apt.sh"

tree=$root/build/cache/codecs
if [ ! -d "$tree" ]; then
    command -v apt-get >/dev/null && command -v xz >/dev/null || exit 0
    rm -rf "$tree.apt"
    private_apt "$tree.apt" "$(dpkg --print-architecture)"
    # The packaging is not needed, and an archive that is being updated may lack it.
    private_apt_fetch deb-src trixie source --download-only --tar-only libzstd xz-utils zlib bzip2 || exit 0
    rm -rf "$tree.new"
    for codec in zstd:libzstd xz:xz-utils zlib:zlib bzip2:bzip2; do
        mkdir -p "$tree.new/${codec%:*}"
        tar -C "$tree.new/${codec%:*}" --strip-components=1 -xf "$tree.apt/${codec#*:}"_*.orig.tar.[gx]z || exit 0
    done
    mv "$tree.new" "$tree"
    rm -rf "$tree.apt"
fi
echo "$tree"
