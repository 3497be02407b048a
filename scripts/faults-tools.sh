#!/usr/bin/env bash
# Build the fault proxy of `make faults` into .faults/tools. Go, which builds it, is only looked for: a toolchain is yours
# to choose.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly toxiproxy_version=v2.12.0
readonly tools=$PWD/.faults/tools
readonly stamp=$tools/toxiproxy-$toxiproxy_version

[ -x "$stamp" ] && exit
go=$(PATH=$PATH:/usr/local/go/bin command -v go) || {
  printf 'parley: Go 1.24 or newer is needed to build Toxiproxy (Debian 13: apt-get install golang-go; else https://go.dev/dl).\n' >&2
  exit 1
}
printf 'parley: building Toxiproxy %s into .faults/tools, once …\n' "$toxiproxy_version" >&2
mkdir -p "$tools"
GOBIN=$tools "$go" install "github.com/Shopify/toxiproxy/v2/cmd/server@$toxiproxy_version"
mv "$tools/server" "$stamp"
