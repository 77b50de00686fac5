// SPDX-License-Identifier: MIT
@testable import BootFormats
import Handoff
import PhysicalMemory

@testable import Kexec

/// A kernel that does nothing but write down what it is asked, one line for each call, and refuse what it is told to.
struct RecordingKernel: KernelCalls {
    /// One refusal: of the next calls whose line begins so.
    struct Refusal {
        var line: String
        var errno: Int32
        var times = Int.max
    }

    private(set) var trace: [String] = []
    /// What kexec_file_load was given last, with its NUL.
    private(set) var commandLine: [UInt8] = []
    private(set) var removedNotes = 0
    /// What was sent to netlink, byte for byte.
    private(set) var requests: [[UInt8]] = []
    var refusals: [Refusal] = []
    /// What netlink dumps answer, by the line of the dump.
    var dumps: [String: [NetlinkMessage]] = [:]
    var privileged = true
    var links: [String: String] = ["/proc/self/ns/pid": "pid:[4026531836]"]
    var heads: [String: String] = [:]
    var parent: Int32 = 4711
    var lost: Set<Int32> = []
    var storage: NetworkStorage?
    /// A signal asks the process to end while it sleeps.
    var isAskedToEnd = false
    /// What `detach` returns: 0 for the new process's side.
    var detachedProcess = 0

    private mutating func record(_ line: String) -> Int {
        trace.append(line)
        guard let index = refusals.firstIndex(where: { $0.times > 0 && line.hasPrefix($0.line) }) else { return 0 }
        refusals[index].times -= 1
        return -Int(refusals[index].errno)
    }

    mutating func kexecLoad(
        entry: UInt, segments: [SegmentHandover], kernel: RawSpan, initrd: RawSpan, made: RawSpan,
        flags: KexecLoadFlags
    ) -> Int {
        let parts = parts(of: segments, kernel, initrd, made)
        return record("kexec_load 0x\(hex(entry)) \(parts) flags 0x\(hex(flags.rawValue))")
    }

    mutating func moduleLoad(
        entry: UInt64, segments: [SegmentHandover], kernel: RawSpan, initrd: RawSpan, made: RawSpan,
        flags: KexecLoadFlags
    ) -> Int {
        let parts = parts(of: segments, kernel, initrd, made)
        return record("module load 0x\(hex(entry)) \(parts) flags 0x\(hex(flags.rawValue))")
    }

    mutating func module(_ command: ModuleCommand) -> Int { record("module \(command)") }

    private func parts(
        of segments: [SegmentHandover], _ kernel: RawSpan, _ initrd: RawSpan, _ made: RawSpan
    ) -> [String] {
        segments.map { segment in
            let span =
                switch segment.source {
                case .kernel: kernel
                case .initrd: initrd
                case .made: made
                }
            let bytes = segment.range.map { String(span.unsafeLoad(fromByteOffset: $0, as: UInt8.self)) }
            return
                "\(segment.source)[\(bytes.joined(separator: ","))] 0x\(hex(segment.address))+0x\(hex(segment.memorySize))"
        }
    }

    mutating func kexecFileLoad(
        kernel: Int32, initrd: Int32, commandLine: [UInt8], flags: KexecFileLoadFlags
    ) -> Int {
        self.commandLine = commandLine
        let line = String(decoding: commandLine, as: UTF8.self).replacing("\0", with: "|")
        return record("kexec_file_load \(kernel) \(initrd) '\(line)' flags 0x\(hex(flags.rawValue))")
    }

    mutating func reboot(_ command: RebootCommand) -> Int { record("reboot 0x\(hex(UInt(command.rawValue)))") }
    mutating func sync() { _ = record("sync") }
    mutating func removeLoadNote() { removedNotes += 1 }

    mutating func netlink(_ request: [UInt8]) -> NetlinkReply {
        requests.append(request)
        let messages = NetlinkMessage.split(request)
        let line = messages.map(describe).joined(separator: "; ")
        let result = record(line)
        return NetlinkReply(result: result, messages: result < 0 ? [] : (dumps[line] ?? []).flatMap { $0.bytes })
    }

    mutating func execute(_ path: String, _ arguments: [String]) -> Int { record("exec \(path) \(arguments)") }
    mutating func detach() -> Int {
        let result = record("detach")
        return result < 0 ? result : detachedProcess
    }
    mutating func endPatience() { _ = record("end patience") }
    mutating func sleep(milliseconds: Int32) -> Bool {
        _ = record("sleep \(milliseconds)")
        return isAskedToEnd
    }
    mutating func holdSignals(_ hold: Bool) { _ = record(hold ? "signals wait" : "signals come") }
    mutating func lockMemory() -> Int { record("lock memory") }
    mutating func unlockMemory() { _ = record("unlock memory") }
    mutating func openModule() { _ = record("module open") }
    mutating func writeKernelLog(_ line: [UInt8]) -> Int { record("kmsg \(String(decoding: line, as: UTF8.self))") }

