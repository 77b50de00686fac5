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
    guard let source = block.baseAddress, let target = room.baseAddress else { return nil }
    // The caller vouches for both ranges.
    var sequences = unsafe LZ4Sequences(
        input: source, inputSize: block.count, output: target + start, outputSize: end - start,
        oldest: target + history)
    while true {
        sequences.takeShortOnes()
        switch sequences.takeOne() {
        case .taken: continue
        case .ended: return unsafe sequences.output - (target + start)
        case .invalid: return nil
        }
    }
}

/// A block that is being unpacked. Both pointers move between their starts and ends; each step compares what it takes
/// with what is left.
@safe private struct LZ4Sequences {
    private var input: UnsafeRawPointer
    private let inputEnd: UnsafeRawPointer
    private(set) var output: UnsafeMutableRawPointer
    private let outputEnd: UnsafeMutableRawPointer
    /// Where matches may begin.
    private let oldest: UnsafeMutableRawPointer
    /// A sequence that begins before both of these may be a short one.
    private let shortInputEnd: UnsafeRawPointer
    private let shortOutputEnd: UnsafeMutableRawPointer

    init(
        input: UnsafeRawPointer, inputSize: Int, output: UnsafeMutableRawPointer, outputSize: Int,
        oldest: UnsafeMutableRawPointer
    ) {
        unsafe self.input = input
        unsafe inputEnd = input + inputSize
        unsafe self.output = output
        unsafe outputEnd = output + outputSize
        unsafe self.oldest = oldest
        unsafe shortInputEnd = input + max(0, inputSize - Self.shortInput)
        unsafe shortOutputEnd = output + max(0, outputSize - Self.shortOutput)
    }

    /// One less than the bytes that a short sequence touches: a token and 16 more; 14 literals and 18 more.
    private static let shortInput = 16
    private static let shortOutput = 31

    /// Takes sequences as long as they are like most: fewer than 15 literals, and a match of fewer than 19 bytes from 8
    /// or more bytes before. Those are copied whole words at a time, whatever their lengths, for the next one writes
    /// over what was too much; so it does with what was copied before a sequence turned out to be another. None of them
    /// is the last one: that has no match, so the input ends with its literals.
    @inline(__always) mutating func takeShortOnes() {
        // The loop's condition leaves enough of both for all that is touched.
        while unsafe input < shortInputEnd, unsafe output < shortOutputEnd {
            let token = Int(unsafe input.load(as: UInt8.self))
            let literals = token &>> 4
            if literals == 15 { return }
            unsafe copyBlock(from: input + 1, to: output)
            let to = unsafe output + literals
            let distance = Int(
                UInt16(littleEndian: unsafe input.loadUnaligned(fromByteOffset: 1 &+ literals, as: UInt16.self)))
            let from = unsafe to - distance
            if unsafe from < oldest { return }
            unsafe copyWord(from: from, to: to)
            if distance < 8 { return }
            unsafe copyWord(from: from + 8, to: to + 8)
            unsafe (to + 16).storeBytes(of: (from + 16).loadUnaligned(as: UInt16.self), as: UInt16.self)
            let match = token & 15
            if match == 15 { return }
            unsafe input += literals &+ 3
            unsafe output = to + (match &+ 4)
        }
    }

    enum Outcome { case taken, ended, invalid }

    /// Takes any sequence.
    @inline(__always) mutating func takeOne() -> Outcome {
        guard let token = next(), copyLiterals(Int(token >> 4)) else { return .invalid }
        if unsafe input == inputEnd { return .ended }
        guard let low = next(), let high = next(),
            copyMatch(distance: Int(low) | Int(high) << 8, Int(token & 15))
        else { return .invalid }
        return .taken
    }

    @inline(__always) private mutating func next() -> UInt8? {
        guard unsafe input < inputEnd else { return nil }
        // There is one.
        let byte = unsafe input.load(as: UInt8.self)
        unsafe input += 1
        return byte
    }

    /// A length whose first four bits are all ones goes on in the bytes that follow, up to one that is not 255.
    private mutating func length(_ first: Int) -> Int? {
        guard first == 15 else { return first }
        var length = first
        while let byte = next() {
            length += Int(byte)
            if byte != 255 { return length }
        }
        return nil
    }

    @inline(__always) private mutating func copyLiterals(_ first: Int) -> Bool {
        guard let literals = length(first), unsafe literals <= inputEnd - input, unsafe literals <= outputEnd - output
        else { return false }
        // Both have as many left.
        unsafe output.copyMemory(from: input, byteCount: literals)
        unsafe input += literals
        unsafe output += literals
        return true
    }

    @inline(__always) private mutating func copyMatch(distance: Int, _ first: Int) -> Bool {
        guard distance > 0, unsafe distance <= output - oldest, let extra = length(first),
            unsafe extra <= outputEnd - output - 4
        else { return false }
        let length = extra + 4
        // What repeats itself after `distance` does so after each multiple, too: from 16 on whole blocks can be copied.
        var stride = distance
        while stride < 16 { stride += distance }
        copyBytes(0..<min(length, stride - distance), distance)
        var done = min(length, stride - distance)
        // A last block may be longer than what is left of the match, where there is room.
        let blocksEnd = unsafe min(length, outputEnd - output - 15)
        while done < blocksEnd {
            unsafe copyBlock(from: output + (done &- stride), to: output + done)
            done &+= 16
        }
        if done < length { copyBytes(done..<length, distance) }
        unsafe output += length
        return true
    }

    /// The caller has seen to it that these bytes of the output, and those that far before them, exist.
    private func copyBytes(_ range: Range<Int>, _ distance: Int) {
        var target = unsafe output + range.lowerBound
        let end = unsafe output + range.upperBound
        while unsafe target < end {
            unsafe target.storeBytes(of: (target - distance).load(as: UInt8.self), as: UInt8.self)
            unsafe target += 1
        }
    }
}

/// 8 bytes. The callers answer for the bounds.
@inline(__always) private func copyWord(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
    unsafe target.storeBytes(of: source.loadUnaligned(as: UInt64.self), as: UInt64.self)
}

/// 16 bytes, which do not overlap. The callers answer for the bounds.
@inline(__always) private func copyBlock(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
    unsafe target.storeBytes(of: source.loadUnaligned(as: SIMD2<UInt64>.self), as: SIMD2<UInt64>.self)
}
