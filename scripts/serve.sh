#!/usr/bin/env bash
# `make serve`: make the environment, then run `parley serve` with the arguments given.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/environment.sh run

read -r _ _ _ _ group _ _ foreground _ <"/proc/$$/stat"
if [ "$group" != "$foreground" ]; then # no terminal, or in its background
  exec .venv/bin/parley serve "$@"
fi

# On a terminal Parley gets a process group of its own, so that Ctrl-C reaches Parley alone: make dies of SIGINT with
# status 130 whatever its recipe answers. Should this script die first, the kernel asks Parley to stop.
status=0
set -m
setpriv --pdeathsig TERM .venv/bin/parley serve "$@" || status=$?
while [ -n "$(jobs -s)" ]; do # Ctrl-Z stopped Parley: stop with it, and go on with it
  kill -STOP 0
  status=0
  fg >/dev/null || status=$?
done
exit "$status"
