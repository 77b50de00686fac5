# SPDX-License-Identifier: MIT
# Which kernel, initrds and command line the settings mean: `choose` sets kernel, initrds (one to a line) and line.
newline='
'

choose() {
    case ${KEXEC_KERNEL:-} in
    '') if on "$USE_GRUB_CONFIG"; then choose_boot_entry; else choose_configured; fi ;;
    configured) choose_configured ;;
    newest) choose_newest ;;
    boot-entry) choose_boot_entry ;;
    *) fail "KEXEC_KERNEL is '$KEXEC_KERNEL': it has to be configured, newest or boot-entry" ;;
    esac
}

# The running kernel's line, without what its boot loader put there.
running_command_line() { without_loader_words "$(cat "$root/proc/cmdline")"; }

# Takes what loaders put into a command line for one kernel alone out of it. Words are those of Linux: quotes hold blanks
# together. A line is bytes, whatever the locale is.
without_loader_words() {
    printf '%s\n' "$1" | LC_ALL=C awk '
        function finish() {
            if (word != "" && word !~ /^(BOOT_IMAGE|initrd|elfcorehdr|kexec_jump_back_entry)=/) line = line (line == "" ? "" : " ") word
            word = ""
        }
        NR > 1 { word = word "\n" }
        {
            for (i = 1; i <= length($0); i++) {
                c = substr($0, i, 1)
                if (c == "\"") quoted = !quoted
                if (c ~ /[ \t\v\f\r]/ && !quoted) finish(); else word = word c
            }
        }
        END { finish(); print line }'
}

# Where KERNEL_IMAGE is as installed, a system without that link gets its newest kernel.
choose_configured() {
    kernel=$KERNEL_IMAGE initrds=$INITRD
    if [ "${kernel:-/vmlinuz}" = /vmlinuz ] && [ ! -e "$root/vmlinuz" ]; then
        if [ -e "$root/boot/vmlinuz" ]; then
            kernel=/boot/vmlinuz
            [ "$INITRD" != /initrd.img ] || initrds=/boot/initrd.img
        else
            say "there is neither '/vmlinuz' nor '/boot/vmlinuz': taking the newest kernel in '/boot'"
            choose_newest
            return
        fi
    fi
    kernel=$root${kernel:-/vmlinuz}
    [ -e "$kernel" ] || fail "cannot load '$kernel': it does not exist; KERNEL_IMAGE in /etc/default/kexec names it"
    if [ -n "$initrds" ]; then
        initrds=$root$initrds
        [ -e "$initrds" ] || fail "cannot load '$initrds': it does not exist; INITRD in /etc/default/kexec names it (INITRD=\"\": none)"
    fi
    line=${APPEND:-$(running_command_line)}
}

# Versions of the kernels in /boot, the newest first.
installed_versions() {
    for file in "$root"/boot/vmlinuz-*; do
        case $file in
        *'*' | *.old | *.bak | *.dpkg-* | *.signed) ;;
        *) printf '%s\n' "${file#"$root"/boot/vmlinuz-}" ;;
        esac
    done | LC_ALL=C sort -rV
}

# The newest kernel whose initrd is there as well. Without any initrd in /boot, kernels are made to go without.
choose_newest() {
    kernel='' initrds=''
    needs_initrd=false
    for file in "$root"/boot/initrd.img-*; do [ ! -e "$file" ] || needs_initrd=true; done
    versions=$(installed_versions)
    while read -r version; do
        [ -n "$version" ] || continue
        initrd=$root/boot/initrd.img-$version
        if [ -e "$initrd" ]; then
            initrds=$initrd
        elif $needs_initrd; then
            say "passing over '$root/boot/vmlinuz-$version': there is no '$initrd'"
            continue
        fi
        kernel=$root/boot/vmlinuz-$version
        break
    done <<END
$versions
END
    [ -n "$kernel" ] || fail "cannot load the newest kernel: there is none in '$root/boot'"
    line=${APPEND:-$(running_command_line)}
}

# GRUB's default entry; where that takes GRUB itself to know, what is configured.
choose_boot_entry() {
    menu=$root/boot/grub/grub.cfg
    if [ ! -r "$menu" ]; then
        without_boot_entry "there is no '$menu'"
        return
    fi
    variables=$root/boot/grub/grubenv
    [ -r "$variables" ] || variables=/dev/null
    # Another default entry, or a menu that was made anew, is another choice.
    sources=$menu$newline$variables
    kernel='' initrds='' line='' uuid='' reason='' title=''
    entry=$(awk -f "$root/usr/lib/swift-kexec/boot-entry.awk" "$variables" "$menu") || :
    while IFS=' ' read -r key value; do
        case $key in
        title) title=$value ;;
        note) say "$value" ;;
        uuid) uuid=$value ;;
        line) line=$value ;;
        linux) kernel=$(located "$value") || reason="'$title' has the kernel '$value', which is not here" ;;
        initrd) initrds=$initrds${initrds:+$newline}$(located "$value") || reason="'$title' has the initrd '$value', which is not here" ;;
        error) reason=$value ;;
        esac
    done <<END
$entry
END
    [ -n "$reason$kernel" ] || reason="'$menu' cannot be read"
    [ -n "$reason" ] || on_file_system "$kernel" "$uuid" || reason="'$title' is on the file system $uuid, which is not that of '$kernel'"
    [ -z "$reason" ] || without_boot_entry "$reason"
}

without_boot_entry() {
    say "not taking GRUB's default entry: $1"
    choose_configured
}

# A file as this system calls it, by GRUB's name, which counts from the root of its file system: that of /boot, that of /,
# or one of which only a part is mounted there, such as a subvolume.
located() {
    for place in "$root$1" "$root/boot$1"; do
        [ ! -f "$place" ] || {
            printf '%s\n' "$place"
            return 0
        }
    done
    # What is mounted last at a place counts.
    for mount in / /boot; do
        part=$(mounted_part "$mount")
        case $1 in
        "${part:-/}"/*)
            place=$root${mount%/}${1#"$part"}
            [ ! -f "$place" ] || {
                printf '%s\n' "$place"
                return 0
            }
            ;;
        esac
    done
    return 1
}

# mounted_part MOUNT: which folder of its file system is mounted there (proc_pid_mountinfo(5)).
mounted_part() {
    [ -r "$root/proc/self/mountinfo" ] || return 0
    part=''
    while read -r _ _ _ folder place _; do [ "$place" != "$1" ] || part=$folder; done <"$root/proc/self/mountinfo"
    printf '%s\n' "$part"
}

# Whether a file is on the file system of this UUID, as far as both are known.
on_file_system() {
    found=$(findmnt -n -o UUID --target "$1" 2>/dev/null) || found=
    [ -z "$2" ] || [ -z "$found" ] || [ "$2" = "$found" ]
}
