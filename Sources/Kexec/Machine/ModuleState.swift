// SPDX-License-Identifier: MIT
internal import CLinux
internal import Handoff

/// What our kernel module told of itself.
public struct ModuleState: Hashable, Sendable {
    /// Only `ModuleInterface.version` is understood; 0: a module that does not know the question.
    public var interface: UInt32
    /// It holds an image for the next jump.
    public var isLoaded = false
    /// `/sys/module/kexec_mod/parameters/disabled`: it takes no image any more.
    public var isDisabled = false
    /// The kernel has kexec of its own, and the module was told to work beside it.
    public var isBesideNative = false
    /// Loads and unloads left, `/sys/module/kexec_mod/parameters/load_limit`; nil: no limit.
    public var loadsLeft: UInt64?

    public init(interface: UInt32) { self.interface = interface }

    /// Whether this program and the module mean the same by their calls.
    public var isUnderstood: Bool { interface == ModuleInterface.version }
}

extension ModuleState {
    init(_ status: ModuleStatus) {
        self.init(interface: status.interface)
        // What another interface means by the rest is not known.
        guard isUnderstood else { return }
        isLoaded = status.flags & ModuleStatus.loaded != 0
        isDisabled = status.flags & ModuleStatus.disabled != 0
        isBesideNative = status.flags & ModuleStatus.besideNative != 0
        loadsLeft = UInt64(exactly: status.loadsLeft)
    }

    /// Asks the device; nil where it cannot be asked: there is none, this is not root, another call runs.
    static func ofDevice(_ path: String) -> ModuleState? {
        do throws(CallFailure) {
            return ModuleState(try ModuleDevice(opening: path).status())
        } catch {
            // The size of the answer is part of the question.
            return error.call == .ioctl && error.errno == ENOTTY ? ModuleState(interface: 0) : nil
        }
    }
}

extension KexecState {
    /// Whether the module holds an image; nil: not known.
    package var isModuleLoaded: Bool? {
        guard hasModule else { return false }
        return module.flatMap { $0.isUnderstood ? $0.isLoaded : nil }
    }

    /// The module is there, and takes what this kernel cannot.
    package var isModuleAlone: Bool { lacksKexec && hasModule }

    /// Everything says that the kernel has no kexec of its own. Only there is the module used unasked: it is no way
    /// around the switches of a kernel that has one.
    var lacksKexec: Bool {
        guard isSupported != true, hasKexecLoad != true, hasKexecFileLoad != true else { return false }
        // A module that answers knows its kernel, also where sysfs is not mounted and nothing was asked.
        if let module, module.isUnderstood { return !module.isBesideNative }
        return hasKexecLoad == false && hasKexecFileLoad == false
    }
}
