# The README's section "Install", word by word. Read by tests/booted/run.
#
# Promise: the commands are taken from the README as they stand there, each is run and must succeed. What a person types at the questions of a terminal (made by
# script(1) in the machine) is here, and nothing else. Never: an answer before its question.

pin=802461
code=

# The commands of the section, one per line.
readme_commands() {
    awk '/^## /{inside = ($0 == "## Install")} inside && /^```/{block = !block; next} inside && block && NF' README.md | sed 's/[[:space:]]*# .*$//'
}

# Waits until a question stands on the terminal, then types.
answer() { # QUESTION ANSWER
    heard=
    until case "$heard" in *"$1"*) true ;; *) false ;; esac; do
        LC_ALL=C IFS= read -r -d '' -N 1 -t 60 -u "${terminal[0]}" letter || fail "setup never asked: $1; it said: $(cat "$work/command.log")"
        heard=$heard$letter
        printf '%s' "$letter" >>"$work/command.log"
    done
    printf '%s\n' "$2" >&"${terminal[1]}"
}

# What bhyt-agent setup asks, and what is typed. Its exit code is that of this function.
person_at_setup() { # COMMAND
    : >"$work/command.log"
    coproc terminal { shell "cd /root; exec script -qec '$1' /dev/null" 2>&1; }
    setup=$terminal_PID
    # Kept, for Bash takes them away when the program ends.
    exec {heard_from}<&"${terminal[0]}" {typed_to}>&"${terminal[1]}"
    terminal=("$heard_from" "$typed_to")
    answer "1/5" 99001
    answer "2/5" https://127.0.0.1:8443/
    answer "3/5" /srv/province/keys/ca.pem
    answer "4/5" "$code"
    answer "5/5" "Nguyễn Thị Mẫu"
    answer "PIN" "$pin"
    answer "PIN:" "$pin"
    cat <&"$heard_from" >>"$work/command.log"
    exec {heard_from}<&- {typed_to}>&-
    wait "$setup"
}

follow_readme() {
    make_province
    cp "$work/packages/this.deb" "$machine/disk/root/bhyt-agent_${version}-1_amd64.deb"
    readme_commands >"$work/commands"
    [ "$(wc -l <"$work/commands")" -ge 3 ] || fail "the README has no commands to install by"
    code=$(on /opt/provincial enrol-code /srv/province 99001)
    while IFS= read -r command <&3; do
        case "$command" in
            *setup*) run="person_at_setup" ;;
            *) run="unattended" ;;
        esac
        $run "$command" || fail "the README's command: $command: $(tail -n 30 "$work/command.log")"
        say "      \$ $command"
        [ "$run" = unattended ] || grep -a "mục:" "$work/command.log" | tr -d '\r' | sed 's/^/        /' || fail "setup ends with doctor"
    done 3<"$work/commands"
}
unattended() { shell "cd /root; $1" </dev/null >"$work/command.log" 2>&1; }
