#!/usr/bin/env bash
# Unpack a package of another Debian release and all that it depends on into a folder: `unpack-package.sh RELEASE
# PACKAGE FOLDER`. Nothing is installed or started, and nobody needs to be root. apt checks the release's signature and
# each package's checksum; the newest packages of the release are taken, also from a mirror that has stood still.
set -euo pipefail

readonly release=$1 package=$2 folder=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  printf 'parley: %s\n' "$1" >&2
  exit 1
}

find_mirror() { # where this machine has its own packages from
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | sed -n 1p
}

configure() { # configure MIRROR: an apt of its own, on which nothing is installed yet
  mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $1 $release main" >"$work/sources.list"
  cat >"$work/apt.conf" <<END
Dir::State "$work/state";
Dir::State::status "/dev/null";
Dir::Cache "$work/cache";
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "/dev/null";
APT::Install-Recommends "false";
APT::Sandbox::User "";
pkgCacheGen::Essential "none";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
END
  export APT_CONFIG=$work/apt.conf
}

main() {
  local mirror archive link target
  mirror=$(find_mirror)
  [ -n "$mirror" ] || fail 'apt knows no Debian mirror here: run `apt-get update` first, on Debian.'
  configure "$mirror"
  apt-get update -q
  apt-get install -q -y --download-only "$package"
  for archive in "$work"/cache/archives/*.deb; do
    dpkg-deb --extract "$archive" "$folder"
  done
  find "$folder" -type l -lname '/*' -printf '%p\t%l\n' | while IFS=$'\t' read -r link target; do
    ln -sfnr "$folder$target" "$link"
  done
}

main
