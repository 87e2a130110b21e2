#!/usr/bin/env bash
# Compile mmcv's CPU operators against the installed torch: build_mmcv.sh PYTHON REQUIREMENT PREFIX LOG
#
# PyPI has mmcv as source only. Its 78 files spend four fifths of their compilation reading torch's headers, so these are
# compiled once, ahead (a precompiled header; g++ reads the plain one if it does not fit). -O1 is enough: the
# operators we use (NMS) are a small part of any run.
set -euo pipefail
python=$1 requirement=$2 prefix=$3 log=$4
wheels=$prefix/wheels
installed=$("$python" -m pip freeze 2>/dev/null | grep -E '^onedl-mmcv' || true)
if [ -n "$installed" ] && "$python" -W ignore -c 'import mmcv.ops' 2>/dev/null \
  && [ "$("$python" -c 'from importlib.metadata import version; print(version("onedl-mmcv"))')" = "${requirement#*==}" ]; then
  exit 0
fi

headers=$(mktemp -d)
trap 'rm -rf "$headers"' EXIT
echo '#include <torch/types.h>' > "$headers/torch_types.hpp"
flags="-O1 -g0 -w -fPIC"
include=$("$python" -W ignore -c '
import sysconfig, torch.utils.cpp_extension as c
print(" ".join(f"-I{p}" for p in [*c.include_paths(), sysconfig.get_paths()["include"]]))' 2>/dev/null)
standard=-std=c++17 # mmcv's own choice for torch 2
compiler=${CXX:-c++}
$compiler $flags $standard $include -DTORCH_API_INCLUDE_EXTENSION_H -DTORCH_EXTENSION_NAME=_ext \
  -x c++-header "$headers/torch_types.hpp" -o "$headers/torch_types.hpp.gch" >> "$log" 2>&1 || true

progress() { # ninja's "[12/78] ..." lines, as one moving line on a terminal and every thirteenth one elsewhere
  awk -v tty="$([ -t 2 ] && echo 1 || echo 0)" '
    { print >> log_file }
    match($0, /^ *\[[0-9]+\/[0-9]+\]/) {
      split(substr($0, RSTART, RLENGTH), part, /[^0-9]+/)
      if (tty) printf "\rsetup: compiled %s of %s files", part[2], part[3] > "/dev/stderr"
      else if (part[2] % 13 == 0) printf "setup: compiled %s of %s files\n", part[2], part[3] > "/dev/stderr"
      fflush("/dev/stderr")
    }
    END { if (tty) printf "\n" > "/dev/stderr" }' log_file="$log"
}
mkdir -p "$wheels"
CFLAGS="$flags -include $headers/torch_types.hpp" MAX_JOBS="${MAX_JOBS:-$(nproc)}" \
  "$python" -m pip --disable-pip-version-check wheel -v --no-deps --no-build-isolation --wheel-dir "$wheels" "$requirement" 2>&1 | progress
"$python" -m pip --disable-pip-version-check install --no-deps --force-reinstall "$wheels"/onedl_mmcv-*.whl >> "$log" 2>&1
