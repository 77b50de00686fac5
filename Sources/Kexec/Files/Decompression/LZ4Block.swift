// SPDX-License-Identifier: MIT

/// Unpacks one lz4 block ("LZ4 Block Format Description"): sequences of literals and a match further back each.
///
/// - Parameters:
///   - room: holds the output of earlier blocks, too.
///   - start: where in `room` the output begins; it ends before `end`, which lies in `room`.
///   - history: how far back in `room` matches may reach.
/// - Returns: bytes written; nil for a block that is not valid, or that needs more room.
func unpackLZ4Block(
    _ block: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer, at start: Int, end: Int, history: Int
) -> Int? {
    var reader = unsafe LZ4BlockReader(block)
    var position = start
    while let token = reader.next() {
        guard let literals = reader.length(Int(token >> 4)), literals <= reader.count - reader.offset,
            literals <= end - position
        else { return nil }
        // Both bounds were checked above.
        if literals <= shortRun, reader.offset + literals + 8 <= reader.count, position + literals + 8 <= end {
            unsafe room.copyWords(from: block, at: reader.offset, count: literals, to: position)
        } else {
            unsafe room.copy(from: block, at: reader.offset, count: literals, to: position)
        }
        reader.offset += literals
        position += literals
        // The last sequence has no match.
        if reader.offset == reader.count { return position - start }
        guard let low = reader.next(), let high = reader.next() else { return nil }
        let distance = Int(low) | Int(high) << 8
        guard distance > 0, distance <= position - history, let extra = reader.length(Int(token & 15)),
            extra <= end - position - 4
        else { return nil }
        // Source and destination lie between `history` and `end`.
        if distance >= 8, extra <= shortRun, extra <= end - position - 12 {
            unsafe room.copyWords(
                from: UnsafeRawBufferPointer(room), at: position - distance, count: extra + 4, to: position)
        } else {
            unsafe room.repeatBytes(distance: distance, at: position, count: extra + 4)
        }
        position += extra + 4
    }
    return nil
}

/// Bytes up to which a call of memcpy costs more than it saves.
private let shortRun = 64

/// Reads a block byte by byte.
@safe private struct LZ4BlockReader {
    private let block: UnsafeRawBufferPointer
    let count: Int
    var offset = 0

    init(_ block: UnsafeRawBufferPointer) {
        unsafe self.block = block
        count = block.count
    }

    mutating func next() -> UInt8? {
        guard offset < count else { return nil }
        defer { offset += 1 }
        // The guard above is the bound.
        return unsafe block[offset]
    }

    /// A length whose first four bits are all ones goes on in the bytes that follow, up to one that is not 255.
    mutating func length(_ first: Int) -> Int? {
        guard first == 15 else { return first }
        var length = first
        while let byte = next() {
            length += Int(byte)
            if byte != 255 { return length }
        }
        return nil
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Copies what the caller has checked to lie within both buffers.
    fileprivate func copy(from source: UnsafeRawBufferPointer, at offset: Int, count: Int, to position: Int) {
        guard count > 0, let from = source.baseAddress, let to = baseAddress else { return }
        unsafe (to + position).copyMemory(from: from + offset, byteCount: count)
    }

    /// Copies in words of 8 bytes, so up to 8 bytes more than `count`; the caller has checked that these lie within both
    /// buffers, too. Source and destination may overlap where they are a word apart.
    @inline(__always) fileprivate func copyWords(
        from source: UnsafeRawBufferPointer, at offset: Int, count: Int, to position: Int
    ) {
        guard let from = source.baseAddress, let to = baseAddress else { return }
        var done = 0
        while done < count {
            unsafe (to + position + done).storeBytes(
                of: (from + offset + done).loadUnaligned(as: UInt64.self), as: UInt64.self)
            done += 8
        }
    }

    /// Writes `count` bytes at `position` that repeat those `distance` before it; they may overlap.
    fileprivate func repeatBytes(distance: Int, at position: Int, count: Int) {
        guard let base = baseAddress else { return }
        var done = 0
        while done < count {
            // What was written is there to be copied: each pass may copy as much as lies between source and end.
            let step = Swift.min(count - done, distance + done)
            unsafe (base + position + done).copyMemory(from: base + position - distance, byteCount: step)
            done += step
        }
    }
}
