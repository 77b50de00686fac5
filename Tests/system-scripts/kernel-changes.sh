# SPDX-License-Identifier: MIT
# The hooks for kernels that come and go. Read by run.sh.
installed() { "$root/etc/kernel/postinst.d/zzz-swift-kexec" "$@" >"$root/output" 2>&1; }
removed() { "$root/etc/kernel/postrm.d/zzz-swift-kexec" "$@" >"$root/output" 2>&1; }
plugin() { "$root/usr/lib/kernel/install.d/99-swift-kexec.install" "$@" >"$root/output" 2>&1; }
newest="--append=root=/dev/vda1 ro quiet"

test_an_installation_loads_nothing_by_default() {
    kernels 1
    succeeds installed 1 /boot/vmlinuz-1
    succeeds plugin add 1 "$root/boot/x" "$root/boot/vmlinuz-1"
    called
    says_nothing
}

test_an_installation_preloads_what_is_chosen() {
    kernels 1 2
    settings PRELOAD_KEXEC=true KEXEC_KERNEL=newest
    succeeds installed 2 /boot/vmlinuz-2
    called "kexec -l ROOT/boot/vmlinuz-2 $newest --initrd=ROOT/boot/initrd.img-2"
}

test_an_installation_leaves_what_was_loaded_by_hand() {
    kernels 1
    settings PRELOAD_KEXEC=true KEXEC_KERNEL=newest
    loaded
    succeeds installed 1 /boot/vmlinuz-1
    says 'what was loaded by hand stays loaded'
    succeeds plugin add 1 "$root/boot/x" "$root/boot/vmlinuz-1" "$root/boot/initrd.img-1"
    called
}

test_an_installation_replaces_what_was_preloaded() {
    kernels 1
    settings PRELOAD_KEXEC=true KEXEC_KERNEL=newest
    succeeds installed 1 /boot/vmlinuz-1
    loaded
    kernels 2
    : >"$root/log"
    succeeds installed 2 /boot/vmlinuz-2
    called "kexec -l ROOT/boot/vmlinuz-2 $newest --initrd=ROOT/boot/initrd.img-2"
}

test_a_failed_preload_breaks_no_installation() {
    kernels 1
    settings PRELOAD_KEXEC=true
    stand_in kexec 5
    succeeds installed 1 /boot/vmlinuz-1
    says 'kexec ended with status 5'
    settings 'PRELOAD_KEXEC="true'
    succeeds installed 1 /boot/vmlinuz-1
    rm -r "$root/usr/lib/swift-kexec"
    succeeds installed 1 /boot/vmlinuz-1
    succeeds plugin add 1 /x /y
}

test_nothing_is_loaded_in_a_chroot() {
    kernels 1
    settings PRELOAD_KEXEC=true
    stand_in ischroot 0
    succeeds installed 1 /boot/vmlinuz-1
    stand_in ischroot 1
    stand_in systemd-detect-virt 0
    succeeds installed 1 /boot/vmlinuz-1
    called
}

test_a_removed_kernel_is_unloaded() {
    kernels 1 2
    settings KEXEC_KERNEL=newest
    succeeds load
    : >"$root/log"
    rm "$root/boot/vmlinuz-2"
    succeeds removed 2 /boot/vmlinuz-2
    called
    loaded
    succeeds removed 2 /boot/vmlinuz-2
    called 'kexec -u'
}

test_a_removed_kernel_is_replaced_where_kernels_are_preloaded() {
    kernels 1 2
    settings KEXEC_KERNEL=newest PRELOAD_KEXEC=true
    succeeds load
    : >"$root/log"
    loaded
    rm "$root/boot/vmlinuz-2" "$root/boot/initrd.img-2"
    succeeds removed 2 /boot/vmlinuz-2
    called "kexec -l ROOT/boot/vmlinuz-1 $newest --initrd=ROOT/boot/initrd.img-1"
    : >"$root/log"
    rm "$root/boot/vmlinuz-1" "$root/boot/initrd.img-1"
    succeeds removed 1 /boot/vmlinuz-1
    called 'kexec -u'
}

test_a_removed_kernel_is_unloaded_though_its_link_leads_to_another_one() {
    kernels 1 2
    ln -s boot/vmlinuz-2 "$root/vmlinuz"
    ln -s boot/initrd.img-2 "$root/initrd.img"
    succeeds load
    : >"$root/log"
    loaded
    rm "$root/boot/vmlinuz-2"
    ln -sf boot/vmlinuz-1 "$root/vmlinuz"
    succeeds removed 2 /boot/vmlinuz-2
    called 'kexec -u'
}

