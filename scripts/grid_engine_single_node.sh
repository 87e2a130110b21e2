#!/usr/bin/env bash
# A Grid Engine of one node on this machine, to try the profile `generic` with: a queue main.q, a parallel environment smp,
# 4 slots, 8 GB and two GPUs, all as it believes. Debian, as root; no systemd. Its users set
# SGE_ROOT=/tmp/anchorprune-grid-engine.
#   scripts/grid_engine_single_node.sh install   packages, where they are not there
#   scripts/grid_engine_single_node.sh start     the daemons; all they write lies in /tmp/anchorprune-grid-engine
#   scripts/grid_engine_single_node.sh stop      ends what `start` has started, and its jobs
set -euo pipefail
state=/tmp/anchorprune-grid-engine
host=$(hostname)
export SGE_ROOT=$state SGE_CELL=default
cluster="grid engine"
. "$(dirname "$0")/one_node.sh"

[ "$(id -u)" -eq 0 ] || fail "needs root, to install Grid Engine, start it and run a user's jobs (this is $(id -un)); run it as root"

install_packages() {
  install_missing /tmp/anchorprune-grid-engine-install.log sge_qmaster sge_execd qsub -- \
    gridengine-master gridengine-exec gridengine-client
}

make_cell() { # a cell of its own, which knows this machine by one name, whatever /etc/hosts calls it
  local common=$state/default/common
  mkdir -p "$common" "$state"/{spool/qmaster,spool/execd,spool/database}
  ln -s /usr/share/gridengine/util "$state/util"
  echo "$host" >"$common/act_qmaster"
  echo "$host localhost $(hostname -s).localdomain" >"$common/host_aliases"
  sed "s|/var/spool/gridengine/spooldb|$state/spool/database|; s|/var/spool/gridengine|$state/spool|" \
    /usr/share/gridengine/default-bootstrap >"$common/bootstrap"
  chown -R sgeadmin: "$state"
  runuser -u sgeadmin -- /usr/share/gridengine/scripts/init_cluster "$state" default "$state/spool/database" sgeadmin
}

describe() { # hosts, the parallel environment, the queue, and what jobs may ask for
  local -r into=$state/described
  mkdir -p "$into"
  qconf -as "$host"
  printf 'group_name @allhosts\nhostlist %s\n' "$host" >"$into/group"
  qconf -Ahgrp "$into/group"
  printf '%s\n' "pe_name smp" "slots 99" "user_lists NONE" "xuser_lists NONE" "start_proc_args NONE" \
    "stop_proc_args NONE" 'allocation_rule $pe_slots' "control_slaves FALSE" "job_is_first_task TRUE" \
    "urgency_slots min" "accounting_summary FALSE" "qsort_args NONE" >"$into/environment"
  qconf -Ap "$into/environment"
  qconf -sq | sed 's/^qname .*/qname main.q/; s/^hostlist .*/hostlist @allhosts/; s/^slots .*/slots 4/
    s/^pe_list .*/pe_list smp/; s/^shell .*/shell \/bin\/sh/; s/^load_thresholds .*/load_thresholds NONE/
    s/^shell_start_mode .*/shell_start_mode unix_behavior/' >"$into/queue"
  qconf -Aq "$into/queue"
  # memory is a consumable of each slot, GPUs of the job
  qconf -sc | sed 's/^mem_free .*/mem_free mf MEMORY <= YES YES 0 0/' >"$into/complexes"
  echo "gpu gpu INT <= YES JOB 0 0" >>"$into/complexes"
  qconf -Mc "$into/complexes"
  qconf -ssconf | sed 's/^schedule_interval .*/schedule_interval 0:0:1/' >"$into/scheduler"
  qconf -Msconf "$into/scheduler"
  qconf -sconf | sed "s|^execd_spool_dir .*|execd_spool_dir $state/spool/execd|" >"$into/global"
  qconf -Mconf "$into/global" # a configuration has its file's name
}

start() {
  command -v sge_qmaster >/dev/null || fail "no Grid Engine here; first: $0 install"
  [ ! -e "$state" ] || fail "$state is there; first: $0 stop"
  ulimit -n 4096 # it makes room for as many connections
  local -r log=/tmp/anchorprune-grid-engine-start.log
  trap '[ $? -eq 0 ] || echo "grid engine: error: it does not start; see '$log'" >&2' EXIT
  make_cell >"$log" 2>&1
  sge_qmaster </dev/null >>"$log" 2>&1
  for _ in {1..60}; do qconf -sh >/dev/null 2>&1 && break; sleep 0.5; done
  describe >>"$log" 2>&1
  sge_execd </dev/null >>"$log" 2>&1
  for _ in {1..60}; do
    if qhost -h "$host" 2>/dev/null | grep -q lx-amd64; then
      qconf -mattr exechost complex_values gpu=2,mem_free=8G "$host" >/dev/null
      return
    fi
    sleep 0.5
  done
  tail -n 20 "$state"/spool/*/messages "$state"/spool/execd/*/messages >&2
  fail "the node does not come up; its logs are above"
}

stop() {
  qdel -f -u '*' >/dev/null 2>&1 || true
  { qconf -ke "$host" && qconf -km; } >/dev/null 2>&1 || true
  end_daemons "$state"/spool/qmaster/qmaster.pid "$state"/spool/execd/*/execd.pid
  rm -rf "$state"
}

case "${1:-}" in
  install) install_packages ;;
  start) start ;;
  stop) stop ;;
  *) fail "usage: $0 install|start|stop" ;;
esac
