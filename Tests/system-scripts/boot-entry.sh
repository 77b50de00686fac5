# SPDX-License-Identifier: MIT
# GRUB's default entry, in menus of Tests/Fixtures/grub. Read by run.sh.
old='kexec -l ROOT/boot/vmlinuz-6.1.0-17-amd64 --append=root=UUID=1111 ro quiet "dyndbg=file x +p" --initrd=ROOT/boot/initrd.img-6.1.0-17-amd64'
first='kexec -l ROOT/boot/vmlinuz-6.1.0-18-amd64 --append=root=UUID=1111 ro quiet "dyndbg=file x +p" skew_tick=1 --initrd=ROOT/boot/intel-ucode.img --initrd=ROOT/boot/initrd.img-6.1.0-18-amd64'
advanced='kexec -l ROOT/boot/vmlinuz-6.1.0-18-amd64 --append=root=UUID=1111 ro quiet --initrd=ROOT/boot/initrd.img-6.1.0-18-amd64'
fallback='kexec -l ROOT/vmlinuz --append=root=/dev/vda1 ro quiet --initrd=ROOT/initrd.img'

# entry MENU DEFAULT: sets the machine up.
entry() {
    : >"$root/log"
    settings KEXEC_KERNEL=boot-entry
    kernels 6.1.0-17-amd64 6.1.0-18-amd64 1
    configured
    : >"$root/boot/intel-ucode.img"
    menu "$1" "$2"
}

# chooses CALL MENU DEFAULT
chooses() {
    entry "$2" "$3"
    succeeds load
    called "$1"
}

# gives_up REASON DEFAULT
gives_up() {
    chooses "$fallback" debian "$2"
    says "not taking GRUB's default entry: "
    says "$1"
}

test_grub_default_by_number() {
    chooses "$first" debian 0
    chooses "$old" debian '1>2'
}

test_grub_default_by_title() {
    chooses "$first" debian 'Debian GNU/Linux'
    chooses "$advanced" debian 'Advanced options for Debian GNU/Linux>Debian GNU/Linux, with Linux 6.1.0-18-amd64'
    # ">>" is a ">" of a title, quotes are not part of one.
    chooses "$old" debian '1>It'"'"'s \\"old\\" >> older'
}

test_grub_default_by_identifier() {
    chooses "$first" debian gnulinux-simple-1111
    chooses "$old" debian 'gnulinux-advanced-1111>old'
}

test_grub_default_that_is_a_submenu_means_its_first_entry() { chooses "$advanced" debian 1; }

test_grub_default_that_is_gone_means_the_first_entry() {
    chooses "$first" debian 'gnulinux-advanced-9999>gone'
    says 'GRUB takes the first one'
    chooses "$first" debian 77
}

test_grub_default_as_saved() {
    entry debian '${saved_entry}'
    printf '# GRUB Environment Block\nsaved_entry=gnulinux-advanced-1111>old\n####' >"$root/boot/grub/grubenv"
    succeeds load
    called "$old"
    : >"$root/log"
    printf '# GRUB Environment Block\n####' >"$root/boot/grub/grubenv"
    succeeds load
    called "$first"
}

test_grub_default_counts_for_use_grub_config_as_well() {
    entry debian 0
    settings USE_GRUB_CONFIG=true
    succeeds load
    called "$first"
}

test_grubs_own_variables_are_not_guessed() {
    gives_up "has the variable 'nowhere', whose value only GRUB knows" unknown
    gives_up "has the variable 'foo', whose value only GRUB knows" '${foo}'
    gives_up "has the variable 'twice', whose value only GRUB knows" two
}

test_grubs_conditions_are_not_guessed() {
    gives_up "has 'linux' or 'initrd' commands under a condition" branches
    gives_up 'are there under a condition only' 8
    gives_up 'is there under a condition only' uefi-firmware
}

# declines REASON LINE...: a menu of these lines.
declines() {
    reason=$1
    shift
    entry debian 0
    printf '%s\n' "$@" >"$root/boot/grub/grub.cfg"
    succeeds load
    called "$fallback"
    says "$reason"
}
good="menuentry one { linux /boot/vmlinuz-1 a; initrd /boot/initrd.img-1; }"
other="menuentry two { linux /boot/vmlinuz-6.1.0-17-amd64 b; }"