test_another_kernels_removal_leaves_the_loaded_one() {
    kernels 1 2
    settings KEXEC_KERNEL=newest
    succeeds load
    : >"$root/log"
    loaded
    rm "$root/boot/vmlinuz-1"
    succeeds removed 1 /boot/vmlinuz-1
    called
}

# What kernel-install tells its plugins, for a boot partition of its own.
kernel_install() {
    export KERNEL_INSTALL_LAYOUT=$1 KERNEL_INSTALL_BOOT_ROOT="$root/efi" KERNEL_INSTALL_ENTRY_TOKEN=id \
        KERNEL_INSTALL_STAGING_AREA="$root/staged"
    mkdir -p "$root/efi/loader/entries" "$root/efi/id/2" "$root/staged" "$root/etc/kernel"
    shift
    succeeds plugin add "${version:=2}" "$root/efi/id/$version" "$root/k" "$@"
    unset version KERNEL_INSTALL_LAYOUT KERNEL_INSTALL_BOOT_ROOT KERNEL_INSTALL_ENTRY_TOKEN KERNEL_INSTALL_STAGING_AREA
}

# loader_entry NAME LINE...
loader_entry() {
    file=$root/efi/loader/entries/$1
    shift
    mkdir -p "$root/efi/loader/entries" && printf '%s\n' 'title Debian' 'version 2' "$@" >"$file"
}

test_kernel_install_gives_the_boot_entrys_files_and_line() {
    settings PRELOAD_KEXEC=true
    loader_entry id-2.conf 'options    root=LABEL=x  ro' 'options quiet' 'linux      /id/2/linux' 'initrd     /id/2/microcode' \
        'initrd     /id/2/initrd.img-2'
    kernel_install bls /tmp/given
    called 'kexec -l ROOT/efi/id/2/linux --append=root=LABEL=x  ro quiet --initrd=ROOT/efi/id/2/microcode --initrd=ROOT/efi/id/2/initrd.img-2'
}

test_kernel_install_finds_an_entry_that_counts_its_tries() {
    settings PRELOAD_KEXEC=true
    loader_entry id-2+3.conf 'linux /id/2/linux' 'options a'
    kernel_install bls
    called 'kexec -l ROOT/efi/id/2/linux --append=a'
}

test_kernel_install_gives_what_it_was_given_for_other_layouts() {
    settings PRELOAD_KEXEC=true
    : >"$root/a"
    : >"$root/b c"
    echo 'root=LABEL=x' >"$root/etc/kernel/cmdline"
    kernel_install other "$root/a" "$root/b c"
    called 'kexec -l ROOT/k --append=root=LABEL=x --initrd=ROOT/a --initrd=ROOT/b c'
}

test_kernel_install_gives_what_other_plugins_have_made() {
    settings PRELOAD_KEXEC=true
    mkdir -p "$root/staged"
    : >"$root/staged/initrd"
    : >"$root/staged/microcode"
    for layout in uki other ''; do
        : >"$root/log"
        kernel_install "$layout"
        called "kexec -l ROOT/k $newest --initrd=ROOT/staged/microcode --initrd=ROOT/staged/initrd"
    done
    # They are gone after kernel-install, which does not mean that the kernel was removed.
    rm -r "$root/staged"
    : >"$root/k"
    : >"$root/log"
    loaded
    succeeds removed 1
    called
}

test_kernel_install_finds_initrds_where_they_are_made() {
    settings PRELOAD_KEXEC=true
    mkdir -p "$root/efi"
    for name in initrd-2 initramfs-2.img initrd.img-2; do
        : >"$root/log"
        : >"$root/efi/$name"
        kernel_install other
        called "kexec -l ROOT/k $newest --initrd=ROOT/efi/$name"
    done
}

test_kernel_install_loads_nothing_without_the_initrd_that_is_needed() {
    settings PRELOAD_KEXEC=true
    mkdir -p "$root/efi" "$root/staged"
    : >"$root/staged/microcode"
    : >"$root/efi/initrd.img-1"
    kernel_install other
    called
    says 'no initrd of 2 is here yet'
    rm "$root/efi/initrd.img-1"
    mkdir -p "$root/sys/kernel/boot_params"
    awk 'BEGIN { for (i = 0; i < 540; i++) printf "x"; printf "aaaa" }' >"$root/sys/kernel/boot_params/data"
    kernel_install other
    called
}

test_kernel_install_loads_without_initrd_where_none_is_used() {
    settings PRELOAD_KEXEC=true
    kernel_install other
    called "kexec -l ROOT/k $newest"
}

