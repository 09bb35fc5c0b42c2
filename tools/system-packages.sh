#!/bin/sh
# Installs what the local backend and our tests use of the system and this machine lacks. As root on Debian or Ubuntu it
# installs without asking; elsewhere it says what is missing and goes on, since only some features need it.
set -eu

missing=""
need() { # need COMMAND PACKAGE
    PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need newuidmap uidmap # images with apt_install, as an ordinary user
# The tests of docs/write-a-backend.md make a machine of their own on loopback, and containers there.
need ssh openssh-client
need sshd openssh-server
need bwrap bubblewrap
need fusermount3 fuse3 # bucket mounts
need iptables-restore iptables # sandboxes with a cidr_allowlist, and their way out
need slirp4netns slirp4netns
need chromium "chromium fonts-dejavu-core" # pages, as a browser shows them
# Tests start clusters of their own; Debian keeps the programs out of the PATH.
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || need postgres postgresql
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing system packages:$missing" >&2
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list of words
    apt-get install -y -q --no-install-recommends $missing >/dev/null 2>&1 ||
        { apt-get update -q >/dev/null 2>&1 && apt-get install -y -q --no-install-recommends $missing >/dev/null; } ||
        echo "Could not install:$missing. What needs them is refused by name, the rest works." >&2
else
    echo "Not installed:$missing. What needs them is refused by name, the rest works (install them as root)." >&2
fi
