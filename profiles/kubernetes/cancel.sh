#!/bin/sh
exec "$(dirname "$0")/job.sh" cancel "$@" # the plug-in calls one word, with the jobs
