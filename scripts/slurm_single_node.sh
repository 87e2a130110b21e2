#!/usr/bin/env bash
# A Slurm of one node on this machine, to try the cluster profile with: two partitions (main, gpu), 4 CPUs, 8 GB and two
# GPUs, all as Slurm believes. Debian, as root; no systemd, no cgroups, no accounting (then `squeue` tells of jobs' ends).
#   scripts/slurm_single_node.sh install   packages, where they are not there
#   scripts/slurm_single_node.sh start     the daemons; all they write lies in /tmp/anchorprune-slurm and /etc/slurm
#   scripts/slurm_single_node.sh stop      ends what `start` has started, and its jobs
set -euo pipefail
state=/tmp/anchorprune-slurm
mark="# anchorprune's cluster of one node"
daemons=("$state/slurmd.pid" "$state/slurmctld.pid" "$state/munged.pid")
cluster=slurm
. "$(dirname "$0")/one_node.sh"

[ "$(id -u)" -eq 0 ] || fail "needs root, to install Slurm, start it and make a user (this is $(id -un)); run it as root"
unset SLURM_CONF # the jobs' own srun does not hear of it: the configuration has to lie where Slurm looks by itself

install_packages() {
  install_missing /tmp/anchorprune-slurm-install.log munged slurmctld slurmd sbatch setpriv -- munge slurmctld slurmd slurm-client
}

write_configuration() {
  [ ! -e /etc/slurm/slurm.conf ] || grep -qxF "$mark" /etc/slurm/slurm.conf ||
    fail "/etc/slurm/slurm.conf is of another cluster; use a machine without Slurm"
  local host
  host=$(hostname -s)
  mkdir -p /etc/slurm "$state"/{state,spool,log,gpus}
  ln -sf /dev/null "$state/gpus/nvidia0" # a GPU has to have a device; any will do
  ln -sf /dev/zero "$state/gpus/nvidia1"
  echo "NodeName=$host Name=gpu Type=fake File=$state/gpus/nvidia[0-1] Flags=nvidia_gpu_env" >/etc/slurm/gres.conf
  echo "CgroupAutomount=no" >/etc/slurm/cgroup.conf
  cat >/etc/slurm/slurm.conf <<CONF
$mark
ClusterName=anchorprune
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$state/munge.socket
CredType=cred/munge
StateSaveLocation=$state/state
SlurmdSpoolDir=$state/spool
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/slurmd.pid
SlurmctldLogFile=$state/log/slurmctld.log
SlurmdLogFile=$state/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
# Each second's memory against what was asked for; what has more is killed, and counts as failed.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
MinJobAge=3600
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
CompleteWait=0
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 Boards=1 SocketsPerBoard=1 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=8000 Gres=gpu:fake:2
PartitionName=main Nodes=$host Default=YES DefaultTime=10 MaxTime=1-00:00:00 State=UP
PartitionName=gpu Nodes=$host DefaultTime=10 MaxTime=1-00:00:00 State=UP
CONF
}

start() {
  write_configuration
  chown munge: "$state" # its socket and its files
  if [ ! -s "$state/munge.key" ]; then
    runuser -u munge -- sh -c "umask 077 && head -c 128 /dev/urandom >$state/munge.key"
  fi
  runuser -u munge -- munged --key-file="$state/munge.key" --socket="$state/munge.socket" \
    --pid-file="$state/munged.pid" --log-file="$state/munged.log" --seed-file="$state/munged.seed"
  slurmctld -c
  slurmd -N "$(hostname -s)"
  for _ in {1..60}; do
    [ "$(sinfo --noheader --partition main --format %T 2>/dev/null)" = idle ] && return
    sleep 0.5
  done
  tail -n 20 "$state"/log/*.log >&2
  fail "the node does not come up; its logs are above"
}

stop() {
  scancel --state=PENDING --state=RUNNING 2>/dev/null || true
  end_daemons "${daemons[@]}"
  grep -qxF "$mark" /etc/slurm/slurm.conf 2>/dev/null && rm -f /etc/slurm/{slurm,gres,cgroup}.conf
  rm -rf "$state"
}

case "${1:-}" in
  install) install_packages ;;
  start) start ;;
  stop) stop ;;
  *) fail "usage: $0 install|start|stop" ;;
esac
