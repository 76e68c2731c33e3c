# A booted Debian for the package to be installed on. Read by tests/booted/run.
#
# Promise: a real systemd as PID 1, real dpkg, real journal; what is on its disk stays there when it is killed and booted again; no network but its own
# loopback. Everything lies under target/booted and is unmounted and killed at the end, by the numbers of what was started here. Never: a change to this machine.
#
# Killing its PID 1 kills everything in it at the same instant, like pulling the plug, but the host's page cache survives: what a disk loses is
# the matter of tests/it/power_cut.rs and stalled_disk.rs.

# What the root is made of; another list makes another root.
release=bookworm
contents=systemd,systemd-sysv,dbus,ca-certificates,procps,iproute2,sudo

work=$PWD/target/booted
root=$work/root-$(printf '%s %s' "$release" "$contents" | sha256sum | cut -c1-12)
machine=$work/machine
nspawn= init=

say() { printf '%s\n' "$*"; }
skip() { say "skipped: $*"; exit 0; }
fail() {
    say "FAILED: $*" >&2
    [ -z "$init" ] || on journalctl --no-pager -n 15 -u bhyt-agent -u bhyt-agent-refused -u bhyt-agent-sealed -u province >&2 || :
    exit 1
}

# Runs a command in the machine.
on() { nsenter -t "$init" -m -u -i -n -p -C --root --wd=/ -- env -i -C / HOME=/root LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin "$@"; }
# The same, in words of a shell.
shell() { on bash -c "$1"; }

# Waits at most SECONDS until a command succeeds; says how long it took in took.
until_true() { # SECONDS WHAT COMMAND...
    limit=$1 what=$2
    shift 2
    began=$(date +%s%N)
    until "$@" >/dev/null 2>&1; do
        [ $((($(date +%s%N) - began) / 1000000000)) -lt "$limit" ] || fail "never within $limit s: $what"
        sleep 0.1
    done
    took=$((($(date +%s%N) - began) / 1000000))
}

# Whatever a killed script has left, and one that lies for ever would be worse than one made again.
make_root() {
    [ -e "$root/.whole" ] && return
    say "making a Debian $release in $root"
    rm -rf "$work"/root-*
    mkdir -p "$root"
    if ! debootstrap --variant=minbase --include="$contents" "$release" "$root" >"$work/debootstrap.log" 2>&1; then
        rm -rf "$root"
        skip "a Debian $release cannot be fetched here ($(tail -n 1 "$work/debootstrap.log"))"
    fi
    rm -rf "$root/var/cache/apt/archives"/*.deb
    # The journal outlives a boot.
    mkdir -p "$root/var/log/journal"
    : >"$root/etc/machine-id"
    touch "$root/.whole"
}

# A disk of its own over the root.
new_machine() {
    drop_machine
    mkdir -p "$machine/upper" "$machine/work" "$machine/disk"
    mount -t overlay overlay -o "lowerdir=$root,upperdir=$machine/upper,workdir=$machine/work" "$machine/disk" || skip "overlay file systems cannot be mounted here"
}
drop_machine() {
    if mountpoint -q "$machine/disk"; then umount -l "$machine/disk"; fi
    rm -rf "$machine"
}

is_up() { case "$(on systemctl is-system-running 2>/dev/null)" in running | degraded) true ;; *) false ;; esac; }
boot() {
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 setsid systemd-nspawn -q -D "$machine/disk" --boot --private-network --register=no --keep-unit \
        --machine=bhyt-booted --console=read-only </dev/null >"$work/boot.log" 2>&1 &
    nspawn=$!
    tries=0
    until init=$(pgrep -P "$nspawn") && is_up; do
        tries=$((tries + 1))
        if [ "$tries" -gt 600 ] || ! kill -0 "$nspawn" 2>/dev/null; then
            init=
            return 1
        fi
        sleep 0.1
    done
}
# As if the plug were pulled.
cut_power() {
    kill -9 "$init"
    wait "$nspawn" 2>/dev/null || :
    init= nspawn=
}
switch_off() { [ -z "$init" ] || cut_power; drop_machine; }
