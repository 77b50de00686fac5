# SPDX-License-Identifier: MIT
# Calls a completion as bash would, and prints its answers, one to a line. Words end at blanks and at the characters of BREAKS.
# usage: bash ask.bash FOLDER BREAKS LINE
for file in "$1"/*; do source "$file"; done
COMP_WORDBREAKS=$2 COMP_LINE=$3 COMP_POINT=${#3}
text=$COMP_LINE
[[ $2 != *=* ]] || text=${text//=/ = }
read -ra COMP_WORDS <<<"$text"
# At a blank a new word begins; at "=" none has yet.
[[ $COMP_LINE != *' ' ]] || COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
specification=$(complete -p "${COMP_WORDS[0]}") || exit
[[ $specification =~ -F\ ([^ ]+) ]] || exit
"${BASH_REMATCH[1]}" "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
