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
    [ -z "$(ls "$root/run/swift-kexec")" ] || bad "left $(ls "$root/run/swift-kexec")"
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
