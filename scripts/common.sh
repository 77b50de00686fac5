# SPDX-License-Identifier: MIT
# Read by the other scripts (". scripts/common.sh"): stops at errors, moves to the repository, finds the toolchain.
set -eu
cd "$(dirname "$0")/.."
root=$PWD

# Ends the script with one line: what is wrong and what to do.
die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# Sets `toolchain` (the folder that holds bin/ and lib/) and puts its clang, ld.lld and llvm tools first on PATH.
# The compiler is asked, since the swiftc on PATH may be a link or a version manager's proxy.
find_toolchain() {
    command -v swiftc >/dev/null || die "no swiftc on PATH: install a Swift $(cat .swift-version) toolchain (swift.org/install)"
    information=$(swiftc -print-target-info)
    version=$(printf '%s\n' "$information" | sed -n 's/.*"compilerVersion": "[^0-9]*\([0-9]*\.[0-9]*\).*/\1/p')
    case $version in
    6.[3-9] | 6.[1-9][0-9] | [7-9].*) ;;
    *) die "swiftc on PATH is version ${version:-unknown}: Swift 6.3 or later is needed" ;;
    esac
    resources=$(printf '%s\n' "$information" | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
    toolchain=${resources%/lib/swift}
    [ -x "$toolchain/bin/ld.lld" ] || die "no ld.lld beside swiftc in '$toolchain/bin': use a whole toolchain of swift.org"
    PATH=$toolchain/bin:$PATH
}

# True when `file` is missing or older than one of the files below the paths that follow.
outdated() {
    file=$1
    shift
    [ ! -e "$file" ] || [ -n "$(find "$@" -newer "$file" -print -quit)" ]
}
