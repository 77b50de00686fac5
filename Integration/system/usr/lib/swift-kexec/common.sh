# SPDX-License-Identifier: MIT
# Settings and messages, for the other scripts. They set `root` before, which is empty but in tests.
PATH=$root/usr/sbin:$root/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin
run=$root/run/swift-kexec
# Command lines may hold secrets.
umask 077

say() { printf '%s: %s\n' "${0##*/}" "$(plain "$*")" >&2; }

# plain TEXT: as one line that leaves a terminal alone, for names and a menu's titles are written by others. A "?" stands for a
# control character (also U+0080 to U+009F) and for a mark of direction or of a line's end (U+061C, U+200E, U+200F, U+2028 to
# U+202E, U+2066 to U+2069), each of which is a character of its own to sed, whatever it takes for one.
plain() {
    script=''
    for bytes in '\330\234' '\342\200\216' '\342\200\217' '\342\200\250' '\342\200\251' '\342\200\252' '\342\200\253' \
        '\342\200\254' '\342\200\255' '\342\200\256' '\342\201\246' '\342\201\247' '\342\201\250' '\342\201\251'; do
        script="$script s/$bytes/?/g;"
    done
    for high in 20 21 22 23; do
        for low in 0 1 2 3 4 5 6 7; do script="$script s/\\302\\$high$low/?/g;"; done
    done
    # shellcheck disable=SC2059
    printf '%s' "$1" | tr '\001-\037\177' '?' | sed -e "$(printf "$script")"
}

fail() {
    say "$*"
    exit 1
}

# Whether a setting is on; all that is not clearly so is off.
on() {
    case $1 in
    [Tt][Rr][Uu][Ee] | [Yy][Ee][Ss] | [Oo][Nn] | 1) return 0 ;;
    *) return 1 ;;
    esac
}

# Whether a shell can read it: a mistake in it would end the shell that reads it, even in an `if`.
readable() {
    problem=$(sh -n "$1" 2>&1) && return 0
    say "cannot read the settings: $(printf '%s\n' "$problem" | head -n 1)"
    return 1
}

