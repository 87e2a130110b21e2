#!/usr/bin/env bash
# What the runtime tests need beside .venv, each in a folder of its own under .runtimes: two OpenCVs exclude each other.
set -euo pipefail
cd "$(dirname "$0")/.."
fail() { printf 'test-runtimes: error: %s\n' "$*" >&2; exit 2; }

into() {
  local folder=.runtimes/$1
  shift
  [ -f "$folder/whole" ] && return
  rm -rf "$folder"
  python -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder" "$@" ||
    fail "pip could not install $* into $folder"
  touch "$folder/whole"
}
into openvino openvino==2026.4.1
into onnxsim onnxsim==0.8.1
into onnxslim onnxslim==0.1.98 colorama
into opencv4 opencv-python-headless==4.14.0.94
into opencv5 opencv-python-headless==5.0.0.93
