# SPDX-License-Identifier: MIT
# Prints what zsh offers at the end of LINE: a second zsh, on a terminal of its own, gets the line and a tab, and writes down what
# the completion adds. ROOT is the /usr of a zsh that is not installed.
# usage: zsh -f ask.zsh FOLDER ROOT LINE
own_modules=
if [[ -n $2 ]]; then
    own_modules="module_path=($2/lib/x86_64-linux-gnu/zsh/*(/)) fpath=($2/share/zsh/functions/**/*(/))"
    eval $own_modules
    shell=($2/lib64/ld-linux-x86-64.so.2 --library-path $2/lib/x86_64-linux-gnu $2/bin/zsh)
else
    shell=(zsh)
fi
zmodload zsh/zpty || exit
folder=$(mktemp -d) || exit

cat >$folder/.zshrc <<END
$own_modules
fpath=(${(q)1} \$fpath)
LISTMAX=10000
autoload -Uz compinit
compinit -D -u
zstyle ':completion:*' insert-tab false
zstyle ':completion:*' completer _complete
compadd() {
    local -a hits
    # Called with -O, -A or -D it fills an array and adds nothing.
    [[ \${@[1,(i)(-|--)]} == *-[OAD]\ * ]] || {
        builtin compadd -A hits "\$@"
        (( ! \$#hits )) || print -rl -- \$hits >>$folder/hits
    }
    builtin compadd "\$@"
}
comppostfuncs=(exit)
END
: >$folder/hits
zpty asked env ZDOTDIR=$folder TERM=dumb ${(q)shell} -d -i
zpty -n -w asked "$3"$'\t'
# The exit at the end of the completion ends the output.
while zpty -r asked line; do :; done
zpty -d asked
cat $folder/hits
rm -r $folder
