# SPDX-License-Identifier: MIT
# The hooks for kernels that come and go. Read by run.sh.
installed() { "$root/etc/kernel/postinst.d/zzz-swift-kexec" "$@" >"$root/output" 2>&1; }
removed() { "$root/etc/kernel/postrm.d/zzz-swift-kexec" "$@" >"$root/output" 2>&1; }
plugin() { "$root/usr/lib/kernel/install.d/95-swift-kexec.install" "$@" >"$root/output" 2>&1; }
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

test_kernel_install_gives_the_entrys_files_and_line() {
    settings PRELOAD_KEXEC=true
    entry=$root/boot/id/2
    mkdir -p "$entry" "$root/etc/kernel"
    : >"$entry/linux"
    : >"$entry/initrd.img-2"
    echo 'root=LABEL=x' >"$root/etc/kernel/cmdline"
    KERNEL_INSTALL_LAYOUT=bls succeeds plugin add 2 "$entry" /usr/lib/modules/2/vmlinuz /tmp/staged
    called 'kexec -l ROOT/boot/id/2/linux --append=root=LABEL=x --initrd=ROOT/boot/id/2/initrd.img-2'
}

test_kernel_install_gives_what_it_was_given_for_other_layouts() {
    settings PRELOAD_KEXEC=true
    KERNEL_INSTALL_LAYOUT=other succeeds plugin add 2 /boot/id/2 /usr/lib/modules/2/vmlinuz /a '/b c'
    called 'kexec -l /usr/lib/modules/2/vmlinuz --append=root=/dev/vda1 ro quiet --initrd=/a --initrd=/b c'
}

test_kernel_install_leaves_dpkgs_kernels_to_dpkgs_hook() {
    settings PRELOAD_KEXEC=true
    DEB_MAINT_PARAMS=configure succeeds plugin add 2 /boot/id/2 /k
    called
}
