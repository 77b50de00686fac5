# SPDX-License-Identifier: MIT
# Whether a file is root's alone: what a user may change would run as the next kernel.

# check_trust FILE: fails where somebody else than root owns the file, a folder above it or a link on the way, or may write
# there. Root's group may write. kernel-install's staging area is in a folder for all, /tmp, whose sticky bit keeps others from
# taking it away.
check_trust() {
    named=$1 links=0
    case $1 in
    # Not a file, but what root gives.
    -) return ;;
    # A test's own folder.
    "$root"/*) at=$root rest=${1#"$root"} ;;
    /*) at='' rest=$1 ;;
    *) at=$(pwd -P) rest=$1 ;;
    esac
    check_owner "${at:-/}"
    while [ -n "$rest" ]; do
        name=${rest%%/*}
        case $rest in */*) rest=${rest#*/} ;; *) rest='' ;; esac
        case $name in
        '' | .) continue ;;
        ..)
            at=${at%/*}
            continue
            ;;
        esac
        if [ ! -e "$at/$name" ] && [ ! -L "$at/$name" ]; then
            ! $is_open || fail "cannot load '$named': '$at/$name' does not exist, and anybody may make it"
            # kexec says so.
            return 0
        fi
        check_owner "$at/$name"
        if [ -L "$at/$name" ]; then
            follow "$at/$name"
        else
            at=$at/$name
        fi
    done
}

# follow LINK: where it leads comes before what is left.
follow() {
    links=$((links + 1))
    [ $links -le 40 ] || fail "cannot load '$named': too many links"
    target=$(readlink "$1")
    case $target in
    "$root"/*) at=$root target=${target#"$root"} ;;
    /*) at='' ;;
    esac
    rest=$target/$rest
}

# check_owner PLACE
check_owner() {
    facts=$(stat -c '%u %g %a' "$1") || fail "cannot load '$named': cannot tell who owns '$1'"
    mode=${facts##* } facts=${facts% *}
    owner=${facts% *} group=${facts#* }
    [ "$owner" = "$(superuser)" ] ||
        fail "cannot load '$named': '$1' belongs to user $owner, need root: chown root it, or load by hand with kexec -l"
    # A link has no permissions of its own.
    [ ! -L "$1" ] || return 0
    case $mode in
    *[2367]) others=others ;;
    *[2367]?) if [ "$group" = 0 ]; then others=''; else others="group $group"; fi ;;
    *) others='' ;;
    esac
    is_open=false
    [ -n "$others" ] || return 0
    remedy='chmod go-w it'
    case $mode in [1357]???)
        staged=${KERNEL_INSTALL_STAGING_AREA:-/nowhere}
        case $named:$staged in "$staged"/*:"$1"/*)
            is_open=true
            return
            ;;
        esac
        remedy='move the file elsewhere'
        ;;
    esac
    fail "cannot load '$named': $others may write to '$1' (mode $mode), need root alone: $remedy, or load by hand with kexec -l"
}
