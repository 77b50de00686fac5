// SPDX-License-Identifier: MIT
// Not part of the payloads: purgatory has no room for a second loop.

/// An engine that takes two runs of blocks side by side, which can be faster than one after the other.
public protocol PairedSHA256Engine: SHA256Engine {
    /// Both runs have the same size, a multiple of 64 bytes.
    func absorb(
        _ first: RawSpan, into firstState: inout SHA256.State, _ second: RawSpan, into secondState: inout SHA256.State)
}

extension PairedSHA256Engine {
    /// One after the other, for an engine that cannot do better.
    public func absorb(
        _ first: RawSpan, into firstState: inout SHA256.State, _ second: RawSpan, into secondState: inout SHA256.State
    ) {
        absorb(first, into: &firstState)
        absorb(second, into: &secondState)
    }
}

extension SHA256 {
    /// The digests of two runs of memory.
    public static func hash(
        _ first: RawSpan, _ second: RawSpan, engine: some PairedSHA256Engine
    ) -> (first: State, second: State) {
        let common = min(first.byteCount, second.byteCount) & ~63
        var states = (first: initialState, second: initialState)
        engine.absorb(
            first.extracting(first: common), into: &states.first, second.extracting(first: common),
            into: &states.second)
        absorb(first, from: common, into: &states.first, engine)
        absorb(second, from: common, into: &states.second, engine)
        return states
    }
}
