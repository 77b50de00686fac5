# SPDX-License-Identifier: MIT
# at-shutdown, coldreboot and the scripts for sysvinit. Read by run.sh.
start_kexec='systemctl start --no-block --job-mode=replace-irreversibly kexec.target'
start_reboot='systemctl start --no-block --job-mode=replace-irreversibly reboot.target'
append='--append=root=/dev/vda1 ro quiet'
load_call="kexec -l ROOT/vmlinuz $append --initrd=ROOT/initrd.img"
rebooting() { jobs '11 sshd.service stop waiting' '12 reboot.target start waiting' '13 systemd-reboot.service start waiting'; }
kexecing() { jobs '12 kexec.target start waiting' '13 systemd-kexec.service start waiting'; }

test_a_reboot_is_left_alone_by_default() {
    configured
    rebooting
    succeeds at_shutdown stop
    called
    says_nothing
}

test_a_reboot_becomes_one_by_kexec() {
    configured
    settings LOAD_KEXEC=true
    rebooting
    succeeds at_shutdown stop
    called "$load_call" "$start_kexec" 'systemctl cancel 12' 'systemctl cancel 13'
}

test_what_is_loaded_already_stays_loaded() {
    settings LOAD_KEXEC=true
    rebooting
    loaded
    succeeds at_shutdown stop
    called "$start_kexec" 'systemctl cancel 12' 'systemctl cancel 13'
}

test_a_preloaded_kernel_is_started_by_every_reboot() {
    settings PRELOAD_KEXEC=true
    rebooting
    succeeds at_shutdown stop
    called
    loaded
    succeeds at_shutdown stop
    called "$start_kexec" 'systemctl cancel 12' 'systemctl cancel 13'
}

test_halt_and_a_stop_by_hand_load_nothing() {
    configured
    settings LOAD_KEXEC=true
    for queue in '1 poweroff.target start waiting' '1 halt.target start waiting' '1 kexec-load.service stop running' \
        '1 reboot.target stop waiting' 'No jobs running.' ''; do
        jobs "$queue"
        succeeds at_shutdown stop
    done
    called
}

test_a_kexec_that_is_under_way_is_left_alone() {
    configured
    settings LOAD_KEXEC=true
    kexecing
    loaded
    succeeds at_shutdown stop
    called
}

test_a_failed_load_goes_on_cold_by_default() {
    settings LOAD_KEXEC=true KERNEL_IMAGE=/gone
    rebooting
    succeeds at_shutdown stop
    says 'goes through the firmware'
    called
}

test_a_failed_load_calls_the_reboot_off_where_that_is_set() {
    settings LOAD_KEXEC=true KERNEL_IMAGE=/gone KEXEC_FAILURE=stop
    rebooting
    fails at_shutdown stop
    says 'called off'
    called 'systemctl cancel' \
        'systemctl start --no-block default.target kexec-load.service' \
        'systemctl start --no-block basic.target timers.target'
}

test_settings_that_cannot_be_read_leave_the_reboot_as_it_is() {
    settings 'LOAD_KEXEC="true'
    rebooting
    succeeds at_shutdown stop
    says 'cannot read the settings'
    called
}

test_the_file_opts_out_once() {
    configured
    settings LOAD_KEXEC=true
    rebooting
    : >"$root/no-kexec-reboot"
    succeeds at_shutdown stop
    called
    [ ! -e "$root/no-kexec-reboot" ] || bad 'the file is still there'
    succeeds at_shutdown stop
    called "$load_call" "$start_kexec" 'systemctl cancel 12' 'systemctl cancel 13'
}

test_the_file_turns_a_kexec_into_a_plain_reboot() {
    kexecing
    loaded
    : >"$root/no-kexec-reboot"
    succeeds at_shutdown stop
    called "$start_reboot" 'systemctl cancel 12' 'systemctl cancel 13'
}

test_the_file_outlives_a_shutdown_that_is_no_reboot() {
    jobs '1 poweroff.target start waiting'
    : >"$root/no-kexec-reboot"
    succeeds at_shutdown stop
    [ -e "$root/no-kexec-reboot" ] || bad 'the file is gone'
}

test_the_next_boot_removes_the_file_and_a_restart_does_not() {
    : >"$root/no-kexec-reboot"
    succeeds at_shutdown start
    [ ! -e "$root/no-kexec-reboot" ] || bad 'the file is still there'
    : >"$root/no-kexec-reboot"
    succeeds at_shutdown start
    [ -e "$root/no-kexec-reboot" ] || bad 'the file is gone'
}

