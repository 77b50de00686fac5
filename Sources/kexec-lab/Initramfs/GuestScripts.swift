// SPDX-License-Identifier: MIT

/// The shell that runs as PID 1 of every kernel. Lines for the host begin with `LAB `.
enum GuestScripts {
    /// PID 1: makes the usual mounts, says who it is, then runs the case's script.
    ///
    /// `lab.stage=` on the command line says which kernel of the chain this is; only a kernel that was jumped to has it.
    static let initScript = """
        #!/bin/sh
        # The console is a terminal; a line of progress on it would stand before what a case looks for.
        export PATH=/sbin:/bin TERM=dumb
        mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
        mount -t debugfs debug /sys/kernel/debug 2>/dev/null; mount -t securityfs security /sys/kernel/security 2>/dev/null
        mount -t tmpfs tmp /tmp
        # Kernel messages would cut through our lines; emergencies still come.
        dmesg -n 1
        # Of a first kernel that goes on from a snapshot.
        [ -e /lab/await ] && . /lab/await
        . /lab/functions
        stage=$(argument lab.stage); stage=${stage:-first}
        say $stage nonce=$(argument lab.nonce) release=$(uname -r) boot=$(cat /proc/sys/kernel/random/boot_id) up=$(uptime_now)
        [ -e /lab/$stage ] && . /lab/$stage
        say end $stage
        poweroff -f

        """

    /// What every kernel's command line begins with. The self-tests of the kernel's ciphers would take a sixth of a boot.
    static let usualLine = "console=ttyS0 panic=-1 oops=panic cryptomgr.notests"

    /// What scripts may call.
    static let functions = """
        say() { echo "LAB $*"; }
        uptime_now() { read -r now idle < /proc/uptime; echo $now; }
        # argument NAME: its last value on the command line; for a subshell, as all that prints here
        argument() {
            read -r words < /proc/cmdline; set -f; value=
            for word in $words; do case $word in "$1="*) value=${word#*=} ;; esac; done
            echo "$value"
        }
        nonce=$(argument lab.nonce)
        line() { echo "\(usualLine) lab.nonce=$nonce lab.stage=$1"; }
        second=$(line second)
        loaded() { kexec_state loaded; }
        crash_loaded() { kexec_state crash_loaded; }
        # kexec_state NAME: what the kernel says of its kexec, newer ones in a folder
        kexec_state() {
            for file in /sys/kernel/kexec/$1 /sys/kernel/kexec_$1; do
                [ -e $file ] && { read -r is < $file; echo $is; return; }
            done
            echo none
        }
        # try NAME COMMAND...: runs it; its lines get a prefix, so that nothing it prints looks like the laboratory's.
        try() {
            name=$1; shift; from=$(uptime_now)
            "$@" > /tmp/out 2>&1; rc=$?
            sed "s/^/| /" /tmp/out
            say "$name rc=$rc loaded=$(loaded) crash=$(crash_loaded) seconds=$(echo "$(uptime_now) $from" | awk '{print $1 - $2}')"
            return $rc
        }
        # load OPTIONS...: the usual second kernel and initrd
        load() { try load kexec -l /boot/vmlinuz --initrd=/boot/initrd --command-line="$second" "$@"; }
        jump() { say jump up=$(uptime_now); kexec -e "$@"; say "jump failed rc=$?"; }
        # module PARAMETERS...: the kernel module; beside native kexec it wants beside_native=1
        module() { try module insmod /lab/kexec_mod.ko "$@"; }
        # held: pages that the module has from the kernel
        held() { probe status | tr ' ' '\\n' | sed -n 's/^held=//p'; }
        # free: pages that nobody has, after what is merely late to be given back has been
        free_pages() { sync; echo 3 > /proc/sys/vm/drop_caches; sleep 1; awk '/^MemFree:/ { print $2 / 4 }' /proc/meminfo; }
        # why TEXT: the kernel's messages since the last call, as lines of the laboratory
        why() { dmesg -c | grep -i 'kexec' | sed 's/^/LAB why /'; }
        # zeros MIB, kernels BYTES: large files, zeros or the kernel as often as it fits, for other programs of busybox take
        # a second for 15 MiB
        zeros() { dd if=/dev/zero bs=1M count=$1 2>/dev/null; }
        kernels() { times=$(($1 / $(stat -c %s /boot/vmlinuz))); while [ $((times--)) -gt 0 ]; do cat /boot/vmlinuz; done; }
        # dump FILE NAME: bytes of a file as lines of hexadecimal digits
        dump() { od -An -v -tx1 -w32 "$1" | tr -d ' ' | sed "s/^/LAB dump $2 /"; say "dumped $2"; }

        """
}
