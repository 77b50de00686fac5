#!/bin/sh
# SPDX-License-Identifier: MIT
# Unpacks what completions and manuals are checked with, Debian 13's zsh, fish and mandoc, into build/cache/shells, beside the
# system, once; scripts/in-environment.sh runs them there.
# usage: scripts/fetch-shells.sh
. "$(dirname "$0")/common.sh"
environment=$root/build/cache/shells
[ ! -x "$environment/usr/bin/mandoc" ] || exit 0

. scripts/private-apt.sh
private_apt "$root/build/cache/shells.apt" amd64
private_apt_fetch deb trixie install --download-only --yes --no-install-recommends \
    zsh fish mandoc groff-base bash dash coreutils base-files sed grep gawk man-db || {
    cat "$state/log" >&2
    die "cannot fetch zsh, fish and mandoc from Debian"
}
private_apt_unpack "$environment.new"
rm -rf "$environment" "$state"
mv "$environment.new" "$environment"
