#!/bin/sh
# SPDX-License-Identifier: MIT
# Tests of the scripts in Integration/system. Each test gets a copy of them that sees a folder as "/", where kexec, systemctl
# and whatever else could touch the machine are stand-ins that write down how they were called.
# A function whose name begins with test_ is a test, and its name the promise. Prints what fails, and a count.
# usage: Tests/system-scripts/run.sh [PATTERN]
set -u
cd "$(dirname "$0")/../.." || exit
source=$PWD/Integration/system
here=$PWD/Tests/system-scripts
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The scripts find no program but these, so that no mistake in one reaches this machine.
tools="awk cat chmod cp env flock grep head ln ls mkdir mv od readlink rm sed sh sort stat tail tr uname"

make_root() {
    root=$work/root
    rm -rf "$root"
    mkdir -p "$root/bin" "$root/usr/sbin" "$root/boot/grub" "$root/proc" "$root/run/systemd/system" \
        "$root/sys/kernel/kexec" "$root/etc/default/kexec.d" "$root/lib/lsb"
    cp -R "$source/." "$root/"
    : >"$root/lib/lsb/init-functions"
    for tool in $tools; do ln -s "$(command -v "$tool")" "$root/bin/$tool"; done
    find "$root/usr" "$root/etc" -type f -exec sed -i \
        -e "s|^root=\$|root=$root|" -e "s|^PATH=.*|PATH=$root/bin|" -e "s|/lib/lsb/|$root&|" {} +
    for name in kexec systemctl reboot findmnt ischroot systemd-detect-virt sleep; do stand_in $name 0; done
    # Not root: the tests may be anybody's.
    printf '#!/bin/sh\necho 0\n' >"$root/bin/id"
    printf '#!/bin/sh\ncase $1 in list-*) cat "%s/$1"; exit ;; esac\necho "systemctl $*" >>"%s/log"\n%s\n' \
        "$root" "$root" "[ ! -e '$root/refuse' ] || ! grep -qxF -e \"\$1\" '$root/refuse'" >"$root/bin/systemctl"
    chmod +x "$root/bin/id" "$root/bin/systemctl"
    stand_in ischroot 1
    stand_in systemd-detect-virt 1
    : >"$root/list-jobs"
    printf '%s loaded active active x\n' basic.target timers.target >"$root/list-units"
    : >"$root/log"
    echo 0 >"$root/sys/kernel/kexec/loaded"
    echo 'BOOT_IMAGE=/boot/vmlinuz-1 root=/dev/vda1 ro quiet' >"$root/proc/cmdline"
}

# stand_in NAME STATUS [OUTPUT]
stand_in() {
    printf '#!/bin/sh\nprintf "%%s\\n" "%s $*" >>"%s/log"\necho "%s"\nexit %s\n' "$1" "$root" "${3-}" "$2" >"$root/bin/$1"
    chmod +x "$root/bin/$1"
}

settings() { printf '%s\n' "$@" >"$root/etc/default/kexec"; }
kernels() { for version; do : >"$root/boot/vmlinuz-$version"; : >"$root/boot/initrd.img-$version"; done; }
configured() { : >"$root/vmlinuz"; : >"$root/initrd.img"; }
loaded() { echo 1 >"$root/sys/kernel/kexec/loaded"; }
jobs() { printf '%s\n' "$@" >"$root/list-jobs"; }
load() { "$root/usr/sbin/kexec-load-kernel" "$@" >"$root/output" 2>&1; }
at_shutdown() { "$root/usr/lib/swift-kexec/at-shutdown" "$@" >"$root/output" 2>&1; }
menu() { sed "s|@DEFAULT@|$2|" "$here/../Fixtures/grub/$1.cfg" >"$root/boot/grub/grub.cfg"; }

bad() {
    printf '        %s\n' "$*"
    failed=1
}
succeeds() { "$@" || bad "failed: $*: $(cat "$root/output")"; }
fails() { ! "$@" || bad "did not fail: $*"; }
says() { grep -qF -e "$1" "$root/output" || bad "does not say '$1': $(cat "$root/output")"; }
says_nothing() { [ ! -s "$root/output" ] || bad "says: $(cat "$root/output")"; }
# What was called, all of it, in order; ROOT stands for the folder.
called() {
    found=$(sed "s|$root|ROOT|g" "$root/log" | grep -av -e '^findmnt' -e '^ischroot' -e '^systemd-detect-virt' -e '^sleep')
    expected=$(printf '%s\n' "$@")
    [ "$found" = "$expected" ] || bad "called:
$found
        instead of:
$expected"
}

. "$here/load-kernel.sh"
. "$here/boot-entry.sh"
. "$here/shutdown.sh"
. "$here/kernel-changes.sh"
. "$here/package.sh"

passed=0 failures=0
for test in $(sed -n 's/^\(test_[a-z0-9_]*\)() .*/\1/p' "$here"/*.sh | grep -e "${1:-.}"); do
    make_root
    failed=0
    $test
    if [ $failed = 0 ]; then
        passed=$((passed + 1))
    else
        echo "FAILED  $test"
        failures=$((failures + 1))
    fi
done
echo "scripts of the system: $passed passed, $failures failed"
[ $failures = 0 ] && [ $passed -gt 0 ]
