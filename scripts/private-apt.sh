# SPDX-License-Identifier: MIT
# An apt of our own, whose state leaves the system's alone: sourced by what fetches packages without installing them.

# private_apt FOLDER ARCHITECTURE: makes its state in FOLDER, and sends what apt says to FOLDER/log.
private_apt() {
    state=$1
    architecture=$2
    mkdir -p "$state/etc/apt.conf.d" "$state/etc/preferences.d" "$state/etc/trusted.gpg.d" "$state/lists/partial" \
        "$state/cache/archives/partial"
    : >"$state/status"
    : >"$state/log"
    archive=$(env -u APT_CONFIG apt-get indextargets --format '$(SITE)' 2>/dev/null | grep -m 1 '/debian$') || archive=
    cat >"$state/apt.conf" <<END
Dir::Etc "$state/etc";
Dir::Etc::Parts "/etc/apt/apt.conf.d";
Dir::Etc::SourceList "$state/sources.list";
Dir::State "$state";
Dir::State::status "$state/status";
Dir::Cache "$state/cache";
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
END
    export APT_CONFIG="$state/apt.conf"
}

# private_apt_fetch deb|deb-src SUITE COMMAND...: the command of apt-get, in FOLDER, with the lists of this suite alone.
private_apt_fetch() {
    type=$1
    suite=$2
    shift 2
    rm -rf "$state"/lists/* "$state"/*.deb
    mkdir -p "$state/lists/partial"
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    echo "$type [arch=$architecture signed-by=$keyring] ${archive:-http://deb.debian.org/debian} $suite main" \
        >"$state/sources.list"
    apt-get update </dev/null >"$state/log" 2>&1 && (cd "$state" && apt-get "$@" </dev/null >"$state/log" 2>&1)
}

# private_apt_unpack FOLDER: a system of its own in FOLDER, made anew of all packages that were downloaded.
private_apt_unpack() {
    rm -rf "$1"
    mkdir -p "$1"
    # base-files has the links from /bin to /usr/bin, which the others are unpacked through.
    for package in "$state"/cache/archives/base-files_*.deb "$state"/cache/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x -C "$1" --keep-directory-symlink
    done
}
