// SPDX-License-Identifier: MIT

/// A root that is out of reach as soon as the links are down: all that runs from there on has to be in memory.
enum NetworkRootCases: CaseGroup {
    static let all = [overTCP]

    /// NVMe over TCP, both ends in one machine: the target in a network namespace of its own, so that `-e` takes down only
    /// the near end of the pair of links between them, the first of many; while the others follow, all that is not locked
    /// is pushed out of memory.
    private static let remote = """
        for module in /lab/modules/*.ko; do insmod $module || say no $module; done
        mount -t configfs none /sys/kernel/config
        mkdir -p /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
        echo +memory > /sys/fs/cgroup/cgroup.subtree_control; mkdir /sys/fs/cgroup/job
        ip link set lo up
        for number in $(seq 60); do ip link add more$number type dummy; ip link set more$number up; done
        unshare -n sleep 10000 & server=$!
        usleep 300000
        inside() { nsenter -t $server -n "$@"; }
        ip link add near type veth; ip link set veth0 netns $server
        ip addr add 10.4.0.1/24 dev near; ip link set near up
        inside ip addr add 10.4.0.2/24 dev veth0; inside ip link set veth0 up
        target=/sys/kernel/config/nvmet
        mkdir $target/subsystems/disk $target/subsystems/disk/namespaces/1 $target/ports/1
        echo 1 > $target/subsystems/disk/attr_allow_any_host
        echo -n /dev/ram0 > $target/subsystems/disk/namespaces/1/device_path
        echo 1 > $target/subsystems/disk/namespaces/1/enable
        echo ipv4 > $target/ports/1/addr_adrfam; echo tcp > $target/ports/1/addr_trtype
        echo 10.4.0.2 > $target/ports/1/addr_traddr; echo 4420 > $target/ports/1/addr_trsvcid
        inside ln -s $target/subsystems/disk $target/ports/1/subsystems/disk
        echo nqn=disk,transport=tcp,traddr=10.4.0.2,trsvcid=4420 > /dev/nvme-fabrics
        i=0; while [ ! -b /dev/nvme0n1 ] && [ $i -lt 100 ]; do usleep 100000; i=$((i + 1)); done
        mke2fs /dev/nvme0n1 > /dev/null; mkdir /net; mount -t ext4 /dev/nvme0n1 /net
        mkdir /net/proc /net/sys /net/dev /net/sbin; cp /sbin/kexec /net/sbin/kexec; umount /net
        echo 0 > /sys/block/nvme0n1/queue/read_ahead_kb
        mount -t ext4 /dev/nvme0n1 /net
        for folder in proc sys dev; do mount --bind /$folder /net/$folder; done
        forget() { sync; echo 3 > /proc/sys/vm/drop_caches; }
        state() { echo $(cat /sys/class/net/near/operstate) $(ip addr show near | sed -n 's/.*inet \\([^ ]*\\).*/\\1/p'); }
        squeeze() {
            while [ "$(cat /sys/class/net/near/operstate)" = up ]; do usleep 1000; done
            echo 64M > /sys/fs/cgroup/job/memory.reclaim 2>/dev/null
            say squeezed near=$(state)
        }
        say remote root=$(stat -f -c %T /net) near=$(state)

        """

    private static let overTCP = Case(
        name: "jump/network-root",
        summary: "-e jumps from a root that its links lead to, and comes back from a refused jump to it",
        firstKernel: .linux61,
        files: { workshop in
            var files = try await KernelModules(of: .linux61, workshop).guestFiles(
                ["veth", "dummy", "brd", "nvmet_tcp", "nvme_tcp"], builtIn: ["nvme_core", "configfs", "nvme_common"])
            files["sbin/restrict"] = .program(try await Restrict.make(in: workshop))
            return files
        },
        script: remote + """
            load -c
            forget
            squeeze & squeezer=$!
            sh -c 'echo $$ > /sys/fs/cgroup/job/cgroup.procs; exec restrict no-jump /bin/chroot /net /sbin/kexec -e' \
                > /tmp/out 2>&1 & job=$!
            i=0; while kill -0 $job 2>/dev/null && [ $i -lt 300 ]; do usleep 100000; i=$((i + 1)); done
            if kill -0 $job 2>/dev/null; then say refused stuck near=$(state); poweroff -f; fi
            wait $squeezer; wait $job; say refused rc=$? near=$(state)
            sed "s/^/| /" /tmp/out
            # mlockall: ENOMEM
            forget
            try unlocked restrict 151=12 /bin/chroot /net /sbin/kexec -e
            say unlocked near=$(state)
            forget
            say jump
            chroot /net /sbin/kexec -e
            say "jump failed rc=$?"
            """,
        expect: [
            "^LAB remote root=ext2/ext3 near=up 10.4.0.1/24", "^LAB load rc=0 loaded=1",
            "^LAB squeezed near=down", "^LAB refused rc=13 near=up 10.4.0.1/24",
            #"^\| kexec: .*; the network is as it was"#,
            #"^\| kexec: cannot jump: this program cannot be locked in memory .*: it is on NVMe over fabrics"#,
            "^LAB unlocked rc=5", "^LAB unlocked near=up 10.4.0.1/24", "^LAB jump", Case.second,
        ], needsOurs: true)
}
