#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes Debian packages of what `make` and `make dkms` have built: build/swift-kexec_VERSION_amd64.deb and
# build/swift-kexec-dkms_VERSION_all.deb. The same sources make the same bytes: every time in them is SOURCE_DATE_EPOCH, by
# default that of the last commit.
# usage: make deb
. "$(dirname "$0")/common.sh"
command -v dpkg-deb >/dev/null || die "no dpkg-deb: Debian packages are made on Debian"
umask 022
version=$(sed -n 's/.*static let number = "\(.*\)"/\1/p' Sources/Kexec/KexecVersion.swift)
[ -n "$version" ] || die "no version in Sources/Kexec/KexecVersion.swift"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)}
export SOURCE_DATE_EPOCH
trees=$root/build/deb
rm -rf "$trees"

# filled FILE: a file of Integration/debian, with the words in it that this build knows.
filled() {
    sed "s/@VERSION@/$version/; s/@PACKAGE@/$package/; s/@SIZE@/$size/
        s/@DATE@/$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")/" "$1"
}

# As Debian's policy counts: a kibibyte for a folder, whole kibibytes for a file.
installed_size() {
    find "$tree" -path "$tree/DEBIAN" -prune -o -printf '%y %s\n' |
        awk '{ total += $1 == "f" ? int(($2 + 1023) / 1024) : 1 } END { print total }'
}

# documents NAME: what every package has in its folder below /usr/share/doc.
documents() {
    folder=$tree/usr/share/doc/$package
    mkdir -p "$folder"
    size='' filled Integration/debian/changelog | gzip -9n >"$folder/changelog.gz"
    cp "Integration/debian/$package.copyright" "$folder/copyright"
    if [ -e "Integration/debian/$package.lintian-overrides" ]; then
        mkdir -p "$tree/usr/share/lintian/overrides"
        cp "Integration/debian/$package.lintian-overrides" "$tree/usr/share/lintian/overrides/$package"
    fi
}

# pack ARCHITECTURE: the tree as build/PACKAGE_VERSION_ARCHITECTURE.deb.
pack() {
    documents
    size=$(installed_size)
    mkdir "$tree/DEBIAN"
    for name in control conffiles triggers postinst prerm postrm; do
        file=Integration/debian/$package.$name
        [ ! -e "$file" ] || filled "$file" >"$tree/DEBIAN/$name"
    done
    (cd "$tree" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum) \
        >"$trees/md5sums"
    mv "$trees/md5sums" "$tree/DEBIAN/md5sums"
    chmod -R u+rw,go=rX "$tree"
    for name in postinst prerm postrm; do [ ! -e "$tree/DEBIAN/$name" ] || chmod 755 "$tree/DEBIAN/$name"; done
    find "$tree" -exec touch --no-dereference -d "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group --build "$tree" "build/${package}_${version}_$1.deb" >/dev/null
    echo "build/${package}_${version}_$1.deb"
}

package=swift-kexec
tree=$trees/$package
make --no-print-directory -s install-files DESTDIR="$tree" PREFIX=/usr LIBDIR=/usr/lib/x86_64-linux-gnu \
    ZSHDIR=/usr/share/zsh/vendor-completions
make --no-print-directory -s install-hook-files DESTDIR="$tree"
cp -R Integration/system/. "$tree/"
cp Documentation/man/kexec-load-kernel.8 Documentation/man/coldreboot.8 "$tree/usr/share/man/man8/"
# /etc/init.d/kexec is for sysvinit alone: without this systemd would make a unit of it.
ln -s /dev/null "$tree/usr/lib/systemd/system/kexec.service"
install -D -m 644 -t "$tree/usr/share/bash-completion/completions" Integration/completions/bash/*
install -D -m 644 -t "$tree/usr/share/zsh/vendor-completions" Integration/completions/zsh/*
install -D -m 644 -t "$tree/usr/share/fish/vendor_completions.d" Integration/completions/fish/*
gzip -9n "$tree"/usr/share/man/man8/*.8
pack amd64

package=swift-kexec-dkms
tree=$trees/$package
mkdir -p "$tree/usr/src"
scripts/make-dkms-source.sh "$tree/usr/src" >/dev/null
pack all
rm -rf "$trees"
