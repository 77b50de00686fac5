#!/bin/sh
# SPDX-License-Identifier: MIT
# Proves that tests can fail: each patch in Tests/Broken breaks the product in one way, and a test has to fail by the line
# that the patch names, and to pass on the unbroken tree in the same run. Tests/Broken/README.md says what a patch holds.
# usage: broken.sh [--check] [--without-machines] [--some COUNT] [PATTERN]
#   --check             only whether every patch says what it has to and applies
#   --without-machines  only patches whose test needs no virtual machine
#   --some COUNT        only so many of them, chosen by the commit
#   PATTERN             only patches whose name matches this basic regular expression
. "$(dirname "$0")/common.sh"

only_check=
machines=yes
some=
pattern=
while [ $# -gt 0 ]; do
    case $1 in
    --check) only_check=yes ;;
    --without-machines) machines= ;;
    --some) some=$2 && shift ;;
    -*) die "usage: broken.sh [--check] [--without-machines] [--some COUNT] [PATTERN]" ;;
    *) pattern=$1 ;;
    esac
    shift
done

work=$root/build/broken
tree=$work/tree
lab=

# field NAME PATCH: what the patch says of itself, above its first "---".
field() { sed -n "/^---/q; s/^$1: //p" "$2"; }

# A tree inside of another repository is none to git.
apply_patch() { (cd "$tree" && GIT_CEILING_DIRECTORIES=$work git apply "$@"); }

# Everything that git keeps or could keep, without what is built.
files_of() { (cd "$1" && find . \( -path ./build -o -path ./.build -o -path ./.git \) -prune -o ! -type d -print | LC_ALL=C sort); }

# The sources as they are now. What did not change is left alone, so that only what a patch touches is built anew.
refresh_tree() {
    mkdir -p "$tree/build"
    ln -sfn "$root/build/cache" "$tree/build/cache"
    files_of "$root" >"$work/files"
    files_of "$tree" | LC_ALL=C comm -23 - "$work/files" | (cd "$tree" && while read -r file; do rm "$file"; done)
    while read -r file; do
        cmp -s "$root/$file" "$tree/$file" && continue
        mkdir -p "$tree/${file%/*}"
        cp -P --preserve=mode "$root/$file" "$tree/$file"
    done <"$work/files"
}

# complaints PATCH: what keeps it from being used, one line each.
complaints() {
    for name in Breaks Station Builds Test Line; do
        [ -n "$(field $name "$1")" ] || echo "no line '$name: …'"
    done
    case $(field Builds "$1") in
    tests | scripts | kexec | mkelfimage | payloads | module) ;;
    *) echo "'Builds: $(field Builds "$1")' is not one of tests, scripts, kexec, mkelfimage, payloads, module" ;;
    esac
    # Here, not in the tree, which another run may be breaking.
    GIT_CEILING_DIRECTORIES=${root%/*} git -c safe.directory='*' apply --check "$1" 2>&1 || :
}

needs_machine() {
    case $(field Test "$1") in
    vm\ *) return 0 ;;
    *) return 1 ;;
    esac
}

# In an order that the commit's digest decides, so that each commit meets others.
by_commit() {
    commit=$(git -c safe.directory='*' rev-parse HEAD 2>/dev/null || cat CHANGELOG.md)
    while read -r patch; do
        echo "$(printf '%s %s' "$commit" "${patch##*/}" | sha256sum | cut -c 1-16) $patch"
    done | LC_ALL=C sort | sed 's/^[^ ]* //'
}

selected() {
    for patch in Tests/Broken/*.patch; do
        name=${patch##*/}
        [ -z "$pattern" ] || expr "${name%.patch}" : ".*$pattern" >/dev/null || continue
        [ -n "$machines" ] || ! needs_machine "$patch" || continue
        echo "$root/$patch"
    done | if [ -n "$some" ]; then by_commit | head -n "$some"; else cat; fi
}

# build_for WHAT: in the present folder, a tree.
build_for() {
    case $1 in
    scripts) ;;
    tests) swift build --manifest-cache none --build-tests ;;
    module) scripts/build-embedded.sh x86_64 kexec ;;
    payloads) scripts/build-payloads.sh && scripts/build-embedded.sh x86_64 kexec && scripts/build-embedded.sh x86_64 mkelfimage ;;
    *) scripts/build-embedded.sh x86_64 "$1" ;;
    esac
}

