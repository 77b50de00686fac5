// SPDX-License-Identifier: MIT
#if canImport(Handoff)
    import Handoff
#endif

/// The ports of an AHCI controller (Serial ATA AHCI 1.3.1, sections 3.3 and 10.3).
struct AHCIPorts<Machine: MachineAccess> {
    private let machine: Machine
    private let base: UInt64

    init?(_ function: MachineFunction<Machine>) {
        guard let base = function.memory(5), base < reach else { return nil }
        machine = function.machine
        self.base = base
    }

    @inline(never) private func read(_ port: UInt32, _ register: UInt64) -> UInt32 {
        machine.read(base &+ AHCIRegister.port(port) &+ register, .word)
    }
    @inline(never) private func write(_ value: UInt32, _ port: UInt32, _ register: UInt64) {
        machine.write(value, base &+ AHCIRegister.port(port) &+ register, .word)
    }
    @inline(never) private func write64(_ value: UInt64, _ port: UInt32, _ register: UInt64) {
        write(UInt32(truncatingIfNeeded: value), port, register)
        write(UInt32(truncatingIfNeeded: value >> 32), port, register &+ 4)
    }

    private static var running: UInt32 { AHCIRegister.start | AHCIRegister.receive }

    /// Whether the port runs with firmware's list: Linux has not touched it.
    @inline(never) func holds(_ channel: ChannelRecord) -> Bool {
        let low = UInt64(read(channel.number, AHCIRegister.commandList))
        return low | UInt64(read(channel.number, AHCIRegister.commandList &+ 4)) << 32 == channel.commands
            && read(channel.number, AHCIRegister.command) & Self.running == Self.running
    }

    /// Stops all ports, those too that only Linux has started.
    /// - Parameter control: `GHC` as firmware had it.
    /// - Returns: false where one of them goes on.
    @inline(never) func stop(_ control: UInt32) -> Bool {
        // Bit 0 would reset the whole controller.
        machine.write(control & ~1 | 1 << 31, base &+ AHCIRegister.globalControl, .word)
        let implemented = machine.read(base &+ AHCIRegister.portsImplemented, .word)
        var port: UInt32 = 0
        while port < 32 {
            if implemented & 1 << port != 0 {
                write(0, port, AHCIRegister.interruptEnable)
                guard clear(AHCIRegister.start, until: AHCIRegister.isRunning, port),
                    clear(AHCIRegister.receive, until: AHCIRegister.isReceiving, port)
                else { return false }
            }
            port &+= 1
        }
        return true
    }

    @inline(never) private func clear(_ bit: UInt32, until state: UInt32, _ port: UInt32) -> Bool {
        write(read(port, AHCIRegister.command) & ~bit, port, AHCIRegister.command)
        return machine.wait { read(port, AHCIRegister.command) & state == 0 }
    }

    /// Starts a port that has stopped, with firmware's lists.
    @inline(never) func start(_ channel: ChannelRecord) {
        let port = channel.number
        write64(channel.commands, port, AHCIRegister.commandList)
        write64(channel.answers, port, AHCIRegister.receivedFIS)
        write(channel.controlOrStatus, port, AHCIRegister.control)
        machine.wait { read(port, AHCIRegister.status) & 15 == 3 }  // the disk is there, the link is up
        write(.max, port, AHCIRegister.error)
        write(.max, port, AHCIRegister.portInterrupts)
        machine.write(1 << (port & 31), base &+ AHCIRegister.interrupts, .word)
        // Spun up, powered, and of what kind the disk is; the rest of the word is not the driver's, or starts.
        let command = channel.commandOrSize & 0x0f00_0006
        write(command | AHCIRegister.receive, port, AHCIRegister.command)
        machine.wait { read(port, AHCIRegister.taskFile) & 0x88 == 0 }  // neither busy nor waiting for data
        write(command | Self.running, port, AHCIRegister.command)
        machine.wait { read(port, AHCIRegister.command) & AHCIRegister.isRunning != 0 }
        write(channel.interruptsOrNotify, port, AHCIRegister.interruptEnable)
    }
}
