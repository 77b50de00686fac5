#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes the source package of the kernel module for DKMS: OUTPUT/swift-kexec-VERSION (build/dkms), a folder that goes to
# /usr/src as it is. Whoever builds it needs no Swift: the core is there as assembly, with the Swift that it was made from.
# usage: scripts/make-dkms-source.sh [OUTPUT]
. "$(dirname "$0")/common.sh"
version=$(sed -n 's/.*static let number = "\(.*\)"/\1/p' Sources/Kexec/KexecVersion.swift)
[ -n "$version" ] || die "no version in Sources/Kexec/KexecVersion.swift"
package=${1:-build/dkms}/swift-kexec-$version
rm -rf "$package"
mkdir -p "$package/swift"
scripts/compile-module-core.sh x86_64 build/module/core_x86_64.S
cp -R KernelModule/Kbuild KernelModule/linux_glue.c KernelModule/relocate_x86_64.S KernelModule/include \
    build/module/core_x86_64.S "$package/"
sed "s/@VERSION@/$version/" KernelModule/dkms.conf >"$package/dkms.conf"
# shellcheck disable=SC2046
cp -R KernelModule/Core $(scripts/compile-module-core.sh --shared) "$package/swift/"
cp LICENSE "$package/LICENSE.MIT"
cp LICENSES/GPL-2.0-only.txt "$package/LICENSE.GPL-2.0"
echo "$package"
