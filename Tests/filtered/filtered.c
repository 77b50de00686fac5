// SPDX-License-Identifier: MIT
// usage: filtered kill|ERRNO PROGRAM ARGUMENT…: starts the program behind a filter of system calls that ends it (SIGSYS,
// status 159 in a shell) where it makes one of kexec_load, kexec_file_load, reboot and capset; or, with an errno, lets the
// first two fail so, as a container's filter does.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **arguments) {
    if (count < 3) return 2;
    int kills = strcmp(arguments[1], "kill") == 0;
    unsigned answer = kills ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | (unsigned)atoi(arguments[1]);
    // What no call has as its number is let through.
    unsigned reboot = kills ? SYS_reboot : ~0u, capset = kills ? SYS_capset : ~0u;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kexec_load, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kexec_file_load, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, reboot, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, capset, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        perror("filtered");
        return 3;
    }
    execv(arguments[2], arguments + 2);
    perror(arguments[2]);
    return 4;
}
