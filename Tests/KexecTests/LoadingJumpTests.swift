// SPDX-License-Identifier: MIT
import Handoff
import Testing

@testable import Kexec

private let EPERM: Int32 = 1, ENOENT: Int32 = 2, EAGAIN: Int32 = 11, ENOMEM: Int32 = 12, EBUSY: Int32 = 16
private let EEXIST: Int32 = 17
private let EINVAL: Int32 = 22, ENETUNREACH: Int32 = 101

/// lo and wlan0 (down) stay; eth0, its VLAN and a shaper go.
private func networkedKernel() -> RecordingKernel {
    var kernel = RecordingKernel()
    kernel.dumps["dump links"] = [
        Dumped.link(1, "lo", flags: 0x49), Dumped.link(2, "eth0", flags: 0x1043),
        Dumped.link(3, "wlan0", flags: 0x1002),
        Dumped.link(4, "shaper0", flags: 0x41), Dumped.link(9, "eth0.5", flags: 0x1043),
    ]
    kernel.dumps["dump addresses 2"] = [Dumped.address(2, prefix: 24, on: 2)]
    kernel.dumps["dump addresses 10"] = [
        Dumped.address(10, prefix: 64, on: 9), Dumped.address(10, prefix: 64, on: 9, flags: 1),
    ]
    kernel.dumps["dump routes 2"] = [
        Dumped.route(2, prefix: 0, by: 3), Dumped.route(2, prefix: 24, by: 2), Dumped.route(2, prefix: 8, by: 4),
    ]
    kernel.dumps["dump routes 10"] = [
        Dumped.route(10, prefix: 0, by: 9), Dumped.route(10, prefix: 48, by: 4),
        Dumped.route(10, prefix: 128, by: 4, flags: 0x200),
    ]
    kernel.dumps["dump neighbours"] = [
        Dumped.neighbour(2, on: 2, state: 0x80), Dumped.neighbour(2, on: 2, state: 2),
        Dumped.neighbour(7, on: 2, state: 0x80),
    ]
    return kernel
}

private let recording = [
    "dump links", "dump addresses 2", "dump routes 2", "dump addresses 10", "dump routes 10", "dump neighbours",
]
/// All that runs once links go down is in memory, and signals do not end it in the middle.
private let before = ["lock memory", "sync", "signals wait"]
private let down = ["link 4 down", "link 9 down", "link 2 down"]
/// All links down, and everything back.
private func restored() -> NetworkOutcome {
    var outcome = NetworkOutcome()
    outcome.takenDown = ["shaper0", "eth0.5", "eth0"]
    return outcome
}
private let backAgain = [
    "link 2 up", "link 9 up", "link 4 up", "address /24 on 2 flags 0x605", "address /64 on 9 flags 0x605",
    "route 2/0 by 3 flags 0xc05", "route 2/24 by 2 flags 0xc05", "route 2/8 by 4 flags 0xc05",
    "route 10/0 by 9 flags 0xc05", "route 10/48 by 4 flags 0xc05", "neighbour on 2",
]

private func loadedState() -> KexecState {
    var state = KexecState()
    (state.isSupported, state.loaded) = (true, true)
    return state
}

private func run(
    _ kernel: RecordingKernel, _ options: JumpOptions = JumpOptions(), state: KexecState = loadedState()
) -> (Result<NetworkOutcome?, ExecutionError>, [String]) {
    var jump = Jump(kernel)
    do throws(ExecutionError) {
        let outcome = try jump.run(options, state: state)
        return (.success(outcome), jump.kernel.trace)
    } catch { return (.failure(error), jump.kernel.trace) }
}

@Suite struct JumpTests {
    @Test func syncsTakesLinksDownAndJumps() {
        // The recorded reboot "comes back" with success, as from a preserved context: what follows is the way back.
        let (result, trace) = run(networkedKernel())
        #expect(trace == before + recording + down + ["reboot 0x45584543"] + backAgain + ["signals come"])
        #expect(result == .success(restored()))
    }

