#!/bin/sh
# What a cluster's queue is asked: queue.sh submit THREADS MB MINUTES GPUS NAME SCRIPT; status ID; cancel ID...
system=pbs # pbs (OpenPBS, PBS Pro), sge (Grid Engine) or lsf
options="" # for every job, in the queue's own words: -q QUEUE -A ACCOUNT

# A job notes its status here, so that no accounts are asked for; one that left the queue without a note was killed.
notes=$PWD/.snakemake/queue
logs=$PWD/results/queue # the queue's own logs, apart from the jobs'

# shellcheck disable=SC2086,SC2046 # options are words
submit() { # a job's script; prints the queue's answer
  case $system in
    pbs) qsub -V $options -N "$name" -j oe -o "$logs" -l "walltime=$((minutes * 60))" \
      -l "select=1:ncpus=$threads:mem=${mb}mb$([ "$gpus" -eq 0 ] || echo ":ngpus=$gpus")" "$1" ;;
    sge) qsub -V -terse $options -N "$name" -j y -o "$logs" -pe smp "$threads" -l "h_rt=$((minutes * 60))" \
      -l "mem_free=$((mb / threads))M" $([ "$gpus" -eq 0 ] || echo -l "gpu=$gpus") "$1" ;;
    lsf) bsub $options -J "$name" -oo "$logs/%J" -n "$threads" -R "span[hosts=1]" -W "$minutes" \
      -M "${mb}MB" -R "rusage[mem=${mb}MB]" $([ "$gpus" -eq 0 ] || echo -gpu "num=$gpus") < "$1" ;;
  esac
}

is_queued() { # waiting or running; so is what a queue that does not answer has
  case $system in
    pbs) case $(qstat "$1" 2>&1) in *Unknown* | *finished*) return 1 ;; esac ;;
    sge) # a job that could not be started would wait in error for ever
      case $(qstat -j "$1" 2>&1) in
        *"do not exist"*) return 1 ;;
        *"error reason"*) qdel "$1" > /dev/null; return 1 ;;
      esac ;;
    lsf) case $(bjobs -noheader -o stat "$1" 2>&1) in *DONE* | *EXIT* | *"not found"*) return 1 ;; esac ;;
  esac
}

verb=$1
shift
case $verb in
  submit)
    threads=$1 mb=$2 minutes=$3 gpus=$4 name=$5 script=$6
    mkdir -p "$notes" "$logs" || exit 1
    cat > "$script.queued" << END
#!/bin/sh
(
$(cat "$script")
)
status=\$?
note='$notes'/\${PBS_JOBID:-\${JOB_ID:-\$LSB_JOBID}}
echo \$status > "\$note.partial" && mv "\$note.partial" "\$note"
exit \$status
END
    answer=$(submit "$script.queued") || exit 1
    case $system in
      lsf) expr "$answer" : 'Job <\([0-9]*\)>' ;;
      *) echo "$answer" ;;
    esac
    ;;
  status)
    for seconds in 0 5 10 15; do # a note may take as long to be seen here
      sleep $seconds
      [ ! -e "$notes/$1" ] || break
      ! is_queued "$1" || { echo running && exit; }
    done
    if [ "$(cat "$notes/$1" 2> /dev/null)" = 0 ]; then echo success; else echo failed; fi
    ;;
  cancel)
    case $system in lsf) bkill "$@" ;; *) qdel "$@" ;; esac
    ;;
esac
