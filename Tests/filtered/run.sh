#!/bin/sh
# SPDX-License-Identifier: MIT
# What only asks makes none of kexec_load, kexec_file_load, reboot and capset: a filter ends who does. And what asks the kernel
# for its calls does not take a filter's answer for the kernel's. Nothing here loads or jumps.
# usage: Tests/filtered/run.sh, with build/kexec and build/payloads/kexec_test made
set -u
cd "$(dirname "$0")/../.." || exit
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
musl-gcc -O1 -o "$work/filtered" -static -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu \
    Tests/filtered/filtered.c || exit 1
kernel=build/payloads/kexec_test
passed=0 failures=0

# verdict FOUND WANTED WORDS
verdict() {
    if [ "$1" = "$2" ]; then
        passed=$((passed + 1))
    else
        failures=$((failures + 1))
        printf 'FAILED  %s: %s instead of %s\n' "$3" "$1" "$2"
    fi
}

# The filter does end a program: all that follows would pass without one.
"$work/filtered" kill /bin/true
verdict $? 0 "status of a program that makes none of the calls"
cat >"$work/caller.c" <<'SOURCE'
#include <sys/syscall.h>
#include <unistd.h>
/* capset with no header, which fails with EFAULT where it is made. */
int main(void) { return (int)syscall(SYS_capset, 0, 0) == 0; }
SOURCE
musl-gcc -static -o "$work/caller" "$work/caller.c" || exit 1
("$work/filtered" kill "$work/caller"; exit $?) 2>/dev/null
verdict $? 159 "status of a program that makes one of the calls"

# answers ARGUMENT...: behind the filter as without it.
answers() {
    build/kexec "$@" >"$work/plain" 2>&1
    plain=$?
    ("$work/filtered" kill build/kexec "$@") >"$work/behind" 2>&1
    behind=$?
    # Addresses are at random, and only here.
    for file in plain behind; do sed 's/0x[0-9a-f]*//g; s/[0-9.]* [KM]iB//g' "$work/$file" >"$work/$file.text"; done
    verdict $behind $plain "status of kexec $*"
    verdict "$(cat "$work/behind.text")" "$(cat "$work/plain.text")" "output of kexec $*"
}

answers --help
answers --version
answers -S
answers -S -p
answers --status
answers --print-ckr-size
answers --last
for machine in Tests/Fixtures/machines/*; do
    [ -d "$machine" ] || continue
    for call in -c -s -a; do answers --plan=json --machine="$machine" $call -l "$kernel" --command-line=x; done
    answers --plan --machine="$machine" -p "$kernel" --command-line=x --decompress=none
    answers --show --machine="$machine"
    answers --crash-check --machine="$machine"
done

# What the filter says is not taken for the kernel's word: without proc and sysfs nothing else tells.
mkdir "$work/root"
cp build/kexec "$work/root/"
for answer in 1 13 38 95 kill; do
    (chroot "$work/root" /kexec --version) >"$work/show" 2>&1 || {
        echo "skipped: kexec --show behind a filter needs chroot"
        break
    }
    cp "$work/filtered" "$work/root/"
    (chroot "$work/root" /filtered $answer /kexec --show) >"$work/show" 2>&1
    verdict $? 0 "status of kexec --show, the filter answers $answer"
    verdict "$(grep '^calls' "$work/show")" "calls       kexec_load not known, kexec_file_load not known" \
        "kexec --show, the filter answers $answer"
done

printf '%s checks behind a filter of system calls passed, %s failed\n' "$passed" "$failures"
[ "$failures" = 0 ]
