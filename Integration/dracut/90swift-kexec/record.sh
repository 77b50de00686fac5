#!/bin/sh
# SPDX-License-Identifier: MIT
# Sourced by dracut before udev starts: nothing here may end the shell.
if [ -x /sbin/kexec ]; then
    mkdir -p /run/swift-kexec
    /sbin/kexec --record-firmware-state=/run/swift-kexec/firmware-state >/run/swift-kexec/log 2>&1 || :
fi
