// SPDX-License-Identifier: MIT
import Foundation

/// A static program for the guest that takes system calls away from the program it starts:
/// `restrict no-kexec|no-jump|CALL=ERRNO|CALL=kill|boot-only PROGRAM ARGUMENTS…`.
///
/// `no-kexec` answers as a kernel built without kexec (ENOSYS, and EINVAL for the jump); `no-jump` lets everything pass
/// but the jump itself, which fails with EPERM after all checks went well. A system call by number fails with that errno,
/// or ends the program by SIGSYS (status 159), which shows that it came that far and keeps it from tidying up. `boot-only`
/// takes no call, but every capability except CAP_SYS_BOOT: `/proc/iomem` then shows no addresses.
enum Restrict {
    static func make(in workshop: Workshop) async throws -> String {
        try await workshop.made("restrict") { try await FreestandingProgram.compile(text, to: $0) }
    }

    /// Numbers are from `asm/unistd_64.h`, `linux/filter.h`, `linux/seccomp.h` and `linux/reboot.h`.
    private static let text = """
        typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long u64;
        struct filter { u16 code; u8 jt, jf; u32 k; };
        struct program { u16 length; struct filter *filters; };
        static long call(long number, long a, long b, long c, long d) {
            register long r10 __asm__("r10") = d;
            long result;
            __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                             : "rcx", "r11", "memory");
            return result;
        }
        enum { LOAD = 0x20, EQUAL = 0x15, RETURN = 0x06, ALLOW = 0x7fff0000, ERROR = 0x00050000,
               KILL = 0x80000000, EPERM = 1, EINVAL = 22, ENOSYS = 38, KEXEC_LOAD = 246, KEXEC_FILE_LOAD = 320, REBOOT = 169,
               REBOOT_KEXEC = 0x45584543 };
        static struct filter without_kexec[] = {
            { LOAD, 0, 0, 0 },                           /* the call's number */
            { EQUAL, 5, 0, KEXEC_LOAD }, { EQUAL, 4, 0, KEXEC_FILE_LOAD }, { EQUAL, 0, 2, REBOOT },
            { LOAD, 0, 0, 32 },                          /* its third argument */
            { EQUAL, 2, 0, REBOOT_KEXEC },
            { RETURN, 0, 0, ALLOW }, { RETURN, 0, 0, ERROR | ENOSYS }, { RETURN, 0, 0, ERROR | EINVAL },
        };
        static struct filter without_jump[] = {
            { LOAD, 0, 0, 0 }, { EQUAL, 0, 2, REBOOT }, { LOAD, 0, 0, 32 }, { EQUAL, 1, 0, REBOOT_KEXEC },
            { RETURN, 0, 0, ALLOW }, { RETURN, 0, 0, ERROR | EPERM },
        };
        static struct filter one_call[] = {
            { LOAD, 0, 0, 0 }, { EQUAL, 0, 1, 0 }, { RETURN, 0, 0, 0 }, { RETURN, 0, 0, ALLOW },
        };
        static int parse_one_call(const char *mode) {
            u32 number = 0, error = 0;
            while (*mode >= '0' && *mode <= '9') number = number * 10 + (*mode++ - '0');
            if (*mode++ != '=') return 0;
            int kills = *mode == 'k';
            while (*mode >= '0' && *mode <= '9') error = error * 10 + (*mode++ - '0');
            one_call[1].k = number;
            one_call[2].k = kills ? KILL : ERROR | error;
            return 1;
        }
        static int boot_only(const char *mode) { return mode[0] == 'b'; }
        static void drop_capabilities(void) {            /* prctl(PR_CAPBSET_DROP): gone with the next execve */
            for (long number = 0; number < 64; number++) if (number != 22) call(157, 24, number, 0, 0);
        }
        static int jump_only(const char *mode) { return mode[3] == 'j'; }
        void run(long *stack) {
            char **arguments = (char **)(stack + 1);
            long count = stack[0];
            if (count < 3) call(60, 2, 0, 0, 0);
            struct program program = { 9, without_kexec };
            if (parse_one_call(arguments[1])) { program.length = 4; program.filters = one_call; }
            else if (jump_only(arguments[1])) { program.length = 6; program.filters = without_jump; }
            call(157, 38, 1, 0, 0);                      /* prctl(PR_SET_NO_NEW_PRIVS) */
            if (boot_only(arguments[1])) drop_capabilities();
            else if (call(317, 1, 0, (long)&program, 0) != 0) call(60, 3, 0, 0, 0);
            call(59, (long)arguments[2], (long)(arguments + 2), (long)(arguments + count + 1), 0);
            call(60, 4, 0, 0, 0);
        }
        __asm__(".globl start\\nstart: mov %rsp, %rdi\\nand $-16, %rsp\\ncall run\\n");

        """
}
