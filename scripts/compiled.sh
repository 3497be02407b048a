#!/usr/bin/env bash
# Make .compiled: Parley with the path of a create compiled, as the image has it, and the development tools, as uv.lock
# says. When nothing changed since the last time it only compares a stamp. It compiles a copy: compiled modules in src
# would stand before their own source.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly sources=(pyproject.toml uv.lock README.md LICENSE src)
# Says which interpreter it is and ends with 0 if it was built with profile-guided optimisation, which makes Parley 10 to
# 15 % faster. What a distribution ships is, and need not say so; what pyenv builds is not, unless it was asked to.
readonly look='
import pathlib, sys, sysconfig
if sys.version_info < (3, 11) or not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists():
    sys.exit(2)
print(sys._base_executable)
sys.exit(sys.base_prefix != "/usr" and "--enable-optimizations" not in (sysconfig.get_config_var("CONFIG_ARGS") or ""))
'

fail() {
  printf 'parley: %s\n' "$1" >&2
  exit 1
}

find_python() { # the first that is optimised, else the first that has its headers
  local candidate found usual=
  for candidate in python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3; do
    if found=$("$candidate" -c "$look" 2>/dev/null); then
      printf '%s\n' "$found"
      return
    fi
    usual=${usual:-$found}
  done
  [ -n "$usual" ] || fail 'no Python from 3.11 on has its headers (Debian, Ubuntu: apt-get install python3-dev).'
  printf '%s\n' "$usual"
}

main() {
  local wanted python uv
  wanted=$(find "${sources[@]}" "${BASH_SOURCE[0]#"$PWD/"}" -type f ! -name '*.pyc' -print0 | sort -z | xargs -0 cksum)
  if [ "$(cat .compiled/.parley-compiled 2>/dev/null)" = "$wanted" ] &&
    grep -qsF "$PWD/.compiled/bin/" .compiled/bin/parley; then
    return
  fi

  command -v cc >/dev/null || fail 'a C compiler is needed (Debian, Ubuntu: apt-get install gcc libc6-dev).'
  uv=$(PATH=$PWD/.uv/bin:$PATH command -v uv) || fail 'uv is missing: `make environment` installs it.'
  python=$(find_python)
  printf 'parley: compiling into .compiled with %s, a minute or two …\n' "$python" >&2
  copy=$(mktemp -d)
  trap 'rm -rf "$copy"' EXIT
  cp -R "${sources[@]}" "$copy"
  rm -rf .compiled
  unset VIRTUAL_ENV
  export UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=$PWD/.compiled HATCH_BUILD_HOOK_ENABLE_MYPYC=1
  [ -w "${HOME:-/nonexistent}" ] || export UV_CACHE_DIR=$PWD/.uv/cache
  "$uv" sync --quiet --locked --no-editable --compile-bytecode --project "$copy" --python "$python" ||
    fail 'the compiled environment could not be made: see the lines above.'
  printf '%s\n' "$wanted" >.compiled/.parley-compiled
}

main
