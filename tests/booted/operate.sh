# What an administrator asks of a station under a real systemd: doctor, reload, journal, support bundle, backup, restore, keys. Read by tests/booted/run.
#
# Promise: each verb meets the unit as it is shipped, its sandbox and its account; what is broken here is put right again. What "restore" leaves behind (a file
# set aside, a former key) stays for the purge. Never: a visit that was called saved and is not at the province afterwards.

config=$machine/disk/etc/bhyt-agent/bhyt-agent.toml

# Everything by which a person is known here: numbers whole and without the first part, names, birth dates, PIN, code.
by_whom() { cut -f 1 "$work/people"; cut -f 2 "$work/people"; cut -f 2 "$work/people" | cut -c 6-; cut -f 3 "$work/people"; printf '%s\n' "$pin" "$code" "Nguyễn Thị Mẫu"; }
by_whom | sort -u >"$work/personal"
# Made of fixed bytes for tests: who opens the backups when the machine is gone.
identity=AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX
recipient=age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj

# ---- doctor --------------------------------------------------------------------------------------------------------------------------------------

doctor_says() { # EXIT CODE WHAT
    ended=0
    on bhyt-agent doctor --json >"$work/doctor" || ended=$?
    [ "$ended" = "$1" ] && grep -q "\"code\":\"$2\"" "$work/doctor" || fail "doctor ($3) ended with $ended: $(on bhyt-agent doctor || :)"
    step "doctor, $3: $ended, $2"
}
# Backups are advice as long as nobody has set them up: the station is as it was installed.
is_well() {
    "$@" bhyt-agent doctor --json >"$work/doctor" && grep -q '"code":"backups.none"' "$work/doctor" && ! grep -q '"state":"attention"' "$work/doctor"
}
until_true 60 "doctor finds everything well" is_well on
step "doctor: 0, $(grep -o '"state":"ok"' "$work/doctor" | wc -l) of 18 lines are well"
is_well on runuser -u bhyt-agent -- || fail "the account itself sees the same: $(cat "$work/doctor")"

on systemctl stop bhyt-agent
doctor_says 69 unit.inactive "stopped"
shell 'chown root: /etc/bhyt-agent/keys/database.key'
doctor_says 77 permissions.other_owner "stopped, and root's own key file"
shell 'chown bhyt-agent: /etc/bhyt-agent/keys/database.key'
cp -a "$machine/disk/var/lib/bhyt-agent" "$work/data.before"
shell 'cd /var/lib/bhyt-agent; rm -f visits.db-wal; head -c 20000 /dev/urandom | dd of=visits.db conv=notrunc bs=1000 seek=1 status=none'
doctor_says 74 databases.visits_damaged "stopped, and visits.db damaged"
shell 'rm -rf /var/lib/bhyt-agent'
cp -a "$work/data.before" "$machine/disk/var/lib/bhyt-agent"
rm -rf "$work/data.before"
on systemctl start bhyt-agent
province off
doctor_says 69 province.connection_refused "without the province"
province on
until_true 60 "the province is found again" is_well on
shell 'mkdir -p /run/systemd/system/bhyt-agent.service.d; printf "[Service]\nMemoryMax=1G\n" >/run/systemd/system/bhyt-agent.service.d/test.conf; systemctl daemon-reload'
doctor_says 0 unit.ok "with a drop-in of the administrator's"
grep -q '/run/systemd/system/bhyt-agent.service.d/test.conf' "$work/doctor" || fail "doctor names the drop-in: $(cat "$work/doctor")"
shell 'mv /run/systemd/system/bhyt-agent.service.d/test.conf /run/systemd/system/bhyt-agent.service.d/90-previous.conf; systemctl daemon-reload'
doctor_says 75 unit.previous "with what an upgrade that failed leaves behind"
shell 'rm -r /run/systemd/system/bhyt-agent.service.d; systemctl daemon-reload'

# Data on a disk of the administrator's own: the unit is opened by what doctor says to write.
on systemctl stop bhyt-agent
cp "$config" "$work/config.first"
on mv /var/lib/bhyt-agent /srv/bhyt
sed -i 's/^data-dir.*//; 1i data-dir = "/srv/bhyt"' "$config"
on systemctl start bhyt-agent 2>/dev/null || :
until_true 30 "the page says what to write" page_has "ReadWritePaths=/srv/bhyt"
doctor_says 78 unit.data_dir_closed "with a data-dir that the unit closes"
shell 'mkdir -p /etc/systemd/system/bhyt-agent.service.d; printf "[Service]\nReadWritePaths=/srv/bhyt\n" >/etc/systemd/system/bhyt-agent.service.d/override.conf
    systemctl daemon-reload; systemctl restart bhyt-agent'
