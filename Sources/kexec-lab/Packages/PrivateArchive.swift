// SPDX-License-Identifier: MIT
import Foundation

/// Debian's archive through an apt configuration of our own: nothing is installed, the system's apt state is not touched,
/// and apt checks every signature and digest as always.
struct PrivateArchive {
    let cache: CacheFolder
    private let configuration: String

    /// Suites for kernels and programs. Only Debian 12 has 32-bit kernels, and only its plain suite is read for i386:
    /// the i386 indices of the others are not always consistent, and apt then drops the whole suite.
    private static let suites = [
        "bookworm", "bookworm-security", "bookworm-backports", "trixie", "trixie-security", "trixie-backports",
    ]
    private static let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

    init(in cache: CacheFolder) throws {
        self.cache = cache
        let folder = try cache.folder("apt")
        configuration = "\(folder)/apt.conf"
        for name in ["etc/apt.conf.d", "etc/preferences.d", "etc/trusted.gpg.d", "state/lists/partial", "cache"] {
            _ = try cache.folder("apt/\(name)")
        }
        guard FileManager.default.fileExists(atPath: Self.keyring) else {
            throw LabError("'\(Self.keyring)' is missing: install the package debian-archive-keyring")
        }
        // An empty status file: nothing counts as installed, so that whole dependency closures are downloaded.
        try "".write(toFile: "\(folder)/state/status", atomically: true, encoding: .utf8)
        try sourceList(AptSources()).write(toFile: "\(folder)/etc/sources.list", atomically: true, encoding: .utf8)
        try settings(folder).write(toFile: configuration, atomically: true, encoding: .utf8)
    }

    private func sourceList(_ sources: AptSources) -> String {
        Self.suites.map { suite in
            let architectures = suite == "bookworm" ? "amd64,i386" : "amd64"
            let address = suite.hasSuffix("-security") ? sources.security : sources.main
            return "deb [arch=\(architectures) signed-by=\(Self.keyring)] \(address) \(suite) main\n"
        }.joined()
    }

    private func settings(_ folder: String) -> String {
        """
        Dir "\(folder)";
        Dir::Etc "\(folder)/etc";
        Dir::Etc::netrc "/etc/apt/auth.conf";
        Dir::Etc::netrcparts "/etc/apt/auth.conf.d";
        Dir::State "\(folder)/state";
        Dir::State::status "\(folder)/state/status";
        Dir::Cache "\(folder)/cache";
        APT::Architecture "amd64";
        APT::Architectures { "amd64"; "i386"; };
        APT::Get::Install-Recommends "false";
        APT::Sandbox::User "root";
        Acquire::Languages "none";
        Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
        Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
        Debug::NoLocking "true";

        """
    }

    /// The proxies of the system's configuration: our own configuration does not read `/etc/apt/apt.conf.d`, whose hooks
    /// could act on the system.
    func inheritProxies() async throws {
        let dump = try await HostCommand("apt-config", ["dump"]).output()
        let proxies = dump.split(separator: "\n").filter { line in
            line.hasPrefix("Acquire::http") && line.contains("Proxy") || line.hasPrefix("Acquire::https::")
        }
        guard !proxies.isEmpty else { return }
        let text = try String(contentsOfFile: configuration, encoding: .utf8) + proxies.joined(separator: "\n") + "\n"
        try text.write(toFile: configuration, atomically: true, encoding: .utf8)
    }

    func update() async throws { _ = try await apt("apt-get", ["update", "--error-on=any"]) }

    /// The newest package whose whole name matches, as `name:architecture`.
    func newest(_ pattern: PackagePattern) async throws -> String {
        let expression = try Regex(pattern.expression)
        let names = try await apt("apt-cache", ["pkgnames", pattern.prefix]).split(separator: "\n").map(String.init)
        let matching = names.filter { $0.wholeMatch(of: expression) != nil }
        guard let newest = matching.max(by: { $0.compare($1, options: .numeric) == .orderedAscending }) else {
            throw LabError("no package matches '\(pattern.expression)'; is the archive complete?")
        }
        return "\(newest):\(pattern.architecture)"
    }

    /// The packages among those that `package` depends on directly whose names begin with one of `prefixes`.
    func dependencies(of package: String, beginningWith prefixes: [String]) async throws -> [String] {
        let list = try await apt("apt-cache", ["depends", "--important", package])
        return list.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 2, words[0] == "Depends:" else { return nil }
            let name = String(words[1])
            return prefixes.contains { name.hasPrefix($0) } ? name : nil
        }
    }

    /// Downloads one package.
    func download(_ package: String, to folder: String) async throws {
        _ = try await apt("apt-get", ["download", package], workingDirectory: folder)
    }

    /// Downloads packages of one release with everything that they depend on.
    func downloadClosure(_ packages: [String], release: String, to folder: String) async throws {
        try FileManager.default.createDirectory(atPath: "\(folder)/partial", withIntermediateDirectories: true)
        let options = [
            "-y", "-q", "--download-only", "-o", "APT::Default-Release=\(release)", "-o",
            "Dir::Cache::archives=\(folder)",
        ]
        _ = try await apt("apt-get", options + ["install"] + packages)
    }

    private func apt(_ program: String, _ arguments: [String], workingDirectory: String? = nil) async throws -> String {
        try await HostCommand(
            program, arguments, environment: ["APT_CONFIG": configuration, "LC_ALL": "C"],
            workingDirectory: workingDirectory
        ).output()
    }
}
