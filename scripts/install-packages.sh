#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes sure that the Debian packages for building and testing are there: installs what is missing when root, and
# otherwise names it. Asks dpkg first, so that it costs nothing when nothing is missing.
# What the virtual machines need (QEMU, firmware, kernels) the lab fetches into build/cache, beside the system.
# usage: install-packages.sh
. "$(dirname "$0")/common.sh"

packages="musl-dev musl-tools linux-libc-dev zlib1g-dev liblzma-dev libzstd-dev libbz2-dev xz-utils"

command -v dpkg-query >/dev/null || {
    echo "install-packages.sh: not a Debian system; needed are the files of: $packages" >&2
    exit 0
}
missing=
for package in $packages; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    die "missing Debian packages; as root: apt-get install --no-install-recommends$missing"
fi
echo "installing Debian packages:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# An archive that does not answer must not stop the installation of what another one has.
apt-get update </dev/null >"$log" 2>&1 || cat "$log" >&2
# shellcheck disable=SC2086
apt-get install -y --no-install-recommends $missing </dev/null >"$log" 2>&1 || {
    cat "$log" >&2
    die "cannot install:$missing"
}
