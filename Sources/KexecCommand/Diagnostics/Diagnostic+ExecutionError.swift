// SPDX-License-Identifier: MIT
internal import Kexec

extension Diagnostic {
    /// Why the machine goes on as it is.
    init(_ error: ExecutionError) {
        switch error {
        case .nothingLoaded(let loadDisabled):
            self.init(
                "nothing has been loaded"
                    + (loadDisabled ? ", and nothing can be until the next boot: kernel.kexec_load_disabled is 1" : ""),
                hint: loadDisabled ? nil : "load a kernel first: kexec -l")
        case .notInKernel:
            self.init(
                "the running kernel has no kexec: neither '/sys/kernel/kexec/loaded' nor '/sys/kernel/kexec_loaded' exists",
                hint: "it was built without CONFIG_KEXEC and CONFIG_KEXEC_FILE")
        case .nothingInModule(let besideNative):
            self.init(
                "nothing has been loaded by /dev/kexec",
                hint: "load a kernel first: kexec -l" + (besideNative ? " --system-call=module" : ""))
        case .noModule:
            self.init("the kernel module is not loaded: /dev/kexec does not exist", hint: "modprobe kexec_mod")
        case .otherInterface(let found):
            self.init("the kernel module cannot be used: " + Self.interface(found), hint: Self.interfaceHint)
        case .forcedReboot: self.init("the kernel module cannot leave this kernel: " + Self.forcedReboot)
        case .sleepingSiblings(let siblings):
            self.init(
                "the kernel module cannot leave this kernel: " + Self.words(for: siblings),
                hint: Self.hint(for: siblings))
        case .notPrivileged:
            self.init("cannot jump to the loaded kernel: CAP_SYS_BOOT is missing", hint: "run it as root")
        case .inProcessNamespace:
            self.init(
                "cannot jump to the loaded kernel from a container: this process is in a PID namespace of its own",
                hint: "run it on the host: nsenter --target 1 --pid")
        case .notLocked(let errno, let storage):
            self.init(
                "cannot jump: this program cannot be locked in memory (" + errnoText(errno)
                    + "), and without links the rest of it is out of reach: it is on " + storage.words,
                hint: "run it as root with CAP_IPC_LOCK, or ulimit -l unlimited; -x leaves the links up")
        case .refused(let error, let network):
            var diagnostic = Diagnostic(error)
            if let network { diagnostic.sentence += Self.words(for: network) }
            self = diagnostic
        case .noShutdownProgram(let failures):
            let reasons = failures.map { "'\($0.path)': \(errnoText($0.errno))" }
            self.init(
                "the kernel is loaded, but no shutdown program could be started: " + reasons.joined(separator: ", "),
                hint: "shut the system down by hand, or jump without that: kexec -e")
        case .notDetached(let errno):
            self.init("cannot detach, so the system goes on: no process could be made: " + errnoText(errno))
        case .shutdownIgnoresModule:
            self.init(
                "a shutdown does not start what /dev/kexec holds: it would end in the firmware",
                hint: "load with kexec -l, stop what must be stopped, then jump: kexec -e")
        }
    }

    /// What could not be checked before a jump; a warning.
    init(_ fact: UncheckedFact) {
        switch fact {
        case .loaded: self.init("sysfs is not mounted: going on without knowing whether a kernel is loaded")
        case .moduleLoaded: self.init("/dev/kexec does not answer: going on without knowing whether a kernel is loaded")
        case .memory:
            self.init(
                "this program cannot be locked in memory: going on without knowing whether it is out of reach without links"
            )
        case .processNamespace: self.init("proc is not mounted: going on without knowing whether this is a container")
        }
    }

    /// "" where no link was touched.
    private static func words(for network: NetworkOutcome) -> String {
        if network.takenDown.isEmpty { return "" }
        var words = restored(network)
        if network.routesAwaited > 0 {
            words += "; routes that a router has to advertise again: "
            words += String(network.routesAwaited)
        }
        return words
    }

    private static func restored(_ network: NetworkOutcome) -> String {
        if network.isRestored { return "; the network is as it was" }
        var losses: [String] = []
        for failure in network.notBroughtUp { losses.append("link '\(failure.link)' (\(errnoText(failure.errno)))") }
        let counts = [
            (network.addressesLost, "address", "addresses"), (network.routesLost, "route", "routes"),
            (network.neighboursLost, "neighbour", "neighbours"),
        ]
        for (count, one, many) in counts where count > 0 { losses.append("\(count) \(count == 1 ? one : many)") }
        if losses.isEmpty { return "; the links are up again, but addresses and routes may be missing" }
        return "; the network could not be restored: missing " + losses.joined(separator: ", ")
    }
}

extension NetworkStorage {
    fileprivate var words: String {
        switch self {
        case .nfs: "NFS"
        case .smb: "SMB"
        case .nineP: "9P"
        case .ceph: "Ceph"
        case .afs: "AFS"
        case .lustre: "Lustre"
        case .fuse: "FUSE"
        case .nbd: "a network block device"
        case .iSCSI: "iSCSI"
        case .nvmeOverFabrics: "NVMe over fabrics"
        case .ataOverEthernet: "ATA over Ethernet"
        case .rbd: "RBD"
        }
    }
}