    func hasSysBoot() -> Bool { privileged }
    func linkTarget(_ path: String) -> [UInt8]? { links[path].map { Array($0.utf8) } }
    func head(of path: String) -> [UInt8]? { heads[path].map { Array($0.utf8) } }
    func networkStorage() -> NetworkStorage? { storage }
    func parentProcess() -> Int32 { parent }
    func isLost(_ descriptor: Int32) -> Bool { lost.contains(descriptor) }
}

private func hex(_ value: some BinaryInteger) -> String { String(value, radix: 16) }

/// "dump routes 2", "link 3 up", "route 10.0.0.0/8 flags 0xc05".
private func describe(_ message: NetlinkMessage) -> String {
    let body = message.body(size: 16)
    let flags = message.bytes.loadLittle(UInt16.self, at: 6) ?? 0
    switch message.type {
    case NetlinkMessage.getLink: return "dump links"
    case NetlinkMessage.getAddress: return "dump addresses \(body[0])"
    case NetlinkMessage.getRoute: return "dump routes \(body[0])"
    case NetlinkMessage.getNeighbour: return "dump neighbours"
    case NetlinkMessage.newLink:
        let (index, state) = (body.loadLittle(UInt32.self, at: 4) ?? 0, body.loadLittle(UInt32.self, at: 8) ?? 0)
        return "link \(index) \(state & 1 == 0 ? "down" : "up")"
    case NetlinkMessage.newAddress:
        return "address /\(body[1]) on \(body.loadLittle(UInt32.self, at: 4) ?? 0) flags 0x\(hex(UInt(flags)))"
    case NetlinkMessage.newRoute:
        return "route \(body[0])/\(body[1]) by \(body[5]) flags 0x\(hex(UInt(flags)))"
    case NetlinkMessage.newNeighbour: return "neighbour on \(body.loadLittle(UInt32.self, at: 4) ?? 0)"
    default: return "message \(message.type)"
    }
}

/// What a kernel says about a link, an address, a route, a neighbour in a dump.
enum Dumped {
    /// - Parameter settings: IPv6's `forwarding` and `accept_ra`.
    static func link(_ index: UInt32, _ name: String, flags: UInt32, settings: (UInt32, UInt32)? = nil)
        -> NetlinkMessage
    {
        func nested(_ type: UInt16, _ value: [UInt8]) -> NetlinkAttribute { .init(type: type | 0x8000, value: value) }
        func bytes(_ attributes: [NetlinkAttribute]) -> [UInt8] {
            Array(NetlinkMessage(type: 0, flags: [], body: [], attributes: attributes).bytes.dropFirst(16))
        }
        var values: [UInt8] = []
        for value in [settings?.0 ?? 0, 64, 1500, settings?.1 ?? 0, 1] { values.appendLittle(value) }
        let ipv6 = bytes([.init(type: 1, value: [0, 0, 0, 0]), .init(type: 2, value: values)])
        let families = bytes([nested(2, [0, 0, 0, 0]), nested(10, ipv6)])
        var body: [UInt8] = [0, 0, 1, 0]
        body.appendLittle(index)
        body.appendLittle(flags)
        body.appendLittle(UInt32(0))
        return NetlinkMessage(
            type: NetlinkMessage.newLink, flags: [], body: body,
            attributes: [NetlinkAttribute(type: 3, value: Array(name.utf8) + [0])]
                + (settings == nil ? [] : [nested(26, families)]))
    }

    static func address(
        _ family: UInt8, prefix: UInt8, on link: UInt8, flags: UInt8 = 0x80, attributes: [NetlinkAttribute] = []
    ) -> NetlinkMessage {
        NetlinkMessage(
            type: NetlinkMessage.newAddress, flags: [], body: [family, prefix, flags, 0, link, 0, 0, 0],
            attributes: attributes)
    }

    static func route(
        _ family: UInt8, prefix: UInt8, by protocolNumber: UInt8, table: UInt8 = 254, type: UInt8 = 1,
        flags: UInt32 = 0,
        attributes: [NetlinkAttribute] = []
    ) -> NetlinkMessage {
        var body: [UInt8] = [family, prefix, 0, 0, table, protocolNumber, 0, type]
        body.appendLittle(flags)
        return NetlinkMessage(type: NetlinkMessage.newRoute, flags: [], body: body, attributes: attributes)
    }

    static func neighbour(_ family: UInt8, on link: UInt8, state: UInt16) -> NetlinkMessage {
        var body: [UInt8] = [family, 0, 0, 0, link, 0, 0, 0]
        body.appendLittle(state)
        body += [0, 1]
        let attributes: [NetlinkAttribute] = [
            .init(type: 1, value: [10, 0, 0, 7]), .init(type: 2, value: [2, 0, 0, 0, 0, 7]),
            .init(type: 3, value: [UInt8](repeating: 9, count: 16)),
        ]
        return NetlinkMessage(type: NetlinkMessage.newNeighbour, flags: [], body: body, attributes: attributes)
    }
}
