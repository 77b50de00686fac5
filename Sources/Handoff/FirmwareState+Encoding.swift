// SPDX-License-Identifier: MIT
// Not part of the payloads: arrays are the loader's business.

/// A record as the loader has it while it makes or checks one: the bytes of all functions and of all channels. Arrays of
/// both would cost the program 4 KB of code.
public struct FirmwareStateRecord: Hashable, Sendable {
    private var functions: [UInt8] = []
    private var channels: [UInt8] = []

    /// No functions.
    public init() {}

    /// Reads a record that has no scratch space behind it.
    /// - Throws: what is not as it has to be: size, magic, version, counts, checksum, or the channels of a function.
    public init(parsing bytes: [UInt8]) throws(FirmwareStateError) {
        // A span of plain bytes has none that could not be read.
        let header = try Self.checkedHeader(of: unsafe bytes.span.bytes)
        // The header's counts fit into the bytes.
        let end = FirmwareStateHeader.size + FunctionRecord.size * Int(header.functionCount)
        functions = Array(bytes[FirmwareStateHeader.size..<end])
        channels = Array(bytes[end...])
        for index in 0..<functionCount {
            let function = self[index]
            let end = UInt32(function.firstChannel) + UInt32(function.channelCount)
            try Self.check(.channels, end <= header.channelCount, UInt64(end), UInt64(header.channelCount))
        }
    }

    public var functionCount: Int { functions.count / FunctionRecord.size }

    /// A function, by an index less than `functionCount`.
    public subscript(index: Int) -> FunctionRecord {
        @inline(never) get { Self.load(FunctionRecord.self, from: functions, at: index * FunctionRecord.size) }
        @inline(never) set {
            let start = index * FunctionRecord.size
            functions.replaceSubrange(start..<(start + FunctionRecord.size), with: Self.bytes(of: newValue))
        }
    }

    /// The function at `address`.
    public func function(at address: PCIAddress) -> FunctionRecord? {
        for index in 0..<functionCount where self[index].address == address { return self[index] }
        return nil
    }

    /// Channel `index` of a function of this record, of `channelCount`.
    @inline(never) public func channel(_ index: Int, of function: FunctionRecord) -> ChannelRecord {
        Self.load(
            ChannelRecord.self, from: channels, at: (Int(function.firstChannel) + index) * ChannelRecord.size)
    }

    /// Adds a channel of the function that is added next.
    @inline(never) public mutating func add(_ channel: ChannelRecord) { channels += Self.bytes(of: channel) }

    /// Adds a function with the `count` channels that were added last.
    @inline(never) public mutating func add(_ function: FunctionRecord, channels count: Int) {
        var function = function
        function.firstChannel = UInt16(clamping: channels.count / ChannelRecord.size - count)
        function.channelCount = UInt16(clamping: count)
        functions += Self.bytes(of: function)
    }

    /// The record as files hold it: without the scratch space.
    public var encoded: [UInt8] {
        let body = functions + channels
        var header = FirmwareStateHeader()
        header.totalSize = UInt32(clamping: FirmwareStateHeader.size + body.count)
        header.functionCount = UInt32(clamping: functionCount)
        header.channelCount = UInt32(clamping: channels.count / ChannelRecord.size)
        // A span of plain bytes has none that could not be read.
        header.checksum = unsafe FastHash.hash(body.span.bytes)
        return Self.bytes(of: header) + body
    }

    @inline(never) private static func check(
        _ field: FirmwareStateError.Field, _ holds: Bool, _ found: UInt64, _ needed: UInt64
    ) throws(FirmwareStateError) {
        if !holds { throw FirmwareStateError(field, found: found, needed: needed) }
    }

    private static func checkedHeader(of bytes: RawSpan) throws(FirmwareStateError) -> FirmwareStateHeader {
        let size = UInt64(bytes.byteCount)
        let least = UInt64(FirmwareStateHeader.size)
        try check(.size, size >= least, size, least)
        // The size was checked, and every pattern of bits is a header.
        let header = unsafe bytes.unsafeLoadUnaligned(as: FirmwareStateHeader.self)
        let (magic, version) = (FirmwareStateHeader.magic, UInt64(FirmwareStateHeader.currentVersion))
        try check(.magic, header.magic == magic, header.magic, magic)
        try check(.version, UInt64(header.version) == version, UInt64(header.version), version)
        let stated = UInt64(header.totalSize)
        try check(.size, stated == size, size, stated)
        try check(.counts, stated == header.neededSize, stated, header.neededSize)
        let sum = FastHash.hash(bytes.extracting(droppingFirst: FirmwareStateHeader.size))
        try check(.checksum, sum == header.checksum, sum, header.checksum)
        return header
    }

    @inline(never) private static func load<Record: BitwiseCopyable>(
        _ type: Record.Type, from bytes: [UInt8], at offset: Int
    ) -> Record {
        // Every pattern of bits is a record; an index out of bounds traps, as with an array.
        unsafe bytes[offset..<(offset + MemoryLayout<Record>.size)].withUnsafeBytes {
            unsafe $0.loadUnaligned(as: type)
        }
    }

    @inline(never) private static func bytes(of record: some BitwiseCopyable) -> [UInt8] {
        // Records have no padding: tests assert their sizes.
        unsafe Swift.withUnsafeBytes(of: record) { unsafe Array($0) }
    }
}