test_a_preloaded_kernel_does_not_bypass_them_either() {
    settings PRELOAD_KEXEC=true
    kexecing
    loaded
    mkdir -p "$root/run/systemd"
    : >"$root/run/systemd/reboot-to-boot-loader-menu"
    succeeds at_shutdown stop
    called "$start_reboot" 'systemctl cancel 12' 'systemctl cancel 13'
}

test_a_cut_variable_of_the_firmware_asks_for_nothing() {
    configured
    settings LOAD_KEXEC=true
    rebooting
    mkdir -p "$root/sys/firmware/efi/efivars"
    : >"$root/sys/firmware/efi/efivars/OsIndications-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    succeeds at_shutdown stop
    says 'the reboot goes by kexec'
}

test_what_firmware_or_boot_loader_are_to_do_is_not_bypassed() {
    configured
    settings LOAD_KEXEC=true
    rebooting
    efi=$root/sys/firmware/efi/efivars
    mkdir -p "$efi"
    for file in "$root/run/systemd/reboot-param" "$root/run/systemd/reboot-to-boot-loader-menu" \
        "$efi/LoaderEntryOneShot-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"; do
        : >"$file"
        succeeds at_shutdown stop
        says 'something has been set'
        rm "$file"
    done
    printf '\007\000\000\000\001\000\000\000\000\000\000\000' >"$efi/OsIndications-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    succeeds at_shutdown stop
    says 'something has been set'
    printf '\007\000\000\000\004\000\000\000\000\000\000\000' >"$efi/OsIndications-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    printf 'saved_entry=x\nnext_entry=2\n' >"$root/boot/grub/grubenv"
    succeeds at_shutdown stop
    says 'something has been set'
    called
    printf 'saved_entry=x\nnext_entry=\n' >"$root/boot/grub/grubenv"
    succeeds at_shutdown stop
    called "$load_call" "$start_kexec" 'systemctl cancel 12' 'systemctl cancel 13'
}

test_where_systemd_refuses_the_reboot_goes_on() {
    configured
    settings LOAD_KEXEC=true
    rebooting
    echo start >"$root/refuse"
    succeeds at_shutdown stop
    says 'did not take'
    called "$load_call" "$start_kexec"
}

coldreboot() { "$root/usr/sbin/coldreboot" "$@" >"$root/output" 2>&1; }

test_coldreboot_unloads_and_reboots_past_kexec() {
    succeeds coldreboot --no-wall
    called 'kexec -u' 'systemctl reboot --no-wall'
    [ -e "$root/run/swift-kexec/coldreboot" ] || bad 'at-shutdown is not told'
    [ ! -e "$root/no-kexec-reboot" ] || bad 'leaves a file behind'
    configured
    settings LOAD_KEXEC=true
    rebooting
    : >"$root/log"
    succeeds at_shutdown stop
    called
    [ ! -e "$root/run/swift-kexec/coldreboot" ] || bad 'the next reboot would be cold as well'
}

test_coldreboot_tells_systemd_to_skip_kexec() {
    printf '#!/bin/sh\necho "$SYSTEMCTL_SKIP_AUTO_KEXEC" >>"%s/log"\n' "$root" >"$root/bin/systemctl"
    stand_in kexec 6
    succeeds coldreboot
    called 'kexec -u' 1
    says 'going on with the kernel loaded'
}

test_a_coldreboot_that_is_refused_leaves_nothing_behind() {
    echo reboot >"$root/refuse"
    fails coldreboot
    [ ! -e "$root/run/swift-kexec/coldreboot" ] || bad 'some later reboot would be cold'
    says 'a kernel that was loaded no longer is'
    stand_in kexec 6
    fails coldreboot
    ! grep -q 'no longer is' "$root/output" || bad 'says that it unloaded a kernel, and did not'
}

test_a_question_to_coldreboot_changes_nothing() {
    for question in --help --version; do
        : >"$root/log"
        succeeds coldreboot --no-wall $question
        called "systemctl reboot $question"
    done
    rm -r "$root/run/systemd"
    : >"$root/log"
    succeeds coldreboot --help
    called 'reboot --help'
    [ ! -e "$root/run/swift-kexec/coldreboot" ] || bad 'some later reboot would be cold'
}

test_coldreboot_uses_reboot_where_systemd_does_not_run() {
    rm -r "$root/run/systemd"
    succeeds coldreboot
    called 'kexec -u' 'reboot '
}

init() { script=$1 RUNLEVEL=$2 && shift 2 && RUNLEVEL=$RUNLEVEL "$root/etc/init.d/$script" "$@" >"$root/output" 2>&1; }