    @Test func leavesOutWhatItIsToldTo() {
        #expect(run(networkedKernel(), JumpOptions(skipsSync: true, skipsLinks: true)).1 == ["reboot 0x45584543"])
        #expect(run(networkedKernel(), JumpOptions(skipsLinks: true)).1 == ["sync", "reboot 0x45584543"])
        #expect(
            run(networkedKernel(), JumpOptions(skipsSync: true)).1.prefix(3)
                == ["lock memory", "signals wait", "dump links"])
    }

    @Test func putsTheNetworkBackAfterARefusedJump() {
        var kernel = networkedKernel()
        kernel.refusals = [.init(line: "reboot", errno: EBUSY)]
        let (result, trace) = run(kernel)
        #expect(trace == before + recording + down + ["reboot 0x45584543"] + backAgain + ["signals come"])
        let error = SystemCallError(call: .reboot, purpose: .jump, errno: EBUSY, cause: .busy(seconds: 0))
        #expect(result == .failure(.refused(error, restored())))
    }

    @Test func bringsBackOnlyWhatItTookDown() {
        var kernel = networkedKernel()
        kernel.refusals = [.init(line: "reboot", errno: EBUSY), .init(line: "link 9 down", errno: EPERM)]
        guard case (.failure(.refused(_, let outcome)), let trace) = run(kernel) else {
            Issue.record("not refused")
            return
        }
        #expect(trace.filter { $0.hasPrefix("link") } == down + ["link 2 up", "link 4 up"])
        #expect(outcome?.notTakenDown == [LinkFailure(link: "eth0.5", errno: EPERM)])
        #expect(outcome?.isRestored == true)
    }

    @Test func triesAgainWhatNeedsAnotherRouteFirst() {
        var kernel = networkedKernel()
        kernel.refusals = [
            .init(line: "reboot", errno: EBUSY), .init(line: "route 2/0", errno: ENETUNREACH, times: 1),
            .init(line: "address /24", errno: EEXIST),
        ]
        guard case (.failure(.refused(_, let outcome)), let trace) = run(kernel) else {
            Issue.record("not refused")
            return
        }
        #expect(trace.filter { $0.hasPrefix("route 2/0") }.count == 2)
        #expect(!trace.contains("sleep 100"))
        #expect(outcome == restored())
    }

    @Test func saysWhatItCouldNotBringBackAfterAWhile() {
        var kernel = networkedKernel()
        kernel.refusals = [
            .init(line: "reboot", errno: EBUSY), .init(line: "route 2/0", errno: ENETUNREACH),
            .init(line: "link 4 up", errno: EPERM), .init(line: "neighbour", errno: EINVAL),
            .init(line: "address /64", errno: EINVAL, times: 3),
        ]
        guard case (.failure(.refused(_, let outcome)), let trace) = run(kernel) else {
            Issue.record("not refused")
            return
        }
        #expect(outcome?.notBroughtUp == [LinkFailure(link: "shaper0", errno: EPERM)])
        #expect((outcome?.addressesLost, outcome?.routesLost, outcome?.neighboursLost) == (0, 1, 1))
        #expect(outcome?.isRestored == false)
        // Three seconds for each kind that does not come back; two pauses were enough for the address.
        #expect(trace.filter { $0 == "sleep 100" }.count == 30 + 2 + 30 + 30)
    }

    @Test func jumpsWhereTheNetworkCannotBeRead() {
        var kernel = networkedKernel()
        kernel.refusals = [.init(line: "reboot", errno: EBUSY), .init(line: "dump", errno: EPERM)]
        let (result, trace) = run(kernel)
        #expect(trace == before + ["dump links", "reboot 0x45584543", "signals come"])
        guard case .failure(.refused(_, let outcome)) = result else {
            Issue.record("not refused")
            return
        }
        #expect(outcome?.recordingFailure == CallFailure(call: .netlink, errno: EPERM))
        #expect(outcome?.isRestored == true, "no link was touched")
    }

    @Test func doesNothingButJumpAtTheEndOfAShutdown() {
        for name in ["systemd-shutdow\n", "shutdown\n"] {
            var kernel = networkedKernel()
            (kernel.parent, kernel.heads["/proc/1/comm"]) = (1, name)
            #expect(run(kernel).1 == ["reboot 0x45584543"])
            kernel.parent = 2
            #expect(run(kernel).1.starts(with: before))
        }
    }

    @Test(arguments: ["systemd\n", "shutdownd\n", nil])
    func isNoLastStepWhenMerelyLeftInTheBackground(name: String?) {
        var kernel = networkedKernel()
        (kernel.parent, kernel.heads["/proc/1/comm"]) = (1, name)
        #expect(run(kernel).1.starts(with: before + recording + down))
    }

    /// Before the sync: nothing has been touched.
    @Test(arguments: [EPERM, ENOMEM]) func refusesWhereThePagesOfThisProgramWouldBeOutOfReach(errno: Int32) {
        var kernel = networkedKernel()
        kernel.refusals = [.init(line: "lock memory", errno: errno)]
        kernel.storage = .nbd
        let (result, trace) = run(kernel)
        #expect(result == .failure(.notLocked(errno: errno, .nbd)) && trace == ["lock memory"])
        // Links that stay up lead there all the time.
        #expect(run(kernel, JumpOptions(skipsLinks: true)).1 == ["sync", "reboot 0x45584543"])
        kernel.storage = nil
        #expect(run(kernel).1.starts(with: before + recording + down))
    }

    /// Three seconds are given to what is refused at first; who asks the program to end has what came back until then.
    @Test func aSignalEndsTheWaitForWhatDoesNotComeBack() {
        var kernel = networkedKernel()
        kernel.refusals = [.init(line: "reboot", errno: EBUSY), .init(line: "route 2/0", errno: ENETUNREACH)]
        kernel.isAskedToEnd = true
        guard case (.failure(.refused(_, let outcome)), let trace) = run(kernel) else {
            Issue.record("not refused")
            return
        }
        #expect(trace.filter { $0 == "sleep 100" }.count == 1)
        #expect(outcome?.routesLost == 1 && trace.last == "signals come")
        #expect(trace.contains("neighbour on 2"))
    }

    /// `RTPROT_RA`, with the end that an advertisement gives it or without, on a link where the kernel takes advertisements
    /// or another program does.
    @Test(
        arguments: [
            (0, 1, 0, true, false), (0, 2, 0, true, false), (1, 2, 0, true, false), (0, 1, 64, false, false),
            (0, 0, 0, true, true), (1, 1, 0, true, true), (0, 1, 0, false, true), (0, 0, 64, false, true),
        ] as [(UInt32, UInt32, UInt8, Bool, Bool)])
    func restoresAdvertisedRoutesThatTheKernelHasNotMade(
        forwarding: UInt32, accepts: UInt32, prefix: UInt8, ends: Bool, isRestored: Bool
    ) {
        var kernel = RecordingKernel()
        kernel.refusals = [.init(line: "reboot", errno: EBUSY)]
        kernel.dumps["dump links"] = [Dumped.link(2, "eth0", flags: 0x1043, settings: (forwarding, accepts))]
        var info: [UInt8] = []
        for value in [0, 0, ends ? 180_000 : 0, 0] as [UInt32] { info.appendLittle(value) }
        let attributes: [NetlinkAttribute] = [.init(type: 4, value: [2, 0, 0, 0]), .init(type: 12, value: info)]
        kernel.dumps["dump routes 10"] = [Dumped.route(10, prefix: prefix, by: 9, attributes: attributes)]
        guard case (.failure(.refused(_, let outcome)), let trace) = run(kernel) else {
            Issue.record("not refused")
            return
        }
        #expect(trace.contains { $0.hasPrefix("route 10") } == isRestored)
        #expect(outcome?.routesAwaited == (isRestored ? 0 : 1) && outcome?.isRestored == true)
    }

    /// The struct of each family in <linux/rtnetlink.h>, its family first, and nothing else in it; of a link its index, and
    /// that IFF_UP is the flag to be changed.
    @Test func asksInTheStructsOfEachFamily() throws {
        var jump = Jump(networkedKernel())
        _ = try jump.run(JumpOptions(), state: loadedState())
        func request(_ type: UInt8, _ body: [UInt8], flags: [UInt8] = [1, 3]) -> [UInt8] {
            [UInt8(16 + body.count), 0, 0, 0, type, 0] + flags + [1, 0, 0, 0, 0, 0, 0, 0] + body
        }
        func dump(_ type: UInt8, _ family: UInt8, _ size: Int) -> [UInt8] {
            request(type, [family] + [UInt8](repeating: 0, count: size - 1))
        }
        func link(_ index: UInt8, _ isUp: UInt8) -> [UInt8] {
            request(16, [0, 0, 0, 0, index, 0, 0, 0, isUp, 0, 0, 0, 1, 0, 0, 0], flags: [5, 0])
        }
        #expect(
            jump.kernel.requests.prefix(12) == [
                dump(18, 0, 16), dump(22, 2, 8), dump(26, 2, 12), dump(22, 10, 8), dump(26, 10, 12), dump(30, 0, 12),
                link(4, 0), link(9, 0), link(2, 0), link(2, 1), link(9, 1), link(4, 1),
            ])
    }

    /// A kernel without IPv6 answers with all that it has.
    @Test func takesEachEntryOfADumpOnce() {
        var kernel = networkedKernel()
        for dump in ["addresses", "routes"] {
            let all = (kernel.dumps["dump \(dump) 2"] ?? []) + (kernel.dumps["dump \(dump) 10"] ?? [])
            kernel.dumps["dump \(dump) 2"] = all + [Dumped.neighbour(2, on: 2, state: 0x80)]
            kernel.dumps["dump \(dump) 10"] = all
        }
        #expect(run(kernel).1 == before + recording + down + ["reboot 0x45584543"] + backAgain + ["signals come"])
    }

    @Test func eachLossIsOneThatIsNotRestored() {
        #expect(NetworkOutcome().isRestored && restored().isRestored)
        let losses: [(inout NetworkOutcome) -> Void] = [
            { $0.notBroughtUp = [LinkFailure(link: "eth0", errno: 1)] }, { $0.addressesLost = 1 },
            { $0.routesLost = 1 }, { $0.neighboursLost = 1 },
            { $0.recordingFailure = CallFailure(call: .netlink, errno: 1) },
        ]
        for lose in losses {
            var outcome = restored()
            lose(&outcome)
            #expect(!outcome.isRestored)
            outcome.takenDown = []
            #expect(outcome.isRestored, "nothing was touched")
        }
        var outcome = restored()
        (outcome.routesAwaited, outcome.notTakenDown) = (1, [LinkFailure(link: "eth0", errno: 1)])
        #expect(outcome.isRestored)
    }

    /// Several nexthops are never of the kernel's making.
    @Test func restoresAdvertisedRoutesWithSeveralNexthops() {
        var kernel = RecordingKernel()
        kernel.dumps["dump links"] = [Dumped.link(2, "eth0", flags: 0x1043, settings: (0, 1))]
        kernel.dumps["dump routes 10"] = [
            Dumped.route(10, prefix: 64, by: 9, attributes: [.init(type: 9, value: [8, 0, 0, 0, 2, 0, 0, 0])])
        ]
        #expect(run(kernel).1.contains { $0.hasPrefix("route 10/64 by 9") })
    }

    /// Network managers call theirs so where they have entered the address without a route; the kernel's own are there.
    @Test func restoresRoutesToNetworksAndLeavesTheKernelsTablesAlone() {
        var kernel = RecordingKernel()
        kernel.dumps["dump links"] = [Dumped.link(2, "eth0", flags: 0x1043)]
        let linkLocal = NetlinkAttribute(type: 1, value: [0xfe, 0x80] + [UInt8](repeating: 0, count: 14))
        kernel.dumps["dump routes 2"] = [
            Dumped.route(2, prefix: 24, by: 2), Dumped.route(2, prefix: 32, by: 2, table: 255, type: 2),
            Dumped.route(2, prefix: 31, by: 2, type: 3), Dumped.route(2, prefix: 30, by: 1),
        ]
        kernel.dumps["dump routes 10"] = [
            Dumped.route(10, prefix: 64, by: 2), Dumped.route(10, prefix: 10, by: 2, attributes: [linkLocal]),
        ]
        #expect(
            run(kernel).1.filter { $0.hasPrefix("route") } == [
                "route 2/24 by 2 flags 0xc05", "route 10/64 by 2 flags 0xc05",
            ])
    }

    @Test func explainsARefusedJump() {
        func cause(_ errno: Int32, _ change: (inout RecordingKernel, inout KexecState) -> Void) -> RefusalCause? {
            var (kernel, state) = (RecordingKernel(), loadedState())
            change(&kernel, &state)
            kernel.refusals = [.init(line: "reboot", errno: errno)]
            guard case .failure(.refused(let error, _)) = run(kernel, state: state).0 else { return nil }
            return error.cause
        }
        #expect(cause(EINVAL) { $1.loaded = nil } == .nothingLoaded)
        #expect(cause(EINVAL) { _, _ in } == .argumentsRefused(flags: 0, segments: 0))
        #expect(cause(EINVAL) { $1.handover = .liveUpdateDevice } == .liveUpdateRefused)
        #expect(cause(5) { $1.handover = .liveUpdateDevice } == .liveUpdateRefused)
        #expect(cause(5) { _, _ in } == .unknown)
        #expect(cause(EPERM) { kernel, _ in kernel.privileged = false } == .notPrivileged)
        #expect(cause(EPERM) { _, _ in } == .policy)
    }
}