test_a_default_that_is_set_under_a_condition_only_is_not_taken() {
    reason='the default entry is set under a condition'
    declines "$reason" 'if [ -s x ]; then set default=1; fi' "$good" "$other"
    declines "$reason" 'set default=0' 'if [ -s x ]; then' 'set default=1' 'fi' "$good" "$other"
    declines "$reason" 'if [ -s x ]; then set default=0; else set default=1; fi' "$good" "$other"
    declines "$reason" 'if [ -s x ]; then' 'if [ "$next_entry" ]; then set default="$next_entry"; else set default=1; fi' \
        'fi' "$good" "$other"
    # Not GRUB's own "one boot or the default": two conditions decide.
    declines "$reason" 'if [ "$next_entry" ]; then set default="$next_entry"; elif [ -s x ]; then set default=1; fi' \
        "$good" "$other"
}

test_a_default_that_is_the_same_under_a_condition_is_taken() {
    entry debian 0
    printf '%s\n' 'set default=two' 'if [ -s x ]; then set default=two; fi' "$good" "$other" >"$root/boot/grub/grub.cfg"
    succeeds load
    called 'kexec -l ROOT/boot/vmlinuz-6.1.0-17-amd64 --append=b'
    : >"$root/log"
    printf '%s\n' 'if [ -s x ]; then set default=one; fi' 'set default=two' "$good" "$other" >"$root/boot/grub/grub.cfg"
    succeeds load
    called 'kexec -l ROOT/boot/vmlinuz-6.1.0-17-amd64 --append=b'
}

test_a_kernel_or_initrd_under_a_condition_only_is_not_taken() {
    reason="has 'linux' or 'initrd' commands under a condition"
    declines "$reason" 'menuentry one {' 'if [ -s x ]; then' 'linux /boot/vmlinuz-1' 'fi' '}'
    declines "$reason" 'menuentry one {' 'linux /boot/vmlinuz-1' 'if [ -s x ]; then initrd /boot/initrd.img-1; fi' '}'
}

test_a_variable_that_is_set_under_a_condition_only_is_not_taken() {
    declines "has the variable 'extra', whose value only GRUB knows" 'if [ -s x ]; then set extra=debug; fi' \
        'menuentry one { linux /boot/vmlinuz-1 $extra; }'
}

test_an_entry_that_is_there_under_a_condition_only_is_not_taken_by_its_name_either() {
    reason="the entry 'one' is there under a condition only"
    declines "$reason" 'set default=one' 'if [ -s x ]; then' "$good" 'fi' "$other"
    declines "$reason" 'set default=one' 'if [ -s x ]; then' \
        'menuentry x --id one { linux /boot/vmlinuz-6.1.0-17-amd64 a; }' 'fi' "$other"
}

test_a_variable_that_an_entry_sets_is_not_taken() {
    reason="has the variable 'extra', whose value only GRUB knows"
    for assignment in 'set extra=b' 'extra=b' 'if [ -s x ]; then set extra=b; fi'; do
        declines "$reason" 'set extra=a' 'menuentry one {' "$assignment" 'linux /boot/vmlinuz-6.1.0-17-amd64 $extra' '}'
    done
}

test_an_entry_that_looks_for_two_file_systems_is_not_taken() {
    kernel='linux /boot/vmlinuz-6.1.0-17-amd64 b'
    for other_search in 'search --fs-uuid --set=root 2' 'if [ -s x ]; then search --fs-uuid --set=root 2; fi'; do
        declines "'one' looks for several file systems" 'menuentry one {' 'search --fs-uuid --set=root 1' "$other_search" "$kernel" '}'
    done
    entry debian 0
    printf '%s\n' 'menuentry one {' 'set root=hd0,msdos1' 'if [ x$feature_platform_search_hint = xy ]; then' \
        'search --no-floppy --fs-uuid --set=root --hint-bios=hd0,msdos1 --hint hd0 1' 'else' 'search --no-floppy --fs-uuid --set=root 1' \
        'fi' "$kernel" '}' >"$root/boot/grub/grub.cfg"
    succeeds load
    called 'kexec -l ROOT/boot/vmlinuz-6.1.0-17-amd64 --append=b'
}

test_entries_that_start_no_linux_are_not_taken() {
    gives_up "starts no Linux kernel but has 'multiboot2'" xen
    declines "starts no Linux kernel but has 'fwsetup'" 'menuentry one {' fwsetup '}'
}

test_entries_whose_files_are_not_here_are_not_taken() { gives_up "which is not here" gone-files; }