test_where_run_cannot_be_written_to_each_says_so_and_goes_on() {
    : >"$root/run/swift-kexec"
    : >"$root/no-kexec-reboot"
    succeeds at_shutdown start
    says 'cannot write'
    [ ! -e "$root/no-kexec-reboot" ] || bad 'the file of the boot before is still there'
    succeeds init kexec-load 2 start
    says 'cannot write'
    loaded
    : >"$root/no-kexec-reboot"
    succeeds init kexec-load 6 stop
    says "swift-kexec/cold': what is loaded still may be started"
    called 'kexec -u'
    fails coldreboot
    says 'cannot reboot through the firmware'
    called 'kexec -u'
}

test_sysvinit_unloads_before_it_says_so_in_a_file() {
    loaded
    : >"$root/no-kexec-reboot"
    printf '#!/bin/sh\nls "%s/run/swift-kexec" >"%s/seen"\n' "$root" "$root" >"$root/bin/kexec"
    mkdir -p "$root/run/swift-kexec"
    succeeds init kexec-load 6 stop
    ! grep -qx cold "$root/seen" || bad 'the file came first'
    [ -e "$root/run/swift-kexec/cold" ] || bad '/etc/init.d/kexec is not told'
}

test_sysvinit_loads_and_starts_in_runlevel_6_alone() {
    configured
    settings LOAD_KEXEC=true
    for level in 0 1 2; do succeeds init kexec-load $level stop; done
    called
    succeeds init kexec-load 6 stop
    called "$load_call"
    : >"$root/log"
    loaded
    succeeds init kexec-load 6 stop
    for level in 0 1 2; do succeeds init kexec $level stop; done
    called
    succeeds init kexec 6 stop
    called 'kexec -e'
}

test_sysvinit_starts_what_was_loaded_by_hand_and_nothing_else() {
    succeeds init kexec 6 stop
    called
    loaded
    succeeds init kexec-load 6 stop
    succeeds init kexec 6 stop
    called 'kexec -e'
}

test_sysvinit_does_not_bypass_what_firmware_or_boot_loader_are_to_do() {
    configured
    efi=$root/sys/firmware/efi/efivars
    mkdir -p "$efi"
    settings LOAD_KEXEC=true
    one_shot=$efi/LoaderEntryOneShot-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f
    : >"$one_shot"
    succeeds init kexec-load 6 stop
    says 'something has been set'
    rm "$one_shot"
    echo next_entry=2 >"$root/boot/grub/grubenv"
    succeeds init kexec-load 6 stop
    says 'something has been set'
    called 'kexec -u' 'kexec -u'
    # A load by hand is started all the same, as it is under systemd.
    settings LOAD_KEXEC=false
    rm -r "$root/run/swift-kexec"
    loaded
    : >"$root/log"
    succeeds init kexec-load 6 stop
    called
    settings PRELOAD_KEXEC=true
    succeeds init kexec-load 6 stop
    called 'kexec -u'
}

test_sysvinit_goes_cold_where_the_file_says_so() {
    settings LOAD_KEXEC=true
    configured
    loaded
    : >"$root/no-kexec-reboot"
    succeeds init kexec-load 6 stop
    called 'kexec -u'
    [ ! -e "$root/no-kexec-reboot" ] || bad 'the file is still there'
}

test_sysvinit_goes_cold_where_nothing_can_be_unloaded() {
    # As with kexec_load_disabled: what is loaded stays so, and could be started.
    loaded
    stand_in kexec 6
    for file in "$root/no-kexec-reboot" "$root/run/swift-kexec/coldreboot"; do
        mkdir -p "$root/run/swift-kexec"
        : >"$file"
        : >"$root/log"
        succeeds init kexec-load 6 stop
        says 'goes through the firmware'
        succeeds init kexec 6 stop
        called 'kexec -u'
        rm "$root/run/swift-kexec/cold"
    done
}

# preloaded: a kernel by kexec-load-kernel, whose initrd then changes.
preloaded() {
    configured
    succeeds load "$@"
    loaded
    : >"$root/log"
    echo new >"$root/initrd.img"
}

test_what_has_changed_since_it_was_loaded_is_loaded_again() {
    settings PRELOAD_KEXEC=true
    preloaded
    rebooting
    succeeds at_shutdown stop
    says "initrd.img' has changed"
    called "$load_call" "$start_kexec" 'systemctl cancel 12' 'systemctl cancel 13'
    : >"$root/log"
    succeeds at_shutdown stop
    called "$start_kexec" 'systemctl cancel 12' 'systemctl cancel 13'
}

