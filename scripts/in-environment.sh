#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a program in the build environment: a Debian unpacked into a folder by `kexec-lab build-module` and others, with
# the compilers that kernels and their modules want, whatever this system has. Paths in the arguments that begin with
# ENVIRONMENT are said as they are inside. Root needs nothing but chroot(2); others need user namespaces.
# usage: in-environment.sh ENVIRONMENT PROGRAM [ARGUMENT...]
set -eu

die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

[ $# -ge 2 ] || die "usage: in-environment.sh ENVIRONMENT PROGRAM [ARGUMENT...]"
environment=$(cd "$1" && pwd) || die "no folder '$1'"
shift
[ -x "$environment/usr/bin/env" ] || die "'$environment' is no build environment"

# Arguments are taken from the front and put behind the last one, so that spaces in them survive.
count=$#
while [ "$count" -gt 0 ]; do
    argument=$1
    shift
    case $argument in
    *"$environment"/*) argument=${argument%%"$environment"/*}/${argument#*"$environment"/} ;;
    esac
    set -- "$@" "$argument"
    count=$((count - 1))
done

# What is inherited names programs and folders of this system.
set -- /usr/bin/env -i PATH=/usr/sbin:/usr/bin HOME=/ LC_ALL=C "$@"

if [ "$(id -u)" = 0 ]; then
    # A device may be made where nothing may be mounted, as in most containers.
    [ -c "$environment/dev/null" ] || {
        rm -f "$environment/dev/null"
        mknod -m 666 "$environment/dev/null" c 1 3
    }
    # objtool of 7.x looks for its stack here, so that it can tell an overflow from other faults; any process's will do.
    mkdir -p "$environment/proc/self"
    cat /proc/self/maps >"$environment/proc/self/maps"
    exec chroot "$environment" "$@"
fi
command -v unshare >/dev/null || die "not root, and no unshare (package util-linux) to become it in a namespace"
# shellcheck disable=SC2016
exec unshare --map-root-user --mount sh -c '
    environment=$0
    mount --rbind /dev "$environment/dev" && mount --rbind /proc "$environment/proc" && exec chroot "$environment" "$@"
' "$environment" "$@"
