// SPDX-License-Identifier: MIT

/// Every case in a whole Debian, in the order in which they are run.
enum SystemCatalogue {
    static let all: [SystemCase] = groups.flatMap { group in
        group.all.map { test in
            var test = test
            test.source = "\(group).swift"
            return test
        }
    }

    private static let groups: [any SystemCaseGroup.Type] = [
        SystemRebootCases.self,
        SystemSwitchCases.self,
        SystemFaultCases.self,
        SystemInitCases.self,
        SystemKernelCases.self,
        SystemPackageCases.self,
        SystemWalkCases.self,
        SystemCompanionCases.self,
        SystemInitramfsCases.self,
        SystemCrashCases.self,
        SystemRemoteCases.self,
    ]
}