@Suite struct JumpCheckTests {
    private func check(
        _ state: KexecState, _ target: Jump<RecordingKernel>.Target = .loaded,
        _ change: (inout RecordingKernel) -> Void = { _ in }
    ) -> Result<[UncheckedFact], ExecutionError> {
        var kernel = RecordingKernel()
        change(&kernel)
        var jump = Jump(kernel)
        do throws(ExecutionError) {
            let unchecked = try jump.check(state, target: target)
            #expect(jump.kernel.trace == [])
            return .success(unchecked)
        } catch {
            #expect(jump.kernel.trace == [])
            return .failure(error)
        }
    }

    @Test func findsNothingAgainstALoadedImage() {
        var state = loadedState()
        #expect(check(state) == .success([]))
        // Both forbid loads; this one is done.
        (state.loadDisabled, state.lockdown) = (true, .confidentiality)
        #expect(check(state) == .success([]))
    }

    @Test func refusesBeforeAnythingIsTouched() {
        var state = loadedState()
        #expect(check(state) { $0.privileged = false } == .failure(.notPrivileged))
        #expect(
            check(state) { $0.links["/proc/self/ns/pid"] = "pid:[4026532201]" } == .failure(.inProcessNamespace))
        state.loaded = false
        #expect(check(state) == .failure(.nothingLoaded(loadDisabled: false)))
        state.loadDisabled = true
        #expect(check(state) == .failure(.nothingLoaded(loadDisabled: true)))
        (state.loaded, state.isSupported) = (nil, false)
        #expect(check(state) == .failure(.notInKernel))
        #expect(check(state, .toBeLoaded) == .failure(.notInKernel))
    }

    @Test func doesNotMissAnImageThatIsYetToBeLoaded() {
        var state = KexecState()
        state.loaded = false
        #expect(check(state, .toBeLoaded) == .success([]))
        #expect(check(state, .toBeLoaded) { $0.privileged = false } == .failure(.notPrivileged))
    }

    @Test func looksWhetherItCanStayInMemoryWhereLinksWillGoDown() throws {
        var kernel = RecordingKernel()
        var jump = Jump(kernel)
        #expect(try jump.check(loadedState(), takesLinks: true) == [])
        #expect(jump.kernel.trace == ["lock memory", "unlock memory"])
        kernel.refusals = [.init(line: "lock memory", errno: ENOMEM)]
        jump = Jump(kernel)
        #expect(try jump.check(loadedState(), takesLinks: true) == [.memory])
        kernel.storage = .iSCSI
        jump = Jump(kernel)
        #expect(throws: ExecutionError.notLocked(errno: ENOMEM, .iSCSI)) {
            try jump.check(loadedState(), target: .toBeLoaded, takesLinks: true)
        }
        #expect(try jump.check(loadedState()) == [])
        // The last step of a shutdown takes none down.
        (kernel.parent, kernel.heads["/proc/1/comm"]) = (1, "systemd-shutdow\n")
        jump = Jump(kernel)
        #expect(try jump.check(loadedState(), takesLinks: true) == [])
    }

    @Test func goesOnWithoutProcAndSys() {
        let result = check(KexecState()) { $0.links = [:] }
        #expect(result == .success([.loaded, .processNamespace]))
    }

    @Test func answersTheStatusByTarget() {
        var state = KexecState()
        #expect(state.isLoaded(.reboot) == nil && state.isLoaded(.crash) == nil)
        (state.loaded, state.crashLoaded) = (true, false)
        #expect(state.isLoaded(.reboot) == true && state.isLoaded(.crash) == false)
    }
}