test_finds_files_on_a_separate_boot_and_in_a_subvolume() {
    chooses 'kexec -l ROOT/boot/vmlinuz-1 --append=root=/dev/mapper/vg-root ro --initrd=ROOT/boot/initrd.img-1' separate-boot 0
    chooses "$fallback" separate-boot subvolume
    says 'which is not here'
    mounted '/@rootfs/boot /' '/@rootfs /home' '/@rootfs / - btrfs'
    chooses 'kexec -l ROOT/boot/vmlinuz-1 --append=root=/dev/vda1 rootflags=subvol=@rootfs --initrd=ROOT/boot/initrd.img-1' \
        separate-boot subvolume
}

# mounted 'FOLDER MOUNT'...: /proc/self/mountinfo
mounted() {
    mkdir -p "$root/proc/self"
    for pair; do printf '36 35 0:42 %s rw,relatime shared:1 - ext4 /dev/vda1 rw\n' "$pair"; done >"$root/proc/self/mountinfo"
}

test_only_what_is_mounted_is_taken_off_a_name() {
    mkdir -p "$root/home/user"
    for file in vmlinuz initrd; do : >"$root/home/user/$file"; done
    for folders in '' '/ /' '/other/home /home' '/oth /' '/other/home/user/vmlinuz /'; do
        # shellcheck disable=SC2086
        mounted ${folders:+"$folders"}
        entry debian 0
        printf '%s\n' 'menuentry a {' 'linux /other/home/user/vmlinuz' 'initrd /other/home/user/initrd' '}' >"$root/boot/grub/grub.cfg"
        succeeds load
        called "$fallback"
        says "'/other/home/user/initrd', which is not here"
    done
}

test_a_control_character_in_an_entry_adds_nothing_to_it() {
    evil=$(printf '\ninitrd /evil')
    for text in "menuentry 'a$evil' {
linux /boot/vmlinuz-1
}" "menuentry a {
linux /boot/vmlinuz-1 'x$evil'
}" "menuentry a {
linux '/boot/vmlinuz-1$evil'
}" "menuentry a {
linux /boot/vmlinuz-1
initrd '/boot/initrd.img-1$evil'
}" "menuentry a {
search --set=root '1$evil'
linux /boot/vmlinuz-1
}" "set default='gone$evil'
menuentry a {
linux /boot/vmlinuz-1
}" "menuentry 'a$evil' {
multiboot /x
}" "$(printf 'menuentry a {\nlinux /boot/vmlinuz-1 "a\033[31mb"\n}')" "$(printf 'menuentry a {\nlinux /boot/vmlinuz-1 "a\177"\n}')"; do
        entry debian 0
        : >"$root/evil"
        printf '%s\n' "$text" >"$root/boot/grub/grub.cfg"
        succeeds load
        called "$fallback"
        says "not taking GRUB's default entry"
        [ "$(grep -c . "$root/output")" = 2 ] || bad "says $(cat "$root/output")"
    done
}

test_a_title_does_nothing_to_the_terminal() {
    entry debian 0
    printf 'menuentry "a\\033[31mb \342\200\256\302\233\330\234\342\200\250 Übersicht \\\\007" {\nmultiboot /x\n}\n' >"$root/boot/grub/grub.cfg"
    succeeds load
    says "'a\\033[31mb ???? Übersicht"
    ! LC_ALL=C tr -d '\012\040-\176\200-\377' <"$root/output" | LC_ALL=C grep -q . || bad 'a control character came through'
}

test_an_entry_of_another_file_system_is_not_taken() {
    stand_in findmnt 0 2222
    chooses 'kexec -l ROOT/boot/vmlinuz-1 --append=root=/dev/mapper/vg-root ro --initrd=ROOT/boot/initrd.img-1' separate-boot 0
    stand_in findmnt 0 3333
    chooses "$fallback" separate-boot 0
    says 'is on the file system 2222'
}

test_a_menu_that_is_missing_or_broken_is_not_taken() {
    entry debian 0
    rm "$root/boot/grub/grub.cfg"
    succeeds load
    called "$fallback"
    for text in '' "menuentry 'open" 'set default=0' '}}}' 'submenu x {' 'menuentry a {' '${' 'blscfg'; do
        entry debian 0
        printf '%s\n' "$text" >"$root/boot/grub/grub.cfg"
        succeeds load
        called "$fallback"
        says "not taking GRUB's default entry"
    done
}