# preloads VERSION: has kernel-install tell of it, and the kernel be loaded where kexec was called.
preloads() {
    loader_entry "id-$1.conf" "linux /id/$1/linux" 'options a'
    mkdir -p "$root/efi/id/$1"
    : >"$root/efi/id/$1/linux"
    : >"$root/log"
    version=$1
    kernel_install bls
    loaded
}

test_kernel_install_replaces_no_newer_kernel_by_an_older_one() {
    settings PRELOAD_KEXEC=true
    preloads 6.1.0-10
    called 'kexec -l ROOT/efi/id/6.1.0-10/linux --append=a'
    preloads 6.1.0-9
    called
    says "'6.1.0-10' stays loaded"
    preloads 6.1.0-10
    called 'kexec -l ROOT/efi/id/6.1.0-10/linux --append=a'
    preloads 6.12
    called 'kexec -l ROOT/efi/id/6.12/linux --append=a'
    rm "$root/efi/id/6.12/linux"
    preloads 6.1.0-9
    called 'kexec -l ROOT/efi/id/6.1.0-9/linux --append=a'
}

test_kernel_install_knows_the_version_that_was_chosen_and_that_was_loaded_again() {
    settings PRELOAD_KEXEC=true
    kernels 6.12
    ln -s boot/vmlinuz-6.12 "$root/vmlinuz"
    ln -s boot/initrd.img-6.12 "$root/initrd.img"
    succeeds installed 6.12 /boot/vmlinuz-6.12
    loaded
    preloads 6.1
    called
    preloads 6.13
    echo new >"$root/efi/id/6.13/linux"
    kexecing
    succeeds at_shutdown stop
    preloads 6.12
    called
}

test_kernel_install_goes_by_the_settings_that_name_a_kernel() {
    kernels 6.1 6.12
    : >"$root/boot/k"
    for setting in KEXEC_KERNEL=newest KEXEC_KERNEL=configured KERNEL_IMAGE=/boot/k USE_GRUB_CONFIG=true; do
        settings PRELOAD_KEXEC=true 'INITRD=""' $setting
        preloads 6.1
        ! grep -qF -e /efi/ "$root/log" || bad "not by $setting: $(cat "$root/log")"
    done
    settings PRELOAD_KEXEC=true KEXEC_KERNEL=newest
    preloads 6.1
    called "kexec -l ROOT/boot/vmlinuz-6.12 $newest --initrd=ROOT/boot/initrd.img-6.12"
}

test_kernel_install_takes_no_entry_with_grubs_variables() {
    settings PRELOAD_KEXEC=true
    for entry_line in 'options $kernelopts' 'initrd /id/2/initrd $tuned_initrd'; do
        : >"$root/log"
        loader_entry id-2.conf 'linux /id/2/linux' "$entry_line"
        kernel_install other
        called "kexec -l ROOT/k $newest"
    done
    # In a title it does not matter.
    : >"$root/log"
    loader_entry id-2.conf 'title a $b' 'linux /id/2/linux' 'options a'
    kernel_install bls
    called 'kexec -l ROOT/efi/id/2/linux --append=a'
}

test_kernel_install_reads_an_entrys_last_line_without_its_end() {
    settings PRELOAD_KEXEC=true
    loader_entry id-2.conf 'linux /id/2/linux'
    printf 'options a  b' >>"$root/efi/loader/entries/id-2.conf"
    kernel_install bls
    called 'kexec -l ROOT/efi/id/2/linux --append=a  b'
}

test_kernel_install_takes_the_command_lines_characters_as_they_are() {
    settings PRELOAD_KEXEC=true
    mkdir -p "$root/etc/kernel"
    printf '%s\n' '-n a\tb * ' ' "c\\d"' >"$root/etc/kernel/cmdline"
    kernel_install other
    called 'kexec -l ROOT/k --append=-n a\tb * "c\\d"'
}

test_kernel_install_loads_nothing_without_a_command_line() {
    settings PRELOAD_KEXEC=true
    mkdir -p "$root/etc/kernel"
    echo >"$root/etc/kernel/cmdline"
    kernel_install other
    called
    says "not preloading '$root/k': there is no command line for it"
}

test_kernel_install_says_that_a_unified_image_is_not_preloaded() {
    export KERNEL_INSTALL_IMAGE_TYPE=uki
    : >"$root/boot/initrd.img-1"
    kernel_install uki
    says_nothing
    settings PRELOAD_KEXEC=true
    kernel_install uki
    called
    says 'it is a unified kernel image'
    unset KERNEL_INSTALL_IMAGE_TYPE
}

test_kernel_install_leaves_dpkgs_kernels_to_dpkgs_hook() {
    settings PRELOAD_KEXEC=true
    DEB_MAINT_PARAMS=configure succeeds plugin add 2 /boot/id/2 /k
    called
}
