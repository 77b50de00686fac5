// SPDX-License-Identifier: MIT
internal import BootFormats
internal import PhysicalMemory

/// Turns PT_LOADs, which may begin and end anywhere, into runs of whole pages, which is all that kexec_load takes.
///
/// What fills pages alone stays a range of the file. A page that PT_LOADs share, or that one begins in the middle of,
/// is put together in memory:
///
///     p_paddr     0x1000       0x2345                      0x4000
///                 |--- first ---|------ second -------------|
///     runs        |  file  ||  made  ||        file         |
enum ELFPageRuns {
    struct Run: Hashable {
        var place: PhysicalRange
        var contents: SegmentContents
    }

    /// Runs ascending by address; the image's checks have seen to it that PT_LOADs neither overlap nor wrap.
    static func runs(of image: ELFImage, bytes: borrowing RawSpan) -> [Run] {
        let loads = image.segments.filter { $0.memorySize > 0 }.sorted { $0.physicalAddress.rawValue }
        var runs: [Run] = []
        for load in loads { append(load, to: &runs, bytes) }
        return merged(runs, bytes)
    }

    private static func append(_ load: ELFLoadSegment, to runs: inout [Run], _ bytes: borrowing RawSpan) {
        let start = load.physicalAddress.rawValue
        let end = start + load.memorySize
        let fileEnd = start + UInt64(load.file.count)
        let firstWhole = min(start.roundedUp(to: pageSize) ?? .max, end)
        if start < firstWhole {
            let page = start.roundedDown(to: pageSize)
            var made = contentsOfSharedPage(page, runs: &runs, bytes)
            let count = Int(min(fileEnd, firstWhole) - min(start, fileEnd))
            let offset = Int(start - page)
            while made.count < offset { made.append(0) }
            made += copy(bytes, load.file.lowerBound..<load.file.lowerBound + count)
            runs.append(Run(place: pages(page, firstWhole), contents: .bytes(made)))
        }
        guard firstWhole < end else { return }
        let skipped = Int(min(firstWhole, fileEnd) - start)
        let file = load.file.lowerBound + min(skipped, load.file.count)..<load.file.upperBound
        runs.append(Run(place: pages(firstWhole, end), contents: .kernel(file)))
    }

    /// Takes the page at `page` away from the runs before it, and returns the bytes they had for it.
    private static func contentsOfSharedPage(_ page: UInt64, runs: inout [Run], _ bytes: borrowing RawSpan) -> [UInt8] {
        guard let last = runs.last, last.place.end.rawValue > page else { return [] }
        runs.removeLast()
        let before = Int(page - last.place.start.rawValue)
        switch last.contents {
        case .kernel(let file):
            let cut = min(before, file.count)
            if before > 0 {
                runs.append(
                    Run(
                        place: pages(last.place.start.rawValue, page),
                        contents: .kernel(file.lowerBound..<file.lowerBound + cut)))
            }
            return copy(bytes, file.lowerBound + cut..<file.upperBound)
        case .bytes(let made): return made
        case .initrd: return []
        }
    }

    /// Runs that follow each other in memory become one made run where there are more than the kernel takes: slower,
    /// but loaded.
    private static func merged(_ runs: [Run], _ bytes: borrowing RawSpan) -> [Run] {
        guard runs.count > maximumRuns else { return runs }
        var result: [Run] = []
        var room = largestMade
        var first = 0
        while first < runs.count {
            var end = first + 1
            while end < runs.count, runs[end].place.start == runs[end - 1].place.end,
                runs[end].place.end.rawValue - runs[first].place.start.rawValue <= room
            {
                end += 1
            }
            if end - first > 1 {
                let run = joined(runs[first..<end], bytes)
                room -= run.place.size
                result.append(run)
            } else {
                result.append(runs[first])
            }
            first = end
        }
        return result
    }

    /// One run of several without a gap between them.
    private static func joined(_ runs: ArraySlice<Run>, _ bytes: borrowing RawSpan) -> Run {
        let start = runs.first?.place.start ?? .zero
        var made: [UInt8] = []
        for run in runs {
            let offset = Int(clamping: run.place.start.rawValue - start.rawValue)
            made += [UInt8](repeating: 0, count: max(0, offset - made.count))
            made += contents(of: run, bytes)
        }
        return Run(place: PhysicalRange(from: start, to: runs.last?.place.end ?? start), contents: .bytes(made))
    }

    /// 16 segments, less those that a plan needs besides the image.
    private static let maximumRuns = 10

    /// Made runs are memory of ours: an image of a few KiB must not be able to ask for all of it.
    private static let largestMade: UInt64 = 64 << 20

    private static func contents(of run: Run, _ bytes: borrowing RawSpan) -> [UInt8] {
        switch run.contents {
        case .kernel(let file): copy(bytes, file)
        case .bytes(let made): made
        case .initrd: []
        }
    }

    private static func pages(_ start: UInt64, _ end: UInt64) -> PhysicalRange {
        PhysicalRange(from: PhysicalAddress(start), to: PhysicalAddress(end.roundedUp(to: pageSize) ?? .max))
    }

    static func copy(_ bytes: borrowing RawSpan, _ range: Range<Int>) -> [UInt8] {
        let range = range.clamped(to: 0..<bytes.byteCount)
        // The range was clamped to the span's bounds above, and the pointer does not leave this call.
        return unsafe bytes.withUnsafeBytes { unsafe Array($0[range]) }
    }
}

extension PlanDraft {
    /// Adds the segments of an image that names its addresses; where one is not to be had, refuses and returns false.
    @inline(never) mutating func claim(_ image: ELFImage, bytes: borrowing RawSpan) -> Bool {
        for (index, run) in ELFPageRuns.runs(of: image, bytes: bytes).enumerated() {
            let name = index == 0 ? "kernel" : "kernel-\(index + 1)"
            guard claim(run.place, for: name) else { return false }
            add(Segment(name: name, place: run.place, contents: run.contents))
        }
        return true
    }
}
