# SPDX-License-Identifier: MIT
# What GRUB would boot by itself: reads grubenv and grub.cfg, prints the default entry.
# usage: awk -f boot-entry.awk GRUBENV GRUB.CFG
#
# Prints one line each of: title, uuid (the file system that `search` looks for), linux, line; initrd, one for each file; note,
# for the administrator. Or one line, error, with the reason, where it takes GRUB itself to know.
#
# GRUB's menu is a program. It is not run here, only read: conditions are not evaluated, and a variable has a value where
# all assignments agree on one, and not all of them are under a condition. What that leaves open is an error; nothing is
# guessed.
#
# Entries form a tree. A node is its place in it: "2>0" is the first entry in the third one, which is a submenu. In a word
# a variable's name stands between \001 and \002 until the word is needed: entries run after the whole file was read.

FILENAME == ARGV[1] {
    at = index($0, "=")
    if (at > 1 && $0 !~ /^#/) environment[substr($0, 1, at - 1)] = substr($0, at + 1)
    next
}
{
    text = text $0 "\n"
    if ($0 ~ /\\$/) { sub(/\\\n$/, "", text); next }
    # A quote that is still open goes on in the next line.
    if (split_words(text)) text = ""
}
END {
    if (failed) exit 1
    if (text != "") problem("a quote is not closed")
    choose_default()
    print_entry()
}

# Ends the program; END comes all the same.
function problem(reason) {
    gsub(/[\001-\037\177]/, "?", reason)
    print "error " reason
    failed = 1
    exit 1
}

# One line of the answer; whoever reads it would take a second one for another answer.
function answer(key, value) {
    if (value ~ /[\001-\037\177]/) problem("the default entry\047s " key " has a control character")
    print key " " value
}

# Splits a line into commands, and has each one taken in. False where a quote is open.
function split_words(s,    i, c, quote, word, started, count, words) {
    for (i = 1; i <= length(s); i++) {
        c = substr(s, i, 1)
        if (quote == "'") {
            if (c == "'") quote = ""; else word = word c
        } else if (c == "\\" && (quote == "" || substr(s, i + 1, 1) ~ /[\\"$]/)) {
            word = word substr(s, ++i, 1); started = 1
        } else if (c == "$" && substr(s, i + 1, 1) ~ /[A-Za-z_0-9{?@*#]/) {
            i = take_variable(s, i + 1); word = word "\001" variable "\002"; started = 1
        } else if (quote == "\"") {
            if (c == "\"") quote = ""; else word = word c
        } else if (c == "'" || c == "\"") {
            quote = c; started = 1
        } else if (c == "#" && !started) {
            break
        } else if (c ~ /[ \t\n;|&]/ || (c ~ /[{}]/ && !started)) {
            if (started) pending[++count] = word
            word = ""; started = 0
            if (c ~ /[ \t]/) continue
            # A block's head ends with its brace; the brace at its end is a command of its own.
            if (c == "{") pending[++count] = c
            queue(count)
            count = 0
            if (c == "}") { pending[1] = c; queue(1) }
        } else { word = word c; started = 1 }
    }
    if (quote != "") { queued = 0; return 0 }
    if (started) pending[++count] = word
    queue(count)
    run_queue()
    return 1
}

# Commands wait until their whole line is known to be complete. In a queue's words \005 stands between two.
function queue(count,    i, s) {
    if (!count) return
    for (i = 1; i <= count; i++) s = s (i > 1 ? "\005" : "") pending[i]
    commands[++queued] = s
}

function run_queue(    i, count) {
    for (i = 1; i <= queued; i++) { count = split(commands[i], w, "\005"); run(1, count) }
    queued = 0
}

# Sets `variable`; returns where its name ends.
function take_variable(s, i,    end) {
    if (substr(s, i, 1) == "{") {
        end = index(substr(s, i), "}")
        if (!end) problem("a variable's name is not closed")
        variable = substr(s, i + 1, end - 2)
        return i + end - 1
    }
    variable = ""
    if (substr(s, i, 1) !~ /[A-Za-z_]/) { variable = substr(s, i, 1); return i }
    while (substr(s, i, 1) ~ /[A-Za-z_0-9]/) variable = variable substr(s, i++, 1)
    return i - 1
}

# One command, from word `i` of w to the last one.
function run(i, last,    command) {
    command = w[i]
    if (command ~ /^(else|elif)$/) branch[conditions] = command
    if (command ~ /^(then|else|elif|do)$/) { if (i < last) run(i + 1, last); return }
    if (command ~ /^(if|while|until|for)$/) { branch[++conditions] = command; once[conditions] = 0; return }
    if (command ~ /^(fi|done)$/) { conditions--; return }
    if (command == "menuentry" || command == "submenu") open_entry(command, i, last)
    else if (command == "function") open_block("function", last)
    else if (command == "{") { if (awaits_brace) awaits_brace = 0; else open_block("", last) }
    else if (command == "}") close_block()
    else if (inside == "menuentry") take_command(command, i, last)
    else if (inside != "function") take_assignment(command, i, last)
}

function open_block(kind, last) {
    kinds[++depth] = kind == "" ? inside : kind
    inside = kinds[depth]
    awaits_brace = w[last] != "{"
}

function close_block() {
    if (!depth) return
    if (depth in outer) {
        sub(/>?[0-9]+$/, "", node)
        conditions = outer[depth]
        delete outer[depth]
    }
    depth--
    inside = depth ? kinds[depth] : ""
}

function child(parent, number) { return parent == "" ? number "" : parent ">" number }

function open_entry(kind, i, last,    parent) {
    parent = node
    node = child(parent, 0 + count_of[parent])
    count_of[parent]++
    kind_of[node] = kind
    # An entry that is there under a condition only makes the numbers of those behind it unknown.
    is_conditional[node] = conditions > 0
    open_block(kind, last)
    outer[depth] = conditions
    conditions = 0
    while (++i <= last) {
        if (w[i] == "{") break
        if (w[i] == "\001menuentry_id_option\002" || w[i] == "--id") id_of[node] = w[++i]
        else if (w[i] ~ /^--(class|users|hotkey|source)$/) i++
        else if (w[i] !~ /^--/ && !(node in title_of)) title_of[node] = w[i]
    }
}

# What an entry does, as far as it matters here.
function take_command(command, i, last,    s, quoted, at) {
    # What the entry itself sets is known only when it runs.
    s = command == "set" ? w[i + 1] : command
    if ((at = index(s, "=")) > 1) differs[substr(s, 1, at - 1)] = 1
    s = ""
    if (command ~ /^(chainloader|multiboot2?|configfile|fwsetup|exit|reboot|halt|xen_hypervisor)$/) foreign[node] = command
    if (command == "search") {
        # Options that take a word of their own stand in front of the name.
        for (i++; i <= last; i++) if (w[i] !~ /^-/) s = w[i]
        if (node in uuid_of && uuid_of[node] != s) searches_twice[node] = 1
        uuid_of[node] = s
        return
    }
    if (command !~ /^(linux|initrd)(efi|16)?$/) return
    for (i++; i <= last; i++) {
        # As GRUB does it for the kernel, which knows double quotes only.
        quoted = w[i] ~ / / ? "\"" w[i] "\"" : w[i]
        s = s (s == "" ? "" : "\005") quoted
    }
    if (command ~ /^linux/) {
        if (conditions || (node in linux_of && linux_of[node] != s)) ambiguous[node] = 1
        linux_of[node] = s
    } else {
        if (conditions || (node in initrd_of && initrd_of[node] != s)) ambiguous[node] = 1
        initrd_of[node] = s
    }
}

function take_assignment(command, i, last,    at, name, value, given) {
    if (command == "blscfg") loads_entries = 1
    if (command == "set") command = w[++i]
    at = index(command, "=")
    if (at < 2) return
    name = substr(command, 1, at - 1)
    value = substr(command, at + 1)
    if (name == "default") {
        # For one boot only. What stands behind this one's `else` is for all other boots.
        if (value ~ /\001next_entry\002/) { once[conditions] = branch[conditions] == "if"; return }
        given = conditions
        if (given && once[given] && branch[given] == "else") given--
        default_is_conditional = given && (default_is_conditional || !has_default || value != default)
        default = value
        has_default = 1
        return
    }
    if (name in value_of ? value_of[name] != value : conditions) differs[name] = 1
    value_of[name] = value
}

# The word with its variables' values; \003 before the name of one that has none.
function resolved(word, depth_,    from, to, name, before) {
    while ((from = index(word, "\001"))) {
        to = index(word, "\002")
        name = substr(word, from + 1, to - from - 1)
        before = substr(word, 1, from - 1)
        if (depth_ > 8) return "\003" name
        if (name in differs) return "\003" name
        if (name in value_of) word = before value_of[name] substr(word, to + 1)
        else if (name in environment) word = before environment[name] substr(word, to + 1)
        else return "\003" name
        depth_++
    }
    return word
}

# The same, for something that has to be known.
function known(word, what,    value) {
    value = resolved(word, 0)
    if (value ~ /^\003/) problem(what " has the variable '" substr(value, 2) "', whose value only GRUB knows")
    return value
}

function choose_default(    wanted, steps, count, i) {
    if (default_is_conditional) problem("the default entry is set under a condition")
    # Its value is in grubenv; grub.cfg assigns to it what only GRUB has.
    wanted = default == "\001saved_entry\002" ? environment["saved_entry"] : known(default, "the default entry's name")
    # ">>" is a ">" of a title.
    gsub(/>>/, "\004", wanted)
    count = split(wanted, steps, ">")
    node = ""
    do {
        i++
        gsub(/\004/, ">", steps[i])
        node = choose_child(node, i <= count ? steps[i] : "")
    } while (kind_of[node] == "submenu")
}

# The entry below `parent` by number, title or identifier; as in GRUB the first one where there is none.
function choose_child(parent, wanted,    i, found, entry) {
    if (!count_of[parent]) problem(parent == "" ? "there is no entry" : "a submenu is empty")
    found = wanted == "" ? 0 : -1
    if (wanted ~ /^[0-9]+$/ && wanted + 0 < count_of[parent]) found = wanted + 0
    if (found < 0 && wanted !~ /^[0-9]+$/) {
        for (i = 0; i < count_of[parent]; i++) {
            entry = child(parent, i)
            if (resolved(title_of[entry], 0) != wanted && resolved(id_of[entry], 0) != wanted) continue
            if (is_conditional[entry]) problem("the entry '" wanted "' is there under a condition only")
            return entry
        }
    }
    if (found < 0) {
        if (loads_entries) problem("the entry '" wanted "' is not in grub.cfg, which has GRUB look for more")
        answer("note", "there is no entry '" wanted "': GRUB takes the first one")
        found = 0
    }
    for (i = 0; i <= found; i++) {
        if (is_conditional[child(parent, i)]) problem("entries up to number " found " are there under a condition only")
    }
    return child(parent, found)
}

# A file without the device in front of it: which one that is `search` tells better.
function path(word) {
    sub(/^\([^)]*\)/, "", word)
    return word
}

function print_entry(    title, count, words, i, s) {
    title = resolved(title_of[node], 0)
    if (foreign[node] != "") problem("'" title "' starts no Linux kernel but has '" foreign[node] "'")
    if (!(node in linux_of)) problem("'" title "' has no 'linux' command")
    if (ambiguous[node]) problem("'" title "' has 'linux' or 'initrd' commands under a condition, or several")
    if (searches_twice[node]) problem("'" title "' looks for several file systems")
    answer("title", title)
    if (node in uuid_of) answer("uuid", known(uuid_of[node], "the file system of '" title "'"))
    count = split(linux_of[node], words, "\005")
    answer("linux", known(path(words[1]), "the kernel of '" title "'"))
    for (i = 2; i <= count; i++) s = s (s == "" ? "" : " ") known(words[i], "the command line of '" title "'")
    answer("line", s)
    count = split(initrd_of[node], words, "\005")
    for (i = 1; i <= count; i++) answer("initrd", known(path(words[i]), "an initrd of '" title "'"))
}
