// SPDX-License-Identifier: MIT
// Binary records of the running kernel: setup_data nodes, boot_params, rtnetlink, the RSDP; the first byte chooses which.
// runs: 2
@testable import BootFormats
import Handoff
@testable import Kexec

@_cdecl("LLVMFuzzerTestOneInput")
public func readKernelRecord(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    guard let choice = bytes.first else { return 0 }
    let record = Array(bytes.dropFirst())
    switch choice % 4 {
    case 0: checkTrace(record)
    case 1: checkBootParameters(record)
    case 2: checkNetlink(record)
    default: checkRootPointer(record)
    }
    return 0
}

private func checkTrace(_ record: [UInt8]) {
    do throws(TraceRecordError) {
        let trace = try TraceRecord(parsing: record.span.bytes)
        expect(trace.encoded == Array(record.prefix(TraceRecord.size)), "a record is written as it was read")
    } catch {}
}

private func checkBootParameters(_ record: [UInt8]) {
    guard let info = EFIInfo(in: record) else { return }
    expect(info.encoded == Array(record[0x1c0..<0x1e0]), "efi_info is written as it was read")
}

private func checkNetlink(_ record: [UInt8]) {
    var reply = NetlinkReply()
    _ = reply.take(record[...])
    expect(reply.messages.count <= record.count, "an answer is no longer than what came")
    let link = NetworkLink(index: 2, name: "eth0", takesAdvertisements: true)
    for message in NetlinkMessage.split(reply.messages) {
        _ = ReplayRequest.isAdvertised(message, on: [link])
        let requests = [
            ReplayRequest.address(message), ReplayRequest.route(message), ReplayRequest.neighbour(message),
        ]
        for request in requests.compactMap({ $0 }) {
            expect(NetlinkMessage.split(request.bytes) == [request], "a request is one whole message")
        }
    }
}

private func checkRootPointer(_ record: [UInt8]) {
    guard let pointer = ACPIRootPointer(record) else { return }
    expect(pointer.old == nil || pointer.old?.count == 20, "revision 0 has 20 bytes")
    expect(pointer.new == nil || pointer.new == record, "revision 2 is handed on as it was read")
}
