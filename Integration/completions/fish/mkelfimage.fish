# SPDX-License-Identifier: MIT
# fish completion of mkelfimage. Made from its options by `make completions`.

complete -c mkelfimage -l command-line -r -f -d 'The kernel'\''s command line'
complete -c mkelfimage -l append -r -f -d 'The same as --command-line'
complete -c mkelfimage -l initrd -r -F -d 'An initial RAM disk; can be given several times'
complete -c mkelfimage -l ramdisk -r -F -d 'The same as --initrd'
complete -c mkelfimage -l show -d 'List what is in the file IMAGE; make nothing'
complete -c mkelfimage -s h -l help -d 'Print this text'
complete -c mkelfimage -s v -l version -d 'Print the version'
