// SPDX-License-Identifier: MIT

/// Every case, in the order in which they are run.
enum Catalogue {
    static let all: [Case] = groups.flatMap { group in
        group.all.map { test in
            var test = test
            test.source = "\(group).swift"
            return test
        }
    }

    private static let groups: [any CaseGroup.Type] = [
        JumpCases.self,
        NetworkRootCases.self,
        BadInputCases.self,
        ImageCases.self,
        EntryCases.self,
        X2APICCases.self,
        FirmwareStateCases.self,
        MultibootCases.self,
        NBICases.self,
        KexecTestCases.self,
        BIOSBootCases.self,
        MkelfimageCases.self,
        FirmwareMemoryCases.self,
        DigestCases.self,
        DecompressionCases.self,
        PackedInitrdCases.self,
        AddressChainCases.self,
        FastCases.self,
        CrashCases.self,
        MachineCases.self,
        SecurityCases.self,
        IntegrityCases.self,
        ModuleCases.self,
        ModuleRuleCases.self,
        ModuleSpeedCases.self,
        BootParametersCases.self,
        PeerCases.self,
        PeerEffectCases.self,
        PeerBootCases.self,
        ResourceCases.self,
        FieldCases.self,
        MatrixCases.self,
    ]
}
