// SPDX-License-Identifier: MIT
import Foundation
import Testing

@testable import Kexec

/// Counts the signals that came through.
nonisolated(unsafe) private var handled: Int32 = 0

/// Signals that a handler takes, sent to the one thread that sleeps.
@Suite(.serialized) struct SleepTests {
    private static func onSignal(_ number: Int32) {
        _ = signal(number) { _ in unsafe handled += 1 }
    }

    /// Threads that tests run in have all signals wait, and so have those that they start.
    private static func lets(_ number: Int32) {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, number)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }

    /// Runs `body` in a thread of its own, and sends it `number` every 20 ms until it is done.
    private func interrupted(by number: Int32, _ body: @escaping @Sendable () -> Void) {
        Self.onSignal(number)
        let done = DispatchSemaphore(value: 0)
        let started = DispatchSemaphore(value: 0)
        nonisolated(unsafe) var sleeper = pthread_self()
        let thread = Thread {
            unsafe sleeper = pthread_self()
            Self.lets(number)
            started.signal()
            body()
            done.signal()
        }
        thread.start()
        started.wait()
        while done.wait(timeout: .now() + .milliseconds(20)) == .timedOut { _ = unsafe pthread_kill(sleeper, number) }
        _ = signal(number, SIG_DFL)
    }

    private func milliseconds(_ body: () -> Void) -> Int {
        let start = clock_gettime_nsec()
        body()
        return Int((clock_gettime_nsec() - start) / 1_000_000)
    }
    private func clock_gettime_nsec() -> UInt64 { DispatchTime.now().uptimeNanoseconds }

    /// A terminal's new size, a child's end, a timer.
    @Test(arguments: [SIGWINCH, SIGCHLD, SIGURG])
    func sleepsAllTheTimeThroughOtherSignals(number: Int32) {
        unsafe handled = 0
        let time = milliseconds {
            interrupted(by: number) {
                var kernel = LinuxKernel()
                _ = kernel.sleep(milliseconds: 300)
            }
        }
        #expect(unsafe handled > 3)
        #expect(time >= 300)
    }

    @Test func aNightIsNotCutShort() {
        unsafe handled = 0
        let time = milliseconds {
            interrupted(by: SIGURG) {
                var kernel = LinuxKernel()
                _ = kernel.sleep(milliseconds: 1100)
            }
        }
        #expect(time >= 1100)
    }

    /// What was held comes through afterwards, and was told of by the sleep.
    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func aSignalThatWaitsIsToldByTheSleepAndComesThroughLater(number: Int32) {
        Self.onSignal(number)
        unsafe handled = 0
        nonisolated(unsafe) var (heldCount, isAsked, laterCount): (Int32, Bool, Int32) = (0, false, 0)
        let done = DispatchSemaphore(value: 0)
        let thread = Thread {
            Self.lets(number)
            var kernel = LinuxKernel()
            kernel.holdSignals(true)
            _ = pthread_kill(pthread_self(), number)
            unsafe isAsked = kernel.sleep(milliseconds: 1)
            unsafe heldCount = handled
            kernel.holdSignals(false)
            unsafe laterCount = handled
            done.signal()
        }
        thread.start()
        done.wait()
        // A connection that is lost with the link hangs up: that is no wish of anybody's.
        #expect(unsafe (heldCount, laterCount) == (0, 1))
        #expect(unsafe isAsked == (number != SIGHUP))
        _ = signal(number, SIG_DFL)
    }
}
