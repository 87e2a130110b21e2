#!/usr/bin/env bash
# Compile mmcv's operators against the installed torch: build_mmcv.sh PYTHON REQUIREMENT PREFIX LOG
#
# For the CPU, and with a torch that has CUDA for GPUs too; see cuda_build.sh for what that takes and how to choose.
# PyPI has mmcv as source only. Its 78 files for the CPU spend four fifths of their compilation reading torch's headers,
# so these are compiled once, ahead (a precompiled header; g++ reads the plain one if it does not fit). -O1 is enough: the
# operators we use (NMS) are a small part of any run.
set -euo pipefail
python=$1 requirement=$2 prefix=$3 log=$4
wheels=$prefix/wheels
build=$("$(dirname "$0")/cuda_build.sh" "$python")
mapfile -t variables <<< "$build"
export "${variables[@]}"

installed() { # of the required version, for this torch, with CUDA operators just where they are wanted
  "$python" -W ignore -c '
import sys, torch, mmcv.ops
from importlib.metadata import version
compiled, (wanted, required) = mmcv.ops.get_compiling_cuda_version(), sys.argv[1:]
operators = compiled.split(".")[0] == torch.version.cuda.split(".")[0] if wanted == "1" else compiled == "not available"
sys.exit(not (operators and version("onedl-mmcv") == required))' "$FORCE_CUDA" "${requirement#*==}" 2> /dev/null
}
if installed; then
  exit 0
fi
[ "$FORCE_CUDA" = 0 ] || printf 'setup: for GPUs (%s) too, which takes far longer; TORCH_CUDA_ARCH_LIST=8.0 compiles for that alone\n' \
  "$TORCH_CUDA_ARCH_LIST" >&2

headers=$(mktemp -d)
trap 'rm -rf "$headers"' EXIT
echo '#include <torch/types.h>' > "$headers/torch_types.hpp"
flags="-O1 -g0 -w -fPIC"
export MMCV_CUDA_ARGS=-w
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
compile() { # with pip's options; pip keeps what it compiled, and does not know for which torch that was
  rm -f "$wheels"/onedl_mmcv-*.whl
  CFLAGS="$flags -include $headers/torch_types.hpp" MAX_JOBS="${MAX_JOBS:-$(nproc)}" \
    "$python" -m pip --disable-pip-version-check "$@" wheel -v --no-deps --no-build-isolation --wheel-dir "$wheels" "$requirement" \
    2>&1 | progress
  "$python" -m pip --disable-pip-version-check install --no-deps --force-reinstall "$wheels"/onedl_mmcv-*.whl >> "$log" 2>&1
}
mkdir -p "$wheels"
if [ "$FORCE_CUDA" = 0 ]; then
  compile
fi
installed || compile --no-cache-dir
installed || { echo "setup: error: mmcv was compiled, but its operators are not those of this torch" >&2; exit 2; }
