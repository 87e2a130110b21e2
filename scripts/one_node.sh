# What the clusters of one node share. Sourced by their scripts, which set `cluster`, what their errors begin with.
# shellcheck shell=bash
fail() { printf '%s: error: %s\n' "$cluster" "$*" >&2; exit 2; }

install_missing() { # LOG COMMAND... -- PACKAGE...; the packages where one of the commands is lacking
  local log=$1 lacking=()
  shift
  while [ "$1" != -- ]; do
    command -v "$1" >/dev/null || lacking+=("$1")
    shift
  done
  shift
  [ ${#lacking[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || fail "no ${lacking[*]} here, and no apt-get to install them; install $*"
  # The packages are not to start daemons of their own.
  local policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
    trap 'rm -f /usr/sbin/policy-rc.d' RETURN EXIT
  fi
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } \
    >"$log" 2>&1 || fail "apt-get could not install $*; see $log"
}

end_daemons() { # FILE...; each has a daemon's number
  local file pid
  for file in "$@"; do
    [ -s "$file" ] || continue
    pid=$(cat "$file")
    kill "$pid" 2>/dev/null || true
    for _ in {1..80}; do kill -0 "$pid" 2>/dev/null || break; sleep 0.25; done
    kill -KILL "$pid" 2>/dev/null || true
  done
}
