# SPDX-License-Identifier: MIT
# fish completion of kexec-load-kernel, whose values stand behind '=' only.

complete -c kexec-load-kernel -f
complete -c kexec-load-kernel -l print -d 'Print the words that kexec would be called with; load nothing'
complete -c kexec-load-kernel -l kernel -r -F -d 'Load this kernel, not the configured one'
complete -c kexec-load-kernel -l initrd -r -F -d 'An initial RAM disk; can be given several times'
complete -c kexec-load-kernel -l append -r -f -d 'The command line; else the running kernel\'s'
complete -c kexec-load-kernel -l release -r -f -d 'Its version, else as its name has it'
