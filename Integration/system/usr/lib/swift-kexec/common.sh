# SPDX-License-Identifier: MIT
# Settings and messages, for the other scripts. They set `root` before, which is empty but in tests.
PATH=$root/usr/sbin:$root/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin
run=$root/run/swift-kexec

say() { echo "${0##*/}: $*" >&2; }

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
    say "cannot read the settings: $(echo "$problem" | head -n 1)"
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

# Whether the next reboot has to go through the firmware; asking uses the file up.
opted_out() {
    [ -e "$run/coldreboot" ] || [ -e "$root/no-kexec-reboot" ] || return 1
    forget_opt_out
}

forget_opt_out() {
    rm -f "$run/coldreboot" "$root/no-kexec-reboot" ||
        say "cannot remove '/no-kexec-reboot': every reboot goes through the firmware until it is gone"
}
