# SPDX-License-Identifier: MIT
# Prints what fish offers at the end of LINE, without explanations.
# usage: fish ask.fish FOLDER LINE [FUNCTIONS]
set --query argv[3]; and test -n "$argv[3]"; and set fish_function_path $argv[3]
for file in $argv[1]/*.fish
    source $file
end
# Words that only have the same letters in the same order are told as well, after those that begin so.
set word (string split ' ' -- $argv[2])[-1]
complete -C $argv[2] | string match --entire --regex -- "^"(string escape --style=regex -- $word) | string replace --regex '\t.*' ''
