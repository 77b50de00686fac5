#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes a small Debian with systemd, kernel, GRUB and ssh in FOLDER/root, for the laboratory's disks. It needs root rights,
# and leaves this system as it is: debootstrap is unpacked beside, apt works inside the new system, and what is mounted for
# it is seen by this script alone.
# usage: make-system-tree.sh RELEASE FOLDER
. "$(dirname "$0")/common.sh"
. scripts/private-apt.sh

[ $# = 2 ] || die "usage: make-system-tree.sh RELEASE FOLDER"
release=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
tree=$folder/root
[ "$(id -u)" = 0 ] || die "root rights are needed to install a Debian into '$tree'"
if [ "${SYSTEM_TREE_NAMESPACE:-}" != private ]; then
    command -v unshare >/dev/null || die "no unshare: install the package util-linux"
    export SYSTEM_TREE_NAMESPACE=private
    exec unshare --mount --propagation private "$root/scripts/make-system-tree.sh" "$release" "$folder"
fi

# What waits below: a second kernel, and what DKMS takes to build modules for the first.
case $release in
bookworm | trixie) security=$release-security more="linux-image-amd64
dkms linux-headers-cloud-amd64" ;;
sid) security='' more='' ;;
*) die "no release '$release': bookworm, trixie or sid" ;;
esac

# Installed; the kernel is the one for virtual machines, which has crash dumps and kexec as every kernel of Debian.
packages="systemd-sysv libpam-systemd dbus udev kmod linux-image-cloud-amd64 initramfs-tools zstd e2fsprogs \
grub2-common grub-pc-bin openssh-server python3 procps iproute2 util-linux less man-db file"
# On a busy host the emulated timer is late, and Linux panics: "IO-APIC + timer doesn't work".
line="console=ttyS0 no_timer_check"
# Waiting in /srv/debs with what they depend on, for cases that install them: one line for what goes together.
waiting="kexec-tools kdump-tools makedumpfile crash
sysvinit-core systemd-sysv-
molly-guard"

fetch_debootstrap() {
    private_apt "$folder/apt" amd64
    private_apt_fetch deb trixie download debootstrap || die "apt could not fetch debootstrap: $(tail -n 1 "$state/log")"
    dpkg-deb -x "$state"/debootstrap_*.deb "$folder/debootstrap"
    unset APT_CONFIG
}

# A proxy of the system's apt is for debootstrap's wget, and the new system's apt, too.
find_archives() {
    eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
    [ -z "${http_proxy:-}" ] || export http_proxy
    archive=${archive:-http://deb.debian.org/debian}
    security_archive=$(apt-get indextargets --format '$(SITE)' | grep -m 1 -- '-security$') ||
        security_archive=http://deb.debian.org/debian-security
}

inside() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive \
        ${http_proxy:+http_proxy="$http_proxy"} chroot "$tree" "$@"
}

mount_for_packages() {
    mount -t proc none "$tree/proc"
    mount -t tmpfs none "$tree/run"
    mount --bind /dev "$tree/dev"
    # Nothing is started while packages are installed.
    printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
    chmod 755 "$tree/usr/sbin/policy-rc.d"
    cp /etc/resolv.conf "$tree/etc/resolv.conf"
    cat >"$tree/etc/apt/apt.conf.d/90laboratory" <<-CONFIGURATION
	APT::Install-Recommends "false";
	APT::Sandbox::User "root";
	Acquire::Languages "none";
	CONFIGURATION
    apt-config dump | grep '^Acquire::Check-' >"$tree/etc/apt/apt.conf.d/91host" || :
    echo "deb $archive $release main" >"$tree/etc/apt/sources.list"
    [ -z "$security" ] || echo "deb $security_archive $security main" >>"$tree/etc/apt/sources.list"
}

# Drivers by name: what initramfs-tools finds out about a root disk it would find out about this system's.
configure_initramfs() {
    mkdir -p "$tree/etc/initramfs-tools/conf.d"
    echo 'MODULES=list' >"$tree/etc/initramfs-tools/conf.d/laboratory"
    printf '%s\n' virtio_pci virtio_blk ext4 >"$tree/etc/initramfs-tools/modules"
}