# Sets every setting of /etc/default/kexec and its folder. Returns 1, all of them at their defaults, where one of these
# files is no shell script.
read_settings() {
    default_settings
    for settings in "$root/etc/default/kexec" "$root"/etc/default/kexec.d/*; do
        case $settings in
        # What run-parts would not run: left by editors and dpkg.
        */kexec.d/*[!A-Za-z0-9_-]*) continue ;;
        esac
        [ -f "$settings" ] || continue
        readable "$settings" || {
            default_settings
            return 1
        }
        # Its last command may be a question whose answer is no.
        # shellcheck disable=SC1090
        . "$settings" || :
    done
}

# shellcheck disable=SC2034
default_settings() {
    LOAD_KEXEC=false PRELOAD_KEXEC=false KEXEC_KERNEL='' USE_GRUB_CONFIG=false
    KERNEL_IMAGE=/vmlinuz INITRD=/initrd.img APPEND='' KEXEC_OPTIONS='' KEXEC_FAILURE=cold
}

# Whether a kernel is loaded for the next reboot. The second name goes after 2028.
kernel_is_loaded() {
    for loaded in "$root/sys/kernel/kexec/loaded" "$root/sys/kernel/kexec_loaded"; do
        [ -r "$loaded" ] || continue
        read -r answer <"$loaded"
        [ "$answer" = 1 ]
        return
    done
    return 1
}

# Makes the folder in /run. Returns 1 where there is none into which nobody else may write: what others lay there would be
# written to, or read as ours.
make_run() {
    mkdir -p "$run" && [ -d "$run" ] && [ ! -L "$run" ] || return 1
    [ "$(stat -c %u "$run")" = "$(superuser)" ] || return 1
    case $(stat -c %a "$run") in *[2367]? | *[2367]) return 1 ;; esac
}

# Whose the system is: root, but in tests.
superuser() { if [ -n "$root" ]; then stat -c %u "$root"; else echo 0; fi; }

# make_mark NAME: an empty file in /run. A failed redirection of `:`, a special builtin, would end the shell.
make_mark() { make_run && true >"$run/$1"; }

# Keeps other loads and unloads by these scripts away until this shell ends: for half a minute it waits for theirs to end, then
# ends with status 10. What it starts gets the lock as well, but for kexec (`9>&-`). busybox' flock cannot wait for a time.
lock() {
    make_run && true 9>>"$run/lock" || {
        say "cannot write to '$run': another load at the same time is not kept away"
        return 0
    }
    exec 9>>"$run/lock"
    seconds=0
    until flock -n 9; do
        [ $seconds -gt 0 ] || say "waiting for another load to end"
        [ $seconds -lt 30 ] || {
            say "another load has '$run/lock' for more than 30 seconds: not waiting any longer"
            exit 10
        }
        sleep 1
        seconds=$((seconds + 1))
    done
}

# In a shell of its own, whose end lets go of the lock.
unload() (
    lock
    kexec -u 9>&-
)

# At the first start after a boot: a file that no shutdown has used was meant for the one before, however that came about.
forget_last_boot() {
    [ ! -e "$run/booted" ] || return 0
    rm -f "$root/no-kexec-reboot"
    make_mark booted || say "cannot write '$run/booted': another start removes '/no-kexec-reboot' again"
}

# What changes with a file's contents. Not its inode and time of change: vfat numbers files anew at each mount, and a backup's
# link or a chmod changes no contents.
mark_of() { stat -L -c '%s:%Y' "$1" 2>/dev/null || echo none; }

# What kexec-load-kernel loaded last, while that is loaded: every other load removes the note.
note_is_there() { kernel_is_loaded && [ -s "$run/loaded" ]; }

# Sets `changed` to a file of the load, or one that its choice depended on, that is another one now. One that is gone does not
# count: what is in memory is all that is left of it, and kernel-changed has its say when a package takes its kernel away.
load_is_stale() {
    note_is_there || return 1
    while IFS=' ' read -r key mark file; do
        case $key in
        file | source)
            changed=$file
            [ ! -e "$changed" ] || [ "$mark" = "$(mark_of "$changed")" ] || return 0
            ;;
        # The one before, where it leads if it is a link.
        *-at) [ ! -e "$changed" ] || [ "$file" = "$(readlink -f "$changed")" ] || return 0 ;;
        esac
    done <"$run/loaded"
    return 1
}

# Loads again what has changed since kexec-load-kernel loaded it. Returns 1 where that fails: what is loaded is not to be
# started then.
refresh() {
    load_is_stale || return 0
    say "'$changed' has changed since it was loaded: loading again"
    set --
    while IFS= read -r noted; do
        case $noted in argument\ *) set -- "$@" "${noted#argument }" ;; esac
    done <"$run/loaded"
    "$root/usr/sbin/kexec-load-kernel" "$@" && return
    unload || say "it stays loaded"
    return 1
}

# Whether the next reboot has to go through the firmware; asking uses the file up.
opted_out() {
    [ -e "$run/coldreboot" ] || [ -e "$root/no-kexec-reboot" ] || return 1
    forget_opt_out
}

forget_opt_out() {
    rm -f "$run/coldreboot" "$root/no-kexec-reboot" ||
        say "cannot remove '/no-kexec-reboot': every reboot goes through the firmware until it is gone"
}

# Whether the settings make a reboot one by kexec; after a load by hand that is its own affair.
reboots_go_by_kexec() { on "$LOAD_KEXEC" || { on "$PRELOAD_KEXEC" && kernel_is_loaded; }; }

# Whether the firmware or the boot loader has been told to do something at this reboot, and so has to be passed.
firmware_is_wanted() {
    variables=$root/sys/firmware/efi/efivars
    loader=4a67b082-0a4c-41cf-b6c7-440b29bb8c4f
    for file in "$root/run/systemd/reboot-param" "$root"/run/systemd/reboot-to-* \
        "$variables/LoaderEntryOneShot-$loader" "$variables/LoaderConfigTimeoutOneShot-$loader"; do
        [ ! -e "$file" ] || return 0
    done
    # Four bytes of attributes, then a mask of 64 bits whose lowest asks for the firmware's setup (UEFI, OsIndications).
    indications=$variables/OsIndications-8be4df61-93ca-11d2-aa0d-00e098032b8c
    bits=$(od -An -tu1 -j4 -N1 "$indications" 2>/dev/null)
    [ $((${bits:-0} & 1)) = 0 ] || return 0
    # grub-reboot
    grep -qs '^next_entry=.' "$root/boot/grub/grubenv"
}
