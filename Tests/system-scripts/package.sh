# SPDX-License-Identifier: MIT
# What dpkg runs. Read by run.sh.

# maintainer NAME ARGUMENT...: with the stand-ins alone, and only where the copy sees the folder.
maintainer() {
    script=$root/$1
    sed "s|^root=\$|root=$root|" "$source/../debian/swift-kexec.$1" >"$script"
    shift
    grep -qxF "root=$root" "$script" || return 1
    PATH=$root/bin sh "$script" "$@" >"$root/output" 2>&1
}

packaged() {
    for name in deb-systemd-invoke deb-systemd-helper update-rc.d dpkg-query; do stand_in $name 0; done
    configured
}

test_a_removal_unloads_what_was_preloaded() {
    packaged
    succeeds load
    loaded
    : >"$root/log"
    succeeds maintainer prerm upgrade 2
    called
    succeeds maintainer prerm remove
    called 'kexec -u' 'deb-systemd-invoke stop kexec-load.service'
    : >"$root/log"
    stand_in kexec 6
    succeeds maintainer prerm remove
    says 'the kernel that is loaded stays so'
}

test_a_removal_leaves_what_was_loaded_by_hand() {
    packaged
    loaded
    succeeds maintainer prerm remove
    called 'deb-systemd-invoke stop kexec-load.service'
}

test_a_purge_leaves_the_administrators_settings() {
    packaged
    settings LOAD_KEXEC=true
    mkdir -p "$root/run/swift-kexec"
    : >"$root/no-kexec-reboot"
    succeeds maintainer postrm purge
    [ -e "$root/etc/default/kexec" ] || bad 'the settings are gone'
    [ ! -e "$root/no-kexec-reboot" ] && [ ! -e "$root/run/swift-kexec" ] || bad 'something is left'
}
