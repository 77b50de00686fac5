# SPDX-License-Identifier: MIT
# kexec-load-kernel, without GRUB. Read by run.sh.
line='--append=root=/dev/vda1 ro quiet'

test_loads_the_configured_kernel_with_the_running_line() {
    configured
    succeeds load
    called "kexec -l ROOT/vmlinuz $line --initrd=ROOT/initrd.img"
    [ "$(awk '{ print $1, $3 }' "$root/run/swift-kexec/loaded")" = "file $root/vmlinuz
file-at $root/vmlinuz
file $root/initrd.img
file-at $root/initrd.img
version " ] || bad "noted $(cat "$root/run/swift-kexec/loaded")"
}

test_reads_the_files_of_kexec_tools() {
    : >"$root/boot/k"
    settings 'LOAD_KEXEC=true' 'KERNEL_IMAGE="/boot/k"' 'INITRD=""' 'APPEND="a  b"' 'USE_GRUB_CONFIG=false'
    succeeds load
    called 'kexec -l ROOT/boot/k --append=a  b'
}

test_later_files_of_the_folder_win_and_leftovers_do_not_count() {
    configured
    settings 'APPEND=first'
    echo 'APPEND=second' >"$root/etc/default/kexec.d/10-a"
    printf '%s\n' APPEND=third '[ -n "" ] && APPEND=never' >"$root/etc/default/kexec.d/20-b"
    echo 'APPEND=left' >"$root/etc/default/kexec.d/30-c.dpkg-old"
    succeeds load
    called 'kexec -l ROOT/vmlinuz --append=third --initrd=ROOT/initrd.img'
}

test_takes_no_setting_from_the_environment() {
    configured
    APPEND=evil KERNEL_IMAGE=/evil KEXEC_OPTIONS=--evil succeeds load
    called "kexec -l ROOT/vmlinuz $line --initrd=ROOT/initrd.img"
}

test_refuses_settings_that_no_shell_can_read() {
    configured
    settings 'APPEND="open'
    fails load
    says 'cannot read the settings'
    called
}

test_refuses_a_word_that_is_no_choice() {
    configured
    settings 'KEXEC_KERNEL=newset'
    fails load
    says "KEXEC_KERNEL is 'newset'"
    called
}

test_names_a_configured_file_that_is_missing() {
    settings 'KERNEL_IMAGE=/boot/gone'
    fails load
    says "boot/gone': it does not exist; KERNEL_IMAGE"
    : >"$root/boot/gone"
    fails load
    says "initrd.img': it does not exist; INITRD"
    called
}

test_finds_the_links_in_boot() {
    kernels 1
    ln -s vmlinuz-1 "$root/boot/vmlinuz"
    ln -s initrd.img-1 "$root/boot/initrd.img"
    succeeds load
    called "kexec -l ROOT/boot/vmlinuz $line --initrd=ROOT/boot/initrd.img"
}

test_without_links_takes_the_newest_and_says_so() {
    kernels 1 2
    succeeds load
    says 'taking the newest'
    called "kexec -l ROOT/boot/vmlinuz-2 $line --initrd=ROOT/boot/initrd.img-2"
}

test_newest_is_by_version_not_by_letters() {
    kernels 6.1.0-9-amd64 6.1.0-10-amd64 6.12~rc1-amd64
    settings 'KEXEC_KERNEL=newest'
    succeeds load
    called "kexec -l ROOT/boot/vmlinuz-6.12~rc1-amd64 $line --initrd=ROOT/boot/initrd.img-6.12~rc1-amd64"
}

test_newest_passes_over_a_kernel_whose_initrd_is_not_made_yet() {
    kernels 1
    : >"$root/boot/vmlinuz-2"
    : >"$root/boot/vmlinuz-3.dpkg-new"
    settings 'KEXEC_KERNEL=newest'
    succeeds load
    says 'passing over'
    called "kexec -l ROOT/boot/vmlinuz-1 $line --initrd=ROOT/boot/initrd.img-1"
}

test_newest_goes_without_initrd_where_there_are_none() {
    : >"$root/boot/vmlinuz-2"
    settings 'KEXEC_KERNEL=newest'
    succeeds load
    called "kexec -l ROOT/boot/vmlinuz-2 $line"
}

test_says_that_there_is_no_kernel() {
    settings 'KEXEC_KERNEL=newest'
    fails load
    says 'there is none in'
    called
}

test_running_line_loses_only_what_the_loader_put_there() {
    configured
    printf '%s\n' 'BOOT_IMAGE=(hd0)/x initrd=\a\b root=UUID=1  x="a initrd=b" noinitrd=1 "dyndbg=file a +p"' >"$root/proc/cmdline"
    succeeds load
    called 'kexec -l ROOT/vmlinuz --append=root=UUID=1 x="a initrd=b" noinitrd=1 "dyndbg=file a +p" --initrd=ROOT/initrd.img'
}

test_running_line_is_bytes_and_loses_what_belongs_to_a_crash_kernel() {
    configured
    printf 'elfcorehdr=0x21000000 a=\351\377 voil\303\240\vkexec_jump_back_entry=0x1 b\n' >"$root/proc/cmdline"
    succeeds load
    called "$(printf 'kexec -l ROOT/vmlinuz --append=a=\351\377 voil\303\240 b --initrd=ROOT/initrd.img')"
}

test_passes_on_options_split_at_blanks() {
    configured
    settings 'KEXEC_OPTIONS="--fast  --decompress=*"'
    succeeds load
    called "kexec --fast --decompress=* -l ROOT/vmlinuz $line --initrd=ROOT/initrd.img"
}

test_a_refused_load_fails_and_leaves_no_note() {
    configured
    stand_in kexec 7
    fails load
    says 'kexec ended with status 7'
    [ ! -e "$root/run/swift-kexec/loaded" ] || bad 'noted it all the same'
}

test_a_note_that_cannot_be_written_is_none() {
    configured
    mkdir -p "$root/run/swift-kexec"
    for file in loaded loaded.new; do ln -s /dev/full "$root/run/swift-kexec/$file"; done
    succeeds load
    says 'cannot note it'
    [ "$(ls "$root/run/swift-kexec")" = lock ] || bad "left $(ls "$root/run/swift-kexec")"
    rm -r "$root/run/swift-kexec"
    : >"$root/run/swift-kexec"
    succeeds load
    says 'cannot note it'
    says "loaded '$root/vmlinuz'"
}

test_refuses_an_argument_of_two_lines() {
    fails load --kernel=/k "--append=a
argument --kernel=/evil"
    says usage
    called
}

test_prints_without_loading() {
    configured
    succeeds load --print
    says "$line"
    called
}

test_takes_files_by_name() {
    succeeds load --kernel=/k --initrd=/a --initrd='/b c' --append='x y'
    called 'kexec -l /k --append=x y --initrd=/a --initrd=/b c'
    fails load --initrd=/a
    says 'usage'
    fails load --bogus
}

test_prints_one_argument_to_a_line() {
    configured
    settings "APPEND='a	b'"
    fails load --print
    says 'an argument has a control character'
    succeeds load
    called 'kexec -l ROOT/vmlinuz --append=a	b --initrd=ROOT/initrd.img'
    : >"$root/log"
    settings "KERNEL_IMAGE='/boot/a	b'" INITRD=
    : >"$root/boot/a	b"
    fails load
    says 'a control character is in the name'
    called
}

# What the tests' user can give away only root can.
if [ "$(id -u)" = 0 ]; then can_give=true; else can_give=false; fi

# refuses PLACE WORDS: a load of what is configured, because of PLACE.
refuses() {
    : >"$root/log"
    fails load
    says "'$root$1'"
    says "$2"
    called
}

test_refuses_what_others_own_or_may_write() {
    kernels 1
    mkdir -p "$root/opt/k"
    ln -s ../../boot/vmlinuz-1 "$root/opt/k/current"
    ln -s opt/k/current "$root/vmlinuz"
    ln -s boot/initrd.img-1 "$root/initrd.img"
    chmod 755 "$root" "$root/boot" "$root/opt" "$root/opt/k"
    succeeds load
    for place in /boot/vmlinuz-1 /boot/initrd.img-1 /boot /opt/k /opt; do
        before=$(stat -c %a "$root$place")
        chmod o+w "$root$place"
        refuses "$place" 'others may write'
        says 'chmod go-w'
        chmod "$before" "$root$place"
        $can_give || continue
        chmod g+w "$root$place"
        chgrp 65534 "$root$place"
        refuses "$place" 'group 65534 may write'
        chgrp 0 "$root$place"
        : >"$root/log"
        succeeds load
        chmod "$before" "$root$place"
        chown 65534 "$root$place"
        refuses "$place" 'belongs to user 65534'
        says 'kexec -l'
        chown 0 "$root$place"
    done
    ! $can_give || for place in /vmlinuz /opt/k/current /initrd.img; do
        chown -h 65534 "$root$place"
        refuses "$place" 'belongs to user 65534'
        chown -h 0 "$root$place"
    done
    : >"$root/log"
    succeeds load
    called "kexec -l ROOT/vmlinuz $line --initrd=ROOT/initrd.img"
}

test_takes_of_a_folder_for_all_only_what_kernel_install_stages() {
    mkdir -p "$root/tmp/staged"
    chmod 755 "$root/tmp/staged"
    chmod 1777 "$root/tmp"
    : >"$root/tmp/staged/k"
    : >"$root/tmp/k"
    fails load --kernel="$root/tmp/staged/k"
    says "others may write to '$root/tmp' (mode 1777)"
    says 'move the file elsewhere'
    export KERNEL_INSTALL_STAGING_AREA="$root/tmp/staged"
    succeeds load --kernel="$root/tmp/staged/k"
    fails load --kernel="$root/tmp/k"
    chmod 1777 "$root/tmp/staged"
    fails load --kernel="$root/tmp/staged/k"
    chmod 755 "$root/tmp/staged"
    export KERNEL_INSTALL_STAGING_AREA="$root/tmp/gone"
    fails load --kernel="$root/tmp/gone/k"
    says 'anybody may make it'
    export KERNEL_INSTALL_STAGING_AREA="$root/tmp/staged"
    chmod 777 "$root/tmp"
    fails load --kernel="$root/tmp/staged/k"
    says 'others may write'
    says 'chmod go-w'
    unset KERNEL_INSTALL_STAGING_AREA
    ln -s k "$root/loop"
    ln -s loop "$root/k"
    fails load --kernel="$root/k"
}

test_two_loads_at_once_come_one_after_the_other() {
    kernels 1 2
    ln -sf "$(command -v sleep)" "$root/bin/sleep"
    printf '#!/bin/sh\necho "begin $3" >>"%s/log"\n[ ! -e /proc/$$/fd/9 ] || echo leaked >>"%s/log"\nsleep 1\necho "end $3" >>"%s/log"\n' \
        "$root" "$root" "$root" >"$root/bin/kexec"
    sed -i 's/\$3/$2/g' "$root/bin/kexec"
    "$root/usr/sbin/kexec-load-kernel" --kernel="$root/boot/vmlinuz-1" >"$root/one" 2>&1 &
    first=$!
    "$root/usr/sbin/kexec-load-kernel" --kernel="$root/boot/vmlinuz-2" >"$root/two" 2>&1 &
    wait $first || bad "failed: $(cat "$root/one")"
    wait $! || bad "failed: $(cat "$root/two")"
    order=$(sed -e 's/ .*//' "$root/log" | tr '\n' ' ')
    [ "$order" = 'begin end begin end ' ] || bad "called: $(cat "$root/log")"
    last=$(sed -n 's/^end //p' "$root/log" | tail -n 1)
    grep -qF "$last" "$root/run/swift-kexec/loaded" || bad "the note is not that of the last load"
    cat "$root/one" "$root/two" >"$root/output"
    says 'waiting for another load to end'
}

test_a_load_waits_half_a_minute_for_another() {
    configured
    mkdir -p "$root/run/swift-kexec"
    : >"$root/run/swift-kexec/lock"
    exec 8>>"$root/run/swift-kexec/lock"
    flock -n 8
    status=0
    load || status=$?
    [ $status = 10 ] || bad "ended with status $status"
    says 'for more than 30 seconds'
    called
    [ "$(grep -c '^sleep 1' "$root/log")" = 30 ] || bad "slept $(grep -c '^sleep' "$root/log") times"
    succeeds load --print
    loaded
    echo 'file x /k' >"$root/run/swift-kexec/loaded"
    status=0
    "$root/usr/lib/swift-kexec/kernel-changed" removed >"$root/output" 2>&1 8>&-
    called
    exec 8>&-
}

test_writes_into_no_folder_of_others() {
    configured
    mkdir -p "$root/run/swift-kexec"
    for mode in 777 1777 775; do
        : >"$root/log"
        chmod $mode "$root/run/swift-kexec"
        succeeds load
        says 'cannot note it'
        [ -z "$(ls "$root/run/swift-kexec")" ] || bad "wrote $(ls "$root/run/swift-kexec")"
    done
    rm -r "$root/run/swift-kexec"
    mkdir "$root/victim"
    ln -s ../victim "$root/run/swift-kexec"
    succeeds load
    [ -z "$(ls "$root/victim")" ] || bad 'followed a link'
}

test_what_is_noted_is_for_root_alone() {
    configured
    succeeds load
    [ "$(stat -c %a "$root/run/swift-kexec/loaded")" = 600 ] || bad "$(ls -l "$root/run/swift-kexec")"
    [ "$(stat -c %a "$root/run/swift-kexec")" = 700 ] || bad 'others may look at the folder'
}
