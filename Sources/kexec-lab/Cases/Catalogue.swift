// SPDX-License-Identifier: MIT

/// Every case, in the order in which they are run.
enum Catalogue {
    static let all: [Case] = groups.flatMap { $0 }

    private static let groups: [[Case]] = [
        JumpCases.all,
        NetworkRootCases.all,
        BadInputCases.all,
        ImageCases.all,
        EntryCases.all,
        X2APICCases.all,
        FirmwareStateCases.all,
        MultibootCases.all,
        NBICases.all,
        KexecTestCases.all,
        BIOSBootCases.all,
        MkelfimageCases.all,
        FirmwareMemoryCases.all,
        DigestCases.all,
        DecompressionCases.all,
        PackedInitrdCases.all,
        AddressChainCases.all,
        FastCases.all,
        CrashCases.all,
        MachineCases.all,
        SecurityCases.all,
        IntegrityCases.all,
        ModuleCases.all,
        ModuleRuleCases.all,
        ModuleSpeedCases.all,
        BootParametersCases.all,
        PeerCases.all,
        ResourceCases.all,
        FieldCases.all,
        MatrixCases.all,
    ]
}