configure() {
    echo system >"$tree/etc/hostname"
    echo '127.0.0.1 localhost system' >"$tree/etc/hosts"
    echo '/dev/vda1 / ext4 errors=remount-ro 0 1' >"$tree/etc/fstab"
    rm -f "$tree/etc/resolv.conf" "$tree/etc/machine-id"
    : >"$tree/etc/machine-id"
    mkdir -p "$tree/var/log/journal" "$tree/lab" "$tree/etc/systemd/network"
    printf '[Match]\nName=en*\n[Network]\nDHCP=yes\n' >"$tree/etc/systemd/network/lab.network"
    ln -sf /dev/null "$tree/etc/systemd/system/systemd-networkd-wait-online.service"
    ln -sf /dev/null "$tree/etc/systemd/system/apt-daily.timer"
    ln -sf /dev/null "$tree/etc/systemd/system/apt-daily-upgrade.timer"
    ln -sf /dev/null "$tree/etc/systemd/system/man-db.timer"
    cp -a "$root/scripts/system-tree/." "$tree/"
    inside systemctl enable systemd-networkd.service laboratory-shell.service
    printf '%s\n' GRUB_TIMEOUT=0 'GRUB_CMDLINE_LINUX_DEFAULT=""' "GRUB_CMDLINE_LINUX=\"$line\"" GRUB_TERMINAL=serial \
        >"$tree/etc/default/grub"
}

# GRUB's own way to write grub.cfg asks for the disk that the root lies on; cases that want it run it inside. This is the
# same menu for the first boot.
configure_grub() {
    mkdir -p "$tree/boot/grub/i386-pc"
    cp "$tree"/usr/lib/grub/i386-pc/*.mod "$tree"/usr/lib/grub/i386-pc/*.lst "$tree/boot/grub/i386-pc/"
    kernel=$(basename "$tree"/boot/vmlinuz-*)
    cat >"$tree/boot/grub/grub.cfg" <<-MENU
	echo "Laboratory's GRUB"
	linux /boot/$kernel root=/dev/vda1 ro $line
	initrd /boot/initrd.img-${kernel#vmlinuz-}
	boot
	MENU
}

# apt's "flat" repository: the files and one list of them.
gather_waiting() {
    debs=$tree/srv/debs
    mkdir -p "$debs/partial"
    printf '%s\n' "$waiting" ${more:+"$more"} | while read -r together; do
        # shellcheck disable=SC2086
        inside apt-get install -y -q --download-only --allow-remove-essential -o Dir::Cache::archives=/srv/debs $together </dev/null
    done
    (cd "$debs" && APT_CONFIG=/dev/null chroot "$tree" sh -c 'cd /srv/debs && apt-get download dracut-core')
    rm -rf "$debs/partial" "$debs/lock"
    for package in "$debs"/*.deb; do
        dpkg-deb --field "$package"
        printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$(basename "$package")" "$(stat -c %s "$package")" \
            "$(sha256sum "$package" | cut -d ' ' -f 1)"
    done >"$debs/Packages"
    echo 'deb [trusted=yes] file:/srv/debs ./' >"$tree/etc/apt/sources.list"
    rm -f "$tree"/var/lib/apt/lists/*_* "$tree/etc/apt/apt.conf.d/91host"
    inside apt-get update
}

rm -rf "$folder"/root "$folder"/debootstrap
fetch_debootstrap
find_archives
DEBOOTSTRAP_DIR=$folder/debootstrap/usr/share/debootstrap sh "$folder/debootstrap/usr/sbin/debootstrap" \
    --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg "$release" "$tree" "$archive"
mount_for_packages
inside apt-get update
inside apt-get -y -q dist-upgrade
configure_initramfs
# shellcheck disable=SC2086
inside apt-get install -y -q $packages
gather_waiting
configure
configure_grub
inside apt-get clean
rm -f "$tree/usr/sbin/policy-rc.d"
umount "$tree/dev" "$tree/run" "$tree/proc"
rm -rf "$folder/debootstrap" "$folder/apt"
