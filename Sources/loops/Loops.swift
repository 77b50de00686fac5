// SPDX-License-Identifier: MIT
internal import BootFormats
internal import CLinux
internal import Handoff

// The loops that a kexec spends its time in, with this processor's time for each: the shipped sources, compiled and linked
// as build/kexec is. A tool for development (`kexec-lab bench`), never installed.
//
// usage: loops FILE…, files compressed as kernels are
// prints `NAME BYTES NANOSECONDS` for each: bytes that were read, for decoders those that came out.

@c(loops_main)
func loopsMain(count: Int32, arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> Int32 {
    measureMemory()
    var index = 1
    // The kernel and the C library promise a null behind the last argument.
    while let arguments = unsafe arguments, let word = unsafe arguments[index] {
        let path = unsafe String(cString: word)
        do throws(FileProblem) {
            try measureDecoder(path)
        } catch {
            print("cannot unpack \(path)")
            return 1
        }
        index += 1
    }
    return unsafe sink == 0 ? 2 : 0
}

/// CLOCK_THREAD_CPUTIME_ID
private let threadTime: Int32 = 3

/// The shortest of several runs, in nanoseconds.
private func best(of runs: Int, _ body: () throws(FileProblem) -> Void) throws(FileProblem) -> UInt64 {
    var shortest = UInt64.max
    for _ in 0..<runs {
        let start = kx_nanoseconds(threadTime)
        try body()
        shortest = min(shortest, kx_nanoseconds(threadTime) - start)
    }
    return shortest
}

private func report(_ name: String, _ bytes: Int, _ nanoseconds: UInt64) { print("\(name) \(bytes) \(nanoseconds)") }

/// More than any cache holds.
private let size = 256 << 20
/// Results that nobody reads would let the compiler leave the work out: the program's status depends on this one.
nonisolated(unsafe) private var sink: UInt64 = 0

private func measureMemory() {
    let source = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 4096)
    let target = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 4096)
    var state: UInt64 = 88_172_645_463_325_252
    for offset in stride(from: 0, to: size, by: 8) {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        // Inside the buffer: its size is a multiple of 8.
        unsafe source.storeBytes(of: state, toByteOffset: offset, as: UInt64.self)
    }
    unsafe target.copyMemory(from: UnsafeRawBufferPointer(source))
    // The span does not outlive the buffer, which is never given back.
    let bytes = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(source))
    func measure(_ name: String, runs: Int, _ body: () -> Void) {
        // Nothing here throws.
        if let time = try? best(of: runs, { () throws(FileProblem) in body() }) { report(name, size, time) }
    }
    measure("memcpy", runs: 7) {
        unsafe target.copyMemory(from: UnsafeRawBufferPointer(source))
        // A word that the compiler cannot know, inside the buffer, so that the copy is needed.
        unsafe sink ^= target.load(fromByteOffset: Int(sink & 0xff) * 8, as: UInt64.self)
    }
    measure("fast-hash", runs: 7) { unsafe sink ^= FastHash.hash(bytes) }
    measure("sha256-portable", runs: 3) {
        unsafe sink ^= UInt64(SHA256.hash(bytes, engine: VectorSHA256())[0])
    }
    guard kx_has_sha_extensions() != 0 else { return }
    checkPairs(bytes.extracting(first: 1 << 12))
    measure("sha256-extensions", runs: 5) { unsafe sink ^= UInt64(SHA256.hash(bytes, engine: HostSHA256())[0]) }
    measure("sha256-two-streams", runs: 5) {
        let halves = (bytes.extracting(first: size / 2), bytes.extracting(last: size / 2))
        unsafe sink ^= UInt64(SHA256.hash(halves.0, halves.1, engine: HostSHA256()).first[0])
    }
}

/// What no unit test reaches, for only the shipped programs are linked with it: both streams of the extensions.
private func checkPairs(_ bytes: RawSpan) {
    for size in 0..<400 {
        let (one, other) = (bytes.extracting(first: size), bytes.extracting(last: 777 - size))
        let found = SHA256.hash(one, other, engine: HostSHA256())
        guard SegmentDigest(found.first) == SegmentDigest(.sha256, of: one),
            SegmentDigest(found.second) == SegmentDigest(.sha256, of: other)
        else {
            print("sha256-two-streams differs from the portable code at \(size) bytes")
            exit(1)
        }
    }
}

private func measureDecoder(_ path: String) throws(FileProblem) {
    var budget = MemoryBudget()
    let file = try OpenedFile(path: ByteString(path)).mapped(as: .kernel, drawingFrom: &budget)
    guard let compression = Compression(recognizing: file.bytes) else { return }
    var unpackedSize = 0
    let time = try best(of: 3) { () throws(FileProblem) in
        var output = try MemoryFile(limit: 4 << 30)
        try unpack(file.bytes, compression, .payload, into: &output)
        unpackedSize = output.count
    }
    report(compression.name, unpackedSize, time)
}
