// SPDX-License-Identifier: MIT
// Not part of the payloads: strings and hashing are the loader's business.

extension CheckedSegment {
    /// A segment of `byteCount` bytes from `start` that must still have `digest` when purgatory runs.
    /// - Parameter name: its first 16 bytes are kept.
    public init(name: String, start: UInt64, byteCount: UInt64, digest: SegmentDigest) {
        self.init()
        self.start = start
        self.byteCount = byteCount
        self.digest = digest
        var index = 0
        for byte in name.utf8 where index < 16 {
            self.name[index] = byte
            index += 1
        }
    }
}

extension CheckedSegment: Hashable {
    public static func == (left: CheckedSegment, right: CheckedSegment) -> Bool {
        guard left.start == right.start, left.byteCount == right.byteCount, left.digest == right.digest else {
            return false
        }
        return left.name.indices.allSatisfy { left.name[$0] == right.name[$0] }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(start)
        hasher.combine(byteCount)
        hasher.combine(digest)
    }
}

extension PurgatoryParameters: Hashable {
    public static func == (left: PurgatoryParameters, right: PurgatoryParameters) -> Bool {
        left.version == right.version && left.flagBits == right.flagBits && left.entry == right.entry
            && left.traceRecord == right.traceRecord && left.preparation == right.preparation
            && left.registers == right.registers
            && left.exitMode == right.exitMode && left.digestKind == right.digestKind
            && left.segmentCount == right.segmentCount && left.resetDelay == right.resetDelay
            && left.serialPort == right.serialPort && left.serialDivisor == right.serialDivisor
            && left.timeStampFrequency == right.timeStampFrequency
            && (0..<segmentLimit).allSatisfy { left[segment: $0] == right[segment: $0] }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(entry)
        hasher.combine(registers)
        hasher.combine(segmentCount)
        for index in 0..<Self.segmentLimit { hasher.combine(self[segment: index]) }
    }
}
