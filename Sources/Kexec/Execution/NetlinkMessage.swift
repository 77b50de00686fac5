// SPDX-License-Identifier: MIT
internal import BootFormats

/// One message of rtnetlink, with its header.
///
/// ```
///  0 nlmsg_len u32   4 nlmsg_type u16   6 nlmsg_flags u16   8 nlmsg_seq u32   12 nlmsg_pid u32
/// 16 a struct of the message's family, then attributes: length u16, type u16, value, each padded to 4 bytes
/// ```
/// Numbers are in the machine's byte order, which is little-endian wherever this program runs.
struct NetlinkMessage: Hashable, Sendable {
    /// Types of `<linux/netlink.h>` and `<linux/rtnetlink.h>`.
    static let error: UInt16 = 2
    static let done: UInt16 = 3
    static let newLink: UInt16 = 16
    static let getLink: UInt16 = 18
    static let newAddress: UInt16 = 20
    static let getAddress: UInt16 = 22
    static let newRoute: UInt16 = 24
    static let getRoute: UInt16 = 26
    static let newNeighbour: UInt16 = 28
    static let getNeighbour: UInt16 = 30

    /// `NLM_F_*` of `<linux/netlink.h>`.
    struct Flags: OptionSet, Hashable, Sendable {
        var rawValue: UInt16
        static let request = Flags(rawValue: 1)
        static let acknowledge = Flags(rawValue: 4)
        /// `NLM_F_DUMP`
        static let dump = Flags(rawValue: 0x300)
        /// `NLM_F_EXCL`
        static let exclusive = Flags(rawValue: 0x200)
        static let create = Flags(rawValue: 0x400)
        static let append = Flags(rawValue: 0x800)
    }

    static let headerSize = 16

    private(set) var bytes: [UInt8]

    /// - Parameters:
    ///   - body: the family's struct; its size is a multiple of 4.
    ///   - attributes: in order.
    init(type: UInt16, flags: Flags, body: [UInt8], attributes: [NetlinkAttribute] = []) {
        bytes = []
        bytes.appendLittle(UInt32(0))
        bytes.appendLittle(type)
        bytes.appendLittle(flags.rawValue)
        // One request, one socket: there is no other sequence to tell it from. Port 0 is the kernel's.
        bytes.appendLittle(UInt32(1))
        bytes.appendLittle(UInt32(0))
        bytes += body
        for attribute in attributes {
            bytes.appendLittle(UInt16(clamping: 4 + attribute.value.count))
            bytes.appendLittle(attribute.type)
            bytes += attribute.value
            bytes.pad(to: 4)
        }
        bytes.store(UInt32(clamping: bytes.count), at: 0)
    }

    private init(whole bytes: [UInt8]) { self.bytes = bytes }

    var type: UInt16 { bytes.loadLittle(UInt16.self, at: 4) ?? 0 }

    /// The family's struct; short where the message is.
    func body(size: Int) -> [UInt8] { Array(bytes.dropFirst(Self.headerSize).prefix(size)) }

    /// What follows a family's struct of `bodySize` bytes.
    func attributes(bodySize: Int) -> [NetlinkAttribute] {
        NetlinkAttribute.split(Array(bytes.dropFirst(Self.headerSize + bodySize)))
    }

    /// The whole messages in `bytes`; what is cut off at the end is left out.
    static func split(_ bytes: [UInt8]) -> [NetlinkMessage] {
        var messages: [NetlinkMessage] = []
        var position = 0
        while let length = bytes.loadLittle(UInt32.self, at: position), length >= UInt32(headerSize),
            UInt64(length) <= UInt64(bytes.count - position)
        {
            let end = position + Int(length)
            messages.append(NetlinkMessage(whole: Array(bytes[position..<end])))
            position = (end + 3) & ~3
        }
        return messages
    }
}

/// One attribute of a message; `struct rtattr`.
struct NetlinkAttribute: Hashable, Sendable {
    /// Without the bits for nesting and byte order.
    var type: UInt16
    var value: [UInt8]

    static func split(_ bytes: [UInt8]) -> [NetlinkAttribute] {
        var attributes: [NetlinkAttribute] = []
        var position = 0
        while let length = bytes.loadLittle(UInt16.self, at: position), length >= 4,
            Int(length) <= bytes.count - position, let type = bytes.loadLittle(UInt16.self, at: position + 2)
        {
            attributes.append(
                NetlinkAttribute(type: type, value: Array(bytes[position + 4..<position + Int(length)])))
            position = (position + Int(length) + 3) & ~3
        }
        return attributes
    }
}

extension [NetlinkAttribute] {
    /// Of the first of this type; empty where there is none.
    func value(of type: UInt16) -> [UInt8] {
        // The upper bits say that there are attributes in it, and in which byte order.
        first { $0.type & 0x3fff == type }?.value ?? []
    }
}

extension NetlinkReply {
    /// A dump of more bytes is not kept: 100000 routes are about 10 MB.
    static let limit = 16 << 20

    /// Takes one datagram of the kernel's.
    /// - Returns: whether it ends the answer.
    mutating func take(_ datagram: ArraySlice<UInt8>) -> Bool {
        for message in NetlinkMessage.split(Array(datagram)) {
            switch message.type {
            case NetlinkMessage.error, NetlinkMessage.done:
                // An acknowledgement is an error of 0; a dump may end with one as well.
                result = min(0, Int(message.bytes.loadLittle(Int32.self, at: NetlinkMessage.headerSize) ?? 0))
                return true
            default: messages += message.bytes
            }
        }
        return false
    }
}
