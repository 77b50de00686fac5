#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes the library's documentation with DocC: build/documentation/{Kexec,BootFormats}. Any warning fails it, a link that leads
# nowhere among them.
# usage: make doc
. "$(dirname "$0")/common.sh"
find_toolchain
command -v docc >/dev/null || die "no docc beside swiftc: use a whole toolchain of swift.org"
work=$root/build/symbols
rm -rf "$work" build/documentation
mkdir -p build/documentation
swift build --manifest-cache none --product kexec
modules=$(swift build --manifest-cache none --show-bin-path)/Modules
set --
for folder in Sources/C*; do set -- "$@" -Xcc "-fmodule-map-file=$root/$folder/module.modulemap"; done
for module in Kexec BootFormats; do
    mkdir -p "$work/$module"
    swift symbolgraph-extract -module-name $module -target "$(swiftc -print-target-info |
        sed -n 's/.*"triple": "\(.*\)",/\1/p' | head -n 1)" -I "$modules" "$@" \
        -minimum-access-level public -skip-synthesized-members -output-dir "$work/$module"
    docc convert "Sources/$module/$module.docc" --additional-symbol-graph-dir "$work/$module" \
        --fallback-display-name $module --fallback-bundle-identifier $module --warnings-as-errors \
        --output-path "build/documentation/$module"
    echo "build/documentation/$module"
done