# run_test KIND ARGUMENT: in the present folder, a tree.
run_test() {
    case $1 in
    # The tree's cache is a link to the work tree's. A busy machine is no reason to fail.
    vm) "$lab" run --unremembered --patience 4 --folder "$work/vm" --filter "^$2\$" ;;
    unit) swift test --manifest-cache none --skip-build --filter "$2" ;;
    scripts) Tests/system-scripts/run.sh "$2" ;;
    *) die "a test is 'vm CASE', 'unit FILTER' or 'scripts PATTERN', not '$1 $2'" ;;
    esac
}

# A filter that matches nothing would pass.
ran_something() {
    case $1 in
    vm) grep -q '^1 passed' "$2" ;;
    unit) grep -q 'Test run with [1-9][0-9]* test' "$2" ;;
    scripts) grep -q 'system: [1-9][0-9]* passed' "$2" ;;
    esac
}

# passes_unbroken PATCH LOG
passes_unbroken() {
    test=$(field Test "$1")
    key=$work/passed.$(printf '%s' "$test" | sha256sum | cut -c 1-16)
    [ -e "$key" ] && return 0
    (cd "$root" && run_test "${test%% *}" "${test#* }") >"$2" 2>&1 </dev/null || return 1
    ran_something "${test%% *}" "$2" || return 1
    : >"$key"
}

# tell VERDICT NAME [WHAT [LOG]]
tell() {
    echo "$1 $2${3:+: $3}"
    [ $# -lt 4 ] || tail -n 8 "$4" | cut -c 1-240 | sed 's/^/         > /'
}

# prove PATCH: its test passes without it and fails with it, by the line that it names.
prove() {
    name=${1##*/}
    name=${name%.patch}
    log=$work/$name.log
    test=$(field Test "$1")
    passes_unbroken "$1" "$log" || {
        tell "FAILED  " "$name" "'$test' does not pass on the unbroken tree" "$log"
        return 1
    }
    apply_patch "$1" >"$log" 2>&1 || {
        tell "FAILED  " "$name" "it does not apply" "$log"
        return 1
    }
    status=0
    (cd "$tree" && build_for "$(field Builds "$1")") >"$log" 2>&1 </dev/null || status=$?
    if [ "$status" = 0 ]; then
        (cd "$tree" && run_test "${test%% *}" "${test#* }") >"$log" 2>&1 </dev/null && status=passed
    else
        status="not built"
    fi
    apply_patch -R "$1"
    case $status in
    passed) tell "FAILED  " "$name" "'$test' passes on the broken tree" ;;
    "not built") tell "FAILED  " "$name" "the broken tree does not build" "$log" ;;
    *)
        if grep -qF -e "$(field Line "$1")" "$log"; then
            tell "red     " "$name" "$test"
            return 0
        fi
        tell "FAILED  " "$name" "'$test' fails, but not by '$(field Line "$1")'" "$log"
        ;;
    esac
    return 1
}

bad=0
for patch in $(selected); do
    found=$(complaints "$patch")
    [ -z "$found" ] || { tell "FAILED  " "${patch##*/}" "$found" && bad=$((bad + 1)); }
done
[ "$bad" = 0 ] || die "$bad patches cannot be used"
count=$(selected | wc -l)
[ "$count" != 0 ] || die "no patch is called like that"
[ -z "$only_check" ] || { echo "$count patches" && exit; }

mkdir -p "$work"
exec 9>"$work/lock"
flock -n 9 || die "another run uses '$tree'; fuser $work/lock tells which"
refresh_tree
find_toolchain
rm -f "$work"/passed.*
for patch in $(selected); do
    [ "$(field Builds "$patch")" != tests ] || needs_tests=yes
    ! needs_machine "$patch" || needs_lab=yes
done
if [ -n "${needs_lab-}" ]; then
    swift build --manifest-cache none --product kexec-lab
    lab=$(swift build --manifest-cache none --show-bin-path)/kexec-lab
fi
if [ -n "${needs_tests-}" ]; then swift build --manifest-cache none --build-tests; fi
for patch in $(selected); do prove "$patch" || bad=$((bad + 1)); done
echo "$count patches, $((count - bad)) noticed by the line that they name"
[ "$bad" = 0 ] || exit 1
