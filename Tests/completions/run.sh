#!/bin/sh
# SPDX-License-Identifier: MIT
# What shells offer by the files of Integration/completions: bash, zsh and fish are asked themselves. A shell that is neither on
# PATH nor in build/cache/shells (scripts/fetch-shells.sh) is named as skipped.
# usage: Tests/completions/run.sh
set -u
cd "$(dirname "$0")/../.." || exit
here=$PWD/Tests/completions
completions=$PWD/Integration/completions
tree=$PWD/build/cache/shells
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What file names are completed to.
mkdir -p "$work/files/image.d"
: >"$work/files/image.1"
: >"$work/files/image 2"
cd "$work/files" || exit

passed=0 failures=0 skipped=0

# offers LINE WORDS: what the shell offers at the end of LINE, sorted, in one line.
offers() {
    found=$($asked "$1" 2>"$work/error" | sed 's/ *$//' | LC_ALL=C sort -u | tr '\n' ' ')
    if [ "${found% }" = "$2" ] && [ ! -s "$work/error" ]; then
        passed=$((passed + 1))
    else
        failures=$((failures + 1))
        printf 'FAILED  %s: "%s" offers "%s" instead of "%s" %s\n' "$shell" "$1" "${found% }" "$2" "$(cat "$work/error")"
    fi
}

# What every shell has to offer.
common_cases() {
    offers "kexec --rec" "--record-firmware-state$equals"
    offers "kexec --nosuch" ""
    offers "kexec --digest=" "$(each --digest= fast none sha256)"
    offers "kexec --digest=s" "$(each --digest= sha256)"
    offers "kexec --digest f" fast
    offers "kexec -t uk" uki
    offers "kexec --type=boot-s" "$(each --type= boot-sector)"
    offers "kexec --system-call=kexec_f" "$(each --system-call= kexec_file_load)"
    offers "kexec --plan=j" "$(each --plan= json)"
    offers "kexec --serial-baud=57" "$(each --serial-baud= 57600)"
    offers "kexec --append=im" ""
    offers "kexec --detach=im" ""
    offers "kexec --machine=im" "$(each --machine= "image.d$slash")"
    offers "kexec --initrd=image.1" "$(each --initrd= image.1)"
    offers "kexec --ramdisk image.1" image.1
    offers "kexec -l image.1" image.1
    offers "mkelfimage --sh" --show
    offers "mkelfimage --command-line=im" ""
    offers "mkelfimage image.1 image.1" image.1
    offers "kexec-load-kernel --p" --print
    offers "kexec-load-kernel --kernel=image.1" "$(each --kernel= image.1)"
}

# each OPTION WORD...: with the option in front, where this shell answers so.
each() {
    option=$1
    shift
    for word; do printf '%s%s ' "${whole:+$option}" "$word"; done | sed 's/ $//'
}

skip() {
    echo "skipped $1: neither on PATH nor in build/cache/shells (scripts/fetch-shells.sh)"
    skipped=$((skipped + 1))
}

# unpacked PROGRAM: how to run a program of another Debian here, with its own libraries; nothing where there is none.
unpacked() {
    [ ! -x "$tree/usr/bin/$1" ] ||
        echo "$tree/usr/lib64/ld-linux-x86-64.so.2 --library-path $tree/usr/lib/x86_64-linux-gnu $tree/usr/bin/$1"
}

if command -v bash >/dev/null; then
    equals='=' slash=
    for breaks in '= ' ' '; do
        shell="bash, words end at '$breaks'"
        [ "$breaks" = ' ' ] && whole=1 || whole=
        ask_bash() { bash --noprofile --norc "$here/ask.bash" "$completions/bash" "$breaks" "$1"; }
        asked=ask_bash
        common_cases
        offers "kexec -lt uk" uki
        offers "kexec --pl" "--plan --plan="
        offers "kexec -- --pl" ""
        offers "kexec im" "image 2 image.1 image.d"
        offers "kexec --initrd=image.d --app" --append=
    done
else
    skip bash
fi

zsh=$(command -v zsh || unpacked zsh)
if [ -n "$zsh" ]; then
    shell=zsh equals='' slash='' whole=
    functions=
    [ "$zsh" = "${zsh#"$tree"}" ] || functions=$tree/usr
    for file in "$completions"/zsh/*; do
        $zsh -f -n "$file" || failures=$((failures + 1))
    done
    ask_zsh() { $zsh -f "$here/ask.zsh" "$completions/zsh" "$functions" "$1"; }
    asked=ask_zsh
    common_cases
    offers "kexec -lt uk" uki
    offers "kexec -- --pl" ""
    offers "kexec --load --loa" "--load-jump-back-helper --load-live-update --load-panic --load-preserve-context"
else
    skip zsh
fi

fish=$(command -v fish || unpacked fish)
if [ -n "$fish" ]; then
    shell=fish equals='' slash=/ whole=1
    functions=
    [ "$fish" = "${fish#"$tree"}" ] || functions=$tree/usr/share/fish/functions
    for file in "$completions"/fish/*; do
        $fish --no-config --no-execute "$file" || failures=$((failures + 1))
    done
    ask_fish() { HOME=$work $fish --no-config "$here/ask.fish" "$completions/fish" "$1" "$functions"; }
    asked=ask_fish
    common_cases
else
    skip fish
fi

echo "completions: $passed passed, $failures failed, $skipped shells skipped"
[ "$failures" = 0 ]
