#!/usr/bin/env bash
# Make .venv as uv.lock says: `environment.sh run` for what Parley needs, `environment.sh dev` with the development
# tools. When nothing changed since the last time it only compares a stamp: no uv, no network, a few milliseconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly kind=${1:?run or dev}
readonly oldest_uv=0.8
readonly uv_requirement='uv>=0.13,<0.14'

fail() {
  printf 'parley: %s\n' "$1" >&2
  exit 1
}

find_python() {
  local candidate found
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    # The base executable, because .venv may be the activated one and about to be replaced.
    if found=$("$candidate" -c 'import sys; print(sys._base_executable); sys.exit(sys.version_info < (3, 11))' \
      2>/dev/null); then
      printf '%s\n' "$found"
      return
    fi
  done
  fail 'Python 3.11 or newer is needed and none is on PATH (Debian, Ubuntu: apt-get install python3 python3-venv).'
}

has_modules() { # has_modules PYTHON MODULE…
  "$1" -c 'import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]' "${@:2}" 2>/dev/null
}

is_recent() { # is_recent UV: whether it runs and reads our lock file
  local version
  version=$("$1" --version 2>/dev/null) || return 1
  read -r _ version _ <<<"$version"
  [ "$(printf '%s\n' "$oldest_uv" "$version" | sort -V | head -n 1)" = "$oldest_uv" ]
}

find_uv() { # find_uv PYTHON: the one on PATH, else our own in .uv
  local pip_options=(--quiet --no-input --no-cache-dir --disable-pip-version-check)
  if is_recent uv; then
    command -v uv
    return
  fi
  if ! is_recent .uv/bin/uv; then
    rm -rf .uv
    if has_modules "$1" venv ensurepip; then
      "$1" -m venv .uv && .uv/bin/python -m pip install "${pip_options[@]}" "$uv_requirement" >&2 ||
        fail 'uv could not be installed from the package index: see the lines above.'
    elif has_modules "$1" pip; then
      "$1" -m pip install "${pip_options[@]}" --target .uv "$uv_requirement" >&2 ||
        fail 'uv could not be installed from the package index: see the lines above.'
    else
      fail "$1 has neither venv nor pip (Debian, Ubuntu: apt-get install python3-venv)."
    fi
  fi
  printf '%s\n' .uv/bin/uv
}

main() {
  local wanted stamp python uv
  wanted=$(cksum uv.lock pyproject.toml)
  # Scripts in .venv name their interpreter by full path, so a checkout that was moved or copied starts afresh.
  if [ -x .venv/bin/python ] && grep -qsF "$PWD/.venv/bin/" .venv/bin/parley; then
    for stamp in .venv/.parley-dev ".venv/.parley-$kind"; do
      if [ -f "$stamp" ] && [ "$(<"$stamp")" = "$wanted" ]; then
        return
      fi
    done
  else
    rm -rf .venv
  fi

  printf 'parley: making the environment in .venv, once …\n' >&2
  python=$(find_python)
  uv=$(find_uv "$python")
  unset VIRTUAL_ENV
  export UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=.venv
  [ -w "${HOME:-/nonexistent}" ] || export UV_CACHE_DIR=$PWD/.uv/cache
  if [ "$kind" = dev ]; then
    "$uv" sync --quiet --locked --python "$python"
  else
    "$uv" sync --quiet --locked --python "$python" --no-dev --inexact --compile-bytecode
  fi || fail 'the environment could not be made: see the lines above.'
  printf '%s\n' "$wanted" >".venv/.parley-$kind"
}

main
