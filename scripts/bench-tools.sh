#!/usr/bin/env bash
# Install the load generators of `make bench`: wrk (ceilings) from the system's packages, oha (percentiles) built into
# .bench/tools. Building takes minutes of both cores, so it happens once and at the lowest priority. Go, which builds two
# of the peers, is only looked for: a toolchain is yours to choose.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly oha_version=1.16.0
readonly tools=.bench/tools

fail() {
  printf 'parley: %s\n' "$1" >&2
  exit 1
}

find_go() {
  PATH=$PATH:/usr/local/go/bin command -v go >/dev/null ||
    fail 'Go 1.24 or newer is needed for two peers (Debian 13: apt-get install golang-go; else https://go.dev/dl).'
}

install_wrk() {
  command -v wrk >/dev/null && return
  if [ "$(id -u)" -eq 0 ]; then
    apt-get update -q && apt-get install -q -y --no-install-recommends wrk
  else
    sudo -n apt-get install -q -y --no-install-recommends wrk
  fi || fail 'wrk could not be installed: apt-get install wrk (as root), or build it from its source.'
}

install_oha() {
  [ "$("$tools/bin/oha" --version 2>/dev/null)" = "oha $oha_version" ] && return
  command -v cargo >/dev/null || fail 'Rust is needed to build oha (Debian 13: apt-get install cargo; else https://rustup.rs).'
  printf 'parley: building oha %s into %s, once: some minutes …\n' "$oha_version" "$tools" >&2
  mkdir -p "$tools"
  CARGO_TARGET_DIR=$PWD/$tools/target nice -n 19 cargo install "oha@$oha_version" --quiet --locked \
    --no-default-features --features rustls --root "$tools"
  rm -rf "$tools/target"
}

find_go
install_wrk
install_oha