until_true 30 "with that drop-in it answers" answers
on systemctl stop bhyt-agent
shell 'rm -r /etc/systemd/system/bhyt-agent.service.d; systemctl daemon-reload; rm -rf /var/lib/bhyt-agent; mv /srv/bhyt /var/lib/bhyt-agent'
cat "$work/config.first" >"$config"
on systemctl start bhyt-agent
until_true 30 "with its data where they were it answers" answers
step "data-dir /srv/bhyt: page and doctor say which drop-in to write, and with it the service answers"

# A stick that a desktop has mounted for whoever has signed in.
shell 'install -d -m 0700 /media/somebody; mkdir /media/somebody/BHYT; mount -t tmpfs none /media/somebody/BHYT'
doctor_says 75 stick.out_of_reach "with a stick that the service cannot reach"
shell 'umount /media/somebody/BHYT; rm -r /media/somebody'

# ---- the configuration -----------------------------------------------------------------------------------------------------------------------------

loaded_at() { status | grep -o '"loaded_at":"[^"]*"'; }
cp "$config" "$work/config.first"
before=$(loaded_at) same=$(main_pid)
# The instant is told in seconds.
is_later() { [ "$(date +%s)" -gt "$(date -d "$(loaded_at | cut -d '"' -f 4)" +%s)" ]; }
until_true 5 "a second has passed since the start" is_later
has_loaded() { [ "$(loaded_at)" != "$before" ] && status | grep -q '"waiting_for_restart":\[\]'; }
shell 'mkdir -p /mnt/BHYT /srv/elsewhere; chown bhyt-agent: /mnt/BHYT /srv/elsewhere'
printf '[freshness]\naging-after-hours = 48\n' >>"$config"
on systemctl reload bhyt-agent || fail "a changed configuration is taken"
until_true 10 "the changed configuration is in force" has_loaded
step "reload: freshness.aging-after-hours in force since $(loaded_at | cut -d '"' -f 4), after $took ms, no key waits for a restart"
before=$(loaded_at)
cp "$config" "$work/config.good"
sed -i 's/aging-after-hours = 48/aging-after-hours = 4800/' "$config"
if on systemctl reload bhyt-agent 2>/dev/null; then fail "a wrong configuration was taken"; fi
is_active && page_has "HTTP/1.1 200\|HTTP/1.1 303" || fail "the page goes on under the configuration before"
doctor_says 78 config.refused "with a mistake in the configuration"
grep -q '"code":"service.ok"' "$work/doctor" && grep -q '"code":"outbox.ok"' "$work/doctor" || fail "and the rest all the same: $(cat "$work/doctor")"
# The service is found beside a mistake, and what to mend is said.
in_force=$(agent status --json 2>"$work/command.log" | grep -o '"loaded_at":"[^"]*"')
grep -q "check-config" "$work/command.log" || fail "status says nothing of the mistake: $(cat "$work/command.log")"
[ "$in_force $(main_pid)" = "$before $same" ] || fail "the configuration before stays in force, in the same process: $before $same, then $in_force $(main_pid)"
shell 'journalctl --sync; journalctl -u bhyt-agent -o cat | grep -q "aging-after-hours = 4800"' || fail "the journal says what is wrong with it"
cat "$work/config.good" >"$config"
on systemctl reload bhyt-agent || fail "put right it is taken"
step "reload: a wrong file refused with its reason, the one before in force in the same process"
cat >>"$config" <<TOML
[backup]
folder = "/mnt/BHYT"
recipients = ["$recipient"]
[metrics]
listen = "127.0.0.1:9686"
TOML
on systemctl reload bhyt-agent || fail "a configuration with [backup] and [metrics] is taken"
waits_for_restart() { status | grep -q "\"waiting_for_restart\":\[$1\]"; }
until_true 10 "it is told that [metrics], and no other key, waits for a restart" waits_for_restart '"metrics.listen"'
on systemctl restart bhyt-agent
until_true 20 "and it waits no longer after one" waits_for_restart ''
step "reload: [backup] is in force at once, metrics.listen waits for a restart, and status says so until there was one"

