#!/usr/bin/env bash
# Set up .venv with the locked dependencies. Safe to run again: what is done is skipped, what was cut off is repaired.
#   scripts/setup.sh           into .venv
#   scripts/setup.sh --here    into the Python environment that is active (conda)
set -euo pipefail
cd "$(dirname "$0")/.."
lock=requirements.lock
say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "error: $*"; exit 2; }

command -v g++ >/dev/null || fail "no C++ compiler; install g++ (Debian: apt-get install g++)"
if [ "${1:-}" = --here ]; then
  python=$(command -v python) || fail "no active Python"
else
  base=$(command -v "${PYTHON:-python3}") || fail "no Python; install Python 3.11"
  "$base" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$base is older than Python 3.11; set PYTHON="
  .venv/bin/python -c '' 2>/dev/null || { rm -rf .venv; say "making .venv"; "$base" -m venv .venv; }
  python=$PWD/.venv/bin/python
fi
prefix=$("$python" -c 'import sys; print(sys.prefix)')
export PATH=$prefix/bin:$PATH
# What was set up, and for which torch: a CUDA build in the place of a CPU build wants other operators.
stamp() { echo "$prefix/.anchorprune-$(cat "$lock" pyproject.toml scripts/*.sh "$prefix"/lib/python3*/site-packages/torch/version.py \
  2> /dev/null | cksum | cut -d' ' -f1)"; }
if [ -e "$(stamp)" ] && [ -z "${FORCE_CUDA:-}" ]; then
  exit 0
fi
headers=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
[ -e "$headers/Python.h" ] || fail "no Python headers in $headers; install them (Debian: apt-get install python3-dev)"

log=$prefix/anchorprune-setup.log
: > "$log"
trap 'status=$?; [ $status -eq 0 ] || { tail -n 20 "$log" >&2; say "failed; the whole log is in $log; run it again to go on"; }' EXIT
pip() { "$python" -m pip --disable-pip-version-check "$@" >> "$log" 2>&1; }
# The lock lists every package, so nothing is left to resolve: --no-deps also keeps out the second and third OpenCV
# that imaug and mmcv ask for (opencv-python needs a display's libraries; the headless one serves all of them).
locked() { pip install --no-deps "$@"; }

say "1/4 torch (about 1 minute)"
locked $(grep -E '^(torch|setuptools|wheel|packaging|ninja|numpy|typing_extensions|sympy|mpmath|networkx|Jinja2|MarkupSafe|filelock|fsspec)==' "$lock")
"$python" -c 'import torch' >> "$log" 2>&1 || pip install "$(grep '^torch==' "$lock")"  # a CUDA build has more parts
scripts/cuda_build.sh "$python" > /dev/null # what mmcv will lack is said now
say "2/4 the other packages (about 1 minute)"
others=$(mktemp)
grep -vE '^(torch|onedl-mmcv)==' "$lock" > "$others"
locked -r "$others"
rm -f "$others"
say "3/4 mmcv, compiled here: 3 to 7 minutes on two cores"
scripts/build_mmcv.sh "$python" "$(grep '^onedl-mmcv==' "$lock")" "$prefix" "$log"
say "4/4 anchorprune"
# Compat: Snakemake looks for its plug-ins on the path, where the usual editable form does not put them.
pip install --no-deps --no-build-isolation --config-settings editable_mode=compat -e .
"$python" -W ignore -c 'import mmcv.ops, mmdet, anchorprune' >> "$log" 2>&1
touch "$(stamp)"
say "done"
