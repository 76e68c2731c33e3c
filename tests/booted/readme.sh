# The README's section "Install", word by word. Read by tests/booted/run.
#
# Promise: the commands are taken from the README as they stand there, each is run and must succeed. What a person types or edits beside them (the one-time
# code, the PIN, two lines of the configuration, the file that the province hands over) is here, and nothing else.

pin=802461
code=

# The commands of the section, one per line.
readme_commands() {
    awk '/^## /{inside = ($0 == "## Install")} inside && /^```/{block = !block; next} inside && block && NF' README.md | sed 's/[[:space:]]*# .*$//'
}

# Whoever edits the configuration, as the command "editor" of this machine.
person_with_an_editor() {
    cat >"$machine/disk/usr/local/bin/editor" <<'END'
#!/bin/sh
cat >"$1" <<TOML
facility = "99001"
operator = "Nhân viên tiếp đón"
[province]
url = "https://127.0.0.1:8443/"
ca-file = "/etc/bhyt-agent/province-ca.pem"
TOML
END
    chmod +x "$machine/disk/usr/local/bin/editor"
}

follow_readme() {
    make_province
    person_with_an_editor
    cp "$work/packages/this.deb" "$machine/disk/root/bhyt-agent_${version}-1_amd64.deb"
    readme_commands >"$work/commands"
    [ "$(wc -l <"$work/commands")" -ge 5 ] || fail "the README has no commands to install by"
    while IFS= read -r command <&3; do
        case "$command" in
            *"--code -"*) code=$(on /opt/provincial enrol-code /srv/province 99001); typed=$code ;;
            *"operator add"*) typed=$pin ;;
            *) typed= ;;
        esac
        printf '%s\n' "$typed" | shell "cd /root; $command" >"$work/command.log" 2>&1 || fail "the README's command: $command: $(tail -n 10 "$work/command.log")"
        say "      \$ $command"
    done 3<"$work/commands"
}