@Suite struct ShutdownTests {
    @Test func triesTheKnownPathsInOrder() {
        var kernel = RecordingKernel()
        kernel.refusals = [.init(line: "exec", errno: ENOENT)]
        var jump = Jump(kernel)
        let error = jump.startShutdown()
        let arguments = #"["shutdown", "-r", "now"]"#
        #expect(
            jump.kernel.trace == [
                "exec /sbin/shutdown \(arguments)", "exec /etc/shutdown \(arguments)",
                "exec /bin/shutdown \(arguments)",
            ])
        let paths = ["/sbin/shutdown", "/etc/shutdown", "/bin/shutdown"]
        #expect(error == .noShutdownProgram(paths.map { ProgramFailure(path: $0, errno: ENOENT) }))
    }

    @Test func aDetachedProcessWaitsAndTheOtherGoesOn() throws {
        var jump = Jump(RecordingKernel())
        #expect(try jump.detach(seconds: 6) == .detached)
        #expect(jump.kernel.trace == ["detach", "sleep 6000", "end patience"])
        jump = Jump(RecordingKernel())
        jump.kernel.detachedProcess = 99
        #expect(try jump.detach(seconds: 6) == .here)
        #expect(jump.kernel.trace == ["detach"])
    }

    @Test func tellsWhyItCannotDetach() {
        var jump = Jump(RecordingKernel())
        jump.kernel.refusals = [.init(line: "detach", errno: EAGAIN)]
        #expect(throws: ExecutionError.notDetached(errno: EAGAIN)) { try jump.detach(seconds: 1) }
        #expect(jump.kernel.trace == ["detach"])
    }

    @Test func aShutdownStartsOnlyWhatTheKernelItselfHolds() throws {
        var state = KexecState()
        (state.loaded, state.loadDisabled) = (true, false)
        #expect(try state.checkShutdown(by: RecordingKernel()) == [])
        state.loaded = false
        #expect(throws: ExecutionError.nothingLoaded(loadDisabled: false)) {
            try state.checkShutdown(by: RecordingKernel())
        }
        state.hasModule = true
        state.module = ModuleState(interface: ModuleInterface.version)
        state.module?.isLoaded = true
        #expect(throws: ExecutionError.shutdownIgnoresModule) { try state.checkShutdown(by: RecordingKernel()) }
        // Loaded in both: the shutdown starts the kernel's.
        state.loaded = true
        #expect(try state.checkShutdown(by: RecordingKernel()) == [])
    }

    @Test func checksAShutdownBeforeTheLoad() throws {
        var state = KexecState()
        state.loaded = false
        #expect(try state.checkShutdown(afterLoadBy: .automatic, by: RecordingKernel()) == [])
        #expect(throws: ExecutionError.shutdownIgnoresModule) {
            try state.checkShutdown(afterLoadBy: .module, by: RecordingKernel())
        }
        #expect(try KexecState().checkShutdown(afterLoadBy: .automatic, by: RecordingKernel()) == [])
        var container = RecordingKernel()
        container.links["/proc/self/ns/pid"] = "pid:[4026532000]"
        #expect(throws: ExecutionError.inProcessNamespace) {
            try state.checkShutdown(afterLoadBy: .automatic, by: container)
        }
        (state.isSupported, state.hasKexecLoad, state.hasKexecFileLoad, state.hasModule) = (false, false, false, true)
        #expect(throws: ExecutionError.shutdownIgnoresModule) {
            try state.checkShutdown(afterLoadBy: .automatic, by: RecordingKernel())
        }
    }

    @Test func tellsTheKernelsLogOnlyWhereNobodyElseHears() {
        var jump = Jump(RecordingKernel())
        jump.logIfUnheard("cannot jump")
        #expect(jump.kernel.trace == [])
        jump.kernel.lost = [2]
        jump.logIfUnheard("cannot jump:\nnothing is loaded")
        #expect(jump.kernel.trace == ["kmsg <3>kexec: cannot jump: nothing is loaded\n"])
    }
}
