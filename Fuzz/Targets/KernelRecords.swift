// SPDX-License-Identifier: MIT
// Binary records of the running kernel: setup_data nodes, boot_params, rtnetlink, the RSDP; the first byte chooses which.
// runs: 2
@testable import BootFormats
import Handoff
@testable import Kexec

func fuzzKernelRecords(_ input: UnsafeRawBufferPointer) {
    let bytes = Array(input)
    guard let choice = bytes.first else { return }
    let record = Array(bytes.dropFirst())
    switch choice % 4 {
    case 0: checkTrace(record)
    case 1: checkBootParameters(record)
    case 2: checkNetlink(record)
    default: checkRootPointer(record)
    }
}

private func checkTrace(_ record: [UInt8]) {
    guard let trace = try? TraceRecord(parsing: record.span.bytes) else { return }
    expect(trace.encoded == Array(record.prefix(TraceRecord.size)), "a record is written as it was read")
}

private func checkBootParameters(_ record: [UInt8]) {
    guard let info = EFIInfo(in: record) else { return }
    expect(info.encoded == Array(record[0x1c0..<0x1e0]), "efi_info is written as it was read")
    var page = BootParameters()
    page.setEFIInfo(info)
    expect(EFIInfo(in: page.bytes) == info, "efi_info is read as it was written")
}

private func checkNetlink(_ record: [UInt8]) {
    var reply = NetlinkReply()
    _ = reply.take(record[...])
    expect(reply.messages.count <= record.count, "an answer is no longer than what came")
    let link = NetworkLink(index: 2, name: "eth0", takesAdvertisements: true)
    let messages = NetlinkMessage.split(reply.messages)
    expect(messages.reduce(0) { $0 + $1.bytes.count } <= reply.messages.count, "no message is there twice")
    for message in messages {
        expect(NetlinkMessage.split(message.bytes) == [message], "a message is one whole message")
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
    expect(pointer.new == nil || pointer.new == record, "revision 2 is handed on as it was read")
    guard let old = pointer.old else { return }
    expect(old.count == 20 && old.reduce(0, &+) == 0, "revision 0 has 20 bytes, whose sum is 0")
    expect(old[..<8] == record[..<8] && old[9..<15] == record[9..<15], "what both revisions have is the same")
    expect(old[16...] == record[16..<20] && old[15] == 0, "the RSDT is the same")
}
