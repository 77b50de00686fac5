// SPDX-License-Identifier: MIT
// What is written for the next kernel, or was read of this one, is the same when it is read or written again.
import PhysicalMemory
import Testing

@testable import BootFormats
@testable import Kexec

@Suite struct KernelRecordPropertyTests {
    private func entry(_ bytes: [UInt8], at offset: Int) -> E820Entry? {
        guard let start = bytes.loadLittle(UInt64.self, at: offset),
            let size = bytes.loadLittle(UInt64.self, at: offset + 8),
            let type = bytes.loadLittle(UInt32.self, at: offset + 16)
        else { return nil }
        return PhysicalRange(start: PhysicalAddress(start), size: size).map {
            E820Entry(range: $0, type: E820Type(rawValue: type))
        }
    }

    /// In boot_params and behind them are all entries, each once, whatever their number.
    @Test(arguments: [0, 1, 2, 127, 128, 129, 300] as [UInt64]) func aMemoryMapIsReadAsItWasWritten(count: UInt64) {
        let map = MemoryMap(
            (0..<count).map {
                E820Entry(range: range($0 << 20, $0 << 20 + $0 * 4097), type: E820Type(rawValue: UInt32($0 % 9)))
            })
        var page = BootParameters()
        let rest = encodedE820(page.setMemoryMap(map))
        let own = Int(page.bytes[0x1e8])
        let read =
            (0..<own).map { entry(page.bytes, at: 0x2d0 + 20 * $0) }
            + stride(from: 0, to: rest.count, by: 20).map { entry(rest, at: $0) }
        #expect(read == map.entries && own == min(Int(count), 128))
        #expect(page.bytes.count == BootParameters.size)
    }

    @Test func anEFIInfoIsReadAsItWasWritten() {
        var page = [UInt8](repeating: 0, count: 4096)
        for offset in 0x1c0..<0x1e0 {
            for value in [1, 0x7f, 0xff] as [UInt8] {
                page[offset] = value
                guard let info = EFIInfo(in: page) else { continue }
                var next = BootParameters()
                next.setEFIInfo(info)
                #expect(next.bytes == page && EFIInfo(in: next.bytes) == info)
            }
        }
    }

    /// Each node leads to the next, and none is lost.
    @Test(arguments: 0..<6) func aListOfSetupDataIsReadAsItWasWritten(count: Int) {
        var list = SetupDataList()
        for index in 0..<count {
            list.append(type: UInt32(index + 1), payload: [UInt8](repeating: UInt8(index), count: index * 7))
        }
        let start: UInt64 = 0x1234_5000
        let bytes = list.encoded(at: PhysicalAddress(start))
        #expect(bytes.count == list.size && bytes.count % 16 == 0)
        var read: [SetupDataList.Node] = []
        var next = bytes.isEmpty ? 0 : start
        while next != 0, let length = bytes.loadLittle(UInt32.self, at: Int(next - start) + 12) {
            let node = Int(next - start)
            let payload = Array(bytes.dropFirst(node + 16).prefix(Int(length)))
            let type = bytes.loadLittle(UInt32.self, at: node + 8) ?? 0
            #expect(list.payloadOffset(of: type) == node + 16)
            read.append(SetupDataList.Node(type: type, payload: payload))
            next = bytes.loadLittle(UInt64.self, at: node) ?? 0
        }
        #expect(read == list.nodes)
    }
}

@Suite struct NetlinkPropertyTests {
    private let messages = [
        NetlinkMessage(
            type: 24, flags: [.request], body: [1, 2, 3, 4],
            attributes: [.init(type: 3, value: [9]), .init(type: 4, value: [5, 6, 7, 8])]),
        NetlinkMessage(type: 20, flags: [], body: [1, 2, 3, 4]),
    ]

    /// Each is whole, they follow each other, and each attribute lies in its message.
    @Test func messagesLieInWhatCameWhateverByteChanges() {
        let bytes = messages.flatMap(\.bytes)
        for offset in bytes.indices {
            for value in UInt8.min...UInt8.max {
                var changed = bytes
                changed[offset] = value
                expectWhole(NetlinkMessage.split(changed), in: changed)
            }
        }
    }

    private func expectWhole(_ split: [NetlinkMessage], in bytes: [UInt8]) {
        if split.map(\.bytes) != lengths(of: bytes).map({ Array(bytes[$0]) }) {
            Issue.record("other messages: \(bytes)")
        }
        for message in split {
            let attributes = message.attributes(bodySize: 4)
            let size = attributes.reduce(20) { ($0 + 3) & ~3 + 4 + $1.value.count }
            if !attributes.isEmpty, size > message.bytes.count { Issue.record("more than there is: \(bytes)") }
        }
    }

    /// Where messages are, one behind the other on multiples of 4 (`NLMSG_NEXT`), by their lengths alone.
    private func lengths(of bytes: [UInt8]) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var start = 0
        while start + 16 <= bytes.count, let length = bytes.loadLittle(UInt32.self, at: start).map({ Int($0) }) {
            guard length >= 16, start + length <= bytes.count else { break }
            ranges.append(start..<start + length)
            start += (length + 3) / 4 * 4
        }
        return ranges
    }
}