# ---- the journal's fields, figures -----------------------------------------------------------------------------------------------------------------

found() { on journalctl -q --no-pager -u bhyt-agent "BHYT_EVENT=$1" -o json | grep -c "\"BHYT_$2\":"; }
events=$(found service.ready FACILITY) || fail "journalctl BHYT_EVENT=service.ready finds it with its fields"
[ "$(on journalctl -q --no-pager -u bhyt-agent BHYT_EVENT=no.such -o json | wc -l)" = 0 ] || fail "and nothing else"
step "journal: BHYT_EVENT=service.ready found $events times with BHYT_FACILITY, BHYT_EVENT=roster.applied $(found roster.applied SERIAL) times with BHYT_SERIAL"
figures=$(agent metrics | grep -c '^bhyt_') || fail "metrics"
agent integrity-check >/dev/null || fail "the databases are whole"
sed -n 1p "$work/people" | cut -f 1 | agent person export - >"$work/person" || fail "one person's data: $(cat "$work/person")"
step "metrics: $figures figures; integrity-check: whole; person export: $(wc -c <"$work/person") bytes"

# ---- a bundle for whoever helps ------------------------------------------------------------------------------------------------------------------------

for who in root bhyt-agent; do
    on runuser -u $who -- bhyt-agent support-bundle /var/tmp/$who.tar.zst >/dev/null || fail "support-bundle as $who"
    [ "$(on stat -c '%U %a' /var/tmp/$who.tar.zst)" = "$who 600" ] || fail "the bundle is its owner's alone"
    rm -rf "$work/bundle"
    mkdir "$work/bundle"
    zstd -q -d -c "$machine/disk/var/tmp/$who.tar.zst" | tar -x -C "$work/bundle" --strip-components=1
    if grep -r -n -w -F -f "$work/personal" "$work/bundle"; then fail "somebody stands in the bundle of $who"; fi
    if grep -r -l -a -F -e "$(tr -d '\n' <"$machine/disk/etc/bhyt-agent/keys/database.key")" -e "PRIVATE KEY" "$work/bundle"; then fail "a key stands in the bundle"; fi
    grep -q '"exit_code":0' "$work/bundle/doctor.json" || fail "doctor's word is in it: $(cat "$work/bundle/doctor.json")"
    [ $who != root ] || grep -q "ready" "$work/bundle/journal.txt" || fail "root's has the journal"
    step "support-bundle as $who: $(ls "$work/bundle" | wc -l) parts, $(wc -l <"$work/bundle/journal.txt") lines of journal, nobody of $(wc -l <"$work/personal") names, numbers and PINs"
    sed -n 1p "$work/people" | cut -f 3 >"$work/bundle/somebody"
    grep -r -q -w -F -f "$work/personal" "$work/bundle" || fail "the search finds nobody"
done
rm -rf "$work/bundle" "$machine/disk/var/tmp/"*.tar.zst

# ---- backup, restore, another key ------------------------------------------------------------------------------------------------------------------------

ended=0
agent backup --to /srv/elsewhere >"$work/command.log" 2>&1 || ended=$?
[ $ended = 73 ] && grep -q "ReadWritePaths" "$work/command.log" || fail "a folder that the sandbox closes ($ended): $(cat "$work/command.log")"
province off
check_in_many 3
agent backup --to /mnt/BHYT >"$work/command.log" 2>&1 || fail "backup: $(cat "$work/command.log")"
backup=$(shell 'ls /mnt/BHYT/visits-*.db')
[ -s "$machine/disk${backup%.db}.key.age" ] || fail "the sealed key lies beside it"
step "backup to /mnt/BHYT: $(stat -c %s "$machine/disk$backup") bytes; outside /media, /run/media, /mnt: 73, and it says ReadWritePaths"
province on
exactly_once "what the backup has as unsent is sent by the file that it will replace"
province off
# These two stand only in that file.
check_in_many 2
if agent restore "$backup" >"$work/command.log" 2>&1; then fail "a restore beside a service that runs"; fi
on systemctl stop bhyt-agent
agent restore "$backup" >"$work/command.log" 2>&1 || fail "restore: $(cat "$work/command.log")"
agent rotate-key >"$work/command.log" 2>&1 || fail "rotate-key: $(cat "$work/command.log")"
[ "$(shell 'ls /etc/bhyt-agent/keys/database.key.before-* | wc -l')" = 1 ] || fail "the former key stays"
on systemctl start bhyt-agent
until_true 20 "it answers with a restored file under another key" answers
[ "$(status | field pending)" -ge 3 ] || fail "the three unsent visits of the backup wait"
agent quarantine salvage >"$work/command.log" 2>&1 || fail "quarantine salvage: $(cat "$work/command.log")"
province on
exactly_once "restored and sent again beside two newer visits, which were salvaged under the former key"

