#!/usr/bin/env bash
# Install the packages of system-packages.txt that are missing: as root, or through sudo. Without either, list them and
# fail. Their services are neither started nor enabled: the tests start what they need themselves.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly policy=/usr/sbin/policy-rc.d

fail() {
  printf 'parley: %s\n' "$1" >&2
  exit 1
}

list_missing() {
  local name wanted
  wanted=$(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' system-packages.txt)
  for name in $wanted; do
    [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || echo "$name"
  done
}

install_packages() { # as root
  export DEBIAN_FRONTEND=noninteractive
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  apt-get update -q
  apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
  if [ -d /run/systemd/system ]; then
    dpkg-query --listfiles "$@" | sed -n 's|.*/systemd/system/\([^@/]*\.service\)$|\1|p' |
      xargs --no-run-if-empty systemctl disable --quiet
  fi
}

main() {
  local missing
  command -v dpkg-query apt-get >/dev/null ||
    fail 'this is not Debian or Ubuntu: install what scripts/system-packages.txt names, then run `make check`.'
  mapfile -t missing < <(list_missing)
  if [ "${#missing[@]}" -eq 0 ]; then
    return
  fi
  printf 'parley: installing %s\n' "${missing[*]}" >&2
  if [ "$(id -u)" -eq 0 ]; then
    install_packages "${missing[@]}"
  elif sudo -n true 2>/dev/null || { [ -t 0 ] && command -v sudo >/dev/null; }; then
    sudo "./${0##*/}"
  else
    fail "the tests need these packages, and neither root nor sudo is there: apt-get install ${missing[*]}"
  fi
}

main