test_what_has_changed_is_loaded_again_for_a_kexec_by_hand() {
    preloaded
    kexecing
    succeeds at_shutdown stop
    called "$load_call"
}

test_a_link_that_leads_elsewhere_is_a_change() {
    kernels 1 2
    ln -s boot/vmlinuz-1 "$root/vmlinuz"
    ln -s boot/initrd.img-1 "$root/initrd.img"
    succeeds load
    loaded
    : >"$root/log"
    ln -sf boot/vmlinuz-2 "$root/vmlinuz"
    kexecing
    succeeds at_shutdown stop
    called "$load_call"
}

test_another_default_entry_is_a_change() {
    entry debian 0
    succeeds load
    loaded
    : >"$root/log"
    menu debian '1>2'
    kexecing
    succeeds at_shutdown stop
    called "$old"
}

test_what_was_loaded_by_name_is_loaded_again_by_name() {
    : >"$root/k"
    preloaded --kernel="$root/k" --initrd="$root/initrd.img" --append='a  b'
    kexecing
    succeeds at_shutdown stop
    called 'kexec -l ROOT/k --append=a  b --initrd=ROOT/initrd.img'
}

test_the_arguments_blanks_outlive_a_load_again() {
    : >"$root/k"
    preloaded --kernel="$root/k" --initrd="$root/initrd.img" --append=' a  b '
    kexecing
    succeeds at_shutdown stop
    called 'kexec -l ROOT/k --append= a  b  --initrd=ROOT/initrd.img'
}

test_what_has_the_same_contents_has_not_changed() {
    kernels 1
    ln -s boot/vmlinuz-1 "$root/vmlinuz"
    ln -s boot/initrd.img-1 "$root/initrd.img"
    succeeds load
    loaded
    : >"$root/log"
    chmod 600 "$root/boot/vmlinuz-1"
    ln "$root/boot/vmlinuz-1" "$root/backup"
    cp -p "$root/boot/initrd.img-1" "$root/boot/copy"
    mv "$root/boot/copy" "$root/boot/initrd.img-1"
    kexecing
    succeeds at_shutdown stop
    called
}

test_an_empty_note_counts_as_none() {
    settings PRELOAD_KEXEC=true
    configured
    loaded
    mkdir -p "$root/run/swift-kexec"
    : >"$root/run/swift-kexec/loaded"
    succeeds installed 1 /boot/vmlinuz-1
    says 'what was loaded by hand stays loaded'
    called
}

test_a_file_that_is_gone_since_changes_nothing() {
    preloaded
    rm "$root/initrd.img" "$root/vmlinuz"
    kexecing
    succeeds at_shutdown stop
    called
}

test_a_load_by_hand_is_left_alone() {
    settings PRELOAD_KEXEC=true
    preloaded
    # As kexec does.
    rm "$root/run/swift-kexec/loaded"
    kexecing
    succeeds at_shutdown stop
    called
}

test_what_cannot_be_loaded_again_is_not_started() {
    preloaded
    stand_in kexec 7
    kexecing
    succeeds at_shutdown stop
    says 'goes through the firmware'
    called "$load_call" 'kexec -u' "$start_reboot" 'systemctl cancel 12' 'systemctl cancel 13'
}

test_what_cannot_be_loaded_again_calls_the_reboot_off_where_that_is_set() {
    settings LOAD_KEXEC=true KEXEC_FAILURE=stop
    preloaded
    stand_in kexec 7
    rebooting
    fails at_shutdown stop
    says 'called off'
}

test_sysvinit_loads_again_what_has_changed() {
    preloaded
    succeeds init kexec-load 6 stop
    called "$load_call"
    succeeds init kexec 6 stop
    called "$load_call" 'kexec -e'
}

test_sysvinit_does_not_start_what_cannot_be_loaded_again() {
    preloaded
    stand_in kexec 7
    succeeds init kexec-load 6 stop
    succeeds init kexec 6 stop
    called "$load_call" 'kexec -u' 'kexec -u'
}

test_sysvinit_goes_on_where_the_jump_is_refused() {
    loaded
    stand_in kexec 13
    succeeds init kexec 6 stop
    says 'goes through the firmware'
}

# startpar runs what is ordered by nothing at the same time: the reboot has won against the jump.
test_under_sysvinit_the_jump_ends_before_the_reboot_begins() {
    sed -n 's/^# Required-Stop: *//p' "$source/etc/init.d/kexec" | grep -qw reboot || bad 'nothing orders it before reboot'
    sed -n 's/^# X-Stop-After: *//p' "$source/etc/init.d/kexec" | grep -qw umountroot || bad 'nothing orders it after umountroot'
}
