#!/bin/bash
# Make a Debian machine ready to build, test and demonstrate: install what is missing, start an engine if none answers.
# Run it again at any time: with everything in place it takes well under a second.
#
#   DOCKER_HOST   which engine; a unix:// address at which nothing answers is where a dockerd is started
#   DOCKERD_ARGS  extra arguments of that dockerd
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# need COMMAND PACKAGE: remember the package if the command is missing
missing=()
need() { have "$1" || [[ " ${missing[*]} " == *" $2 "* ]] || missing+=("$2"); }

find_missing() {
  need curl curl
  need git git
  need make make
  need gcc gcc
  # OpenSSL, which is built in for git over https and ssh; its build takes modules that perl-base lacks
  perl -e 'use FindBin; use IPC::Cmd; use Time::Piece' 2>/dev/null || missing+=(perl)
  # a server for the tests of git over ssh
  [ -x /usr/sbin/sshd ] || missing+=(openssh-server)
  need ssh-keygen openssh-client
  need openssl openssl
  need xz xz-utils
  need debootstrap debootstrap
  [ -s /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
  # gcc alone brings no C library headers with --no-install-recommends
  [ -e /usr/include/stdio.h ] || missing+=(libc6-dev)
  # for clients of the tests that come from PyPI
  python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
  static_busybox || missing+=(busybox-static)
  engine_up && return
  need dockerd docker.io
  # From Debian 13 on the client is a package of its own.
  if apt-cache show docker-cli >/dev/null 2>&1; then need docker docker-cli; else need docker docker.io; fi
  need iptables iptables
  # what dockerd falls back to where the kernel refuses overlay mounts (an engine inside a container)
  need fuse-overlayfs fuse-overlayfs
}
static_busybox() { [ -x /usr/bin/busybox ] && ! ldd /usr/bin/busybox >/dev/null 2>&1; }

check_rust() {
  have cargo || die "no cargo: install Rust 1.90 or newer first (rust-version in Cargo.toml)"
  cargo clippy --version >/dev/null 2>&1 || die "no cargo clippy: rustup component add clippy"
  cargo fmt --version >/dev/null 2>&1 || die "no cargo fmt: rustup component add rustfmt"
}

# wait_engine SECONDS
wait_engine() {
  local end=$((SECONDS + $1))
  until engine_up; do
    [ "$SECONDS" -lt "$end" ] || return 1
    [ -z "${dockerd_pid:-}" ] || kill -0 "$dockerd_pid" 2>/dev/null || return 1
    sleep 0.2
  done
}

start_engine() {
  local socket=${DOCKER_HOST:-unix:///var/run/docker.sock} log=$LAB/dockerd.log
  case $socket in
    unix://*) ;;
    *) die "no engine answers at DOCKER_HOST=$socket; unset it to have a local one started" ;;
  esac
  is_root || die "no engine answers at $socket, and only root can start one (or may you not read the socket: group docker?)"
  if [ -z "${DOCKER_HOST:-}" ]; then
    if [ -d /run/systemd/system ] && systemctl start docker >/dev/null 2>&1 && wait_engine 60; then return; fi
    # The package's own start script may have one on its way, or a stale pid file may be left from a killed one.
    if pid=$(cat /var/run/docker.pid 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ]; then
      wait_engine 30 && return
    fi
    rm -f /var/run/docker.pid
  fi
  mkdir -p "$LAB"
  # shellcheck disable=SC2086 # DOCKERD_ARGS is a list of words
  setsid dockerd -H "$socket" ${DOCKERD_ARGS:-} >"$log" 2>&1 </dev/null &
  dockerd_pid=$!
  echo "$dockerd_pid" >"$LAB/dockerd.pid"
  wait_engine 90 || { tail -15 "$log" >&2; die "dockerd did not come up at $socket (whole log: $log)"; }
  say "started dockerd (pid $dockerd_pid, log $log)"
}

main() {
  mkdir -p "$LAB"
  [ "${SETUP_RUST:-yes}" = no ] || check_rust
  # Twice: before the first install there may be no package lists, and then it is not known that docker-cli is a package.
  for _ in 1 2; do
    missing=()
    find_missing
    [ ${#missing[@]} -gt 0 ] || break
    apt_install "${missing[@]}"
  done
  engine_up || start_engine
  say "engine: $(docker version --format '{{.Server.Version}} (API {{.Server.APIVersion}})') at ${DOCKER_HOST:-the default socket}"
}
main
