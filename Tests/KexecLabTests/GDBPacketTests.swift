// SPDX-License-Identifier: MIT
import Testing

@testable import kexec_lab

struct GDBPacketTests {
    @Test func carriesTheSumOfItsBytes() {
        #expect(GDBPacket.encoded("OK") == Array("$OK#9a".utf8))
        #expect(GDBPacket.encoded("") == Array("$#00".utf8))
    }

    @Test func waitsForAWholePacketAndSkipsAcknowledgements() throws {
        var bytes = Array("+$O".utf8)
        #expect(try GDBPacket.take(from: &bytes) == nil)
        bytes += Array("K#9a+$T05#b9".utf8)
        #expect(try GDBPacket.take(from: &bytes) == "OK")
        #expect(try GDBPacket.take(from: &bytes) == "T05")
        #expect(bytes.isEmpty)
    }

    @Test func refusesAWrongSum() {
        var bytes = Array("$OK#9b".utf8)
        #expect(throws: LabError.self) { try GDBPacket.take(from: &bytes) }
    }
}
