#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs lintian over build/*.deb, and shellcheck over every shell script: both in a small Debian 13 that is unpacked into
# build/cache/lint, beside the system, once.
# usage: scripts/lint-deb.sh
. "$(dirname "$0")/common.sh"
environment=build/cache/lint

unpack_environment() {
    . scripts/private-apt.sh
    private_apt "$root/build/cache/lint.apt" amd64
    private_apt_fetch deb trixie install --download-only --yes --no-install-recommends \
        lintian shellcheck man-db libc-bin systemd base-files base-passwd mawk coreutils dash grep sed findutils \
        diffutils tar gzip debianutils || {
        cat "$state/log" >&2
        die "cannot fetch lintian and shellcheck from Debian"
    }
    private_apt_unpack "$environment.new"
    ln -sf mawk "$environment.new/usr/bin/awk"
    ln -sf debian "$environment.new/etc/dpkg/origins/default"
    cp "$environment.new/usr/share/base-passwd/passwd.master" "$environment.new/etc/passwd"
    cp "$environment.new/usr/share/base-passwd/group.master" "$environment.new/etc/group"
    rm -rf "$environment" "$state/cache/archives"
    mv "$environment.new" "$environment"
}

[ -x "$environment/usr/bin/lintian" ] && [ -x "$environment/usr/bin/shellcheck" ] || unpack_environment
status=0
rm -rf "$environment/work"
mkdir -p "$environment/work/packages" "$environment/work/scripts"
cp build/*.deb "$environment/work/packages/"
scripts_to_check() {
    find scripts .ci Tests Integration -type f ! -path '*/dracut/*' ! -path 'Integration/completions/*' -exec \
        awk 'FNR == 1 && /^#!\/bin\/sh|^# SPDX/ && FILENAME !~ /[.](awk|bash|zsh|fish|swift|cfg|service)$/ { print FILENAME }' {} +
}
# Pieces that others read have no first line that says what reads them; and what is read at another place later is not found.
scripts_to_check | tar -c -T - | tar -x -C "$environment/work/scripts"
scripts/in-environment.sh "$environment" /bin/sh -c \
    'cd /work/scripts && find . -type f -exec shellcheck --shell=sh --severity=warning --exclude=SC1090,SC1091,SC2034,SC2046,SC2154 {} +' ||
    status=1
# Tags that are overridden are explained where the override is, in Integration/debian.
scripts/in-environment.sh "$environment" /bin/sh -c \
    'cd /work/packages && lintian --allow-root --info --display-info --pedantic --fail-on error,warning,info,pedantic *.deb' ||
    status=1
[ $status != 0 ] || echo "shellcheck and lintian have no remark"
exit $status
