#!/bin/sh
exec "$(dirname "$0")/queue.sh" cancel "$@" # the plug-in calls one word, with the jobs
