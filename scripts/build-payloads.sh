#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the bare-metal payloads without SwiftPM, by the same tool as its plugin: build/payloads/Payloads.swift holds
# them for the static kexec; the ELF file beside it is for `make check` and `make disasm`.
# usage: build-payloads.sh
. "$(dirname "$0")/common.sh"
find_toolchain
out=$root/build/payloads
mkdir -p "$out"
if outdated "$out/BuildPayload" Sources/BuildPayload scripts/build-payloads.sh; then
    swiftc -swift-version 6 -Onone -module-name BuildPayload -module-cache-path "$out/module-cache" \
        -o "$out/BuildPayload" $(find Sources/BuildPayload -name '*.swift')
fi
if outdated "$out/Payloads.swift" "$out/BuildPayload" Payloads Sources/Handoff; then
    rm -f "$out/Payloads.swift"
    "$out/BuildPayload" --toolchain "$toolchain/bin" --package "$root" --work "$out/work" --keep "$out" \
        --images "$out/Payloads.swift"
fi
