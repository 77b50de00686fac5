// SPDX-License-Identifier: MIT

/// Every case in a whole Debian, in the order in which they are run.
enum SystemCatalogue {
    static let all: [SystemCase] = groups.flatMap { $0 }

    private static let groups: [[SystemCase]] = [
        SystemRebootCases.all,
        SystemSwitchCases.all,
        SystemFaultCases.all,
        SystemInitCases.all,
        SystemKernelCases.all,
        SystemPackageCases.all,
        SystemWalkCases.all,
        SystemCompanionCases.all,
        SystemInitramfsCases.all,
        SystemCrashCases.all,
        SystemRemoteCases.all,
    ]
}