# The backup is under the key before: its own lies sealed beside it.
printf '%s\n' "$identity" >"$machine/disk/var/tmp/identity"
shell 'chown bhyt-agent: /var/tmp/identity; chmod 600 /var/tmp/identity'
on systemctl stop bhyt-agent
# As on a computer that never had that key.
rm -rf "$work/former" && mkdir "$work/former"
mv "$machine/disk/etc/bhyt-agent/keys/"database.key.before-* "$work/former/"
ended=0
agent restore "$backup" --json >"$work/command.log" 2>&1 || ended=$?
[ $ended = 65 ] && grep -q '"no_key_opens"' "$work/command.log" || fail "a backup under another key, without the identity ($ended): $(cat "$work/command.log")"
agent restore "$backup" --identity /var/tmp/identity >"$work/command.log" 2>&1 || fail "restore --identity: $(cat "$work/command.log")"
mv "$work/former/"* "$machine/disk/etc/bhyt-agent/keys/"
on systemctl start bhyt-agent
until_true 20 "it answers with a file restored through an identity" answers
check_in_many 1
exactly_once "restore: 65 without the identity, put back with it under the present key"

# The key is gone, the files are here.
agent backup --to /mnt/BHYT >"$work/command.log" 2>&1 || fail "backup under the present key: $(cat "$work/command.log")"
sealed=$(shell 'ls -t /mnt/BHYT/visits-*.key.age' | head -n 1)
province off
check_in_many 2
on systemctl stop bhyt-agent
keys=$machine/disk/etc/bhyt-agent/keys
mv "$keys/database.key" "$work/database.key"
ended=0
agent status >"$work/command.log" 2>&1 || ended=$?
[ $ended = 78 ] && grep -q "recover-key" "$work/command.log" || fail "without its key nothing is touched, and what helps is said ($ended): $(cat "$work/command.log")"
agent recover-key "$sealed" --identity /var/tmp/identity >"$work/command.log" 2>&1 || fail "recover-key: $(cat "$work/command.log")"
cmp -s "$keys/database.key" "$work/database.key" || fail "it is the key that was lost"
[ "$(on stat -c '%U %a' /etc/bhyt-agent/keys/database.key)" = "bhyt-agent 400" ] || fail "it is the service's alone: $(on stat -c '%U %a' /etc/bhyt-agent/keys/database.key)"
rm "$work/database.key" "$machine/disk/var/tmp/identity"
on systemctl start bhyt-agent
until_true 20 "it answers under the recovered key" answers
[ "$(status | field pending)" = 2 ] || fail "what was not sent is there"
province on
exactly_once "F60: recover-key gave back the key that was lost; what waited under it is sent"

# ---- one person, on request ----------------------------------------------------------------------------------------------------------------------------

somebody() { sed -n "${people}p" "$work/people" | cut -f 1; }
somebody | agent person export - --json >"$work/person" || fail "what is kept of one person"
grep -q '"sequence"' "$work/person" || fail "whoever came last is there"
somebody | agent person erase - >"$work/command.log" 2>&1 || fail "person erase: $(cat "$work/command.log")"
somebody | agent person export - --json | grep -q '"visits":\[\]' || fail "nothing is left of whom was erased"
ended=0
somebody | agent person erase - >"$work/command.log" 2>&1 || ended=$?
[ $ended = 65 ] || fail "nobody is there to be erased twice ($ended): $(cat "$work/command.log")"
agent access-log --json --limit 20 | grep -q '"person_erased"' || fail "that it was done is in the access log"
rm "$work/person"
step "person erase: whoever came last is no longer in the station's record, and the province has the visit"

cat "$work/config.first" >"$config"
on systemctl restart bhyt-agent
